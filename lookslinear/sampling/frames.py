"""Haar frames: orthonormal columns, uniformly distributed, made of reflections without factoring.

The Householder vectors of a Gaussian matrix are independent Gaussian vectors of shrinking length
(Stewart 1980). They are drawn, m at a time, and multiplied out from the last to the first:

.. math:: H_1 \\cdots H_m = I - V T V^\\top, \\qquad
          T^{-1} = \\mathrm{striu}(V^\\top V) + \\tfrac12 \\mathrm{diag}(V^\\top V)

so nearly all of the 2 n k^2 - 2 k^3 / 3 operations are products of large matrices. The columns of
the frame are computed in panels, each by one thread from its own diagonal block up; blocks and
panels depend on the shape alone, so the number of threads changes no bit.

References
----------
Stewart 1980, SIAM J. Numer. Anal. 17(3), section 3. Joffrain et al. 2006, ACM Trans. Math. Softw.
32(2), section 3 (T from the triangle of the Gram matrix).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Lock

import numpy as np
from numpy.random import Generator
from scipy.linalg import lapack

from lookslinear.arranging import pieces_of
from lookslinear.errors import known_name, whole_number
from lookslinear.laws import WeightLaw, dtype_name
from lookslinear.sampling.blas import add_product, invert_unit_upper, on_one_thread, upper_gram
from lookslinear.sampling.entries import BLOCK_BYTES, drawn_dtype
from lookslinear.sampling.seeds import Rng, Streams, as_generator
from lookslinear.sampling.sources import MAKING, OfBits, OfGenerator, scratch
from lookslinear.sampling.threads import checked_threads, run_blocks

#: Up to so many entries the Gaussian vectors are drawn by NumPy, without seeds for blocks.
FEW = 2**10
#: Up to so many bytes of vectors the calling thread keeps the room for them.
KEPT_BYTES = 2**22
#: Up to this n k^2 BLAS libraries use one thread by themselves (OpenBLAS up to this m n k).
TINY = 64**3
#: Below this n k^2 LAPACK multiplies the reflections out in one call: blocks would cost more.
SMALL = 400**3


def fill(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    """Fills an array of shape `law.block_shape` with a scaled Haar frame for each piece."""
    for piece in pieces_of(block, law):
        group = np.moveaxis(piece, law.axes.outputs, range(-len(law.axes.outputs), 0))
        frame = _as_matrix(group, law)
        _fill_frame(frame, law.gain, generator, threads)
        if not np.may_share_memory(frame, group):
            group[...] = frame.reshape(group.shape)


def haar_frame(
    n: int,
    k: int,
    generator: Rng,
    dtype: type = np.float32,
    threads: int | None = None,
) -> np.ndarray:
    """k orthonormal columns of n entries, uniformly distributed over all such frames.

    Raises
    ------
    TypeError, ValueError
        For fewer rows than columns, another dtype than single or double precision, another kind of
        generator, no threads.

    Examples
    --------
    >>> haar_frame(1, 1, np.random.default_rng(0)).shape
    (1, 1)
    """
    if whole_number(k, "k") > whole_number(n, "n"):
        raise ValueError(f"n must be at least k, the number of columns. Received: n {n}, k {k}.")
    known_name("dtype", dtype_name(dtype), ("float32", "float64"))
    frame = np.empty((n, k), dtype)
    _fill_frame(frame, 1.0, as_generator(generator), checked_threads(threads))
    return frame


@dataclass(frozen=True)
class _Reflections:
    """Consecutive reflections I - v v': their vectors as rows, from the first one's diagonal on."""

    start: int
    vectors: np.ndarray  # (m, n - start), of norm sqrt(2)
    triangle: np.ndarray  # (m, m), T
    signs: np.ndarray  # of the diagonal of R in the QR of the Gaussian matrix

    @property
    def stop(self) -> int:
        return self.start + len(self.vectors)

    def begin(self, columns: np.ndarray) -> None:
        """Writes what the reflections make of the unit vectors that they start at."""
        below = columns[self.start :]
        lengths = _product(self.triangle, self.vectors[:, : len(self.vectors)], "lengths")
        add_product(below, self.vectors.T, lengths, factor=-1, keep=0)
        np.einsum("ii->i", below[: len(self.vectors)])[:] += 1

    def apply(self, columns: np.ndarray) -> None:
        """Reflects columns in place of which only the entries from `stop` on are set as yet."""
        size = len(self.vectors)
        heads, tails = self.vectors[:, :size], self.vectors[:, size:]
        lengths = _product(tails, columns[self.stop :], "lengths")
        lengths = _product(self.triangle, lengths, "turned lengths")
        add_product(columns[self.start : self.stop], heads.T, lengths, factor=-1, keep=0)
        add_product(columns[self.stop :], tails.T, lengths, factor=-1)


def _fill_frame(frame: np.ndarray, gain: float, generator: Generator, threads: int | None) -> None:
    """Fills a matrix by rows or by columns with a Haar frame times a gain."""
    frame = _standing(frame)
    work = frame.size * frame.shape[1]
    if work < SMALL:
        make = partial(_fill_at_once, frame, gain, generator)
    else:
        make = partial(_fill_in_blocks, frame, gain, generator, threads)
    if work > TINY:
        on_one_thread(make)
    else:
        make()


def _fill_at_once(frame: np.ndarray, gain: float, generator: Generator) -> None:
    vectors = _room(frame.shape[::-1], frame.dtype)
    few = vectors.size <= FEW
    source = OfGenerator(generator) if few else OfBits(Streams(generator, 1)[0])
    heads, norms = _draw_gaussian(vectors, source)
    signs = -np.copysign(1, heads)
    vectors *= 1 / (heads - signs * norms)[:, None]  # LAPACK's vectors begin with 1
    multiply = lapack.sorgqr if frame.dtype == np.float32 else lapack.dorgqr
    taus, room = 1 + np.abs(heads) / norms, 32 * len(vectors)
    reflected, _, info = multiply(vectors.T, taus, lwork=room, overwrite_a=True)
    assert info == 0, f"orgqr refused argument {-info}"
    np.multiply(reflected, frame.dtype.type(gain) * signs, out=frame)


def _fill_in_blocks(
    frame: np.ndarray, gain: float, generator: Generator, threads: int | None
) -> None:
    n, k = frame.shape
    block, panel = next(sizes for least, sizes in _SIZES if k >= least)
    starts = range(0, k, block)
    streams = Streams(generator, len(starts))

    rooms = _rooms(n, k, block, frame.dtype)

    def drawing(index: int) -> Callable[[], _Reflections]:
        return lambda: _drawn(starts[index], rooms[index], OfBits(streams[index]))

    reflections = [_Once(drawing(index)) for index in range(len(starts))]
    panels = [
        partial(_fill_panel, frame, left, min(left + panel, k), reflections, block, gain)
        for left in range(0, k, panel)
    ]
    # The last panel takes longest and can begin when the last reflections are drawn: so one thread
    # draws while the next one multiplies, and they hardly meet at the interpreter's lock.
    *drawn, last = reflections
    *others, longest = panels
    steps = [last, longest, *reversed(drawn), *reversed(others)]

    def step(index: int) -> None:
        # Again, since with some BLAS libraries the setting is the thread's own.
        on_one_thread(steps[index])

    run_blocks(step, len(steps), threads)


class _Once:
    """What is made by the first thread that asks for it, while the others wait."""

    def __init__(self, make: Callable[[], _Reflections]):
        self.make, self.lock, self.made = make, Lock(), None

    def __call__(self) -> _Reflections:
        with self.lock:
            if self.made is None:
                self.made = self.make()
        return self.made


def _standing(frame: np.ndarray) -> np.ndarray:
    """The matrix, or its transpose: at least as long as wide, a square one stored by columns.

    The transpose of a square Haar frame is one too, and products by columns are the faster ones.
    """
    n, k = frame.shape
    by_rows = frame.strides[1] == frame.itemsize
    return frame.T if n < k or (n == k and by_rows) else frame


#: From so many columns on: reflections a block, and columns a panel. Longer blocks make products
#: faster and triangles slower; narrower panels share the work more evenly.
_SIZES = ((2048, (192, 384)), (0, (128, 256)))


def _rooms(n: int, k: int, block: int, dtype: np.dtype) -> list[np.ndarray]:
    """Room for the vectors of each block, all in one array."""
    shapes = [(min(block, k - start), n - start) for start in range(0, k, block)]
    ends = [0, *itertools.accumulate(map(math.prod, shapes))]
    room = _room((ends[-1],), dtype)
    parts = [room[start:stop] for start, stop in itertools.pairwise(ends)]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _room(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Room for vectors: what the calling thread keeps for them, or new if they need much."""
    if math.prod(shape) * dtype.itemsize <= KEPT_BYTES:
        return scratch(shape, dtype, "vectors")
    return np.empty(shape, dtype)


