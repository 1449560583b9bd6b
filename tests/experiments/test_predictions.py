"""Predictions: which scale, which numbers, and a reason where there is none."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.special import comb, psi

from experiments.arms import Arm
from experiments.networks import stagesOf
from experiments.predictions import predict
from lookslinear.theory import Residual

WIDTH, DEPTH = 32, 6


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def predicted(text, x, network="dense", width=WIDTH, depth=DEPTH, s=3):
    return predict(stagesOf(Arm.parse(text), x.shape[1:], network, depth, width, s), x)


def heReluDrift(n):
    """E log of the factor a layer, of n units with Gaussian weights of variance 2 / n.

    The mean square becomes (2 / n) chi^2_K with K ~ Binomial(n, 1/2) open gates, K = 0 left out,
    and E log chi^2_K = psi(K / 2) + log 2.
    """
    k = np.arange(1, n + 1)
    weights = comb(n, k) / comb(n, k).sum()
    return weights @ psi(k / 2) + math.log(4 / n)


def test_he_relu_drifts_by_the_exact_law():
    x = normal(7, 64)
    prediction = predicted("heNormal/relu", x)
    assert prediction.scale == "log"
    drift = heReluDrift(WIDTH)
    assert 20 * drift == pytest.approx(-1.651, abs=5e-4)
    np.testing.assert_allclose(np.diff(prediction.forward), drift, rtol=1e-9)
    np.testing.assert_allclose(-np.diff(prediction.backward), drift, rtol=1e-9)
    # The first weights read the data without a gate: log of the data's mean square, 2, chi^2_n / n.
    start = np.log(np.square(x).mean(axis=1)).mean() + math.log(2)
    chi = psi(WIDTH / 2) - math.log(WIDTH / 2)
    assert prediction.forward[0] == pytest.approx(start + chi, rel=1e-9)
    assert prediction.backward[-1] == pytest.approx(chi, rel=1e-9)  # the gradient that enters


def test_glorot_relu_halves_he_relu():
    he, glorot = (predicted(f"{name}Normal/relu", normal(7, 64)) for name in ("he", "glorot"))
    np.testing.assert_allclose(np.diff(glorot.forward), np.diff(he.forward) - math.log(2))
    np.testing.assert_allclose(np.diff(glorot.backward), np.diff(he.backward) + math.log(2))


def test_looks_linear_is_flat():
    prediction = predicted("orthogonal+mirror/crelu", normal(7, 64), depth=1000)
    assert prediction.scale == "log"
    assert np.ptp(prediction.forward) < 1e-9  # rounding of a thousand sums
    assert np.ptp(prediction.backward) < 1e-9


def test_samples_of_zeros_have_no_log():
    x = normal(7, 64)
    dead = np.concatenate([x, np.zeros((3, 64))])
    np.testing.assert_allclose(
        predicted("heNormal/relu", dead).forward, predicted("heNormal/relu", x).forward
    )
    assert np.isfinite(predicted("heNormal/tanh", dead).forward).all()


@pytest.mark.parametrize(
    ("arm", "factor"),
    [("lecunUniform/relu", 0.5), ("heUniform/relu", 1.0), ("lecunUniform/linear", 1.0)],
)
def test_without_an_exact_law_of_the_log_the_mean_itself_is_predicted(arm, factor):
    prediction = predicted(arm, normal(7, 64))
    assert prediction.scale == "linear"
    np.testing.assert_allclose(prediction.forward[1:] / prediction.forward[:-1], factor)
    np.testing.assert_allclose(prediction.backward[:-1] / prediction.backward[1:], factor)
    assert prediction.backward[-1] == pytest.approx(1)


def test_convolutions_lose_at_the_border():
    flat = np.ones((2, 1, 8, 8))
    prediction = predicted("lecunNormal/linear", flat, "conv", width=4, depth=10)
    assert prediction.scale == "linear"
    assert prediction.forward[[0, -1]] == pytest.approx([(1 - 2 / 24) ** 2, 0.353], abs=5e-4)
    centre = predicted("orthogonal/linear", flat, "conv", width=4, depth=10)
    np.testing.assert_allclose(centre.forward, centre.forward[0], rtol=1e-12)


def test_tanh_is_predicted_with_its_first_correction():
    wide, narrow = (predicted("glorotNormal/tanh", normal(7, 64), width=n) for n in (4096, 32))
    assert wide.scale == "linear"
    assert (np.diff(wide.forward[1:]) < 0).all()
    assert not np.allclose(wide.forward[1:], narrow.forward[1:], rtol=1e-3)


@pytest.mark.parametrize(
    ("arm", "network", "reason"),
    [
        ("orthogonal+mirror/relu", "dense", "only after 'crelu'"),
        ("identity/relu", "dense", "identity weight does not mix"),
        ("orthogonal+pooling/relu", "conv", "'average' taps"),
    ],
)
def test_where_nothing_is_predicted_the_reason_stands(arm, network, reason):
    x = normal(3, 64) if network == "dense" else normal(3, 1, 8, 8)
    prediction = predicted(arm, x, network, width=8)
    assert reason in prediction.reason
    assert np.isnan(prediction.forward).all()
    assert np.isnan(prediction.backward).all()
    assert prediction.forward.shape == prediction.backward.shape == (DEPTH,)


def test_zeros_are_predicted_to_be_zero():
    prediction = predicted("zeros/relu", normal(3, 64))
    assert not prediction.forward.any()
    assert not prediction.backward[:-1].any()


def changed(text, x, **changes):
    first, second, *others = stagesOf(Arm.parse(text), x.shape[1:], "dense", DEPTH, WIDTH)
    return predict([first, dataclasses.replace(second, **changes), *others], x)


def test_what_no_correction_knows_of_is_predicted_at_infinite_width():
    x = normal(7, 64)
    plain, biased = (
        changed("glorotNormal/tanh", x),
        changed("glorotNormal/tanh", x, bias_variance=9.0),
    )
    assert not biased.reason
    assert biased.forward[1] == pytest.approx(9 + plain.forward[1], rel=0.05)
    stages = stagesOf(Arm.parse("glorotNormal/tanh"), (64,), "dense", 2, WIDTH)
    sums = predict([stages[0], Residual([stages[1]], scale=0.0)], x)
    assert sums.forward[1] == sums.forward[0] == pytest.approx(plain.forward[0])


def test_biases_have_no_exact_law_of_the_log():
    prediction = changed("heNormal/relu", normal(7, 64), bias_variance=1.0)
    assert prediction.scale == "linear"
    assert prediction.forward[1] == pytest.approx(prediction.forward[0] + 1)


def test_batches_of_data_are_not_alike():
    prediction = changed("heNormal/relu", normal(7, 64), normalisation="batch")
    assert np.isnan(prediction.forward).all()
    assert "samples that are all alike" in prediction.reason
