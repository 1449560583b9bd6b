"""Convolutions without unfolding, against Theano's own and the slow convolution of the oracles."""

import itertools

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, gradient, theano
from layers import directly
from layers.directly import Correlation

pytestmark = pytest.mark.skipif(not theano.config.cxx, reason="computed in C alone")

#: (batch, channels, rows, columns), (filters, sides): groups of filters that come out even or not,
#: one pixel, one channel, even and oblong filters, more windows than a vector holds.
CASES = [
    ((3, 4, 7, 9), (5, 3, 3)),
    ((2, 1, 5, 4), (11, 2, 3)),
    ((1, 3, 6, 6), (17, 1, 1)),
    ((5, 2, 4, 4), (3, 4, 2)),
    ((2, 9, 18, 17), (8, 5, 3)),
    ((2, 3, 1, 1), (7, 1, 1)),
]
#: Each number is a sum of at most 9 * 25 products, and each rounds by half a unit at most.
TERMS = 9 * 25


def outputs(mode, strides, dtype):
    """Outputs and both gradients, as a layer makes them."""
    x, w = (T.TensorType(dtype, (False,) * 4)() for _ in range(2))
    y = T.nnet.conv2d(x, w, border_mode=mode, subsample=strides)
    weights = T.cos(T.arange(y.size).reshape(y.shape).astype(dtype))
    return [x, w], [y, *gradient((weights * y).sum(), [x, w])]


def counted(function):
    return sum(isinstance(node.op, Correlation) for node in function.maker.fgraph.apply_nodes)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["half", "valid", "full"])
def test_outputs_and_gradients_are_theanos(mode, dtype):
    symbols, made = outputs(mode, (1, 1), dtype)
    ours = compileFunction(symbols, made)
    plain = theano.compile.get_default_mode().excluding("conv_directly")
    theirs = compileFunction(symbols, made, mode=plain)
    assert (counted(ours), counted(theirs)) == (2, 0)
    rng = np.random.default_rng(4)
    for shape, (filters, *sides) in CASES:
        x = rng.standard_normal(shape).astype(dtype)
        w = rng.standard_normal((filters, shape[1], *sides)).astype(dtype)
        for found, expected in zip(ours(x, w), theirs(x, w), strict=True):
            assert found.shape == expected.shape
            size = np.abs(expected).max(initial=0)
            assert np.abs(found - expected).max() <= TERMS * np.finfo(dtype).eps * max(size, 1)


def test_it_is_the_sum_over_windows():
    x, w = T.dtensor4(), T.dtensor4()
    function = compileFunction([x, w], Correlation("valid")(x, w))
    images = np.random.default_rng(5).standard_normal((2, 3, 6, 5))
    filters = np.random.default_rng(6).standard_normal((4, 3, 2, 3))
    found = function(images, filters)
    assert found.shape == (2, 4, 5, 3)
    for n, f, r, q in itertools.product(*map(range, found.shape)):
        expected = np.sum(images[n, :, r : r + 2, q : q + 3] * filters[f])
        assert abs(found[n, f, r, q] - expected) < 1e-12


@pytest.mark.parametrize("openmp", [False, True])
def test_cores_change_no_bit_and_arrays_may_lie_anyhow(openmp):
    x, w = T.ftensor4(), T.ftensor4()
    function = compileFunction([x, w], Correlation("half", openmp=openmp)(x, w))
    images = np.random.default_rng(7).standard_normal((9, 10, 8, 6)).astype("float32")
    filters = np.random.default_rng(8).standard_normal((6, 6, 3, 3)).astype("float32")
    one = compileFunction([x, w], Correlation("half")(x, w))
    found = function(images.transpose(0, 3, 1, 2), filters[::-1])
    straight = np.ascontiguousarray(images.transpose(0, 3, 1, 2)), filters[::-1].copy()
    np.testing.assert_array_equal(found, one(*straight))


@pytest.mark.parametrize(
    ("mode", "strides"), [("half", (2, 2)), ("half", (1, 2)), ((1, 1), (1, 1)), (2, (1, 1))]
)
def test_other_convolutions_stay_theanos(mode, strides):
    symbols, made = outputs(mode, strides, "float32")
    assert counted(compileFunction(symbols, made)) == 0


def test_empty_batches_and_channels():
    x, w = T.ftensor4(), T.ftensor4()
    function = compileFunction([x, w], Correlation("half")(x, w))
    assert function(np.ones((0, 2, 4, 4), "f"), np.ones((3, 2, 3, 3), "f")).shape == (0, 3, 4, 4)
    assert not function(np.ones((2, 0, 4, 4), "f"), np.ones((3, 0, 3, 3), "f")).any()


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((1, 2, 4, 4), (3, 1, 3, 3)), "different channels"),
        (((1, 2, 2, 4), (3, 2, 4, 3)), "larger than the images"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes, message):
    x, w = T.ftensor4(), T.ftensor4()
    function = compileFunction([x, w], Correlation("valid")(x, w))
    with pytest.raises(ValueError, match=message):
        function(*(np.ones(shape, "float32") for shape in shapes))


def test_another_text_is_compiled_anew(tmp_path, monkeypatch):
    before = Correlation("half").c_code_cache_version()
    changed = tmp_path / "directly.c"
    changed.write_text(directly.SUPPORT.read_text(encoding="utf-8") + "// one more line\n")
    monkeypatch.setattr(directly, "SUPPORT", changed)
    assert Correlation("half").c_code_cache_version() != before
