"""The index page of several runs, (folder, experiments) -> index.html, readable from disk."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.pages import shownNumber, template
from experiments.running import replaceText
from experiments.stored import StoredRun, StoredRunError, readRun
from experiments.verdicts import Verdict, worstRows

PAGE = "index.html"
#: How many of the rows that are farthest from their prediction are shown.
WORST = 5


@dataclass(frozen=True)
class Entry:
    """One experiment of the page: its run, or why there is none."""

    experiment: Experiment
    run: StoredRun | None
    problem: str

    @property
    def verdict(self) -> Verdict | None:
        """Whether the run agrees with its predictions."""
        return Verdict.of(self.run.table) if self.run else None

    @property
    def kind(self) -> str:
        """What the page marks the verdict by: agrees, contradicts, unjudged, failed or waiting."""
        if not self.verdict:
            return "failed" if self.problem else "waiting"
        if self.verdict.contradictions:
            return "contradicts"
        return "agrees" if self.verdict.judged else "unjudged"

    @property
    def words(self) -> str:
        """The verdict, or the problem."""
        return self.verdict.words() if self.verdict else self.problem or "not run yet"

    @property
    def figure(self) -> bool:
        """Whether there is a figure to show."""
        return self.run is not None and (self.run.folder / "figure.png").is_file()

    @property
    def command(self) -> str:
        """The command line that wrote the run, as it is typed."""
        program, *arguments = self.run.manifest["command"]
        program = "python -m experiments" if program == "__main__.py" else shlex.quote(program)
        return " ".join([program, *map(shlex.quote, arguments)])

    @property
    def numbers(self) -> frozenset[str]:
        """The columns that hold numbers."""
        return frozenset(self.run.table.select_dtypes("number"))

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows that are farthest from their predictions, as text."""
        worst = worstRows(self.run.table, WORST)
        rows = worst.to_dict(orient="records")
        return [{name: shownNumber(name, value) for name, value in row.items()} for row in rows]


def writePage(
    folder: Path, experiments: Sequence[Experiment], failures: Mapping[str, str] | None = None
) -> Path:
    """Write `index.html` beside the runs' folders; it links to them by relative paths alone.

    Parameters
    ----------
    folder : path
        Holds a run's folder for each experiment, by its name; those that are not there are shown
        as such.
    failures : mapping
        What went wrong, by the experiment's name.
    """
    entries = [_entry(Path(folder), one, failures or {}) for one in experiments]
    path = Path(folder, PAGE)
    replaceText(path, template(PAGE).render(entries=entries))
    return path


def _entry(folder: Path, experiment: Experiment, failures: Mapping[str, str]) -> Entry:
    if experiment.name in failures or not (folder / experiment.name).exists():
        return Entry(experiment, None, failures.get(experiment.name, ""))
    try:
        return Entry(experiment, readRun(folder / experiment.name), "")
    except StoredRunError as error:
        return Entry(experiment, None, str(error))
