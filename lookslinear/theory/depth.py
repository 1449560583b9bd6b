"""Second moments of signal and gradient, layer by layer, through a list of stages.

Forward, with q the second moment of a pre-activation, V and D the maps of `maps`, v the weight's
variance and n the channels it reads,

    q' = v n V(q),    and for gradients    d = (1 - z) d+,    d+ = D(q) v n' d+'

summed over taps for convolutions. z = P(h = 0) is that of `silence`, and d+ the moment given
h != 0: a path from a unit that speaks meets, almost surely, no zero behind it, so that (1 - z)
enters once and not once a layer. At h = 0 a ReLU and a CReLU pass nothing; where all activations
from there on pass something, z times what they pass is added. Forward zeros need no term, since
phi(0) = 0.

Exact at every width for activations of two slopes and CReLU (independent weights and Haar frames,
in the mean over networks), but for two cases: full kernels are taken to leave no zeros (d is then
too large, by less than 2^-channels a ReLU layer), and where ReLU is mixed with activations that
pass gradients at 0, what lies behind a zero is taken to be silent as a whole, as it is in dense
nets (sparse ones of six units: 3 % off). The limit of large width for tanh and erf.

Sources: He et al. 2015, arXiv 1502.01852; Poole et al. 2016, arXiv 1606.05340; Schoenholz et al.
2017, arXiv 1611.01232; mirrored: Balduzzi et al. 2017, arXiv 1702.08591; zero padding and zeros:
derived here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookslinear.errors import NotCoveredError
from lookslinear.theory.maps import derivative_moment, second_moment
from lookslinear.theory.padding import sum_over_taps
from lookslinear.theory.silence import refuse_sparse_kernels, slope_at_zero, zero_shares
from lookslinear.theory.stages import Stage, as_entering_moment, check_chain


def forward_second_moments(
    stages: Sequence[Stage], input_moment: np.ndarray | float
) -> list[np.ndarray]:
    """The second moment of each stage's outputs.

    Parameters
    ----------
    stages : sequence of Stage
    input_moment : number or array
        The second moment of one input number. An array is propagated entry by entry: one for each
        sample, and for convolutions the positions as its last axes. Units: variance.

    Returns
    -------
    list of arrays, one a stage, shaped like `input_moment`

    Raises
    ------
    NotCoveredError
        For combinations without a formula, with the reason.
    ValueError, TypeError
        For stages that do not fit one another, and a moment that is negative or NaN.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> glorot = dense_law(64, 64, "normal", 1 / 8)
    >>> stages = [Stage(glorot)] + 3 * [Stage(glorot, "relu")]
    >>> [float(q) for q in forward_second_moments(stages, 1.0)]
    [1.0, 0.5, 0.25, 0.125]
    """
    check_chain(stages)
    moments, moment = [], as_entering_moment(input_moment, "input_moment")
    for stage in stages:
        moment = forward_step(stage, moment)
        moments.append(moment)
    return moments


def forward_step(stage: Stage, moment: np.ndarray) -> np.ndarray:
    """The second moment after one stage, from the one before it."""
    _refuse_uncovered(stage)
    if stage.law.family == "constant":  # of zeros: anything else is refused
        return np.zeros_like(moment)
    variance = _variance(stage)
    if stage.mirrored:
        return variance * stage.units * sum_over_taps(moment, stage)
    # V sums over the outputs of a unit, so units and not channels are counted.
    return variance * stage.units * sum_over_taps(second_moment(stage.activation, moment), stage)


def backward_second_moments(
    stages: Sequence[Stage],
    forward: Sequence[np.ndarray],
    output_gradient: np.ndarray | float = 1.0,
) -> list[np.ndarray]:
    """The second moment of the gradient with respect to each stage's outputs.

    A random gradient, independent of the network, enters at the last stage's outputs.

    Parameters
    ----------
    stages : sequence of Stage
    forward : sequence of arrays
        What `forward_second_moments` gave for them.
    output_gradient : number or array
        The second moment of one number of the gradient that enters.

    Returns
    -------
    list of arrays, one a stage, shaped like `forward`; the last is the gradient that enters

    Raises
    ------
    NotCoveredError
        As `forward_second_moments` does, and for sparse kernels on all taps with ReLU or CReLU.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> stages = 3 * [Stage(dense_law(64, 64, "normal", 1 / 8), "relu")]
    >>> forward = forward_second_moments(stages, 1.0)
    >>> [float(d) for d in backward_second_moments(stages, forward)]
    [0.25, 0.5, 1.0]

    With two units, one network of four sends nothing on after its first ReLU.

    >>> stages = 3 * [Stage(dense_law(2, 2, "normal", 1.0), "relu")]
    >>> [float(d) for d in backward_second_moments(stages, forward)]
    [0.75, 0.5625, 1.0]
    """
    check_chain(stages)
    gradient = as_entering_moment(output_gradient, "output_gradient")
    gradient = np.broadcast_to(gradient, np.shape(forward[-1]))
    refuse_sparse_kernels(stages)
    gradients, silent = [gradient], gradient
    zeros = zero_shares(stages)[-2::-1]
    for stage, moment, zero in zip(stages[:0:-1], forward[-2::-1], zeros, strict=True):
        gradient = backward_step(stage, moment, gradient)
        silent = _step_at_zero(stage, silent) if any(zeros) else silent
        # Without zeros not a sum with 0: what is silent may have overflown.
        gradients.append((1 - zero) * gradient + zero * silent if zero else gradient)
    return gradients[::-1]


def backward_step(stage: Stage, moment: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The gradient's second moment before one stage, from the one after it; both given h != 0.

    `moment` is the second moment of the pre-activations that enter the stage.
    """
    _refuse_uncovered(stage)
    if stage.law.family == "constant":
        return np.zeros_like(gradient)
    arriving = _arriving(stage, gradient)
    return arriving if stage.mirrored else derivative_moment(stage.activation, moment) * arriving


def _step_at_zero(stage: Stage, gradient: np.ndarray) -> np.ndarray:
    """The same where the pre-activations that enter the stage are 0, and so all behind them."""
    slope = slope_at_zero(stage.activation)
    if not slope or stage.law.family == "constant":
        return np.zeros_like(gradient)
    return slope * _arriving(stage, gradient)


def _arriving(stage: Stage, gradient: np.ndarray) -> np.ndarray:
    """The second moment of W^T g."""
    return _variance(stage) * stage.law.output_channels * sum_over_taps(gradient, stage)


def _variance(stage: Stage) -> float:
    """The mean square of an entry; an identity's few ones are spread over all its entries."""
    law = stage.law
    if law.family != "identity":
        return law.variance
    connected = min(stage.units, law.output_channels)
    return law.scale**2 * connected / (stage.units * law.output_channels)


def _refuse_uncovered(stage: Stage) -> None:
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


def _refuse_uncovered_identity(stage: Stage) -> None:
    linear = stage.mirrored or stage.activation.name == "linear"
    if not linear or stage.units > stage.law.output_channels:
        raise NotCoveredError(
            f"an identity weight does not mix its units, so the second moment is known only for "
            f"linear stages that keep every unit. Received: activation {stage.activation.name!r}, "
            f"{stage.units} units to {stage.law.output_channels}."
        )
