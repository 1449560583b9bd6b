"""Gradient correlation: how alike the gradients of two inputs are, against depth.

R = E g1 . g2 / E |g|^2 over networks, for orthogonal inputs and one random read-out at the outputs.
Three numbers stand side by side: that of the theorem as published, which takes every pair of inputs
to be active together on a quarter of the units; that of mean-field theory, which follows how alike
the two signals become; and the measured one.

Theory speaks of infinitely wide networks, and networks of width n have an excess of order 1 / n,
which at depth is larger than R itself. So each net is measured at two widths, n and 2 n, and
2 R(2 n) - R(n), whose error is of order 1 / n^2, is what is held to the prediction.

Batch statistics are held constant on the way back: the gradient plotted is that of one sample with
the means and deviations that the batch has given. Through the statistics the gradients of a batch
sum to 0, so that any two of B samples have R = -1 / (B - 1) on average, at every depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from threadpoolctl import threadpool_limits

from utilityFunctions import floatX
from experiments.comparing import comparedEstimate
from experiments.experiment import Experiment, Result
from experiments.plotting import DASHES, colour, finishAxes, points
from experiments.probes import inputGradients
from initialisations import initD
from lookslinear.errors import known_name, real_number, whole_number
from lookslinear.measures import Estimate, ratio
from lookslinear.sampling import as_seed, child_seed, haar_frame, standard_normal
from lookslinear.theory import Batch, Residual, Stage, gradient_correlations
from lookslinear.theory.shattering import paper_correlation

NAME = "gradient-correlation"
LINE = "gradients of two inputs against depth: the theorem, the mean field, the measurement"
#: Each net, and the theorem of Balduzzi et al. 2017 that is about it.
NETS = {
    "plain": "theorem 1",
    "batch-normalised": "theorem 1",
    "residual": "theorem 2 (reported)",
    "residual and batch-normalised": "theorem 3, the product behind its asymptote",
    "looks-linear": "section 4",
}
PAPER = "Balduzzi et al. 2017, arXiv 1702.08591"
#: Depths that are measured, up to the one that is asked for.
DEPTHS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100)
QUANTITY = "gradient correlation"
_PUBLISHED = {"color": "0.35", "linestyle": ":"}
#: Of the points of the narrow and of the wide nets.
_SHADES = ("0.72", "0.5")
# Which child of the seed draws what.
_DATA, _WEIGHTS, _READOUTS = 0, 1, 2


@dataclass(frozen=True)
class Config:
    """Which nets, how deep and how wide."""

    net: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="NET", help=f"One of: {', '.join(NETS)}. Without any: all of them."),
    ] = ()
    depth: int = 20
    """The largest number of layers with an activation, or of residual blocks."""
    width: int = 96
    """Units of each layer; the same nets are measured at twice this width too."""
    batch: int = 32
    """Orthogonal inputs sent through each network, at most as many as units."""
    beta: float = 1.0
    """The factor of each residual branch."""
    replicates: int = 40
    """Independent networks of each net and width."""
    seed: int = 0
    """What inputs, weights and read-outs are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good; `stages` by net and width."""

    config: Config
    depths: list[int]
    stages: dict[tuple[str, int], list[Stage | Residual]]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.stages) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is drawn or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(replicates=1))
    Traceback (most recent call last):
    ValueError: replicates must be at least 2. Received: 1.
    """
    nets = config.net or tuple(NETS)
    for net in nets:
        known_name("net", net, NETS)
    if len(set(nets)) < len(nets):
        raise ValueError(f"each net must stand once. Received: {', '.join(nets)}.")
    for name, least in {"depth": 1, "width": 2, "batch": 2, "replicates": 2}.items():
        whole_number(getattr(config, name), name, least)
    if config.batch > config.width:
        raise ValueError(
            f"batch must be at most the width: so many inputs can be orthogonal. "
            f"Received: {config.batch} at width {config.width}."
        )
    real_number(config.beta, "beta")
    as_seed(config.seed)
    depths = [depth for depth in DEPTHS if depth < config.depth] + [config.depth]
    widths = (config.width, 2 * config.width)
    stages = {
        (net, width): stagesOfNet(net, width, config.depth, config.beta)
        for net in nets
        for width in widths
    }
    return Plan(config, depths, stages)


