"""The command `sweep`: a dataclass whose fields are options, with what it does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from experiments.conducting import consoleFor, refusals
from experiments.experiment import Experiment
from experiments.registry import EXPERIMENTS
from experiments.sweeps.forecast import forecast
from experiments.sweeps.requests import Request, requestOf
from experiments.sweeps.sweeping import sweep

_Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]
DONE, FAILED, INTERRUPTED = 0, 3, 130


@dataclass(frozen=True)
class Sweep:
    """Run an experiment over a grid, on all cores or a cluster; what is stored never runs again.

    The exit status is 3 if a cell failed or is missing, and 130 after an interrupt.
    """

    name: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(
            metavar="NAME|FILE",
            help="An experiment, or a .yaml or .toml file with the keys experiment, grid, seeds, "
            "output, workers, threads, cluster.",
        ),
    ]
    grid: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="FIELD=V,V,...",
            help="An axis: one of the experiment's options with its values. [a,b] is one value of "
            "an option that takes several, 'a,b' one with a comma in it.",
        ),
    ] = ()
    seeds: int | None = None
    """So many seeds from 0 on: an axis of its own."""
    output: Annotated[
        Path | None,
        tyro.conf.arg(
            metavar="DIR",
            help="Where cells are kept: a new folder, or that of a sweep of the same experiment. "
            "The default is results/sweep-NAME.",
        ),
    ] = None
    workers: int | None = None
    """How many processes, or jobs of a cluster. The default is one a core."""
    threads: int | None = None
    """Threads of each worker, 1 unless said: rounding can depend on it."""
    cluster: Annotated[
        str | None,
        tyro.conf.arg(
            metavar="CLUSTER",
            help="tcp://HOST:PORT of a Dask scheduler, or slurm, pbs, kubernetes, mpi. The default "
            "is this machine.",
        ),
    ] = None
    retry: _Flag = False
    """Run cells again that have failed twice."""
    dryRun: Annotated[bool, tyro.conf.arg(name="dry-run", help_behavior_hint="")] = False
    """Say how many cells there are and what they will take; run one or two, and store nothing."""
    quiet: _Flag = False
    """Print nothing but errors."""

    def act(self) -> int:
        """Sweep, and return the exit status."""
        with refusals():
            request = self._request()
        console, errors = consoleFor(self.quiet), Console(stderr=True)
        if self.dryRun:
            return DONE if forecast(request, EXPERIMENTS, console) else FAILED
        return conducted(request, EXPERIMENTS, console, errors, self.retry)

    def _request(self) -> Request:
        names = ("seeds", "output", "workers", "threads", "cluster")
        return requestOf(self.name, self.grid, **{name: getattr(self, name) for name in names})


def conducted(
    request: Request,
    experiments: Mapping[str, Experiment],
    console: Console,
    errors: Console,
    retry: bool = False,
) -> int:
    """Sweep, and return the exit status."""
    try:
        account = sweep(request, experiments, console, errors, retry)
    except KeyboardInterrupt:
        print("interrupted: what was finished is stored", file=sys.stderr)
        return INTERRUPTED
    if account.isInterrupted:
        return INTERRUPTED
    return DONE if account.isComplete else FAILED
