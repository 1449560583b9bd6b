"""Helpers: threads that wait to take part in a draw.

The pools of the standard library are made of Python code that an interrupt can end while it holds
a lock; its threads then wait for ever, and so does the interpreter at its end. What is used here to
wait and to wake is done in one step of the interpreter each.
"""

from __future__ import annotations

import _thread
import itertools
import os
from collections.abc import Callable, Collection
from contextlib import suppress
from queue import SimpleQueue

_MOST = 256

#: The helper that each task which has not ended was offered to, by its place among them.
_open: dict[object, int] = {}
_helpers: list[_Helper] = []


class Task:
    """Work that is done once: by a helper, if one comes before it is called off.

    Examples
    --------
    >>> done = []
    >>> task = Task(lambda: done.append(1))
    >>> task.run()
    >>> task.end(), done
    (None, [1])
    """

    def __init__(self, work: Callable[[], None]):
        self._work, self._finished, self.token = work, _thread.allocate_lock(), object()
        self._error: BaseException | None = None
        self._fate: dict[str, str] = {}  # its setdefault is atomic: the first one decides
        self._finished.acquire()

    def run(self) -> None:
        """Does the work, unless it has been called off."""
        if self._fate.setdefault("is", "begun") == "begun":
            try:
                self._work()
            except BaseException as error:
                self._error = error
            self._finished.release()

    def end(self) -> BaseException | None:
        """Calls it off if it has not begun, else waits for its end; what it raised is returned.

        To be called again if it is interrupted.
        """
        if self._fate.setdefault("is", "called off") == "begun":
            with self._finished:
                pass
        _open.pop(self.token, None)
        self._work = None  # the task may wait in the inbox; what it would have written to need not
        return self._error


class _Helper:
    """A thread that does one task after another, and ends with the process."""

    def __init__(self):
        self._inbox: SimpleQueue[Task] = SimpleQueue()
        self._thread: int | None = None
        _thread.start_new_thread(self._serve, ())

    def wake(self, task: Task, cores: Collection[int]) -> None:
        """Has the helper do the task, on these cores if it can be kept to any.

        Before it wakes: Linux may wake it on the core that it slept on, which is perhaps the
        caller's, and leave it waiting there for milliseconds while others are idle.
        """
        if cores and self._thread is not None:
            with suppress(OSError):  # where a container forbids it
                os.sched_setaffinity(self._thread, cores)
        self._inbox.put(task)

    def _serve(self) -> None:
        self._thread = _thread.get_native_id()
        while True:
            self._inbox.get().run()


def offer(task: Task, cores: Collection[int] = ()) -> None:
    """Has a waiting helper, or a new one, run the task; nobody, where there can be none.

    Parameters
    ----------
    task : Task
    cores : collection of int
        What the helper is kept to; where there are none it may run anywhere.

    Examples
    --------
    >>> done = SimpleQueue()
    >>> task = Task(lambda: done.put(2))
    >>> offer(task)
    >>> done.get(), task.end()
    (2, None)
    """
    taken = set(_open.values())
    place = _open[task.token] = next(place for place in itertools.count() if place not in taken)
    if len(_helpers) <= place < _MOST:
        with suppress(RuntimeError):  # the interpreter shuts down, or the machine is full
            _helpers.append(_Helper())
    if place < len(_helpers):
        _helpers[place].wake(task, cores)


def _forget() -> None:
    _helpers.clear()
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)  # a forked child has none of its threads
