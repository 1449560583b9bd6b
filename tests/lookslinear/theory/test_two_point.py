"""Two-point maps against a product rule of another kind, to nine digits, and their identities."""

import functools
import math
import time

import numpy as np
import pytest
from scipy.special import ndtr

from lookslinear.activations import ACTIVATIONS, Activation, activation
from lookslinear.theory import (
    NotCoveredError,
    averages,
    derivative_moment,
    derivative_product_moment,
    product_moment,
    second_moment,
)
from lookslinear.theory.averages import mean_slope_of
from tests.oracles import ACTIVATIONS_ORACLE

NAMES = [name for name in ACTIVATIONS_ORACLE if name != "crelu"]  # acts on pairs; below
MAPS = {
    "values": (product_moment, second_moment, 0),
    "derivatives": (derivative_product_moment, derivative_moment, 1),
}
#: (q1, q2, c) over the range of nine digits: small, large, unequal, at both ends and next to them.
TRIPLES = [
    (1e-3, 0.5, 0.3),
    (1.0, 1.0, 0.9),
    (2.0, 0.7, -0.6),
    (1.0, 1.0, 1 - 1e-6),
    (100.0, 100.0, 0.99),
    (30.0, 1.0, 0.0),
    (10.0, 100.0, -0.95),
    (0.1, 0.2, -1.0),
    (1.0, 2.0, 1.0),
    (1.0, 1.0, 1 - 1e-12),
]
#: Relative to the root of the two second moments: where a product's mean is 0 it has no digits.
DIGITS = 1e-9
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_REACH = 10.0


def panels(ends):
    ends = np.sort(np.clip(ends, -_REACH, _REACH), axis=-1)
    half = np.diff(ends, axis=-1)[..., None] / 2
    z = ends[..., :-1, None] + half * (1 + _POINTS)
    weights = half * _WEIGHTS * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return z.reshape(*ends.shape[:-1], -1), weights.reshape(*ends.shape[:-1], -1)


def two_point_oracle(function, kinks, q1, q2, c):
    """A product rule in h1 = s1 z and h2 = s2 (c z + s y), split at the kinks and graded there."""
    s1, s2, s = math.sqrt(q1), math.sqrt(q2), math.sqrt((1 - c) * (1 + c))
    centres = [kink / s1 for kink in kinks] + [kink / (c * s2) for kink in kinks if c]
    steps = 4 * 3.0 ** -np.arange(14 if s < 0.1 else 4)
    graded = [np.concatenate([centre + steps, [centre], centre - steps]) for centre in centres]
    z, z_weights = panels(
        np.concatenate([np.linspace(-_REACH, _REACH, 11 if q1 < 20 else 31), *graded])
    )
    base = np.linspace(-_REACH, _REACH, 9 if s * s2 < 3 else 31)
    ends = np.broadcast_to(base, (len(z), len(base)))
    if s * s2:
        at_kinks = [((kink - c * s2 * z) / (s * s2))[:, None] for kink in kinks]
        ends = np.concatenate([ends, *at_kinks], axis=1)
    y, y_weights = panels(ends)
    inner = (function(s2 * (c * z[:, None] + s * y)) * y_weights).sum(axis=1)
    return (z_weights * function(s1 * z)) @ inner


@pytest.mark.parametrize("which", MAPS)
@pytest.mark.parametrize("name", NAMES)
def test_two_point_maps_are_those_of_a_product_rule(name, which):
    two_point, one_point, place = MAPS[which]
    function, kinks = ACTIVATIONS_ORACLE[name][place], activation(name).kinks or (0.0,)
    with np.errstate(over="ignore"):
        expected = [two_point_oracle(function, kinks, *triple) for triple in TRIPLES]
    q1, q2, c = np.array(TRIPLES).T
    scale = np.sqrt(one_point(name, q1) * one_point(name, q2))
    assert np.abs((two_point(name, q1, q2, c) - expected) / scale).max() < DIGITS


