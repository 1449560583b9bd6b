"""Fixed points, critical points and depth scales: known numbers, iterated maps, refusals."""

import math

import numpy as np
import pytest

from lookslinear.activations import ACTIVATIONS, Activation
from lookslinear.theory import (
    NotCoveredError,
    chi_1,
    correlation_fixed_point,
    correlation_slope,
    critical_line,
    critical_weight_moment,
    depth_scales,
    fixed_point,
    gain_table,
    product_moment,
    second_moment,
    second_moment_slope,
)

#: tanh with biases of variance 0.05: w, then q*, c*, chi_1, the correlation's depth, 6 times that.
TANH = [
    (1.0, 0.194, 1, 0.759, 3.63, 22),
    (1.3, 0.315, 1, 0.880, 7.83, 47),
    (1.5, 0.418, 1, 0.939, 15.8, 95),
    (2.0, 0.722, 0.744, 1.048, 25.2, 151),
    (2.5, 1.064, 0.447, 1.134, 11.8, 71),
    (3.0, 1.428, 0.299, 1.209, 9.05, 54),
    (4.0, 2.196, 0.165, 1.342, 6.98, 42),
]
#: w that keeps a second moment of 1 without biases.
EXACT = {
    "relu": 2,
    "tanh": 2.53618,
    "gelu": 2.35172,
    "erf": 2.15258,
    "selu": 1,
    "hardTanh": 1.93776,
    "silu": 2.81076,
    "elu": 1.55052,
    "softplus": 1.08549,
    "sigmoid": 3.40856,
}
SMOOTH = ("tanh", "erf", "hardTanh", "elu", "selu", "softplus", "sigmoid")


@pytest.mark.parametrize("row", TANH)
def test_tanh_has_the_published_depth_scales(row):
    w, *expected, six = row
    q = fixed_point("tanh", w, 0.05)
    scales = depth_scales("tanh", w, 0.05)
    found = (q, correlation_fixed_point("tanh", w, 0.05), chi_1("tanh", w, q))
    # Each is given to three digits or decimals.
    np.testing.assert_allclose((*found, scales.correlation), expected, rtol=2e-3, atol=6e-4)
    assert round(float(scales.trainable_depth)) == six


def test_tanh_is_critical_where_it_was_reported():
    w, b, q = critical_weight_moment("tanh", 0.05)
    assert (round(float(w), 5), float(b), round(float(q), 5)) == (1.76095, 0.05, 0.57005)
    assert critical_weight_moment("tanh", 0.0) == (1, 0, 0)


@pytest.mark.parametrize("name", EXACT)
def test_exact_gains_have_the_fixed_point_one(name):
    w = ACTIVATIONS[name].exact_gain ** 2
    assert w == pytest.approx(EXACT[name], abs=6e-6)
    assert w * second_moment(name, 1.0) == pytest.approx(1, rel=1e-12)
    if name in SMOOTH:  # stable: small signals grow to it
        assert fixed_point(name, w) == pytest.approx(1, rel=1e-12)


def test_lecun_s_rule_is_slightly_chaotic_for_selu():
    assert fixed_point("selu", 1.0) == pytest.approx(1, rel=1e-12)
    chi = chi_1("selu", 1.0, 1.0)
    assert round(float(chi), 6) == 1.071575
    growth = [round(float(chi**layers), digits) for layers, digits in ((10, 1), (50, 1), (100, 0))]
    assert growth == [2.0, 31.7, 1005]
    assert round(float(second_moment_slope("selu", 1.0)), 5) == 0.78265


def test_hard_tanh_is_critical_at_the_share_of_open_units():
    q = np.array([0.1, 1.0, 3.0])
    open_units = [math.erf(1 / math.sqrt(2 * x)) for x in q]
    w, b, _ = critical_line("hardTanh", q)
    np.testing.assert_allclose(w, 1 / np.array(open_units), rtol=1e-12)
    np.testing.assert_allclose(fixed_point("hardTanh", w, b), q, rtol=1e-9)


