"""The way forward: (element of a network, signals before it) -> signals after it, wide layers.

Second moments follow q' = v n V(q) + sb2, with v the weight's variance, n the units it reads and
sb2 the bias's variance; covariances of two samples k' = v n E phi(h1) phi(h2) + sb2; both summed
over taps for convolutions. A residual sum x' = s x + g f, of a branch that ends in weights, adds

    q' = s^2 q + g^2 q_f,      and, where it ends in an activation,      2 s g E[x] E[f]

since the weights of the branch leave x and f independent: means then add up, m' = s m + g E[f].
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from lookslinear.errors import NotCoveredError, refuse_other_kind
from lookslinear.theory.averages import mean, product_moment, second_moment
from lookslinear.theory.batches import Batch
from lookslinear.theory.stages import Network, Residual, Stage, every_stage
from lookslinear.theory.taps import sum_over_taps


@dataclass(frozen=True)
class Signals:
    """The numbers h of a layer, mean over units and networks.

    Parameters
    ----------
    moment : array
        E h^2.
    covariances : tuple of arrays
        E h1 h2 for pairs of samples of that moment. Where the network normalises, the last pair
        is one of the batch.
    mean : array or number
        E h over units; not 0 only behind an activation.
    normal : bool
        Whether h is normal over units, as sums over many are.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.
    """

    moment: np.ndarray
    covariances: tuple[np.ndarray, ...] = ()
    mean: np.ndarray | float = 0.0
    normal: bool = True


def normalises(stages: Network) -> bool:
    """Whether a network's samples depend on the batch that they are in."""
    return any(stage.normalisation != "none" for stage in every_stage(stages))


def entering(
    stages: Network, moment: np.ndarray, batch: Batch, *correlations: np.ndarray
) -> Signals:
    """The data, with pairs of these correlations."""
    refuse_other_kind(batch, Batch, "batch")
    pairs = [*correlations, batch.correlation] if normalises(stages) else correlations
    return Signals(moment, tuple(correlation * moment for correlation in pairs))


def following(element: Stage | Residual, signals: Signals, batch: Batch) -> Signals:
    """The signals after one element of a network.

    References
    ----------
    He et al. 2015, arXiv 1502.01852; Poole et al. 2016, arXiv 1606.05340. Zero padding, finite
    batches and branches that end in an activation: derived here.
    """
    if isinstance(element, Residual):
        inside = along(element.branch, signals, batch)[-1]
        return _sum(element, signals, _activated(element, inside))
    return _after_stage(element, signals, batch)


def along(stages: Iterable[Stage | Residual], signals: Signals, batch: Batch) -> list[Signals]:
    """The signals after each element."""
    passed = []
    for stage in stages:
        signals = following(stage, signals, batch)
        passed.append(signals)
    return passed


def normalised(stage: Stage, signals: Signals, batch: Batch) -> Signals:
    """What a stage's activation is given.

    With the covariance k of two samples of the batch, many of them, q - k is the variance about
    their mean. Of B samples, (q - k) (1 - 1 / B) is left and their covariance is -(q - k) / B;
    divided by their own deviation they are uniform on a sphere, which tells an activation of two
    slopes no more than that their correlation is -1 / (B - 1).

    References
    ----------
    Derived here.
    """
    if stage.normalisation == "none":
        return signals
    _refuse_uncovered_batches(stage, signals, batch)
    background = signals.covariances[-1]
    moment = _centred_moment(signals) * (1 - 1 / batch.size)
    # Of B samples only pairs of the batch are covered.
    shared = _centred_moment(signals) / batch.size if batch.finite else 0.0
    covariances = tuple(k - background - shared for k in signals.covariances)
    if stage.normalisation == "centre":
        return Signals(moment, covariances)
    correlations = tuple(correlation_of(k, moment) for k in covariances)
    return Signals(np.ones_like(moment), correlations)


def mean_inverse_variance(stage: Stage, signals: Signals, batch: Batch) -> np.ndarray | float:
    """E 1 / s^2 of the deviation s by which a stage's normalisation divides.

    .. math:: \\frac{1}{q - k} \\frac{B}{B - 3}

    since B s^2 / (q - k) is chi^2 of B - 1 degrees, independent of what is left after the division.

    References
    ----------
    Derived here.
    """
    if stage.normalisation != "batch":
        return 1.0
    if batch.size <= 3:
        raise NotCoveredError(
            f"E 1 / s^2 of the standard deviation of a batch is infinite up to 3 samples. "
            f"Received: {batch.size}."
        )
    few = batch.size / (batch.size - 3) if batch.finite else 1.0
    with np.errstate(divide="ignore"):  # nothing left to divide
        return few / _centred_moment(signals)


