"""Statistics under the null hypothesis: standard normal at every number of repetitions."""

import math

import numpy as np
import pytest
from scipy import stats

from lookslinear.measures import (
    LARGEST_SCORE,
    estimate,
    normal_score,
    z_score,
    z_score_of_products,
)

MANY = 20_000
#: A p-value below this is a failure.
RARE = 1e-6


def samples_of(repetitions, seed=0):
    return np.random.default_rng([repetitions, seed]).standard_normal((repetitions, MANY))


@pytest.mark.parametrize("repetitions", [2, 3, 10, 100])
def test_scores_of_normal_samples_are_standard_normal(repetitions):
    scores = z_score(3 + 0.5 * samples_of(repetitions), np.full(MANY, 3.0))
    assert stats.kstest(scores, "norm").pvalue > RARE
    # Beyond 5 once in two million.
    assert np.abs(scores).max() < 5.5


@pytest.mark.parametrize("repetitions", [3, 10])
def test_the_naive_score_of_few_repetitions_is_rejected(repetitions):
    value, error = estimate(samples_of(repetitions))
    # Five standard errors, 1 / sqrt(2 n), of the standard deviation of n normal scores.
    assert abs(z_score(samples_of(repetitions), np.zeros(MANY)).std() - 1) < 5 / math.sqrt(2 * MANY)
    assert abs((value / error).std() - 1) > 10 / math.sqrt(2 * MANY)
    assert np.abs(value / error).max() > 5.5


@pytest.mark.parametrize("repetitions", [3, 10, 100])
def test_scores_of_a_wrong_expectation_are_rejected(repetitions):
    samples = samples_of(repetitions)
    scores = z_score(samples, np.full(MANY, 0.2))
    assert stats.kstest(scores, "norm").pvalue < RARE


@pytest.mark.parametrize(("repetitions", "scatter"), [(10, 0.02), (100, 0.05), (100, 0.2)])
def test_scores_of_products_are_standard_normal_for_small_scatter(repetitions, scatter):
    logs = scatter * samples_of(repetitions)
    scores = z_score_of_products(logs, np.full(MANY, math.exp(scatter**2 / 2)))
    assert stats.kstest(scores, "norm").pvalue > RARE


@pytest.mark.parametrize("repetitions", [3, 10, 100])
@pytest.mark.parametrize("scatter", [0.5, 1.0, 2.0])
def test_scores_of_products_raise_few_false_alarms_at_any_scatter(repetitions, scatter):
    logs = 1 + scatter * samples_of(repetitions)
    expected = np.full(MANY, math.exp(1 + scatter**2 / 2))
    scores = z_score_of_products(logs, expected)
    # Not exact for large scatter: beyond 5 less than once in two thousand, where the ordinary
    # score of the numbers themselves, whose rare large values are missing, is much worse.
    assert (np.abs(scores) > 5).mean() < 5e-4
    assert abs(scores.std() - 1) < 0.1
    if scatter == 2.0 and repetitions > 3:
        assert (np.abs(z_score(np.exp(logs), expected)) > 5).mean() > 5e-3


def test_scores_of_products_are_cox_s():
    logs = np.random.default_rng(3).normal(0.3, 0.8, 12)
    mean, variance = logs.mean(), logs.var(ddof=1)
    t = (mean + variance / 2 - math.log(2.5)) / math.sqrt(variance / 12 + variance**2 / (2 * 11))
    score = stats.norm.ppf(stats.t(11).cdf(t))
    assert np.isclose(z_score_of_products(logs[:, None], np.array([2.5]))[0], score, rtol=1e-9)
    # Without the terms of s^4, and without s^2 / 2, it is another number.
    assert abs(score - stats.norm.ppf(stats.t(11).cdf((mean - math.log(2.5)) / 0.3))) > 0.1


def test_a_mean_of_products_of_the_logs_alone_is_rejected():
    # Mutant: log E x taken for E log x.
    logs = samples_of(100)
    scores = z_score_of_products(logs, np.ones(MANY))
    assert stats.kstest(scores, "norm").pvalue < RARE


