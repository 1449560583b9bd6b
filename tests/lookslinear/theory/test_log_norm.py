"""The exact finite-width laws of the log norm, against thousands of small networks.

Scores of a mean use its standard error; those of a variance the one that the fourth central moment
gives, sqrt((m4 - var^2) / R). |z| < 5 fails once in two million.
"""

import math

import numpy as np
import pytest

from lookslinear.laws import WeightLaw, dense_law
from lookslinear.sampling import draw
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_log_norm,
    forward_log_norm,
    log_terms,
)
from lookslinear.theory.log_norm import backward_term, forward_term
from tests.lookslinear.laws import law_between
from tests.lookslinear.theory.nets import dense_stages, simulate

WIDTHS = (4, 6, 12, 9, 5)
NETWORKS = 2500
ACTIVATIONS = ("linear", "relu", "leakyRelu(0.3)", "leakyRelu(-1.0)", "crelu", "mirrored crelu")


def stages_of(family, activation):
    phi = activation.split()[-1]
    return dense_stages(WIDTHS, phi, family, 1.3, mirror=activation.startswith("mirrored"))


def scores(logs, mean, variance):
    """Of mean and variance over networks (axis 1), a row a stage."""
    centred = logs - logs.mean(axis=1, keepdims=True)
    found, fourth = (centred**2).mean(axis=1), (centred**4).mean(axis=1)
    rounding = 1e-12
    of_mean = np.hypot(np.sqrt(found / logs.shape[1]), rounding)
    of_variance = np.hypot(np.sqrt((fourth - found**2) / logs.shape[1]), rounding)
    return (logs.mean(axis=1) - mean) / of_mean, (found - variance) / of_variance


def simulated_logs(stages, seed=0):
    """The logs of forward and backward mean squares of the networks without a dead layer."""
    forward, backward = (values[..., 0] for values in simulate(stages, NETWORKS, seed))
    alive = (forward > 0).all(axis=0) & (backward > 0).all(axis=0)
    return np.log(forward[:, alive]), np.log(backward[:, alive])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_mean_and_variance_are_those_of_simulation(family, activation):
    stages = stages_of(family, activation)
    forward, backward = simulated_logs(stages)
    for logs, law in (
        (forward, forward_log_norm(stages, 1.0)),
        (backward, backward_log_norm(stages)),
    ):
        of_mean, of_variance = scores(logs, *law)
        assert np.abs(of_mean).max() < 5
        assert np.abs(of_variance).max() < 5


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_wrong_laws_are_rejected(family, activation):
    stages = stages_of(family, activation)
    forward, backward = simulated_logs(stages)
    other = stages_of("haar" if family == "normal" else "normal", activation)
    # Mutant: the other family's law.
    of_mean, of_variance = scores(forward, *forward_log_norm(other, 1.0))
    assert min(np.abs(of_mean).max(), np.abs(of_variance).max()) > 8
    of_mean, of_variance = scores(backward, *backward_log_norm(other))
    assert max(np.abs(of_mean).max(), np.abs(of_variance).max()) > 5.5
    # Mutant: the log of the mean for the mean of the log.
    if family == "normal":
        mutant = np.cumsum([math.log(1.69)] + [math.log(1.69)] * 3)
        assert np.abs(scores(forward, mutant, 1.0)[0]).max() > 8


def test_the_normal_approximation_of_wide_networks_is_rejected():
    # log-norm ~ N(-beta / 2, beta) with beta = 5 sum 1 / n: right for width 32, not for 6.
    stages = dense_stages((4, 6, 6, 6, 6), "relu", "normal", math.sqrt(2))
    forward, _ = simulated_logs(stages)
    beta = 5 * 3 / 6
    of_mean, of_variance = scores((forward[3] - forward[0])[None], -beta / 2, beta)
    assert min(abs(of_mean[0]), abs(of_variance[0])) > 5


@pytest.mark.parametrize(
    ("family", "activation", "gain", "mean", "variance"),
    [
        ("normal", "relu", math.sqrt(2), -1.651, 3.55),
        ("normal", "linear", 1.0, -0.632, 1.290),
        ("normal", "crelu", 1.0, -0.632, 1.290),
        ("normal", "mirrored crelu", 1.0, -0.632, 1.290),
        ("haar", "relu", math.sqrt(2), -1.019, 2.26),
        ("haar", "linear", 1.0, 0.0, 0.0),
        ("haar", "mirrored crelu", 1.0, 0.0, 0.0),
        ("haar", "crelu", 1.0, -0.317, 0.655),
    ],
)
def test_twenty_layers_of_width_32(family, activation, gain, mean, variance):
    phi, mirror = activation.split()[-1], activation.startswith("mirrored")
    stages = dense_stages([32] * 22, phi, family, gain, mirror)
    law = forward_log_norm(stages, 1.0)
    assert abs(law.mean[20] - law.mean[0] - mean) < 6e-4
    assert abs(law.variance[20] - law.variance[0] - variance) < 6e-3
    # Forward and backward are alike at constant width, but for CReLU: [W+, W-] is wide forward.
    backward = backward_log_norm(stages)
    if activation != "crelu":
        assert math.isclose(backward.mean[0] - backward.mean[20], law.mean[20] - law.mean[0])


