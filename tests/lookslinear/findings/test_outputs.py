"""Laws of mirrored outputs, blocks, copies, other cuts and Hadamard's signs; and their mutants."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lookslinear.arranging import arrange, block_of
from lookslinear.checks import check_draw
from lookslinear.fans import Axes
from lookslinear.laws import DTYPES, WeightLaw, dense_law, truncated_deviation
from lookslinear.sampling import draw
from tests.lookslinear.laws import law_between
from tests.lookslinear.test_checks import assert_rejected, broken, draws, scaled_by

#: Each law, and how many draws are stacked.
LAWS = {
    "pairs, haar": (law_between(120, 60, "haar", mirror=True, mirror_outputs=True), 1),
    "pairs, normal kernel": (
        law_between(20, 40, sides=(3, 3), layout="keras", mirror=True, mirror_outputs=True),
        1,
    ),
    "pairs, first layer": (law_between(40, 60, mirror_outputs=True), 1),
    "pairs, half mirrored": (law_between(80, 60, mirror=0.5, mirror_outputs=True), 1),
    "pairs, frames half mirrored": (
        law_between(80, 60, "haar", mirror=0.5, mirror_outputs=True),
        1,
    ),
    "gates": (law_between(30, 120, "haar", blocks=4), 1),
    "gates, torch": (law_between(30, 60, "haar", blocks=3, layout="torch"), 2),
    "sub-pixel": (law_between(20, 80, sides=(3, 3), copies=4), 1),
    "sub-pixel, haar": (
        law_between(40, 160, "haar", sides=(3, 3), layout="keras", taps="centre", copies=4),
        1,
    ),
    "cut at half": (law_between(80, 40, "truncated_normal", truncation=0.5), 1),
    "cut at three": (law_between(200, 80, "truncated_normal", truncation=3.0), 4),
    "several axes": (WeightLaw((40, 6, 9), Axes(0, (1, 2)), "haar", 0.3), 1),
    "several inputs": (WeightLaw((6, 40, 9), Axes((0, 2), 1), "haar", 0.3), 1),
    "hadamard": (law_between(10, 24, "hadamard", sides=(3, 3), taps="centre"), 1),
}
PAIRS = [name for name in LAWS if name.startswith("pairs")]
SUB_PIXEL = [name for name in LAWS if name.startswith("sub-pixel")]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_a_correct_sample_passes(name, dtype):
    law, count = LAWS[name]
    law = law.with_dtype(dtype)
    verdict = check_draw(draws(law, count, 0), law)
    assert verdict, str(verdict)


@pytest.mark.parametrize("name", LAWS)
def test_a_factor_of_two_is_rejected(name):
    for factor in (0.5**0.5, 2**0.5):
        assert_rejected(scaled_by(factor), *LAWS[name])


def test_the_block_form_is_that_of_the_papers():
    law = dense_law(8, 6, "haar", 0.5, mirror=True, mirror_outputs=True, dtype="float64")
    weight = draw(law, 1)
    V = weight[:4, :3]
    np.testing.assert_array_equal(weight, np.block([[V, -V], [-V, V]]))
    assert law.block_shape == (4, 3)
    assert law.fans == (4, 3)
    first = draw(dense_law(4, 6, "haar", 0.5, mirror_outputs=True), 1)
    np.testing.assert_array_equal(first[:, 3:], -first[:, :3])


@pytest.mark.parametrize("name", PAIRS)
def test_outputs_that_are_no_mirror_images_are_rejected(name):
    law, count = LAWS[name]
    axis = law.axes.output

    def not_negated(law, rng):
        half, _ = np.split(draw(law, rng), 2, axis)
        return np.concatenate([half, half], axis)

    def independent(law, rng):
        half, _ = np.split(draw(law, rng), 2, axis)
        other, _ = np.split(draw(law, rng), 2, axis)
        return np.concatenate([half, -other], axis)

    for sampler in (not_negated, independent):
        assert_rejected(sampler, law, count, "entries off their arrangement")


def test_a_block_form_whose_last_block_is_not_turned_back_is_rejected():
    law, _ = LAWS["pairs, haar"]

    def mutant(law, rng):
        weight = draw(law, rng)
        weight[60:, 30:] *= -1
        return weight

    assert_rejected(mutant, law, 1, "entries off their arrangement")


def test_gates_that_share_a_frame_are_rejected():
    law, _ = LAWS["gates"]

    def joint(law, rng):
        """One frame for all gates, of the norm that the gates' have."""
        return draw(replace(law, blocks=1), rng)

    def equal(law, rng):
        return np.tile(draw(law, rng)[:, :30], 4)

    assert_rejected(joint, law, 1, "distance from orthonormal")
    assert_rejected(equal, law, 1, "neighbouring reflections")
    assert math.isclose(law.gain, 0.3 * math.sqrt(30))
    gates = np.split(draw(law.with_dtype("float64"), 1), 4, axis=1)
    for gate in gates:
        np.testing.assert_allclose(gate.T @ gate, law.gain**2 * np.eye(30), atol=1e-12)


