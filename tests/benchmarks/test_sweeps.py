"""The benchmark of sweeps: what is measured, and what is shown of it. No time is judged."""

import pytest

import sweeps
from sweeps import client, costRows, goalRows, parsed, reportOf, store


@pytest.fixture(scope="module")
def options():
    return parsed(["--many", "6", "--turns", "3"])


@pytest.fixture(scope="module")
def found(options, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweeps")
    return {
        "many": options.many,
        "efficiency": {"ratios": [1.7, 1.9, 2.0], "seconds": 1.04, "started": 4.5},
        "overhead": {"computing": 20.0, "all": 45.5},
        "store": store(folder, options),
        "client": client(folder, options),
        "scheduler": {"scheduler": 1.0, "client": 0.5, "wall": 6.0},
    }


def test_theStoreIsMeasuredAsItIs(found):
    stored = found["store"]
    assert stored["files"] == 4
    assert 4 * 100 < stored["bytes"] < stored["disk"]
    assert all(stored[name] > 0 for name in ("writing", "first", "again", "looking", "index"))
    assert 100 < found["client"]["outcome"] < found["client"]["task"] < 2000


def test_goalsAreHeldToWhatIsMeasured(found, options):
    headings, rows = goalRows(found, options)
    assert [len(row) for row in rows] == 3 * [len(headings)]
    assert rows[0][:2] == ("efficiency on two workers, cells of 1.0 s", "1.90 [1.80, 1.95]")
    assert [row[-1] for row in rows] == ["yes", "**no**", "yes"]
    assert rows[1][1] == "25.5 ms"


def test_theReportHasARowForEachCost(found, options):
    report = reportOf(found, options)
    for work, cost in costRows(found)[1]:
        assert f"| {work} | {cost} |" in report
    without = {name: one for name, one in found.items() if name != "scheduler"}
    assert "Dask" not in str(costRows(without))


@pytest.mark.parametrize("arguments", [["--turns", "0"], ["--tasks", "-1"], ["--many", "x"]])
def test_badOptionsAreRefused(arguments, capsys):
    with pytest.raises(SystemExit):
        parsed(arguments)
    assert "error" in capsys.readouterr().err


def test_theCellsDifferInTheirSeedsAlone():
    cells = sweeps.cellsOf(sweeps.TINY, 3, first=2)
    assert [cell.fields["seed"] for cell in cells] == [2, 3, 4]
    assert len({str({**cell.fields, "seed": 0}) for cell in cells}) == 1