def test_wide_layers_approach_the_expansion_in_one_over_width():
    width, depth = 4096, 10
    for phi, gain, beta in (("relu", 2**0.5, 5), ("linear", 1.0, 2)):
        law = forward_log_norm(dense_stages([width] * (depth + 2), phi, "normal", gain), 1.0)
        grown = law.mean[depth] - law.mean[0], law.variance[depth] - law.variance[0]
        # The next term is of relative size 1 / width, times less than 10.
        assert math.isclose(grown[0], -beta * depth / width / 2, rel_tol=10 / width)
        assert math.isclose(grown[1], beta * depth / width, rel_tol=10 / width)


def test_samples_go_side_by_side():
    stages = dense_stages((4, 6, 5), "relu", "normal")
    law = forward_log_norm(stages, np.array([1.0, 2.0, 4.0]))
    assert law.mean.shape == (2, 3)
    assert law.variance.shape == (2,)
    np.testing.assert_allclose(np.diff(law.mean, axis=1), math.log(2))
    ahead = backward_log_norm(stages, 3.0).mean - backward_log_norm(stages).mean
    np.testing.assert_allclose(ahead, math.log(3))


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage(dense_law(8, 8, "uniform", 0.1), "relu"), "Gaussian and Haar.*'uniform'"),
        (Stage(dense_law(8, 8, "truncated_normal", 0.1)), "Gaussian and Haar.*truncated_normal"),
        (Stage(dense_law(8, 8, "identity", 1.0)), "Gaussian and Haar.*'identity'"),
        (Stage(dense_law(8, 8, "constant", 0.0)), "Gaussian and Haar.*'constant'"),
        (Stage(dense_law(8, 8, "normal", 0.0)), "Gaussian and Haar.*scale 0.0"),
        (Stage(dense_law(8, 8, "normal", 0.1), "tanh"), "two slopes and CReLU.*'tanh'"),
        (Stage(dense_law(8, 8, "haar", 0.1), "erf"), "two slopes and CReLU.*'erf'"),
        (Stage(dense_law(8, 8, "normal", 0.1, sparsity=0.5), "relu"), "full dense weights only"),
        (Stage(law_between(8, 8, sides=(3, 3), taps="centre"), "relu"), "full dense weights"),
        (Stage(dense_law(8, 8, "normal", 0.1, mirror=True), "relu"), "only after 'crelu'"),
    ],
)
def test_what_has_no_exact_law_is_refused_with_the_reason(stage, reason):
    assert isinstance(stage.law, WeightLaw)
    first = Stage(dense_law(8, 8, "normal", 0.1))
    with pytest.raises(NotCoveredError, match=reason):
        forward_log_norm([first, stage], 1.0)
    with pytest.raises(NotCoveredError, match=reason):
        backward_log_norm([first, stage])


def test_looks_linear_haar_nets_keep_the_length_of_every_draw():
    stages = dense_stages([16] * 30, "crelu", "haar", mirror=True)
    assert draw(stages[1].law, 0).shape == (32, 16)
    forward, backward = simulate(stages, 3, seed=1)
    np.testing.assert_allclose(forward / forward[0], 1, rtol=1e-12)
    np.testing.assert_allclose(backward / backward[-1], 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: log_terms.chi_square(0), ValueError, "degrees must be at least 1. Received: 0"),
        (lambda: log_terms.beta(3, 0), ValueError, "lost must be at least 1"),
        (lambda: log_terms.beta(1.5, 2), TypeError, "kept must be a whole number"),
        (lambda: log_terms.shift(0), ValueError, "factor must be more than 0. Received: 0"),
        (lambda: log_terms.shift(math.nan), ValueError, "factor must be finite"),
        (lambda: log_terms.two_slope_gates(0, 0, 3), ValueError, "must not both be 0"),
        (lambda: log_terms.two_slope_gates(0, 1, 0), ValueError, "units must be at least 1"),
        (
            lambda: log_terms.two_slope_gates(0, 1e200, 3),
            ValueError,
            "right and its square must be finite",
        ),
        (lambda: forward_term(None), TypeError, "stage must be a Stage. Received: None"),
        (lambda: backward_term("relu"), TypeError, "stage must be a Stage. Received: 'relu'"),
    ],
)
def test_bad_arguments_of_terms_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
