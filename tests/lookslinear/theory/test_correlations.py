"""Correlations of two samples and of their gradients: published numbers, limits, simulations."""

import math

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.measures import z_score
from lookslinear.theory import (
    Batch,
    NotCoveredError,
    Residual,
    Stage,
    backward_second_moments,
    correlations,
    forward_second_moments,
    gradient_correlations,
    paper_correlation,
    paper_variance,
    weight_gradient_second_moments,
)
from tests.lookslinear.theory.wide import measure, predict

WIDTH = 160


def law(variance=1.0, family="normal", read=WIDTH, **claims):
    scale = math.sqrt(variance / WIDTH)
    return dense_law(read, WIDTH, family, scale, dtype="float64", **claims)


FIRST, HE = Stage(law()), law(2.0)
PLAIN = Stage(HE, "relu")
NORMALISED = Stage(HE, "relu", normalisation="batch")
CENTRED = Stage(HE, "relu", normalisation="centre")
LOOKS_LINEAR = Stage(law(1.0, "haar", 2 * WIDTH, mirror=True), "crelu")


def net(element, depth):
    return [FIRST, *depth * [element]]


def input_gradient_correlations(element, depths, c0=0.0, **options):
    return [
        float(gradient_correlations(net(element, depth), 1.0, c0, **options)[0]) for depth in depths
    ]


# Numbers computed once by hand from the maps of the arc-cosine kernels.
TABLES = {
    "plain": (
        PLAIN,
        {1: 0.5, 2: 0.30156, 5: 0.10456, 10: 0.033652, 20: 0.008235, 50: 9.12e-4, 100: 1.44e-4},
    ),
    "residual": (
        Residual([PLAIN]),
        {1: 0.75, 2: 0.5816, 5: 0.3095, 10: 0.1402, 20: 0.0463, 50: 0.0068},
    ),
    "normalised": (NORMALISED, {1: 0.5, 2: 0.25, 5: 2**-5, 10: 2**-10}),
    "centred": (CENTRED, {1: 0.5, 2: 0.25, 5: 2**-5, 10: 2**-10}),
    "normalised residual": (
        Residual([NORMALISED]),
        {5: 0.407, 10: 0.275, 20: 0.177, 50: 0.094},
    ),
    "rescaled normalised residual": (Residual([NORMALISED], scale=0.1), {50: 0.807}),
    "looks-linear": (LOOKS_LINEAR, {1: 1.0, 198: 1.0}),
}


@pytest.mark.parametrize("name", TABLES)
def test_gradients_decorrelate_as_tabulated(name):
    element, table = TABLES[name]
    found = input_gradient_correlations(element, table)
    for value, expected in zip(found, table.values(), strict=True):
        digits = len(f"{expected:.9f}".rstrip("0").split(".")[1])
        assert abs(value - expected) <= 0.51 * 10.0 ** -min(digits, 6)


def test_theorem_1_is_that_of_centred_nets_and_not_of_plain_ones():
    depths = [1, 2, 5, 10]
    paper = paper_correlation("plain", depths)
    np.testing.assert_allclose(input_gradient_correlations(CENTRED, depths), paper)
    plain = input_gradient_correlations(PLAIN, depths)
    assert (np.array(plain[1:]) > 1.2 * paper[1:]).all()


def test_one_normalised_block_is_that_of_the_paper_and_fifty_are_not():
    block = Residual([NORMALISED])
    for depth, equal in ((1, True), (50, False)):
        forward = forward_second_moments(net(block, depth), 1.0)
        variance = backward_second_moments(net(block, depth), forward)[0]
        paper = paper_variance("normalised residual", depth)
        assert math.isclose(variance, paper) == equal
    # The ratio of Gammas that the recursion v + 1 - 1 / pi gives: L^(pi / (pi - 1)) at depth.
    added = 1 - 1 / np.pi
    assert math.isclose(variance, np.prod(1 + 1 / (1 + added * np.arange(50))), rel_tol=1e-12)


def test_nearby_samples_of_a_normalised_batch_move_apart_and_others_stay_apart():
    near = [1 - float(c) for c in correlations(net(NORMALISED, 3), 1.0, 1 - 1e-9)]
    growth = np.array(near[1:]) / near[:-1]
    background = float(correlations(net(PLAIN, 1), 1.0, 0.0)[1])
    assert background == pytest.approx(1 / np.pi)
    # Centred, the distance grows by pi / (pi - 1); what is read here is not centred yet.
    assert growth[1] == pytest.approx(np.pi / (np.pi - 1), rel=1e-3)
    far = [float(c) for c in correlations(net(NORMALISED, 5), 1.0, 0.0)]
    np.testing.assert_allclose(far[1:], background)


@pytest.mark.parametrize("degree", [0.0, 0.25, 0.75, 1.0])
def test_degrees_of_mirroring_lead_from_crelu_to_a_linear_net(degree):
    stage = Stage(law(1.0, read=2 * WIDTH, mirror=degree), "crelu")
    c0 = np.array([-0.9, 0.0, 0.4, 1.0])
    theta = np.arccos(c0)
    first, second = correlations(net(stage, 1), 1.0, c0)
    k1 = [(np.sin(t) + (np.pi - t) * np.cos(t)) / np.pi for t in (theta, np.pi - theta)]
    np.testing.assert_allclose(first, c0)
    np.testing.assert_allclose(second, k1[0] - degree * k1[1], atol=1e-12)
    expected = 1 - (1 - degree) * theta / np.pi
    np.testing.assert_allclose(gradient_correlations(net(stage, 1), 1.0, c0)[0], expected)


