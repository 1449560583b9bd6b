"""Forecasts, (request) -> what a sweep will take, by its first and last cell; nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from rich.console import Console

from experiments.conducting import refusals
from experiments.experiment import Experiment
from experiments.sweeps.cells import Cell, inWords
from experiments.sweeps.executors import extraOf
from experiments.sweeps.grid import Grid
from experiments.sweeps.processes import Processes
from experiments.sweeps.requests import Request
from experiments.sweeps.store import Store
from experiments.sweeps.sweeping import threadsOf
from experiments.sweeps.work import Effort, measure
from lookslinear.errors import whole_number
from training.display import counted, duration

#: A cell that takes longer is not run a second time, to see what it takes once all is compiled.
PATIENCE = 10


def forecast(request: Request, experiments: Mapping[str, Experiment], console: Console) -> bool:
    """Say how many cells there are, what they will take in time and memory, and where they go.

    A cell is run in a process of its own on this machine, the first one of the grid and the last,
    which is often the largest.

    Returns
    -------
    bool
        Whether these cells ran: one may be bad by what only a combination of values makes bad.

    Raises
    ------
    UsageError
        For a request that is not good.
    """
    with refusals():
        grid = request.gridIn(experiments)
        grid.check()
        store = Store(request.folder)
        store.refuseOthers(grid.experiment.name)
        threads = threadsOf(request)
        count = _countOf(request, threads)
    stored = sum(store.holds(cell.key) for cell in grid.cells())
    console.print(f"{counted(grid.size, 'cell')}: {grid.told}", highlight=False)
    console.print(f"{stored} stored, {grid.size - stored} to be run", highlight=False)
    corners = _corners(grid)
    measured = (_measured(grid, cell, threads, console) for cell in corners)
    efforts = [effort for effort in measured if effort]
    if efforts:
        seconds = [effort.seconds * (grid.size - stored) / count for effort in efforts]
        memory = max(effort.memory for effort in efforts) * count
        console.print(
            f"expected on {counted(count, 'worker')}: "
            f"{' to '.join(map(duration, sorted(seconds)))}, {memory / 1e6:.0f} MB of memory",
            highlight=False,
        )
    console.print(f"to be written to {store.root}", highlight=False, soft_wrap=True)
    return len(efforts) == len(corners)


def _countOf(request: Request, threads: int) -> int:
    if request.cluster is None:
        return Processes.countOf(request.workers, threads)
    extraOf(request.cluster)
    return whole_number(request.workers or 1, "workers")


def _corners(grid: Grid) -> list[Cell]:
    """The first cell and, of a grid with other fields than the seed, the last of its seed."""
    seeds = len(grid.axes.get("seed", (0,)))
    last = grid.size // seeds - 1
    return list(islice(grid.cells(), 0, last + 1, max(1, last)))[:2]


def _measured(grid: Grid, cell: Cell, threads: int, console: Console) -> Effort | None:
    """What a cell takes, which is told; nothing of one that fails."""
    name = inWords(cell.fields, grid.names)
    workers = Processes(1, threads, [grid.experiment.run.__module__, "experiments.sweeps.work"])
    try:
        arguments = measure, grid.experiment, cell.fields, threads
        first = workers.submit(*arguments).result()
        again = workers.submit(*arguments).result() if first.seconds < PATIENCE else first
    except Exception as error:  # of any kind, as in the sweep, where it is stored
        console.print(
            f"{name}: fails: {type(error).__name__}: {error}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        return None
    finally:
        workers.end(atOnce=False)
    console.print(
        f"{name}: {first.seconds:.3g} s, once all is compiled "
        f"{again.seconds:.3g} s; {again.memory / 1e6:.0f} MB",
        highlight=False,
        soft_wrap=True,
    )
    return again
