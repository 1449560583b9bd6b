"""Looks-linear weights in every layer: networks of CReLU and of plain ReLU that start linear."""

import numpy as np
import pytest

from utilityFunctions import theano
from experiments.arms import Arm
from experiments.networks import stagesOf
from initialisations import initD
from lookslinear.checks import check_draw
from lookslinear.theory import forward_second_moments
from tests.oracles import conv2d_oracle, crelu_oracle


def relu(x):
    return np.maximum(x, 0)


ACTIVATIONS = {"crelu": (crelu_oracle, 2), "relu": (relu, 1)}
#: Units, or channels, from the data to the outputs.
WIDTHS = (3, 8, 12, 10, 4)


def network(activation, dense, **options):
    """x -> the outputs of a looks-linear network of four layers."""
    function, doubled = ACTIVATIONS[activation]
    layers, sides = ["first", "inner", "inner", "last"], () if dense else (5, 5)
    weights = []
    for i, layer in enumerate(layers):
        read = WIDTHS[i] * (doubled if i else 1)
        shapes = (read, *sides), (WIDTHS[i + 1], *sides)
        told = {**options, "layer": layer, "activation": activation, "rng": i}
        with theano.config.change_flags(floatX="float64"):
            weights.append(initD["looksLinear"](*shapes, **told)[0].get_value())

    def run(x):
        for i, weight in enumerate(weights):
            x = function(x) if i else x
            x = x @ weight if dense else conv2d_oracle(x, weight, padding=(1, 1))
        return x

    return run


def linearityDefect(f, dense):
    a, b = np.random.default_rng(0).standard_normal((2, 3, 3, *(() if dense else (5, 5))))
    return np.abs(f(a + 2 * b) - f(a) - 2 * f(b)).max() / np.abs(f(a)).max()


@pytest.mark.parametrize("blocks", ["haar", "normal"])
@pytest.mark.parametrize("dense", [True, False], ids=["dense", "conv"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_network_is_linear(activation, dense, blocks):
    assert linearityDefect(network(activation, dense, blocks=blocks), dense) < 1e-12
    # The mutants: mirrored to a degree, or not at all.
    for mirror in (0.9, False):
        f = network(activation, dense, blocks=blocks, mirror=mirror)
        assert linearityDefect(f, dense) > 1e-3


def test_relu_in_pairs_is_the_crelu_network_with_the_same_frames():
    """[h, -h] of the one are [h] of the other: number by number, layer by layer."""
    x = np.random.default_rng(1).standard_normal((5, 6))
    with theano.config.change_flags(floatX="float64"):
        first, inner = (
            initD["looksLinear"](*shapes, layer=layer, activation="relu", rng=3)[0].get_value()
            for layer, *shapes in (("first", (6,), (8,)), ("inner", (8,), (8,)))
        )
        mirrored = initD["looksLinear"]((8,), (4,), rng=3)[0].get_value()
    h = x @ first
    np.testing.assert_array_equal(h[:, 4:], -h[:, :4])
    np.testing.assert_allclose(
        (relu(h) @ inner)[:, :4], crelu_oracle(h[:, :4]) @ mirrored, atol=1e-12
    )
    np.testing.assert_array_equal(inner[:, :4], mirrored)


@pytest.mark.parametrize("options", [{}, {"blocks": "normal"}, {"mirror": 0.5}, {"mirror": False}])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("layer", ["first", "inner", "last"])
def test_what_is_drawn_keeps_its_law(layer, activation, options):
    told = {"layer": layer, "activation": activation, **options}
    for shapes in (((24,), (60,)), ((60, 8, 8), (24, 8, 8))):
        law = initD["looksLinear"].law(*shapes, **told)
        verdict = check_draw(initD["looksLinear"](*shapes, rng=5, **told)[0].get_value(), law)
        assert verdict, str(verdict)
        assert law.mirror_outputs == (activation == "relu" and layer != "last")
        assert law.mirror == (False if layer == "first" else options.get("mirror", True))


def test_frames_are_those_of_orthogonal_and_normal_ones_those_of_lecun():
    shapes, options = ((24, 8, 8), (30, 8, 8)), {"rescale": "none", "s": 5, "pooling": True}
    frames = initD["looksLinear"].law(*shapes, **options)
    assert frames == initD["orthogonal"].law(*shapes, mirror=True, **options)
    normal = initD["looksLinear"].law(*shapes, blocks="normal")
    assert normal == initD["lecunNormal"].law(*shapes, mirror=True)
    # Nothing is lost at rectifiers in pairs, whatever they are called.
    assert frames == initD["looksLinear"].law(*shapes, relu=True, **options)
    assert initD["looksLinear"].law(*shapes, gain=2.0).scale == pytest.approx(
        2 * initD["looksLinear"].law(*shapes).scale
    )


@pytest.mark.parametrize("text", ["looksLinear/relu", "looksLinear/crelu"])
def test_arms_keep_the_second_moment(text):
    for kind, shape in (("dense", (16,)), ("conv", (16, 5, 5))):
        stages = stagesOf(Arm.parse(text), shape, kind, depth=20, width=16)
        moments = forward_second_moments(stages, np.ones(shape[1:]))
        np.testing.assert_allclose(moments[-1], moments[0], rtol=1e-12)
        assert stages[0].law.mirror is False


@pytest.mark.parametrize(
    ("shapes", "options", "kind", "message"),
    [
        (((4,), (6,)), {"layer": "middle"}, ValueError, "unknown layer 'middle'.*first, inner"),
        (((4,), (6,)), {"layer": None}, ValueError, "unknown layer None"),
        (((4,), (6,)), {"blocks": "uniform"}, ValueError, "unknown blocks 'uniform'.*haar, normal"),
        (((4,), (6,)), {"activation": "tanh"}, ValueError, "'crelu', or 'relu'.*'tanh'"),
        (((4,), (7,)), {"activation": "relu"}, ValueError, "even number of filters. Received: 7"),
        (((5,), (6,)), {}, ValueError, "mirror needs an even number of input channels"),
        (((4,), (6,)), {"mirror": 1.5}, ValueError, "mirror must be True, False or a number"),
        (((4,), (6,)), {"layr": "first"}, TypeError, "'layr'. Did you mean 'layer'"),
    ],
)
def test_bad_options(shapes, options, kind, message):
    with pytest.raises(kind, match=message):
        initD["looksLinear"](*shapes, **options)


def test_the_first_layer_reads_any_number_of_channels():
    assert initD["looksLinear"].law((5,), (6,), layer="first").shape == (5, 6)


def test_the_class_mirrors_by_itself():
    from initialisations import fromTensor
    from lookslinear.initializers import LooksLinear, Mirrored

    adapted = fromTensor(LooksLinear(seed=1))
    for options in ({}, {"mirror": True}):
        weight = adapted((8,), (6,), **options)[0].get_value()
        assert check_draw(weight, adapted.law((8,), (6,), **options))
        np.testing.assert_array_equal(weight[:4], -weight[4:])
    with pytest.raises(ValueError, match="an initializer that is not mirrored itself"):
        Mirrored(LooksLinear())
