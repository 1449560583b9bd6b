"""What the way back needs of the way forward: the inputs of layers, or as much of them as counts.

Both kinds of memory have `keep(l, signal)`, in the order of the layers, and `lastFirst()`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np


class Signs:
    """The signs of inputs, a bit for each number: all that derivatives of 1-homogeneous ones need.

    phi(a x) = a phi(x) for a > 0 makes phi' the same for all numbers of a sign. So numbers with the
    signs of the inputs stand in for them.

    Examples
    --------
    >>> memory = Signs()
    >>> memory.keep(0, np.array([[-3.0, 0.0, 2.0]]))
    >>> list(memory.lastFirst())
    [(0, array([[-0.5,  0. ,  0.5]]))]
    """

    def __init__(self):
        self._kept = []

    def keep(self, l: int, signal: np.ndarray) -> None:
        """Keep the signs of the input of layer l."""
        zero = signal == 0
        zeros = np.packbits(zero) if zero.any() else None  # exact zeros are rare
        self._kept.append((l, signal.shape, signal.dtype, np.packbits(signal > 0), zeros))

    def lastFirst(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each layer's number, and numbers with the signs of its input; they are then forgotten."""
        while self._kept:
            l, shape, dtype, positive, zeros = self._kept.pop()
            signs = np.empty(shape, dtype)
            np.copyto(signs, _unpacked(positive, shape))
            signs -= dtype.type(0.5)
            if zeros is not None:
                signs[_unpacked(zeros, shape).view(bool)] = 0
            yield l, signs


class Checkpoints:
    """The inputs of some layers, from which those between them are computed again.

    Checkpoints and the segments between them take the same memory, sqrt(depth) inputs each.

    Parameters
    ----------
    depth : int
    following : function
        (l, input of layer l) -> input of layer l + 1
    """

    def __init__(self, depth: int, following: Callable[[int, np.ndarray], np.ndarray]):
        self._depth, self._following = depth, following
        self._segment, self._kept = max(1, math.isqrt(depth)), []

    def keep(self, l: int, signal: np.ndarray) -> None:
        """Keep the input of layer l, if a segment begins there."""
        if l % self._segment == 0:
            self._kept.append(signal)

    def lastFirst(self) -> Iterator[tuple[int, np.ndarray]]:
        """Each layer's number and its input, each segment computed again; inputs are forgotten."""
        while self._kept:
            signals = [self._kept.pop()]
            start = len(self._kept) * self._segment
            for l in range(start, min(start + self._segment, self._depth) - 1):
                signals.append(self._following(l, signals[-1]))
            while signals:
                yield start + len(signals) - 1, signals.pop()


def _unpacked(bits: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.unpackbits(bits, count=math.prod(shape)).reshape(shape)
