"""Jacobians and gradients of real layers, held to differences of a slow network in NumPy."""

import numpy as np
import pytest

from utilityFunctions import theano
from experiments.arms import Arm
from experiments.networks import stagesOf
from experiments.probes import Network, inputGradients, jacobian, jacobianOperator
from experiments.probes.weights import Weights
from lookslinear.laws import dense_law
from lookslinear.measures import lanczos_spectrum
from lookslinear.sampling import child_seed, draw
from lookslinear.theory import NotCoveredError, Stage
from lookslinear.theory.stages import Residual
from tests.experiments.probes.nets import jacobian_oracle, net_oracle
from tests.lookslinear.laws import law_between

SEED = 11
#: Central differences with steps of 1e-6: of rounding, 1e-16 / 1e-6, times the size of the numbers;
#: kinks within a step of an input would show as errors of order 1.
CLOSE = 1e-7


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def dense(inputs, outputs, family="normal", **options):
    return dense_law(inputs, outputs, family, (2 / inputs) ** 0.5, dtype="float64", **options)


def conv(inputs, outputs):
    return law_between(inputs, outputs, sides=(3, 3), dtype="float64")


PLAIN = [Stage(dense(5, 7)), *2 * [Stage(dense(7, 7), "relu")], Stage(dense(7, 4), "tanh")]
BLOCK = Residual([Stage(dense(6, 8), "relu"), Stage(dense(8, 6), "relu")], 0.8, 0.6)
NETWORKS = {
    "narrowing": PLAIN,
    "widening": [Stage(dense(4, 6)), Stage(dense(6, 9), "leakyRelu(0.3)")],
    "mirrored": [Stage(dense(5, 6)), Stage(dense(12, 6, mirror=True), "crelu")],
    "unmirrored": [Stage(dense(5, 6)), Stage(dense(12, 6), "crelu")],
    "residual": [Stage(dense(5, 6)), BLOCK, BLOCK],
    "postActivation": [Stage(dense(5, 6)), Residual([Stage(dense(6, 6))], activation="relu")],
    "batch": [Stage(dense(5, 6)), *2 * [Stage(dense(6, 6), "relu", normalisation="batch")]],
    "centre": [Stage(dense(5, 6)), *2 * [Stage(dense(6, 6), "relu", normalisation="centre")]],
    "residualBatch": 2 * [Residual([Stage(dense(5, 5), "relu", normalisation="batch")])],
}
IMAGES = [
    Stage(conv(2, 3)),
    Stage(conv(3, 3), "relu", normalisation="batch", stride=2),
    Stage(conv(3, 2), "relu", padding="valid"),
]


@pytest.fixture(autouse=True)
def doublePrecision():
    with theano.config.change_flags(floatX="float64"):
        yield


def batchFor(stages, samples=3):
    return normal(samples, stages[0].reads)


@pytest.mark.parametrize("name", NETWORKS)
def test_jacobiansAndGradientsAsTheOracle(name):
    stages = NETWORKS[name]
    x = batchFor(stages)
    expected = jacobian_oracle(stages, x, SEED)
    np.testing.assert_allclose(jacobian(stages, x, SEED), expected, rtol=0, atol=CLOSE)
    network = Network(stages, x.shape[1:], SEED)
    y, tape = network.forward(x)
    np.testing.assert_allclose(y, net_oracle(stages, x, SEED, []), rtol=0, atol=1e-12)
    u = normal(len(x) * 2, y.shape[1], seed=1)
    pulled = np.einsum("sko,soi->ski", u.reshape(len(x), 2, -1), expected)
    np.testing.assert_allclose(network.pull(tape, u), pulled.reshape(len(u), -1), atol=CLOSE)


@pytest.mark.parametrize("name", ["batch", "centre"])
def test_gradientsThroughStatisticsAsTheOracle(name):
    stages = NETWORKS[name]
    x, u = batchFor(stages, 4), normal(1, 6, seed=1)
    found = dict(inputGradients(stages, x, {3: u}, SEED, throughStatistics=True))[3][:, 0]
    whole = jacobian_oracle(stages, x, SEED, through_statistics=True)
    np.testing.assert_allclose(found, np.einsum("o,tsoi->si", u[0], whole), atol=CLOSE)
    # Those of the batch sum to 0 at the first normalisation, and so before it; others do not.
    assert abs(found.sum(axis=0)).max() < 1e-12
    constant = dict(inputGradients(stages, x, {3: u}, SEED))[3][:, 0]
    assert abs(constant.sum(axis=0)).max() > 0.01


def test_imagesAsTheOracle():
    x = normal(2, 2, 5, 5)
    expected = jacobian_oracle(IMAGES, x, SEED)
    assert expected.shape == (2, 2, 50)
    np.testing.assert_allclose(jacobian(IMAGES, x, SEED), expected, rtol=0, atol=CLOSE)


def test_theOracleTellsOthersApart():
    x = batchFor(NETWORKS["batch"])
    expected = jacobian_oracle(NETWORKS["batch"], x, SEED)
    for stages, seed in (
        (NETWORKS["batch"], SEED + 1),
        (NETWORKS["centre"], SEED),
        ([*NETWORKS["batch"][:2], Stage(dense(6, 6), "relu")], SEED),
    ):
        assert abs(jacobian(stages, x, seed) - expected).max() > 0.01


