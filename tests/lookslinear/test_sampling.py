"""Draws: randomness that is an argument, exact dtypes, little memory, and Haar's distribution."""

import math
import tracemalloc

import numpy as np
import pytest
from numpy.random import SeedSequence
from scipy import stats

from lookslinear.arranging import block_of
from lookslinear.laws import (
    DTYPES,
    FAMILIES,
    FIXED,
    INDEPENDENT,
    TRUNCATED_DEVIATION,
    TRUNCATION,
    dense_law,
    truncated_normal_law,
    uniform_law,
)
from lookslinear.sampling import (
    as_generator,
    as_seed,
    child_seed,
    choose,
    draw,
    haar_frame,
    standard_normal,
)
from tests.lookslinear.laws import law_between

#: A p-value below this is a failure.
RARE = 1e-6


# Seeds


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


@pytest.mark.parametrize("dtype", DTYPES)
def test_standard_normal_numbers(dtype):
    numbers = standard_normal((100, 200), 1, dtype)
    assert numbers.dtype == dtype
    assert stats.kstest(numbers.astype(float).ravel(), "norm").pvalue > RARE


# Shapes and dtypes


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_sides_of_zero_give_empty_arrays(family, shape):
    for mirror in (False, shape[0] % 2 == 0):
        weight = draw(dense_law(*shape, family, 0.5, mirror=mirror), 0)
        assert weight.shape == shape
        assert weight.dtype == np.float32


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("taps", ["all", "centre"])
@pytest.mark.parametrize("shape", [(0, 4, 3, 3), (4, 0, 3, 3), (4, 2, 0, 3)])
def test_kernels_with_sides_of_zero_are_empty(family, taps, shape):
    law = law_between(shape[1], shape[0], family, sides=shape[2:], taps=taps, mirror=True)
    assert draw(law, 0).shape == shape


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("taps", ["all", "centre", "average"])
def test_dtype_shape_and_order_are_exact(family, dtype, taps):
    for layout in ("theano", "keras", "torch"):
        law = law_between(
            8, 6, family, sides=(3, 2), layout=layout, taps=taps, mirror=True, dtype=dtype
        )
        weight = draw(law, 0)
        assert (weight.shape, weight.dtype) == (law.shape, dtype)
        assert weight.flags.c_contiguous
        assert weight.flags.writeable


@pytest.mark.parametrize("groups", [1, 2])
def test_identities_pass_their_channels_on(groups):
    law = law_between(3, 4 * groups, "identity", 1.5, (3, 3), groups=groups, taps="centre")
    centre = draw(law, 0)[:, :, 1, 1]
    np.testing.assert_array_equal(centre, np.vstack([1.5 * np.eye(4, 3)] * groups))


# Memory


