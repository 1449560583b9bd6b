"""Reports, (store of a sweep) -> one page of HTML that needs neither network nor other files."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparing import CONTRADICTION, NUMBERS, labelsOf
from experiments.experiment import Experiment
from experiments.pages import template
from experiments.running import replaceText
from experiments.sweeps.cells import cellOf, configOf
from experiments.sweeps.dimensions import plainNames
from experiments.sweeps.grid import SEED
from experiments.sweeps.loading import PREFIX, LoadedSweep, load
from experiments.sweeps.points import encoded, pointsOf
from experiments.sweeps.store import Store
from experiments.verdicts import Verdict, worstRows
from training.display import duration

PAGE, TEMPLATE = "report.html", "sweep.html"
#: How many of the rows that are farthest from their prediction can be looked through.
WORST = 500
#: How many failures are shown with their traceback, and how many values of an axis.
FAILURES, VALUES = 100, 40


def writeReport(
    folder: Path | str,
    experiments: Mapping[str, Experiment],
    path: Path | str | None = None,
) -> Path:
    """Write the page of a sweep, which may be at work; by default `report.html` in its folder.

    Parameters
    ----------
    folder : path
        Where the sweep is stored.
    experiments : mapping of str to Experiment
        Those that it can be of.
    path : path, optional
        The page; one that is there is replaced.

    Raises
    ------
    ImportError
        Without plotly, whose script the page holds.
    ValueError
        If the folder holds no sweep, or the page cannot be written.
    """
    path = Path(folder, PAGE) if path is None else Path(path)
    _ = Store(folder).experiment  # refuses what is no sweep
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"output must be a file in a folder that is there. Received: '{path}'.")
    plottingScript()  # refuses before all is read
    text = pageOf(load(folder), experiments)
    try:
        replaceText(path, text)
    except OSError as error:
        raise ValueError(f"page {str(path)!r} cannot be written: {error}.") from error
    return path


def pageOf(sweep: LoadedSweep, experiments: Mapping[str, Experiment]) -> str:
    """The page of a sweep that has been read."""
    return template(TEMPLATE).render(script=plottingScript(), **contentOf(sweep, experiments))


def plottingScript() -> str:
    """The script of plotly, all of it; ImportError names the extra where it is not there."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError(
            "report needs the package plotly. Install it: pip install 'looks-linear[report]'."
        ) from error
    return get_plotlyjs()


def contentOf(sweep: LoadedSweep, experiments: Mapping[str, Experiment]) -> dict[str, Any]:
    """What the page shows, by the names that its template has for it."""
    experiment = experiments.get(sweep.experiment)
    table = sweep.table if len(sweep.table.columns) > 1 else _EMPTY
    points = pointsOf(table, list(sweep.axes), experiment.quantity if experiment else "measured")
    narrowed = _narrowed(table, sweep)
    worst = worstRows(narrowed, WORST)
    data = {
        "points": encoded(points),
        "seeds": len(sweep.axes.get(SEED, [])),
        "worst": _tableFor(worst.assign(cell=table["cell"])),
        "cells": _tableFor(_cells(table, sweep)),
    }
    return {
        "name": sweep.experiment,
        "line": experiment.line if experiment else "",
        "verdict": Verdict.of(narrowed),
        "counts": counts(sweep, experiment),
        "duration": duration(float(sweep.cells["seconds"].sum())),
        "axes": sweep.axes,
        "byValue": _byValue(table, sweep),
        "hasPoints": len(points.count) > 0,
        "thinned": points.thinned,
        "failures": _failures(sweep),
        "reasons": _reasons(sweep.cells["reasons"]),
        "origins": sweep.origins,
        "problems": sweep.problems,
        "data": data,
        "mostValues": VALUES,
        "mostWorst": WORST,
    }


def counts(sweep: LoadedSweep, experiment: Experiment | None) -> dict[str, int | None]:
    """How many cells were asked for, are stored, have failed, and are due.

    `asked` and `due` are None where this version of the experiment has no such grid.
    """
    failed = set(sweep.failures["cell"])
    found = {"stored": len(sweep.cells), "failed": len(failed)}
    asked = _askedFor(sweep, experiment)
    if asked is None:
        return {**found, "asked": None, "due": None}
    return {**found, "asked": len(asked), "due": len(asked - failed - set(sweep.cells.index))}


def _askedFor(sweep: LoadedSweep, experiment: Experiment | None) -> set[str] | None:
    if experiment is None:
        return None
    keys = set()
    try:
        for axes in sweep.grids:
            for values in itertools.product(*axes.values()):
                config = configOf(experiment.Config, dict(zip(axes, values, strict=True)))
                keys.add(cellOf(experiment.name, config).key)
    except TypeError:  # a field that this version does not have
        return None
    return keys


def _columnOf(table: pd.DataFrame, name: str) -> str:
    """The column of a table that holds a field of the Config."""
    return PREFIX + name if PREFIX + name in table else name


