"""Keras's spelling: its snippets run with other import lines, and mean what they mean there."""

import inspect
import json

import numpy as np
import pytest

import layers
from utilityFunctions import T, cast, compileFunction, floatX
from initialisations import initD
from layers import FC, Conv2D, Convolution, Daoloth, Dense, Flatten, Representation, Sequential
from lookslinear import backend as K
from lookslinear import initializers
from lookslinear.checks import check_draw
from tests.oracles import conv2d_oracle

UNITS, IMAGES = (6,), (4, 9, 8)


def built(layer, shape):
    layer(Representation(shape))
    return layer


def weight(layer):
    return layer.weight.get_value()


def keepsItsLaw(layer, law):
    layer.redraw(0)  # of a plain function it changes the values, but not to the same ones
    return check_draw(weight(layer), law.with_dtype(floatX()))


# The snippets of the three systems


def test_strings():
    model = Sequential()
    model.add(
        Dense(64, kernel_initializer="random_uniform", bias_initializer="zeros", input_shape=(784,))
    )
    (layer,) = model.layers
    assert keepsItsLaw(layer, initializers.RandomUniform().law((784, 64)))
    assert not layer.bias.get_value().any()
    assert abs(weight(layer)).max() <= 0.05


def test_objects_with_arguments():
    layer = layers.Dense(
        units=64,
        kernel_initializer=initializers.random_normal(stddev=0.01),
        bias_initializer=initializers.zeros(),
    )
    built(layer, (50,))
    assert keepsItsLaw(layer, initializers.RandomNormal(stddev=0.01).law((50, 64)))


@pytest.mark.parametrize(
    "initializer",
    [
        initializers.Zeros(),
        initializers.Ones(),
        initializers.Constant(value=0),
        initializers.RandomNormal(mean=0.0, stddev=0.05, seed=None),
        initializers.RandomUniform(minval=-0.05, maxval=0.05, seed=None),
        initializers.TruncatedNormal(mean=0.0, stddev=0.05, seed=None),
        initializers.VarianceScaling(scale=1.0, mode="fan_in", distribution="normal", seed=None),
        initializers.Orthogonal(gain=1.0, seed=None),
        initializers.Identity(gain=1.0),
        initializers.lecun_uniform(seed=None),
        initializers.glorot_normal(seed=None),
        initializers.glorot_uniform(seed=None),
        initializers.he_normal(seed=None),
        initializers.lecun_normal(seed=None),
        initializers.he_uniform(seed=None),
        initializers.Mirrored("he_normal"),
        initializers.Sparse(0.5),
    ],
    ids=lambda initializer: type(initializer).__name__,
)
def test_every_class_in_a_layer(initializer):
    model = Sequential()
    model.add(Dense(64, kernel_initializer=initializer, input_shape=(32,)))
    assert keepsItsLaw(model.layers[0], initializer.law((32, 64)))


def test_custom_functions():
    def my_init(shape, dtype=None):
        return K.random_normal(shape, dtype=dtype)

    model = Sequential()
    model.add(Dense(64, kernel_initializer=my_init, input_shape=(100,)))
    assert keepsItsLaw(model.layers[0], initializers.RandomNormal(stddev=1.0).law((100, 64)))


def test_custom_classes():
    class ExampleRandomNormal(initializers.Initializer):
        def __init__(self, mean, stddev):
            self.mean = mean
            self.stddev = stddev

        def __call__(self, shape, dtype=None, **kwargs):
            return K.random_normal(shape, mean=self.mean, stddev=self.stddev, dtype=dtype)

        def get_config(self):
            return {"mean": self.mean, "stddev": self.stddev}

    layer = built(Dense(30, kernel_initializer=ExampleRandomNormal(0.5, 0.1)), (200,))
    assert keepsItsLaw(layer, initializers.RandomNormal(0.5, 0.1).law((200, 30)))
    assert ExampleRandomNormal.from_config(layer.kernel_initializer.get_config()).stddev == 0.1


def test_daoloth():
    model = Sequential()
    model.add(
        Daoloth(64, kernel_initializer="random_uniform", bias_initializer="zeros", input_shape=(9,))
    )
    model.add(Daoloth(64, kernel_initializer=initializers.Orthogonal(gain=1.0, seed=None)))
    assert Daoloth is Dense
    turned = weight(model.layers[1])
    np.testing.assert_allclose(turned @ turned.T, np.eye(64), atol=1e-5)


