"""Kinds of layers, (input shape, activation, units, filter) -> two compiled functions for them all.

A network of any depth has few kinds of layers. Each is compiled once, with a weight that is set
before every call.
"""

from __future__ import annotations

import functools

import numpy as np

from utilityFunctions import T, compileFunction, floatX, gradient
from experiments.probes.products import modeOfSharedProducts
from layers import FC, Activation, Convolution, Representation


class Kind:
    """One kind of layer, activation and then weight, each way compiled once, when first needed."""

    def __init__(self, inputShape, activation: str, channels: int, sides):
        self._before = Representation(inputShape)
        layer = Convolution(channels, s=sides, bias=False) if sides else FC(channels, bias=False)
        self._after = layer(Activation(activation)(self._before))
        self._stored, self._weight = layer.weight, layer.weight.type("weight")
        self._dtype = np.dtype(self._weight.dtype)

    def forward(self, signal: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pre-activations after the layer, and their mean squares, one a sample."""
        return _withMeanSquares(self._forward(*map(self._converted, (signal, weight))))

    def backward(
        self, signal: np.ndarray, gradient: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradient before the layer, and its mean squares, one a sample."""
        arrays = map(self._converted, (signal, gradient, weight))
        return _withMeanSquares(self._backward(*arrays))

    def _converted(self, array: np.ndarray) -> np.ndarray:
        """The array in our precision: from a lower one; Theano refuses to round."""
        if array.dtype == self._dtype:
            return array
        return T.TensorType(self._dtype.name, array.ndim * [False]).filter(array)

    @functools.cached_property
    def _forward(self):
        return self._compiled([self._before.input], self._after.tensor)

    @functools.cached_property
    def _backward(self):
        before, after = self._before.input, self._after.tensor
        arriving = after.type("gradient")
        leaving = gradient(None, before, known_grads={after: arriving})
        return self._compiled([before, arriving], leaving)

    def _compiled(self, inputs, output):
        # A linear layer's gradient does not depend on its input.
        function = compileFunction(
            [*inputs, self._weight],
            output,
            givens={self._stored: self._weight},
            mode=modeOfSharedProducts(),
            on_unused_input="ignore",
        )
        function.trust_input = True  # its checks take longer than all other Python of a call
        return function


def kindOf(
    inputShape: tuple[int, ...], activation: str, channels: int, sides: tuple[int, ...]
) -> Kind:
    """The compiled kind of layer; the same one for the same arguments and floatX."""
    return _kindOfDtype(inputShape, activation, channels, sides, floatX())


@functools.lru_cache(maxsize=256)
def _kindOfDtype(inputShape, activation, channels, sides, dtype) -> Kind:
    return Kind(inputShape, activation, channels, sides)


def meanSquares(array: np.ndarray) -> np.ndarray:
    """The mean square of each sample of an array (samples, ...), in double precision.

    >>> meanSquares(np.array([[1.0, 3.0], [0.0, 0.0]]))
    array([5., 0.])
    """
    rows = array.reshape(len(array), 1, -1)
    rows = rows.astype(np.promote_types(rows.dtype, np.float32), copy=False)
    # One call of BLAS a sample: no array of squares, and sums as exact as pairwise ones.
    sums = np.matmul(rows, rows.swapaxes(1, 2))
    return sums[:, 0, 0].astype(float) / rows.shape[-1]


def _withMeanSquares(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return array, meanSquares(array)
