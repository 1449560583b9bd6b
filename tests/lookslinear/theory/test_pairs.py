"""Plain ReLU networks in pairs: predicted as the CReLU networks that they are, and simulated.

Scores of a mean use its standard error; |z| < 5 fails once in two million.
"""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.theory import (
    NotCoveredError,
    Residual,
    Stage,
    backward_log_norm,
    backward_log_norm_law,
    backward_second_moments,
    correlations,
    forward_log_norm,
    forward_second_moments,
    gradient_correlations,
    log_norm_law,
    spectral_moments,
    weight_gradient_second_moments,
)
from lookslinear.theory.pairs import as_crelu
from tests.lookslinear.theory.nets import propagate, simulate, z_scores

NETWORKS = 700
WIDTHS = (4, 8, 6, 12, 10)


def pairs(family, mirror=True, last=False, widths=WIDTHS):
    """First, inner and perhaps a last layer; widths count both of a pair."""
    stages = []
    for i, (read, written) in enumerate(itertools.pairwise(widths)):
        ends = last and i == len(widths) - 2
        law = dense_law(
            read,
            written,
            family,
            1.2 / math.sqrt(read / 2 if i else read),
            mirror=bool(i) and mirror,
            mirror_outputs=not ends,
            dtype="float64",
        )
        stages.append(Stage(law, "relu" if i else "linear"))
    return stages


NETS = {
    "haar": pairs("haar"),
    "normal": pairs("normal"),
    "normal, to a last layer": pairs("normal", last=True),
    "normal, half mirrored": pairs("normal", mirror=0.5),
    "haar, half mirrored": pairs("haar", mirror=0.5, last=True),
    "normal, not mirrored": pairs("normal", mirror=False),
}
EXACT = [name for name in NETS if name != "haar, half mirrored"]


@pytest.mark.parametrize("name", NETS)
def test_second_moments_are_those_of_simulation(name):
    stages = NETS[name]
    forward, backward = (values[..., 0] for values in simulate(stages, NETWORKS, 0))
    predicted = forward_second_moments(stages, 1.0)
    assert np.abs(z_scores(forward, predicted)).max() < 5
    gradients = np.array(backward_second_moments(stages, predicted))
    assert np.abs(z_scores(backward, gradients)).max() < 5
    # The mutant: both of a pair counted as if each had the whole gradient of the CReLU network.
    plain = as_crelu(stages)
    mutant = backward_second_moments(plain, forward_second_moments(plain, 1.0))
    if not stages[-1].law.mirror_outputs:
        assert np.abs(z_scores(backward, np.array(mutant))).max() > 5


@pytest.mark.parametrize("name", EXACT)
def test_logs_are_those_of_simulation(name):
    stages = NETS[name]
    logs = [np.log(values[..., 0]) for values in simulate(stages, NETWORKS, 1)]
    laws = forward_log_norm(stages, 1.0), backward_log_norm(stages)
    for found, law in zip(logs, laws, strict=True):
        assert np.abs(z_scores(found, law.mean)).max() < 5
        # A sample variance of a nearly normal number scatters by sqrt(2 / R) of it; tails of
        # small layers add less than as much again.
        off = found.var(axis=1, ddof=1) - law.variance
        assert np.abs(off / (law.variance + 1e-12)).max() < 5 * math.sqrt(4 / NETWORKS)


def test_laws_of_the_norm_are_those_of_the_crelu_network_but_for_the_shares():
    stages, plain = NETS["normal"], as_crelu(NETS["normal"])
    np.testing.assert_allclose(log_norm_law(stages).points, log_norm_law(plain).points)
    moved = backward_log_norm_law(stages), backward_log_norm(stages)
    mean = moved[0].points @ moved[0].density * (moved[0].points[1] - moved[0].points[0])
    assert math.isclose(mean, moved[1].mean[0], abs_tol=1e-6)
    ends = NETS["normal, to a last layer"]
    law = backward_log_norm_law(ends)
    mean = law.points @ law.density * (law.points[1] - law.points[0])
    assert math.isclose(mean, backward_log_norm(ends).mean[0], abs_tol=1e-6)


def test_weight_gradients_are_those_of_simulation():
    stages = NETS["normal, to a last layer"]
    forward, backward = propagate(stages, NETWORKS, 2)
    predicted = weight_gradient_second_moments(stages, 1.0)
    for l, stage in enumerate(stages[1:], start=1):
        read = np.maximum(forward[l - 1], 0)
        found = (read**2).mean(axis=-1) * (backward[l] ** 2).mean(axis=-1)
        assert abs(z_scores(found.T, predicted[l])[0]) < 5, stage
        assert abs(z_scores(found.T, 2 * predicted[l])[0]) > 5


def test_correlations_are_those_of_the_crelu_network():
    for name in ("normal", "normal, half mirrored"):
        stages, plain = NETS[name], as_crelu(NETS[name])
        for of in (correlations, gradient_correlations):
            np.testing.assert_array_equal(of(stages, 1.0, 0.3), of(plain, 1.0, 0.3))
    whole = correlations(NETS["haar"], 1.0, 0.3)
    np.testing.assert_allclose(whole, 0.3, rtol=1e-12)  # a linear network


def test_spectra_to_a_last_layer_that_is_not_in_pairs():
    stages = pairs("haar", last=True, widths=(6, 12, 12, 6))
    moments = spectral_moments(stages)
    # All frames are square: every singular value is the product of the gains.
    gain = math.prod(stage.law.gain**2 for stage in stages)
    assert math.isclose(moments.mean, gain, rel_tol=1e-12)
    assert abs(moments.relative_variance) < 1e-12
    with pytest.raises(NotCoveredError, match="where the last outputs are mirrored"):
        spectral_moments(pairs("haar"))


LAW = dense_law(8, 8, "normal", 0.5, mirror_outputs=True)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([Stage(LAW), Stage(LAW, "tanh")], "only before 'relu'.*Received: activation 'tanh'"),
        ([Stage(LAW), Stage(LAW)], "only before 'relu'.*Received: activation 'linear'"),
        ([Stage(LAW), Residual([Stage(LAW, "relu")])], "without residual sums"),
        ([Stage(LAW, bias_variance=0.1), Stage(LAW, "relu")], "a bias of its own for each unit"),
        (
            [Stage(dataclasses.replace(LAW, mirror_outputs=False, mirror=True), "relu")],
            "a mirrored weight is predicted only after 'crelu'",
        ),
    ],
)
def test_what_is_not_in_pairs_is_not_predicted(stages, message):
    with pytest.raises(NotCoveredError, match=message):
        forward_second_moments(stages, 1.0)
