"""Roots of many functions at once, each between two numbers where its sign differs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Each third step halves the bracket, so that 150 steps find any root to 14 digits.
_STEPS = 150
_ROUNDING = 1e-14


def bracketed_roots(
    function: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """The x between low and high at which each of the functions is 0.

    Secants between the ends of the bracket (the Illinois rule), and each third time its middle.

    Parameters
    ----------
    function : callable
        Array to array of the same shape, entry by entry.
    low, high : arrays
        Where it is not negative, and where it is not positive; equal where no root is asked for.

    Examples
    --------
    >>> squares = np.array([2.0, 9.0])
    >>> bracketed_roots(lambda x: squares - x**2, np.zeros(2), np.full(2, 5.0)).round(6)
    array([1.414214, 3.      ])
    """
    low, high = np.array(low, float), np.array(high, float)
    at_low, at_high = function(low), function(high)
    for step in range(_STEPS):
        least = _ROUNDING * np.abs(high)
        if not (high - low > 4 * least).any():
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            secant = (low * at_high - high * at_low) / (at_high - at_low)
        # Next to an end it is moved a little inside, so that the other end follows.
        secant = np.clip(secant, low + least, high - least)
        inside = np.isfinite(secant) & (step % 3 != 2)
        x = np.where(inside, secant, (low + high) / 2)
        value = function(x)
        right = value > 0
        # The end that stays counts half, or it would stay for ever.
        at_low = np.where(right, value, at_low / 2)
        at_high = np.where(right, at_high / 2, value)
        low, high = np.where(right, x, low), np.where(right, high, x)
    return (low + high) / 2
