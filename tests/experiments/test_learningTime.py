"""The experiment learning-time: the task, the networks, when a loss is reached, and refusals."""

import numpy as np
import pytest

from experiments.arms import Arm
from experiments.learningNets import Learner, digitsTask, updatesTo
from experiments.learningTime import Config, prepare, unpredicted
from experiments.precision import computing


@pytest.fixture(scope="module")
def task():
    return digitsTask(10, 30, rng=0)


def test_theTaskIsWhitenedAndOddAndItsBestMapIsThatOfLeastSquares(task):
    np.testing.assert_allclose(task.x.T @ task.x / len(task.x), np.eye(10), atol=1e-12)
    np.testing.assert_array_equal(task.x[:30], -task.x[30:])
    np.testing.assert_array_equal(task.y[:30], -task.y[30:])
    least = np.linalg.lstsq(task.x, task.y, rcond=None)[0].T
    np.testing.assert_allclose(task.best, least, atol=1e-12)
    assert np.isclose(np.mean((task.x @ least.T - task.y) ** 2), task.floor)
    assert np.isclose(np.mean(task.y**2), task.loss(1.0))
    assert np.isclose(task.shares(task.loss(0.3)), 0.3)


def stepByHand(weights, task, rate):
    """A step of gradient descent on the mean squared error of a linear network, in NumPy."""
    signals = [task.x]
    for weight in weights:
        signals.append(signals[-1] @ weight)
    error = 2 * (signals[-1] - task.y) / task.y.size
    for number in range(len(weights))[::-1]:
        slope, error = signals[number].T @ error, error @ weights[number].T
        weights[number] = weights[number] - rate * slope
    return np.mean((signals[-1] - task.y) ** 2)


def test_networksLearnAsByHandAndLooksLinearOnesAsLinearOnes(task):
    arms = [Arm.parse(name) for name in ("orthogonal/linear", "orthogonal+mirror/crelu")]
    with computing("float64"):
        learners = [Learner(arm, 3, task) for arm in arms]
        found = [learner.losses(4, 0.2, 0.0, 12) for learner in learners]
        starts = [learner.begin(4) for learner in learners]
        weights = [weight.get_value() for weight in learners[0]._model.params]
    by_hand = [stepByHand(weights, task, 0.2 / 3 * 10 / 2) for _ in found[0]]
    np.testing.assert_allclose(found[0], by_hand, rtol=1e-10)
    np.testing.assert_allclose(found[1], found[0], rtol=1e-10)
    np.testing.assert_allclose(starts[1], starts[0], atol=1e-14)
    np.testing.assert_allclose(starts[0] @ starts[0].T, np.eye(10), atol=1e-12)
    assert len(found[0]) == 13


def test_aNetworkThatDivergesNeverLearns(task):
    with computing("float32"):
        learner = Learner(Arm.parse("orthogonal/linear"), 3, task)
        losses = learner.losses(4, 100.0, task.loss(0.1), 50)
    assert np.isnan(updatesTo(losses, task.loss(0.1), task.floor))


def test_aLossIsReachedBetweenTwoUpdates():
    losses = 3 + 8.0 * 0.5 ** np.arange(5)
    assert np.isclose(updatesTo(losses[:4], 3 + 8 * 0.5**2.25, 3.0), 2.25)
    assert updatesTo(losses[:1], 12.0, 3.0) == 0
    assert np.isnan(updatesTo(losses, 3.1, 3.0))
    assert np.isnan(updatesTo(np.array([4.0, np.nan]), 3.1, 3.0))
    assert np.isnan(updatesTo(np.array([]), 3.1, 3.0))


@pytest.mark.parametrize(
    ("arm", "reason"),
    [
        ("orthogonal/linear", ""),
        ("orthogonal+mirror/crelu", ""),
        ("orthogonal/crelu", "it is not linear."),
        ("orthogonal+mirror=0.5/crelu", "it is not linear."),
        ("glorotNormal+mirror/crelu", "its weights are not balanced."),
        ("orthogonal+relu/linear", "its weights are not balanced."),
    ],
)
def test_whatHasAPrediction(arm, reason):
    assert unpredicted(Arm.parse(arm)) == reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arm": ("heNormal/relu",)}, "linear or of CReLU here. Received: 'heNormal/relu'"),
        ({"depth": ()}, "depth must be at least one number"),
        ({"depth": (0,)}, "each of depth must be at least 1"),
        ({"depth": (2, 2)}, "each depth must stand once"),
        ({"factors": (-1.0,)}, "each of factors must be more than 0"),
        ({"width": 62}, "from 10 to 61.* Received: 62"),
        ({"samples": 20}, "from 32, twice the width, to 1797.* Received: 20"),
        ({"samples": 1798}, "Received: 1798"),
        ({"share": 1.0}, "share must be between 0 and 1"),
        ({"step": 0.0}, "step must be more than 0"),
        ({"longest": 0}, "longest must be at least 1"),
    ],
)
def test_badArgumentsAreRefused(changes, message):
    with pytest.raises(ValueError, match=message):
        prepare(Config(**changes))
