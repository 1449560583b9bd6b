"""Which positions a kernel reads: second moments and covariances, summed over its taps."""

from __future__ import annotations

import functools

import numpy as np

from lookslinear.arranging import average_taps, centre_tap
from lookslinear.errors import NotCoveredError
from lookslinear.laws import binomial_shares
from lookslinear.theory.stages import Stage


def sum_over_taps(
    values: np.ndarray, stage: Stage, moments: np.ndarray | None = None
) -> np.ndarray:
    """What each output position reads, summed over the taps of the kernel.

    .. math:: (A_1 v A_2^T)_{ij} = \\sum_{kl} v_{t i + k, t j + l}

    with stride t, and v = 0 beyond the border for zero padding. 'average' taps carry the same
    weight, so that a block's numbers f add up before they are squared: with s^2 = `moments` and the
    correlation rho of neighbours,

    .. math:: (1 - \\rho) \\sum v + \\rho \\, \\sum s \\, \\sum v / s

    which is (4 + 12 rho) v for a flat image. Taps of an orthogonal convolution carry unequal mean
    squares, as binomial coefficients, and any two of them are uncorrelated. The covariance of two
    images is taken to have the rho of one, as linear stages leave it.

    Parameters
    ----------
    values : array whose last axes are the positions
        Second moments, or covariances of two images, of what is read.
    stage : Stage
        A dense weight has no taps.
    moments : array
        The second moments that belong to `values`; themselves, if not given.

    References
    ----------
    Covariances: Xiao et al. 2018, arXiv 1806.05393 (reported). Zero padding and 'average' taps:
    derived here.
    """
    if _reads_own_position(stage):
        return values
    _refuse_uncovered_taps(stage)
    read = functools.partial(_along_axes, matrices=_matrices(values, stage, weighed=True))
    if stage.law.taps != "average":
        return read(values)
    deviations = np.sqrt(values if moments is None else moments)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(deviations > 0, values / deviations, 0.0)
    rho = stage.neighbour_correlation
    return (1 - rho) * read(values) + rho * read(deviations) * read(shares)


def count_over_taps(values: np.ndarray, stage: Stage) -> np.ndarray:
    """`sum_over_taps` of numbers that are independent from position to position.

    References
    ----------
    Derived here.
    """
    if _reads_own_position(stage):
        return values
    _refuse_uncovered_taps(stage)
    return _along_axes(values, _matrices(values, stage))


def spread_over_taps(gradients: np.ndarray, stage: Stage, sides: tuple[int, ...]) -> np.ndarray:
    """The adjoint of `count_over_taps`: what reaches each input position of an image.

    A gradient's numbers at two positions are uncorrelated where a random one enters at the end, so
    they add up as squares.

    Parameters
    ----------
    gradients : array whose last axes are the output's positions
    sides : tuple of int
        The input's sides.

    References
    ----------
    Derived here.
    """
    if _reads_own_position(stage):
        return gradients
    _refuse_uncovered_taps(stage)
    matrices = [matrix.T for matrix in _matrices_of(sides, stage, weighed=True)]
    return _along_axes(gradients, matrices)


def taps_that_carry(stage: Stage) -> int:
    """How many taps can be non-zero.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> taps_that_carry(Stage(dense_law(3, 4, "normal", 1.0)))
    1
    """
    law = stage.law
    each = {"all": law.receptive_field, "average": (2,) * len(law.receptive_field), "centre": ()}
    return int(np.prod(each[law.taps], dtype=int))


def _reads_own_position(stage: Stage) -> bool:
    dense = not stage.law.receptive_field
    whole = stage.stride == 1 and stage.padding != "valid"
    return dense or (stage.law.taps == "centre" and whole)


def _along_axes(values: np.ndarray, matrices: list[np.ndarray]) -> np.ndarray:
    for axis, matrix in enumerate(matrices, start=-len(matrices)):
        values = np.moveaxis(np.moveaxis(values, axis, -1) @ matrix.T, -1, axis)
    return values


def _matrices(values: np.ndarray, stage: Stage, weighed: bool = False) -> list[np.ndarray]:
    axes = len(stage.law.receptive_field)
    if np.ndim(values) < axes:
        raise ValueError(
            f"the last {axes} axes must be the positions that a kernel reads. "
            f"Received: shape {np.shape(values)}."
        )
    return _matrices_of(np.shape(values)[-axes:], stage, weighed)


def _matrices_of(sides: tuple[int, ...], stage: Stage, weighed: bool) -> list[np.ndarray]:
    """For each axis, which positions are read; weighed by the taps' mean squares, in their mean."""
    law = stage.law
    binomial = weighed and law.family == "haar_convolution" and law.taps == "all"
    return [
        _reading_matrix(n, s, law.taps, stage.padding, stage.stride, law.axes.flips, binomial)
        for n, s in zip(sides, law.receptive_field, strict=True)
    ]


@functools.lru_cache
def _reading_matrix(
    n: int, s: int, taps: str, padding: str, stride: int, flips: bool, binomial: bool = False
) -> np.ndarray:
    """Which of n positions (columns) each output (row) reads along one axis."""
    border = 0 if padding == "valid" else s // 2
    carrying = {"all": range(s), "centre": [centre_tap(s)]}
    if taps == "average":
        carrying["average"] = range(s)[average_taps(s, flips)]
    weights = s * binomial_shares(s) if binomial else np.ones(s)
    offsets = [(s - 1 - tap if flips else tap) - border for tap in carrying[taps]]
    outputs = (n + 2 * border - s) // stride + 1
    if taps == "centre" and border:  # an even filter's lies where the layer puts it
        offsets, outputs = [0], -(-n // stride)
    if outputs < 1:
        raise ValueError(f"a filter of side {s} does not fit an image of side {n}.")
    matrix = np.zeros((outputs, n))
    for row in range(outputs):
        for offset, weight in zip(offsets, weights, strict=False):  # symmetric: flips alike
            column = row * stride + offset
            if padding == "circular" or 0 <= column < n:
                matrix[row, column % n] += weight
    return matrix


def _refuse_uncovered_taps(stage: Stage) -> None:
    law = stage.law
    if law.taps == "average" and (stage.neighbour_correlation is None or stage.stride < 2):
        raise NotCoveredError(
            "kernels with 'average' taps add up neighbours, so the second moment depends on their "
            "correlation: it is predicted for a stride of 2 and a given neighbour_correlation."
        )
    half = stage.padding != "valid"
    if law.taps == "all" and half and any(side % 2 == 0 for side in law.receptive_field):
        raise NotCoveredError(
            f"an even filter shifts the image by half a pixel; only odd ones are predicted. "
            f"Received: {law.receptive_field}."
        )
