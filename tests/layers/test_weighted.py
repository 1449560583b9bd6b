"""Weights: seeds and redraws, sharing, and what the initialisation is told. Nothing is compiled."""

import copy

import numpy as np
import pytest

from utilityFunctions import floatX, sharedVar, zeroShared
from initialisations import initD
from layers import FC, Convolution, Flatten, Representation
from lookslinear.sampling import as_seed

UNITS, IMAGES = (6,), (4, 9, 9)


def values(layer):
    return layer.weight.get_value()


def dense(**kwargs):
    layer = FC(5, **kwargs)
    layer(Representation(UNITS))
    return layer


def convolution(**kwargs):
    layer = Convolution(5, **kwargs)
    layer(Representation(IMAGES))
    return layer


def plainNormal(inputShape, outputShape, rng, scale=1.0):
    """A user's own initialisation for dense layers, without a law, with a bias that is not zero."""
    weight = scale * rng.standard_normal((*inputShape, *outputShape))
    bias = np.ones((1, *outputShape))
    return [sharedVar(weight), sharedVar(bias, broadcastable=(True, False))]


@pytest.mark.parametrize("make", [dense, convolution])
@pytest.mark.parametrize("initialisation", ["glorotNormal", "orthogonal", "glorotUniform"])
def test_one_seed_gives_the_bits_of_the_initialisation(make, initialisation):
    layer = make(initialisation=initialisation, seed=3, initKWArgs={"mirror": True})
    shapes = ((6,), (5,)) if make is dense else (IMAGES, (5, 9, 9))
    weight, _ = initD[initialisation](*shapes, mirror=True, rng=3)
    np.testing.assert_array_equal(values(layer), weight.get_value())
    assert values(layer).dtype == floatX()


@pytest.mark.parametrize("initialisation", ["glorotNormal", "orthogonal", plainNormal])
@pytest.mark.parametrize(
    "seed", [None, 3, np.random.SeedSequence(3), np.random.default_rng(3)], ids=str
)
def test_redraw_repeats_and_changes(initialisation, seed):
    layer = dense(initialisation=initialisation, seed=seed)
    variable, first = layer.weight, values(layer)
    layer.redraw()
    np.testing.assert_array_equal(values(layer), first)
    layer.redraw(4)
    other = values(layer)
    assert not (other == first).any()
    layer.redraw()  # its own seed is now the one of the last draw
    np.testing.assert_array_equal(values(layer), other)
    np.testing.assert_array_equal(values(dense(initialisation=initialisation, seed=4)), other)
    assert layer.weight is variable


def test_redraw_takes_every_kind_of_seed_twice_alike():
    layer, sequence = dense(), np.random.SeedSequence(8, spawn_key=(2,))
    for seed in (7, np.int64(7), sequence):
        layer.redraw(seed)
        first = values(layer)
        layer.redraw(seed)
        np.testing.assert_array_equal(values(layer), first)
    assert sequence.n_children_spawned == 0


def test_without_a_seed_layers_differ():
    assert not (values(dense()) == values(dense())).any()


def test_layers_that_share_a_generator_differ():
    generator = np.random.default_rng(0)
    assert not (values(dense(seed=generator)) == values(dense(seed=generator))).any()


def test_redraw_sets_the_bias_to_what_the_initialisation_made():
    for initialisation, expected in (("glorotNormal", 0), (plainNormal, 1)):
        layer = dense(initialisation=initialisation)
        layer.bias.set_value(layer.bias.get_value() + 5)
        layer.redraw()
        assert (layer.bias.get_value() == expected).all()


def test_a_network_gives_each_layer_its_own_child_of_one_seed():
    y = FC(6)(FC(6)(Flatten()(Representation(UNITS))))
    y.redraw(1)
    first, second = (values(layer) for layer in y.layers[1:])
    assert not (first == second).any()
    for layer, index in zip(y.layers[1:], (0, 1), strict=True):
        child = np.random.SeedSequence(1).spawn(2)[index]
        np.testing.assert_array_equal(
            values(layer), initD["glorotNormal"]((6,), (6,), rng=child)[0].get_value()
        )
    y.redraw(2)
    assert not (values(y.layers[1]) == first).any()
    y.redraw(np.random.SeedSequence(1))
    np.testing.assert_array_equal(values(y.layers[2]), second)
    y.redraw()
    np.testing.assert_array_equal(values(y.layers[2]), second)