def test_values_outside_a_layer_are_those_inside():
    initializer = initializers.RandomNormal(mean=0.0, stddev=1.0, seed=3)
    values = initializer(shape=(6, 3), dtype=floatX())
    layer = built(Dense(3, kernel_initializer=initializer), UNITS)
    np.testing.assert_array_equal(weight(layer), values)


@pytest.mark.parametrize("name", ["glorot_uniform", "GlorotUniform", "he_normal", "one", "zeros"])
def test_names_are_those_of_get(name):
    layer = built(Dense(3, kernel_initializer=name), UNITS)
    assert type(layer.kernel_initializer) is type(initializers.get(name))


def test_configurations_pass_through_a_layer():
    for initializer in (
        initializers.TruncatedNormal(stddev=0.2, seed=4),
        initializers.Mirrored(initializers.HeUniform(seed=4)),
    ):
        saved = json.dumps(initializers.serialize(initializer))
        first, again = (
            built(Dense(5, kernel_initializer=identifier), UNITS)
            for identifier in (initializer, json.loads(saved))
        )
        np.testing.assert_array_equal(weight(first), weight(again))
        assert first.kernel_initializer == again.kernel_initializer
        assert json.dumps(initializers.serialize(again.kernel_initializer)) == saved


# Dense and Conv2D are the layers of the house


def test_arguments_and_defaults_are_those_of_keras():
    common = {
        "activation": None,
        "use_bias": True,
        "kernel_initializer": "glorot_uniform",
        "bias_initializer": "zeros",
        "input_shape": None,
    }
    for layer, own in ((Dense, {}), (Conv2D, {"strides": (1, 1), "padding": "valid"})):
        found = {
            name: parameter.default
            for name, parameter in inspect.signature(layer).parameters.items()
            if parameter.default is not inspect.Parameter.empty
        }
        for ownWord in ("initialisation", "initKWArgs"):  # Dense understands FC's words too
            assert found.pop(ownWord, None) is None
        assert found == {**own, **common, "seed": None, "name": None}
    assert issubclass(Dense, FC)
    assert issubclass(Conv2D, Convolution)


def test_shapes_params_and_words():
    layer = built(Dense(5, name="top"), UNITS)
    assert [p.name for p in layer.params] == ["top.weight", "top.bias"]
    assert weight(layer).shape == (6, 5)
    assert layer.bias.broadcastable == (True, False)
    layer = built(Conv2D(5, (2, 3), strides=2, use_bias=False), IMAGES)
    assert weight(layer).shape == (5, 4, 2, 3)
    assert layer.params == [layer.weight]
    assert "Conv2D(5, (2, 3), strides=(2, 2), padding='valid', use_bias=False" in repr(layer)
    layer = Dense(5, "tanh", bias_initializer="ones")
    assert "Dense(5, activation='tanh', kernel_initializer=GlorotUniform(" in repr(layer)
    assert repr(layer).endswith("bias_initializer=Ones())")


def test_the_default_is_glorots_uniform_law_over_the_fans_of_keras():
    dense = built(Dense(200, seed=0), (60,))
    conv = built(Conv2D(30, (3, 5), seed=0), (8, 9, 9))
    for layer, told, fans in ((dense, (60, 200), 60 + 200), (conv, (3, 5, 8, 30), 15 * (8 + 30))):
        law = initD[layer.kernel_initializer].law
        bound = np.sqrt(6 / fans)
        # The largest of n numbers misses the bound by a share of 1 / n on average; below, 30 times.
        assert 1 - 30 / weight(layer).size < abs(weight(layer)).max() / bound <= 1 + 1e-6
        assert initializers.GlorotUniform().law(told).variance == pytest.approx(bound**2 / 3)
        shapes = ((60,), (200,)) if layer is dense else ((8, 9, 9), (30, 7, 5))
        assert check_draw(weight(layer), law(*shapes, s=(3, 5)))


def test_kernels_are_those_of_the_initializer_turned():
    initializer = initializers.RandomNormal(seed=8)
    layer = built(Conv2D(5, (2, 3), kernel_initializer=initializer), IMAGES)
    told = initializer((2, 3, 4, 5), dtype=floatX())
    np.testing.assert_array_equal(weight(layer), told.transpose(3, 2, 0, 1))


