"""The figure of phases, (table, arrays) -> the map with its points, and what was measured there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.plotting import DASHES, colour, finishAxes, points

#: The quantities of the table.
MOMENT, CORRELATION = "second moment", "correlation"
FIXED_MOMENT, FIXED_CORRELATION = "q*", "c*"
GROWTH, DECAY = "log chi_1", "-1 / xi_c"
#: Trainable depths whose lines are drawn.
DEPTHS = (10, 20, 40, 80, 160)
#: The greys of order and of chaos.
SHADES = ("0.95", "0.82")
_POINT = ["weights", "biases"]


def phaseFigure(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Left the plane of variances, right correlations against depth, and rates as predicted."""
    drawn = Figure(figsize=(11, 6.2), layout="constrained")
    grid = drawn.add_gridspec(2, 2, width_ratios=(1.35, 1))
    plane, alike, rates = map(drawn.add_subplot, (grid[:, 0], grid[0, 1], grid[1, 1]))
    limit = table[np.isinf(table["width"])]
    _drawPhases(plane, arrays)
    for index, (place, rows) in _places(limit):
        _drawPlace(plane, index, place)
        _drawCorrelation(alike, rows, index)
        _drawRates(rates, rows, index)
    _finishPlane(plane)
    _finishCorrelations(alike)
    _finishRates(rates, limit)
    return drawn


def _places(limit: pd.DataFrame) -> Iterator[tuple[int, tuple]]:
    return enumerate(limit.groupby(_POINT, sort=False))


def _drawPhases(axes: Axes, arrays: Mapping[str, np.ndarray]) -> None:
    """Two greys, the critical line between them, and lines of equal trainable depth."""
    x, y, chi = (arrays[name] for name in ("weights", "biases", "chi_1"))
    axes.contourf(x, y, chi, levels=(-1.0, 1.0, np.inf), colors=SHADES)
    if np.nanmin(chi) < 1 < np.nanmax(chi):
        axes.contour(x, y, chi, levels=[1.0], colors="black", linewidths=2.8)
    # Beyond the deepest line depths rise without bound, and a grid cannot show how.
    depth = np.minimum(arrays["depth"], 10 * DEPTHS[-1])
    lines = axes.contour(x, y, depth, levels=DEPTHS, colors="0.35", linewidths=0.9)
    height = len(y) // 2
    places = [(place, y[height]) for place in _crossings(x, depth[height])]
    if places:
        axes.clabel(lines, fmt="%d", fontsize=8, manual=places)
    for name, side in (("ordered", chi < 1), ("chaotic", chi > 1)):
        _nameSide(axes, name, x, y, side)


def _crossings(x: np.ndarray, depth: np.ndarray) -> list[float]:
    """Where along a row of the map the lines of equal depth cross it."""
    found = []
    for level in DEPTHS:
        passed = np.flatnonzero(np.diff(np.sign(depth - level)))
        found += [float(x[place : place + 2].mean()) for place in passed]
    return found


def _nameSide(axes: Axes, name: str, x: np.ndarray, y: np.ndarray, side: np.ndarray) -> None:
    """The phase's name where its side of the top is widest."""
    height = int(0.93 * len(y))
    inside = x[side[height]]
    if len(inside):
        axes.text(
            inside.mean(), y[height], name, ha="center", va="center", fontsize=13, style="italic"
        )


def _drawPlace(axes: Axes, index: int, place: tuple[float, float]) -> None:
    axes.plot(*place, linestyle="none", zorder=5, **{**points(index), "markersize": 9})


def _drawCorrelation(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    curve = rows[rows["quantity"] == CORRELATION]
    axes.plot(curve["where"], curve["predicted"], color=colour(index), linestyle=DASHES)
    axes.errorbar(
        curve["where"], curve["measured"], curve["standard_error"], linestyle="none", elinewidth=1,
        **points(index),
    )  # fmt: skip
    axes.plot(
        curve["where"].iloc[-1] * 1.18,
        rows[rows["quantity"] == FIXED_CORRELATION]["predicted"],
        marker="<",
        color=colour(index),
    )


def _drawRates(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    """Filled the growth of gradients, open that of products of two inputs' gradients."""
    for name, face in ((GROWTH, colour(index)), (DECAY, "white")):
        row = rows[rows["quantity"] == name]
        axes.errorbar(
            row["predicted"], row["measured"], row["standard_error"], linestyle="none",
            elinewidth=1, **{**points(index), "markerfacecolor": face},
        )  # fmt: skip


def _finishPlane(axes: Axes) -> None:
    finishAxes(axes, "phases, and the depth 6 xi_c to which nets are reported to train", "")
    axes.set_xlabel("variance of weights times units, sigma_w^2")
    axes.set_ylabel("variance of biases, sigma_b^2")
    axes.grid(False)
    handles = [
        Line2D([], [], color="black", linewidth=2.8, label="critical, chi_1 = 1"),
        Line2D([], [], color="0.35", linewidth=0.9, label="equal depth 6 xi_c"),
        Line2D(
            [],
            [],
            **{**points(0), "color": "0.3"},
            linestyle="none",
            label="measured, each as on the right",
        ),
    ]
    axes.figure.legend(handles=handles, loc="outside lower left", ncols=3, frameon=False)


def _finishCorrelations(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_ylim(-0.05, 1.05)
    axes.set_xlabel("layer")
    finishAxes(axes, "two inputs: dashes predicted, triangles c*", "correlation")


def _finishRates(axes: Axes, limit: pd.DataFrame) -> None:
    axes.axline((0, 0), slope=1, color="0.3", linestyle=DASHES, linewidth=1)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axvline(0, color="black", linewidth=0.8)
    worst = limit["z"].abs().max()
    finishAxes(axes, f"rates a layer; of all rows the largest |z| is {worst:.1f}", "measured")
    axes.set_xlabel("predicted")
    handles = [
        Line2D([], [], **{**points(0), "color": "0.3", "markerfacecolor": face}, label=label,
               linestyle="none")
        for face, label in (("0.3", f"{GROWTH}: gradients"), ("white", f"{DECAY}: correlations"))
    ]  # fmt: skip
    axes.legend(handles=handles, fontsize=8, frameon=False)
