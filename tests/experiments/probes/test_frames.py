"""Frames that are never made: products with them are those with what is drawn, mirrored or not."""

import math

import numpy as np
import pytest

from utilityFunctions import theano
from experiments.probes.frames import MirroredFrame, drawFrame, isFactored
from lookslinear.laws import dense_law
from lookslinear.sampling import FactoredFrame, can_be_factored, draw

SEED = 6
#: The least square frame that is made of reflections; tall, and wide.
SHAPES = [(400, 400), (640, 390), (390, 640)]


def lawOf(shape, dtype="float32", mirror=False, family="haar"):
    inputs, outputs = shape
    return dense_law((1 + mirror) * inputs, outputs, family, 0.3, mirror=mirror, dtype=dtype)


def normal(*shape, dtype, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def errorsOf(frame, law, weight, samples=5):
    """How far products both ways are from those with the weight, in units of their rounding.

    Each number adds up n products after n reflections, whose roundings walk at random: sqrt(n) eps
    of the norms of a row and of the weight, its gain; a mirrored one's is of both halves.
    """
    size = law.gain * np.finfo(law.dtype).eps * math.sqrt(max(law.shape))
    found = []
    for times, matrix in ((frame.times, weight), (frame.times_transposed, weight.T)):
        rows = normal(samples, len(matrix), dtype=law.dtype)
        product = times(rows)
        assert (product.dtype, product.shape) == (rows.dtype, (samples, matrix.shape[1]))
        apart = product - rows.astype(float) @ matrix.astype(float)
        scale = np.linalg.norm(rows, axis=1) * size
        found.append((np.linalg.norm(apart, axis=1) / scale).max())
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mirror", [False, True])
def test_products_are_those_with_the_draw(dtype, shape, mirror):
    law = lawOf(shape, dtype, mirror)
    frame, weight = drawFrame(law, SEED), draw(law, SEED)
    assert isinstance(frame, MirroredFrame if mirror else FactoredFrame)
    assert max(errorsOf(frame, law, weight)) < 5
    # Neither another frame, nor the second half in the place of the first.
    assert min(errorsOf(frame, law, draw(law, SEED + 1))) > 1e3
    if mirror:
        assert min(errorsOf(frame, law, weight[::-1])) > 1e3
        assert min(errorsOf(frame, law, -weight)) > 1e3


@pytest.mark.parametrize("mirror", [False, True])
def test_arguments_stay_and_the_frame_serves_again(mirror):
    law = lawOf(SHAPES[0], mirror=mirror)
    frame = drawFrame(law, SEED)
    rows = normal(3, law.shape[0], dtype="float32")
    before, first = rows.copy(), frame.times(rows).copy()
    frame.times_transposed(normal(3, law.shape[1], dtype="float32"))
    np.testing.assert_array_equal(frame.times(rows), first)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("mirror", [False, True])
def test_a_mirrored_frame_sees_the_difference_of_halves_alone(mirror):
    """What CReLU splits comes together again: looks-linear nets are linear."""
    law = lawOf(SHAPES[0], mirror=mirror)
    both = np.tile(normal(2, law.shape[0] // 2, dtype="float32"), 2)
    product = drawFrame(law, SEED).times(both)
    assert (product == 0).all() if mirror else abs(product).max() > 0.1


# Which are factored


@pytest.mark.parametrize("mirror", [False, True])
def test_as_many_samples_as_pay(mirror):
    for shape, least in (((400, 400), 400), ((640, 390), 390), ((390, 640), 390)):
        law = lawOf(shape, mirror=mirror)
        with theano.config.change_flags(floatX="float32"):
            assert [isFactored(law, n) for n in (1, least, least + 1)] == [True, True, False]


@pytest.mark.parametrize("mirror", [False, True])
def test_only_what_draw_makes_of_reflections(mirror):
    with theano.config.change_flags(floatX="float32"):
        assert not isFactored(lawOf((399, 399), mirror=mirror), 1)
        assert not isFactored(lawOf((400, 400), mirror=mirror, family="normal"), 1)
        assert not isFactored(dense_law(800, 800, "haar", 0.3, mirror=0.5), 1)
    assert not can_be_factored(lawOf((399, 399)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("ours", ["float32", "float64"])
def test_only_frames_in_our_precision(dtype, ours):
    """Others are drawn, and then converted, or refused."""
    with theano.config.change_flags(floatX=ours):
        assert isFactored(lawOf((400, 400), dtype), 1) == (dtype == ours)
