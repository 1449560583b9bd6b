"""Vectors that are uniform on spheres: the weights of each unit, all of one norm.

A vector of independent normal numbers has a uniform direction, whatever its length (Muller 1959,
Comm. ACM 2(4)).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from lookslinear.arranging import pieces_of
from lookslinear.laws import WeightLaw
from lookslinear.sampling import entries


def fill(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    """Fills an array of shape `law.block_shape` with unit vectors times the law's radius.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> block = np.empty((3, 5), "float64")
    >>> law = dense_law(3, 5, "output_spheres", 3**-0.5, dtype="float64")
    >>> fill(block, law, np.random.default_rng(0), threads=1)
    >>> bool(np.allclose((block**2).sum(axis=0), 1))
    True
    """
    dtype = entries.drawn_dtype(law.dtype)
    numbers = block if block.dtype == dtype else np.empty(block.shape, dtype)
    normal = replace(law, family="normal", scale=1.0, dtype=dtype.name)
    entries.fill(numbers, normal, generator, threads)
    pieces = pieces_of(numbers, law) if law.family == "input_spheres" else [numbers]
    kept = law.axes.output if law.family == "output_spheres" else law.axes.input
    summed = tuple(axis for axis in range(block.ndim) if axis != kept)
    for piece in pieces:
        norms = np.sqrt(np.square(piece).sum(axis=summed, keepdims=True, dtype=float))
        piece *= (law.radius / norms).astype(dtype)
    if numbers is not block:
        block[...] = numbers
