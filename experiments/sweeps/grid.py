"""Grids, (experiment, words) -> the product of axes over fields of its Config, all checked."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tyro

from experiments.experiment import BaseConfig, Experiment
from experiments.fields import told
from experiments.sweeps.cells import Cell, cellOf
from lookslinear.errors import known_name, refuse_repeated, whole_number

SEED = "seed"
# A comma inside brackets or quotes belongs to the value.
_VALUE = re.compile(r"""(?:"[^"]*"|'[^']*'|\([^()]*\)|\[[^\[\]]*\]|[^,])+""")


@dataclass(frozen=True)
class Grid:
    """Every combination of the values of its axes; what has no axis keeps the Config's default.

    The seed changes slowest, so that a sweep that is stopped has all of the grid for some seeds.

    Examples
    --------
    >>> from experiments.registry import EXPERIMENTS
    >>> grid = gridOf(EXPERIMENTS["log-norm"], {"size": ["3x8", "6x8"]}, seeds=3)
    >>> grid.size, [config.size for config in grid.configs()][:2]
    (6, [('3x8',), ('6x8',)])
    """

    experiment: Experiment
    axes: Mapping[str, tuple]

    @property
    def size(self) -> int:
        """How many cells there are."""
        return math.prod(len(values) for values in self.axes.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The fields that have an axis, in the order in which they were asked for."""
        return tuple(self.axes)

    @property
    def told(self) -> str:
        """The lengths of the axes in words, `2 size x 10 seed`."""
        return " x ".join(f"{len(values)} {name}" for name, values in self.axes.items())

    def configs(self) -> Iterator[BaseConfig]:
        """The Config of each cell, made when it is asked for."""
        order = sorted(self.axes, key=lambda name: name != SEED)
        for values in itertools.product(*(self.axes[name] for name in order)):
            yield self.experiment.Config(**dict(zip(order, values, strict=True)))

    def cells(self) -> Iterator[Cell]:
        """Each cell, made when it is asked for."""
        return (cellOf(self.experiment.name, config) for config in self.configs())

    def check(self) -> None:
        """Let the experiment refuse each value of each axis, beside the first ones of the others.

        Raises
        ------
        ValueError, TypeError
            For the first value that it refuses. What only a combination makes bad is found when
            that cell is run.
        """
        first = {name: values[0] for name, values in self.axes.items()}
        for name, values in self.axes.items():
            # Seeds from 0 on are all alike to an experiment, and may be many.
            for value in (min(values),) if name == SEED else values:
                self.experiment.prepare(self.experiment.Config(**{**first, name: value}))


def gridOf(experiment: Experiment, axes: Mapping[str, Sequence], seeds: int | None = None) -> Grid:
    """The grid of some axes, each value of the type of its field.

    Parameters
    ----------
    experiment : Experiment
        Whose Config has the fields.
    axes : mapping of str to sequence
        Values as they are typed, or as a YAML or TOML file gives them. Of a field that holds
        several values, one stands for itself alone, and a list for several.
    seeds : int, optional
        So many seeds from 0 on: an axis of its own.

    Raises
    ------
    ValueError, TypeError
        For an empty grid, an axis without values, a value that stands twice or is of another type
        than its field, a seed axis beside `seeds`.
    lookslinear.errors.UnknownNameError
        For an unknown field, with the nearest name.

    Examples
    --------
    >>> from experiments.registry import EXPERIMENTS
    >>> gridOf(EXPERIMENTS["log-norm"], {"sise": ["3x8"]})
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown field of log-norm 'sise'. Did you mean 'size'? \
Known: arm, replicates, seed, size.
    """
    kinds = typing.get_type_hints(experiment.Config)
    typed = {}
    for name, values in axes.items():
        known_name(f"field of {experiment.name}", name, kinds)
        typed[name] = _typedAxis(name, values, kinds[name])
    if seeds is not None:
        if SEED in typed:
            raise ValueError(
                f"seeds and an axis 'seed' exclude one another. Received: seeds {seeds!r}."
            )
        typed[SEED] = tuple(range(whole_number(seeds, "seeds")))
    if not typed:
        raise ValueError(
            f"the grid is empty. Name an axis, a field of {experiment.name} with its values, or "
            f"the number of seeds. Known fields: {', '.join(kinds)}."
        )
    return Grid(experiment, typed)


def axesOf(words: Sequence[str]) -> dict[str, list[str]]:
    """The axes that the command line names, each FIELD=VALUE,VALUE...

    A comma inside brackets or quotes belongs to the value.

    Raises
    ------
    ValueError
        For an axis without '=' or without values, and for one that stands twice.

    Examples
    --------
    >>> axesOf(["depth=10,30", "weights=[1,2],[1,3]", "arm='heNormal+signalPriorities=0,1/relu'"])
    {'depth': ['10', '30'], 'weights': ['[1,2]', '[1,3]'], \
'arm': ['heNormal+signalPriorities=0,1/relu']}
    """
    axes: dict[str, list[str]] = {}
    for text in words:
        name, separator, values = text.partition("=")
        if not separator or not name.strip():
            raise ValueError(f"grid must be FIELD=VALUE,VALUE... Received: {text!r}.")
        name = name.strip()
        if name in axes:
            raise ValueError(
                f"each axis must stand once. Received twice: {name!r}. Give all of its values in "
                f"one: {name}=VALUE,VALUE..."
            )
        axes[name] = splitValues(values)
    return axes


def splitValues(text: str) -> list[str]:
    """The values between commas, without the quotes around them; a bracket keeps its commas.

    Examples
    --------
    >>> splitValues('leakyRelu(0.2), "a,b",[1,2]')
    ['leakyRelu(0.2)', 'a,b', '[1,2]']
    >>> splitValues("1,,2")
    Traceback (most recent call last):
    ValueError: a value is missing between commas. Received: '1,,2'.
    """
    values = [found.strip() for found in _VALUE.findall(text)]
    if text.strip() and (len(values) != _commas(text) + 1 or not all(values)):
        raise ValueError(f"a value is missing between commas. Received: {text!r}.")
    return [_unquoted(value) for value in values if value]


def _commas(text: str) -> int:
    return re.sub(r"""\"[^"]*"|'[^']*'|\([^()]*\)|\[[^\[\]]*\]""", "", text).count(",")


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def _typedAxis(name: str, values: Any, kind: Any) -> tuple:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Sequence):
        raise TypeError(f"axis {name!r} must be a list of values. Received: {values!r}.")
    if not values:
        raise ValueError(f"axis {name!r} is empty. Give at least one value.")
    typed = tuple(_typed(name, value, kind) for value in values)
    refuse_repeated(f"value of {name}", typed)
    return typed


def _typed(name: str, value: Any, kind: Any) -> Any:
    """One value as its field holds it: other kinds go through their text, as when it is typed."""
    if type(value) is kind:
        return value
    holdsSeveral = typing.get_origin(kind) is tuple
    if typing.get_origin(kind) is typing.Literal:
        return known_name(name, value, typing.get_args(kind))
    words = _words(value) if holdsSeveral else [value]
    if any(isinstance(word, (list, tuple, dict)) or word is None for word in words):
        raise TypeError(f"{name} must be {_told(kind)}. Received: {value!r}.")
    if kind is str:
        return str(value)
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # tyro tells of options that are not there
            return tyro.cli(tyro.conf.Positional[kind], args=[str(word) for word in words])
    except SystemExit as error:
        raise ValueError(f"{name} must be {_told(kind)}. Received: {value!r}.") from error


def _words(value: Any) -> list:
    if isinstance(value, (list, tuple)):
        return list(value)
    text = str(value)
    isList = text.startswith("[") and text.endswith("]")
    return splitValues(text[1:-1]) if isList else [value]


def _told(kind: Any) -> str:
    if typing.get_origin(kind) is tuple:
        return f"one value or a list [...] of them, each {told(typing.get_args(kind)[0])}"
    return told(kind)
