"""Second moments of signal and gradient, layer by layer, through a network.

`signals` and `gradients` hold the step through one layer; here are lists of them. For plain chains
of layers the gradient at a unit that is silent is kept apart,

    d = (1 - z) d+,    d+ = D(q) v n' d+'

with z = P(h = 0) that of `silence`, and d+ the moment given h != 0: a path from a unit that speaks
meets, almost surely, no zero behind it, so that (1 - z) enters once and not once a layer. At h = 0
a ReLU and a CReLU pass nothing; where all activations from there on pass something, z times what
they pass is added. Forward zeros need no term: where phi(0) = 0 they pass on nothing, and where it
is not, none arise behind it.

Exact at every width for plain chains of activations of two slopes and CReLU (independent weights
and Haar frames, in the mean over networks), but for two cases: full kernels are taken to leave no
zeros (d is then too large, by less than 2^-channels a ReLU layer), and where ReLU is mixed with
activations that pass gradients at 0, what lies behind a zero is taken to be silent as a whole, as
it is in dense nets (sparse ones of six units: 3 % off). The limit of large width for curved
activations, residual sums, normalisation, and gradients of weights.

Sources: He et al. 2015, arXiv 1502.01852; Poole et al. 2016, arXiv 1606.05340; Schoenholz et al.
2017, arXiv 1611.01232; mirrored: Balduzzi et al. 2017, arXiv 1702.08591; zero padding, zeros,
finite batches and branches that end in an activation: derived here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lookslinear.errors import NotCoveredError, refuse_other_kind
from lookslinear.theory.averages import second_moment
from lookslinear.theory.batches import Batch
from lookslinear.theory.gradients import along_branch, arriving, preceding
from lookslinear.theory.pairs import as_crelu, gradient_shares
from lookslinear.theory.signals import (
    Signals,
    along,
    entering,
    following,
    normalised,
    normalises,
)
from lookslinear.theory.silence import refuse_sparse_kernels, slope_at_zero, zero_shares
from lookslinear.theory.stages import (
    Network,
    Residual,
    Stage,
    as_entering_moment,
    as_moment,
    check_chain,
    every_stage,
)
from lookslinear.theory.taps import count_over_taps, taps_that_carry

#: What a network is given by default where it normalises.
MANY = Batch()


def forward_second_moments(
    stages: Network, input_moment: np.ndarray | float, batch: Batch = MANY
) -> list[np.ndarray]:
    """The second moment of each element's outputs.

    Parameters
    ----------
    stages : sequence of Stage and Residual
    input_moment : number or array
        The second moment of one input number. An array is propagated entry by entry: one for each
        sample, and for convolutions the positions as its last axes. Units: variance.
    batch : Batch
        What stages with a normalisation see; each sample is taken to be in a batch of its like.

    Returns
    -------
    list of arrays, one an element, shaped like `input_moment`; strides and 'valid' padding change
    the positions

    Raises
    ------
    NotCoveredError
        For combinations without a formula, with the reason.
    ValueError, TypeError
        For stages that do not fit one another, and a moment that is negative or not finite.

    References
    ----------
    He et al. 2015, arXiv 1502.01852; Poole et al. 2016, arXiv 1606.05340; mirrored: Balduzzi et al.
    2017, arXiv 1702.08591. Zero padding, finite batches and branches that end in an activation:
    derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> glorot = dense_law(64, 64, "normal", 1 / 8)
    >>> stages = [Stage(glorot)] + 3 * [Stage(glorot, "relu")]
    >>> [float(q) for q in forward_second_moments(stages, 1.0)]
    [1.0, 0.5, 0.25, 0.125]

    Residual sums without normalisation double (Balduzzi et al., theorem 2).

    >>> he = dense_law(64, 64, "normal", 1 / 32**0.5)
    >>> [round(float(q), 9) for q in forward_second_moments(3 * [Residual([Stage(he, "relu")])], 1)]
    [2.0, 4.0, 8.0]
    """
    check_chain(stages)
    stages = as_crelu(stages)
    first = entering(stages, as_entering_moment(input_moment, "input_moment"), batch)
    return [signals.moment for signals in along(stages, first, batch)]


def forward_step(stage: Stage, moment: np.ndarray) -> np.ndarray:
    """The second moment after one stage without normalisation, from the one before it.

    References
    ----------
    He et al. 2015, arXiv 1502.01852; Poole et al. 2016, arXiv 1606.05340.
    """
    return following(stage, Signals(moment), MANY).moment


def backward_second_moments(
    stages: Network,
    forward: Sequence[np.ndarray],
    output_gradient: np.ndarray | float = 1.0,
    batch: Batch = MANY,
) -> list[np.ndarray]:
    """The second moment of the gradient with respect to each element's outputs.

    A random gradient, independent of the network, enters at the last outputs.

    Parameters
    ----------
    stages : sequence of Stage and Residual
    forward : sequence of arrays
        What `forward_second_moments` gave for them.
    output_gradient : number or array
        The second moment of one number of the gradient that enters.
    batch : Batch
        As in `forward_second_moments`.

    Returns
    -------
    list of arrays, one an element, shaped like `forward`; the last is the gradient that enters

    Raises
    ------
    NotCoveredError
        As `forward_second_moments` does, and for sparse kernels on all taps with ReLU or CReLU.

    References
    ----------
    He et al. 2015, arXiv 1502.01852; Schoenholz et al. 2017, arXiv 1611.01232; mirrored: Balduzzi
    et al. 2017, arXiv 1702.08591. Zero padding, zeros, finite batches and branches that end in an
    activation: derived here.

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
    refuse_other_kind(batch, Batch, "batch")
    forward = _one_for_each(stages, forward)
    gradient = as_entering_moment(output_gradient, "output_gradient")
    gradient = _shaped_like(gradient, forward[-1])
    shares = gradient_shares(stages)
    gradients = _gradients(as_crelu(stages), forward, gradient / shares[-1], batch)
    return [share * gradient for share, gradient in zip(shares, gradients, strict=True)]