def _drawn(start: int, vectors: np.ndarray, source: OfBits) -> _Reflections:
    heads, norms = _draw_gaussian(vectors, source)
    signs = -np.copysign(1, heads)
    np.einsum("ii->i", vectors[:, : len(vectors)])[:] -= signs * norms
    vectors *= (norms * (norms + np.abs(heads)))[:, None] ** -0.5
    if len(vectors) == vectors.shape[1]:  # the last one of a square matrix has nothing to reflect
        vectors[-1, -1], signs[-1] = 0, -signs[-1]
    return _Reflections(start, vectors, _triangle(vectors), signs)


def _draw_gaussian(
    vectors: np.ndarray, source: OfGenerator | OfBits
) -> tuple[np.ndarray, np.ndarray]:
    """Fills rows with Gaussian vectors, each from its own column on; their heads and norms."""
    count = len(vectors)
    _fill_normal(vectors.reshape(-1), source)
    vectors[:, :count] *= _upper_triangle(count, vectors.dtype)
    heads = np.diagonal(vectors).copy()
    if not heads.all():  # a zero has no sign to reflect by
        heads[heads == 0] = np.finfo(heads.dtype).eps ** 2
        np.einsum("ii->i", vectors[:, :count])[:] = heads
    # Norms in double precision: an error in them is an error of orthogonality.
    return heads, np.sqrt(MAKING.square_sums(vectors)).astype(vectors.dtype)


