"""Kinds of layers: compiled once, each way that of the oracle, whatever a weight is given as."""

import numpy as np
import pytest

from utilityFunctions import floatX, theano
from experiments.probes import kindOf
from experiments.probes.kinds import panelKindOf
from experiments.probes.operations import compiles
from experiments.probes.panels import panelsOf
from tests.experiments.probes.streams import normal
from tests.oracles import dense_net_oracle


def test_a_kind_is_compiled_once_for_each_precision():
    kind = kindOf((32,), "relu", 32, ())
    assert kindOf((32,), "relu", 32, ()) is kind
    assert kindOf((32,), "tanh", 32, ()) is not kind
    with theano.config.change_flags(floatX="float64"):
        assert kindOf((32,), "relu", 32, ()) is not kind


def test_arrays_of_lower_precision_are_converted_and_others_refused():
    weight, signal = normal(32, 32), normal(3, 32, seed=1)
    coarse = weight.astype("float32")
    with theano.config.change_flags(floatX="float64"):
        found = kindOf((32,), "linear", 32, ()).forward(signal, coarse)[0]
        np.testing.assert_allclose(found, signal @ coarse, rtol=1e-12)
    with theano.config.change_flags(floatX="float32"):
        kind = kindOf((32,), "linear", 32, ())
        for arrays in ((signal.astype("float32"), weight), (signal, coarse)):
            with pytest.raises(TypeError, match="float64"):
                kind.forward(*arrays)


@pytest.fixture(params=["plain", "panels"])
def kindAndWeight(request):
    """Of an activation: a kind of layer of 32 units, and a weight as it takes it."""
    if request.param == "panels" and not compiles():
        pytest.skip("panels are made in C alone")

    def made(activation):
        inputs = 64 if activation == "crelu" else 32
        weight = normal(inputs, 32, seed=2).astype(floatX())
        if request.param == "plain":
            kind = kindOf((32,), activation, 32, ())
            return kind, weight, weight
        return panelKindOf((32,), activation), panelsOf(weight), panelsOf(weight.T)

    return made


@pytest.mark.parametrize("activation", ["relu", "crelu", "leakyRelu(0.3)"])
def test_signs_pass_the_same_gradient_as_the_signal(activation, kindAndWeight):
    """The signs that are kept tell 0 from both sides of it, as the whole signal does."""
    kind, weight, transposed = kindAndWeight(activation)
    signal = np.array([[-2.0, 0.0, 3.0, 0.0] * 8], floatX())
    arriving = normal(1, 32).astype(floatX())
    after, squares = kind.forward(signal, weight)
    passed = kind.forwardWithSigns(signal.copy(), weight)
    np.testing.assert_array_equal(passed.array, after)
    np.testing.assert_array_equal(passed.squares, squares)
    found = backOf(kind, passed.signs, arriving, transposed)
    whole = kind.backward(signal, arriving, transposed)
    for one, other in zip(found[:2], whole, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (found[0][0, 1::2] == 0).all() or "leaky" in activation
    positive, zeros = passed.signs
    above = [positive | zeros, zeros[:0]]  # as if 0 were above it
    assert abs(backOf(kind, above, arriving, transposed)[0] - whole[0]).max() > 0.01


def backOf(kind, signs, arriving, weight):
    return kind.backwardOfSigns(signs, arriving.copy(), weight)


@pytest.mark.parametrize("activation", ["relu", "crelu", "leakyRelu(0.3)", "tanh", "linear"])
def test_ways_through_a_kind_are_those_of_the_oracle(activation, kindAndWeight):
    kind, weight, transposed = kindAndWeight(activation)
    signal, arriving = normal(7, 32).astype(floatX()), normal(7, 32, seed=1).astype(floatX())
    inputs = 64 if activation == "crelu" else 32
    names, matrices = ["linear", activation], [np.eye(32), normal(inputs, 32, seed=2)]
    forward, backward = dense_net_oracle(matrices, names, signal.astype(float), arriving)
    # Sums of at most 64 products of some units, in single precision.
    for found, expected in (
        (kind.forward(signal, weight), forward[1]),
        (kind.backward(signal, arriving, transposed), backward[0]),
    ):
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=64 * 1e-6)
        np.testing.assert_allclose(found[1], np.square(found[0].astype(float)).mean(1), rtol=1e-6)
