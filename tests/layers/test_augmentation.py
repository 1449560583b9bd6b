"""Augmentation: each image is one of the moved ones, all of them equally often."""

import itertools

import numpy as np
import pytest
from scipy import stats

from utilityFunctions import cast, compileFunction
from layers import Augmentation, Representation

SIDES, SHIFT, BATCH = (4, 5), (1, 2), 1500
#: A right layer falls below it once in a million times.
LIMIT = 1e-6


def shifted(image, down, right):
    """A single channel, pixel by pixel."""
    moved = np.zeros_like(image)
    for row, column in np.ndindex(*image.shape):
        source = row - down, column - right
        if all(0 <= place < side for place, side in zip(source, image.shape, strict=True)):
            moved[row, column] = image[source]
    return moved


def candidates(image):
    """Every image that can be made of one."""
    mirrored = [image[::down, ::right] for down in (1, -1) for right in (1, -1)]
    moves = itertools.product(*(range(-shift, shift + 1) for shift in SHIFT))
    return [shifted(flipped, *move) for move in moves for flipped in mirrored]


@pytest.fixture(scope="module")
def augmented():
    """Two channels of the same pixels from 1 to 20 and their negatives, moved twice."""
    y = Augmentation(SHIFT, horizontal=True, vertical=True, seed=0)(Representation((2, *SIDES)))
    function = compileFunction([y.input], y.trainTensor)
    image = cast(np.arange(1, 21).reshape(SIDES))
    images = np.tile(np.stack([image, -image]), (BATCH, 1, 1, 1))
    return image, [function(images), function(images)], y, images


def kinds(image, moved):
    """The number of the candidate that each moved image is."""
    known = {candidate.tobytes(): number for number, candidate in enumerate(candidates(image))}
    return np.array([known[np.ascontiguousarray(one).tobytes()] for one in moved[:, 0]])


def chance(found, count):
    """Of a chi-square as large as that of these numbers, if all below `count` are as likely."""
    expected = len(found) / count
    square = ((np.bincount(found, minlength=count) - expected) ** 2 / expected).sum()
    return stats.chi2.sf(square, count - 1)


def test_every_image_is_one_of_the_moved_ones_and_all_are_as_likely(augmented):
    image, (moved, _), _, _ = augmented
    found = kinds(image, moved)  # a KeyError where an image is none of them
    assert len(candidates(image)) == 60
    assert chance(found, 60) > LIMIT
    # The mutants: one draw for all images, and one for each pair.
    assert chance(np.full(BATCH, found[0]), 60) < LIMIT
    assert chance(np.repeat(found[:100], BATCH // 100), 60) < LIMIT


def test_images_are_independent_of_their_neighbours(augmented):
    image, (moved, again), _, _ = augmented
    first, second = kinds(image, moved), kinds(image, again)
    # Independent kinds agree once in 60 times: of 1500 pairs 25 +- 5.
    for some, others in ((first[1:], first[:-1]), (first, second)):
        assert abs((some == others).sum() - len(some) / 60) < 5 * np.sqrt(len(some) / 60)


def test_channels_move_together(augmented):
    _, (moved, _), _, _ = augmented
    np.testing.assert_array_equal(moved[:, 0], -moved[:, 1])


def test_afterwards_nothing_moves(augmented):
    _, _, y, images = augmented
    np.testing.assert_array_equal(y.function()(images[:3]), images[:3])


@pytest.mark.parametrize(
    ("settings", "count"),
    [({"shift": (0, 1)}, 3), ({"horizontal": True}, 2), ({"vertical": True}, 2)],
)
def test_only_what_was_asked_for_happens(settings, count):
    y = Augmentation(**settings, seed=1)(Representation((1, *SIDES)))
    image = cast(np.arange(1, 21).reshape(1, *SIDES))
    moved = compileFunction([y.input], y.trainTensor)(np.tile(image, (200, 1, 1, 1)))
    # 200 draws leave one of three out with a probability below 1e-35.
    assert len(np.unique(moved.reshape(200, -1), axis=0)) == count
    if "horizontal" in settings:
        assert {row.tobytes() for row in moved[:, 0]} == {
            image[0].tobytes(),
            np.ascontiguousarray(image[0, :, ::-1]).tobytes(),
        }


def test_without_anything_asked_for_nothing_is_drawn():
    y = Augmentation()(Representation((1, 4, 4)))
    assert y.tensor is y.trainTensor
    assert y.streams == []


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"shift": -1}, ValueError, "shift must be at least 0. Received: -1"),
        ({"shift": 1.5}, TypeError, "shift must be a whole number"),
        ({"shift": (1, 2, 3)}, ValueError, "shift must be one whole number or a pair"),
        ({"horizontal": 1}, TypeError, "horizontal must be True or False. Received: 1"),
        ({"vertical": "yes"}, TypeError, "vertical must be True or False"),
        ({"shifts": 2}, TypeError, "Did you mean 'shift'"),
    ],
)
def test_bad_arguments_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        Augmentation(**arguments)


def test_what_cannot_be_moved_is_refused():
    with pytest.raises(ValueError, match=r"augmentation needs samples of shape \(channels"):
        Augmentation(1)(Representation((16,)))
    with pytest.raises(ValueError, match=r"must be smaller than the side.*Received: 4 on a side"):
        Augmentation(4)(Representation((1, 8, 4)))