@lru_cache(maxsize=8)
def _upper_triangle(size: int, dtype: np.dtype) -> np.ndarray:
    return np.triu(np.ones((size, size), dtype))


def _fill_normal(numbers: np.ndarray, source: OfGenerator | OfBits) -> None:
    step = BLOCK_BYTES // numbers.itemsize
    for first in range(0, numbers.size, step):
        source.normal(numbers[first : first + step], 1.0)


def _triangle(vectors: np.ndarray) -> np.ndarray:
    """T, from the upper triangle of the Gram matrix of vectors whose squared norms are all 2."""
    triangle = upper_gram(vectors)
    invert_unit_upper(triangle)
    np.einsum("ii->i", triangle)[:] = 1
    return triangle


def _product(left: np.ndarray, right: np.ndarray, use: str) -> np.ndarray:
    """The product, by columns, in room that the thread keeps for this use."""
    product = scratch((right.shape[1], len(left)), left.dtype, use).T
    add_product(product, left, right, keep=0)
    return product


def _fill_panel(
    frame: np.ndarray, first: int, stop: int, reflections: list[_Once], block: int, gain: float
) -> None:
    """The columns of a frame from `first` up to `stop`, which are those of whole blocks."""
    signs = np.empty(stop - first, frame.dtype)
    for index in reversed(range(-(-stop // block))):
        reflection = reflections[index]()
        begun = frame[:, max(first, reflection.stop) : stop]
        if begun.size:
            reflection.apply(begun)
        if reflection.start >= first:
            own = slice(reflection.start, reflection.stop)
            reflection.begin(frame[:, own])
            signs[own.start - first : own.stop - first] = reflection.signs
    signs *= gain
    frame[:, first:stop] *= signs


def _as_matrix(group: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The matrix (rest, outputs) to make a frame in: the group itself, if BLAS can write there."""
    if group.dtype == drawn_dtype(law.dtype):
        matrix = group.reshape(law.frame_shape)
        if matrix.itemsize in matrix.strides:
            return matrix
    return np.empty(law.frame_shape, drawn_dtype(law.dtype))
