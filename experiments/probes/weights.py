"""Weights of a network, (laws, seed) -> arrays, drawn when asked for; the last few are remembered.

Weight l is drawn from child l of the network's seed, whoever asks and however often.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, as_seed, child_seed, draw

#: What the weights that are remembered may take, in bytes.
MEMORY = 256 * 2**20


class Weights:
    """The weights of one network by their numbers.

    Parameters
    ----------
    laws : sequence of WeightLaw
    seed : None, int or SeedSequence
    memory : int
        What is remembered at most, in bytes; the weight that was asked for last always is.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(3, 2, "normal", 1.0)
    >>> weights = Weights([law, law], seed=1)
    >>> bool((weights[1] == draw(law, child_seed(1, 1))).all())
    True
    """

    def __init__(self, laws: Sequence[WeightLaw], seed: Rng, memory: int = MEMORY):
        self._laws, self._seed, self._memory = laws, as_seed(seed), memory
        self._drawn: OrderedDict[int, np.ndarray] = OrderedDict()
        self._bytes = 0

    def __getitem__(self, l: int) -> np.ndarray:
        if l not in self._drawn:
            self._drawn[l] = draw(self._laws[l], child_seed(self._seed, l))
            self._bytes += self._drawn[l].nbytes
            while self._bytes > self._memory and len(self._drawn) > 1:
                self._bytes -= self._drawn.popitem(last=False)[1].nbytes
        return self._drawn[l]
