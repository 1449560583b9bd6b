"""Functions that threads call at once: each its own results, which later calls leave alone."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from utilityFunctions import T
from experiments.probes.perThread import PerThread


@pytest.fixture(scope="module")
def function():
    """x, y -> x @ y, 2 x; products refuse what does not fit."""
    x, y = T.fmatrices("x", "y")
    return PerThread([x, y], [T.dot(x, y), 2 * x])


def whole(*shape, seed=0):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype("float32")


def test_results_outlive_the_next_call(function):
    x, y = whole(3, 4), whole(4, 5, seed=1)
    first = function(x, y)
    function(x + 1, y)
    function(whole(7, 4, seed=2), y)
    np.testing.assert_array_equal(first[0], x @ y)
    np.testing.assert_array_equal(first[1], 2 * x)


def test_what_it_was_given_is_let_go_of(function):
    x, y = whole(3, 4), whole(4, 5, seed=1)
    before = sys.getrefcount(x)
    results = function(x, y)
    assert sys.getrefcount(x) == before
    fresh = [np.empty(1)]
    assert [sys.getrefcount(results[i]) for i in (0, 1)] == 2 * [sys.getrefcount(fresh[0])]


def test_an_error_leaves_the_next_call_as_it_is(function):
    x, y = whole(3, 4), whole(4, 5, seed=1)
    before = sys.getrefcount(x)
    with pytest.raises(ValueError, match=r"(?i)shape|dimension|size"):
        function(x, whole(3, 5))
    assert sys.getrefcount(x) == before
    np.testing.assert_array_equal(function(x, y)[0], x @ y)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_arguments_is_refused(function, count):
    with pytest.raises(ValueError, match="zip"):
        function(*count * [whole(4, 4)])
    np.testing.assert_array_equal(function(whole(4, 4), whole(4, 4))[1], 2 * whole(4, 4))


def test_threads_call_it_at_once(function):
    """None of them gets what another one computes."""
    meeting = threading.Barrier(3, timeout=60)

    def caller(seed):
        function(whole(2, 2), whole(2, 2))  # compiles
        meeting.wait()
        wrong = []
        for i in range(50):
            x, y = whole(40, 30, seed=seed + i), whole(30, 20, seed=seed)
            product, twice = function(x, y)
            wrong += [i] if (product != x @ y).any() or (twice != 2 * x).any() else []
        return wrong

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(caller, (0, 100, 200))) == 3 * [[]]
