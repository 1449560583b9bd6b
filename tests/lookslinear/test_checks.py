"""check_draw: correct samples pass, at the stated rate; every mutant is rejected.

A mutant is a way to draw that is wrong but plausible. The samples are so large that it fails by a
wide margin: it is rejected with each of several seeds. Seeds are fixed.
"""

import math
import re
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lookslinear.arranging import arrange, block_of, mirror
from lookslinear.checks import FALSE_ALARMS, Finding, Verdict, check_draw
from lookslinear.fans import Axes
from lookslinear.laws import (
    DTYPES,
    FIXED,
    INDEPENDENT,
    TRUNCATED_DEVIATION,
    WeightLaw,
    dense_law,
    entries_law,
)
from lookslinear.sampling import child_seed, draw
from tests.lookslinear.laws import law_between, weight_laws

SEEDS = range(3)


def draws(law, count, seed, sampler=draw):
    """`count` independent draws as one stack, or one as it is."""
    rng = np.random.default_rng(child_seed(20170208, seed))
    if count == 1:
        return sampler(law, rng)
    return np.stack([sampler(law, rng) for _ in range(count)])


# Correct samples

#: Every kind of law, with fans at least 2 apart in ratio, and how many draws are stacked.
LAWS = {
    "normal": (law_between(80, 40), 1),
    "normal, stack of small": (law_between(6, 3), 200),
    "normal, rank 3": (law_between(20, 10, sides=(5,)), 1),
    "normal, rank 4, keras": (law_between(20, 10, sides=(3, 3), layout="keras"), 1),
    "normal, rank 5, torch": (law_between(8, 20, sides=(3, 2, 3), layout="torch"), 1),
    "normal, groups": (law_between(4, 24, sides=(3, 3), groups=2), 2),
    "normal, mirrored": (law_between(160, 40, mirror=True), 1),
    "normal, mirrored kernel, keras": (
        law_between(20, 40, sides=(3, 3), layout="keras", mirror=True),
        1,
    ),
    "normal, centre": (law_between(80, 40, sides=(3, 3), taps="centre"), 1),
    "normal, average": (law_between(80, 40, sides=(3, 4), taps="average", mirror=True), 1),
    "normal, sparse": (law_between(80, 40, sparsity=0.9), 4),
    "normal, sparse mirrored kernel": (
        law_between(16, 20, sides=(3, 3), sparsity=0.5, mirror=True),
        1,
    ),
    "uniform": (law_between(80, 40, "uniform"), 1),
    "uniform, kernel, keras": (
        law_between(10, 20, "uniform", sides=(3, 3), layout="keras"),
        1,
    ),
    "uniform, sparse": (law_between(80, 40, "uniform", sparsity=0.3), 1),
    "uniform, mirrored": (law_between(160, 40, "uniform", mirror=True, layout="torch"), 1),
    "truncated_normal": (law_between(80, 40, "truncated_normal"), 1),
    "truncated_normal, kernel, torch": (
        law_between(20, 10, "truncated_normal", sides=(3, 3), layout="torch"),
        1,
    ),
    "truncated_normal, sparse": (law_between(80, 40, "truncated_normal", sparsity=0.5), 1),
    "haar, square": (law_between(64, 64, "haar"), 1),
    "haar, tall": (law_between(120, 50, "haar"), 1),
    "haar, wide": (law_between(50, 120, "haar"), 1),
    "haar, torch": (law_between(120, 50, "haar", layout="torch"), 1),
    "haar, stack of square": (law_between(8, 8, "haar"), 50),
    "haar, stack of tall": (law_between(12, 5, "haar"), 50),
    "haar, stack of wide": (law_between(3, 7, "haar"), 50),
    "haar, stack of 1 × 1": (law_between(1, 1, "haar"), 60),
    "haar, stack of 2 × 2": (law_between(2, 2, "haar"), 300),
    "haar, mirrored": (law_between(120, 60, "haar", mirror=True), 1),
    "haar, centre": (law_between(60, 60, "haar", sides=(3, 3), taps="centre"), 1),
    "haar, centre, mirrored, torch": (
        law_between(60, 60, "haar", sides=(3, 5), layout="torch", taps="centre", mirror=True),
        1,
    ),
    "haar, average": (law_between(40, 60, "haar", sides=(3, 3), taps="average"), 1),
    "haar, average, torch": (
        law_between(60, 40, "haar", sides=(2, 4), layout="torch", taps="average"),
        1,
    ),
    "haar, all taps, keras": (law_between(8, 50, "haar", sides=(3, 3), layout="keras"), 1),
    "haar, all taps, rank 5": (law_between(4, 50, "haar", sides=(2, 2, 3)), 1),
    "haar, groups": (law_between(40, 80, "haar", sides=(3, 3), taps="centre", groups=2), 1),
    "haar, groups, all taps": (law_between(6, 60, "haar", sides=(3, 3), groups=2), 1),
    "normal, with a mean": (law_between(80, 40, mean=0.7), 1),
    "uniform, with a mean": (law_between(80, 40, "uniform", mean=-0.3), 1),
    "truncated_normal, with a mean": (law_between(80, 40, "truncated_normal", mean=2.0), 1),
    "normal, with a mean, mirrored": (law_between(80, 40, mean=0.7, mirror=True), 1),
    "normal, vector": (entries_law((900,), "normal", 0.3), 1),
    "normal, several axes": (WeightLaw((30, 6, 9), Axes(0, (1, 2)), "normal", 0.3), 1),
    "uniform, batch": (WeightLaw((7, 20, 9), Axes(1, 2, batch=(0,)), "uniform", 0.3), 1),
    "uniform, stack of numbers": (entries_law((), "uniform", 0.3, mean=1.0), 400),
    "constant": (law_between(8, 4, "constant", -0.25), 1),
    "constant vector": (entries_law((5,), "constant", 0.25), 2),
    "zeros": (law_between(8, 4, "constant", 0.0), 2),
    "identity": (law_between(8, 8, "identity", 1.5), 1),
    "identity, wide": (law_between(4, 8, "identity", sides=(3, 3), taps="centre"), 1),
    "identity, repeated": (law_between(4, 12, "repeated_identity", -2.0), 1),
    "identity, repeated, tall": (law_between(9, 3, "repeated_identity"), 1),
    "identity, groups": (
        law_between(4, 8, "identity", sides=(3, 3), groups=2, taps="centre"),
        1,
    ),
}
RANDOM = [name for name, (law, _) in LAWS.items() if law.family not in FIXED]
HAAR = [name for name, (law, _) in LAWS.items() if law.family == "haar"]
MIRRORED = [name for name, (law, _) in LAWS.items() if law.mirror]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_a_correct_sample_passes(name, dtype):
    law, count = LAWS[name]
    for seed in SEEDS:
        verdict = check_draw(draws(law.with_dtype(dtype), count, seed), law.with_dtype(dtype))
        assert verdict, str(verdict)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(weight_laws(), st.integers(0, 2**32))
