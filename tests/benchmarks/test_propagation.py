"""The comparison of streams: what is measured, and what is shown of it. No time is judged."""

import sys

import pytest

import propagation
from propagation import (
    COMPILED,
    OURS,
    Case,
    caseTable,
    growthTable,
    measured,
    ownCache,
    parsed,
    reportOf,
)
from streams import SIDES, THREADS

CASE = Case("normal", 5, 32, batch=4)


@pytest.fixture(scope="module")
def answer():
    return measured(OURS, CASE, peers=sys.executable)


def madeUp(seconds):
    network = {"seconds": seconds, "cpu": 2 * seconds, "megabytes": 100 * seconds}
    return {"first": network, "second": network, "megabytes": 90.0}


def test_oursIsMeasuredInAProcessOfItsOwn(answer):
    assert answer["second"]["seconds"] > 0
    assert answer["second"]["megabytes"] >= answer["first"]["megabytes"] >= answer["megabytes"] > 20
    assert set(answer["versions"]) == {"theano-pymc", "numpy", "scipy"}


def test_ratiosAreTakenTurnByTurn():
    answers = {
        side: [madeUp(one), madeUp(2 * one)] for side, one in zip(SIDES, (1, 3, 4), strict=True)
    }
    headings, rows = caseTable(answers)
    assert [row[0] for row in rows] == list(SIDES)
    assert all(len(row) == len(headings) for row in rows)
    assert rows[0][1:6] == ["1.50", "1.00", "1.50", "3.00", "150"]
    assert [row[-1] for row in rows] == ["–", "3.00 [3.00, 3.00]", "4.00 [4.00, 4.00]"]


def test_whatTakesMinutesHasFewTurnsOfOneNetwork():
    slow = Case("normal", 5, 32, batch=4, minutes=True)
    assert [slow.turns(wanted) for wanted in (1, 3, 5)] == [1, 1, 2]
    assert slow.question() == CASE.question()
    answers = {side: [madeUp(1) | {"second": None}] for side in SIDES}
    headings, rows = caseTable(answers)
    assert [row[headings.index("second network, s")] for row in rows] == 3 * ["–"]
    assert rows[1][-3:] == ["1.00 [1.00, 1.00]", "–", "1.00 [1.00, 1.00]"]


def test_oursHasACacheOfItsOwnBesideTheFlagsOfTheUser(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "base_compiledir=/elsewhere,optimizer=fast_run")
    flags = ownCache()["THEANO_FLAGS"]
    assert flags.startswith("base_compiledir=/elsewhere,optimizer=fast_run,base_compiledir=")
    monkeypatch.delenv("THEANO_FLAGS")
    assert ownCache() == {"THEANO_FLAGS": f"base_compiledir={COMPILED}"}


def test_theReportHasEveryTable():
    growth = growthTable({1000: madeUp(2.0), 10_000: madeUp(20.0)})
    text = reportOf({"Growth": growth}, ["A line."])
    assert "## Growth" in text
    assert "| 10,000 | 20.0 s | 2.00 ms |" in text
    assert THREADS == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--turns", "0"], "at least 1"),
        (["--laws", "unifrom"], "unknown law 'unifrom'"),
        (["--peers", "nowhere/python"], "make bench"),
    ],
)
def test_badOptionsAreRefused(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(propagation, "PEERS", sys.executable)
    with pytest.raises(SystemExit):
        parsed(["--peers", sys.executable, *arguments])
    assert message in capsys.readouterr().err
