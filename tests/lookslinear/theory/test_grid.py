"""The grid of scalar inputs: against a recursion over pairs, published numbers and simulation."""

import numpy as np
import pytest

from lookslinear.errors import NotCoveredError
from lookslinear.laws import dense_law
from lookslinear.measures import z_score
from lookslinear.sampling import draw
from lookslinear.theory import Stage
from lookslinear.theory import grid_kernels as grid_kernels_module
from lookslinear.theory.grid import (
    autocorrelation_of,
    brown_noise,
    checked_grid,
    grid_kernels,
    white_noise,
)
from lookslinear.theory.grid_kernels import (
    GridKernels,
    batch_normalised,
    centred,
    rectified,
    total,
)
from lookslinear.theory.stages import Residual
from tests.gridOracle import grid_net_oracle

LAGS = (1, 2, 4, 8, 16, 32)
GRID = np.linspace(-2, 2, 256)


def first(width=64, variance=1.0, **claims):
    return Stage(dense_law(1, width, "normal", variance**0.5), **claims)


def hidden(activation="relu", moment=2.0, width=64, **claims):
    doubled = 2 if activation == "crelu" else 1
    law = dense_law(doubled * width, width, "normal", (moment / width) ** 0.5)
    return Stage(law, activation, **claims)


def partly_mirrored(degree, width=300):
    law = dense_law(2 * width, width, "normal", width**-0.5, mirror=degree, dtype="float64")
    return Stage(law, "crelu", normalisation="centre")


def autocorrelation(stages, lags=LAGS):
    return autocorrelation_of(grid_kernels(stages, GRID)[-1].gradient, lags)


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (2, [0.989, 0.978, 0.956, 0.910, 0.815, 0.620]),
        (4, [0.963, 0.927, 0.858, 0.731, 0.517, 0.223]),
        (10, [0.765, 0.584, 0.334, 0.091]),
    ],
)
def test_centred_nets_as_computed_before(depth, expected):
    """Three digits, found earlier by conditioning pair by pair."""
    found = autocorrelation([first(), *depth * [hidden(normalisation="centre")]])
    np.testing.assert_allclose(found[: len(expected)], expected, atol=6e-4)


def test_centred_gradients_keep_their_size_at_every_depth():
    gradient = grid_kernels([first(), *50 * [hidden(normalisation="centre")]], GRID)[-1].gradient
    np.testing.assert_allclose(np.diagonal(gradient), 1, rtol=1e-12)


@pytest.mark.parametrize("layers", [24, 50])
def test_the_notebook_that_halves_variances_never_shatters(layers):
    """Weights and biases of variance 1 / 200: the correlation of gradients stands still."""
    units, biases = 200, 1 / 200
    stages = [first(variance=1 / units, bias_variance=biases)]
    stages += layers * [hidden(moment=1.0, bias_variance=biases)]
    expected = [0.982, 0.964, 0.930, 0.864, 0.742, 0.535]
    np.testing.assert_allclose(autocorrelation(stages), expected, atol=1e-3)
    size = np.diagonal(grid_kernels(stages, GRID)[-1].gradient)
    np.testing.assert_allclose(size, 2.0**-layers / units, rtol=1e-9)


def test_centring_alone_shatters_it():
    """Biases cancel, and the weights' variance is a matter of size."""
    small = [first(variance=0.1, bias_variance=0.3)]
    small += 10 * [hidden(moment=1.0, bias_variance=0.3, normalisation="centre")]
    he = [first(), *10 * [hidden(normalisation="centre")]]
    np.testing.assert_allclose(autocorrelation(small), autocorrelation(he), atol=1e-9)


@pytest.mark.parametrize("depth", [1, 3, 50])
def test_without_biases_gradients_have_two_values(depth):
    """f(x) = x f(1) for x > 0 and -x f(-1) for x < 0, so that only -E f(1) f(-1) matters."""
    correlation = -1.0
    for _ in range(depth):
        theta = np.arccos(correlation)
        correlation = (np.sin(theta) + (np.pi - theta) * correlation) / np.pi
    gradient = grid_kernels([first(), *depth * [hidden()]], GRID)[-1].gradient
    expected = np.where(np.multiply.outer(GRID, GRID) > 0, 1, -correlation)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)  # arccos near 1 loses half the digits