def test_a_correct_sample_of_any_law_passes(law, seed):
    verdict = check_draw(draw(law, seed), law)
    assert verdict, str(verdict)


@pytest.mark.parametrize("family", INDEPENDENT)
def test_large_samples_in_half_precision_pass(family):
    # 600,000 numbers of 11 bits: rounding must not be taken for another distribution.
    law = dense_law(1000, 600, family, 0.02, dtype="float16")
    assert check_draw(draw(law, 1), law)


def test_many_small_frames_in_half_precision_pass():
    # The first entries of planar unit vectors crowd at 1, where half precision has few numbers.
    law = dense_law(2, 1, "haar", 0.3, dtype="float16")
    verdict = check_draw(draws(law, 20_000, 0), law)
    assert verdict, str(verdict)


def test_numbers_that_half_precision_rounds_to_zero_are_not_taken_for_cut_ones():
    law = dense_law(1000, 1000, "normal", 0.003, sparsity=0.5, dtype="float16")
    weight = draw(law, 0)
    assert (weight == 0).sum() > 500_000
    assert check_draw(weight, law)
    weight[np.flatnonzero(weight[:, 0])[:20], 0] = 0
    assert "zeros for each output" in broken(weight, law)


@pytest.mark.parametrize("family", [*INDEPENDENT, "haar", "constant", "identity"])
def test_empty_samples_pass(family):
    law = dense_law(0, 4, family, 1.0)
    assert check_draw(draw(law, 0), law)
    assert not check_draw(np.empty((4, 0), "float32"), law)


# The rate of false alarms

#: Statistics that are continuous, and not the worst of several: their p-values are uniform.
EXACT = ("root mean square of", "mean of", "distribution of")


