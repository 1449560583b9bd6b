"""Weights of a network: the law's own draws in any order of use, in memory that is used again."""

import numpy as np
import pytest

from experiments.probes import Weights, weights
from lookslinear.laws import dense_law
from lookslinear.sampling import child_seed, draw
from lookslinear.theory import Stage

SEED = 4
BYTES = 32 * 32 * 4
LAWS = [dense_law(20, 32, "normal", 1.0)] + 39 * [dense_law(32, 32, "normal", 1.0)]
STAGES = [Stage(law) for law in LAWS]
THERE_AND_BACK = [*range(40), *range(39, 0, -1)]
SEGMENTS = [*range(40), *range(30, 40), *range(39, 20, -1), *range(5, 15), 5, 30]


@pytest.fixture(params=["together", "alone"])
def large(request, monkeypatch):
    """Whether neighbours are drawn together, as large ones are."""
    together = request.param == "together"
    monkeypatch.setattr(weights, "SHARED_BYTES", 0 if together else 2**62)
    return together


@pytest.mark.parametrize("memory", [0, BYTES, 5 * BYTES, 13 * BYTES, 2**30])
@pytest.mark.parametrize("order", [THERE_AND_BACK, SEGMENTS], ids=["back", "segments"])
@pytest.mark.usefixtures("large")
def test_each_is_its_draw(order, memory):
    expected = [draw(law, child_seed(SEED, l)).tobytes() for l, law in enumerate(LAWS)]
    found = Weights(STAGES, SEED, memory)
    assert all(found[l].tobytes() == expected[l] for l in order)


def test_memory_is_kept_to_and_used_again(monkeypatch, large):
    rooms = []

    def noted(law, rng, threads, out):
        rooms.append(out is not None)
        return draw(law, rng, threads, out=out)

    monkeypatch.setattr(weights, "draw", noted)
    found = Weights(40 * STAGES[1:2], SEED, memory=9 * BYTES)
    for l in THERE_AND_BACK:
        assert found[l] is found[l]
        assert found._taken == sum(weight.nbytes for weight in found._drawn.values()) <= 9 * BYTES
    assert rooms.count(False) == 9  # then each has the room of an earlier one
    # On the way back the last nine are still there, of which a run of three may have to make room.
    assert 40 + 39 - 9 <= len(rooms) <= 40 + 39 - (6 if large else 9)


def test_room_of_another_shape_is_given_up():
    found = Weights(STAGES, SEED, memory=0)
    first, second = found[0], found[1]
    assert not np.may_share_memory(first, second)
    assert np.may_share_memory(second, found[2])


@pytest.mark.parametrize("seed", [None, np.random.default_rng(1)], ids=["none", "generator"])
def test_seeds_that_move_on_give_the_same_weights_again(seed):
    found = Weights(STAGES, seed, memory=0)
    first, other, again = (found[l].copy() for l in (3, 4, 3))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
