"""How probable a pre-activation of exactly 0 is: all that its unit reads is silent.

A ReLU is silent with probability 1/2, and where a unit reads nothing but silent inputs its
pre-activation is 0, through which a ReLU and a CReLU pass no gradient. Given that a of the c
channels before it are not silent, a unit that keeps k of them, drawn anew for each unit, has

    P(h = 0 | a) = C(c - a, k) / C(c, k),        which is 1[a = 0] where k = c,

and, given a, the n units are independent and their signs fair (Haar frames too: their law does not
change with the sign of a unit's weights). So the number of units that speak is a Markov chain,

    a' | a ~ Bin(n, (1 - P(h = 0 | a)) / 2)      (ReLU; without the 1/2 where both signs speak).

Dense nets: P(h = 0) = 1 - prod (1 - 2^-n) over the ReLU layers before. Sparse nets: 2^-k one layer
on, and then above ((1 + z) / 2)^k, the value for independent inputs that are 0 with probability z,
since units that read the same inputs fall silent together. Derived for this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, xlog1py, xlogy

from lookslinear.activations import Activation
from lookslinear.errors import NotCoveredError
from lookslinear.theory.stages import Residual, Stage, check_chain

#: So many numbers of speaking units are told apart; in wider layers neighbouring ones are joined.
_TOLD_APART = 128
#: Below this a probability is lost when 1 is added to it.
_LOST = 1e-18


class _Layer(NamedTuple):
    """Pre-activations: cases, how probable each is, and the share of zeros in it."""

    weights: np.ndarray
    zeros: np.ndarray
    units: int  # without those that an identity connects to nothing


def zero_shares(stages: Sequence[Stage]) -> list[float]:
    """P(h = 0) for each stage's outputs, the mean over networks and units.

    Exact for dense weights and single taps, but for sparse layers of more than 128 units: there
    neighbouring counts are joined, which changes less than a ten-thousandth of it. Nothing is
    counted behind full kernels, whose neighbours are correlated: a window that is silent is silent
    at its centre, so that less than 2^-channels a layer is left out. Measured after ten layers of
    3x3 on 5x5: 5 % with two channels, 0.5 % with four, 0.01 % with eight.

    Parameters
    ----------
    stages : sequence of Stage
        The data that the first one reads are taken to have no zeros.

    Returns
    -------
    list of float, one a stage; exactly 0 where the probability is below rounding

    Raises
    ------
    NotCoveredError
        For sparse kernels on all taps, where it depends on the correlation of neighbours.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> first = Stage(dense_law(5, 2, "normal", 1.0))
    >>> others = [Stage(dense_law(n, m, "normal", 1.0), "relu") for n, m in ((2, 3), (3, 9))]
    >>> zero_shares([first, *others])  # the last: 1 - 3/4 * 7/8
    [0.0, 0.25, 0.34375]
    """
    check_chain(stages)
    if any(isinstance(stage, Residual) for stage in stages):
        raise NotCoveredError("shares of zeros are known for chains without residual sums.")
    layer, shares = _Layer(np.ones(1), np.zeros(1), stages[0].units), []
    for stage in stages:
        layer = _following(stage, layer)
        not_zero = 1 - float(layer.weights @ layer.zeros)
        shares.append(1 - not_zero * layer.units / max(stage.law.output_channels, 1))
    return shares


def refuse_sparse_kernels(stages: Sequence[Stage]) -> None:
    """Raises where zeros behind a sparse kernel would stop gradients."""
    sparse = any(stage.law.sparsity and _reads_neighbours(stage) for stage in stages)
    if sparse and any(not slope_at_zero(stage.activation) for stage in stages[1:]):
        raise NotCoveredError(
            "a unit of a sparse kernel can read nothing but silent inputs, through which ReLU and "
            "CReLU pass no gradient; how often depends on the correlation of neighbours."
        )


def slope_at_zero(phi: Activation) -> float:
    """phi'(0)^2, summed over a unit's outputs.

    Examples
    --------
    >>> from lookslinear.activations import ACTIVATIONS
    >>> [slope_at_zero(ACTIVATIONS[name]) for name in ("relu", "crelu", "linear")]
    [0.0, 0.0, 1.0]
    """
    return float(np.square(phi.derivative(np.zeros((1, 1)))).sum())


def _following(stage: Stage, layer: _Layer) -> _Layer:
    law, outputs = stage.law, stage.law.output_channels
    if stage.bias_variance:
        return _Layer(np.ones(1), np.zeros(1), outputs)
    if not law.variance:
        return _Layer(np.ones(1), np.ones(1), outputs)
    if law.family == "identity":  # passes each unit on
        return layer
    if _reads_neighbours(stage):
        return _Layer(np.ones(1), np.zeros(1), outputs)
    speaking = _speaking(stage.activation, layer.zeros)
    if not law.zeros_per_output:
        silent = float(layer.weights @ (1 - speaking) ** layer.units)
        return _Layer(np.array([1 - silent, silent]), np.array([0.0, 1.0]), outputs)
    weights = layer.weights @ _binomial(layer.units, speaking[:, None])
    return _joined(weights, _nothing_kept(stage, layer.units), outputs)


def _reads_neighbours(stage: Stage) -> bool:
    return stage.law.frame_shape[0] > stage.read_channels


def _speaking(phi: Activation, zeros: np.ndarray) -> np.ndarray:
    """How probable it is that phi(h) is not 0, given the share of h that are 0."""
    if phi.function(np.zeros((1, 1))).any():  # such as sigmoid's: then even 0 speaks
        return np.ones_like(zeros)
    signs = 1.0 if phi.slopes is None else sum(slope != 0 for slope in phi.slopes) / 2
    return (1 - zeros) * signs


def _binomial(units: int, share: np.ndarray) -> np.ndarray:
    """The probabilities of 0 to `units` successes."""
    k = np.arange(units + 1)
    ways = gammaln(units + 1) - gammaln(k + 1) - gammaln(units - k + 1)
    return np.exp(ways + xlogy(k, share) + xlog1py(units - k, -share))


def _nothing_kept(stage: Stage, units: int) -> np.ndarray:
    """C(c - a, k) / C(c, k) for a = 0 to `units` speaking ones of the c channels."""
    channels, kept = stage.read_channels, stage.read_channels - stage.law.zeros_per_output
    left = channels - np.arange(units + 1)
    possible = np.maximum(left, kept)  # what is not possible is masked below
    logs = gammaln(possible + 1) - gammaln(possible - kept + 1)
    logs -= gammaln(channels + 1) - gammaln(channels - kept + 1)
    return np.where(left >= kept, np.exp(logs), 0.0)


def _joined(weights: np.ndarray, zeros: np.ndarray, outputs: int) -> _Layer:
    """The cases of a layer, those joined that nothing tells apart: a mean of their zeros."""
    width = 1 + len(zeros) // (_TOLD_APART + 2)
    groups = -(-np.arange(len(zeros)) // width)  # that in which all are silent stays alone
    groups = np.where(zeros < _LOST, groups[-1], groups)
    mass = np.bincount(groups, weights)
    cases = mass > 0
    means = np.bincount(groups, weights * zeros)[cases] / mass[cases]
    return _Layer(mass[cases], means, outputs)