@pytest.fixture(scope="module")
def chances():
    """For each statistic the p-values of 400 correct samples of each of several laws."""
    laws = {
        "normal": (law_between(12, 6, dtype="float64"), 1),
        "uniform": (law_between(12, 6, "uniform"), 1),
        "truncated": (law_between(3, 8, "truncated_normal", sides=(3,), layout="keras"), 1),
        "sparse": (law_between(12, 6, sparsity=0.5), 1),
        "tall": (law_between(10, 4, "haar"), 4),
        "square": (law_between(5, 5, "haar", dtype="float64"), 4),
    }
    collected, smallest = defaultdict(list), []
    for kind, (law, count) in laws.items():
        for seed in range(400):
            findings = check_draw(draws(law, count, 10 + seed), law).findings
            random = [f for f in findings if 0 < f.probability < 1]
            smallest.append(min(f.probability for f in random) * len(random))
            for finding in random:
                name = re.sub(r"(channel|column) \d+", r"worst \1", finding.statistic)
                collected[kind, name].append(finding.probability)
    return collected, np.array(smallest)


def test_p_values_are_uniform_or_larger(chances):
    collected, _ = chances
    assert len(collected) > 35
    for (kind, name), values in collected.items():
        # Larger: of a discrete statistic, or of the worst of several times their number.
        chance = stats.kstest(values, "uniform", alternative="greater").pvalue
        assert chance > 1e-8, (kind, name, chance)


def test_p_values_of_continuous_statistics_are_uniform(chances):
    tested = 0
    for (kind, name), values in chances[0].items():
        if name.startswith(EXACT) and "worst" not in name:
            tested += 1
            chance = stats.kstest(values, "uniform").pvalue
            assert chance > 1e-8, (kind, name, chance)
    assert tested == 3 * 9


def test_all_statistics_together_keep_the_rate(chances):
    _, smallest = chances
    # The smallest p-value times their number exceeds a uniform number: Bonferroni.
    assert stats.kstest(np.minimum(smallest, 1), "uniform", alternative="greater").pvalue > 1e-6
    # The smallest of 2400 such numbers is below 1e-9.4 once in a million.
    assert smallest.min() > 1e-6 / len(smallest)
    assert (smallest > FALSE_ALARMS).all()


def by_name(verdict):
    return {finding.statistic: finding for finding in verdict.findings}


@pytest.mark.parametrize("factor", [1.0, 1.02, 1.2, 0.9])
def test_probabilities_are_those_of_scipy_also_in_the_tails(factor):
    law = dense_law(60, 30, "normal", 0.25, dtype="float64")
    sample = draw(law, 4) * factor + 0.01 * (factor - 1)
    findings, scores = by_name(check_draw(sample, law)), sample / law.scale
    square = stats.chi2(scores.size)
    tails = square.cdf((scores**2).sum()), square.sf((scores**2).sum())
    mean = stats.norm.sf(abs(scores.mean()) * math.sqrt(scores.size))
    signs = np.signbit(scores)
    shared = int((signs[1:] == signs[:-1]).sum())
    expected = {
        "root mean square of entries": 2 * min(tails),
        "mean of entries (in standard errors)": 2 * mean,
        "distribution of entries (Kolmogorov's distance)": stats.kstest(
            scores.ravel(), "norm"
        ).pvalue,
        "neighbouring inputs of one sign": stats.binomtest(shared, 59 * 30).pvalue,
    }
    for name, chance in expected.items():
        assert math.isclose(findings[name].probability, chance, rel_tol=1e-6), name


# Mutants


def broken(array, law):
    """The statistics that reject, as one text."""
    return "; ".join(finding.statistic for finding in check_draw(array, law).broken)


def assert_rejected(sampler, law, count=1, because="", seeds=range(2)):
    """The sampler's draws are rejected with every seed, those of the law itself are not."""
    for seed in seeds:
        assert check_draw(draws(law, count, seed), law)
        found = broken(draws(law, count, seed, sampler), law)
        assert found, f"seed {seed} passed"
        assert because in found, found


def scaled_by(factor):
    return lambda law, rng: draw(replace(law, scale=law.scale * factor), rng)


def of_block(mutate):
    """A sampler that draws, and arranges what `mutate(block, rng)` makes of the block."""

    def sampler(law, rng):
        block = mutate(block_of(draw(law, rng), law), rng)
        return arrange(np.asarray(block).astype(law.dtype), law)

    return sampler