def test_a_pair_of_equal_samples_stays_equal():
    network = [*net(Stage(HE, "relu", bias_variance=0.3), 2), Residual([PLAIN], 0.6, 0.8, "tanh")]
    np.testing.assert_allclose(correlations(network, 1.7, 1.0), 1, rtol=1e-9)
    np.testing.assert_allclose(gradient_correlations(network, 1.7, 1.0), 1, rtol=1e-9)


# Finite batches


def rates(batch):
    network = net(NORMALISED, 4)
    forward = forward_second_moments(network, 1.0, batch)
    gradients = np.array(backward_second_moments(network, forward, 1.0, batch))
    return gradients[:-1] / gradients[1:]


def test_gradients_of_normalised_nets_grow_by_the_known_rate():
    np.testing.assert_allclose(rates(Batch())[1:], np.pi / (np.pi - 1))
    np.testing.assert_allclose(rates(Batch(10**6))[1:], np.pi / (np.pi - 1), rtol=1e-5)


@pytest.mark.parametrize("samples", [8, 24])
@pytest.mark.parametrize("block", [NORMALISED, Residual([NORMALISED])], ids=["plain", "residual"])
def test_small_batches_are_those_of_simulation(block, samples):
    network, batch = net(block, 3), Batch(samples, 0.2)
    measured = measure(network, samples, 24, seed=1, correlation=0.2)
    for name, values in predict(network, 0.2, batch).items():
        assert np.abs(z_score(measured[name], values, 1e-10 * np.abs(values))).max() < 5
    if samples == 8:  # Mutant: a large batch.
        mutant = predict(network, 0.2, Batch(correlation=0.2))["gradients"]
        assert np.abs(z_score(measured["gradients"], mutant, 1e-10)).max() > 6


# Sums with a mean


def test_a_branch_that_ends_in_an_activation_gives_the_sum_a_mean():
    network = net(Residual([Stage(law())], 0.9, 0.5, "relu"), 4)
    measured = measure(network, 4, 24, seed=2)["moments"]
    forward = np.array(forward_second_moments(network, 1.0))
    assert np.abs(z_score(measured, forward, 1e-10)).max() < 5
    without_mean = (0.9**2 + 0.5**2 / 2) ** np.arange(5)
    assert np.abs(z_score(measured, without_mean, 1e-10)).max() > 6


def test_gradients_of_weights_follow_both_ways():
    # At fan out the gradient is kept and the signal is not, so the weights' gradient fades too.
    network = [FIRST, *3 * [Stage(law(1.0), "relu")]]
    np.testing.assert_allclose(weight_gradient_second_moments(network, 1.0), 4 * [2.0**-3])
    block = Residual([PLAIN, PLAIN], 1.0, 0.5)
    found = weight_gradient_second_moments([FIRST, block], 2.0)
    np.testing.assert_allclose(found, [2 * (1 + 0.25), 0.25 * 2 / 2, 0.25 * 2 / 2])


# What is not covered


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: correlations([FIRST], 1.0, 1.5), ValueError, "c0 must be from -1 to 1.*1.5"),
        (lambda: correlations([FIRST], 1.0, np.nan), ValueError, "c0 must not be NaN"),
        (lambda: correlations([FIRST], -1.0, 0.5), ValueError, "q must not be negative"),
        (lambda: gradient_correlations([], 1.0, 0.5), ValueError, "at least one Stage"),
        (
            lambda: correlations(net(NORMALISED, 1), 1.0, 0.5, Batch(8)),
            NotCoveredError,
            "only pairs like all others.*0.5",
        ),
        (
            lambda: forward_second_moments(
                net(Stage(HE, "tanh", normalisation="batch"), 1), 1.0, Batch(8)
            ),
            NotCoveredError,
            "8 samples are not normal.*'tanh'",
        ),
        (
            lambda: gradient_correlations(net(NORMALISED, 1), 1.0, 0.0, Batch(3)),
            NotCoveredError,
            "infinite up to 3 samples. Received: 3",
        ),
        (
            lambda: backward_second_moments([NORMALISED, NORMALISED], [1.0, 1.0]),
            NotCoveredError,
            "first stage is a linear one",
        ),
        (
            lambda: forward_second_moments([FIRST, Residual([FIRST], 1, 1, "relu"), PLAIN], 1.0),
            NotCoveredError,
            "is not normal.*'relu'",
        ),
        (
            lambda: forward_second_moments(
                [Residual([FIRST], 1, 1, "relu"), Stage(law(1.0, "identity"))], 1.0
            ),
            NotCoveredError,
            "is not normal.*family 'identity'",
        ),
        (
            lambda: forward_second_moments([Residual([FIRST], 1, 1, "relu"), NORMALISED], 1.0),
            NotCoveredError,
            "is not normal",
        ),
        (
            lambda: forward_second_moments(
                [Residual([Stage(dense_law(4, 4, "identity", 1.0))])], 1.0
            ),
            NotCoveredError,
            "branch of identities",
        ),
        (lambda: Batch(1), ValueError, "size must be at least 2"),
        (lambda: Batch(2.5), TypeError, "size must be a whole number"),
        (lambda: Batch(8, 1.0), ValueError, "to below 1. Received: 1.0"),
        (lambda: Batch(5, -0.5), ValueError, "from -0.25"),
    ],
)
def test_what_is_not_covered_is_refused_with_the_reason(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_numbers_of_nothing_are_zero():
    zeros = [FIRST, Stage(dense_law(WIDTH, WIDTH, "constant", 0.0), "relu")]
    assert correlations(zeros, 1.0, 0.5)[1] == 0
    assert gradient_correlations(zeros, 1.0, 0.5)[0] == 0
