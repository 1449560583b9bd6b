"""Sources of numbers: NumPy's own methods for a few, and block-wise transforms of bits for many.

Both fill a contiguous array of single or double precision in place. From bits, single precision is
made of 32 of them a number, double precision of 53.
"""

from __future__ import annotations

import math
import threading

import numpy as np
from numpy.random import SFC64, Generator

#: 32-bit integers that are asked of a bit generator at once, each time in a new array. Of up to 128
#: KB malloc keeps the pages; a longer call leaves the interpreter's lock to others for longer.
ALONE, AMONG_OTHERS = 2**15 - 64, 2**17
#: Makes both 32-bit halves of a word odd.
_ODD = np.uint64(2**32 + 1)
#: Times the largest integers it is less than 1, which has no radius, where rounded 2^-31 gives 1.
_BELOW_2_TO_MINUS_31 = np.nextafter(np.float32(2.0**-31), np.float32(0))


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
    """Numbers made of a stream of random bits by transforms that NumPy runs as vector loops.

    Normal numbers come in pairs from one radius and one angle (Box and Muller):

    .. math:: r = \\sigma \\sqrt{-2 \\ln u}, \\qquad r \\cos\\theta, \\quad r \\sin\\theta

    The uniform u is never 0, and in single precision never 1. It goes down to 2^-31 (single) or
    2^-53, so the tails reach to 6.5 or 8.5 standard deviations; one of 10^10, or 10^17, numbers
    would lie beyond.

    References
    ----------
    Box and Muller 1958, Ann. Math. Statist. 29(2), equation 2.

    Examples
    --------
    >>> numbers = np.empty(100_001, "float32")
    >>> OfBits(SFC64(0)).normal(numbers, 0.1)
    >>> round(float(numbers.std()), 2)
    0.1
    """

    def __init__(self, bits: SFC64, at_once: int = AMONG_OTHERS):
        self.bits, self.at_once = bits, at_once

    def normal(self, out: np.ndarray, deviation: float) -> None:
        """Fills `out` with normal numbers of a standard deviation."""
        half = (out.size + 1) // 2
        radii, second = out[:half], out[half:]
        # NumPy takes arrays that touch for ones that overlap, and leaves its vector loops: so with
        # a gap between them, and both at the same place in a cache line.
        pitch = (half // 16 + 2) * 16
        angles, spare = scratch((2, pitch), out.dtype, "angles")[:, :half]
        self._draw_radii(radii, deviation)
        self._draw_angles(angles)
        np.sin(angles[: second.size], out=second)
        second *= radii[: second.size]
        radii *= np.cos(angles, out=spare)

    def uniform(self, out: np.ndarray, radius: float) -> None:
        """Fills `out` with uniform numbers between -radius and radius."""
        if out.dtype == np.float64:
            _spread(Generator(self.bits).random(out=out), out, radius)
        else:
            self._draw_integers(out)
            _scale(out, radius, 2.0**-31)

    def _draw_radii(self, radii: np.ndarray, deviation: float) -> None:
        if radii.dtype == np.float64:
            np.subtract(1, Generator(self.bits).random(out=radii), out=radii)
        else:
            self._draw_integers(radii)
            np.abs(radii, out=radii)
            radii *= _BELOW_2_TO_MINUS_31
        np.log(radii, out=radii)
        radii *= -2
        np.sqrt(radii, out=radii)
        radii *= radii.dtype.type(deviation)

    def _draw_angles(self, angles: np.ndarray) -> None:
        if angles.dtype == np.float64:
            Generator(self.bits).random(out=angles)
            angles *= 2 * math.pi
        else:
            self._draw_integers(angles)
            angles *= np.float32(math.pi * 2.0**-31)

    def _draw_integers(self, out: np.ndarray) -> None:
        """Uniform odd integers of 32 bits: symmetric, and never 0.

        They are signed, since NumPy turns only these into floats quickly.
        """
        for start in range(0, out.size, self.at_once):
            part = out[start : start + self.at_once]
            bits = self.bits.random_raw((part.size + 1) // 2)
            bits |= _ODD
            np.copyto(part, bits.view(np.int32)[: part.size])


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


def _scale(numbers: np.ndarray, radius: float, step: float) -> None:
    """Times both factors: at once, unless their product is so small that it would lose digits."""
    if radius * step < np.finfo(numbers.dtype).tiny:
        numbers *= numbers.dtype.type(step)
        step = 1.0
    numbers *= numbers.dtype.type(radius * step)


def _spread(fractions: np.ndarray, out: np.ndarray, radius: float) -> None:
    """Numbers on NumPy's grid in [0, 1), which starts at 0 and ends a step below 1, centred."""
    eps = np.finfo(out.dtype).eps
    np.subtract(fractions, out.dtype.type(0.5), out=out)
    out += out.dtype.type(eps / 4)  # half a step: two roundings, since 0.5 - eps / 4 is no number
    out *= out.dtype.type(2 * radius)
