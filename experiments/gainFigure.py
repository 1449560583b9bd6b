"""The figure of gains, (table, arrays) -> what is left at the end, and how some nets get there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.plotting import DASHES, colour, finishAxes, points
from experiments.secondMoments import GRADIENT, LOG, SIGNAL, bandOf

USUAL, EXACT, BOTH = "usual", "exact", "both"
#: Each kind of gain, and the number of its colour and marker.
KINDS = {USUAL: 1, EXACT: 0, BOTH: 2}
#: Activations whose way to the end is drawn, those that are there; else the first ones.
TOLD = ("tanh", "sigmoid", "gelu", "selu")
#: log10 beyond which a number is told at the edge.
EDGE = 6.0


def gainFigure(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Above, signal and gradient at the end for every gain; below, layer by layer for some."""
    table = _inLogs(table)
    names = list(dict.fromkeys(table["activation"]))
    told = [name for name in TOLD if name in names] or names[: len(TOLD)]
    arms = list(dict.fromkeys(zip(table["activation"], table["gain"], strict=True)))
    height = 1.1 + 0.19 * len(arms)
    drawn = Figure(figsize=(9.6, height + 4), layout="constrained")
    above, below = drawn.subfigures(2, 1, height_ratios=(height, 4))
    for axes, quantity in zip(above.subplots(1, 2, sharey=True), (SIGNAL, GRADIENT), strict=True):
        _drawEnds(axes, table[table["quantity"] == quantity], arms, quantity)
        _nameArms(axes, arms, arrays)
    grid = below.subplots(2, len(told), sharex=True, squeeze=False)
    for row, quantity in zip(grid, (SIGNAL, GRADIENT), strict=True):
        for axes, name in zip(row, told, strict=True):
            rows = table[(table["activation"] == name) & (table["quantity"] == quantity)]
            _drawWay(axes, rows, arrays, quantity)
    for axes, name in zip(grid[0], told, strict=True):
        axes.set_title(_titled(name, arrays), loc="left", fontsize=9)
    for axes in grid[1]:
        axes.set_xlabel("layers passed")
    above.legend(handles=_handles(arrays["start"]), loc="outside upper center", ncols=5,
                 frameon=False, fontsize=7.5, columnspacing=1.2)  # fmt: skip
    return drawn


def _inLogs(table: pd.DataFrame) -> pd.DataFrame:
    """Decimal logs of all that was measured and predicted, with the error's ends."""
    inLogs = table["quantity"].str.startswith(LOG)
    columns = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for name in ("measured", "predicted"):
            columns[name] = np.where(inLogs, table[name], np.log(table[name])) / np.log(10)
        relative = np.where(
            inLogs, table["standard_error"], table["standard_error"] / table["measured"]
        )
    columns["error"] = np.minimum(relative, 1) / np.log(10)
    return table.assign(**columns, quantity=table["quantity"].str.removeprefix(LOG))


def _drawEnds(axes: Axes, rows: pd.DataFrame, arms: list, quantity: str) -> None:
    """A line an arm: what is left of each start, behind the last layer."""
    ends = rows[rows["where"] == rows["where"].max()]
    for place, (name, kind) in enumerate(arms):
        own = ends[(ends["activation"] == name) & (ends["gain"] == kind)]
        offsets = np.linspace(-0.25, 0.25, len(own)) if len(own) > 1 else [0.0]
        for offset, (_, row) in zip(offsets, own.iterrows(), strict=True):
            _drawEnd(axes, row, place + offset, kind)
        _tellBeyond(axes, own["measured"].to_numpy(), place)
    layers = rows["where"].max()
    finishAxes(axes, f"{quantity} after {layers} layers", "")
    axes.set_xlabel("log10 of the second moment")
    axes.set_xlim(-EDGE - 2.4, EDGE + 2.4)
    axes.axvline(0, color="0.6", linewidth=0.8)


def _drawEnd(axes: Axes, row: pd.Series, place: float, kind: str) -> None:
    look = {**points(KINDS[kind]), "markersize": 3.6}
    if not np.isnan(row["predicted"]):
        look["markerfacecolor"] = look["color"]
        axes.plot(np.clip(row["predicted"], -EDGE, EDGE), place, "|", color="black", markersize=7)
    axes.plot(np.clip(row["measured"], -EDGE, EDGE), place, linestyle="none", **look)


