"""Optimisers and schedulers, step by step against PyTorch; and what they refuse."""

import json
import math

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, floatX, sharedVar, theano
from tests.training.torchNumbers import CHANGE, FILE, LATER, LOSSES
from training.optimisers import SGD, Adam, AdamW
from training.schedulers import Constant, CosineDecay, Plateau, StepDecay, WarmUp

TORCH = json.loads(FILE.read_text(encoding="utf-8"))
OPTIMISERS = {
    "plain": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.1, momentum=0.9),
    "nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: Adam(0.01),
    "adamOther": lambda: Adam(0.1, beta1=0.0, beta2=0.5, epsilon=0.1),
    "adamW": lambda: AdamW(0.1, decay=0.2),
    "clipped": lambda: SGD(0.1, momentum=0.9, clipNorm=2.0),
}


def variables(start=TORCH["start"]):
    return {
        "weight": sharedVar(start["weight"]),
        "bias": sharedVar(start["bias"], broadcastable=(True, False)),
    }


def compiled(optimiser, held):
    """The function of the gradients that makes one step."""
    optimiser.bind(held)
    given = [variable.type(name) for name, variable in held.items()]
    return compileFunction(given, updates=optimiser.updates(given), allow_input_downcast=True)


def steps(optimiser):
    """The parameters after each step on the stored gradients."""
    held = variables()
    step = compiled(optimiser, held)
    for number, gradient in enumerate(TORCH["gradients"]):
        optimiser.scaleRate(LATER if number >= CHANGE else 1.0)
        step(*(np.array(gradient[name]) for name in held))
        yield {name: variable.get_value() for name, variable in held.items()}


def largestDifference(case, optimiser=None):
    optimiser = optimiser or OPTIMISERS[case]()
    return max(
        abs(found[name] - expected[name]).max()
        for found, expected in zip(steps(optimiser), TORCH["trained"][case], strict=True)
        for name in found
    )


@pytest.mark.parametrize("case", sorted(OPTIMISERS))
def test_eachStepIsPyTorchs(case):
    with theano.config.change_flags(floatX="float64"):
        found = largestDifference(case)
    # Rounding of some 10 operations a step on numbers below 10. PyTorch adds 1e-6 to the norm that
    # it divides by: a relative 1e-6 / 2 of each step, which sum up to less than 10 in all.
    assert found < (1e-5 if case == "clipped" else 1e-13)


def test_singlePrecisionLosesNoDigitsToTheBiasCorrection():
    with theano.config.change_flags(floatX="float32", warn_float64="raise"):
        found = largestDifference("adam")
    # 10 steps of about 0.01, each off by a few 6e-8 of itself, and the parameters' own rounding of
    # 2e-7 a step. 1 - 0.999^t in float32 would be off by 1e-4 of itself at first: a sum of 1e-6.
    assert found < 10 * 3e-7


@pytest.mark.parametrize(
    ("case", "mutant"),
    [
        ("momentum", lambda: SGD(0.1, momentum=0.9, nesterov=True)),
        ("nesterov", lambda: SGD(0.1, momentum=0.9)),
        ("adam", lambda: Adam(0.01, epsilon=1e-7)),
        ("adamW", lambda: AdamW(0.1, decay=0.2, beta2=0.99)),
        ("clipped", lambda: SGD(0.1, momentum=0.9)),
    ],
)
def test_anotherOptimiserIsNotTheSame(case, mutant):
    with theano.config.change_flags(floatX="float64"):
        assert largestDifference(case, mutant()) > 1e-8


@pytest.mark.parametrize(("norm", "kept"), [(1.0, 0.2), (5.0, 1.0), (6.0, 1.0)])
def test_clippingLimitsTheNormOfAllTogether(norm, kept):
    held = {"a": sharedVar([0.0]), "b": sharedVar([[0.0]])}
    compiled(SGD(1.0, clipNorm=norm), held)([3.0], [[4.0]])
    moved = [-variable.get_value().item() for variable in held.values()]
    np.testing.assert_allclose(moved, [3 * kept, 4 * kept], rtol=1e-6)


def test_gradientsOfZeroAreNotDividedByTheirNorm():
    held = {"a": sharedVar([1.0])}
    compiled(SGD(1.0, clipNorm=1.0), held)([0.0])
    assert held["a"].get_value().tolist() == [1.0]


def test_resetForgets():
    optimiser, held = Adam(0.1), variables()
    step = compiled(optimiser, held)
    first = [np.ones((3, 2)), np.ones((1, 2))]
    step(*first)
    once = held["weight"].get_value()
    assert set(optimiser.state) == {
        "mean.weight", "square.weight", "mean.bias", "square.bias", "count",
    }  # fmt: skip
    step(*first)
    optimiser.reset()
    assert not any(variable.get_value().any() for variable in optimiser.state.values())
    held["weight"].set_value(np.asarray(TORCH["start"]["weight"], floatX()))
    step(*first)
    np.testing.assert_array_equal(held["weight"].get_value(), once)


