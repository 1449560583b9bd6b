"""Networks to be trained: as many parameters in each arm, as theory reads them."""

import math

import numpy as np
import pytest

from experiments.entrants import Entrant
from experiments.labelledData import LabelledData
from experiments.predictions import predict
from experiments.trainedNets import NETWORKS, TOLERANCE, build, formOf, stagesOfForm
from experiments.trainees import Trainee
from layers import Representation
from lookslinear.sampling import child_seed
from lookslinear.theory import NotCoveredError

ARMS = ("orthogonal+mirror/crelu", "heNormal/relu", "residual", "residual:heNormal/crelu")
DIGITS, CIFAR = (1, 8, 8), (3, 32, 32)


def weighted(y):
    return [layer for layer in y.layers if hasattr(layer, "weight")]


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("depth", [2, 6, 10])
def test_whatIsBuiltIsWhatTheFormSays(network, arm, depth):
    entrant = Entrant.parse(arm)
    shape = (64,) if network == "dense" else DIGITS
    form = formOf(entrant, network, depth, 24, shape, 10)
    y = build(form, entrant)
    held = weighted(y)
    assert len(held) == depth
    assert y.shape == (10,)
    assert sum(p.get_value().size for p in y.params) == form.parameters
    assert held[0].initKWArgs.get("mirror", False) is False
    mirrors = [layer.initKWArgs.get("mirror", False) for layer in held[1:]]
    assert mirrors == (depth - 1) * ["mirror" in arm]
    merges = sum(type(layer).__name__ == "Merge" for layer in y.layers)
    assert merges == form.blocks
    if depth == 10:
        assert (merges > 0) == entrant.isResidual


@pytest.mark.parametrize("network", ["dense", "conv"])
@pytest.mark.parametrize("depth", [2, 10, 50, 198])
@pytest.mark.parametrize("shape", [DIGITS, CIFAR])
def test_allArmsHaveAsManyParameters(network, depth, shape):
    shape = (math.prod(shape),) if network == "dense" else shape
    counts = [formOf(Entrant.parse(a), network, depth, 45, shape, 10).parameters for a in ARMS]
    assert max(counts) / min(counts) - 1 < TOLERANCE
    # At the width of the default they agree much better.
    assert max(counts) / min(counts) - 1 < 0.06


def test_theReleasesNetwork():
    entrant = Entrant.parse("orthogonal+mirror/crelu")
    form = formOf(entrant, "release", 198, 45, CIFAR, 10)
    assert form.widths == (5, 11, 22, 45)
    maps = list(form.maps())
    written = [one.writes for one in maps]
    assert written == 49 * [5] + 49 * [11] + 49 * [22] + 49 * [45] + [45, 10]
    assert [index for index, one in enumerate(maps) if one.stride == 2] == [49, 98, 147, 196]
    assert maps[-1].reads == 2 * 45 * 2 * 2
    small = build(formOf(entrant, "release", 10, 45, CIFAR, 10), entrant)
    assert [layer.shape for layer in small.steps if len(layer.shape) == 3][-1] == (90, 2, 2)
    strided = [one for one in weighted(small)[:-1] if one.strides == (2, 2)]
    assert len(strided) == 4
    for layer in strided:  # kernels that average 2 x 2, and nothing beside them
        kernel = layer.weight.get_value()
        assert np.count_nonzero(np.abs(kernel).sum(axis=(0, 1))) == 4


def test_stagesAreTheLayers():
    for arm in ("orthogonal+mirror/crelu", "heNormal/relu"):
        entrant = Entrant.parse(arm)
        form = formOf(entrant, "dense", 5, 12, (64,), 10)
        y, stages = build(form, entrant), stagesOfForm(form, entrant)
        for layer, stage in zip(weighted(y), stages, strict=True):
            assert layer.weight.get_value().shape == stage.law.shape
            wanted = layer.initialisation.law(
                (stage.law.shape[0],), (stage.law.shape[1],), **layer.options
            )
            assert stage.law == wanted
    with pytest.raises(NotCoveredError, match="strided convolutions"):
        stagesOfForm(formOf(entrant, "conv", 5, 12, DIGITS, 10), entrant)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"network": "dens"}, r"unknown network 'dens'\. Did you mean 'dense'"),
        ({"depth": 1}, r"depth must be at least 2\. Received: 1"),
        ({"width": 0}, r"width must be at least 1\. Received: 0"),
        ({"network": "conv", "inputShape": (64,)}, r"network 'conv' needs images"),
        ({"network": "release", "inputShape": CIFAR, "depth": 12}, r"2 more than a multiple of 4"),
        ({"width": 2, "depth": 9}, r"width must be such .* within 10%\. Received: 2"),
    ],
)
def test_formsThatCannotBe(changed, message):
    options = {"network": "dense", "depth": 5, "width": 12, "inputShape": (64,), "classes": 10}
    with pytest.raises(ValueError, match=message):
        formOf(Entrant.parse("heNormal/crelu"), **{**options, **changed})


