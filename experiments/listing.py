"""The list of experiments, (results folder) -> each with its line and its last stored verdict."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.registry import EXPERIMENTS
from experiments.stored import StoredRun, StoredRunError, readRun, storedRuns
from experiments.verdicts import Verdict


def tellExperiments(results: Path, console: Console) -> None:
    """Print every experiment, and below them the stored runs that cannot be read."""
    runs, problems = readAll(storedRuns(results))
    shown = Table(caption=f"Verdicts: of the last run of each in {results}", caption_justify="left")
    for name in ("experiment", "what it shows", "last run", "verdict", "worst z"):
        shown.add_column(name, no_wrap=name in ("experiment", "last run", "worst z"))
    for experiment in EXPERIMENTS.values():
        last = newest(runs, experiment.name)
        shown.add_row(experiment.name, escape(experiment.line), *_cells(last))
    console.print(shown)
    for problem in problems:
        console.print(f"Left out: {problem}", markup=False, highlight=False)


def readAll(folders: Iterable[Path]) -> tuple[list[StoredRun], list[StoredRunError]]:
    """The runs in these folders, and why some cannot be used."""
    runs, problems = [], []
    for folder in folders:
        try:
            runs.append(readRun(folder))
        except StoredRunError as error:
            problems.append(error)
    return runs, problems


def newest(runs: Iterable[StoredRun], experiment: str) -> StoredRun | None:
    """The run of this experiment that was started last."""
    of = [run for run in runs if run.experiment == experiment]
    return max(of, key=lambda run: run.started, default=None)


def _cells(run: StoredRun | None) -> tuple[str, ...]:
    if run is None:
        return "never", "-", "-"
    verdict = Verdict.of(run.table)
    worst = "-" if np.isnan(verdict.z) else f"{verdict.z:.1f}"
    return f"{run.started.astimezone():%Y-%m-%d %H:%M}", escape(verdict.words()), worst
