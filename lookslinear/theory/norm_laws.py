"""The whole exact law of a dense net's norm: density and distribution of its log, its moments.

`log_norm` says why the log is a sum of independent terms; its characteristic function is then the
product of theirs, all known, and one Fourier transform gives the density. Powers of the norm
multiply in the same way, which gives fourth moments at every width and depth:

.. math:: E |x_L|^4 / (E |x_L|^2)^2 = \\prod_l (1 + 5 / n_l)

for He's ReLU with Gaussian weights. Derived for this project. Hanin 2018, arXiv 1801.03744, bounds
the same moments by exponentials in the sum of the reciprocal widths.
"""

from __future__ import annotations

import functools
import math
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lookslinear.errors import NotCoveredError, real_number, real_numbers, whole_number
from lookslinear.theory.log_norm import backward_term, forward_term
from lookslinear.theory.log_terms import LogTerm, chi_square, shift
from lookslinear.theory.pairs import as_crelu, gradient_shares
from lookslinear.theory.stages import Stage, check_plain_chain

#: How far the grid of a law reaches from its mean, in standard deviations, and its points.
_REACH, _POINTS = 16, 2**14
#: Frequencies are asked for so many at a time, until all of them are below what rounding leaves.
_AT_ONCE, _LOST = 128, 1e-18


@dataclass(frozen=True)
class LogNormLaw:
    """The law of a log norm on an even grid. Units: natural log.

    Parameters
    ----------
    points, density, distribution : array of one length
        log ratios, their probability density, and how probable a smaller one is.
    alive : float
        The share of networks that it is the law of; the others' signal is 0.

    References
    ----------
    Derived here.
    """

    points: np.ndarray
    density: np.ndarray
    distribution: np.ndarray
    alive: float

    def central_moment(self, order: int) -> float:
        """E (log - E log)^order; of order 1 the mean itself is 0."""
        whole_number(order, "order", least=0)
        step = self.points[1] - self.points[0]
        mean = (self.points @ self.density) * step
        return float(((self.points - mean) ** order @ self.density) * step)

    def below(self, logs: np.ndarray) -> np.ndarray:
        """The probability that a network's log is below each of these."""
        return np.interp(
            real_numbers(logs, "logs"), self.points, self.distribution, left=0.0, right=1.0
        )


def log_norm_law(stages: Sequence[Stage]) -> LogNormLaw:
    """The exact law of log(mean square of the last outputs / mean square of the input).

    Of the networks whose signal is not 0, as `forward_log_norm`.

    Parameters
    ----------
    stages : sequence of Stage
        Dense; activations of two slopes or CReLU; Gaussian or Haar weights.

    Returns
    -------
    LogNormLaw
        Correct to about six digits; to fewer where one single layer, of a few units, makes the law.

    Raises
    ------
    NotCoveredError
        As `forward_log_norm` does, and where nothing scatters.

    References
    ----------
    ReLU with Gaussian weights: Burkholz & Dubatovka 2019, arXiv 1806.06362; its normal
    approximation: Hanin & Nica 2020, arXiv 1812.05994 (reported). Other slopes, CReLU, Haar frames,
    and the Fourier transform: derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = log_norm_law([Stage(dense_law(8, 2, "normal", 8**-0.5))])  # log(chi^2_2 / 2)
    >>> round(float(law.below(math.log(3))), 5) == round(1 - math.exp(-3), 5)
    True
    """
    return _law(_network_term(stages))


def backward_log_norm_law(stages: Sequence[Stage]) -> LogNormLaw:
    """The exact law of the log of the mean square of the gradient at the first stage's outputs.

    A gradient of independent standard normal numbers enters at the last outputs, as in
    `backward_log_norm`.

    References
    ----------
    Derived here. ReLU's normal approximation: Hanin & Nica 2020, arXiv 1812.05994 (reported).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = backward_log_norm_law(3 * [Stage(dense_law(8, 8, "normal", 0.5), "relu")])
    >>> round(law.alive, 6) == round((1 - 2**-8) ** 2, 6)
    True
    """
    check_plain_chain(stages, "the exact law of the norm")
    if len(stages) == 1:
        return _law(chi_square(stages[0].writes))
    plain, shares = as_crelu(stages), gradient_shares(stages)
    entering = chi_square(plain[-1].writes) + shift(shares[0] / shares[-1])
    return _law(_sum_of(backward_term, plain[1:]) + entering)


