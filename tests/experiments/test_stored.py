"""Stored runs: what is read back, and every way in which one can be damaged."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from experiments.experiment import Result
from experiments.running import writeRun
from experiments.stored import FILES, StoredRunError, readRun, storedRuns


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = 5
    replicates: int = 2


NUMBERS = {"measured": [0.1, np.nan], "standard_error": 1 / 3, "predicted": 1.0, "z": -2.5}
TABLE = pd.DataFrame({"arm": "a,b", "quantity": "q", "where": [1, 2], **NUMBERS})


@pytest.fixture
def folder(tmp_path, started):
    result = Result(TABLE, {"a:x": np.arange(3.0)}, {"a": "the reason"})
    writeRun(tmp_path, "try", Config(), result, started)
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(folder, match):
    before = contents(folder) if folder.is_dir() else None
    with pytest.raises(StoredRunError, match=match):
        readRun(folder)
    assert before is None or contents(folder) == before  # nothing lost


def test_a_run_is_read_back_to_the_last_digit(folder, started):
    run = readRun(folder)
    pd.testing.assert_frame_equal(run.table, TABLE, check_exact=True)
    np.testing.assert_array_equal(run.arrays["a:x"], [0, 1, 2])
    assert (run.experiment, run.config) == ("try", {"seed": 5, "replicates": 2})
    assert abs((run.started - started).total_seconds()) < 1
    assert run.manifest["reasons"] == {"a": "the reason"}


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    refused(folder, f"is incomplete or no run: it has no {name}.*Run the experiment again")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [b"", b"\xff\x00{", None], ids=["empty", "bytes", "cut"])
def test_a_damaged_file_is_named(folder, name, damage):
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) * 2 // 3] if damage is None else damage)
    refused(folder, rf"{name} of run '.*' is damaged: .+Nothing in it was changed")


def test_a_number_that_was_changed_is_seen(folder):
    path = folder / "table.csv"
    path.write_text(path.read_text().replace("-2.5", "-1.5"))
    refused(folder, r"table.csv of run .* is damaged: it is not what the run wrote")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("experiment", 3, "'experiment' must be a str"),
        ("started", "yesterday", "Invalid isoformat string"),
        ("started", None, "'started' must be a str"),
        ("command", "try", "'command' must be a list"),
        ("sha256", [], "'sha256' must be a dict"),
        ("reasons", None, "'reasons' must be a dict"),
        ("seconds", "3", "'seconds' must be a float"),
        ("machine", [], "'machine' must be a dict"),
        (
            "versions",
            {"looks-linear": "0.0.1"},
            "was written by version 0.0.1 of looks-linear",
        ),
        ("versions", {}, "was written by version unknown of looks-linear"),
        ("versions", 3, "was written by version unknown of looks-linear"),
    ],
)
def test_a_manifest_that_says_something_else(folder, name, value, message):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    refused(folder, message)


def test_a_table_of_before_all_experiments_had_one_form(tmp_path, started):
    early = pd.DataFrame({"arm": "a", "layer": [1, 2], "direction": "forward", **NUMBERS})
    writeRun(tmp_path, "try", Config(), Result(early, {}), started)
    refused(tmp_path, "was written by an early version of looks-linear.*Nothing in it was changed")


@pytest.mark.parametrize("text", ["[]", "3", "null"])
def test_a_manifest_without_names(folder, text):
    (folder / "manifest.json").write_text(text)
    refused(folder, "manifest.json of run .* is damaged: it holds no names")


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for name in ("file", "nowhere"):
        refused(tmp_path / name, "is not there. Give the folder of a stored run")


def test_runs_are_found_one_and_two_folders_down(tmp_path):
    for name in ("one", "all/two", "all/.three.partial-x", "too/deep/down"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "manifest.json").touch()
    assert list(storedRuns(tmp_path)) == [tmp_path / "all/two", tmp_path / "one"]
    assert not list(storedRuns(tmp_path / "nowhere"))
