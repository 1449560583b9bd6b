"""Steps that parts of a batch go through, one core at each: (steps, parts, threads).

A step is prepared by the thread that takes it, which then does it to one part after the other; the
next thread does the next step to the first part meanwhile. So what a step needs, a weight, is made
and used in the cache of one core, and threads meet at no barrier.
"""

from __future__ import annotations

import _thread
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from lookslinear.sampling.threads import run_blocks

#: How often a thread looks whether its turn has come, a microsecond each, before it sleeps.
SPINS = 100


def runSteps(
    prepare: Callable[[int], Callable[[object], object]],
    count: int,
    parts: Sequence[object],
    threads: int | None = None,
) -> None:
    """Call prepare(0) to prepare(count - 1), and what each returns with every part.

    A part goes through the steps in their order. An error in any step is raised here, after all
    threads have let go of the parts.

    Examples
    --------
    >>> parts = [[1], [2]]
    >>> runSteps(lambda step: lambda part: part.append(step), 3, parts, threads=2)
    >>> parts
    [[1, 0, 1, 2], [2, 0, 1, 2]]
    """
    turns = _Turns()

    def work(step: int) -> None:
        if turns.stopped:  # nobody waits for what would be prepared
            return
        try:
            act = prepare(step)
            for number, part in enumerate(parts):
                if not turns.comes(step, number):
                    return
                act(part)
                turns.ends(step, number)
        except BaseException:
            turns.stop()
            raise

    run_blocks(work, count, threads, stop=turns.stop)


class _Turns:
    """Which step each part has come to; whoever waits for a turn goes on when all is stopped.

    Locks of the interpreter's own, each set and released in one step of it: an interrupt can end
    what the standard library makes of them while it holds one.
    """

    def __init__(self):
        self._ends: dict[tuple[int, int], _thread.LockType] = {}
        self.stopped = False

    def comes(self, step: int, number: int) -> bool:
        """Wait until a part has been through the step before; whether it has."""
        if step:
            end = self._end(step - 1, number)
            if not self.stopped:  # else it may have been made after the others were released
                _wait(end)
            self._ends.pop((step - 1, number), None)
        return not self.stopped

    def ends(self, step: int, number: int) -> None:
        """Let a part go on to the next step."""
        _release(self._end(step, number))

    def stop(self) -> None:
        """Let everybody who waits go on, to stop. It may be called again."""
        self.stopped = True
        for end in list(self._ends.values()):
            _release(end)

    def _end(self, step: int, number: int) -> _thread.LockType:
        """The lock that is released when a part has been through a step."""
        closed = _thread.allocate_lock()
        closed.acquire()
        return self._ends.setdefault((step, number), closed)  # atomic: the first one counts


def _wait(lock: _thread.LockType) -> None:
    """Take a lock; to sleep and be woken takes longer than most waits do."""
    for _ in range(SPINS):
        if lock.acquire(False):
            return
        time.sleep(0)  # the interpreter's lock is for who is waited for
    lock.acquire()


def _release(lock: _thread.LockType) -> None:
    with suppress(RuntimeError):  # it has been released before
        lock.release()
