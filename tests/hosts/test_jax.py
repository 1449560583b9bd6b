"""JAX beside us: what its initialisers draw keeps our laws. Layouts are the same as Keras's."""

import numpy as np
import pytest

from lookslinear import initializers as I
from lookslinear.checks import check_draw

jax = pytest.importorskip("jax")
J = jax.nn.initializers

#: JAX's initialisers, ours of the same law, and shapes.
SHAPES = ((40, 90), (3, 3, 8, 30))
PAIRS = {
    "truncated_normal, 2": (J.truncated_normal(0.2), I.Truncated(2.0, 0.2), SHAPES),
    "truncated_normal, 1": (
        J.truncated_normal(0.2, lower=-1.0, upper=1.0),
        I.Truncated(1.0, 0.2),
        SHAPES,
    ),
    "he_uniform": (J.he_uniform(), I.KaimingUniform(), SHAPES),
    "he_normal": (J.he_normal(), I.HeNormal(), SHAPES),
    "orthogonal": (J.orthogonal(1.5), I.Orthogonal(1.5), (*SHAPES, (60, 60))),
    "delta_orthogonal": (J.delta_orthogonal(), I.DeltaOrthogonal(), ((3, 3, 30, 40), (5, 20, 20))),
}
CASES = [(name, shape) for name, pair in PAIRS.items() for shape in pair[2]]


@pytest.mark.parametrize(("name", "shape"), CASES, ids=str)
def test_what_jax_draws_keeps_our_law(name, shape):
    theirs, ours, _ = PAIRS[name]
    array = np.asarray(theirs(jax.random.PRNGKey(7), shape, "float32"))
    verdict = check_draw(array, ours.law(shape))
    assert verdict, str(verdict)
    assert not check_draw(array * np.float32(1.2), ours.law(shape))


def test_what_jax_leaves_uncorrected_after_a_cut():
    """What docs/catalogue-notes.md says: 0.8796 of the deviation asked for is left."""
    drawn = np.asarray(J.truncated_normal(1.0)(jax.random.PRNGKey(0), (1000, 1000), "float32"))
    # Relative scatter of a deviation of 10^6 such numbers: sqrt((2.366 - 1) / 4e6) = 0.0006.
    assert abs(drawn.std() - 0.8796256610) < 5 * 0.0006


def test_uniform_of_jax_starts_at_zero():
    """What docs/catalogue-notes.md says: uniform(scale) is U[0, scale), of mean scale / 2."""
    drawn = np.asarray(J.uniform(1.0)(jax.random.PRNGKey(0), (1000, 100), "float32"))
    assert drawn.min() >= 0
    assert check_draw(drawn, I.RandomUniform(0.0, 1.0).law((1000, 100)))
