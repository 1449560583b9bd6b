"""What theory says of a network, (stages, data) -> expected curves on the measured scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookslinear.theory import (
    NotCoveredError,
    Residual,
    Stage,
    backward_log_norm,
    backward_second_moments,
    finite_width_moments,
    forward_log_norm,
    forward_second_moments,
)
from lookslinear.theory.stages import Network, every_stage

#: A share of the mean second moment that no measurement can tell from nothing.
FAINT = 1e-9


@dataclass(frozen=True)
class Prediction:
    """Expected second moments of each layer, forward and backward.

    `scale` says of what: 'log', the mean over networks and samples of the log of the mean square
    over units, exact at finite width; or 'linear', the mean of the mean square itself: exact for
    1-homogeneous activations, else to first order in 1 / width for dense nets, and at infinite
    width for convolutions. A signal or gradient that a ReLU has made 0 counts in the mean and has
    no part in the log. Where nothing is predicted the arrays are NaN and `reason` says why.
    """

    scale: str
    forward: np.ndarray
    backward: np.ndarray
    reason: str = ""


def predict(stages: Network, x: np.ndarray) -> Prediction:
    """The prediction for a batch x: (samples, n), or (samples, channels, rows, columns).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> he = Stage(dense_law(32, 32, "normal", 0.25), "relu")
    >>> prediction = predict([he, he], np.ones((5, 32)))
    >>> prediction.scale, round(float(prediction.forward[1] - prediction.forward[0]), 3)
    ('log', -0.083)
    """
    moments = np.mean(np.square(x), axis=1)  # over features or channels; positions stay
    try:
        if x.ndim == 2 and _homogeneous(stages):
            return _logPrediction(stages, moments[moments > 0])  # a dead sample has no log
    except NotCoveredError:
        pass  # no exact law of the log; the mean itself may still be known
    try:
        _refuseBatches(stages)
        return _linearPrediction(stages, moments)
    except NotCoveredError as error:
        nothing = np.full(len(stages), np.nan)
        return Prediction("linear", nothing, nothing, str(error))


def _refuseBatches(stages: Network) -> None:
    if any(stage.normalisation != "none" for stage in every_stage(stages)):
        raise NotCoveredError(
            "normalisation is predicted over batches of samples that are all alike, which data are "
            "not."
        )


def _logPrediction(stages: Network, moments: np.ndarray) -> Prediction:
    forward = forward_log_norm(stages, moments).mean.mean(axis=1)
    return Prediction("log", forward, backward_log_norm(stages).mean)


def _linearPrediction(stages: Network, moments: np.ndarray) -> Prediction:
    if _homogeneous(stages):  # linear in the moments: one mean sample
        moments = moments.mean(axis=0, keepdims=True)
    if _hasCorrections(stages):
        # The corrections are ratios to a sample's moment; a dead sample stands for a faint one.
        moments = np.maximum(moments, FAINT * moments.mean())
        forward, backward = (both.mean(axis=1) for both in finite_width_moments(stages, moments))
        return Prediction("linear", forward, backward, _reasonForGaps(forward))
    forward = forward_second_moments(stages, moments)
    backward = backward_second_moments(stages, forward)
    return Prediction("linear", _means(forward), _means(backward))


def _reasonForGaps(forward: np.ndarray) -> str:
    if not np.isnan(forward).any():
        return ""
    layer = int(np.argmax(np.isnan(forward))) + 1
    return (
        f"from layer {layer} on, networks of this width differ too much for an expansion in "
        f"1 / width; use a larger width or a smaller depth."
    )


def _hasCorrections(stages: Network) -> bool:
    """Whether the first-order corrections in 1 / width are known and not zero."""
    return not _homogeneous(stages) and all(_isCorrected(element) for element in stages)


def _isCorrected(element: Stage | Residual) -> bool:
    if isinstance(element, Residual) or not element.plain or not element.law.scale:
        return False
    return not (element.law.receptive_field or element.activation.doubles)


def _homogeneous(stages: Network) -> bool:
    """Whether second moments behind the network are linear in those of its inputs."""
    behind = [element.activation for element in stages if isinstance(element, Residual)]
    inside = [stage.activation for stage in every_stage(stages)]
    return all(phi.homogeneous for phi in (*behind, *inside))


def _means(moments: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([moment.mean() for moment in moments])
