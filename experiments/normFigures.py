"""What figures of log norms share: distributions over networks, and how their variance grows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from experiments.plotting import DASHES, colour, keys, points, shownPoints

LN10 = np.log(10)
#: The quantiles that carry a marker.
QUANTILES = 16


def drawDistribution(axes: Axes, logs: np.ndarray, curve: np.ndarray, index: int) -> None:
    """The share of networks below, measured at quantiles and predicted; natural logs are given.

    Without a curve nothing scatters, and all networks are at one place.
    """
    logs = np.sort(logs[np.isfinite(logs)]) / LN10
    shares = (np.arange(QUANTILES) + 0.25 + index / 8) / (QUANTILES + 0.5)  # each at its own
    at, below = curve / np.array([[LN10], [1.0]]) if curve.size else np.array([[0, 0], [0, 1]])
    seen = (below >= 1e-3) & (below <= 1 - 1e-3) if curve.size else slice(None)
    axes.plot(at[seen], below[seen], color=colour(index), linestyle=DASHES, linewidth=1.4)
    if len(logs):  # narrow ReLU nets may all be dead
        axes.plot(np.quantile(logs, shares), shares, linestyle="none", zorder=3, **points(index))


def drawVariance(
    axes: Axes, places: np.ndarray, logs: np.ndarray, predicted: np.ndarray, index: int
) -> None:
    """The variance over networks (replicates, depth) from layer to layer, dead ones left out."""
    measured = np.ma.masked_invalid(logs).var(axis=0, ddof=1).filled(np.nan)
    shown = shownPoints(len(places), index)
    axes.plot(places, predicted, color=colour(index), linestyle=DASHES, linewidth=1.4)
    axes.errorbar(
        places[shown], measured[shown], _errorsOfVariance(logs)[shown], linestyle="none",
        elinewidth=0.9, zorder=3, **points(index),
    )  # fmt: skip


def _errorsOfVariance(logs: np.ndarray) -> np.ndarray:
    """The standard error of each column's variance, a mean of squared deviations; of what lives."""
    alive = np.isfinite(logs)
    count = np.maximum(alive.sum(axis=0), 2)  # one network alone has no scatter
    logs = np.where(alive, logs, 0.0)
    squares = (logs - logs.sum(axis=0) / count) ** 2
    mean = np.where(alive, squares, 0.0).sum(axis=0) / count
    scatter = np.where(alive, (squares - mean) ** 2, 0.0).sum(axis=0) / (count - 1)
    return np.sqrt(scatter / count)


def drawLegend(figure: Figure, told: Sequence[str], ncols: int) -> None:
    """One entry a curve, and what markers and dashes stand for."""
    handles = [
        Line2D([], [], linestyle=DASHES, label=words, **points(index))
        for index, words in enumerate(told)
    ]
    handles += keys("measured (variances ± standard error)", "predicted, exact")
    figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False)
