"""Claims about finite widths: Hanin 2018, Hanin & Nica 2020, Hanin & Rolnick 2018."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

from utilityFunctions import floatX
from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import logMoments
from lookslinear.laws import dense_law
from lookslinear.measures import jackknife
from lookslinear.theory import Stage, forward_log_norm

NETWORKS = 900
EQUAL, UNEQUAL = 13 * [24], [24, *(6 * [16, 48])]
#: Twice as deep and twice as wide as `EQUAL`.
LARGER = 24 * [48]
SETTING = f"He's ReLU nets, {NETWORKS} networks"


def _heNet(widths: Sequence[int]) -> list[Stage]:
    pairs = itertools.pairwise(widths)
    laws = [
        dense_law(read, written, "normal", math.sqrt(2 / read), dtype=floatX())
        for read, written in pairs
    ]
    return [Stage(law, "relu") for law in laws]


def _logs(widths: list[int], seed: int) -> np.ndarray:
    """Log of the growth of the squared length from the first layer's outputs to the last's."""
    return _drawnLogs(tuple(widths), seed, NETWORKS)


@functools.cache
def _drawnLogs(widths: tuple[int, ...], seed: int, networks: int) -> np.ndarray:
    forward, _ = logMoments(_heNet(widths), networks, seed)
    return forward[:, -1] - forward[:, 0]


def _law(widths: list[int]):
    """Mean and variance of the same, exact."""
    law = forward_log_norm(_heNet(widths), 1.0)
    return float(law.mean[-1] - law.mean[0]), float(law.variance[-1] - law.variance[0])


def _beta(widths: list[int]) -> float:
    return 5 * sum(1 / width for width in widths[1:-1])


def _variance(samples: np.ndarray) -> Measurement:
    found = jackknife(lambda one, two: two - one**2, samples[:, None], samples[:, None] ** 2)
    return Measurement.ofEstimate(found, len(samples))


def _ratioOfVariances(widths: list[int], seed: int) -> Measurement:
    """Log of the variance over that of `EQUAL`; the two profiles' networks are independent."""
    one, two = _variance(_logs(widths, seed)), _variance(_logs(EQUAL, 8))
    errors = [each.standardError / each.value for each in (one, two)]
    return Measurement(math.log(one.value / two.value), math.hypot(*errors), NETWORKS - 1)


CLAIMS = (
    Claim(
        "How much gradients vary is decided by the sum of the reciprocals of the hidden widths: "
        "log of the ratio of variances of the log norm, 12 layers of 16 and 48 by turns "
        "against 24",
        "Hanin 2018, arXiv 1801.03744, abstract",
        0.0,
        SETTING,
        lambda: math.log(_law(UNEQUAL)[1] / _law(EQUAL)[1]),
        lambda: _ratioOfVariances(UNEQUAL, 7),
    ),
    Claim(
        "Keeping the sum of reciprocal widths constant avoids that activation lengths vary ever "
        "more with depth: log of the ratio of variances of the log norm, 22 hidden layers of 48 "
        "against 11 of 24",
        "Hanin & Rolnick 2018, arXiv 1803.01719, abstract",
        0.0,
        SETTING,
        lambda: math.log(_law(LARGER)[1] / _law(EQUAL)[1]),
        lambda: _ratioOfVariances(LARGER, 6),
    ),
    Claim(
        "The log of a net's squared norm is normal with mean -beta / 2, beta = 5 sum 1 / n",
        "Hanin & Nica 2020, arXiv 1812.05994",
        -_beta(EQUAL) / 2,
        SETTING,
        lambda: _law(EQUAL)[0],
        lambda: Measurement.of(_logs(EQUAL, 9)),
        reported=True,
    ),
    Claim(
        "The log of a net's squared norm is normal with variance beta = 5 sum 1 / n",
        "Hanin & Nica 2020, arXiv 1812.05994",
        _beta(EQUAL),
        SETTING,
        lambda: _law(EQUAL)[1],
        lambda: _variance(_logs(EQUAL, 9)),
        reported=True,
    ),
)
