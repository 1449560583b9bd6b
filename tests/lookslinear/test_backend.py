"""Keras's `K`: draws of any shape, by the laws, in the dtype asked for."""

import math

import numpy as np
import pytest
from scipy import stats

from lookslinear import backend as K
from lookslinear.laws import DTYPES

#: Each function with arguments, and SciPy's distribution of what it draws.
DRAWS = [
    (K.random_normal, {}, stats.norm()),
    (K.random_normal, {"mean": 2.0, "stddev": 0.5}, stats.norm(2, 0.5)),
    (K.random_uniform, {}, stats.uniform()),
    (K.random_uniform, {"minval": -3.0, "maxval": 1.0}, stats.uniform(-3, 4)),
    (K.truncated_normal, {}, stats.truncnorm(-2, 2)),
    (K.truncated_normal, {"mean": 2.0, "stddev": 0.5}, stats.truncnorm(-2, 2, 2, 0.5)),
]
FUNCTIONS = [K.random_normal, K.random_uniform, K.truncated_normal]


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    monkeypatch.setattr(K, "_SETTINGS", dict(K._SETTINGS))


@pytest.mark.parametrize(("function", "arguments", "oracle"), DRAWS)
@pytest.mark.parametrize("shape", [(40_000,), (200, 200), (2, 10, 20, 100)])
def test_numbers_have_scipys_distribution(function, arguments, oracle, shape):
    numbers = function(shape, **arguments, dtype="float64", seed=1)
    assert numbers.shape == shape
    assert stats.kstest(numbers.ravel(), oracle.cdf).pvalue > 1e-4
    # Five standard errors of a mean square of 40,000 numbers; fewer tails, smaller errors.
    assert math.isclose(numbers.var(), oracle.var(), rel_tol=5 * math.sqrt(2 / 40_000))
    low, high = oracle.support()
    assert low <= numbers.min() < numbers.max() <= high


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("dtype", [*DTYPES, np.float64, np.dtype("float16")])
def test_dtypes(function, dtype):
    assert function((2, 3), dtype=dtype).dtype == dtype
    assert function((2, 3)).dtype == "float32"
    assert function(()).shape == ()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_seeds(function):
    np.testing.assert_array_equal(function((5,), seed=3), function((5,), seed=3))
    assert (function((5,)) != function((5,))).any()
    generator = np.random.default_rng(0)
    assert (function((5,), seed=generator) != function((5,), seed=generator)).any()


def test_a_seed_generator_of_keras_is_taken_as_one():
    class OfKeras:
        state = 0

        def next(self):
            self.state += 1
            return np.array([7, self.state], "uint32")

        def get_config(self):
            return {"seed": 7}

    first, second = (K.random_normal((5,), seed=seeds) for seeds in [OfKeras()] * 2)
    assert (first != second).any()
    np.testing.assert_array_equal(K.random_normal((5,), seed=OfKeras()), first)


def test_seed_generators_are_values():
    assert K.SeedGenerator(3) == K.SeedGenerator.from_config({"seed": 3, "name": "seeds"})
    assert K.SeedGenerator() != K.SeedGenerator()
    assert K.SeedGenerator(3) != 3
    assert len({K.SeedGenerator(3), K.SeedGenerator(3)}) == 1
    assert repr(K.SeedGenerator(3)) == "SeedGenerator(seed=3)"
    fresh = K.SeedGenerator()
    assert K.SeedGenerator.from_config(fresh.get_config()) == fresh


def test_floatx_is_set():
    K.set_floatx("float64")
    assert K.floatx() == "float64"
    assert K.random_uniform((2,)).dtype == K.constant(1).dtype == "float64"


def test_constants():
    assert K.constant(2).tolist() == 2.0
    assert K.constant(2, shape=(2,)).tolist() == [2.0, 2.0]
    assert K.constant([[1], [2]], "int32", (2, 2)).tolist() == [[1, 1], [2, 2]]
    assert K.constant([1, 2]).dtype == "float32"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: K.set_floatx("int32"), ValueError, "unknown floatx 'int32'.*float16, float32"),
        (
            lambda: K.random_normal((2,), stddev=-1.0),
            ValueError,
            "stddev must be .* -1.0",
        ),
        (
            lambda: K.random_uniform((2,), 1.0, 0.0),
            ValueError,
            "maxval must not be below.*minval 1.0",
        ),
        (lambda: K.random_normal((2,), dtype="int32"), ValueError, "unknown dtype 'int32'"),
        (lambda: K.random_normal((2,), dtype="flaot"), TypeError, "NumPy knows. Received: 'flaot'"),
        (lambda: K.random_normal("22"), TypeError, "tuple of whole numbers. Received: shape='22'"),
        (lambda: K.random_normal((2.0,)), TypeError, r"at least 0. Received: shape=\(2.0,\)"),
        (lambda: K.random_normal((2,), seed="1"), TypeError, "must be None, an int.*'1'"),
        (lambda: K.constant("a"), TypeError, "a number or an array of numbers. Received: 'a'"),
        (lambda: K.constant([1, 2], shape=(3,)), ValueError, r"\(2,\) cannot be broadcast"),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
