"""Whole networks: compiled values, gradients, linearity at initialisation, compile time."""

import time

import numpy as np
import pytest

from utilityFunctions import T, cast, compileFunction, gradient, theano
from layers import FC, Activation, Convolution, CReLU, Flatten, Layer, Pooling, Representation
from tests.oracles import conv2d_oracle, pool2d_oracle


def standardNormal(*shape, seed=0):
    return cast(np.random.default_rng(seed).standard_normal(shape))


def creluNet(depth, width=4, shape=(3, 8, 8)):
    """A mirrored CReLU net: `depth` convolutions, the middle one strided, and a dense layer."""
    x = y = Representation(shape)
    for layer in range(depth):
        strides = (2, 2) if layer == depth // 2 else (1, 1)
        mirror = {"mirror": y is not x}
        y = CReLU()(Convolution(width, strides=strides, seed=layer, initKWArgs=mirror)(y))
    return FC(5, seed=depth, initKWArgs={"mirror": True})(Flatten()(y))


def test_layers_compute_what_the_oracles_do():
    x = Representation((2, 7, 9))
    convolution = Convolution(3, s=(3, 4), strides=(2, 1), seed=0)
    y = convolution(x)
    convolution.bias.set_value(standardNormal(1, 3, 1, 1, seed=5))
    pooled = [Pooling(3, strides=(1, 2), mode=mode)(y) for mode in ("max", "average")]
    flat = Flatten()(pooled[0])
    dense = FC(4, seed=1)
    outputs = [y, *pooled, flat, dense(flat)]
    function = compileFunction([x.input], [output.tensor for output in outputs])
    for batch in (1, 6):
        images = standardNormal(batch, 2, 7, 9)
        expected = [conv2d_oracle(images, convolution.weight.get_value(), (2, 1), (1, 2))]
        expected[0] += convolution.bias.get_value()
        expected += [pool2d_oracle(expected[0], (3, 3), (1, 2), r) for r in (np.max, np.mean)]
        expected.append(expected[1].reshape(batch, -1))
        expected.append(expected[-1] @ dense.weight.get_value())
        for found, wanted, output in zip(function(images), expected, outputs, strict=True):
            assert found.shape == (batch, *output.shape)
            np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_gradients_are_those_of_central_differences():
    with theano.config.change_flags(floatX="float64"):
        x = Representation((2, 5, 6))
        y = Convolution(4, strides=(2, 2), border_mode=1, seed=0)(x)
        y = CReLU()(Activation("tanh")(y))
        y = Activation("leakyRelu(0.3)")(Convolution(4, s=2, border_mode="full", seed=1)(y))
        y = Pooling(2, strides=1)(Pooling(2, strides=1, mode="average")(y))
        y = FC(3, seed=2)(Flatten()(y))
        cost = (y.tensor * cast(standardNormal(3, seed=3))).sum()
        function = compileFunction([x.input], [cost, *gradient(cost, [x.input, *y.params])])
    images = np.random.default_rng(4).standard_normal((3, 2, 5, 6))
    _, inward, *gradients = function(images)
    steps = [np.random.default_rng(9).standard_normal(g.shape) for g in (inward, *gradients)]
    step, held = 1e-6, [p.get_value() for p in y.params]

    def costAt(t):
        for parameter, value, direction in zip(y.params, held, steps[1:], strict=True):
            parameter.set_value(value + t * direction)
        return function(images + t * steps[0])[0]

    difference = (costAt(step) - costAt(-step)) / (2 * step)
    slopes = [(g * s).sum() for g, s in zip((inward, *gradients), steps, strict=True)]
    # Rounding of costs of order 10: 1e-15 * 10 / 2e-6; a kink within 1e-6 has a chance below 1e-3,
    # and the seeds are fixed.
    np.testing.assert_allclose(difference, sum(slopes), rtol=1e-6, atol=1e-7)
    assert min(abs(slope) for slope in slopes) > 1e-3


def test_a_mirrored_crelu_net_is_linear_at_initialisation():
    y = creluNet(4)
    function = y.function()
    a, b = standardNormal(6, 3, 8, 8, seed=1), standardNormal(6, 3, 8, 8, seed=2)

    def departure():
        return abs(function(a + 2 * b) - function(a) - 2 * function(b)).max()

    assert departure() < 1e-5
    y.redraw(7)
    assert departure() < 1e-5
    # The mutant: one half of one mirror is not the negative of the other.
    weight = y.layers[-1].weight
    weight.set_value(abs(weight.get_value()))
    assert departure() > 1e-2


def test_function_computes_with_the_weights_of_the_last_redraw():
    y = FC(3, seed=0)(Representation((2,)))
    function, x = y.function(), np.eye(2)
    first = function(x)
    y.redraw(1)
    assert not (function(x) == first).any()
    np.testing.assert_array_equal(function(x), y.layers[0].weight.get_value())


