"""CReLU in one pass: the C code, its NumPy, and Theano's own operations say the same."""

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, gradient, theano
from layers.doubling import DoubledRelu, HalvedGradient

SHAPES = [(3, 4), (3, 5, 2, 7), (1, 1, 3), (0, 4), (2, 0, 3)]
DTYPES = ("float32", "float64")


def tensor(dtype, rank):
    return T.TensorType(dtype, (False,) * rank)("x")


def plain(x):
    return T.concatenate([x * (x > 0), -x * (-x > 0)], axis=1)


def sample(shape, dtype):
    x = np.random.default_rng(3).standard_normal(shape).astype(dtype)
    x[x > 1.5] = 0
    return x


def computed(crelu, x):
    """Values, and the gradient of their sum weighted by 1, 2, ..."""
    symbolic = tensor(str(x.dtype), x.ndim)
    y = crelu(symbolic)
    weights = T.arange(y.size).reshape(y.shape).astype(str(x.dtype))
    return compileFunction([symbolic], [y, gradient((y * weights).sum(), symbolic)])(x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_theanos_operations(shape, dtype):
    x = sample(shape, dtype)
    for found, expected in zip(computed(DoubledRelu(), x), computed(plain, x), strict=True):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("openmp", [False, True])
def test_large_batches_and_arrays_that_are_not_contiguous(openmp):
    x = sample((40, 30, 64), "float32")
    for view in (x, x[::2, :, ::3], x.transpose(0, 2, 1)):
        symbolic = tensor("float32", 3)
        function = compileFunction([symbolic], DoubledRelu(openmp=openmp)(symbolic))
        halves = np.maximum(view, 0), np.maximum(-view, 0)
        np.testing.assert_array_equal(function(view), np.concatenate(halves, axis=1))


def test_python_says_what_c_says():
    x = sample((4, 6, 3), "float32")
    y, g = (
        np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1),
        sample((4, 12, 3), "float32"),
    )
    for op, arrays in ((DoubledRelu(), [x]), (HalvedGradient(), [y, g])):
        symbols = [tensor("float32", 3) for _ in arrays]
        node, room = op(*symbols).owner, [[None]]
        op.perform(node, arrays, room)
        np.testing.assert_array_equal(
            room[0][0], compileFunction(symbols, node.outputs[0])(*arrays)
        )


def test_nan_stays_in_both_halves_and_infinity_in_one():
    x = np.array([[np.nan, np.inf, -np.inf]], "float32")
    symbolic = T.fmatrix()
    found = compileFunction([symbolic], DoubledRelu()(symbolic))(x)
    np.testing.assert_array_equal(found, [[np.nan, np.inf, 0, np.nan, 0, np.inf]])


def test_shapes_need_no_values():
    x = T.ftensor3()
    shape = compileFunction([x], DoubledRelu()(x).shape)
    assert not any(isinstance(node.op, DoubledRelu) for node in shape.maker.fgraph.apply_nodes)
    assert shape(np.zeros((2, 3, 4), "float32")).tolist() == [2, 6, 4]


def test_gradients_of_gradients():
    x = T.dmatrix()
    slope = gradient((DoubledRelu()(x) ** 3).sum(), x)
    second = compileFunction([x], gradient(slope.sum(), x))
    np.testing.assert_allclose(second([[0.5, -2.0]]), [[3.0, 12.0]])


def test_a_channel_that_broadcasts_has_a_gradient_that_does():
    x = T.TensorType("float64", (False, True, False))()
    slope = gradient(DoubledRelu()(x).sum(), x)
    assert slope.broadcastable == x.broadcastable
    assert slope.eval({x: np.array([[[1.0, -1.0]]])}).tolist() == [[[1.0, -1.0]]]


@pytest.mark.skipif(not theano.config.cxx, reason="rewrites are for compiled code")
def test_the_rewrite_shares_the_samples_out():
    x = T.fmatrix()
    function = compileFunction([x], DoubledRelu()(x))
    (node,) = [n for n in function.maker.fgraph.apply_nodes if isinstance(n.op, DoubledRelu)]
    assert node.op.openmp == ("conv_openmp" in theano.compile.mode.optdb.__position__)


@pytest.mark.parametrize("x", [T.fvector(), T.imatrix(), T.cmatrix()])
def test_what_has_no_second_axis_or_no_floats_is_refused(x):
    with pytest.raises(
        TypeError, match=r"doubles axis 1 of floats .* Received: a tensor of \d axes"
    ):
        DoubledRelu()(x)
