"""Statistics with known distributions under Haar, all in standard errors."""

import math

import numpy as np
from scipy import stats

from lookslinear.sampling import haar_frame


def orthonormality(frame):
    """The largest entry of Q'Q - I in units of sqrt(n) eps of its precision."""
    n, k = frame.shape
    eps, frame = np.finfo(frame.dtype).eps, frame.astype(float)
    return np.abs(frame.T @ frame - np.eye(k)).max() / (math.sqrt(n) * eps)


def many_frames(n, k, count=2000, dtype=np.float64):
    """A stack of independent frames, in double precision whatever they were made in."""
    rng = np.random.default_rng(1000 * n + k)
    return np.array([haar_frame(n, k, rng, dtype) for _ in range(count)]).astype(float)


def turned(frames):
    """The frames, and turned by a fixed orthogonal matrix on either side."""
    n = frames.shape[1]
    turn = np.linalg.qr(np.random.default_rng(99).standard_normal((n, n)))[0]
    return (("Q", frames), ("OQ", turn @ frames), ("QO", frames @ turn))


def score(pvalue):
    """The p-value of a test as a number of standard deviations."""
    return stats.norm.isf(max(pvalue, 1e-300) / 2)


def score_of_signs(positive):
    """How far the number of positive ones is from that of fair coins."""
    return score(stats.binomtest(int(positive.sum()), positive.size).pvalue)


def haar_scores(frames):
    """Means, second and fourth moments of small square frames, all of them turned too."""
    count, n, _ = frames.shape
    scores = {}
    for name, q in turned(frames):
        trace = np.trace(q, axis1=1, axis2=2)
        square = np.trace(q @ q, axis1=1, axis2=2)
        q11, q12, q22, q21 = q[:, 0, 0], q[:, 0, 1], q[:, 1, 1], q[:, 1, 0]
        expected = {
            "trace": (trace, 0),
            "trace^2": (trace**2, 1),
            "trace of square": (square, 1),
            "det": (np.linalg.det(q), 0),
            "11^4": (q11**4, 3 / (n * (n + 2))),
            "11^2 12^2": (q11**2 * q12**2, 1 / (n * (n + 2))),
            "11^2 22^2": (q11**2 * q22**2, (n + 1) / (n * (n - 1) * (n + 2))),
            "11 12 21 22": (q11 * q12 * q21 * q22, -1 / (n * (n - 1) * (n + 2))),
            **{f"{i}{j}": (q[:, i, j], 0) for i in range(min(n, 3)) for j in range(min(n, 3))},
        }
        for statistic, (values, mean) in expected.items():
            error = values.std() / math.sqrt(count)
            scores[f"{statistic} of {name}"] = (values.mean() - mean) / error
        uniform = entries_cdf(n)(q11)
        scores[f"distribution of 11 of {name}"] = score(stats.kstest(uniform, "uniform").pvalue)
    return scores


def entries_cdf(n):
    """The distribution function of one entry q: (1 + q) / 2 ~ Beta((n - 1) / 2, (n - 1) / 2)."""
    return lambda q: stats.beta((n - 1) / 2, (n - 1) / 2).cdf((1 + q) / 2)


def large_scores(frames):
    """Distributions of statistics of large square frames, all of them turned too.

    tr Q is normal, and tr Q^2 - 1 normal of variance 2, up to what is far below 10^-10 from n = 60
    on (Johansson 1997, Ann. Math. 145(3)).
    """
    _, n, _ = frames.shape
    scores = {"signs of the determinant": score_of_signs(np.linalg.det(frames) > 0)}
    for name, q in turned(frames):
        square = np.einsum("nij,nji->n", q, q)
        tested = {
            "trace": (np.trace(q, axis1=1, axis2=2), stats.norm.cdf),
            "trace of square": (square, stats.norm(1, math.sqrt(2)).cdf),
            "corner": ((q[:, : n // 2, 0] ** 2).sum(axis=1), half_cdf(n)),
            "lower corner": ((q[:, n // 2 :, -1] ** 2).sum(axis=1), half_cdf(n, n - n // 2)),
            **{f"{i}{j}": (q[:, i, j], entries_cdf(n)) for i in (0, 33, -1) for j in (0, 33, -1)},
        }
        for statistic, (values, cdf) in tested.items():
            scores[f"{statistic} of {name}"] = score(stats.kstest(values, cdf).pvalue)
    return scores


def half_cdf(n, part=None):
    """The distribution function of the squared length of a part of a column."""
    part = part or n // 2
    return stats.beta(part / 2, (n - part) / 2).cdf


def correlations_of_heads(frames):
    """The largest correlation of two columns' heads, with or without sign, in standard errors.

    Column j, seen after the reflections before it, is uniform on a sphere of n - j dimensions and
    independent of the others: so are the heads, which are the first entries there.
    """
    factored = [np.linalg.qr(frame, mode="raw") for frame in frames]
    heads = np.array([np.diagonal(h.T)[: len(tau)] * (1 - tau) for h, tau in factored])
    both = np.corrcoef(np.hstack([heads, np.abs(heads)]).T)
    columns = np.tile(np.arange(heads.shape[1]), 2)
    both[columns[:, None] == columns] = 0
    return np.abs(both).max() * math.sqrt(len(frames))
