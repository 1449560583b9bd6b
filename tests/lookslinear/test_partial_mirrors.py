"""Weights that are mirrored to a degree: their law, their draws, and the checker of both.

The halves are W+ and W- = -r W+ + sqrt(1 - r^2) W'. Seeds are fixed; what a mutant must differ by
to be rejected is said where it is drawn.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from lookslinear import initializers
from lookslinear.backend import SeedGenerator
from lookslinear.checks import check_draw
from lookslinear.errors import NotCoveredError
from lookslinear.initializers import Mirrored, VarianceScaling, deserialize, serialize
from lookslinear.laws import DTYPES, dense_law, independent_share
from lookslinear.sampling import draw
from tests.lookslinear.laws import law_between
from tests.lookslinear.test_checks import assert_rejected, broken, draws

KINDS = {
    "dense": {},
    "kernel, keras": {"sides": (3, 3), "layout": "keras"},
    "centre": {"sides": (3, 5), "taps": "centre"},
    "average, torch": {"sides": (3, 3), "taps": "average", "layout": "torch"},
    "groups": {"sides": (2, 2), "groups": 2},
}
DEGREES = (0.01, 0.5, 0.99)


def halves(weight, law):
    return np.split(weight.astype(float), 2, law.axes.input)


# The law


def test_degrees_of_0_and_1_are_false_and_true():
    laws = {m: dense_law(8, 4, "uniform", 0.5, mirror=m) for m in (0, 1, 0.0, 1.0, np.float32(1))}
    for mirror, law in laws.items():
        assert law.mirror is bool(mirror)
        assert law == dense_law(8, 4, "uniform", 0.5, mirror=bool(mirror))
        assert not law.partly_mirrored
    law = dense_law(8, 4, "normal", 0.5, mirror=np.float64(0.25))
    assert (type(law.mirror), law.mirror, law.partly_mirrored) == (float, 0.25, True)
    assert law != dense_law(8, 4, "normal", 0.5, mirror=0.75)


def test_a_partly_mirrored_law_counts_the_channels_before_the_doubling():
    law = law_between(8, 6, sides=(3, 3), mirror=0.5)
    assert law.input_channels == 4
    assert law.fans == replace(law, mirror=True).fans
    assert law.half == law_between(4, 6, sides=(3, 3))


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"family": "uniform"}, "family 'uniform'.*Use mirror=True, or normal entries"),
        ({"family": "truncated_normal"}, "family 'truncated_normal'"),
        ({"family": "constant"}, "family 'constant'"),
        ({"family": "identity"}, "family 'identity'"),
        ({"sparsity": 0.5}, "none of them cut.*sparsity 0.5"),
        ({"mean": 1.0}, "mean 0.*mean 1.0"),
        ({"inputs": 7}, "even number of input channels.*7"),
        ({"mirror": 0.999, "dtype": "float16"}, "0.999 cannot be told from 1 in float16"),
        ({"mirror": 1 - 1e-12}, "cannot be told from 1 in float32. Use mirror=True"),
        ({"mirror": 1 + 1e-9}, "from 0 to 1"),
        ({"mirror": math.inf}, "from 0 to 1"),
    ],
)
def test_what_cannot_be_mirrored_to_a_degree_is_refused(claims, message):
    claims = {"inputs": 8, "outputs": 4, "family": "normal", "scale": 0.5, "mirror": 0.5} | claims
    with pytest.raises(ValueError, match=message):
        dense_law(**claims)
    if claims["mirror"] == 0.5 and claims["inputs"] == 8:
        dense_law(**claims | {"mirror": True})


# Drawing


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_the_halves_are_two_draws_of_which_the_second_is_blended(family, dtype):
    law = law_between(20, 12, family, mirror=0.6, dtype=dtype)
    rng = np.random.default_rng(5)
    first, other = (draw(law.half, rng).astype(float) for _ in range(2))
    plus, minus = halves(draw(law, np.random.default_rng(5)), law)
    np.testing.assert_array_equal(plus, first)
    eps = np.finfo(dtype).eps * np.abs(other).max()
    np.testing.assert_allclose(minus, -0.6 * first + 0.8 * other, atol=4 * eps)


@pytest.mark.parametrize("family", ["normal", "haar"])
def test_the_halves_have_the_laws_moments(family):
    law = dense_law(240, 120, family, 0.3, mirror=0.7)
    plus, minus = halves(draw(law, 1), law)
    # 120^2 entries: their second moment scatters by sqrt(2) / 120 of itself, and does not in a
    # frame; the correlation by at most 1 / 120. Six times that.
    for half in (plus, minus):
        assert abs((half**2).mean() / 0.09 - 1) < 6 * math.sqrt(2) / 120
    assert abs((plus * minus).mean() / 0.09 + 0.7) < 6 / 120


def test_a_half_of_a_frame_is_one_and_the_other_has_its_mean_squared_singular_value():
    law = dense_law(240, 120, "haar", 120**-0.5, mirror=0.6, dtype="float64")
    plus, minus = (np.linalg.svd(half, compute_uv=False) for half in halves(draw(law, 1), law))
    np.testing.assert_allclose(plus, 1, atol=1e-12)
    # W-W-' = 1 - 2 r s (U U'^T + ...) / 2, of eigenvalues 1 - 2 r s cos: between 0.04 and 1.96.
    assert abs((minus**2).mean() - 1) < 6 * 2 * 0.48 / 120
    assert 0.04 < (minus**2).min() < 0.1
    assert 1.9 < (minus**2).max() < 1.96


@pytest.mark.parametrize("family", ["normal", "haar"])
def test_the_number_of_threads_changes_no_bit(family):
    law = dense_law(1200, 900, family, 0.3, mirror=0.5)
    assert draw(law, 3, threads=1).tobytes() == draw(law, 3, threads=3).tobytes()


def test_empty_taps_hold_no_negative_zero():
    weight = draw(law_between(4, 6, sides=(3, 3), taps="centre", mirror=0.5), 0)
    assert not np.signbit(weight[weight == 0]).any()
    assert (weight == 0).sum() == 4 * 6 * 8


# The checker


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", ["normal", "haar"])
def test_a_correct_sample_passes(family, kind, dtype):
    for seed, degree in enumerate(DEGREES):
        law = law_between(24, 20, family, mirror=degree, dtype=dtype, **KINDS[kind])
        for count in (1, 3):
            verdict = check_draw(draws(law, count, seed), law)
            assert verdict, str(verdict)


def test_a_degree_next_to_one_is_read_through_the_rounding():
    # sqrt(1 - r^2) = 70 eps: what is left of W' has 6 bits, and 200,000 numbers must not show it.
    for dtype, law in ((d, dense_law(1000, 400, "normal", 0.3, dtype=d)) for d in DTYPES[:2]):
        degree = math.sqrt(1 - (70 * np.finfo(dtype).eps) ** 2)
        verdict = check_draw(draw(replace(law, mirror=degree), 0), replace(law, mirror=degree))
        assert verdict, str(verdict)


@pytest.mark.parametrize("family", ["normal", "haar"])
def test_the_chances_are_uniform(family):
    law = dense_law(12, 8, family, 0.3, mirror=0.5, dtype="float64")
    name = "correlation of" if family == "normal" else "root mean square of reflections between"
    verdicts = [check_draw(draws(law, 1, 10 + seed), law) for seed in range(400)]
    chances = [
        finding.probability
        for verdict in verdicts
        for finding in verdict.findings
        if finding.statistic == f"{name} the halves"
    ]
    assert len(chances) == 400
    assert stats.kstest(chances, "uniform").pvalue > 1e-6


def blended(first_factor, other_factor, share=1.0):
    """A sampler of halves W+ and a W+ + b W', scaled."""

    def sampler(law, rng):
        first, other = (draw(law.half, rng).astype(float) for _ in range(2))
        a, b = first_factor(law.mirror), other_factor(law.mirror)
        return np.concatenate([first, share * (a * first + b * other)], law.axes.input).astype(
            law.dtype
        )

    return sampler


