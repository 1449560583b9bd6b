"""The log norm: how much networks of one kind differ, and that depth / width decides it.

The log of a signal's mean square at the end of a network has an exact law at every width. Networks
whose depth and width have the same ratio follow nearly the same one; as deep ones that are wider do
not.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure

from experiments.arms import Arm, parseArms
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.networks import stagesOf
from experiments.normFigures import drawDistribution, drawLegend, drawVariance
from experiments.norms import ARRAYS, lawRows, logNorms, normArrays
from experiments.plotting import finishAxes
from experiments.precision import computing
from lookslinear.errors import refuse_repeated, whole_number
from lookslinear.sampling import as_seed, child_seed
from lookslinear.theory import Stage, forward_log_norm

NAME = "log-norm"
LINE = "How much networks differ: the log norm against its exact law; depth / width decides."
DEFAULT_ARMS = ("heNormal/relu", "orthogonal+relu/relu", "orthogonal+mirror/crelu")
DEFAULT_SIZES = ("12x24", "48x96", "12x96")


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which networks, and how many of each."""

    arm: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="ARM",
            help="INIT[+option...]/ACTIVATION with Gaussian or orthogonal weights and relu, "
            "leakyRelu(a), crelu or linear. Without any: He's and orthogonal weights on relu, and "
            "looks-linear ones.",
        ),
    ] = ()
    size: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="DEPTHxWIDTH",
            help="Layers and units of each. Without any: 12x24, 48x96 and 12x96.",
        ),
    ] = ()
    replicates: int = 200
    """Independent networks of each arm and size."""
    seed: int = 0
    """What weights and gradients are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    arms: list[Arm]
    networks: dict[tuple[str, str], list[Stage]]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.networks) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good, and for networks without an exact law.

    Examples
    --------
    >>> prepare(Config(size=("20:16",)))
    Traceback (most recent call last):
    ValueError: size must be DEPTHxWIDTH, such as 20x16. Received: '20:16'.
    """
    whole_number(config.replicates, "replicates", least=2)
    as_seed(config.seed)
    config = dataclasses.replace(
        config, arm=config.arm or DEFAULT_ARMS, size=config.size or DEFAULT_SIZES
    )
    arms = parseArms(config.arm)
    refuse_repeated("size", config.size)
    sizes = {text: sizeOf(text) for text in config.size}
    networks = {
        (arm.name, text): stagesOf(arm, (width,), "dense", depth, width)
        for arm in arms
        for text, (depth, width) in sizes.items()
    }
    for stages in networks.values():
        forward_log_norm(stages, 1.0)  # refuses what has no exact law
    return Plan(config, arms, networks)


def sizeOf(text: str) -> tuple[int, int]:
    """Depth and width of a size as it is written.

    Examples
    --------
    >>> sizeOf("20x16")
    (20, 16)
    """
    found = re.fullmatch(r"(\d+)x(\d+)", str(text))
    if not found:
        raise ValueError(f"size must be DEPTHxWIDTH, such as 20x16. Received: {text!r}.")
    depth, width = (int(number) for number in found.groups())
    return whole_number(depth, "depth"), whole_number(width, "width")


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure every network and set it beside its law; `advance` is called after each.

    Examples
    --------
    >>> result = run(Config(arm=("heNormal/relu",), size=("3x8",), replicates=5))
    >>> sorted(set(result.table["quantity"]))
    ['Kolmogorov distance', 'mean of log', 'variance of log']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays = [], {}
    with computing():  # products of one sample are small
        for index, ((arm, size), stages) in enumerate(plan.networks.items()):
            words, seed = f"{arm} {size}", child_seed(as_seed(plan.config.seed), index)
            logs = logNorms(stages, plan.config.replicates, seed, lambda w=words: advance(w))
            tables.append(lawRows(stages, logs, arm=arm, size=size))
            arrays |= normArrays(f"{arm}:{size}", stages, logs.forward)
    return Result(pd.concat(tables, ignore_index=True), arrays)


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Above the law of the log at the end, an arm a column; below its variance on the way."""
    arms, sizes = (list(dict.fromkeys(table[name])) for name in ("arm", "size"))
    figure = Figure(figsize=(max(4.0 * len(arms), 6.5), 6.4), layout="constrained")
    panels = figure.subplots(2, len(arms), squeeze=False, sharex="row", sharey="row")
    for arm, (above, below) in zip(arms, panels.T, strict=True):
        for index, size in enumerate(sizes):
            logs, curve, variance = (arrays[f"{arm}:{size}:{key}"] for key in ARRAYS)
            drawDistribution(above, logs[:, -1], curve, index)
            layers = np.arange(1, logs.shape[1] + 1) / sizeOf(size)[1]
            drawVariance(below, layers, logs, variance, index)
        leftmost = arm == arms[0]  # the others have its axes
        finishAxes(above, arm, "share of networks below" if leftmost else "")
        finishAxes(below, "", "variance of the natural log" if leftmost else "")
        above.set_xlabel("log10 of the mean square at the last layer")
        below.set_xlabel("layer / width")
    drawLegend(figure, [_told(size) for size in sizes], ncols=3)
    return figure


def _told(size: str) -> str:
    depth, width = sizeOf(size)
    return f"depth {depth}, width {width}: ratio {depth / width:.3g}"


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
