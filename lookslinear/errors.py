"""Errors that name the remedy: every refusal in this project is worded here or in the same way.

A message says what was wrong, what was received and what is allowed; for a name that is unknown it
adds the nearest known one.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Collection, Iterable, Sequence

import numpy as np


class UnknownNameError(ValueError, KeyError):
    """A name that a table does not hold; both a ValueError and, for mappings, a KeyError."""

    __str__ = ValueError.__str__


class NotCoveredError(ValueError):
    """A combination that no formula of this project predicts; the message says why."""


def nearest(name: object, known: Iterable[str]) -> str:
    """The hint ' Did you mean …?' for the known name nearest to `name`, or nothing.

    Examples
    --------
    >>> nearest("orthogonl", ["orthogonal", "zeros"])
    " Did you mean 'orthogonal'?"
    >>> nearest("xyz", ["orthogonal", "zeros"])
    ''
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.5)
    return f" Did you mean {by_lower[close[0]]!r}?" if close else ""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error for a `name` that is none of the `known` ones of a `kind`.

    Examples
    --------
    >>> raise unknown_name("activation", "rellu", ["linear", "relu"])
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown activation 'rellu'. Did you mean 'relu'? \
Known: linear, relu.
    """
    known = sorted(known)
    hint = nearest(name, known)
    return UnknownNameError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(known) or 'none'}.")


def known_name(kind: str, name: object, known: Collection[str]) -> str:
    """`name` itself, if it is one of the `known` ones of a `kind`; anything else is unknown.

    Examples
    --------
    >>> known_name("activation", ["relu"], ["linear", "relu"])
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown activation ['relu']. Did you mean 'relu'? \
Known: linear, relu.
    """
    if not isinstance(name, str) or name not in known:  # a list has no hash to look it up by
        raise unknown_name(kind, name, known)
    return name


def refuse_other_kind(value: object, kind: type, name: str) -> None:
    """Raises TypeError unless `value` is an instance of `kind`.

    Examples
    --------
    >>> refuse_other_kind("3", int, "rank")
    Traceback (most recent call last):
    TypeError: rank must be an int. Received: '3'.
    """
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOUaeiou" else "a"
        raise TypeError(f"{name} must be {article} {kind.__name__}. Received: {value!r}.")


def whole_number(value: object, name: str, least: int = 1) -> int:
    """`value` as an int of at least `least`; refuses booleans, fractions and strings.

    Raises
    ------
    TypeError
        If `value` is not a whole number.
    ValueError
        If it is smaller than `least`.

    Examples
    --------
    >>> whole_number(3, "depth")
    3
    >>> whole_number(0, "depth")
    Traceback (most recent call last):
    ValueError: depth must be at least 1. Received: 0.
    """
    if type(value) is not int:  # first, since a layer asks this a hundred times
        _refuse_no_whole_number(value, name)
    if value < least:
        raise ValueError(f"{name} must be at least {least}. Received: {value!r}.")
    return int(value)


def number_or_infinity(value: object, name: str, least: int = 1) -> float:
    """`value` as `whole_number` gives it, or infinity.

    Examples
    --------
    >>> number_or_infinity(math.inf, "depth"), number_or_infinity(3, "depth")
    (inf, 3)
    """
    if isinstance(value, float) and value == math.inf:
        return math.inf
    return whole_number(value, name, least)


def _refuse_no_whole_number(value: object, name: str) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} must be a whole number. Received: {value!r}.")


def whole_numbers(
    values: object, name: str, lengths: Sequence[int], wanted: str
) -> tuple[int, ...]:
    """`values` as a tuple of whole numbers of at least 1, of one of the allowed lengths.

    Examples
    --------
    >>> whole_numbers([3, 3], "s", (2,), "(rows, columns)")
    (3, 3)
    >>> whole_numbers((3,), "s", (2,), "(rows, columns)")
    Traceback (most recent call last):
    ValueError: s must be (rows, columns). Received: (3,).
    """
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(f"{name} must be {wanted}. Received: {values!r}.")
    if len(values) not in lengths:
        raise ValueError(f"{name} must be {wanted}. Received: {values!r}.")
    return tuple(whole_number(value, f"each number of {name}") for value in values)


def real_number(value: object, name: str, least: float = -math.inf) -> float:
    """`value` as a finite float of at least `least`; refuses booleans, strings and NaN.

    Examples
    --------
    >>> real_number(float("nan"), "rho")
    Traceback (most recent call last):
    ValueError: rho must be finite. Received: nan.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number. Received: {value!r}.")
    if not _is_finite(value):
        raise ValueError(f"{name} must be finite. Received: {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least:g}. Received: {value!r}.")
    return float(value)


def positive_number(value: object, name: str) -> float:
    """`value` as a finite float of more than 0.

    Examples
    --------
    >>> positive_number(0, "tolerance")
    Traceback (most recent call last):
    ValueError: tolerance must be more than 0. Received: 0.
    """
    if real_number(value, name) <= 0:
        raise ValueError(f"{name} must be more than 0. Received: {value!r}.")
    return float(value)


def squarable_number(value: object, name: str) -> float:
    """`value` as a finite float whose square is finite too.

    Examples
    --------
    >>> squarable_number(-1e200, "scale")
    Traceback (most recent call last):
    ValueError: scale and its square must be finite. Received: -1e+200.
    """
    number = real_number(value, name)
    if not math.isfinite(number * number):
        raise ValueError(f"{name} and its square must be finite. Received: {value!r}.")
    return number


def _is_finite(value: numbers.Real) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond all floats
        return False


def real_numbers(values: object, name: str) -> np.ndarray:
    """`values` as a new array of floats, of any shape; refuses booleans, strings and ragged rows.

    NaN and infinities are left to the caller, who knows what they mean.

    Examples
    --------
    >>> real_numbers([1, 2], "q")
    array([1., 2.])
    >>> real_numbers([[1, 2], [3]], "q")
    Traceback (most recent call last):
    TypeError: q must be a number or an array of them. Received: [[1, 2], [3]].
    """
    if type(values) in (float, int) and _is_finite(values):  # most often
        return np.array(float(values))
    try:
        found = np.array(values, dtype=float)  # first, since it refuses ragged rows
        kind = np.asarray(values).dtype.kind
    except (TypeError, ValueError, OverflowError):
        kind = None
    if kind not in ("i", "u", "f"):
        raise TypeError(f"{name} must be a number or an array of them. Received: {values!r}.")
    return found


def refuse_repeated(kind: str, values: Sequence) -> None:
    """Raises ValueError if one of the values of a `kind` stands twice.

    Examples
    --------
    >>> refuse_repeated("size", ["3x8", "3x8"])
    Traceback (most recent call last):
    ValueError: each size must stand once. Received twice: '3x8'.
    """
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"each {kind} must stand once. Received twice: {value!r}.")
