"""Where a block stands in its weight, and what a layer then computes with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookslinear.arranging import (
    arrange,
    average_taps,
    block_of,
    centre_tap,
    mask_sparsely,
    mirror,
)
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, dense_law
from lookslinear.sampling import draw
from tests.lookslinear.laws import weight_laws
from tests.oracles import conv2d_oracle, crelu_oracle


def kernel_law(shape, taps, layout="theano", **claims):
    return WeightLaw(shape, axes_of(len(shape), layout), "normal", 1.0, taps, **claims)


def convolve(images, kernel, stride, flips=True):
    """With half padding; `flips=False` for a cross-correlation."""
    kernel = kernel if flips else kernel[:, :, ::-1, ::-1]
    padding = [side // 2 for side in kernel.shape[2:]]
    return conv2d_oracle(images, kernel, (stride, stride), padding)


@pytest.mark.parametrize("sides", [(1, 1), (3, 3), (5, 3), (1, 5)])
@pytest.mark.parametrize("flips", [True, False])
def test_a_centre_tap_acts_on_each_position_alone(sides, flips):
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 3, 4, 5))
    law = kernel_law((7, 3, *sides), "centre", dtype="float64")
    block = rng.standard_normal((7, 3, 1, 1))
    expected = np.einsum("ncij,oc->noij", images, block[:, :, 0, 0])
    computed = convolve(images, arrange(block, law), 1, flips)
    np.testing.assert_allclose(computed, expected, rtol=1e-12)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 6])
def test_the_centre_of_an_even_filter_lies_before_the_middle(side):
    assert centre_tap(side) == (side + 1) // 2 - 1
    assert centre_tap(side) == [0, 0, 1, 1, 2, 2][side - 1]


@pytest.mark.parametrize(("layout", "flips"), [("theano", True), ("torch", False)])
@pytest.mark.parametrize("sides", [(3, 3), (5, 5), (3, 5), (7, 3)])
def test_average_taps_read_disjoint_blocks(layout, flips, sides):
    law = kernel_law((1, 1, *sides), "average", layout, dtype="float64")
    kernel = arrange(np.ones((1, 1, 1, 1)), law)
    images = np.random.default_rng(1).standard_normal((1, 1, 6, 8))
    computed = convolve(images, kernel, 2, flips)
    blocks = images.reshape(1, 1, 3, 2, 4, 2).sum(axis=(3, 5))
    np.testing.assert_allclose(computed[:, :, :3, :4], blocks, rtol=1e-12)
    # So a constant image stays constant; read the other way round it does not.
    ones = np.ones((1, 1, 6, 6))
    assert (convolve(ones, kernel, 2, flips)[:, :, :3, :3] == 4).all()
    assert (convolve(ones, kernel, 2, not flips)[0, 0, 0, :3] == [1, 2, 2]).all()


def test_average_taps_of_each_side_and_flip():
    taps = {(s, f): average_taps(s, f) for s in range(2, 7) for f in (True, False)}
    starts = [taps[s, True].start for s in range(2, 7)], [taps[s, False].start for s in range(2, 7)]
    assert starts == ([0, 0, 0, 1, 1], [0, 1, 1, 2, 2])
    assert all(tap.stop - tap.start == 2 and tap.stop <= s for (s, _), tap in taps.items())


@pytest.mark.parametrize("layout", ["theano", "keras", "torch"])
def test_the_average_block_is_one_number_on_four_taps(layout):
    shape = (4, 4, 6, 2) if layout == "keras" else (2, 6, 4, 4)
    law = kernel_law(shape, "average", layout)
    kernel = draw(law, 0)
    receptive = law.axes.receptive(4)
    assert (np.count_nonzero(kernel, axis=receptive) == 4).all()
    flat = np.moveaxis(kernel, receptive, (0, 1)).reshape(16, -1)
    assert (np.ptp(flat[flat.any(axis=1)], axis=0) == 0).all()


def test_mirror_makes_what_follows_crelu_linear():
    rng = np.random.default_rng(2)
    x, weight = rng.standard_normal((9, 4)), rng.standard_normal((4, 7))
    np.testing.assert_allclose(crelu_oracle(x) @ mirror(weight, 0), x @ weight, rtol=1e-12)
    images, kernel = rng.standard_normal((2, 4, 5, 5)), rng.standard_normal((3, 4, 3, 3))
    np.testing.assert_allclose(
        convolve(crelu_oracle(images), mirror(kernel, 1), 1),
        convolve(images, kernel, 1),
        rtol=1e-11,
    )
    # Mutants: mirrored along the other axis, or not negated.
    assert not np.allclose(crelu_oracle(x) @ np.concatenate([weight, weight]), x @ weight)
    assert mirror(weight, 1).shape == (4, 14)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_mirror_keeps_dtype_and_makes_no_negative_zero(dtype):
    mirrored = mirror(np.array([[0.0, 2.0]], dtype), 0)
    assert mirrored.dtype == dtype
    assert not np.signbit(mirrored[1, 0])
    assert mirrored[1, 1] == -2


def test_taps_leave_zeros_elsewhere():
    law = kernel_law((2, 3, 3, 5), "centre")
    block = np.ones((2, 3, 1, 1), "float32")
    kernel = arrange(block, law)
    assert kernel.shape == law.shape
    assert kernel.dtype == np.float32
    assert kernel.sum() == 6
    assert (kernel[:, :, 1, 2] == 1).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mask_sparsely_cuts_the_named_inputs_of_each_output(axis):
    rng = np.random.default_rng(3)
    block = np.moveaxis(rng.standard_normal((3, 4, 5)), axis, 0)
    before = block.copy()
    outputs, rest = len(block), block.size // len(block)
    cut = np.array([rng.permutation(rest)[:2] for _ in range(outputs)])
    masked = mask_sparsely(block, cut)
    expected = before.reshape(outputs, rest).copy()
    for output, inputs in enumerate(cut):
        for i in inputs:
            expected[output, i] = 0
    np.testing.assert_array_equal(masked.reshape(outputs, rest), expected)
    np.testing.assert_array_equal(block, before)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(weight_laws().filter(lambda law: not law.partly_mirrored), st.integers(0, 2**32))
def test_block_of_undoes_arrange(law, seed):
    block = np.random.default_rng(seed).standard_normal(law.block_shape).astype(law.dtype)
    weight = arrange(block, law)
    assert weight.shape == law.shape
    assert weight.dtype == law.dtype
    assert weight.flags.c_contiguous
    np.testing.assert_array_equal(block_of(weight, law), block)


def test_a_weight_that_is_its_block_is_arranged_as_it_is():
    law = dense_law(4, 6, "normal", 1.0)
    block = draw(law, 0)
    assert arrange(block, law) is block


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: centre_tap(0), ValueError, "side must be at least 1. Received: 0"),
        (lambda: centre_tap(2.5), TypeError, "side must be a whole number. Received: 2.5"),
        (
            lambda: arrange(np.ones((2, 3)), dense_law(3, 2, "normal", 1.0)),
            ValueError,
            r"block must be of shape \(3, 2\). Received: \(2, 3\)",
        ),
        (
            lambda: arrange(np.ones((3, 2)), dense_law(6, 2, "normal", 1.0, mirror=0.5)),
            ValueError,
            "partly mirrored weight holds two blocks.*Received: mirror 0.5",
        ),
    ],
)
def test_bad_sides_and_blocks_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