def peak_of(law):
    draw(dense_law(4, 4, law.family, 1.0), 0)  # what is imported or cached once
    rng = np.random.default_rng(0)
    tracemalloc.start()
    weight = draw(law, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / weight.nbytes


@pytest.mark.parametrize(
    ("family", "bound"),
    [
        # The result itself; a float64 array beside it would make 3.
        ("normal", 1.1),
        ("uniform", 1.1),
        # The absolute values, as float32, and 5 % of indices (0.05 * 8 / 4 bytes).
        ("truncated_normal", 2.3),
    ],
)
def test_single_precision_never_passes_through_a_double_array(family, bound):
    assert peak_of(dense_law(1000, 500, family, 0.1)) < bound
    assert peak_of(dense_law(1000, 500, family, 0.1).with_dtype("float64")) < bound


@pytest.mark.parametrize("shape", [(700, 700), (1500, 300), (300, 1500)])
def test_haar_frames_take_a_few_single_precision_arrays(shape):
    # The Gaussian numbers, and the frame: 2, and a half for its Fortran order or less. The same
    # steps in double precision would make 4.
    assert peak_of(dense_law(*shape, "haar", 0.1)) < 3


@pytest.mark.parametrize("shape", [(4, 20_000), (20_000, 4)])
def test_a_thin_frame_never_needs_a_square_one(shape):
    # The square frame would be 5000 times the result.
    assert peak_of(dense_law(*shape, "haar", 0.1)) < 3


# Entries


def test_the_truncated_deviation_is_scipys():
    truncated = stats.truncnorm(-TRUNCATION, TRUNCATION)
    assert math.isclose(TRUNCATED_DEVIATION, truncated.std(), rel_tol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", INDEPENDENT)
def test_entries_have_the_distribution_of_the_family(family, dtype):
    law = dense_law(300, 100, family, 0.25, dtype=dtype)
    sample = draw(law, 1).astype(float).ravel() / 0.25
    distributions = {
        "normal": stats.norm(),
        "uniform": stats.uniform(-(3**0.5), 2 * 3**0.5),
        "truncated_normal": stats.truncnorm(-2, 2, scale=1 / TRUNCATED_DEVIATION),
    }
    for name, distribution in distributions.items():
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


def test_a_repeated_identity_is_identities_side_by_side():
    three = np.eye(3, dtype="float32")
    wide = draw(dense_law(3, 9, "repeated_identity", 1.0))
    np.testing.assert_array_equal(wide, np.hstack([three] * 3))
    np.testing.assert_array_equal(draw(dense_law(9, 3, "repeated_identity", 1.0)), wide.T)
    np.testing.assert_array_equal(draw(dense_law(3, 3, "repeated_identity", 2.0)), 2 * three)


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


# Haar frames


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 31, 32, 33, 65, 130])
def test_frames_are_orthonormal_to_rounding(n, dtype):
    for k in {1, (n + 1) // 2, n - 1, n} - {0}:
        frame = haar_frame(n, k, np.random.default_rng(n + k), dtype)
        assert frame.shape == (n, k)
        assert frame.dtype == dtype
        frame = frame.astype(float)
        error = np.abs(frame.T @ frame - np.eye(k)).max()
        assert error < 10 * math.sqrt(n) * np.finfo(dtype).eps


class Zeros(np.random.Generator):
    """Some Gaussian numbers of which those on the diagonal are exactly 0."""

    def standard_normal(self, shape, dtype):
        numbers = super().standard_normal(shape, dtype)
        np.fill_diagonal(numbers, 0)
        return numbers


def test_a_gaussian_number_of_zero_gives_a_frame_too():
    frame = haar_frame(5, 5, Zeros(np.random.PCG64(0)), np.float64)
    assert np.abs(frame.T @ frame - np.eye(5)).max() < 1e-14


def many_frames(n, k, count=2000):
    rng = np.random.default_rng(1000 * n + k)
    return np.array([haar_frame(n, k, rng, np.float64) for _ in range(count)])


def haar_scores(frames):
    """Statistics with known moments under Haar, in standard errors: all of them, turned too."""
    count, n, _ = frames.shape
    turn = np.linalg.qr(np.random.default_rng(99).standard_normal((n, n)))[0]
    scores = {}
    for name, q in (("Q", frames), ("OQ", turn @ frames), ("QO", frames @ turn)):
        trace = np.trace(q, axis1=1, axis2=2)
        square = np.trace(q @ q, axis1=1, axis2=2)
        q11, q12, q22, q21 = q[:, 0, 0], q[:, 0, 1], q[:, 1, 1], q[:, 1, 0]
        expected = {
            "trace": (trace, 0),
            "trace^2": (trace**2, 1),
            "trace of square": (square, 1),
            "det": (np.linalg.det(q), 0),
            "11^4": (q11**4, 3 / (n * (n + 2))),
            "11^2 12^2": (q11**2 * q12**2, 1 / (n * (n + 2))),
            "11^2 22^2": (q11**2 * q22**2, (n + 1) / (n * (n - 1) * (n + 2))),
            "11 12 21 22": (q11 * q12 * q21 * q22, -1 / (n * (n - 1) * (n + 2))),
            **{f"{i}{j}": (q[:, i, j], 0) for i in range(min(n, 3)) for j in range(min(n, 3))},
        }
        for statistic, (values, mean) in expected.items():
            error = values.std() / math.sqrt(count)
            scores[f"{statistic} of {name}"] = (values.mean() - mean) / error
        uniform = stats.beta((n - 1) / 2, (n - 1) / 2).cdf((1 + q11) / 2)
        scores[f"distribution of 11 of {name}"] = stats.norm.isf(
            max(stats.kstest(uniform, "uniform").pvalue, 1e-300) / 2
        )
    return scores


@pytest.mark.parametrize("n", [2, 3, 8])
def test_square_frames_have_haars_moments(n):
    scores = haar_scores(many_frames(n, n))
    # 54 statistics: beyond 5.8 one in three million of such sets.
    assert max(map(abs, scores.values())) < 5.8, scores


@pytest.mark.parametrize("n", [2, 3, 8])
def test_haars_moments_reject_raw_qr_and_the_u_of_an_svd(n):
    gaussian = np.random.default_rng(n).standard_normal((2000, n, n))
    raw = np.array([np.linalg.qr(g)[0] for g in gaussian])
    svd = np.linalg.svd(gaussian)[0]
    assert max(map(abs, haar_scores(raw).values())) > 10
    assert max(map(abs, haar_scores(svd).values())) > 10


def test_the_frame_of_one_number_is_a_fair_sign():
    signs = many_frames(1, 1)[:, 0, 0]
    assert set(signs) == {-1, 1}
    assert stats.binomtest(int((signs > 0).sum()), signs.size).pvalue > RARE


@pytest.mark.parametrize(("n", "k"), [(3, 1), (3, 2), (8, 2), (8, 5), (20, 8)])
def test_rectangular_frames_project_as_haars_do(n, k):
    frames = many_frames(n, k)
    rng = np.random.default_rng(n)
    share = stats.beta(k / 2, (n - k) / 2)
    for a in (np.eye(n)[0], np.eye(n)[-1], rng.standard_normal(n)):
        lengths = ((a @ frames) ** 2).sum(axis=1) / (a @ a)
        assert stats.kstest(lengths, share.cdf).pvalue > RARE / 10
        # Mutant: a frame with another number of columns.
        assert stats.kstest(lengths, stats.beta((k + 1) / 2, (n - k) / 2).cdf).pvalue < RARE
    # Every column by itself is uniform on the sphere, its mean zero: 5.5 standard errors, each
    # sqrt(1 / n), of n k numbers.
    assert np.abs(frames.mean(axis=0)).max() < 5.5 / math.sqrt(n * len(frames))


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
def test_the_draw_of_a_frame_scales_it(shape):
    weight = draw(dense_law(*shape, "haar", 0.5, dtype="float64"), 0)
    frame = weight if shape[0] > shape[1] else weight.T
    np.testing.assert_allclose(frame.T @ frame, 0.25 * 12 * np.eye(5), atol=1e-13)


def test_groups_have_frames_of_their_own():
    law = law_between(6, 20, "haar", 0.5, (3, 3), groups=2, taps="centre", dtype="float64")
    first, second = np.split(draw(law, 0)[:, :, 1, 1], 2)
    for frame in (first, second):
        np.testing.assert_allclose(frame.T @ frame, 0.25 * 10 * np.eye(6), atol=1e-13)
    assert (first != second).all()
