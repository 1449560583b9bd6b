"""Partial mirrors: from a plain CReLU net, rho = 0, to a looks-linear one, rho = 1.

A weight after a CReLU has two halves, W+ and W-, of correlation -rho. A layer maps the correlation
c of two inputs, and multiplies that of their gradients by a factor, by

    c' = k1(c) - rho k1(-c),    1 - (1 - rho) theta / pi,    theta = arccos c

(`lookslinear.theory.correlations` and `gradient_correlations`). Near c = 1 the
angle shrinks by (1 - rho) theta^2 / (3 pi), so theta_l tends to 3 pi / ((1 - rho) l) and the
gradients' correlation to a power l^-3 for every rho < 1: a partial mirror delays the shattering, to
depths of 1 / (1 - rho), and only a whole one prevents it.

The maps of one layer are measured as means of products, and predicted exactly at every width. What
they add up to over many layers is the limit of large width, from which nets differ by depth /
width: so many layers are measured at two widths, and 2 R(n) - R(n / 2) is judged, of width inf.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.table import Table

from experiments.comparing import compared, comparedEstimate, extrapolated
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.plotting import DASHES, colour, finishAxes, finishScores, points
from experiments.precision import computing
from experiments.probes import kindOf
from experiments.verdicts import summaryOf
from lookslinear.errors import real_number, whole_number
from lookslinear.laws import WeightLaw, dense_law, mirror_degree
from lookslinear.measures import estimate
from lookslinear.sampling import as_seed, child_seed, draw, standard_normal
from lookslinear.theory import Stage, correlations, gradient_correlations

NAME = "partial-mirror"
LINE = "What mirroring a CReLU layer to a degree keeps of correlations, from plain to looks-linear."
#: The correlations at which the maps of one layer are measured.
CORRELATIONS = np.array([-1.0, -0.95, -0.8, -0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0])
SIGNAL, GRADIENT = "signal correlation", "gradient correlation"
ONE, MANY = "one layer", "many layers"
# Which child of the seed draws what.
_WEIGHTS, _READ_OUT = 0, 1


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which degrees, in nets of which size."""

    rho: Annotated[
        tuple[float, ...],
        tyro.conf.arg(help="Degrees of mirroring, from 0 (plain CReLU) to 1 (looks-linear)."),
    ] = (0.0, 0.5, 0.9, 1.0)
    family: Literal["normal", "haar"] = "normal"
    """Independent normal weights, or Haar frames."""
    depth: int = 40
    """Layers that follow a CReLU."""
    width: int = 256
    """Units of each layer, before CReLU doubles them; many layers are measured at half too."""
    correlation: float = 0.0
    """That of the two inputs that are followed through all layers."""
    replicates: int = 50
    """Independent networks of each degree and width."""
    seed: int = 0
    """What weights are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    laws: list[tuple[WeightLaw, WeightLaw]]  # of each degree, at half the width and at the width
    depths: np.ndarray

    @property
    def steps(self) -> int:
        """One a network."""
        return 2 * len(self.laws) * self.config.replicates


class _Sample(NamedTuple):
    """What one network shows: of one layer against correlation, of many against depth."""

    signalMap: np.ndarray
    gradientMap: np.ndarray
    signals: np.ndarray
    gradients: np.ndarray


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Examples
    --------
    >>> prepare(Config(rho=(0.5, 1.5)))
    Traceback (most recent call last):
    ValueError: each degree of rho must be from 0 to 1. Received: 1.5.
    """
    as_seed(config.seed)
    for name in ("depth", "replicates"):
        whole_number(getattr(config, name), name)
    width = whole_number(config.width, "width", least=4)
    if width % 2:
        raise ValueError(f"width must be even, to be halved. Received: {width}.")
    if not abs(real_number(config.correlation, "correlation")) <= 1:
        raise ValueError(f"correlation must be from -1 to 1. Received: {config.correlation!r}.")
    for degree in config.rho:
        if not 0 <= real_number(degree, "each degree of rho") <= 1:
            raise ValueError(f"each degree of rho must be from 0 to 1. Received: {degree!r}.")
    if not config.rho or len(set(map(mirror_degree, config.rho))) < len(config.rho):
        raise ValueError(f"rho must hold different degrees. Received: {config.rho!r}.")
    laws = [tuple(_law(config.family, n, r) for n in (width // 2, width)) for r in config.rho]
    depths = np.unique(np.geomspace(1, config.depth, 14).round().astype(int))
    return Plan(config, laws, depths)


def run(plan: Plan, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure and predict every degree; `advance` is called after each network.

    Examples
    --------
    >>> plan = prepare(Config(rho=(1.0,), depth=3, width=8, replicates=2))
    >>> table = run(plan).table
    >>> bool((table[table["span"] == "many layers"]["measured"].abs() <= 1).all())
    True
    """
    tables = []
    with computing("float32"):
        for index, laws in enumerate(plan.laws):
            narrow, wide = (_samples(plan, law, index, advance) for law in laws)
            tables += [_oneLayer(laws[1], wide), _manyLayers(plan, laws, narrow, wide)]
    return Result(pd.concat(tables, ignore_index=True), {}, _reasons(plan))


def _reasons(plan: Plan) -> dict[str, str]:
    half, width = plan.config.width // 2, plan.config.width
    reason = (
        f"theory is that of infinite width, to which 2 R({width}) - R({half}) extrapolates: judged "
        f"is that, the row of width inf."
    )
    partial = any(wide.mirror != 1 for _, wide in plan.laws)
    return {f"many layers, width {width}": reason} if partial else {}


def _law(family: str, width: int, rho: float) -> WeightLaw:
    return dense_law(2 * width, width, family, width**-0.5, mirror=rho)


def _samples(plan: Plan, law: WeightLaw, index: int, advance: Callable[[str], None]) -> _Sample:
    """What all networks of one degree and width show, stacked."""
    samples = []
    for replicate in range(plan.config.replicates):
        samples.append(_throughOneNetwork(plan, law, index, replicate))
        advance(_arm(law))
    return _Sample(*map(np.array, zip(*samples, strict=True)))


def _inputs(width: int, correlation: float) -> np.ndarray:
    """One input, and others of its length with each correlation; the last is the followed one."""
    c = np.append(CORRELATIONS, correlation)
    x = np.zeros((len(c) + 1, width))
    x[0, 0], x[1:, 0], x[1:, 1] = 1, c, np.sqrt(1 - c**2)
    return (x * np.sqrt(width)).astype("float32")


def _arm(law: WeightLaw) -> str:
    return f"rho={float(law.mirror):g}"


def _throughOneNetwork(plan: Plan, law: WeightLaw, index: int, replicate: int) -> _Sample:
    width = law.output_channels
    seed, x = as_seed(plan.config.seed), _inputs(width, plan.config.correlation)
    path = (index, width, replicate)
    seeds = [child_seed(seed, _WEIGHTS, *path, l) for l in range(plan.config.depth + 1)]
    first = draw(dense_law(width, width, "normal", width**-0.5), seeds[0])
    weights = [draw(law, one) for one in seeds[1:]]
    readOut = standard_normal((width,), child_seed(seed, _READ_OUT, *path))
    readOut /= np.sqrt(np.mean(readOut**2))

    signals = [kindOf((width,), "linear", width, ()).forward(x, first)[0]]
    layer = kindOf((width,), "crelu", width, ())
    for weight in weights:
        signals.append(layer.forward(signals[-1], weight)[0])
    rows = np.tile(readOut, (len(x), 1))
    gradients, _ = layer.backward(signals[0], rows, weights[0])
    pairs = [signal[[0, -1]] for signal in signals]
    return _Sample(
        _products(signals[1]),
        _products(gradients),
        np.array([_cosine(*pair) for pair in pairs[1:]]),
        np.array([_cosine(*_sentBack(layer, pairs[:d], weights, rows)) for d in plan.depths]),
    )


def _products(rows: np.ndarray) -> np.ndarray:
    """The mean over units of the first row times each of those of the maps."""
    rows = rows.astype(float)
    return np.mean(rows[0] * rows[1:-1], axis=1)


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(float), other.astype(float)
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def _sentBack(layer, pairs: list[np.ndarray], weights: list[np.ndarray], rows: np.ndarray):
    """The gradients of both inputs before the first of these layers, from after the last."""
    found = rows[:2]
    for pair, weight in zip(pairs[::-1], weights[: len(pairs)][::-1], strict=True):
        found, _ = layer.backward(pair, found, weight)
    return found


def _oneLayer(law: WeightLaw, samples: _Sample) -> pd.DataFrame:
    """Both maps of a layer of one degree."""
    maps = (samples.signalMap, samples.gradientMap)
    expected = predictedCorrelations(law, CORRELATIONS, [1])
    labels = {"arm": _arm(law), "span": ONE, "width": float(law.output_channels)}
    return pd.concat(
        compared(quantity, CORRELATIONS, measured, predicted[0], **labels)
        for quantity, measured, predicted in zip((SIGNAL, GRADIENT), maps, expected, strict=True)
    )


def _manyLayers(
    plan: Plan, laws: tuple[WeightLaw, WeightLaw], narrow: _Sample, wide: _Sample
) -> pd.DataFrame:
    """Both correlations of one degree against depth: at the width, and extrapolated."""
    layers = np.arange(1, plan.config.depth + 1)
    signals, gradients = predictedCorrelations(laws[1], plan.config.correlation, plan.depths)
    rows = (
        (SIGNAL, layers, narrow.signals, wide.signals, signals),
        (GRADIENT, plan.depths, narrow.gradients, wide.gradients, gradients),
    )
    return pd.concat(_atBothWidths(plan, laws[1], *row) for row in rows)


def _atBothWidths(
    plan: Plan,
    law: WeightLaw,
    quantity: str,
    depths: np.ndarray,
    narrow: np.ndarray,
    wide: np.ndarray,
    predicted: np.ndarray,
) -> pd.DataFrame:
    # A product over as many layers is rounded as often.
    rounding = np.finfo("float32").eps * (depths + 1)
    labels = {"arm": _arm(law), "span": MANY}
    # A looks-linear net is linear at every width.
    alone = predicted if law.mirror == 1 else np.nan
    width = float(law.output_channels)
    limit = extrapolated(estimate(narrow), estimate(wide), 3 * rounding)
    return pd.concat(
        [
            compared(quantity, depths, wide, alone, rounding=rounding, **labels, width=width),
            comparedEstimate(
                quantity, depths, limit, predicted, degrees=len(wide) - 1, **labels, width=np.inf
            ),
        ]
    )


def predictedCorrelations(
    law: WeightLaw, c: float | np.ndarray, depths: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Of signals after 1, 2... layers, to the last of these depths; of gradients through each.

    Examples
    --------
    >>> law = dense_law(16, 8, "normal", 8**-0.5)
    >>> [float(r) for r in predictedCorrelations(law, 0.0, [1, 2, 5])[1].round(5)]
    [0.5, 0.30156, 0.10456]
    """
    first = Stage(dense_law(law.output_channels, law.output_channels, "normal", 1.0))
    stages = [first, *(max(depths) * [Stage(law, "crelu")])]
    gradients = [gradient_correlations(stages[: depth + 1], 1.0, c)[0] for depth in depths]
    return np.array(correlations(stages, 1.0, c)[1:]), np.array(gradients)


def figure(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Above, the maps of one layer; below, what becomes of them with depth; then the scores."""
    drawn = Figure(figsize=(10, 8.4), layout="constrained")
    axes = drawn.subplots(3, 2, height_ratios=(3, 3, 1))
    titles = {
        (ONE, SIGNAL): "one layer: correlation of two signals",
        (ONE, GRADIENT): "one layer: correlation of two gradients",
        (MANY, SIGNAL): "many layers: correlation of two signals",
        (MANY, GRADIENT): "many layers: correlation of two gradients",
    }
    for panel, ((span, quantity), title) in zip(axes[:2].flat, titles.items(), strict=True):
        rows = table[(table["span"] == span) & (table["quantity"] == quantity)]
        _drawCurves(panel, rows[np.isinf(rows["width"]) == (span == MANY)])
        finishAxes(panel, title, "correlation")
        panel.set_xlabel("correlation before the layer" if span == ONE else "layers passed")
    axes[1, 1].set(xscale="log", yscale="log")
    axes[1, 1].set_ylim(bottom=1e-3)
    for strip, span in zip(axes[2], (ONE, MANY), strict=True):
        _drawScores(strip, table[table["span"] == span])
        finishScores(strip, "correlation before the layer" if span == ONE else "layers passed")
        strip.set_title(span, loc="left", fontsize=9)
    axes[0, 0].legend(frameon=False, fontsize=8, title="points: measured; dashed: predicted")
    return drawn


def _arms(rows: pd.DataFrame):
    return enumerate(rows.groupby("arm", sort=False))


def _drawCurves(axes: Axes, rows: pd.DataFrame) -> None:
    for index, (arm, own) in _arms(rows):
        where, every = own["where"].to_numpy(float), max(1, len(own) // 14)
        axes.plot(where, own["predicted"], color=colour(index), linestyle=DASHES, linewidth=1.3)
        axes.errorbar(
            where[::every],
            own["measured"][::every],
            own["standard_error"][::every],
            linestyle="none",
            elinewidth=1,
            label=arm,
            **points(index),
        )


def _drawScores(axes: Axes, rows: pd.DataFrame) -> None:
    for index, (_, own) in _arms(rows):
        axes.plot(own["where"].astype(float), own["z"], ".", color=colour(index), markersize=4)


def _summary(result: Result) -> Table:
    """The rows that are judged: of one layer, and of many at infinite width."""
    table = result.table
    judged = table[(table["span"] == ONE) | np.isinf(table["width"])].drop(columns="width")
    return summaryOf(judged, result.reasons)


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, figure, __doc__, summary=_summary)
