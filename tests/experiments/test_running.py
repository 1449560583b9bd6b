"""Run folders: complete or not there, and what they hold."""

import dataclasses
import datetime
import glob
import json
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.experiment import Result
from experiments.running import completeFolder, newFolder, replaceText, writeRun


def test_a_new_folder_is_named_by_experiment_and_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = newFolder("try")
    assert re.fullmatch(rf"results/try-\d{{8}}-\d{{6}}-{os.getpid()}(-\d+)?", folder.as_posix())
    assert not any(tmp_path.iterdir())
    taken = {folder}
    for _ in range(3):
        folder.mkdir(parents=True)
        folder = newFolder("try")
        assert folder not in taken
        taken.add(folder)


def test_a_folder_appears_when_it_is_complete(tmp_path):
    final = tmp_path / "deep" / "run"
    with completeFolder(final) as folder:
        (folder / "a").write_text("1")
        assert not final.exists()
        assert folder.parent == final.parent  # one file system: the renaming cannot fail half-way
    assert [path.name for path in final.parent.iterdir()] == ["run"]
    assert (final / "a").read_text() == "1"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_of_a_run_that_fails(tmp_path, error):
    def fail():
        with completeFolder(tmp_path / "run") as folder:
            (folder / "a").write_text("1")
            raise error

    with pytest.raises(error):
        fail()
    assert not list(tmp_path.iterdir())


def killed(final):
    """A process that is killed while it writes a run; what it leaves."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from experiments.running import completeFolder\n"
        "with completeFolder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'table.csv').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", script, final], check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    (left,) = final.parent.glob(f".{glob.escape(final.name)}.partial-*")
    assert (left / "table.csv").read_text() == "half"
    return left


def test_what_a_killed_run_has_left_goes_with_the_next_of_its_name(tmp_path):
    mine, others = killed(tmp_path / "run[1]"), killed(tmp_path / "run1")
    (tmp_path / ".run[1].partial-file").write_text("no folder")
    (tmp_path / ".run[1].partial-link").symlink_to(others)
    with completeFolder(tmp_path / "run[1]") as folder:
        assert not mine.exists()
        assert folder.exists()
    assert others.exists()
    assert (tmp_path / ".run[1].partial-file").exists()
    assert sorted(os.listdir(tmp_path / "run[1]")) == []


def test_what_a_living_run_writes_stays(tmp_path):
    final = tmp_path / "run"

    def twice():
        with completeFolder(final) as first:
            (first / "a").write_text("1")
            with completeFolder(final) as second:  # opens anew, as another process does
                assert (first / "a").read_text() == "1"
                (second / "b").write_text("2")

    with pytest.raises(OSError, match="not empty"):
        twice()
    assert os.listdir(tmp_path) == ["run"]
    assert os.listdir(final) == ["b"]


def test_an_empty_folder_or_a_link_to_one_is_filled(tmp_path):
    empty, link = tmp_path / "empty", tmp_path / "link"
    empty.mkdir()
    link.symlink_to(empty)
    with completeFolder(link) as folder:
        (folder / "a").write_text("1")
    assert link.is_symlink()
    assert (empty / "a").read_text() == "1"


def test_a_link_that_leads_nowhere_is_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "new")
    with completeFolder(tmp_path / "link") as folder:
        (folder / "a").write_text("1")
    assert (tmp_path / "new" / "a").read_text() == "1"


def test_what_is_there_is_kept(tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    for final in (tmp_path, tmp_path / "file", tmp_path / "loop", "/dev/null"):
        with (
            pytest.raises(
                ValueError, match=r"output folder must be new or empty\. Received: '/.+'"
            ),
            completeFolder(final),
        ):
            pytest.fail("the folder was given out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "loop"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["file/run", "file/deep/run", 300 * "x"])
def test_what_cannot_be_written_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    with (
        pytest.raises(ValueError, match=r"output folder '.*' cannot be written: .*"),
        completeFolder(tmp_path / name),
    ):
        pytest.fail("the folder was given out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_without_permission_is_refused(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises(ValueError, match="cannot be written"), completeFolder(tmp_path / "run"):
            pytest.fail("the folder was given out")
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_result_is_as_readable_as_other_files(tmp_path):
    with completeFolder(tmp_path / "run"):
        pass
    (tmp_path / "other").mkdir()
    assert (tmp_path / "run").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_files_of_a_run(tmp_path):
    @dataclasses.dataclass
    class Config:
        seed: int = 5
        depth: int = 3
        arm: tuple = ("a", "b")

    table = pd.DataFrame({"arm": ["a,b"], "z": [np.nan]})
    started = datetime.datetime.now(datetime.timezone.utc)
    result = Result(table, {"a/b:x": np.arange(3.0)}, {"a/b": "the reason"})
    writeRun(tmp_path, "try", Config(), result, started)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "arrays.npz",
        "config.json",
        "manifest.json",
        "table.csv",
    ]
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "seed": 5,
        "depth": 3,
        "arm": ["a", "b"],
    }
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "table.csv"), table)
    with np.load(tmp_path / "arrays.npz") as arrays:
        np.testing.assert_array_equal(arrays["a/b:x"], [0, 1, 2])
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert set(manifest) == {
        "experiment",
        "command",
        "seed",
        "started",
        "seconds",
        "versions",
        "machine",
        "reasons",
        "sha256",
    }
    assert manifest["experiment"] == "try"
    assert manifest["reasons"] == {"a/b": "the reason"}
    assert set(manifest["sha256"]) == {"config.json", "table.csv", "arrays.npz"}
    assert manifest["seed"] == 5
    assert manifest["versions"]["numpy"] == np.__version__
    assert {"python", "looks-linear", "theano-pymc"} <= set(manifest["versions"])
    assert datetime.datetime.fromisoformat(manifest["started"]) <= started


def test_aTextThatIsTidiedAwayIsWrittenAgain(tmp_path, monkeypatch):
    real, removed = os.replace, []

    def tidyFirst(partial, path):
        if not removed:
            removed.append(partial)
            Path(partial).unlink()
        real(partial, path)

    monkeypatch.setattr(os, "replace", tidyFirst)
    replaceText(tmp_path / "text", "words")
    assert removed
    assert (tmp_path / "text").read_text() == "words"
    assert [path.name for path in tmp_path.iterdir()] == ["text"]