@pytest.mark.parametrize("name", SUB_PIXEL)
def test_filters_that_are_not_neighbours_are_no_copies(name):
    law, count = LAWS[name]
    axis = law.axes.output

    def tiled(law, rng):
        block = block_of(draw(law, rng), law)
        whole = replace(law, copies=1)
        return arrange(np.concatenate([block] * law.copies, axis), whole)

    def own(law, rng):
        return draw(replace(law, copies=1), rng)

    for sampler in (tiled, own):
        assert_rejected(sampler, law, count, "entries off their arrangement")


@pytest.mark.parametrize(("bound", "other"), [(0.5, 1.5), (3.0, 2.0)])
def test_another_cut_is_rejected(bound, other):
    # 160,000 numbers, whose distributions are 0.008 or more apart: 0.008 sqrt(160,000) = 3.2.
    law = dense_law(400, 400, "truncated_normal", 0.3, truncation=bound)
    mutant = replace(law, truncation=other)
    assert_rejected(lambda _, rng: draw(mutant, rng), law)
    # The deviation before the cut taken for that after it.
    assert_rejected(scaled_by(truncated_deviation(bound)), law)


@pytest.mark.parametrize("bound", [0.1, 0.5, 1.0, 2.0, 2.5, 4.0, 9.0])
def test_the_deviation_after_a_cut_is_that_of_scipy(bound):
    from scipy import stats

    assert math.isclose(
        truncated_deviation(bound), stats.truncnorm(-bound, bound).std(), rel_tol=1e-9
    )


@pytest.mark.parametrize("bound", [0, -1.0, 0.01, "2", math.nan])
def test_bad_bounds_are_refused(bound):
    with pytest.raises((ValueError, TypeError), match="bound must be"):
        truncated_deviation(bound)


def test_hadamards_signs_are_sylvesters():
    from scipy.linalg import hadamard

    for inputs, outputs in ((3, 8), (5, 6), (1, 1), (16, 4)):
        weight = draw(dense_law(inputs, outputs, "hadamard", 0.5, dtype="float64"), 0)
        np.testing.assert_array_equal(weight, 0.5 * hadamard(16)[:inputs, :outputs])


def test_one_other_sign_is_rejected():
    law, _ = LAWS["hadamard"]
    weight = draw(law, 0)
    weight[0, 0, 1, 1] *= -1
    assert "entries off their value" in broken(weight, law)


@pytest.mark.parametrize(
    ("claims", "kind", "message"),
    [
        ({"mirror_outputs": 1}, TypeError, "mirror_outputs must be True or False. Received: 1"),
        ({"mirror_outputs": True, "blocks": 2}, ValueError, "not in groups or blocks.*2 blocks"),
        ({"mirror_outputs": True, "outputs": 7}, ValueError, "split evenly.*7 channels.*2"),
        ({"blocks": 4}, ValueError, "split evenly.*6 channels for a multiple of 4"),
        ({"blocks": 0}, ValueError, "blocks must be at least 1. Received: 0"),
        ({"blocks": 1.5}, TypeError, "blocks must be a whole number. Received: 1.5"),
        ({"copies": 4}, ValueError, "split evenly.*6 channels for a multiple of 4"),
        ({"copies": "4"}, TypeError, "copies must be a whole number. Received: '4'"),
        ({"truncation": 3.0}, ValueError, "only a 'truncated_normal' is cut. Received: .*3.0"),
        (
            {"family": "truncated_normal", "truncation": 0.05},
            ValueError,
            "truncation must be at least 0.1 standard deviations.*Received: 0.05",
        ),
        (
            {"family": "truncated_normal", "truncation": math.inf},
            ValueError,
            "truncation must be finite",
        ),
    ],
)
def test_bad_claims_are_refused(claims, kind, message):
    claims = {"family": "normal", "outputs": 6, **claims}
    with pytest.raises(kind, match=message):
        dense_law(4, claims.pop("outputs"), claims.pop("family"), 0.5, **claims)


def test_frames_need_some_of_both_axes():
    for axes in (Axes((), (0, 1)), Axes((0, 1), ()), Axes(0, 1, batch=(2,))):
        with pytest.raises(ValueError, match="frames that read and write some axes"):
            WeightLaw((3, 4, 5)[: 2 + bool(axes.batch)], axes, "haar", 0.5)
