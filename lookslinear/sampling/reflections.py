"""Blocks of the reflections that a Haar frame is a product of: (shape, generator) -> reflections.

The Householder vectors of a Gaussian matrix (n, k) are independent Gaussian vectors of shrinking
length (Stewart 1980). They are drawn in blocks, each from a stream of its own, and m of them that
follow one another are one product:

.. math:: H_1 \\cdots H_m = I - V^\\top T V, \\qquad
          T^{-1} = \\mathrm{striu}(V V^\\top) + \\tfrac12 \\mathrm{diag}(V V^\\top)

with the vectors as rows of V. A part of a block is one too: its T is that of its own vectors.

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
from functools import lru_cache

import numpy as np
from numpy.random import Generator

from lookslinear.sampling.blas import add_product, invert_unit_upper, upper_gram
from lookslinear.sampling.entries import BLOCK_BYTES
from lookslinear.sampling.seeds import Streams
from lookslinear.sampling.sources import MAKING, OfBits, OfGenerator, scratch


@dataclass(frozen=True)
class Reflections:
    """Consecutive reflections I - v v': their vectors as rows, from the first one's diagonal on."""

    start: int
    vectors: np.ndarray  # (m, n - start), of norm sqrt(2)
    triangle: np.ndarray  # (m, m), T
    signs: np.ndarray  # of the diagonal of R in the QR of the Gaussian matrix

    @property
    def stop(self) -> int:
        """The first column after theirs."""
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

    def turn(self, columns: np.ndarray, back: bool) -> None:
        """Reflects whole columns in place: from the left by B = I - V' T V, or `back` by B'."""
        below, triangle = columns[self.start :], self.triangle.T if back else self.triangle
        lengths = _product(self.vectors, below, "lengths")
        lengths = _product(triangle, lengths, "turned lengths")
        add_product(below, self.vectors.T, lengths, factor=-1)


class Blocks:
    """The blocks of reflections of a frame (n, k), which may be drawn in any order.

    Parameters
    ----------
    shape : (n, k), k at most n
    dtype : float32 or float64
    length : int
        Reflections in a block; the last one may have fewer.
    generator : Generator
        It seeds the blocks' streams, and moves on.
    room : (shape, dtype) -> array
        Makes room for all vectors: they last as long as what is in it.

    Examples
    --------
    >>> blocks = Blocks((9, 5), np.dtype("float64"), 4, np.random.default_rng(0), np.empty)
    >>> [part.vectors.shape for index in range(2) for part in blocks.draw(index, most=3)]
    [(3, 9), (1, 6), (1, 5)]
    """

    def __init__(
        self,
        shape: tuple[int, int],
        dtype: np.dtype,
        length: int,
        generator: Generator,
        room: Callable[[tuple[int, ...], np.dtype], np.ndarray],
    ):
        n, k = shape
        self.starts = range(0, k, length)
        self._streams = Streams(generator, len(self.starts))
        shapes = [(min(length, k - start), n - start) for start in self.starts]
        self._rooms = _split(room((sum(map(math.prod, shapes)),), dtype), shapes)

    def __len__(self):
        return len(self.starts)

    def draw(self, index: int, most: int) -> list[Reflections]:
        """Draws a block, in parts of at most so many reflections; it does not depend on others."""
        return drawn(self.starts[index], self._rooms[index], OfBits(self._streams[index]), most)


def drawn(start: int, vectors: np.ndarray, source: OfBits, most: int) -> list[Reflections]:
    """Fills a block's rows with its vectors: its reflections, in parts of at most so many."""
    signs, firsts = _draw_vectors(vectors, source), range(0, len(vectors), most)
    parts = [(first, vectors[first : first + most, first:]) for first in firsts]
    return [
        Reflections(start + first, own, _triangle(own), signs[first : first + most])
        for first, own in parts
    ]


def _draw_vectors(vectors: np.ndarray, source: OfBits) -> np.ndarray:
    """Fills rows with the vectors of reflections; the signs of their columns."""
    heads, norms = draw_gaussian(vectors, source)
    signs = -np.copysign(1, heads)
    np.einsum("ii->i", vectors[:, : len(vectors)])[:] -= signs * norms
    vectors *= (norms * (norms + np.abs(heads)))[:, None] ** -0.5
    if len(vectors) == vectors.shape[1]:  # the last one of a square matrix has nothing to reflect
        vectors[-1, -1], signs[-1] = 0, -signs[-1]
    return signs


def draw_gaussian(
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


def _split(room: np.ndarray, shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Parts of an array of one axis, of these shapes, one after the other."""
    ends = [0, *itertools.accumulate(map(math.prod, shapes))]
    parts = [room[start:stop] for start, stop in itertools.pairwise(ends)]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
