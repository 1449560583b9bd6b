"""Haar frames: orthonormal to rounding and uniformly distributed, made either way."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy import stats

from lookslinear.checks import check_draw
from lookslinear.laws import DTYPES, dense_law
from lookslinear.sampling import draw, frames, haar_frame, reflections
from lookslinear.sampling.sources import OfBits, OfGenerator
from tests.lookslinear.sampling.blocks import (
    BLOCK,
    PANEL,
    PATHS,
    OneStream,
    replaced,
    side_about_small,
    small_blocks,
)
from tests.lookslinear.sampling.haar import (
    correlations_of_heads,
    haar_scores,
    large_scores,
    many_frames,
    orthonormality,
)

#: A p-value below this is a failure.
RARE = 1e-6
#: Sides about which blocks begin, with the tiny ones of `small_blocks`.
BOUNDARIES = [BLOCK - 1, BLOCK, BLOCK + 1, PANEL - 1, PANEL, PANEL + 1, 2 * PANEL, 2 * PANEL + 1]


# Orthonormal


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 31, 32, 33, 65, 130])
def test_frames_are_orthonormal_to_rounding(n, dtype, path):
    for k in {1, (n + 1) // 2, n - 1, n} - {0}:
        with PATHS[path]():
            frame = haar_frame(n, k, np.random.default_rng(n + k), dtype)
        assert frame.shape == (n, k)
        assert frame.dtype == dtype
        assert orthonormality(frame) < 10


@pytest.mark.parametrize("path", PATHS)
def test_small_frames_about_every_boundary_are_orthonormal(path):
    rng = np.random.default_rng(1)
    with PATHS[path]():
        for n in range(1, 2 * PANEL + 3):
            for k in range(1, n + 1):
                assert orthonormality(haar_frame(n, k, rng, np.float32)) < 10
                assert orthonormality(haar_frame(n, k, rng, np.float64)) < 10


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beyond", [0, 1])
def test_frames_of_their_own_sizes_are_orthonormal(beyond, dtype):
    side, rng = side_about_small() + beyond, np.random.default_rng(beyond)
    for _, (block, panel) in frames._SIZES[-1:]:
        for k in {side, block, block + 1, panel - 1, panel, panel + 1, 2 * panel + 1}:
            n = max(k, frames.SMALL // k**2 + beyond)
            assert orthonormality(haar_frame(n, k, rng, dtype)) < 10


def test_a_tall_frame_is_orthonormal_too():
    for n, k in ((100_000, 1), (100_000, 3), (60_000, 40)):
        assert orthonormality(haar_frame(n, k, np.random.default_rng(n), np.float32)) < 10


# Special values


def with_zeros(normal, which, source, out, deviation):
    """Numbers of which some are exactly 0."""
    normal(source, out, deviation)
    out[which] = 0


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("which", [0, slice(None, None, 2), slice(None)])
@pytest.mark.parametrize("n", [1, 2, 5, 30, 60])
def test_gaussian_numbers_of_zero_give_a_frame_too(n, which, dtype, path, monkeypatch):
    for source in (OfGenerator, OfBits):
        normal = partial(with_zeros, source.normal, which)
        monkeypatch.setattr(source, "normal", lambda *a, normal=normal: normal(*a))
    for k in {n, (n + 1) // 2}:
        with PATHS[path]():
            frame = haar_frame(n, k, np.random.default_rng(0), dtype)
        assert orthonormality(frame) < 10


# Haar's distribution


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", sorted({2, 3, 8, *BOUNDARIES}))
def test_square_frames_have_haars_moments(n, dtype, path):
    with PATHS[path]():
        scores = haar_scores(many_frames(n, n, 2000 if n < 10 else 800, dtype))
    # 54 statistics: beyond 5.8 one in three million of such sets.
    assert max(map(abs, scores.values())) < 5.8, scores


@pytest.mark.parametrize("n", [3, 8])
def test_the_transposed_frame_of_a_draw_by_rows_has_haars_moments(n):
    law, rng = dense_law(n, n, "haar", n**-0.5, dtype="float64"), np.random.default_rng(n)
    with small_blocks():
        scores = haar_scores(np.array([draw(law, rng) for _ in range(2000)]))
    assert max(map(abs, scores.values())) < 5.8, scores


@pytest.mark.parametrize(
    ("path", "count"), [("one call", 2000), ("blocks", 600)], ids=["one call", "blocks"]
)
@pytest.mark.parametrize("n", [63, 64, 65, 130])
def test_large_frames_have_haars_distributions(n, path, count):
    sizes = {"block": 32, "panel": 64} if path == "blocks" else {}
    with PATHS[path](**sizes):
        scores = large_scores(many_frames(n, n, count // (n // 60), np.float32))
    assert max(map(abs, scores.values())) < 5.8, scores


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beyond", [0, 1])
def test_frames_of_their_own_sizes_follow_their_law(beyond, dtype):
    side = side_about_small() + beyond
    for shape in ((side, side), (side, side + 50)):
        law = dense_law(*shape, "haar", 0.5, dtype=dtype)
        weight = draw(law, beyond, threads=2)
        assert check_draw(weight, law), check_draw(weight, law)


@pytest.mark.parametrize("path", PATHS)
def test_the_frame_of_one_number_is_a_fair_sign(path):
    with PATHS[path]():
        signs = many_frames(1, 1)[:, 0, 0]
    assert set(signs) == {-1, 1}
    assert stats.binomtest(int((signs > 0).sum()), signs.size).pvalue > RARE


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("n", "k"), [(3, 1), (3, 2), (8, 2), (8, 5), (20, 8), (9, 4), (17, 9), (40, 12)]
)
def test_rectangular_frames_project_as_haars_do(n, k, path):
    with PATHS[path]():
        made = many_frames(n, k, 3000)  # with 2000 the mutant's p-values are about 1e-6
    rng = np.random.default_rng(n)
    share = stats.beta(k / 2, (n - k) / 2)
    for a in (np.eye(n)[0], np.eye(n)[-1], rng.standard_normal(n)):
        lengths = ((a @ made) ** 2).sum(axis=1) / (a @ a)
        assert stats.kstest(lengths, share.cdf).pvalue > RARE / 10
        # Mutant: a frame with another number of columns.
        assert stats.kstest(lengths, stats.beta((k + 1) / 2, (n - k) / 2).cdf).pvalue < RARE
    # Every column by itself is uniform on the sphere, its mean zero: 5.5 standard errors, each
    # sqrt(1 / n), of n k numbers.
    assert np.abs(made.mean(axis=0)).max() < 5.5 / math.sqrt(n * len(made))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [BLOCK, PANEL + 1])
def test_the_reflections_of_all_blocks_are_independent(k, dtype):
    with small_blocks():
        # Up to 144 correlations: beyond 6 one in three million of such sets.
        assert correlations_of_heads(many_frames(17, k, 1000, dtype)) < 6
        if k > BLOCK:
            with replaced("Streams", OneStream):
                assert correlations_of_heads(many_frames(17, k, 1000, dtype)) > 8


# Mutants


@pytest.mark.parametrize("n", [2, 3, 8])
def test_haars_moments_reject_raw_qr_and_the_u_of_an_svd(n):
    gaussian = np.random.default_rng(n).standard_normal((2000, n, n))
    raw = np.array([np.linalg.qr(g)[0] for g in gaussian])
    svd = np.linalg.svd(gaussian)[0]
    assert max(map(abs, haar_scores(raw).values())) > 10
    assert max(map(abs, haar_scores(svd).values())) > 10


@pytest.mark.parametrize("n", [65, 130])
def test_haars_distributions_reject_raw_qr(n):
    gaussian = np.random.default_rng(n).standard_normal((600 // (n // 60), n, n))
    raw = np.array([np.linalg.qr(g)[0] for g in gaussian])
    assert max(map(abs, large_scores(raw).values())) > 10


def without_signs(reflections):
    """Mutant: as QR leaves the columns."""
    return replace(reflections, signs=np.ones_like(reflections.signs))


def without_the_last(reflections):
    """Mutant: one reflection too few in each block."""
    vectors, triangle = reflections.vectors.copy(), reflections.triangle.copy(order="F")
    vectors[-1] = 0
    return replace(reflections, vectors=vectors, triangle=triangle)


def without_what_lies_between(reflections):
    """Mutant: T without what its reflections do to one another."""
    return replace(reflections, triangle=np.eye(len(reflections.triangle)).astype("f8", order="F"))


def with_half_a_triangle(reflections):
    """Mutant: what is above the diagonal of T with a factor forgotten."""
    triangle = reflections.triangle.copy(order="F")
    triangle[np.triu_indices(len(triangle), 1)] /= 2
    return replace(reflections, triangle=triangle)


@pytest.fixture
def mutated(monkeypatch):
    """Changes what is drawn for a block of reflections."""

    def mutate(mutant):
        drawn = reflections.drawn
        monkeypatch.setattr(reflections, "drawn", lambda *args: [*map(mutant, drawn(*args))])

    return mutate


# Neither another order of a block's reflections nor the signs of other columns would be wrong: a
# reflection does not depend on its vector's sign, so the signs are fair coins of their own.
@pytest.mark.parametrize("n", [6, 9])
@pytest.mark.parametrize("mutant", [without_signs, without_the_last])
def test_haars_moments_reject_orthonormal_mutants(mutant, n, mutated):
    mutated(mutant)
    with small_blocks():
        made = many_frames(n, n, 3000)  # with 2000 the mutants' scores are about 10
    assert max(map(orthonormality, made)) < 10
    assert max(map(abs, haar_scores(made).values())) > 10


@pytest.mark.parametrize("mutant", [without_what_lies_between, with_half_a_triangle])
def test_a_wrong_triangle_is_not_orthonormal(mutant, mutated):
    mutated(mutant)
    with small_blocks():
        assert min(map(orthonormality, many_frames(9, 9, 20))) > 1e6


@pytest.mark.parametrize("n", [3, 8])
@pytest.mark.parametrize("path", PATHS)
def test_haars_moments_reject_vectors_that_are_not_shortened(path, n, monkeypatch):
    monkeypatch.setattr(
        reflections, "_upper_triangle", lambda size, dtype: np.ones((size, size), dtype)
    )
    with PATHS[path]():
        made = many_frames(n, n)
    found = max(map(abs, haar_scores(made).values()))
    assert found > 10 or max(map(orthonormality, made)) > 1e6


def test_haars_distributions_reject_mutants_of_large_frames(mutated):
    mutated(without_signs)
    with small_blocks(32, 64):
        assert max(map(abs, large_scores(many_frames(65, 65, 600)).values())) > 10


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((3, 2, 0, np.float16), ValueError, "unknown dtype 'float16'"),
        ((3, 2, 0, "abc"), ValueError, "unknown dtype 'abc'"),
        ((3, 2, "0"), TypeError, "rng must be None, an int.*Received: '0'"),
        ((2.5, 2, 0), TypeError, "n must be a whole number. Received: 2.5"),
    ],
)
def test_frames_of_bad_arguments_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        haar_frame(*arguments)