def stagesOfNet(net: str, width: int, depth: int, beta: float = 1.0) -> list[Stage | Residual]:
    """A first layer that only turns the inputs, and `depth` layers or residual blocks after it.

    Examples
    --------
    >>> stages = stagesOfNet("residual", width=8, depth=3)
    >>> len(stages), stages[1].branch[0].activation.name
    (4, 'relu')
    """
    shape = (width,)
    first = Stage(initD["orthogonal"].law(shape, shape))
    he = initD["heNormal"].law(shape, shape)
    mirrored = initD["orthogonal"].law((2 * width,), shape, mirror=True)
    normalised = Stage(he, "relu", normalisation="batch")
    element = {
        "plain": Stage(he, "relu"),
        "batch-normalised": normalised,
        "residual": Residual([Stage(he, "relu")], scale=beta),
        "residual and batch-normalised": Residual([normalised], scale=beta),
        "looks-linear": Stage(mirrored, "crelu"),
    }[net]
    return [first, *depth * [element]]


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda net: None) -> Result:
    """Measure and predict every net; `advance` is called after each network.

    Examples
    --------
    >>> result = run(Config(net=("looks-linear",), depth=2, width=8, batch=3, replicates=2))
    >>> bool((abs(result.table["measured"] - 1) < 1e-5).all()), bool((result.table["z"] < 5).all())
    (True, True)
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays, widths = [], {}, (plan.config.width, 2 * plan.config.width)
    with threadpool_limits(limits=1, user_api="blas"):  # small products by turns in each library
        for net in dict.fromkeys(net for net, _ in plan.stages):
            products = {width: _measured(plan, net, width, advance) for width in widths}
            for width, (above, below) in products.items():
                arrays |= {f"{net}:{width}:products": above, f"{net}:{width}:squares": below}
            tables.append(_table(plan, net, products))
    return Result(pd.concat(tables, ignore_index=True), arrays, _reasons(widths))


def _measured(
    plan: Plan, net: str, width: int, advance: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean products of the gradients of two inputs, and mean squares: arrays (networks, depths)."""
    found = []
    for replicate in range(plan.config.replicates):
        found.append(_throughOneNetwork(plan, net, width, replicate))
        advance(net)
    return tuple(np.moveaxis(np.array(found), -1, 0))


def _throughOneNetwork(plan: Plan, net: str, width: int, replicate: int) -> list:
    path = (list(NETS).index(net), width, replicate)
    seed, inputs = as_seed(plan.config.seed), plan.config.batch
    frame = haar_frame(width, inputs, child_seed(seed, _DATA, *path), np.dtype(floatX()))
    readouts = {
        1 + depth: standard_normal((1, width), child_seed(seed, _READOUTS, *path, depth), floatX())
        for depth in plan.depths
    }
    gradients = inputGradients(
        plan.stages[net, width],
        np.sqrt(width).astype(floatX()) * np.ascontiguousarray(frame.T),
        readouts,
        child_seed(seed, _WEIGHTS, *path),
    )
    return [_productAndSquare(found[:, 0].astype(float)) for _, found in gradients]


def _productAndSquare(gradients: np.ndarray) -> tuple[float, float]:
    """The mean of g1 . g2 over all pairs of rows, and that of |g|^2."""
    count, squares = len(gradients), np.square(gradients).sum()
    whole = np.square(gradients.sum(axis=0)).sum()
    return (whole - squares) / (count * (count - 1)), squares / count


def predictedCorrelations(plan: Plan, net: str) -> np.ndarray:
    """The mean-field R of the inputs' gradients, for each depth of the plan."""
    batch = Batch(size=plan.config.batch)
    stages = plan.stages[net, plan.config.width]
    return np.array(
        [float(gradient_correlations(stages[: 1 + d], 1.0, 0.0, batch)[0]) for d in plan.depths]
    )


def publishedCorrelations(plan: Plan, net: str) -> np.ndarray:
    """R as published: half of the pairs that are active are so together, whatever the depth."""
    if net == "looks-linear":
        return np.ones(len(plan.depths))
    if not net.startswith("residual"):
        return paper_correlation("plain", plan.depths)
    paperName = "residual" if net == "residual" else "normalised residual"
    return paper_correlation(paperName, plan.depths, scale=plan.config.beta)


