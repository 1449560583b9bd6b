"""Sequential: building, predicting, weights, the table, and what it refuses."""

import re

import numpy as np
import pytest

from utilityFunctions import cast, compileFunction, floatX, gradient
from layers import FC, Conv2D, Convolution, CReLU, Dense, Flatten, Representation, Sequential
from lookslinear import initializers
from tests.oracles import conv2d_oracle, crelu_oracle


@pytest.fixture(scope="module")
def model():
    made = Sequential(
        [
            Conv2D(4, 3, padding="same", input_shape=(3, 6, 5), name="first"),
            CReLU(),
            Flatten(),
            Dense(2, activation="tanh", bias_initializer="ones"),
        ],
        name="small",
    )
    made.redraw(0)
    return made


def images(samples):
    return cast(np.random.default_rng(1).standard_normal((samples, 3, 6, 5)))


def oracle(model, x):
    kernel, shift, weight, bias = model.get_weights()
    hidden = crelu_oracle(conv2d_oracle(x, kernel, (1, 1), (1, 1)) + shift)
    return np.tanh(hidden.reshape(len(x), -1) @ weight + bias)


def test_predict_is_what_the_oracle_computes_whatever_the_batches(model):
    x = images(7)
    expected = oracle(model, x)
    for batch_size in (1, 3, 7, 32):
        found = model.predict(x, batch_size=batch_size)
        assert found.shape == (7, 2)
        assert found.dtype == floatX()
        # Sums of at most 240 products of numbers of order 1, in two orders.
        np.testing.assert_allclose(found, expected, atol=1e-5)
    assert model.predict(x[:0]).shape == (0, 2)
    assert model.predict(x.tolist()).shape == (7, 2)


def test_predict_computes_with_the_present_weights(model):
    x, held = images(2), model.get_weights()
    first = model.predict(x)
    model.redraw(3)
    assert not (model.predict(x) == first).any()
    np.testing.assert_allclose(model.predict(x), oracle(model, x), atol=1e-5)
    model.set_weights(held)
    np.testing.assert_array_equal(model.predict(x), first)


def test_weights_are_copies_in_the_layout_of_theano(model):
    weights = model.get_weights()
    assert [w.shape for w in weights] == [(4, 3, 3, 3), (1, 4, 1, 1), (240, 2), (1, 2)]
    weights[0][:] = 0
    assert model.get_weights()[0].any()
    assert model.count_params() == 108 + 4 + 480 + 2
    assert [w.shape for w in weights] == [p.get_value().shape for p in model.params]


def test_set_weights_takes_all_or_none(model):
    weights = model.get_weights()
    other = [w + 1 for w in weights]
    for bad, kind, message in (
        (other[:3], ValueError, r"must be 4 arrays.*Received: 3"),
        ([*other[:3], other[3][0]], ValueError, r"weights\[3\] must have the shape \(1, 2\)"),
        (
            [other[0].transpose(2, 3, 1, 0), *other[1:]],
            ValueError,
            r"weights\[0\].*Theano's layout",
        ),
        ([*other[:3], "x"], TypeError, "must be real numbers"),
        (other[0], TypeError, "weights must be a list of arrays. Received: ndarray"),
    ):
        with pytest.raises(kind, match=message):
            model.set_weights(bad)
        for found, expected in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(found, expected)
    model.set_weights([w.tolist() for w in other])
    np.testing.assert_allclose(model.get_weights()[2], other[2])
    model.set_weights(weights)