def test_the_bias_is_that_of_its_initializer():
    for layer, shape in (
        (Dense(5, bias_initializer="ones"), UNITS),
        (Conv2D(5, 3, bias_initializer="ones"), IMAGES),
    ):
        assert (built(layer, shape).bias.get_value() == 1).all()
        layer.bias.set_value(layer.bias.get_value() + 5)
        layer.redraw()
        assert (layer.bias.get_value() == 1).all()
    given = np.arange(5, dtype=floatX())
    layer = built(Conv2D(5, 3, bias_initializer=given), IMAGES)
    np.testing.assert_array_equal(layer.bias.get_value().ravel(), given)
    assert layer.bias.broadcastable == (True, False, True, True)


def test_a_random_bias_is_drawn_again():
    layer = built(Dense(50, bias_initializer="random_normal", seed=1), UNITS)
    first = layer.bias.get_value()
    layer.redraw(2)
    assert not (layer.bias.get_value() == first).any()
    layer.redraw(1)
    np.testing.assert_array_equal(layer.bias.get_value(), first)


# Seeds


def test_a_layers_seed_goes_before_the_initializers():
    seeded = initializers.HeNormal(seed=3)
    own, again = (built(Dense(5, kernel_initializer=seeded), UNITS) for _ in range(2))
    np.testing.assert_array_equal(weight(own), weight(again))  # the trap that Keras warns of
    first, other, same = (
        built(Dense(5, kernel_initializer=seeded, seed=seed), UNITS) for seed in (1, 2, 1)
    )
    np.testing.assert_array_equal(weight(first), weight(same))
    assert not (weight(first) == weight(other)).any()
    assert not (weight(first) == weight(own)).any()


def test_redraw_repeats_and_changes():
    for seed in (None, 4):
        layer = built(Dense(5, kernel_initializer=initializers.HeNormal(seed=seed)), UNITS)
        first = weight(layer)
        layer.redraw()
        np.testing.assert_array_equal(weight(layer), first)
        layer.redraw(9)
        other = weight(layer)
        assert not (other == first).any()
        layer.redraw()
        np.testing.assert_array_equal(weight(layer), other)


def test_layers_that_share_an_unseeded_initializer_differ():
    shared = initializers.HeNormal()
    first, second = (built(Dense(5, kernel_initializer=shared), UNITS) for _ in range(2))
    assert not (weight(first) == weight(second)).any()


def test_a_seed_generator_moves_on():
    shared = initializers.HeNormal(seed=initializers.SeedGenerator(1))
    first, second = (built(Dense(5, kernel_initializer=shared), UNITS) for _ in range(2))
    assert not (weight(first) == weight(second)).any()


def test_layers_of_the_house_take_tensor_initialisers_too():
    def my_init(shape, dtype=None):
        return K.constant(np.arange(np.prod(shape)), shape=(np.prod(shape),), dtype=dtype).reshape(
            shape
        )

    np.testing.assert_array_equal(
        weight(built(FC(5, initialisation=my_init), UNITS)), np.arange(30).reshape(6, 5)
    )
    kernel = weight(built(Convolution(5, s=2, initialisation=my_init), IMAGES))
    np.testing.assert_array_equal(kernel, np.arange(80).reshape(2, 2, 4, 5).transpose(3, 2, 0, 1))
    layer = built(
        FC(50, initialisation=initializers.LecunNormal(), initKWArgs={"mirror": True}), (40,)
    )
    np.testing.assert_array_equal(weight(layer)[20:], -weight(layer)[:20])
    layer = FC(50, initialisation="randomNormal", initKWArgs={"stddev": 3.0}, seed=0)
    assert check_draw(
        weight(built(layer, (40,))), initD["randomNormal"].law((40,), (50,), stddev=3.0)
    )
    layer.redraw(1)
    assert check_draw(weight(layer), initD["randomNormal"].law((40,), (50,), stddev=3.0))


# What they compute


def test_they_compute_what_the_oracles_do():
    x = Representation(IMAGES)
    same = Conv2D(5, (3, 5), padding="same", activation="relu", bias_initializer="random_normal")
    valid = Conv2D(3, 2, strides=(2, 3), activation=T.tanh)
    dense = Dense(7, activation="tanh", use_bias=False)
    first = same(x)
    second = valid(first)
    outputs = [first, second, dense(Flatten()(second))]
    images = cast(np.random.default_rng(0).standard_normal((3, *IMAGES)))
    found = compileFunction([x.input], [y.tensor for y in outputs])(images)
    expected = [
        np.maximum(conv2d_oracle(images, weight(same), (1, 1), (1, 2)) + same.bias.get_value(), 0)
    ]
    expected.append(np.tanh(conv2d_oracle(expected[0], weight(valid), (2, 3), (0, 0))))
    expected.append(np.tanh(expected[1].reshape(3, -1) @ weight(dense)))
    for output, wanted, y in zip(found, expected, outputs, strict=True):
        assert output.shape == (3, *y.shape)
        # Sums of at most 60 products of numbers of order 1, in two orders.
        np.testing.assert_allclose(output, wanted, atol=1e-4)
    assert first.shape == (5, 9, 8)