@pytest.mark.parametrize("which", MAPS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_equal_inputs_have_the_one_point_moment(name, which):
    two_point, one_point, _ = MAPS[which]
    q = np.array([1e-3, 0.1, 1.0, 10.0, 100.0])
    np.testing.assert_allclose(two_point(name, q, q, 1.0), one_point(name, q), rtol=DIGITS)
    near = two_point(name, q, q, 1 - 1e-12)
    # A jump of the derivative costs in the order of sqrt(1 - c).
    np.testing.assert_allclose(near, one_point(name, q), rtol=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_derivative_map_is_the_slope_of_the_other(name):
    c, step = np.array([-0.8, -0.3, 0.0, 0.4, 0.9]), 1e-4
    q1, q2 = 0.7, 1.6
    slope = (product_moment(name, q1, q2, c + step) - product_moment(name, q1, q2, c - step)) / (
        2 * step * math.sqrt(q1 * q2)
    )
    # Price's theorem; central differences leave step^2 / 6 of a third derivative below 40.
    np.testing.assert_allclose(derivative_product_moment(name, q1, q2, c), slope, atol=1e-7)


@pytest.mark.parametrize("name", ["tanh", "hardTanh", "selu", "gelu"])
def test_inputs_may_be_exchanged(name):
    one = product_moment(name, 0.3, 2.0, [-0.5, 0.99])
    np.testing.assert_allclose(one, product_moment(name, 2.0, 0.3, [-0.5, 0.99]), rtol=1e-10)


def test_mirrored_crelus_are_those_of_their_halves():
    halves = [lambda h: h * (h > 0), lambda h: -h * (h < 0)]
    slopes = [lambda h: 1.0 * (h > 0), lambda h: -1.0 * (h < 0)]
    q1, q2, rho = 0.5, 2.0, 0.3
    for c in (-0.4, 0.7, 1.0):
        for (up, down), two_point in (
            (halves, product_moment),
            (slopes, derivative_product_moment),
        ):
            mean = functools.partial(cross_oracle, q1=q1, q2=q2, c=c)
            expected = mean(up, up) + mean(down, down) - rho * 2 * mean(up, down)
            assert math.isclose(two_point("crelu", q1, q2, c, rho), expected, abs_tol=1e-10)


def cross_oracle(first, second, q1, q2, c):
    """E f(h1) g(h2) = (E (f + g)(f + g) - E (f - g)(f - g)) / 4, which is symmetric in f and g."""
    plus = two_point_oracle(lambda h: first(h) + second(h), (0.0,), q1, q2, c)
    minus = two_point_oracle(lambda h: first(h) - second(h), (0.0,), q1, q2, c)
    return (plus - minus) / 4


def test_a_whole_mirror_makes_crelu_linear():
    c = np.linspace(-1, 1, 21)
    np.testing.assert_allclose(product_moment("crelu", 2.0, 0.5, c, mirror=1.0), c, atol=1e-15)
    np.testing.assert_allclose(derivative_product_moment("crelu", 1.0, 1.0, c, 1.0), 1.0)


def test_arrays_broadcast():
    q, c, rho = np.ones((3, 1, 1)), np.linspace(-1, 1, 4)[:, None], np.array([0.0, 1.0])
    assert product_moment("crelu", q, 2.0, c, rho).shape == (3, 4, 2)
    for name in ("tanh", "elu", "erf", "relu"):
        assert product_moment(name, q[..., 0], 2.0, c[:, 0]).shape == (3, 4)
        assert product_moment(name, 1.0, 1.0, 0.5).shape == ()
        assert product_moment(name, np.ones(0), 1.0, 0.5).shape == (0,)
        assert derivative_product_moment(name, 1.0, [1.0, 2.0], 0.0).shape == (2,)


@pytest.mark.parametrize("name", ["tanh", "hardTanh", "gelu", "relu"])
def test_pairs_without_variance_or_number(name):
    phi, one = ACTIVATIONS[name], np.ones(2)
    assert averages.product_moment(phi, 0 * one, one, one / 2) == pytest.approx(0, abs=1e-15)
    slopes = averages.derivative_product_moment(ACTIVATIONS["tanh"], 0 * one, 0 * one, one / 2)
    assert slopes == pytest.approx(1)
    moments = averages.product_moment(phi, np.array([np.nan, 1.0]), one, one)
    assert np.isnan(moments[0])
    assert moments[1] == pytest.approx(second_moment(name, 1.0), rel=1e-10)


def test_mean_slopes_of_the_map_are_those_of_its_chords():
    q, t = np.geomspace(0.5, 3, 7), np.linspace(0.1, 1, 7)
    for name in ("tanh", "selu", "gelu", "relu"):
        at = mean_slope_of(ACTIVATIONS[name], q)
        for places in (t, t**2):
            chord = product_moment(name, q, q, 1.0) - product_moment(name, q, q, 1 - places**2)
            np.testing.assert_allclose(at(places), chord / (q * places**2), rtol=1e-7)


@pytest.mark.parametrize("name", ["hardTanh", "elu", "selu"])
def test_many_mean_slopes_are_those_of_few(name):
    """A thousand of them come from a series; the chord loses digits as 1 / t^2."""
    q, t = np.geomspace(0.02, 2000, 1000), np.linspace(0.03, 1, 1000)[::-1]
    some = slice(0, 1000, 50)
    few = mean_slope_of(ACTIVATIONS[name], q[some])(t[some])
    np.testing.assert_allclose(mean_slope_of(ACTIVATIONS[name], q)(t)[some], few, rtol=1e-10)


@pytest.mark.parametrize(("q1", "q2", "c"), [(2600.0, 2600.0, 0.5), (1e5, 300.0, -0.4)])
@pytest.mark.parametrize("name", ["elu", "selu"])
def test_exponentials_at_large_variances(name, q1, q2, c):
    """Beyond 4 of a kink an exponential still has digits, which panels of width 4 s miss."""
    function, derivative = ACTIVATIONS_ORACLE[name][:2]
    away = np.geomspace(10, 1e-3, 25)
    z, weights = panels(np.concatenate([-away, [0.0], away]))
    s1, s2, s = math.sqrt(q1), math.sqrt(q2), math.sqrt(1 - c * c)
    at_kink = (np.append(-np.geomspace(300, 1, 7), 0.0) / s2)[None] / s - (c / s) * z[:, None]
    base = np.broadcast_to(np.linspace(-10, 10, 11), (len(z), 11))
    y, y_weights = panels(np.concatenate([base, at_kink], axis=1))
    for f, found in ((function, product_moment), (derivative, derivative_product_moment)):
        inner = (f(s2 * (c * z[:, None] + s * y)) * y_weights).sum(axis=1)
        expected = (weights * f(s1 * z)) @ inner
        assert found(name, q1, q2, c) == pytest.approx(expected, rel=1e-9)


def test_one_s_own_smooth_activation_is_expanded():
    cube = Activation("cube", lambda x: x**3, lambda x: 3 * x**2)
    c = np.array([-1.0, 0.3, 1.0])
    # E (z1 z2)^3 = 9 c + 6 c^3
    np.testing.assert_allclose(product_moment(cube, 1.0, 1.0, c), 9 * c + 6 * c**3, rtol=1e-10)
    expected = 9 * (1 + 2 * c**2)
    np.testing.assert_allclose(derivative_product_moment(cube, 1.0, 1.0, c), expected, rtol=1e-10)


SOFT_SIGN = Activation(  # of one's own, with jumps of the second derivative and of the first
    "bent", lambda x: np.where(x > 0.5, 2 * x - 0.5, x) / (1 + np.abs(x)), None, 1.0, kinks=(0, 0.5)
)


def test_one_s_own_kinks_are_split():
    c = np.array([-1.0, -0.3, 0.0, 0.999, 1.0])
    expected = [two_point_oracle(SOFT_SIGN.function, (0, 0.5), 0.8, 2.0, x) for x in c]
    np.testing.assert_allclose(product_moment(SOFT_SIGN, 0.8, 2.0, c), expected, atol=1e-10)


def test_a_name_of_the_table_does_not_bring_its_formulas():
    mine = Activation("gelu", np.tanh, lambda x: 1 - np.tanh(x) ** 2)
    assert math.isclose(product_moment(mine, 1.0, 1.0, 0.5), product_moment("tanh", 1.0, 1.0, 0.5))
    assert math.isclose(second_moment(mine, 1.0), second_moment("tanh", 1.0))


STEP = Activation("step", np.sign, np.zeros_like, 1.0)
KNOWN_STEP = Activation("step", np.sign, np.zeros_like, 1.0, kinks=(0.0,))


def test_jumps_that_are_not_named_are_noticed():
    # Not np.sign: its square is smooth, and symmetric nodes hide the jump from the mean.
    half = Activation("half", lambda x: 1.0 * (x > 0.3), np.zeros_like, 1.0)
    with pytest.raises(NotCoveredError, match="name the places"):
        second_moment(half, 1.0)
    with pytest.raises(NotCoveredError, match=r"does not converge.*name the places"):
        product_moment(STEP, 1.0, 1.0, 1.0)
    assert product_moment(KNOWN_STEP, 1.0, 3.0, 0.5) == pytest.approx(1 / 3, abs=1e-10)


def test_doubling_activations_of_one_s_own_are_refused():
    both = Activation("both", lambda x: np.concatenate([x, -x], 1), lambda x: x, 1.0, doubles=True)
    with pytest.raises(NotCoveredError, match=r"only CReLU is known. Received: 'both'"):
        product_moment(both, 1.0, 1.0, 0.5)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: product_moment("relu", 1, 1, 1.1), ValueError, "c must be from -1 to 1.*: 1.1"),
        (lambda: product_moment("relu", 1, 1, "1"), TypeError, "c must be a number.*: '1'"),
        (lambda: product_moment("tanh", 1, 1, math.nan), ValueError, "c must not be NaN"),
        (lambda: product_moment("tanh", 0, 1, 0), ValueError, "q1 must be more than 0.*: 0"),
        (lambda: product_moment("tanh", 1, math.inf, 0), ValueError, "q2 must be finite.*: inf"),
        (lambda: product_moment("tanh", math.nan, 1, 0), ValueError, "q1 must not be NaN"),
        (
            lambda: product_moment("tanh", 1e300, 1, 0.5),
            NotCoveredError,
            r"known for variances up to 1.04858e\+06. Received: 1e\+300",
        ),
        (
            lambda: derivative_product_moment("relu", 1, [1, 0], 0),
            ValueError,
            "q2 must be more than 0",
        ),
        (lambda: product_moment("relu", -1, 1, 0), ValueError, "q1 must not be negative.*: -1"),
        (lambda: product_moment("relu", 1, -1, 0), ValueError, "q2 must not be negative.*: -1"),
        (lambda: product_moment("crelu", 1, 1, 0, 2), ValueError, "mirror must be from 0 to 1.*2"),
        (lambda: product_moment("crelu", 1, 1, 0, "a"), TypeError, "mirror must be a number"),
        (
            lambda: derivative_product_moment("relu", 1, 1, 0, 0.5),
            NotCoveredError,
            "only after 'crelu'.*'relu'",
        ),
    ],
)
def test_bad_pairs_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_rounding_beyond_one_is_put_back():
    assert product_moment("relu", 1.0, 1.0, 1 + 2e-16) == product_moment("relu", 1.0, 1.0, 1.0)


