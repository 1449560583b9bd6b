"""Sources of numbers: NumPy's own methods for a few, and block-wise transforms of bits for many.

Both fill a contiguous array of single or double precision in place. From bits, single precision is
made of 32 of them a number, double precision of 53.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.random import SFC64, Generator


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

    The uniform u is never 0 and goes down to 2^-33 (single precision) or 2^-53, so the tails reach
    to 6.8 or 8.6 standard deviations; one of 10^11, or 10^17, numbers would lie beyond.

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

    def __init__(self, bits: SFC64):
        self.bits = bits

    def normal(self, out: np.ndarray, deviation: float) -> None:
        """Fills `out` with normal numbers of a standard deviation."""
        first, second = out[: (out.size + 1) // 2], out[(out.size + 1) // 2 :]
        angles, spare = self._fractions_and_angles(first)
        radii = _radii(first, deviation)
        np.sin(angles[: second.size], out=second)
        second *= radii[: second.size]
        radii *= np.cos(angles, out=spare)

    def uniform(self, out: np.ndarray, radius: float) -> None:
        """Fills `out` with uniform numbers between -radius and radius."""
        if out.dtype == np.float64:
            _spread(Generator(self.bits).random(out=out), out, radius)
        else:
            np.copyto(out, self._integers(out.size))
            out *= np.float32(radius * 2.0**-31)

    def _fractions_and_angles(self, fractions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fills `fractions` with numbers in (0, 1]; gives as many angles, and room for as many."""
        if fractions.dtype == np.float64:
            return self._double_fractions_and_angles(fractions)
        integers = self._integers(2 * fractions.size).reshape(2, -1)
        np.copyto(fractions, integers[0])
        np.abs(fractions, out=fractions)
        fractions *= np.float32(2.0**-31)
        np.maximum(fractions, np.float32(2.0**-33), out=fractions)  # 0 has no logarithm
        angles = integers[1].astype(np.float32)
        angles *= np.float32(math.pi * 2.0**-31)
        return angles, integers[0].view(np.float32)

    def _double_fractions_and_angles(self, fractions):
        generator = Generator(self.bits)
        generator.random(out=fractions)
        np.subtract(1, fractions, out=fractions)
        angles = generator.random(fractions.size)
        angles *= 2 * math.pi
        return angles, np.empty_like(angles)

    def _integers(self, count: int) -> np.ndarray:
        """Uniform signed integers of 32 bits: signed, since only these become floats quickly."""
        return self.bits.random_raw((count + 1) // 2).view(np.int32)[:count]


def _radii(fractions: np.ndarray, deviation: float) -> np.ndarray:
    radii = np.log(fractions, out=fractions)
    radii *= -2
    np.sqrt(radii, out=radii)
    radii *= radii.dtype.type(deviation)
    return radii


def _spread(fractions: np.ndarray, out: np.ndarray, radius: float) -> None:
    """Numbers on NumPy's grid in [0, 1), which starts at 0 and ends a step below 1, centred."""
    eps = np.finfo(out.dtype).eps
    np.subtract(fractions, out.dtype.type(0.5), out=out)
    out += out.dtype.type(eps / 4)  # half a step: two roundings, since 0.5 - eps / 4 is no number
    out *= out.dtype.type(2 * radius)
