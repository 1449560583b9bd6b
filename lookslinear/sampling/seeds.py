"""Seeds: what `rng` stands for, children of a seed, and a stream of its own for every block."""

from __future__ import annotations

import numbers

import numpy as np
from numpy.random import SFC64, Generator, SeedSequence
from numpy.random.bit_generator import ISeedSequence

Rng = int | SeedSequence | Generator | None

#: SFC64 generators that take turns in a stream: as many as fill the vectors of any processor.
LANES = 8
#: 64-bit words that one SFC64 is seeded with.
_WORDS = 3


def as_generator(rng: Rng = None, name: str = "rng") -> Generator:
    """The random generator that `rng` stands for; a Generator is returned as it is.

    Errors call it `name`.

    Examples
    --------
    >>> bool(as_generator(3).random() == as_generator(3).random())
    True
    >>> as_generator("3")
    Traceback (most recent call last):
    TypeError: rng must be None, an int, a SeedSequence or a Generator. Received: '3'.
    """
    if isinstance(rng, Generator):
        return rng
    return np.random.default_rng(as_seed(rng, name))


def as_seed(seed: Rng = None, name: str = "seed") -> SeedSequence:
    """The SeedSequence that a seed stands for: fresh entropy for None.

    A Generator gives 128 of its next bits and moves on, so what draws from the seed can be drawn
    again, and two users of one generator start differently.

    Raises
    ------
    TypeError, ValueError
        For another kind of seed, and for a negative int.

    Examples
    --------
    >>> as_seed(3).entropy
    3
    >>> as_seed(-1)
    Traceback (most recent call last):
    ValueError: seed must not be negative. Received: -1.
    """
    if isinstance(seed, SeedSequence):
        return seed
    if isinstance(seed, Generator):
        return SeedSequence(seed.integers(2**32, size=4).tolist())
    if isinstance(seed, bool) or not (seed is None or isinstance(seed, numbers.Integral)):
        raise TypeError(
            f"{name} must be None, an int, a SeedSequence or a Generator. Received: {seed!r}."
        )
    if seed is not None and seed < 0:
        raise ValueError(f"{name} must not be negative. Received: {seed!r}.")
    return SeedSequence(None if seed is None else int(seed))


def child_seed(seed: Rng, *path: int) -> SeedSequence:
    """The child of a seed at a path of indices: the same at every call, unlike `spawn`.

    Examples
    --------
    >>> child_seed(1, 5, 0).spawn_key, child_seed(child_seed(1, 5), 0).spawn_key
    ((5, 0), (5, 0))
    """
    parent = as_seed(seed)
    return SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *path))


class Streams:
    """Independent streams of random bits, one for each block of a draw, seeded by a generator.

    Which thread fills a block does not matter, since the block's numbers come from its own stream.
    Each is seeded with the generator's next bits, 192 for each of the SFC64 that take turns in it,
    which mix them once more: a SeedSequence for each would take longer than a small block.

    Examples
    --------
    >>> first, second = (Streams(np.random.default_rng(7), 2)[index] for index in range(2))
    >>> again = Streams(np.random.default_rng(7), 2)[0]
    >>> bool((first == again).all()), bool((first == second).any())
    (True, False)
    """

    def __init__(self, generator: Generator, count: int):
        self._words = generator.integers(
            2**64 - 1, size=(count, _WORDS, LANES), dtype=np.uint64, endpoint=True
        )

    def __getitem__(self, index: int) -> np.ndarray:
        """The words (3, lanes) that a stream is seeded with."""
        return self._words[index]

    def bits(self, index: int) -> SFC64:
        """The first of a stream's bit generators, for NumPy's own methods."""
        return SFC64(Words(self[index][:, 0]))


class Words(ISeedSequence):
    """Words that are already random, in the form that a bit generator asks its seed for them.

    Examples
    --------
    >>> words = Words(np.arange(3, dtype=np.uint64))
    >>> bool(SFC64(words).random_raw() == SFC64(words).random_raw())
    True
    """

    def __init__(self, words: np.ndarray):
        self.words = np.ascontiguousarray(words)

    def generate_state(self, n_words: int, dtype: type = np.uint32) -> np.ndarray:
        """The words; a generator that asks for others was not meant."""
        assert (n_words, dtype) == (self.words.size, np.uint64)
        return self.words
