"""The figure of gradients along a grid: how they look, above, and their autocorrelation, below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.plotting import DASHES, colour, finishAxes, keys, points

#: How far a trace reaches, in its own root mean square.
REACH = 3.6
NOISES = ("brown noise", "white noise")


def gridFigure(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """A column for each net and one for noise: its gradient at two depths, its autocorrelation."""
    nets = [net for net in dict.fromkeys(table["net"]) if net not in NOISES]
    depths = sorted(set(table["layer"]) - {0})
    columns = len(nets) + 1
    figure = Figure(figsize=(2.55 * columns + 0.6, 7.4), layout="constrained")
    panels = figure.subplots(3, columns, sharex="row", height_ratios=(1, 1, 2.1), squeeze=False)
    for column, net in zip(panels.T, nets, strict=False):
        traces = arrays[f"{net}:traces"]
        for axes, which in zip(column, (0, -1), strict=False):
            _drawTrace(axes, arrays["grid"], traces[which], f"{net}, depth {depths[which]}")
        _drawCorrelations(column[2], table[table["net"] == net], arrays[f"{net}:predicted"])
    for axes, noise in zip(panels[:, -1], NOISES, strict=False):
        _drawTrace(axes, arrays["grid"], arrays[f"{noise}:traces"][0], noise)
    _drawNoises(panels[2, -1], table)
    _finish(panels, nets)
    figure.legend(handles=_handles(depths), loc="outside lower center", ncols=8, frameon=False)
    return figure


def _drawTrace(axes: Axes, grid: np.ndarray, trace: np.ndarray, title: str) -> None:
    size = np.sqrt(np.square(trace, dtype=float).mean())
    axes.plot(grid, trace / (size or 1), color=colour(0), linewidth=0.8)
    axes.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    axes.set_ylim(-REACH, REACH)
    finishAxes(axes, title, "")


def _drawCorrelations(axes: Axes, rows: pd.DataFrame, predicted: np.ndarray) -> None:
    rows = rows[rows["quantity"].str.startswith("autocorrelation, width")]
    for index, (_, found) in enumerate(rows.groupby("layer")):
        _drawPoints(axes, found, index)
        _drawPrediction(axes, predicted[index], index, rows["where"].max())


def _drawNoises(axes: Axes, table: pd.DataFrame) -> None:
    for index, noise in enumerate(NOISES):
        rows = table[table["net"] == noise]
        _drawPoints(axes, rows, index + 6)
        axes.plot(rows["where"], rows["predicted"], color=colour(index + 6), linestyle=DASHES)
        last = rows.iloc[-1]
        axes.annotate(
            noise, (last["where"], last["predicted"]), xytext=(0, 12 - 30 * (noise != NOISES[1])),
            textcoords="offset points", ha="right", fontsize=8,
        )  # fmt: skip


def _drawPoints(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    axes.errorbar(
        rows["where"], rows["measured"], 2 * rows["standard_error"], linestyle="none",
        elinewidth=0.9, zorder=3, **points(index),
    )  # fmt: skip


def _drawPrediction(axes: Axes, curve: np.ndarray, index: int, reach: int) -> None:
    lags = np.arange(1, min(reach + 1, len(curve)))
    axes.plot(lags, curve[lags], color=colour(index), linestyle=DASHES, linewidth=1.4)


def _finish(panels: np.ndarray, nets: list[str]) -> None:
    for axes, title in zip(panels[2], [*nets, "noise"], strict=True):
        finishAxes(axes, title, "")
        axes.set_ylim(-0.22, 1.08)
        axes.set_xscale("log", base=2)
        axes.set_xticks([1, 4, 16, 64])
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("lag, in points of the grid")
    for axes in panels[:2].flat:
        axes.set_xlabel("input x", fontsize=8)
    for row, label in enumerate(
        ("df/dx over its rms", "df/dx over its rms", "autocorrelation of df/dx")
    ):
        panels[row, 0].set_ylabel(label)
        for axes in panels[row, 1:]:
            axes.tick_params(labelleft=False)


def _handles(depths: list[int]) -> list[Line2D]:
    depthLines = [
        Line2D([], [], linestyle=DASHES, label=f"depth {depth}", **points(index))
        for index, depth in enumerate(depths)
    ]
    return [*depthLines, *keys("measured, ± 2 standard errors", "predicted, large width")]
