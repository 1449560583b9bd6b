"""Threads: how many drawing may use, and work that is cut into blocks and shared among them.

The result never depends on their number: a block's numbers come from its own stream and are
computed by one thread. NumPy releases the interpreter's lock inside its loops, so threads suffice.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

from lookslinear.errors import whole_number
from lookslinear.sampling.helpers import Task, offer

#: The variables that set the number of threads where the program does not; the first one counts.
VARIABLES = ("LOOKSLINEAR_NUM_THREADS", "OMP_NUM_THREADS")

# Python has no name for it: the number of the core that the calling thread is on.
_sched_getcpu = (
    getattr(ctypes.CDLL(None), "sched_getcpu", None) if sys.platform == "linux" else None
)
_chosen: int | None = None


def num_threads() -> int:
    """How many threads a draw may use: as set, else by the environment, else one a usable core.

    `LOOKSLINEAR_NUM_THREADS` goes before `OMP_NUM_THREADS`, which also sets those of the BLAS and
    of other libraries. Cores are those that the process may run on, by its affinity and by the
    quota of its control group.

    Raises
    ------
    ValueError
        If `LOOKSLINEAR_NUM_THREADS` is set to anything but a number.

    Examples
    --------
    >>> num_threads() >= 1
    True
    """
    return _chosen or _of_environment() or usable_cores()


def set_num_threads(threads: int | None) -> int | None:
    """Sets how many threads a draw may use; None goes back to the environment or the cores.

    Returns what was set before, None where nothing was.

    Examples
    --------
    >>> set_num_threads(1)
    >>> num_threads()
    1
    >>> set_num_threads(None)
    1
    """
    global _chosen
    before, _chosen = _chosen, checked_threads(threads)
    return before


def checked_threads(threads: int | None) -> int | None:
    """The argument `threads` of a draw, if it is one: None leaves the number to `num_threads`.

    Examples
    --------
    >>> checked_threads(0)
    Traceback (most recent call last):
    ValueError: threads must be at least 1. Received: 0.
    """
    return None if threads is None else whole_number(threads, "threads")


def usable_cores() -> int:
    """The cores that this process may use: its affinity, or its control group's quota if less."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        cores = os.cpu_count() or 1
    return max(1, math.ceil(min(cores, _quota())))


def run_blocks(
    work: Callable[[int], object],
    count: int,
    threads: int | None = None,
    stop: Callable[[], object] | None = None,
) -> None:
    """Calls work(0) to work(count - 1), each once, on up to so many threads, or `num_threads()`.

    They begin in their order. The calling thread works too, so helpers that are busy or gone delay
    nothing; an error in any block is raised here, after all threads have let go of the data. Before
    that `stop` is called, where a block may wait for an earlier one: it must then go on.

    Examples
    --------
    >>> squares = [0] * 5
    >>> run_blocks(lambda index: squares.__setitem__(index, index**2), 5, threads=2)
    >>> squares
    [0, 1, 4, 9, 16]
    """
    waiting = deque(range(count))  # its popleft is atomic, with the interpreter's lock or without
    most = 1 if count < 2 else min(count, threads or num_threads())
    own, others = _cores() if most > 1 else (set(), set())
    tasks, done = [Task(partial(_take, work, waiting)) for _ in range(most - 1)], False
    try:
        for task in tasks:
            offer(task, others)
        _take_on(own, own | others, work, waiting)
        done = True
    finally:
        try:
            errors = _end(tasks, waiting, None if done else stop)
        except BaseException:  # an interrupt came in between; what helpers write to is not ours yet
            _end(tasks, waiting, stop)
            raise
    for error in filter(None, errors):
        raise error


def _end(
    tasks: list[Task], waiting: deque[int], stop: Callable[[], object] | None
) -> list[BaseException | None]:
    """Waits for the blocks that are being worked on, and has no other ones begun."""
    waiting.clear()
    if stop:
        stop()
    return [task.end() for task in tasks]


def _take_on(
    own: set[int], usable: set[int], work: Callable[[int], object], waiting: deque[int]
) -> None:
    """Takes blocks while the calling thread is kept to one of the cores that it may use.

    Threads that hand the interpreter's lock to and fro look to Linux like one that works and one
    that waits: it leaves both on one core, and the other core idle.
    """
    try:
        _keep_to(own)
        _take(work, waiting)
    finally:
        try:
            _keep_to(usable)
        except BaseException:  # an interrupt came in between
            _keep_to(usable)
            raise


def _keep_to(cores: set[int]) -> None:
    """Keeps the calling thread to these cores, if there are any and a container allows it."""
    if cores:
        with suppress(OSError):
            os.sched_setaffinity(0, cores)


def _cores() -> tuple[set[int], set[int]]:
    """The core that the calling thread is on, and the others that it may use.

    Both are empty where the system does not tell, or there is no choice.
    """
    if not (_sched_getcpu and hasattr(os, "sched_setaffinity")):
        return set(), set()
    usable, own = os.sched_getaffinity(0), {_sched_getcpu()}
    return (own, usable - own) if own < usable else (set(), set())


def _take(work: Callable[[int], object], waiting: deque[int]) -> None:
    while True:
        try:
            index = waiting.popleft()
        except IndexError:
            return
        work(index)


def _of_environment() -> int | None:
    for variable in VARIABLES:
        value = os.environ.get(variable, "").split(",")[0].strip()  # OpenMP allows one a level
        if value.isdecimal() and int(value):
            return int(value)
        if value and variable == VARIABLES[0]:  # OpenMP's own is for others to judge
            raise ValueError(f"{variable} must be a whole number above 0. Received: {value!r}.")
    return None


@cache
def _quota() -> float:
    """The cores that control group version 2 grants, as inside a container with a limit."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return int(quota) / int(period)
    except (OSError, ValueError):  # no such file, or 'max': no limit
        return math.inf