def _narrowed(table: pd.DataFrame, sweep: LoadedSweep) -> pd.DataFrame:
    """Of a table's columns, what differs between cells, the experiment's labels, the numbers."""
    labels = [name for name in labelsOf(table) if name not in _configColumns(table, sweep)]
    axes = [_columnOf(table, name) for name in sweep.axes]
    names = [name for name in dict.fromkeys([*axes, *labels, *NUMBERS]) if name in table]
    rows = table[[name for name in names if name != "cell"]]
    same = [PREFIX + name for name in rows if PREFIX + name in rows
            and rows[PREFIX + name].astype(str).equals(rows[name].astype(str))]  # fmt: skip
    return rows.drop(columns=same)


def _configColumns(table: pd.DataFrame, sweep: LoadedSweep) -> set[str]:
    others = ("started", "seconds", "code", "reasons")
    fields = (name.removeprefix(PREFIX) for name in sweep.cells if name not in others)
    return {_columnOf(table, name) for name in fields}


def _cells(table: pd.DataFrame, sweep: LoadedSweep) -> pd.DataFrame:
    """A row for each cell: its axes, what it took, how far it is from its predictions."""
    found = sweep.cells[
        [name for axis in sweep.axes if (name := _columnOf(sweep.cells, axis)) in sweep.cells]
    ].copy()
    scores = table["z"].abs()
    by = scores.groupby(table["cell"])
    found["rows judged"] = by.count().reindex(found.index, fill_value=0)
    found["beyond 5"] = (scores > CONTRADICTION).groupby(table["cell"]).sum().reindex(
        found.index, fill_value=0
    )  # fmt: skip
    found["largest |z|"] = by.max().reindex(found.index)
    found["seconds"] = sweep.cells["seconds"]
    found["started"] = sweep.cells["started"].astype(str).str.slice(0, 19)
    return found.reset_index()[[*found.columns, "cell"]]


def _byValue(table: pd.DataFrame, sweep: LoadedSweep) -> list[dict[str, Any]]:
    """For each value of each axis: cells stored and failed, and the verdict on its rows."""
    failures, rows = sweep.failures.drop_duplicates("cell"), []
    for name, values in sweep.axes.items():
        stored, failed = (
            _counted(sweep.cells, _columnOf(sweep.cells, name)),
            _counted(failures, name),
        )
        judged = _judgedBy(table, _columnOf(table, name))
        for value in values[:VALUES]:
            count, beyond, worst = judged.get(str(value), (0, 0, np.nan))
            rows.append({
                "axis": name, "value": value, "stored": stored[str(value)],
                "failed": failed[str(value)], "judged": int(count), "beyond": int(beyond),
                "worst": float(worst),
            })  # fmt: skip
    return rows


def _counted(table: pd.DataFrame, name: str) -> Counter[str]:
    return Counter(table[name].astype(str)) if name in table else Counter()


def _judgedBy(table: pd.DataFrame, name: str) -> dict[str, tuple]:
    """For each value of a column: rows judged, rows beyond 5, and the largest |z|."""
    if name not in table:
        return {}
    scores = table["z"].abs()
    of = table[name].astype(str)
    found = (scores.groupby(of).count(), (scores > CONTRADICTION).groupby(of).sum(),
             scores.groupby(of).max())  # fmt: skip
    return dict(zip(found[0].index, zip(*found, strict=True), strict=True))


def _failures(sweep: LoadedSweep) -> list[dict[str, Any]]:
    """The last failure of each cell: what was asked for, and what went wrong."""
    last = sweep.failures.drop_duplicates("cell", keep="last")[:FAILURES]
    told = ("cell", "attempt", "when", "error", "traceback", "isSkipped")
    return [
        {
            "words": " ".join(f"{name}={row[name]}" for name in sweep.axes if name in row),
            "config": {name: value for name, value in row.items() if name not in told},
            **{name: row[name] for name in told},
        }
        for row in last.to_dict(orient="records")
    ]


def _reasons(texts: Sequence[str]) -> list[tuple[str, str, int]]:
    """Why something has no prediction: label, reason, and of how many cells."""
    many: Counter[tuple[str, str]] = Counter()
    for text, times in Counter(texts).items():
        for label, reason in json.loads(text).items():
            if reason:
                many[label, reason] += times
    return [(*pair, times) for pair, times in many.most_common()]


def _tableFor(table: pd.DataFrame) -> dict[str, Any]:
    """A table as the page's script reads it: names, which of them are numbers, rows."""
    numbers = set(table.select_dtypes("number"))
    return {
        "names": [name.replace("_", " ") for name in plainNames(list(table))],
        "isNumber": [name in numbers for name in table],
        "rows": [[_plain(value) for value in row] for row in table.itertuples(index=False)],
    }


def _plain(value: Any) -> Any:
    """A value as JSON holds it; what is not finite has a word there."""
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return value if np.isfinite(value) else None if np.isnan(value) else str(value)
    return value.item() if isinstance(value, np.generic) else value


_EMPTY = pd.DataFrame({"cell": [], **{name: pd.Series(dtype=float) for name in NUMBERS}})
