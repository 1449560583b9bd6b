"""Second moments layer by layer, against networks that are drawn and propagated.

Scores of means over 1000 networks are nearly normal: |z| < 5 fails once in two million.
"""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, dense_law
from lookslinear.sampling import draw
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_second_moments,
    forward_second_moments,
)
from lookslinear.theory.depth import backward_step, forward_step
from tests.lookslinear.laws import law_between
from tests.lookslinear.theory.nets import dense_stages, simulate, z_scores
from tests.oracles import ACTIVATIONS_ORACLE, conv2d_oracle, gaussian_mean_oracle

WIDTHS = (5, 12, 6, 14, 7)
KINDS = {
    "normal": {},
    "uniform": {},
    "truncated_normal": {},
    "haar": {},
    "normal, sparse": {"sparsity": 0.5},
}
HOMOGENEOUS = ("linear", "relu", "leakyRelu(0.3)", "crelu", "mirrored crelu")


def stages_of(kind, activation, widths=WIDTHS):
    family, phi = kind.split(",")[0], activation.split()[-1]
    mirror = activation.startswith("mirrored")
    return dense_stages(widths, phi, family, gain=1.3, mirror=mirror, **KINDS[kind])


def predict(stages, moment=1.0):
    forward = forward_second_moments(stages, moment)
    return np.array(forward), np.array(backward_second_moments(stages, forward))


# Dense


@pytest.mark.parametrize("activation", HOMOGENEOUS)
@pytest.mark.parametrize("kind", KINDS)
def test_moments_are_those_of_simulated_networks_of_changing_width(kind, activation):
    stages = stages_of(kind, activation)
    measured = simulate(stages, 1000, seed=20)
    for values, expected in zip(measured, predict(stages), strict=True):
        assert np.abs(z_scores(values[..., 0], expected)).max() < 5


@pytest.mark.parametrize("activation", HOMOGENEOUS)
@pytest.mark.parametrize("kind", ["normal", "haar"])
def test_wrong_predictions_are_rejected(kind, activation):
    stages = stages_of(kind, activation)
    forward, backward = (values[..., 0] for values in simulate(stages, 1000, seed=20))
    wrong = {
        "fans exchanged": np.array([w_out / w_in for w_in, w_out in itertools.pairwise(WIDTHS)]),
        "without the gain": np.array([1.3**-2] * 4),
        "one half too little": np.array([0.5] * 4),
    }
    expected_forward, expected_backward = predict(stages)
    for factors in wrong.values():
        mutant = expected_forward * np.cumprod(factors)
        assert np.abs(z_scores(forward, mutant)).max() > 10
        mutant = expected_backward * np.append(np.cumprod(factors[:0:-1])[::-1], 1)
        assert np.abs(z_scores(backward, mutant)).max() > 10


@pytest.mark.parametrize("name", ["tanh", "erf", "relu", "linear"])
def test_moments_at_infinite_width_are_those_of_the_recursion(name):
    stages = dense_stages((64, 128, 32, 96), name, "normal", gain=1.4)
    function, derivative = ACTIVATIONS_ORACLE[name]
    forward = [1.4**2 * 2.5]
    for _ in range(2):
        forward.append(1.4**2 * gaussian_mean_oracle(lambda h: function(h) ** 2, forward[-1]))
    backward = [1.0]
    for q, ratio in ((forward[1], 96 / 32), (forward[0], 32 / 128)):
        slope = gaussian_mean_oracle(lambda h: derivative(h) ** 2, q)
        backward.insert(0, 1.4**2 * ratio * slope * backward[0])
    computed = predict(stages, 2.5)
    np.testing.assert_allclose(computed[0], forward, rtol=1e-9)
    np.testing.assert_allclose(computed[1], backward, rtol=1e-9)


def test_tanh_under_glorot_vanishes_as_a_power_of_depth():
    stages = dense_stages([32] * 402, "tanh", "normal")
    forward, backward = predict(stages)
    expected = {1: 0.39429, 5: 0.10344, 10: 0.05220, 50: 0.010219, 100: 0.005069, 400: 0.0012561}
    for depth, moment in expected.items():
        assert math.isclose(forward[depth], moment, rel_tol=1e-4)
    products = {5: 0.13752, 10: 0.07137, 50: 0.01433, 100: 0.00713, 400: 0.00177}
    for depth, product in products.items():
        # The gradient gained from layer `depth` back to the first.
        assert math.isclose(backward[0] / backward[depth], product, rel_tol=4e-3)


