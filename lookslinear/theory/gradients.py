"""The way back: (element of a network, signals before it, gradients after it) -> before it.

A random gradient, independent of the network and the same for two samples, enters at the end. With
v the weight's variance and n' the units it writes,

    d = E phi'(h)^2 v n' d',        and for two samples        r = E phi'(h1) phi'(h2) v n' r'

summed over taps for convolutions; a residual sum adds s^2 d' and g^2 times what its branch passes,
whose cross terms vanish in wide layers. Batch normalisation multiplies by E 1 / s^2 of the
deviation s that it divides by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookslinear.activations import Activation
from lookslinear.theory.averages import derivative_moment, derivative_product_moment
from lookslinear.theory.batches import Batch
from lookslinear.theory.signals import (
    Signals,
    along,
    correlation_of,
    entry_variance,
    mean_inverse_variance,
    normalised,
    refuse_uncovered,
)
from lookslinear.theory.stages import Residual, Stage
from lookslinear.theory.taps import spread_over_taps

#: The moment of a gradient and its covariances between samples, as many as the signals before it
#: have; a moment alone asks for none.
Gradients = tuple[np.ndarray, ...]


def preceding(
    element: Stage | Residual, signals: Signals, gradients: Gradients, batch: Batch
) -> Gradients:
    """The gradients before one element, from those after it.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232. Residual sums, kernels and normalisation: derived
    here.
    """
    if isinstance(element, Residual):
        passed = along_branch(element, signals, gradients, batch)[0]
        return tuple(
            element.skip**2 * after + of_branch
            for after, of_branch in zip(gradients, passed, strict=True)
        )
    return _before_stage(element, signals, gradients, batch)


def along_branch(
    residual: Residual, signals: Signals, gradients: Gradients, batch: Batch
) -> list[Gradients]:
    """The gradients before each stage of a branch, and, last, behind the last one.

    References
    ----------
    Derived here.
    """
    inside = [signals, *along(residual.branch, signals, batch)]
    factors = _derivative_moments(residual.activation, 0.0, inside[-1], len(gradients))
    gradients = tuple(
        residual.scale**2 * factor * gradient
        for factor, gradient in zip(factors, gradients, strict=True)
    )
    passed = [gradients]
    for stage, before in zip(residual.branch[::-1], inside[-2::-1], strict=True):
        gradients = _before_stage(stage, before, gradients, batch)
        passed.append(gradients)
    return passed[::-1]


def arriving(stage: Stage, signals: Signals, gradient: np.ndarray) -> np.ndarray:
    """The second moment, or covariance, of W^T g.

    References
    ----------
    He et al. 2015, arXiv 1502.01852. Zero padding: derived here.
    """
    sides = np.shape(signals.moment)[-len(stage.law.receptive_field) :]
    gain = entry_variance(stage) * stage.law.output_channels
    return gain * spread_over_taps(gradient, stage, sides)


def _before_stage(stage: Stage, signals: Signals, gradients: Gradients, batch: Batch) -> Gradients:
    refuse_uncovered(stage)
    if not stage.law.variance:
        return tuple(np.zeros(np.shape(signals.moment)) for _ in gradients)
    inverse = mean_inverse_variance(stage, signals, batch)
    phi = "linear" if stage.linear else stage.activation
    read = normalised(stage, signals, batch)
    factors = _derivative_moments(phi, stage.mirror, read, len(gradients))
    return tuple(
        factor * inverse * arriving(stage, signals, gradient)
        for factor, gradient in zip(factors, gradients, strict=True)
    )


def _derivative_moments(
    phi: Activation | str, mirror: float, signals: Signals, count: int
) -> Sequence[np.ndarray | float]:
    """E phi'(h)^2, and E phi'(h1) phi'(h2) for the first pairs."""
    if getattr(phi, "name", phi) == "linear":
        return [1.0] * count
    q = signals.moment
    products = [
        derivative_product_moment(phi, q, q, correlation_of(k, q), mirror=mirror)
        for k in signals.covariances[: count - 1]
    ]
    return [derivative_moment(phi, q), *products]
