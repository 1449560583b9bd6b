"""The table of activations: functions, derivatives and gains."""

import dataclasses
import math

import numpy as np
import pytest

from lookslinear.activations import (
    ACTIVATIONS,
    SELU_ALPHA,
    SELU_SCALE,
    Activation,
    activation,
    leaky_relu,
)
from lookslinear.errors import UnknownNameError
from tests.oracles import ACTIVATIONS_ORACLE, crelu_oracle, gaussian_mean_oracle

NAMES = tuple(ACTIVATIONS_ORACLE)


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).standard_normal((40, 6)) * 2


def test_the_oracle_covers_the_table():
    assert set(ACTIVATIONS) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_functions_are_those_of_the_oracle(name, points):
    expected = ACTIVATIONS_ORACLE[name][0](points)
    np.testing.assert_allclose(activation(name).function(points), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_derivatives_are_the_slopes_of_the_functions(name, points):
    phi, step = activation(name), 1e-6
    away = points[np.abs(points).min(axis=1) > 10 * step]  # from the kink
    slopes = (phi.function(away + step) - phi.function(away - step)) / (2 * step)
    # Central differences: step^2 / 6 of a third derivative, and rounding of 1e-16 / step.
    np.testing.assert_allclose(phi.derivative(away), slopes, atol=1e-9)
    np.testing.assert_allclose(
        phi.derivative(points), ACTIVATIONS_ORACLE[name][1](points), rtol=1e-10, atol=1e-14
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes_and_shapes_are_kept(name, dtype):
    phi, x = activation(name), np.ones((2, 3, 4, 5), dtype)
    shape = (2, 6, 4, 5) if phi.doubles else x.shape
    for function in (phi.function, phi.derivative):
        assert function(x).dtype == dtype
        assert function(x).shape == shape


#: What each tends to on either side: a value and a slope, times x where it grows.
ENDS = {
    "linear": ("x", "x"),
    "relu": (0, "x"),
    "tanh": (-1, 1),
    "erf": (-1, 1),
    "hardTanh": (-1, 1),
    "sigmoid": (0, 1),
    "gelu": (0, "x"),
    "silu": (0, "x"),
    "elu": (-1, "x"),
    "selu": (-SELU_ALPHA * SELU_SCALE, "selu"),
    "softplus": (0, "x"),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ENDS)
def test_large_numbers_neither_overflow_nor_warn(name, dtype):
    phi, largest = activation(name), np.finfo(dtype).max / 4
    with np.errstate(all="raise", under="ignore"):
        for size in (50.0, 800.0, 1e5, largest):
            for x, end in zip((-size, size), ENDS[name], strict=True):
                slope = {"x": 1.0, "selu": SELU_SCALE}.get(end, 0.0)
                value = slope * x if slope else end
                at = np.array([[x]], dtype)
                assert phi.function(at)[0, 0] == pytest.approx(value, rel=1e-6, abs=1e-15)
                assert phi.derivative(at)[0, 0] == pytest.approx(slope, rel=1e-6, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_kinks_are_where_a_derivative_jumps(name):
    phi, step = activation(name), 1e-3
    if phi.doubles:
        return
    for at in (-1.0, 0.0, 1.0):
        nearby = np.array([[at - 2 * step, at - step, at + step, at + 2 * step]])
        slopes = phi.derivative(nearby)[0]
        jump = abs(slopes[2] - slopes[1]) + abs(np.diff(slopes)[[0, 2]] @ [-1, 1]) / step
        # Where it is smooth, both terms are of order step.
        assert (jump > 0.5) == (at in phi.kinks)
        assert (jump < 20 * step) == (at not in phi.kinks)


@pytest.mark.parametrize("name", NAMES)
def test_exact_gains_keep_a_second_moment_of_one(name):
    phi, (function, _) = activation(name), ACTIVATIONS_ORACLE[name]
    # A doubling activation's gain is that of one half: each half passes as much as a ReLU.
    function = ACTIVATIONS_ORACLE["relu"][0] if phi.doubles else function
    moment = gaussian_mean_oracle(lambda h: function(h) ** 2, 1.0, phi.kinks)
    assert math.isclose(phi.exact_gain, 1 / math.sqrt(moment), rel_tol=1e-9)


def test_the_literature_has_other_gains_for_three():
    differing = {
        n: p.literature_gain for n, p in ACTIVATIONS.items() if p.literature_gain != p.exact_gain
    }
    assert differing == {"tanh": 5 / 3, "sigmoid": 1.0, "selu": 3 / 4}


@pytest.mark.parametrize("name", NAMES)
def test_slopes_are_given_exactly_where_there_are_two(name, points):
    phi = activation(name)
    lines = ("linear", "relu", "leakyRelu", "leakyRelu(0.3)", "leakyRelu(-1.0)")
    assert (phi.slopes is not None) == (name in lines)
    if phi.slopes:
        left, right = phi.slopes
        expected = np.where(points > 0, right, left) * points
        np.testing.assert_array_equal(phi.function(points), expected)


def test_crelu_is_that_of_the_oracle_and_dead_at_zero():
    x = np.random.default_rng(1).standard_normal((3, 4, 2, 2))
    np.testing.assert_array_equal(ACTIVATIONS["crelu"].function(x), crelu_oracle(x))
    assert not ACTIVATIONS["crelu"].derivative(np.zeros((2, 3))).any()
    assert not ACTIVATIONS["relu"].derivative(np.zeros((2, 3))).any()


@pytest.mark.parametrize(
    ("name", "slope"),
    [
        ("leakyRelu", 0.01),
        ("leakyRelu(0.2)", 0.2),
        ("leakyRelu(-0.5)", -0.5),
        ("leakyRelu(1e-3)", 0.001),
        ("leakyRelu(2)", 2.0),
        ("leakyRelu(.5)", 0.5),
        ("leakyRelu(1e+20)", 1e20),
    ],
)
def test_a_leaky_relu_takes_its_slope_by_name(name, slope):
    phi = activation(name)
    assert phi.slopes == (slope, 1.0)
    assert activation(phi.name).slopes == phi.slopes
    assert phi.name == leaky_relu(slope).name
    assert math.isclose(phi.exact_gain, math.sqrt(2 / (1 + slope**2)))


def test_an_activation_passes_as_it_is_and_is_immutable():
    phi = ACTIVATIONS["tanh"]
    assert activation(phi) is phi
    assert isinstance(hash(phi), int)
    with pytest.raises(dataclasses.FrozenInstanceError):
        phi.exact_gain = 1.0


def test_a_new_activation_takes_its_exact_gain_as_the_literature_s():
    assert Activation("square", np.square, lambda x: 2 * x, 3**-0.5).literature_gain == 3**-0.5


def test_an_exact_gain_that_is_not_given_is_computed():
    square = Activation("square", np.square, lambda x: 2 * x)
    assert math.isclose(square.exact_gain, 3**-0.5, rel_tol=1e-9)
    bent = Activation("bent", np.abs, np.sign, kinks=(0.0,))
    assert math.isclose(bent.exact_gain, 1, rel_tol=1e-12)
    assert bent.literature_gain == bent.exact_gain


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: activation("rellu"), UnknownNameError, "'rellu'. Did you mean 'relu'.*Known: c"),
        (lambda: activation("leakyRelu()"), UnknownNameError, "Did you mean 'leakyRelu'"),
        (lambda: activation("leakyRelu(nan)"), UnknownNameError, "Did you mean 'leakyRelu'"),
        (lambda: activation(3), UnknownNameError, "unknown activation 3"),
        (lambda: activation(None), UnknownNameError, "unknown activation None"),
        (lambda: activation(["relu"]), UnknownNameError, r"\['relu'\]. Did you mean 'relu'"),
        (lambda: leaky_relu("0.2"), TypeError, "slope must be a number. Received: '0.2'"),
        (lambda: leaky_relu(True), TypeError, "slope must be a number. Received: True"),
        (lambda: leaky_relu(None), TypeError, "slope must be a number. Received: None"),
        (lambda: leaky_relu(1e300), ValueError, "square must be finite. Received: 1e[+]300"),
        (
            lambda: leaky_relu(math.nan),
            ValueError,
            "slope must be finite. Received: nan",
        ),
        (
            lambda: leaky_relu(math.inf),
            ValueError,
            "slope must be finite. Received: inf",
        ),
        (lambda: activation("leakyRelu(1.2.3)"), UnknownNameError, "Did you mean 'leakyRelu'"),
    ],
)
def test_bad_names_and_slopes_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
