"""What no prediction is made from: stages that do not fit one another, and impossible moments."""

import warnings

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.theory import (
    Batch,
    NotCoveredError,
    Residual,
    Stage,
    backward_log_norm,
    backward_second_moments,
    correlations,
    derivative_moment,
    finite_width_moments,
    forward_log_norm,
    forward_second_moments,
    gradient_correlations,
    second_moment,
    spectral_law,
    weight_gradient_second_moments,
    wide_spectral_moments,
)
from tests.lookslinear.laws import law_between


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
        (np.inf, ValueError, "input_moment must be finite. Received: inf"),
        ([[1.0], [2.0, 3.0]], TypeError, "input_moment must be a number or an array of them"),
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
            lambda: backward_second_moments([stage(8, 8)], [1.0, 1.0]),
            ValueError,
            "forward must hold a second moment for each of 1 elements.*Received: 2",
        ),
        (
            lambda: backward_second_moments([stage(8, 8)], None),
            ValueError,
            "forward must hold a second moment for each of 1 elements.*Received: None",
        ),
        (
            lambda: backward_second_moments([stage(8, 8)], [-1.0]),
            ValueError,
            "each of forward must not be negative.*Received: -1.0",
        ),
        (
            lambda: finite_width_moments([stage(8, 8)], 0.0),
            ValueError,
            "input_moment must be positive.*Received: 0.0",
        ),
        (lambda: correlations([stage(8, 8)], 0.0, 0.5), ValueError, "q must be positive somewhere"),
        (
            lambda: gradient_correlations([stage(8, 8)], 1.0, 1.5),
            ValueError,
            "c0 must be from -1 to 1.*Received: 1.5",
        ),
        (
            lambda: wide_spectral_moments([stage(8, 8)], [1.0, 2.0]),
            TypeError,
            "input_moment must be a number",
        ),
        (
            lambda: spectral_law([stage(8, 8)], -1.0),
            ValueError,
            "input_moment must be more than 0. Received: -1.0",
        ),
        (
            lambda: backward_second_moments([stage(8, 8)], [1.0], -1.0),
            ValueError,
            "output_gradient must not be negative",
        ),
        (
            lambda: backward_second_moments([stage(8, 8)], [1.0], [1.0, 2.0]),
            ValueError,
            r"output_gradient must be a number, or .*\(\). Received: shape \(2,\)",
        ),
        (
            lambda: wide_spectral_moments([stage(8, 8)], 0),
            ValueError,
            "input_moment must be more than 0. Received: 0",
        ),
        (
            lambda: spectral_law([stage(8, 8)]).density([1.0, 0.0]),
            ValueError,
            r"x must be more than 0 and finite. Received: \[1. 0.\]",
        ),
        (lambda: spectral_law([stage(8, 8)]).density("1"), TypeError, "x must be a number or an"),
        (lambda: correlations([stage(8, 8)], np.inf, 0.5), ValueError, "q must be finite"),
        (lambda: correlations([stage(8, 8)], 1.0, np.nan), ValueError, "c0 must not be NaN"),
        (lambda: Batch(-np.inf), TypeError, "size must be a whole number. Received: -inf"),
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


# Networks with sums


def kernel(padding="zeros", stride=1):
    return Stage(law_between(8, 8, sides=(3, 3)), padding=padding, stride=stride)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Residual([stage(8, 7)]), ValueError, "as many units as it reads.*8 and writes 7"),
        (lambda: Residual([stage(8, 7), stage(8, 8)]), ValueError, "branch must fit.*read 7 units"),
        (lambda: Residual([]), ValueError, "branch must hold at least one Stage"),
        (lambda: Residual(stage(8, 8)), TypeError, "branch must be a sequence of Stage"),
        (lambda: Residual([Residual([stage(8, 8)])]), TypeError, "each of branch must be a Stage"),
        (lambda: Residual([stage(8, 8)], "1"), TypeError, "skip must be a number"),
        (lambda: Residual([stage(8, 8)], 1, np.inf), ValueError, "scale must be finite"),
        (lambda: Residual([stage(8, 8)], 1e200), ValueError, "skip and its square must be finite"),
        (lambda: Residual([stage(8, 8)], 1, 1, "crelu"), ValueError, "doubles the units.*'crelu'"),
        (lambda: Residual([stage(8, 8)], 1, 1, "rellu"), ValueError, "Did you mean 'relu'"),
        (lambda: Residual([kernel(stride=2)]), ValueError, "keeps the image's sides.*stride 2"),
        (lambda: Residual([kernel("valid")]), ValueError, "image's sides.*padding 'valid'"),
        (lambda: Stage(stage(8, 8).law, bias_variance=-1.0), ValueError, "must be at least 0"),
        (
            lambda: Stage(stage(8, 8).law, normalisation="bach"),
            ValueError,
            "unknown normalisation 'bach'. Did you mean 'batch'",
        ),
        (
            lambda: forward_second_moments([stage(8, 6), Residual([stage(8, 8)])], 1.0),
            ValueError,
            "stage 1 must read 6 units. Received: 8",
        ),
    ],
)
def test_sums_that_do_not_fit_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


EXACT = {
    "forward_log_norm": lambda stages: forward_log_norm(stages, 1.0),
    "backward_log_norm": backward_log_norm,
    "finite_width_moments": lambda stages: finite_width_moments(stages, 1.0),
}


@pytest.mark.parametrize("predict", EXACT.values(), ids=EXACT)
@pytest.mark.parametrize(
    ("element", "received"),
    [
        (Residual([stage(8, 8, "relu")]), "stage 1 is a Residual"),
        (Stage(stage(8, 8).law, bias_variance=0.1), "bias_variance=0.1"),
        (Stage(stage(8, 8).law, normalisation="batch"), "normalisation='batch'"),
    ],
)
def test_what_only_wide_networks_know_is_refused_at_finite_width(predict, element, received):
    with pytest.raises(NotCoveredError, match=received):
        predict([stage(8, 8), element])


def test_partly_mirrored_frames_have_no_exact_law_and_normal_weights_have():
    stages = {
        family: [Stage(dense_law(16, 8, family, 8**-0.5, mirror=0.5), "crelu")]
        for family in ("haar", "normal")
    }
    with pytest.raises(NotCoveredError, match=r"partly mirrored Haar.*: mirror 0.5"):
        forward_log_norm(stages["haar"], 1.0)
    whole = forward_log_norm([Stage(dense_law(16, 8, "normal", 8**-0.5), "crelu")], 1.0)
    assert forward_log_norm(stages["normal"], 1.0) == whole


@pytest.mark.parametrize("batch", [None, 64, "large"])
@pytest.mark.parametrize(
    "predict",
    [
        lambda net, batch: forward_second_moments(net, 1.0, batch),
        lambda net, batch: backward_second_moments(net, [1.0], 1.0, batch),
        lambda net, batch: weight_gradient_second_moments(net, 1.0, 1.0, batch),
        lambda net, batch: correlations(net, 1.0, 0.5, batch),
        lambda net, batch: gradient_correlations(net, 1.0, 0.5, batch),
    ],
)
def test_what_is_no_batch_is_refused_without_normalisation_too(predict, batch):
    with pytest.raises(TypeError, match=f"batch must be a Batch. Received: {batch!r}"):
        predict([stage(8, 8)], batch)
