"""Analytic rescaling: closed forms, agreement with many networks, what it refuses."""

import numpy as np
import pytest

from utilityFunctions import compileFunction, sharedVar, theano
from layers import (
    FC,
    Activation,
    BatchNormalisation,
    Convolution,
    CReLU,
    Dense,
    Dropout,
    Flatten,
    Observation,
    Pooling,
    Representation,
    Residual,
    Sequential,
)
from lookslinear.activations import ACTIVATIONS
from lookslinear.errors import NotCoveredError
from training.rescaling import analyticRescaling

from .nets import held, normal


def power(layer):
    """The sum of the squares of a weight, for each output."""
    weight = layer.weight.get_value().astype("float64")
    outputs = weight.shape[1] if weight.ndim == 2 else weight.shape[0]
    return np.square(weight).sum() / outputs


# Closed forms


def test_denseLayersHaveTheirClosedForms():
    layers = [
        FC(7, seed=0),
        FC(9, initialisation="heUniform", seed=1),
        FC(8, seed=2),
        FC(6, seed=3),
    ]
    mirrored = FC(5, initialisation="orthogonal", initKWArgs={"mirror": True}, seed=4)
    y = layers[0](Representation((4,)))
    y = layers[1](Activation("relu")(y))
    y = layers[2](Dropout(0.5)(Activation("tanh")(y)))
    y = layers[3](CReLU()(y))
    y = Dense(3, activation="relu", seed=5)(mirrored(CReLU()(Observation("end")(y))))
    last = y.layers[-1]
    y = FC(2, seed=6)(y)
    change = analyticRescaling(y, inputMoment=4.0)
    # E phi^2 at q = 1: 1 for the data of 4, 1/2 of ReLU, of tanh by quadrature, 1 of both halves of
    # a CReLU together; a mirrored weight counts one half, with which the layer is linear.
    wanted = [1 / 4, 2, ACTIVATIONS["tanh"].exact_gain ** 2, 2, 2, 1, 2]
    weighted = [*layers, mirrored, last, y.layers[-1]]
    found = [power(layer) for layer in weighted]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert [row.after for row in change] == pytest.approx(7 * [1.0])
    again = analyticRescaling(y, inputMoment=4.0)
    assert again.table["factor"].tolist() == pytest.approx(7 * [1.0])


def test_looksLinearNetsOfPlainReluAreLinear():
    y, layers = Representation((4,)), []
    for place, width in (("first", 8), ("inner", 6), ("last", 3)):
        told = {"layer": place, "activation": "relu"}
        layers.append(FC(width, initialisation="looksLinear", initKWArgs=told, seed=len(layers)))
        y = layers[-1](y if place == "first" else Activation("relu")(y))
    analyticRescaling(y)
    # Each entry stands twice in what a unit reads, once for h and once for -h.
    assert [power(layer) for layer in layers] == pytest.approx([1, 2, 2], rel=1e-5)
    weight = layers[1].weight.get_value()
    np.testing.assert_array_equal(weight[:4], -weight[4:])


def test_imagesLoseWhatTheirBordersLose():
    first = Convolution(4, seed=0)
    second = Convolution(3, s=(3, 3), strides=2, border_mode="valid", seed=1)
    delta = Convolution(5, initialisation="deltaOrthogonal", seed=2)
    last = FC(2, seed=3)
    y = second(Activation("relu")(first(Representation((2, 7, 7)))))
    y = last(Flatten()(Activation("relu")(delta(Activation("relu")(y)))))
    analyticRescaling(y, moment=0.5)
    # Of 3 x 3 taps with zeros around 7 x 7, (3 * 7 - 2)^2 / 49 are read in the mean; the numbers at
    # the borders stay smaller, and 'valid' windows of stride 2 do not read all positions alike.
    along = np.full(7, 3.0)
    along[[0, -1]] = 2
    moments = np.outer(along, along)
    moments *= 0.5 / moments.mean()
    read = np.mean([[moments[i : i + 3, j : j + 3].mean() for j in (0, 2, 4)] for i in (0, 2, 4)])
    assert power(first) / 9 * (19 / 7) ** 2 == pytest.approx(0.5, rel=1e-5)
    assert power(second) * read / 2 == pytest.approx(0.5, rel=1e-5)
    assert power(delta) * 0.5 / 2 == pytest.approx(0.5, rel=1e-5), "its centre alone carries"
    assert power(last) * 0.5 / 2 == pytest.approx(0.5, rel=1e-5)


def test_aResidualSumHasTheMomentsOfItsParts():
    stem, inner, head = FC(6, seed=0), FC(6, seed=1), FC(3, seed=2)
    x = Representation((4,))
    y = head(Activation("relu")(Residual([CReLU(), inner], skip=0.5, scale=2.0)(stem(x))))
    analyticRescaling(y)
    assert power(inner) / 2 == pytest.approx(1, rel=1e-5)
    assert power(head) * (0.25 + 4) / 2 == pytest.approx(1, rel=1e-5)


def test_theInputsMomentIsThatOfTheDataIfTheyAreGiven():
    y = FC(3, seed=0)(Representation((4,)))
    x = 3 + normal(100, 4)
    analyticRescaling(y, x)
    assert power(y.layers[0]) * np.square(x, dtype="float64").mean() == pytest.approx(1, rel=1e-5)


# Many networks


def agreeingNet():
    y = Convolution(8, initialisation="heNormal")(Representation((2, 6, 6)))
    y = Convolution(8, strides=2)(Activation("relu")(y))
    y = FC(20, initialisation="heUniform")(Flatten()(CReLU()(y)))
    y = Residual([CReLU(), FC(20), Activation("relu"), FC(20)], scale=0.7)(y)
    return FC(10, initialisation="orthogonal")(y)


