"""Draws by compiled code, (law, rng) -> a function of C and its streams: numbers where needed.

Code that arranges numbers can have them made a few at a time, and what Python does about a draw is
done beforehand, once for all draws from the same seed.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from lookslinear.errors import refuse_other_kind
from lookslinear.laws import WeightLaw
from lookslinear.sampling import entries, kernels
from lookslinear.sampling.seeds import Rng, Streams, as_generator
from lookslinear.sampling.sources import MAKING

#: Numbers that the function makes at once: but for the last call of a stream, calls ask for a
#: multiple of it, since what is left of the last ones is lost.
TOGETHER = 512


class NativeDraw(NamedTuple):
    """`void (*address)(void *stream, float *out, size_t count, float deviation)`, and its streams.

    A copy of `states[i]` is a stream that makes the entries from `starts[i]` up to `starts[i + 1]`
    of the array in C order; calls move it on.
    """

    address: int
    states: np.ndarray
    starts: np.ndarray
    deviation: float


def is_native(law: WeightLaw) -> bool:
    """Whether `native_draw` draws from the law: independent normal entries in single precision.

    They have no mean, mirror, copies, sparsity or empty taps, and are more than a few; and the
    kernels are compiled.

    Raises
    ------
    TypeError
        For anything but a WeightLaw.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> is_native(dense_law(300, 200, "uniform", 0.1))
    False
    """
    refuse_other_kind(law, WeightLaw, "law")
    plain = law.family == "normal" and law.dtype == "float32" and not (law.mean or law.sparsity)
    whole = law.block_shape == law.shape and not law.mirror
    large = math.prod(law.shape) > entries.FEW["normal"]
    return plain and whole and large and MAKING is kernels


def native_draw(law: WeightLaw, rng: Rng = None) -> NativeDraw:
    """What makes the entries that `draw` gives for the same law and seed, bit for bit.

    Raises
    ------
    TypeError, ValueError
        For laws without `is_native`, and for another kind of `rng`.

    Examples
    --------
    >>> import ctypes
    >>> from lookslinear.laws import dense_law
    >>> from lookslinear.sampling import draw
    >>> law = dense_law(300, 200, "normal", 0.1)
    >>> if is_native(law):
    ...     drawn, out = native_draw(law, rng=1), np.empty((300, 200), "float32")
    ...     pointer, size, real = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_float
    ...     fill = ctypes.CFUNCTYPE(None, pointer, pointer, size, real)(drawn.address)
    ...     fill(drawn.states.ctypes.data, out.ctypes.data, out.size, drawn.deviation)
    ...     assert (out == draw(law, rng=1)).all()
    """
    if not is_native(law):
        raise ValueError(f"law must be one that is_native. Received: {law}. Use draw.")
    firsts = starts(law)
    streams = Streams(as_generator(rng), len(firsts) - 1)
    states = np.array([kernels.Stream(streams[i]).state for i in range(len(firsts) - 1)])
    return NativeDraw(kernels.normal_address(), states, firsts, law.scale)


def starts(law: WeightLaw) -> np.ndarray:
    """Where the streams of a native draw start in the array, and its size."""
    return _starts(math.prod(law.shape))


@cache
def _starts(size: int) -> np.ndarray:
    pieces = entries.pieces_of((size,), entries.BLOCK_BYTES // np.dtype(np.float32).itemsize)
    return np.array([0, *(piece.stop for (piece,) in pieces)])
