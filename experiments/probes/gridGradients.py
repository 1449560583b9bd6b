"""Gradients along a grid: (stages, grid, seed) -> dh/dx of every unit, layer by layer.

The derivative of a network of one number is pushed forward beside its signal, so that depth costs
time in proportion and no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from utilityFunctions import floatX
from experiments.probes.linearised import Network
from lookslinear.sampling import Rng
from lookslinear.theory.stages import Residual, Stage


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
        Stage l, counted through the branches, draws its weight from the l-th child.

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
    for part in Network(stages, (1,), seed).parts:
        signal, record = part.forward(signal)
        slope = part.push(record, slope)
        yield slope
