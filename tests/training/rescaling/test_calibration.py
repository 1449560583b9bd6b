"""Calibration: units of mean 0 and variance 1, and equal rates of change; oracles in NumPy."""

import numpy as np
import pytest

from layers import (
    FC,
    Activation,
    Convolution,
    CReLU,
    Dense,
    Flatten,
    Representation,
    Residual,
    Sequential,
)
from lookslinear.sampling import as_seed, child_seed, standard_normal
from training.rescaling import (
    betweenLayerCalibration,
    layerSequentialUnitVariance,
    withinLayerCalibration,
)

from .nets import held, normal, reluNet, reluSignals, residualNet


def farthest(y, x, mean=0.0):
    """How far the units of layers with weights are from the mean and a variance of 1, at most."""
    found = 0.0
    for step in y.steps:
        if hasattr(step.layer, "weight"):
            numbers = step.tensor.eval({y.input: x}).astype("float64")
            axes = (0, *range(2, numbers.ndim))
            off = abs(numbers.mean(axes) - mean).max(), abs(numbers.var(axes) - 1).max()
            found = max(found, *off)
    return found


def convNet():
    y = Convolution(4, seed=1)(Representation((2, 5, 5)))
    y = Residual([CReLU(), Convolution(4, seed=2)], scale=0.5)(y)
    return FC(3, seed=3)(Flatten()(y))


def test_eachUnitOfAConvolutionalResidualNetHasMean0AndVariance1():
    y, x = convNet(), 2 + 3 * normal(40, 2, 5, 5)
    layerSequentialUnitVariance(y, x, tolerance=1e-3, batchSize=16)
    assert farthest(y, x) > 0.1, "one variance for a whole layer is not one for each unit"
    change = withinLayerCalibration(y, x, batchSize=16)
    assert change.converged
    assert farthest(y, x) < 1e-4
    again = withinLayerCalibration(y, x, mean=0.5, batchSize=40)
    assert [round(row.before, 4) for row in again[:1]] == [1.0]
    assert farthest(y, x, mean=0.5) < 1e-4


def test_weightsKeepTheirDirectionsAndAreDividedByTheDeviation():
    y, x = reluNet(6, 5, 4, biases=True), normal(50, 6)
    (first, _), _, (out, _) = reluSignals(y, x)
    bias = y.layers[0].bias.get_value().astype("float64")
    (row, _) = withinLayerCalibration(y, x, batchSize=50)
    layer = y.layers[0]
    np.testing.assert_allclose(layer.weight.get_value(), first / out.std(0), rtol=1e-4)
    wanted = (bias - out.mean(0)) / out.std(0)
    np.testing.assert_allclose(layer.bias.get_value(), wanted, rtol=1e-3, atol=1e-5)
    assert row.before == pytest.approx(out.var(0).mean(), rel=1e-4)
    assert row.factor == pytest.approx(
        np.linalg.norm(first / out.std(0)) / np.linalg.norm(first), rel=1e-4
    )


def test_withoutABiasItDividesAlone():
    y, x = FC(4, bias=False, seed=0)(Representation((5,))), 1 + normal(70, 5)
    before = held(y)
    with pytest.raises(ValueError, match=r"layer 0, FC must have a bias.*centre=False"):
        withinLayerCalibration(y, x)
    assert held(y) == before
    assert withinLayerCalibration(y, x, centre=False).converged
    np.testing.assert_allclose(y.function()(x).var(0), 1, atol=1e-3)


def test_aUnitThatIsConstantIsRefused():
    y, x = reluNet(6, 5, 4), normal(64, 6)
    weight = y.layers[2].weight.get_value()
    weight[:, 1] = 0
    y.layers[2].weight.set_value(weight)
    before = held(y)
    with pytest.raises(ValueError, match=r"layer 2, FC must have a positive variance.*0\.0"):
        withinLayerCalibration(y, x)
    assert held(y) == before
    for options, message in (
        ({"mean": np.nan}, "mean must be finite"),
        ({"batchSize": 0}, "batchSize must be at least 1. Received: 0"),
        ({"tolerance": 0}, "tolerance must be more than 0"),
    ):
        with pytest.raises(ValueError, match=message):
            withinLayerCalibration(y, x, **options)
    with pytest.raises(TypeError, match="centre must be a bool"):
        withinLayerCalibration(y, x, centre=1)


# Between layers


def jacobians(y, x):
    """d output / d z of each layer of a `reluNet`, (samples, outputs, units), behind it first."""
    weights, _, outputs = reluSignals(y, x)
    found = [np.broadcast_to(np.eye(outputs[-1].shape[1]), (len(x), *2 * outputs[-1].shape[1:]))]
    for weight, out in zip(weights[:0:-1], outputs[-2::-1], strict=True):
        found.append(found[-1] @ weight.T * (out > 0)[:, None, :])
    return found[::-1]


def exactRates(y, x):
    """sqrt(E |J|^2 |x|^2) / |W|: the expectation over eta taken by hand."""
    weights, inputs, _ = reluSignals(y, x)
    return np.array([
        np.sqrt(((j**2).sum((1, 2)) * (i**2).sum(1)).mean()) / np.linalg.norm(w)
        for w, i, j in zip(weights, inputs, jacobians(y, x), strict=True)
    ])  # fmt: skip


