"""Spectra of the Jacobian, against thousands of small networks and a few wide ones.

Scores are of means over networks, in the standard errors of those means; |z| < 5 fails once in two
million. Where frames leave no scatter, rounding, taken as 1e-11, is all that may differ.
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.theory import NotCoveredError, Residual, Stage
from lookslinear.theory.fuss_catalan import (
    fuss_catalan_density,
    fuss_catalan_edge,
    fuss_catalan_moment,
)
from lookslinear.theory.maps import second_moment
from lookslinear.theory.spectra import spectral_moments, wide_spectral_moments, zero_share
from lookslinear.theory.spectral_laws import spectral_law
from tests.lookslinear.laws import law_between
from tests.lookslinear.theory.nets import dense_stages, jacobians

WIDTHS = ((6, 6, 6, 6), (5, 9, 4, 7, 3))
ACTIVATIONS = ("linear", "relu", "leakyRelu(0.3)", "leakyRelu(-1.0)", "crelu", "mirrored crelu")
NETWORKS = 1500


def stages_of(widths, family, activation, gain=1.2):
    phi = activation.split()[-1]
    return dense_stages(widths, phi, family, gain, mirror=activation.startswith("mirrored"))


def measured(stages, seed=0, networks=NETWORKS):
    """Per network: mean, mean square and squared mean of the squared singular values."""
    squares = np.linalg.svd(jacobians(stages, networks, seed), compute_uv=False) ** 2
    means = squares.mean(axis=1)
    return np.array([means, (squares**2).mean(axis=1), means**2])


def scores(found, expected):
    error = found.std(axis=1, ddof=1) / math.sqrt(found.shape[1])
    expected = np.array(expected)
    return (found.mean(axis=1) - expected) / np.hypot(error, 1e-11 * expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("family", ["normal", "haar"])
@pytest.mark.parametrize("widths", WIDTHS)
def test_the_exact_moments_are_those_of_simulation(widths, family, activation):
    stages = stages_of(widths, family, activation)
    assert np.abs(scores(measured(stages), spectral_moments(stages))).max() < 5


@pytest.mark.parametrize("activation", ["linear", "relu", "crelu"])
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_the_moments_of_infinite_width_are_rejected(family, activation):
    stages = stages_of((4, 4, 4, 4), family, activation)
    if (family, activation) == ("haar", "linear"):  # where they are exact at every width
        np.testing.assert_allclose(spectral_moments(stages), wide_spectral_moments(stages))
    else:
        z = scores(measured(stages, networks=4000), wide_spectral_moments(stages))
        assert np.abs(z[0]) < 5  # the mean is the same
        assert np.abs(z[1:]).max() > 5


def test_the_other_family_and_gain_are_rejected():
    found = measured(stages_of(WIDTHS[0], "normal", "relu"))
    assert abs(scores(found, spectral_moments(stages_of(WIDTHS[0], "haar", "relu")))[1]) > 8
    wrong = spectral_moments(stages_of(WIDTHS[0], "normal", "relu", gain=1.2 * 1.15))
    assert abs(scores(found, wrong)[0]) > 8


def partly_mirrored(mirror):
    stages = stages_of((6, 6, 6, 6), "normal", "mirrored crelu")
    return [stages[0], *(replace(s, law=replace(s.law, mirror=mirror)) for s in stages[1:])]


def test_gaussian_crelu_is_linear_whatever_its_mirror():
    linear = spectral_moments(stages_of((6, 6, 6, 6), "normal", "linear"))
    assert spectral_moments(partly_mirrored(0.5)) == linear
    assert np.abs(scores(measured(partly_mirrored(0.5)), linear)).max() < 5


def blocks(family, activation="linear", width=6, count=3, skip=0.8, scale=0.7, mirror=False):
    first, inner = dense_stages((width,) * 3, activation, family, 1.0, mirror=mirror)
    return [first, *count * [Residual((inner,), skip, scale)]]


@pytest.mark.parametrize("family", ["normal", "haar"])
@pytest.mark.parametrize("activation", ["linear", "crelu"])
def test_residual_blocks_of_linear_branches_are_exact(family, activation):
    stages = blocks(family, activation, mirror=activation == "crelu")
    found = measured(stages)
    assert np.abs(scores(found, spectral_moments(stages))).max() < 5
    mutant = blocks(family, activation, mirror=activation == "crelu", skip=0.9)
    assert np.abs(scores(found, spectral_moments(mutant))).max() > 8


@pytest.mark.parametrize("activation", ["linear", "relu", "crelu", "leakyRelu(0.3)"])
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_exact_moments_approach_those_of_infinite_width(family, activation):
    """Over all singular values, of rectangular layers too; what is left is of order 1 / width."""
    left = []
    for scale in (100, 1000):
        stages = stages_of([scale * n for n in (5, 9, 4, 7, 6)], family, activation)
        exact, wide = (np.array(f(stages)) for f in (spectral_moments, wide_spectral_moments))
        left.append(np.abs(exact / wide - 1).max())
    assert left[0] < 0.05
    assert left[1] <= left[0] / 9 + 1e-12


def test_wide_residual_blocks():
    stages = blocks("haar", "linear", width=2000, count=5)
    exact, wide = (f(stages).relative_variance for f in (spectral_moments, wide_spectral_moments))
    assert math.isclose(exact, wide, rel_tol=0.01)
    universal = blocks("normal", "linear", width=10, count=1000, skip=1.0, scale=0.03)
    # c = sum over blocks of the branch's mean square: mean e^c, relative variance 2 c.
    moments, c = wide_spectral_moments(universal), 1000 * 0.03**2
    assert math.isclose(moments.mean, math.exp(c), rel_tol=1e-3)
    assert math.isclose(moments.relative_variance, 1 + 2 * c, rel_tol=1e-2)  # 1: the first layer


@pytest.mark.parametrize("L", [1, 2, 3, 10])
def test_fuss_catalan(L):
    # With x = edge u^(2 L + 2) sin^2 the ends of the law are smooth, and the plain rule exact.
    nodes = (np.arange(4000) + 0.5) / 4000
    u = np.sin(math.pi / 2 * nodes)
    x = fuss_catalan_edge(L) * u ** (2 * L + 2)
    measure = (2 * L + 2) * x / u * math.pi / 2 * np.cos(math.pi / 2 * nodes) / 4000
    density = fuss_catalan_density(L, x)
    for order in range(5):
        moment = (density * x**order * measure).sum()
        assert math.isclose(moment, fuss_catalan_moment(L, order), rel_tol=1e-5)
    stages = dense_stages([50] * (L + 1), "linear", "normal")
    seen = x > 1e-12  # which the last height above the axis tells from 0
    found = spectral_law(stages).density(x[seen][::100])
    np.testing.assert_allclose(found, density[seen][::100], rtol=1e-5)


def share_below(law, points, nodes):
    """The law's distribution at points, from its density on an even grid of log x."""
    logs = np.linspace(-30, math.log(points.max()), nodes)
    x = np.exp(logs)
    mass = np.cumsum(law.density(x) * x) * (logs[1] - logs[0])
    return law.zeros + np.interp(np.log(points), logs, mass)