def seconds(name, pairs):
    q = np.linspace(0.5, 2.0, pairs)
    start = time.perf_counter()
    product_moment(name, q[:, None], q, np.cos(q[:, None] - q))
    return time.perf_counter() - start


def test_a_grid_of_pairs_costs_no_loop_over_pairs():
    # In one run: 65,536 pairs by expansion against 256 pairs of panels, one by one.
    q = np.linspace(0.5, 2.0, 16)
    start = time.perf_counter()
    for q1 in q:
        for q2 in q:
            product_moment("elu", q1, q2, math.cos(q1 - q2))
    one_by_one = (time.perf_counter() - start) * 256
    assert seconds("tanh", 256) < one_by_one / 10
    assert seconds("gelu", 256) < one_by_one / 10


def test_large_grids_stay_within_bounded_memory():
    import tracemalloc

    q = np.linspace(0.5, 2.0, 200)
    tracemalloc.start()
    product_moment("tanh", q[:, None], q, 0.5)
    product_moment("hardTanh", q[:40, None], q, 0.5)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 40,000 pairs at 200 nodes each would be 64 MB an array.
    assert peak < 100e6


def test_the_oracle_knows_a_probability():
    quadrant = two_point_oracle(lambda h: 1.0 * (h > 0), (0.0,), 1.0, 1.0, 0.5)
    assert math.isclose(quadrant, 1 / 3, abs_tol=1e-12)
    tail = two_point_oracle(lambda h: 1.0 * (h > 1), (1.0,), 1.0, 1.0, 1.0)
    assert math.isclose(tail, ndtr(-1), abs_tol=1e-12)