def test_a_layer_shares_its_weights_on_the_same_shape_only():
    layer = FC(6)
    y = layer(layer(Representation(UNITS)))
    assert y.params == [layer.weight, layer.bias]
    assert y.layers == [layer, layer]
    with pytest.raises(ValueError, match=r"weights for samples of shape \(6,\).*Received.*\(7,\)"):
        layer(Representation((7,)))


def test_shapes_and_broadcast_patterns():
    layer = dense()
    assert values(layer).shape == (6, 5)
    assert layer.bias.broadcastable == (True, False)
    layer = convolution(s=(2, 3))
    assert values(layer).shape == (5, 4, 2, 3)
    assert layer.bias.broadcastable == (True, False, True, True)


def test_without_bias_only_the_weight_is_trained():
    layer = dense(bias=False)
    assert layer.bias is None
    assert layer.params == [layer.weight]
    layer.redraw()


def test_a_name_names_the_variables():
    layer = dense(name="first")
    assert [variable.name for variable in layer.params] == ["first.weight", "first.bias"]


# What the initialisation is told


def told(inputShape, **kwargs):
    """The options that a convolution passes to its initialisation."""
    seen = {}

    def record(inputShape, outputShape, **options):
        seen.update(options)
        weight = zeroShared((outputShape[0], inputShape[0], *options["s"]))
        return [weight, zeroShared((1, outputShape[0], 1, 1))]

    Convolution(2, initialisation=record, **kwargs)(Representation(inputShape))
    seen.pop("rng")
    return seen


@pytest.mark.parametrize(
    ("settings", "pooling"),
    [
        ({"strides": (2, 2)}, True),
        ({"strides": 2, "s": 2}, True),
        ({"strides": (2, 2), "s": (1, 3)}, None),
        ({"strides": (2, 2), "s": 1}, None),
        ({"strides": (2, 1)}, None),
        ({"strides": (3, 3)}, None),
        ({}, None),
        ({"strides": (2, 2), "initKWArgs": {"pooling": False}}, False),
        ({"initKWArgs": {"pooling": True}}, True),
    ],
)
def test_the_initialisation_is_told_about_pooling(settings, pooling):
    assert told((3, 8, 8), **settings).get("pooling") is pooling


def test_the_initialisation_is_told_the_filter_and_the_callers_options():
    options = told((3, 8, 8), s=(2, 5), initKWArgs={"mirror": True})
    assert options == {"s": (2, 5), "mirror": True}


def test_the_callers_dictionary_is_neither_changed_nor_read_again():
    mine = {"rescale": "none"}
    before = copy.deepcopy(mine)
    layer = Convolution(4, strides=2, initialisation="orthogonal", initKWArgs=mine)
    layer(Representation(IMAGES))
    assert mine == before
    mine["mirror"] = True
    assert layer.options == {"s": (3, 3), "pooling": True, "rescale": "none"}


def test_every_initialisation_of_the_registry_serves_every_layer():
    for name in initD:
        # By itself icnr wants filters in fours.
        options = {"factor": 1} if name == "icnr" else {}
        dense(initialisation=name, initKWArgs=options).redraw(1)
        convolution(initialisation=name, initKWArgs=options, strides=2).redraw(1)


# Bad input


