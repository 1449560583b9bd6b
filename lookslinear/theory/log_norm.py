"""Exact finite-width laws of the log of the mean square, for dense nets that are 1-homogeneous.

With Gaussian or Haar weights the direction of a pre-activation is uniform and independent of its
length, so the log of its mean square is a sum of independent terms, one for the gates of each
activation and one for each weight:

    gates of slopes (a, 1)    log(B + a^2 (1 - B)),   B ~ Beta(K/2, (n-K)/2),  K ~ Bin(n, 1/2)
    CReLU, backward           log B,                  B ~ Beta(n/2, n/2)
    Gaussian weight           log(chi^2_m / m)
    Haar frame, m < n         log B,                  B ~ Beta(m/2, (n-m)/2);  0 where m >= n

forward from n channels to m, backward from the m gradients to the n. Derived for this project; the
forward law of ReLU is that of Burkholz & Dubatovka 2019, arXiv 1806.06362, and of Hanin & Nica
2020, arXiv 1812.05994, whose normal approximation it sharpens. ReLU: of the networks whose signal,
or gradient, is not 0 there; each term is given that its layer is not dead.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from lookslinear.activations import Activation
from lookslinear.errors import NotCoveredError, real_number, refuse_other_kind
from lookslinear.theory.log_terms import LogTerm, beta, chi_square, shift, two_slope_gates
from lookslinear.theory.pairs import as_crelu, gradient_shares
from lookslinear.theory.stages import Stage, as_entering_moment, check_plain_chain


class LogMoments(NamedTuple):
    """Mean and variance, over networks, of the natural log of a mean square.

    References
    ----------
    Derived here. ReLU's normal approximation: Hanin & Nica 2020, arXiv 1812.05994 (reported).
    """

    mean: np.ndarray
    variance: np.ndarray


def forward_log_norm(stages: Sequence[Stage], input_moment: np.ndarray | float) -> LogMoments:
    """Mean and variance of log(mean over units of h^2) at each stage's outputs, one sample.

    Parameters
    ----------
    stages : sequence of Stage
        Dense; activations of two slopes or CReLU; Gaussian or Haar weights.
    input_moment : number or array
        The mean square of the network's input, for each sample. Units: variance.

    Returns
    -------
    LogMoments
        Arrays with the stages as first axis; `mean` with the samples behind it. Units: natural log.

    Raises
    ------
    NotCoveredError
        For anything without an exact law.

    References
    ----------
    ReLU with Gaussian weights: Burkholz & Dubatovka 2019, arXiv 1806.06362; its normal
    approximation: Hanin & Nica 2020, arXiv 1812.05994 (reported). Other slopes, CReLU and Haar
    frames: derived here.

    Examples
    --------
    He's ReLU, width 32: 20 layers between pre-activations lose exp(-1.651) in the typical network.

    >>> from lookslinear.laws import dense_law
    >>> he = dense_law(32, 32, "normal", 0.25)
    >>> law = forward_log_norm([Stage(he)] + 20 * [Stage(he, "relu")], 0.5)
    >>> [round(float(moment[-1] - moment[0]), 3) for moment in law]
    [-1.651, 3.55]
    """
    check_plain_chain(stages, "the exact law of the log norm")
    start, stages = _log(input_moment, "input_moment"), as_crelu(stages)
    means, variances = _summed(forward_term(stage) for stage in stages)
    return LogMoments(means.reshape(-1, *[1] * start.ndim) + start, variances)


def backward_log_norm(stages: Sequence[Stage], output_gradient: float = 1.0) -> LogMoments:
    """Mean and variance of log(mean over units of g^2), g the gradient at each stage's outputs.

    A gradient of independent normal numbers with this second moment enters at the last outputs.

    Parameters, returns and errors as in `forward_log_norm`, without samples.

    References
    ----------
    Derived here. ReLU's normal approximation: Hanin & Nica 2020, arXiv 1812.05994 (reported).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> looks_linear = dense_law(64, 32, "haar", 32**-0.5, mirror=True)
    >>> law = backward_log_norm(4 * [Stage(looks_linear, "crelu")])
    >>> bool(np.ptp(law.mean) < 1e-12), bool(np.ptp(law.variance) < 1e-12)
    (True, True)
    """
    check_plain_chain(stages, "the exact law of the log norm")
    entered = real_number(output_gradient, "output_gradient")
    plain = as_crelu(stages)
    entering = chi_square(plain[-1].law.output_channels)
    means, variances = _summed([entering, *map(backward_term, plain[:0:-1])])
    shares = np.log(gradient_shares(stages))
    means = means[::-1] + (shares - shares[-1]) + _log(entered, "output_gradient")
    # Not all of what enters at mirrored outputs goes on: their differences do.
    own = chi_square(stages[-1].law.output_channels)
    means[-1] += own.mean - entering.mean
    return LogMoments(means, np.append(variances[:0:-1], own.variance))


def forward_term(stage: Stage) -> LogTerm:
    """The law of the log ratio of mean squares after and before a stage.

    References
    ----------
    ReLU with Gaussian weights: Burkholz & Dubatovka 2019, arXiv 1806.06362. Others: derived here.
    """
    refuse_other_kind(stage, Stage, "stage")
    _refuse_inexact(stage)
    gain = stage.law.scale**2 * stage.units
    weight = _product(stage, stage.read_channels, stage.law.output_channels)
    return _forward_gates(stage) + weight + shift(gain)


def backward_term(stage: Stage) -> LogTerm:
    """The law of the log ratio of the gradients' mean squares before and after a stage.

    References
    ----------
    Derived here.
    """
    refuse_other_kind(stage, Stage, "stage")
    _refuse_inexact(stage)
    channels, outputs = stage.read_channels, stage.law.output_channels
    gain = stage.law.scale**2 * outputs * channels / stage.units
    return _backward_gates(stage) + _product(stage, outputs, channels) + shift(gain)


def _log(moment: np.ndarray | float, name: str) -> np.ndarray:
    with np.errstate(divide="ignore"):  # a signal of zeros has the log -inf
        return np.log(as_entering_moment(moment, name))


def _summed(terms: Iterable[LogTerm]) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances, each added to those before it."""
    return np.cumsum([(term.mean, term.variance) for term in terms], axis=0).T


