"""What a convolution loses at its borders: sums of second moments over the taps of a kernel."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from lookslinear.errors import NotCoveredError, whole_number, whole_numbers
from lookslinear.theory.stages import Stage


def sum_over_taps(moments: np.ndarray, stage: Stage) -> np.ndarray:
    """Each position's second moment, summed over the taps through which a kernel reads it.

    .. math:: (A_1 q A_2^T)_{ij} = \\sum_{|k| \\le s_1/2, |l| \\le s_2/2} q_{i+k, j+l}

    with q = 0 beyond the border for zero padding. Its own adjoint, it serves gradients too.

    Parameters
    ----------
    moments : array whose last axes are the positions
    stage : Stage
        'centre' taps read their own position alone; dense weights have no taps.
    """
    sides = stage.law.receptive_field
    if not sides or stage.law.taps == "centre":
        return moments
    _refuse_uncovered_taps(stage)
    mode = "wrap" if stage.padding == "circular" else "constant"
    for axis, side in enumerate(sides, start=moments.ndim - len(sides)):
        moments = convolve1d(moments, np.ones(side), axis=axis, mode=mode)
    return moments


def zero_padding_loss(sides: tuple[int, ...], s: int, depth: int) -> np.ndarray:
    """The fraction of a flat image's second moment that is left after 1 to `depth` convolutions.

    Independent weights whose variance is balanced for the full kernel, stride 1, half padding with
    zeros; the mean over positions.

    .. math:: \\prod_{axes} \\frac{1}{n} 1^T A^l 1, \\qquad A_{ij} = 1[|i - j| \\le s / 2] / s

    Parameters
    ----------
    sides : tuple of int
        The image's sides n.
    s : int
        The filter's side, odd.
    depth : int

    Returns
    -------
    array of shape (depth,)

    Examples
    --------
    >>> zero_padding_loss((8, 8), 3, 10)[[0, -1]].round(4)
    array([0.8403, 0.353 ])
    """
    if whole_number(s, "s") % 2 == 0:
        raise NotCoveredError(f"an even filter shifts the image; s must be odd. Received: {s}.")
    sides = whole_numbers(sides, "sides", (1, 2, 3), "a tuple of one to three sides")
    return np.prod([_loss_along_axis(n, s, whole_number(depth, "depth")) for n in sides], axis=0)


def _loss_along_axis(n: int, s: int, depth: int) -> np.ndarray:
    moments, means = np.ones(n), []
    for _ in range(depth):
        moments = convolve1d(moments, np.ones(s) / s, mode="constant")
        means.append(moments.mean())
    return np.array(means)


def _refuse_uncovered_taps(stage: Stage) -> None:
    if stage.law.taps == "average":
        raise NotCoveredError(
            "kernels with 'average' taps stand before a stride of 2, where the second moment "
            "depends on the correlation of neighbours; only layers of stride 1 are predicted."
        )
    if any(side % 2 == 0 for side in stage.law.receptive_field):
        raise NotCoveredError(
            f"an even filter shifts the image by half a pixel; only odd ones are predicted. "
            f"Received: {stage.law.receptive_field}."
        )