#: Of 160 x 80 entries a half, 12,800, correlations scatter by 0.009: 0.1 off is eleven of that.
MUTANTS = {
    "degree too small": blended(lambda r: -(r - 0.1), lambda r: independent_share(r - 0.1)),
    "degree too large": blended(lambda r: -(r + 0.1), lambda r: independent_share(r + 0.1)),
    "of the other sign": blended(lambda r: r, independent_share),
    "uncorrelated": blended(lambda r: 0, lambda r: 1),
    "mirrored whole": blended(lambda r: -1, lambda r: 0),
    "not renormalised": blended(lambda r: -r, lambda r: 1),
    "shares that add up to 1": blended(lambda r: -r, lambda r: 1 - r),
    "the root forgotten": blended(lambda r: -r, lambda r: 1 - r * r),
    "the square forgotten": blended(lambda r: -r, lambda r: math.sqrt(1 - r)),
    "of another scale": blended(lambda r: -r, independent_share, share=1.2),
}


@pytest.mark.parametrize("kind", ["dense", "average, torch"])
@pytest.mark.parametrize("family", ["normal", "haar"])
@pytest.mark.parametrize("mutant", MUTANTS)
def test_other_blends_are_rejected(mutant, family, kind):
    law = law_between(320, 80, family, mirror=0.6, **KINDS[kind])
    assert_rejected(MUTANTS[mutant], law)


def test_a_wrong_degree_is_seen_in_the_correlation():
    law = dense_law(320, 80, "normal", 0.3, mirror=0.6)
    assert_rejected(MUTANTS["degree too small"], law, 1, "correlation of the halves")
    assert_rejected(MUTANTS["of the other sign"], law, 1, "correlation of the halves")


