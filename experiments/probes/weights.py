"""Weights of a network, (stages, seed) -> arrays: drawn when asked for, and again bit by bit."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, as_seed, child_seed, draw
from lookslinear.sampling.threads import run_blocks
from lookslinear.theory import Stage

#: What the weights of a network that are kept may take. A third of it is drawn at a time.
WEIGHT_MEMORY = 24 * 2**20
#: Smaller weights are drawn by one thread: they are mostly Python, which runs one thread at a time.
SHARED_BYTES = 2**19


class Weights:
    """The weights of stages, by their numbers; stage l draws its own from the l-th child of a seed.

    Those that were used last are kept, as many as `memory` has bytes for. A new one is drawn in the
    room of the one that was not used for longest, so `weights[l]` stays as it is until another one
    is asked for. Large neighbours are drawn together, each by one thread: that takes less time than
    all threads at one weight.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(2, 2, "normal", 1.0)
    >>> weights = Weights(3 * [Stage(law)], seed=1)
    >>> bool((weights[2] == draw(law, child_seed(1, 2))).all())
    True
    """

    def __init__(self, stages: Sequence[Stage], seed: Rng, memory: int | None = None):
        self._laws, self._seed = [stage.law for stage in stages], as_seed(seed)
        self._memory = WEIGHT_MEMORY if memory is None else memory
        self._sizes = list(map(_bytes, self._laws))
        self._runs = _runs(self._sizes, self._memory // 3)
        self._drawn: OrderedDict[int, np.ndarray] = OrderedDict()  # those last used last
        self._taken = 0

    def __getitem__(self, l: int) -> np.ndarray:
        if l not in self._drawn:
            large = self._sizes[l] >= SHARED_BYTES
            self._draw([one for one in self._runs[l] if one not in self._drawn] if large else [l])
        self._drawn.move_to_end(l)
        return self._drawn[l]

    def _draw(self, numbers: list[int]) -> None:
        rooms, weights = list(map(self._room, numbers)), dict.fromkeys(numbers)
        threads = None if len(numbers) == 1 else 1

        def drawOne(index: int) -> None:
            l = numbers[index]
            seed = child_seed(self._seed, l)
            weights[l] = draw(self._laws[l], seed, threads, out=rooms[index])

        run_blocks(drawOne, len(numbers))
        self._drawn.update(weights)

    def _room(self, l: int) -> np.ndarray | None:
        """Room that need not serve another weight any more, if memory is short and l fits there."""
        room, law = None, self._laws[l]
        while self._drawn and self._taken + self._sizes[l] > self._memory:
            _, room = self._drawn.popitem(last=False)
            self._taken -= room.nbytes
        self._taken += self._sizes[l]
        fits = room is not None and (room.shape, room.dtype) == (law.shape, law.dtype)
        return room if fits else None


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
