"""What kernels read: sums over taps against their definition, and convolutions that are drawn."""

import itertools
import math

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.measures import z_score
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_second_moments,
    correlations,
    forward_second_moments,
    gradient_correlations,
    weight_gradient_second_moments,
)
from lookslinear.theory.taps import count_over_taps, spread_over_taps, sum_over_taps
from tests.lookslinear.laws import law_between
from tests.lookslinear.theory.wide import moments, normal_gradient, placements, run

NETWORKS, SIDES, CORRELATION = 60, (5, 6), 0.4
#: A moment for each position, so that reading a wrong one shows.
IMAGE = np.random.default_rng(9).uniform(0.2, 1.2, SIDES)


def layer(read, written, phi="linear", sides=(3, 3), taps="all", family="normal", **options):
    """A layer with a kernel whose gain on a full window is 1.2^2."""
    doubled = 2 if phi == "crelu" else 1
    window = math.prod(sides) if taps == "all" else 1
    scale = 1.2 / math.sqrt(read * window)
    law = law_between(doubled * read, written, family, scale, sides, taps=taps, dtype="float64")
    return Stage(law, phi, **options)


def average(read, written, rho, phi="linear", **options):
    return layer(read, written, phi, taps="average", stride=2, neighbour_correlation=rho, **options)


def orthogonal(read, written, phi="linear", sides=(3, 5), padding="zeros"):
    entries = max(read, written) * math.prod(sides)
    law = law_between(
        2 * read if phi == "crelu" else read,
        written,
        "haar_convolution",
        1.2 / math.sqrt(entries),
        sides,
        mirror=phi == "crelu",
        dtype="float64",
    )
    return Stage(law, phi, padding=padding)


NETS = {
    "orthogonal, zeros": [orthogonal(16, 32), orthogonal(32, 32, "relu", (3, 3))],
    "orthogonal, circular": [
        orthogonal(16, 32, padding="circular"),
        orthogonal(32, 16, "crelu", padding="circular"),
    ],
    "zeros": [layer(16, 32), layer(32, 32, "relu"), layer(32, 32, "relu", bias_variance=0.2)],
    "circular": [layer(16, 32, padding="circular"), layer(32, 32, "crelu", padding="circular")],
    "valid": [
        layer(16, 32, sides=(2, 2), padding="valid"),
        layer(32, 32, "relu", sides=(3, 2), padding="valid"),
    ],
    "centre": [
        layer(16, 32, taps="centre", family="haar"),
        layer(32, 32, "relu", taps="centre", family="haar"),
    ],
    "strides": [layer(16, 32, stride=2), layer(32, 32, "relu", taps="centre", stride=2)],
    "average": [average(16, 48, 0.6), layer(48, 32, "relu")],
    "average of two": [average(16, 48, 0.6, sides=(2, 2), padding="valid")],
}


def images(count, rho, rng):
    """Two samples that correlate, whose neighbours correlate to a degree rho in blocks of two."""

    def draw():
        blocks = rng.standard_normal((count, 3, 3)).repeat(2, 1).repeat(2, 2)[:, : SIDES[0]]
        own = rng.standard_normal((count, *SIDES))
        return np.sqrt(rho) * blocks + np.sqrt(1 - rho) * own

    shared = draw()
    samples = [np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * draw() for _ in range(2)]
    return np.sqrt(IMAGE) * np.array(samples)


def simulate(network):
    rng, found = np.random.default_rng(3), []
    rho = network[0].neighbour_correlation or 0.0
    shape = np.shape(forward_second_moments(network, IMAGE)[-1])
    for _ in range(NETWORKS):
        gradient = normal_gradient(2, (network[-1].writes, *shape), rng)
        both = run(network, images(network[0].reads, rho, rng), gradient, rng)[:2]
        found.append([[moments(v, axis=1) for v in values] for values in both])
    # For each layer (networks, ways, moments or covariances, positions)
    return [
        np.array([[way[layer] for way in ways] for ways in found]) for layer in range(len(network))
    ]


def predict(network):
    forward = forward_second_moments(network, IMAGE)
    backward = backward_second_moments(network, forward)
    pairs = correlations(network, IMAGE, CORRELATION)
    gradients = gradient_correlations(network, IMAGE, CORRELATION)
    rows = zip(forward, backward, pairs, gradients, strict=True)
    return [np.array([[q, q * c], [d, d * r]]) for q, d, c, r in rows]


@pytest.mark.parametrize("name", NETS)
def test_convolutions_are_those_of_simulation_at_every_position(name):
    network = NETS[name]
    for measured, expected in zip(simulate(network), predict(network), strict=True):
        assert measured.shape[1:] == expected.shape
        z = z_score(measured, expected, rounding=1e-10)
        assert np.abs(z).max() < 5


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_another_correlation_of_neighbours_is_rejected(rho):
    measured = simulate(NETS["average"])[0][:, 0]
    expected = predict([average(16, 48, rho)])[0][0]
    assert np.abs(z_score(measured, expected)).max() > 6


