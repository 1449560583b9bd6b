"""Co-activation against known values, quadrature and networks that are drawn."""

import numpy as np
import pytest

from lookslinear.errors import NotCoveredError
from lookslinear.measures import z_score
from lookslinear.theory.co_activation import (
    _fluctuation,
    _step,
    centred_co_activation,
    rectifier_co_activation,
)

WIDE = 10**9


def test_wide_nets_as_computed_before():
    """The layers 1, 2, 5, 10, 20 and 50 of nets without normalisation, to three digits."""
    found = rectifier_co_activation(50, WIDE)[[0, 1, 4, 9, 19, 49]]
    np.testing.assert_allclose(found, [0.25, 0.3016, 0.369, 0.413, 0.447, 0.475], atol=6e-4)


def test_the_first_layer_sees_the_inputs():
    assert rectifier_co_activation(1, 50, 0.5)[0] == pytest.approx(
        0.5 - np.arccos(0.5) / (2 * np.pi)
    )


@pytest.mark.parametrize("theta", [0.1, 0.7, 1.5, 2.6])
def test_derivatives_of_the_map_as_differences(theta):
    after, slope, bend, *_ = _step(theta)
    step = 1e-4
    up, down = _step(theta + step)[0], _step(theta - step)[0]
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-6)
    assert bend == pytest.approx((up - 2 * after + down) / step**2, rel=1e-4, abs=1e-6)


def products(theta, points=400):
    """E phi_i^p phi_j^q for p + q = 4, by the trapezoidal rule over the polar angle, E r^4 = 8."""
    angle = np.linspace(theta - np.pi / 2, np.pi / 2, points)
    one, other = np.cos(angle), np.cos(angle - theta)
    step = angle[1] - angle[0]  # the ends are 0
    return [4 / np.pi * step * (one**p * other**q).sum() for p, q in ((2, 2), (3, 1))]


@pytest.mark.parametrize("theta", [0.3, 1.2, 2.4])
def test_fluctuations_as_by_quadrature(theta):
    after = (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi
    both, cubed = products(theta)
    aa, ab, cc, ac = 5, 4 * both - 1, 4 * both / after**2 - 1, 4 * cubed / after - 1
    expected = after * (0.75 * aa + ab / 4 - ac), after**2 * (cc + aa / 2 + ab / 2 - 2 * ac)
    # 400 points of a smooth function that ends in double or single zeros: (pi / 400)^2 / 12.
    np.testing.assert_allclose(_fluctuation(theta, after), expected, rtol=1e-3, atol=1e-4)


def simulated(width, networks, depth, seed=0):
    """P(both active) of two orthogonal inputs, an array (networks, depth)."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(networks):
        h = rng.standard_normal((2, width))
        shares = []
        for _ in range(depth):
            active = h > 0
            # Halves of the units that speak for neither count the same, by symmetry.
            shares.append((active[0] == active[1]).mean() / 2)
            h = np.maximum(h, 0) @ (rng.standard_normal((width, width)) * (2 / width) ** 0.5)
        found.append(shares)
    return np.array(found)


def test_first_order_in_width_as_simulated():
    """3000 nets of 24 units, 8 layers: the limit of large width is refuted, the correction not."""
    found = simulated(24, 3000, 8)
    assert np.abs(z_score(found, rectifier_co_activation(8, 24))).max() < 5
    assert np.abs(z_score(found, rectifier_co_activation(8, WIDE))).max() > 5


def test_centred_batches():
    assert centred_co_activation(2) == pytest.approx(0)  # one of two is below the mean
    assert centred_co_activation(3) == pytest.approx(1 / 6)  # one or two of three, by turns
    assert centred_co_activation(WIDE) == pytest.approx(1 / 4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 5), ValueError, "depth must be at least 1"),
        ((5, 0), ValueError, "width must be at least 1"),
        ((6, 5), NotCoveredError, "nothing beyond 1. Received: depth 6, width 5"),
        ((2, 5, 1.0), ValueError, "between -1 and 1. Received: 1.0"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        rectifier_co_activation(*arguments)


def test_one_sample_has_no_pairs():
    with pytest.raises(ValueError, match="samples must be at least 2"):
        centred_co_activation(1)
