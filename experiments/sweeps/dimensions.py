"""Dimensions, (table of a sweep) -> what its rows differ in, each value a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from experiments.comparing import labelsOf
from experiments.sweeps.grid import SEED
from experiments.sweeps.loading import PREFIX

#: Labels that say what a number is, not where it was found.
QUANTITY, SCALE = "quantity", "scale"
#: The name of a quantity of which a table does not say more.
MEASURED = "measured"


class Dimension(NamedTuple):
    """Something that rows differ in: its values, and which of them each row has, by its place."""

    name: str
    values: list
    codes: np.ndarray
    isNumber: bool


def dimensionsOf(table: pd.DataFrame, axes: Sequence[str]) -> list[Dimension]:
    """What rows differ in, but for quantities and seeds: axes of the grid, then labels.

    A label that says the same as an axis, one by one, is left out.

    Examples
    --------
    >>> rows = {"cell": "ab", "width": [8, 8, 4, 4], "seed": 0, "size": ["b", "b", "a", "a"]}
    >>> table = pd.DataFrame({**rows, "layer": [1, 2, 1, 2], "measured": 0.5})
    >>> [(found.name, found.values) for found in dimensionsOf(table, ["width"])]
    [('width', [4, 8]), ('layer', [1, 2])]
    """
    axes = [PREFIX + name if PREFIX + name in table else name for name in axes if name != SEED]
    labels = [name for name in labelsOf(table) if name not in ("cell", QUANTITY, SEED)]
    names = dict.fromkeys([*(name for name in axes if name in table), *labels])
    found: list[Dimension] = []
    for name in names:
        one = _dimension(name, table[name], isAxis=name in axes)
        if len(one.values) > 1 and not any(_isSame(one, other) for other in found):
            found.append(one)
    plain = plainNames([one.name for one in found])
    return [one._replace(name=name) for one, name in zip(found, plain, strict=True)]


def plainNames(names: Sequence[str]) -> list[str]:
    """Names of columns as they are shown: a field of the Config as such where it is alone.

    Examples
    --------
    >>> plainNames(["config.size", "config.arm", "arm"])
    ['size', 'config.arm', 'arm']
    """
    plain = (name.removeprefix(PREFIX) for name in names)
    return [
        name if short != name and short in names else short
        for name, short in zip(names, plain, strict=True)
    ]


def quantityOf(table: pd.DataFrame, word: str = MEASURED) -> Dimension:
    """What the numbers of each row are; `word` where the table does not say.

    Examples
    --------
    >>> table = pd.DataFrame({"scale": ["log", "linear"], "measured": 1.0})
    >>> quantityOf(table, "second moment").values
    ['mean log of second moment', 'second moment']
    """
    words = table[QUANTITY].astype(str) if QUANTITY in table else pd.Series(word, table.index)
    if SCALE in table:
        words = words.where(table[SCALE] != "log", "mean log of " + words)
    return _dimension(QUANTITY, words)


def _dimension(name: str, column: pd.Series, isAxis: bool = False) -> Dimension:
    isNumber = is_numeric_dtype(column) and not is_bool_dtype(column)
    column = column if isNumber else column.astype(object).where(column.notna(), "–").astype(str)
    codes, values = pd.factorize(column, sort=isNumber, use_na_sentinel=False)
    values = [None if value != value else value for value in values.tolist()]
    if isAxis and not isNumber:  # cells stand in the order of their hashes, which says nothing
        order = sorted(range(len(values)), key=lambda place: _natural(values[place]))
        codes, values = np.argsort(order)[codes], [values[place] for place in order]
    return Dimension(name, values, codes, isNumber)


def _natural(text: str) -> list[tuple[str, int]]:
    """What texts are sorted by, so that 8x16 comes before 16x16."""
    return [(other, int(part or 0)) for other, part in re.findall(r"(\D*)(\d*)", text)]


def _isSame(one: Dimension, other: Dimension) -> bool:
    """Whether each value of one goes with one value of the other."""
    if len(one.values) != len(other.values):
        return False
    pairs = one.codes.astype(np.int64) * len(other.values) + other.codes
    return len(np.unique(pairs)) == len(one.values)