def test_function_refuses_samples_of_another_shape():
    function = FC(3)(Representation((2,))).function()
    with pytest.raises((AssertionError, ValueError), match="shape"):
        function(np.ones((4, 3)))


def test_flatten_keeps_the_halves_of_crelu_apart():
    y = Flatten()(CReLU()(Representation((2, 3, 4))))
    x = standardNormal(5, 2, 3, 4)
    flat, reference = y.function()(x), x.reshape(5, -1)
    np.testing.assert_array_equal(flat[:, :24] - flat[:, 24:], reference)
    assert (flat >= 0).all()


def test_a_pooling_kernel_keeps_a_constant_image_constant():
    x = Representation((3, 8, 8))
    outputs = [
        Convolution(4, s=s, strides=2, initialisation="orthogonal", seed=s)(x) for s in (3, 4, 5, 6)
    ]
    pooled = compileFunction([x.input], [y.tensor for y in outputs])(
        np.ones((1, 3, 8, 8), x.input.dtype)
    )
    for image, y in zip(pooled, outputs, strict=True):
        # 'half' gives an even filter one window more, which lies outside of the image.
        inside = image[:, :, :4, :4]
        assert image.shape[2:] in ((4, 4), (5, 5))
        np.testing.assert_allclose(inside, np.broadcast_to(inside[:, :, :1, :1], inside.shape))
        frame = y.layers[0].weight.get_value().sum(axis=(2, 3))
        np.testing.assert_allclose(inside[0, :, 0, 0], frame.sum(axis=1), rtol=1e-5, atol=1e-6)
        assert abs(inside).max() > 0.1


def compileSeconds(depth):
    """Processor time to compile loss and gradients of a CReLU net whose batch size is symbolic."""
    y = creluNet(depth)
    loss = (y.tensor**2).mean()
    gradients = gradient(loss, y.params)
    start = time.process_time()
    compileFunction([y.input], [loss, *gradients])
    return time.process_time() - start


@pytest.mark.slow
def test_compile_time_grows_linearly_with_depth():
    compileSeconds(6)  # fills Theano's cache of compiled modules
    # The smallest of several, since another process can only make one slower. Linear growth gives
    # 4 or less; where each layer's shape is derived from the last one, 12 layers take minutes.
    shallow = min(compileSeconds(12) for _ in range(3))
    ratio = next((r for r in (compileSeconds(48) / shallow for _ in range(3)) if r < 8), None)
    assert ratio is not None


def test_representations_tell_where_they_come_from():
    x = Representation((3, 8, 8))
    layers = [Convolution(4), CReLU(), Flatten(), FC(2)]
    y = x
    for layer in layers:
        y = layer(y)
    assert y.layers == layers
    assert y.input is x.input
    assert x.layers == x.params == []
    assert repr(y).startswith("<Representation (2,) after 4 layers: Convolution(4, s=(3, 3)")
    assert "CReLU(), Flatten(), FC(2, initialisation='glorotNormal')" in repr(y)
    assert repr(CReLU()(x)) == "<Representation (6, 8, 8) after 1 layer: CReLU()>"


def test_a_layer_of_ones_own_needs_only_an_expression():
    class Halve(Layer):
        def expression(self, tensor, inputShape):
            return tensor / 2

    y = Halve()(Halve()(Representation((2,))))
    np.testing.assert_array_equal(y.function()(np.ones((1, 2))), [[0.25, 0.25]])
    with pytest.raises(NotImplementedError, match=r"must override expression"):
        Layer()(Representation((2,)))


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"s": (2, 2, 2)}, ValueError, r"s must be .*Received: \(2, 2, 2\)"),
        ({"s": 0}, ValueError, "s must be at least 1"),
        ({"strides": 1.5}, TypeError, "strides must be a whole number"),
        ({"mode": "mean"}, ValueError, "unknown mode 'mean'.*Known: average, max"),
        ({"mode": 3}, TypeError, "mode must be 'max' or 'average'"),
        ({"size": 2}, TypeError, "Pooling has no argument 'size'"),
    ],
)
def test_bad_pooling_is_refused(settings, kind, message):
    with pytest.raises(kind, match=message):
        Pooling(**settings)


def test_pooling_refuses_images_smaller_than_its_window():
    with pytest.raises(ValueError, match="Received: 3 on a side of 2") as refused:
        Pooling(3)(Representation((1, 2, 9)))
    assert str(refused.value).endswith("Use a smaller window.")  # pooling has no border to widen


def test_inputs_have_the_dtype_of_floatX():
    for dtype in ("float32", "float64"):
        with theano.config.change_flags(floatX=dtype):
            y = Convolution(3)(Representation((2, 5, 5)))
            assert {y.tensor.dtype, y.input.dtype, *(p.dtype for p in y.params)} == {dtype}


def test_the_batch_size_stays_symbolic():
    y = Flatten()(Representation((2, 5, 5)))
    assert isinstance(y.tensor.shape[0], T.TensorVariable)
    assert y.tensor.broadcastable == (False, False)