def conditioned(kernels):
    """`rectified` for every pair by itself: h' = a h_i + b h_j + rest, the rest independent."""
    signal, mixed, gradient = (np.zeros_like(kernel) for kernel in kernels)
    k, m, g = kernels
    for i in range(len(k)):
        for j in range(len(k)):
            if i == j:
                signal[i, i], mixed[i, i], gradient[i, i] = k[i, i] / 2, m[i, i] / 2, g[i, i] / 2
                continue
            a, b, c = k[i, i], k[j, j], k[i, j]
            theta = np.arccos(c / np.sqrt(a * b))
            sine, cosine, both = np.sin(theta), np.cos(theta), (np.pi - theta) / (2 * np.pi)
            square = (np.pi - theta + sine * cosine) / (2 * np.pi)
            product = np.sqrt(a * b) * (sine / (2 * np.pi) + both * cosine)
            s = np.array([[a, c], [c, b]])
            a1, a2 = np.linalg.solve(s, [m[i, i], m[i, j]])
            b1, b2 = np.linalg.solve(s, [m[j, i], m[j, j]])
            rest = g[i, j] - (m[i, i] * b1 + m[i, j] * b2)
            signal[i, j] = product
            mixed[i, j] = a1 * product + a2 * b * square
            gradient[i, j] = (
                both * rest
                + a1 * b1 * a * square
                + (a1 * b2 + a2 * b1) * product
                + a2 * b2 * b * square
            )
    return GridKernels(signal, mixed, gradient)


def some_kernels(seed, places=7, terms=5):
    """Kernels of h(x) = sum of random functions, whose derivatives are exact."""
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(-2, 2, places))
    frequencies, phases = rng.uniform(0.5, 3, terms), rng.uniform(0, 6, terms)
    waves = np.sin(np.outer(x, frequencies) + phases)
    slopes = frequencies * np.cos(np.outer(x, frequencies) + phases)
    return GridKernels(waves @ waves.T, slopes @ waves.T, slopes @ slopes.T)


