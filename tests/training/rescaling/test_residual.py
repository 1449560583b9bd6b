"""Fixup, SkipInit, ReZero: the identity at first, and what one update does to 100 blocks."""

import numpy as np
import pytest

from utilityFunctions import T, cast, compileFunction, gradient
from layers import FC, Activation, Convolution, Flatten, Representation, Residual, merge
from training import SGD, fit, loadWeights, saveWeights
from training.rescaling import fixup, networkInitialisations, reZero, skipInit

from .nets import held, normal, residualNet

WIDTH, RATE = 48, 1e-6
SHALLOW, DEEP = 10, 100
#: The gradient that enters at the output.
ALONG = normal(WIDTH, seed=7)


class Deep:
    """Residual blocks of two He layers, with the output before and after an update by gradients."""

    def __init__(self, blocks):
        y = Representation((WIDTH,))
        for block in range(blocks):
            layers = [
                FC(WIDTH, bias=False, initialisation="heNormal", seed=2 * block + i)
                for i in range(2)
            ]
            y = Residual([Activation("relu"), layers[0], Activation("relu"), layers[1]],
                         trainable=True)(y)  # fmt: skip
        self.y, along = y, T.vector("along", dtype=y.tensor.dtype)
        gradients = gradient((along * y.tensor).sum(), y.params)
        updates = [(p, p - cast(RATE) * g) for p, g in zip(y.params, gradients, strict=True)]
        # Compiled for one call or two: the little that is rewritten is done sooner.
        mode = "FAST_COMPILE"
        self._step = compileFunction([y.input, along], y.tensor, updates=updates, mode=mode)

    def output(self, x):
        """The output; nothing is updated."""
        return self._step(x, np.zeros_like(x[0]))

    def moved(self, x):
        """The output, and by how much the loss `along` of one sample falls, over the rate."""
        before, after = (self._step(x, ALONG) for _ in range(2))
        return before, float((ALONG * (before - after)).sum()) / RATE


@pytest.fixture(scope="module")
def nets():
    return {blocks: Deep(blocks) for blocks in (SHALLOW, DEEP)}


def inside(y, x):
    """What the inner and the last layer of each block make of x, in NumPy."""
    weights = [p.get_value().astype("float64") for p in y.params if p.ndim == 2]
    for first, last in zip(weights[::2], weights[1::2], strict=True):
        hidden = np.maximum(np.maximum(x, 0) @ first, 0)
        yield hidden, hidden @ last


def fallsOf(nets, initialise, expected, x):
    """Initialise anew at each depth, and see that an update does what is expected of each block."""
    falls = []
    for deep in nets.values():
        change = initialise(deep.y)
        wanted = sum(expected(*parts) for parts in inside(deep.y, x))
        output, fall = deep.moved(x)
        np.testing.assert_array_equal(output, x)
        # To first order in the rate; at this one the second is below a part in a thousand.
        assert fall == pytest.approx(wanted, rel=1e-2)
        falls.append(fall)
        change.undo()
    return falls


def ofLastLayers(hidden, output):
    """Branches of 0 learn by their last layers: the output moves by |h|^2 along."""
    return np.square(ALONG).sum() * np.square(hidden).sum()


def ofFactors(hidden, output):
    """Branches with a factor of 0 learn by it: the output moves by (along . f) f."""
    return float((output @ ALONG).item() ** 2)


#: A square of a unit that a rectifier passes, 2 relu(z)^2, has the mean 1 and the variance 5: at
#: first a block makes w of them, and sums over 10 and over 100 blocks are compared.
SCATTER = np.sqrt(5 / WIDTH * (1 / SHALLOW + 1 / DEEP))


