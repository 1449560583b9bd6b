"""Functions of two numbers, (function, places) -> Chebyshev series: for thousands of places.

Where a value costs an integral, it is found on a few dozen nodes along each axis, and everywhere
else from the series through them, which converges faster than any power where the function is
smooth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

#: Nodes along an axis: to begin with, and at most.
FEWEST, MOST = 16, 128
#: The share of the largest coefficient that those of the highest degrees may have.
NEGLIGIBLE = 1e-11
#: How many of the highest degrees are looked at: an even or odd function has every other one.
LAST = 3


def series_along(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], x: np.ndarray
) -> np.ndarray | None:
    """Coefficients of function(x, t) in t from 0 to 1, for each x.

    Parameters
    ----------
    function : callable
        Of two arrays of one shape, smooth on the rectangle of the x that there are and 0 <= t <= 1.
    x : array of shape (n,)

    Returns
    -------
    array of shape (degrees, n), of Chebyshev polynomials of 2 t - 1: for `values_at`; or None,
    if 128 nodes are not enough

    Examples
    --------
    >>> x = np.linspace(1, 2, 1000)
    >>> coefficients = series_along(lambda x, t: np.exp(-x * t), x)
    >>> bool(abs(values_at(coefficients, x / 2) - np.exp(-x * x / 2)).max() < 1e-12)
    True
    """
    middle, reach = (x.max() + x.min()) / 2, max((x.max() - x.min()) / 2, np.finfo(float).tiny)
    counts = [FEWEST, FEWEST]
    while max(counts) <= MOST:
        places = [chebyshev.chebpts1(count) for count in counts]
        grid = np.meshgrid(middle + reach * places[0], (1 + places[1]) / 2, indexing="ij")
        found = _coefficients(function(*grid))
        more = [not _tail(found, axis) <= NEGLIGIBLE for axis in range(2)]  # NaN is no end either
        if not any(more):
            return (chebyshev.chebvander((x - middle) / reach, counts[0] - 1) @ found).T
        counts = [count * (1 + double) for count, double in zip(counts, more, strict=True)]
    return None


def values_at(coefficients: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The series at one t for each, both of shape (n,)."""
    return chebyshev.chebval(2 * t - 1, coefficients, tensor=False)


def weighted_means(coefficients: np.ndarray) -> np.ndarray:
    """The series of 2 / t^2 times the integral of s f(s) from 0 to t, the mean over t^2, from f's.

    Examples
    --------
    >>> x = np.ones(3)
    >>> squares = series_along(lambda x, t: x * t**2, x)
    >>> values_at(weighted_means(squares), np.array([0.0, 0.5, 1.0])).round(12) + 0.0
    array([0.   , 0.125, 0.5  ])
    """
    degrees = len(coefficients)
    points, weights = np.polynomial.legendre.leggauss(degrees)
    shares = (1 + points) / 2
    t = (1 + chebyshev.chebpts1(degrees)) / 2
    basis = chebyshev.chebvander(2 * np.multiply.outer(t, shares) - 1, degrees - 1)
    return _transform(degrees) @ np.einsum("j,ijk->ik", weights * shares, basis) @ coefficients


def _coefficients(values: np.ndarray) -> np.ndarray:
    first, second = (_transform(count) for count in values.shape)
    return first @ values @ second.T


def _transform(count: int) -> np.ndarray:
    """From values at Chebyshev points to coefficients."""
    matrix = chebyshev.chebvander(chebyshev.chebpts1(count), count - 1).T * (2 / count)
    matrix[0] /= 2
    return matrix


def _tail(coefficients: np.ndarray, axis: int) -> float:
    sizes = np.abs(coefficients)
    return float(np.moveaxis(sizes, axis, 0)[-LAST:].max() / sizes.max())
