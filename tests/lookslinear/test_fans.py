"""Fans, counted again entry by entry."""

import dataclasses

import pytest

from lookslinear.errors import UnknownNameError
from lookslinear.fans import LAYOUTS, Axes, Fans, axes_of, fans, keras_axes
from tests.oracles import fans_oracle

# No two sides alike, fan in and fan out at least 2 apart in ratio.
SHAPES = {
    ("theano", 2): (3, 7),
    ("theano", 3): (10, 2, 3),
    ("theano", 4): (10, 2, 3, 4),
    ("theano", 5): (2, 6, 3, 4, 5),
    ("keras", 2): (3, 7),
    ("keras", 3): (3, 2, 10),
    ("keras", 4): (3, 4, 10, 2),
    ("keras", 5): (3, 4, 5, 2, 6),
    ("torch", 2): (7, 3),
    ("torch", 3): (10, 2, 3),
    ("torch", 4): (2, 10, 3, 4),
    ("torch", 5): (6, 2, 3, 4, 5),
}
DENSE = {("theano", 2): Fans(3, 7), ("keras", 2): Fans(3, 7), ("torch", 2): Fans(3, 7)}


@pytest.mark.parametrize(("layout", "rank"), SHAPES)
def test_fans_are_those_that_are_counted(layout, rank):
    shape, axes = SHAPES[layout, rank], axes_of(rank, layout)
    counted = fans_oracle(shape, axes.input, axes.output)
    assert fans(shape, axes) == counted
    # The mutant, input and output axes exchanged, is told apart.
    assert fans(shape, Axes(axes.output, axes.input)) == counted[::-1] != counted


@pytest.mark.parametrize(("layout", "rank"), DENSE)
def test_dense_fans_are_those_of_the_layout(layout, rank):
    assert fans(SHAPES[layout, rank], axes_of(rank, layout)) == DENSE[layout, rank]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("groups", "outputs"), [(2, 12), (3, 12), (4, 4)])
def test_fans_of_groups_are_those_that_are_counted(layout, groups, outputs):
    axes = axes_of(4, layout, groups)
    shape = [3, 2, 3, 2]  # where neither is an input nor an output
    shape[axes.input], shape[axes.output] = 5, outputs
    assert fans(shape, axes) == fans_oracle(shape, axes.input, axes.output, groups)
    assert fans(shape, axes) != fans(shape, dataclasses.replace(axes, groups=1))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_name_the_axes_that_their_frameworks_use(layout):
    dense, kernel = axes_of(2, layout), axes_of(5, layout)
    assert (dense.input, dense.output) == {"torch": (1, 0)}.get(layout, (0, 1))
    assert (kernel.input, kernel.output) == {"keras": (3, 4)}.get(layout, (1, 0))
    assert kernel.receptive(5) == {"keras": (0, 1, 2)}.get(layout, (2, 3, 4))
    assert kernel.flips == (layout == "theano")
    assert dense.receptive(2) == ()


def test_sides_of_zero_give_fans_of_zero():
    assert fans((0, 3), Axes(0, 1)) == (0, 3)
    assert fans((4, 3, 0, 3), axes_of(4)) == (0, 0)


