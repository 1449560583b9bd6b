"""The laws of single random factors of a norm, (degrees of freedom, slopes) -> `LogTerm`.

With s a real or imaginary power, psi and Gamma of complex numbers,

    chi^2_n / n          E X^s = (2 / n)^s Gamma(n/2 + s) / Gamma(n/2)
    Beta(k/2, m/2)       E X^s = Gamma(k/2 + s) Gamma((k+m)/2) / (Gamma(k/2) Gamma((k+m)/2 + s))
    gates of two slopes  the mean over K ~ Bin(n, 1/2) of E (r B + l (1 - B))^s, l and r the slopes'
                         squares, B ~ Beta(K/2, (n-K)/2)

Each is given that the factor is not 0; `alive` is how probable that is.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, loggamma, logsumexp, polygamma, psi, roots_jacobi

from lookslinear.errors import positive_number, squarable_number, whole_number

#: Beyond this many standard deviations the binomial weights of K are below 1e-30.
_BINOMIAL_REACH = 12


@dataclass(frozen=True)
class LogTerm:
    """The law of log X, X >= 0 a random factor, given X > 0; independent ones add up by `+`.

    Parameters
    ----------
    mean, variance : float
        Of log X. Units: natural log.
    log_moment : callable
        Array of powers s to log E X^s; of imaginary ones, the characteristic function's log.
    alive : float
        P(X > 0).

    Examples
    --------
    >>> term = chi_square(4) + shift(3.0)
    >>> round(float(np.exp(term.log_moment(1.0))), 12)
    3.0
    """

    mean: float
    variance: float
    log_moment: Callable[[np.ndarray], np.ndarray]
    alive: float = 1.0

    def __add__(self, other: LogTerm) -> LogTerm:
        return LogTerm(
            self.mean + other.mean,
            self.variance + other.variance,
            lambda s: self.log_moment(s) + other.log_moment(s),
            self.alive * other.alive,
        )


def shift(factor: float) -> LogTerm:
    """A factor that is not random."""
    log = math.log(positive_number(factor, "factor"))
    return LogTerm(log, 0.0, lambda s: s * log)


def chi_square(degrees: int) -> LogTerm:
    """The law of log(chi^2_n / n).

    Examples
    --------
    >>> round(chi_square(1).variance - math.pi**2 / 2, 12)
    0.0
    """
    half = whole_number(degrees, "degrees") / 2
    mean = float(psi(half)) - math.log(half)
    return LogTerm(
        mean,
        float(polygamma(1, half)),
        lambda s: loggamma(half + s) - gammaln(half) - s * math.log(half),
    )


def beta(kept: int, lost: int) -> LogTerm:
    """The law of log B, B ~ Beta(kept / 2, lost / 2): the share of a uniform direction's square."""
    half = whole_number(kept, "kept") / 2
    whole = half + whole_number(lost, "lost") / 2
    return LogTerm(
        float(psi(half) - psi(whole)),
        float(polygamma(1, half) - polygamma(1, whole)),
        lambda s: loggamma(half + s) - gammaln(half) - loggamma(whole + s) + gammaln(whole),
    )


@functools.lru_cache
def two_slope_gates(left: float, right: float, units: int) -> LogTerm:
    """The law of log(|phi(h)|^2 / |h|^2), h of a uniform direction, phi of slopes left and right.

    References
    ----------
    Derived here. With Gaussian weights ReLU then has the law of Burkholz & Dubatovka 2019, arXiv
    1806.06362.

    Examples
    --------
    >>> two_slope_gates(-1.0, 1.0, 5).variance, two_slope_gates(0.0, 1.0, 2).alive
    (0.0, 0.75)
    """
    whole_number(units, "units")
    left, right = squarable_number(left, "left"), squarable_number(right, "right")
    if left == right == 0:
        raise ValueError("left and right must not both be 0: nothing is left.")
    if left**2 == right**2:
        return shift(right**2)
    counts, logs = _open_gates(units, none_open=left != 0)
    terms = [_given_open(left**2, right**2, int(k), units) for k in counts]
    weights = np.exp(logs)
    means, variances = np.array([(term.mean, term.variance) for term in terms]).T
    mean = float(weights @ means)
    return LogTerm(
        mean,
        float(weights @ (variances + means**2)) - mean**2,
        lambda s: _mixed(logs, terms, s),
        alive=1.0 if left and right else 1 - 0.5**units,
    )


def _mixed(logs: np.ndarray, terms: list[LogTerm], s: np.ndarray) -> np.ndarray:
    """The log of the mean moment of several laws, of which one is chosen at random."""
    moments = np.array([term.log_moment(np.asarray(s)) for term in terms])
    # Complex logs are known up to full turns, which their exponentials do not see.
    return logsumexp(moments + logs.reshape(-1, *[1] * (moments.ndim - 1)), axis=0)


def _open_gates(units: int, none_open: bool) -> tuple[np.ndarray, np.ndarray]:
    """How many of the gates can be open, and the log of how probable each number is."""
    reach = _BINOMIAL_REACH * math.sqrt(units) / 2 + 1
    least = max(0 if none_open else 1, math.floor(units / 2 - reach))
    counts = np.arange(least, min(units, math.ceil(units / 2 + reach)) + 1)
    logs = -gammaln(counts + 1) - gammaln(units - counts + 1)
    return counts, logs - logsumexp(logs)


def _given_open(left: float, right: float, k: int, units: int) -> LogTerm:
    """The law of log(right B + left (1 - B)), B ~ Beta(k / 2, (units - k) / 2)."""
    if k in (0, units):
        return shift(right if k else left)
    if left == 0:
        return beta(k, units - k) + shift(right)
    # Jacobi's weight (1 - x)^(b - 1) (1 + x)^(a - 1) is the density of B = (1 + x) / 2.
    nodes, weights = roots_jacobi(64, (units - k) / 2 - 1, k / 2 - 1)
    logs = np.log(left + (right - left) * (1 + nodes) / 2)
    weights = weights / weights.sum()
    mean = float(weights @ logs)
    return LogTerm(
        mean,
        float(weights @ logs**2) - mean**2,
        lambda s: np.log(np.exp(np.multiply.outer(s, logs)) @ weights),
    )
