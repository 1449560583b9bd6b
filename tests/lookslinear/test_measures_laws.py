"""Scores of variances and distributions: normal under the law, large beside it."""

import math

import numpy as np
import pytest
from scipy import special

from lookslinear.measures import judge_distribution, judge_variance
from lookslinear.sampling import standard_normal


def test_scores_under_the_law_are_normal():
    samples = standard_normal((4000, 50), 0, "float64")
    scores = np.array([judge_variance(row, 1.0, 3.0).z for row in samples])
    # Mean and variance of 4000 scores: errors 0.016 and 0.022; skewness leaves less than 0.02.
    assert abs(scores.mean()) < 5 * 0.016 + 0.02
    assert abs(scores.var() - 1) < 5 * 0.022 + 0.04
    distances = np.array([judge_distribution(row, special.ndtr).z for row in samples[:1000]])
    assert abs(distances.mean()) < 5 * 0.032 + 0.02
    assert abs(distances.var() - 1) < 5 * 0.045 + 0.02


def test_other_laws_are_rejected():
    samples = standard_normal((3000,), 1, "float64")
    assert judge_variance(1.3 * samples, 1.0, 3.0).z > 5
    assert judge_variance(samples / 1.3, 1.0, 3.0).z < -5
    assert judge_distribution(samples + 0.2, special.ndtr).z > 5
    assert judge_distribution(1.3 * samples, special.ndtr).z > 5


def test_values_and_errors():
    samples = standard_normal((400,), 2, "float64")
    found = judge_variance(samples, 1.0, 3.0)
    assert found.value == pytest.approx(samples.var(ddof=1))
    assert found.standard_error == pytest.approx(np.sqrt(2 / 399))
    distance = judge_distribution(samples, special.ndtr)
    assert (distance.expected, distance.standard_error) == pytest.approx((0.0434, 0.0130), rel=0.01)


@pytest.mark.parametrize("samples", [np.ones(1), np.ones((3, 2)), np.ones(0)])
def test_too_few_samples_are_refused(samples):
    with pytest.raises(ValueError, match=r"row of at least 2\. Received: shape"):
        judge_variance(samples, 1.0, 3.0)
    if samples.shape != (1,):
        with pytest.raises(ValueError, match="samples must be a row of at least 1"):
            judge_distribution(samples, special.ndtr)


@pytest.mark.parametrize(
    ("moments", "message"),
    [
        ((-1.0, 3.0), "variance must be at least 0. Received: -1.0"),
        ((math.nan, 3.0), "variance must be finite. Received: nan"),
        ((1.0, math.inf), "fourth must be finite. Received: inf"),
    ],
)
def test_moments_of_no_law_are_refused(moments, message):
    with pytest.raises(ValueError, match=message):
        judge_variance(np.ones(5), *moments)
