"""First-order corrections in 1 / width, against narrow networks.

The prediction may be off by 5 standard errors of the mean over networks, which fails once in two
million, and by 2 / width^2, what it leaves out: at width 24 the correction itself is 8 to 16 times
that with Haar frames. The limit of infinite width fails the same test.
"""

import numpy as np
import pytest

from lookslinear.activations import activation
from lookslinear.laws import dense_law
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_second_moments,
    finite_width_moments,
    forward_second_moments,
)
from tests.lookslinear.laws import law_between
from tests.lookslinear.theory.nets import dense_stages, simulate

#: (family, widths, networks, samples): Gaussian weights scatter more and need more networks.
NETS = {
    "haar": ("haar", (20, 24, 24, 24, 24), 800, 48),
    "haar of changing width": ("haar", (20, 30, 18, 36, 24), 800, 48),
    "normal": ("normal", (16,) * 7, 8000, 8),
}


def limit_of(stages):
    forward = forward_second_moments(stages, 1.0)
    return np.array(forward), np.array(backward_second_moments(stages, forward))


def excess(measured, expected, widths):
    """By how many times the tolerance the mean over networks is off, at the worst stage."""
    means = measured.mean(axis=2)  # over samples
    error = means.std(axis=1, ddof=1) / np.sqrt(means.shape[1])
    tolerance = 5 * error + 2 / min(widths[1:]) ** 2 * expected
    return (np.abs(means.mean(axis=1) - expected) / tolerance).max()


@pytest.mark.parametrize("phi", ["tanh", "erf"])
@pytest.mark.parametrize("net", NETS)
def test_narrow_networks_follow_the_correction_and_not_the_limit(net, phi):
    family, widths, networks, samples = NETS[net]
    stages = dense_stages(widths, phi, family, gain=1.5)
    measured = simulate(stages, networks, seed=0, samples=samples)
    corrected, limit = finite_width_moments(stages, 1.0), limit_of(stages)
    assert max(excess(m, p, widths) for m, p in zip(measured, corrected, strict=True)) < 1
    mutants = [excess(m, p, widths) for m, p in zip(measured, limit, strict=True)]
    assert (min(mutants) if family == "haar" else max(mutants)) > 1


@pytest.mark.parametrize("phi", ["hardTanh", "elu", "selu", "sigmoid", "softplus"])
def test_other_curved_activations_follow_the_correction_too(phi):
    widths, networks, samples = (32,) * 6, 400, 24
    stages = dense_stages(widths, phi, "haar", gain=activation(phi).exact_gain)
    measured = simulate(stages, networks, seed=1, samples=samples)
    corrected, limit = finite_width_moments(stages, 1.0), limit_of(stages)
    assert max(excess(m, p, widths) for m, p in zip(measured, corrected, strict=True)) < 1
    # The correction is what makes the difference: by it alone the limit is farther off.
    distance = [
        np.abs(np.log(measured[1].mean(axis=(1, 2)) / p[1])).max() for p in (corrected, limit)
    ]
    assert distance[0] < distance[1]


def test_nothing_is_predicted_where_networks_differ_too_much():
    # SiLU's fixed point is unstable: what two networks differ by grows from layer to layer.
    stages = dense_stages((64,) * 11, "silu", "normal", gain=activation("silu").exact_gain)
    forward, backward = finite_width_moments(stages, 1.0)
    assert np.isfinite(forward[:6]).all()
    assert np.isnan(forward[6:]).all()
    assert np.isnan(backward[:-1]).all()
    wide = dense_stages((1024,) * 11, "silu", "normal", gain=activation("silu").exact_gain)
    assert np.isfinite(finite_width_moments(wide, 1.0)).all()


@pytest.mark.parametrize("family", ["normal", "haar"])
@pytest.mark.parametrize("phi", ["tanh", "erf", "selu"])
def test_corrections_fall_as_one_over_width(phi, family):
    corrections = []
    for width in (100, 200):
        stages = dense_stages((width,) * 6, phi, family, gain=1.3)
        both = zip(finite_width_moments(stages, 0.7), limit_of_moment(stages, 0.7), strict=True)
        corrections.append([(finite / limit - 1)[1:-1] for finite, limit in both])
    # A frame's own terms are in 1 / (n + 2): 2 of 100.
    np.testing.assert_allclose(corrections[0], 2 * np.array(corrections[1]), rtol=0.03)


def limit_of_moment(stages, moment):
    forward = forward_second_moments(stages, moment)
    return np.array(forward), np.array(backward_second_moments(stages, forward))


@pytest.mark.parametrize("family", ["normal", "haar"])
def test_linear_networks_need_no_correction(family):
    stages = dense_stages((10, 20, 15, 5), "linear", family, gain=1.2)
    for finite, limit in zip(finite_width_moments(stages, 1.0), limit_of(stages), strict=True):
        np.testing.assert_allclose(finite, limit, rtol=1e-10)


def test_samples_go_side_by_side():
    stages = dense_stages((20, 30, 18), "tanh", "haar")
    forward, backward = finite_width_moments(stages, np.array([0.5, 2.0]))
    assert forward.shape == backward.shape == (2, 2)
    for sample, moment in enumerate((0.5, 2.0)):
        single = finite_width_moments(stages, moment)
        np.testing.assert_allclose(forward[:, sample], single[0], rtol=1e-9)
        np.testing.assert_allclose(backward[:, sample], single[1], rtol=1e-9)


FIRST = Stage(dense_law(8, 8, "normal", 0.3))


@pytest.mark.parametrize(
    ("stages", "reason"),
    [
        (dense_stages((8, 8, 8), "crelu", "normal"), "dense layers without CReLU"),
        (dense_stages((8, 8, 8), "crelu", "haar", mirror=True), "dense layers without CReLU"),
        ([FIRST, Stage(law_between(8, 8, sides=(3, 3)), "tanh")], "dense layers without CReLU"),
        ([Stage(dense_law(8, 8, "normal", 0.3), "tanh")], "first stage must read.*'tanh'"),
        ([FIRST, Stage(dense_law(8, 8, "identity", 1.0), "tanh")], "does not mix its units"),
        ([FIRST, Stage(dense_law(8, 8, "constant", 0.5), "tanh")], "inputs coherently"),
        (
            [FIRST, Stage(dense_law(8, 8, "normal", 0.5, mirror=True), "tanh")],
            "only after 'crelu'",
        ),
    ],
)
def test_uncovered_networks_are_refused_with_the_reason(stages, reason):
    with pytest.raises(NotCoveredError, match=reason):
        finite_width_moments(stages, 1.0)