def test_oneSampleIsABatchOfOne():
    x = batchFor(PLAIN, 1)
    np.testing.assert_array_equal(jacobian(PLAIN, x[0], SEED), jacobian(PLAIN, x, SEED)[0])


def test_gradientsOfSeveralDepthsAreThoseOfShorterNetworks():
    stages, x = NETWORKS["residual"], normal(3, 5)
    back = {depth: normal(2, 6, seed=depth) for depth in (1, 3)}
    for depth, found in inputGradients(stages, x, back, SEED):
        expected = np.einsum("ko,soi->ski", back[depth], jacobian(stages[:depth], x, SEED))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_aBiasIsDrawnWithItsVariance():
    """Zero weights leave the bias alone: 1000 of variance 0.25, the same for all samples."""
    stage = Stage(dense_law(2, 1000, "constant", 0.0, dtype="float64"), bias_variance=0.25)
    (y,) = Network([stage], (2,), SEED).signals(np.ones((2, 2)))
    np.testing.assert_array_equal(y[0], y[1])
    # A variance from n numbers has a relative standard error of sqrt(2 / n).
    assert abs(y[0].var() / 0.25 - 1) < 5 * (2 / 1000) ** 0.5
    assert abs(jacobian([stage], np.ones(2), SEED)).max() == 0


def test_operatorsAsTheMatrix():
    stages, x = NETWORKS["widening"], normal(4)
    operator, matrix = jacobianOperator(stages, x, SEED), jacobian(stages, x, SEED)
    v, u = normal(3, 4, seed=1), normal(3, 9, seed=2)
    np.testing.assert_allclose(operator.push(v), v @ matrix.T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(operator.pull(u), u @ matrix, rtol=0, atol=1e-13)
    found = lanczos_spectrum(operator.square, v, steps=4)
    squares = np.linalg.svd(matrix, compute_uv=False) ** 2
    np.testing.assert_allclose(found.nodes, np.tile(squares[::-1], (3, 1)), rtol=1e-9)


def test_looksLinearHasSingularValuesOfOneThrough198Layers():
    """The frame's first layer reads the data; each later one is a rotation, to rounding."""
    frame = {"family": "haar", "scale": 8**-0.5, "dtype": "float64"}
    first, inner = dense_law(8, 8, **frame), dense_law(16, 8, mirror=True, **frame)
    plain = dense_law(16, 8, **frame)
    values = {}
    for name, law in (("mirrored", inner), ("plain", plain)):
        stages = [Stage(first), *197 * [Stage(law, "crelu")]]
        values[name] = np.linalg.svd(jacobian(stages, normal(8), SEED), compute_uv=False)
    assert abs(values["mirrored"] - 1).max() < 198 * 8 * 2.3e-16
    assert abs(values["plain"] - 1).max() > 0.5  # without the mirror


def test_weightsAreThoseOfEveryProbe():
    stages = stagesOf(Arm.parse("heNormal/relu"), (5,), "dense", depth=3, width=4)
    for memory in (0, 10**6):
        weights = Weights(stages, SEED, memory)
        for l in (2, 0, 1, 2):
            np.testing.assert_array_equal(weights[l], draw(stages[l].law, child_seed(SEED, l)))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: dict(inputGradients(PLAIN, normal(2, 5), {5: normal(1, 4)}, SEED)),
            ValueError,
            "each depth must be at most 4, the parts of the network. Received: 5.",
        ),
        (
            lambda: dict(inputGradients(PLAIN, normal(2, 5), {0: normal(1, 5)}, SEED)),
            ValueError,
            "each depth must be at least 1. Received: 0.",
        ),
        (
            lambda: dict(inputGradients(PLAIN, normal(2, 5), {4: normal(2, 4)}, SEED, True)),
            ValueError,
            "one read-out at a time. Received: 2.",
        ),
        (
            lambda: jacobian([Stage(conv(1, 1), padding="circular")], normal(1, 4, 4), SEED),
            NotCoveredError,
            "Received: padding 'circular', 1 groups.",
        ),
        (
            lambda: jacobian([Stage(dense(5, 4), normalisation="batch")], normal(5), SEED),
            ValueError,
            r"normalisation needs at least 2 samples.*Received: a batch of shape \(1, 5\)",
        ),
        (
            lambda: jacobian([Stage(dense(3, 4))], normal(5), SEED),
            ValueError,
            "weight 0 must fit samples of shape",
        ),
        (lambda: jacobian([], normal(5), SEED), ValueError, "stages must hold at least one Stage"),
        (
            lambda: jacobian([Stage(dense(5, 4)), Stage(dense(3, 4))], normal(5), SEED),
            ValueError,
            "stages must fit one another: stage 1 must read 4 units. Received: 3",
        ),
        (
            lambda: dict(inputGradients(PLAIN, normal(2, 5), {1: normal(1, 9)}, SEED)),
            ValueError,
            r"gradients at depth 1 must be \(k, \*\(.*Received: shape \(1, 9\)",
        ),
    ],
)
def test_badInput(call, error, message):
    with pytest.raises(error, match=message):
        call()
