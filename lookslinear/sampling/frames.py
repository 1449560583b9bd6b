"""Haar frames: orthonormal columns, uniformly distributed, made of reflections without factoring.

The reflections are drawn in blocks (`reflections`) and multiplied out from the last to the first,
so nearly all of the 2 n k^2 - 2 k^3 / 3 operations are products of large matrices. The columns of
the frame are computed in panels, each by one thread from its own diagonal block up; blocks and
panels depend on the shape alone, so the number of threads changes no bit.

References
----------
Stewart 1980, SIAM J. Numer. Anal. 17(3), section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from threading import Lock

import numpy as np
from numpy.random import Generator
from scipy.linalg import lapack

from lookslinear.arranging import pieces_of
from lookslinear.errors import known_name, whole_number
from lookslinear.laws import WeightLaw, dtype_name
from lookslinear.sampling.blas import on_one_thread
from lookslinear.sampling.entries import drawn_dtype
from lookslinear.sampling.reflections import Blocks, Reflections, draw_gaussian
from lookslinear.sampling.seeds import Rng, Streams, as_generator
from lookslinear.sampling.sources import OfBits, OfGenerator, scratch
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
    heads, norms = draw_gaussian(vectors, source)
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
    block, panel = sizes(k)
    blocks = Blocks((n, k), frame.dtype, block, generator, _room)
    reflections = [_Once(partial(blocks.draw, index, block)) for index in range(len(blocks))]
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

    def __init__(self, make: Callable[[], list[Reflections]]):
        self.make, self.lock, self.made = make, Lock(), None

    def __call__(self) -> list[Reflections]:
        with self.lock:
            if self.made is None:
                self.made = self.make()
        return self.made


def _standing(frame: np.ndarray) -> np.ndarray:
    """The matrix, or its transpose: at least as long as wide, a square one stored by columns."""
    by_rows = frame.strides[1] == frame.itemsize
    return frame.T if made_transposed(frame.shape, by_rows) else frame


def made_transposed(shape: tuple[int, int], by_rows: bool = True) -> bool:
    """Whether a matrix that is stored by rows, or by columns, is made as its transpose.

    The transpose of a square Haar frame is one too, and products by columns are the faster ones.

    Examples
    --------
    >>> [made_transposed(shape) for shape in ((2, 3), (3, 3), (4, 3))]
    [True, True, False]
    >>> made_transposed((3, 3), by_rows=False)
    False
    """
    n, k = shape
    return n < k or (n == k and by_rows)


#: From so many columns on: reflections a block, and columns a panel. Longer blocks make products
#: faster and triangles slower; narrower panels share the work more evenly.
_SIZES = ((2048, (192, 384)), (0, (128, 256)))


def sizes(k: int) -> tuple[int, int]:
    """Reflections a block, and columns a panel, of a frame of k columns.

    Examples
    --------
    >>> sizes(1024)
    (128, 256)
    """
    return next(sizes for least, sizes in _SIZES if k >= least)


def _room(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Room for vectors: what the calling thread keeps for them, or new if they need much."""
    if math.prod(shape) * dtype.itemsize <= KEPT_BYTES:
        return scratch(shape, dtype, "vectors")
    return np.empty(shape, dtype)


def _fill_panel(
    frame: np.ndarray, first: int, stop: int, reflections: list[_Once], block: int, gain: float
) -> None:
    """The columns of a frame from `first` up to `stop`, which are those of whole blocks."""
    signs = np.empty(stop - first, frame.dtype)
    for index in reversed(range(-(-stop // block))):
        (reflection,) = reflections[index]()
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
