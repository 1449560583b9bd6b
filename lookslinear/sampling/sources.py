"""Sources of numbers: NumPy's own methods for a few, and transforms of random bits for many.

Both fill a contiguous array of single or double precision in place. From bits, single precision is
made of 32 of them a number, double precision of 54.
"""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.random import Generator

from lookslinear.sampling import kernels, transforms

#: Who makes numbers of bits.
MAKING = kernels if kernels.library() else transforms
#: Times an odd integer of a stream: between -1 and 1.
_STEPS = {np.dtype("float32"): 2.0**-31, np.dtype("float64"): 2.0**-53}


class OfGenerator:
    """Numbers by the methods of a NumPy generator: the least overhead, for arrays of few entries.

    Examples
    --------
    >>> numbers = np.empty(3)
    >>> OfGenerator(np.random.default_rng(0)).normal(numbers, 2.0)
    >>> numbers / 2 == np.random.default_rng(0).standard_normal(3)
    array([ True,  True,  True])
    """

    def __init__(self, generator: Generator):
        self.generator = generator

    def normal(self, out: np.ndarray, deviation: float) -> None:
        """Fills `out` with normal numbers of a standard deviation."""
        numbers = self.generator.standard_normal(out.size, dtype=out.dtype)
        np.multiply(numbers, out.dtype.type(deviation), out=out)

    def uniform(self, out: np.ndarray, radius: float) -> None:
        """Fills `out` with uniform numbers between -radius and radius."""
        _spread(self.generator.random(out.size, dtype=out.dtype), out, radius)


class OfBits:
    """Numbers made of a stream of random bits, compiled where there are kernels, else by NumPy.

    Normal numbers come in pairs from one radius and one angle (Box and Muller):

    .. math:: r = \\sigma \\sqrt{-2 \\ln u}, \\qquad r \\cos\\theta, \\quad r \\sin\\theta

    The uniform u is never 0, and in single precision never 1. It goes down to 2^-31 (single) or
    2^-53, so the tails reach to 6.5 or 8.5 standard deviations; one of 10^10, or 10^17, numbers
    would lie beyond. In single precision all steps are those of `transforms`, so the bits are the
    same on every processor; in double precision the last ones are those of NumPy's log, sin, cos.

    References
    ----------
    Box and Muller 1958, Ann. Math. Statist. 29(2), equation 2.

    Examples
    --------
    >>> from lookslinear.sampling.seeds import Streams
    >>> numbers = np.empty(100_001, "float32")
    >>> OfBits(Streams(np.random.default_rng(0), 1)[0]).normal(numbers, 0.1)
    >>> round(float(numbers.std()), 2)
    0.1
    """

    def __init__(self, words: np.ndarray):
        self.stream = MAKING.Stream(words)

    def normal(self, out: np.ndarray, deviation: float) -> None:
        """Fills `out` with normal numbers of a standard deviation."""
        if out.dtype == np.float32:
            self.stream.normal(out, deviation)
        else:
            self._normal_doubles(out, deviation)

    def uniform(self, out: np.ndarray, radius: float) -> None:
        """Fills `out` with uniform numbers between -radius and radius."""
        step = _STEPS[out.dtype]
        if radius * step < np.finfo(out.dtype).tiny:  # so small a factor would lose digits
            self.stream.odd(out, step)
            out *= out.dtype.type(radius)
        else:
            self.stream.odd(out, radius * step)

    def _normal_doubles(self, out: np.ndarray, deviation: float) -> None:
        half = (out.size + 1) // 2
        radii, second = out[:half], out[half:]
        # NumPy takes arrays that touch for ones that overlap, and leaves its vector loops: so with
        # a gap between them, and both at the same place in a cache line.
        pitch = (half // 16 + 2) * 16
        angles, spare = scratch((2, pitch), out.dtype, "angles")[:, :half]
        self._draw_radii(radii, deviation)
        self.stream.odd(angles, math.pi * _STEPS[out.dtype])
        np.sin(angles[: second.size], out=second)
        second *= radii[: second.size]
        radii *= np.cos(angles, out=spare)

    def _draw_radii(self, radii: np.ndarray, deviation: float) -> None:
        self.stream.odd(radii, _STEPS[radii.dtype])
        np.abs(radii, out=radii)
        np.log(radii, out=radii)
        radii *= -2
        np.sqrt(radii, out=radii)
        radii *= deviation


def scratch(shape: tuple[int, ...], dtype: np.dtype, use: str) -> np.ndarray:
    """Room that the calling thread keeps for a use: new pages can cost more than the numbers in it.

    What was in it is undefined, and what is put there lasts until the next call for that use.

    Examples
    --------
    >>> scratch((2, 3), np.dtype("float32"), "example").shape
    (2, 3)
    """
    size = math.prod(shape)
    room = _kept.__dict__.get(use)
    if room is None or room.nbytes < size * dtype.itemsize:
        room = _kept.__dict__[use] = np.empty(-(-size * dtype.itemsize // 8))
    return room.view(dtype)[:size].reshape(shape)


_kept = threading.local()


def _spread(fractions: np.ndarray, out: np.ndarray, radius: float) -> None:
    """Numbers on NumPy's grid in [0, 1), which starts at 0 and ends a step below 1, centred."""
    eps = np.finfo(out.dtype).eps
    np.subtract(fractions, out.dtype.type(0.5), out=out)
    out += out.dtype.type(eps / 4)  # half a step: two roundings, since 0.5 - eps / 4 is no number
    out *= out.dtype.type(2 * radius)
