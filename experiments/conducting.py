"""How an experiment is conducted, (experiment, config, folder) -> a complete run, or nothing."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.experiment import BaseConfig, Experiment, Plan, Result
from experiments.plotting import plotRun
from experiments.running import completeFolder, newFolder, writeRun
from experiments.verdicts import summaryOf

PIPED_WIDTH = 120


class UsageError(Exception):
    """What was asked for cannot be done, and is the user's to mend; no run was written."""


def consoleFor(quiet: bool) -> Console:
    """Where all is said."""
    # A pipe has no width of its own; rich would take 80 columns and fold the verdicts.
    return Console(quiet=quiet, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def conduct(
    experiment: Experiment,
    config: BaseConfig,
    output: Path | None,
    console: Console,
    *,
    check: bool = False,
    plot: bool = True,
) -> Result:
    """Prepare, run, store, draw and tell; without `output` in a new folder of results/.

    Raises
    ------
    UsageError
        For arguments that are not good, before anything is computed or written.
    """
    started = datetime.datetime.now(datetime.timezone.utc)
    with ExitStack() as stack:
        with refusals():
            plan = _checkable(experiment.prepare(config), check)
            final = output or newFolder(experiment.name)
            folder = stack.enter_context(completeFolder(final))
        with progress(plan.steps, console) as advance:
            result = experiment.run(plan, advance)
        writeRun(folder, experiment.name, plan.config, result, started)
        if plot:
            plotRun(folder, experiment.draw)
    told = experiment.summary or (lambda result: summaryOf(result.table, result.reasons))
    console.print(told(result))
    console.print(f"Written to {final}", highlight=False, soft_wrap=True)
    return result


@contextmanager
def refusals() -> Iterator[None]:
    """While arguments are checked a refusal is the user's to mend; later it would be a defect."""
    try:
        yield
    except (ValueError, TypeError, ImportError) as error:  # a package that an option needs
        raise UsageError(error) from error


def _checkable(plan: Plan, check: bool) -> Plan:
    if check and plan.config.replicates < 2:
        raise ValueError(
            f"check needs at least 2 replicates, to know their scatter. "
            f"Received: {plan.config.replicates}."
        )
    return plan


@contextmanager
def progress(steps: int, console: Console, period: float = 30) -> Iterator[Callable[[str], None]]:
    """A bar over all steps; gives the function that moves it on by one.

    The time left is told from the steps of the last `period` seconds.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # it would leave an empty line
        speed_estimate_period=period,
    )
    with bar:
        task = bar.add_task("starting", total=steps)
        yield lambda words: bar.update(task, advance=1, description=words)
