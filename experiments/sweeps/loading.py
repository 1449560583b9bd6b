"""Stored sweeps, (folder) -> tables of measurements, cells and failures, arrays when asked for."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.stored import readRun
from experiments.sweeps.cells import shown
from experiments.sweeps.failures import ENOUGH, failures
from experiments.sweeps.index import Index, Row
from experiments.sweeps.store import Store
from lookslinear.errors import nearest
from training.display import counted

#: What a column of the Config is called where the experiment's table has one of the same name.
PREFIX = "config."


@dataclass(frozen=True)
class LoadedSweep:
    """A sweep as it is stored, now.

    Attributes
    ----------
    folder, experiment
        Where it is, and what was swept.
    table : DataFrame
        A row for each cell and measurement: `cell`, the fields of its Config, and the columns of
        the experiment's table. A field that the experiment's table has too is `config.NAME`.
    cells : DataFrame
        A row for each cell, by its name: the fields of its Config, `started`, `seconds`, `code`
        and `reasons`, JSON of why something has no prediction. A field of one of these names is
        `config.NAME`.
    failures : DataFrame
        A row for each failure of a cell that is not stored: `cell`, `attempt`, `when`, `error`,
        `traceback`, `isSkipped`, and the fields of its Config.
    arrays : mapping of str to dict
        The arrays of a cell by its name, read when they are asked for.
    axes : dict
        Fields of the Config that were given several values, with all of them.
    grids : list of dict
        The axes of each grid that was asked for.
    origins : list of (dict, int)
        Which code and versions cells were made by, and how many by each.
    problems : dict
        What is wrong with cells that are no longer whole, by their names.
    """

    folder: Path
    experiment: str
    table: pd.DataFrame
    cells: pd.DataFrame
    failures: pd.DataFrame
    arrays: Mapping[str, dict[str, np.ndarray]]
    axes: dict[str, list]
    grids: list[dict]
    origins: list[tuple[dict, int]]
    problems: dict[str, str]


def load(folder: Path | str) -> LoadedSweep:
    """Read a sweep; it may be at work.

    Raises
    ------
    ValueError, TypeError
        If the folder holds no sweep, or is no path.

    Warns
    -----
    UserWarning
        If cells are damaged: they are left out, and the sweep's command runs them again.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"folder must be the path of a sweep's. Received: {folder!r}.")
    store = Store(folder)
    experiment = store.experiment
    with Index(store) as index:
        rows, origins = index.refresh().rows(), index.origins()
    if index.problems:
        warnings.warn(
            f"{counted(len(index.problems), 'damaged cell')} of {str(folder)!r} left out, such as: "
            f"{next(iter(index.problems.values()))}",
            stacklevel=2,
        )
    configs, grids = _configsOf([json.loads(row.config) for row in rows]), store.grids()
    return LoadedSweep(
        folder=store.root,
        experiment=experiment,
        table=_tableOf(rows, configs),
        cells=_cellsOf(rows, configs),
        failures=_failuresOf(store),
        arrays=Arrays(store, [row.key for row in rows]),
        axes=_axesOf(configs, grids),
        grids=grids,
        origins=origins,
        problems=index.problems,
    )


class Arrays(Mapping):
    """The arrays of each cell by its name, read from the store when they are asked for."""

    def __init__(self, store: Store, keys: Sequence[str]):
        self._store, self._keys = store, dict.fromkeys(keys)

    def __getitem__(self, key: str) -> dict[str, np.ndarray]:
        if key not in self._keys:
            raise KeyError(f"no cell {key!r} is stored.{nearest(key, self._keys)}")
        return readRun(self._store.folderOf(key)).arrays

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _configsOf(configs: list[dict]) -> pd.DataFrame:
    return pd.DataFrame([{name: shown(value) for name, value in one.items()} for one in configs])


def _cellsOf(rows: Sequence[Row], configs: pd.DataFrame) -> pd.DataFrame:
    codes = {row.origin: json.loads(row.origin)["code"] for row in rows}
    more = pd.DataFrame({
        "started": [row.started for row in rows],
        "seconds": [row.seconds for row in rows],
        "code": [codes[row.origin] for row in rows],
        "reasons": [row.reasons for row in rows],
    })  # fmt: skip
    named = configs.rename(columns={name: PREFIX + name for name in configs if name in more})
    cells = pd.concat([named, more], axis=1)
    return cells.set_index(pd.Index([row.key for row in rows], name="cell"))


def _tableOf(rows: Sequence[Row], configs: pd.DataFrame) -> pd.DataFrame:
    """All tables below one another: those with the same columns are read at once."""
    alike: dict[str, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        alike[row.rows.partition("\n")[0]].append(place)
    tables = [_read(header, places, rows, configs) for header, places in alike.items()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"cell": []})


def _read(
    header: str, places: list[int], rows: Sequence[Row], configs: pd.DataFrame
) -> pd.DataFrame:
    bodies = [rows[place].rows.partition("\n")[2] for place in places]
    table = _parsed(f"{header}\n{''.join(bodies)}")
    counts = [body.count("\n") for body in bodies]
    if sum(counts) != len(table):  # a label holds a line break
        counts = [len(_parsed(f"{header}\n{body}")) for body in bodies]
    of = np.repeat(places, counts)
    named = configs.rename(columns={name: PREFIX + name for name in configs if name in table})
    keys = pd.Series([row.key for row in rows], name="cell")
    labels = pd.concat([keys, named], axis=1).iloc[of].reset_index(drop=True)
    return pd.concat([labels, table], axis=1)


def _parsed(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text), float_precision="round_trip")


def _failuresOf(store: Store) -> pd.DataFrame:
    found = [one for one in failures(store) if not store.holds(one["cell"])]
    often = {one["cell"]: one["attempt"] for one in found}
    columns = ("cell", "attempt", "when", "error", "traceback")
    table = pd.DataFrame([{name: one[name] for name in columns} for one in found], columns=columns)
    table["isSkipped"] = [often[one["cell"]] >= ENOUGH for one in found]
    configs = _configsOf([one["config"] for one in found])
    return pd.concat([table, configs], axis=1)


def _axesOf(configs: pd.DataFrame, grids: list[dict]) -> dict[str, list]:
    """The fields with several values: those stored, and those asked for that failed or are due."""
    values: dict[str, dict] = {name: dict.fromkeys(configs[name]) for name in configs}
    for axes in grids:
        for name, asked in axes.items():
            values.setdefault(name, {}).update(dict.fromkeys(map(shown, asked)))
    return {name: _sorted(found) for name, found in values.items() if len(found) > 1}


def _sorted(values: Mapping) -> list:
    try:
        return sorted(values)
    except TypeError:  # texts and numbers
        return list(values)
