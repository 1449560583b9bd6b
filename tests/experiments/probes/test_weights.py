"""Weights that are lent: the law's own draws, whoever draws them, in memory that is reused."""

import itertools
import threading
import time

import numpy as np
import pytest

from experiments.probes import Weights, weights
from lookslinear.laws import dense_law
from lookslinear.sampling import child_seed, draw
from lookslinear.sampling.threads import run_blocks
from lookslinear.theory import Stage

SEED = 4
BYTES = 32 * 32 * 4
LAWS = [dense_law(20, 32, "normal", 1.0)] + 39 * [dense_law(32, 32, "normal", 1.0)]
STAGES = [Stage(law) for law in LAWS]
THERE_AND_BACK = [*range(40), *range(39, 0, -1)]
SEGMENTS = [*range(40), *range(30, 40), *range(39, 20, -1), *range(5, 15), 5, 30]


def drawn():
    return [draw(law, child_seed(SEED, l)) for l, law in enumerate(LAWS)]


def lentTo(users, order, memory, pause=lambda: None):
    """What is wrong of what is lent, at the beginning or at the end of its use."""
    lender, expected, wrong = Weights(STAGES, SEED, users, memory), drawn(), []

    def use(l, weight):
        for _ in range(2):
            if weight.tobytes() != expected[l].tobytes():
                wrong.append(l)
            pause()

    def through(_):
        for l in order:
            lender.lend(l, lambda weight, l=l: use(l, weight))

    run_blocks(through, users, users)
    return wrong


@pytest.mark.parametrize("memory", [0, BYTES, 5 * BYTES, 13 * BYTES, 2**30])
@pytest.mark.parametrize("users", [1, 2, 3])
@pytest.mark.parametrize("order", [THERE_AND_BACK, SEGMENTS], ids=["back", "segments"])
def test_each_is_its_draw_as_long_as_it_is_used(users, order, memory):
    # Threads take turns while a weight is in use: each is slow, in its own way.
    moments = itertools.cycle([0, 0, 1e-5, 0, 1e-4])
    assert lentTo(users, order, memory, lambda: time.sleep(next(moments))) == []


def usedBesideOthers():
    """What has become of a weight after others were lent during its use, without memory for two."""
    lender = Weights(STAGES, SEED, memory=0)

    def use(weight):
        for l in (2, 3, 4):
            lender.lend(l, np.copy)
        return weight.copy()

    return lender.lend(1, use)


def test_what_is_in_use_stays_whatever_memory_there_is(monkeypatch):
    np.testing.assert_array_equal(usedBesideOthers(), drawn()[1])
    # Mutant: the room of the oldest weight serves the next one, in use or not.
    monkeypatch.setattr(Weights, "_unused", lambda lender: next(iter(lender._drawn), None))
    assert (usedBesideOthers() != drawn()[1]).any()


def test_large_neighbours_are_drawn_together(monkeypatch):
    monkeypatch.setattr(weights, "SHARED_BYTES", 0)
    assert lentTo(1, THERE_AND_BACK, 30 * BYTES) == []


@pytest.mark.parametrize("users", [1, 2])
def test_memory_is_kept_to_and_used_again(monkeypatch, users):
    rooms = []

    def noted(law, rng, threads, out):
        rooms.append(out is not None)
        return draw(law, rng, threads, out=out)

    monkeypatch.setattr(weights, "draw", noted)
    lender = Weights(40 * STAGES[1:2], SEED, users, memory=9 * BYTES)

    def through(_):
        for l in THERE_AND_BACK:
            lender.lend(l, lambda weight: None)
            assert lender._taken <= 9 * BYTES

    run_blocks(through, users, users)
    assert rooms.count(False) == 9  # then each has the room of an earlier one
    assert len(rooms) >= 40 + 39 - 10
    assert lender._taken == sum(weight.nbytes for weight in lender._drawn.values())


@pytest.mark.parametrize("seed", [None, np.random.default_rng(1)], ids=["none", "generator"])
def test_seeds_that_move_on_give_the_same_weights_again(seed):
    lender = Weights(STAGES, seed, memory=0)
    first, again = (lender.lend(3, np.copy) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (lender.lend(4, np.copy) != first).any()


def test_an_error_reaches_the_caller_and_leaves_nobody_waiting(monkeypatch):
    def failing(law, rng, threads, out):
        if rng.spawn_key[-1] == 7 and threading.current_thread() is threading.main_thread():
            raise MemoryError("no room")
        return draw(law, rng, threads, out=out)

    monkeypatch.setattr(weights, "draw", failing)
    lender, passed = Weights(STAGES, SEED, users=2, memory=2**30), []
    lender._draw(6)

    def through(l):
        lender.lend(7, passed.append)

    with pytest.raises(MemoryError, match="no room"):
        through(0)
    other = threading.Thread(target=through, args=(1,))
    other.start()
    other.join(timeout=60)
    np.testing.assert_array_equal(passed, [drawn()[7]])


def test_an_error_of_the_use_gives_the_weight_back():
    lender = Weights(STAGES, SEED, memory=0)
    with pytest.raises(ZeroDivisionError):
        lender.lend(2, lambda weight: 1 / 0)
    assert lender._holders == [0] * 40