def steady(family, activation, q, width, depth):
    """Layers whose gain keeps the second moment q, and a first one that makes it."""
    gain = math.sqrt(q / second_moment(activation, q))
    stages = dense_stages([width] * (depth + 1), activation, family, gain)
    stages[0] = replace(stages[0], law=replace(stages[0].law, scale=math.sqrt(q / width)))
    return stages


@pytest.mark.parametrize(
    ("stages", "tolerance"),
    [
        (dense_stages([150] * 4, "linear", "normal"), 0.025),
        (dense_stages([150] * 7, "relu", "haar", 2**0.5), 0.025),
        (dense_stages([150] * 4, "relu", "normal", 2**0.5), 0.025),
        (dense_stages([150] * 4, "crelu", "haar"), 0.025),
        (steady("haar", "hardTanh", 0.5, 150, 8), 0.04),
        (steady("haar", "erf", 0.3, 100, 6), 0.025),
        (blocks("normal", "linear", width=150, count=20, skip=1.0, scale=0.2), 0.025),
    ],
    ids=["gaussian", "relu", "gaussian relu", "crelu", "hardTanh", "erf", "residual"],
)
def test_densities_are_those_of_wide_networks(stages, tolerance):
    """The distribution at its deciles; 1 / width and the grid of the law leave up to 2 %."""
    squares = np.linalg.svd(jacobians(stages, 12, seed=1), compute_uv=False).ravel() ** 2
    law = spectral_law(stages)
    # Densities of 0 or 1 gates have steep ends; those of smooth ones take longer.
    nodes = 400 if stages[-1].writes == 100 else 2500
    points = np.quantile(squares[squares > 1e-9], np.arange(1, 10) / 10)
    found = np.array([(squares < point).mean() for point in points])
    assert np.abs(found - share_below(law, points, nodes)).max() < tolerance
    # Mutant: the law of half as many layers.
    short = spectral_law(stages[: len(stages) // 2])
    assert np.abs(found - share_below(short, points, nodes)).max() > tolerance


def test_shares_at_single_values():
    looks_linear = spectral_law(dense_stages([10] * 199, "crelu", "haar", mirror=True))
    assert (looks_linear.largest, looks_linear.of_largest) == pytest.approx((1, 1))
    assert np.abs(looks_linear.density(np.array([0.5, 2.0]))).max() < 1e-6
    stages = steady("haar", "hardTanh", 0.3, 400, 4)
    law = spectral_law(stages)
    squares = np.linalg.svd(jacobians(stages, 10, seed=2), compute_uv=False) ** 2
    at_top = np.isclose(squares, law.largest, rtol=1e-9).mean(axis=1)
    error = at_top.std(ddof=1) / math.sqrt(10)
    assert 0.1 < law.of_largest < 1
    assert abs(at_top.mean() - law.of_largest) < 5 * error + 3 / 400  # and what width leaves


def test_wide_rows_of_smooth_activations():
    q, depth = 0.3, 5
    uneven = (1 + 4 * q) / math.sqrt(1 + 8 * q)
    for family, expected in (("haar", uneven - 1), ("normal", uneven)):
        stages = steady(family, "erf", q, 64, depth)
        found = wide_spectral_moments(stages).relative_variance
        weights = 1 if family == "normal" else 0  # of the first layer, which has no gates
        assert math.isclose(found, (depth - 1) * expected + weights, rel_tol=1e-6)


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([Stage(dense_law(8, 8, "normal", 0.1), "relu")], "first stage must be linear.*'relu'"),
        (dense_stages((8, 8, 8), "relu", "uniform"), "Gaussian and Haar weights.*'uniform'"),
        (dense_stages((8, 8, 8), "tanh", "normal"), "two slopes and CReLU.*'tanh'"),
        (dense_stages((8, 8, 8), "relu", "normal", sparsity=0.5), "full dense weights only"),
        ([Stage(law_between(8, 8, sides=(3, 3), taps="centre"))], "full dense weights only"),
        ([Stage(dense_law(8, 8, "normal", 0.1), bias_variance=0.1)], "without biases"),
        (blocks("normal", "relu"), "where the branch is one linear layer"),
    ],
)
def test_what_has_no_exact_moments_is_refused_with_the_reason(stages, reason):
    with pytest.raises(NotCoveredError, match=reason):
        spectral_moments(stages)


