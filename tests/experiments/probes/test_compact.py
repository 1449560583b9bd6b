"""What is kept of a signal: a bit for each sign, the same in C and in NumPy, and mean squares."""

import functools
import math

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, theano
from experiments.probes.compact import (
    FAR,
    FarExponents,
    MeanSquares,
    OfSigns,
    Signs,
    farExponents,
)
from experiments.probes.operations import compiles

#: Theano's linkers: C code, if there is a compiler, and `perform`.
LINKERS = [*(["cvm"] if compiles() else []), "py"]
DTYPES = ["float32", "float64"]
SHAPES = [(1, 1), (1, 7), (2, 4), (3, 3), (5, 17), (2, 3, 4), (2, 3, 5, 5), (0, 4), (3, 0)]

pytestmark = pytest.mark.parametrize("linker", LINKERS)


@functools.cache
def compiled(linker, dtype, ndim):
    """Signs of a signal, what they stand for, and mean squares."""
    signal, shape = T.TensorType(dtype, ndim * [False])(), T.lvector()
    kept = [one.type() for one in Signs()(signal)]
    mode = theano.Mode(linker=linker, optimizer=None)
    return (
        compileFunction([signal], Signs()(signal), mode=mode),
        compileFunction([*kept, shape], OfSigns(dtype, ndim)(*kept, shape), mode=mode),
        compileFunction([signal], MeanSquares()(signal), mode=mode),
    )


def signalOf(shape, dtype, zeros):
    """Numbers of both signs, of which some are 0, from both sides."""
    rng = np.random.default_rng(math.prod(shape))
    signal = rng.standard_normal(shape).astype(dtype)
    if zeros:
        signal[rng.random(shape) < 0.4] = 0.0
        signal[rng.random(shape) < 0.2] = -0.0
    return signal


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("zeros", [False, True])
def test_signs_come_back(linker, dtype, shape, zeros):
    signal = signalOf(shape, dtype, zeros)
    keep, standIn, _ = compiled(linker, dtype, len(shape))
    positive, zero = keep(signal)
    assert len(positive) == -(-signal.size // 8)
    assert len(zero) == (len(positive) if (signal == 0).any() else 0)
    found = standIn(positive, zero, np.array(shape))
    assert (found.dtype, found.shape) == (signal.dtype, shape)
    np.testing.assert_array_equal(found, np.sign(signal) / 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", range(1, 34))
def test_each_place_has_its_own_bit(linker, dtype, size):
    keep, standIn, _ = compiled(linker, dtype, 2)
    for place in range(size):
        for value in (1.0, 0.0):
            signal = np.full((1, size), -1.0, dtype)
            signal[0, place] = value
            found = standIn(*keep(signal), np.array([1, size]))
            np.testing.assert_array_equal(found, signal / 2)


@pytest.mark.parametrize("dtype", DTYPES)
def test_extremes(linker, dtype):
    info = np.finfo(dtype)
    numbers = [info.max, -info.max, info.tiny, -info.tiny, np.inf, -np.inf, 0.0, -0.0]
    subnormal = float(np.nextafter(np.dtype(dtype).type(0), np.dtype(dtype).type(1)))
    signal = np.array([[*numbers, subnormal, -subnormal]], dtype)
    keep, standIn, _ = compiled(linker, dtype, 2)
    expected = [[0.5, -0.5] * 3 + [0, 0] + [0.5, -0.5]]
    np.testing.assert_array_equal(standIn(*keep(signal), np.array([1, 10])), expected)


def test_no_number_is_neither_above_nor_at_zero(linker):
    """Both of C and NumPy keep it as one below: the mean squares say that it was there."""
    signal = np.array([[np.nan, 1.0, np.nan]], "float32")
    keep, standIn, squares = compiled(linker, "float32", 2)
    positive, zero = keep(signal)
    assert (positive.tolist(), zero.tolist()) == ([2], [])
    found = standIn(positive, zero, np.array([1, 3]))
    np.testing.assert_array_equal(found, [[-0.5, 0.5, -0.5]])
    assert np.isnan(squares(signal)).all()


def test_views_are_read_in_their_order(linker):
    keep, _, squares = compiled(linker, "float32", 2)
    larger = signalOf((10, 33), "float32", True)
    for view in (larger[::2, ::3], larger.T, larger[::-1]):
        for found, expected in zip(keep(view), keep(view.copy()), strict=True):
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(squares(view), squares(view.copy()), rtol=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 1), (4, 15), (4, 16), (4, 17), (2, 1000), (2, 3, 5, 7)])
def test_mean_squares_are_the_exact_ones_rounded(linker, dtype, shape):
    signal = signalOf(shape, dtype, True) * np.dtype(dtype).type(1e3)
    exact = [math.fsum(float(x) ** 2 for x in row.ravel()) / row.size for row in signal]
    found = compiled(linker, dtype, len(shape))[2](signal)
    assert found.dtype == "float64"
    # Sums of at most 1000 squares: half an epsilon of double precision for each addition, of what
    # is then at most all of it.
    tolerance = np.finfo("float64").eps / 2 * (signal[0].size + 3)
    np.testing.assert_allclose(found, exact, rtol=tolerance)


def test_squares_beyond_single_precision(linker):
    """They are added up in double precision, so a signal's squares may be beyond its own."""
    signal = np.array([[1e30, -1e30], [1e-30, 1e-30], [0.0, 0.0]], "float32")
    exact = [math.fsum(float(x) ** 2 for x in row) / 2 for row in signal]
    found = compiled(linker, "float32", 2)[2](signal)
    np.testing.assert_allclose(found, exact, rtol=1e-15)
    assert found[1] > 0
    assert found[2] == 0


def test_each_sample_has_its_own_mean_square(linker):
    """Not a bit of it depends on the others."""
    signal = signalOf((40, 67), "float32", False)
    squares = compiled(linker, "float32", 2)[2]
    alone = np.concatenate([squares(signal[i : i + 1]) for i in range(40)])
    np.testing.assert_array_equal(squares(signal), alone)


def test_no_samples_have_no_mean_squares(linker):
    assert compiled(linker, "float32", 2)[2](np.ones((0, 5), "float32")).shape == (0,)


@functools.cache
def compiledExponents(linker):
    squares = T.dvector()
    mode = theano.Mode(linker=linker, optimizer=None)
    return compileFunction([squares], FarExponents()(squares), mode=mode)


@pytest.mark.parametrize("sign", [1, -1])
def test_amplitudes_are_far_beyond_a_power_of_two(linker, sign):
    """Exponents are those that bring a mean square to [1/2, 2), alike for all or for none."""
    squares = 2.0 ** (2 * sign * np.arange(-3, 60.0)) * 1.5
    for count in range(len(squares)):
        found = compiledExponents(linker)(squares[: count + 1])
        expected = [math.frexp(one)[1] // 2 for one in squares[: count + 1]]
        isFar = max(map(abs, expected)) > FAR
        assert found.tolist() == (expected if isFar else [])
        assert farExponents(squares[: count + 1]).tolist() == found.tolist()
    left = squares / 4.0**found
    assert ((left >= 0.5) & (left < 2)).all()


def test_samples_without_a_size_are_left_alone(linker):
    """A dead one, and ones that are no number any more."""
    squares = np.array([0.0, np.inf, np.nan, 2.0**200])
    found = compiledExponents(linker)(squares)
    np.testing.assert_array_equal(found, [0, 0, 0, 100])
    assert compiledExponents(linker)(squares[:3]).size == 0
    assert compiledExponents(linker)(squares[:0]).size == 0
