"""Helpers: threads that wait to take part in a draw.

The pools of the standard library are made of Python code that an interrupt can end while it holds
a lock; its threads then wait for ever, and so does the interpreter at its end. What is used here to
wait and to wake is done in one step of the interpreter each.
"""

from __future__ import annotations

import _thread
import os
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

_MOST = 256

_idle: deque[_Helper] = deque()
_helpers = 0


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
        self._work, self._ticket, self._finished = work, [None], _thread.allocate_lock()
        self._error: BaseException | None = None
        self._finished.acquire()

    def run(self, leave: Callable[[], None] = lambda: None) -> None:
        """Does the work, unless it has been called off; then leaves, before anyone is woken."""
        begun = self._claimed()
        try:
            if begun:
                self._work()
        except BaseException as error:
            self._error = error
        leave()
        if begun:
            self._finished.release()

    def end(self) -> BaseException | None:
        """Calls it off if it has not begun, else waits for its end; what it raised is returned."""
        if not self._claimed():
            self._finished.acquire()
        return self._error

    def _claimed(self) -> bool:
        """True for the first one who asks."""
        try:
            self._ticket.pop()
        except IndexError:
            return False
        return True


class _Helper:
    """One thread, which ends with the process."""

    def __init__(self):
        self.inbox: SimpleQueue[Task] = SimpleQueue()
        _thread.start_new_thread(self._serve, ())

    def _serve(self) -> None:
        while True:
            self.inbox.get().run(lambda: _idle.append(self))


def helped(work: Callable[[], None]) -> Task:
    """A task that a waiting helper, or a new one, will run; nobody, where there can be no more.

    Examples
    --------
    >>> done = SimpleQueue()
    >>> task = helped(lambda: done.put(2))
    >>> done.get()
    2
    """
    task, helper = Task(work), _waiting()
    if helper is not None:
        helper.inbox.put(task)
    return task


def _waiting() -> _Helper | None:
    global _helpers
    try:
        return _idle.pop()
    except IndexError:
        pass
    if _helpers >= _MOST:
        return None
    try:
        helper = _Helper()
    except RuntimeError:  # the interpreter shuts down, or the machine is full
        return None
    _helpers += 1
    return helper


def _forget() -> None:
    global _helpers
    _idle.clear()
    _helpers = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)  # a forked child has none of its threads
