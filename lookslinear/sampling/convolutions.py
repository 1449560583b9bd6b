"""Orthogonal convolutions: kernels that keep the norm of every image under circular padding.

A frame H between channels, and for each further tap along an axis an orthogonal projection P of the
channels, each drawn by itself, make an operator that is orthogonal at every frequency,

.. math:: \\hat K(z) = H \\prod_i (P_i + (1 - P_i) z_i)

since each factor is. H and the ranges of the P are uniformly distributed; P is of half the rank,
rounded up or down by a fair coin, so that a kernel's energy lies over its taps, along each axis and
on the average, as binomial coefficients do: 1/4, 1/2, 1/4 for three taps.

References
----------
Xiao et al. 2018, arXiv 1806.05393, algorithm 1. Their ranks are not used here: half, as above.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from lookslinear.arranging import as_convolution, pieces_of
from lookslinear.laws import WeightLaw
from lookslinear.sampling.blas import on_one_thread
from lookslinear.sampling.entries import drawn_dtype
from lookslinear.sampling.frames import haar_frame


def fill(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    """Fills an array of shape `law.block_shape` with one kernel for each group or block."""
    dtype = drawn_dtype(law.dtype)

    def fill_pieces() -> None:
        for piece in pieces_of(block, law):
            kernel = as_convolution(piece, law)
            kernel[...] = law.gain * orthogonal_kernel(kernel.shape, generator, dtype, threads)

    on_one_thread(fill_pieces)


def orthogonal_kernel(
    shape: tuple[int, ...], generator: Generator, dtype: np.dtype, threads: int | None = None
) -> np.ndarray:
    """A kernel (*receptive field, in, out) whose operator, or its adjoint, is an isometry.

    Examples
    --------
    >>> kernel = orthogonal_kernel((3, 2, 2), np.random.default_rng(0), np.dtype("float64"))
    >>> spectra = np.fft.fft(kernel, 8, axis=0)
    >>> bool(np.allclose(spectra @ spectra.conj().swapaxes(1, 2), np.eye(2)))
    True
    """
    *sides, inputs, outputs = shape
    fewer, more = sorted((inputs, outputs))
    frame = haar_frame(more, fewer, generator, dtype, threads)
    kernel = frame.T.reshape(*[1] * len(sides), fewer, more)
    for step in range(1, max(sides, default=1)):
        for axis, side in enumerate(sides):
            if step < side:
                kernel = _lengthened(kernel, axis, generator, threads)
    return kernel if inputs <= outputs else kernel.swapaxes(-1, -2)


def _lengthened(
    kernel: np.ndarray, axis: int, generator: Generator, threads: int | None
) -> np.ndarray:
    """The kernel times P + (1 - P) z along an axis: one tap longer."""
    channels = kernel.shape[-1]
    rank = channels // 2 + (channels % 2) * int(generator.integers(2))
    kept = np.zeros_like(kernel)
    if rank:
        frame = haar_frame(channels, rank, generator, kernel.dtype, threads)
        kept = (kernel @ frame) @ frame.T
    nothing = np.zeros_like(kernel.take([0], axis))
    here, there = (kept, nothing), (nothing, kernel - kept)
    return np.concatenate(here, axis) + np.concatenate(there, axis)