def momentsOf(y, networks, initialise):
    """Mean squares (networks, layers) of what layers with weights make, each of its own network."""
    weighted = [step for step in y.steps if hasattr(step.layer, "weight")]
    f = compileFunction([y.input], [step.tensor for step in weighted])
    x = normal(10, *y.steps[0].shape, seed=5)
    x /= np.sqrt(np.square(x).mean())
    found = []
    for seed in range(networks):
        y.redraw(seed)
        initialise(y)
        found.append([np.square(out, dtype="float64").mean() for out in f(x)])
    return np.array(found)


def test_whatIsPredictedIsWhatManyNetworksHave():
    y, networks = agreeingNet(), 60

    def z(moments):
        # Student's t of 60 networks: beyond 6.5 with a probability below 1e-7, two-sided.
        return (moments.mean(0) - 1) / (moments.std(0, ddof=1) / np.sqrt(networks))

    assert abs(z(momentsOf(y, networks, analyticRescaling))).max() < 6.5
    mutants = (
        lambda y: None,
        lambda y: analyticRescaling(y, inputMoment=1.5),
        lambda y: [layer.weight.set_value(1.25 * layer.weight.get_value())
                   for layer in y.layers[:1] if analyticRescaling(y)],
    )  # fmt: skip
    for mutant in mutants:
        assert abs(z(momentsOf(y, networks, mutant))).max() > 6.5


# What is refused


def after(*parts, shape=(4,)):
    y = Representation(shape)
    for part in parts:
        y = part(y)
    return y


def biased():
    y = after(FC(4, seed=0), FC(3, seed=1))
    y.params[3].set_value(np.ones_like(y.params[3].get_value()))
    return y


def plainLaw(inputShape, outputShape, rng=None, **options):
    return [sharedVar(np.ones((*inputShape, *outputShape))), sharedVar(np.zeros((1, *outputShape)))]


def sumWithoutWeight():
    y = FC(4, seed=0)(Representation((4,)))
    return FC(3, seed=1)(Residual(Dropout(0.5))(y))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: after(FC(4), BatchNormalisation(), FC(3)), "layer 1, BatchNorm.*no formula"),
        (lambda: after(Convolution(3), Pooling(2), Flatten(), FC(2), shape=(2, 6, 6)),
         "layer 1, Pooling.*no formula"),
        (lambda: after(FC(4), Activation(abs), FC(3)), "layer 1.*by their names alone"),
        (lambda: after(FC(4), Activation("relu"), Activation("tanh"), FC(3)),
         "layer 2.*an activation of an activation"),
        (lambda: after(FC(3), CReLU(), Activation("relu"), FC(3)), "an activation of an"),
        (lambda: after(CReLU(), FC(3)), "layer 0.*reads the data themselves"),
        (lambda: after(FC(3), FC(3, initialisation=plainLaw)), "layer 1.*states no law"),
        (lambda: after(FC(3), FC(3, initialisation="zeros")), "layer 1.*zeros"),
        (lambda: after(FC(3), FC(3, initialisation="identity")), "layer 1.*identity"),
        (lambda: after(FC(3), FC(3, initialisation="ones")), "layer 1.*constant"),
        (biased, "layer 1.*biases that are not 0"),
        (lambda: after(Convolution(3, s=2), Flatten(), FC(2), shape=(2, 6, 6)), "even filter"),
        (lambda: after(Convolution(3, border_mode=2), shape=(2, 6, 6)), "border_mode"),
        (lambda: after(Convolution(3, strides=(1, 2)), shape=(2, 6, 6)), "same stride"),
        (lambda: after(Convolution(3), Convolution(3, initialisation="orthogonal", strides=2),
                       shape=(2, 6, 6)), "layer 1.*neighbour"),
        (lambda: after(FC(4), Residual([FC(4), Activation("relu")]), FC(3)),
         "before an activation"),
        (sumWithoutWeight, "branch ends in a layer with a weight"),
    ],
)  # fmt: skip
def test_whatNoFormulaCoversIsRefusedWithTheLayersName(make, message):
    y = make()
    before = held(y)
    with pytest.raises(NotCoveredError, match=rf"{message}.*No weight was changed") as caught:
        analyticRescaling(y)
    assert str(caught.value).startswith("layer ")
    assert held(y) == before


def test_badArgumentsAreRefused():
    y = Sequential([Dense(3, input_shape=(4,))])
    for options, kind, message in (
        ({"moment": 0}, ValueError, "moment must be more than 0"),
        ({"moment": "1"}, TypeError, "moment must be a number"),
        ({"inputMoment": -1}, ValueError, "inputMoment must be more than 0"),
        ({"inputMoment": 1, "data": normal(5, 4)}, ValueError, "beside inputMoment"),
        ({"data": np.zeros((5, 4))}, ValueError, "inputMoment must be more than 0. Received: 0"),
    ):
        with pytest.raises(kind, match=message):
            analyticRescaling(y, **options)
    shared = FC(4)
    with pytest.raises(ValueError, match="called once"):
        analyticRescaling(after(shared, shared))


def test_weightsThatWouldOverflowAreRefused():
    with theano.config.change_flags(floatX="float32"):
        y = FC(3, seed=0)(Representation((4,)))
        before = held(y)
        with pytest.raises(ValueError, match=r"beyond the range.*No weight was changed"):
            analyticRescaling(y, moment=1e100)
        assert held(y) == before
