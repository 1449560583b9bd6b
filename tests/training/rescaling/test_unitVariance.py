"""LSUV and observations: variances of 1, residual branches, nothing changed on errors."""

import warnings

import numpy as np
import pytest

from utilityFunctions import floatX
from layers import (
    FC,
    Activation,
    Convolution,
    CReLU,
    Dense,
    Flatten,
    Observation,
    Representation,
    Residual,
    Sequential,
)  # fmt: skip
from training.rescaling import layerSequentialUnitVariance, rescaleAtObservations
from training.rescaling.moments import Moments


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(floatX())


def outputs(y, x):
    """The variance of the output of each layer with a weight, computed at once."""
    return [
        float(step.tensor.eval({y.input: x}).var())
        for step in y.steps
        if hasattr(step.layer, "weight")
    ]


def convNet():
    y = Convolution(5, seed=1)(Representation((3, 6, 6)))
    y = Residual([CReLU(), Convolution(5, seed=2)], scale=0.5)(y)
    return FC(4, seed=3)(Flatten()(y))


def test_varianceIsOneAtEachLayerOfAResidualNet():
    y, x = convNet(), 7 * normal(40, 3, 6, 6)
    table = layerSequentialUnitVariance(y, x, tolerance=1e-3, batchSize=16, seed=0)
    assert [row.layers for row in table] == [(0,), (2,), (5,)]
    for row, variance in zip(table, outputs(y, x), strict=True):
        assert row.converged
        assert row.after == pytest.approx(variance, rel=1e-4)
        assert variance == pytest.approx(1, abs=1e-3)
        assert row.factor == pytest.approx(np.sqrt(row.after / row.before), rel=1e-4)
        assert row.place in str(row)
    assert not any(layer.bias.get_value().any() for layer in y.layers if hasattr(layer, "bias"))


def test_weightsStartAsFramesAndOnlyTheirSizeChanges():
    y, x = FC(8, seed=2)(FC(3, seed=1)(Representation((5,)))), normal(30, 5)
    first, second = layerSequentialUnitVariance(y, x, tolerance=1e-3, seed=0, batchSize=30)
    tall, wide = (p.get_value() for p in y.params if p.ndim == 2 and not p.broadcastable[0])
    np.testing.assert_allclose(tall.T @ tall / first.factor**2, np.eye(3), atol=1e-5)
    np.testing.assert_allclose(wide @ wide.T / second.factor**2, np.eye(3), atol=1e-5)
    again = FC(8)(FC(3)(Representation((5,))))
    layerSequentialUnitVariance(again, x, tolerance=1e-3, seed=0, batchSize=7)
    # Batches of another size round differently.
    np.testing.assert_allclose(again.params[0].get_value(), tall, rtol=1e-5)


def test_mirroredWeightsStayMirrored():
    hidden = CReLU()(FC(6, seed=0)(Representation((4,))))
    y = FC(6, seed=1, initialisation="orthogonal", initKWArgs={"mirror": True})(hidden)
    rows = layerSequentialUnitVariance(y, 3 * normal(64, 4), 1e-3, orthonormal=False)
    weight = y.params[2].get_value()
    np.testing.assert_array_equal(weight[:6], -weight[6:])
    # An orthogonal mirrored layer passes the mean square on: what the first made 1 stays near it.
    assert 0.5 < rows[1].before < 1.5


def test_whatIsWithinTheToleranceIsLeftAlone():
    y, x = FC(8, seed=2)(Representation((5,))), normal(3000, 5)
    (row,) = layerSequentialUnitVariance(y, x, tolerance=0.99)
    assert row.factor == 1
    assert row.before == row.after


def test_anActivationOfTheLayerItselfComesAfterwards():
    model = Sequential([Dense(8, activation="tanh", input_shape=(5,), seed=0)])
    x = normal(64, 5)
    (row,) = layerSequentialUnitVariance(model, x, tolerance=1e-3)
    pre = x @ model.params[0].get_value()
    assert row.after == pytest.approx(pre.var(), rel=1e-4)
    assert pre.var() == pytest.approx(1, abs=1e-3)


def test_momentsAreThoseOfAllNumbers():
    numbers, moments = 3 + normal(100, 7), Moments()
    for start in range(0, 100, 33):
        moments.add(numbers[start : start + 33])
    assert moments.count == 700
    assert moments.mean == pytest.approx(numbers.mean(dtype="float64"))
    assert moments.variance == pytest.approx(numbers.var(dtype="float64"))


# Observations