@pytest.mark.parametrize("family", ["normal", "haar"])
@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_wide_smooth_networks_follow_the_limit(name, family):
    stages = dense_stages((40, 200, 400, 200), name, family, gain=1.4)
    forward, backward = (v.mean(axis=2) for v in simulate(stages, 16, seed=3, samples=20))
    for values, expected in zip((forward, backward), predict(stages), strict=True):
        error = 5 * values.std(axis=1, ddof=1) / 4
        # 16 networks: Student's 5 needs 8.4 standard errors; and the neglected 1 / width.
        bound = 8.4 / 5 * error + 2 * expected / 200
        assert (np.abs(values.mean(axis=1) - expected) < bound).all()


# Priorities of forward and backward signal (theory: widths and fans)


@pytest.mark.parametrize("priorities", [(1, 1), (0, 1), (1, 0), (1, 3), (0.2, 0.7)])
@pytest.mark.parametrize(("phi", "factor"), [("relu", 2), ("linear", 1), ("crelu", 1)])
@pytest.mark.parametrize(("read", "written"), [(30, 70), (80, 20)])
def test_priorities_balance_forward_and_backward_gain(priorities, phi, factor, read, written):
    p0, p1 = priorities
    variance = (p0 + p1) * factor / (p1 * read + p0 * written)
    doubled = 2 if phi == "crelu" else 1
    law = dense_law(doubled * read, written, "normal", variance**0.5, mirror=doubled == 2)
    stage = Stage(law, phi)
    forward = float(forward_step(stage, np.array(1.0)))
    backward = float(backward_step(stage, np.array(1.0), np.array(1.0)))
    ratio = written / read
    assert math.isclose(forward, (p0 + p1) / (p1 + p0 * ratio))
    assert math.isclose(backward, ratio * forward)
    assert math.isclose((p1 * forward + p0 * backward) / (p0 + p1), 1)
    if priorities == (0, 1):
        assert math.isclose(forward, 1)  # fan in
    if priorities == (1, 0):
        assert math.isclose(backward, 1)  # fan out
    # Mutant: the fan in of the doubled channels.
    mutant = (p0 + p1) * factor / (p1 * 2 * read + p0 * written)
    assert p1 == 0 or not math.isclose(mutant, variance)


def test_the_gains_of_a_network_telescope_under_fan_in():
    _, backward = predict(dense_stages((7, 30, 90, 10), "linear", "normal"))
    assert math.isclose(backward[0], 10 / 30)


# Convolutions


def convolve(images, kernel, padding):
    if padding == "circular":
        images = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="wrap")
        return conv2d_oracle(images, kernel)
    return conv2d_oracle(images, kernel, padding=(1, 1))


def simulate_convolutions(stages, sides, networks, seed):
    """Squares of signals and gradients at each position: (stages, networks, rows, columns)."""
    rng, forward, backward = np.random.default_rng(seed), [], []
    for _ in range(networks):
        kernels = [draw(stage.law, rng) for stage in stages]
        h = rng.standard_normal((1, kernels[0].shape[1], *sides))
        signals = []
        for kernel, stage in zip(kernels, stages, strict=True):
            h = convolve(ACTIVATIONS_ORACLE[stage.activation.name][0](h), kernel, stage.padding)
            signals.append(h)
        gradients = [rng.standard_normal(h.shape)]
        for kernel, stage, h in zip(kernels[:0:-1], stages[:0:-1], signals[-2::-1], strict=True):
            adjoint = kernel.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
            arriving = convolve(gradients[-1], adjoint, stage.padding)
            gradients.append(arriving * ACTIVATIONS_ORACLE[stage.activation.name][1](h))
        forward.append([(h**2).mean(axis=(0, 1)) for h in signals])
        backward.append([(g**2).mean(axis=(0, 1)) for g in gradients[::-1]])
    return np.array(forward).swapaxes(0, 1), np.array(backward).swapaxes(0, 1)


def conv_stages(channels, phi, family="normal", taps="all", padding="zeros"):
    stages = []
    for i, (read, written) in enumerate(itertools.pairwise(channels)):
        scale = 1.2 / math.sqrt(9 * read)
        law = law_between(read, written, family, scale, sides=(3, 3), taps=taps, dtype="float64")
        stages.append(Stage(law, phi if i else "linear", padding))
    return stages


@pytest.mark.parametrize("padding", ["zeros", "circular"])
@pytest.mark.parametrize(("family", "taps"), [("uniform", "all"), ("haar", "centre")])
def test_moments_of_convolutions_are_those_of_simulation_at_every_position(padding, family, taps):
    stages = conv_stages((3, 8, 4, 8), "relu", family, taps, padding)
    measured = simulate_convolutions(stages, (4, 5), 250, seed=5)
    predicted = predict(stages, np.ones((4, 5)))
    for values, expected in zip(measured, predicted, strict=True):
        # 120 scores of 250 networks: 5.7 as rare as one in a million for all of them.
        assert np.abs(z_scores(values, expected)).max() < 5.7
    if taps == "all":
        other = "circular" if padding == "zeros" else "zeros"
        mutant = predict(conv_stages((3, 8, 4, 8), "relu", family, taps, other), np.ones((4, 5)))
        assert np.abs(z_scores(measured[0], mutant[0])).max() > 10


