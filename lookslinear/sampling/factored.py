"""Haar frames that are never made: (law, rng) -> reflections to multiply a batch by.

A weight W that is a frame, or the transpose of one, is made of reflections; a product with it needs
no more than to reflect the batch,

.. math:: x F = x\\, B_1 \\cdots B_p \\begin{pmatrix} D \\\\ 0 \\end{pmatrix}, \\qquad
          x F^\\top = (x D, 0)\\, B_p^\\top \\cdots B_1^\\top, \\qquad B_i = I - V_i^\\top T_i V_i

with F of shape (n, k), n at least k, and D the signs of its columns times the gain. Of a mirrored
weight W is the first half:

.. math:: (x_+, x_-) \\begin{pmatrix} W \\\\ -W \\end{pmatrix} = (x_+ - x_-)\\, W, \\qquad
          x\\, (W^\\top, -W^\\top) = (x W^\\top, -x W^\\top)

References
----------
Stewart 1980, SIAM J. Numer. Anal. 17(3), section 3. Balduzzi et al. 2017, arXiv 1702.08591,
section 4 (mirrored weights).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from lookslinear.arranging import halves_of, mirror
from lookslinear.errors import refuse_other_kind
from lookslinear.laws import WeightLaw
from lookslinear.sampling import frames
from lookslinear.sampling.blas import on_one_thread
from lookslinear.sampling.reflections import Blocks, Reflections
from lookslinear.sampling.seeds import Rng, as_generator

#: So many reflections at a time, at most: with more of them products are hardly faster, and T takes
#: longer.
MOST = 64
#: So many rows at a time: the thread keeps room for what they have in common with the reflections.
ROWS = 2**11


def can_be_factored(law: WeightLaw) -> bool:
    """Whether `draw_factored` draws from the law: a dense weight that is one Haar frame.

    Its shape is (in, out), its dtype float32 or float64. It may be mirrored (`mirror=True`), but
    not to a degree; its outputs are neither mirrored nor repeated, nor in groups or blocks. Of the
    frame's longer side n and its shorter one k, n k^2 is at least 64 million: smaller ones are one
    call of LAPACK, which is faster.

    Raises
    ------
    TypeError
        For anything but a WeightLaw.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> [can_be_factored(dense_law(side, 800, "haar", 0.1)) for side in (100, 400)]
    [False, True]
    >>> [can_be_factored(dense_law(800, 800, "haar", 0.1, mirror=r)) for r in (0.5, 1.0)]
    [False, True]
    """
    refuse_other_kind(law, WeightLaw, "law")
    dense = len(law.shape) == 2 and law.axes.inputs == (0,) and law.dtype != "float16"
    one = law.family == "haar" and law.pieces == 1 and law.block_shape == law.unmirrored_shape
    if not (dense and one) or law.partly_mirrored:
        return False
    k, n = sorted(law.block_shape)
    return n * k**2 >= frames.SMALL


@dataclass(frozen=True, eq=False)
class FactoredFrame:
    """The Haar frame that `draw_factored` draws, as the reflections that it is a product of.

    If its law is mirrored, it stands for the frame and its negative below it. It has memory of its
    own, for n k - k^2 / 2 numbers and about 128 k more, to which nothing writes any more: several
    threads may multiply by it. Each product is made by the calling thread alone.
    """

    law: WeightLaw
    reflections: tuple[Reflections, ...] = field(repr=False)
    scales: np.ndarray = field(repr=False)  # (k,), the signs of the columns times the gain

    def times(self, signals: np.ndarray) -> np.ndarray:
        """signals @ W, up to rounding, where W is what `draw` gives.

        Parameters
        ----------
        signals : array (samples, n_in) of the law's dtype

        Returns
        -------
        array (samples, n_out), new and in C order

        Raises
        ------
        TypeError, ValueError
            For anything but such an array.
        """
        signals = self._rows("signals", signals, self.law.shape[0])
        if self.law.mirror:
            signals = np.subtract(*halves_of(signals, axis=1))
        return self._up(signals) if self._lying else self._down(signals)

    def times_transposed(self, gradients: np.ndarray) -> np.ndarray:
        """gradients @ W.T, up to rounding, where W is what `draw` gives.

        Parameters
        ----------
        gradients : array (samples, n_out) of the law's dtype

        Returns
        -------
        array (samples, n_in), new and in C order

        Raises
        ------
        TypeError, ValueError
            For anything but such an array.
        """
        gradients = self._rows("gradients", gradients, self.law.shape[1])
        half = self._down(gradients) if self._lying else self._up(gradients)
        return mirror(half, axis=1) if self.law.mirror else half

    @property
    def _lying(self) -> bool:
        """Whether W, or its first half, is the transpose of the frame."""
        return frames.made_transposed(self.law.block_shape)

    def _rows(self, name: str, rows: np.ndarray, width: int) -> np.ndarray:
        refuse_other_kind(rows, np.ndarray, name)
        if rows.ndim != 2 or rows.shape[1] != width or rows.dtype != self.law.dtype:
            raise ValueError(
                f"{name} must be of shape (samples, {width}) and dtype {self.law.dtype}. "
                f"Received: shape {rows.shape}, dtype {rows.dtype}."
            )
        return np.asarray(rows)

    def _down(self, rows: np.ndarray) -> np.ndarray:
        """Rows times the standing frame: of n numbers, to k."""
        turned = rows.copy()
        on_one_thread(lambda: _turn(turned, self.reflections, back=True))
        scaled = turned[:, : len(self.scales)]
        scaled *= self.scales
        return np.ascontiguousarray(scaled)  # of a square frame no second array: pages cost time

    def _up(self, rows: np.ndarray) -> np.ndarray:
        """Rows times the transpose of the standing frame: of k numbers, to n."""
        k, n = sorted(self.law.block_shape)
        turned = np.empty((len(rows), n), rows.dtype)
        np.multiply(rows, self.scales, out=turned[:, :k])
        turned[:, k:] = 0
        on_one_thread(lambda: _turn(turned, self.reflections[::-1], back=False))
        return turned


def draw_factored(law: WeightLaw, rng: Rng = None) -> FactoredFrame:
    """The Haar frame that `draw` gives for the same law and seed, without making it.

    The random numbers are the same, so `times(x)` is `x @ draw(law, rng)` up to rounding, and
    `times_transposed(x)` is `x @ draw(law, rng).T`.

    A square frame takes 4 n^3 / 3 operations to make, its factors about 32 n^2 beside the random
    numbers. Products take 4 n k - 2 k^2 operations a row where those with W take 2 n k: as many if
    it is square, though in smaller pieces. So this is for weights that are multiplied by few rows
    in all: up to about 2 n if they are square, and k if one side is far longer than the other. Of a
    mirrored weight n and k are the sides of its half, and products with W take twice as many. The
    calling thread works alone: several may each draw their own.

    Parameters
    ----------
    law : WeightLaw
        One that `can_be_factored`.
    rng : None, int, SeedSequence or Generator
        A generator moves on as far as with `draw`.

    Raises
    ------
    TypeError, ValueError
        For another law, and for another kind of `rng`.

    References
    ----------
    Stewart 1980, SIAM J. Numer. Anal. 17(3), section 3.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> from lookslinear.sampling import draw, standard_normal
    >>> law = dense_law(500, 400, "haar", 500**-0.5, dtype="float64")
    >>> frame, weight = draw_factored(law, rng=1), draw(law, rng=1)
    >>> signals = standard_normal((3, 500), rng=2, dtype="float64")
    >>> bool(np.allclose(frame.times(signals), signals @ weight, rtol=0, atol=1e-12))
    True
    >>> there_and_back = frame.times_transposed(signals @ weight)
    >>> bool(np.allclose(there_and_back, signals @ weight @ weight.T, rtol=0, atol=1e-12))
    True

    What CReLU splits comes together again in a mirrored weight:

    >>> law = dense_law(1000, 400, "haar", 500**-0.5, mirror=True, dtype="float64")
    >>> split = np.hstack([np.maximum(signals, 0), np.maximum(-signals, 0)])
    >>> bool(np.allclose(draw_factored(law, rng=1).times(split), signals @ weight))
    True
    """
    if not can_be_factored(law):
        raise ValueError(
            f"law must be that of a weight (in, out) in float32 or float64 that is one Haar frame, "
            f"or one and its negative (mirror=True), neither repeated nor mirrored otherwise, with "
            f"n k^2 of at least {frames.SMALL} for the frame's longer side n and its shorter one "
            f"k. Received: {law}. Use draw."
        )
    generator, parts = as_generator(rng), []
    on_one_thread(lambda: parts.extend(_reflections(law, generator)))
    scales = np.concatenate([part.signs for part in parts])
    scales *= law.gain
    return FactoredFrame(law, tuple(parts), scales)


def _reflections(law: WeightLaw, generator: Generator) -> Iterator[Reflections]:
    k, n = sorted(law.block_shape)
    blocks = Blocks((n, k), np.dtype(law.dtype), frames.sizes(k)[0], generator, np.empty)
    for index in range(len(blocks)):
        yield from blocks.draw(index, MOST)


def _turn(rows: np.ndarray, reflections: Sequence[Reflections], back: bool) -> None:
    for first in range(0, len(rows), ROWS):
        for some in reflections:
            some.turn(rows[first : first + ROWS].T, back)