def ratesFor(y, x, seed, batchSize):
    """The rates for the very eta that are drawn."""
    weights, inputs, outputs = reluSignals(y, x)
    parent, width, count = as_seed(seed), outputs[-1].shape[1], len(x) // batchSize
    shape, dtype = (batchSize, width), x.dtype.name
    eta = np.concatenate(
        [standard_normal(shape, child_seed(parent, i), dtype) for i in range(count)]
    )
    deltas = [np.einsum("so,sou->su", eta, j) for j in jacobians(y, x)]
    found = []
    for weight, read, delta in zip(weights, inputs, deltas, strict=True):
        batches = zip(np.split(read, count), np.split(delta, count), strict=True)
        power = sum((r.T @ d) ** 2 for r, d in batches).sum() / len(x)
        found.append(np.sqrt(power) / np.linalg.norm(weight))
    return np.array(found)


def test_allLayersOfAChainChangeAtOneRateAndTheFunctionStays():
    y, x = reluNet(6, 30, 8, 20, 3, biases=True), normal(512, 6)
    layer = y.layers[4]
    layer.weight.set_value(5 * layer.weight.get_value())
    batchSize = 2
    before, outputs = ratesFor(y, x, 0, batchSize), y.function()(x)
    weights = [layer.weight.get_value() for layer in y.layers[::2]]
    uncalibrated = exactRates(y, x)
    change = betweenLayerCalibration(y, x, batchSize=batchSize, seed=0)
    assert change.converged
    assert change.table["quantity"].unique().tolist() == ["rate of change"]
    np.testing.assert_allclose(change.table["before"], before, rtol=1e-3)
    factors = np.sqrt(before / np.exp(np.log(before).mean()))
    np.testing.assert_allclose(change.table["factor"], factors, rtol=1e-3)
    for layer, weight, factor in zip(y.layers[::2], weights, factors, strict=True):
        np.testing.assert_allclose(layer.weight.get_value(), weight * factor, rtol=1e-3)
    np.testing.assert_allclose(y.function()(x), outputs, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(ratesFor(y, x, 0, batchSize), change.table["after"], rtol=1e-3)
    # Squares of rates are means over n batches of eta^T A eta, whose relative deviation is at most
    # sqrt(2); a quotient has twice the variance, and a rate half of its square's error.
    tolerance = 5 * np.sqrt(2 * 2 / (512 / batchSize)) / 2
    for rates, isEqual in ((uncalibrated, False), (exactRates(y, x), True)):
        assert (rates.max() / rates.min() - 1 < tolerance) == isEqual


def test_chainsEndAtSumsAndTheFunctionOfAResidualNetStays():
    y, x = residualNet(), normal(64, 5)
    outputs = y.function()(x)
    change = betweenLayerCalibration(y, x, seed=0)
    factors = dict(zip([row.layers[0] for row in change], change.table["factor"], strict=True))
    assert factors[0] == factors[13] == 1, "neither the stem nor the head has a partner"
    for first, second in ((3, 5), (8, 10)):
        assert factors[first] * factors[second] == pytest.approx(1)
        assert factors[first] != pytest.approx(1, abs=0.01)
        rates = [row.after for row in change if row.layers[0] in (first, second)]
        assert rates[0] == pytest.approx(rates[1], rel=1e-3)
    np.testing.assert_allclose(y.function()(x), outputs, rtol=1e-3, atol=1e-4)


def test_kerasSpeltLayersAreAChainIfTheirActivationIsHomogeneous():
    def stack(name):
        return Sequential([Dense(8, activation=name, input_shape=(5,), seed=0), Dense(3, seed=1)])

    model, x = stack("relu"), normal(64, 5)
    outputs = model.predict(x)
    change = betweenLayerCalibration(model, x, seed=0)
    assert change[0].factor * change[1].factor == pytest.approx(1)
    np.testing.assert_allclose(model.predict(x), outputs, rtol=1e-3, atol=1e-4)
    with pytest.raises(ValueError, match="joined by positively homogeneous"):
        betweenLayerCalibration(stack("tanh"), x)


def test_whatHasNoRateIsRefused():
    y, x = reluNet(6, 5, 4), normal(64, 6)
    y.layers[2].weight.set_value(0 * y.layers[2].weight.get_value())
    before = held(y)
    with pytest.raises(ValueError, match=r"layer 0, FC must have a positive rate.*Nothing was"):
        betweenLayerCalibration(y, x)
    assert held(y) == before
    shared = FC(6, seed=0)
    twice = shared(Activation("relu")(shared(Representation((6,)))))
    with pytest.raises(ValueError, match=r"called once. Received.*called 2 times"):
        betweenLayerCalibration(twice, x)
    with pytest.raises(ValueError, match="tolerance must be more than 0"):
        betweenLayerCalibration(y, x, tolerance=-1)
    with pytest.raises(TypeError, match="batchSize must be a whole number"):
        betweenLayerCalibration(y, x, batchSize=2.5)
