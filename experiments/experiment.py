"""What every experiment is: a name, a Config, and functions from it to a result and a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from rich.console import RenderableType


class Config(Protocol):
    """What is asked of an experiment: a frozen dataclass, from which its options are made."""

    seed: int
    replicates: int


class Plan(Protocol):
    """What a run will do, its arguments known to be good; `steps` is how often it advances."""

    config: Config
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
        A frozen dataclass with `seed` and `replicates`, annotated for tyro.
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
