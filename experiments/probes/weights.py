"""Weights of a network, (stages, seed) -> arrays: drawn when asked for, and again bit by bit."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

import numpy as np

from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, as_seed, child_seed, draw
from lookslinear.sampling.threads import run_blocks
from lookslinear.theory import Stage

#: What the weights of a network that are kept may take. A third of it is drawn at a time, so that
#: threads may be a run apart before one draws again what the other has dropped.
WEIGHT_MEMORY = 24 * 2**20
#: Smaller weights are drawn by one thread: they are mostly Python, which runs one thread at a time.
SHARED_BYTES = 2**18

Result = TypeVar("Result")


class Weights:
    """The weights of stages, by their numbers; stage l draws its own from the l-th child of a seed.

    Those that were used last are kept, as many as `memory` has bytes for; a new one is drawn in the
    room of the one that was not used for longest. Neighbours are drawn by different threads, which
    takes less time than all threads at one weight: by the threads that use the weights, where there
    are several, each of which goes on with the next weight while another one draws its own.

    Parameters
    ----------
    stages : sequence of Stage
    seed : None, int or SeedSequence
    users : int
        Threads that use the weights, all in the same order.
    memory : None or int
        In bytes; None stands for `WEIGHT_MEMORY`.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(2, 2, "normal", 1.0)
    >>> weights = Weights(3 * [Stage(law)], seed=1)
    >>> weights.lend(2, lambda weight: bool((weight == draw(law, child_seed(1, 2))).all()))
    True
    """

    def __init__(
        self, stages: Sequence[Stage], seed: Rng, users: int = 1, memory: int | None = None
    ):
        self._laws, self._seed, self._users = [stage.law for stage in stages], as_seed(seed), users
        self._memory = WEIGHT_MEMORY if memory is None else memory
        self._sizes = list(map(_bytes, self._laws))
        self._runs = _runs(self._sizes, self._memory // 3)
        self._drawn: OrderedDict[int, np.ndarray] = OrderedDict()
        self._taken, self._holders = 0, len(stages) * [0]
        self._lock, self._drawing = Lock(), [Lock() for _ in stages]

    def lend(self, l: int, use: Callable[[np.ndarray], Result]) -> Result:
        """use(weight l), which stays as it is until that ends: later its room is another one's."""
        weight = self._hold(l)
        try:
            return use(weight)
        finally:
            with self._lock:
                self._holders[l] -= 1

    def _hold(self, l: int) -> np.ndarray:
        while True:
            with self._lock:
                if l in self._drawn:
                    self._drawn.move_to_end(l)
                    self._holders[l] += 1
                    return self._drawn[l]
            self._supply(l)

    def _supply(self, l: int) -> None:
        """Draw weight l and its neighbours, or one of those, or wait, as other users are about."""
        run = self._runs[l]
        if self._users > 1:
            if not any(map(self._draw, self._nearest(l))):
                with self._drawing[l]:
                    pass  # until it is drawn
        elif len(run) > 1 and self._sizes[l] >= SHARED_BYTES:
            run_blocks(lambda index: self._draw(run[index]), len(run))
        else:
            self._draw(l)

    def _nearest(self, l: int) -> list[int]:
        """Weight l and those next to it in its run that other users may be in need of."""
        run, away = self._runs[l], self._users - 1
        some = range(max(run.start, l - away), min(run.stop, l + away + 1))
        return sorted(some, key=lambda one: abs(one - l))

    def _draw(self, l: int) -> bool:
        """Draw weight l, unless it is there or being drawn; whether it was."""
        if l in self._drawn or not self._drawing[l].acquire(blocking=False):
            return False
        try:
            if l in self._drawn:
                return False
            seed, threads = child_seed(self._seed, l), 1 if len(self._runs[l]) > 1 else None
            weight = draw(self._laws[l], seed, threads, out=self._room(l))
            with self._lock:
                self._drawn[l] = weight
            return True
        finally:
            self._drawing[l].release()

    def _room(self, l: int) -> np.ndarray | None:
        """Room that no longer serves another weight, if memory is short and weight l fits there."""
        room, law = None, self._laws[l]
        with self._lock:
            while self._taken + self._sizes[l] > self._memory:
                old = self._unused()
                if old is None:
                    break
                room = self._drawn.pop(old)
                self._taken -= room.nbytes
            self._taken += self._sizes[l]
        fits = room is not None and (room.shape, room.dtype) == (law.shape, law.dtype)
        return room if fits else None

    def _unused(self) -> int | None:
        """The weight that was not used for longest, of those that nobody holds."""
        return next((l for l in self._drawn if not self._holders[l]), None)


def _runs(sizes: list[int], most: int) -> list[range]:
    """For each number the run of neighbours it belongs to, of at most so many bytes or alone."""
    runs, start = [], 0
    while start < len(sizes):
        stop, total = start + 1, sizes[start]
        while stop < len(sizes) and total + sizes[stop] <= most:
            total += sizes[stop]
            stop += 1
        runs += (stop - start) * [range(start, stop)]
        start = stop
    return runs


def _bytes(law: WeightLaw) -> int:
    return math.prod(law.shape) * np.dtype(law.dtype).itemsize
