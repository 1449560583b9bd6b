"""Blocks of reflections: their products, one reflection after the other, are the oracle."""

from functools import reduce

import numpy as np
import pytest

from lookslinear.sampling.reflections import Blocks

EPS = np.finfo(float).eps


def drawn_blocks(n, k, length, most, seed=0):
    """The reflections of a frame, the last block drawn first."""
    blocks = Blocks((n, k), np.dtype(float), length, np.random.default_rng(seed), np.empty)
    parts = [blocks.draw(index, most) for index in reversed(range(len(blocks)))]
    return [part for some in reversed(parts) for part in some]


def one_by_one(part, n):
    """H_1 ... H_m, multiplied out."""
    vectors = np.zeros((len(part.vectors), n))
    vectors[:, part.start :] = part.vectors
    return reduce(np.matmul, [np.eye(n) - np.outer(v, v) for v in vectors])


def distance(found, wanted):
    """In units of rounding: of sums of n products, in m reflections one after the other."""
    return np.abs(found - wanted).max() / EPS / len(wanted)


SHAPES = [(1, 1), (6, 6), (9, 5), (17, 8), (16, 16), (30, 1)]


@pytest.mark.parametrize(("length", "most"), [(4, 4), (4, 3), (5, 1), (64, 7)])
@pytest.mark.parametrize(("n", "k"), SHAPES)
def test_parts_turn_columns_there_and_back_as_one_reflection_after_the_other(n, k, length, most):
    columns = np.asfortranarray(np.random.default_rng(1).standard_normal((n, 4)))
    parts = drawn_blocks(n, k, length, most)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, k)
    for part in parts:
        matrix = one_by_one(part, n)
        for back, wanted in ((False, matrix @ columns), (True, matrix.T @ columns)):
            found = columns.copy(order="F")
            part.turn(found, back)
            assert distance(found, wanted) < 8
            part.turn(found, not back)
            assert distance(found, columns) < 16
            part.turn(found, not back)  # mutant: the other way
            assert np.allclose(matrix, matrix.T) or distance(found, wanted) > 1e9


@pytest.mark.parametrize(("n", "k"), SHAPES)
def test_parts_are_those_of_the_whole_block(n, k):
    for whole in drawn_blocks(n, k, 6, 6):
        for most in (1, 2, 4):
            parts = [
                part
                for part in drawn_blocks(n, k, 6, most)
                if whole.start <= part.start < whole.stop
            ]
            product = reduce(np.matmul, [one_by_one(part, n) for part in parts])
            assert distance(product, one_by_one(whole, n)) < 8
            np.testing.assert_array_equal(np.concatenate([p.signs for p in parts]), whole.signs)
            for part in parts:
                own = slice(part.start - whole.start, part.stop - whole.start)
                assert distance(part.triangle, whole.triangle[own, own]) < 8


def test_all_blocks_lie_in_the_room_that_is_given():
    made = []

    def room(shape, dtype):
        made.append(np.empty(shape, dtype))
        return made[-1]

    blocks = Blocks((9, 5), np.dtype("float32"), 2, np.random.default_rng(0), room)
    parts = [part for index in range(len(blocks)) for part in blocks.draw(index, 2)]
    assert [array.shape for array in made] == [(2 * 9 + 2 * 7 + 1 * 5,)]
    assert all(np.shares_memory(part.vectors, made[0]) for part in parts)
    assert sum(part.vectors.size for part in parts) == made[0].size