def test_100BlocksBeginAsTheIdentityAndFixupMovesThemAsFarAs10(nets):
    x = normal(1, WIDTH)
    x *= np.sqrt(WIDTH) / np.linalg.norm(x)
    shallow, deep = fallsOf(nets, lambda y: fixup(y, zeroClassifier=False), ofLastLayers, x)
    assert abs(deep / shallow - 1) < 5 * SCATTER
    # Of L blocks |h_l|^2 is |relu(x)|^2 / L in the mean.
    expected = np.square(ALONG).sum() * np.square(np.maximum(x, 0)).sum()
    assert deep / expected == pytest.approx(1, abs=5 * np.sqrt(5 / WIDTH / DEEP))


def test_withoutFixupsFactorTheMoveGrowsWithTheDepth(nets):
    def mutant(y):
        change = fixup(y, zeroClassifier=False)
        for row in change:
            if 0 < row.factor < 1:
                weight = y.layers[row.layers[0]].weight
                weight.set_value(weight.get_value() / cast(row.factor))
        return change

    x = normal(1, WIDTH)
    shallow, deep = fallsOf(nets, mutant, ofLastLayers, x)
    assert deep / shallow == pytest.approx(DEEP / SHALLOW, rel=5 * SCATTER)
    assert abs(deep / shallow - 1) > 5 * SCATTER


def test_skipInitAndReZeroAreTheIdentityAndMoveInProportionToTheDepth(nets):
    x = normal(1, WIDTH)
    for initialise in (skipInit, reZero):
        shallow, deep = fallsOf(nets, initialise, ofFactors, x)
        assert deep / shallow > 3, "sums over 10 and over 100 squares"


def test_secondMomentsOfBlocksStayWithAValueOfOneOverTheRootOfTheirNumber(nets):
    deep, x = nets[DEEP], normal(1, WIDTH, seed=3)
    change = skipInit(deep.y, value=DEEP**-0.5)
    output = deep.output(x)
    # (1 + 1 / L)^L, about e, in the mean; a net's log scatters by about sqrt(2 * 5 / width).
    grown = np.square(output).sum() / np.square(x).sum()
    assert abs(np.log(grown) - DEEP * np.log1p(1 / DEEP)) < 5 * np.sqrt(10 / WIDTH)
    change.undo()
    unscaled = deep.output(x)
    assert np.square(unscaled).sum() / np.square(x).sum() > 1e20, "2^100 in the mean"


# The rules


def fixable(activation="relu"):
    """A stem, three blocks of 1, 2 and 3 layers, a classifier; biases are not 0."""
    y = FC(6, seed=0)(Representation((5,)))
    for count in (1, 2, 3):
        layers = [FC(6, seed=10 * count + i) for i in range(count)]
        branch = [part for layer in layers for part in (Activation(activation), layer)]
        y = Residual(branch, trainable=count == 2, scale=0.5)(y)
    y = FC(3, seed=1)(y)
    for layer in {layer for layer in y.layers if hasattr(layer, "bias")}:
        layer.bias.set_value(normal(*layer.bias.get_value().shape))
    return y


def test_fixupsRules():
    y = fixable()
    weighted = [layer for layer in y.layers if hasattr(layer, "weight")]
    before = [(layer.weight.get_value(), layer.bias.get_value()) for layer in weighted]
    change = fixup(y)
    # L = 3; m = 1 has no other layers, m = 2 has one: 3^(-1/2), m = 3 has two: 3^(-1/4).
    factors = [1, 0, 3**-0.5, 0, 3**-0.25, 3**-0.25, 0, 0]
    for layer, (weight, bias), factor in zip(weighted, before, factors, strict=True):
        np.testing.assert_allclose(layer.weight.get_value(), factor * weight, rtol=1e-6)
        np.testing.assert_array_equal(layer.bias.get_value(), bias if factor else 0 * bias)
    (factor,) = [row for row in change if row.quantity == "factor"]
    assert (factor.before, factor.after) == (0.5, 1.0)
    assert not y.function()(normal(4, 5)).any()
    again = fixable()
    fixup(again, zeroClassifier=False)
    last = again.layers[-1]
    stem = again.layers[0]
    expected = (normal(4, 5) @ stem.weight.get_value() + stem.bias.get_value()) @ (
        last.weight.get_value()
    ) + last.bias.get_value()
    np.testing.assert_allclose(again.function()(normal(4, 5)), expected, rtol=1e-4, atol=1e-5)


