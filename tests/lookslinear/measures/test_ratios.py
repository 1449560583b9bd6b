"""Quotients of means: unbiased where means of quotients are not, with the right standard error."""

import numpy as np
import pytest
from scipy import stats

from lookslinear.measures import (
    autocorrelation,
    correlation,
    jackknife,
    lag_products,
    ratio,
    z_score,
    z_score_of_ratio,
)

RARE = 1e-6
MANY = 4000


def pairs(repetitions, scatter=1.0, rho=0.4, n=16, seed=0):
    """Correlated vectors whose lengths are lognormal, as deep networks' gradients are.

    The correlation of a network grows with its gradient's length; over all it is rho on average,
    weighted by squared lengths.
    """
    generator = np.random.default_rng([seed, repetitions])
    a, rest = generator.standard_normal((2, repetitions, MANY, n))
    length = scatter * generator.standard_normal((repetitions, MANY, 1))
    # Squared lengths exp(2 y) tilt y to a mean of 2 s^2: there, tanh(y - 2 s^2) is odd.
    own = rho + 0.5 * np.tanh(length - 2 * scatter**2)
    b = own * a + np.sqrt(1 - own**2) * rest
    return np.exp(length) * a, np.exp(length) * b


def products(a, b):
    return np.einsum("...n,...n", a, b), (np.square(a) + np.square(b)).sum(axis=-1) / 2


def test_a_correlation_is_a_quotient_of_sums_by_hand():
    a, b = np.array([[[1.0, 2.0]], [[0.0, 1.0]]]), np.array([[[2.0, 0.0]], [[1.0, 1.0]]])
    assert np.isclose(correlation(a, b).value[0], (2 + 1) / np.sqrt(6 * 6))


def test_correlations_of_vectors_of_random_length_are_unbiased():
    """Mutant: the mean of each network's own correlation, which forgets the lengths."""
    a, b = pairs(100, scatter=0.4)
    scores = z_score_of_ratio(*products(a, b), np.full(MANY, 0.4))
    # MANY independent scores: their mean has a standard deviation of 1 / sqrt(MANY); the tails of
    # lognormal lengths shift it by less than 0.2.
    assert abs(scores.mean()) < 5 / np.sqrt(MANY) + 0.2
    assert np.abs(scores).max() < 6
    above, below = products(a, b)
    assert abs(z_score(above / below, np.full(MANY, 0.4)).mean()) > 3


@pytest.mark.parametrize("repetitions", [5, 30])
def test_scores_of_ratios_are_standard_normal(repetitions):
    generator = np.random.default_rng(repetitions)
    common, noise = generator.standard_normal((2, repetitions, MANY))
    above, below = 0.3 * (2 + common) + 0.1 * noise, 2 + common
    scores = z_score_of_ratio(above, below, 0.3)
    assert stats.kstest(scores, "norm").pvalue > RARE
    # Mutant: another expectation.
    assert stats.kstest(z_score_of_ratio(above, below, 0.35), "norm").pvalue < RARE


@pytest.mark.parametrize("repetitions", [10, 40])
def test_the_jackknife_knows_its_scatter(repetitions):
    a, b = pairs(repetitions, scatter=0.1)
    value, error = correlation(a, b)
    # MANY repetitions of the whole estimate: their spread is known to 1 / sqrt(2 MANY), and the
    # jackknife's mean square is above it by O(1 / R).
    assert abs(np.sqrt(np.mean(error**2)) / value.std() - 1) < 5 / np.sqrt(2 * MANY) + 1 / (
        2 * repetitions
    )
    # Mutant: errors of independent numerators and denominators.
    above, below = products(a, b)
    naive = np.hypot(
        above.std(axis=0) / below.mean(axis=0),
        below.std(axis=0) * above.mean(axis=0) / below.mean(axis=0) ** 2,
    ) / np.sqrt(repetitions)
    assert np.mean(naive) > 1.1 * value.std()


def test_the_jackknife_of_a_mean_is_its_standard_error():
    samples = np.random.default_rng(1).standard_normal((7, 3, 4))
    value, error = jackknife(lambda mean: mean, samples)
    np.testing.assert_allclose(value, samples.mean(axis=0))
    np.testing.assert_allclose(error, stats.sem(samples, axis=0))


def test_one_repetition_has_no_standard_error():
    value, error = ratio(np.ones((1, 2)), np.full((1, 2), 4.0))
    np.testing.assert_array_equal(value, 0.25)
    assert np.isnan(error).all()
    assert np.isnan(z_score_of_ratio(np.ones((1, 2)), np.ones((1, 2)), 0.5)).all()


def test_rounding_stands_below_a_ratio_without_scatter():
    above, below = np.full((4, 1), 2.002), np.full((4, 1), 2.0)
    assert abs(z_score_of_ratio(above, below, 1.0, rounding=1e-3)[0]) < 1
    assert abs(z_score_of_ratio(above, below, 1.0, rounding=1e-5)[0]) > 3


def autocorrelation_oracle(samples, lag):
    above = [g[i] * g[i + lag] for g in samples for i in range(len(g) - lag)]
    return np.mean(above) / np.mean([g * g for row in samples for g in row])


def test_autocorrelations_as_the_oracle():
    samples = np.random.default_rng(2).standard_normal((3, 20)).cumsum(axis=1)
    lags = [0, 1, 7, 19]
    value = autocorrelation(samples, lags).value
    expected = [autocorrelation_oracle(samples, lag) for lag in lags]
    np.testing.assert_allclose(value, expected, rtol=1e-12)


def test_white_noise_has_no_autocorrelation_and_a_walk_has_one():
    samples = np.random.default_rng(3).standard_normal((50, 256))
    lags = [1, 2, 30]
    value, error = autocorrelation(samples, lags)
    expected = 1 / np.sqrt(50 * (256 - np.array(lags)))
    assert (np.abs(value) < 5 * expected).all()
    # 50 networks know a standard deviation to a tenth.
    assert (np.abs(error / expected - 1) < 0.5).all()
    assert (autocorrelation(samples.cumsum(axis=1), lags).value > 0.7).all()
    assert np.abs(z_score_of_ratio(*lag_products(samples, lags), np.zeros(3))).max() < 5


@pytest.mark.parametrize(
    ("lags", "error", "message"),
    [
        ([4], ValueError, "each of lags must be below 4, the samples. Received: 4."),
        ([-1], ValueError, "each of lags must be at least 0. Received: -1."),
        ([0.5], TypeError, "each of lags must be a whole number. Received: 0.5."),
        (1, TypeError, "lags must be a sequence of whole numbers. Received: 1."),
    ],
)
def test_bad_lags(lags, error, message):
    with pytest.raises(error, match=message):
        autocorrelation(np.ones((2, 4)), lags)


@pytest.mark.parametrize("shapes", [((3, 2), (2, 2)), ((0, 2), (0, 2)), ((), ())])
def test_other_numbers_of_repetitions(shapes):
    with pytest.raises(ValueError, match="samples must have the same number of repetitions"):
        ratio(*map(np.ones, shapes))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: correlation(np.ones((3, 4)), np.ones((3, 5))), r"one shape.*\(3, 4\), \(3, 5\)"),
        (lambda: correlation(np.ones(4), np.ones(4)), r"one shape.*Received: \(4,\)"),
        (lambda: autocorrelation(np.ones(4), [1]), r"samples must be .*Received: shape \(4,\)"),
    ],
)
def test_vectors_without_repetitions_or_partners_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
