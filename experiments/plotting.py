"""Figures from stored runs alone: measurement as points and bands, prediction as dashed lines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

#: Colours of even steps in lightness, so that they are told apart in grey; each with its marker.
COLOURS = ("#1b1b5e", "#8c1d40", "#00735c", "#b8580a", "#6a51a3", "#3a7fb8", "#7a7a00", "#c2678d")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
#: The share of networks that a band holds.
BAND = (10, 90)
POINTS = 14
TITLES = {
    "forward": "forward: the signal, from left to right",
    "backward": "backward: the gradient, from right to left",
}
LABELS = {
    "forward": "log10 of the second moment of pre-activations",
    "backward": "log10 of the second moment of gradients",
}
DASHES = (0, (4, 2))
#: Where a score contradicts a prediction, and how far the strip of scores reaches.
CONTRADICTION, REACH = 5, 7
STYLE = {"font.size": 9, "svg.hashsalt": "looks-linear"}


def plotRun(folder: Path) -> list[Path]:
    """Draw a run's figure from its `table.csv` and `arrays.npz`, as PNG and SVG, into its folder.

    Returns the paths of the files.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / "table.csv")
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    paths = [folder / f"figure.{ending}" for ending in ("png", "svg")]
    with matplotlib.rc_context(STYLE):
        figure = secondMoments(table, arrays)
        for path in paths:
            figure.savefig(path, dpi=160)
    return paths


def secondMoments(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Forward and backward side by side: second moments against layer, and below them the scores.

    Logs are drawn on a plain axis, so that no depth under- or overflows.
    """
    arms = list(dict.fromkeys(table["arm"]))
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    panels, strips = figure.subplots(2, 2, sharex="col", height_ratios=(4, 1))
    for moments, scores, direction in zip(panels, strips, LABELS, strict=True):
        for index, arm in enumerate(arms):
            rows = table[(table["arm"] == arm) & (table["direction"] == direction)]
            _drawMoments(moments, rows, arrays[f"{arm}:{direction}:log_mean_square"], index)
            scores.plot(rows["layer"], rows["z"], color=_colour(index), linewidth=1.1)
        _finishMoments(moments, direction)
        _finishScores(scores)
    _legend(figure, arms)
    return figure


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _points(index: int) -> dict:
    """How an arm's measured points look."""
    return {
        "color": _colour(index),
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4.6,
        "markerfacecolor": "white",
        "markeredgewidth": 1.2,
    }


def _drawMoments(axes: Axes, rows: pd.DataFrame, networks: np.ndarray, index: int) -> None:
    layers, inLogs = rows["layer"].to_numpy(), rows["scale"].iloc[0] == "log"
    measured, predicted = (
        _log10(rows[name].to_numpy(), inLogs) for name in ("measured", "predicted")
    )
    low, high = _band(networks)
    axes.fill_between(layers, low, high, color=_colour(index), alpha=0.13, linewidth=0)
    axes.plot(layers, predicted, color=_colour(index), linestyle=DASHES, linewidth=1.4, zorder=2)
    shown = _shownPoints(len(layers), index)
    axes.plot(layers[shown], measured[shown], linestyle="none", zorder=3, **_points(index))


def _shownPoints(count: int, index: int) -> np.ndarray:
    """Which points carry a marker: each arm's are shifted, so that equal curves show them all."""
    if count <= POINTS:
        return np.arange(count)
    step = (count - 1) / POINTS
    return np.unique(((np.arange(POINTS) + (index % 4) / 4) * step).round().astype(int))


def _log10(values: np.ndarray, inLogs: bool) -> np.ndarray:
    """Decimal logs, of natural logs or of the numbers themselves; NaN where there is none."""
    logs = values if inLogs else np.log(np.where(values > 0, values, np.nan))
    return logs / np.log(10)


def _band(networks: np.ndarray) -> np.ndarray:
    """The range that holds the middle networks at each layer; dead ones are left out."""
    alive = np.where(np.isfinite(networks), networks, np.nan)
    band = np.full((2, networks.shape[1]), np.nan)
    some = ~np.isnan(alive).all(axis=0)
    band[:, some] = np.nanpercentile(alive[:, some], BAND, axis=0) / np.log(10)
    return band


def _finishMoments(axes: Axes, direction: str) -> None:
    axes.set_title(TITLES[direction], loc="left", fontsize=10)
    axes.set_ylabel(LABELS[direction])
    axes.grid(True, color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _finishScores(axes: Axes) -> None:
    axes.axhspan(-CONTRADICTION, CONTRADICTION, color="0.95", zorder=0)
    axes.set_ylim(-REACH, REACH)
    axes.set_yticks([-CONTRADICTION, 0, CONTRADICTION])
    axes.set_ylabel("z-score")
    axes.set_xlabel("layer")
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, arms: list[str]) -> None:
    handles = [
        Line2D([], [], linestyle=DASHES, label=arm, **_points(index))
        for index, arm in enumerate(arms)
    ]
    measured = {**_points(0), "color": "0.3", "label": "measured", "linestyle": "none"}
    handles += [
        Line2D([], [], **measured),
        Line2D([], [], color="0.3", linestyle=DASHES, label="predicted"),
        Patch(color="0.3", alpha=0.2, label="middle 80 % of networks"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
