"""Processes: the environment, fewer cores, forks, spawned workers, the end of the interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[3]
#: A process that hangs is ended after so many seconds.
PATIENCE = 30

DRAWING = """
import hashlib, os, sys, threading, time
import numpy as np
from threadpoolctl import ThreadpoolController, threadpool_limits
from lookslinear.laws import FAMILIES, dense_law
from lookslinear.sampling import draw, haar_frame, num_threads

LAWS = [
    *(dense_law(600, 500, family, 0.5) for family in FAMILIES),
    dense_law(600, 500, "normal", 0.5, sparsity=0.3, mirror=True, dtype="float64"),
    dense_law(300, 200, "haar", 0.5, dtype="float16"),
]

def digest(threads=None):
    drawn = b"".join(draw(law, 7, threads=threads).tobytes() for law in LAWS)
    return hashlib.sha256(drawn).hexdigest()

def blas_threads():
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    return sorted({library.num_threads for library in libraries})

def of_child(work):
    # What a forked child prints, or an error if it hangs.
    sys.stdout.flush()
    if not (child := os.fork()):
        try:
            work()
            sys.stdout.flush()
        finally:
            os._exit(0)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    print("the child hangs")

"""


def lines_of(script, **environment):
    """What a fresh interpreter prints that runs a script."""
    unset = ("LOOKSLINEAR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DRAWING + script],
        cwd=HOUSE,
        env=kept | {"PYTHONPATH": str(HOUSE)} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.split("\n")[:-1]


@pytest.fixture(scope="module")
def expected():
    """The digest of all draws on one thread."""
    return lines_of("print(digest(threads=1))")[0]


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


@pytest.mark.parametrize(
    "variable", ["LOOKSLINEAR_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
)
@pytest.mark.parametrize("count", ["1", "2", "8"])
def test_variables_change_the_threads_and_no_bit(variable, count, expected):
    found = lines_of("print(num_threads(), digest())", **{variable: count})
    threads, digest = found[0].split()
    assert digest == expected
    assert threads == count or variable == "OPENBLAS_NUM_THREADS"


@pytest.mark.parametrize("count", [1, 2, 8])
def test_limits_of_the_blas_change_no_bit(count, expected):
    # In a process of its own: OpenBLAS may crash on more threads than the machine has cores.
    script = f"""
with threadpool_limits({count}, user_api="blas"):
    print(digest(threads=1), digest(threads=2), blas_threads())
"""
    assert lines_of(script) == [f"{expected} {expected} [{count}]"]


def test_garbage_in_a_variable_changes_nothing(expected):
    found = lines_of("print(digest())", LOOKSLINEAR_NUM_THREADS="", OMP_NUM_THREADS="0")
    assert found == [expected]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen")
def test_fewer_cores_are_seen_and_change_no_bit(expected):
    found = lines_of(
        "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); print(num_threads(), digest())"
    )
    assert found == [f"1 {expected}"]


# Forks


@needs_fork
def test_a_forked_child_draws_the_same_on_threads_of_its_own(expected):
    script = """
print(digest(threads=2))  # now there is a pool
of_child(lambda: print(digest(threads=2)))
print(digest(threads=2))
"""
    assert lines_of(script) == [expected] * 3


@needs_fork
def test_a_forked_child_has_helpers_again():
    script = """
from lookslinear.sampling.threads import run_blocks
meeting = threading.Barrier(2, timeout=10)
run_blocks(lambda index: meeting.wait(), 2, threads=2)
of_child(lambda: print(run_blocks(lambda index: meeting.wait(), 2, threads=2)))
"""
    assert lines_of(script) == ["None"]


@needs_fork
def test_a_pool_of_forked_processes_draws_the_same(expected):
    script = """
import multiprocessing
digest(threads=2)
with multiprocessing.get_context("fork").Pool(2) as pool:
    for found in pool.map_async(digest, [1, 2, 8, None]).get(40):
        print(found)
"""
    assert lines_of(script) == [expected] * 4


@needs_fork
def test_a_child_forked_while_frames_are_drawn_works_and_its_blas_is_free(expected):
    script = """
stop = threading.Event()
def draw_on():
    while not stop.is_set():
        haar_frame(600, 600, np.random.default_rng(0), threads=2)
with threadpool_limits(2, user_api="blas"):
    other = threading.Thread(target=draw_on)
    other.start()
    for attempt in range(5):
        time.sleep(0.02)
        of_child(lambda: print(digest(threads=2), blas_threads()))
    stop.set()
    other.join()
"""
    assert lines_of(script) == [f"{expected} [2]"] * 5


@needs_fork
def test_a_child_forked_inside_one_thread_has_its_blas_free_again():
    script = """
from lookslinear.sampling.blas import on_one_thread
entered, stop = threading.Event(), threading.Event()
def stay():
    entered.set()
    stop.wait(30)
with threadpool_limits(2, user_api="blas"):
    other = threading.Thread(target=on_one_thread, args=[stay])
    other.start()
    entered.wait(30)
    of_child(lambda: print(blas_threads()))
    stop.set()
    other.join()
    print(blas_threads())
"""
    assert lines_of(script) == ["[2]", "[2]"]


@needs_fork
def test_a_child_of_a_fork_forks_and_draws_too(expected):
    script = """
digest(threads=2)
of_child(lambda: (digest(threads=2), of_child(lambda: print(digest(threads=2)))))
"""
    assert lines_of(script) == [expected]


# Spawned workers, and the end


def test_spawned_workers_draw_the_same():
    script = """
from concurrent.futures import ProcessPoolExecutor
import multiprocessing
law = dense_law(600, 500, "haar", 0.5)
if __name__ == "__main__":
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        drawn = [pool.submit(draw, law, 1, threads) for threads in (1, 2, 8)]
        own = draw(law, 1)
        for one in drawn:
            print((one.result(40) == own).all())
"""
    assert lines_of(script) == ["True"] * 3


@pytest.mark.parametrize("before", ["", "digest(threads=2)"])
def test_draws_at_the_end_of_the_interpreter_work(before, expected):
    script = f"""
import atexit
{before}
atexit.register(lambda: print(digest(threads=2)))
"""
    assert lines_of(script) == [expected]


def test_a_thread_that_outlives_the_main_one_draws_on(expected):
    script = """
def later():
    time.sleep(0.3)
    print(digest(threads=2))
threading.Thread(target=later).start()
"""
    assert lines_of(script) == [expected]


def test_interrupts_end_a_draw_and_leave_blas_and_cores_as_they_were(expected):
    """At hundreds of moments, most of them on the way into or out of what a draw sets."""
    script = """
import random, signal
law, cores = dense_law(1200, 1200, "normal", 1.0), os.sched_getaffinity(0)
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
states, moments = set(), random.Random(3)
def until_interrupted(work):
    try:
        signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-4, 8e-3))
        while True:
            work()
    except KeyboardInterrupt:  # its traceback is alive, as in a notebook
        # A helper whose result was no longer waited for ends its block.
        deadline = time.monotonic() + 2
        while blas_threads() != [2] and time.monotonic() < deadline:
            time.sleep(0.01)
        states.add((tuple(blas_threads()), os.sched_getaffinity(0) == cores))
with threadpool_limits(2, user_api="blas"):
    for _ in range(150):
        until_interrupted(lambda: haar_frame(70, 70, np.random.default_rng(0), threads=2))
        until_interrupted(lambda: haar_frame(500, 500, np.random.default_rng(0), threads=2))
        until_interrupted(lambda: draw(law, 1, threads=2))
print(states)
print(digest(threads=2))
"""
    assert lines_of(script) == ["{((2,), True)}", expected]
