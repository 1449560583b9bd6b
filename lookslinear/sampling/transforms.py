"""What `kernels.c` does, in NumPy: bits to numbers, by the same operations in the same order.

So a seed gives the same bits with and without the compiled kernels, and on every processor. It
serves where there are none, and is what they are tested against.
"""

from __future__ import annotations

import numpy as np
from numpy.random import SFC64

from lookslinear.sampling.seeds import Words

#: Words that each lane gives at a step; what is left of the last ones at the end of a call is lost.
STEPS = 32
#: Words that are transformed at once: their arrays stay in the cache.
_PIECE = 2**13

_QUARTER = np.uint32(2**30)
_LOG = [float.fromhex(digits) for digits in (
    "0x1.65c778p-4", "-0x1.25049ep-3", "0x1.318526p-3", "-0x1.535d30p-3",
    "0x1.98d2c0p-3", "-0x1.00049ap-2", "0x1.5556f4p-2", "-0x1.fffffap-2",
)]  # fmt: skip
_SINE = [float.fromhex(digits) for digits in (
    "-0x1.2d92f6p-8", "0x1.465e92p-4", "-0x1.4abbb8p-1", "0x1.921fb6p+0",
)]  # fmt: skip
_COSINE = [float.fromhex(digits) for digits in (
    "0x1.d9d572p-11", "-0x1.55c5e0p-6", "0x1.03c1dep-2", "-0x1.3bd3ccp+0", "0x1p+0",
)]  # fmt: skip
_BELOW_2_TO_MINUS_31 = float.fromhex("0x1.fffffep-32")
_LOG_2 = float.fromhex("0x1.62e430p-1")
_ROOT_HALF = np.uint32(0x3F3504F3)