@pytest.mark.parametrize("name", LAWS)
def test_swapped_fans_are_rejected(name):
    law, count = LAWS[name]
    fan_in, fan_out = law.fans
    if fan_in == fan_out:
        fan_in = 2 * fan_out  # the law of a square frame that follows another rule
    if law.scale:
        assert not 0.6 < fan_in / fan_out < 1.6 or law.family == "haar"
        assert_rejected(scaled_by(math.sqrt(fan_in / fan_out)), law, count)


@pytest.mark.parametrize("name", RANDOM)
def test_a_dropped_or_added_factor_of_two_is_rejected(name):
    assert_rejected(scaled_by(2**-0.5), *LAWS[name])
    assert_rejected(scaled_by(2**0.5), *LAWS[name])


@pytest.mark.parametrize("name", [name for name in RANDOM if LAWS[name][0].receptive_field])
def test_a_receptive_field_left_out_of_the_fan_is_rejected(name):
    law, count = LAWS[name]
    assert_rejected(scaled_by(math.sqrt(math.prod(law.receptive_field))), law, count)


@pytest.mark.parametrize("name", [name for name in LAWS if name.startswith("truncated")])
def test_a_forgotten_truncation_factor_is_rejected(name):
    law, count = LAWS[name]
    assert_rejected(scaled_by(TRUNCATED_DEVIATION), law, count, "root mean square")
    assert_rejected(scaled_by(1 / TRUNCATED_DEVIATION), law, count, "largest entry")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_a_result_of_another_dtype_is_rejected(name, dtype):
    law, count = LAWS[name]
    other = "float64" if dtype != "float64" else "float32"
    sample = draws(law.with_dtype(other), count, 0)
    assert broken(sample, law.with_dtype(dtype)) == "dtype"


@pytest.mark.parametrize("name", MIRRORED)
def test_halves_that_are_no_mirror_images_are_rejected(name):
    law, count = LAWS[name]
    axis = law.axes.input

    def not_negated(law, rng):
        half, _ = np.split(draw(law, rng), 2, axis)
        return np.concatenate([half, half], axis)

    def independent(law, rng):
        half, _ = np.split(draw(law, rng), 2, axis)
        other, _ = np.split(draw(law, rng), 2, axis)
        return np.concatenate([half, -other], axis)

    def interleaved(law, rng):
        half, _ = np.split(draw(law, rng), 2, axis)
        return np.stack([half, -half], axis + 1).reshape(law.shape)

    for sampler in (not_negated, independent, interleaved):
        assert_rejected(sampler, law, count, "entries off their arrangement")


def test_a_mirrored_weight_is_no_sample_of_an_unmirrored_law():
    law = dense_law(60, 60, "normal", 0.3)
    half = dense_law(30, 60, "normal", 0.3)
    assert_rejected(lambda _, rng: mirror(draw(half, rng), 0), law, 1, "halves of inputs")


def test_a_weight_that_is_mirrored_along_its_outputs_is_rejected():
    law = dense_law(60, 60, "normal", 0.3, mirror=True)
    half = dense_law(60, 30, "normal", 0.3)
    assert_rejected(lambda _, rng: mirror(draw(half, rng), 1), law, 1, "arrangement")


@pytest.mark.parametrize("name", [name for name in LAWS if LAWS[name][0].taps != "all"])
def test_numbers_beside_the_taps_are_rejected(name):
    law, count = LAWS[name]
    receptive = law.axes.receptive(len(law.shape))

    def moved(law, rng):
        return np.roll(draw(law, rng), 1, receptive[-1])

    def stained(law, rng):
        weight = draw(law, rng)
        corner = [0] * weight.ndim
        for axis in receptive:
            corner[axis] = -1
        weight[tuple(corner)] = 1e-6
        return weight

    def everywhere(law, rng):
        block = block_of(draw(law, rng), law)
        return np.ascontiguousarray(np.broadcast_to(block, law.unmirrored_shape))

    for sampler in (moved, stained) if law.mirror else (moved, stained, everywhere):
        if sampler is stained and law.receptive_field == (2, 4):
            continue  # its corner is a tap
        assert_rejected(sampler, law, count, "entries off their arrangement")


def test_average_taps_of_the_other_convention_are_rejected():
    for layout, other in (("theano", "torch"), ("torch", "theano")):
        shape = {"family": "haar", "sides": (3, 3), "taps": "average"}
        law = law_between(40, 40, **shape, layout=layout)
        assert_rejected(
            lambda law, rng, other=other, shape=shape: draw(
                law_between(40, 40, **shape, layout=other), rng
            ),
            law,
            1,
            "arrangement",
        )


