"""What a run says in words and rows: (table) -> one summary row an arm, with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.table import Table

from experiments.secondMoments import DIRECTIONS, SIGNAL, rowsOf

#: Growth a layer that is nearer to 1 than this is called keeping its size.
STEADY = 5e-4


@dataclass(frozen=True)
class Growth:
    """How one direction of one arm grows a layer, and how well that was predicted.

    `measured` and `predicted` are factors a layer, seen in the direction of travel; `z` is the
    largest in absolute value over the layers, and `worstLayer` where it is. `judged` of `layers`
    layers have a score: it needs a prediction, and numbers that do not overflow.
    """

    measured: float
    predicted: float
    z: float
    worstLayer: int
    judged: int
    layers: int
    limit: float

    @classmethod
    def of(cls, rows: pd.DataFrame, limit: float) -> Growth:
        """The growth over the rows of one arm and quantity."""
        scores = rows["z"].to_numpy()
        judged = int(np.isfinite(scores).sum())
        worst = int(np.nanargmax(np.abs(scores))) if judged else 0
        return cls(
            _factor(rows, "measured"),
            _factor(rows, "predicted"),
            float(scores[worst]),
            int(rows["where"].iloc[worst]),
            judged,
            len(rows),
            limit,
        )

    def verdict(self) -> str:
        """In words: what the second moment does, and whether that was expected.

        Examples
        --------
        >>> Growth(0.5, 0.5, 1.2, 7, 50, 50, limit=5).verdict()
        'vanishes by 0.50 a layer, as predicted'
        >>> Growth(1.0001, 1.0, -8.0, 7, 50, 50, limit=5).verdict()
        'keeps its size, NOT as predicted: z = -8.0 at layer 7'
        >>> Growth(1.01, 1.0, 0.8, 7, 50, 50, limit=5).verdict()
        'explodes by 1.01 a layer; predicted: keeps its size, within the error'
        """
        behaviour = _behaviour(self.measured)
        if not self.judged:
            return f"{behaviour}, not judged"
        if abs(self.z) > self.limit:
            return f"{behaviour}, NOT as predicted: z = {self.z:.1f} at layer {self.worstLayer}"
        where = "" if self.judged == self.layers else f" in {self.judged} of {self.layers} layers"
        expected = _behaviour(self.predicted)
        if expected.split()[0] != behaviour.split()[0]:
            return f"{behaviour}; predicted: {expected}, within the error{where}"
        return f"{behaviour}, as predicted{where}"


def summary(table: pd.DataFrame, reasons: Mapping[str, str], limit: float) -> Table:
    """One row an arm: growth a layer of signal and gradient, measured and predicted; a verdict."""
    shown = Table(caption=_CAPTION, caption_justify="left", show_lines=True)
    shown.add_column("arm", overflow="fold")
    for column in ("", "growth\na layer", "pre-\ndicted", "z"):
        shown.add_column(column, justify="right" if column else "left", no_wrap=True)
    shown.add_column("verdict")
    for arm, rows in table.groupby("arm", sort=False):
        growths = [Growth.of(rowsOf(rows, quantity), limit) for quantity in DIRECTIONS]
        columns = zip(*(_cells(growth) for growth in growths), strict=True)
        cells = ["\n".join(column) for column in columns]
        shown.add_row(
            str(arm), "\n".join(DIRECTIONS.values()), *cells, _verdict(growths, reasons, arm)
        )
    return shown


_CAPTION = (
    "Growth a layer: of the typical network (geometric mean) where the log's exact law is known, "
    "else of the mean over networks. z: of the layer that is farthest off, in standard errors."
)


def _verdict(growths: Sequence[Growth], reasons: Mapping[str, str], arm: str) -> str:
    signal, gradient = (growth.verdict() for growth in growths)
    words = f"signal {signal}; gradient {gradient}"
    if signal == gradient:
        words = f"signal, gradient: {signal}"
    return f"{words}. No prediction: {reasons[arm]}" if reasons.get(arm) else words


def _cells(growth: Growth) -> tuple[str, str, str]:
    return _number(growth.measured), _number(growth.predicted), _score(growth.z)


def _score(z: float) -> str:
    return "-" if np.isnan(z) else f"{z:.1f}"


def _number(factor: float) -> str:
    return "-" if np.isnan(factor) else f"{factor:.4f}"


def _behaviour(factor: float) -> str:
    if np.isnan(factor):
        return "has no growth to tell"
    if factor == 0:
        return "is zero"
    if abs(factor - 1) < STEADY:
        return "keeps its size"
    digits = 2 if abs(factor - 1) >= 0.005 else 3
    return f"{'vanishes' if factor < 1 else 'explodes'} by {factor:.{digits}f} a layer"


def _factor(rows: pd.DataFrame, column: str) -> float:
    """The factor a layer, between the first and the last layer that have a positive number."""
    rows = rows.sort_values("where", ascending=rows["quantity"].iloc[0].endswith(SIGNAL))
    values = rows[column].to_numpy()
    if len(rows) == 1 or np.isnan(values).all():
        return np.nan
    if rows["scale"].iloc[0] == "linear":
        values = np.log(np.where(values > 0, values, np.nan))
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:  # nothing gets through
        return 0.0
    first, last = known[[0, -1]]
    return float(np.exp((values[last] - values[first]) / (last - first)))
