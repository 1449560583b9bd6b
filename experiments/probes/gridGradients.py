"""Gradients along a grid: (stages, grid, seed) -> dh/dx of every unit, layer by layer.

The derivative of a network of one number is carried forward beside its signal, so that depth costs
time in proportion and no memory. One function is compiled for each kind of layer; a layer's weights
are drawn when they are needed and dropped.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from utilityFunctions import T, compileFunction, floatX, theano
from layers import FC, Activation, Representation
from lookslinear.sampling import Rng, child_seed, draw, standard_normal
from lookslinear.theory import Stage
from lookslinear.theory.stages import Residual

#: Which child of a stage's seed draws what.
_WEIGHT, _BIAS = 0, 1


def gridGradients(
    stages: Sequence[Stage | Residual], grid: np.ndarray, seed: Rng
) -> Iterator[np.ndarray]:
    """The derivatives of each stage's outputs along the grid, one stage after the other.

    Normalisation is over the grid, its statistics held constant in the derivative.

    Parameters
    ----------
    stages : sequence of Stage and Residual
        The first reads one number.
    grid : array of shape (M,)
    seed : None, int or SeedSequence
        Stage l draws from the l-th child.

    Yields
    ------
    array of shape (M, units), one a stage

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> stages = [Stage(dense_law(1, 4, "constant", 3.0)), Stage(dense_law(4, 2, "constant", 0.5))]
    >>> [slopes[0].tolist() for slopes in gridGradients(stages, np.arange(3), seed=0)]
    [[3.0, 3.0, 3.0, 3.0], [6.0, 6.0]]
    """
    signal = np.asarray(grid, dtype=floatX())[:, None]
    slope = np.ones_like(signal)
    for l, stage in enumerate(stages):
        signal, slope = _through(stage, signal, slope, child_seed(seed, l))
        yield slope


def _through(
    stage: Stage | Residual, signal: np.ndarray, slope: np.ndarray, seed: np.random.SeedSequence
) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(stage, Residual):
        return _aroundBranch(stage, signal, slope, seed)
    kind = kindOf(stage.units, stage.writes, stage.activation.name, stage.normalisation)
    biases = stage.bias_variance**0.5 * standard_normal(
        (1, stage.writes), child_seed(seed, _BIAS), floatX()
    )
    return kind(signal, slope, draw(stage.law, child_seed(seed, _WEIGHT)), biases)


def _aroundBranch(
    block: Residual, signal: np.ndarray, slope: np.ndarray, seed: np.random.SeedSequence
) -> tuple[np.ndarray, np.ndarray]:
    branch = (signal, slope)
    for l, stage in enumerate(block.branch):
        branch = _through(stage, *branch, child_seed(seed, l))
    dtype = signal.dtype.type  # a float64 factor would make all that follows float64
    skip, scale = dtype(block.skip), dtype(block.scale)
    return skip * signal + scale * branch[0], skip * slope + scale * branch[1]


class Kind:
    """One kind of layer, normalisation, activation, weight, with its derivative; compiled once."""

    def __init__(self, units: int, outputs: int, activation: str, normalisation: str):
        before, slope = Representation((units,)), T.matrix("slope")
        layer = FC(outputs)
        after = layer(Activation(activation)(before)).tensor
        self._weight, self._bias = layer.weight, layer.bias
        signal = T.matrix("signal")
        normalised, deviation = _normalised(signal, normalisation)
        self._both = compileFunction(
            [signal, slope],
            theano.clone(
                [after, T.Rop(after, before.input, slope)],
                {before.input: normalised, slope: slope / deviation},
            ),
        )

    def __call__(
        self, signal: np.ndarray, slope: np.ndarray, weight: np.ndarray, bias: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pre-activations after the layer, and their derivatives along the grid."""
        self._weight.set_value(weight, borrow=True)
        self._bias.set_value(bias, borrow=True)
        return tuple(self._both(signal, slope))


def kindOf(units: int, outputs: int, activation: str, normalisation: str) -> Kind:
    """The compiled kind of layer; the same one for the same arguments and floatX."""
    return _kindOfDtype(units, outputs, activation, normalisation, floatX())


@functools.lru_cache
def _kindOfDtype(units, outputs, activation, normalisation, dtype) -> Kind:
    return Kind(units, outputs, activation, normalisation)


def _normalised(signal, how: str):
    """The signal as its activation meets it, and what it was divided by."""
    if how == "none":
        return signal, T.ones_like(signal[:1])
    signal = signal - T.mean(signal, axis=0, keepdims=True)
    if how == "centre":
        return signal, T.ones_like(signal[:1])
    deviation = T.sqrt(T.mean(T.sqr(signal), axis=0, keepdims=True))
    return signal / deviation, deviation
