"""Means and scores, (samples) -> value with its standard error: how far is it from a claim?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri, stdtr

#: Beyond this a tail probability is no longer a normal double-precision number.
LARGEST_SCORE = 37.0


class Estimate(NamedTuple):
    """A mean over repetitions and its standard error, in the unit of what was averaged."""

    value: np.ndarray
    standard_error: np.ndarray


def estimate(samples: np.ndarray, rounding: np.ndarray | float = 0.0) -> Estimate:
    """The mean over the first axis, and its standard error.

    .. math:: se^2 = \\frac{1}{R (R - 1)} \\sum_r (x_r - \\bar x)^2 + rounding^2

    Parameters
    ----------
    samples : array of shape (R, ...)
        NaN marks a repetition that has no value, such as the log of a dead network's zero.
    rounding : number or array of shape (...)
        The error that the arithmetic itself makes, below which no scatter can speak.

    Returns
    -------
    Estimate
        Arrays of shape (...); the standard error of fewer than two repetitions is NaN.

    Examples
    --------
    >>> estimate(np.array([[1.0], [3.0]]))
    Estimate(value=array([2.]), standard_error=array([1.]))
    """
    samples = np.asarray(samples, dtype=float)
    count = _counts(samples)
    mean = np.where(count > 0, np.nansum(samples, axis=0) / np.maximum(count, 1), np.nan)
    squares = np.nansum((samples - mean) ** 2, axis=0)
    scatter = np.where(count > 1, squares / np.maximum(count * (count - 1), 1), np.nan)
    return Estimate(mean, np.sqrt(scatter + np.square(rounding)))


def z_score(
    samples: np.ndarray, expected: np.ndarray, rounding: np.ndarray | float = 0.0
) -> np.ndarray:
    """How many standard errors the mean of the samples lies from its expectation.

    Student's t at R - 1 degrees of freedom, turned into the normal score of the same tail
    probability, so that |z| > 5 is as rare with 3 repetitions as with 300.

    Parameters
    ----------
    samples : array of shape (R, ...)
    expected : array of shape (...)
    rounding : as in `estimate`

    Returns
    -------
    array of shape (...), NaN where there is no scatter to judge by

    Examples
    --------
    >>> z_score(np.array([[0.9], [1.1], [1.0]]), np.array([2.0])).round(3)
    array([-2.937])
    """
    value, error = estimate(samples, rounding)
    with np.errstate(divide="ignore", invalid="ignore"):
        return normal_score((value - expected) / error, _counts(samples) - 1)


def z_score_of_products(
    logs: np.ndarray, expected: np.ndarray, rounding: np.ndarray | float = 0.0
) -> np.ndarray:
    """`z_score` for the mean of positive numbers that are products of many random factors.

    Such numbers are nearly lognormal, and at great depth their mean is carried by rare large ones
    that a sample does not hold. So the mean is judged through the logs y = log x, by Cox's method:

    .. math:: t = \\frac{\\bar y + s^2 / 2 - \\log E x}{\\sqrt{s^2 / R + s^4 / (2 (R - 1))}}

    which is the ordinary score where the scatter s is small. Where only a share p of the numbers is
    not 0, log p is added above and (1 - p) / (p R') under the root, R' numbers in all. At s = 2 and
    R = 10, |z| > 5 is reached in about one of ten thousand cases, not in one of a million.

    Parameters
    ----------
    logs : array of shape (R, ...)
        The logs of the numbers; -inf marks a number of 0, NaN one that is missing.
    expected : array of shape (...)
        The expected mean of the numbers themselves.
    rounding : as in `estimate`, relative to `expected`

    References
    ----------
    Zhou & Gao 1997, Statistics in Medicine 16, 783-790 (Cox's method); Aitchison 1955, JASA 50,
    901-908 (numbers that can be 0: the mean is p times that of the others).

    Examples
    --------
    >>> z_score_of_products(np.log([[0.9], [1.1], [1.0]]), np.array([2.0])).round(1)
    array([-2.7])
    """
    zeros = np.isneginf(logs).sum(axis=0)
    logs = np.where(np.isfinite(logs), logs, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean, error = estimate(logs)
        count = _counts(logs)
        variance = error**2 * count
        of_share = zeros / (count * (count + zeros))  # (1 - p) / (p R')
        spread = error**2 + variance**2 / (2 * (count - 1)) + np.square(rounding) + of_share
        log_mean = mean + variance / 2 + np.log(count / (count + zeros))
        return normal_score((log_mean - np.log(expected)) / np.sqrt(spread), count - 1)


def normal_score(t: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """The standard normal number with the tail probability that Student's t has.

    Examples
    --------
    >>> normal_score(np.array([5.0, -5.0]), np.array([9, 1000])).round(2)
    array([ 3.37, -4.97])
    """
    t, degrees = np.asarray(t, dtype=float), np.maximum(degrees, 1)
    score = -np.sign(t) * ndtri(stdtr(degrees, -np.abs(t)))
    return np.clip(score, -LARGEST_SCORE, LARGEST_SCORE)


def _counts(samples: np.ndarray) -> np.ndarray:
    return np.sum(~np.isnan(samples), axis=0)