def test_erf_is_critical_where_it_was_reported():
    q = np.array([0.1, 0.5, 2.0])
    w, b, _ = critical_line("erf", q)
    np.testing.assert_allclose(w, np.pi / 4 * np.sqrt(1 + 4 * q), rtol=1e-12)
    np.testing.assert_allclose(b, q - w * second_moment("erf", q), rtol=1e-12)


def test_the_gains_of_the_literature():
    rows = {row.name: row for row in gain_table()}
    assert set(rows) == set(ACTIVATIONS)
    assert round(rows["tanh"].usual_q, 4) == 1.1785
    assert round(rows["tanh"].usual_chi_1, 4) == 1.2098
    assert rows["sigmoid"].usual_chi_1 < 0.06  # its gradient is gone after ten layers
    assert rows["selu"].usual_q == pytest.approx(0.023, abs=1e-3)
    unstable = {name for name, row in rows.items() if row.exact_slope > 1 + 1e-12}
    assert unstable == {"gelu", "silu"}
    for name in ("linear", "relu", "leakyRelu", "crelu"):
        assert rows[name].exact_chi_1 == pytest.approx(1, rel=1e-12)
        assert math.isnan(rows[name].usual_q)


def iterated(step, start, times=4000):
    for _ in range(times):
        start = step(start)
    return start


@pytest.mark.parametrize("name", ["erf", "gelu", "hardTanh", "selu", "softplus"])
def test_fixed_points_are_where_iteration_ends(name):
    weights, biases = np.array([0.4, 0.9, 1.4]), 0.1
    ended = iterated(lambda q: weights * second_moment(name, q) + biases, np.full(3, 1e-3), 400)
    np.testing.assert_allclose(fixed_point(name, weights, biases), ended, rtol=1e-8)


@pytest.mark.parametrize("name", ["erf", "gelu"])
def test_correlations_end_at_their_fixed_point(name):
    w, b = (2.5, 0.05) if name == "erf" else (2.3, 0.02)
    q = fixed_point(name, w, b)
    ended = iterated(lambda c: (w * product_moment(name, q, q, c) + b) / q, 0.3)
    assert correlation_fixed_point(name, w, b) == pytest.approx(ended, abs=1e-9)


@pytest.mark.parametrize("name", ["tanh", "elu", "hardTanh"])
def test_correlations_meet_the_diagonal(name):
    w, b = np.array([1.2, 1.7, 1.9]), np.array([0.05, 0.1, 0.02])
    q, c = fixed_point(name, w, b), correlation_fixed_point(name, w, b)
    np.testing.assert_allclose((w * product_moment(name, q, q, c) + b) / q, c, rtol=1e-9)
    chaotic = chi_1(name, w, q) > 1
    assert chaotic.any()
    assert (c[chaotic] < 1).all()
    assert (c[~chaotic] == 1).all()
    assert (correlation_slope(name, w, q, c)[chaotic] < 1).all()


def test_depth_scales_are_those_of_the_maps():
    w, b = 2.0, 0.05
    q, scales = fixed_point("tanh", w, b), depth_scales("tanh", w, b)
    near = q * (1 + 1e-5)
    shrunk = (w * second_moment("tanh", near) + b - q) / (near - q)
    assert math.exp(-1 / scales.q) == pytest.approx(shrunk, rel=1e-4)
    assert math.exp(1 / scales.gradient) == pytest.approx(chi_1("tanh", w, q), rel=1e-12)
    ordered = depth_scales("tanh", [1.0, 1.3, 1.5], 0.05)
    np.testing.assert_allclose(ordered.gradient, ordered.correlation, rtol=1e-9)


def test_nothing_is_left_where_signals_die_and_no_bound_where_they_grow():
    assert fixed_point("tanh", [0.5, 1.0]).tolist() == [0, 0]
    assert fixed_point("gelu", [1.0, 2.35]).tolist() == [0, 0]
    assert fixed_point("gelu", [5.0, 9.0]).tolist() == [np.inf, np.inf]
    assert fixed_point("softplus", 2.5) == np.inf
    assert fixed_point("relu", [1.0, 3.0], [0.5, 0.0]).tolist() == [1.0, np.inf]
    assert np.isnan(correlation_fixed_point("tanh", 0.5))
    assert np.isnan(depth_scales("softplus", [2.5, 3.0], 0.1)).all()


