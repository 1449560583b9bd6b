"""The figure of second moments: signal and gradient against layer, and below them the scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from experiments.plotting import DASHES, colour, finishAxes, finishScores, keys, points, shownPoints

#: The quantities, and what stands before them where a row has means of natural logs.
SIGNAL, GRADIENT, LOG = "signal", "gradient", "log of "
#: The share of networks that a band holds.
BAND = (10, 90)
DIRECTIONS = {SIGNAL: "forward", GRADIENT: "backward"}
TITLES = {
    SIGNAL: "forward: the signal, from left to right",
    GRADIENT: "backward: the gradient, from right to left",
}
LABELS = {
    SIGNAL: "log10 of the second moment of pre-activations",
    GRADIENT: "log10 of the second moment of gradients",
}


def rowsOf(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The rows of a quantity, whether they have means of it or of its log.

    Examples
    --------
    >>> rowsOf(pd.DataFrame({"quantity": ["log of signal", "gradient"]}), SIGNAL).index.tolist()
    [0]
    """
    return table[table["quantity"].str.removeprefix(LOG) == quantity]


def secondMoments(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Forward and backward side by side: second moments against layer, and below them the scores.

    Logs are drawn on a plain axis, so that no depth under- or overflows.
    """
    arms = list(dict.fromkeys(table["arm"]))
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    panels, strips = figure.subplots(2, 2, sharex="col", height_ratios=(4, 1))
    for moments, scores, quantity in zip(panels, strips, LABELS, strict=True):
        for index, arm in enumerate(arms):
            rows = rowsOf(table[table["arm"] == arm], quantity)
            networks = arrays[f"{arm}:{DIRECTIONS[quantity]}:log_mean_square"]
            _drawMoments(moments, rows, networks, index)
            scores.plot(rows["where"], rows["z"], color=colour(index), linewidth=1.1)
        finishAxes(moments, TITLES[quantity], LABELS[quantity])
        finishScores(scores, "layer")
    _legend(figure, arms)
    return figure


def _drawMoments(axes: Axes, rows: pd.DataFrame, networks: np.ndarray, index: int) -> None:
    layers, inLogs = rows["where"].to_numpy(), rows["scale"].iloc[0] == "log"
    measured, predicted = (
        _log10(rows[name].to_numpy(), inLogs) for name in ("measured", "predicted")
    )
    low, high = bandOf(networks)
    axes.fill_between(layers, low, high, color=colour(index), alpha=0.13, linewidth=0)
    axes.plot(layers, predicted, color=colour(index), linestyle=DASHES, linewidth=1.4, zorder=2)
    shown = shownPoints(len(layers), index)
    axes.plot(layers[shown], measured[shown], linestyle="none", zorder=3, **points(index))


def _log10(values: np.ndarray, inLogs: bool) -> np.ndarray:
    """Decimal logs, of natural logs or of the numbers themselves; NaN where there is none."""
    logs = values if inLogs else np.log(np.where(values > 0, values, np.nan))
    return logs / np.log(10)


def bandOf(networks: np.ndarray) -> np.ndarray:
    """log10 of what holds the middle networks at each layer, from natural logs; no dead ones."""
    alive = np.where(np.isfinite(networks), networks, np.nan)
    band = np.full((2, networks.shape[1]), np.nan)
    some = ~np.isnan(alive).all(axis=0)
    band[:, some] = np.nanpercentile(alive[:, some], BAND, axis=0) / np.log(10)
    return band


def _legend(figure: Figure, arms: list[str]) -> None:
    handles = [
        Line2D([], [], linestyle=DASHES, label=arm, **points(index))
        for index, arm in enumerate(arms)
    ]
    handles += [*keys(), Patch(color="0.3", alpha=0.2, label="middle 80 % of networks")]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