# Bad input


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"kernel_initializer": "glorot_unifrom"}, ValueError, "Did you mean 'glorot_uniform'"),
        ({"bias_initializer": "zeroes"}, ValueError, "Did you mean 'zeros'"),
        ({"kernel_initializer": None}, TypeError, "kernel_initializer must be a tensor .*None"),
        ({"bias_initializer": None}, TypeError, "bias_initializer must be a tensor .*None"),
        ({"kernel_initializer": 3}, ValueError, "Could not interpret.*3"),
        ({"kernel_initializer": initD["zeros"]}, TypeError, r"kernel_initializer must be a tensor"),
        ({"use_bias": "no"}, TypeError, "use_bias must be True or False. Received: 'no'"),
        ({"activation": "rellu"}, ValueError, "Did you mean 'relu'"),
        ({"activation": "crelu"}, ValueError, r"must not double the units.*add layers.CReLU\(\)"),
        ({"activation": 3}, TypeError, "activation must be a name or a function"),
        ({"input_shape": (3, 3)}, ValueError, r"input_shape must be .*Received: \(3, 3\)"),
        ({"input_shape": 784}, TypeError, "input_shape must be .*Received: 784"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
        ({"kernel_initialiser": "zeros"}, TypeError, "has no argument.*mean 'kernel_initializer'"),
    ],
)
def test_bad_settings_are_refused_at_once(settings, kind, message):
    for make in (lambda **kwargs: Dense(5, **kwargs), lambda **kwargs: Conv2D(5, 3, **kwargs)):
        with pytest.raises(kind, match=message):
            make(**settings)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0, 3), ValueError, "filters must be at least 1. Received: 0"),
        ((2.5, 3), TypeError, "filters must be a whole number"),
        ((5, (3, 3, 3)), ValueError, "kernel_size must be one whole number or a pair"),
        ((5, 3, 0), ValueError, "strides must be at least 1"),
        ((5, 3, 1, "full"), ValueError, "unknown padding 'full'.*Known: same, valid"),
        ((5, 3, 1, 1), TypeError, "padding must be 'valid' or 'same'. Received: 1"),
        ((5, 4, 1, "same"), ValueError, r"odd kernel_size.*Received: kernel_size \(4, 4\)"),
        ((5, 3, 2, "same"), ValueError, r"strides of 1.*strides \(2, 2\).*border_mode='half'"),
    ],
)
def test_bad_convolutions_are_refused_at_once(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Conv2D(*arguments)


def test_units_are_named_as_keras_names_them():
    for units, kind in ((0, ValueError), ("3", TypeError), (True, TypeError)):
        with pytest.raises(kind, match=r"units must be .*Received"):
            Dense(units)


def test_samples_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"Put Flatten\(\) before"):
        Dense(5)(Representation(IMAGES))
    for shape in ((784,), (28, 28, 1)):
        with pytest.raises(
            ValueError, match=r"channels first, unlike Keras's.*Received: .*" + str(shape[0])
        ):
            Conv2D(5, 3)(Representation(shape))
    odd = Dense(5, kernel_initializer=initializers.Mirrored("zeros"))
    with pytest.raises(ValueError, match="an even number"):
        odd(Representation((7,)))
    assert odd.params == []


def test_an_initializer_that_returns_something_else_is_refused():
    layer = Dense(5, kernel_initializer=lambda shape, dtype=None: np.ones(shape[::-1], dtype))
    with pytest.raises(ValueError, match=r"must return the shape .*\(6, 5\). Received: \(5, 6\)"):
        layer(Representation(UNITS))


def test_Dense_understands_the_words_of_this_house():
    layer = Dense(6, initialisation="orthogonal", initKWArgs={"mirror": True}, seed=3)
    layer(Representation((8,)))
    same = FC(6, initialisation="orthogonal", initKWArgs={"mirror": True}, seed=3)
    same(Representation((8,)))
    assert (layer.weight.get_value() == same.weight.get_value()).all()
    assert "orthogonal" in repr(layer)
    with pytest.raises(ValueError, match="Did you mean 'orthogonal'"):
        Dense(6, initialisation="orthogonl")
