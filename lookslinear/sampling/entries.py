"""Independent entries of a law, in blocks that threads share.

A small array is drawn by NumPy's own methods from the generator that it is given. A larger one is
cut into blocks that stay in the cache, each with a bit stream of its own. Where the cuts are
depends on the shape alone, so the number of threads changes no bit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from scipy.special import ndtr

from lookslinear.laws import WeightLaw
from lookslinear.sampling.seeds import Streams
from lookslinear.sampling.sources import MAKING, OfBits, OfGenerator
from lookslinear.sampling.threads import run_blocks

#: The bytes of a block's numbers: with what is made on the way about a level-2 cache. Shorter ones
#: go to and fro between threads more often, and wait for the interpreter's lock each time.
BLOCK_BYTES = 2**20
#: From so many blocks on threads share them: to wake a thread takes longer than to fill a block.
SHARED = 4
#: Up to so many entries NumPy's own methods, without seeds for blocks, are as fast.
FEW = {"normal": 2**11, "truncated_normal": 2**11, "uniform": 2**13}

Source = OfGenerator | OfBits
#: Where a block of an array stands in it.
Piece = tuple[int | slice, ...]


def fill(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    """Fills an array of shape `law.block_shape`, of any strides, with entries of the law's family.

    Examples
    --------
    >>> from lookslinear.laws import normal_law
    >>> block = np.full((3, 2), np.nan, "float32")
    >>> fill(block, normal_law((3, 2), 0.0, 1.0, "float32"), np.random.default_rng(1), threads=1)
    >>> bool(np.isfinite(block).all())
    True
    """
    if block.size <= FEW[law.family]:
        return _fill_piece(block, law, OfGenerator(generator))
    whole = block.reshape(-1) if block.flags.c_contiguous else block
    pieces = pieces_of(whole.shape, BLOCK_BYTES // drawn_dtype(law.dtype).itemsize)
    streams = Streams(generator, len(pieces))
    shared = len(pieces) >= SHARED

    def fill_piece(index: int) -> None:
        _fill_piece(whole[pieces[index]], law, OfBits(streams[index]))

    run_blocks(fill_piece, len(pieces), threads if shared else 1)


def pieces_of(shape: tuple[int, ...], most: int) -> list[Piece]:
    """Indices that cut an array into pieces of at most so many entries, all of nearly one size.

    Examples
    --------
    >>> pieces_of((10,), 4)
    [(slice(0, 3, None),), (slice(3, 6, None),), (slice(6, 10, None),)]
    >>> pieces_of((2, 4), 2)[-1]
    (1, slice(2, 4, None))
    """
    inner = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    axis = next(axis for axis, size in enumerate(inner) if size <= most)
    side, runs = shape[axis], -(-shape[axis] // max(1, most // max(1, inner[axis])))
    cuts = [slice(side * run // runs, side * (run + 1) // runs) for run in range(runs)]
    leading = itertools.product(*map(range, shape[:axis]))
    return [(*index, cut) for index in leading for cut in cuts]


def drawn_dtype(dtype: str) -> np.dtype:
    """The precision that numbers are made in: half precision is rounded from single.

    Examples
    --------
    >>> drawn_dtype("float16")
    dtype('float32')
    """
    return np.dtype(np.float64 if np.dtype(dtype) == np.float64 else np.float32)


def _fill_piece(piece: np.ndarray, law: WeightLaw, source: Source) -> None:
    dtype = drawn_dtype(law.dtype)
    in_place = piece.flags.c_contiguous and piece.dtype == dtype
    numbers = piece.reshape(-1) if in_place else np.empty(piece.size, dtype)
    _FAMILIES[law.family](numbers, law, source)
    if not in_place:
        piece[...] = numbers.reshape(piece.shape)


def _normal(numbers: np.ndarray, law: WeightLaw, source: Source) -> None:
    source.normal(numbers, law.scale)
    _move(numbers, law)


def _uniform(numbers: np.ndarray, law: WeightLaw, source: Source) -> None:
    radius = math.sqrt(3) * law.scale
    source.uniform(numbers, radius)
    _move(numbers, law, radius)


def _truncated_normal(numbers: np.ndarray, law: WeightLaw, source: Source) -> None:
    deviation = law.normal_deviation
    radius = law.truncation * deviation
    source.normal(numbers, deviation)
    done, offered = 0, _offered(numbers.size, law.truncation)
    while done < numbers.size:
        candidates = np.empty(offered, numbers.dtype)
        source.normal(candidates, deviation)
        done += MAKING.replace_beyond(numbers[done:], radius, candidates)
        offered = 64
    _move(numbers, law, radius)


def _offered(count: int, bound: float) -> int:
    """Candidates that nearly always suffice to replace those that lie beyond the bound."""
    beyond = 2 * float(ndtr(-bound))
    share = round(beyond / (1 - beyond), 4)  # 0.0477 beyond two deviations
    return int(share * count + 5 * math.sqrt(round(share, 2) * count)) + 16


def _move(numbers: np.ndarray, law: WeightLaw, radius: float = math.inf) -> None:
    """Adds the mean; what that rounds past the bounds is put back onto them."""
    if law.mean:
        numbers += numbers.dtype.type(law.mean)
        if radius < math.inf:
            np.clip(numbers, law.mean - radius, law.mean + radius, out=numbers)


_FAMILIES: dict[str, Callable[[np.ndarray, WeightLaw, Source], None]] = {
    "normal": _normal,
    "uniform": _uniform,
    "truncated_normal": _truncated_normal,
}
