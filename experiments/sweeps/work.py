"""What a worker does, (task) -> an outcome: run one cell and store it, in any process anywhere.

The arrays stay where they are computed: a worker writes the cell's folder itself, and only names
and numbers travel. It works on one cell at a time, since Theano's flags belong to the process.
"""

from __future__ import annotations

import datetime
import os
import platform
import resource
import threading
import time
import traceback
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from experiments.experiment import BaseConfig, Experiment, Result
from experiments.running import writeRun
from experiments.sweeps.cells import Cell, configOf
from experiments.sweeps.failures import forget, keepFailure
from experiments.sweeps.origins import origin
from experiments.sweeps.store import Store
from lookslinear.sampling import set_num_threads

#: How a task ends: stored by it, by another sweep, being run by another sweep, failed, no room on
#: the disk or no leave to write there, no store to be seen.
STORED, THERE, ELSEWHERE, FAILED, UNWRITABLE, UNSEEN = (
    "stored", "there", "elsewhere", "failed", "unwritable", "unseen",
)  # fmt: skip

_ALONE = threading.Lock()


class Task(NamedTuple):
    """A cell to run: where it is kept, and on how many threads it computes."""

    store: str
    experiment: Experiment
    cell: Cell
    threads: int


class Outcome(NamedTuple):
    """How a task ended; `words` say why it failed, `attempt` how often, `origin` names the code."""

    key: str
    status: str
    seconds: float = 0.0
    words: str = ""
    attempt: int = 0
    origin: str = ""


class Effort(NamedTuple):
    """What a cell takes: seconds, and bytes of memory of the process at its peak."""

    seconds: float
    memory: int


def runCell(task: Task) -> Outcome:
    """Run a cell and store it, unless that is done or being done."""
    store, key = Store(task.store), task.cell.key
    with _ALONE:
        if not store.isThere:
            return Outcome(key, UNSEEN, words=f"{task.store} on {platform.node()}")
        try:
            with store.claim(key) as isFree:
                if not isFree:
                    return Outcome(key, ELSEWHERE)
                return Outcome(key, THERE) if store.holds(key) else _attempt(task, store)
        except OSError as error:
            return Outcome(key, UNWRITABLE, words=str(error))


def measure(experiment: Experiment, fields: dict[str, Any], threads: int) -> Effort:
    """Run a cell, store nothing, and say what it took."""
    began = time.perf_counter()
    with _ALONE:
        _computed(experiment, fields, threads)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kilobytes on Linux
    return Effort(time.perf_counter() - began, peak)


def _attempt(task: Task, store: Store) -> Outcome:
    key, fields = task.cell
    started, began = datetime.datetime.now(datetime.timezone.utc), time.perf_counter()
    try:
        config, result = _computed(task.experiment, fields, task.threads)
    except (Exception, SystemExit) as error:
        words = f"{type(error).__name__}: {error}"
        told = "".join(traceback.format_exception(error))
        attempt = keepFailure(store, key, fields, words, told)
        return Outcome(key, FAILED, time.perf_counter() - began, words, attempt)
    facts = {"cell": key, **origin(), "threads": task.threads, "process": os.getpid()}
    store.keep(
        key,
        lambda folder: writeRun(folder, task.experiment.name, config, result, started, **facts),
    )
    forget(store, [key])
    return Outcome(key, STORED, time.perf_counter() - began, origin=facts["code"])


def _computed(
    experiment: Experiment, fields: dict[str, Any], threads: int
) -> tuple[BaseConfig, Result]:
    set_num_threads(threads)
    with threadpool_limits(limits=threads):
        plan = experiment.prepare(configOf(experiment.Config, fields))
        return plan.config, experiment.run(plan, lambda words: None)
