"""A sweep, (request) -> every cell of its grid stored, and what the user is told of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console

from experiments.conducting import progress, refusals
from experiments.experiment import Experiment
from experiments.sweeps.cells import Cell, inWords
from experiments.sweeps.executors import Workers, workersOf
from experiments.sweeps.failures import ENOUGH, attempts, forget
from experiments.sweeps.grid import Grid
from experiments.sweeps.index import Index
from experiments.sweeps.origins import differences, origin
from experiments.sweeps.requests import Request
from experiments.sweeps.running import Runner, StoppedError, Tally
from experiments.sweeps.store import Store
from experiments.sweeps.work import FAILED, STORED, Outcome, Task
from lookslinear.errors import whole_number
from training.display import counted, duration
from training.interruption import Interruption

#: Seconds that the time left is told from: all of a sweep, whose cells may take an hour each.
PERIOD = 1e9
#: How many threads a worker computes with, unless it is told: rounding depends on it.
THREADS = 1


@dataclass(frozen=True)
class Account:
    """What a sweep came to, in numbers of cells; why it stopped, and what was `lost` under way."""

    cells: int
    before: int
    now: int
    failed: int
    stopped: str = ""
    lost: Sequence[str] = ()
    isInterrupted: bool = False

    @property
    def isComplete(self) -> bool:
        """Whether every cell is stored."""
        return self.before + self.now == self.cells


class Missing:
    """What is left to do of a grid, by what its store holds: an iterable of cells.

    Parameters
    ----------
    grid : Grid
        All cells.
    stored, marked : set of str
        Cells that are stored, and cells that have failed too often.
    """

    def __init__(self, grid: Grid, stored: set[str], marked: set[str]):
        self.grid, self._settled = grid, stored | marked
        ways = Counter(
            "stored" if cell.key in stored else "skipped" if cell.key in marked else "due"
            for cell in grid.cells()
        )
        self.stored, self.skipped, self.due = ways["stored"], ways["skipped"], ways["due"]

    def __iter__(self) -> Iterator[Cell]:
        return (cell for cell in self.grid.cells() if cell.key not in self._settled)


def sweep(
    request: Request,
    experiments: Mapping[str, Experiment],
    console: Console,
    errors: Console,
    retry: bool = False,
) -> Account:
    """Run the cells of a grid that are not stored, and say what happens.

    Parameters
    ----------
    request : Request
        What is asked for.
    experiments : mapping of str to Experiment
        Those that can be asked for.
    console, errors : Console
        Where all is said, and what went wrong.
    retry : bool
        Run cells again that have failed twice.

    Raises
    ------
    UsageError
        For a request that is not good, before anything is computed or written.
    """
    began = time.perf_counter()
    with ExitStack() as stack:
        with refusals():
            grid = request.gridIn(experiments)
            grid.check()
            store = Store(request.folder)
            store.refuseOthers(grid.experiment.name)
            workers = workersOfRequest(request, grid)
            stack.callback(workers.end, atOnce=False)
            store.claimFor(grid.experiment.name).keepGrid(grid.axes)
        missing = _missing(store, grid, console, retry)
        console.print(_opening(missing, workers), **_PLAIN)
        account = _run(request, store, missing, workers, console, errors)
        with Index(store) as index:
            index.refresh()
        store.tidy()
    _close(account, store, time.perf_counter() - began, console, errors)
    return account


def workersOfRequest(request: Request, grid: Grid) -> Workers:
    """The workers that are asked for, who import what the experiment needs."""
    threads = threadsOf(request)
    modules = [grid.experiment.run.__module__, "experiments.sweeps.work"]
    return workersOf(request.cluster, request.workers, threads, modules)


def threadsOf(request: Request) -> int:
    """How many threads each worker computes with; ValueError or TypeError for none."""
    return whole_number(THREADS if request.threads is None else request.threads, "threads")


def _missing(store: Store, grid: Grid, console: Console, retry: bool) -> Missing:
    with Index(store) as index:
        stored, problems = index.refresh().keys(), index.problems
        for theirs, many in index.origins():
            said = differences(theirs)
            if said:
                console.print(
                    f"Kept: {counted(many, 'stored cell')}, made otherwise: {'; '.join(said)}. "
                    f"Give another folder to have all run again.",
                    **_PLAIN,
                )
    for key, words in problems.items():
        aside = store.setAside(key)
        console.print(f"Damaged, moved to {aside}, and run again: {words}", **_PLAIN)
    often = attempts(store)
    marked = {key for key, number in often.items() if number >= ENOUGH and key not in stored}
    forget(store, (often.keys() & stored) | (marked if retry else set()))
    return Missing(grid, stored, set() if retry else marked)


def _opening(missing: Missing, workers: Workers) -> str:
    grid = missing.grid
    words = (
        f"{grid.experiment.name}: {counted(grid.size, 'cell')} ({grid.told}), {missing.due} to run"
    )
    if missing.due:
        count = workers.count()
        words += f" by {counted(count, 'worker')} ({workers.words})"
        words += "" if count else ", so it waits for one"
    if missing.skipped:
        words += (
            f"; skipped, unless you say --retry: {counted(missing.skipped, 'cell')} that failed "
            f"{ENOUGH} times"
        )
    return words


def _run(
    request: Request,
    store: Store,
    missing: Missing,
    workers: Workers,
    console: Console,
    errors: Console,
) -> Account:
    grid, threads = missing.grid, threadsOf(request)

    def makeTask(cell: Cell) -> Task:
        return Task(str(store.root.resolve()), grid.experiment, cell, threads)

    with progress(missing.due, console, PERIOD) as advance, Interruption() as interruption:
        teller = _Teller(grid, advance, errors)
        runner = Runner(store, makeTask, workers, teller, lambda: interruption.asked)
        stopped, isEnded = "", False
        try:
            runner.run(missing)
        except StoppedError as error:
            stopped = str(error)
        except KeyboardInterrupt:
            isEnded = True
            workers.end(atOnce=True)
    return _account(missing, runner.tally, stopped, interruption.asked or isEnded)


def _account(missing: Missing, tally: Tally, stopped: str, isInterrupted: bool) -> Account:
    return Account(
        cells=missing.grid.size,
        before=missing.stored,
        now=sum(number for status, number in tally.ended.items() if status != FAILED),
        failed=len(tally.failed) + missing.skipped,
        stopped=stopped,
        lost=[inWords(cell.fields, missing.grid.names) for cell in tally.lost],
        isInterrupted=isInterrupted,
    )


class _Teller:
    """Says how each cell ended: on the bar, and of failures below it."""

    def __init__(self, grid: Grid, advance: Callable[[str], None], errors: Console):
        self._names, self._advance, self._errors = grid.names, advance, errors
        self._codes = {"", origin()["code"]}

    def __call__(self, cell: Cell, outcome: Outcome) -> None:
        words = inWords(cell.fields, self._names)
        if outcome.status == FAILED:
            again = "it is tried again at the end" if outcome.attempt < ENOUGH else "skipped"
            self._errors.print(f"failed: {words}: {outcome.words} ({again})", **_PLAIN)
        if outcome.status != FAILED or outcome.attempt >= ENOUGH:
            self._advance(words)
        if outcome.status == STORED and outcome.origin not in self._codes:
            self._codes.add(outcome.origin)
            self._errors.print(
                f"workers run other code than this: {outcome.origin}, here {origin()['code']}",
                **_PLAIN,
            )


def _close(
    account: Account, store: Store, seconds: float, console: Console, errors: Console
) -> None:
    rest = account.cells - account.before - account.now - account.failed
    words = [f"{account.now} stored now", f"{account.before} before"]
    words += [f"{account.failed} failed: see {store.root / 'failed'}"] if account.failed else []
    words += [f"{rest} to be run yet"] if rest else []
    if account.stopped:
        errors.print(f"error: {account.stopped}", **_PLAIN)
    for cell in account.lost:
        errors.print(f"lost under way: {cell}", **_PLAIN)
    if account.isInterrupted:
        errors.print("interrupted: what was finished is stored", **_PLAIN)
    if rest:
        errors.print("The same command goes on.", **_PLAIN)
    told = f"{counted(account.cells, 'cell')} in {duration(seconds)}: {', '.join(words)}"
    console.print(told, **_PLAIN)
    console.print(f"Written to {store.root}", **_PLAIN)


_PLAIN = {"markup": False, "highlight": False, "soft_wrap": True}