@pytest.mark.parametrize("claimed", INDEPENDENT)
@pytest.mark.parametrize("drawn", INDEPENDENT)
@pytest.mark.parametrize(("inputs", "sides", "layout"), [(500, (), "torch"), (55, (3, 3), "keras")])
def test_another_family_of_the_same_variance_is_rejected(claimed, drawn, inputs, sides, layout):
    # The nearest two, normal and truncated, are 0.013 apart in Kolmogorov's distance: 100,000
    # numbers are enough, of which 4 standard errors are 4 * 0.5 / sqrt(100,000) = 0.006.
    law = law_between(inputs, 200, claimed, sides=sides, layout=layout)
    if claimed != drawn:
        assert_rejected(lambda law, rng: draw(replace(law, family=drawn), rng), law, seeds=range(2))


def test_a_normal_that_is_clipped_instead_of_truncated_is_rejected():
    law = dense_law(120, 60, "truncated_normal", 0.3)
    scale = law.scale / TRUNCATED_DEVIATION
    clipped = of_block(lambda b, rng: rng.standard_normal(b.shape).clip(-2, 2) * scale)
    assert_rejected(clipped, law)


@pytest.mark.parametrize("family", INDEPENDENT)
@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_a_mean_is_rejected(family, sparsity):
    law = dense_law(200, 100, family, 0.3, sparsity=sparsity)

    def shifted(law, rng):
        weight = draw(law, rng)
        moved = np.sqrt(1 - 0.1**2) * weight + np.float32(0.1 * law.scale)  # the same variance
        return np.where(weight != 0, moved.clip(weight.min(), weight.max()), 0).astype(law.dtype)

    # A tenth of the deviation: 10 standard errors of 10,000 numbers.
    assert_rejected(shifted, law, 1, "mean of entries")


MEANS = [name for name in LAWS if "with a mean" in name]


def with_mean(mean):
    return lambda law, rng: draw(replace(law, mean=mean), rng)


@pytest.mark.parametrize("name", MEANS)
@pytest.mark.parametrize("factor", [0, -1, 0.5])
def test_another_mean_is_rejected(name, factor):
    law, count = LAWS[name]
    assert_rejected(with_mean(factor * law.mean), law, count, "mean of entries")


def test_a_slightly_different_mean_is_rejected():
    # Eight standard errors of 10,000 entries.
    law = dense_law(100, 100, "normal", 0.05, mean=0.5)
    assert_rejected(with_mean(0.5 - 0.004), law, 1, "mean of entries")


def test_bounds_about_another_mean_are_rejected():
    law = dense_law(40, 20, "uniform", 0.3, mean=1.0)
    assert_rejected(lambda law, rng: draw(law, rng) + np.float32(0.1), law, 1, "largest entry")


@pytest.mark.parametrize("family", INDEPENDENT)
@pytest.mark.parametrize("sides", [(), (3, 3)])
def test_repeated_numbers_are_rejected(family, sides):
    law = law_between(30, 60, family, sides=sides)

    def repeated_along(axis):
        return of_block(lambda b, rng: np.broadcast_to(b.take([0], axis), b.shape))

    assert_rejected(repeated_along(law.axes.output), law, 1, "neighbouring outputs of one sign")
    assert_rejected(repeated_along(law.axes.input), law, 1, "neighbouring inputs of one sign")
    for axis in law.axes.receptive(len(law.shape)):
        assert_rejected(repeated_along(axis), law, 1, "neighbouring taps of one sign")


@pytest.mark.parametrize("family", [*INDEPENDENT, "haar"])
def test_the_same_draw_again_is_rejected(family):
    # Layers that are given the same seed: a stack of equal draws.
    law = dense_law(30, 15, family, 0.3)
    one = draw(law, 3)
    assert check_draw(one, law)
    assert "neighbouring" in broken(np.stack([one, one, one]), law)


def test_channels_of_unequal_scale_are_rejected():
    law = dense_law(400, 100, "normal", 0.3)
    for axis, name in ((0, "input"), (1, "output")):
        factors = np.ones(law.shape[axis])
        factors[7] = 2
        factors /= math.sqrt((factors**2).mean())
        factors = np.expand_dims(factors, 1 - axis)
        mutant = of_block(lambda b, rng, factors=factors: b * factors)
        assert_rejected(mutant, law, 1, f"root mean square of {name} channel 7")


