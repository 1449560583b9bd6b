"""Sources of numbers: normal to the tails, symmetric, independent, finite at every bit pattern."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from lookslinear.laws import normal_law
from lookslinear.sampling import draw, kernels, standard_normal, transforms
from lookslinear.sampling.seeds import Streams
from lookslinear.sampling.sources import OfBits, OfGenerator
from tests.lookslinear.sampling.normals import Tally, pair_scores, worst

RARE = 1e-6
#: Of 12 statistics, or 16 of pairs, one is beyond 5.5 standard errors in 1.6 million samples.
LIMIT = 5.5
PRECISIONS = ("float32", "float64")


def of_bits(seed):
    return OfBits(Streams(np.random.default_rng(seed), 1)[0])


def partners(numbers):
    """The numbers of each pair: neighbours in single precision, half an array apart in double."""
    return (numbers[::2], numbers[1::2]) if numbers.dtype == "f4" else np.split(numbers, 2)


def pieces_of_many(count, dtype, size=10**7):
    """So many standard normal numbers, ten million at a time, of one generator."""
    rng = np.random.default_rng(20 if dtype == "float32" else 21)
    for _ in range(count // size):
        yield standard_normal((size,), rng, dtype)


# Normal numbers in quantity


@pytest.fixture(scope="module")
def tallies():
    """Tallies of 10^8 numbers in single precision, 3 * 10^7 in double, and of their mutants."""
    counts = {"float32": 10**8, "float64": 3 * 10**7}
    found = {dtype: Tally() for dtype in counts}
    found |= {name: Tally() for name in MUTANTS}
    for dtype, count in counts.items():
        for piece in pieces_of_many(count, dtype):
            found[dtype].add(piece)
            if dtype == "float32":
                for name, mutant in MUTANTS.items():
                    found[name].add(mutant(piece))
    return found


def cut_at_4_and_a_half(x):
    """The tails mirrored back inside: none beyond 4.5."""
    return np.where(np.abs(x) > 4.5, x / 2, x)


MUTANTS = {
    "a variance 0.1 % too large": lambda x: x * np.float32(math.sqrt(1.001)),
    "a variance 0.1 % too small": lambda x: x * np.float32(math.sqrt(0.999)),
    "tails cut at 4.5": cut_at_4_and_a_half,
    "one tail folded": lambda x: np.where(x < -4, -x, x),
}


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_hundred_million_numbers_have_normal_moments_and_tails(dtype, tallies):
    scores = tallies[dtype].scores()
    assert worst(scores) < LIMIT, scores


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_hundred_million_numbers_reject_mutants(mutant, tallies):
    assert worst(tallies[mutant].scores()) > LIMIT


def sum_of_twelve(rng, count):
    return rng.random((12, count)).sum(axis=0) - 6


def without_a_tail(rng, count):
    """The layers of a ziggurat, and nothing beyond the last one at 3.654."""
    x = rng.standard_normal(2 * count)
    return x[np.abs(x) < 3.654][:count]


def of_sixteen_bits(rng, count):
    """Box and Muller with a uniform number of 16 bits, whose tails end at 4.7."""
    u = (rng.integers(2**16, size=count) + 0.5) / 2**16
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * math.pi * rng.random(count))


@pytest.mark.parametrize("mutant", [sum_of_twelve, without_a_tail, of_sixteen_bits])
def test_fewer_numbers_reject_rough_approximations(mutant):
    rng = np.random.default_rng(1)
    count = 10**8 if mutant is of_sixteen_bits else 10**6
    tally = Tally()
    for _ in range(count // 10**6):
        tally.add(mutant(rng, 10**6))
    assert worst(tally.scores()) > LIMIT


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_a_number_of_exactly_zero_is_as_rare_as_the_density_says(dtype, tallies):
    # Subnormal numbers are next to zero: it stands for 10^-45 of the probability or less.
    assert tallies[dtype].zeros == 0


# Independence


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_the_partners_of_a_pair_are_independent(dtype):
    numbers = np.empty(2**22, dtype)
    of_bits(1).normal(numbers, 1.0)
    first, second = partners(numbers)
    assert worst(pair_scores(first, second)) < LIMIT
    # Mutants: one radius for two angles of no relation; the same number turned.
    radius = np.hypot(first, second)
    angles = np.random.default_rng(2).random((2, radius.size)) * 2 * math.pi
    assert worst(pair_scores(radius * np.cos(angles[0]), radius * np.cos(angles[1]))) > 100
    assert worst(pair_scores(first, -first)) > 100


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_neighbours_near_and_far_are_independent(dtype):
    numbers = standard_normal((1_000_001,), 4, dtype)
    block = 2**19 // numbers.itemsize
    for lag in (1, 2, 3, 4, 7, 8, 16, 64, 1000, block // 2, block, 2 * block):
        assert worst(pair_scores(numbers[:-lag], numbers[lag:])) < LIMIT, lag


def test_draws_of_seeds_that_follow_are_independent():
    numbers = [standard_normal((500_000,), seed) for seed in range(4)]
    for first, second in itertools.combinations(numbers, 2):
        assert worst(pair_scores(first, second)) < LIMIT


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_angles_are_uniform(dtype):
    numbers = np.empty(2**20, dtype)
    of_bits(7).normal(numbers, 1.0)
    first, second = (partner.astype(float) for partner in partners(numbers))
    for x, y in ((first, second), (second, first)):
        turns = np.arctan2(x, y) / (2 * math.pi) + 0.5
        assert stats.kstest(turns, "uniform").pvalue > RARE
        radii = np.exp(-(x * x + y * y) / 2)
        assert stats.kstest(radii, "uniform").pvalue > RARE


# Odd and small counts


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 31])
@pytest.mark.parametrize("method", ["normal", "uniform"])
def test_every_place_of_a_short_array_is_drawn(method, size, dtype):
    drawn = np.full((4000, size), np.nan, dtype)
    for seed, numbers in enumerate(drawn):
        getattr(of_bits(seed), method)(numbers, 1.0)
    cdf = stats.norm.cdf if method == "normal" else stats.uniform(-1, 2).cdf
    for place in range(size):
        assert stats.kstest(drawn[:, place].astype(float), cdf).pvalue > RARE / size


# Extreme bits


class Patterned(transforms.Stream):
    """A stream that gives one word, or a few in turn, for ever."""

    def __init__(self, words):
        self.words = np.array(words, np.uint64)

    def _words(self, count):
        return np.resize(self.words, count)


def compiled(words):
    """A compiled stream whose first eight words are these, in turn."""
    stream = kernels.Stream(np.zeros((3, 8), np.uint64))
    stream.state[...] = 0
    stream.state[0] = np.resize(np.array(words, np.uint64), 8)
    return stream


ONES, LEAST, MOST = 2**64 - 1, 0x8000000080000000, 0x7FFFFFFF7FFFFFFF
PATTERNS = {
    "zeros": (0,),
    "ones": (ONES,),
    "least integers": (LEAST,),
    "largest integers": (MOST,),
    "small": (0x0000000100000001,),
    "zeros and ones": (0, ONES),
    "least and largest": (LEAST, MOST),
    "halves": (0x00000000FFFFFFFF, 0x800000007FFFFFFF, 0x7FFFFFFF00000000),
    "nearly least": (0x8000000180000001,),
}
#: The largest radius that 32 bits, or 53, give.
LARGEST = {"float32": math.sqrt(2 * math.log(2**33)), "float64": math.sqrt(2 * math.log(2**53))}


MAKERS = [Patterned, compiled] if kernels.library() else [Patterned]


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def numbers_of(request):
    """The first numbers that are made of a pattern of bits."""

    def make(pattern, method, dtype, measure):
        numbers, source = np.full(16, np.nan, dtype), of_bits(0)
        source.stream = request.param(PATTERNS[pattern])
        getattr(source, method)(numbers, measure)
        # In double precision the radii are made of the first words, and the angles of later ones.
        return numbers if dtype == "float32" or request.param is Patterned else numbers[:8]

    return make


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("deviation", [1.0, 1e-30, 1e30, 0.0])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_extreme_bits_give_finite_normal_numbers(pattern, deviation, dtype, numbers_of):
    numbers = numbers_of(pattern, "normal", dtype, deviation)
    assert np.isfinite(numbers).all()
    largest = np.float64(deviation) * LARGEST[dtype] * (1 + 8 * np.finfo(dtype).eps)
    assert np.abs(numbers.astype(float)).max() <= largest


@pytest.mark.parametrize("pattern", ["least integers", "largest integers", "nearly least"])
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_the_smallest_radius_is_not_zero(pattern, dtype, numbers_of):
    numbers = numbers_of(pattern, "normal", dtype, 1.0)
    assert np.hypot(*partners(numbers)).min() > 0


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("radius", [1.0, 1e-30, 1e-36, 1e30, 1e38, 0.0])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_extreme_bits_give_uniform_numbers_inside_the_bounds(pattern, radius, dtype, numbers_of):
    numbers = numbers_of(pattern, "uniform", dtype, radius).astype(float)
    assert np.abs(numbers).max() <= radius * (1 + np.finfo(dtype).eps)
    if pattern in ("least integers", "largest integers") and dtype == "float32":
        np.testing.assert_allclose(np.abs(numbers), radius, rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", PRECISIONS)
def test_no_uniform_number_is_exactly_zero(dtype, numbers_of):
    # A sparse weight's zeros are those that were cut: one in 2^32 is too many of others.
    assert numbers_of("zeros", "uniform", dtype, 1.0).all()


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("scale", [1e-36, 1e-30, 1e-3, 1e30, 3e37])
@pytest.mark.parametrize("method", ["normal", "uniform"])
def test_very_small_and_large_scales_keep_the_distribution(method, scale, dtype):
    numbers = np.empty(20_000, dtype)
    for source in (of_bits(3), OfGenerator(np.random.default_rng(3))):
        getattr(source, method)(numbers, scale)
        cdf = (
            stats.norm(0, scale).cdf if method == "normal" else stats.uniform(-scale, 2 * scale).cdf
        )
        assert stats.kstest(numbers.astype(float), cdf).pvalue > RARE


@pytest.mark.parametrize("dtype", ["float16", *PRECISIONS])
def test_a_deviation_of_zero_gives_the_mean(dtype):
    for size in (10, 200_000):
        assert (draw(normal_law((size,), 0.5, 0.0, dtype), 1) == 0.5).all()
        assert (draw(normal_law((size,), 0.0, 0.0, dtype), 1) == 0.0).all()
