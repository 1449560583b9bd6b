"""The command line: what it writes and says, and that bad usage ends with 2 and leaves nothing.

Most tests call `main` in this process, where the layers are compiled already.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments import variancePropagation
from experiments.__main__ import main
from experiments.predictions import Prediction

ROOT = Path(__file__).parents[2]
NAME = "variance-propagation"
SMALL = [
    "--arm",
    "heNormal/relu",
    "--depth",
    "4",
    "--width",
    "32",
    "--batch",
    "8",
    "--replicates",
    "3",
    "--no-plot",
]
FILES = ["arrays.npz", "config.json", "manifest.json", "table.csv"]
FIGURES = ["figure.png", "figure.svg"]
COLUMNS = "arm,quantity,where,measured,standard_error,predicted,z,scale"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Each test has an empty working folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def status(*arguments):
    """The exit status that a shell would see."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as leaving:
        return leaving.code


def small(*arguments):
    return status(NAME, *SMALL, *arguments)


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


# What is written


def test_a_run_folder_holds_everything(here, capsys):
    assert status(NAME, *SMALL[:-1], "--seed", "3", "--output", "out/run") == 0
    assert names(here) == ["out"]
    assert names("out") == ["run"]
    assert names("out/run") == sorted(FILES + FIGURES)
    assert "Written to out/run" in capsys.readouterr().out

    lines = Path("out/run/table.csv").read_text().splitlines()
    assert lines[0] == COLUMNS
    assert len(lines) == 1 + 2 * 4
    table = pd.read_csv("out/run/table.csv")
    assert table["quantity"].tolist() == 4 * ["log of signal"] + 4 * ["log of gradient"]
    assert table["where"].tolist() == 2 * [1, 2, 3, 4]

    config = json.loads(Path("out/run/config.json").read_text())
    assert config == {
        "arm": ["heNormal/relu"],
        "data": "digits",
        "standardise": "global",
        "network": "dense",
        "depth": 4,
        "width": 32,
        "s": 3,
        "batch": 8,
        "replicates": 3,
        "seed": 3,
        "dtype": "float32",
    }
    manifest = json.loads(Path("out/run/manifest.json").read_text())
    assert manifest["seed"] == 3
    with np.load("out/run/arrays.npz", allow_pickle=False) as arrays:
        assert set(arrays) == {
            f"heNormal/relu:{direction}:{what}"
            for direction in ("forward", "backward")
            for what in ("log_mean_square", "predicted_log")
        }
        assert arrays["heNormal/relu:forward:log_mean_square"].shape == (3, 4)
    assert Path("out/run/figure.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_says_what_the_run_found(here):
    assert small("--output", "run") == 0
    found = variancePropagation.run(
        variancePropagation.Config(arm=("heNormal/relu",), depth=4, width=32, batch=8, replicates=3)
    )
    # Written as the shortest decimals that read back as the same number.
    pd.testing.assert_frame_equal(
        pd.read_csv("run/table.csv", float_precision="round_trip"), found.table, check_exact=True
    )


def test_without_a_plot_there_is_no_figure(here):
    assert small("--output", "run") == 0
    assert names("run") == FILES


def test_the_default_folder_is_new_each_time(here):
    for count in (1, 2, 3):
        assert small() == 0
        folders = names("results")
        assert len(folders) == count
        assert all(folder.startswith(NAME) for folder in folders)
    assert names(here) == ["results"]


def test_an_empty_folder_is_filled(here):
    Path("run").mkdir()
    assert small("--output", "run") == 0
    assert names("run") == FILES


def test_the_same_seed_gives_the_same_file_and_another_does_not(here):
    for folder, seed in (("one", 0), ("two", 0), ("three", 1)):
        assert small("--output", folder, "--seed", seed) == 0
    one, two, three = (Path(f, "table.csv").read_bytes() for f in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_one_more_arm_adds_rows_and_changes_none(here):
    assert small("--output", "one") == 0
    assert small("--arm", "glorotNormal/tanh", "--output", "two") == 0
    one, two = (Path(folder, "table.csv").read_text() for folder in ("one", "two"))
    assert two.startswith(one)
    assert len(two.splitlines()) == 1 + 2 * 8


def test_double_precision(here):
    assert small("--dtype", "float64", "--output", "run") == 0
    assert json.loads(Path("run/config.json").read_text())["dtype"] == "float64"
    single, double = (
        variancePropagation.run(
            variancePropagation.Config(("heNormal/relu",), depth=4, width=32, batch=8, dtype=dtype)
        )
        for dtype in ("float32", "float64")
    )
    assert not np.allclose(single.table["measured"], double.table["measured"], rtol=1e-12)


@pytest.mark.parametrize("data", ["digits", "patches", "gaussian"])
def test_convolutions_on_each_data_set(here, data):
    assert small("--network", "conv", "--width", 16, "--data", data, "--output", "run") == 0


def test_an_archive_of_ones_own(here):
    np.savez("mine.npz", x=np.random.default_rng(0).integers(0, 255, (30, 64)).astype("uint8"))
    assert small("--data", "mine.npz", "--standardise", "feature", "--output", "run") == 0
    assert json.loads(Path("run/config.json").read_text())["data"] == "mine.npz"


# What is said


def test_the_summary_has_a_row_an_arm(here, capsys):
    assert small("--arm", "orthogonal+mirror/crelu") == 0
    out = capsys.readouterr().out
    assert "heNormal/relu" in out
    assert "orthogonal+mirror/crelu" in out
    assert "keeps its size, as predicted" in out
    assert "Written to results/" in out


def test_quiet_prints_nothing(here, capfd):
    assert small("--quiet", "--output", "run") == 0
    assert capfd.readouterr() == ("", "")
    assert names("run") == FILES


def test_quiet_still_prints_errors(here, capsys):
    assert small("--quiet", "--depth", 0) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "depth must be at least 1. Received: 0" in err


@pytest.mark.parametrize("arguments", [["--help"], [NAME, "--help"]], ids=str)
def test_help(here, capsys, arguments):
    assert status(*arguments) == 0
    out = capsys.readouterr().out
    assert NAME in out
    if len(arguments) == 2:
        options = (
            "arm data standardise network depth width s batch replicates seed dtype "
            "output check no-plot quiet"
        )
        assert all(f"--{option} " in out for option in options.split())
    assert not names(here)


# --check


def test_check_agrees(here):
    assert small("--check", "--arm", "orthogonal+mirror/crelu", "--output", "run") == 0
    assert names("run") == FILES


def contradicting(monkeypatch):
    real = variancePropagation.predict

    def wrong(stages, x):
        right = real(stages, x)
        return Prediction(right.scale, right.forward + 5, right.backward, right.reason)

    monkeypatch.setattr(variancePropagation, "predict", wrong)


def test_check_finds_a_contradiction_and_keeps_the_run(here, monkeypatch, capsys):
    contradicting(monkeypatch)
    arguments = ("--replicates", 40, "--output")
    assert small("--check", *arguments, "checked") == 1
    assert "NOT as predicted" in capsys.readouterr().out
    assert names("checked") == FILES
    assert small(*arguments, "unchecked") == 0


# Refusals: exit status 2, a message that helps, and nothing written


@pytest.fixture
def refused(here, capsys):
    """Run with these arguments, see that they are refused, and return what stderr says."""

    def refuse(*arguments):
        before = sorted(here.rglob("*"))
        assert status(*arguments) == 2
        assert sorted(here.rglob("*")) == before
        out, err = capsys.readouterr()
        assert not out.strip()
        assert "Traceback" not in err
        # tyro folds its messages into boxes.
        return " ".join(err.replace("│", " ").split())

    return refuse


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data digts", "unknown data 'digts'. Did you mean 'digits'?"),
        ("--data nowhere.npz", "data file 'nowhere.npz' is not there"),
        ("--arm orthogonl/relu", "unknown initialisation 'orthogonl'. Did you mean 'orthogonal'?"),
        ("--arm heNormal/rellu", "unknown activation 'rellu'. Did you mean 'relu'?"),
        ("--arm heNormal+mirrror/crelu", "unknown option 'mirrror'. Did you mean 'mirror'?"),
        ("--arm heNormal", "arm must be INIT[+option"),
        ("--arm heNormal+s=5/relu", "set it by --s"),
        ("--arm heNormal/relu", "each arm must stand once. Received twice: 'heNormal/relu'"),
        ("--arm heNormal+signalPriorities=nan,1/relu", "signalPriorities must be two numbers"),
        ("--seed -1", "seed must not be negative. Received: -1"),
        ("--batch 1798", "batch must be at most 1797"),
        ("--network conv --s 4", "s must be odd"),
        ("--check --replicates 1", "check needs at least 2 replicates"),
        ("--standardise feature --batch 1", "must have a mean square between"),
        *(
            (f"--{name} {value}", f"{name} must be at least 1. Received: {value}")
            for name in ("depth", "width", "batch", "replicates", "s")
            for value in (0, -1)
        ),
        ("--dtype float16", "float16"),
        ("--network convv", "convv"),
        ("--standardise globl", "globl"),
        ("--depth 2.5", "2.5"),
        ("--depth deep", "deep"),
        ("--seed 1.5", "1.5"),
        ("--dpeth 5", "--dpeth"),
        ("--depth", "--depth"),
        ("extra", "extra"),
    ],
)
def test_bad_arguments(refused, arguments, message):
    assert message in refused(NAME, *SMALL, *arguments.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [([], NAME), (["variance-propogation"], "variance-propogation"), (["--depth", "3"], "--depth")],
)
def test_bad_subcommands(refused, arguments, message):
    assert message in refused(*arguments)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": np.ones((9, 4))}, "must hold an array 'x'. Received: ['y']"),
        ({"x": np.array([[1, None]] * 9, dtype=object)}, "Arrays of objects are refused"),
        ({"x": np.full((9, 4), np.nan)}, "must be finite. Received: 36 NaN or infinite"),
        ({"x": np.ones(9)}, "Received: shape (9,)"),
        ({"x": np.ones((9, 4))}, "must vary"),
        ({"x": np.eye(9)[:7]}, "batch must be at most 7"),
    ],
    ids=str,
)
def test_bad_archives(refused, arrays, message):
    np.savez("mine.npz", **arrays)
    assert message in refused(NAME, *SMALL, "--data", "mine.npz")