@pytest.mark.parametrize("name", [name for name in LAWS if "sparse" in name])
def test_another_number_of_zeros_is_rejected(name):
    law, count = LAWS[name]
    rest = law.frame_shape[0]

    def cutting(zeros):
        mutant = replace(law, sparsity=(zeros - 0.5) / rest if zeros else 0.0)
        assert mutant.zeros_per_output == zeros
        return lambda _, rng: draw(mutant, rng)

    for zeros in (law.zeros_per_output + 1, law.zeros_per_output - 1, 0):
        assert_rejected(cutting(zeros), law, count, "zeros for each output")


def test_as_many_zeros_in_all_but_not_for_each_output_are_rejected():
    law = dense_law(100, 60, "normal", 0.3, sparsity=0.5)

    def anywhere(law, rng):
        weight = draw(replace(law, sparsity=0.0), rng)
        weight.flat[rng.permutation(weight.size)[: weight.size // 2]] = 0
        return weight

    assert_rejected(anywhere, law, 1, "zeros for each output")


@pytest.mark.parametrize("family", ["uniform", "truncated_normal"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_number_outside_the_bounds_is_rejected(family, dtype):
    law = dense_law(20, 40, family, 0.3, dtype=dtype)
    bound = 0.3 * (3**0.5 if family == "uniform" else 2 / TRUNCATED_DEVIATION)
    sample = draw(law, 0)
    sample[3, 4] = -bound * (1 + 4 * np.finfo(dtype).eps)
    assert "largest entry / scale" in broken(sample, law)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_rejected(name, value):
    law, count = LAWS[name]
    sample = draws(law, count, 0)
    sample.flat[-1] = value
    assert broken(sample, law) == "finite numbers"


@pytest.mark.parametrize("name", [name for name, (law, _) in LAWS.items() if len(law.shape) > 1])
def test_another_shape_is_rejected(name):
    law, count = LAWS[name]
    sample = draws(law, count, 0)
    assert broken(sample[..., :-1], law) == "shape"
    assert broken(sample[None, None], law) == "shape"
    assert broken(sample.reshape(-1), law) == "shape"


@pytest.mark.parametrize("name", ["constant", "zeros", "identity", "identity, wide"])
def test_one_other_number_in_a_fixed_weight_is_rejected(name):
    law, count = LAWS[name]
    sample = draws(law, count, 0)
    sample[np.nonzero(sample == law.scale)[0][0]] *= 1 + np.finfo(np.float32).eps
    sample += law.scale == 0
    assert broken(sample, law) == "entries off their value"


# Mutants of frames


def frames_by(orthonormal):
    """A sampler whose frames come from `orthonormal(gaussian matrix)`, arranged as the law says."""

    def sampler(law, rng):
        rest, outputs = law.frame_shape
        groups = []
        for _ in range(law.axes.groups):
            frame = orthonormal(rng.standard_normal((max(rest, outputs), min(rest, outputs))), rng)
            groups.append(law.gain * (frame if rest >= outputs else frame.T))
        shape = list(law.block_shape)
        del shape[law.axes.output]
        last = np.concatenate(groups, axis=1).reshape(*shape, -1)
        return arrange(np.moveaxis(last, -1, law.axes.output).astype(law.dtype), law)

    return sampler


def householder_qr(gaussian, rng):
    """The Q of LAPACK's QR, its signs not fixed."""
    return np.linalg.qr(gaussian)[0]


def mezzadri(gaussian, rng):
    """The Q of LAPACK's QR, its signs fixed: correct."""
    q, r = np.linalg.qr(gaussian)
    return q * np.sign(np.diagonal(r))


def svd_u(gaussian, rng):
    """The U of an SVD of the square matrix, as LL-init and Lasagne take it."""
    side = len(gaussian)
    return np.linalg.svd(rng.standard_normal((side, side)))[0][:, : gaussian.shape[1]]


@pytest.mark.parametrize("name", HAAR)
def test_frames_of_another_correct_method_pass(name):
    law, count = LAWS[name]
    for seed in SEEDS:
        verdict = check_draw(draws(law, count, seed, frames_by(mezzadri)), law)
        assert verdict, str(verdict)


@pytest.mark.parametrize("name", [name for name in HAAR if "1 × 1" not in name])
def test_frames_of_raw_qr_are_rejected(name):
    assert_rejected(frames_by(householder_qr), *LAWS[name])


@pytest.mark.parametrize(
    ("inputs", "outputs", "count"),
    [(3, 3, 600), (8, 8, 400), (16, 16, 300), (12, 5, 600), (5, 12, 600)],
)
def test_frames_of_svd_u_are_rejected(inputs, outputs, count):
    # E sqrt(n) U_11 is about -0.3 instead of 0: hundreds of small draws tell.
    assert_rejected(frames_by(svd_u), dense_law(inputs, outputs, "haar", 0.3), count)


def in_so(gaussian, rng):
    q = mezzadri(gaussian, rng)
    q[:, 0] *= np.linalg.det(q)
    return q


def permutation(gaussian, rng):
    return np.eye(len(gaussian))[rng.permutation(len(gaussian))] * rng.choice(
        [-1, 1], len(gaussian)
    )


def reflection(gaussian, rng):
    v = gaussian[:, :1] / np.linalg.norm(gaussian[:, 0])
    return np.eye(len(gaussian)) - 2 * v @ v.T


@pytest.mark.parametrize(
    ("orthonormal", "side", "count"),
    [
        (in_so, 3, 40),
        (in_so, 8, 40),
        (permutation, 8, 20),
        (permutation, 64, 1),
        (reflection, 8, 20),
        (reflection, 64, 1),
        (lambda g, rng: np.eye(len(g)), 64, 1),
        (lambda g, rng: g / math.sqrt(len(g)), 64, 1),
        (lambda g, rng: np.linalg.qr(abs(g))[0] * rng.choice([-1, 1], len(g)), 16, 50),
    ],
    ids=[
        "rotations",
        "rotations 8",
        "permutations",
        "permutation",
        "reflections",
        "reflection",
        "identity",
        "gaussian",
        "qr of positive numbers",
    ],
)
def test_frames_of_another_distribution_are_rejected(orthonormal, side, count):
    assert_rejected(frames_by(orthonormal), dense_law(side, side, "haar", 0.3), count)


def test_groups_that_share_their_frame_are_rejected():
    law, _ = LAWS["haar, groups"]

    def shared(law, rng):
        weight = draw(law, rng)
        weight[law.output_channels // 2 :] = weight[: law.output_channels // 2]
        return weight

    assert_rejected(shared, law, 1, "neighbouring reflections of one sign")


# The verdict


def test_a_verdict_says_statistic_value_and_expectation():
    law = dense_law(200, 100, "normal", 0.1)
    verdict = check_draw(2 * draw(law, 0), law)
    assert isinstance(verdict, Verdict)
    assert verdict.law is law
    finding = next(f for f in verdict.broken if f.statistic == "root mean square of entries")
    assert isinstance(finding, Finding)
    # 5 standard errors, 1 / sqrt(2 n), of a root mean square of 2.
    assert abs(finding.value / 2 - 1) < 5 / math.sqrt(2 * 20_000)
    assert finding.expected == 1.0
    assert finding.probability < FALSE_ALARMS
    assert re.search(r"BROKEN root mean square of entries: (1\.9|2\.0).*expected 1 ", str(verdict))
    assert re.search(r"kept   shape: \(200, 100\), expected \(200, 100\) \(p = 1\)", str(verdict))


def test_the_array_is_left_as_it_was():
    for law, count in LAWS.values():
        sample = draws(law, count, 0)
        before = sample.copy()
        sample.flags.writeable = False
        check_draw(sample, law)
        np.testing.assert_array_equal(sample, before)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([[1.0]], r"must be a NumPy array of real numbers. Received: \[\[1.0\]\]"),
        (np.array([["a"]]), "Received: array of dtype <U1"),
        (np.array([[1j]]), "Received: array of dtype complex128"),
        (np.array([[None]]), "Received: array of dtype object"),
        (np.array([[True]]), "Received: array of dtype bool"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(array, message):
    with pytest.raises(TypeError, match=message):
        check_draw(array, dense_law(1, 1, "normal", 1.0))


def test_what_is_no_law_is_refused():
    with pytest.raises(TypeError, match=r"law must be a WeightLaw. Received: 'normal'"):
        check_draw(np.ones((1, 1)), "normal")


def test_whole_numbers_are_numbers_of_another_dtype():
    assert broken(np.zeros((1, 1), int), dense_law(1, 1, "constant", 0.0)) == "dtype"
