"""What figures share: colours, markers, axes, and how one is drawn from a stored run alone.

Measured are points and bands, predicted are dashed lines, and below them is the strip of scores.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.comparing import CONTRADICTION
from experiments.stored import readRun

#: Colours of even steps in lightness, so that they are told apart in grey; each with its marker.
COLOURS = ("#1b1b5e", "#8c1d40", "#00735c", "#b8580a", "#6a51a3", "#3a7fb8", "#7a7a00", "#c2678d")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
#: Markers a curve carries at most.
POINTS = 14
#: How predictions are drawn.
DASHES = (0, (4, 2))
#: How far the strip of scores reaches.
REACH = 7
STYLE = {"font.size": 9, "svg.hashsalt": "looks-linear"}
ENDINGS = ("png", "svg")
#: Dots per inch of a PNG.
DPI = 160


def plotRun(
    folder: Path,
    draw: Callable[[pd.DataFrame, Mapping[str, np.ndarray]], Figure],
    dpi: int = DPI,
) -> list[Path]:
    """Draw a run's figure from its `table.csv` and `arrays.npz`, as PNG and SVG, into its folder.

    The PNG has `dpi` dots per inch. Returns the paths of the files.
    """
    stored = readRun(folder)
    paths = [Path(folder) / f"figure.{ending}" for ending in ENDINGS]
    with matplotlib.rc_context(STYLE):
        figure = draw(stored.table, stored.arrays)
        for path in paths:
            _replace(path, figure, dpi)
    return paths


def _replace(path: Path, figure: Figure, dpi: int) -> None:
    """The new figure in the place of an old one, which stays if this one cannot be written."""
    partial = path.with_name(f".partial-{path.name}")
    try:
        figure.savefig(partial, dpi=dpi)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def colour(index: int) -> str:
    """The colour of curve number `index`.

    Examples
    --------
    >>> colour(0) == colour(len(COLOURS))
    True
    """
    return COLOURS[index % len(COLOURS)]


def points(index: int) -> dict:
    """How the measured points of curve number `index` look: arguments of `Axes.plot`."""
    return {
        "color": colour(index),
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4.6,
        "markerfacecolor": "white",
        "markeredgewidth": 1.2,
    }


def keys(measured: str = "measured", predicted: str = "predicted") -> list[Line2D]:
    """What markers and dashes stand for, whatever their colour: two entries of a legend.

    Examples
    --------
    >>> [line.get_label() for line in keys("measured, ± standard error")]
    ['measured, ± standard error', 'predicted']
    """
    grey = {**points(0), "color": "0.3"}
    return [
        Line2D([], [], linestyle="none", label=measured, **grey),
        Line2D([], [], linestyle=DASHES, color="0.3", label=predicted),
    ]


def shownPoints(count: int, index: int) -> np.ndarray:
    """Which points carry a marker: each curve's are shifted, so that equal curves show them all.

    Examples
    --------
    >>> shownPoints(4, 0)
    array([0, 1, 2, 3])
    >>> shownPoints(1000, 1)[:3]
    array([ 18,  89, 161])
    """
    if count <= POINTS:
        return np.arange(count)
    step = (count - 1) / POINTS
    return np.unique(((np.arange(POINTS) + (index % 4) / 4) * step).round().astype(int))


def finishAxes(axes: Axes, title: str, ylabel: str) -> None:
    """A title at the left, a label, a faint grid, and no frame."""
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_ylabel(ylabel)
    axes.grid(True, color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def finishScores(axes: Axes, xlabel: str) -> None:
    """The strip of scores: grey where a measurement agrees with its prediction."""
    axes.axhspan(-CONTRADICTION, CONTRADICTION, color="0.95", zorder=0)
    axes.set_ylim(-REACH, REACH)
    axes.set_yticks([-CONTRADICTION, 0, CONTRADICTION])
    axes.set_ylabel("z-score")
    axes.set_xlabel(xlabel)
    axes.spines[["top", "right"]].set_visible(False)
