"""Each Theano expression, held to the NumPy function and derivative of the same name."""

import numpy as np
import pytest

from utilityFunctions import T, cast, compileFunction, gradient, theano
from layers import Activation, CReLU, Representation
from layers.activation import EXPRESSIONS
from lookslinear.activations import ACTIVATIONS, activation
from tests.oracles import crelu_oracle

NAMES = (*ACTIVATIONS, "leakyRelu(0.2)", "leakyRelu(-0.5)")


@pytest.fixture(scope="module", autouse=True)
def singlePrecision():
    """float32, in which an expression can become float64 by accident."""
    with theano.config.change_flags(floatX="float32"):
        yield


@pytest.fixture(scope="module")
def points(singlePrecision):
    spread = np.random.default_rng(0).standard_normal((50, 6))
    edges = [[30, -30, 80, -80, 1e4, -1e4], [0, -0.0, 1, -1, 1e-30, -1e-30]]
    return cast(np.concatenate([spread, edges]))


@pytest.fixture(scope="module")
def computed(points):
    """For each name the values at the points, and the gradient of their sum weighted by 1, 2, …"""
    x = Representation((6,))
    with theano.config.change_flags(warn_float64="raise"):
        tensors = [Activation(name)(x).tensor for name in NAMES]
        costs = [(t * T.arange(1, 1 + t.shape[1], dtype=t.dtype)).sum() for t in tensors]
        function = compileFunction([x.input], tensors + [gradient(c, x.input) for c in costs])
    arrays = function(points)
    return dict(
        zip(NAMES, zip(arrays[: len(NAMES)], arrays[len(NAMES) :], strict=True), strict=True)
    )


def test_every_name_of_the_table_has_an_expression():
    assert set(EXPRESSIONS) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_table(computed, points, name):
    values, _ = computed[name]
    assert values.dtype == points.dtype
    np.testing.assert_allclose(values, activation(name).function(points), rtol=2e-6, atol=1e-35)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_table_also_at_zero(computed, points, name):
    _, gradients = computed[name]
    derivative = activation(name).derivative(points)
    weighted = derivative * np.arange(1, 1 + derivative.shape[1])
    expected = weighted[:, :6] + (weighted[:, 6:] if activation(name).doubles else 0)
    np.testing.assert_allclose(gradients, expected, rtol=1e-5, atol=1e-5)


def test_dead_signals_send_no_gradient(computed):
    for name in ("relu", "crelu"):
        assert (computed[name][1][-1, :2] == 0).all()


def test_crelu_is_that_of_the_oracle(computed, points):
    np.testing.assert_array_equal(computed["crelu"][0], crelu_oracle(points))


def test_relu_keeps_nan():
    x = T.vector()
    assert np.isnan(EXPRESSIONS["relu"](x).eval({x: cast([np.nan])})).all()


def test_crelu_doubles_the_channels():
    assert CReLU()(Representation((3, 4, 5))).shape == (6, 4, 5)
    assert CReLU()(Representation((7,))).shape == (14,)


def test_a_function_serves_as_activation():
    x = Representation((3, 4, 5))
    assert Activation(T.nnet.sigmoid)(x).shape == (3, 4, 5)
    twice = Activation(lambda t: T.concatenate([t, -t], axis=1), doubles=True)
    assert twice(x).shape == (6, 4, 5)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Activation("rellu"), ValueError, "Did you mean 'relu'"),
        (lambda: Activation(None), TypeError, "name or a function. Received: None"),
        (lambda: Activation(["relu"]), TypeError, "name or a function"),
        (lambda: Activation("relu", doubles=True), ValueError, "doubles belongs to functions"),
        (lambda: Activation(T.tanh, doubles=2), TypeError, "doubles must be True or False"),
        (lambda: CReLU(nmae="c"), TypeError, "Did you mean 'name'"),
        (lambda: CReLU(name=3), TypeError, "name must be a string or None. Received: 3"),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    "function", [lambda t: t.sum(), lambda t: 3, lambda t: t.astype("float16")]
)
def test_a_function_of_another_rank_or_dtype_is_refused(function):
    with pytest.raises(TypeError, match="must give a symbolic tensor of 2 axes"):
        Activation(function)(Representation((4,)))
