"""Weights of a network, (stages, seed) -> arrays: drawn when asked for, and again bit by bit."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np

from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, child_seed, draw
from lookslinear.sampling.threads import run_blocks
from lookslinear.theory import Stage

#: What the weights of a network that are kept may take; a quarter of it is drawn at a time.
WEIGHT_MEMORY = 32 * 2**20
#: Smaller weights are drawn by one thread: they are mostly Python, which runs one thread at a time.
SHARED_BYTES = 2**18


class Weights:
    """The weights of stages, by their numbers; stage l draws its own from the l-th child of a seed.

    Neighbours are drawn together, each by one thread: that takes less time than all threads at one
    weight. Those that were drawn last are kept, as many as `memory` has bytes for.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(2, 2, "normal", 1.0)
    >>> weights = Weights(3 * [Stage(law)], seed=1)
    >>> bool((weights[2] == draw(law, child_seed(1, 2))).all())
    True
    """

    def __init__(self, stages: Sequence[Stage], seed: Rng, memory: int | None = None):
        self._laws, self._seed = [stage.law for stage in stages], seed
        self._memory = WEIGHT_MEMORY if memory is None else memory
        self._runs = _runs(list(map(_bytes, self._laws)), self._memory // 4)
        self._drawn: OrderedDict[range, list[np.ndarray]] = OrderedDict()
        self._lock = Lock()

    def __getitem__(self, l: int) -> np.ndarray:
        run = self._runs[l]
        with self._lock:  # a thread that waits needs the same weights
            if run not in self._drawn:
                self._forget(self._memory - sum(_bytes(self._laws[one]) for one in run))
                self._drawn[run] = self._draw(run)
            return self._drawn[run][l - run.start]

    def _forget(self, limit: int):
        """Drop runs, those drawn first at first, until the others take no more than a limit."""
        kept = sum(weight.nbytes for weights in self._drawn.values() for weight in weights)
        while self._drawn and kept > limit:
            _, dropped = self._drawn.popitem(last=False)
            kept -= sum(weight.nbytes for weight in dropped)

    def _draw(self, run: range) -> list[np.ndarray]:
        weights: list[np.ndarray | None] = [None] * len(run)
        shared = len(run) > 1 and _bytes(self._laws[run.start]) >= SHARED_BYTES
        threads = 1 if shared else None

        def drawOne(index: int) -> None:
            l = run[index]
            weights[index] = draw(self._laws[l], child_seed(self._seed, l), threads)

        run_blocks(drawOne, len(run), None if shared else 1)
        return weights


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