def test_redraw_gives_each_layer_its_own_child_and_repeats():
    stack = Sequential([Dense(5, input_shape=(5,)), Dense(5), Dense(5)])
    stack.redraw(1)
    first = stack.get_weights()
    assert not (first[0] == first[2]).any()
    stack.redraw(2)
    assert not (stack.get_weights()[0] == first[0]).any()
    stack.redraw(1)
    for found, expected in zip(stack.get_weights(), first, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_table_has_shapes_numbers_and_initialisers(model, capsys):
    assert model.summary() is None
    printed = re.sub(r"\s+", " ", re.sub("[│┃]", "", capsys.readouterr().out))
    for words in ("small", "first (Conv2D)", "(4, 6, 5)", "112", "CReLU (8, 6, 5) 0", "(240,)"):
        assert words in printed
    assert "482" in printed
    assert "GlorotUniform(" in printed
    assert "bias Ones()" in printed
    assert "594 parameters" in printed
    stack = Sequential([FC(3, initialisation="orthogonal", initKWArgs={"mirror": True})])
    stack.build((4,))
    stack.summary()
    assert "orthogonal, mirror=True" in capsys.readouterr().out


def test_input_and_output_are_symbolic(model):
    cost = (model.output**2).mean()
    gradients = compileFunction([model.input], gradient(cost, model.params))(images(3))
    assert [g.shape for g in gradients] == [w.shape for w in model.get_weights()]
    assert (model.input_shape, model.output_shape) == ((3, 6, 5), (2,))
    assert model.representation.layers == model.layers


def test_add_returns_nothing_and_layers_is_a_copy():
    stack = Sequential()
    first = Dense(4, input_shape=(3,))
    assert stack.add(first) is None
    stack.add(Dense(2, input_shape=(4,)))  # says again what is so
    assert stack.layers[0] is first
    stack.layers.clear()
    assert len(stack.layers) == 2
    assert repr(stack) == "<Sequential of 2 layers>"


def test_pop_takes_the_topmost_layer_off():
    stack = Sequential([Dense(4, input_shape=(3,)), Dense(2)])
    top = stack.layers[-1]
    assert stack.pop() is top
    assert (stack.output_shape, stack.count_params()) == ((4,), 16)
    stack.add(Dense(5))
    assert stack.output_shape == (5,)
    stack.pop()
    stack.pop()
    assert not stack.built
    with pytest.raises(ValueError, match="has no layers to take off"):
        stack.pop()
    stack.add(Dense(4, input_shape=(7,)))
    assert stack.input_shape == (7,)


def test_layers_of_the_house_serve_and_build_says_the_shape():
    stack = Sequential([Convolution(4, strides=(2, 2)), CReLU(), Flatten(), FC(3)])
    assert not stack.built
    stack.build((None, 1, 8, 8))
    assert (stack.input_shape, stack.output_shape) == ((1, 8, 8), (3,))
    other = Sequential([Dense(3)])
    other.build((5,))
    assert other.count_params() == 18


def test_a_mirrored_net_is_linear():
    mirrored = initializers.Mirrored("lecun_normal")
    stack = Sequential([Dense(20, input_shape=(6,))])
    for _ in range(3):
        stack.add(CReLU())
        stack.add(Dense(20, kernel_initializer=mirrored))
    stack.redraw(0)
    a, b = cast(np.random.default_rng(0).standard_normal((2, 5, 6)))
    f = stack.predict
    assert abs(f(a + b) - f(a) - f(b)).max() < 1e-4
    assert abs(f(a)).max() > 0.1


# Bad input


NO_SHAPE = pytest.mark.parametrize(
    "use",
    [
        lambda model: model.output,
        lambda model: model.input,
        lambda model: model.input_shape,
        lambda model: model.params,
        lambda model: model.summary(),
        lambda model: model.count_params(),
        lambda model: model.get_weights(),
        lambda model: model.set_weights([]),
        lambda model: model.predict(np.ones((1, 3))),
        lambda model: model.redraw(1),
    ],
)


@NO_SHAPE
@pytest.mark.parametrize("layers", [[], [Dense(3)], [CReLU(), Dense(3)]], ids=str)
def test_without_an_input_shape_there_is_nothing_to_compute(use, layers):
    with pytest.raises(ValueError, match=r"no input shape yet\. Give the first layer input_shape"):
        use(Sequential(layers))


def test_building_twice_is_refused(model):
    with pytest.raises(ValueError, match=r"is built already, for samples of shape \(3, 6, 5\)"):
        model.build((3, 6, 5))
    stack = Sequential([Dense(3)])
    stack.build((4,))
    with pytest.raises(ValueError, match=r"built already.*Received: input_shape \(5,\)"):
        stack.build((5,))


@pytest.mark.parametrize(
    ("shape", "kind"), [((3, 4), ValueError), (4, TypeError), (None, TypeError), ((0,), ValueError)]
)
def test_a_bad_input_shape_is_refused(shape, kind):
    stack = Sequential([Dense(3)])
    with pytest.raises(kind, match=r"input_shape must be|each number of input_shape"):
        stack.build(shape)
    assert not stack.built


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Dense(3, input_shape=(5,)), r"layers that make \(4,\). Received: input_shape \(5,\)"),
        (Conv2D(3, 3), r"needs samples of shape \(channels, rows, columns\).*channels first"),
        (Dense(3, kernel_initializer=np.ones((5, 3))), r"\(5, 3\)"),
    ],
)
def test_a_layer_that_does_not_fit_is_refused_and_leaves_the_model_as_it_was(layer, message):
    stack = Sequential([Dense(4, input_shape=(3,))])
    with pytest.raises(ValueError, match=message):
        stack.add(layer)
    assert (len(stack.layers), stack.output_shape) == (1, (4,))
    stack.add(Dense(2))
    assert stack.output_shape == (2,)


def test_layers_that_do_not_fit_are_refused_when_building():
    stack = Sequential([Dense(4), Conv2D(3, 3)])
    with pytest.raises(ValueError, match="channels first"):
        stack.build((3,))
    assert not stack.built
    assert stack.layers[0].params == []


def test_an_input_shape_that_comes_late_is_refused():
    with pytest.raises(ValueError, match=r"the first layer must be.*as layer 2. Call build"):
        Sequential([Dense(4), Dense(3, input_shape=(4,))])


@pytest.mark.parametrize("layer", [None, "Dense", Dense, Representation((3,))], ids=repr)
def test_what_is_no_layer_is_refused(layer):
    with pytest.raises(TypeError, match=r"a model takes layers.*Received"):
        Sequential().add(layer)
    with pytest.raises(TypeError, match="layers must be a list of layers or None"):
        Sequential(Dense(3))
    with pytest.raises(TypeError, match="name must be a string"):
        Sequential(name=3)


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        (np.ones((2, 3, 6, 6)), ValueError, r"x must be \(samples, 3, 6, 5\). Received: .*6, 6\)"),
        (np.ones((3, 6, 5)), ValueError, r"x must be \(samples, 3, 6, 5\)"),
        (1.0, ValueError, "x must be"),
        ("x", TypeError, "x must be real numbers"),
    ],
)
def test_bad_samples_are_refused(model, x, kind, message):
    with pytest.raises(kind, match=message):
        model.predict(x)


def test_bad_batch_sizes_are_refused(model):
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        model.predict(images(1), batch_size=0)
