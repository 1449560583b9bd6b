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
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from threadpoolctl import threadpool_limits

from experiments.arms import Arm, parseArms
from experiments.experiment import Experiment, Result
from experiments.networks import stagesOf
from experiments.norms import lawRows, lawsOf, logNorms, refuseRepeated
from experiments.plotting import DASHES, colour, finishAxes, points, shownPoints
from lookslinear.errors import whole_number
from lookslinear.sampling import as_seed, child_seed
from lookslinear.theory import Stage, forward_log_norm

NAME = "log-norm"
LINE = "How much networks differ: the log norm against its exact law; depth / width decides."
DEFAULT_ARMS = ("heNormal/relu", "orthogonal+relu/relu", "orthogonal+mirror/crelu")
DEFAULT_SIZES = ("12x24", "48x96", "12x96")
BINS = 24
LN10 = np.log(10)


@dataclass(frozen=True)
class Config:
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
    refuseRepeated("size", config.size)
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
    with threadpool_limits(limits=1, user_api="blas"):  # products of one sample are small
        for index, ((arm, size), stages) in enumerate(plan.networks.items()):
            words, seed = f"{arm} {size}", child_seed(as_seed(plan.config.seed), index)
            logs = logNorms(stages, plan.config.replicates, seed, lambda w=words: advance(w))
            tables.append(lawRows(stages, logs, arm=arm, size=size))
            arrays |= _arrays(f"{arm}:{size}", stages, logs.forward)
    return Result(pd.concat(tables, ignore_index=True), arrays)


def _arrays(name: str, stages: list[Stage], logs: np.ndarray) -> dict[str, np.ndarray]:
    law = lawsOf(stages)["forward"]
    curve = np.empty((2, 0)) if law is None else np.array([law.points, law.density])[:, ::16]
    variances = forward_log_norm(stages, 1.0).variance
    return {
        f"{name}:log_mean_square": logs,
        f"{name}:predicted_density": curve,
        f"{name}:predicted_variance": variances,
    }


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Above the law of the log at the end, an arm a column; below its variance on the way."""
    arms, sizes = (list(dict.fromkeys(table[name])) for name in ("arm", "size"))
    figure = Figure(figsize=(max(4.0 * len(arms), 6.5), 6.4), layout="constrained")
    panels = figure.subplots(2, len(arms), squeeze=False, sharex="row", height_ratios=(3, 2))
    for arm, (above, below) in zip(arms, panels.T, strict=True):
        for index, size in enumerate(sizes):
            found = {key: arrays[f"{arm}:{size}:{key}"] for key in _KEYS}
            _drawDensity(above, found, index)
            _drawVariance(below, found, sizeOf(size), index)
        below.sharey(panels[1, 0])  # nothing scatters in a looks-linear net: rounding is no scale
        finishAxes(above, arm, "density, per decade")
        finishAxes(below, "", "variance of the natural log")
        above.set_xlabel("log10 of the mean square at the last layer")
        below.set_xlabel("layer / width")
    _legend(figure, sizes)
    return figure


_KEYS = ("log_mean_square", "predicted_density", "predicted_variance")


def _drawDensity(axes: Axes, found: Mapping[str, np.ndarray], index: int) -> None:
    logs = found["log_mean_square"][:, -1]
    logs = logs[np.isfinite(logs)] / LN10
    at, density = found["predicted_density"]
    if not at.size:  # nothing scatters: all networks at one place
        axes.axvline(0.0, color=colour(index), linestyle=DASHES, linewidth=1.4)
        axes.plot([logs.mean()], [0.2 * (index + 1)], linestyle="none", **points(index))
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        return
    seen = density > density.max() * 1e-3
    axes.plot(at[seen] / LN10, density[seen] * LN10, color=colour(index), linestyle=DASHES)
    heights, edges = np.histogram(logs, bins=_bins(logs), density=True)
    middles = (edges[1:] + edges[:-1]) / 2
    axes.plot(middles, heights, linestyle="none", zorder=3, **points(index))


def _bins(logs: np.ndarray) -> int:
    return min(BINS, max(5, int(np.sqrt(len(logs)))))


def _drawVariance(
    axes: Axes, found: Mapping[str, np.ndarray], size: tuple[int, int], index: int
) -> None:
    logs, (depth, width) = found["log_mean_square"], size
    measured = np.nanvar(np.where(np.isfinite(logs), logs, np.nan), axis=0, ddof=1)
    layers = np.arange(1, depth + 1) / width
    shown = shownPoints(depth, index)
    axes.plot(layers, found["predicted_variance"], color=colour(index), linestyle=DASHES)
    axes.plot(layers[shown], measured[shown], linestyle="none", zorder=3, **points(index))


def _legend(figure: Figure, sizes: list[str]) -> None:
    handles = [
        Line2D([], [], linestyle=DASHES, label=_told(size), **points(index))
        for index, size in enumerate(sizes)
    ]
    neutral = {**points(0), "color": "0.3"}
    handles += [
        Line2D([], [], linestyle="none", label="measured", **neutral),
        Line2D([], [], linestyle=DASHES, color="0.3", label="predicted, exact"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)


def _told(size: str) -> str:
    depth, width = sizeOf(size)
    return f"depth {depth}, width {width}: ratio {depth / width:.3g}"


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
