"""Sums of representations, residual blocks and observations: values, shapes, what is refused."""

import numpy as np
import pytest

from utilityFunctions import cast, gradient
from layers import (
    FC,
    Convolution,
    CReLU,
    Dropout,
    Flatten,
    Merge,
    Observation,
    Representation,
    Residual,
    Sequential,
    merge,
)


def block(width=4, **settings):
    return Residual([CReLU(), FC(width, initKWArgs={"mirror": True})], **settings)


def test_a_sum_is_what_its_parts_say():
    x = Representation((4,))
    first, second = FC(3, seed=0), FC(3, seed=1)
    y = merge(first(x), second(x), skip=0.5, scale=-2)
    values = cast(np.random.default_rng(0).standard_normal((5, 4)))
    a, b = (values @ layer.weight.get_value() for layer in (first, second))
    np.testing.assert_allclose(y.function()(values), 0.5 * a - 2 * b, atol=1e-5)
    assert y.shape == (3,)
    assert y.layers[:2] == [first, second]


def test_residual_blocks_add_what_comes_in_also_nested():
    inner = FC(4, seed=0)
    y = Residual(Residual(inner, scale=0.5), skip=3)(Representation((4,)))
    values = cast(np.random.default_rng(1).standard_normal((5, 4)))
    expected = 3 * values + (values + 0.5 * values @ inner.weight.get_value())
    np.testing.assert_allclose(y.function()(values), expected, atol=1e-5)


def test_a_trained_factor_is_a_parameter_that_begins_at_the_scale(capsys):
    inner = FC(4, seed=0)
    part = Residual(inner, scale=0.5, trainable=True)
    assert (part.params, part.factor, part.scale) == ([], None, 0.5)
    y = part(Representation((4,)))
    assert [p.name for p in y.params] == ["weight", "bias", "scale"]
    assert list(y.variables) == ["0.weight", "0.bias", "1.scale"]
    assert part.params == y.params
    values, f = cast(np.random.default_rng(1).standard_normal((5, 4))), y.function()
    for factor in (0.5, -2.0):
        part.factor.set_value(cast(factor))
        expected = values + factor * values @ inner.weight.get_value()
        np.testing.assert_allclose(f(values), expected, atol=1e-5)
    assert "scale=0.5, trainable=True" in repr(part), "the argument, by which checkpoints compare"
    y.redraw(1)
    assert part.scale == 0.5
    part.factor.set_value(cast(3))
    part.redraw()
    assert part.scale == 0.5
    stack = Sequential([block(trainable=True)])
    stack.build((4,))
    assert stack.count_params() == 8 * 4 + 4 + 1
    stack.summary()
    assert "37 parameters" in capsys.readouterr().out


def test_the_factor_has_the_gradient_of_the_branch():
    inner = FC(3, seed=0)
    y = merge(x := Representation((3,)), inner(x), scale=0.5, trainable=True)
    values = cast(np.random.default_rng(1).standard_normal((5, 3)))
    found = gradient(y.trainTensor.sum(), y.params[-1]).eval({y.input: values})
    np.testing.assert_allclose(found, (values @ inner.weight.get_value()).sum(), rtol=1e-4)


def test_a_projection_makes_shapes_fit():
    projection = Convolution(6, s=1, strides=2, seed=0, border_mode="valid")
    branch = [Convolution(6, strides=2, seed=1), CReLU(), Convolution(6, seed=2)]
    x = Representation((3, 8, 8))
    y = Residual(branch, projection)(x)
    values = cast(np.random.default_rng(2).standard_normal((2, 3, 8, 8)))
    beside, along = projection(x), x
    for layer in branch:
        along = layer(along)
    expected = beside.function()(values) + along.function()(values)
    np.testing.assert_allclose(y.function()(values), expected, atol=1e-5)
    assert y.layers[:4] == [projection, *branch]


def test_weights_in_blocks_have_seeds_of_their_own():
    stack = Sequential([FC(4), block(), block(projection=FC(4))])
    stack.build((4,))
    stack.redraw(1)
    weights = stack.get_weights()
    assert len(stack.params) == 8
    assert len({w.tobytes() for w in weights if w.any()}) == 4
    stack.redraw(1)
    for found, expected in zip(stack.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)
    lone = block()
    lone(Representation((4,)))
    lone.redraw(1)
    # The first layer that draws takes child 0, wherever it stands.
    fresh = FC(4, initKWArgs={"mirror": True})(Representation((8,)))
    fresh.redraw(1)
    np.testing.assert_array_equal(lone.params[0].get_value(), fresh.params[0].get_value())


