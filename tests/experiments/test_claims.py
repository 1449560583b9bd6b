"""The claims themselves, at small sizes: formulas twice; for each verdict, what would turn it."""

import dataclasses

import numpy as np
import pytest

from experiments.claims import grid, phases, release, residual
from experiments.claims.claim import CORRECTED, REFUTED, REPORTED, REPRODUCED, hold
from lookslinear.sampling import standard_normal
from lookslinear.theory import chi_1, correlation_fixed_point, fixed_point

POINTS = (phases.SPREAD, phases.ORDERED, phases.CRITICAL, phases.CHAOTIC)


def claimOf(claims, word):
    (found,) = [one for one in claims if word in one.claim]
    return found


@pytest.fixture
def small(monkeypatch):
    """Sizes that take a moment; of few networks a score is small, however far they are off."""

    def shrink(module, **sizes):
        for name, value in sizes.items():
            monkeypatch.setattr(module, name, value)

    return shrink


# The published formulas, beside our own


@pytest.mark.parametrize("point", POINTS)
def test_the_length_and_its_slope_are_ours(point):
    q = fixed_point("tanh", *point)
    assert phases.paperLength(point) == pytest.approx(float(q), rel=1e-9)
    assert phases.paperSlope(point) == pytest.approx(float(chi_1("tanh", point.weights, q)))


@pytest.mark.parametrize("point", [phases.SPREAD, phases.CHAOTIC])
def test_the_correlation_is_ours(point):
    ours = float(correlation_fixed_point("tanh", *point))
    assert phases.paperCorrelation(point) == pytest.approx(ours, abs=1e-8)


def test_a_block_spreads_as_its_matrix():
    """I + s D W of width 400, D = tanh'(h): the formula of one block, 1 / width beside it."""
    width, s = 400, 0.3
    numbers = standard_normal((2, width, width), 3, "float64")
    slopes = 1 - np.tanh(numbers[0]) ** 2  # as many rows of gates as there are
    values = []
    for gates in slopes[:20]:
        block = np.eye(width) + s * gates[:, None] * numbers[1] / np.sqrt(width)
        squares = np.linalg.svd(block, compute_uv=False) ** 2
        values.append(np.var(squares) / np.mean(squares) ** 2)
    d, f = np.mean(slopes**2), np.mean(slopes**4)
    expected = (2 * s**2 * d + s**4 * f) / (1 + s**2 * d) ** 2
    assert np.mean(values) == pytest.approx(expected, rel=0.05)


# Reproduced: the same law fails for other weights


def test_the_chaos_of_other_weights_is_not_reproduced(small):
    small(phases, WIDTH=128, DEPTH=12, NETWORKS=40)
    growth = claimOf(phases.CLAIMS, "chaotic phase")
    assert hold(growth).verdict == REPRODUCED
    other = dataclasses.replace(
        growth, measured=lambda: phases._gradientFactor(phases.Point(3.5, 0.05))
    )
    assert hold(other).verdict == REFUTED
    assert hold(other).contradicted


# Reported: nothing is decided, whatever is measured


def test_a_reported_number_decides_nothing(small):
    small(phases, WIDTH=128, DEPTH=12, NETWORKS=40)
    critical = claimOf(phases.CLAIMS, "1.76")
    known = dataclasses.replace(critical, reported=False)
    assert hold(critical).verdict == REPORTED
    assert hold(known).verdict == REPRODUCED
    measured = {"measured": lambda: phases._gradientFactor(phases.CHAOTIC)}
    assert hold(dataclasses.replace(critical, **measured)).verdict == REPORTED
    assert hold(dataclasses.replace(known, **measured)).verdict == REFUTED


# Reproduced with a correction: both the published number and the correction can fail


def test_the_gain_of_strided_kernels_is_corrected(small, monkeypatch):
    small(release, NETWORKS=6)
    looksLinear = claimOf(release.CLAIMS, "0.28")
    assert hold(looksLinear).verdict == CORRECTED
    real = release._growth
    ideal = release._stage(True, 0.254)  # that of the note
    monkeypatch.setattr(release, "_growth", lambda stage, images: real(ideal, images))
    found = hold(looksLinear)
    assert found.measured.value == pytest.approx(1, abs=0.005)
    assert found.contradicted
    assert found.verdict == REFUTED


# Not reproduced: what the note says turns it


def test_random_signs_make_the_factor_of_an_svd_uniform(small, monkeypatch):
    small(release, DRAWS=2000)
    entry, determinant = release.CLAIMS[-2:]
    assert hold(entry).verdict == hold(determinant).verdict == REFUTED
    signs = np.sign(standard_normal((release.DRAWS, 1, release.SIZE), 4, "float64"))
    factors = release._factors() * signs
    monkeypatch.setattr(release, "_factors", lambda: factors)
    assert hold(entry).verdict == hold(determinant).verdict == REPRODUCED


def test_centring_is_what_shatters(small):
    small(grid, WIDTH=64, DEPTH=24, NETWORKS=6)
    centred, textbook = grid.CLAIMS
    assert hold(centred).verdict == REPRODUCED
    assert hold(textbook).verdict == REFUTED


def test_the_activation_behind_the_weight_restores_the_law(small):
    """Blocks x + s relu(W x) would add a mean, so tanh shows that the order is what matters."""
    small(residual, WIDTH=48, BLOCKS=30, NETWORKS=12)
    before = residual._relativeVariance(residual._net("tanh"))
    behind = residual._relativeVariance(residual._net(behind="tanh"))
    assert abs(behind.score(residual.wideVariance("tanh"))) < 5
    assert before.value > behind.value
