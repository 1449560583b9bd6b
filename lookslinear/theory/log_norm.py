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
2018, arXiv 1812.05994, whose normal approximation it sharpens. ReLU: of the networks whose signal,
or gradient, is not 0 there; each term is given that its layer is not dead.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, polygamma, psi, roots_jacobi

from lookslinear.activations import Activation
from lookslinear.errors import NotCoveredError, real_number
from lookslinear.theory.stages import Stage, as_entering_moment, check_plain_chain

#: Beyond this many standard deviations the binomial weights of K are below 1e-30.
_BINOMIAL_REACH = 12


class LogMoments(NamedTuple):
    """Mean and variance, over networks, of the natural log of a mean square."""

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
    start = _log(input_moment, "input_moment")
    means, variances = np.cumsum([_forward_step(stage) for stage in stages], axis=0).T
    return LogMoments(means.reshape(-1, *[1] * start.ndim) + start, variances)


def backward_log_norm(stages: Sequence[Stage], output_gradient: float = 1.0) -> LogMoments:
    """Mean and variance of log(mean over units of g^2), g the gradient at each stage's outputs.

    A gradient of independent normal numbers with this second moment enters at the last outputs.

    Parameters, returns and errors as in `forward_log_norm`, without samples.

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
    entering = _chi_square(stages[-1].law.output_channels)
    terms = [entering] + [_backward_step(stage) for stage in stages[:0:-1]]
    means, variances = np.cumsum(terms, axis=0)[::-1].T
    return LogMoments(means + _log(entered, "output_gradient"), variances)


def _log(moment: np.ndarray | float, name: str) -> np.ndarray:
    with np.errstate(divide="ignore"):  # a signal of zeros has the log -inf
        return np.log(as_entering_moment(moment, name))


def _forward_step(stage: Stage) -> np.ndarray:
    """Mean and variance of the log ratio of mean squares after and before a stage."""
    _refuse_inexact(stage)
    gain = stage.law.scale**2 * stage.units
    weight = _product(stage, stage.read_channels, stage.law.output_channels)
    return _forward_gates(stage) + weight + _shift(gain)


def _backward_step(stage: Stage) -> np.ndarray:
    _refuse_inexact(stage)
    channels, outputs = stage.read_channels, stage.law.output_channels
    gain = stage.law.scale**2 * outputs * channels / stage.units
    return _backward_gates(stage) + _product(stage, outputs, channels) + _shift(gain)


def _shift(gain: float) -> np.ndarray:
    return np.array([math.log(gain), 0.0])


def _refuse_inexact(stage: Stage) -> None:
    law = stage.law
    if law.receptive_field or law.axes.groups != 1 or law.sparsity:
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


def _product(stage: Stage, read: int, written: int) -> np.ndarray:
    """The log of |W x|^2 over its expectation, for x of `read` entries and W x of `written`."""
    if stage.law.family == "normal":
        return _chi_square(written)
    # A frame keeps the length (written >= read) or projects it onto fewer dimensions.
    projected = _beta(written, read - written) if written < read else np.zeros(2)
    return projected + _shift(max(read, written) / written)


def _chi_square(degrees: int) -> np.ndarray:
    """Mean and variance of log(chi^2_n / n)."""
    return np.array([psi(degrees / 2) - math.log(degrees / 2), polygamma(1, degrees / 2)])


def _beta(kept: int, lost: int) -> np.ndarray:
    """Mean and variance of log B, B ~ Beta(kept / 2, lost / 2)."""
    both = kept + lost
    mean = psi(kept / 2) - psi(both / 2)
    return np.array([mean, polygamma(1, kept / 2) - polygamma(1, both / 2)])


def _forward_gates(stage: Stage) -> np.ndarray:
    # CReLU keeps every number, in one half or the other, and so the length.
    if stage.mirrored or stage.activation.doubles:
        return np.zeros(2)
    return _gates(stage.activation, stage.units)


def _backward_gates(stage: Stage) -> np.ndarray:
    if stage.mirrored:
        return np.zeros(2)
    if stage.activation.doubles:  # of the 2 n gradients that arrive, one of each pair passes
        return _beta(stage.units, stage.units)
    return _gates(stage.activation, stage.units)


def _gates(phi: Activation, units: int) -> np.ndarray:
    """Mean and variance of log(|phi(h)|^2 / |h|^2) for a uniform direction of h."""
    if phi.slopes is None:
        raise NotCoveredError(
            f"the exact law of the log norm is known for activations of two slopes and CReLU. "
            f"Received: {phi.name!r}."
        )
    return np.array(_two_slope_gates(*phi.slopes, units))


@functools.lru_cache
def _two_slope_gates(left: float, right: float, units: int) -> tuple[float, float]:
    if left**2 == right**2:
        return 2 * math.log(abs(right)), 0.0
    counts, weights = _open_gates(units, none_open=left != 0)
    means, squares = np.array([_given_open(left**2, right**2, k, units) for k in counts]).T
    mean = weights @ means
    return mean, weights @ squares - mean**2


def _open_gates(units: int, none_open: bool) -> tuple[np.ndarray, np.ndarray]:
    """How many of the gates can be open, and how probable each number is."""
    reach = _BINOMIAL_REACH * math.sqrt(units) / 2 + 1
    least = max(0 if none_open else 1, math.floor(units / 2 - reach))
    counts = np.arange(least, min(units, math.ceil(units / 2 + reach)) + 1)
    logs = -gammaln(counts + 1) - gammaln(units - counts + 1)
    weights = np.exp(logs - logs.max())
    return counts, weights / weights.sum()


def _given_open(left: float, right: float, k: int, units: int) -> tuple[float, float]:
    """E log and E log^2 of right B + left (1 - B), B ~ Beta(k / 2, (units - k) / 2)."""
    if k in (0, units):
        log = math.log(right if k else left)
        return log, log**2
    if left == 0:
        mean, variance = _beta(k, units - k) + _shift(right)
        return mean, variance + mean**2
    # Jacobi's weight (1 - x)^(b - 1) (1 + x)^(a - 1) is the density of B = (1 + x) / 2.
    nodes, weights = roots_jacobi(64, (units - k) / 2 - 1, k / 2 - 1)
    logs = np.log(left + (right - left) * (1 + nodes) / 2)
    weights = weights / weights.sum()
    return weights @ logs, weights @ logs**2
