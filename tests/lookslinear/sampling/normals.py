"""Statistics of standard normal numbers, all in standard errors, added up over pieces."""

import math

import numpy as np
from scipy import stats

#: E x^p of a standard normal number, p from 0 to 12.
MOMENTS = [0 if p % 2 else math.prod(range(1, p, 2)) for p in range(13)]
#: Numbers beyond so many standard deviations are counted.
TAILS = (3, 4, 5)
#: Numbers taken at once: a piece that stays in the cache.
STEP = 2**17


class Tally:
    """Counts and power sums of as many numbers as are added.

    The variance of a mean of x^p is (E x^2p - (E x^p)^2) / count; the numbers beyond t standard
    deviations on either side are binomial.
    """

    def __init__(self):
        self.count, self.powers, self.zeros = 0, np.zeros(7), 0
        self.right, self.left = np.zeros(3, int), np.zeros(3, int)

    def add(self, numbers):
        """Adds the numbers of an array of any precision."""
        for first in range(0, numbers.size, STEP):
            self._add(numbers[first : first + STEP].astype(float))
        return self

    def _add(self, x):
        assert np.isfinite(x).all()
        self.count += x.size
        self.zeros += x.size - np.count_nonzero(x)
        power = x.copy()
        for exponent in range(1, 7):
            self.powers[exponent] += power.sum()
            power *= x
        far = x[np.abs(x) > TAILS[0]]
        self.right += [(far > tail).sum() for tail in TAILS]
        self.left += [(far < -tail).sum() for tail in TAILS]

    def scores(self):
        """Name -> standard errors that a statistic is off."""
        scores = {}
        for p in range(1, 7):
            error = math.sqrt((MOMENTS[2 * p] - MOMENTS[p] ** 2) / self.count)
            scores[f"moment {p}"] = (self.powers[p] / self.count - MOMENTS[p]) / error
        for tail, right, left in zip(TAILS, self.right, self.left, strict=True):
            both, chance = right + left, 2 * stats.norm.sf(tail)
            scores[f"beyond {tail}"] = binomial_score(both, self.count, chance)
            scores[f"sides beyond {tail}"] = binomial_score(right, both, 0.5)
        return scores


def binomial_score(successes, trials, chance):
    """How far a count is from that of so many independent trials, as a normal number."""
    at_least = stats.binom.sf(successes - 1, trials, chance)
    at_most = stats.binom.cdf(successes, trials, chance)
    pvalue = min(1.0, 2 * min(at_least, at_most))
    return math.copysign(stats.norm.isf(max(pvalue, 1e-300) / 2), at_most - at_least)


def pair_scores(x, y):
    """How far from independent two arrays of standard normal numbers are, number by number.

    The functions have mean 0 and variance 1 each, and so have their products if x, y are
    independent; the products' tails are light enough for a mean of 10^5 of them to be normal.
    """
    x, y = x.astype(float), y.astype(float)
    functions = {
        "x": lambda x: x,
        "x^2": lambda x: (x * x - 1) / math.sqrt(2),
        "sign": np.sign,
        "|x|": lambda x: (np.abs(x) - math.sqrt(2 / math.pi)) / math.sqrt(1 - 2 / math.pi),
    }
    return {
        (one, other): (functions[one](x) * functions[other](y)).mean() * math.sqrt(x.size)
        for one in functions
        for other in functions
    }


def worst(scores):
    """The largest deviation of all."""
    return max(map(abs, scores.values()))
