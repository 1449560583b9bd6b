"""Draws by compiled code: what `draw` gives, however few numbers are asked for at a time."""

import ctypes

import numpy as np
import pytest

from lookslinear.laws import dense_law, entries_law
from lookslinear.sampling import draw, kernels
from lookslinear.sampling.native import TOGETHER, is_native, native_draw, starts
from lookslinear.sampling.sources import MAKING

needs_kernels = pytest.mark.skipif(MAKING is not kernels, reason="the kernels are not compiled")
FILL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_float)


def drawn(native, together):
    """The entries of all streams, so many at a time, from copies of the states."""
    fill, out = FILL(native.address), np.full(native.starts[-1], np.nan, "float32")
    for state, start, stop in zip(
        native.states, native.starts[:-1], native.starts[1:], strict=True
    ):
        state = state.copy()
        for first in range(start, stop, together):
            part = out[first : min(first + together, stop)]
            fill(state.ctypes.data, part.ctypes.data, part.size, native.deviation)
    return out


@needs_kernels
@pytest.mark.parametrize("shape", [(100, 33), (512, 512), (1024, 512), (999, 777)])
@pytest.mark.parametrize(
    "seed", [3, np.random.SeedSequence(3, spawn_key=(7,))], ids=["int", "child"]
)
def test_as_draw(shape, seed):
    law = dense_law(*shape, "normal", 0.3)
    native, expected = native_draw(law, seed), draw(law, seed)
    for together in (TOGETHER, 5 * TOGETHER, 2**30):
        assert drawn(native, together).tobytes() == expected.tobytes()
    assert (drawn(native, TOGETHER - 1) != expected.ravel()).any()  # what is left of a call is lost
    assert (drawn(native_draw(law, 4), TOGETHER) != expected.ravel()).any()


@needs_kernels
def test_streams_cover_the_array_once():
    for size in (3000, 2**18, 2**18 + 1, 3_000_001):
        firsts = starts(entries_law((size,), "normal", 1.0))
        assert (firsts[0], firsts[-1]) == (0, size)
        assert (np.diff(firsts) > 0).all()


REFUSED = [
    dense_law(300, 200, "uniform", 0.1),
    dense_law(300, 200, "haar", 0.1),
    dense_law(300, 200, "normal", 0.1, dtype="float64"),
    dense_law(300, 200, "normal", 0.1, mirror=True),
    dense_law(300, 200, "normal", 0.1, mirror=0.5),
    dense_law(300, 200, "normal", 0.1, sparsity=0.5),
    dense_law(2, 1024, "normal", 0.1),
]


@pytest.mark.parametrize("law", REFUSED, ids=str)
def test_other_laws_are_refused(law):
    assert not is_native(law)
    with pytest.raises(ValueError, match=r"law must be one that is_native\. Received: .* Use draw"):
        native_draw(law)


@pytest.mark.parametrize("other", [None, "normal", (300, 200), np.ones(3)])
def test_other_kinds_are_refused(other):
    for function in (is_native, native_draw):
        with pytest.raises(TypeError, match="law must be a WeightLaw"):
            function(other)
