"""The comparison of training: that sides do the same, and what is shown. No time is judged."""

import sys

import numpy as np
import pytest

import building
import steps
import training_speed
from steps import SIDES, architecture, batchOf, weightsOf
from training_speed import OURS, compileTable, overheadTable, parsed, reportOf, stepTable


def test_weightsAreMirroredAndFitTheArchitecture():
    convolutions, units = architecture(8)
    *kernels, dense = weightsOf(8)
    assert [kernel.shape for kernel in kernels] == [(f, c, 3, 3) for f, c, _ in convolutions]
    assert [stride for *_, stride in convolutions] == [1, 1, 2, 1, 2, 1, 2, 1]
    assert dense.shape == (units, 10) == (90 * 4 * 4, 10)
    for kernel in kernels[1:]:
        half = kernel.shape[1] // 2
        np.testing.assert_array_equal(kernel[:, :half], -kernel[:, half:])


@pytest.fixture
def recursionLimit():
    """Theano by hand raises it for its process; that of the tests gets it back."""
    before = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(before)


def test_oursAndPlainTheanoTrainAlike(recursionLimit):
    from utilityFunctions import theano

    with theano.config.change_flags(floatX="float32"):
        images, labels = batchOf(3)
        made = [make(4, 3) for make in (steps.ours, steps.plain)]
        losses = [[step(images, labels) for _ in range(3)] for step in made]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert losses[0][2] < losses[0][0]


def test_everyKindOfNetIsBuilt():
    for kind, make in building.KINDS.items():
        y = make(4)
        assert y.shape == (10,), kind
        assert len(steps.weighted(y)) >= 5


def answer(seconds, built=1.0):
    turn = {"seconds": seconds, "cpu": 2 * seconds, "megabytes": 100.0, "loss": 2.0}
    return {"turns": [turn, turn], "built": built, "python": "3", "versions": {"numpy": "1"}}


def test_ratiosAreToOurs():
    found = {side: answer(0.1 * number) for number, side in enumerate(SIDES, 1)}
    headings, rows = stepTable(found)
    assert all(len(row) == len(headings) for row in rows)
    assert rows[0][0] == OURS
    assert rows[0][3] == rows[0][5] == "–"
    assert rows[2][3] == "3.00 [3.00, 3.00]"


def stored():
    turns = [{"bare": [1e-3, 2e-3], "fit": [1.1e-3, 2.4e-3]}] * 3
    options = {"depth": 48, "batch": 64, "steps": 5, "turns": 3}
    nets = [{"kind": "dense", "depth": 10, "built": 0.1, "compiled": 2.0, "megabytes": 300.0}]
    found = {
        "steps": {side: answer(0.1) for side in SIDES},
        "overhead": [{"depth": 2, "batch": 64, "steps": 400, "turns": turns}],
        "compiling": nets,
    }
    return {part: {"options": options, "found": one} for part, one in found.items()}


def test_sharesAreOfTheBareFunction():
    (row,) = overheadTable(stored()["overhead"]["found"])[1]
    assert row[2:] == ["1.00 ms", "100 µs", "10.00 [10.00, 10.00]", "20.00 [20.00, 20.00]"]
    (row,) = compileTable(stored()["compiling"]["found"])[1]
    assert row == ["dense", "10", "100 ms", "2.00 s", "200 ms", "300"]


def test_theReportHasTheMeasuredPartsAlone():
    text = reportOf(stored())
    assert "## A training step: 48 convolutions, batch 64" in text
    assert "## What the trainer adds" in text
    assert "## Compiling" not in reportOf({"steps": stored()["steps"]})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--turns", "0"], "at least 1"),
        (["--depth", "6"], "multiples of 4"),
        (["--depths", "8", "9"], "multiples of 4"),
        (["--only", "stepps"], "invalid choice"),
        (["--peers", "nowhere/python"], "make bench"),
    ],
)
def test_badOptionsAreRefused(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(training_speed, "PEERS", sys.executable)
    with pytest.raises(SystemExit):
        parsed(["--peers", sys.executable, *arguments])
    assert message in capsys.readouterr().err
