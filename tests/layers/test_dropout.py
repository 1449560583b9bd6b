"""Dropout: how much is left, what is preserved, and that each number has its own draw."""

import numpy as np
import pytest

from utilityFunctions import cast, compileFunction
from layers import Dropout, Representation

UNITS, BATCH = 300, 400
#: A normal score that a right layer passes with a probability of 0.6 in a million.
LIMIT = 5


def outputs(layer, shape=(UNITS,), batch=BATCH, calls=1):
    """What the layer makes of ones in training, call by call."""
    y = layer(Representation(shape))
    function = compileFunction([y.input], y.trainTensor)
    return np.array([function(np.ones((batch, *shape), y.input.dtype)) for _ in range(calls)])


def scoreOfShare(mask, kept):
    """Of the share of ones, whose standard deviation is sqrt(kept (1 - kept) / numbers)."""
    return (mask.mean() - kept) / np.sqrt(kept * (1 - kept) / mask.size)


def scoreOfSums(mask, kept):
    """Of the variance of the sums over the first axis: independent draws give a chi-square."""
    sums = (mask.sum(axis=0) - len(mask) * kept).ravel()
    ratio = (sums**2).mean() / (len(mask) * kept * (1 - kept))
    return (ratio - 1) / np.sqrt(2 / sums.size)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_as_much_is_left_as_was_asked_for(p):
    (found,) = outputs(Dropout(p, seed=1))
    assert abs(scoreOfShare(found != 0, 1 - p)) < LIMIT
    assert abs(scoreOfShare(found != 0, 1 - p - 0.02)) > LIMIT


@pytest.mark.parametrize(("preserve", "power"), [("mean", 1), ("variance", 2)])
def test_the_mean_or_the_second_moment_is_preserved(preserve, power):
    p = 0.3
    (found,) = outputs(Dropout(p, preserve, seed=2))
    values = np.unique(found)
    np.testing.assert_allclose(values, [0, (1 - p) ** (-1 / power)], rtol=1e-6)

    def score(power):
        moments = found.astype(float) ** power
        return (moments.mean() - 1) / (moments.std() / np.sqrt(moments.size))

    assert abs(score(power)) < LIMIT
    assert abs(score(3 - power)) > LIMIT


def test_every_sample_and_every_unit_has_its_own_draw():
    (mask,) = outputs(Dropout(0.4, seed=3)) != 0
    for draws in (mask, mask.T):
        assert abs(scoreOfSums(draws, 0.6)) < LIMIT
    # The mutant: one mask for the whole batch.
    assert abs(scoreOfSums(np.broadcast_to(mask[:1], mask.shape), 0.6)) > LIMIT


def test_every_call_draws_anew_and_the_seed_decides():
    masks = outputs(Dropout(0.4, seed=4), batch=20, calls=50) != 0
    assert abs(scoreOfSums(masks, 0.6)) < LIMIT
    np.testing.assert_array_equal(outputs(Dropout(0.4, seed=4), batch=20, calls=50) != 0, masks)
    other = outputs(Dropout(0.4, seed=5), batch=20, calls=50) != 0
    # Two independent masks agree in 0.6^2 + 0.4^2 of all places.
    assert abs(scoreOfShare(other == masks, 0.52)) < LIMIT


def test_images_have_a_draw_for_each_pixel_and_any_batch_size():
    layer = Dropout(0.5, seed=6)
    y = layer(Representation((3, 8, 8)))
    function = compileFunction([y.input], y.trainTensor)
    for batch in (64, 1, 7):
        x = cast(np.random.default_rng(0).standard_normal((batch, 3, 8, 8)))
        found = function(x)
        np.testing.assert_array_equal(found[found != 0], 2 * x[found != 0])
        assert 0.3 < (found != 0).mean() < 0.7
    np.testing.assert_array_equal(y.function()(x), x)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"p": 1}, ValueError, "p must be below 1, so that something is left. Received: 1"),
        ({"p": -0.1}, ValueError, "p must be at least 0. Received: -0.1"),
        ({"p": "half"}, TypeError, "p must be a number"),
        ({"p": float("nan")}, ValueError, "p must be finite"),
        ({"preserve": "varience"}, ValueError, "Did you mean 'variance'"),
        ({"preserve": None}, ValueError, "unknown preserve None"),
        ({"seed": -1}, ValueError, "seed must not be negative"),
        ({"seed": "1"}, TypeError, "seed must be None, an int"),
        ({"rate": 0.5}, TypeError, "Dropout has no argument 'rate'"),
    ],
)
def test_bad_arguments_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Dropout(**arguments)
