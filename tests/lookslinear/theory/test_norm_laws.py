"""Whole laws of the norm, against simulation; |z| < 5 fails once in two million."""

import math

import numpy as np
import pytest
from scipy import stats

from lookslinear.measures import judge_distribution, judge_variance
from lookslinear.theory import NotCoveredError, backward_log_norm, forward_log_norm
from lookslinear.theory.norm_laws import (
    backward_log_norm_law,
    entry_kurtosis,
    log_norm_law,
    norm_moment,
    relative_error_of_mean,
)
from tests.lookslinear.theory.nets import dense_stages, jacobians, simulate

WIDTHS = (4, 6, 12, 9, 5)
NETS = [
    ("normal", "relu", False),
    ("haar", "relu", False),
    ("normal", "leakyRelu(0.3)", False),
    ("haar", "crelu", False),
    ("normal", "crelu", True),
]


def stages_of(family, activation, mirror, widths=WIDTHS, gain=1.3):
    return dense_stages(widths, activation, family, gain, mirror)


def laws_of(stages):
    """Forward and backward: the law, and the exact mean and variance of `log_norm`."""
    forward, backward = forward_log_norm(stages, 1.0), backward_log_norm(stages)
    yield log_norm_law(stages), forward.mean[-1], forward.variance[-1]
    yield backward_log_norm_law(stages), backward.mean[0], backward.variance[0]


@pytest.mark.parametrize("net", NETS)
def test_the_law_has_the_exact_mean_and_variance(net):
    for law, mean, variance in laws_of(stages_of(*net)):
        step = law.points[1] - law.points[0]
        assert math.isclose(law.points @ law.density * step, mean, abs_tol=2e-5)
        assert math.isclose(law.central_moment(2), variance, rel_tol=2e-4)
        assert law.distribution[-1] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("net", NETS)
def test_networks_follow_the_law(net):
    stages = stages_of(*net)
    forward, backward = simulate(stages, 3000, seed=5)
    others = stages_of("haar" if net[0] == "normal" else "normal", *net[1:])
    for found, end, (law, _, variance), (wrong, _, _) in zip(
        (forward, backward), (-1, 0), laws_of(stages), laws_of(others), strict=True
    ):
        values = found[end, :, 0]
        logs = np.log(values[values > 0])
        share = len(logs) / len(values)
        error = math.sqrt(law.alive * (1 - law.alive) / len(values))
        assert abs(share - law.alive) <= 5 * error + 1e-12
        assert judge_distribution(logs, law.below).z < 5
        assert abs(judge_variance(logs, variance, law.central_moment(4)).z) < 5
        # Mutant: the other family's law.
        assert judge_distribution(logs, wrong.below).z > 5


def test_one_layer_is_chi_square():
    law = log_norm_law(dense_stages((8, 5), "linear", "normal"))
    for ratio in (0.1, 0.7, 1.0, 3.3):
        expected = stats.chi2(5).cdf(5 * ratio)
        assert math.isclose(law.below(math.log(ratio)), expected, rel_tol=1e-5)


@pytest.mark.parametrize("width", [3, 10, 64])
def test_fourth_moments_of_he_networks(width):
    stages = dense_stages([width] * 6, "relu", "normal", math.sqrt(2))
    growth = (1 + 5 / width) ** 4 * (1 + 2 / width)  # the first layer reads no activation
    assert math.isclose(norm_moment(stages), growth, rel_tol=1e-9)
    assert math.isclose(entry_kurtosis(stages), 3 * (1 + 5 / width) ** 4, rel_tol=1e-9)
    assert math.isclose(relative_error_of_mean(stages, 50), math.sqrt((growth - 1) / 50))


@pytest.mark.parametrize("net", NETS)
def test_the_kurtosis_of_entries_is_that_of_simulation(net):
    """By moments of the columns: E Z^4 / (E Z^2)^2, its error by ten groups of networks."""
    stages = stages_of(*net)
    entries = jacobians(stages, 4000, seed=6).reshape(10, -1)
    fourth, second = (entries**4).mean(axis=1), (entries**2).mean()
    error = fourth.std(ddof=1) / math.sqrt(10) / second**2
    expected = entry_kurtosis(stages)
    # Ten groups give Student's t of nine degrees, and 12 is as rare there as 5 is among normals.
    assert abs(fourth.mean() / second**2 - expected) < 12 * error
    assert error < expected / 8
    if net[:2] != ("haar", "crelu"):
        assert abs(expected / 3 - 1) > 0.1  # no normal numbers


def test_moments_of_order_one_and_zero():
    stages = stages_of("normal", "relu", False)
    assert norm_moment(stages, 1.0) == pytest.approx(1)
    assert norm_moment(stages, 0.0) == pytest.approx(log_norm_law(stages).alive)
    with pytest.raises(ValueError, match="order must be at least 0"):
        norm_moment(stages, -1.0)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda law: law.central_moment(1.5), TypeError, "order must be a whole number.*: 1.5"),
        (lambda law: law.central_moment(-1), ValueError, "order must be at least 0.*: -1"),
        (lambda law: law.below("0"), TypeError, "logs must be a number or an array"),
        (lambda law: law.below(None), TypeError, "logs must be a number or an array.*: None"),
        (lambda law: entry_kurtosis(3), TypeError, "stages must be a sequence of Stage"),
        (lambda law: entry_kurtosis([]), ValueError, "stages must hold at least one"),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    law = log_norm_law(stages_of("normal", "relu", False))
    with pytest.raises(kind, match=message):
        call(law)


def test_what_does_not_scatter_has_no_density():
    stages = dense_stages([8] * 5, "crelu", "haar", mirror=True)
    with pytest.raises(NotCoveredError, match="nothing scatters"):
        log_norm_law(stages)
    assert norm_moment(stages) == pytest.approx(1)
    with pytest.raises(NotCoveredError, match="two slopes and CReLU"):
        log_norm_law(dense_stages([8] * 3, "tanh", "normal"))
    with pytest.raises(ValueError, match="networks must be at least 1"):
        relative_error_of_mean(stages, 0)
