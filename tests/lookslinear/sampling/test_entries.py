"""Independent entries: distributions of the families, their bounds, and the pieces of an array."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from lookslinear.arranging import block_of
from lookslinear.laws import (
    DTYPES,
    INDEPENDENT,
    TRUNCATED_DEVIATION,
    TRUNCATION,
    dense_law,
    entries_law,
    truncated_normal_law,
    uniform_law,
)
from lookslinear.sampling import draw, entries, standard_normal
from lookslinear.sampling.entries import pieces_of
from lookslinear.sampling.sources import OfBits, OfGenerator
from tests.lookslinear.laws import law_between
from tests.lookslinear.sampling.blocks import (
    OneStream,
    replaced,
    sizes_about_boundaries,
    small_blocks,
)
from tests.lookslinear.sampling.normals import binomial_score

#: A p-value below this is a failure.
RARE = 1e-6
#: The families' distributions at scale 1.
DISTRIBUTIONS = {
    "normal": stats.norm(),
    "uniform": stats.uniform(-(3**0.5), 2 * 3**0.5),
    "truncated_normal": stats.truncnorm(-2, 2, scale=1 / TRUNCATED_DEVIATION),
}


# Pieces


@given(shape=st.lists(st.integers(1, 12), min_size=1, max_size=5), most=st.integers(1, 300))
@settings(max_examples=200, deadline=None)
def test_pieces_cover_every_entry_once(shape, most):
    pieces, covered = pieces_of(tuple(shape), most), np.zeros(shape, int)
    sizes = []
    for piece in pieces:
        covered[piece] += 1
        sizes.append(covered[piece].size)
    assert (covered == 1).all()
    assert 1 <= min(sizes) <= max(sizes) <= most


@given(length=st.integers(1, 10**12), most=st.integers(10**9, 10**10))
@settings(max_examples=50, deadline=None)
def test_pieces_of_a_vector_are_of_nearly_one_size(length, most):
    cuts = [cut for (cut,) in pieces_of((length,), most)]
    sizes = [cut.stop - cut.start for cut in cuts]
    assert cuts[0].start == 0
    assert cuts[-1].stop == length
    assert all(first.stop == second.start for first, second in itertools.pairwise(cuts))
    assert max(sizes) - min(sizes) <= 1
    assert len(cuts) == -(-length // most)


# Families


@pytest.mark.parametrize("dtype", DTYPES)
def test_standard_normal_numbers(dtype):
    numbers = standard_normal((100, 200), 1, dtype)
    assert numbers.dtype == dtype
    assert stats.kstest(numbers.astype(float).ravel(), "norm").pvalue > RARE


def test_the_truncated_deviation_is_scipys():
    truncated = stats.truncnorm(-TRUNCATION, TRUNCATION)
    assert math.isclose(TRUNCATED_DEVIATION, truncated.std(), rel_tol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", INDEPENDENT)
def test_entries_have_the_distribution_of_the_family(family, dtype):
    law = dense_law(300, 100, family, 0.25, dtype=dtype)
    sample = draw(law, 1).astype(float).ravel() / 0.25
    for name, distribution in DISTRIBUTIONS.items():
        right = stats.kstest(sample, distribution.cdf).pvalue > RARE
        # Normal and truncated are 0.013 apart: 2.2 / sqrt(30,000), not enough for certainty.
        assert right == (name == family) or {name, family} == {"normal", "truncated_normal"}
    kurtosis = {"normal": 3.0, "uniform": 1.8, "truncated_normal": 3 - 0.6344633}[family]
    # 5 standard errors of a variance.
    assert abs(sample.var() - 1) < 5 * math.sqrt((kurtosis - 1) / sample.size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_numbers_are_symmetric_about_zero_and_inside_their_bounds(dtype):
    law = dense_law(1000, 1000, "uniform", 0.5, dtype=dtype)
    weight, bound = draw(law, 2), 0.5 * 3**0.5
    assert np.abs(weight).max() <= bound * (1 + np.finfo(dtype).eps)
    # A million numbers all stay 3e-5 below the bound with a probability of exp(-15).
    assert weight.max() > bound * (1 - 3e-5) or dtype == "float16"
    assert weight.min() < -bound * (1 - 3e-5) or dtype == "float16"
    # 5 standard errors of the mean.
    assert abs(weight.astype(float).mean()) < 5 * 0.5 / 1000
    positive = int((weight > 0).sum()), int((weight < 0).sum())
    assert stats.binomtest(positive[0], sum(positive)).pvalue > RARE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.1, 0.3), (-7.0, -6.9)])
def test_uniform_numbers_between_bounds_are_never_beyond_them(bounds, dtype):
    low, high = np.array(bounds, dtype)
    numbers = draw(uniform_law((400, 400), *bounds, dtype), rng=0)
    assert low <= numbers.min() < numbers.max() <= high
    # The outermost of 160,000 numbers are that near to the bounds; half precision rounds.
    reach = 1e-4 * (high - low) + np.finfo(dtype).eps * abs(low)
    assert numbers.min() - low < reach
    assert high - numbers.max() < reach


@pytest.mark.parametrize("dtype", DTYPES)
def test_truncated_numbers_about_a_mean_are_never_beyond_two_deviations(dtype):
    numbers = draw(truncated_normal_law((400, 400), 1.0, 0.1, dtype), rng=0)
    low, high = np.array((0.8, 1.2), dtype)
    assert low <= numbers.min() < numbers.max() <= high


def test_the_grid_of_uniform_numbers_is_centred():
    # A grid k / 2^24 has its mean half a step below 1 / 2: what the code adds is that half step.
    class Ends(np.random.Generator):
        def random(self, shape, dtype):
            ends = np.array([0, 1 - np.finfo(dtype).eps / 2], dtype)
            return np.resize(ends, shape)

    for dtype in ("float32", "float64"):
        law = dense_law(2, 3, "uniform", 1.0, dtype=dtype)
        weight = draw(law, Ends(np.random.PCG64(0)))
        assert set(np.abs(weight).ravel()) == {np.abs(weight[0, 0])}
        assert weight.sum() == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_truncated_numbers_stay_inside_their_bounds_and_reach_them(dtype):
    weight = draw(dense_law(1000, 1000, "truncated_normal", 0.5, dtype=dtype), 3)
    bound = 0.5 * 2 / TRUNCATED_DEVIATION
    assert np.abs(weight).max() <= bound * (1 + np.finfo(dtype).eps)
    # By the density there, 0.057 a standard deviation, 28 of a million lie so near each bound.
    assert weight.max() > bound * (1 - 2.5e-4)
    assert weight.min() < -bound * (1 - 2.5e-4)


@pytest.mark.parametrize("sides", [(), (3,)])
def test_sparse_laws_cut_every_input_alike(sides):
    law = law_between(20, 2000, "normal", sides=sides, sparsity=0.3)
    cut = block_of(draw(law, 4), law) == 0
    if sides:
        cut = np.moveaxis(cut, law.axes.output, 0)
    cut = cut.reshape(2000, -1) if sides else cut.T
    zeros, rest = law.zeros_per_output, law.frame_shape[0]
    assert (cut.sum(axis=1) == zeros).all()
    # Each input is cut from a binomial number of outputs: 5.5 standard deviations for up to 60.
    expected, share = 2000 * zeros / rest, zeros / rest
    worst = np.abs(cut.sum(axis=0) - expected).max()
    assert worst < 5.5 * math.sqrt(2000 * share * (1 - share))
    # Neighbouring inputs are cut together as often as without order.
    together = (cut[:, 1:] & cut[:, :-1]).mean()
    pairs = zeros * (zeros - 1) / (rest * (rest - 1))
    assert abs(together - pairs) < 5 * math.sqrt(pairs / (2000 * (rest - 1)))


# Many entries


def truncated_cdf(x):
    cut = special.ndtr(-TRUNCATION)
    return np.clip((special.ndtr(x * TRUNCATED_DEVIATION) - cut) / (1 - 2 * cut), 0, 1)


#: SciPy's distribution functions take a second for ten million numbers; these are exact too.
CDFS = {
    "normal": special.ndtr,
    "uniform": lambda x: np.clip(x / 12**0.5 + 0.5, 0, 1),
    "truncated_normal": truncated_cdf,
}


def distance(numbers, family):
    """Kolmogorov's distance times the root of the count."""
    chances = CDFS[family](np.sort(numbers).astype(float))
    steps = np.arange(numbers.size + 1) / numbers.size
    far = max((steps[1:] - chances).max(), (chances - steps[:-1]).max())
    return far * math.sqrt(numbers.size)


