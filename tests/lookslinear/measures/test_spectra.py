"""Summaries and Lanczos quadratures, held to written-out matrices."""

import numpy as np
import pytest
from scipy import stats

from lookslinear.measures import effective_rank, estimate, lanczos_spectrum, spectrum_summary


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_summary_by_hand():
    values = np.array([[1.0, 2.0, 4.0], [2.0, 2.0, 3.0]])
    summary = spectrum_summary(values)
    assert summary.least.value == 1.5
    assert summary.median.value == 2
    assert summary.largest.value == 3.5
    assert summary.condition.value == (4 + 1.5) / 2
    squares = values**2
    assert np.isclose(summary.mean_square.value, squares.mean())
    # Of all squares together, not the mean of each network's own.
    relative = (squares**2).mean() / squares.mean() ** 2 - 1
    assert np.isclose(summary.relative_variance.value, relative)
    own = np.mean(squares.var(axis=1) / squares.mean(axis=1) ** 2)
    assert abs(own - relative) > 0.02
    assert summary.largest.standard_error == stats.sem([4.0, 3.0])


def test_a_singular_matrix_has_an_infinite_condition():
    assert spectrum_summary(np.array([[0.0, 1.0], [1.0, 1.0]])).condition.value == np.inf


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_negative_singular_values_are_refused(value):
    with pytest.raises(ValueError, match=rf"values must not be negative. Received: {value}"):
        spectrum_summary(np.array([[value, 1.0]]))


@pytest.mark.parametrize("shape", [(), (3,), (2, 0)])
def test_a_summary_wants_values_of_networks(shape):
    with pytest.raises(ValueError, match=r"values must be \(networks, ..., k\).*Received: shape"):
        spectrum_summary(np.ones(shape))


def test_white_noise_has_the_effective_rank_of_its_edges():
    n, b = 400, 100
    value, error = effective_rank(normal(80, n, b))
    # tr D^T D = n b, and the largest eigenvalue follows the law of Tracy and Widom, of mean
    # -1.2065, about (sqrt n + sqrt b)^2 (Johnstone 2001); what is left is below n^(-2/3) / 10.
    root = np.sqrt(n) + np.sqrt(b)
    edge = root**2 - 1.2065 * root * (n**-0.5 + b**-0.5) ** (1 / 3)
    assert abs(value - n * b / edge) < 5 * error + n ** (-2 / 3) / 10
    assert abs(value - n * b / root**2) > 5 * error + n ** (-2 / 3) / 10  # without it
    one = effective_rank(normal(3, n, 1) @ normal(3, 1, b)).value
    assert np.isclose(one, 1)


def test_effective_rank_wants_networks():
    with pytest.raises(ValueError, match=r"matrices must be \(networks, ..., n, b\)"):
        effective_rank(np.eye(3))
    with pytest.raises(ValueError, match=r"matrices must be finite. Received: nan"):
        effective_rank(np.full((2, 3, 3), np.nan))


def wishart(n, seed=0):
    factor = normal(n, 2 * n, seed=seed)
    return factor @ factor.T / (2 * n)


def test_all_steps_find_every_eigenvalue():
    matrix = wishart(20)
    found = lanczos_spectrum(lambda v: v @ matrix, normal(3, 20, seed=1), 20)
    expected = np.broadcast_to(np.linalg.eigvalsh(matrix), (3, 20))
    np.testing.assert_allclose(found.nodes, expected, rtol=1e-8)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-12)


def test_few_steps_have_exact_moments_of_each_probe():
    matrix, probes = wishart(30), normal(4, 30, seed=1)
    found = lanczos_spectrum(lambda v: v @ matrix, probes, steps=5)
    unit = probes / np.linalg.norm(probes, axis=1, keepdims=True)
    powers = [np.linalg.matrix_power(matrix, k) for k in (1, 2, 9, 10)]
    expected = [np.einsum("pi,ij,pj->p", unit, power, unit).mean() for power in powers]
    moments = found.moments([1, 2, 9, 10]).value
    np.testing.assert_allclose(moments[:3], expected[:3], rtol=1e-9)
    assert abs(moments[3] / expected[3] - 1) > 1e-6  # a Gauss quadrature ends at 2 steps - 1


def test_many_probes_find_the_density_within_their_errors():
    matrix = wishart(300)
    found = lanczos_spectrum(lambda v: v @ matrix, normal(60, 300, seed=1), steps=40)
    eigenvalues = np.linalg.eigvalsh(matrix)
    value, error = found.moments([1, 2, 3])
    expected = np.array([(eigenvalues**k).mean() for k in (1, 2, 3)])
    assert (np.abs(value - expected) < 5 * error).all()
    points = np.quantile(eigenvalues, [0.1, 0.5, 0.9])
    shares, errors = found.distribution(points)
    # 40 nodes resolve the distribution to about one of them.
    assert (np.abs(shares - [0.1, 0.5, 0.9]) < 5 * errors + 1 / 40).all()
    # Mutant: nodes that all weigh the same.
    flat = estimate(np.mean(found.nodes**3, axis=1))
    assert abs(flat.value - expected[2]) > 5 * flat.standard_error


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_a_krylov_space_may_end_early(scale):
    eigenvalues = scale * np.repeat([1.0, 4.0], 10)
    found = lanczos_spectrum(lambda v: v * eigenvalues, normal(50, 20), steps=8)
    heavy = found.nodes[found.weights > 1e-6] / scale
    assert np.minimum(np.abs(heavy - 1), np.abs(heavy - 4)).max() < 1e-9
    identity = lanczos_spectrum(lambda v: scale * v, normal(2, 20), steps=8)
    np.testing.assert_allclose(identity.moments([1, 2]).value, [scale, scale**2], rtol=1e-12)
    zero = lanczos_spectrum(np.zeros_like, normal(2, 20), steps=3)
    np.testing.assert_array_equal(zero.moments([1, 2]).value, [0, 0])


@pytest.mark.parametrize(
    ("probes", "steps", "error", "message"),
    [
        (np.ones(4), 2, ValueError, r"probes must be rows \(probes, n\)"),
        (np.zeros((1, 4)), 2, ValueError, "none of them 0"),
        (np.ones((1, 4)), 5, ValueError, "steps must be at most 4, the operator's size"),
        (np.ones((1, 4)), 0, ValueError, "steps must be at least 1. Received: 0"),
        (np.ones((1, 4)), 2.0, TypeError, "steps must be a whole number. Received: 2.0"),
    ],
)
def test_bad_lanczos(probes, steps, error, message):
    with pytest.raises(error, match=message):
        lanczos_spectrum(lambda v: v, probes, steps)
