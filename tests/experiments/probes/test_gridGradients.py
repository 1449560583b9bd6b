"""The probe of gradients along a grid: held to a slow oracle with the same weights."""

import numpy as np
import pytest

from utilityFunctions import theano
from experiments.probes.gridGradients import gridGradients
from lookslinear.laws import dense_law
from lookslinear.sampling import child_seed, draw, standard_normal
from lookslinear.theory import Stage
from lookslinear.theory.stages import Residual
from tests.gridOracle import grid_net_oracle

GRID = np.linspace(-2, 2, 12)
SEED = 7


def hidden(activation="relu", inputs=8, outputs=8, **claims):
    mirror = claims.pop("mirror", False)
    law = dense_law(inputs, outputs, "normal", 0.5, mirror=mirror, dtype="float64")
    return Stage(law, activation, **claims)


def first(**claims):
    return Stage(dense_law(1, 8, "normal", 1.0, dtype="float64"), **claims)


NETS = {
    "plain": [first(), hidden(), hidden("leakyRelu(0.3)", outputs=5)],
    "biased": [first(bias_variance=0.5), hidden(bias_variance=0.2)],
    "centred": [first(), hidden(normalisation="centre"), hidden(normalisation="centre")],
    "batch": [first(), hidden(normalisation="batch"), hidden("linear")],
    "crelu": [first(), hidden("crelu", 16), hidden("crelu", 16, mirror=True)],
    "residual": [
        first(),
        Residual([hidden(normalisation="batch")], skip=0.8, scale=0.3),
        Residual([hidden(outputs=6), hidden(inputs=6)]),
    ],
}


def drawnAgain(stage, number):
    bias = standard_normal((1, stage.writes), child_seed(SEED, number, 0), "float64")
    return draw(stage.law, child_seed(SEED, number)), stage.bias_variance**0.5 * bias


@pytest.mark.parametrize("name", NETS)
def test_asTheOracle(name):
    with theano.config.change_flags(floatX="float64"):
        found = list(gridGradients(NETS[name], GRID, SEED))
    expected = [slope for _, slope in grid_net_oracle(NETS[name], GRID, drawnAgain)]
    for slope, oracle in zip(found, expected, strict=True):
        np.testing.assert_allclose(slope, oracle, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["centred", "batch", "residual"])
def test_theOracleTellsOtherNetsApart(name):
    with theano.config.change_flags(floatX="float64"):
        *_, found = gridGradients(NETS[name], GRID, SEED)
    plain = [first(), hidden(), hidden()]
    assert abs(found - grid_net_oracle(plain, GRID, drawnAgain)[-1][1]).max() > 0.05


def test_singlePrecisionStaysSingle():
    law = dense_law(8, 8, "normal", 0.5)
    stages = [Stage(dense_law(1, 8, "normal", 1.0)), Residual([Stage(law, "relu")], scale=0.1)]
    stages += [Stage(law, "relu", normalisation="batch", bias_variance=0.1)]
    assert {slope.dtype.name for slope in gridGradients(stages, GRID, SEED)} == {"float32"}


def test_theSameSeedTheSameGradients():
    stages = [Stage(dense_law(1, 8, "normal", 1.0)), Stage(dense_law(8, 8, "normal", 0.5), "relu")]
    one, same, other = (list(gridGradients(stages, GRID, seed))[-1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


def test_aMirroredNetHasOneGradientForAllInputs():
    mirrored = Stage(dense_law(32, 16, "haar", 0.25, mirror=True), "crelu")
    stages = [Stage(dense_law(1, 16, "normal", 1.0)), *50 * [mirrored]]
    *_, slope = gridGradients(stages, GRID, SEED)
    # 50 layers of float32 products of 16 numbers; the root of both adds up at most like this.
    assert np.ptp(slope, axis=0).max() < 50 * 16 * np.finfo("float32").eps * abs(slope).max()