def test_flat_rows_are_no_images(refused):
    np.savez("rows.npz", x=np.random.default_rng(0).standard_normal((9, 4)))
    message = refused(NAME, *SMALL, "--network", "conv", "--data", "rows.npz")
    assert "network 'conv' needs images" in message


def test_a_missing_package_names_the_extra(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    for arguments in ([NAME, *SMALL, "--data", "patches"], ["downsampling"]):
        assert "pip install 'looks-linear[data]'" in refused(*arguments)


def test_what_is_there_is_kept(refused):
    Path("run").mkdir()
    Path("run/mine").write_text("mine")
    Path("file").write_text("mine")
    for output in ("run", "file", ".", "run/.."):
        assert "must be new or empty" in refused(NAME, *SMALL, "--output", output)
    assert "cannot be written" in refused(NAME, *SMALL, "--output", "file/run")
    assert Path("run/mine").read_text() == Path("file").read_text() == "mine"


def test_a_failure_in_the_middle_leaves_nothing(here, monkeypatch):
    def fail(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(variancePropagation, "propagate", fail)
    with pytest.raises(OSError, match="no space"):
        small("--output", "run")
    assert not names(here)


# True processes


def shell(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "experiments", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        **options,
    )


def test_a_process_of_its_own(here):
    done = shell(NAME, *SMALL[:-1], "--check", "--output", "run")
    assert done.returncode == 0, done.stderr
    assert "as predicted" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 120  # a pipe has no width: no folded table
    assert names("run") == sorted(FILES + FIGURES)
    manifest = json.loads(Path("run/manifest.json").read_text())
    assert manifest["command"][1:] == [NAME, *SMALL[:-1], "--check", "--output", "run"]


def test_a_process_of_its_own_refuses(here):
    done = shell(NAME, *SMALL, "--depth", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("error: depth must be at least 1. Received: 0.\n")
    assert "Traceback" not in done.stderr
    assert not names(here)


#: A run that stops in its first network and says that it is there.
WAITING = """
import sys, time
from experiments import variancePropagation
from experiments.__main__ import main

def wait(*arguments):
    print("measuring", flush=True)
    time.sleep(600)

variancePropagation.propagate = wait
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=lambda end: end.name)
def test_a_run_that_is_killed_leaves_no_folder_under_its_name(here, end):
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, NAME, *SMALL, "--quiet", "--output", "run"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "measuring\n"
        assert not Path("run").exists()
        process.send_signal(end)
        _, said = process.communicate()
    assert not Path("run").exists()
    if end == signal.SIGINT:  # what can be tidied up is
        assert process.returncode == 130
        assert said.strip().endswith("interrupted: nothing was kept")
        assert "Traceback" not in said
        assert not names(here)
    assert small("--output", "run") == 0  # and nothing is in the way of the next run
    assert names("run") == FILES
