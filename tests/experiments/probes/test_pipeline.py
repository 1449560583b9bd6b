"""Steps of a batch's parts: their order, errors and interrupts at any moment, and nobody hangs."""

import functools
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from experiments.probes import pipeline
from experiments.probes.pipeline import runSteps
from lookslinear.sampling import threads

HOUSE = Path(__file__).resolve().parents[3]
#: Who waits for so many seconds hangs.
PATIENCE = 30


def watched(work):
    """What work() returns or raises, unless it hangs."""
    outcome = []

    def run():
        try:
            outcome.append((work(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert outcome, "it hangs"
    ((found, error),) = outcome
    if error:
        raise error
    return found


def meanwhile():
    """Let other threads run."""
    time.sleep(1e-4)


class Recorded:
    """Steps that write down what is done when, and check that nobody else is at the part."""

    def __init__(self, steps, parts):
        self.steps, self.parts = steps, [[number] for number in range(parts)]
        self.prepared, self.done, self.threads = [], [[] for _ in range(parts)], set()
        self.working, self.most = set(), 0

    def prepare(self, step):
        self.prepared.append(step)
        own = threading.get_ident()

        def act(part):
            assert threading.get_ident() == own, "a step is done by the thread that prepared it"
            (number,) = part
            assert number not in self.working, "two threads are at one part"
            self.working.add(number)
            self.threads.add(own)
            self.most = max(self.most, len(self.working))
            meanwhile()
            self.done[number].append(step)
            self.working.discard(number)

        return act

    def run(self, threads):
        watched(lambda: runSteps(self.prepare, self.steps, self.parts, threads))
        return self


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("steps", [0, 1, 2, 12])
def test_each_part_goes_through_all_steps_in_their_order(threads, parts, steps):
    found = Recorded(steps, parts).run(threads)
    assert found.done == parts * [list(range(steps))]
    assert sorted(found.prepared) == list(range(steps))
    assert found.most <= min(threads, parts)
    assert len(found.threads) <= threads


def test_no_parts_take_no_time():
    assert Recorded(5, 0).run(3).done == []


def test_steps_are_done_at_the_same_time():
    """Each of three threads is at a step of its own, or none of them comes through."""
    meeting = threading.Barrier(3, timeout=PATIENCE)

    def prepare(step):
        # The last part's first step, the one before's second and the first one's third meet.
        return lambda part: meeting.wait() if step + part == 2 else None

    watched(lambda: runSteps(prepare, 3, range(3), 3))
    meeting = threading.Barrier(3, timeout=0.2)
    with pytest.raises(threading.BrokenBarrierError):
        watched(lambda: runSteps(prepare, 3, range(3), 2))


def test_a_step_is_prepared_while_another_is_done():
    drawn = threading.Event()

    def prepare(step):
        if step == 1:
            drawn.set()
        return lambda part: drawn.wait(PATIENCE) or pytest.fail("one thread waits for another")

    watched(lambda: runSteps(prepare, 2, [0], 2))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_parts_are_worked_on_in_their_own_memory(threads):
    """Not one number is lost: products of matrices that do not commute, part by part."""
    rng = np.random.default_rng(0)
    turns = rng.integers(-1, 2, (30, 3, 3))
    parts = [rng.integers(-9, 10, (3, 3)) for _ in range(5)]
    expected = [np.linalg.multi_dot([part, *turns]) for part in parts]
    given = [part.copy() for part in parts]

    def prepare(step):
        def act(part):
            part[:] = part @ turns[step]

        return act

    watched(lambda: runSteps(prepare, 30, given, threads))
    np.testing.assert_array_equal(given, expected)


def test_what_a_step_needed_is_let_go_of():
    kept = []

    class Weight:
        pass

    def prepare(step):
        weight = Weight()
        kept.append(weakref.ref(weight))
        return lambda part, weight=weight: meanwhile()

    watched(lambda: runSteps(prepare, 20, range(3), 3))
    gc.collect()
    assert len(kept) == 20
    assert [one for one in kept if one()] == []


# Errors


def failing(found, badStep, badPart, error):
    """Steps that fail at one: while it is prepared, if no part is bad."""

    def prepare(step):
        if badPart is None and step == badStep:
            raise error("bad step")
        act = found.prepare(step)

        def orFail(part):
            if (step, part[0]) == (badStep, badPart):
                raise error("bad step")
            act(part)

        return orFail

    return prepare


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("badPart", [None, 0, 2])
@pytest.mark.parametrize("badStep", [0, 1, 17, 39])
def test_an_error_in_any_step_is_raised_and_ends_the_others(error, threads, badPart, badStep):
    found = Recorded(40, 3)
    prepare = failing(found, badStep, badPart, error)
    with pytest.raises(error, match="bad step"):
        watched(lambda: runSteps(prepare, 40, found.parts, threads))
    before = [list(done) for done in found.done], list(found.prepared)
    # Each part has been through the first steps and no other, none beyond the bad one.
    first = 0 if badPart is None else badPart
    assert all(done == list(range(len(done))) for done in found.done)
    assert all(len(done) <= badStep for done in found.done[first:])
    # Others may have taken the next steps before, but take no other one afterwards.
    assert len(found.prepared) <= badStep + 1 + threads
    meanwhile()
    assert (found.done, found.prepared) == before  # all have let go
    assert Recorded(9, 3).run(threads).done == 3 * [list(range(9))]


@pytest.mark.parametrize("helperFails", [False, True])
def test_nobody_waits_for_a_step_that_has_failed(helperFails):
    """The first step of one of two threads fails while the other one waits for it."""
    caller, prepared, arrived = [], [], {True: threading.Event(), False: threading.Event()}

    def fail(part):
        time.sleep(0.02)
        raise OSError("in a thread")

    def prepare(step):
        prepared.append(step)
        isHelper = threading.get_ident() != caller[0]
        arrived[isHelper].set()
        assert arrived[not isHelper].wait(PATIENCE)
        return fail if isHelper == helperFails else lambda part: None

    def run():
        caller.append(threading.get_ident())
        runSteps(prepare, 200, [0, 1], 2)

    with pytest.raises(OSError, match="in a thread"):
        watched(run)
    # Either is at the first two; the one that does not fail may have taken a third.
    assert len(prepared) <= 3


# Interrupts

#: What takes steps, and waits for others.
FILES = {pipeline.__file__, threads.__file__}


def interruptedAt(moment, work):
    """Interrupt work() when so many functions were entered or left in the files; whether it was."""
    left = [moment]

    def interrupt(frame, event, _):
        if event in ("call", "c_return") and frame.f_code.co_filename in FILES:
            left[0] -= 1
            if not left[0]:
                sys.setprofile(None)
                time.sleep(2e-3)  # others take what is next meanwhile, and wait for the caller
                raise KeyboardInterrupt

    sys.setprofile(interrupt)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(None)
    return False


def test_an_interrupt_on_the_way_to_any_step_leaves_nobody_waiting():
    """One by one where Python looks for signals: as functions begin, and those of C have ended."""
    moments = 0

    def isInterrupted():
        found = Recorded(4, 2)
        work = functools.partial(runSteps, found.prepare, 4, found.parts, 2)
        wasInterrupted = interruptedAt(moments + 1, work)
        before = [list(done) for done in found.done]
        meanwhile()
        assert found.done == before
        return wasInterrupted

    while watched(isInterrupted):
        moments += 1
    assert moments > 60
    assert Recorded(9, 3).run(2).done == 3 * [list(range(9))]


INTERRUPTED = """
import random, signal, threading, time
from experiments.probes.pipeline import runSteps

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
moments, helping, caller = random.Random(5), set(), threading.get_ident()

def prepare(step):
    def act(part):
        isHelper = threading.get_ident() != caller
        if isHelper:
            helping.add((step, part[0]))
        sum(range(300))
        part.append(step)
        if isHelper:
            helping.remove((step, part[0]))
    return act

def run(threads, parts, steps=30):
    made = [[number] for number in range(parts)]
    runSteps(prepare, steps, made, threads)
    assert made == [[number, *range(steps)] for number in range(parts)], made

longest = 0
for attempt in range(COUNT):
    threads, parts = moments.choice([1, 2, 3, 5]), moments.choice([1, 2, 4])
    moment = moments.uniform(5e-5, 4e-3)
    begun = time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, moment)
        while True:
            run(threads, parts)
    except KeyboardInterrupt:
        assert not helping, "a helper is still at a part"
    longest = max(longest, time.monotonic() - begun)
    run(threads, parts)
print(longest < 10)
"""


def test_interrupts_at_hundreds_of_moments_end_the_steps_and_the_next_ones_work():
    """An interrupt in the main thread, wherever it is: at a step, waiting for one, on the way."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", INTERRUPTED.replace("COUNT", "250")],
        cwd=HOUSE,
        env=os.environ | {"PYTHONPATH": str(HOUSE)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
