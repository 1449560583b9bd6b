"""Memory: the result, and little besides. Arrays are large beside the scratch of a thread."""

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from lookslinear.laws import DTYPES, FIXED, INDEPENDENT, dense_law, entries_law
from lookslinear.sampling import draw, frames
from tests.lookslinear.laws import law_between

#: The bytes of a result, about.
LARGE = 80e6


def peak_of(law, threads=2):
    """The largest memory during a draw in units of the result."""
    draw(dense_law(4, 4, law.family, 1.0), 0)  # what is imported or cached once
    rng = np.random.default_rng(0)
    tracemalloc.start()
    weight = draw(law, rng, threads=threads)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / weight.nbytes


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", INDEPENDENT)
def test_independent_entries_take_the_result_and_a_tenth(family, dtype):
    count = int(LARGE / np.dtype(dtype).itemsize)
    rows = count // 3000 // 2 * 2
    assert peak_of(entries_law((count,), family, 0.1, dtype=dtype, mean=1.0)) < 1.1
    for mirror in (True, 0.5) if family == "normal" else (True,):
        assert peak_of(dense_law(rows, 3000, family, 0.1, dtype=dtype, mirror=mirror)) < 1.1


@pytest.mark.parametrize("family", INDEPENDENT)
def test_single_precision_never_passes_through_a_double_array(family):
    # A float64 array beside it would make 3.
    assert peak_of(dense_law(4000, 5000, family, 0.1), threads=1) < 1.1


@pytest.mark.parametrize("layout", ["theano", "keras"])
@pytest.mark.parametrize("taps", ["all", "centre", "average"])
@pytest.mark.parametrize("family", [*INDEPENDENT, "constant"])
def test_mirrored_kernels_take_the_result_and_a_tenth(family, taps, layout):
    law = law_between(1024, 2048, family, sides=(3, 3), layout=layout, taps=taps, mirror=True)
    assert peak_of(law) < 1.1


@pytest.mark.parametrize("family", FIXED)
def test_fixed_weights_take_the_result_and_a_tenth(family):
    assert peak_of(dense_law(3000, 3000, family, 0.1)) < 1.1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("claims", [{}, {"mirror": True}])
def test_sparse_weights_take_the_result_and_a_tenth(claims, dtype):
    side = int(math.sqrt(LARGE / np.dtype(dtype).itemsize)) // 2 * 2
    law = dense_law(side, side, "normal", 0.1, sparsity=0.5, dtype=dtype, **claims)
    assert peak_of(law) < 1.1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1500, 1500), (2500, 1200), (1200, 2500), (30_000, 300)])
def test_haar_frames_take_at_most_the_result_again(shape, dtype):
    law = dense_law(*shape, "haar", 0.1, dtype=dtype)
    # Half precision is made in single, of twice the bytes, and rounded into the result.
    again = 4 if dtype == "float16" else 1
    partly = replace(law, mirror=0.5)
    scratch = 3e6 / (math.prod(shape) * np.dtype(dtype).itemsize)
    assert peak_of(law) < 1 + again + scratch
    # One half is drawn after the other, in the room of one.
    assert peak_of(partly) < 1 + again / 2 + 2 * scratch


def test_a_square_frame_takes_half_of_itself_besides():
    # Of the vectors nothing above the blocks of their diagonal is stored, and T beside them.
    law = dense_law(1600, 1600, "haar", 0.1)
    (block, _), scratch = frames._SIZES[-1][1], 2**20 * 3
    vectors = 0.5 * (1 + block / 1600)
    assert peak_of(law) < 1 + vectors + block / 1600 * 2 + scratch / (1600**2 * 4)


@pytest.mark.parametrize("shape", [(4, 1_000_000), (1_000_000, 4), (200_000, 30)])
def test_a_thin_frame_never_needs_a_square_one(shape):
    # The square frame would be 10^5 times the result.
    assert peak_of(dense_law(*shape, "haar", 0.1)) < 2.2


def test_a_frame_of_a_kernel_in_keras_layout_is_made_in_place():
    law = law_between(128, 512, "haar", sides=(3, 3), layout="keras", mirror=True)
    assert peak_of(law) < 2.5


@pytest.mark.parametrize(("family", "most"), [("normal", 0.1), ("uniform", 0.1), ("haar", 0.7)])
def test_a_draw_into_room_takes_no_other(family, most):
    law = dense_law(2000, 2000, family, 0.1)
    room = draw(law, 0, threads=1)
    tracemalloc.start()
    draw(law, 1, threads=1, out=room)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A square frame takes half of itself for its vectors.
    assert peak < most * room.nbytes


def test_nothing_of_a_draw_is_left_behind():
    law = dense_law(1000, 1000, "haar", 0.1)
    draw(law, 0, threads=1)  # what the thread keeps is made once
    tracemalloc.start()
    for seed in range(3):
        draw(law, seed, threads=1)
    left = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert left < 1e5
