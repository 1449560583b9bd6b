"""Roots of many functions at once, each between two numbers where its sign differs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Bisection alone needs as many steps for 12 digits of a root that is 1e-10 of its bracket.
_STEPS = 80
_ROUNDING = 1e-13


def bracketed_roots(
    function: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """The x between low and high at which each of the functions is 0.

    Inverse quadratic interpolation where three points allow it, else the middle of the bracket.

    Parameters
    ----------
    function : callable
        Array to array of the same shape, entry by entry.
    low, high : arrays
        Where it is not negative, and where it is not positive; equal where no root is asked for.

    References
    ----------
    Chandrupatla 1997, 'A new hybrid quadratic / bisection algorithm for finding the zero of a
    nonlinear function without using derivatives'.

    Examples
    --------
    >>> squares = np.array([2.0, 9.0])
    >>> bracketed_roots(lambda x: squares - x**2, np.zeros(2), np.full(2, 5.0)).round(6)
    array([1.414214, 3.      ])
    """
    x, other = np.array(low, float), np.array(high, float)
    at_x, at_other = function(x), function(other)
    share = 0.5
    for _ in range(_STEPS):
        new = x + share * (other - x)
        at_new = function(new)
        same = (at_new >= 0) == (at_x >= 0)  # an end that is a root stays in the bracket
        third, at_third = np.where(same, x, other), np.where(same, at_x, at_other)
        other, at_other = np.where(same, other, x), np.where(same, at_other, at_x)
        x, at_x = new, at_new
        width = np.abs(other - x)
        least = _ROUNDING * np.maximum(np.abs(x), np.abs(other))
        if not ((width > 2 * least) & (at_x != 0)).any():
            break
        share = _share((x, other, third), (at_x, at_other, at_third))
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = np.minimum(np.where(width > 0, least / width, 0.5), 0.5)
        share = np.where(at_x == 0, 0.0, np.clip(share, edge, 1 - edge))
    return np.where(np.abs(at_x) <= np.abs(at_other), x, other)


def _share(points: tuple[np.ndarray, ...], values: tuple[np.ndarray, ...]) -> np.ndarray:
    """How far from the first point to the second the root is likely to be."""
    (x1, x2, x3), (f1, f2, f3) = points, values
    with np.errstate(divide="ignore", invalid="ignore"):
        along, up = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
        smooth = (up**2 < along) & ((1 - up) ** 2 < 1 - along)
        guess = f1 / (f2 - f1) * f3 / (f2 - f3)
        guess = guess + (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
    return np.where(smooth & np.isfinite(guess), guess, 0.5)