def test_the_gain_of_an_average_is_that_of_the_released_kernels():
    # s = 0.4 and 0.28 keep the second moment at these correlations of neighbours.
    for s, rho in ((0.4, 0.1875), (0.28, 0.7296)):
        law = law_between(8, 8, "haar", s / math.sqrt(8), (3, 3), taps="average")
        stage = Stage(law, stride=2, neighbour_correlation=rho)
        forward = forward_second_moments([stage], np.ones((6, 8)))[0]
        assert forward.shape == (3, 4)
        np.testing.assert_allclose(forward, 1, rtol=2e-5)


@pytest.mark.parametrize("flips", [True, False])
@pytest.mark.parametrize("side", [6, 7])
def test_averages_read_blocks_that_do_not_overlap(flips, side):
    layout = "theano" if flips else "torch"
    law = law_between(4, 4, "normal", 1.0, (3,), layout, taps="average")
    assert law.axes.flips == flips
    stage = Stage(law, stride=2, neighbour_correlation=0.0)
    values = np.arange(side, dtype=float)
    blocks = np.append(values, 0)[: side + side % 2].reshape(-1, 2)
    np.testing.assert_array_equal(sum_over_taps(values, stage), blocks.sum(axis=1))


OPTIONS = list(itertools.product(("zeros", "circular", "valid"), (1, 2, 3), ("all", "centre")))


@pytest.mark.parametrize(("padding", "stride", "taps"), OPTIONS)
def test_sums_and_their_adjoint_are_those_of_single_taps(padding, stride, taps):
    stage = layer(2, 3, sides=(3, 5), taps=taps, padding=padding, stride=stride)
    places = placements((3, 5), (6, 7), padding, stride)
    weights = np.zeros((3, 5)) if taps == "centre" else np.ones((3, 5))
    weights[1, 2] = 1
    matrix = np.tensordot(weights.ravel(), places, axes=1)
    values = np.random.default_rng(0).random((4, 6, 7))
    found = count_over_taps(values, stage)
    np.testing.assert_allclose(found, np.tensordot(values.reshape(4, -1), matrix, axes=1))
    back = np.random.default_rng(1).random(found.shape)
    np.testing.assert_allclose(
        spread_over_taps(back, stage, (6, 7)),
        np.tensordot(back, matrix, axes=((1, 2), (1, 2))).reshape(4, 6, 7),
    )


def test_a_kernels_gradient_is_summed_over_positions():
    # Circular and flat: each of 9 entries sees all 30 positions.
    found = weight_gradient_second_moments(NETS["circular"], np.ones(SIDES))
    q = 1.2**2
    np.testing.assert_allclose(found, [30 * 1.2**2, 30 * q / 2])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: forward_second_moments([layer(4, 4)], 1.0),
            ValueError,
            r"last 2 axes must be the positions.*shape \(\)",
        ),
        (
            lambda: forward_second_moments([layer(4, 4, padding="valid")], np.ones((2, 5))),
            ValueError,
            "side 3 does not fit an image of side 2",
        ),
        (
            lambda: forward_second_moments([average(4, 4, None)], np.ones((4, 4))),
            NotCoveredError,
            "given neighbour_correlation",
        ),
        (
            lambda: correlations([average(4, 4, 0.5, "relu")], np.ones((4, 4)), 0.5),
            NotCoveredError,
            "linear stages.*'relu'",
        ),
        (
            lambda: weight_gradient_second_moments(
                [layer(4, 4), average(4, 4, 0.5)], np.ones((4, 4))
            ),
            NotCoveredError,
            "gradients of neighbours are equal",
        ),
        (
            lambda: forward_second_moments([layer(4, 4, normalisation="batch")], np.ones((4, 4))),
            NotCoveredError,
            "correlation of its positions",
        ),
        (lambda: average(4, 4, -0.5), ValueError, "from -0.333333.*Received: -0.5"),
        (lambda: layer(4, 4, neighbour_correlation=0.5), ValueError, "with 'all'"),
        (
            lambda: Stage(dense_law(4, 4, "normal", 1.0), stride=2),
            ValueError,
            "only a kernel has a stride. Received: 2",
        ),
        (lambda: layer(4, 4, stride=0), ValueError, "stride must be at least 1"),
    ],
)
def test_what_no_sum_is_made_from(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# Orthogonal convolutions, whose taps carry binomial shares


def test_an_orthogonal_convolution_is_predicted_position_by_position():
    sums = sum_over_taps(IMAGE, orthogonal(4, 4))
    shares = [3 * np.array([1, 2, 1]) / 4, 5 * np.array([1, 4, 6, 4, 1]) / 16]
    expected = np.zeros(SIDES)
    for row, column in np.ndindex(*SIDES):
        for i, j in np.ndindex(3, 5):
            r, c = row + i - 1, column + j - 2
            if 0 <= r < SIDES[0] and 0 <= c < SIDES[1]:
                expected[row, column] += shares[0][i] * shares[1][j] * IMAGE[r, c]
    np.testing.assert_allclose(sums, expected, rtol=1e-12)
    circular = sum_over_taps(IMAGE, orthogonal(4, 4, padding="circular"))
    assert math.isclose(circular.mean(), 15 * IMAGE.mean(), rel_tol=1e-12)
