"""Rows of comparisons: what stands in them, when they are judged, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.comparing import (
    CONTRADICTION,
    compared,
    comparedEstimate,
    contradicted,
    extrapolated,
    labelsOf,
)
from lookslinear.measures import Estimate

COLUMNS = ["quantity", "where", "measured", "standard_error", "predicted", "z"]


def normal(networks=50, places=3, mean=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, 0.1, (networks, places))


def test_a_row_a_place_with_labels_before_and_notes_behind():
    rows = compared(
        "R", [1, 2, 3], normal(), 1.0, published=[1, 2, 3], source="a paper", arm="a", net="b"
    )
    assert list(rows.columns) == ["arm", "net", *COLUMNS, "published", "source"]
    assert labelsOf(rows) == ["arm", "net", "quantity", "where"]
    assert rows["where"].tolist() == [1, 2, 3]
    assert rows["published"].tolist() == [1, 2, 3]
    assert list(compared("R", [1], normal(places=1)).columns) == COLUMNS


def test_numbers_are_the_mean_its_error_and_students_score():
    samples = normal()
    rows = compared("R", [1, 2, 3], samples, 1.02)
    t, p = stats.ttest_1samp(samples, 1.02)
    np.testing.assert_allclose(rows["measured"], samples.mean(axis=0))
    np.testing.assert_allclose(rows["standard_error"], stats.sem(samples))
    # The slow second way to the score: the two-sided tail of Student's t, seen as a normal one.
    np.testing.assert_allclose(rows["z"], np.sign(t) * stats.norm.isf(p / 2), rtol=1e-9)


def test_what_is_right_agrees_and_what_is_wrong_contradicts():
    """50 networks, a scatter of 0.1: the error is 0.014, so 0.2 beside is fourteen of them."""
    assert not contradicted(compared("R", [1, 2, 3], normal(), 1.0))
    assert contradicted(compared("R", [1, 2, 3], normal(), [1.0, 1.0, 1.2]))


def test_the_limit_itself_does_not_contradict():
    table = pd.DataFrame({"z": [CONTRADICTION, -CONTRADICTION, np.nan]})
    assert not contradicted(table)
    assert contradicted(table * 1.001)


def test_products_are_judged_through_their_logs():
    """The mean of exp of N(-s^2/2, s^2) is 1; its log's is not 0. 400 networks, s = 0.5."""
    logs = np.random.default_rng(0).normal(-0.125, 0.5, (400, 2))
    rows = compared("q", [1, 2], logs, 1.0, scale="products")
    assert abs(rows["measured"] - 1).max() < 5 * rows["standard_error"].max()
    assert not contradicted(rows)
    assert contradicted(compared("q", [1, 2], logs, 1.0, scale="log"))
    assert contradicted(compared("q", [1, 2], logs, np.exp(-0.125) ** 2, scale="products"))


@pytest.mark.parametrize(
    ("samples", "predicted", "z"),
    [
        ([[1.0], [1.0]], 1.0, 0.0),  # equal without any scatter
        ([[1.0], [1.0]], 1.1, -37.0),  # and different
        ([[1.0]], 1.0, 0.0),
        ([[1.0]], 1.1, np.nan),  # one network has no scatter
        ([[1.0], [2.0]], np.nan, np.nan),
        ([[np.inf], [2.0]], 1.0, np.nan),
        ([[np.nan], [np.nan]], 1.0, np.nan),
    ],
)
def test_scores_at_the_edges(samples, predicted, z):
    (found,) = compared("R", [1], samples, predicted)["z"]
    assert found == z or (np.isnan(found) and np.isnan(z))


def test_rounding_is_a_floor_of_the_error():
    assert not contradicted(compared("R", [1], np.ones((9, 1)), 1 + 1e-7, rounding=1e-7))
    assert contradicted(compared("R", [1], np.ones((9, 1)), 1 + 1e-5, rounding=1e-7))


def test_a_statistic_of_its_own_is_judged_by_its_error():
    found = Estimate(np.array([1.0, 2.0]), np.array([0.1, 0.1]))
    rows = comparedEstimate("r", [1, 2], found, [1.1, 3.0], degrees=10**7, source="a paper")
    np.testing.assert_allclose(rows["z"], [-1, -10], rtol=1e-4)
    assert contradicted(rows)
    # Few networks know their scatter badly: t = 10 of two of them is nothing.
    assert not contradicted(comparedEstimate("r", [1, 2], found, [1.1, 3.0], degrees=1))


@pytest.mark.parametrize("shape", [(3,), (4, 2), (3, 4, 1)])
def test_samples_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"shape \(networks, places\), places 3\. Received: \("):
        compared("R", [1, 2, 3], np.ones(shape))


def test_an_unknown_scale_is_refused():
    with pytest.raises(ValueError, match=r"unknown scale 'logs'\. Did you mean 'log'"):
        compared("R", [1], np.ones((2, 1)), scale="logs")


def test_extrapolation_removes_an_excess_of_one_over_width():
    r, excess = np.array([0.3]), 2.0
    narrow, wide = (Estimate(r + excess / n, np.array([0.01])) for n in (50, 100))
    value, error = extrapolated(narrow, wide)
    np.testing.assert_allclose(value, r)
    np.testing.assert_allclose(error, 0.01 * 5**0.5)
    assert extrapolated(narrow, wide, 0.1).standard_error > 0.1
