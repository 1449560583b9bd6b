"""Co-activation: how many rectifiers speak for an input, and for both of two, layer by layer.

Balduzzi et al. 2017, arXiv 1702.08591, figure 3: without normalisation rectifiers that are active
for one input become active for all, and the net becomes linear; with it pairs stay at 1/4. Their
theorem on shattered gradients takes 1/2 and 1/4 for granted.

Predicted for He weights to first order in 1 / width, for normalised nets in the limit of large
width. There inputs have equal norms; at width 100 they differ, and 16 samples meet a share that is
0.0004 too large, which 100 networks do not see and some thousands would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.comparing import compared
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.networks import rectifier
from experiments.plotting import (
    DASHES,
    colour,
    finishAxes,
    finishScores,
    keys,
    points,
    shownPoints,
)
from experiments.precision import computing
from experiments.probes.activity import activity
from lookslinear.errors import whole_number
from lookslinear.laws import dense_law
from lookslinear.measures import co_activation
from lookslinear.sampling import as_seed, child_seed
from lookslinear.sampling import draw as drawWeight
from lookslinear.theory import Stage
from lookslinear.theory.co_activation import centred_co_activation, rectifier_co_activation

NAME = "co-activation"
LINE = "How many rectifiers are active for one input, and for two, with and without normalisation."
ARMS = {"none": "He weights", "centre": "mean-centred", "batch": "batch-normalised"}
FRACTION, PAIRS = "active for an input", "active for both of two"
SOURCE = "Balduzzi et al. 2017, arXiv 1702.08591 (reported): what theorem 1 assumes"
# Which child of the seed draws what.
_DATA, _NETS = 0, 1
#: Centred nets are judged to a depth of so many widths, normalised ones for batches of so many.
CENTRED_DEPTH, NORMALISED_SAMPLES = 0.05, 0.2


@dataclass(frozen=True)
class Config(BaseConfig):
    """What is sent through which networks."""

    depth: int = 50
    """Layers of rectifiers."""
    width: int = 100
    """Units of a layer, and numbers of an input."""
    samples: int = 16
    """Inputs, orthogonal to one another, so that all pairs are alike; at most as many as units."""
    replicates: int = 100
    """Independent networks with and without normalisation."""
    seed: int = 0
    """What inputs and weights are drawn from: the same seed, the same numbers."""
    dtype: Literal["float32", "float64"] = "float32"
    """What Theano computes in."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    predictions: dict[str, np.ndarray]
    reasons: dict[str, str]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(ARMS) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument and predict; nothing is written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(samples=101))
    Traceback (most recent call last):
    ValueError: samples must be at most width, 100, to be orthogonal. Received: 101.
    """
    whole_number(config.depth, "depth")
    whole_number(config.width, "width", 2)
    whole_number(config.replicates, "replicates")
    if whole_number(config.samples, "samples", 2) > config.width:
        raise ValueError(
            f"samples must be at most width, {config.width}, to be orthogonal. "
            f"Received: {config.samples}."
        )
    as_seed(config.seed)
    predictions, reasons = _predicted(config)
    return Plan(config, predictions, reasons)


def _predicted(config: Config) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The share of pairs by layer, NaN where nothing is predicted, and why."""
    depth, width = config.depth, config.width
    known = min(depth, width)
    plain = np.full(depth, np.nan)
    plain[:known] = rectifier_co_activation(known, width)
    centred = np.full(depth, centred_co_activation(config.samples))
    reasons = {}
    if known < depth:
        reasons[ARMS["none"]] = "depth beyond the width"
    reach = int(CENTRED_DEPTH * width)
    limited = np.where(np.arange(depth) < reach, centred, np.nan)
    if reach < depth:
        reasons[ARMS["centre"]] = (
            f"beyond layer {reach} of {width} units the inputs' norms drift apart, and the largest "
            f"carries the mean that is subtracted"
        )
    if config.samples > NORMALISED_SAMPLES * width:
        centred = np.full(depth, np.nan)
        reasons[ARMS["batch"]] = "more samples than a fifth of the units: not the limit of width"
    return {"none": plain, "centre": limited, "batch": centred}, reasons


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda arm: None) -> Result:
    """Measure every arm; `advance` is called after each network.

    Examples
    --------
    >>> table = run(Config(depth=2, width=4, samples=2, replicates=2)).table
    >>> list(table["arm"].unique()), len(table)
    (['He weights', 'mean-centred', 'batch-normalised'], 12)
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays = [], {}
    with computing(plan.config.dtype):
        for arm, name in ARMS.items():
            fractions, pairs = _measured(plan.config, arm, advance)
            layers = np.arange(1, plan.config.depth + 1)
            shares = ((FRACTION, fractions, 0.5), (PAIRS, pairs, plan.predictions[arm]))
            for quantity, found, predicted in shares:
                published = 0.5 if quantity == FRACTION else 0.25
                tables.append(
                    compared(
                        quantity, layers, found, predicted,
                        published=published, source=SOURCE, arm=name,
                    )
                )  # fmt: skip
                arrays[f"{name}:{quantity}"] = found
    return Result(pd.concat(tables, ignore_index=True), arrays, plan.reasons)


def _measured(config: Config, arm: str, advance: Callable) -> tuple[np.ndarray, np.ndarray]:
    """The two shares of every network, arrays (networks, depth)."""
    seed, fractions, pairs = as_seed(config.seed), [], []
    stages = _stages(config, arm)
    for replicate in range(config.replicates):
        x = _inputs(config, child_seed(seed, _DATA, replicate))
        weights = child_seed(seed, _NETS, list(ARMS).index(arm), replicate)
        found = co_activation(np.stack(list(activity(stages, x, weights)))[None])
        fractions.append(found.fraction.value)
        pairs.append(found.pairs.value)
        advance(ARMS[arm])
    return np.array(fractions), np.array(pairs)


def _inputs(config: Config, seed: np.random.SeedSequence) -> np.ndarray:
    """Orthogonal rows of mean square 1."""
    return drawWeight(dense_law(config.width, config.samples, "haar", 1.0), seed).T


def _stages(config: Config, arm: str) -> list[Stage]:
    """The first layer, one behind each layer of rectifiers."""
    width = config.width
    first = Stage(dense_law(width, width, "normal", width**-0.5))
    return [first, *config.depth * [rectifier(width, arm)]]


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """The two shares against layer, and below them the scores."""
    figure = Figure(figsize=(9.4, 5.6), layout="constrained")
    panels, strips = figure.subplots(2, 2, sharex=True, height_ratios=(4, 1))
    for panel, strip, quantity in zip(panels, strips, (FRACTION, PAIRS), strict=True):
        for index, arm in enumerate(dict.fromkeys(table["arm"])):
            rows = table[(table["arm"] == arm) & (table["quantity"] == quantity)]
            _drawShares(panel, rows, index)
            strip.plot(rows["where"], rows["z"], color=colour(index), linewidth=1.1)
        finishScores(strip, "layer")
    finishAxes(panels[0], "rectifiers " + FRACTION, "share of rectifiers and inputs")
    finishAxes(panels[1], "rectifiers " + PAIRS, "share of rectifiers and pairs")
    panels[0].set_ylim(0.4, 0.6)
    panels[1].set_ylim(0.2, 0.52)
    _legend(figure, list(dict.fromkeys(table["arm"])))
    return figure


def _drawShares(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    axes.plot(rows["where"], rows["predicted"], color=colour(index), linestyle=DASHES)
    shown = rows.iloc[shownPoints(len(rows), index)]
    axes.errorbar(
        shown["where"], shown["measured"], 2 * shown["standard_error"], linestyle="none",
        elinewidth=0.9, **points(index),
    )  # fmt: skip


def _legend(figure: Figure, arms: list[str]) -> None:
    handles = [
        Line2D([], [], linestyle=DASHES, label=arm, **points(index))
        for index, arm in enumerate(arms)
    ]
    handles += keys("measured, ± 2 standard errors")
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=8)


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
