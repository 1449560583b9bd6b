"""The Fuss-Catalan laws: squared singular values of products of L square Gaussian matrices.

At infinite width, with entries of variance 1 / n. L = 1 is the law of Marchenko and Pastur. On the
curve 0 < phi < pi / (L + 1), with w = e^{i phi} sin((L+1) phi) / sin(L phi) = 1 + psi(1 / x),

.. math:: x = \\frac{\\sin^{L+1} (L+1) \\phi}{\\sin \\phi \\, \\sin^L L \\phi}, \\qquad
          \\rho = \\frac{\\sin^2 \\phi \\, \\sin^{L-1} L \\phi}{\\pi \\sin^L (L+1) \\phi}

which solves w^{L+1} = x (w - 1), the equation of the S-transform (1 + m)^{-L}. Reported sources:
Penson & Zyczkowski 2011, arXiv 1103.3453; Biane 1998 (the curve).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import comb

from lookslinear.errors import real_numbers, whole_number

#: Halvings of an interval that leave nothing of a double's digits.
_HALVINGS = 60


def fuss_catalan_moment(factors: int, order: int) -> float:
    """E x^k = binom((L + 1) k, k) / (L k + 1) for L factors.

    References
    ----------
    Penson & Zyczkowski 2011, arXiv 1103.3453 (reported).

    Examples
    --------
    >>> [fuss_catalan_moment(1, k) for k in range(5)]  # Catalan's numbers
    [1.0, 1.0, 2.0, 5.0, 14.0]
    """
    L, k = whole_number(factors, "factors"), whole_number(order, "order", least=0)
    return float(comb((L + 1) * k, k) / (L * k + 1))


def fuss_catalan_edge(factors: int) -> float:
    """The largest x, (L + 1)^(L + 1) / L^L, nearly e (L + 1/2).

    References
    ----------
    Penson & Zyczkowski 2011, arXiv 1103.3453 (reported).

    Examples
    --------
    >>> fuss_catalan_edge(1), fuss_catalan_edge(2)
    (4.0, 6.75)
    """
    L = whole_number(factors, "factors")
    return (L + 1) * (1 + 1 / L) ** L


def fuss_catalan_density(factors: int, x: np.ndarray) -> np.ndarray:
    """The probability density of the squared singular values x; 0 outside (0, edge).

    References
    ----------
    Penson & Zyczkowski 2011, arXiv 1103.3453; Biane 1998 (the curve): both reported.

    Examples
    --------
    >>> x = np.array([-1.0, 1.0, 2.0, 5.0])
    >>> marchenko_pastur = np.sqrt(np.maximum(4 / x - 1, 0)) / (2 * np.pi)
    >>> bool(np.allclose(fuss_catalan_density(1, x), marchenko_pastur * (x > 0)))
    True
    """
    L, x = whole_number(factors, "factors"), real_numbers(x, "x")
    if np.isnan(x).any():
        raise ValueError(f"x must not be NaN. Received: {x}.")
    inside = (x > 0) & (x < fuss_catalan_edge(L))
    phi = _angle(L, np.log(np.where(inside, x, 1.0)))
    log_density = 2 * np.log(np.sin(phi)) + (L - 1) * np.log(np.sin(L * phi))
    log_density = log_density - math.log(math.pi) - L * np.log(np.sin((L + 1) * phi))
    return np.where(inside, np.exp(log_density), 0.0)


def _log_point(L: int, phi: np.ndarray) -> np.ndarray:
    sines = (np.log(np.sin(factor * phi)) for factor in (L + 1, 1, L))
    of_all, of_one, of_last = sines
    return (L + 1) * of_all - of_one - L * of_last


def _angle(L: int, log_x: np.ndarray) -> np.ndarray:
    """The phi of each point, by halving: x falls from the edge to 0 as phi grows."""
    low, high = np.zeros_like(log_x), np.full_like(log_x, math.pi / (L + 1))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _log_point(L, middle) > log_x
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return low
