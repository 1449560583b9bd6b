"""What an initialisation promises: for each promise, a function that finds how it is broken.

(trial) -> the ways in which it is, in words: none where it is kept. One that cannot be tried raises
`NotCoveredError` with the reason.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator

import numpy as np

from initialising.promises.trial import REFUSALS, SEED, SHAPES, Trial, attempt
from lookslinear.catalogue import CATALOGUE
from lookslinear.checks import check_draw
from lookslinear.connections import Options
from lookslinear.errors import NotCoveredError
from lookslinear.sampling import set_num_threads

#: A draw that is shared out among threads.
LARGE = ((512,), (300,), {})
#: How many draws of the smallest shape are looked at together, and which shape that is.
MANY, SMALL = 24, ((12,), (8,), {})
#: Two weights of a thousand numbers in single precision share more entries in one case of 10^17.
LUCK = 3
#: The options of all entries that formulas read.
READ = ("s", "relu", "mirror", "signalPriorities")
#: What is refused, as the inputShape.
BAD_SHAPES = ((0,), (-4,), (4.0,), ("4",), "4", 4, None, (2, 3))


#: Each promise in words, and what finds the ways in which it is broken.
PROMISES: dict[str, Callable[[Trial], Iterator[str]]] = {}


def _promise(words: str) -> Callable:
    def enter(function: Callable) -> Callable:
        PROMISES[words] = function
        return function

    return enter


@_promise("takes dense layers or convolutions, and refuses by its law what it cannot draw")
def _ofRefusals(trial):
    if not any("mirror" not in drawn.options for drawn in trial.drawn):
        error = attempt(trial.draw, *SHAPES[0][:2])
        yield f"refuses every shape, and first {SHAPES[0][:2]}: {error}"
    for given in trial.own:
        if not any(given.items() <= drawn.options.items() for drawn in trial.drawn):
            error = attempt(trial.draw, *SHAPES[0][:2], **given)
            yield f"refuses every shape with {given}, and first {SHAPES[0][:2]}: {error}"
    yield from trial.refused


@_promise("returns a weight and a bias of the layer's shapes and of floatX, finite")
def _ofShapes(trial):
    for drawn in trial.drawn:
        bias = (1, drawn.channels[1], 1, 1)[: len(drawn.shape)]
        pattern = (True, False, True, True)[: len(bias)]
        found = {
            "weight.shape": (drawn.values.shape, drawn.shape),
            "bias.shape": (drawn.bias.get_value(borrow=True).shape, bias),
            "bias.broadcastable": (tuple(drawn.bias.broadcastable), pattern),
            "weight.dtype": (drawn.weight.dtype, drawn.dtype),
            "bias.dtype": (drawn.bias.dtype, drawn.dtype),
            "finite": (bool(np.isfinite(drawn.values).all()), True),
        }
        for name, (value, expected) in found.items():
            if value != expected:
                yield f"{drawn.asked}: {name} is {value}, expected {expected}"


@_promise("states a law of the layer's shape, dtype and mirror, the same at each call")
def _ofClaims(trial):
    _refuseLawless(trial)
    for drawn in trial.drawn:
        mirror = drawn.options.get("mirror", drawn.law.mirror)
        told = (drawn.law.shape, drawn.law.dtype, drawn.law.mirror)
        wanted = (drawn.shape, drawn.dtype, mirror)
        if told != wanted:
            yield f"{drawn.asked}: (shape, dtype, mirror) are {told}, expected {wanted}"
    inputShape, outputShape, options = trial.taken
    if len({trial.law(inputShape, outputShape, **options) for _ in range(2)}) != 1:
        yield f"{trial.taken}: two laws for the same layer"


@_promise("draws what its law claims")
def _ofLaws(trial):
    _refuseLawless(trial)
    for drawn in trial.drawn:
        for finding in check_draw(drawn.values, drawn.law).broken:
            yield f"{drawn.asked}: {_found(finding)}"
    for inputShape, outputShape, options in trial.taking([SMALL]):
        law = trial.law(inputShape, outputShape, **options)
        draws = [trial.values((inputShape, outputShape, options), rng=i) for i in range(MANY)]
        for finding in check_draw(np.stack(draws), law).broken if law else ():
            yield f"{MANY} draws of {inputShape} to {outputShape}: {_found(finding)}"


def _found(finding):
    return str(finding).removeprefix("BROKEN ")


@_promise("draws a bias that is zero, or what its `biasLaw` claims")
def _ofBiases(trial):
    for drawn in trial.drawn:
        bias = drawn.bias.get_value(borrow=True)
        if drawn.biasLaw is None:
            if bias.any():
                yield f"{drawn.asked}: the bias is not zero, and no biasLaw says what it is"
            continue
        for finding in check_draw(bias.ravel(), drawn.biasLaw).broken:
            yield f"{drawn.asked}: {_found(finding)}"


@_promise("has the variance that its formula in the catalogue says")
def _ofFormulas(trial):
    _refuseLawless(trial)
    entry = CATALOGUE.get(trial.name)
    if entry is None or not entry.formula:
        raise NotCoveredError("it has no formula in the catalogue.")
    for drawn in trial.drawn:
        read = {name: value for name, value in drawn.options.items() if name in READ}
        own = {name: value for name, value in drawn.options.items() if name in entry.arguments}
        if len(read) + len(own) < len(drawn.options):
            continue  # formulas are those of the defaults
        told = entry.variance(drawn.law, Options(**read), **own)
        if not math.isclose(told, drawn.law.variance, rel_tol=1e-9):
            yield f"{drawn.asked}: the formula says {told:.6g}, the law {drawn.law.variance:.6g}"


@_promise("draws the same from the same seed, in each of its forms")
def _ofEqualSeeds(trial):
    first = trial.values(trial.taken)
    for rng in (SEED, np.random.SeedSequence(SEED), np.random.default_rng(SEED)):
        if not np.array_equal(first, trial.values(trial.taken, rng)):
            yield f"rng={rng!r} draws another weight than rng={SEED}"


@_promise("draws something else from another seed, and without one at each call")
def _ofOtherSeeds(trial):
    generator = np.random.default_rng(SEED)
    pairs = {
        "two seeds": (SEED, SEED + 1),
        "no seed, twice": (None, None),
        "one Generator, twice": (generator, generator),
    }
    if trial.keepsSeed:
        del pairs["no seed, twice"]
    for words, (first, second) in pairs.items():
        one, two = trial.values(trial.taken, first), trial.values(trial.taken, second)
        kept = (one != 0) | (two != 0)  # off the taps that carry weight both are zero
        equal = int((one == two)[kept].sum())
        if trial.deterministic and not np.array_equal(one, two):
            yield f"{words}: two weights, though it is deterministic"
        elif not trial.deterministic and (equal > LUCK or not kept.any()):
            yield f"{words}: {equal} equal entries in both weights"


@_promise("leaves the global random streams alone")
def _ofGlobalStreams(trial):
    before = _globalStates()
    trial.values(trial.taken)
    if _globalStates() != before:
        yield "a draw moves the global stream on"


def _globalStates():
    return repr(np.random.get_state(legacy=False)), random.getstate()  # noqa: NPY002


@_promise("draws the same on any number of threads")
def _ofThreads(trial):
    for large in trial.taking([LARGE]):
        drawn = []
        before = set_num_threads(1)
        try:
            drawn.append(trial.values(large))
            set_num_threads(2)
            drawn.append(trial.values(large))
        finally:
            set_num_threads(before)
        if not np.array_equal(*drawn):
            yield "two threads draw another weight than one"


@_promise("gives each call arrays of its own")
def _ofOwnArrays(trial):
    first, second = (trial.draw(*trial.taken[:2], **trial.taken[2]) for _ in range(2))
    for name, one, two in zip(("weight", "bias"), first, second, strict=True):
        if np.shares_memory(one.get_value(borrow=True), two.get_value(borrow=True)):
            yield f"two calls share the {name}'s memory"


@_promise("refuses unknown options, and names the nearest")
def _ofUnknownOptions(trial):
    inputShape, outputShape, options = trial.taken
    for function in _faces(trial):
        error = attempt(function, inputShape, outputShape, **options, miror=True)
        if not isinstance(error, TypeError):
            yield f"miror=True: {_told(error)}, expected a TypeError"
        elif "mirror" not in str(error).replace("miror", "", 1):
            yield f"miror=True: the refusal does not name mirror: {error}"


@_promise("refuses shapes that no layer has")
def _ofBadShapes(trial):
    good = trial.taken[1]
    for function, bad in itertools.product(_faces(trial), BAD_SHAPES):
        for shapes in ((bad, good), (good, bad)):
            error = attempt(function, *shapes)
            if not isinstance(error, REFUSALS):
                yield f"{shapes}: {_told(error)}, expected a ValueError or TypeError"


@_promise("refuses seeds that are none")
def _ofBadSeeds(trial):
    if trial.deterministic:
        raise NotCoveredError("it is deterministic, and reads no seed.")
    inputShape, outputShape, options = trial.taken
    for rng in ("3", 1.5, True, [1], -1):
        error = attempt(trial.draw, inputShape, outputShape, rng=rng, **options)
        if not isinstance(error, REFUSALS):
            yield f"rng={rng!r}: {_told(error)}, expected a ValueError or TypeError"


def _faces(trial):
    """What refuses: the call, and the law where one is stated."""
    yield trial.function
    if trial.drawn and trial.drawn[0].law:
        yield trial.function.law


def _told(result):
    return f"{type(result).__name__}: {result}" if isinstance(result, Exception) else "taken"


def _refuseLawless(trial):
    if not any(drawn.law for drawn in trial.drawn):
        raise NotCoveredError("it states no law.")
