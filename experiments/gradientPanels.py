"""The figure of gradients against depth: (table) -> a panel a net, and one of their variances."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.plotting import DASHES, colour, finishAxes, points

CORRELATION, VARIANCE = "gradient correlation", "gradient variance"
_PUBLISHED = {"linestyle": ":"}
#: Of the points of the narrow and of the wide nets.
_SHADES = ("0.72", "0.5")
_COLUMNS = 3


def gradientPanels(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """R of each net as published, predicted and measured; and the variances of all, likewise."""
    nets = list(dict.fromkeys(table["net"]))
    columns = min(_COLUMNS, len(nets) + 1)
    rows = -(-(len(nets) + 1) // columns)
    figure = Figure(figsize=(3.6 * columns, 3.1 * rows + 0.7), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(nets) + 1 :]:
        axes.set_axis_off()
    for index, net in enumerate(nets):
        ofNet = table[table["net"] == net]
        _drawCorrelation(grid[index], ofNet[ofNet["quantity"] == CORRELATION], index)
        _drawLimit(grid[len(nets)], ofNet[ofNet["quantity"] == VARIANCE], index)
    variances = table[table["quantity"] == VARIANCE]
    _finish(grid[len(nets)], f"all nets; {_worst(variances)}", "variance of the gradient")
    figure.legend(handles=_handles(table), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _drawCorrelation(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    for width, shade in zip(_widths(rows), _SHADES, strict=True):
        alone = rows[rows["width"] == width]
        axes.plot(alone["where"], alone["measured"], ".", color=shade)
    _drawLimit(axes, rows, index)
    axes.set_ylim(3e-4, 2)
    label = "correlation R of gradients" if axes.get_subplotspec().is_first_col() else ""
    _finish(axes, f"{rows['net'].iloc[0]}; {_worst(rows)}", label)


def _drawLimit(axes: Axes, rows: pd.DataFrame, index: int) -> None:
    """What is judged: the extrapolated points, with the prediction and the theorem."""
    limit = rows[np.isinf(rows["width"])]
    depths = limit["where"].to_numpy(float)
    axes.plot(depths, limit["published"], color=colour(index), **_PUBLISHED)
    axes.plot(depths, limit["predicted"], color=colour(index), linestyle=DASHES)
    axes.errorbar(
        depths,
        limit["measured"],
        limit["standard_error"],
        linestyle="none",
        capsize=2,
        **points(index),
    )


def _finish(axes: Axes, title: str, label: str) -> None:
    axes.set_yscale("log", nonpositive="clip")
    axes.set_xlabel("depth")
    finishAxes(axes, title, label)


def _worst(rows: pd.DataFrame) -> str:
    return f"largest |z| {rows['z'].abs().max():.1f}"


def _widths(table: pd.DataFrame) -> list[float]:
    return sorted(set(table["width"]) - {np.inf})


def _handles(table: pd.DataFrame) -> list[Line2D]:
    """The legend's lines, in grey: each net has a colour of its own."""
    measured = {**points(0), "color": "0.3", "linestyle": "none"}
    alone = zip(_widths(table), _SHADES, strict=True)
    return [
        Line2D([], [], color="0.3", **_PUBLISHED, label="theorem, as published"),
        Line2D([], [], color="0.3", linestyle=DASHES, label="mean field"),
        *(
            Line2D([], [], color=shade, marker=".", linestyle="none", label=f"width {width:.0f}")
            for width, shade in alone
        ),
        Line2D([], [], **measured, label="extrapolated to infinite width, ± standard error"),
    ]