def test_samples_and_positions_go_side_by_side():
    stages = conv_stages((3, 8, 4), "relu")
    moments = np.random.default_rng(0).random((6, 4, 5))
    whole = predict(stages, moments)
    single = predict(stages, moments[2])
    np.testing.assert_allclose(whole[0][:, 2], single[0])
    np.testing.assert_allclose(whole[1][:, 2], single[1])


# Deterministic weights


@pytest.mark.parametrize(("read", "written"), [(4, 4), (4, 10)])
def test_an_identity_passes_each_unit_on(read, written):
    stages = [
        Stage(dense_law(4, 4, "identity", 1.0)),
        Stage(dense_law(read, written, "identity", 0.5)),
    ]
    forward, backward = predict(stages)
    assert math.isclose(forward[1], 0.25 * read / written)
    assert math.isclose(backward[0], 0.25)


def test_a_mirrored_identity_is_linear():
    stage = Stage(dense_law(8, 6, "identity", 0.5, mirror=True), "crelu")
    assert math.isclose(forward_step(stage, np.array(1.0)), 0.25 * 4 / 6)


@pytest.mark.parametrize("phi", ["relu", "tanh"])
def test_weights_of_zero_end_everything(phi):
    zeros = Stage(dense_law(4, 6, "constant", 0.0), phi)
    stages = [*dense_stages((5, 4), "linear", "normal"), zeros]
    forward, backward = predict(stages, np.ones(3))
    assert (forward[1] == 0).all()
    assert (backward[0] == 0).all()


# What is not covered


def kernel_stage(phi="relu", family="normal", scale=0.5, sides=(3, 3), groups=1, **claims):
    law = WeightLaw((8, 8, *sides), axes_of(4, groups=groups), family, scale, **claims)
    return Stage(law, phi)


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        (Stage(dense_law(8, 4, "normal", 1.0, mirror=True), "relu"), "only after 'crelu'.*'relu'"),
        (Stage(dense_law(8, 4, "normal", 1.0, mirror=True)), "only after 'crelu'.*'linear'"),
        (kernel_stage(groups=2), "groups are not predicted. Received: 2 groups"),
        (Stage(dense_law(8, 4, "constant", 0.5), "relu"), "inputs coherently.*Received: 0.5"),
        (Stage(dense_law(4, 4, "identity", 1.0), "relu"), "does not mix.*'relu', 4 units to 4"),
        (Stage(dense_law(8, 4, "identity", 1.0)), "keep every unit.*'linear', 8 units to 4"),
        (Stage(dense_law(8, 8, "identity", 1.0), "crelu"), "does not mix.*'crelu'"),
        (kernel_stage(taps="average", sides=(2, 2)), "'average' taps.*stride of 2"),
        (kernel_stage(family="haar", taps="average"), "'average' taps.*stride of 2"),
        (kernel_stage(sides=(2, 3)), r"an even filter shifts.*\(2, 3\)"),
        (kernel_stage(family="haar"), "family 'haar' is predicted only on its centre tap"),
        (kernel_stage("linear", family="identity"), "'identity' is predicted only on its centre"),
    ],
)
def test_uncovered_combinations_are_refused_with_the_reason(stage, reason):
    with pytest.raises(NotCoveredError, match=reason):
        forward_step(stage, np.ones((4, 4)))
    with pytest.raises(NotCoveredError, match=reason):
        backward_step(stage, np.ones((4, 4)), np.ones((4, 4)))


@pytest.mark.parametrize("sides", [(2, 2), (4, 4)])
def test_the_centre_tap_of_an_even_filter_is_covered(sides):
    stage = kernel_stage(taps="centre", sides=sides)
    assert math.isclose(forward_step(stage, np.array(1.0)), 8 * 0.25 * 0.5)


def test_stages_refuse_what_does_not_fit():
    law = dense_law(8, 4, "normal", 1.0)
    with pytest.raises(ValueError, match=r"unknown padding 'zero'. Did you mean 'zeros'"):
        Stage(law, "relu", "zero")
    with pytest.raises(ValueError, match=r"unknown activation 'rellu'. Did you mean 'relu'"):
        Stage(law, "rellu")
    with pytest.raises(ValueError, match=r"even number of input channels. Received: 7"):
        Stage(dense_law(7, 4, "normal", 1.0), "crelu")


@pytest.mark.parametrize(("mirror", "read"), [(True, 4), (False, 8)])
def test_a_stage_counts_units_before_their_doubling(mirror, read):
    stage = Stage(dense_law(8, 3, "normal", 1.0, mirror=mirror), "crelu")
    assert (stage.units, stage.read_channels, stage.mirrored) == (4, read, mirror)
    assert replace(stage) == stage
