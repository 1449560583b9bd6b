"""Batches: (data, number of an epoch) -> pairs (x, y), the same ones for the same number.

Data are two arrays, or an iterable of pairs of arrays that can be read once for each epoch, or a
function from the number of an epoch to such an iterable. What is wrong with arrays is said before
anything is trained; of other data that is the first batch, and each other one when it comes.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from utilityFunctions import cast
from lookslinear.errors import whole_number
from lookslinear.sampling import child_seed, choose
from training.checking import refuseNonFinite


class ArrayBatches:
    """The batches of two arrays, the last one as short as it comes out.

    Shuffled, each epoch has an order of its own, drawn from the child of the seed that its number
    stands for. A batch is valid until the next one is asked for: they share their memory.

    Parameters
    ----------
    x, y : arrays (samples, ...)
    size : int
        The samples of a batch, at most all.
    seed : SeedSequence or None
        None: the samples keep their order.

    Examples
    --------
    >>> batches = ArrayBatches(np.arange(5.0), np.arange(5), 2)
    >>> [y.tolist() for x, y in batches.epoch(0)], len(batches)
    ([[0, 1], [2, 3], [4]], 3)
    """

    def __init__(self, x, y, size, seed=None):
        self.x, self.y, self.size, self.seed = x, y, size, seed
        self.samples = len(x)

    def __len__(self):
        return -(-self.samples // self.size)

    def epoch(self, number, start=0):
        """Yields the pairs (x, y) of an epoch, from the batch of number `start` on."""
        pick = self._sliced if self.seed is None else self._shuffled(number)
        for first in range(start * self.size, self.samples, self.size):
            yield pick(first, min(first + self.size, self.samples))

    def _sliced(self, first, last):
        return self.x[first:last], self.y[first:last]

    def _shuffled(self, number):
        order = choose(self.samples, self.samples, child_seed(self.seed, number))
        rooms = [np.empty((self.size, *a.shape[1:]), a.dtype) for a in (self.x, self.y)]

        def pick(first, last):
            chosen = order[first:last]
            # The only copy of the data; without a mode that cannot fail NumPy would make another.
            return tuple(
                array.take(chosen, axis=0, out=room[: last - first], mode="clip")
                for array, room in zip((self.x, self.y), rooms, strict=True)
            )

        return pick


class IterableBatches:
    """The batches that an iterable gives, each checked when it comes.

    Parameters
    ----------
    source : iterable of pairs (x, y), or function from the number of an epoch to one
    check : function
        (x, y, name) -> (x, y) of the right kinds; raises what is to be said.
    name : str
        What an error calls the data.
    """

    samples = None

    def __init__(self, source, check, name):
        self.source, self.check, self.name = source, check, name
        self._rest = iter(source) if isinstance(source, Iterator) else None

    def __len__(self):
        return len(self.source) if hasattr(self.source, "__len__") else 0

    def epoch(self, number, start=0):
        """Yields the pairs (x, y) of an epoch, from the batch of number `start` on."""
        isEmpty = True
        for index, pair in enumerate(self._pairs(number)):
            isEmpty = False
            if index >= start:
                yield self._checked(pair, index)
        if isEmpty:
            raise ValueError(f"{self.name} must hold at least one batch. Received: none.")

    def checkFirst(self):
        """Look at the first batch of the first epoch, which is not lost by it."""
        if self._rest is None:
            return next(self.epoch(0))
        first = list(itertools.islice(self._rest, 1))
        self._rest = itertools.chain(first, self._rest)
        if not first:
            raise ValueError(f"{self.name} must hold at least one batch. Received: none.")
        return self._checked(first[0], 0)

    def _pairs(self, number):
        if self._rest is not None:
            return self._rest
        return self.source(number) if callable(self.source) else self.source

    def _checked(self, pair, index):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(
                f"{self.name} must be a tuple of two arrays (x, y), or an iterable of batches, "
                f"each a pair (x, y). Received: {type(pair).__name__} as batch {index}."
            )
        return self.check(*pair, f"batch {index} of {self.name}")


def batchesOf(data, model, objective, batchSize, seed=None, passes=1, name="data", clamps=False):
    """The batches that data stand for, checked against a network and an objective.

    Parameters
    ----------
    data : (x, y), or iterable of (x, y), or function from an epoch's number to an iterable
    model : Sequential or Representation
    objective : Objective
    batchSize : int
        The samples of a batch of arrays; other data come in their own batches.
    seed : SeedSequence or None
        What arrays are shuffled by; None: not at all.
    passes : int
        How often the data will be read.
    name : str
        What an error calls them.
    clamps : bool
        Whether batches may be larger than the data: there is then one.

    Raises
    ------
    TypeError, ValueError
        For data of another kind, wrong shapes, numbers that are not finite, targets that the
        objective refuses, different numbers of samples, no samples, batches larger than the data,
        an iterator that can be read once for more than one pass.
    """
    batchSize = whole_number(batchSize, "batchSize")
    if isinstance(data, tuple) and len(data) == 2 and not isinstance(data[0], tuple | Iterator):
        x, y = checkedPair(*data, model, objective, name)
        refuseNonFinite(x, f"x of {name}")
        if not clamps:
            _refuseLargeBatch(batchSize, len(x), name)
        return ArrayBatches(x, y, batchSize, seed)
    _refuseOtherData(data, passes, name)

    def check(x, y, batchName):
        x, y = checkedPair(x, y, model, objective, batchName)
        refuseNonFinite(x, f"x of {batchName}")
        return x, y

    batches = IterableBatches(data, check, name)
    batches.checkFirst()
    return batches


def checkedPair(x, y, model, objective, name):
    """x as floatX and y as the objective takes it, of the shapes that the network has."""
    x = checkedInputs(x, model, f"x of {name}")
    y = objective.checkedTargets(y, model.representation.shape, f"y of {name}")
    if len(x) != len(y):
        raise ValueError(
            f"x and y of {name} must have as many samples. Received: {len(x)} and {len(y)}."
        )
    return x, y


def checkedInputs(x, model, name="x"):
    """x as an array (samples, *shape of the network's input) of floatX, at least one sample."""
    x, shape = np.asarray(cast(x)), model.representation.steps[0].shape
    if x.shape[1:] != shape or not x.ndim:
        wanted = ", ".join(map(str, ("samples", *shape)))
        raise ValueError(
            f"{name} must be ({wanted}), as the network's input. "
            f"Received: an array of shape {x.shape}."
        )
    if not len(x):
        raise ValueError(f"{name} must hold at least one sample. Received: none.")
    return x


def _refuseLargeBatch(batchSize, samples, name):
    if batchSize > samples:
        raise ValueError(
            f"batchSize must not be larger than {name}. Received: batches of {batchSize} from "
            f"{samples} samples."
        )


def _refuseOtherData(data, passes, name):
    if not (isinstance(data, Iterable) or callable(data)) or isinstance(data, np.ndarray | str):
        raise TypeError(
            f"{name} must be a tuple of two arrays (x, y), an iterable of batches, or a function "
            f"from an epoch's number to one. Received: {type(data).__name__}."
        )
    if isinstance(data, Iterator) and passes > 1:
        raise ValueError(
            f"{name} must give its batches in each of {passes} passes. Received: "
            f"{type(data).__name__}, an iterator, which is used up by the first. Make it a list, "
            f"or a function from the epoch's number to an iterator."
        )
