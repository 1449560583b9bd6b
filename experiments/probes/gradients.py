"""Gradients of several inputs through one network, (stages, x, gradients, seed) -> arrays.

Batch statistics are held constant, unless said otherwise: then the gradients of a batch sum to 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from experiments.probes.linearised import Network
from lookslinear.errors import whole_number
from lookslinear.sampling import Rng


def inputGradients(
    stages: Sequence,
    x: np.ndarray,
    outputGradients: Mapping[int, np.ndarray],
    seed: Rng,
    throughStatistics: bool = False,
) -> Iterator[tuple[int, np.ndarray]]:
    """Gradients with respect to the inputs, of networks that end at several depths.

    All are the beginnings of one network, whose signal is sent forward once; a gradient is sent
    back from each depth. Memory: the signals of the batch at all layers.

    Parameters
    ----------
    stages : sequence of Stage and Residual
        A depth counts these: a residual sum is one.
    x : array (samples, ...)
        The batch, of which normalisations take their statistics.
    outputGradients : mapping from depths to arrays (k, *shape of one output)
        What enters at the outputs of each depth, the same for all samples: k random read-outs.
    seed : None, int or SeedSequence
        Stage l draws its weight from the l-th child.
    throughStatistics : bool
        Whether the gradient goes through means and deviations too, which one sample's gradient
        shares with the whole batch: with the same read-out for all. k must be 1.

    Yields
    ------
    (depth, array (samples, k, *shape of one input)), for each depth in turn

    Raises
    ------
    ValueError, TypeError
        For depths that the network does not have, gradients that do not fit its outputs there, and
        k > 1 through statistics.

    Examples
    --------
    >>> from experiments.arms import Arm
    >>> from experiments.networks import stagesOf
    >>> from lookslinear.sampling import standard_normal
    >>> stages = stagesOf(Arm.parse("orthogonal+mirror/crelu"), (8,), "dense", depth=9, width=8)
    >>> x, back = standard_normal((2, 2, 8), rng=0)
    >>> for depth, found in inputGradients(stages, x, {1: back, 9: back}, seed=0):
    ...     print(depth, found.shape, bool(abs(found[0] - found[1]).max() < 1e-4))
    1 (2, 2, 8) True
    9 (2, 2, 8) True
    """
    network = Network(stages, x.shape[1:], seed)
    for depth, gradients in outputGradients.items():
        _checkDepth(depth, len(stages))
        _checkShape(gradients, depth, network.parts[depth - 1].outputShape)
        if throughStatistics and len(gradients) != 1:
            raise ValueError(
                f"gradients through statistics take one read-out at a time. "
                f"Received: {len(gradients)}."
            )
    _, tape = network.forward(x)
    for depth, gradients in outputGradients.items():
        rows = np.tile(gradients, (len(x), *[1] * (gradients.ndim - 1)))
        found = network.pull(tape[:depth], rows, throughStatistics)
        yield depth, found.reshape(len(x), len(gradients), *x.shape[1:])


def _checkDepth(depth: int, parts: int) -> None:
    if whole_number(depth, "each depth") > parts:
        raise ValueError(
            f"each depth must be at most {parts}, the parts of the network. Received: {depth}."
        )


def _checkShape(gradients: np.ndarray, depth: int, outputShape: tuple[int, ...]) -> None:
    if gradients.shape[1:] != tuple(outputShape):
        raise ValueError(
            f"gradients at depth {depth} must be (k, *{tuple(outputShape)}). "
            f"Received: shape {gradients.shape}."
        )