def test_anOptimiserBelongsToOneNetwork():
    optimiser, held = SGD(0.1), variables()
    optimiser.bind(held)
    optimiser.bind(held)
    with pytest.raises(ValueError, match=r"SGD\(rate=0.1\) has a state.*Make a new optimiser"):
        optimiser.bind(variables())
    with pytest.raises(ValueError, match=r"parameters to train.*a network without weights"):
        SGD(0.1).bind({})


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: SGD(0), ValueError, "rate must be more than 0. Received: 0"),
        (lambda: Adam(-1e-3), ValueError, "rate must be more than 0. Received: -0.001"),
        (lambda: SGD("0.1"), TypeError, "rate must be a number. Received: '0.1'"),
        (lambda: SGD(math.nan), ValueError, "rate must be finite"),
        (lambda: SGD(0.1, momentum=1), ValueError, "momentum must be at least 0 and below 1"),
        (lambda: SGD(0.1, nesterov=True), ValueError, "needs a momentum above 0"),
        (lambda: SGD(0.1, nesterov=1), TypeError, "nesterov must be True or False. Received: 1"),
        (lambda: SGD(0.1, clipNorm=0), ValueError, "clipNorm must be more than 0"),
        (lambda: Adam(beta2=1.0), ValueError, "beta2 must be at least 0 and below 1"),
        (lambda: Adam(epsilon=0), ValueError, "epsilon must be more than 0"),
        (lambda: AdamW(decay=-1), ValueError, "decay must be at least 0"),
        (lambda: StepDecay(0), ValueError, "every must be at least 1"),
        (lambda: StepDecay(2, -0.1), ValueError, "decay must be more than 0"),
        (lambda: StepDecay(2, per="epochs"), ValueError, "unknown unit 'epochs'.*'epoch'"),
        (lambda: CosineDecay(2.5), TypeError, "length must be a whole number"),
        (lambda: CosineDecay(2, least=2), ValueError, "least must be at most 1. Received: 2"),
        (lambda: WarmUp(3, then=0.1), TypeError, "then must be a Scheduler. Received: 0.1"),
        (lambda: Plateau(decay=1), ValueError, "decay must be below 1"),
        (lambda: Plateau(patience=-1), ValueError, "patience must be at least 0"),
    ],
)
def test_badArguments(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize(
    ("name", "scheduler"),
    [
        ("step", StepDecay(3, 0.5)),
        ("cosine", CosineDecay(12, 0.1)),
        ("warmUp", WarmUp(5, per="epoch")),
    ],
)
def test_schedulersAreThoseOfPyTorch(name, scheduler):
    found = [scheduler.factor(epoch, 0) for epoch in range(13)]
    # PyTorch multiplies from one epoch to the next; 12 roundings of numbers up to 1.
    np.testing.assert_allclose(found, TORCH["rates"][name], atol=12 * 2.3e-16)


def test_plateausAreThoseOfPyTorch():
    plateau, found = Plateau(0.5, patience=2, threshold=0.01, least=0.2), [1.0]
    for epoch, loss in enumerate(LOSSES):
        plateau.observe(loss)
        found.append(plateau.factor(epoch, 0))
    assert found == TORCH["rates"]["plateau"]
    assert len(set(found)) == 4, "the losses were to lower the rate three times"


def test_aPlateauGoesOnFromItsState():
    whole, halves = Plateau(patience=0), [Plateau(patience=0), Plateau(patience=0)]
    for loss in (3.0, 2.0, 2.0):
        whole.observe(loss)
        halves[0].observe(loss)
    halves[1].restore(json.loads(json.dumps(halves[0].state)))
    whole.observe(2.0)
    halves[1].observe(2.0)
    assert whole.state == halves[1].state
    assert whole.factor(0, 0) == pytest.approx(0.01)


def test_aLossThatBeginsNegativeCanFall():
    plateau = Plateau(patience=0, threshold=0.01)
    for loss in (-1.0, -1.1, -1.2):
        plateau.observe(loss)
    assert plateau.factor(0, 0) == 1


def test_warmUpPassesOnWhatItIsTold():
    inner = Plateau(decay=0.5, patience=0)
    scheduler = WarmUp(2, then=inner)
    scheduler.observe(1.0)
    scheduler.observe(1.0)
    assert [scheduler.factor(0, update) for update in (0, 1, 2)] == [0.25, 0.5, 0.5]
    other = WarmUp(2, then=Plateau(decay=0.5, patience=0))
    other.restore(scheduler.state)
    assert other.factor(0, 5) == 0.5
    assert repr(Constant()) == "Constant()"


def test_nothingIsDoublePrecisionWhereSingleWasAsked():
    with theano.config.change_flags(floatX="float32", warn_float64="raise"):
        for make in OPTIMISERS.values():
            held = variables()
            optimiser = make()
            optimiser.bind(held)
            gradients = [T.TensorType("float32", v.broadcastable)() for v in held.values()]
            for variable, new in optimiser.updates(gradients):
                assert new.dtype == variable.dtype
                assert variable.dtype == "float32" or variable.name == "count"
