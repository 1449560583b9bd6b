"""An initialisation on trial: all that it draws, over shapes, options and dtypes, or refuses."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from utilityFunctions import theano
from initialising.registry import initD
from lookslinear.errors import NotCoveredError
from lookslinear.laws import FIXED, WeightLaw

#: Fans in and out that differ by more than a factor of 2, both ways: what is told, and the filter.
SHAPES = (
    ((24,), (60,), {}),
    ((60,), (24,), {}),
    ((24, 8, 8), (60, 8, 8), {"s": (3, 3)}),
    ((60, 8, 8), (24, 8, 8), {"s": (1, 1)}),
    ((60, 8, 8), (24, 8, 8), {"s": (4, 2)}),
)
#: Options that all entries take, by the dtype that they are tried in.
OPTIONS = {
    "float32": ({}, {"mirror": True}, {"relu": True}, {"mirror": 0.5}),
    "float64": ({}, {"mirror": True}),
}
SEED = 7
REFUSALS = (ValueError, TypeError)


@dataclass(frozen=True)
class Drawn:
    """A weight and its bias, with what was asked for and the law that was claimed."""

    asked: str
    channels: tuple[int, int]  # in, out
    options: Mapping
    dtype: str
    law: WeightLaw | None
    biasLaw: WeightLaw | None
    weight: object
    bias: object

    @property
    def shape(self) -> tuple[int, ...]:
        """The weight's, in Theano's layout."""
        inwards, outwards = self.channels
        sides, groups = self.options.get("s", ()), self.options.get("groups", 1)
        return (outwards, inwards // groups, *sides) if sides else (inwards, outwards)

    @property
    def values(self) -> np.ndarray:
        """The weight's."""
        return self.weight.get_value(borrow=True)


class Trial:
    """An initialisation, and what it draws for all shapes, options and dtypes."""

    def __init__(self, initialisation, options, deterministic):
        self.function = initD[initialisation]
        called = getattr(self.function, "__name__", repr(self.function))
        self.name = initialisation if isinstance(initialisation, str) else called
        self.own = _mappings(options)
        # Without a seed, Keras's objects draw the same at each call.
        self.keepsSeed = getattr(self.function, "keepsSeed", False)
        self._deterministic = deterministic

    def draw(self, inputShape, outputShape, rng=SEED, **options):
        """[weight, bias]; refuses what is no such pair."""
        made = self.function(inputShape, outputShape, rng=rng, **options)
        isPair = isinstance(made, tuple | list) and len(made) == 2
        if not isPair or not all(hasattr(part, "get_value") for part in made):
            raise TypeError(f"must return [weight, bias], shared variables. Received: {made!r}.")
        return made

    def values(self, shapes, rng=SEED):
        """The stored weight for an input, an output and options."""
        inputShape, outputShape, options = shapes
        return self.draw(inputShape, outputShape, rng=rng, **options)[0].get_value(borrow=True)

    def law(self, inputShape, outputShape, **options):
        """The law that is claimed; None where none is stated."""
        stated = getattr(self.function, "law", None)
        try:
            return stated and stated(inputShape, outputShape, **options)
        except NotCoveredError:
            return None

    @property
    def drawn(self):
        """All draws that are not refused, in both dtypes."""
        return self._tried[0]

    @property
    def refused(self):
        """The ways in which law and draw do not refuse the same."""
        return self._tried[1]

    @functools.cached_property
    def deterministic(self):
        """Whether all draws are claimed to be equal."""
        laws = [drawn.law for drawn in self.drawn if drawn.law]
        if self._deterministic is None and laws:
            return all(law.family in FIXED or law.scale == 0 for law in laws)
        return bool(self._deterministic)

    @functools.cached_property
    def taken(self):
        """The first shape that it takes, with options."""
        for shapes in self.taking(SHAPES):
            return shapes
        raise NotCoveredError("it refuses every shape.")

    def taking(self, shapes):
        """Those of some shapes, with options, that it does not refuse."""
        for inputShape, outputShape, options in shapes:
            try:
                self.draw(inputShape, outputShape, **options)
            except REFUSALS:
                continue
            yield inputShape, outputShape, options

    @functools.cached_property
    def _tried(self):
        drawn, disagreements = [], []
        for dtype, common in OPTIONS.items():
            with theano.config.change_flags(floatX=dtype):
                for shapes, given in itertools.product(SHAPES, [*common, *self.own]):
                    found = self._one(shapes, given, dtype)
                    if found is not None:
                        (drawn if isinstance(found, Drawn) else disagreements).append(found)
        return drawn, disagreements

    def _one(self, shapes, given, dtype):
        """What was drawn; in words, how law and draw disagree; None where both refuse."""
        inputShape, outputShape, filters = shapes
        options = {**filters, **given}
        asked = f"{inputShape} to {outputShape}, {options}, {dtype}"
        law = attempt(self.law, inputShape, outputShape, **options)
        made = attempt(self.draw, inputShape, outputShape, **options)
        if law is not None and isinstance(law, Exception) != isinstance(made, Exception):
            refusing = "law" if isinstance(law, Exception) else "draw"
            reason = law if refusing == "law" else made
            return f"{asked}: only the {refusing} refuses this: {reason}"
        if isinstance(made, Exception):
            return None
        channels = (inputShape[0], outputShape[0])
        stated = getattr(self.function, "biasLaw", None)
        biasLaw = stated and stated(inputShape, outputShape, **options)
        return Drawn(asked, channels, options, dtype, law, biasLaw, *made)


def _mappings(options):
    several = isinstance(options, Sequence) and not isinstance(options, str)
    if not several or not all(isinstance(given, Mapping) for given in options):
        raise TypeError(
            f'options must be a list of dictionaries, such as [{{"gain": 2.0}}]. '
            f"Received: {options!r}."
        )
    return [dict(given) for given in options]


def attempt(function, *args, **kwargs):
    """What a function returns, or the refusal that it raises."""
    try:
        return function(*args, **kwargs)
    except REFUSALS as error:
        return error