def test_axes_are_immutable_and_hashable():
    axes = axes_of(4, "keras", groups=2)
    assert len({axes, axes_of(4, "keras", groups=2), axes_of(4, "keras")}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        axes.groups = 1


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: axes_of(2, "tehano"), UnknownNameError, "unknown layout 'tehano'.*'theano'"),
        (lambda: axes_of(1), ValueError, r"rank must be 2 \(dense\) or 3 to 5.*Received: 1"),
        (lambda: axes_of(6, "keras"), ValueError, "rank must be 2.*Received: 6"),
        (lambda: axes_of(2.0), TypeError, "rank must be a whole number. Received: 2.0"),
        (lambda: axes_of(2, groups=2), ValueError, "groups must be 1 for a dense.*Received: 2"),
        (lambda: axes_of(4, groups=0), ValueError, "groups must be at least 1. Received: 0"),
        (lambda: axes_of(4, groups=1.5), TypeError, "groups must be a whole number.*1.5"),
        (lambda: axes_of(4, groups=True), TypeError, "groups must be a whole number.*True"),
        (lambda: Axes(-2, 1), ValueError, "input must be at least 0. Received: -2"),
        (lambda: Axes(0, -1), ValueError, "output must be at least 0. Received: -1"),
        (lambda: Axes(0.0, 1), TypeError, "input must be a whole number. Received: 0.0"),
        (lambda: Axes(1, 1), ValueError, "two axes. Received: 1 twice"),
        (
            lambda: fans((7, 2, 3, 3), axes_of(4, groups=2)),
            ValueError,
            "split evenly into groups. Received: 7 channels, 2 groups",
        ),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


KERAS_FANS = {
    "number": ((), None, None, (1, 1)),
    "vector": ((5,), None, None, (5, 5)),
    "rank 6": ((2, 3, 2, 1, 4, 5), None, None, (48, 60)),
    "one to two axes": ((7, 2, 3), 0, (1, 2), (7, 6)),
    "negative axes": ((2, 3, 7), [-3, -2], [-1], (6, 7)),
    "a stack of weights": ((9, 7, 3), 1, 2, (7, 3)),
    "receptive field named twice, as Theano stores kernels": (
        (10, 2, 3, 4),
        (1, 2, 3),
        (0, 2, 3),
        (24, 120),
    ),
}


@pytest.mark.parametrize(
    ("shape", "reading", "writing", "expected"), KERAS_FANS.values(), ids=KERAS_FANS
)
def test_fans_are_the_products_of_the_axes_named(shape, reading, writing, expected):
    assert fans(shape, keras_axes(len(shape), reading, writing)) == expected


def test_one_axis_needs_no_tuple():
    assert keras_axes(3, (0,), (1, 2)) == keras_axes(3, 0, [1, 2]) == Axes(0, (1, 2))
    assert keras_axes(4) == axes_of(4, "keras")
    assert Axes(0, (1, 2)).inputs == (0,)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: keras_axes(2, 0), ValueError, "given together. Received: input_axes=0, .*None"),
        (lambda: keras_axes(2, 0, 2), ValueError, r"axes of a shape of rank 2.*output_axes=\[2\]"),
        (lambda: keras_axes(2, -3, 1), ValueError, "each of input_axes must be at least -2.*-3"),
        (lambda: keras_axes(3, (0, -3), 1), ValueError, r"at most once.*input_axes=\[0, -3\]"),
        (lambda: keras_axes(2, "0", 1), TypeError, "input_axes must be a whole number.*'0'"),
        (lambda: Axes((0, 1), (1, 2)), ValueError, "two axes. Received: 1 twice"),
        (lambda: Axes(0, 1, batch=(-1,)), ValueError, "batch must be at least 0. Received: -1"),
    ],
)
def test_bad_keras_axes_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: fans((3, 4), None), TypeError, "axes must be an Axes. Received: None"),
        (lambda: fans((3.5, 4), axes_of(2)), TypeError, "side of shape must be a whole.*3.5"),
        (lambda: fans((-3, 4), axes_of(2)), ValueError, "side of shape must be at least 0.*-3"),
        (lambda: fans(5, axes_of(2)), TypeError, "shape must be a sequence.*Received: 5"),
        (lambda: axes_of(4, ["x"]), UnknownNameError, r"unknown layout \['x'\].*Known: keras"),
    ],
)
def test_what_is_no_shape_or_no_axes_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_axes_beyond_the_shape_are_refused():
    with pytest.raises(ValueError, match=r"axes of the shape \(3, 4\). Received: Axes"):
        fans((3, 4), Axes(0, 2))
