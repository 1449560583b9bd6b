"""Co-activation, held to a count pair by pair."""

import itertools

import numpy as np
import pytest

from lookslinear.measures import co_activation


def test_as_counted_pair_by_pair():
    active = np.random.default_rng(0).random((3, 2, 5, 7)) < 0.3
    both = co_activation(active)
    pairs = itertools.combinations(range(5), 2)
    counted = [active[:, :, i] & active[:, :, j] for i, j in pairs]
    np.testing.assert_allclose(both.fraction.value, active.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(both.pairs.value, np.mean(counted, axis=(0, 1, 3)), rtol=1e-12)
    assert both.pairs.standard_error.shape == (2,)


def test_independent_halves_meet_in_a_quarter():
    """Mutant: the pairs of a sample with itself counted too."""
    active = np.random.default_rng(1).random((40, 8, 500)) < 0.5
    value, error = co_activation(active).pairs
    assert abs(value - 0.25) < 5 * error
    counts = active.sum(axis=1)
    assert abs(np.mean(counts**2) / 64 - 0.25) > 20 * error


@pytest.mark.parametrize(
    ("active", "error", "message"),
    [
        (np.ones((2, 3, 4)), TypeError, "active must be an array of bools. Received: dtype float"),
        (np.ones((2, 1, 4), bool), ValueError, "at least two samples. Received: shape"),
        (np.ones((3, 4), bool), ValueError, r"active must be \(networks, ..., samples, units\)"),
    ],
)
def test_bad_activity(active, error, message):
    with pytest.raises(error, match=message):
        co_activation(active)
