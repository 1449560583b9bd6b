"""BLAS in place: parts of arrays in either order, as NumPy multiplies them, and its one thread."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from lookslinear.laws import dense_law
from lookslinear.sampling import blas, draw_factored, haar_frame
from lookslinear.sampling.blas import add_product, invert_unit_upper, on_one_thread, upper_gram

PRECISIONS = ("float32", "float64")
SIDES = st.integers(1, 9)


def part(rng, rows, columns, dtype, kind):
    """A matrix that is an array, a part of one, or a transpose, by rows or by columns."""
    whole, transposed = kind
    shape = (rows, columns) if not transposed else (columns, rows)
    top, left, bottom, right = rng.integers(0, 4, 4) if not whole else (0, 0, 0, 0)
    array = rng.standard_normal((top + shape[0] + bottom, left + shape[1] + right)).astype(dtype)
    matrix = array[top : top + shape[0], left : left + shape[1]]
    return (matrix.T if transposed else matrix), array


KINDS = st.tuples(st.booleans(), st.booleans())


@given(
    sides=st.tuples(SIDES, SIDES, SIDES),
    kinds=st.tuples(KINDS, KINDS, KINDS),
    dtype=st.sampled_from(PRECISIONS),
    factor=st.sampled_from((1.0, -1.0, 0.5)),
    keep=st.sampled_from((0, 1.0, -2.0)),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=300, deadline=None)
def test_products_are_numpys(sides, kinds, dtype, factor, keep, seed):
    rng, (m, k, n) = np.random.default_rng(seed), sides
    left, _ = part(rng, m, k, dtype, kinds[0])
    right, _ = part(rng, k, n, dtype, kinds[1])
    target, whole = part(rng, m, n, dtype, kinds[2])
    before = target.astype(float)
    expected = factor * left.astype(float) @ right.astype(float) + keep * before
    if not keep:
        target[...] = np.nan  # never read
    around = whole.copy()
    add_product(target, left, right, factor=factor, keep=keep)
    size = np.abs(left).astype(float) @ np.abs(right) + np.abs(keep * before)
    # Each entry is rounded at most k + 3 times, by half an eps of what is added up.
    allowed = (k + 3) * np.finfo(dtype).eps * size
    assert (np.abs(target - expected) <= allowed).all()
    target[...] = 0
    inside = whole == 0
    np.testing.assert_array_equal(whole[~inside], around[~inside])


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_target_of_numbers_that_are_none_is_not_read(dtype):
    for order in "CF":
        target = np.full((3, 4), np.nan, dtype, order)
        add_product(target, np.ones((3, 2), dtype), np.ones((2, 4), dtype), keep=0)
        assert (target == 2).all()


def test_a_matrix_of_neither_order_is_refused():
    with pytest.raises(AssertionError, match="by rows or by columns"):
        add_product(np.zeros((2, 2)), np.ones((4, 4))[::2, ::2], np.ones((2, 2)))


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize(("count", "length"), [(1, 1), (1, 7), (7, 1), (5, 9), (130, 300)])
def test_grams_are_numpys(count, length, dtype):
    array = np.random.default_rng(count).standard_normal((count + 4, length + 3)).astype(dtype)
    for vectors in (array[:count, :length].copy(), array[1 : count + 1, 2 : length + 2]):
        gram, wide = upper_gram(vectors), vectors.astype(float)
        assert gram.dtype == dtype
        allowed = (length + 2) * np.finfo(dtype).eps * (np.abs(wide) @ np.abs(wide.T))
        assert (np.abs(gram - np.triu(wide @ wide.T)) <= allowed).all()
        assert (np.tril(gram, -1) == 0).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("side", [1, 2, 3, 8, 64, 130])
def test_inverses_of_triangles_are_numpys(side, dtype):
    rng = np.random.default_rng(side)
    triangle = np.asfortranarray(rng.standard_normal((side, side)).astype(dtype))
    upper = np.triu(triangle, 1).astype(float) / side + np.eye(side)
    triangle[np.triu_indices(side, 1)] /= side
    before = triangle.copy()
    invert_unit_upper(triangle)
    inverse = np.triu(triangle, 1) + np.eye(side)
    assert np.abs(inverse @ upper - np.eye(side)).max() < 10 * side * np.finfo(dtype).eps
    np.testing.assert_array_equal(np.tril(triangle), np.tril(before))


# One thread


def blas_threads():
    """The threads of each BLAS that is loaded."""
    return [library.num_threads for library in blas._libraries()]


@pytest.fixture
def three_threads():
    """The BLAS on three threads, which no code here would choose."""
    with threadpool_limits(3, user_api="blas"):
        before = blas_threads()
        yield before
        assert blas_threads() == before


def threads_within():
    """What a caller of `on_one_thread` sees."""
    seen = []
    on_one_thread(lambda: seen.extend(blas_threads()))
    return seen


def test_within_it_is_one_and_afterwards_as_before(three_threads):
    seen = []

    def nested():
        seen.extend(blas_threads() + threads_within() + blas_threads())

    on_one_thread(nested)
    assert set(seen) == {1}
    assert blas_threads() == three_threads


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_within_ends_it(error, three_threads):
    def fail():
        raise error

    with pytest.raises(error):
        on_one_thread(fail)
    assert blas_threads() == three_threads


def test_callers_that_overlap_restore_the_number_of_the_first(three_threads):
    started, release = threading.Barrier(5, timeout=30), threading.Event()

    def stay():
        started.wait()
        assert release.wait(30)

    with ThreadPoolExecutor(4) as pool:
        staying = []

        def begin():
            staying.extend(pool.submit(on_one_thread, stay) for _ in range(4))
            started.wait()

        on_one_thread(begin)
        assert set(blas_threads()) == {1}  # the first one left, others stay
        release.set()
        assert [one.result() for one in staying] == [None] * 4
    assert blas_threads() == three_threads


def test_another_thread_than_the_first_has_its_one_thread_too(three_threads):
    assert set(threads_within()) == {1}
    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(threads_within).result()) == {1}
        assert pool.submit(blas_threads).result() == three_threads


def test_callers_of_many_threads_restore_what_they_found(three_threads):
    def come_and_go(_):
        return {count for _ in range(50) for count in threads_within()}

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(come_and_go, range(8))) == [{1}] * 8
    assert blas_threads() == three_threads


@pytest.mark.parametrize("step", ["enter", "leave", "lift"])
def test_an_interrupt_on_the_way_in_or_out_leaves_what_was_found(monkeypatch, three_threads, step):
    whole, calls = getattr(blas._limit, step), []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        whole(*arguments)

    monkeypatch.setattr(blas._limit, step, interrupted)
    with pytest.raises(KeyboardInterrupt):
        on_one_thread(lambda: None)
    assert blas_threads() == three_threads


def test_limits_of_the_caller_still_work_afterwards(three_threads):
    haar_frame(100, 100, np.random.default_rng(0))

    def limited():
        with threadpool_limits(2, user_api="blas"):
            return blas_threads()

    with ThreadPoolExecutor(1) as pool:
        assert set(pool.submit(limited).result()) == {2}


def test_frames_leave_the_threads_of_the_blas_as_they_were(three_threads):
    for side in (5, 500):
        haar_frame(side, side, np.random.default_rng(0), threads=2)
        assert blas_threads() == three_threads


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_frames_that_fail_leave_them_too(error, three_threads, monkeypatch):
    def fail(*args):
        raise error

    for room in ("frames", "reflections"):
        monkeypatch.setattr(f"lookslinear.sampling.{room}.draw_gaussian", fail)
    for make in (
        lambda: haar_frame(5, 5, np.random.default_rng(0), threads=2),
        lambda: haar_frame(500, 500, np.random.default_rng(0), threads=2),
        lambda: draw_factored(dense_law(500, 500, "haar", 0.1), 0),
    ):
        with pytest.raises(error):
            make()
        assert blas_threads() == three_threads
    assert not blas._limit.inside