def test_the_table_counts_what_blocks_hold(capsys):
    stack = Sequential([FC(4), block(projection=FC(4)), Dropout(0.5)])
    stack.build((4,))
    stack.summary()
    printed = capsys.readouterr().out
    assert "Residual" in printed
    assert "76 parameters" in printed  # 4 * 4 + 4, 8 * 4 + 4, 4 * 4 + 4
    assert "mirror=True" in printed


def test_observations_are_found_and_measured():
    hidden = Observation("hidden")(FC(3, seed=0)(Representation((2,))))
    y = FC(1, seed=1)(Observation("deep")(Residual([FC(3, seed=2), Observation("f")])(hidden)))
    assert list(y.observations) == ["hidden", "f", "deep"]
    assert y.observations["hidden"] is hidden
    x = cast(np.random.default_rng(3).standard_normal((5, 2)))
    seen = y.observing()(x)
    np.testing.assert_allclose(seen["hidden"], hidden.function()(x), atol=1e-6)
    np.testing.assert_allclose(seen["deep"], seen["hidden"] + seen["f"], atol=1e-6)
    assert list(y.observing("f")(x)) == ["f"]
    with pytest.raises(ValueError, match=r"unknown observation 'hiden'. Did you mean 'hidden'"):
        y.observing("hiden")


def test_a_name_is_given_once():
    x = Observation("a")(Representation((2,)))
    with pytest.raises(ValueError, match=r"own name. Received: 'a', which comes before"):
        Observation("a")(x)
    twice = merge(Observation("b")(x), Observation("b")(x))
    with pytest.raises(ValueError, match=r"different names. Received: 'b' twice"):
        twice.observations  # noqa: B018
    with pytest.raises(TypeError, match=r"name must be a string. Received: 3"):
        Observation(3)
    with pytest.raises(ValueError, match="name must not be empty"):
        Observation("")


IMAGE = (3, 8, 8)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Residual(FC(3))(Representation((4,))), ValueError,
         r"samples of one shape. Received: \(3,\) from the branch, \(4,\) beside it. .*FC\(3\)"),
        (lambda: Residual(Convolution(3, strides=2))(Representation(IMAGE)), ValueError,
         r"\(3, 4, 4\) from the branch.*Convolution\(3, s=1, strides=\(2, 2\)\)"),
        (lambda: Residual([Flatten(), FC(3)])(Representation(IMAGE)), ValueError,
         r"\(3,\) from the branch, \(3, 8, 8\) beside it\.$"),
        (lambda: Residual(FC(3), FC(5))(Representation((4,))), ValueError, r"\(5,\) beside it"),
        (lambda: Residual(FC(3))(Representation(IMAGE)), ValueError, "Put Flatten"),
        (lambda: Residual([]), ValueError, "branch must be one layer or more"),
        (lambda: Residual("FC"), TypeError, "branch must be a layer or a list.*Received: 'FC'"),
        (lambda: Residual(FC(3), projection=3), TypeError, "projection must be a layer or a list"),
        (lambda: Residual([FC(3), Merge()]), TypeError, "that take one representation"),
        (lambda: Residual(FC(3), skip="1"), TypeError, "skip must be a number"),
        (lambda: Residual(FC(3), trainable=1), TypeError, "trainable must be True or False"),
        (lambda: Residual(FC(3), scale=float("nan")), ValueError, "scale must be finite"),
        (lambda: Residual(FC(3))((4,)), TypeError, "Residual must be called on a Representation"),
        (lambda: merge(Representation((4,)), Representation((4,))), ValueError,
         "representations of one network"),
        (lambda: merge(Representation((4,)), Representation((5,))), ValueError,
         r"of one shape. Received: \(4,\) and \(5,\)"),
        (lambda: merge(Representation((4,)), 3), TypeError, "Merge must be called on a Repr"),
        (lambda: Merge()(Representation((4,))), TypeError, "Received: one. See layers.Residual"),
        (lambda: Sequential([FC(3), Merge()]).build((4,)), TypeError, "See layers.Residual"),
    ],
)  # fmt: skip
def test_bad_sums_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_nothing_is_made_before_a_block_is_known_to_fit():
    layers = [FC(5), FC(3)]
    with pytest.raises(ValueError, match="samples of one shape"):
        Residual(layers)(Representation((4,)))
    assert [layer.params for layer in layers] == [[], []]
