"""Standard normal numbers and fair coins, what a law's samples are turned into -> findings."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import betainc, chdtr, chdtrc, ndtr

from lookslinear.findings.verdicts import Finding
from lookslinear.laws import WeightLaw, independent_share


def eps_of(law: WeightLaw) -> float:
    """The relative rounding of an entry."""
    # A number of Python's: one of NumPy 2 in half precision would round what it is multiplied with.
    return float(np.finfo(law.dtype).eps) / legibility_of(law)


def smallest_of(law: WeightLaw) -> float:
    """The smallest number beside 0."""
    return float(np.finfo(law.dtype).smallest_subnormal) / legibility_of(law)


def legibility_of(law: WeightLaw) -> float:
    """W' is read off what was rounded as W-, of which it may be a small part."""
    return independent_share(law.mirror) if law.partly_mirrored else 1.0


def grain_of(law: WeightLaw) -> float:
    """The rounding of an entry in units of its scale: a mean makes the numbers coarser."""
    return eps_of(law) * (1 + abs(law.mean) / law.scale)


def of_normal_numbers(scores: np.ndarray, law: WeightLaw, what: str) -> Iterator[Finding]:
    """The second moment, mean and distribution of what should be standard normal numbers."""
    flat = scores.ravel()
    square = flat @ flat
    root = math.sqrt(square / flat.size)
    chance = two_sided_chi_square(square, flat.size)
    yield Finding(f"root mean square of {what}", root, 1.0, chance)
    mean = flat.sum() / math.sqrt(flat.size)
    yield Finding(f"mean of {what} (in standard errors)", mean, 0.0, 2 * ndtr(-abs(mean)))
    distance = _distance_from_normal(flat)
    rounding = grain_of(law) / 4 + smallest_of(law) / law.scale
    chance = _kolmogorov(distance - rounding, flat.size)
    yield Finding(f"distribution of {what} (Kolmogorov's distance)", distance, 0.0, chance)


def of_fair_coins(what: str, heads: np.ndarray) -> Finding:
    """How many of what should be independent fair coins show heads."""
    count = int(heads.sum())
    return Finding(what, count / heads.size, 0.5, _binomial(count, heads.size))


# Tail probabilities


def two_sided_chi_square(square: np.ndarray | float, degrees: int) -> np.ndarray:
    """The probability of a sum of squares as far off, either way."""
    tails = np.minimum(chdtr(degrees, square), chdtrc(degrees, square))
    return np.minimum(2 * tails, 1 - 1e-16)


def _binomial(successes: int, trials: int) -> float:
    """The two-sided probability of as many successes of fair trials, or of as few."""
    at_least = betainc(successes, trials - successes + 1, 0.5) if successes else 1.0
    at_most = betainc(trials - successes, successes + 1, 0.5) if successes < trials else 1.0
    return min(2 * min(at_least, at_most), 1 - 1e-16)


def _distance_from_normal(scores: np.ndarray) -> float:
    probabilities, count = ndtr(np.sort(scores)), scores.size
    above = np.arange(1, count + 1) / count - probabilities
    below = probabilities - np.arange(count) / count
    return float(max(above.max(), below.max()))


def _kolmogorov(distance: float, count: int) -> float:
    from scipy.stats import kstwo  # scipy.stats takes longer to import than all the rest

    return float(np.clip(kstwo.sf(max(distance, 0.0), count), 0, 1 - 1e-16))
