"""Products by a matrix unit: as exact as single precision, at any amplitude."""

import math

import numpy as np
import pytest

from utilityFunctions import T
from experiments.probes.operations import compiles
from experiments.probes.panels import Multiply, PanelDraw, panelsOf
from experiments.probes.perThread import PerThread
from lookslinear.laws import dense_law
from lookslinear.sampling import draw
from tests.experiments.probes.arranging import arranged

pytestmark = [
    pytest.mark.skipif(not compiles(), reason="matrices are split in C alone"),
    pytest.mark.usefixtures("inPieces"),
]

#: Numbers of single precision have 24 binary digits.
ROUNDING = 2.0**-24


@pytest.fixture(scope="module")
def inPieces():
    with arranged("pieces"):
        yield


@pytest.fixture(scope="module")
def product(inPieces):
    symbols = T.fmatrix(), T.fvector(), T.lscalar()
    multiply = PerThread(symbols, [Multiply()(*symbols)])
    return lambda samples, matrix: multiply(samples, *panelsOf(matrix))[0]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def errors(found, samples, matrix):
    """Relative errors of products of one number with one number."""
    return found / (samples.astype(float) @ matrix.astype(float)) - 1


def pieces(numbers, count):
    """The first pieces of numbers, each of the 8 binary digits that follow the last one."""
    found = []
    for _ in range(count):
        fraction, exponent = np.frexp(numbers)
        found.append(np.ldexp(np.round(fraction * 2**8) / 2**8, exponent))
        numbers = numbers - found[-1]
    return found


# Exactness


def test_a_product_of_two_numbers_is_rounded_as_in_single_precision(product):
    """Six sums are rounded, and the three smallest products left out, at most 2^-24 of it."""
    samples, matrix = normal(200, 1), normal(1, 300, seed=1)
    assert abs(errors(product(samples, matrix), samples, matrix)).max() < 7 * ROUNDING


def test_products_are_not_biased(product):
    """Their errors deviate by less than a rounding, those of 200 samples independently.

    Five scatters of the mean. Pieces cut off, not rounded, would all be left out on one side.
    """
    samples, matrix = normal(200, 1), normal(1, 300, seed=1)
    found = errors(product(samples, matrix), samples, matrix)
    assert found.std() < ROUNDING
    assert abs(found.mean()) < 5 / math.sqrt(200) * ROUNDING


@pytest.mark.parametrize("left", [(1, 1), (0, 2), (2, 0)])
def test_without_any_of_six_products_it_would_not_be(left):
    samples, matrix = normal(200, 1).astype(float), normal(1, 300, seed=1).astype(float)
    pairs = {(i, j) for i in range(3) for j in range(3) if i + j < 3} - {left}
    first, second = pieces(samples, 3), pieces(matrix, 3)
    coarse = sum(first[i] @ second[j] for i, j in pairs)
    assert abs(errors(coarse, samples, matrix)).max() > 7 * ROUNDING


@pytest.mark.parametrize("rows", [32, 512, 2048])
def test_sums_are_more_exact_than_numpys_or_as_exact(product, rows):
    """Root mean squares of 128 x 128 errors scatter by 1 / sqrt(2 * 128), those of a row being one.

    Half as much again is five times the scatter of their ratio.
    """
    samples, matrix = normal(128, rows), normal(rows, 128, seed=1)
    expected = samples.astype(float) @ matrix.astype(float)
    one_by_one = np.zeros_like(expected, "float32")
    for i in range(rows):
        one_by_one += samples[:, i : i + 1] * matrix[i]
    ours, theirs = ((found - expected).std() for found in (product(samples, matrix), one_by_one))
    assert ours < 1.5 * theirs


# Amplitudes


@pytest.mark.parametrize("exponent", [-105, -60, -33, 20, 33, 100])
def test_powers_of_two_change_no_digit(product, exponent):
    """Of samples each for itself, and of the matrix as a whole: all of them are normal numbers."""
    samples, matrix = normal(40, 70), normal(70, 50, seed=1)
    expected = product(samples, matrix)
    scale = np.float32(2.0**exponent)
    samples[::2] *= scale
    found = product(samples, matrix)
    np.testing.assert_array_equal(found[::2], np.ldexp(expected[::2], exponent))
    np.testing.assert_array_equal(found[1::2], expected[1::2])
    np.testing.assert_array_equal(product(normal(40, 70), matrix * scale), expected * scale)


def test_amplitudes_may_be_far_apart_and_cancel(product):
    samples, matrix = normal(40, 70), normal(70, 50, seed=1)
    expected = product(samples, matrix)
    large, small = np.float32(2.0**100), np.float32(2.0**-100)
    np.testing.assert_array_equal(product(samples * large, matrix * small), expected)
    np.testing.assert_array_equal(product(samples * small, matrix * large), expected)


def test_numbers_below_the_smallest_normal_ones_are_multiplied(product):
    """Samples have a few digits there; their products with large numbers are exact again."""
    samples = np.ldexp(normal(33, 64), -140)
    matrix = np.ldexp(normal(64, 33, seed=1), 60)
    found = product(samples, matrix)
    expected = samples.astype(float) @ matrix.astype(float)
    np.testing.assert_allclose(found, expected, rtol=0, atol=64 * ROUNDING * abs(expected).max())


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_in_its_row_and_column(product, value):
    samples, matrix = normal(40, 70), normal(70, 50, seed=1)
    expected = product(samples, matrix)
    samples[3, 5] = value
    found = product(samples, matrix)
    assert not np.isfinite(found[3]).any()
    np.testing.assert_array_equal(np.delete(found, 3, 0), np.delete(expected, 3, 0))
    matrix[5, 7] = value
    found = product(normal(40, 70), matrix)
    assert not np.isfinite(found[:, 7]).any()
    np.testing.assert_array_equal(np.delete(found, 7, 1), np.delete(expected, 7, 1))


def test_the_largest_numbers_do_not_overflow_on_their_way(product):
    samples = np.full((1, 32), np.finfo("float32").max)
    matrix = np.full((32, 32), 2.0**-6, "float32")
    assert product(samples, matrix)[0, 0] == np.finfo("float32").max / 2


@pytest.mark.parametrize("deviation", [1e-30, 1e-12, 1e12])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_weight_of_any_deviation_is_drawn_as_it_is(product, deviation, transposed):
    law = dense_law(64, 64, "normal", deviation)
    weight, samples = draw(law, 5), normal(4, 64)
    symbols = T.fmatrix(), T.fvector(), T.lscalar()
    multiply = PerThread(symbols, [Multiply()(*symbols)])
    (found,) = multiply(samples, *PanelDraw(law, 5).panels(transposed))
    expected = product(samples, weight.T if transposed else weight)
    np.testing.assert_array_equal(found, expected)
