"""Sweeps of a stand-in: what is stored and said, what runs again, how failures are kept."""

import json
import pickle
import re
import shutil
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments.conducting import UsageError
from experiments.registry import EXPERIMENTS as REAL
from experiments.stored import readRun
from experiments.sweeps.grid import gridOf
from experiments.sweeps.store import Store
from tests.experiments.sweeps.comparing import Words, contentOf, swept
from tests.experiments.sweeps.stand import STAND

GRID = ("size=1,2", "names=a,[b,c]")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep of twelve cells that nothing disturbed."""
    root = tmp_path_factory.mktemp("whole") / "sweep"
    assert swept(root, *GRID, seeds=3) == 0
    return root


@pytest.fixture
def copy(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "copy")


def cellsOf(root):
    return sorted(Store(root).stored())


# What is stored


def test_eachCellIsARunsFolder(whole):
    grid = gridOf(STAND, {"size": ["1", "2"], "names": ["a", "[b,c]"]}, seeds=3)
    cells = {cell.key: cell for cell in grid.cells()}
    assert cellsOf(whole) == sorted(cells)
    assert sorted(path.name for path in whole.iterdir()) == [
        "cells", "grids", "index.sqlite", "sweep.json",
    ]  # fmt: skip
    for key, cell in cells.items():
        run = readRun(Store(whole).folderOf(key))
        assert run.experiment == "stand-in"
        assert run.config == json.loads(json.dumps(cell.fields))
        assert run.manifest["seed"] == cell.fields["seed"]
        assert run.manifest["cell"] == key


def test_theNumberOfWorkersChangesNoBit(whole, tmp_path):
    assert swept(tmp_path / "one", *GRID, seeds=3, workers=1) == 0
    assert contentOf(tmp_path / "one") == contentOf(whole)


def test_contentsThatDifferAreTold(whole, copy):
    path = next(copy.glob("cells/*/*/manifest.json"))
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "seconds": 1e9, "command": ["x"]}))
    assert contentOf(copy) == contentOf(whole)
    path.write_text(json.dumps({**facts, "seed": 9}))
    assert contentOf(copy) != contentOf(whole)


def test_loadGivesARowForEachCellAndMeasurement(whole):
    loaded = experiments.load(whole)
    assert loaded.experiment == "stand-in"
    assert len(loaded.cells) == 12
    assert len(loaded.table) == 12 * 2
    for key in cellsOf(whole):  # the slow way
        run = readRun(Store(whole).folderOf(key))
        rows = loaded.table[loaded.table["cell"] == key].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows[list(run.table)], run.table, check_exact=True)
        assert (rows["size"] == run.config["size"]).all()
        assert (rows["seed"] == run.config["seed"]).all()
        assert (rows["names"] == ("a" if run.config["names"] == ["a"] else "[b,c]")).all()
        assert list(loaded.arrays[key]) == ["samples"]
        assert np.array_equal(loaded.arrays[key]["samples"], run.arrays["samples"])
        assert json.loads(loaded.cells.loc[key, "reasons"]) == run.manifest["reasons"]
    assert loaded.axes == {"size": [1, 2], "names": ["[b,c]", "a"], "seed": [0, 1, 2]}
    assert loaded.failures.empty
    assert [count for _, count in loaded.origins] == [12]
    with pytest.raises(KeyError, match="no cell 'x' is stored"):
        loaded.arrays["x"]


def test_aFieldThatTheTableHasTooIsKeptApart(tmp_path):
    root = tmp_path / "sweep"
    assert swept(root, "kind=plain,odd") == 0
    table = experiments.load(root).table
    assert set(zip(table["config.kind"], table["kind"], strict=True)) == {
        ("plain", "pl"), ("odd", "od"),
    }  # fmt: skip


@pytest.mark.parametrize("where", ["nothing", "empty", "file"])
def test_loadRefusesWhatIsNoSweep(tmp_path, where):
    path = tmp_path / where
    {"nothing": lambda: None, "empty": path.mkdir, "file": path.touch}[where]()
    with pytest.raises(ValueError, match="holds no sweep"):
        experiments.load(path)
    with pytest.raises(TypeError, match="folder must be the path of a sweep's"):
        experiments.load(3)


def test_everyExperimentCanBeGivenToAWorker():
    for experiment in REAL.values():
        assert pickle.loads(pickle.dumps(experiment)) == experiment


# What runs again


def test_whatIsStoredNeverRunsAgain(whole, copy):
    before = {path: path.stat().st_mtime_ns for path in copy.glob("cells/*/*/*")}
    console = Words()
    assert swept(copy, "size=1,2,3", "names=a,[b,c]", seeds=3, console=console) == 0
    assert "18 cells" in console.text
    assert "6 to run" in console.text
    assert "6 stored now, 12 before" in console.text
    assert len(cellsOf(copy)) == 18
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(experiments.load(copy).grids) == 2


def test_oneIsNoPlural(tmp_path):
    console = Words()
    assert swept(tmp_path / "sweep", "size=1", seeds=1, workers=1, console=console) == 0
    assert "stand-in: 1 cell (1 size x 1 seed), 1 to run by 1 worker (" in console.text
    assert "1 cell in 0:" in console.text
    assert not re.search(r"\b1 (cells|workers)\b", console.text)


def test_otherCodeIsNoticedAndSaid(copy):
    for path in sorted(copy.glob("cells/*/*/manifest.json"))[:5]:
        facts = json.loads(path.read_text())
        facts |= {"code": "0123456789ab", "versions": {**facts["versions"], "numpy": "1.0"}}
        path.write_text(json.dumps(facts))
    console = Words()
    assert swept(copy, *GRID, seeds=3, console=console) == 0
    assert "Kept: 5 stored cells, made otherwise: code 0123456789ab" in console.text
    assert "numpy 1.0, now" in console.text
    assert "0 stored now, 12 before" in console.text


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "table.csv").write_text(""),
        lambda folder: (folder / "arrays.npz").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "config.json").write_text("{}"),
        lambda folder: [path.unlink() for path in folder.iterdir()],
        lambda folder: folder.rename(folder.with_name(folder.name[:2] + "x")),
    ],
)
@pytest.mark.parametrize("isIndexed", [True, False])
def test_aDamagedCellIsSetAsideAndRunAgain(whole, copy, damage, isIndexed):
    key = cellsOf(copy)[4]
    damage(Store(copy).folderOf(key))
    if not isIndexed:
        (copy / "index.sqlite").unlink()
    isThere = any(copy.glob("cells/*/*x")) or Store(copy).holds(key)
    with pytest.warns(UserWarning, match="1 damaged cell of .* left out"):
        assert len(experiments.load(copy).cells) == 11
    console = Words()
    assert swept(copy, *GRID, seeds=3, console=console) == 0
    assert ("Damaged, moved to" in console.text) == isThere
    assert "1 stored now, 11 before" in console.text
    assert contentOf(copy) == contentOf(whole)


def garbled(content):
    """The first page of a database, and nothing that can be read behind it."""
    return content[:4096] + b"x" * (len(content) - 4096)


@pytest.mark.parametrize(
    "change", [lambda content: b"", lambda content: b"x" * 5000, garbled, lambda content: None]
)
def test_theIndexIsMadeAnew(whole, copy, change):
    index = copy / "index.sqlite"
    content = change(index.read_bytes())
    index.unlink() if content is None else index.write_bytes(content)
    one, two = experiments.load(whole), experiments.load(copy)
    pd.testing.assert_frame_equal(one.table, two.table)
    pd.testing.assert_frame_equal(one.cells, two.cells)


# What is refused, before anything is written


@pytest.mark.parametrize(
    ("grid", "options", "message"),
    [
        ([], {}, "the grid is empty"),
        (["size=0"], {}, "size must be at least 1"),
        (["size=1"], {"workers": 0}, "workers must be at least 1. Received: 0"),
        (["size=1"], {"workers": 1.5}, "workers must be a whole number"),
        (["size=1"], {"threads": -1}, "threads must be at least 1"),
        (["size=1"], {"threads": 0}, "threads must be at least 1"),
        (["size=1"], {"cluster": "slurn"}, "Did you mean 'slurm'"),
        (["size=1"], {"cluster": "kubernetes"}, "Install the extra: pip install .*kubernetes"),
        (["size=1"], {"cluster": "slurm"}, "Install the extra: pip install .*jobqueue"),
        (["size=1"], {"cluster": "mpi"}, "Install the extra: pip install .*mpi"),
    ],
)
def test_badRequestsAreRefused(tmp_path, monkeypatch, grid, options, message):
    for package in ("dask_kubernetes", "dask_jobqueue", "mpi4py"):
        monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(UsageError, match=message):
        swept(tmp_path / "sweep", *grid, **options)
    assert list(tmp_path.iterdir()) == []


def test_otherFoldersAreRefused(whole, tmp_path):
    with pytest.raises(UsageError, match=r"was made by the experiment 'stand-in'\. Received"):
        swept(whole, "size=2x8", experiments=REAL, name="log-norm")
    (tmp_path / "letter.txt").touch()
    with pytest.raises(UsageError, match="must be new, empty or a sweep's"):
        swept(tmp_path, "size=1")
    with pytest.raises(UsageError, match="must be new, empty or a sweep's"):
        swept(tmp_path / "letter.txt", "size=1")
    (whole.parent / "later").mkdir()
    (whole.parent / "later" / "sweep.json").write_text('{"format": 99, "experiment": "stand-in"}')
    with pytest.raises(UsageError, match="has layout 99"):
        swept(whole.parent / "later", "size=1")


# Failures


@pytest.mark.parametrize(
    ("happens", "words"),
    [("fail", "RuntimeError: a defect of size"), ("die", "the worker died: killed, out of memory")],
)
def test_aCellThatFailsOnceIsTriedAgain(tmp_path, happens, words):
    root, errors = tmp_path / "sweep", Words()
    disturbed = f"once={tmp_path / 'once'}"
    assert swept(root, disturbed, "size=1,2,3,4", f"happens={happens}", errors=errors) == 0
    assert words in errors.text
    assert "it is tried again at the end" in errors.text
    assert sorted(path.name for path in root.iterdir()) == [
        "cells", "grids", "index.sqlite", "sweep.json",
    ]  # fmt: skip
    undisturbed = tmp_path / "undisturbed"
    assert swept(undisturbed, disturbed, "size=1,2,3,4", f"happens={happens}") == 0
    assert contentOf(root) == contentOf(undisturbed)


@pytest.mark.parametrize(
    ("happens", "words"),
    [
        ("fail", "RuntimeError: a defect of size 1"),
        ("leave", "SystemExit: 7"),
        ("die", "the worker died"),
    ],
)
def test_aCellThatFailsTwiceIsSkipped(tmp_path, happens, words):
    root, errors, console = tmp_path / "sweep", Words(), Words()
    grid = (f"happens='',{happens}", "size=1,2")
    assert swept(root, *grid, errors=errors, console=console) == 3
    assert errors.text.count("tried again at the end") == 2
    assert errors.text.count("(skipped)") == 2
    assert "2 stored now, 0 before, 2 failed: see" in console.text
    loaded = experiments.load(root)
    failures = loaded.failures[loaded.failures["size"] == 1]
    assert failures["attempt"].tolist() == [1, 2]
    assert failures["isSkipped"].all()
    assert failures["happens"].tolist() == [happens, happens]
    assert failures["error"].str.startswith(words).all()
    assert happens == "die" or failures["traceback"].str.contains("stand.py").all()
    assert loaded.axes["happens"] == ["", happens]

    console = Words()
    assert swept(root, *grid, console=console) == 3
    assert "0 to run; skipped, unless you say --retry: 2 cells that failed 2 times" in console.text
    assert len(experiments.load(root).failures) == 4
    console = Words()
    assert swept(root, *grid, console=console, retry=True) == 3
    assert "2 to run" in console.text
    assert len(experiments.load(root).failures) == 4


# Ctrl-C


def interruptedAfter(root, cells, times):
    """Send this process Ctrl-C once so many cells are stored."""

    def send():
        while len(cellsOf(root)) < cells:
            time.sleep(0.01)
        for _ in range(times):
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.3)

    threading.Thread(target=send, daemon=True).start()


@pytest.mark.parametrize("times", [1, 2])
def test_anInterruptLosesNothing(tmp_path, times):
    root, errors = tmp_path / "sweep", Words()
    interruptedAfter(root, 2, times)
    began = time.monotonic()
    assert swept(root, "seconds=0.1,1.5", seeds=4, errors=errors) == 130
    assert "interrupted: what was finished is stored" in errors.text
    left = len(cellsOf(root))
    assert 2 <= left < 8
    loaded = experiments.load(root)
    assert len(loaded.cells) == left
    assert loaded.failures.empty
    assert times == 1 or time.monotonic() - began < 60
    assert not any((root / "running").glob("*")) or times == 2
