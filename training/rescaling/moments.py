"""Moments of numbers that come batch by batch, at places of a network; one batch is kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from utilityFunctions import compileFunction
from lookslinear.errors import whole_number


@dataclass
class Moments:
    """The count, mean and variance of numbers that come batch by batch, in double precision.

    Parameters
    ----------
    axes : tuple of int or None
        Over which axes of the arrays they are taken; None: all.

    References
    ----------
    Chan, Golub and LeVeque 1983, Am. Stat. 37(3), equations 2.1 (merging two sums of squares).

    Examples
    --------
    >>> moments = Moments()
    >>> for batch in ([1.0, 2.0], [6.0]):
    ...     moments.add(np.array(batch))
    >>> moments.mean, round(moments.variance, 6)
    (3.0, 4.666667)
    >>> columns = Moments(axes=(0,))
    >>> columns.add(np.array([[1.0, 2.0], [3.0, 8.0]]))
    >>> columns.mean.tolist(), columns.variance.tolist()
    ([2.0, 5.0], [1.0, 9.0])
    """

    axes: tuple[int, ...] | None = None
    count: int = 0
    mean: float | np.ndarray = 0.0
    squares: float | np.ndarray = field(default=0.0, repr=False)

    def add(self, numbers: np.ndarray) -> None:
        """Take the numbers of an array."""
        mean = numbers.mean(axis=self.axes, dtype="float64")
        new = numbers.size // np.size(mean)
        count, apart = self.count + new, mean - self.mean
        within = numbers.var(axis=self.axes, dtype="float64") * new
        self.squares = self.squares + within + apart**2 * (self.count * new / count)
        self.mean, self.count = self.mean + apart * (new / count), count

    @property
    def variance(self) -> float | np.ndarray:
        """The mean square distance from the mean."""
        return self.squares / self.count


class Places:
    """Tensors of a network, of which a call computes one, batch by batch.

    Parameters
    ----------
    tensors : list of symbolic tensors (batch, ...)
    model : Sequential or Representation
    x : array (samples, ...)
    batchSize : int
    """

    def __init__(self, tensors, model, x, batchSize):
        self.x, self.batchSize = x, batchSize
        self._function = compileFunction([model.representation.input], tensors)

    def moments(self, place, samples=slice(None), axes=None) -> Moments:
        """The moments of all numbers at a place, for some samples."""
        moments, x = Moments(axes), self.x[samples]
        for first in range(0, len(x), self.batchSize):
            batch = x[first : first + self.batchSize]
            moments.add(self._function(batch, output_subset=[place])[0])
        return moments

    def geometricVariance(self, place, pieces) -> float:
        """The geometric mean of the variances of some pieces of the data."""
        variances = [self.moments(place, piece).variance for piece in pieces]
        if min(variances) <= 0:
            return 0.0
        return math.exp(math.fsum(map(math.log, variances)) / len(variances))


def checkedBatchSize(batchSize: int, data: np.ndarray) -> int:
    """The size of a batch, of which the data hold at least one.

    Examples
    --------
    >>> checkedBatchSize(64, np.zeros((3, 5)))
    Traceback (most recent call last):
    ValueError: data must hold at least one batch of 64. Received: 3. Give more, or a smaller \
batchSize.
    """
    if whole_number(batchSize, "batchSize") > len(data):
        raise ValueError(
            f"data must hold at least one batch of {batchSize}. Received: {len(data)}. Give more, "
            f"or a smaller batchSize."
        )
    return batchSize


def chunkSize(batchSize: int, data: np.ndarray) -> int:
    """How many samples are computed at once, where that changes no result: not more than there are.

    Examples
    --------
    >>> chunkSize(64, np.zeros((3, 5)))
    3
    """
    if not len(data):
        raise ValueError("data must hold at least one sample. Received: none.")
    return min(whole_number(batchSize, "batchSize"), len(data))


def refuseNoVariance(place: str, variance: float | np.ndarray) -> None:
    """Raises ValueError for a variance by which nothing can be divided."""
    least = np.min(np.where(np.isfinite(variance), variance, -math.inf))
    if not least > 0:
        raise ValueError(
            f"{place} must have a positive variance on the data. Received: "
            f"{variance if np.ndim(variance) == 0 else least}. No weight was changed. Its signal "
            f"is constant, dead or not finite: draw the weights again, or look at the data."
        )
