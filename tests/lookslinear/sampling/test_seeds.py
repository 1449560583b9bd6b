"""Seeds: what `rng` may be, children by their path, streams that never meet."""

import math

import numpy as np
import pytest
from numpy.random import SeedSequence

from lookslinear.laws import DTYPES, FAMILIES, FIXED, dense_law
from lookslinear.sampling import (
    as_generator,
    as_seed,
    child_seed,
    choose,
    draw,
    haar_frame,
    standard_normal,
    transforms,
)
from lookslinear.sampling.seeds import Streams


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_int_gives_the_same_bits(family, dtype):
    law = dense_law(6, 3, family, 0.5, dtype=dtype)
    first, again, other = draw(law, 1), draw(law, 1), draw(law, 2)
    assert first.tobytes() == again.tobytes()
    if family not in FIXED:
        assert (first != other).all()
        assert (draw(law) != draw(law)).all()  # fresh entropy


def test_a_generator_moves_on():
    law, rng = dense_law(6, 3, "normal", 0.5), np.random.default_rng(3)
    first, second = draw(law, rng), draw(law, rng)
    assert (first == draw(law, np.random.default_rng(3))).all()
    assert (first != second).all()
    assert as_generator(rng) is rng


def test_ints_seeds_and_fresh_generators_agree():
    law = dense_law(6, 3, "haar", 0.5)
    expected = draw(law, 7)
    for rng in (SeedSequence(7), np.int64(7), np.random.default_rng(7), as_seed(7)):
        np.testing.assert_array_equal(draw(law, rng), expected)
    seed = SeedSequence(7)
    np.testing.assert_array_equal(draw(law, seed), draw(law, seed))
    assert as_seed(seed) is seed


def test_children_are_found_by_their_path():
    law = dense_law(30, 20, "normal", 1.0)
    path = child_seed(1, 5, 0)
    assert path.entropy == 1
    assert path.spawn_key == (5, 0) == child_seed(child_seed(1, 5), 0).spawn_key
    # As NumPy's own spawn, but the same at every call.
    spawned = SeedSequence(1).spawn(6)[5].spawn(1)[0]
    np.testing.assert_array_equal(draw(law, path), draw(law, spawned))
    np.testing.assert_array_equal(draw(law, child_seed(1, 5, 0)), draw(law, path))
    drawn = [draw(law, s).ravel() for s in (1, child_seed(1, 0), child_seed(1, 1), path, 2)]
    # 5 standard errors, 1 / sqrt(600), of the correlation of independent draws.
    assert np.abs(np.corrcoef(drawn) - np.eye(5)).max() < 5 / math.sqrt(600)


def test_a_generator_as_seed_moves_on_but_its_seed_repeats():
    rng, law = np.random.default_rng(4), dense_law(6, 3, "normal", 1.0)
    seed, other = as_seed(rng), as_seed(rng)
    assert len(seed.entropy) == 4
    np.testing.assert_array_equal(draw(law, seed), draw(law, seed))
    assert (draw(law, seed) != draw(law, other)).all()
    same = as_seed(np.random.default_rng(4))
    np.testing.assert_array_equal(draw(law, same), draw(law, seed))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: as_generator("3"), TypeError, "rng must be None, an int.*Received: '3'"),
        (lambda: as_generator(1.0), TypeError, "rng must be.*a SeedSequence.*Received: 1.0"),
        (lambda: as_generator(True), TypeError, "rng must be.*Received: True"),
        (lambda: as_generator([1, 2]), TypeError, r"rng must be.*Received: \[1, 2\]"),
        (lambda: as_generator(np.random), TypeError, "rng must be.*module"),
        (lambda: as_generator(-1), ValueError, "rng must not be negative. Received: -1"),
        (lambda: as_seed(-2), ValueError, "seed must not be negative. Received: -2"),
        (lambda: as_seed("a"), TypeError, "seed must be None, an int.*Received: 'a'"),
        (lambda: child_seed(0.5, 1), TypeError, "seed must be.*Received: 0.5"),
        (lambda: draw(dense_law(2, 3, "normal", 1.0), "0"), TypeError, "rng must be.*'0'"),
        (
            lambda: draw(dense_law(2, 3, "haar", 1.0), np.random.RandomState(0)),
            TypeError,
            "rng must be.*RandomState",
        ),
        (lambda: draw(None), TypeError, "law must be a WeightLaw. Received: None"),
        (lambda: draw("orthogonal"), TypeError, "law must be a WeightLaw. .*'orthogonal'"),
        (lambda: haar_frame(3, 0, as_generator(0)), ValueError, "k must be at least 1.*: 0"),
        (lambda: haar_frame(2, 3, as_generator(0)), ValueError, "n must be at least k.*n 2, k 3"),
        (lambda: standard_normal((2,), 0, "int8"), ValueError, "dtype 'int8'.*Known: float16"),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("count", [3, 10])
def test_choose_repeats_only_what_it_must(count):
    chosen = choose(count, 5, rng=0)
    assert chosen.shape == (5,)
    assert (len(set(chosen)) == 5) == (count >= 5)
    assert set(chosen) <= set(range(count))


# Streams


def test_no_two_streams_are_equal_or_alike():
    streams = Streams(np.random.default_rng(5), 1000)
    words = np.array([streams.bits(index).random_raw(100) for index in range(1000)])
    # The first words of SFC64 would show seeds that it has not mixed; and any word repeats another
    # of these 10^5 with a probability of 10^10 / 2 / 2^64.
    assert np.unique(words).size == words.size
    signs = np.where(words.view(np.int64) < 0, -1.0, 1.0)
    bits = signs @ signs.T / 10 - 10 * np.eye(1000)
    # Half a million correlations, in standard errors: beyond 8 is one in 10^15 of them.
    assert np.abs(bits).max() < 8


def test_the_generators_that_take_turns_in_a_stream_are_unlike():
    words = transforms.Stream(Streams(np.random.default_rng(6), 1)[0])._words(8 * 10_000)
    signs = np.where(words.reshape(-1, 8).view(np.int64) < 0, -1.0, 1.0)
    # 28 correlations of 10,000 signs, in standard errors; beyond 6 is one in 10^7.
    assert np.abs(signs.T @ signs / 100 - 100 * np.eye(8)).max() < 6


def test_a_stream_is_the_same_whenever_it_is_asked_for():
    streams = Streams(np.random.default_rng(5), 3)
    last, first = streams.bits(2).random_raw(5), streams.bits(0).random_raw(5)
    np.testing.assert_array_equal(streams.bits(0).random_raw(5), first)
    np.testing.assert_array_equal(streams.bits(2).random_raw(5), last)


def test_streams_of_a_generator_that_moved_on_are_others():
    rng = np.random.default_rng(5)
    first, second = Streams(rng, 4), Streams(rng, 4)
    words = [streams.bits(index).random_raw() for streams in (first, second) for index in range(4)]
    assert len(set(words)) == 8


def test_streams_take_a_legacy_bit_generator_too():
    for kind in (np.random.MT19937, np.random.Philox, np.random.SFC64):
        words = [
            Streams(np.random.Generator(kind(1)), 2).bits(index).random_raw() for index in range(2)
        ]
        assert words[0] != words[1]
