"""Cells, (experiment, config) -> one point of a grid, under a name that never changes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from experiments.experiment import BaseConfig

#: Characters of a cell's name: 80 bits, so that a million cells share one with probability 4e-13.
LENGTH = 20


class Cell(NamedTuple):
    """One run that a grid asks for: its name in the store, and the fields of its Config."""

    key: str
    fields: dict[str, Any]


def cellOf(experiment: str, config: BaseConfig) -> Cell:
    """The cell of a config; equal configs have equal names, in every process and release.

    Examples
    --------
    >>> from experiments.logNorm import Config
    >>> cellOf("log-norm", Config()).key == cellOf("log-norm", Config(seed=0)).key
    True
    >>> len(cellOf("log-norm", Config()).key)
    20
    """
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    text = f"{experiment}\n{json.dumps(fields, sort_keys=True)}"
    return Cell(hashlib.sha256(text.encode()).hexdigest()[:LENGTH], fields)


def configOf(kind: type, fields: Mapping[str, Any]) -> BaseConfig:
    """The Config of a cell, whose fields may have been through JSON, which has no tuples.

    Examples
    --------
    >>> from experiments.logNorm import Config
    >>> configOf(Config, {"size": ["3x8"], "seed": 4}).size
    ('3x8',)
    """
    return kind(**{name: _frozen(value) for name, value in fields.items()})


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def inWords(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Some fields of a cell in words, as they would be typed.

    Examples
    --------
    >>> inWords({"arm": ("heNormal/relu",), "depth": 3, "seed": 0}, ("depth", "arm"))
    'depth=3 arm=heNormal/relu'
    """
    return " ".join(f"{name}={shown(fields[name])}" for name in names)


def shown(value: Any) -> Any:
    """A value of a field as a table shows it: one of several values in words.

    Examples
    --------
    >>> shown((1.0, 2.0)), shown(("3x8",)), shown(3)
    ('[1.0,2.0]', '3x8', 3)
    """
    if not isinstance(value, (tuple, list)):
        return value
    words = ",".join(str(shown(each)) for each in value)
    return words if len(value) == 1 else f"[{words}]"
