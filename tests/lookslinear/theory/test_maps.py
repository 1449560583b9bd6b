"""Closed forms against adaptive quadrature, to nine digits."""

import math

import numpy as np
import pytest

from lookslinear.activations import ACTIVATIONS, Activation, activation
from lookslinear.theory import (
    averages,
    derivative_moment,
    mean,
    second_moment,
    second_moment_slope,
    squared_derivative_moment,
)
from lookslinear.theory.quadrature import expectation, normal_nodes
from tests.oracles import ACTIVATIONS_ORACLE, gaussian_mean_oracle

MOMENTS = (1e-3, 0.1, 0.7, 1.0, 3.0, 20.0, 300.0)
DIGITS = {"rtol": 1e-9}


def oracle(name, which, q):
    """The Gaussian mean of the square of the function (0) or the derivative (1)."""
    if name == "crelu":  # acts on a pair: the mean of its two outputs' squares, added
        halves = [lambda h: h * (h > 0), lambda h: -h * (h < 0)]
        slopes = [lambda h: 1.0 * (h > 0), lambda h: -1.0 * (h < 0)]
        functions = (halves, slopes)[which]
    else:
        functions = [ACTIVATIONS_ORACLE[name][which]]
    kinks = activation(name).kinks or (0.0,)
    return sum(gaussian_mean_oracle(lambda h, f=f: f(h) ** 2, q, kinks) for f in functions)


@pytest.mark.parametrize("name", ACTIVATIONS_ORACLE)
def test_second_moments_are_those_of_quadrature(name):
    with np.errstate(over="ignore"):
        expected = [oracle(name, 0, q) for q in MOMENTS]
    np.testing.assert_allclose(second_moment(name, MOMENTS), expected, **DIGITS)


@pytest.mark.parametrize("name", ACTIVATIONS_ORACLE)
def test_derivative_moments_are_those_of_quadrature(name):
    with np.errstate(over="ignore"):
        expected = [oracle(name, 1, q) for q in MOMENTS]
    np.testing.assert_allclose(derivative_moment(name, MOMENTS), expected, **DIGITS)


def test_few_nodes_would_not_do_for_steep_functions():
    # Mutant: 128 nodes of Gauss and Hermite, which miss tanh' at large variance.
    nodes, weights = np.polynomial.hermite_e.hermegauss(128)
    slopes = activation("tanh").derivative(math.sqrt(20) * nodes) ** 2
    mutant = slopes @ weights / weights.sum()
    assert abs(mutant / derivative_moment("tanh", 20.0) - 1) > 0.05


def test_small_moments_follow_the_series_of_tanh():
    q = 1e-3
    assert abs(second_moment("tanh", q) - (q - 2 * q**2 + 17 / 3 * q**3)) < 30 * q**4
    assert abs(derivative_moment("tanh", q) - (1 - 2 * q + 7 * q**2)) < 60 * q**3


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gains_of_the_table_are_those_of_the_maps(name):
    phi = ACTIVATIONS[name]
    moment = second_moment(phi, 1.0) / (2 if phi.doubles else 1)
    assert math.isclose(phi.exact_gain, 1 / math.sqrt(moment), rel_tol=1e-9)


def test_an_activation_of_ones_own_is_integrated():
    soft = Activation("cube", lambda x: x**3, lambda x: 3 * x**2, 15**-0.5)
    np.testing.assert_allclose(second_moment(soft, [1.0, 2.0]), [15, 120], **DIGITS)
    np.testing.assert_allclose(derivative_moment(soft, [1.0, 2.0]), [27, 108], **DIGITS)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 1)])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_moments_keep_their_shape(name, shape):
    q = np.full(shape, 0.5)
    for moments in (second_moment(name, q), derivative_moment(name, q)):
        assert np.shape(moments) == shape


def test_large_arrays_are_integrated_in_blocks():
    q = np.linspace(0, 1, 20_000)
    some = [0, 9000, -1]
    np.testing.assert_allclose(expectation(np.square, q)[some], q[some], rtol=1e-13)


def test_moments_that_are_no_numbers_stay_so():
    moments = averages.second_moment(ACTIVATIONS["tanh"], np.array([np.nan, 0.0, 20.0]))
    assert np.isnan(moments[0])
    assert moments[1] == 0
    assert math.isclose(moments[2], second_moment("tanh", 20.0), rel_tol=1e-12)


@pytest.mark.parametrize("largest", [0.0, 1.0, 100.0])
def test_nodes_integrate_polynomials(largest):
    nodes, weights = normal_nodes(largest)
    moments = [weights @ nodes**k for k in range(9)]
    np.testing.assert_allclose(moments, [1, 0, 1, 0, 3, 0, 15, 0, 105], rtol=1e-11, atol=1e-12)


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match=r"unknown activation 'tahn'. Did you mean 'tanh'"):
        second_moment("tahn", 1.0)


MAPS = [
    second_moment,
    derivative_moment,
    second_moment_slope,
    squared_derivative_moment,
    mean,
]


@pytest.mark.parametrize(
    ("q", "kind", "message"),
    [
        (-1, ValueError, "q must not be negative: it is a second moment. Received: -1"),
        (math.nan, ValueError, "q must not be NaN. Received: nan"),
        ([1.0, math.inf], ValueError, r"q must be finite. Received: \[1.0, inf\]"),
        ("1", TypeError, "q must be a number or an array of them. Received: '1'"),
        (True, TypeError, "q must be a number or an array of them. Received: True"),
        (None, TypeError, "q must be a number or an array of them. Received: None"),
        ([[1.0], [2.0, 3.0]], TypeError, "q must be a number or an array of them"),
        (1j, TypeError, "q must be a number or an array of them. Received: 1j"),
    ],
)
@pytest.mark.parametrize("phi", ["relu", "tanh"])
@pytest.mark.parametrize("of", MAPS)
def test_bad_variances_are_refused(of, phi, q, kind, message):
    with pytest.raises(kind, match=message):
        of(phi, q)


def test_no_variance_is_a_limit_except_of_slopes():
    """phi(0) and phi'(0), where there is one: on a kink the limit from above."""
    assert [float(of("sigmoid", 0)) for of in (second_moment, mean)] == [0.25, 0.5]
    assert float(derivative_moment("tanh", 0)) == pytest.approx(1, rel=1e-12)
    assert float(derivative_moment("relu", 0)) == float(derivative_moment("relu", 1e-300)) == 0.5
    with pytest.raises(ValueError, match="q must be more than 0"):
        second_moment_slope("tanh", 0)


@pytest.mark.parametrize(
    ("variance", "kind"), [(-1.0, ValueError), ("1", TypeError), ([1.0, -1e-9], ValueError)]
)
def test_bad_variances_of_expectations_are_refused(variance, kind):
    with pytest.raises(kind, match="variance must"):
        expectation(np.square, variance)
