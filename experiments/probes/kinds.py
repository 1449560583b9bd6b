"""Kinds of layers, (input shape, activation, units, filter) -> compiled functions for them all.

A network of any depth has few kinds of layers. Each is compiled once, with a weight that is set
before every call.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utilityFunctions import T, floatX, gradient, theano
from experiments.probes.compact import (
    FarExponents,
    MeanSquares,
    OfSigns,
    Signs,
    farExponents,
    meanSquares,
)
from experiments.probes.panels import Multiply, Panels
from experiments.probes.perThread import PerThread
from layers import FC, Activation, Convolution, Representation


class Passed(NamedTuple):
    """Where a streamed way leads, mean squares there, `farExponents`, and signs of before."""

    array: np.ndarray
    squares: np.ndarray
    far: np.ndarray
    signs: Sequence[np.ndarray] = ()


class Kind:
    """One kind of layer, activation and then weight, each way compiled once, when first needed.

    Ways lead from a signal before the layer to pre-activations after it, and from a gradient after
    it to one before it. Each returns the mean squares of where it leads, too, one a sample.
    """

    def __init__(self, inputShape, activation: str, channels: int, sides):
        layer = Convolution(channels, s=sides, bias=False) if sides else FC(channels, bias=False)
        self._begin(inputShape)
        self._after = layer(Activation(activation)(self._representation)).tensor
        weight = layer.weight.type("weight")
        self._weights, self._givens = [weight], {layer.weight: weight}

    def _begin(self, inputShape: Sequence[int]) -> None:
        self._shape, self._dtype = tuple(inputShape), np.dtype(floatX())
        self._representation = Representation(inputShape)
        self._before = self._representation.input

    def forward(self, signal: np.ndarray, weight) -> tuple[np.ndarray, np.ndarray]:
        """The pre-activations after the layer, and their mean squares."""
        return tuple(self._forward(self._converted(signal), *self._arrays(weight)))

    def forwardWithSigns(self, signal: np.ndarray, weight) -> Passed:
        """The same, and the signs of the signal before it, whose memory is used up."""
        after, squares, far, *signs = self._forwardWithSigns(signal, *self._arrays(weight))
        return Passed(after, squares, far, signs)

    def backward(
        self, signal: np.ndarray, gradient: np.ndarray, weight
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradient before the layer, and its mean squares."""
        arrays = map(self._converted, (signal, gradient))
        return tuple(self._backward(*arrays, *self._arrays(weight)))

    def backwardOfSigns(self, signs: Sequence[np.ndarray], gradient: np.ndarray, weight) -> Passed:
        """The same from the signs of the signal, for 1-homogeneous activations.

        The memory of the gradient after the layer is used up.
        """
        shape = np.array((len(gradient), *self._shape))
        return Passed(*self._backwardOfSigns(*signs, shape, gradient, *self._arrays(weight)))

    def _arrays(self, weight) -> Sequence[np.ndarray]:
        return [self._converted(weight)]

    def _converted(self, array: np.ndarray) -> np.ndarray:
        """The array in our precision: from a lower one; Theano refuses to round."""
        if array.dtype == self._dtype:
            return array
        return T.TensorType(self._dtype.name, array.ndim * [False]).filter(array)

    @functools.cached_property
    def _forward(self):
        return self._compiled([self._before], self._after, [])

    @functools.cached_property
    def _forwardWithSigns(self):
        return self._compiled([_usedUp(self._before)], self._after, Signs()(self._before), True)

    @functools.cached_property
    def _backward(self):
        arriving = self._after.type("gradient")
        return self._compiled([self._before, arriving], self._leaving(arriving), [])

    @functools.cached_property
    def _backwardOfSigns(self):
        arriving, kept = self._after.type("gradient"), [out.type() for out in Signs()(self._before)]
        shape = T.lvector("shape")
        signs = OfSigns(self._dtype.name, self._before.ndim)(*kept, shape)
        inputs, leaving = [*kept, shape, _usedUp(arriving)], self._leaving(arriving)
        return self._compiled(inputs, leaving, [], True, {self._before: signs})

    def _leaving(self, arriving):
        return gradient(None, self._before, known_grads={self._after: arriving})

    def _compiled(self, inputs, array, others, isStreamed=False, givens=()):
        squares = MeanSquares()(array)
        far = [FarExponents()(squares)] if isStreamed else []
        # A linear layer's gradient does not depend on its input.
        return PerThread(
            [*inputs, *self._weights],
            [array, squares, *far, *others],
            givens={**self._givens, **dict(givens)},
            on_unused_input="ignore",
        )


class PanelKind(Kind):
    """One kind of dense layer whose weights are panels: on the way back those of the transpose."""

    def __init__(self, inputShape, activation: str):
        self._begin(inputShape)
        self._activated = Activation(activation)(self._representation).tensor
        self._weights = [T.TensorType(floatX(), [False])("panels"), T.lscalar("columns")]
        self._givens, self._after = {}, Multiply()(self._activated, *self._weights)

    def _leaving(self, arriving):
        through = Multiply()(arriving, *self._weights)
        return gradient(None, self._before, known_grads={self._activated: through})

    def _arrays(self, weight: Panels) -> Sequence[np.ndarray]:
        return weight


class FrameKind(Kind):
    """One kind of dense layer of Haar frames that are never made (`draw_factored`)."""

    def __init__(self, inputShape, activation: str):
        self._begin(inputShape)
        self._after = Activation(activation)(self._representation).tensor
        self._weights, self._givens = [], {}

    def forward(self, signal, weight):
        activated, _ = super().forward(signal, weight)
        return _withMeanSquares(weight.times(activated))

    def forwardWithSigns(self, signal, weight):
        activated, _, _, signs = super().forwardWithSigns(signal, weight)
        after, squares = _withMeanSquares(weight.times(activated))
        return Passed(after, squares, farExponents(squares), signs)

    def backward(self, signal, gradient, weight):
        return super().backward(signal, weight.times_transposed(gradient), weight)

    def backwardOfSigns(self, signs, gradient, weight):
        return super().backwardOfSigns(signs, weight.times_transposed(gradient), weight)

    def _arrays(self, weight) -> Sequence[np.ndarray]:
        return []


def kindOf(
    inputShape: tuple[int, ...], activation: str, channels: int, sides: tuple[int, ...]
) -> Kind:
    """The compiled kind of layer; the same one for the same arguments and floatX."""
    return _compiledOnce(Kind, floatX(), inputShape, activation, channels, sides)


def panelKindOf(inputShape: tuple[int, ...], activation: str) -> PanelKind:
    """The compiled kind of layer whose weights lie in panels."""
    return _compiledOnce(PanelKind, floatX(), inputShape, activation)


def frameKindOf(inputShape: tuple[int, ...], activation: str) -> FrameKind:
    """The compiled kind of layer whose weights are frames that are never made."""
    return _compiledOnce(FrameKind, floatX(), inputShape, activation)


def _usedUp(array):
    return theano.In(array, mutable=True)


def _withMeanSquares(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return array, meanSquares(array)


@functools.lru_cache(maxsize=256)
def _compiledOnce(kind: type, dtype: str, *arguments) -> Kind:
    return kind(*arguments)