def _refuse_inexact(stage: Stage) -> None:
    law = stage.law
    if law.receptive_field or not law.whole or law.sparsity:
        raise NotCoveredError("the exact law of the log norm is known for full dense weights only.")
    if law.family == "haar" and 0 < law.mirror < 1:
        raise NotCoveredError(
            f"the exact law of the log norm is not known for partly mirrored Haar frames. "
            f"Received: mirror {law.mirror}."
        )
    if law.family not in ("normal", "haar") or law.scale == 0:
        raise NotCoveredError(
            f"the exact law of the log norm is known for Gaussian and Haar weights. "
            f"Received: family {law.family!r}, scale {law.scale!r}."
        )


def _product(stage: Stage, read: int, written: int) -> LogTerm:
    """The law of |W x|^2 over its expectation, for x of `read` entries and W x of `written`."""
    if stage.law.family == "normal":
        return chi_square(written)
    # A frame keeps the length (written >= read) or projects it onto fewer dimensions.
    if written >= read:
        return shift(1.0)
    return beta(written, read - written) + shift(read / written)


def _forward_gates(stage: Stage) -> LogTerm:
    # CReLU keeps every number, in one half or the other, and so the length.
    if stage.mirrored or stage.activation.doubles:
        return shift(1.0)
    return _gates(stage.activation, stage.units)


def _backward_gates(stage: Stage) -> LogTerm:
    if stage.mirrored:
        return shift(1.0)
    if stage.activation.doubles:  # of the 2 n gradients that arrive, one of each pair passes
        return beta(stage.units, stage.units)
    return _gates(stage.activation, stage.units)


def _gates(phi: Activation, units: int) -> LogTerm:
    """The law of |phi(h)|^2 / |h|^2 for a uniform direction of h."""
    if phi.slopes is None:
        raise NotCoveredError(
            f"the exact law of the log norm is known for activations of two slopes and CReLU. "
            f"Received: {phi.name!r}."
        )
    return two_slope_gates(*phi.slopes, units)
