"""Running a grid, (cells that are missing, workers) -> all of them stored, or why some are not."""

from __future__ import annotations

import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field

from experiments.sweeps.cells import Cell
from experiments.sweeps.executors import Workers
from experiments.sweeps.failures import ENOUGH, keepFailure
from experiments.sweeps.store import Store
from experiments.sweeps.work import (
    ELSEWHERE,
    FAILED,
    THERE,
    UNSEEN,
    UNWRITABLE,
    Outcome,
    Task,
    runCell,
)

#: Seconds between two looks at whether to stop, and at cells that another sweep is running.
PAUSE, PATIENCE = 0.1, 0.5
DIED = "the worker died: killed, out of memory, or crashed"


class StoppedError(Exception):
    """A sweep cannot go on: no store, no workers. What was finished is stored."""


@dataclass
class Tally:
    """What became of cells: how many by the way in which they ended, and which have failed."""

    ended: Counter = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    origins: Counter = field(default_factory=Counter)
    lost: list[Cell] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        """Count how a cell ended."""
        self.ended[outcome.status] += 1
        self.failed.pop(outcome.key, None)
        if outcome.status == FAILED:
            self.failed[outcome.key] = outcome.words
        if outcome.origin:
            self.origins[outcome.origin] += 1


class Runner:
    """Keeps workers busy with cells until all have ended, or until it is asked to stop.

    Parameters
    ----------
    store : Store
        Where workers put cells.
    makeTask : Cell -> Task
        What a worker is given.
    workers : Workers
        Who does the work.
    tell : (Cell, Outcome) -> None
        Called when a cell has ended or failed.
    isStopped : () -> bool
        Whether to begin no other cell.
    """

    def __init__(
        self,
        store: Store,
        makeTask: Callable[[Cell], Task],
        workers: Workers,
        tell: Callable[[Cell, Outcome], None],
        isStopped: Callable[[], bool],
    ):
        self.store, self.makeTask, self.workers, self.tell = store, makeTask, workers, tell
        self.isStopped, self.tally = isStopped, Tally()
        self._under: dict[Future, Cell] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._again: deque[tuple[float, Cell]] = deque()
        self._stopping: str = ""

    def run(self, cells: Iterable[Cell]) -> Tally:
        """Have all cells run.

        Raises
        ------
        StoppedError
            If the store cannot be seen or written, or the workers are lost; what was under way is
            waited for first, where it still can end.
        """
        waiting = iter(cells)
        while self._fill(waiting) or self._under:
            self._collect()
        if self._stopping:
            raise StoppedError(self._stopping)
        return self.tally

    def _fill(self, waiting: Iterator[Cell]) -> bool:
        """Hand out cells while there is room; whether there may be more of them."""
        while not self._isStopping() and len(self._under) < self.workers.room():
            cell = next(waiting, None) or self._due()
            if cell is None:
                return bool(self._again)
            self._submit(cell)
        return not self._isStopping()

    def _due(self) -> Cell | None:
        """A cell that is to be tried again, if its time has come."""
        if self._again and self._again[0][0] <= time.monotonic():
            return self._again.popleft()[1]
        return None

    def _isStopping(self) -> bool:
        return bool(self._stopping) or self.isStopped()

    def _submit(self, cell: Cell) -> None:
        future = self.workers.submit(runCell, self.makeTask(cell))
        self._under[future] = cell
        future.add_done_callback(self._ended.put)

    def _collect(self) -> None:
        """Take what has ended, and wait a moment for something to."""
        try:
            future = self._ended.get(timeout=PAUSE)
        except queue.Empty:
            self._giveUpIfLost()
            return
        cell = self._under.pop(future, None)
        if cell is None:  # given up
            return
        outcome = self._outcomeOf(future, cell)
        if outcome is not None:
            self._take(cell, outcome)

    def _outcomeOf(self, future: Future, cell: Cell) -> Outcome | None:
        if not future.cancelled() and future.exception() is None:
            return future.result()
        error = None if future.cancelled() else future.exception()
        if error is not None and self.workers.isDeath(error):
            return self._died(cell)
        first = f"{error}".partition("\n")[0]
        self._lose(cell, f" ({type(error).__name__}: {first})" if error else "")
        return None

    def _giveUpIfLost(self) -> None:
        if self._under and self.workers.isLost():
            for cell in self._under.values():
                self._lose(cell, "")
            self._under.clear()

    def _lose(self, cell: Cell, words: str) -> None:
        self.tally.lost.append(cell)
        self._stopping = self._stopping or f"the workers are gone, {self.workers.words}{words}"

    def _died(self, cell: Cell) -> Outcome:
        if self.store.holds(cell.key):  # it died after the cell was stored
            return Outcome(cell.key, THERE)
        try:
            attempt = keepFailure(self.store, *cell, DIED, DIED)
        except OSError as error:
            return Outcome(cell.key, UNWRITABLE, words=str(error))
        return Outcome(cell.key, FAILED, words=DIED, attempt=attempt)

    def _take(self, cell: Cell, outcome: Outcome) -> None:
        if outcome.status in (UNSEEN, UNWRITABLE):
            self._stopping = self._stopping or _TOLD[outcome.status].format(outcome.words)
            return
        if outcome.status == ELSEWHERE:
            self._again.append((time.monotonic() + PATIENCE, cell))
            return
        self.tally.note(outcome)
        self.tell(cell, outcome)
        if outcome.status == FAILED and outcome.attempt < ENOUGH:
            self._again.append((time.monotonic(), cell))


_TOLD = {
    UNSEEN: "a worker does not see the sweep's folder {}: it must be on a file system they share",
    UNWRITABLE: "the sweep's folder cannot be written: {}",
}
