"""What a law claims, refuses, and keeps."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from lookslinear.errors import UnknownNameError
from lookslinear.fans import Axes, axes_of
from lookslinear.laws import (
    DTYPES,
    FAMILIES,
    WeightLaw,
    dense_law,
    normal_law,
    truncated_normal_law,
    uniform_law,
)
from tests.lookslinear.laws import weight_laws
from tests.oracles import fans_oracle

KERNEL = (10, 4, 3, 5)


def kernel_law(shape=KERNEL, family="normal", scale=0.5, layout="theano", groups=1, **claims):
    return WeightLaw(shape, axes_of(len(shape), layout, groups), family, scale, **claims)


def test_a_mirrored_law_counts_the_channels_before_the_doubling():
    law = kernel_law(mirror=True)
    assert (law.input_channels, law.output_channels) == (2, 10)
    assert law.unmirrored_shape == law.block_shape == (10, 2, 3, 5)
    assert law.fans == fans_oracle((10, 2, 3, 5), 1, 0) == (30, 150)


@pytest.mark.parametrize(("layout", "block"), [("theano", (10, 4, 1, 1)), ("keras", (1, 1, 3, 5))])
@pytest.mark.parametrize("taps", ["centre", "average"])
def test_the_block_of_few_taps_has_one_but_the_fans_count_all(layout, block, taps):
    shape = KERNEL if layout == "theano" else (4, 10, 3, 5)
    law = kernel_law(shape, layout=layout, taps=taps)
    assert law.block_shape == block
    assert law.fans == fans_oracle(shape, law.axes.input, law.axes.output)


def test_frames_are_flattened_to_rest_and_outputs_of_one_group():
    assert kernel_law(family="haar").frame_shape == (60, 10)
    assert kernel_law(family="haar", taps="centre").frame_shape == (4, 10)
    assert kernel_law(family="haar", taps="centre", groups=2).frame_shape == (4, 5)
    assert kernel_law((3, 5, 4, 10), "haar", layout="keras", mirror=True).frame_shape == (30, 10)
    assert dense_law(3, 8, "haar", 1.0).frame_shape == (3, 8)


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (5, 5)])
def test_the_gain_of_a_frame_is_its_singular_value(shape):
    law = dense_law(*shape, "haar", 0.25)
    frame = np.linalg.qr(np.random.default_rng(0).standard_normal((max(shape), min(shape))))[0]
    # An orthonormal frame times the gain has entries of the claimed root mean square.
    assert math.isclose(math.sqrt(np.mean((law.gain * frame) ** 2)), 0.25)


@pytest.mark.parametrize(
    ("sparsity", "zeros"), [(0.0, 0), (0.001, 1), (0.25, 3), (0.5, 5), (0.99, 10)]
)
def test_a_sparse_law_rounds_its_zeros_up(sparsity, zeros):
    law = dense_law(10, 30, "normal", 0.5, sparsity=sparsity)
    assert law.zeros_per_output == zeros
    assert math.isclose(law.variance, 0.25 * (1 - zeros / 10))


def test_laws_are_values():
    law, same = kernel_law(mirror=True), kernel_law(mirror=True)
    assert law == same
    assert len({law, same, kernel_law()}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        law.scale = 1.0


def test_any_sequence_and_any_spelling_of_a_dtype_gives_the_same_law():
    plain = kernel_law()
    assert kernel_law(list(KERNEL), dtype=np.float32) == plain
    assert kernel_law(tuple(np.array(KERNEL)), dtype=np.dtype("f4")) == plain
    assert hash(kernel_law(list(KERNEL))) == hash(plain)


@pytest.mark.parametrize("dtype", DTYPES)
def test_with_dtype_changes_the_dtype_alone(dtype):
    law = kernel_law(taps="centre", mirror=True)
    changed = law.with_dtype(dtype)
    assert changed.dtype == dtype
    assert changed.with_dtype(law.dtype) == law


def test_a_dense_law_has_the_axes_in_and_out():
    law = dense_law(3, 8, "uniform", 0.5, sparsity=0.5, dtype="float64")
    assert (law.axes, law.fans) == (Axes(0, 1), (3, 8))
    assert (law.family, law.scale, law.sparsity, law.dtype) == ("uniform", 0.5, 0.5, "float64")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(weight_laws())
def test_any_law_describes_itself(law):
    rest, outputs = law.frame_shape
    assert math.prod(law.block_shape) == rest * outputs * law.pieces or not outputs
    assert 0 <= law.variance <= law.scale**2
    assert 0 <= law.zeros_per_output <= rest
    if 0 not in law.shape:
        counted = fans_oracle(
            law.unmirrored_shape, law.axes.input, law.axes.output, law.axes.groups
        )
        apart = law.blocks * (2 if law.mirror_outputs else 1)
        assert law.fans == (counted[0], counted[1] // apart)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_accepted(family):
    assert dense_law(4, 2, family, 0.5).family == family


def test_the_gain_of_a_convolution_counts_its_taps():
    assert kernel_law(family="haar_convolution").gain == pytest.approx(0.5 * math.sqrt(10 * 15))
    one = kernel_law(family="haar_convolution", taps="centre")
    assert one.gain == pytest.approx(kernel_law(family="haar", taps="centre").gain)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: dense_law(4, 2, "nromal", 1.0), UnknownNameError, "'nromal'.*mean 'normal'"),
        (lambda: kernel_law(taps="center"), UnknownNameError, "taps 'center'.*mean 'centre'"),
        (lambda: kernel_law(dtype="int32"), UnknownNameError, "unknown dtype 'int32'.*float32"),
        (lambda: kernel_law(dtype="complex64"), UnknownNameError, "unknown dtype 'complex64'"),
        (lambda: kernel_law(scale=-1.0), ValueError, "scale must be at least 0.*-1"),
        (lambda: kernel_law(scale="1"), TypeError, "scale must be a number. Received: '1'"),
        (lambda: kernel_law(scale=math.nan), ValueError, "scale must be finite.*nan"),
        (lambda: kernel_law(scale=math.inf), ValueError, "scale must be finite.*inf"),
        (lambda: kernel_law(sparsity=1.0), ValueError, r"sparsity must be in \[0, 1\).*1.0"),
        (lambda: kernel_law(sparsity=-0.1), ValueError, r"sparsity must be in \[0, 1\).*-0.1"),
        (lambda: kernel_law(sparsity=math.nan), ValueError, "sparsity must be finite.*nan"),
        (
            lambda: dense_law(4, 2, "haar", 1.0, sparsity=0.5),
            ValueError,
            "sparsity needs independent entries. Received: family 'haar'",
        ),
        (lambda: dense_law(-1, 2, "normal", 1.0), ValueError, "each side.*at least 0.*-1"),
        (lambda: dense_law(2.0, 2, "normal", 1.0), TypeError, "each side of shape.*2.0"),
        (lambda: dense_law("2", 2, "normal", 1.0), TypeError, "each side of shape.*'2'"),
        (
            lambda: WeightLaw((3,), Axes(1, 0), "normal", 1.0),
            ValueError,
            r"axes of the shape \(3,\). Received: Axes\(input=1, output=0",
        ),
        (
            lambda: WeightLaw((3, 4), Axes(0, 2), "normal", 1.0),
            ValueError,
            r"axes of the shape \(3, 4\). Received: Axes\(input=0, output=2",
        ),
        (
            lambda: WeightLaw((3,), Axes((), ()), "haar", 1.0),
            ValueError,
            r"without one input and one output axis. Received: shape \(3,\), Axes\(input=\(\)",
        ),
        (
            lambda: WeightLaw((4, 2, 3), Axes(0, (1, 2)), "normal", 1.0, mirror=True),
            ValueError,
            r"independent or equal entries.*one output axis. Received: shape \(4, 2, 3\)",
        ),
        (
            lambda: WeightLaw((4, 2, 3), Axes(1, 2, batch=(0,)), "identity", 1.0),
            ValueError,
            r"one output axis. Received: shape \(4, 2, 3\).*batch=\(0,\)",
        ),
        (lambda: kernel_law(mean=math.nan), ValueError, "mean must be finite. Received: nan"),
        (
            lambda: kernel_law(family="haar", mean=1.0),
            ValueError,
            "mean needs independent entries, none of them cut. Received: family 'haar'",
        ),
        (
            lambda: kernel_law(sparsity=0.5, mean=1.0),
            ValueError,
            "none of them cut. Received: family 'normal', sparsity 0.5",
        ),
        (
            lambda: dense_law(5, 4, "normal", 1.0, mirror=True),
            ValueError,
            "mirror needs an even number of input channels.*Received: 5",
        ),
        (
            lambda: kernel_law((4, 4, 3, 1), taps="average"),
            ValueError,
            r"at least 2 along each axis. Received: \(3, 1\)",
        ),
        (lambda: dense_law(4, 4, "haar", 1.0, taps="average"), ValueError, r"at least 2.*\(\)"),
        (lambda: kernel_law((7, 4, 3, 3), groups=2), ValueError, "split evenly into groups.*7"),
    ],
)
def test_bad_claims_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_a_vector_a_number_and_a_stack_have_laws_too():
    assert WeightLaw((3,), Axes((), ()), "normal", 1.0).fans == (3, 3)
    assert WeightLaw((), Axes((), ()), "uniform", 1.0).fans == (1, 1)
    stack = WeightLaw((5, 2, 3, 4), Axes(1, (2, 3), batch=(0,)), "normal", 1.0)
    assert (stack.fans, stack.input_channels, stack.output_channels) == ((2, 12), 2, 12)
    assert WeightLaw((1, 2, 3, 4, 5, 6), Axes(4, 5), "normal", 1.0).fans == (120, 144)


def test_a_mean_is_no_part_of_the_variance():
    assert dense_law(4, 2, "uniform", 0.5, mean=-3.0).variance == 0.25


@pytest.mark.parametrize("family", ["normal", "uniform", "truncated_normal"])
def test_the_laws_by_bound_and_deviation_are_scipys(family):
    law, oracle = {
        "normal": (normal_law((3, 4), 1.0, 0.3, "float64"), stats.norm(1, 0.3)),
        "uniform": (uniform_law((3, 4), -0.2, 1.0, "float64"), stats.uniform(-0.2, 1.2)),
        "truncated_normal": (
            truncated_normal_law((3, 4), 1.0, 0.3, "float64"),
            stats.truncnorm(-2, 2, 1.0, 0.3),
        ),
    }[family]
    assert (law.family, law.dtype) == (family, "float64")
    assert math.isclose(law.mean, oracle.mean())
    assert math.isclose(law.variance, oracle.var(), rel_tol=1e-12)


def test_a_constant_may_be_negative():
    assert dense_law(4, 2, "constant", -1.0).variance == 1.0


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: WeightLaw((3, 4), None, "normal", 1.0), TypeError, "axes must be an Axes.*None"),
        (lambda: WeightLaw((3, 4), (0, 1), "normal", 1.0), TypeError, r"an Axes.*\(0, 1\)"),
        (lambda: WeightLaw(5, axes_of(2), "normal", 1.0), TypeError, "shape must be a seq.*: 5"),
        (lambda: normal_law(5, 0.0, 1.0, "float32"), TypeError, "shape must be a seq.*: 5"),
        (lambda: dense_law(3, 4, ["haar"], 1.0), UnknownNameError, r"unknown family \['haar'\]"),
        (lambda: kernel_law(dtype="foo"), UnknownNameError, "dtype 'foo'.*Known: float16, float32"),
        (lambda: kernel_law(dtype=None), UnknownNameError, "unknown dtype None. Known: float16"),
        (lambda: kernel_law(dtype=["x"]), UnknownNameError, r"unknown dtype \['x'\].*Known"),
        (lambda: kernel_law(mirror="no"), TypeError, "mirror must be True, False or a.*'no'"),
        (lambda: kernel_law(mean="1"), TypeError, "mean must be a number. Received: '1'"),
    ],
)
def test_what_is_of_another_kind_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
