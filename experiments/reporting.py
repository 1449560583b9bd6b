"""What a run says in words and rows: (table) -> one summary row an arm, with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.table import Table

#: Growth a layer that is nearer to 1 than this is called keeping its size.
STEADY = 5e-4


@dataclass(frozen=True)
class Growth:
    """How one direction of one arm grows a layer, and how well that was predicted.

    `measured` and `predicted` are factors a layer, seen in the direction of travel; `z` is the
    largest in absolute value over the layers, and `worstLayer` where it is.
    """

    measured: float
    predicted: float
    z: float
    worstLayer: int
    agrees: bool

    @classmethod
    def of(cls, rows: pd.DataFrame, limit: float) -> Growth:
        """The growth over the rows of one arm and direction."""
        scores = rows["z"].to_numpy()
        judged = np.isfinite(scores).any()
        worst = int(np.nanargmax(np.abs(scores))) if judged else 0
        z = float(scores[worst])
        return cls(
            _factor(rows, "measured"),
            _factor(rows, "predicted"),
            z,
            int(rows["layer"].iloc[worst]),
            judged and abs(z) <= limit,
        )

    def verdict(self) -> str:
        """In words: what the second moment does, and whether that was expected.

        Examples
        --------
        >>> Growth(0.5, 0.5, 1.2, 7, True).verdict()
        'vanishes by 0.50 a layer, as predicted'
        >>> Growth(1.0001, 1.0, -8.0, 7, False).verdict()
        'keeps its size, NOT as predicted: z = -8.0 at layer 7'
        """
        if np.isnan(self.z):
            return f"{_behaviour(self.measured)}, not judged"
        if self.agrees:
            return f"{_behaviour(self.measured)}, as predicted"
        return (
            f"{_behaviour(self.measured)}, NOT as predicted: "
            f"z = {self.z:.1f} at layer {self.worstLayer}"
        )


def summary(table: pd.DataFrame, reasons: Mapping[str, str], limit: float) -> Table:
    """One row an arm: growth a layer of signal and gradient, measured and predicted; a verdict."""
    shown = Table(caption=_CAPTION, caption_justify="left", show_lines=True)
    shown.add_column("arm", overflow="fold")
    for column in ("", "growth\na layer", "pre-\ndicted", "z"):
        shown.add_column(column, justify="right" if column else "left", no_wrap=True)
    shown.add_column("verdict")
    for arm, rows in table.groupby("arm", sort=False):
        growths = [
            Growth.of(rows[rows["direction"] == direction], limit) for direction in DIRECTIONS
        ]
        columns = zip(*(_cells(growth) for growth in growths), strict=True)
        cells = ["\n".join(column) for column in columns]
        shown.add_row(str(arm), "\n".join(DIRECTIONS), *cells, _verdict(growths, reasons, arm))
    return shown


DIRECTIONS = ("forward", "backward")
_CAPTION = (
    "Growth a layer: of the typical network (geometric mean) where the log's exact law is known, "
    "else of the mean over networks. z: of the layer that is farthest off, in standard errors."
)


def _verdict(growths: Sequence[Growth], reasons: Mapping[str, str], arm: str) -> str:
    signal, gradient = (growth.verdict() for growth in growths)
    words = f"signal {signal}; gradient {gradient}"
    if signal == gradient:
        words = f"signal and gradient: {signal}"
    return f"{words}. No prediction: {reasons[arm]}" if reasons.get(arm) else words


def _cells(growth: Growth) -> tuple[str, str, str]:
    return _number(growth.measured), _number(growth.predicted), f"{growth.z:.1f}"


def _number(factor: float) -> str:
    return "-" if np.isnan(factor) else f"{factor:.4f}"


def _behaviour(factor: float) -> str:
    if np.isnan(factor):
        return "is one layer deep"
    if factor == 0:
        return "is zero"
    if abs(factor - 1) < STEADY:
        return "keeps its size"
    digits = 2 if abs(factor - 1) >= 0.005 else 3
    return f"{'vanishes' if factor < 1 else 'explodes'} by {factor:.{digits}f} a layer"


def _factor(rows: pd.DataFrame, column: str) -> float:
    """The factor a layer from the first to the last layer that the signal or gradient passes."""
    rows = rows.sort_values("layer", ascending=rows["direction"].iloc[0] == "forward")
    values, steps = rows[column].to_numpy(), len(rows) - 1
    if not steps or not np.isfinite(values[[0, -1]]).all():
        return np.nan
    if rows["scale"].iloc[0] == "log":
        return float(np.exp((values[-1] - values[0]) / steps))
    return float((values[-1] / values[0]) ** (1 / steps)) if values[0] else 0.0