def test_convolutionsAndProjectionsAreLeftAsTheyAre():
    x = Representation((2, 6, 6))
    projection = Convolution(4, s=1, strides=2, seed=0)
    branch = [Convolution(4, strides=2, seed=1), Activation("relu"), Convolution(4, seed=2)]
    y = FC(3, seed=3)(Flatten()(Residual(branch, projection)(x)))
    kept = projection.weight.get_value()
    change = fixup(y)
    assert [row.layers for row in change] == [(1,), (3,), (6,)]
    np.testing.assert_array_equal(projection.weight.get_value(), kept)
    assert change[0].factor == 1, "of one branch"


def test_fixupRefusesWhatHasNoRule():
    empty = Residual(Activation("relu"))(FC(4)(Representation((3,))))
    with pytest.raises(ValueError, match=r"residual block at layer 2 must have a layer with"):
        fixup(empty)
    nested = Residual([FC(3), Residual(FC(3))])(Representation((3,)))
    with pytest.raises(ValueError, match=r"no residual block inside.*Received: 1. Use skipInit"):
        fixup(nested)
    shared, x = FC(3), Representation((3,))
    with pytest.raises(ValueError, match=r"Fixup needs layers that are called once"):
        fixup(Residual(shared)(Residual(shared)(x)))
    with pytest.raises(TypeError, match=r"zeroClassifier must be a bool"):
        fixup(residualNet(), zeroClassifier=0)


@pytest.mark.parametrize("name", ["fixup", "skipInit", "reZero"])
def test_aNetworkWithoutBlocksIsRefused(name):
    y = FC(3)(Representation((3,)))
    before = held(y)
    with pytest.raises(ValueError, match=r"must have residual blocks"):
        networkInitialisations[name](y)
    assert held(y) == before


def test_blocksInBlocksAndMergesAreFound():
    inner = Residual(FC(3, seed=0), trainable=True, scale=0.25)
    x = Representation((3,))
    first = Residual([inner, FC(3, seed=1)], trainable=True)(x)
    y = merge(first, FC(3, seed=2)(first), trainable=True)
    change = skipInit(y, value=0.125)
    assert [row.before for row in change] == [0.25, 1.0, 1.0]
    merges = [y.layers[row.layers[0]] for row in change]
    assert [m.scale for m in merges] == [0.125] * 3
    assert change.table["factor"].tolist() == [0.5, 0.125, 0.125]


def test_aConstantFactorAndABadValueAreRefused():
    y = Residual(FC(3), trainable=True)(Residual(FC(3))(Representation((3,))))
    with pytest.raises(ValueError, match=r"layer 1 must have a trained factor.*trainable=True"):
        skipInit(y)
    assert y.layers[-1].scale == 1
    with pytest.raises(ValueError, match=r"value must be finite"):
        skipInit(residualNet(), value=np.inf)
    with pytest.raises(TypeError, match=r"value must be a number"):
        skipInit(residualNet(), value="0")
    with pytest.raises(TypeError, match=r"reZero has no option 'value'"):
        reZero(residualNet(), value=1.0)


def test_aTrainedFactorLeavesZeroIsSavedAndLoaded(tmp_path):
    def net():
        y = Residual([FC(4, seed=0), Activation("relu"), FC(4, seed=1)], trainable=True)(
            Representation((4,))
        )
        return FC(3, seed=2)(y)

    y, again = net(), net()
    skipInit(y)
    data = normal(40, 4), np.arange(40) % 3
    fit(y, data, "softmaxCrossEntropy", SGD(0.1), epochs=1, batchSize=20, seed=0, progress=False)
    (factor,) = [p for p in y.params if p.ndim == 0]
    assert 0 < abs(float(factor.get_value())) < 0.1
    saveWeights(y, tmp_path / "weights.safetensors")
    loadWeights(again, tmp_path / "weights.safetensors")
    assert held(again) == held(y)
