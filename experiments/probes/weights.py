"""Weights of a network, (stages, seed) -> arrays: drawn when asked for, and again bit by bit."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from utilityFunctions import floatX
from experiments.probes.panels import PanelDraw, Panels, canBeDrawnInPanels, panelsOf
from lookslinear.laws import WeightLaw
from lookslinear.sampling import (
    FactoredFrame,
    Rng,
    as_seed,
    can_be_factored,
    child_seed,
    draw,
    draw_factored,
)
from lookslinear.theory import Stage

#: What the weights of a network that are kept may take.
WEIGHT_MEMORY = 24 * 2**20
#: Larger ones are kept only if all are: to draw one in the room of the one before, which is in the
#: cache, takes less time than it saves to find a few at the turn.
LARGE = 2**19
#: Draws are prepared so many at a time: between two products one would take four times as long.
TOGETHER = 32


class Weights:
    """The weights of stages, by their numbers; stage l draws its own from the l-th child of a seed.

    Those that were used last are kept, as many as `memory` has bytes for. Others are drawn in the
    room of the last one that the same thread drew, so `weights[l]` stays as it is until that thread
    asks for another one.

    Parameters
    ----------
    stages : sequence of Stage
    seed : None, int, SeedSequence or Generator
    memory : None or int
        None stands for `WEIGHT_MEMORY`.
    shared : bool
        Whether several threads ask for weights: then each draws alone, and weights are kept only if
        all are.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(2, 2, "normal", 1.0)
    >>> weights = Weights(3 * [Stage(law)], seed=1)
    >>> bool((weights[2] == draw(law, child_seed(1, 2))).all())
    True
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        seed: Rng,
        memory: int | None = None,
        shared: bool = False,
    ):
        self._laws, self._seed = [stage.law for stage in stages], as_seed(seed)
        self._memory = WEIGHT_MEMORY if memory is None else memory
        self._areAllKept = sum(map(_bytes, self._laws)) <= self._memory
        self._kept: OrderedDict[int, np.ndarray] = OrderedDict()  # those last used last
        self._taken, self._shared, self._own = 0, shared, threading.local()
        self._panelDraws: dict[int, PanelDraw] = {}
        self._areDrawnInPanels: dict[int, bool] = {}

    def __getitem__(self, l: int) -> np.ndarray:
        weight = self._kept.get(l)
        if weight is None:
            return self._drawnAndKept(l) if self._isKept(l) else self._drawn(l, self._ownRoom(l))
        if not self._areAllKept:
            self._kept.move_to_end(l)
        return weight

    def panels(self, l: int, transposed: bool) -> Panels:
        """Weight l, or its transpose, in panels."""
        if self._isDrawnInPanels(l):
            return self._panelDraw(l).panels(transposed)
        weight = self[l].astype(floatX(), casting="safe", copy=False)
        return panelsOf(weight.T if transposed else weight)

    def _isDrawnInPanels(self, l: int) -> bool:
        law = self._laws[l]
        if id(law) not in self._areDrawnInPanels:  # most layers share one
            fits = law.dtype == floatX() and canBeDrawnInPanels(law)
            self._areDrawnInPanels[id(law)] = fits and not self._isKept(l)
        return self._areDrawnInPanels[id(law)]

    def _panelDraw(self, l: int) -> PanelDraw:
        if l not in self._panelDraws:
            first = l // TOGETHER * TOGETHER
            for near in range(first, min(first + TOGETHER, len(self._laws))):
                if self._isDrawnInPanels(near):
                    draw = PanelDraw(self._laws[near], child_seed(self._seed, near))
                    self._panelDraws[near] = draw  # another thread may do the same
        return self._panelDraws[l]

    def frame(self, l: int) -> FactoredFrame:
        """Weight l as factors, which are not kept; for laws with `isFactored`."""
        return draw_factored(self._laws[l], child_seed(self._seed, l))

    def _isKept(self, l: int) -> bool:
        isSmall = _bytes(self._laws[l]) <= min(LARGE, self._memory)
        return self._areAllKept or (isSmall and not self._shared)

    def _drawnAndKept(self, l: int) -> np.ndarray:
        """A weight in the place of those that were used longest ago."""
        self._taken += _bytes(self._laws[l])
        while self._taken > self._memory and self._kept:
            self._taken -= self._kept.popitem(last=False)[1].nbytes
        return self._kept.setdefault(l, self._drawn(l))  # another thread may have been as fast

    def _drawn(self, l: int, room: np.ndarray | None = None) -> np.ndarray:
        threads = 1 if self._shared else None
        return draw(self._laws[l], child_seed(self._seed, l), threads, out=room)

    def _ownRoom(self, l: int) -> np.ndarray:
        """Where the calling thread drew its last weight, if this one fits there."""
        law, room = self._laws[l], getattr(self._own, "room", None)
        if room is None or (room.shape, room.dtype) != (law.shape, law.dtype):
            room = self._own.room = np.empty(law.shape, law.dtype)
        return room


def isFactored(law: WeightLaw, samples: int) -> bool:
    """Whether so many samples are multiplied sooner with the factors of a weight than with it.

    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(1024, 1024, "haar", 0.1, dtype=floatX())
    >>> isFactored(law, 256), isFactored(law, 10_000)
    (True, False)
    """
    return law.dtype == floatX() and can_be_factored(law) and samples <= min(law.block_shape)


def _bytes(law: WeightLaw) -> int:
    return math.prod(law.shape) * np.dtype(law.dtype).itemsize
