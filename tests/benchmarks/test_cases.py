"""What is measured: the list of ResNet-50, sizes, goals, and that our libraries draw all of it."""

import math

import pytest

from cases import DTYPES, GOALS, LIMITS, Case, allCases, quickCases, resnet50
from libraries import LIBRARIES, channelsFirst, fansOf


def test_resnet50HasItsParameters():
    shapes = resnet50()
    assert len(shapes) == 54
    assert sum(map(math.prod, shapes)) == 25_502_912
    # Each convolution reads what one before it gave; the classifier reads the last block.
    assert shapes[-1] == (2048, 1000)
    assert {shape[2] for shape in shapes[1:-1]} <= {shape[3] for shape in shapes[:-1]}


@pytest.mark.parametrize("dtype", DTYPES)
def test_everyGoalHasCasesAndEveryCaseAKnownGoal(dtype):
    assert {case.goal for case in allCases(dtype)} - {""} == set(GOALS)
    assert all(dtype in least for least in GOALS.values())


def test_casesAreNamedOnce():
    cases = [case for dtype in DTYPES for case in allCases(dtype)]
    assert len({(case.law, case.work, case.dtype, case.ours) for case in cases}) == len(cases)


def test_sizesGrowOverFourDecades():
    for law in ("orthogonal", "normal", "uniform", "truncated normal"):
        sizes = [case.numbers for case in allCases("float32") if case.law == law]
        assert max(sizes) >= 1e4 * min(sizes)


def test_theQuickCasesAreAmongAllAndOfEachLaw():
    quick = quickCases("float32")
    assert set(quick) < set(allCases("float32"))
    assert not {case.law for case in quick} & set(LIMITS)
    assert quickCases("float64") == []


def test_costIsWhatTheTimeIsInProportionTo():
    assert Case("orthogonal", "", ((4096, 1024),)).cost() == 4096 * 1024**2
    assert Case("orthogonal", "", ((4096, 1024),)).cost(squares=True) == 4096**3
    assert Case("normal", "", ((10, 3), (4,))).cost(squares=True) == 34


def test_shapesOfKerasAreTurnedForPyTorch():
    assert channelsFirst((7, 5, 3, 64)) == (64, 3, 7, 5)
    assert channelsFirst((2048, 1000)) == (1000, 2048)
    assert fansOf((7, 5, 3, 64)) == (105, 2240)


@pytest.mark.parametrize("name", [name for name, library in LIBRARIES.items() if library.ours])
def test_oursDrawsWhatTheCasesAsk(name, monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "")  # initD adds to it
    drawings = LIBRARIES[name].drawings("float32")
    asked = {case.law for case in allCases("float32") if case.ours == name}
    asked |= {case.rival for case in allCases("float32") if case.ours == name} - {""}
    assert asked <= set(drawings)
    for law in asked:
        weight = drawings[law]((6, 6))
        if name == "initD":
            weight = weight[0].get_value()
        assert weight.shape == (6, 6)


def test_theWayOfNumPyKeepsItsClaims():
    drawings = LIBRARIES["NumPy"].drawings("float32")
    frame = drawings["orthogonal"]((40, 20))
    assert abs(frame.T @ frame - [[i == j for j in range(20)] for i in range(20)]).max() < 1e-5
    assert abs(drawings["truncated normal"]((10_000,))).max() <= 0.1000001
    # 64,000 normal numbers: a standard deviation is known to 1 / sqrt(128,000), 0.3 %.
    assert drawings["heNormal"]((1, 1, 400, 160)).std() == pytest.approx(200**-0.5, rel=0.02)
    for law in ("SVD", "SciPy ortho_group"):
        frame = LIBRARIES[law].drawings("float32")["orthogonal"]((40, 20))
        assert frame.dtype == "float32"
        assert abs((frame**2).sum(axis=0) - 1).max() < 1e-5
