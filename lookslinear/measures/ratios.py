"""Quotients of means, (samples) -> value with its jackknife error: correlations over networks.

A quotient is that of the means, never the mean of quotients: what a theory of wide networks
predicts is E[ab] / E[bb], and a network whose gradients are large says more of both. Quotients
taken network by network weigh all alike, which makes autocorrelations of deep networks too small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lookslinear.errors import whole_number
from lookslinear.measures.scores import Estimate, z_score


def jackknife(function: Callable[..., np.ndarray], *samples: np.ndarray) -> Estimate:
    """A smooth function of means over the first axis, and its standard error.

    .. math:: se^2 = \\frac{R - 1}{R} \\sum_r (f_{-r} - \\bar f)^2

    with f_{-r} the function of the means without repetition r. The value is f of all means.

    Parameters
    ----------
    function : callable
        Of as many arrays of means as there are samples; it must broadcast over their first axis.
    samples : arrays of shape (R, ...)
        Without NaN.

    Returns
    -------
    Estimate
        The standard error of fewer than two repetitions is NaN.

    Raises
    ------
    ValueError
        For samples of different numbers of repetitions, or of none.

    References
    ----------
    Tukey 1958, Ann. Math. Statist. 29, 614 (abstract).

    Examples
    --------
    >>> value, error = jackknife(np.square, np.array([[1.0], [3.0]]))
    >>> value.tolist(), error.tolist()
    ([4.0], [4.0])
    """
    samples = [np.asarray(sample, dtype=float) for sample in samples]
    count = _repetitions(samples)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = function(*(sample.mean(axis=0, keepdims=True) for sample in samples))[0]
        if count < 2:
            return Estimate(value, np.full(np.shape(value), np.nan))
        without = [(sample.sum(axis=0) - sample) / (count - 1) for sample in samples]
        left = function(*without)
        error = np.sqrt((count - 1) * np.var(left, axis=0))
    return Estimate(value, error)


def ratio(numerators: np.ndarray, denominators: np.ndarray) -> Estimate:
    """The quotient of two means, and its jackknife standard error.

    Parameters
    ----------
    numerators, denominators : arrays of shape (R, ...)
        Pairs from the same repetitions, of shapes that broadcast; without NaN.

    Examples
    --------
    >>> half = ratio(np.array([1.0, 3.0]), np.array([2.0, 6.0]))
    >>> float(half.value), float(half.standard_error)
    (0.5, 0.0)
    """
    return jackknife(np.divide, numerators, denominators)


def z_score_of_ratio(
    numerators: np.ndarray,
    denominators: np.ndarray,
    expected: np.ndarray | float,
    rounding: np.ndarray | float = 0.0,
) -> np.ndarray:
    """How far a quotient of means lies from its expectation, as `z_score` says it of a mean.

    The score of the mean of a - r b, which is 0 if E a = r E b: so the quotient's own bias and the
    skewness of a denominator that is known badly do not matter.

    Parameters
    ----------
    numerators, denominators : arrays of shape (R, ...)
    expected : array of shape (...)
        r, the quotient of the expectations.
    rounding : number or array of shape (...)
        The error that the arithmetic itself makes in the quotient.

    References
    ----------
    Fieller 1954, J. R. Statist. Soc. B 16, 175-185.

    Examples
    --------
    >>> a, b = np.array([[0.9], [1.1], [1.0]]), np.ones((3, 1))
    >>> z_score_of_ratio(a, b, np.array([2.0])).round(3)
    array([-2.937])
    """
    numerators, denominators = (np.asarray(a, dtype=float) for a in (numerators, denominators))
    differences = numerators - expected * denominators
    size = np.abs(denominators).mean(axis=0)
    return z_score(differences, np.zeros(differences.shape[1:]), rounding * size)


def correlation(a: np.ndarray, b: np.ndarray) -> Estimate:
    """The correlation of paired vectors over repetitions, without subtracting their means.

    .. math:: R = \\frac{\\sum_r a_r \\cdot b_r}
                        {\\sqrt{\\sum_r |a_r|^2 \\; \\sum_r |b_r|^2}}

    Parameters
    ----------
    a, b : arrays of shape (R, ..., n)
        Vectors on the last axis, such as the gradients of two inputs in network r.

    Returns
    -------
    Estimate
        Arrays of shape (...).

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 3.

    Examples
    --------
    >>> a = np.array([[1.0, 0.0], [3.0, 0.0]])
    >>> round(float(correlation(a, -2 * a).value), 12)
    -1.0
    """
    a, b = (np.asarray(vectors, dtype=float) for vectors in (a, b))
    if a.ndim < 2 or a.shape != b.shape:
        raise ValueError(
            f"a and b must be of one shape, (repetitions, ..., n). Received: {a.shape}, {b.shape}."
        )
    return jackknife(
        lambda ab, aa, bb: ab / np.sqrt(aa * bb), _products(a, b), _products(a, a), _products(b, b)
    )


def lag_products(samples: np.ndarray, lags: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators of `autocorrelation`, for `ratio` and `z_score_of_ratio`.

    Parameters
    ----------
    samples : array of shape (R, ..., M)
    lags : whole numbers of 0 to M - 1

    Returns
    -------
    two arrays of shapes (R, ..., lags) and (R, ..., 1)
        The mean of g_i g_{i+k} over the M - k pairs, and that of g_i^2 over all i.

    Examples
    --------
    >>> above, below = lag_products(np.array([[1.0, -1.0, 1.0, -1.0]]), [1, 2])
    >>> above.tolist(), below.tolist()
    ([[-1.0, 1.0]], [[1.0]])
    """
    samples = np.asarray(samples, dtype=float)
    if samples.ndim < 2:
        raise ValueError(
            f"samples must be (repetitions, ..., M). Received: shape {samples.shape}. "
            f"One series is samples[None]."
        )
    places = samples.shape[-1]
    if np.ndim(lags) != 1:
        raise TypeError(f"lags must be a sequence of whole numbers. Received: {lags!r}.")
    for lag in lags:
        if whole_number(lag, "each of lags", least=0) >= places:
            raise ValueError(f"each of lags must be below {places}, the samples. Received: {lag}.")
    pairs = [samples[..., lag:] * samples[..., : places - lag] for lag in lags]
    above = np.stack([pair.mean(axis=-1) for pair in pairs], axis=-1)
    return above, np.square(samples).mean(axis=-1, keepdims=True)