#: Kolmogorov's distance of so many standard errors is one in ten million.
FAR = special.kolmogi(1e-7)


@pytest.mark.parametrize("family", ["uniform", "truncated_normal"])
@pytest.mark.parametrize(("dtype", "count"), [("float32", 10**7), ("float64", 3 * 10**6)])
def test_ten_million_entries_have_the_distribution_and_bounds_of_the_family(family, dtype, count):
    numbers = draw(entries_law((count,), family, 1.0, dtype=dtype), 12)
    distribution = DISTRIBUTIONS[family]
    low, high = distribution.support()
    eps = float(np.finfo(dtype).eps)
    assert low * (1 + eps) <= numbers.min() < numbers.max() <= high * (1 + eps)
    # The outermost number is a gap of mean 1 / (count density) away: 20 gaps are one in e^20.
    gap = 20 / (count * distribution.pdf(high * (1 - 1e-12)))
    assert numbers.min() - low < gap
    assert high - numbers.max() < gap
    assert distance(numbers, family) < FAR


def clipped(rng, count):
    """Mutant: what lies beyond the bounds is put onto them."""
    return np.clip(rng.standard_normal(count), -2, 2) / TRUNCATED_DEVIATION


def redrawn_once(rng, count):
    """Mutant: drawn again, but not a third time."""
    x = rng.standard_normal(count)
    beyond = np.abs(x) > 2
    x[beyond] = rng.standard_normal(beyond.sum())
    return np.clip(x, -2, 2) / TRUNCATED_DEVIATION