@pytest.mark.parametrize("seed", range(6))
def test_rectifying_as_pair_by_pair(seed):
    kernels = some_kernels(seed)
    for found, expected in zip(rectified(kernels), conditioned(kernels), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_mixed_and_gradient_are_derivatives_of_the_signal():
    """Central differences of K itself through four biased layers."""
    stages = [first(bias_variance=0.3), *3 * [hidden("leakyRelu(0.3)", 1.7, bias_variance=0.2)]]
    step = 1e-3
    grid = np.array([-1.2, 0.4, 1.5])
    around = np.sort(np.concatenate([grid - step, grid, grid + step]))
    fine = grid_kernels(stages, around)[-1].signal
    here, up, down = np.arange(3) * 3 + 1, np.arange(3) * 3 + 2, np.arange(3) * 3
    found = grid_kernels(stages, grid)[-1]
    mixed = (fine[np.ix_(up, here)] - fine[np.ix_(down, here)]) / (2 * step)
    np.testing.assert_allclose(found.mixed, mixed, rtol=1e-5, atol=1e-6)
    both = (fine[np.ix_(up, up)] - fine[np.ix_(up, down)] - fine[np.ix_(down, up)]
            + fine[np.ix_(down, down)]) / (4 * step**2)  # fmt: skip
    apart = ~np.eye(3, dtype=bool)  # on the diagonal K has a kink
    np.testing.assert_allclose(found.gradient[apart], both[apart], rtol=1e-4, atol=1e-5)


def drawn(kernels, count, seed):
    """Samples of (h, h') with these covariances, two arrays (count, M)."""
    joint = np.block([[kernels.signal, kernels.mixed.T], [kernels.mixed, kernels.gradient]])
    values, vectors = np.linalg.eigh(joint)
    normal = np.random.default_rng(seed).standard_normal((count, len(joint)))
    samples = normal @ (vectors * np.sqrt(np.maximum(values, 0))).T
    return np.split(samples, 2, axis=1)


def normalised_scores(predicted, kernels, seed=0, count=40_000):
    """z-scores of samples of a batch-normalised rectifier's three kernels."""
    h, slope = drawn(kernels, count, seed)
    size = np.sqrt(np.square(h).mean(axis=1, keepdims=True))
    x, dx = np.maximum(h, 0) / size, (h > 0) * slope / size
    pairs = [(x, x), (dx, x), (dx, dx)]
    scores = [
        z_score(a[:, :, None] * b[:, None, :], expected)
        for (a, b), expected in zip(pairs, predicted, strict=True)
    ]
    return np.nanmax(np.abs(scores))


@pytest.mark.parametrize("seed", range(3))
def test_batch_normalised_units_as_sampled(seed):
    """At 40,000 samples of 147 means each, |z| > 5 is rarer than once in 10,000 tests."""
    kernels = centred(some_kernels(seed))
    predicted = total(rectified(part) for part in batch_normalised(kernels))
    assert normalised_scores(predicted, kernels) < 5
    frozen = rectified(kernels).scaled(len(kernels.signal) / np.trace(kernels.signal))
    assert normalised_scores(frozen, kernels) > 5  # as if all units had the same deviation


@pytest.mark.parametrize("block", ["batch-normalised", "residual"])
def test_the_quadrature_against_a_finer_one(monkeypatch, block):
    layer = hidden(normalisation="batch")
    block = layer if block == "batch-normalised" else Residual((layer,), scale=0.3)
    grid, lags, found = np.linspace(-2, 2, 32), range(16), []
    for settings in ({}, {"NODES": 12}, {"NODES": 1, "NODES_PER_DEVIATION": 1}):
        for name, value in settings.items():
            monkeypatch.setattr(grid_kernels_module, name, value)
        kernels = grid_kernels([first(), *10 * [block]], grid)
        found.append(np.array([autocorrelation_of(one.gradient, lags) for one in kernels]))
    usual, finer, coarser = found
    assert abs(usual - finer).max() < 5e-4
    assert abs(coarser - finer).max() > 1e-3


def tilted(kernels, step=0.02):
    """`batch_normalised` as it is written: the trapezoidal rule in log t, inverses and all."""
    signal, mixed, gradient = kernels
    identity, found = np.eye(len(signal)), 0
    for log in np.arange(-25, 16, step):
        t = np.exp(log) / np.trace(signal)
        shrunk = np.linalg.inv(identity + 2 * t * signal)
        part = (signal @ shrunk, mixed @ shrunk, gradient - 2 * t * mixed @ shrunk @ mixed.T)
        weight = step * t * len(signal) * np.sqrt(np.linalg.det(shrunk))
        found = found + np.array([weight * kernel for kernel in rectified(GridKernels(*part))])
    return found


@pytest.mark.parametrize("seed", range(4))
def test_batch_normalised_units_by_the_trapezoidal_rule(seed):
    kernels = centred(some_kernels(seed, terms=12))
    found = np.array(total(rectified(part) for part in batch_normalised(kernels)))
    expected = tilted(kernels)
    for kernel, exact in zip(found, expected, strict=True):
        np.testing.assert_allclose(kernel, exact, atol=2e-3 * abs(exact).max())


def batch(**claims):
    return hidden(width=300, normalisation="batch", **claims)


SYMMETRIC = {
    "biased": (hidden(width=300, bias_variance=0.2), 1e-9),
    "centred": (hidden("leakyRelu(0.3)", width=300, normalisation="centre"), 1e-9),
    "mirrored in part": (partly_mirrored(0.6), 1e-9),
    # Below the quadrature's error; its nodes depend on eigenvalues that are 0 but for rounding.
    "batch-normalised": (batch(), 5e-5),
    "residual": (Residual((batch(bias_variance=0.1),), skip=0.8, scale=0.7), 5e-5),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_a_folded_grid_as_the_whole_one(monkeypatch, name):
    block, tolerance = SYMMETRIC[name]
    grid = np.array([-2.0, -1.1, -0.3, 0.3, 1.1, 2.0])
    stages = [first(300, bias_variance=0.5), *3 * [block]]
    found = grid_kernels(stages, grid)
    monkeypatch.setattr("lookslinear.theory.grid._ROUNDING", -1.0)  # now no grid is symmetric
    for kernels, expected in zip(found, grid_kernels(stages, grid), strict=True):
        for kernel, whole in zip(kernels, expected, strict=True):
            np.testing.assert_allclose(kernel, whole, atol=tolerance * abs(whole).max())


def test_stages_asked_for_are_those_of_the_whole_list():
    stages = [first(), *3 * [hidden()]]
    every, some = grid_kernels(stages, GRID), grid_kernels(stages, GRID, at=[3, 1])
    for kernels, number in zip(some, (3, 1), strict=True):
        np.testing.assert_array_equal(kernels.gradient, every[number].gradient)
    with pytest.raises(ValueError, match=r"each of at must be below 4, the stages\. Received: 4"):
        grid_kernels(stages, GRID, at=[4])
    with pytest.raises(ValueError, match=r"each of at must be at least 0\. Received: -1"):
        grid_kernels(stages, GRID, at=[-1])


def test_batch_normalised_units_have_no_size():
    kernels = centred(some_kernels(0, terms=12))
    found, small = (total(batch_normalised(one)) for one in (kernels, kernels.scaled(2.0**-800)))
    for kernel, same in zip(found, small, strict=True):
        np.testing.assert_allclose(same, kernel, atol=1e-9 * abs(kernel).max())


@pytest.mark.parametrize("variance", [0.0, 1e-20])
def test_nothing_to_divide_by_is_refused(variance):
    """Next to biases of 1 the inputs are nothing: all give a unit the same value."""
    stages = [first(variance=variance, bias_variance=1.0), hidden(normalisation="batch")]
    with pytest.raises(NotCoveredError, match="all inputs give each unit the same value"):
        grid_kernels(stages, GRID)


def test_batch_normalisation_shatters_faster_than_centring():
    stages = [first(), *4 * [hidden(normalisation="batch")]]
    # Measured at width 200: .928 .860 .726; centring alone predicts .963 .927 .858.
    np.testing.assert_allclose(autocorrelation(stages)[:3], [0.926, 0.856, 0.728], atol=1e-3)


def simulated(stages, networks, seed):
    """dh/dx of all units of random nets, an array (networks, M, width)."""
    rng = np.random.default_rng(seed)

    def weights_of(stage, number):
        weight = stage.law.scale * rng.standard_normal(stage.law.shape)
        if stage.law.mirror:
            weight = draw(stage.law, rng)
        return weight, stage.bias_variance**0.5 * rng.standard_normal(stage.law.shape[1])

    return np.array([grid_net_oracle(stages, GRID, weights_of)[-1][1] for _ in range(networks)])


def scores(stages, predicted_of, networks=40, lags=(0, 4, 16, 64, 200)):
    """z-scores of the mean products at some lags; the mean over units is one sample."""
    slopes = simulated(stages, networks, seed=5)
    covariance = grid_kernels(predicted_of, GRID)[-1].gradient
    places = len(GRID)
    measured = [(slopes[:, : places - k] * slopes[:, k:]).mean(axis=(1, 2)) for k in lags]
    expected = [np.diagonal(covariance, k).mean() for k in lags]
    return np.abs(z_score(np.transpose(measured), np.array(expected))).max()


NETS = {
    "centred": [hidden(width=300, normalisation="centre")],
    "biased": [hidden(moment=1.5, width=300, bias_variance=3.0)],
    "leaky": [hidden("leakyRelu(0.4)", 1.6, width=300, normalisation="centre")],
    "crelu": [hidden("crelu", 1.0, width=300, normalisation="centre")],
    "partly mirrored": [partly_mirrored(0.6)],
    "residual": [Residual((hidden(width=300, normalisation="batch"),), skip=0.8, scale=0.7)],
}


@pytest.mark.parametrize("name", NETS)
def test_as_simulated(name):
    """40 nets of width 300: finite width shifts means by 1 / 300, errors are ten times that."""
    stages = [first(300), *2 * NETS[name]]
    assert scores(stages, stages) < 5


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        ("centred", [hidden(width=300)]),
        ("centred", [hidden(moment=2.6, width=300, normalisation="centre")]),
        ("biased", [hidden(moment=1.5, width=300)]),
        ("leaky", [hidden("relu", 1.6, width=300, normalisation="centre")]),
        ("partly mirrored", [partly_mirrored(0.0)]),
        ("partly mirrored", [partly_mirrored(0.9)]),
        ("residual", [Residual((hidden(width=300, normalisation="batch"),), skip=0.8)]),
        ("residual", [hidden(width=300, normalisation="batch")]),
    ],
)
def test_simulation_rejects_other_nets(name, mutant):
    assert scores([first(300), *2 * NETS[name]], [first(300), *2 * mutant]) > 5