@pytest.mark.parametrize("function", [wide_spectral_moments, spectral_law])
@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        ([Stage(dense_law(8, 8, "normal", 0.1), "relu")], "first stage must be linear"),
        ([Stage(law_between(8, 8, sides=(3, 3), taps="centre"))], "dense weights only"),
        ([Stage(dense_law(8, 8, "identity", 1.0))], "independent entries and Haar.*'identity'"),
        ([Stage(dense_law(8, 8, "normal", 0.1), normalisation="batch")], "without normalisation"),
    ],
)
def test_what_has_no_wide_law_is_refused_with_the_reason(function, stages, reason):
    with pytest.raises(NotCoveredError, match=reason):
        function(stages)


def test_gates_of_successive_residual_blocks_are_not_free_of_one_another():
    """They open together, which widens the spectrum: nothing is predicted from free factors."""
    stages = blocks("normal", "relu", width=100, count=30, skip=1.0, scale=(2 / 30) ** 0.5)
    squares = np.linalg.svd(jacobians(stages, 80, seed=3), compute_uv=False) ** 2
    mean, second = squares.mean(axis=1), (squares**2).mean(axis=1)
    spread = second / mean.mean() ** 2 - 1
    free = 1 + 1.95  # of the first layer, which is Gaussian here, and c = 1 with 30 blocks
    assert (spread.mean() - free) / (spread.std(ddof=1) / math.sqrt(80)) > 5
    for function in (wide_spectral_moments, spectral_law):
        with pytest.raises(NotCoveredError, match="open and close together in successive"):
            function(stages)


def test_zeros_of_relu_networks():
    stages = dense_stages((9, 6, 8, 7), "relu", "haar")
    squares = np.linalg.svd(jacobians(stages, 2000, seed=4), compute_uv=False) ** 2
    found = (squares < 1e-20).mean(axis=1)
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - zero_share(stages)) < 5 * error
    assert abs(found.mean() - 0.5) > 5 * error  # of infinite width
    assert zero_share(dense_stages((9, 6, 8, 7), "crelu", "haar")) == pytest.approx(1 / 7)
    with pytest.raises(NotCoveredError, match="share of zeros is known for two slopes"):
        zero_share(dense_stages((8, 8, 8), "tanh", "haar"))


def test_laws_of_rectangular_layers_are_refused():
    with pytest.raises(NotCoveredError, match=r"square layers of one width, here 8.*8 to 6"):
        spectral_law(dense_stages((8, 6, 8), "linear", "normal"))


def test_densities_of_no_numbers_are_refused():
    with pytest.raises(TypeError, match="x must be a number or an array of them"):
        fuss_catalan_density(2, "a")
    with pytest.raises(ValueError, match="x must not be NaN"):
        fuss_catalan_density(2, [1.0, math.nan])
    law = spectral_law([Stage(dense_law(8, 8, "haar", 8**-0.5))])
    assert law.density([]).shape == (0,)
