"""The shape rules, held to what Theano computes and to its own rule."""

import itertools

import numpy as np
import pytest

from utilityFunctions import T, cast, compileFunction, theano
from layers.shapes import (
    borderMode,
    convolutionShape,
    denseShape,
    flattenedShape,
    paddings,
    pair,
    poolingShape,
    sampleShape,
    windows,
)
from tests.oracles import conv2d_oracle, pool2d_oracle

get_conv_output_shape = theano.tensor.nnet.abstract_conv.get_conv_output_shape
Pool, pool_2d = theano.tensor.signal.pool.Pool, theano.tensor.signal.pool.pool_2d

BORDER_MODES = ("half", "valid", "full", 1, (0, 2))
STRIDES = ((1, 1), (2, 2), (3, 3), (1, 2))
CONVOLUTIONS = tuple(itertools.product(BORDER_MODES, STRIDES))
WINDOWS = tuple((s, strides) for s in ((2, 2), (3, 2)) for strides in ((1, 1), (2, 2), (3, 1)))


@pytest.fixture(scope="module")
def convolve():
    """One function for all border modes and strides: images and kernels to a list of outputs."""
    images, kernels = T.tensor4(), T.tensor4()
    outputs = [
        T.nnet.conv2d(images, kernels, border_mode=border_mode, subsample=strides)
        for border_mode, strides in CONVOLUTIONS
    ]
    return compileFunction([images, kernels], outputs)


@pytest.mark.parametrize("s", [(1, 1), (2, 2), (3, 3), (4, 3), (5, 2)])
@pytest.mark.parametrize("sides", [(7, 7), (8, 8), (9, 6)])
def test_convolution_rule_and_theano_and_the_oracle_agree(convolve, sides, s):
    rng = np.random.default_rng(0)
    images = cast(rng.standard_normal((2, 3, *sides)))
    kernels = cast(rng.standard_normal((4, 3, *s)))
    for found, (border_mode, strides) in zip(convolve(images, kernels), CONVOLUTIONS, strict=True):
        expected = conv2d_oracle(images, kernels, strides, paddings(border_mode, s))
        assert convolutionShape((3, *sides), 4, s, strides, border_mode) == found.shape[1:]
        # Sums of at most 75 products of standard normals in float32.
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_convolution_rule_is_theanos_for_all_small_sides():
    compared = 0
    for side, s, stride, mode in itertools.product(range(1, 12), range(1, 8), (1, 2, 3), range(5)):
        border_mode = BORDER_MODES[mode]
        theanos = get_conv_output_shape(
            (2, 3, side, side), (4, 3, s, s), border_mode, (stride,) * 2
        )
        if min(theanos) >= 1:
            rule = convolutionShape((3, side, side), 4, (s, s), (stride,) * 2, border_mode)
            assert rule == theanos[1:]
            compared += 1
        else:
            with pytest.raises(ValueError, match="a border_mode with more zeros"):
                convolutionShape((3, side, side), 4, (s, s), (stride,) * 2, border_mode)
    assert compared > 900


def test_an_odd_side_of_33_at_stride_2_gives_17():
    assert convolutionShape((3, 33, 33), 8, strides=(2, 2)) == (8, 17, 17)


def test_pooling_rule_and_theano_and_the_oracle_agree():
    images = T.tensor4()
    outputs = [
        pool_2d(images, s, ignore_border=True, stride=strides, mode=mode)
        for s, strides in WINDOWS
        for mode in ("max", "average_exc_pad")
    ]
    pool = compileFunction([images], outputs)
    for sides in ((7, 7), (8, 9), (3, 2)):
        values = cast(np.random.default_rng(1).standard_normal((2, 3, *sides)))
        pooled = iter(pool(values))
        for (s, strides), reduce in itertools.product(WINDOWS, (np.max, np.mean)):
            found = next(pooled)
            assert poolingShape((3, *sides), s, strides) == found.shape[1:]
            expected = pool2d_oracle(values, s, strides, reduce)
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_pooling_rule_is_theanos_for_all_small_sides():
    for side, s, stride in itertools.product(range(1, 12), range(1, 6), range(1, 4)):
        if s <= side:
            theanos = Pool.out_shape((3, side, side), (s, s), True, (stride, stride))
            assert poolingShape((3, side, side), (s, s), (stride, stride)) == tuple(theanos)