@pytest.mark.parametrize("degrees", [1, 2, 9, 99, 10**6])
def test_normal_scores_have_the_tail_probability_of_students_t(degrees):
    t = np.array([-30.0, -5, -1, -0.1, 0, 0.1, 1, 5, 30])
    scores = normal_score(t, degrees)
    expected = stats.t(degrees).sf(np.abs(t))
    inside = np.abs(scores) < 30
    np.testing.assert_allclose(stats.norm.sf(np.abs(scores))[inside], expected[inside], rtol=1e-7)
    np.testing.assert_array_equal(np.sign(scores), np.sign(t))
    np.testing.assert_array_equal(scores, -scores[::-1])


def test_scores_are_bounded():
    scores = normal_score(np.array([np.inf, -np.inf, 1e300, np.nan]), 1000)
    np.testing.assert_array_equal(scores, [LARGEST_SCORE, -LARGEST_SCORE, LARGEST_SCORE, np.nan])


def test_an_estimate_is_mean_and_standard_error():
    samples = np.random.default_rng(1).standard_normal((7, 4, 5))
    value, error = estimate(samples)
    np.testing.assert_allclose(value, samples.mean(axis=0))
    np.testing.assert_allclose(error, stats.sem(samples, axis=0))


def test_rounding_adds_to_the_standard_error():
    samples = np.random.default_rng(1).standard_normal((7, 3))
    _, plain = estimate(samples)
    _, rounded = estimate(samples, rounding=np.array([0.0, 1.0, 2.0]))
    np.testing.assert_allclose(rounded, np.sqrt(plain**2 + np.array([0, 1, 4])))
    equal = np.ones((5, 1))
    assert estimate(equal, rounding=1e-3).standard_error == 1e-3
    assert abs(z_score(equal, np.array([1.001]), rounding=1e-3)[0]) < 1
    assert abs(z_score_of_products(0 * equal, np.array([1.001]), rounding=1e-3)[0]) < 1


def test_repetitions_without_a_value_are_left_out():
    samples = np.array([[1.0, np.nan, np.nan], [3.0, 2.0, np.nan], [np.nan, 4.0, 5.0]])
    value, error = estimate(samples)
    np.testing.assert_array_equal(value, [2, 3, 5])
    np.testing.assert_array_equal(error, [1, 1, np.nan])
    expected = np.array([2.5, 2.5, 2.5])
    scores = z_score(samples, expected)
    np.testing.assert_allclose(scores[:1], z_score(samples[:2, :1], expected[:1]))
    assert np.isnan(scores[2])


@pytest.mark.parametrize("rows", [1, 3])
def test_nothing_but_missing_values_gives_nan(rows):
    samples = np.full((rows, 2), np.nan)
    for array in (*estimate(samples), z_score(samples, np.ones(2))):
        assert np.isnan(array).all()
    assert np.isnan(z_score_of_products(samples, np.ones(2))).all()


def test_a_single_repetition_has_no_score():
    assert np.isnan(z_score(np.ones((1, 2)), np.zeros(2))).all()
    assert np.isnan(z_score_of_products(np.ones((1, 2)), np.ones(2))).all()


def test_missing_products_are_left_out():
    logs = np.array([[0.1], [0.2], [0.4], [np.nan]])
    expected = np.array([1.5])
    scores = z_score_of_products(logs, expected)
    np.testing.assert_allclose(scores, z_score_of_products(logs[:3], expected))


@pytest.mark.parametrize("alive", [0.5, 0.9])
def test_products_of_zero_count_in_their_mean(alive):
    dead = np.random.default_rng(5).random((200, MANY)) > alive
    logs = np.where(dead, -np.inf, 0.1 * samples_of(200))
    expected = np.full(MANY, alive * math.exp(0.1**2 / 2))
    scores = z_score_of_products(logs, expected)
    # The log of a share of 200 is skew, and no more than nearly normal.
    assert abs(scores.mean()) < 0.1
    assert abs(scores.std() - 1) < 0.1
    assert (np.abs(scores) > 5).mean() < 5e-4
    # Mutant: zeros left out, which gives the mean of the others.
    assert np.median(np.abs(z_score_of_products(logs, expected / alive))) > 3


def test_equal_repetitions_off_their_expectation_are_as_far_off_as_can_be():
    scores = z_score(np.ones((4, 3)), np.array([0.0, 1.0, 2.0]))
    np.testing.assert_array_equal(scores, [LARGEST_SCORE, np.nan, -LARGEST_SCORE])