class Stream:
    """Random numbers from SFC64 generators that take turns: one word of 64 bits each.

    Parameters
    ----------
    words : array (3, lanes) of uint64
        What each of them is seeded with.

    Examples
    --------
    >>> words = np.random.default_rng(0).integers(2**64 - 1, size=(3, 8), dtype=np.uint64)
    >>> out = np.empty(5000, "float32")
    >>> Stream(words).normal(out, 0.5)
    >>> round(float(out.std()), 1)
    0.5
    """

    def __init__(self, words: np.ndarray):
        self._lanes = [SFC64(Words(lane)) for lane in words.T]

    def normal(self, out: np.ndarray, deviation: float) -> None:
        """Fills an array of single precision with normal numbers of a standard deviation.

        A word makes a pair of them, its low half the radius and its high half the angle (Box and
        Muller 1958, Ann. Math. Statist. 29(2), equation 2).
        """
        for start in range(0, out.size, 2 * _PIECE):
            part = out[start : start + 2 * _PIECE]
            part[...] = _pairs(self._words((part.size + 1) // 2), deviation)[: part.size]

    def odd(self, out: np.ndarray, factor: float) -> None:
        """Fills an array with uniform odd integers, symmetric around 0, times a factor.

        They have 32 bits in single precision and 54 in double, the sign included.
        """
        integers, share = (_floats, 2) if out.dtype == np.float32 else (_doubles, 1)
        for start in range(0, out.size, share * _PIECE):
            part = out[start : start + share * _PIECE]
            drawn = integers(self._words(-(-part.size // share)))[: part.size]
            np.multiply(drawn, out.dtype.type(factor), out=part)

    def _words(self, count: int) -> np.ndarray:
        """At least so many words; whole steps of all lanes."""
        steps = -(-count // (STEPS * len(self._lanes))) * STEPS
        words = np.empty((steps, len(self._lanes)), np.uint64)
        for lane, column in zip(self._lanes, words.T, strict=True):
            column[...] = lane.random_raw(steps)
        return words.reshape(-1)


def replace_beyond(numbers: np.ndarray, radius: float, candidates: np.ndarray) -> int:
    """Replaces what lies beyond a radius by the next candidates that do not.

    Returns how many of the numbers are done: all, or up to where there was no candidate left.

    Examples
    --------
    >>> numbers = np.array([1.0, -3.0, 0.5, 4.0])
    >>> replace_beyond(numbers, 2.0, np.array([7.0, 1.5])), numbers
    (3, array([1. , 1.5, 0.5, 4. ]))
    """
    radius = numbers.dtype.type(radius)
    beyond = np.flatnonzero(np.abs(numbers) > radius)
    inside = candidates[np.abs(candidates) <= radius][: beyond.size]
    numbers[beyond[: inside.size]] = inside
    return numbers.size if inside.size == beyond.size else int(beyond[inside.size])


def square_sums(rows: np.ndarray) -> np.ndarray:
    """The sum of squares of each row, in double precision.

    Examples
    --------
    >>> square_sums(np.array([[3.0, 4.0], [0.0, 1.0]], "float32"))
    array([25.,  1.])
    """
    return np.einsum("ij,ij->i", rows, rows, dtype=np.float64)


def _halves(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return words.astype(np.uint32), (words >> np.uint64(32)).astype(np.uint32)


def _floats(words: np.ndarray) -> np.ndarray:
    both = np.stack(_halves(words), axis=1).reshape(-1) | np.uint32(1)
    return both.view(np.int32).astype(np.float32)


def _doubles(words: np.ndarray) -> np.ndarray:
    low, high = _halves(words)
    return high.view(np.int32) * 2.0**22 + (low >> np.uint32(10) | np.uint32(1))


def _pairs(words: np.ndarray, deviation: float) -> np.ndarray:
    low, high = _halves(words)
    low |= np.uint32(1)
    high |= np.uint32(1)
    radii = low.view(np.int32).astype(np.float32)
    np.abs(radii, out=radii)
    radii *= np.float32(_BELOW_2_TO_MINUS_31)
    radii = _log(radii)
    radii *= np.float32(-2)
    np.sqrt(radii, out=radii)
    radii *= np.float32(deviation)
    pairs = np.empty((len(words), 2), np.float32)
    for angles, numbers in zip(_cosines_and_sines(high), pairs.T, strict=True):
        np.multiply(radii, angles, out=numbers)
    return pairs.reshape(-1)


def _log(fractions: np.ndarray) -> np.ndarray:
    """The log of numbers between 2^-32 and 1, by log(1 + f) = f + f^2 P(f) near 1."""
    bits = fractions.view(np.uint32)
    exponents = (bits - _ROOT_HALF).view(np.int32)
    exponents >>= np.int32(23)
    f = (bits - (exponents << np.int32(23)).view(np.uint32)).view(np.float32)
    f -= np.float32(1)
    value = _polynomial(_LOG, f)
    value *= f * f  # products commute to the last bit
    value += f
    of_exponents = exponents.astype(np.float32)
    of_exponents *= np.float32(_LOG_2)
    value += of_exponents
    return value


def _cosines_and_sines(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of angles in 2^-32 turns: those of the nearest quarter, swapped and signed by it."""
    turned = angles + _QUARTER // np.uint32(2)
    t = turned & (_QUARTER - np.uint32(1))
    t -= _QUARTER // np.uint32(2)
    t = t.view(np.int32).astype(np.float32)
    t *= np.float32(2.0**-30)
    squares = t * t
    sines = _polynomial(_SINE, squares)
    sines *= t
    sines, cosines = sines.view(np.uint32), _polynomial(_COSINE, squares).view(np.uint32)
    # All bits where they change places, by the sign of what has the quarter's bit moved there.
    swapped = ((turned << np.uint32(1)).view(np.int32) >> np.int32(31)).view(np.uint32)
    swapped &= sines ^ cosines
    sines ^= swapped
    cosines ^= swapped
    sign = np.uint32(2**31)
    sines ^= turned & sign
    turned ^= turned << np.uint32(1)
    cosines ^= turned & sign
    return cosines.view(np.float32), sines.view(np.float32)


def _polynomial(coefficients: list[float], x: np.ndarray) -> np.ndarray:
    """Horner's scheme, each step rounded twice, as the compiled kernels do it."""
    value = x * np.float32(coefficients[0])
    value += np.float32(coefficients[1])
    for coefficient in coefficients[2:]:
        value *= x
        value += np.float32(coefficient)
    return value
