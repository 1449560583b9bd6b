"""One kind of seed: whatever a user passes as `seed` -> the SeedSequence that it stands for."""

import numbers

from numpy.random import Generator, SeedSequence

from lookslinear.sampling import as_seed


def seedSequence(seed=None):
    """The SeedSequence of a seed; the same int gives the same one, None gives fresh entropy.

    A Generator gives 128 of its next bits, so two layers that share one start differently, and each
    can still draw the same weights again.

    Raises
    ------
    TypeError
        For another kind of seed.
    ValueError
        For a negative one.

    Examples
    --------
    >>> seedSequence(3).entropy
    3
    >>> seedSequence("3")
    Traceback (most recent call last):
    TypeError: seed must be None, a whole number from 0, a SeedSequence or a Generator. \
Received: '3'.
    """
    if isinstance(seed, Generator):
        return SeedSequence(seed.integers(2**32, size=4).tolist())
    if seed is None or isinstance(seed, SeedSequence):
        return as_seed(seed)
    allowed = "seed must be None, a whole number from 0, a SeedSequence or a Generator."
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(f"{allowed} Received: {seed!r}.")
    if seed < 0:
        raise ValueError(f"{allowed} Received: {seed!r}.")
    return as_seed(int(seed))