def _law(term: LogTerm) -> LogNormLaw:
    if term.variance < 1e-20:
        raise NotCoveredError("nothing scatters in these networks: the log norm has no density.")
    deviation = math.sqrt(term.variance)
    step = 2 * _REACH * deviation / _POINTS
    points = term.mean + step * (np.arange(_POINTS) - _POINTS // 2)
    density = np.maximum(_density(term, points[0], step), 0.0)
    density /= density.sum() * step
    below = (np.cumsum(density) - density / 2) * step
    return LogNormLaw(points, density, below, term.alive)


def norm_moment(stages: Sequence[Stage], order: float = 2.0) -> float:
    """E X^order / (E X)^order, X the mean square of the last outputs for one input; dimensionless.

    Of all networks, dead ones among them. Order 2 is E |x|^4 / (E |x|^2)^2, whose excess over 1 is
    the relative variance of a mean square.

    References
    ----------
    Derived here. Hanin 2018, arXiv 1801.03744, bounds it by exponentials in the sum of the
    reciprocal widths.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> he = dense_law(10, 10, "normal", 0.2**0.5)
    >>> round(norm_moment([Stage(he)] + 4 * [Stage(he, "relu")]) / (1.5**4 * 1.2), 12)
    1.0
    """
    real_number(order, "order", least=0)
    term = _network_term(stages)
    logs = term.log_moment(np.array([order, 1.0])) + math.log(term.alive)
    return float(np.exp(logs[0] - order * logs[1]))


def entry_kurtosis(stages: Sequence[Stage]) -> float:
    """E Z^4 / (E Z^2)^2 of an entry Z of the input-output Jacobian, over networks.

    .. math:: 3 \\frac{n_L}{n_L + 2} \\frac{E |x_L|^4}{(E |x_L|^2)^2}

    since a column of the Jacobian has a uniform direction and the length that a signal would have.
    With Gaussian weights and He's ReLU 3 prod(1 + 5 / n) over the hidden layers.

    References
    ----------
    Derived here. Hanin 2018, arXiv 1801.03744, bounds it by exponentials in the sum of the
    reciprocal widths.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> he = dense_law(10, 10, "normal", 0.2**0.5)
    >>> round(entry_kurtosis([Stage(he)] + 4 * [Stage(he, "relu")]), 6)
    15.1875
    """
    check_plain_chain(stages, "the exact law of the norm")
    stages = as_crelu(stages)
    moment, outputs = norm_moment(stages), stages[-1].law.output_channels
    return 3 * outputs / (outputs + 2) * moment


def relative_error_of_mean(stages: Sequence[Stage], networks: int) -> float:
    """The standard error of a mean square averaged over networks, relative to its expectation.

    .. math:: \\sqrt{(E X^2 / (E X)^2 - 1) / R}

    Where it is not small, means over networks say little and logs are the ones to compare.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> he = dense_law(256, 256, "normal", 2**0.5 / 16)
    >>> round(relative_error_of_mean(100 * [Stage(he, "relu")], 100), 2)
    0.24
    """
    return math.sqrt((norm_moment(stages) - 1) / whole_number(networks, "networks"))


def _network_term(stages: Sequence[Stage]) -> LogTerm:
    check_plain_chain(stages, "the exact law of the norm")
    return _sum_of(forward_term, as_crelu(stages))


def _sum_of(term_of: Callable[[Stage], LogTerm], stages: Sequence[Stage]) -> LogTerm:
    counted = Counter(stages)  # equal layers, of which deep nets have many, are worked out once
    terms = (_times(term_of(stage), count) for stage, count in counted.items())
    return functools.reduce(operator.add, terms, shift(1.0))


def _times(term: LogTerm, count: int) -> LogTerm:
    """The sum of so many independent terms of one law."""
    return LogTerm(
        count * term.mean,
        count * term.variance,
        lambda s: count * term.log_moment(s),
        term.alive**count,
    )


def _density(term: LogTerm, first: float, step: float) -> np.ndarray:
    """The density on an even grid from `first` on, by the Fourier transform of its moments."""
    frequencies = 2 * math.pi * np.fft.rfftfreq(_POINTS, step)
    characteristic = _characteristic(term, frequencies) * np.exp(-1j * frequencies * first)
    return np.fft.irfft(characteristic.conj(), _POINTS) / step


def _characteristic(term: LogTerm, frequencies: np.ndarray) -> np.ndarray:
    """E exp(i frequency log X) at frequencies in increasing order; it falls as they grow."""
    found = np.zeros(len(frequencies), dtype=complex)
    for start in range(0, len(found), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        found[some] = np.exp(term.log_moment(1j * frequencies[some]))
        if np.abs(found[some]).max() < _LOST:
            break
    return found
