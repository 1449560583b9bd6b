"""Learning times against networks that are trained layer by layer, and integrals by hand."""

import math

import numpy as np
import pytest

from lookslinear.sampling import child_seed, haar_frame, standard_normal
from lookslinear.theory import (
    NotCoveredError,
    balanced_flow,
    learning_time,
    mode_learning_time,
)

N = 5


def frame(number):
    return haar_frame(N, N, child_seed(np.random.SeedSequence(1), number), "float64")


def target():
    return standard_normal((N, N), 7, "float64") / N**0.5


def trained(layers, goal, distance, step):
    """Depth * rate * updates until the distance is reached, between two by its logarithm."""
    layers, before = [layer.copy() for layer in layers], None
    for update in range(10**6):
        products = [np.eye(N)]
        for layer in layers:
            products.append(layer @ products[-1])
        error = products[-1] - goal
        present = np.log(np.sum(error**2))
        if present <= math.log(distance):
            return step * (update - (math.log(distance) - present) / (before - present))
        before = present
        for number in range(len(layers))[::-1]:
            slope, error = error @ products[number].T, layers[number].T @ error
            layers[number] -= step / len(layers) * slope
    return math.inf


@pytest.mark.parametrize("depth", [1, 2, 7])
def test_orthogonal_networks_learn_in_the_predicted_time(depth):
    layers = [frame(number) for number in range(depth)]
    start = np.linalg.multi_dot([np.eye(N), *layers[::-1], np.eye(N)])
    goal, distance = target(), 0.3
    coarse, fine, finest = (trained(layers, goal, distance, step) for step in (0.04, 0.02, 0.01))
    # The error in the step is c1 h + c2 h^2 + ..., and what is left after both is of third order.
    found = (8 * finest - 6 * fine + coarse) / 3
    predicted = learning_time(start, goal, depth, distance)
    assert abs(found - predicted) < 2e-4 * predicted
    wrong = learning_time(start, goal, depth + 1, distance)
    assert abs(found - wrong) > 5e-3 * predicted


@pytest.mark.parametrize("depth", [1, 2, 5, 40])
def test_modes_that_are_decoupled_learn_as_integrals_say(depth):
    left, right, strengths = frame(3), frame(4), np.linspace(1.1, 1.9, N)
    goal = left @ np.diag(strengths) @ right
    # All other modes have arrived, so that the one that has not is the whole distance.
    present = strengths.copy()
    present[2] = 0.5
    start = left @ np.diag(present) @ right
    end = strengths[2] - 0.1
    found = learning_time(start, goal, depth, 0.1**2)
    assert abs(found - mode_learning_time(0.5, end, strengths[2], depth)) < 1e-6 * found


def test_a_mode_in_closed_form():
    a, b, s = 0.2, 1.3, 1.5
    ratio = math.log(b * (s - a) / (a * (s - b)))
    assert math.isclose(mode_learning_time(a, b, s, 1), math.log((s - a) / (s - b)))
    assert math.isclose(mode_learning_time(a, b, s, 2), ratio / s)
    deep = ratio / s**2 + (1 / a - 1 / b) / s
    assert math.isclose(mode_learning_time(a, b, s, math.inf), deep)
    assert math.isclose(mode_learning_time(a, b, s, 10**6), deep, rel_tol=1e-5)
    assert math.isclose(mode_learning_time(b, a, 0, math.inf), (1 / a**2 - 1 / b**2) / 2)


def test_the_flow_is_that_of_balanced_layers():
    depth, values, goal = 4, np.linspace(0.4, 1.6, N), target()
    layers = [np.diag(values ** (1 / depth))] * depth
    layers = [layers[0] @ frame(5), *layers[1:-1], frame(6) @ layers[-1]]
    products = [np.linalg.multi_dot([np.eye(N), np.eye(N), *layers[:n][::-1]]) for n in range(5)]
    summed = np.zeros((N, N))
    for number in range(depth):
        before, after = products[number], products[-1] @ np.linalg.inv(products[number + 1])
        summed += after @ after.T @ (goal - products[-1]) @ before.T @ before
    np.testing.assert_allclose(balanced_flow(products[-1], goal, depth), summed / depth, atol=1e-12)


def test_what_has_arrived_takes_no_time_and_what_cannot_for_ever():
    assert learning_time(target(), target(), 3, 1e-9) == 0
    # A determinant keeps its sign, as the singular value that would have to pass through 0 slows.
    turned = np.diag([-1.0, *np.ones(N - 1)])
    assert learning_time(turned, np.eye(N), 4, 0.1, longest=50) == math.inf
    assert mode_learning_time(1, 1, 1.2, 3) == 0


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((np.ones((2, 3)), np.eye(2), 2, 0.1), ValueError, "start must be a square matrix"),
        ((np.eye(2), np.eye(3), 2, 0.1), ValueError, "one shape. Received: .2, 2. and .3, 3."),
        ((np.eye(2), np.eye(2) * np.nan, 2, 0.1), ValueError, "target must be a square matrix"),
        (("a", np.eye(2), 2, 0.1), TypeError, "start must be a number or an array of them"),
        ((np.eye(2), np.eye(2), 0, 0.1), ValueError, "depth must be at least 1"),
        ((np.eye(2), np.eye(2), 2, 0.0), ValueError, "distance must be more than 0"),
        ((np.eye(2), np.eye(2), 2, 0.1, -1), ValueError, "longest must be more than 0"),
    ],
)
def test_bad_arguments_of_flows_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        learning_time(*arguments)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0, 1, 2, 3), ValueError, "start must be more than 0"),
        ((0.1, 1, -2, 3), ValueError, "strength must be"),
        ((0.1, 1, 2, 0), ValueError, "depth must be at least 1"),
        ((0.1, 1, 2, 2.5), TypeError, "depth must be a whole number"),
        ((0.1, 1, 2, -math.inf), TypeError, "depth must be a whole number"),
        ((math.nan, 1, 2, 3), ValueError, "start must be finite"),
        ((0.1, 3, 2, 3), NotCoveredError, "never to 3"),
        ((0.1, 2, 2, 3), NotCoveredError, "never to 2"),
        ((1.0, 0.9, 2, 3), NotCoveredError, "never to 0.9"),
    ],
)
def test_bad_arguments_of_modes_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        mode_learning_time(*arguments)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((1.0, np.eye(2), 2), ValueError, r"product must be a square matrix.*: shape \(\)"),
        ((np.eye(2), np.eye(3), 2), ValueError, "product and target must have one shape"),
        (
            (np.eye(2), np.nan * np.eye(2), 2),
            ValueError,
            "target must be a square matrix",
        ),
        ((np.eye(2), np.eye(2), 0), ValueError, "depth must be at least 1. Received: 0"),
        ((np.eye(2), np.eye(2), 2.5), TypeError, "depth must be a whole number"),
    ],
)
def test_bad_arguments_of_a_single_flow_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        balanced_flow(*arguments)
