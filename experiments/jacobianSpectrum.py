"""The spectrum of the input-output Jacobian: which weights treat all directions alike.

All singular values of a looks-linear net of orthogonal weights are 1 at any depth. For others the
moments of the squared singular values have exact values at every width (two slopes, CReLU) or
known limits at large width, and so has their density.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.comparing import compared
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.plotting import DASHES, colour, finishAxes
from experiments.precision import computing
from experiments.probes.jacobian import jacobian
from lookslinear.errors import NotCoveredError, known_name, refuse_repeated, whole_number
from lookslinear.laws import dense_law
from lookslinear.sampling import as_seed, child_seed, standard_normal
from lookslinear.theory import Residual, Stage, finite_width_moments, second_moment
from lookslinear.theory.spectra import (
    SpectralMoments,
    spectral_moments,
    wide_spectral_moments,
    zero_share,
)
from lookslinear.theory.spectral_laws import spectral_law

NAME = "jacobian-spectrum"
LINE = "Singular values of the Jacobian against their laws; all 1 for looks-linear nets."
#: Looks-linear nets are as deep as those of the paper; the law of residual ones is for many blocks.
LEAST_DEPTH = {"looksLinear/crelu": 198, "residual/linear": 30, "residual/relu": 30}
#: The second moment at which the gain of a smooth activation keeps the signal.
STEADY_MOMENT = 0.3
#: Squared singular values below (so many machine epsilons)^2 are zeros, but for rounding.
ROUNDING = 100
BINS, CURVE = 28, 160


def _law(family: str, width: int, gain: float, dtype: str, mirror: bool = False):
    inputs = 2 * width if mirror else width
    return dense_law(inputs, width, family, gain / math.sqrt(width), mirror=mirror, dtype=dtype)


def _chain(family: str, activation: str, gain: float = 1.0, start: float = 1.0, mirror=False):
    """A builder: an orthogonal layer that gives the signal the mean square `start`, then others."""

    def stages(depth: int, width: int, dtype: str) -> list[Stage]:
        first = Stage(_law("haar", width, math.sqrt(start), dtype))
        return [first] + depth * [Stage(_law(family, width, gain, dtype, mirror), activation)]

    return stages


def _steady(family: str, activation: str):
    """The same with the gain that keeps the second moment at `STEADY_MOMENT`."""
    q = STEADY_MOMENT
    gain = math.sqrt(q / float(second_moment(activation, q)))
    return _chain(family, activation, gain, start=q)


def _residual(activation: str, gain: float = 1.0):
    """x + W phi(x) / sqrt(depth) with Gaussian weights."""

    def stages(depth: int, width: int, dtype: str) -> list[Stage | Residual]:
        branch = Stage(_law("normal", width, gain, dtype), activation)
        first = Stage(_law("haar", width, 1.0, dtype))
        return [first] + depth * [Residual((branch,), scale=depth**-0.5)]

    return stages


#: What can be looked at: a word, and what makes stages of a depth, a width and a dtype.
NETS: Mapping[str, Callable[[int, int, str], list]] = {
    "gaussian/linear": _chain("normal", "linear"),
    "gaussian/relu": _chain("normal", "relu", math.sqrt(2)),
    "orthogonal/relu": _chain("haar", "relu", math.sqrt(2)),
    "gaussian/crelu": _chain("normal", "crelu", mirror=True),
    "orthogonal/hardTanh": _steady("haar", "hardTanh"),
    "orthogonal/erf": _steady("haar", "erf"),
    "residual/linear": _residual("linear"),
    "residual/relu": _residual("relu", math.sqrt(2)),
    "looksLinear/crelu": _chain("haar", "crelu", mirror=True),
    "gaussian/hardTanh": _steady("normal", "hardTanh"),
    "gaussian/erf": _steady("normal", "erf"),
    "orthogonal/linear": _chain("haar", "linear"),
}
#: Those of which every singular value is 1.
ISOMETRIES = ("looksLinear/crelu", "orthogonal/linear")


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which networks, and how many of each."""

    net: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="NET",
            help=f"One of {', '.join(NETS)}. gaussian/crelu and looksLinear/crelu are mirrored. "
            "Without any: all of them.",
        ),
    ] = ()
    depth: int = 6
    """Layers behind an activation; looksLinear/crelu has 198 at least, residual nets 30."""
    width: int = 100
    """Units of each layer."""
    replicates: int = 40
    """Independent networks of each kind; of isometries two, which are all alike."""
    seed: int = 0
    """What inputs and weights are drawn from: the same seed, the same numbers."""
    dtype: Literal["float32", "float64"] = "float64"
    """What Theano computes in."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    networks: dict[str, list]
    halves: dict[str, list]

    @property
    def steps(self) -> int:
        """One for each network."""
        both = (*self.networks, *self.halves)
        return sum(replicatesOf(name, self.config) for name in both)


def replicatesOf(name: str, config: Config) -> int:
    """Where nothing scatters two networks say it all."""
    return min(2, config.replicates) if name in ISOMETRIES else config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(net=("orthogonal/rellu",)))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown net 'orthogonal/rellu'. Did you mean ...
    """
    whole_number(config.depth, "depth")
    whole_number(config.width, "width", least=2)
    if config.width % 2:
        raise ValueError(
            f"width must be even: networks of half of it are measured too. "
            f"Received: {config.width}."
        )
    whole_number(config.replicates, "replicates", least=2)
    as_seed(config.seed)
    config = dataclasses.replace(config, net=config.net or tuple(NETS))
    names = [known_name("net", name, NETS) for name in config.net]
    refuse_repeated("net", names)
    networks = {name: _stages(name, config, config.width) for name in names}
    halves = {
        name: _stages(name, config, config.width // 2)
        for name, stages in networks.items()
        if not _hasExact(stages) and _hasLimit(stages)
    }
    return Plan(config, networks, halves)


def _stages(name: str, config: Config, width: int) -> list:
    return NETS[name](_depthOf(name, config.depth), width, config.dtype)


def _depthOf(name: str, depth: int) -> int:
    return max(depth, LEAST_DEPTH.get(name, 1))


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure every network and set it beside its law; `advance` is called after each.

    Examples
    --------
    >>> result = run(Config(net=("gaussian/relu",), depth=2, width=8, replicates=3))
    >>> list(dict.fromkeys(result.table["quantity"]))
    ['mean', 'mean square', 'square of mean', 'share of zeros']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays, reasons = [], {}, {}
    with computing(plan.config.dtype):
        for name, stages in plan.networks.items():
            squares = _measured(plan, name, stages, advance)
            tables.append(_table(name, stages, squares, plan.config.dtype))
            if name in plan.halves:
                half = plan.halves[name]
                tables.append(
                    _extrapolated(name, half, squares, _measured(plan, name, half, advance))
                )
            squares = np.where(squares < _zero(plan.config.dtype), 0.0, squares)
            arrays |= {f"{name}:squared_singular_values": squares} | _curve(name, stages, squares)
            reasons[name] = _reason(stages)
    return Result(pd.concat(tables, ignore_index=True), arrays, reasons)


def _measured(plan: Plan, name: str, stages: list, advance: Callable[[str], None]) -> np.ndarray:
    """The squared singular values (replicates, width), largest first."""
    # A net's numbers do not depend on which others are looked at.
    seed = child_seed(as_seed(plan.config.seed), list(NETS).index(name), stages[0].reads)
    found = []
    for replicate in range(replicatesOf(name, plan.config)):
        x = standard_normal((stages[0].reads,), child_seed(seed, replicate, 0), plan.config.dtype)
        x *= math.sqrt(len(x)) / np.linalg.norm(x)
        matrix = jacobian(stages, x, child_seed(seed, replicate, 1))
        found.append(np.linalg.svd(matrix.astype(float), compute_uv=False) ** 2)
        advance(name)
    return np.array(found)


def _table(name: str, stages: list, squares: np.ndarray, dtype: str) -> pd.DataFrame:
    """Mean, mean square and squared mean of a network's squared singular values."""
    means = squares.mean(axis=1)
    samples = (means, (squares**2).mean(axis=1), means**2)
    eps = np.finfo(dtype).eps * 10 * len(stages)
    frames = [
        compared(quantity, [f"layer {len(stages)}"], values[:, None], np.array([predicted]),
                 rounding=eps * predicted if np.isfinite(predicted) else 0.0, net=name)
        for quantity, values, predicted in zip(QUANTITIES, samples, _moments(stages), strict=True)
    ]  # fmt: skip
    zeros = (squares < _zero(dtype)).mean(axis=1, keepdims=True)
    frames.append(
        compared("share of zeros", [f"layer {len(stages)}"], zeros, _zeros(stages), net=name)
    )
    if name in ISOMETRIES:
        farthest = np.abs(np.sqrt(squares) - 1).max(axis=1, keepdims=True)
        frames.append(
            compared("farthest singular value from 1", [f"layer {len(stages)}"], farthest,
                     np.array([0.0]), rounding=eps, net=name)
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _extrapolated(name: str, stages: list, squares: np.ndarray, ofHalf: np.ndarray) -> pd.DataFrame:
    """Moments at infinite width, from this width and half of it: 2 X(n) - X(n/2) has no 1/n."""
    wide = wide_spectral_moments(stages)
    samples = [2 * (squares**order).mean(axis=1) - (ofHalf**order).mean(axis=1) for order in (1, 2)]
    frames = [
        compared(f"{quantity}, extrapolated", [f"layer {len(stages)}"], values[:, None],
                 np.array([predicted]), net=name)
        for quantity, values, predicted in zip(QUANTITIES, samples, wide, strict=False)
    ]  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _zero(dtype: str) -> float:
    return (ROUNDING * np.finfo(dtype).eps) ** 2


def _zeros(stages: list) -> float:
    try:
        return zero_share(stages)
    except NotCoveredError:
        return math.nan


QUANTITIES = ("mean", "mean square", "square of mean")


def _moments(stages: list) -> SpectralMoments:
    """The exact moments; of a smooth activation the mean to first order in 1 / width; or NaN."""
    try:
        return spectral_moments(stages)
    except NotCoveredError:
        return SpectralMoments(_meanOf(stages), math.nan, math.nan)


def _meanOf(stages: list) -> float:
    """E tr J J^T / n: a white gradient that is pulled back keeps so much of its mean square."""
    if any(isinstance(stage, Residual) for stage in stages):
        return math.nan  # the expansion in 1 / width is one of plain chains
    _, backward = finite_width_moments(stages, 1.0)
    return float(backward[0] * stages[0].law.variance * stages[0].writes)


def _hasExact(stages: list) -> bool:
    try:
        spectral_moments(stages)
    except NotCoveredError:
        return False
    return True


def _reason(stages: list) -> str:
    """Why something of these has no prediction, if it has none."""
    if _hasExact(stages):
        return "the share of zeros of sums is not known." if math.isnan(_zeros(stages)) else ""
    if _hasLimit(stages):
        return "beyond the mean known for infinite width alone."
    return "the gates of successive blocks open together, so that no law is known."


def _hasLimit(stages: list) -> bool:
    try:
        wide_spectral_moments(stages)
    except NotCoveredError:
        return False
    return True


def _curve(name: str, stages: list, squares: np.ndarray) -> dict[str, np.ndarray]:
    """The law's density per decade of the squared singular values that are not 0."""
    if not (_hasLimit(stages) and squares.any()):
        return {f"{name}:predicted_density": np.empty((2, 0))}
    law, seen = spectral_law(stages), squares[squares > 0]
    x = np.geomspace(np.quantile(seen, 0.01), 1.5 * seen.max(), CURVE)
    density = law.density(x) * x * math.log(10) / (1 - law.zeros)
    return {
        f"{name}:predicted_density": np.array([x, density]),
        f"{name}:predicted_top": np.array([law.largest, law.of_largest]),
    }


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """A panel a net: histogram of squared singular values, and the law at infinite width."""
    nets = list(dict.fromkeys(table["net"]))
    columns = min(3, len(nets))
    rows = math.ceil(len(nets) / columns)
    figure = Figure(figsize=(max(3.6 * columns, 6.5), 2.6 * rows + 0.5), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(nets) :]:
        axes.remove()
    for index, (axes, net) in enumerate(zip(panels, nets, strict=False)):
        rows = table[table["net"] == net]
        _drawNet(axes, rows, net, arrays)
        finishAxes(
            axes,
            f"{net}, {rows['where'].iloc[0]}",
            "density, per decade" if index % columns == 0 else "",
        )
        axes.set_xlabel("log10 of squared singular value")
        axes.locator_params(axis="x", nbins=6, steps=(1, 2, 5, 10))
    _legend(figure)
    return figure


def _drawNet(axes: Axes, rows: pd.DataFrame, net: str, arrays: Mapping[str, np.ndarray]) -> None:
    squares = arrays[f"{net}:squared_singular_values"].ravel()
    logs = np.log10(squares[squares > 0])
    if np.ptp(logs) < 1e-3:
        return _drawPoint(axes, logs)
    heights, edges = np.histogram(logs, BINS, range=(np.quantile(logs, 0.01), logs.max()))
    heights = heights / len(logs) / (edges[1] - edges[0])
    axes.stairs(heights, edges, color=colour(5), fill=True, alpha=0.45)
    top = heights.max()
    if f"{net}:predicted_top" in arrays:
        top = _drawLaw(
            axes, top, arrays[f"{net}:predicted_density"], arrays[f"{net}:predicted_top"]
        )
    axes.set_ylim(0, 1.25 * top)
    told = _toldZeros(rows) + ("" if f"{net}:predicted_top" in arrays else "\nno law is known")
    axes.text(0.03, 0.95, told, transform=axes.transAxes, va="top")


def _drawLaw(axes: Axes, top: float, curve: np.ndarray, largest: np.ndarray) -> float:
    """The dashed density, the dotted share at one value; how far up the axis should reach."""
    x, density = curve
    axes.plot(np.log10(x), density, color="black", linestyle=DASHES, linewidth=1.4)
    top = min(top, 2 * density.max())
    place, share = np.log10(largest[0]), largest[1]
    if share > 0:
        axes.axvline(place, color="black", linestyle=":", linewidth=1.2)
        axes.annotate(f"{share:.0%} here", (place, 0.7 * top), ha="right", xytext=(-13, 0),
                      textcoords="offset points")  # fmt: skip
    return top


def _toldZeros(rows: pd.DataFrame) -> str:
    row = rows[rows["quantity"] == "share of zeros"].iloc[0]
    told = f"zeros: {row['measured']:.1%}"
    return told if np.isnan(row["predicted"]) else f"{told}\npredicted: {row['predicted']:.1%}"


def _drawPoint(axes: Axes, logs: np.ndarray) -> None:
    """All singular values alike, but for rounding."""
    axes.axvline(0.0, color="black", linestyle=DASHES, linewidth=1.4)
    axes.plot([logs.mean()], [0.5], "o", color=colour(5), markersize=9, alpha=0.6)
    axes.set_xlim(-1, 1)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    farthest = np.abs(10 ** (logs / 2) - 1).max()
    axes.text(0.03, 0.95, f"all 1, but for {farthest:.0e}", transform=axes.transAxes, va="top")


def _legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=colour(5), linewidth=6, alpha=0.45, label="measured, all networks"),
        Line2D([], [], color="black", linestyle=DASHES, label="predicted, infinite width"),
        Line2D([], [], color="black", linestyle=":", label="a share at one value"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False)


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