def _table(plan: Plan, net: str, products: Mapping[int, tuple]) -> pd.DataFrame:
    notes = {
        "published": publishedCorrelations(plan, net),
        "source": f"{PAPER}, {NETS[net]}",
        "degrees": plan.config.replicates - 1,
        "net": net,
    }
    rounding = np.finfo(floatX()).eps * (1 + np.array(plan.depths))
    found = {width: _withRounding(ratio(*pair), rounding) for width, pair in products.items()}
    predicted = predictedCorrelations(plan, net)
    # A looks-linear net is linear at every width; of the others single widths have an excess.
    alone = predicted if net == "looks-linear" else np.nan
    tables = [
        comparedEstimate(QUANTITY, plan.depths, estimate, alone, width=float(width), **notes)
        for width, estimate in found.items()
    ]
    limit = extrapolated(*found.values())
    tables.append(comparedEstimate(QUANTITY, plan.depths, limit, predicted, width=np.inf, **notes))
    return pd.concat(tables, ignore_index=True)


def extrapolated(narrow: Estimate, wide: Estimate) -> Estimate:
    """What is left at infinite width of numbers at two widths, n and 2 n: 2 R(2 n) - R(n).

    Examples
    --------
    >>> narrow, wide = Estimate(np.float64(1.2), 0.0), Estimate(np.float64(1.1), 0.0)
    >>> round(float(extrapolated(narrow, wide).value), 12)
    1.0
    """
    error = np.sqrt(narrow.standard_error**2 + 4 * wide.standard_error**2)
    return Estimate(2 * wide.value - narrow.value, error)


def _withRounding(found: Estimate, rounding: np.ndarray) -> Estimate:
    return Estimate(found.value, np.hypot(found.standard_error, rounding))


def _reasons(widths: Sequence[int]) -> dict[str, str]:
    reason = (
        f"theory is that of infinite width, to which 2 R({widths[1]}) - R({widths[0]}) "
        f"extrapolates: judged is that, the row of width inf."
    )
    return {f"width {width}": reason for width in widths}


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """One panel a net: R against depth, as published, predicted and measured."""
    nets = list(dict.fromkeys(table["net"]))
    columns = min(3, len(nets))
    rows = -(-len(nets) // columns)
    figure = Figure(figsize=(max(3.6 * columns, 6), 3.1 * rows + 0.7), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for index, (axes, net) in enumerate(zip(grid, nets, strict=False)):
        _drawNet(axes, table[table["net"] == net], index)
    for axes in grid[len(nets) :]:
        axes.set_axis_off()
    figure.legend(handles=_handles(table), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _drawNet(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    limit = rows[np.isinf(rows["width"])]
    depths = limit["where"].to_numpy(float)
    axes.plot(depths, limit["published"], **_PUBLISHED)
    axes.plot(depths, limit["predicted"], color=colour(index), linestyle=DASHES)
    for width, shade in zip(_widths(rows), _SHADES, strict=True):
        alone = rows[rows["width"] == width]
        axes.plot(depths, alone["measured"], ".", color=shade)
    errors = limit["standard_error"]
    axes.errorbar(depths, limit["measured"], errors, linestyle="none", capsize=2, **points(index))
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(3e-4, 2)
    axes.set_xlabel("depth")
    title = f"{limit['net'].iloc[0]}; largest |z| {limit['z'].abs().max():.1f}"
    label = "correlation R of gradients" if axes.get_subplotspec().is_first_col() else ""
    finishAxes(axes, title, label)


def _widths(table: pd.DataFrame) -> list[float]:
    return sorted(set(table["width"]) - {np.inf})


def _handles(table: pd.DataFrame) -> list[Line2D]:
    """The legend's lines, in grey: each net has a colour of its own."""
    measured = {**points(0), "color": "0.3", "linestyle": "none"}
    alone = zip(_widths(table), _SHADES, strict=True)
    return [
        Line2D([], [], **_PUBLISHED, label="theorem, as published"),
        Line2D([], [], color="0.3", linestyle=DASHES, label="mean field"),
        *(
            Line2D([], [], color=shade, marker=".", linestyle="none", label=f"width {width:.0f}")
            for width, shade in alone
        ),
        Line2D([], [], **measured, label="extrapolated to infinite width, ± standard error"),
    ]


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