# What the gradient does at first


def samples(count, units, classes=10):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((count, units)).astype("float32")
    y = rng.integers(classes, size=count)
    return LabelledData(x, y, x, y)


def slowGrowth(y: Representation, x, label, doubles):
    """Backpropagation by hand, in double precision, of one sample through plain dense layers."""
    held = [layer.weight.get_value().astype(float) for layer in weighted(y)]
    inputs, signal = [], x.astype(float)
    for index, weight in enumerate(held):
        if index:
            inputs.append(signal)
            signal = np.maximum(np.r_[signal, -signal] if doubles else signal, 0)
        signal = signal @ weight
    gradient = np.exp(signal - signal.max())
    gradient = gradient / gradient.sum() - np.eye(len(signal))[label]
    last = np.mean(gradient**2)
    for weight, before in zip(held[:0:-1], inputs[::-1], strict=True):
        back = weight @ gradient
        half = len(before)
        gradient = back[:half] * (before > 0)
        if doubles:
            gradient = gradient - back[half:] * (before < 0)
    return math.log(np.mean(gradient**2)) - math.log(last)


@pytest.mark.parametrize(
    ("optimiser", "arm"),
    [("sgd", "heNormal/crelu"), ("momentum", "heNormal/relu"), ("adam", "heNormal/crelu")],
)
def test_theGradientsGrowthIsThatOfBackpropagation(optimiser, arm):
    entrant = Entrant.parse(arm)
    form = formOf(entrant, "dense", 4, 24, (16,), 10)
    trainee, data = Trainee(form, entrant, optimiser), samples(3, 16)
    found = trainee.gradientGrowth(entrant, 5, data)
    trainee.begin(entrant, 1.0, 5)
    doubles = entrant.arm.activation.doubles
    slow = [
        slowGrowth(trainee.model, x, label, doubles) for x, label in zip(*data[:2], strict=True)
    ]
    # Four products of some 30 terms in single precision.
    assert found == pytest.approx(np.mean(slow), abs=1e-4)


def test_theGradientsGrowthFollowsItsLaw():
    entrant = Entrant.parse("heNormal/relu")
    form = formOf(entrant, "dense", 3, 12, (16,), 10)
    trainee, data, networks = Trainee(form, entrant, "sgd"), samples(2, 16), 300
    found = [trainee.gradientGrowth(entrant, child_seed(2, n), data) for n in range(networks)]
    law = predict(stagesOfForm(form, entrant), data.x).backward
    error = np.std(found, ddof=1) / networks**0.5
    score = (np.mean(found) - (law[0] - law[-1])) / error
    # A mean of 300 nearly normal numbers: |z| > 5 once in a million. The gradient of a softmax
    # depends on the last weights a little; that is not seen at this size.
    assert abs(score) < 5
    doubled = (np.mean(found) - (law[0] - law[-1]) - math.log(2)) / error
    assert abs(doubled) > 5  # a factor of 2 would be


def test_anEntrantBeginsAnewOnASharedNetwork():
    one, other = (Entrant.parse(arm) for arm in ("orthogonal+mirror/crelu", "heNormal/crelu"))
    form = formOf(one, "dense", 4, 12, (16,), 10)
    assert form == formOf(other, "dense", 4, 12, (16,), 10)
    trainee = Trainee(form, one, "momentum")
    trainee.begin(one, 0.1, 3)
    alone = build(form, one)
    alone.redraw(3)
    first = [param.get_value() for param in trainee.model.params]
    for mine, theirs in zip(first, alone.params, strict=True):
        np.testing.assert_array_equal(mine, theirs.get_value())
    trainee.begin(other, 0.1, 3)
    assert not np.array_equal(trainee.model.params[2].get_value(), first[2])
    trainee.begin(one, 0.1, 3)
    for mine, before in zip(trainee.model.params, first, strict=True):
        np.testing.assert_array_equal(mine.get_value(), before)
