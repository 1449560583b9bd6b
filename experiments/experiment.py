"""What every experiment is: a name, a Config, and functions from it to a result and a figure."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import RenderableType

from experiments.fields import refuseOtherType


class BaseConfig:
    """What is asked of an experiment: the base of frozen dataclasses, whose fields are its options.

    Each has a `seed` and `replicates`.

    Raises
    ------
    TypeError, lookslinear.errors.UnknownNameError
        For a field that is given another type than it states, or another word than its Literals;
        whether the value is a good one `prepare` says.

    Examples
    --------
    >>> from experiments.logNorm import Config
    >>> Config(arm=3)
    Traceback (most recent call last):
    TypeError: arm must be a tuple or list, each item a text. Received: 3.
    """

    def __post_init__(self):
        for name, kind in _typesOf(type(self)).items():
            refuseOtherType(getattr(self, name), kind, name)


@functools.cache
def _typesOf(config: type) -> dict[str, Any]:
    return typing.get_type_hints(config)


class Plan(Protocol):
    """What a run will do, its arguments known to be good; `steps` is how often it advances."""

    config: BaseConfig
    steps: int


class Result(NamedTuple):
    """What a run found.

    `table` has the columns that `comparing.compared` makes, after labels of the experiment's own;
    `arrays` what its figure needs besides; `reasons` why something has no prediction, by label.
    """

    table: pd.DataFrame
    arrays: dict[str, np.ndarray]
    reasons: Mapping[str, str] = {}


@dataclass(frozen=True)
class Experiment:
    """One subcommand of the command line.

    Parameters
    ----------
    name : str
        As it is typed: words with hyphens.
    line : str
        What it shows, in one line.
    Config : type
        A frozen dataclass on `BaseConfig` with `seed` and `replicates`, annotated for tyro.
    prepare : Config -> Plan
        Refuses every argument that is not good (ValueError, TypeError); writes nothing.
    run : (plan, advance) -> Result
        Measures and predicts; `advance(words)` is called after each of `plan.steps` steps.
    draw : (table, arrays) -> Figure
        Knows nothing but what is stored.
    description : str
        More than the line, for --help.
    summary : Result -> renderable, or None
        What is said after a run; None stands for one row a quantity.
    quantity : str
        What the numbers are, where the table has no column that says so.
    """

    name: str
    line: str
    Config: type
    prepare: Callable[[Any], Plan]
    run: Callable[[Any, Callable[[str], None]], Result]
    draw: Callable[[pd.DataFrame, Mapping[str, np.ndarray]], Figure]
    description: str = ""
    summary: Callable[[Result], RenderableType] | None = field(default=None, kw_only=True)
    quantity: str = field(default="measured", kw_only=True)
