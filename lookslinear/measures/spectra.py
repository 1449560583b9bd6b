"""Spectra of written-out matrices, (singular values or matrices) -> summaries with their errors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lookslinear.measures.ratios import jackknife
from lookslinear.measures.scores import Estimate, estimate


class SpectrumSummary(NamedTuple):
    """Singular values s over repetitions; the mean square and what follows it are of s^2.

    `relative_variance` is E s^4 / (E s^2)^2 - 1, with each mean over values and repetitions;
    `condition` the mean of the quotients largest / least, infinite where a value is 0.
    """

    least: Estimate
    median: Estimate
    largest: Estimate
    condition: Estimate
    mean_square: Estimate
    mean_fourth_power: Estimate
    relative_variance: Estimate


def spectrum_summary(values: np.ndarray) -> SpectrumSummary:
    """What there is to say of the singular values of one matrix a repetition.

    Parameters
    ----------
    values : array of shape (R, ..., k)
        The singular values, none negative, in any order on the last axis.

    Returns
    -------
    SpectrumSummary
        Estimates of shape (...).

    Raises
    ------
    ValueError
        For negative values and NaN, for no values, and for one spectrum without repetitions.

    Examples
    --------
    >>> summary = spectrum_summary(np.array([[0.0, 2.0], [0.0, 2.0]]))
    >>> float(summary.mean_square.value), float(summary.relative_variance.value)
    (2.0, 1.0)
    """
    values = np.asarray(values, dtype=float)
    if values.ndim < 2 or not values.shape[-1]:
        raise ValueError(
            f"values must be (networks, ..., k) with at least one value. "
            f"Received: shape {values.shape}."
        )
    if not (values >= 0).all():
        raise ValueError(f"values must not be negative. Received: {values.min()}.")
    squares, fourths = (np.mean(values**power, axis=-1) for power in (2, 4))
    least, largest = values.min(axis=-1), values.max(axis=-1)
    return SpectrumSummary(
        least=estimate(least),
        median=estimate(np.median(values, axis=-1)),
        largest=estimate(largest),
        condition=_condition(least, largest),
        mean_square=estimate(squares),
        mean_fourth_power=estimate(fourths),
        relative_variance=jackknife(lambda m2, m4: m4 / m2**2 - 1, squares, fourths),
    )


def effective_rank(matrices: np.ndarray) -> Estimate:
    """The mean over repetitions of r(D) = tr(D^T D) / ||D||_2^2, from 1 to the rank.

    Parameters
    ----------
    matrices : array of shape (R, ..., n, b)
        Such as the gradients of b samples as columns.

    Returns
    -------
    Estimate
        Arrays of shape (...); a matrix of zeros has no rank to speak of and is left out.

    References
    ----------
    Vershynin 2012, arXiv 1011.3027, remark 5.53 (reported); as a measure of gradients: Balduzzi et
    al. 2017, arXiv 1702.08591.

    Examples
    --------
    >>> float(effective_rank(np.diag([2.0, 1.0, 1.0])[None]).value)
    1.5
    """
    matrices = np.asarray(matrices, dtype=float)
    if matrices.ndim < 3:
        raise ValueError(
            f"matrices must be (networks, ..., n, b). Received: shape {matrices.shape}."
        )
    if not np.isfinite(matrices).all():
        raise ValueError(
            f"matrices must be finite. Received: {matrices[~np.isfinite(matrices)][0]}."
        )
    squares = np.square(np.linalg.svd(matrices, compute_uv=False))
    with np.errstate(invalid="ignore"):
        return estimate(squares.sum(axis=-1) / squares.max(axis=-1))


def _condition(least: np.ndarray, largest: np.ndarray) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate(largest / least)
