"""Trained slopes: values, where they begin, and which numbers are shared."""

import numpy as np
import pytest

from utilityFunctions import cast
from layers import ParReLU, Representation


def lines(x, left, right, centre):
    """One number at a time."""
    return np.array([(right if v > centre else left) * (v - centre) for v in x.ravel()]).reshape(
        x.shape
    )


def test_the_two_lines_meet_at_the_centre():
    layer = ParReLU(left=-0.5, right=2.0, centre=0.25)
    function = layer(Representation((40,))).function()
    x = cast(np.random.default_rng(0).standard_normal((9, 40)))
    x[0, :3] = 0.25, 1e6, -1e6
    np.testing.assert_allclose(function(x), lines(x, -0.5, 2.0, 0.25), rtol=1e-6)
    layer.centre.set_value(cast(np.linspace(-1, 1, 40)[None]))
    expected = [lines(x[:, i], -0.5, 2.0, c) for i, c in enumerate(np.linspace(-1, 1, 40))]
    np.testing.assert_allclose(function(x), np.transpose(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "function"),
    [({}, lambda x: x * (x > 0)), ({"left": 1}, lambda x: x), ({"left": -1}, abs)],
)
def test_where_it_begins(settings, function):
    x = cast(np.random.default_rng(1).standard_normal((5, 2, 3, 3)))
    y = ParReLU(**settings)(Representation((2, 3, 3)))
    np.testing.assert_array_equal(y.function()(x), function(x))


def test_redraw_begins_again_whatever_the_seed():
    layer = ParReLU(0.1, 0.9, 0.2)
    layer(Representation((3,)))
    for parameter in layer.params:
        parameter.set_value(parameter.get_value() + 1)
    layer.redraw(3)
    starts = [float(p.get_value()[0, 0]) for p in layer.params]
    assert starts == pytest.approx([0.1, 0.9, 0.2])


@pytest.mark.parametrize(
    ("shape", "each", "expected"),
    [((3,), True, (1, 3)), ((3, 4, 5), True, (1, 3, 1, 1)), ((3,), False, (1, 1)),
     ((3, 4, 5), False, (1, 1, 1, 1)), ((1, 4, 5), True, (1, 1, 1, 1))],
)  # fmt: skip
def test_numbers_for_each_channel_or_for_all(shape, each, expected):
    layer = ParReLU(each=each, name="slopes")
    y = layer(Representation(shape))
    assert y.shape == shape
    assert {p.get_value().shape for p in y.params} == {expected}
    assert [p.name for p in y.params] == ["slopes.left", "slopes.right", "slopes.centre"]
    assert y.tensor.broadcastable == (False,) * (1 + len(shape))


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"left": "0"}, TypeError, "left must be a number. Received: '0'"),
        ({"right": float("inf")}, ValueError, "right must be finite"),
        ({"centre": None}, TypeError, "centre must be a number"),
        ({"each": 1}, TypeError, "each must be True or False. Received: 1"),
        ({"center": 1}, TypeError, "Did you mean 'centre'"),
    ],
)
def test_bad_arguments_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        ParReLU(**arguments)