def test_one_number_serves_for_rows_and_columns():
    assert convolutionShape((3, 8, 8), 3, s=3, strides=2) == (3, 4, 4)
    assert poolingShape((3, 8, 8), 3, 2) == poolingShape((3, 8, 8), (3, 3), (2, 2))
    assert paddings("half", 3) == (1, 1)


def test_flattened_and_dense_shapes():
    assert flattenedShape((8, 3, 5)) == (120,)
    assert denseShape((120,), 10) == (10,)
    with pytest.raises(ValueError, match=r"Put Flatten\(\) before"):
        denseShape((8, 3, 5), 10)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: sampleShape(64), TypeError, "shape must be .*Received: 64"),
        (lambda: sampleShape("64"), TypeError, "Received: '64'"),
        (lambda: sampleShape(()), ValueError, r"Received: \(\)"),
        (lambda: sampleShape((3, 32)), ValueError, r"Received: \(3, 32\)"),
        (lambda: sampleShape((3, 32, 0)), ValueError, "shape must be at least 1. Received: 0"),
        (lambda: sampleShape((3, -1, 2)), ValueError, "Received: -1"),
        (lambda: sampleShape((2.5,)), TypeError, "whole number. Received: 2.5"),
        (lambda: sampleShape((True,)), TypeError, "Received: True"),
        (lambda: pair((3,), "s"), ValueError, r"s must be .*pair.*Received: \(3,\)"),
        (lambda: pair("33", "s"), TypeError, "s must be a whole number"),
        (lambda: pair((3, 0), "s"), ValueError, "s must be at least 1. Received: 0"),
        (lambda: pair((3, 1.5), "s"), TypeError, "Received: 1.5"),
        (lambda: borderMode("same"), ValueError, "Known: full, half, valid"),
        (lambda: borderMode("valied"), ValueError, "Did you mean 'valid'"),
        (lambda: borderMode(-1), ValueError, "border_mode must be at least 0"),
        (lambda: borderMode((1, 2, 3)), ValueError, r"border_mode.*Received: \(1, 2, 3\)"),
        (lambda: borderMode(None), TypeError, "border_mode .*None"),
        (lambda: windows(2, 3, 1), ValueError, "Received: 3 on a side of 2"),
        (lambda: convolutionShape((64,), 8), ValueError, r"a convolution needs.*\(64,\)"),
        (lambda: windows(8, 3, 0), ValueError, "stride must be at least 1. Received: 0"),
        (lambda: windows(8.0, 3, 1), TypeError, "side must be a whole number. Received: 8.0"),
        (lambda: paddings("half", "33"), TypeError, "s must be a whole number.*'33'"),
        (lambda: convolutionShape((3, 8, 8), 3, strides=(0, 1)), ValueError, "strides must be .*0"),
        (lambda: convolutionShape((3, 8, 8), -3), ValueError, "numFilters must be .*-3"),
        (lambda: convolutionShape(8, 3), TypeError, "inputShape must be .*Received: 8"),
        (lambda: poolingShape((3, 8, 8), 2, (0, 1)), ValueError, "strides must be .*0"),
        (lambda: denseShape((5,), -3), ValueError, "numUnits must be at least 1. Received: -3"),
        (lambda: denseShape(5, 3), TypeError, "inputShape must be .*Received: 5"),
        (lambda: poolingShape((64,)), ValueError, r"pooling needs.*\(64,\)"),
    ],
)
def test_bad_values_are_refused_by_name(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
