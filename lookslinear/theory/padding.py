"""What is lost at the borders of an image under zero padding."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d

from lookslinear.errors import NotCoveredError, whole_number, whole_numbers


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

    References
    ----------
    Derived here.

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
