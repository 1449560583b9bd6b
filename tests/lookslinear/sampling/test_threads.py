"""Threads: how many, each block once, errors that leave nothing behind, many callers at once."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lookslinear.laws import FAMILIES, dense_law, entries_law
from lookslinear.sampling import draw, entries, helpers, num_threads, set_num_threads, threads
from lookslinear.sampling.threads import run_blocks, usable_cores

PATIENCE = 30


# How many


@pytest.fixture
def environment(monkeypatch):
    """Sets the variables that count; without one it is not there."""

    def set_variables(**values):
        for variable in threads.VARIABLES:
            monkeypatch.delenv(variable, raising=False)
        for variable, value in values.items():
            monkeypatch.setenv(variable, value)

    set_variables()
    return set_variables


def test_the_setting_goes_before_the_environment_and_that_before_the_cores(environment):
    assert num_threads() == usable_cores()
    environment(OMP_NUM_THREADS="5")
    assert num_threads() == 5
    environment(OMP_NUM_THREADS="5", LOOKSLINEAR_NUM_THREADS="3")
    assert num_threads() == 3
    set_num_threads(7)
    try:
        assert num_threads() == 7
    finally:
        set_num_threads(None)
    assert num_threads() == 3


def test_openmps_lists_of_levels_are_read(environment):
    for value in ("4,2", " 4 ", "4 , 2,1"):
        environment(OMP_NUM_THREADS=value)
        assert num_threads() == 4


@pytest.mark.parametrize("garbage", ["", "abc", "0", "-1", "2.5", "1e3", ",4", "true"])
def test_other_libraries_variables_that_are_no_number_are_passed_over(garbage, environment):
    environment(OMP_NUM_THREADS=garbage)
    assert num_threads() == usable_cores()
    environment(OMP_NUM_THREADS=garbage, LOOKSLINEAR_NUM_THREADS="6")
    assert num_threads() == 6


@pytest.mark.parametrize("garbage", ["abc", "0", "-1", "2.5", "1e3", "true"])
def test_our_variable_must_be_a_number_of_threads(garbage, environment):
    environment(LOOKSLINEAR_NUM_THREADS=garbage, OMP_NUM_THREADS="6")
    message = f"LOOKSLINEAR_NUM_THREADS must be a whole number above 0. Received: '{garbage}'."
    with pytest.raises(ValueError, match=message):
        num_threads()


def test_a_huge_number_of_threads_starts_no_more_than_there_are_blocks(environment):
    environment(LOOKSLINEAR_NUM_THREADS="1000000")
    before = threading.active_count()
    run_blocks(lambda index: None, 5)
    assert threading.active_count() <= before + 4


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("1000 100000", 1), ("", 8)],
)
def test_the_quota_of_a_control_group_limits_the_cores(quota, cores, monkeypatch, tmp_path):
    (tmp_path / "cpu.max").write_text(quota, encoding="ascii")
    monkeypatch.setattr(threads, "Path", lambda name: tmp_path / "cpu.max")
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    threads._quota.cache_clear()
    try:
        assert usable_cores() == cores
    finally:
        threads._quota.cache_clear()


# Each block once


@pytest.mark.parametrize("count", [0, 1, 2, 7, 500])
@pytest.mark.parametrize("most", [1, 2, 8, None])
def test_each_block_is_worked_on_once(count, most):
    done = []
    run_blocks(done.append, count, most)
    assert sorted(done) == list(range(count))


def test_no_more_threads_work_than_are_allowed():
    for most in (1, 2, 3):
        working, seen = set(), set()

        def work(index, working=working, seen=seen):
            working.add(threading.get_ident())
            seen.add(len(working))
            threading.Event().wait(0.001)
            working.discard(threading.get_ident())

        run_blocks(work, 50, most)
        assert max(seen) <= most


def test_several_threads_do_work_and_the_callers_own_among_them():
    meeting = threading.Barrier(3, timeout=PATIENCE)
    workers = set()

    def work(index):
        workers.add(threading.get_ident())
        meeting.wait()  # until three threads are here

    run_blocks(work, 3, threads=3)
    assert len(workers) == 3
    assert threading.get_ident() in workers


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="threads are kept to cores where there are several, on Linux",
)
def test_threads_are_kept_to_cores_of_their_own():
    usable = os.sched_getaffinity(0)
    for turn in range(4):
        meeting, found = threading.Barrier(2, timeout=PATIENCE), {}

        def work(index, meeting=meeting, found=found):
            found[threading.get_ident()] = os.sched_getaffinity(0)
            meeting.wait()  # until both are here

        run_blocks(work, 2, threads=2)
        caller = found.pop(threading.get_ident())
        (helper,) = found.values()
        assert len(caller) == 1
        if turn:  # a new helper is kept from its second task on
            assert (caller | helper, caller & helper) == (usable, set())
        assert os.sched_getaffinity(0) == usable


# Errors


def failing_at(bad, error, done):
    def work(index):
        if index == bad:
            raise error(f"block {index}")
        done.append(index)

    return work


@pytest.mark.parametrize("error", [ValueError, MemoryError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("most", [1, 2, 8])
@pytest.mark.parametrize("bad", [0, 3, 19])
def test_an_error_in_any_block_is_raised_and_the_pool_stays_usable(bad, most, error):
    done = []
    with pytest.raises(error, match=f"block {bad}"):
        run_blocks(failing_at(bad, error, done), 20, most)
    after = list(done)
    assert len(after) < 20
    again = []
    run_blocks(again.append, 20, most)
    assert sorted(again) == list(range(20))
    assert done == after  # nobody works on when the error has been raised


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_in_the_caller_waits_for_the_helpers(error):
    caller, entered, finished = threading.get_ident(), threading.Event(), []

    def work(index):
        if threading.get_ident() == caller:
            assert entered.wait(PATIENCE)
            raise error
        entered.set()
        threading.Event().wait(0.05)
        finished.append(index)

    with pytest.raises(error):
        run_blocks(work, 50, threads=2)
    assert len(finished) == 1  # the helper's block was ended, and no other one begun
    threading.Event().wait(0.1)
    assert len(finished) == 1


def test_an_error_in_a_helper_is_raised_after_the_caller_is_done():
    caller, failed = threading.get_ident(), threading.Event()

    def work(index):
        if threading.get_ident() != caller:
            failed.set()
            raise OSError("in a helper")
        assert failed.wait(PATIENCE)

    with pytest.raises(OSError, match="in a helper"):
        run_blocks(work, 10, threads=2)


class Waiting:
    """Blocks of which the later ones wait for the first, which fails, and what lets them go on."""

    def __init__(self, caller_fails):
        self.caller, self.caller_fails = threading.get_ident(), caller_fails
        self.here, self.stopped, self.stops = threading.Event(), threading.Event(), []

    def work(self, index):
        if (threading.get_ident() == self.caller) == self.caller_fails:
            assert self.here.wait(PATIENCE)
            raise OSError("a block")
        self.here.set()
        assert self.stopped.wait(PATIENCE), "nobody says that it is over"

    def stop(self):
        self.stops.append(threading.get_ident())
        self.stopped.set()


def test_blocks_that_wait_for_one_that_failed_are_told_to_stop():
    blocks = Waiting(caller_fails=True)
    with pytest.raises(OSError, match="a block"):
        run_blocks(blocks.work, 50, 2, stop=blocks.stop)
    assert set(blocks.stops) == {blocks.caller}


def test_nobody_is_told_to_stop_where_the_caller_comes_to_its_end():
    """A helper that fails tells the others itself: the caller cannot look at it meanwhile."""
    stops = []
    run_blocks(lambda index: None, 20, 2, stop=lambda: stops.append(1))
    assert stops == []
    blocks = Waiting(caller_fails=False)

    def work(index):
        try:
            blocks.work(index)
        except OSError:
            blocks.stopped.set()
            raise

    with pytest.raises(OSError, match="a block"):
        run_blocks(work, 50, 2, stop=blocks.stop)
    assert blocks.stops == []


def test_an_interrupt_while_helpers_are_waited_for_tells_them_to_stop(monkeypatch):
    blocks, end, ends = Waiting(caller_fails=True), helpers.Task.end, []

    def interrupted(task):
        ends.append(task)
        if len(ends) == 1:
            raise KeyboardInterrupt
        return end(task)

    def work(index):
        if threading.get_ident() == blocks.caller:
            assert blocks.here.wait(PATIENCE)
        else:
            blocks.work(index)

    monkeypatch.setattr(helpers.Task, "end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_blocks(work, 50, 2, stop=blocks.stop)
    assert set(blocks.stops) == {blocks.caller}
    assert len(ends) == 2


def threads_that_start(monkeypatch, most):
    """No idle helpers, and so many that can be started: as at a limit of threads."""
    start, left = helpers._thread.start_new_thread, [None] * most

    def limited(*arguments):
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        return start(*arguments)

    monkeypatch.setattr(helpers, "_helpers", [])
    monkeypatch.setattr(helpers._thread, "start_new_thread", limited)


def test_helpers_that_have_begun_are_waited_for_when_no_more_can_start(monkeypatch):
    caller, entered, finished = threading.get_ident(), threading.Event(), []

    def work(index):
        if threading.get_ident() != caller:
            entered.set()
            threading.Event().wait(0.1)
        else:
            entered.wait(1)
        finished.append(index)

    threads_that_start(monkeypatch, 1)
    run_blocks(work, 6, threads=4)
    assert sorted(finished) == list(range(6))


def test_where_no_thread_starts_the_caller_does_the_work(monkeypatch):
    threads_that_start(monkeypatch, 0)
    done = []
    run_blocks(done.append, 10, threads=4)
    assert done == list(range(10))


def test_a_draw_that_fails_leaves_the_next_one_as_it_is(monkeypatch):
    law = entries_law((500_000,), "normal", 1.0)
    expected = draw(law, 1)
    with monkeypatch.context() as patch:
        patch.setattr(entries, "_fill_piece", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            draw(law, 1, threads=2)
    assert (draw(law, 1, threads=2) == expected).all()


# Many callers


def test_blocks_that_cut_their_work_into_blocks_come_to_an_end():
    done = []

    def outer(index):
        run_blocks(lambda inner: done.append((index, inner)), 5, threads=4)

    run_blocks(outer, 8, threads=8)
    assert sorted(done) == list(itertools.product(range(8), range(5)))


LAWS = [
    *(dense_law(500, 600, family, 0.5) for family in FAMILIES),
    dense_law(100, 200, "haar", 0.5, dtype="float64"),
    dense_law(500, 600, "normal", 0.5, sparsity=0.5, mirror=True),
    dense_law(500, 600, "normal", 0.5, mirror=0.5),
]


@pytest.mark.parametrize("blas", [1, 2])
def test_eight_callers_at_once_draw_what_each_would_alone(blas):
    jobs = [(law, seed) for seed in range(4) for law in LAWS]
    alone = [draw(law, seed, threads=1).tobytes() for law, seed in jobs]
    start = threading.Barrier(8, timeout=PATIENCE)

    def caller(number):
        start.wait()
        own = jobs[number:] + jobs[:number]
        return [draw(law, seed, threads=2).tobytes() for law, seed in own]

    with threadpool_limits(blas, user_api="blas"), ThreadPoolExecutor(8) as pool:
        for number, found in enumerate(pool.map(caller, range(8))):
            expected = alone[number:] + alone[:number]
            # Not the bytes themselves: to show how megabytes differ takes pytest minutes.
            wrong = [i for i, bits in enumerate(found) if bits != expected[i]]
            assert wrong == []


def test_a_second_thread_draws_the_same_frames_with_a_blas_of_two_threads():
    laws = [dense_law(side, side, "haar", 0.5) for side in (100, 350, 390, 450)]
    with threadpool_limits(2, user_api="blas"):
        first = [draw(law, 1).tobytes() for law in laws]
        with ThreadPoolExecutor(1) as pool:
            second = [pool.submit(draw, law, 1).result().tobytes() for law in laws]
    assert first == second


def test_one_callers_generator_moves_as_alone():
    rng, law = np.random.default_rng(3), dense_law(500, 600, "normal", 0.5)
    alone = [draw(law, rng, threads=1).tobytes() for _ in range(4)]
    rng = np.random.default_rng(3)
    assert [draw(law, rng, threads=4).tobytes() for _ in range(4)] == alone


def test_helpers_are_few_and_used_again():
    run_blocks(lambda index: threading.Event().wait(0.01), 8, threads=4)
    before = len(helpers._helpers)
    for _ in range(20):
        run_blocks(lambda index: None, 8, threads=4)
    assert len(helpers._helpers) == before