def observed(depth=2, activation="relu"):
    y = Representation((6,))
    for part in range(2):
        for layer in range(depth):
            y = Activation(activation)(FC(6, seed=10 * part + layer)(y))
        y = Observation(f"end of part {part}")(y)
    return y


def test_eachPartEndsWithAVarianceOfOne():
    y, x = observed(), 5 * normal(112, 6)
    weights = [p.get_value() for p in y.params]
    table = rescaleAtObservations(y, x, tolerance=1e-3, smallest=16)
    assert [row.layers for row in table] == [(0, 2), (5, 7)]
    seen = y.observing()(x)
    for row, (name, found) in zip(table, seen.items(), strict=True):
        assert row.place == f"observation {name!r}"
        assert row.converged
        variances = [found[a:b].var(dtype="float64") for a, b in ((0, 16), (16, 48), (48, 112))]
        assert np.log(variances).mean() == pytest.approx(0, abs=1e-3)
    # The layers of a part share the divisor, and biases have none.
    for before, param, row in zip(weights[::2], y.params[::2], np.repeat(table, 2), strict=True):
        np.testing.assert_allclose(param.get_value() / row.factor**0.5, before, rtol=1e-5)
    assert table[0].passes == 2, "one division, and a look at what it did"


# What is refused, with all weights as they were


def test_nothingChangesOnErrors():
    y, x = FC(3, seed=1)(Activation("relu")(FC(4, seed=0)(Representation((5,))))), normal(20, 5)
    held = [p.get_value() for p in y.params]
    for bad, message in (
        (np.full((20, 5), np.nan), "data must be finite"),
        (np.zeros((20, 5)), "layer 0, FC must have a positive variance.*No weight was changed"),
        (normal(20, 4), r"data must be \(samples, 5\)"),
        (np.zeros((0, 5)), "data must hold at least one sample. Received: none"),
    ):
        with pytest.raises(ValueError, match=message):
            layerSequentialUnitVariance(y, bad, batchSize=20)
    with pytest.raises(ValueError, match="tolerance must be more than 0"):
        layerSequentialUnitVariance(y, x, tolerance=0, batchSize=20)
    with pytest.raises(ValueError, match="batchSize must be at least 1"):
        layerSequentialUnitVariance(y, x, batchSize=0)
    with pytest.raises(ValueError, match=r"at least one batch of 21\. Received: 20"):
        rescaleAtObservations(Observation("end")(y), x, smallest=21)  # its batches are the method
    with pytest.raises(ValueError, match="must have observations"):
        rescaleAtObservations(y, x)
    with pytest.raises(ValueError, match="without weights cannot be rescaled"):
        layerSequentialUnitVariance(Representation((5,)), x, batchSize=20)
    for param, value in zip(y.params, held, strict=True):
        np.testing.assert_array_equal(param.get_value(), value)


def test_fewerSamplesThanABatchAreOneBatch():
    """The variance is that of all samples, in however many pieces they are computed."""
    found = []
    for batchSize in (64, 20, 7):
        y, x = FC(3, seed=1)(Activation("relu")(FC(4, seed=0)(Representation((5,))))), normal(20, 5)
        assert layerSequentialUnitVariance(y, x, batchSize=batchSize, seed=0).converged
        found.append([p.get_value() for p in y.params])
    for other in found[1:]:
        for first, second in zip(found[0], other, strict=True):
            # Sums of 80 numbers in another order, and the root of their ratio.
            np.testing.assert_allclose(first, second, rtol=100 * np.finfo(floatX()).eps)


def test_anObservationWithoutWeightsOfItsOwnIsRefused():
    y = Observation("b")(Activation("relu")(Observation("a")(FC(3)(Representation((5,))))))
    with pytest.raises(ValueError, match="observation 'b' must have weights between"):
        rescaleAtObservations(y, normal(20, 5))


def test_biasesThatKeepTheVarianceAwayAreReported():
    y = FC(3, seed=1)(Representation((5,)))
    y.params[1].set_value(np.array([[-3.0, 0.0, 3.0]], floatX()))
    with warnings.catch_warnings(record=True) as given:  # Theano gives some of its own
        warnings.simplefilter("always", RuntimeWarning)
        (row,) = layerSequentialUnitVariance(y, normal(64, 5), passes=2, seed=0)
    (message,) = [str(w.message) for w in given if w.category is RuntimeWarning]
    assert "after 2 passes; wanted is 1 within 0.1" in message
    assert not row.converged
    assert "Biases that are not zero keep it away" in str(row)
    assert y.params[1].get_value().tolist() == [[-3.0, 0.0, 3.0]]
