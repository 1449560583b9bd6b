"""What no prediction is made from: stages that do not fit one another, and impossible moments."""

import warnings

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.theory import (
    Stage,
    backward_log_norm,
    backward_second_moments,
    derivative_moment,
    finite_width_moments,
    forward_log_norm,
    forward_second_moments,
    second_moment,
)


def stage(read, written, activation="linear"):
    return Stage(dense_law(read, written, "normal", 0.5), activation)


FORWARD = (forward_second_moments, forward_log_norm, finite_width_moments)
PREDICTIONS = {
    **{
        predict.__name__: lambda stages, predict=predict: predict(stages, 1.0)
        for predict in FORWARD
    },
    "backward_second_moments": lambda stages: backward_second_moments(stages, [1.0, 1.0]),
    "backward_log_norm": backward_log_norm,
}


@pytest.mark.parametrize("predict", PREDICTIONS.values(), ids=PREDICTIONS)
@pytest.mark.parametrize(
    ("stages", "kind", "message"),
    [
        ([stage(8, 8), stage(5, 8)], ValueError, "stage 1 must read 8 units. Received: 5"),
        ([stage(8, 8), stage(8, 8, "crelu")], ValueError, "must read 8 units. Received: 4"),
        ([], ValueError, r"stages must hold at least one Stage. Received: \[\]"),
        (stage(8, 8), TypeError, "stages must be a sequence of Stage.* Received: Stage"),
        (
            [stage(8, 8), None],
            TypeError,
            "each of stages must be a Stage or Res.*: None",
        ),
    ],
)
def test_stages_that_do_not_fit_are_refused(predict, stages, kind, message):
    with pytest.raises(kind, match=message):
        predict(stages)


@pytest.mark.parametrize("predict", FORWARD)
@pytest.mark.parametrize(
    ("moment", "kind", "message"),
    [
        (-1.0, ValueError, "input_moment must not be negative.*Received: -1.0"),
        (np.array([1.0, np.nan]), ValueError, "input_moment must not be NaN"),
        (None, TypeError, "input_moment must be a number.*Received: None"),
        ("1", TypeError, "input_moment must be a number.*Received: '1'"),
    ],
)
def test_impossible_moments_are_refused(predict, moment, kind, message):
    with pytest.raises(kind, match=message):
        predict([stage(8, 8)], moment)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: second_moment("erf", -1.0), ValueError, "q must not be negative.*: -1.0"),
        (lambda: derivative_moment("erf", [1, -1]), ValueError, r"q must not be neg.*\[1, -1\]"),
        (lambda: Stage(None, "relu"), TypeError, "law must be a WeightLaw. Received: None"),
        (lambda: backward_log_norm([stage(8, 8)], -1.0), ValueError, "output_gradient must not"),
        (
            lambda: backward_second_moments([stage(8, 8)], [1.0], -1.0),
            ValueError,
            "output_gradient must not be negative",
        ),
    ],
)
def test_other_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_the_log_of_a_signal_of_zeros_is_minus_infinity_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        law = forward_log_norm([stage(8, 8), stage(8, 8, "relu")], np.array([0.0, 1.0]))
    assert np.isneginf(law.mean[:, 0]).all()
    assert np.isfinite(law.mean[:, 1]).all()
