"""Fields of a Config, (value, type) -> a refusal, if the value is not of the type of its field."""

from __future__ import annotations

import numbers
import os
import typing
from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

from lookslinear.errors import known_name

#: Of types that take more than their own values, or have a name in words: what they take, and it.
_TYPES = {
    int: (numbers.Integral, "a whole number"),
    float: (numbers.Real, "a number"),
    str: (str, "a text"),
    Path: ((str, os.PathLike), "a path"),
    NoneType: (NoneType, "None"),
}


def refuseOtherType(value: Any, kind: Any, name: str) -> None:
    """Raises TypeError unless a value is of the type of its field; of Literals, for other words.

    Whole numbers are numbers, and NumPy's are too; True and False are none. A list will do for a
    tuple.

    Raises
    ------
    TypeError
        What was received, and what is allowed.
    lookslinear.errors.UnknownNameError
        For a word that is none of a Literal's.

    Examples
    --------
    >>> refuseOtherType(3, tuple[str, ...], "arm")
    Traceback (most recent call last):
    TypeError: arm must be a tuple or list, each item a text. Received: 3.
    >>> refuseOtherType((2, 3.5), tuple[int, ...], "depth")
    Traceback (most recent call last):
    TypeError: each of depth must be a whole number. Received: 3.5.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        known_name(name, value, inner)
    elif origin is tuple and _isSequence(value):
        for each in value:
            refuseOtherType(each, inner[0], f"each of {name}")
    elif origin is tuple or not _isOf(value, kind):
        raise TypeError(f"{name} must be {told(kind)}. Received: {value!r}.")


def told(kind: Any) -> str:
    """The type of a field in words.

    Examples
    --------
    >>> told(int | None), told(tuple[float, ...])
    ('a whole number or None', 'a tuple or list, each item a number')
    """
    if typing.get_origin(kind) is tuple:
        return f"a tuple or list, each item {told(typing.get_args(kind)[0])}"
    if _isUnion(kind):
        return " or ".join(map(told, typing.get_args(kind)))
    return _TYPES[kind][1] if kind in _TYPES else f"a {kind.__name__}"


def _isOf(value: Any, kind: Any) -> bool:
    if _isUnion(kind):
        return any(_isOf(value, one) for one in typing.get_args(kind))
    if isinstance(value, bool):  # which Python takes for whole numbers
        return kind is bool
    return isinstance(value, _TYPES[kind][0] if kind in _TYPES else kind)


def _isSequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _isUnion(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, UnionType)