def test_small_fixed_points_are_found():
    # Near criticality q* = (w - 1) / (2 w) to first order.
    excess = np.array([1e-4, 1e-6, 1e-8])
    np.testing.assert_allclose(fixed_point("tanh", 1 + excess), excess / 2, rtol=1e-3)


def test_critical_points_divide_order_from_chaos():
    w = critical_weight_moment("hardTanh", 0.1).weight_moment
    below, above = (
        chi_1("hardTanh", w * f, fixed_point("hardTanh", w * f, 0.1)) for f in (0.99, 1.01)
    )
    assert below < 1 < above
    relu = critical_weight_moment("relu")
    assert (relu.weight_moment, relu.bias_variance) == (2, 0)


def test_shapes_broadcast():
    w, b = np.linspace(1, 3, 4)[:, None], np.array([0.05, 0.1])
    assert fixed_point("tanh", w, b).shape == (4, 2)
    assert correlation_fixed_point("elu", w[:2] - 0.5, b).shape == (2, 2)
    assert {scale.shape for scale in depth_scales("erf", w, b)} == {(4, 2)}
    assert fixed_point("tanh", 2.0).shape == ()
    assert critical_line("erf", w).q.shape == (4, 1)
    assert critical_weight_moment("tanh", b).weight_moment.shape == (2,)


def test_an_activation_of_one_s_own_has_phases():
    mine = Activation("mine", np.arctan, lambda x: 1 / (1 + x * x))
    assert critical_line(mine, 1e-6).weight_moment == pytest.approx(1, abs=1e-5)
    assert fixed_point(mine, mine.exact_gain**2) == pytest.approx(1, rel=1e-9)
    assert 0 < correlation_fixed_point(mine, 3.0, 0.05) < 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: fixed_point("relu", 2.0), NotCoveredError, "each second moment is a fixed point"),
        (lambda: fixed_point("crelu", 1.0), NotCoveredError, "'crelu' at criticality"),
        (lambda: fixed_point("tanh", -1.0), ValueError, "weight_moment must not be negative.*-1"),
        (lambda: fixed_point("tanh", 1.0, -0.1), ValueError, "bias_variance must not be negative"),
        (lambda: fixed_point("tanh", math.nan), ValueError, "weight_moment must not be NaN"),
        (lambda: fixed_point("tanh", math.inf), ValueError, "weight_moment must be finite"),
        (lambda: fixed_point("tanh", 1.0, math.inf), ValueError, "bias_variance must be finite"),
        (lambda: critical_line("tanh", math.inf), ValueError, "q must be finite"),
        (lambda: chi_1("tanh", 1.0, -1.0), ValueError, "q must not be negative"),
        (lambda: chi_1("tanh", 1.0, math.nan), ValueError, "q must not be NaN"),
        (lambda: correlation_slope("tanh", 1.0, math.nan), ValueError, "q must not be NaN"),
        (lambda: correlation_slope("relu", 1.0, 1.0, 1.5), ValueError, "c must be from -1 to 1"),
        (lambda: depth_scales("tanh", "2"), TypeError, "weight_moment must be a number"),
        (lambda: fixed_point("tahn", 1.0), ValueError, "Did you mean 'tanh'"),
        (lambda: critical_line("softplus", 1.0), NotCoveredError, "'softplus' with q = 1.0"),
        (lambda: critical_weight_moment("softplus"), NotCoveredError, "no critical point.*: 0"),
        (lambda: critical_weight_moment("relu", 0.1), NotCoveredError, "no critical point.*0.1"),
    ],
)
def test_what_has_no_answer_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_slopes_are_asked_for_at_what_fixed_points_give():
    """0 and infinity among it: the limit from above, and NaN where the activation is curved."""
    for slope in (chi_1, correlation_slope):
        ends = fixed_point("softplus", [0.0, 2.5])
        assert ends.tolist() == [0, np.inf]
        assert np.isnan(slope("softplus", 1.0, ends)).tolist() == [False, True]
        assert slope("relu", 2.0, fixed_point("relu", [1.0, 3.0])).tolist() == [1, 1]
