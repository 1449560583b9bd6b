"""Points, (table of a sweep) -> means over seeds, as few and as compact as a page needs them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from experiments.sweeps.dimensions import Dimension, dimensionsOf, quantityOf
from experiments.verdicts import PLACES

#: Points that a page shows without leaving out places between the first and the last.
MOST = 200_000
#: Places that are left of one network, at least.
FEWEST = 12


class Points(NamedTuple):
    """Means over the rows that differ in their seeds alone.

    `quantity` and `dimensions` have a code a point. `measured`, `predicted` are means, NaN where
    one of the rows has none, `error` the standard error of the mean of independent rows, `z` the
    score of the row that is farthest off, `count` how many rows there are; `thinned` names the
    places of which only some are shown.
    """

    quantity: Dimension
    dimensions: list[Dimension]
    measured: np.ndarray
    error: np.ndarray
    predicted: np.ndarray
    z: np.ndarray
    count: np.ndarray
    thinned: str = ""


def pointsOf(table: pd.DataFrame, axes: Sequence[str], word: str, most: int = MOST) -> Points:
    """The points of a table, whose grid has these axes and whose numbers are called `word`.

    Examples
    --------
    >>> rows = {"cell": ["a", "b"], "seed": [0, 1], "layer": 1, "measured": [1.0, 2.0]}
    >>> table = pd.DataFrame({**rows, "standard_error": 0.1, "predicted": 1.4, "z": [-4.0, 6.0]})
    >>> found = pointsOf(table, ["seed"], "second moment")
    >>> found.measured.tolist(), found.error.round(4).tolist(), found.z.tolist()
    ([1.5], [0.0707], [6.0])
    """
    table, thinned = _thinned(table, most)
    quantity, dimensions = quantityOf(table, word), dimensionsOf(table, axes)
    first, of, count = _groups([quantity, *dimensions], len(table))
    summed = {
        name: np.bincount(of, weights, len(first)) / count
        for name, weights in (
            ("measured", table["measured"]),
            ("predicted", table["predicted"]),
            ("error", table["standard_error"] ** 2),
        )
    }
    return Points(
        _at(quantity, first),
        [_at(one, first) for one in dimensions],
        summed["measured"],
        np.sqrt(summed["error"] / count),
        summed["predicted"],
        _farthest(table["z"].to_numpy(), of, len(first)),
        count,
        thinned,
    )


def encoded(points: Points) -> dict[str, Any]:
    """What a script reads them from: texts of base64, little-endian, and lists of values."""
    return {
        "count": len(points.count),
        "quantity": _encodedDimension(points.quantity),
        "dimensions": [_encodedDimension(one) for one in points.dimensions],
        **{
            name: _base64(getattr(points, name), "<f8")
            for name in ("measured", "error", "predicted")
        },
        "z": _base64(points.z, "<f4"),
        "rows": _base64(points.count, "<u4"),
    }


def _thinned(table: pd.DataFrame, most: int) -> tuple[pd.DataFrame, str]:
    """Fewer places, where there are many: the same for all networks, with the last of each."""
    for name in PLACES:
        if len(table) > most and name in table and pd.api.types.is_numeric_dtype(table[name]):
            shown = _shownPlaces(table, name, most)
            if len(shown) < table[name].nunique():
                return table[table[name].isin(shown)], name
    return table, ""


def _shownPlaces(table: pd.DataFrame, name: str, most: int) -> np.ndarray:
    places = np.unique(table[name].dropna())
    share = min(len(places), max(FEWEST, int(len(places) * most / len(table))))
    shown = places[np.unique(np.geomspace(1, len(places), share).astype(int)) - 1]
    return np.union1d(shown, table.groupby("cell")[name].max().dropna())


def _groups(
    dimensions: Sequence[Dimension], rows: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of rows with equal codes: the first one, which group each is of, and how many there are."""
    of = np.zeros(rows, dtype=np.int64)
    for one in dimensions:  # made dense again each time, so that no product of lengths overflows
        of = np.unique(of * max(len(one.values), 1) + one.codes, return_inverse=True)[1]
    _, first, of, count = np.unique(of, return_index=True, return_inverse=True, return_counts=True)
    return first, of, count


def _farthest(z: np.ndarray, of: np.ndarray, groups: int) -> np.ndarray:
    farthest = np.full(groups, np.nan)
    order = np.argsort(np.where(np.isnan(z), -1.0, np.abs(z)), kind="stable")
    farthest[of[order]] = z[order]  # the last one that is written stays
    return farthest


def _at(dimension: Dimension, places: np.ndarray) -> Dimension:
    return dimension._replace(codes=dimension.codes[places])


def _encodedDimension(dimension: Dimension) -> dict[str, Any]:
    return {
        "name": dimension.name.replace("_", " "),
        "values": dimension.values,
        "isNumber": dimension.isNumber,
        "codes": _base64(dimension.codes, "<u4"),
    }


def _base64(numbers: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.asarray(numbers).astype(kind).tobytes()).decode("ascii")