def _tellBeyond(axes: Axes, logs: np.ndarray, place: float) -> None:
    """The range of the logs that are beyond an edge, next to it."""
    for side, beyond in ((-1, logs[logs < -EDGE]), (1, logs[logs > EDGE])):
        ends = sorted({f"{log:.0f}" for log in beyond}, key=float)
        axes.text(
            side * (EDGE + 0.25),
            place,
            " to ".join(dict.fromkeys((ends[0], ends[-1]))) if ends else "",
            ha="right" if side < 0 else "left",
            va="center",
            fontsize=6.5,
        )


def _nameArms(axes: Axes, arms: list, arrays: Mapping[str, np.ndarray]) -> None:
    gains = [float(arrays[f"{name}:{kind}:gain"]) for name, kind in arms]
    words = [f"{name}, {kind} {g:.3f}" for (name, kind), g in zip(arms, gains, strict=True)]
    axes.set_yticks(range(len(arms)), words, fontsize=8)
    axes.set_ylim(len(arms) - 0.5, -0.5)


def _drawWay(axes: Axes, rows: pd.DataFrame, arrays: Mapping, quantity: str) -> None:
    """Measured points; dashed what is predicted at this width, dotted at infinite width."""
    name, direction = rows["activation"].iloc[0], (SIGNAL, GRADIENT).index(quantity)
    for (kind, start), own in rows.groupby(["gain", "start"], sort=False):
        layers, index = own["where"], list(arrays["start"]).index(start)
        wide = arrays[f"{name}:{kind}:wide"][direction, 1:, index]
        with np.errstate(divide="ignore"):
            logs = np.log10(wide)
        tint = colour(KINDS[kind])
        networks = arrays[f"{name}:{kind}:log_mean_square"][direction, :, :, index]
        axes.fill_between(layers, *bandOf(networks), color=tint, alpha=0.13, linewidth=0)
        axes.plot(arrays["layers"][1:], logs, color=tint, linestyle=":", linewidth=1)
        axes.plot(layers, own["predicted"], color=tint, linestyle=DASHES, linewidth=1.3)
        axes.errorbar(layers, own["measured"], own["error"], linestyle="none", elinewidth=1,
                      **points(KINDS[kind]))  # fmt: skip
    axes.set_xscale("log")
    finishAxes(axes, "", f"log10, {quantity}" if axes.get_subplotspec().is_first_col() else "")


def _titled(name: str, arrays: Mapping[str, np.ndarray]) -> str:
    kind = next(kind for kind in (EXACT, BOTH) if f"{name}:{kind}:slope" in arrays)
    slope = float(arrays[f"{name}:{kind}:slope"])
    fate = "unstable" if slope > 1 + 1e-9 else ("stable" if slope < 1 - 1e-9 else "neutral")
    return f"{name}; exact gain: slope at 1\nis {slope:.3f}, {fate}"


def _handles(start: np.ndarray) -> list[Line2D]:
    kinds = [
        Line2D([], [], **{**points(index), "markerfacecolor": colour(index)}, linestyle="none",
               label={USUAL: "usual gain", EXACT: "exact gain", BOTH: "both are one"}[kind])
        for kind, index in KINDS.items()
    ]  # fmt: skip
    rest = [
        Line2D([], [], **{**points(0), "color": "0.3"}, linestyle="none",
               label="measured, open above: not predicted"),
        Line2D([], [], color="black", marker="|", linestyle="none", label="predicted"),
        Line2D([], [], color="0.3", linestyle=DASHES, label="predicted at this width"),
        Line2D([], [], color="0.3", linestyle=":", label="infinite width"),
        Patch(color="0.3", alpha=0.2, label="middle 80 % of networks"),
    ]  # fmt: skip
    told = ", ".join(f"{moment:g}" for moment in start)
    starts = Line2D([], [], linestyle="none", label=f"top to bottom: inputs of {told}")
    return [*kinds, starts, *rest]