def test_a_small_error_of_the_degree_is_rejected():
    # 500 x 500 entries a half: correlations scatter by 0.002, and 0.02 is ten of that; by the
    # square root of 1 - r^2 it shows as 0.025 between W+ and W'.
    law = dense_law(1000, 500, "normal", 0.3, mirror=0.6)
    assert not check_draw(draw(replace(law, mirror=0.58), 1), law)
    assert check_draw(draw(law, 1), law)


def test_frames_that_lean_towards_each_other_are_rejected():
    # Both are frames, but W' has the signs of W+: only what is seen from W+ shows it.
    law = dense_law(12, 6, "haar", 0.3, mirror=0.6)

    def leaning(law, rng):
        first, other = (draw(law.half, rng).astype(float) for _ in range(2))
        if (first * other).sum() < 0:
            other = -other
        return np.concatenate([first, -0.6 * first + 0.8 * other]).astype("float32")

    assert_rejected(leaning, law, 60, "between the halves")


def test_swapped_halves_are_the_same_claim_for_normal_entries_but_not_for_frames():
    for family in ("normal", "haar"):
        law = dense_law(120, 60, family, 0.3, mirror=0.6)
        swapped = np.concatenate(np.split(draw(law, 1), 2)[::-1])
        assert bool(check_draw(swapped, law)) == (family == "normal")


def test_a_partly_mirrored_weight_is_no_sample_of_another_law():
    law = dense_law(240, 120, "normal", 0.3, mirror=0.3)
    weight = draw(law, 1)
    assert "halves of inputs of one sign" in broken(weight, replace(law, mirror=False))
    assert "arrangement" in broken(weight, replace(law, mirror=True))
    assert broken(draw(replace(law, mirror=False), 1), law)
    assert broken(draw(replace(law, mirror=True), 1), law)


def test_numbers_beside_the_taps_are_rejected():
    law = law_between(24, 20, sides=(3, 3), taps="centre", mirror=0.5)
    for half in (0, 12):
        weight = draw(law, 0)
        weight[0, half, 0, 0] = 1e-6
        assert "arrangement" in broken(weight, law)


# Keras's classes

INNER = (
    VarianceScaling(1.0, "fan_in", "untruncated_normal", seed=3),
    initializers.RandomNormal(stddev=0.2, seed=3),
    initializers.Orthogonal(seed=3),
)


@pytest.mark.parametrize("inner", INNER, ids=lambda inner: type(inner).__name__)
@pytest.mark.parametrize("shape", [(60, 40), (3, 3, 20, 30)])
def test_mirrored_takes_a_degree(inner, shape):
    mirrored = Mirrored(inner, mirror=0.4)
    law = mirrored.law(shape, "float32")
    assert (law.mirror, law.half) == (0.4, inner.law(law.half.shape, "float32"))
    weight = mirrored(shape, "float32")
    assert check_draw(weight, law)
    np.testing.assert_array_equal(weight, mirrored(shape, "float32"))
    np.testing.assert_array_equal(halves(weight, law)[0], inner(law.half.shape, "float32"))


def test_each_seed_of_a_generator_gives_other_halves():
    mirrored = Mirrored(initializers.RandomNormal(seed=SeedGenerator(1)), mirror=0.4)
    weights = np.stack([mirrored((60, 40), "float32") for _ in range(3)])
    assert check_draw(weights, mirrored.law((60, 40), "float32"))


def test_a_degree_survives_its_configuration():
    mirrored = Mirrored(INNER[0], mirror=0.4)
    again = deserialize(json.loads(json.dumps(serialize(mirrored))))
    assert again == mirrored != Mirrored(INNER[0], mirror=0.5)
    np.testing.assert_array_equal(again((6, 4)), mirrored((6, 4)))
    # Configurations from before there were degrees.
    config = {"initializer": serialize(INNER[0])}
    assert Mirrored.from_config(config) == Mirrored(INNER[0]) == Mirrored(INNER[0], mirror=1.0)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Mirrored("orthogonal", 0), ValueError, "a degree above 0.*mirror=0.*itself"),
        (lambda: Mirrored("orthogonal", 2), ValueError, "from 0 to 1. Received: 2"),
        (lambda: Mirrored("orthogonal", "0.5"), TypeError, "a number from 0 to 1.*'0.5'"),
        (lambda: Mirrored("he_uniform", 0.5)((4, 2)), ValueError, "family 'uniform'"),
        (lambda: Mirrored("he_normal", 0.5)((4, 2)), ValueError, "'truncated_normal'"),
        (
            lambda: Mirrored(lambda shape, dtype=None: np.ones(shape, dtype), 0.5)((4, 2)),
            NotCoveredError,
            "states no law, so neither does its mirror",
        ),
    ],
)
def test_bad_degrees_of_a_class_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
