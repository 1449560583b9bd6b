"""Claims about Jacobians of residual nets: Tarnowski et al. 2019, and where they do not apply.

That the law is universal is the paper's abstract; its form, and so the number 2 c, are reported.
"""

from __future__ import annotations

import numpy as np

from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import dense, singularValues
from lookslinear.measures import spectrum_summary
from lookslinear.theory import (
    Residual,
    derivative_moment,
    forward_second_moments,
    spectral_moments,
    squared_derivative_moment,
)

TARNOWSKI = "Tarnowski et al. 2019, arXiv 1809.08848"
WIDTH, BLOCKS, NETWORKS = 100, 60, 24
HE = 2.0
SETTING = f"width {WIDTH}, {BLOCKS} blocks, {NETWORKS} networks"


def _net(before: str = "linear", behind: str = "linear", gain: float = 1.0) -> list:
    """Blocks x + behind(W before(x)) / sqrt(blocks), behind an orthogonal layer."""
    branch = dense(WIDTH, gain, activation=before)
    block = Residual((branch,), 1.0, BLOCKS**-0.5, behind)
    return [dense(WIDTH, 1.0, "haar"), *BLOCKS * [block]]


def _relativeVariance(stages: list) -> Measurement:
    return _spread(singularValues(stages, NETWORKS, seed=50))


def _relativeVarianceOfBulk(stages: list) -> Measurement:
    """Of all singular values of each network but the largest."""
    return _spread(np.sort(singularValues(stages, NETWORKS, seed=50), axis=1)[:, :-1])


def _spread(values: np.ndarray) -> Measurement:
    return Measurement.ofEstimate(spectrum_summary(values).relative_variance, NETWORKS)


def _branchMoments(behind: str, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """The mean squares and fourth powers of a branch's derivatives, in each block."""
    moments = np.array(forward_second_moments(_net("linear", behind, gain), 1.0), dtype=float)
    q = gain * moments[:-1]
    return gain * derivative_moment(behind, q), gain**2 * squared_derivative_moment(behind, q)


def paperVariance(behind: str, gain: float = 1.0) -> float:
    """2 c, c the sum over blocks of a branch's mean squared derivative.

    Examples
    --------
    >>> round(paperVariance("linear"), 12)
    2.0
    """
    squares, _ = _branchMoments(behind, gain)
    return float(2 * squares.sum() / BLOCKS)


def wideVariance(behind: str, gain: float = 1.0) -> float:
    """The relative variance at this many blocks I + s D W, in the limit of large width.

    A block adds (2 s^2 d + s^4 f) / (1 + s^2 d)^2, d and f the mean of phi'^2 and phi'^4: from
    E tr (D W W^T D)^2 / n = d^2 + f.

    Examples
    --------
    >>> exact = spectral_moments(_net()).relative_variance
    >>> bool(abs(wideVariance("linear") / exact - 1) < 3 / WIDTH)
    True
    """
    squares, fourths = _branchMoments(behind, gain)
    added = (2 * squares / BLOCKS + fourths / BLOCKS**2) / (1 + squares / BLOCKS) ** 2
    return float(added.sum())


CLAIMS = (
    Claim(
        "Squared singular values of residual nets have the relative variance 2 c, c the sum of "
        "the branches' mean squares: linear branches, c = 1",
        f"{TARNOWSKI}, variance of the universal density",
        2.0,
        SETTING,
        lambda: spectral_moments(_net()).relative_variance,
        lambda: _relativeVariance(_net()),
        reported=True,
    ),
    Claim(
        "Squared singular values of residual nets have the relative variance 2 c whatever the "
        "activation: blocks x + s tanh(W x)",
        f"{TARNOWSKI}, variance of the universal density",
        paperVariance("tanh"),
        SETTING,
        lambda: wideVariance("tanh"),
        lambda: _relativeVariance(_net(behind="tanh")),
        reported=True,
    ),
    Claim(
        "Squared singular values of residual nets have the relative variance 2 c whatever the "
        "activation: blocks x + s relu(W x), c = 1, all singular values but the largest",
        f"{TARNOWSKI}, variance of the universal density",
        paperVariance("relu", HE),
        SETTING,
        lambda: wideVariance("relu", HE),
        lambda: _relativeVarianceOfBulk(_net(behind="relu", gain=HE)),
        reported=True,
    ),
    Claim(
        "Squared singular values of residual nets have the relative variance 2 c whatever the "
        "activation: blocks x + s relu(W x), c = 1, all singular values",
        f"{TARNOWSKI}, variance of the universal density",
        paperVariance("relu", HE),
        SETTING,
        None,
        lambda: _relativeVariance(_net(behind="relu", gain=HE)),
        why="ReLU has a mean, which adds up from block to block and stretches the signal itself, "
        "here 60-fold; so does the Jacobian, since J x = f(x). The law is that of the density at "
        "large width, where one singular value does not count; at this width its fourth power "
        "outweighs all others.",
        reported=True,
    ),
    Claim(
        "The law of the relative variance 2 c, taken over to blocks x + s W relu(x) with the "
        "activation before the weight: c = 1",
        f"{TARNOWSKI}, universal density, for blocks with the activation behind the weight",
        2.0,
        SETTING,
        None,
        lambda: _relativeVariance(_net("relu", gain=HE)),
        why="Before the weight, the gates of successive blocks see nearly the same signal and open "
        "together, so that the same directions grow in all of them; the law needs gates that are "
        "drawn anew in each block.",
        reported=True,
    ),
)