def test_noise_as_its_closed_form():
    lags = np.arange(256)
    brown = autocorrelation_of(brown_noise(256), lags)
    np.testing.assert_allclose(brown, 1 - lags / 257, atol=1e-12)
    np.testing.assert_array_equal(autocorrelation_of(white_noise(256), lags), lags == 0)


def test_the_covariance_of_brown_noise_is_that_of_sums():
    sums = np.tril(np.ones((5, 5)))
    np.testing.assert_array_equal(brown_noise(5), sums @ white_noise(5) @ sums.T)


@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        ([0.0, 1.0], ValueError, r"at least 3 inputs. Received: shape \(2,\)"),
        (np.zeros((3, 3)), ValueError, r"row of at least 3 inputs. Received: shape \(3, 3\)"),
        ([0.0, 2.0, 1.0], ValueError, "must increase .* Received: 1.0 after 2.0"),
        ([0.0, 1.0, 1.0], ValueError, "must increase .* Received: 1.0 after 1.0"),
        ([0.0, 1.0, np.nan], ValueError, "finite. Received: nan"),
        (["a", "b", "c"], TypeError, "grid must be a number or an array of them"),
    ],
)
def test_bad_grids(grid, error, message):
    with pytest.raises(error, match=message):
        checked_grid(grid)
    with pytest.raises(error, match=message):
        grid_kernels([first()], grid)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([first(), hidden("tanh")], "linear on both sides of 0. Received: 'tanh'"),
        ([Stage(dense_law(1, 4, "identity", 1.0))], "leaves nothing to chance"),
        ([first(), Residual([hidden()], activation="relu")], "behind a residual .* 'relu'"),
        ([first(), Residual((hidden("erf"),))], "linear on both sides of 0. Received: 'erf'"),
    ],
)
def test_what_is_not_predicted(stages, message):
    with pytest.raises(NotCoveredError, match=message):
        grid_kernels(stages, GRID)


