"""The figure of trainings: (table, arrays) -> accuracy against depth, loss curves, gradients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from experiments.plotting import DASHES, colour, finishAxes, points
from experiments.trainingRows import GROWTH, LOG_GROWTH

#: By how much neighbouring curves are moved apart, as a factor of depth: equal ones would hide.
APART = 1.035


def drawTraining(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Test accuracy against depth; loss curves at the largest depth; the gradient's growth."""
    arms, depths = (list(dict.fromkeys(table[name])) for name in ("arm", "where"))
    depths = sorted(depths)
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    accuracies, losses, gradients = figure.subplots(1, 3)
    for index, arm in enumerate(arms):
        shift = APART ** (index - (len(arms) - 1) / 2)
        _drawAccuracies(accuracies, arm, depths, arrays, index, shift)
        _drawLosses(losses, arm, max(depths), arrays, index)
        _drawGradients(gradients, table[table["arm"] == arm], index, shift)
    accuracies.axhline(float(arrays["chance"]), color="0.45", linestyle=":", linewidth=1.2)
    accuracies.set_ylim(0, 1.02)
    finishAxes(accuracies, "after training", "test accuracy (share of samples)")
    finishAxes(losses, f"training at {max(depths)} layers", "cross-entropy on training samples")
    losses.set_xlabel("epoch")
    finishAxes(gradients, "before training", "log10 of gradient growth, outputs to first layer")
    for axes in (accuracies, gradients):
        _finishDepths(axes, depths)
    _legend(figure, arms)
    return figure


def _drawAccuracies(
    axes: Axes, arm: str, depths: list, arrays: Mapping, index: int, shift: float
) -> None:
    held = [arrays[f"{arm}:{depth}:accuracy"] for depth in depths]
    means = np.array([accuracy.mean() for accuracy in held])
    spread = [means - [a.min() for a in held], [a.max() for a in held] - means]
    axes.errorbar(
        np.array(depths) * shift, means, spread, linewidth=1.1, capsize=2.5, **points(index)
    )


def _drawLosses(axes: Axes, arm: str, depth: int, arrays: Mapping, index: int) -> None:
    for curve in arrays[f"{arm}:{depth}:losses"]:
        epochs = np.arange(1, len(curve) + 1)
        axes.plot(epochs, curve, linewidth=1.0, **{**points(index), "markersize": 3.4})


def _drawGradients(axes: Axes, rows: pd.DataFrame, index: int, shift: float) -> None:
    rows = rows[rows["quantity"].isin((GROWTH, LOG_GROWTH))].sort_values("where")
    inLogs = (rows["quantity"] == LOG_GROWTH).to_numpy()
    depths = rows["where"].to_numpy() * shift
    measured, predicted = (_log10(rows[name], inLogs) for name in ("measured", "predicted"))
    errors = rows["standard_error"].to_numpy() / np.log(10)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.where(inLogs, errors, errors / rows["measured"].to_numpy())
    axes.plot(depths, predicted, color=colour(index), linestyle=DASHES)
    axes.errorbar(depths, measured, errors, linestyle="none", capsize=2.5, **points(index))


def _log10(values: pd.Series, inLogs: np.ndarray) -> np.ndarray:
    """Decimal logs, of natural logs or of the numbers themselves; NaN where there is none."""
    values = values.to_numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log10(np.where(values > 0, values, np.nan))
    return np.where(inLogs, values / np.log(10), logs)


def _finishDepths(axes: Axes, depths: list) -> None:
    axes.set_xscale("log")
    axes.set_xticks(depths, [str(depth) for depth in depths])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_xlabel("depth (layers with weights)")


def _legend(figure: Figure, arms: list[str]) -> None:
    handles = [Line2D([], [], label=arm, **points(index)) for index, arm in enumerate(arms)]
    handles += [
        Line2D([], [], color="0.3", linestyle=DASHES, label="predicted"),
        Line2D([], [], color="0.45", linestyle=":", label="chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
