"""Verdicts, (table) -> whether measurements agree with their predictions: in words, and in rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.markup import escape
from rich.table import Table

from experiments.comparing import CONTRADICTION, labelsOf

#: The labels that say where something was measured; others say what.
PLACES = ("where", "layer")


@dataclass(frozen=True)
class Verdict:
    """How far measurements lie from their predictions.

    `z` is the largest in absolute value, NaN if nothing is judged, and `where` the labels of its
    row; `judged` of `rows` rows have a score, `contradictions` of them beyond 5.
    """

    z: float
    where: str
    judged: int
    rows: int
    contradictions: int

    @classmethod
    def of(cls, table: pd.DataFrame) -> Verdict:
        """The verdict on a table, or on some rows of one."""
        scores = table["z"].abs().to_numpy()
        judged = int((~np.isnan(scores)).sum())
        contradictions = int((scores > CONTRADICTION).sum())
        if not judged:
            return cls(np.nan, "", 0, len(table), contradictions)
        row = table.iloc[int(np.nanargmax(scores))]
        return cls(
            float(row["z"]), _place(row, labelsOf(table)), judged, len(table), contradictions
        )

    def words(self) -> str:
        """The verdict in words.

        Examples
        --------
        >>> Verdict(1.2, "layer 7", 50, 50, 0).words()
        'as predicted'
        >>> Verdict(-8.04, "layer 7", 40, 50, 2).words()
        'NOT as predicted: z = -8.0 at layer 7; 2 of 40 rows beyond 5'
        """
        if not self.judged:
            return "not judged"
        if self.contradictions:
            return (
                f"NOT as predicted: z = {self.z:.1f} at {self.where}; "
                f"{self.contradictions} of {self.judged} rows beyond {CONTRADICTION:g}"
            )
        if self.judged == self.rows:
            return "as predicted"
        return f"as predicted; {self.judged} of {self.rows} rows judged"


def summaryOf(table: pd.DataFrame, reasons: Mapping[str, str]) -> Table:
    """One row a quantity and label: the place that is farthest off, and the verdict on all.

    Reasons of rows that are not in the table stand below it.
    """
    names = [name for name in labelsOf(table) if name not in PLACES]
    shown = Table(caption=_CAPTION + _untold(table[names], reasons), caption_justify="left")
    for name in names:
        shown.add_column(name, overflow="fold")
    for name in ("farthest off", "measured", "predicted", "z"):
        shown.add_column(name, justify="right", no_wrap=name != "farthest off")
    shown.add_column("verdict")
    for labels, rows in table.groupby(names, sort=False, dropna=False):
        shown.add_row(
            *(escape(str(label)) for label in labels), *_cells(rows), _words(rows, reasons, labels)
        )
    return shown


_CAPTION = "z: in standard errors, where it is largest. Rows without a score have no prediction."


def _untold(labels: pd.DataFrame, reasons: Mapping[str, str]) -> str:
    """The reasons whose labels the table does not have, each of them once."""
    present = set(labels.to_numpy().ravel().tolist())
    found: dict[str, list[str]] = {}
    for label, reason in reasons.items():
        if reason and label not in present:
            found.setdefault(reason, []).append(label)
    told = (f"\nNot judged, {', '.join(names)}: {reason}" for reason, names in found.items())
    return escape("".join(told))


def worstRows(table: pd.DataFrame, count: int = 5) -> pd.DataFrame:
    """The rows that lie farthest from their predictions, the farthest first."""
    order = table["z"].abs().sort_values(ascending=False, kind="stable").dropna().index
    return table.loc[order[:count]]


def _cells(rows: pd.DataFrame) -> tuple[str, ...]:
    scores = rows["z"].abs().to_numpy()
    worst = rows.iloc[int(np.nanargmax(scores)) if not np.isnan(scores).all() else len(rows) - 1]
    places = [name for name in PLACES if name in rows]
    error = "" if np.isnan(worst["standard_error"]) else f" ± {worst['standard_error']:.1g}"
    return (
        escape(_place(worst, places)),
        f"{worst['measured']:.4g}{error}",
        _number(worst["predicted"], ".4g"),
        _number(worst["z"], ".1f"),
    )


def _words(rows: pd.DataFrame, reasons: Mapping[str, str], labels: tuple) -> str:
    verdict = Verdict.of(rows)
    said = [f" No prediction: {reasons[label]}" for label in labels if reasons.get(label)]
    return escape(verdict.words() + ("".join(said) if verdict.judged < verdict.rows else ""))


def _place(row: pd.Series, names: list[str]) -> str:
    """The labels of a row in words; numbers are told by what they number."""
    return ", ".join(
        str(row[name]) if isinstance(row[name], str) else f"{name} {row[name]}" for name in names
    )


def _number(value: float, digits: str) -> str:
    return "-" if np.isnan(value) else format(value, digits)