def correlation_of(covariance: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Their ratio, cut at -1 and 1 for rounding; 0 where there is no signal."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.clip(np.where(moment > 0, covariance / moment, 0.0), -1, 1)


def entry_variance(stage: Stage) -> float:
    """The mean square of an entry; an identity's few ones are spread over all its entries."""
    law = stage.law
    if law.family != "identity":
        return law.variance
    connected = min(stage.units, law.output_channels)
    return law.scale**2 * connected / (stage.units * law.output_channels)


def refuse_uncovered(stage: Stage) -> None:
    """Raises for weights that no recursion knows."""
    law = stage.law
    if law.axes.groups != 1:
        raise NotCoveredError(f"groups are not predicted. Received: {law.axes.groups} groups.")
    if law.family == "constant" and law.scale != 0:
        raise NotCoveredError(
            f"a constant weight adds its inputs coherently, so the second moment depends on their "
            f"mean; only zeros are predicted. Received: {law.scale}."
        )
    if law.family == "identity":
        _refuse_uncovered_identity(stage)
    if law.family in ("haar", "identity") and law.taps == "all" and law.receptive_field:
        raise NotCoveredError(
            f"a kernel of family {law.family!r} is predicted only on its centre tap."
        )


def _after_stage(stage: Stage, signals: Signals, batch: Batch) -> Signals:
    refuse_uncovered(stage)
    # An identity would pass on what a mean makes of the units, a random weight mixes it.
    _refuse_no_normal(stage, signals)
    signals = normalised(stage, signals, batch)
    # V sums over the outputs of a unit, so units and not channels are counted.
    gain = entry_variance(stage) * stage.units
    if not gain:
        signals = _silenced(signals)
    moment, products = _activated_moments(stage, signals)
    sums = [sum_over_taps(value, stage, moment) for value in (moment, *products)]
    moment, *covariances = (gain * value + stage.bias_variance for value in sums)
    return Signals(moment, tuple(covariances))


def _activated_moments(stage: Stage, signals: Signals) -> tuple[np.ndarray, tuple]:
    q = signals.moment
    if stage.linear:
        return q, signals.covariances
    phi, mirror = stage.activation, stage.mirror
    products = tuple(
        product_moment(phi, q, q, correlation_of(k, q), mirror=mirror) for k in signals.covariances
    )
    return second_moment(phi, q), products


def _activated(residual: Residual, signals: Signals) -> Signals:
    """The branch of a residual sum, its last activation included."""
    phi, q = residual.activation, signals.moment
    if phi.name == "linear":
        return signals
    products = tuple(product_moment(phi, q, q, correlation_of(k, q)) for k in signals.covariances)
    return Signals(second_moment(phi, q), products, mean(phi, q), normal=False)


def _sum(residual: Residual, signals: Signals, branch: Signals) -> Signals:
    _refuse_uncovered_sum(residual)
    skip, scale = residual.skip, residual.scale
    cross = 2 * skip * scale * signals.mean * branch.mean
    moment, *covariances = (
        skip**2 * before + scale**2 * behind + cross
        for before, behind in zip(
            (signals.moment, *signals.covariances),
            (branch.moment, *branch.covariances),
            strict=True,
        )
    )
    return Signals(
        moment,
        tuple(covariances),
        skip * signals.mean + scale * branch.mean,
        signals.normal and branch.normal,
    )


def _silenced(signals: Signals) -> Signals:
    """Zeros: not a product with 0, since a moment may have overflown."""
    return replace(
        signals,
        moment=np.zeros_like(signals.moment),
        covariances=tuple(np.zeros_like(k) for k in signals.covariances),
    )


def _centred_moment(signals: Signals) -> np.ndarray:
    return signals.moment - signals.covariances[-1]


def _refuse_no_normal(stage: Stage, signals: Signals) -> None:
    mixes = stage.linear and stage.law.family != "identity"
    if not (mixes or signals.normal):
        raise NotCoveredError(
            f"the sum that a branch with an activation behind it is part of is not normal: it must "
            f"be read by a linear stage of random weights, or by the next sum. Received: a stage "
            f"of family {stage.law.family!r}, activation {stage.activation.name!r}."
        )


def _refuse_uncovered_batches(stage: Stage, signals: Signals, batch: Batch) -> None:
    if stage.law.receptive_field:
        raise NotCoveredError(
            "the mean over the batch of an image depends on the correlation of its positions: "
            "normalisation is predicted for dense layers."
        )
    if not signals.normal:
        raise NotCoveredError(
            "units behind a branch that ends in an activation differ in their mean over the batch: "
            "their normalisation is not predicted."
        )
    curved = stage.activation.slopes is None and not stage.activation.doubles
    if batch.finite and stage.normalisation == "batch" and curved:
        raise NotCoveredError(
            f"divided by their own deviation, {batch.size} samples are not normal: this is "
            f"predicted for activations of two slopes and CReLU, or for large batches. "
            f"Received: {stage.activation.name!r}."
        )


def _refuse_uncovered_sum(residual: Residual) -> None:
    if all(stage.law.family == "identity" for stage in residual.branch):
        raise NotCoveredError(
            "a branch of identities adds what enters to itself: a residual sum is predicted for "
            "branches with a random weight, or one of zeros."
        )


def _refuse_uncovered_identity(stage: Stage) -> None:
    if not stage.linear or stage.units > stage.law.output_channels:
        raise NotCoveredError(
            f"an identity weight does not mix its units, so the second moment is known only for "
            f"linear stages that keep every unit. Received: activation {stage.activation.name!r}, "
            f"{stage.units} units to {stage.law.output_channels}."
        )
