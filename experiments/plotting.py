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
LABELS = {
    "forward": "second moment of pre-activations",
    "backward": "second moment of gradients",
}


def plotRun(folder: Path) -> list[Path]:
    """Draw a run's figure from its `table.csv` and `arrays.npz`, as PNG and SVG, into its folder.

    Returns the paths of the files.
    """
    folder = Path(folder)
    table = pd.read_csv(folder / "table.csv")
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        figure = secondMoments(table, dict(arrays))
    paths = [folder / f"figure.{ending}" for ending in ("png", "svg")]
    for path in paths:
        figure.savefig(path, dpi=160)
    return paths


def secondMoments(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Two panels, forward and backward: second moment against layer, one colour an arm."""
    with matplotlib.rc_context({"font.size": 9, "svg.hashsalt": "looks-linear"}):
        arms = list(dict.fromkeys(table["arm"]))
        figure = Figure(figsize=(10, 5.2), layout="constrained")
        panels = figure.subplots(1, 2)
        for axes, direction in zip(panels, LABELS, strict=True):
            for index, arm in enumerate(arms):
                rows = table[(table["arm"] == arm) & (table["direction"] == direction)]
                networks = arrays[f"{arm}:{direction}:log_mean_square"]
                _drawArm(axes, rows, networks, index)
            _finish(axes, direction)
        _legend(figure, arms)
    return figure


def _drawArm(axes: Axes, rows: pd.DataFrame, networks: np.ndarray, index: int) -> None:
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    layers = rows["layer"].to_numpy()
    inLogs = rows["scale"].iloc[0] == "log"
    measured, predicted = (
        _moment(rows[name].to_numpy(), inLogs) for name in ("measured", "predicted")
    )
    low, high = _band(networks)
    axes.fill_between(layers, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.plot(layers, predicted, color=colour, linestyle=(0, (4, 2)), linewidth=1.4, zorder=2)
    shown = _shownPoints(len(layers), index)
    axes.plot(
        layers[shown],
        measured[shown],
        color=colour,
        marker=marker,
        linestyle="none",
        markersize=4.6,
        markerfacecolor="white",
        markeredgewidth=1.2,
        zorder=3,
    )


def _shownPoints(count: int, index: int) -> np.ndarray:
    """Which points carry a marker: each arm's are shifted, so that equal curves show them all."""
    if count <= POINTS:
        return np.arange(count)
    step = (count - 1) / POINTS
    return np.unique(((np.arange(POINTS) + (index % 4) / 4) * step).round().astype(int))


def _moment(values: np.ndarray, inLogs: bool) -> np.ndarray:
    return np.exp(values) if inLogs else values


def _band(networks: np.ndarray) -> np.ndarray:
    """The range that holds the middle networks at each layer; dead ones are left out."""
    alive = np.where(np.isfinite(networks), networks, np.nan)
    if np.isnan(alive).all(axis=0).any():
        return np.full((2, networks.shape[1]), np.nan)
    return np.exp(np.nanpercentile(alive, BAND, axis=0))


def _finish(axes: Axes, direction: str) -> None:
    axes.set_yscale("log")
    axes.set_xlabel("layer (number of weights passed)")
    axes.set_ylabel(f"{LABELS[direction]} (units squared)")
    arrow = "signal, left to right" if direction == "forward" else "gradient, right to left"
    axes.set_title(f"{direction}: {arrow}", loc="left", fontsize=10)
    axes.grid(True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, arms: list[str]) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            markerfacecolor="white",
            linestyle=(0, (4, 2)),
            label=arm,
        )
        for i, arm in enumerate(arms)
    ]
    handles += [
        Line2D(
            [],
            [],
            color="0.3",
            marker="o",
            markerfacecolor="white",
            linestyle="none",
            label="measured",
        ),
        Line2D([], [], color="0.3", linestyle=(0, (4, 2)), label="predicted"),
        Patch(color="0.3", alpha=0.2, label="middle 80 % of networks"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
