"""How far samples lie from a whole law: scores of their variance and of their distribution.

The law's numbers are handed in; no statistic knows where they come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri
from scipy.stats import kstwo

from lookslinear.errors import real_number
from lookslinear.measures.scores import LARGEST_SCORE

#: The mean and the deviation of Kolmogorov's distance of large samples, times sqrt(R).
_DISTANCE, _OF_DISTANCE = 0.8687311606, 0.2603289986


class Judgement(NamedTuple):
    """A statistic, its standard error and its expectation under the law, and its z-score."""

    value: float
    standard_error: float
    expected: float
    z: float


def judge_variance(samples: np.ndarray, variance: float, fourth: float) -> Judgement:
    """The samples' variance against that of a law with this fourth central moment.

    .. math:: Var s^2 = \\frac{1}{R} \\left( \\mu_4 - \\frac{R - 3}{R - 1} \\sigma^4 \\right)

    The score is that of the cube root (Wilson & Hilferty 1931), which is nearly normal where s^2
    itself is skew.

    Raises
    ------
    ValueError
        For fewer than two samples, which have no scatter, a variance that is negative, and moments
        that are not finite.

    Examples
    --------
    >>> judge_variance(np.array([-1.0, 1.0, -1.0, 1.0]), 4 / 3, 3 * (4 / 3) ** 2).value
    1.3333333333333333
    """
    count = _counted(samples, 2)
    real_number(variance, "variance", least=0)
    real_number(fourth, "fourth")
    found = float(np.var(samples, ddof=1))
    error = np.sqrt((fourth - (count - 3) / (count - 1) * variance**2) / count)
    relative = (error / variance) ** 2 / 9  # of the cube root
    z = (np.cbrt(found / variance) - (1 - relative)) / np.sqrt(relative)
    return Judgement(found, float(error), variance, float(z))


def judge_distribution(samples: np.ndarray, below: Callable[[np.ndarray], np.ndarray]) -> Judgement:
    """Kolmogorov's distance, the largest difference of the distributions of samples and law.

    The score is the normal number that is exceeded as seldom as this distance is.

    Parameters
    ----------
    samples : array of shape (R,)
    below : callable
        The law's distribution function.

    Examples
    --------
    >>> even = (np.arange(100) + 0.5) / 100
    >>> round(judge_distribution(even, lambda x: x).value, 12)
    0.005
    >>> judge_distribution(even**2, lambda x: x).z > 2.3
    True
    """
    count = _counted(samples, 1)
    at = below(np.sort(samples))
    steps = np.arange(count) / count
    distance = float(max(np.max(at - steps), np.max(steps + 1 / count - at)))
    z = float(np.clip(-ndtri(kstwo.sf(distance, count)), -LARGEST_SCORE, LARGEST_SCORE))
    root = np.sqrt(count)
    return Judgement(distance, _OF_DISTANCE / root, _DISTANCE / root, z)


def _counted(samples: np.ndarray, least: int) -> int:
    if np.ndim(samples) != 1 or len(samples) < least:
        raise ValueError(
            f"samples must be a row of at least {least}. Received: shape {np.shape(samples)}."
        )
    return len(samples)