def redrawn_by_folding(rng, count):
    """Mutant: what lies beyond the bounds is turned back at them."""
    x = rng.standard_normal(count)
    return np.where(np.abs(x) > 2, np.sign(x) * 4 - x, x) / TRUNCATED_DEVIATION


def as_it_is(rng, count):
    return draw(entries_law((count,), "truncated_normal", 1.0, dtype="float64"), rng)


def scores_of_bins(numbers):
    """How far the numbers in the middle, in the flanks and beside each bound are from expected."""
    cuts = np.array([0.0, 0.01, 0.1, 1.0, 1.9, 1.99, 1.999, 2.0]) / TRUNCATED_DEVIATION
    cuts = np.concatenate([-cuts[:0:-1], cuts])
    cuts[[0, -1]] *= 1 + 1e-6  # single precision rounds
    counts = np.histogram(numbers, cuts)[0]
    assert counts.sum() == numbers.size
    chances = np.diff(DISTRIBUTIONS["truncated_normal"].cdf(cuts))
    return [
        binomial_score(count, numbers.size, chance)
        for count, chance in zip(counts, chances, strict=True)
    ]


@pytest.mark.parametrize("sampler", [as_it_is, clipped, redrawn_once, redrawn_by_folding])
def test_truncated_numbers_are_drawn_again_until_they_are_inside(sampler):
    scores = scores_of_bins(sampler(np.random.default_rng(6), 10**6))
    # 14 bins: beyond 5.5 one in two million samples.
    assert (max(map(abs, scores)) < 5.5) == (sampler is as_it_is), scores


@pytest.mark.parametrize("size", [1000, 100_000])
def test_numbers_are_drawn_again_however_often_it_takes(size, monkeypatch):
    for source in (OfBits, OfGenerator):
        normal = source.normal
        # Of numbers three times as wide half are beyond the bounds, so each round is too short.
        monkeypatch.setattr(
            source, "normal", lambda own, out, by, normal=normal: normal(own, out, 3 * by)
        )
    numbers = draw(entries_law((size,), "truncated_normal", TRUNCATED_DEVIATION), 1)
    assert np.abs(numbers).max() <= 2
    wide = stats.truncnorm(-2 / 3, 2 / 3, scale=3)
    assert stats.kstest(numbers, wide.cdf).pvalue > RARE


@pytest.mark.parametrize("family", INDEPENDENT)
@pytest.mark.parametrize("dtype", DTYPES)
def test_entries_about_every_boundary_have_the_distribution_of_the_family(family, dtype):
    for size in sizes_about_boundaries(family, dtype):
        rng, law = np.random.default_rng(size), entries_law((size,), family, 1.0, dtype=dtype)
        many = [draw(law, rng) for _ in range(-(-100_000 // size) if size > 10 else 5000)]
        numbers = np.concatenate(many).astype(float)
        # Half precision rounds by up to 2^-11 of a number: a distance of 3e-4 or less.
        rounding = 3e-4 * math.sqrt(numbers.size) if dtype == "float16" else 0
        assert distance(numbers, family) < FAR + rounding, size
        ends = np.array([one[-1] for one in many], float)
        assert distance(ends, family) < FAR + rounding, size


@pytest.mark.parametrize("family", INDEPENDENT)
def test_no_two_blocks_are_equal(family):
    size = entries.BLOCK_BYTES // 4
    blocks = draw(entries_law((40, size), family, 1.0), 5)
    # 2^17 equal entries beside one another would be one block drawn twice.
    assert len({block[:100].tobytes() for block in blocks}) == 40
    # 780 correlations in standard errors: beyond 6.5 is one in ten million of such sets.
    alike = np.corrcoef(blocks[:, : 10**5]) - np.eye(40)
    assert np.abs(alike).max() * math.sqrt(10**5) < 6.5


@pytest.mark.parametrize("family", INDEPENDENT)
def test_a_mean_is_added_to_every_block(family):
    for size in sizes_about_boundaries(family, "float32"):
        moved = draw(entries_law((size,), family, 0.5, mean=100.0), 5)
        still = draw(entries_law((size,), family, 0.5), 5)
        np.testing.assert_allclose(moved - 100, still, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 1000, 30_000])
def test_sparse_weights_of_many_blocks_cut_every_output_alike(rows):
    law = dense_law(rows, 3_000_000 // rows // 10 + 2, "normal", 1.0, sparsity=0.5)
    zeros = (draw(law, 9, threads=2) == 0).sum(axis=0)
    assert (zeros == law.zeros_per_output).all()


def patterns_of(law, seed):
    """How many different inputs the output units of a sparse weight are cut off from."""
    return len({unit.tobytes() for unit in (draw(law, seed).T == 0)})


def test_units_of_different_blocks_are_cut_off_from_different_inputs():
    law = dense_law(60, 400, "normal", 1.0, sparsity=0.5)
    with small_blocks():
        # 80,000 pairs, each equal with the probability 1 / (60 choose 30), 10^-17.
        assert patterns_of(law, 3) == 400
        with replaced("Streams", OneStream):
            assert patterns_of(law, 3) < 400
