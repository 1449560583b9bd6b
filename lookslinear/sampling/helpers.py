"""Helpers: threads that wait to take part in a draw.

The pools of the standard library are made of Python code that an interrupt can end while it holds
a lock; its threads then wait for ever, and so does the interpreter at its end. What is used here to
wait and to wake is done in one step of the interpreter each.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue

_MOST = 256

_inbox: SimpleQueue[Task] = SimpleQueue()
_helpers = 0
#: One token for each task that has not ended: so many helpers are of use.
_open: set[object] = set()


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
        _open.discard(self.token)
        self._work = None  # the task may wait in the inbox; what it would have written to need not
        return self._error


def offer(task: Task) -> None:
    """Has a waiting helper, or a new one, run the task; nobody, where there can be none.

    Examples
    --------
    >>> done = SimpleQueue()
    >>> offer(Task(lambda: done.put(2)))
    >>> done.get()
    2
    """
    _open.add(task.token)
    if _helpers < min(len(_open), _MOST):
        _start()
    if _helpers:
        _inbox.put(task)


def _start() -> None:
    global _helpers
    # The interpreter that shuts down, or a machine that is full, starts no more threads.
    with suppress(RuntimeError):
        _thread.start_new_thread(_serve, (_inbox,))
        _helpers += 1


def _serve(inbox: SimpleQueue[Task]) -> None:
    while True:
        inbox.get().run()


def _forget() -> None:
    global _inbox, _helpers
    _inbox, _helpers = SimpleQueue(), 0
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)  # a forked child has none of its threads
