"""Weights of a network: the law's own draws in any order of use, in memory that is used again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from utilityFunctions import floatX, theano
from experiments.probes import Weights, weights
from experiments.probes.operations import compiles
from experiments.probes.panels import panelsOf
from experiments.probes.weights import isFactored
from lookslinear.laws import dense_law, entries_law
from lookslinear.sampling import child_seed, draw
from lookslinear.theory import Stage

SEED = 4
BYTES = 32 * 32 * 4
LAWS = [dense_law(20, 32, "normal", 1.0)] + 39 * [dense_law(32, 32, "normal", 1.0)]
STAGES = [Stage(law) for law in LAWS]
THERE_AND_BACK = [*range(40), *range(39, 0, -1)]
SEGMENTS = [*range(40), *range(30, 40), *range(39, 20, -1), *range(5, 15), 5, 30]


@pytest.fixture(params=["small", "large", "shared"])
def use(request, monkeypatch):
    """How weights are used: small or large ones by one thread, or by several."""
    monkeypatch.setattr(weights, "LARGE", 0 if request.param == "large" else 2**62)
    return request.param


def haarLaw(inputs, outputs, mirror=False, dtype="float32"):
    """The law of a frame of these sides, and of its mirror image if there is one."""
    inputs *= 2 if mirror else 1
    return dense_law(inputs, outputs, "haar", 1.0, mirror=mirror, dtype=dtype)


def expectedOf(laws):
    return [draw(law, child_seed(SEED, l)).tobytes() for l, law in enumerate(laws)]


@pytest.mark.parametrize("memory", [0, BYTES, 5 * BYTES, 13 * BYTES, 2**30])
@pytest.mark.parametrize("order", [THERE_AND_BACK, SEGMENTS], ids=["back", "segments"])
def test_each_is_its_draw(order, memory, use):
    expected = expectedOf(LAWS)
    found = Weights(STAGES, SEED, memory, shared=use == "shared")
    assert all(found[l].tobytes() == expected[l] for l in order)


@pytest.fixture
def rooms(monkeypatch):
    """Where each weight was drawn; None for new memory."""
    found = []

    def noted(*args, out=None, **kwargs):
        found.append(out)
        return draw(*args, out=out, **kwargs)

    monkeypatch.setattr(weights, "draw", noted)
    return found


def test_memory_is_kept_to_and_used_again(rooms, use):
    found = Weights(40 * STAGES[1:2], SEED, memory=9 * BYTES, shared=use == "shared")
    for l in THERE_AND_BACK:
        weight = found[l].tobytes()
        assert found._taken == sum(weight.nbytes for weight in found._kept.values()) <= 9 * BYTES
        again = found[l]
        assert again is found[l]
        assert again.tobytes() == weight
    if use == "small":  # on the way back the last nine are still there
        assert len(rooms) == 40 + 39 - 9
    else:  # all in the room of the first
        assert len({id(room) for room in rooms}) == 1
        assert rooms[0] is found[1]


@pytest.mark.parametrize("shared", [False, True])
def test_all_are_drawn_once_if_there_is_memory_for_all(rooms, shared, monkeypatch):
    monkeypatch.setattr(weights, "LARGE", 0)
    expected = expectedOf(LAWS)
    found = Weights(STAGES, SEED, memory=sum(map(len, expected)), shared=shared)
    assert [found[l].tobytes() for l in THERE_AND_BACK] == [expected[l] for l in THERE_AND_BACK]
    assert len(rooms) == 40
    one = Weights(STAGES, SEED, memory=sum(map(len, expected)) - 1, shared=shared)
    for l in (3, 4, 3):
        assert one[l].tobytes() == expected[l]
    assert len(rooms) == 43


@pytest.mark.parametrize("memory", [0, 5 * BYTES, 2**30])
def test_each_thread_has_a_room_of_its_own(memory):
    """What a thread was given stays as it is until it asks again, whatever others ask for."""
    found, expected = Weights(STAGES, SEED, memory, shared=True), expectedOf(LAWS)
    meeting = threading.Barrier(4, timeout=30)

    def caller(number):
        wrong = []
        for l in np.random.default_rng(number).permutation(40):
            weight = found[l]
            meeting.wait()  # all have theirs
            wrong += [l] if weight.tobytes() != expected[l] else []
            meeting.wait()
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(caller, range(4))) == 4 * [[]]


@pytest.mark.skipif(not compiles(), reason="panels are made in C alone")
@pytest.mark.parametrize("transposed", [False, True])
def test_panels_are_those_of_the_draw(transposed):
    laws = [LAWS[0], dense_law(128, 64, "normal", 1.0), dense_law(64, 40, "uniform", 1.0)]
    for memory in (0, 2**30):  # some are drawn in panels if they are not kept
        found = Weights(list(map(Stage, laws)), SEED, memory)
        for l in (0, 1, 2, 1):
            weight = draw(laws[l], child_seed(SEED, l)).astype(floatX())
            expected = panelsOf(weight.T if transposed else weight)
            for array, other in zip(found.panels(l, transposed), expected, strict=True):
                np.testing.assert_array_equal(array, other)


@pytest.mark.parametrize("mirror", [False, True])
def test_frames_are_those_of_the_draw(mirror):
    law = haarLaw(401, 400, mirror=mirror)
    found, x = Weights(3 * [Stage(law)], SEED), np.eye(3, law.shape[0], dtype="float32")
    for l in (2, 0, 2):
        weight = draw(law, child_seed(SEED, l))
        # A number of about gain / sqrt(400) carries 400 reflections' roundings, a random walk:
        # sqrt(400) eps of it. Five times that.
        tolerance = 5 * np.finfo("float32").eps * law.gain
        np.testing.assert_allclose(found.frame(l).times(x), weight[:3], rtol=0, atol=tolerance)


@pytest.mark.parametrize("mirror", [False, True])
def test_frames_are_factored_for_as_many_samples_as_pay(mirror):
    for inputs, outputs, most in ((400, 400, 400), (640, 390, 390), (390, 640, 390)):
        law = haarLaw(inputs, outputs, mirror=mirror)
        with theano.config.change_flags(floatX="float32"):
            assert [isFactored(law, n) for n in (1, most, most + 1)] == [True, True, False]


def test_only_what_draw_makes_of_reflections_is_factored():
    with theano.config.change_flags(floatX="float32"):
        assert not isFactored(haarLaw(399, 399), 1)
        assert not isFactored(haarLaw(399, 399, mirror=True), 1)
        assert not isFactored(haarLaw(400, 400, mirror=0.5), 1)
        assert not isFactored(dense_law(400, 400, "normal", 1.0), 1)
        assert not isFactored(entries_law((), "constant", 1.0), 1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("ours", ["float32", "float64"])
def test_only_frames_in_our_precision_are_factored(dtype, ours):
    """Others are drawn, and then converted, or refused."""
    with theano.config.change_flags(floatX=ours):
        assert isFactored(haarLaw(400, 400, dtype=dtype), 1) == (dtype == ours)


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