def autocorrelation(samples: np.ndarray, lags: Sequence[int]) -> Estimate:
    """The autocorrelation of stationary series at given lags, without subtracting their means.

    .. math:: \\rho_k = \\frac{\\overline{g_i g_{i+k}}}{\\overline{g_i^2}}

    with both means taken over repetitions and places. White noise has a standard deviation of
    1 / sqrt(R (M - k)) about 0.

    Parameters
    ----------
    samples : array of shape (R, ..., M)
        One series a repetition on the last axis. For series about their own means, subtract them.
    lags : whole numbers of 0 to M - 1

    Returns
    -------
    Estimate
        Arrays of shape (..., lags).

    Raises
    ------
    TypeError, ValueError
        For a lag that is no whole number, is negative, or is not below M.

    Examples
    --------
    >>> autocorrelation(np.array([[1.0, 1.0, -1.0, -1.0], [2.0, 2.0, -2.0, -2.0]]), [0, 2])
    Estimate(value=array([ 1., -1.]), standard_error=array([0., 0.]))
    """
    return ratio(*lag_products(samples, lags))


def _repetitions(samples: Sequence[np.ndarray]) -> int:
    counts = {len(sample) if sample.ndim else 0 for sample in samples}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(
            f"samples must have the same number of repetitions, at least one. "
            f"Received: shapes {', '.join(str(sample.shape) for sample in samples)}."
        )
    return counts.pop()


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...i,...i->...", a, b)