def test_zero_on_the_kink_is_refused():
    with pytest.raises(NotCoveredError, match="exactly 0 without biases"):
        grid_kernels([first(), hidden()], [-1.0, 0.0, 1.0])
    grid_kernels([first(), hidden("linear")], [-1.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("stages", "error"),
    [([], ValueError), (first(), TypeError), (["relu"], TypeError), ([hidden()], ValueError)],
)
def test_what_are_no_stages(stages, error):
    with pytest.raises(error, match="Received"):
        grid_kernels(stages, GRID)


@pytest.mark.parametrize("lag", [3, -1])
def test_bad_lags(lag):
    with pytest.raises(ValueError, match="each of lags must be"):
        autocorrelation_of(white_noise(3), [lag])


@pytest.mark.parametrize("covariance", [np.ones(4), np.ones((3, 4)), 1.0])
def test_bad_covariances(covariance):
    with pytest.raises(ValueError, match=r"covariance must be a matrix of shape \(M, M\)"):
        autocorrelation_of(covariance, [1])


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda bad: grid_kernels([first()], GRID, at=bad), "at"),
        (lambda bad: autocorrelation_of(white_noise(3), bad), "lags"),
    ],
)
@pytest.mark.parametrize("bad", [0, "0", None, {}])
def test_what_are_no_numbers_of_places(call, name, bad):
    if name == "at" and bad is None:  # all of them
        return
    with pytest.raises(TypeError, match=f"{name} must be a sequence of whole numbers"):
        call(bad)