def _gradients(
    stages: Network, forward: Sequence[np.ndarray], gradient: np.ndarray, batch: Batch
) -> list[np.ndarray]:
    refuse_sparse_kernels(list(every_stage(stages)))
    before = _signals_from(stages, forward, batch)
    gradients, silent = [gradient], gradient
    zeros = _zero_shares(stages)[-2::-1]
    for stage, signals, zero in zip(stages[:0:-1], before[::-1], zeros, strict=True):
        arrived = gradient
        (gradient,) = preceding(stage, signals, (gradient,), batch)
        if any(zeros):
            silent = _before_zero(stage, signals, arrived if stage.bias_variance else silent)
        # Without zeros not a sum with 0: what is silent may have overflown.
        gradients.append((1 - zero) * gradient + zero * silent if zero else gradient)
    return gradients[::-1]


def backward_step(stage: Stage, moment: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """The gradient's second moment before one stage, from the one after it; both given h != 0.

    `moment` is the second moment of the pre-activations that enter the stage.

    References
    ----------
    He et al. 2015, arXiv 1502.01852; Schoenholz et al. 2017, arXiv 1611.01232.
    """
    return preceding(stage, Signals(moment), (gradient,), MANY)[0]


def weight_gradient_second_moments(
    stages: Network,
    input_moment: np.ndarray | float,
    output_gradient: np.ndarray | float = 1.0,
    batch: Batch = MANY,
) -> list[np.ndarray]:
    """The second moment of one sample's gradient with respect to an entry of each weight.

    .. math:: E (dE / dW^l_{ij})^2 = \\delta^l \\, E \\phi(h^{l-1}_i)^2

    with delta^l that of `backward_second_moments`; for a kernel summed over positions, and the mean
    over its taps. Entries of a mirrored weight count one by one, as if they could move apart.

    Parameters
    ----------
    stages, input_moment, output_gradient, batch
        As in `forward_second_moments` and `backward_second_moments`.

    Returns
    -------
    list of arrays, one a weight, those of a branch in their order; without positions

    Raises
    ------
    NotCoveredError
        As the two do, and for kernels before 'average' taps, behind which gradients of neighbours
        are equal.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232 (reported). Kernels, mirrored weights, residual sums
    and normalisation: derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> stages = 3 * [Stage(dense_law(64, 64, "normal", 1 / 8), "relu")]
    >>> [float(d) for d in weight_gradient_second_moments(stages, 1.0)]
    [0.125, 0.125, 0.125]
    """
    check_chain(stages)
    moment = as_entering_moment(input_moment, "input_moment")
    paired, stages = stages, as_crelu(stages)
    passed = along(stages, entering(stages, moment, batch), batch)
    forward = [signals.moment for signals in passed]
    gradients = backward_second_moments(paired, forward, output_gradient, batch)
    _refuse_equal_neighbours(list(every_stage(stages)))
    before = [entering(stages, moment, batch), *passed[:-1]]
    return [
        value
        for element, signals, gradient in zip(stages, before, gradients, strict=True)
        for value in _weight_gradients(element, signals, gradient, batch)
    ]


def _one_for_each(stages: Network, forward: Sequence[np.ndarray]) -> list[np.ndarray]:
    count = len(forward) if hasattr(forward, "__len__") else None
    if count != len(stages):
        raise ValueError(
            f"forward must hold a second moment for each of {len(stages)} elements, as "
            f"forward_second_moments gives them. Received: {count if count else repr(forward)}."
        )
    return [as_moment(moment, "each of forward") for moment in forward]


def _shaped_like(gradient: np.ndarray, moment: np.ndarray) -> np.ndarray:
    try:
        return np.broadcast_to(gradient, moment.shape)
    except ValueError:
        raise ValueError(
            f"output_gradient must be a number, or of the shape of the last of forward, "
            f"{moment.shape}. Received: shape {gradient.shape}."
        ) from None


def _signals_from(stages: Network, forward: Sequence[np.ndarray], batch: Batch) -> list[Signals]:
    """The signals before each element but the first, from their second moments."""
    if not normalises(stages):
        return [Signals(moment) for moment in forward[:-1]]
    signals, found = _first_outputs(stages[0], forward[0], batch), []
    for moment, element in zip(forward[:-1], stages[1:], strict=True):
        found.append(replace(signals, moment=moment))
        signals = following(element, found[-1], batch)
    return found


def _first_outputs(stage: Stage | Residual, moment: np.ndarray, batch: Batch) -> Signals:
    if isinstance(stage, Residual) or not stage.linear or stage.normalisation != "none":
        raise NotCoveredError(
            "gradients of networks with normalisation are predicted where the first stage is a "
            "linear one that reads the data as they are."
        )
    bias = stage.bias_variance
    return Signals(moment, ((moment - bias) * batch.correlation + bias,))


def _zero_shares(stages: Network) -> list[float]:
    """P(h = 0) behind each element; none where sums or normalisation leave no zeros."""
    if any(isinstance(stage, Residual) for stage in stages) or normalises(stages):
        return [0.0] * len(stages)
    return zero_shares(stages)


def _before_zero(stage: Stage, signals: Signals, gradient: np.ndarray) -> np.ndarray:
    """The gradient where the pre-activations that enter the stage are 0."""
    slope = slope_at_zero(stage.activation)
    if not slope or not stage.law.variance:
        return np.zeros(np.shape(signals.moment))
    return slope * arriving(stage, signals, gradient)


def _weight_gradients(
    element: Stage | Residual, signals: Signals, gradient: np.ndarray, batch: Batch
) -> list[np.ndarray]:
    if not isinstance(element, Residual):
        return [_weight_gradient(element, signals, gradient, batch)]
    inside = [signals, *along(element.branch, signals, batch)]
    behind = along_branch(element, signals, (gradient,), batch)[1:]
    return [
        _weight_gradient(stage, entered, left, batch)
        for stage, entered, (left,) in zip(element.branch, inside[:-1], behind, strict=True)
    ]


def _weight_gradient(
    stage: Stage, signals: Signals, gradient: np.ndarray, batch: Batch
) -> np.ndarray:
    read = normalised(stage, signals, batch).moment
    # V sums over the two channels of a CReLU's unit.
    of_channel = second_moment(stage.activation, read) / (2 if stage.activation.doubles else 1)
    positions = tuple(range(-len(stage.law.receptive_field), 0))
    product = gradient * count_over_taps(of_channel, stage)
    return product.sum(axis=positions) / taps_that_carry(stage)


def _refuse_equal_neighbours(stages: list[Stage]) -> None:
    averages = [i for i, stage in enumerate(stages) if stage.law.taps == "average"]
    if averages and any(stage.law.receptive_field for stage in stages[: averages[-1]]):
        raise NotCoveredError(
            "gradients of neighbours are equal where they come through 'average' taps, so a "
            "kernel's gradient, their sum over positions, depends on the correlation of signals."
        )
