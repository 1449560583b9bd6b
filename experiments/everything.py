"""All experiments, (folder) -> a run of each in a folder of its own, and a page that shows them."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console

from experiments.comparing import contradicted
from experiments.conducting import UsageError, conduct, refusals
from experiments.experiment import Experiment
from experiments.indexPage import PAGE, writePage
from experiments.running import emptyFolder


def conductAll(
    experiments: Iterable[Experiment],
    folder: Path,
    console: Console,
    errors: Console,
    *,
    check: bool = False,
    plot: bool = True,
) -> tuple[Mapping[str, str], bool]:
    """Run each with its defaults; one that fails is told of and does not stop the rest.

    The page is written anew after each run, so that it shows what there is if all is interrupted.

    Returns
    -------
    failures : dict
        What went wrong, by the experiment's name.
    contradiction : bool
        Whether any measurement contradicts its prediction.
    """
    experiments, failures, contradiction = list(experiments), {}, False
    with refusals():
        emptyFolder(folder)
    for experiment in experiments:
        console.rule(experiment.name)
        place = Path(folder, experiment.name)
        try:
            result = conduct(
                experiment, experiment.Config(), place, console, check=check, plot=plot
            )
            contradiction |= contradicted(result.table)
        except Exception as error:  # a defect of one is not the others'
            failures[experiment.name] = _told(error, errors)
        writePage(folder, experiments, failures)
    console.print(f"Written to {Path(folder, PAGE)}", highlight=False, soft_wrap=True)
    return failures, contradiction


def _told(error: Exception, errors: Console) -> str:
    """Show what went wrong, a defect with all of its traceback, and give it in one line."""
    if not isinstance(error, UsageError):
        errors.print("".join(traceback.format_exception(error)), markup=False, highlight=False)
    words = f"{type(error).__name__}: {error}" if not isinstance(error, UsageError) else str(error)
    errors.print(f"error: {words}", markup=False, highlight=False, soft_wrap=True)
    return words