@pytest.mark.parametrize("make", [FC, Convolution])
@pytest.mark.parametrize(
    ("number", "kind"),
    [(0, ValueError), (-1, ValueError), (2.5, TypeError), ("3", TypeError), (True, TypeError)],
)
def test_bad_numbers_of_units_are_refused(make, number, kind):
    with pytest.raises(kind, match=r"(numUnits|numFilters) must be"):
        make(number)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"initialisation": "orthogonl"}, ValueError, "Did you mean 'orthogonal'"),
        ({"initialisation": 3}, TypeError, "initialisation must be a name in initD or a function"),
        ({"initialisation": lambda a, b: None}, TypeError, "must take .* the options rng"),
        ({"initKWArgs": [1]}, TypeError, r"initKWArgs must be a dict or None. Received: \[1\]"),
        ({"initKWArgs": {"miror": True}}, TypeError, "unknown option 'miror'.*mean 'mirror'"),
        ({"initKWArgs": {"rng": 1}}, ValueError, "initKWArgs must not hold 'rng'.*'seed'"),
        ({"bias": "no"}, TypeError, "bias must be True or False. Received: 'no'"),
        ({"seed": -1}, ValueError, "seed must not be negative. Received: -1"),
        ({"seed": "1"}, TypeError, "seed must be .*Received: '1'"),
        ({"seed": True}, TypeError, "seed must be .*Received: True"),
        ({"seed": 1.0}, TypeError, "seed must be .*Received: 1.0"),
        ({"initialization": "zeros"}, TypeError, "FC has no argument.*mean 'initialisation'"),
    ],
)
def test_bad_settings_are_refused_at_once(settings, kind, message):
    with pytest.raises(kind, match=message):
        FC(5, **settings)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"s": (3,)}, ValueError, r"s must be .*Received: \(3,\)"),
        ({"s": (3, 0)}, ValueError, "s must be at least 1. Received: 0"),
        ({"s": -3}, ValueError, "s must be at least 1. Received: -3"),
        ({"s": (3, 2.5)}, TypeError, "s must be a whole number. Received: 2.5"),
        ({"strides": (0, 1)}, ValueError, "strides must be at least 1"),
        ({"strides": "2"}, TypeError, "strides must be a whole number"),
        ({"border_mode": "same"}, ValueError, "unknown border_mode 'same'"),
        ({"border_mode": (1, -1)}, ValueError, "border_mode must be at least 0"),
        ({"initKWArgs": {"s": (3, 3)}}, ValueError, "initKWArgs must not hold 's'"),
    ],
)
def test_bad_convolutions_are_refused_at_once(settings, kind, message):
    with pytest.raises(kind, match=message):
        Convolution(5, **settings)


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: FC(5), IMAGES, r"Put Flatten\(\) before"),
        (lambda: Convolution(5), UNITS, r"\(channels, rows, columns\). Received: \(6,\)"),
        (lambda: Convolution(5, s=3, border_mode="valid"), (1, 2, 9), "3 on a side of 2"),
        (lambda: FC(5, initKWArgs={"mirror": True}), (7,), "even number"),
    ],
)
def test_samples_that_do_not_fit_are_refused_before_weights_are_made(make, shape, message):
    layer = make()
    with pytest.raises(ValueError, match=message):
        layer(Representation(shape))
    assert layer.params == []


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(TypeError, match="mirror"):
        FC(5, initKWArgs={"mirrror": True})(Representation(UNITS))


def test_a_layer_without_weights_yet_cannot_draw_them_again():
    with pytest.raises(ValueError, match="Call it on a Representation before"):
        FC(5).redraw(1)


@pytest.mark.parametrize("other", [(3, 4), "x", None, np.ones((2, 6))])
def test_layers_act_on_representations_only(other):
    with pytest.raises(TypeError, match="FC must be called on a Representation"):
        FC(5)(other)


def test_a_function_with_weights_of_another_shape_or_kind_is_refused():
    def swapped(inputShape, outputShape, rng):
        return [zeroShared((*outputShape, *inputShape)), zeroShared((1, *outputShape))]

    with pytest.raises(ValueError, match=r"weight of shape \(6, 5\).*Received.*\(5, 6\)"):
        dense(initialisation=swapped)
    with pytest.raises(TypeError, match=r"must return .weight, bias., shared variables"):
        dense(initialisation=lambda inputShape, outputShape, rng: np.ones((6, 5)))


def test_a_generator_as_seed_gives_a_sequence_that_repeats():
    first, second = (as_seed(np.random.default_rng(5)) for _ in range(2))
    assert first.entropy == second.entropy
