"""Weights of one norm for each unit: correct draws pass, wrong ones are rejected."""

import numpy as np
import pytest

from lookslinear.checks import check_draw
from lookslinear.laws import DTYPES
from lookslinear.sampling import draw
from tests.lookslinear.laws import law_between
from tests.lookslinear.test_checks import SEEDS, assert_rejected, draws, of_block, scaled_by

LAWS = {
    "outputs": (law_between(40, 60, "output_spheres"), 1),
    "outputs, kernel": (law_between(6, 40, "output_spheres", sides=(3, 3)), 1),
    "outputs, mirrored": (law_between(80, 40, "output_spheres", mirror=True), 1),
    "outputs, small": (law_between(3, 4, "output_spheres"), 200),
    "outputs of one number": (law_between(1, 60, "output_spheres"), 2),
    "inputs": (law_between(60, 40, "input_spheres"), 1),
    "inputs, keras": (law_between(40, 8, "input_spheres", sides=(3, 3), layout="keras"), 1),
    "inputs, gates": (law_between(60, 40, "input_spheres", blocks=2), 1),
    "inputs, groups": (law_between(20, 40, "input_spheres", sides=(3,), groups=2), 1),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_a_correct_sample_passes(name, dtype):
    law, count = LAWS[name]
    law = law.with_dtype(dtype)
    for seed in SEEDS:
        verdict = check_draw(draws(law, count, seed), law)
        assert verdict, str(verdict)


@pytest.mark.parametrize("name", LAWS)
def test_the_norms_are_those_of_the_law(name):
    law, _ = LAWS[name]
    weight = draw(law.with_dtype("float64"), 1)
    half = np.split(weight, 2, law.axes.input)[0] if law.mirror else weight
    kept = law.axes.output if law.family == "output_spheres" else law.axes.input
    for piece in np.split(half, law.pieces if kept == law.axes.input else 1, law.axes.output):
        others = tuple(axis for axis in range(weight.ndim) if axis != kept)
        np.testing.assert_allclose((piece**2).sum(axis=others), law.radius**2, rtol=1e-12)
    assert np.isclose((half**2).mean(), law.scale**2)


@pytest.mark.parametrize("name", LAWS)
def test_a_factor_of_two_is_rejected(name):
    for factor in (0.5**0.5, 2**0.5, 1.001):
        assert_rejected(scaled_by(factor), *LAWS[name], because="norm of a unit's weights")


def normalised(vectors, law):
    """Vectors, the last axis, with the law's norm."""
    return law.radius * vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize(
    "made",
    [
        lambda shape, rng: rng.uniform(-1, 1, shape),  # towards the corners of a cube
        lambda shape, rng: rng.standard_normal(shape) + 0.5,
        lambda shape, rng: np.broadcast_to(rng.standard_normal(shape[1:]), shape),
        lambda shape, rng: np.eye(*shape) + 1e-3,
        lambda shape, rng: rng.standard_normal(shape) * np.linspace(0.3, 2, shape[1]),
    ],
    ids=["cube", "mean", "one for all", "axes", "uneven"],
)
def test_another_direction_is_rejected(made):
    law = law_between(60, 100, "output_spheres")
    mutant = of_block(lambda block, rng: normalised(made(block.T.shape, rng), law).T)
    assert_rejected(mutant, law)


def test_the_other_units_norms_are_rejected():
    law, other = (law_between(60, 60, family) for family in ("output_spheres", "input_spheres"))
    assert_rejected(lambda _, rng: draw(other, rng), law, because="norm of a unit's weights")
    assert_rejected(lambda _, rng: draw(law, rng), other, because="norm of a unit's weights")


def test_normal_entries_are_rejected():
    normal = law_between(400, 100, "normal")
    assert_rejected(lambda _, rng: draw(normal, rng), law_between(400, 100, "output_spheres"))
