"""Closed forms of single-layer maps: an activation -> the formulas known for it, or nothing.

Pre-activations h, h1, h2 are centred normal with variances q, q1, q2, and the correlation c. With
t = arccos c, k0(c) = 1 - t / pi and k1(c) = (sin t + (pi - t) c) / pi, those of ReLU. Terms that
cancel are joined, so that small variances and correlations near 1 lose no digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import erf, erfc, erfcx, gamma, ndtr

from lookslinear.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE, Activation

_ROOT_2PI = math.sqrt(2 * math.pi)


class ClosedForms(NamedTuple):
    """Formulas of q, of (q1, q2, c), or of a normal variable's mean and deviation; None if unknown.

    `smooth` and `smooth_derivative` are E phi(m + s z) and E phi'(m + s z), z standard normal.

    References
    ----------
    Those of `closed_forms`, which names them; `smooth` and its derivative: derived here.
    """

    second: Callable | None = None
    derivative: Callable | None = None
    mean: Callable | None = None
    quartic: Callable | None = None
    product: Callable | None = None
    derivative_product: Callable | None = None
    smooth: Callable | None = None
    smooth_derivative: Callable | None = None


def closed_forms(phi: Activation) -> ClosedForms:
    """What is known for an activation.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning' (ReLU); Williams 1997, 'Computing with
    infinite networks', equation 11 (erf). GELU as in the library Neural Tangents; hard tanh, ELU,
    SELU and fourth powers: derived here.

    Examples
    --------
    >>> float(closed_forms(ACTIVATIONS["relu"]).product(1.0, 1.0, 0.0))  # 1 / (2 pi)
    0.15915494309189535
    """
    if phi.slopes is not None:
        return _two_slopes(*phi.slopes)
    # Another function may bear a name of the table.
    return (
        _FORMS.get(phi.name, ClosedForms()) if ACTIVATIONS.get(phi.name) == phi else ClosedForms()
    )


def k0(c: np.ndarray) -> np.ndarray:
    """1 - arccos(c) / pi: twice the probability that two units are both positive.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning', the kernel with n = 0.
    """
    return 1 - np.arccos(c) / np.pi


def k1(c: np.ndarray) -> np.ndarray:
    """The correlation map of ReLU, E relu(h1) relu(h2) = sqrt(q1 q2) k1(c) / 2.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning', equation 6 with n = 1.

    Examples
    --------
    >>> k1(np.array([-1.0, 0.0, 1.0])).round(6)
    array([0.     , 0.31831, 1.     ])
    """
    return (np.sqrt((1 - c) * (1 + c)) + (np.pi - np.arccos(c)) * c) / np.pi


def _two_slopes(left: float, right: float) -> ClosedForms:
    square, bend = (left**2 + right**2) / 2, (right - left) ** 2 / 2
    return ClosedForms(
        second=lambda q: q * square,
        derivative=lambda q: np.full_like(q, square),
        mean=lambda q: (right - left) * np.sqrt(q) / _ROOT_2PI,
        quartic=lambda q: np.full_like(q, (left**4 + right**4) / 2),
        product=lambda q1, q2, c: np.sqrt(q1 * q2) * (left * right * c + bend * k1(c)),
        derivative_product=lambda q1, q2, c: left * right + bend * k0(c) + 0 * (q1 + q2),
    )


def _erf_product(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray:
    return 2 / np.pi * np.arctan2(2 * c * np.sqrt(q1 * q2), _erf_root(q1, q2, c))


def _erf_root(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray:
    return np.sqrt(1 + 2 * q1 + 2 * q2 + 4 * q1 * q2 * (1 - c) * (1 + c))


def _hard_tanh_second(q: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        s = 1 / np.sqrt(2 * q)
    return q * erf(s) - np.sqrt(2 * q / np.pi) * np.exp(-s * s) + erfc(s)


def _inside(q: np.ndarray) -> np.ndarray:
    """P(|h| < 1)."""
    with np.errstate(divide="ignore"):
        return erf(1 / np.sqrt(2 * q))


def _ramp(x: np.ndarray) -> np.ndarray:
    """E max(x + z, 0)."""
    return x * ndtr(x) + np.exp(-x * x / 2) / _ROOT_2PI


def _hard_tanh_smooth(m: np.ndarray, s: np.ndarray) -> np.ndarray:
    return s * (_ramp((m + 1) / s) - _ramp((m - 1) / s)) - 1


def _gelu_second(q: np.ndarray) -> np.ndarray:
    root = np.sqrt(1 + 2 * q)
    return q / 4 + q / np.pi * (q / ((1 + q) * root) + np.arctan2(q, root) / 2)


def _gelu_derivative(q: np.ndarray) -> np.ndarray:
    root = np.sqrt(1 + 2 * q)
    rational = 1 / (1 + 2 * q) + (1 - q) / (1 + q) + 1
    return 1 / 4 + (np.arctan2(q, root) + rational * q / root) / (2 * np.pi)


def _gelu_parts(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    """The covariance p, (1 + q1) (1 + q2), the square of D = sqrt(that - p^2), and D."""
    square = 1 + q1 + q2 + q1 * q2 * (1 - c) * (1 + c)
    return c * np.sqrt(q1 * q2), (1 + q1) * (1 + q2), square, np.sqrt(square)


def _gelu_product(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray:
    p, both, square, root = _gelu_parts(q1, q2, c)
    rational = (p * p + q1 * q2 * square) / (both * root)
    return p / 4 + (rational + p * np.arctan2(p, root)) / (2 * np.pi)


def _gelu_derivative_product(q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray:
    p, both, square, root = _gelu_parts(q1, q2, c)
    inner = 2 * (1 - q1 * q2) + (p * p + q1 * q2 * square) / square
    return 1 / 4 + (np.arctan2(p, root) + p / root * (1 + inner / both)) / (2 * np.pi)


def _bent(x: np.ndarray) -> np.ndarray:
    """erfcx(x) - 1 + 2 x / sqrt(pi), of which nothing is left but rounding where x is small."""
    n = np.arange(2, 26)
    small = np.minimum(x, 0.25)
    series = (-small[..., None]) ** n @ (1 / gamma(n / 2 + 1))
    return np.where(x < 0.25, series, erfcx(x) - 1 + 2 * x / math.sqrt(math.pi))


def _exponential_linear(alpha: float, scale: float) -> ClosedForms:
    def second(q: np.ndarray) -> np.ndarray:
        x = np.sqrt(q / 2)
        return scale**2 * (q + alpha**2 * (_bent(2 * x) - 2 * _bent(x))) / 2

    def mean(q: np.ndarray) -> np.ndarray:
        return scale * ((1 - alpha) * np.sqrt(q) / _ROOT_2PI + alpha * _bent(np.sqrt(q / 2)) / 2)

    def smooth(m: np.ndarray, s: np.ndarray) -> np.ndarray:
        return scale * (s * _ramp(m / s) + alpha * (_below(m, s) - ndtr(-m / s)))

    return ClosedForms(
        second=second,
        derivative=lambda q: scale**2 * (1 + alpha**2 * erfcx(np.sqrt(2 * q))) / 2,
        mean=mean,
        quartic=lambda q: scale**4 * (1 + alpha**4 * erfcx(np.sqrt(8 * q))) / 2,
        smooth=smooth,
        smooth_derivative=lambda m, s: scale * (ndtr(m / s) + alpha * _below(m, s)),
    )


def _below(m: np.ndarray, s: np.ndarray) -> np.ndarray:
    """E exp(m + s z) 1(m + s z < 0), without an overflow on either side."""
    t = m / s + s
    right = erfcx(np.maximum(t, 0) / math.sqrt(2)) / 2 * np.exp(-((m / s) ** 2) / 2)
    return np.where(t > 0, right, np.exp(np.minimum(m + s * s / 2, 0)) * ndtr(-t))


def _zero(q: np.ndarray) -> np.ndarray:
    return 0 * q


_FORMS = {
    "crelu": ClosedForms(
        second=lambda q: q * 1.0,
        derivative=np.ones_like,
        mean=lambda q: np.sqrt(q) / _ROOT_2PI,
        quartic=np.ones_like,
        product=lambda q1, q2, c: np.sqrt(q1 * q2) * k1(c),
        derivative_product=lambda q1, q2, c: k0(c) + 0 * (q1 + q2),
    ),
    "tanh": ClosedForms(mean=_zero),
    "sigmoid": ClosedForms(mean=lambda q: 0.5 + 0 * q),
    "erf": ClosedForms(
        second=lambda q: _erf_product(q, q, np.ones_like(q)),
        derivative=lambda q: 4 / np.pi / np.sqrt(1 + 4 * q),
        mean=_zero,
        quartic=lambda q: 16 / np.pi**2 / np.sqrt(1 + 8 * q),
        product=_erf_product,
        derivative_product=lambda q1, q2, c: 4 / np.pi / _erf_root(q1, q2, c),
    ),
    "hardTanh": ClosedForms(
        second=_hard_tanh_second,
        derivative=_inside,
        mean=_zero,
        quartic=_inside,
        smooth=_hard_tanh_smooth,
        smooth_derivative=lambda m, s: ndtr((m + 1) / s) - ndtr((m - 1) / s),
    ),
    "gelu": ClosedForms(
        second=_gelu_second,
        derivative=_gelu_derivative,
        mean=lambda q: q / np.sqrt(2 * np.pi * (1 + q)),
        product=_gelu_product,
        derivative_product=_gelu_derivative_product,
    ),
    "elu": _exponential_linear(1.0, 1.0),
    "selu": _exponential_linear(SELU_ALPHA, SELU_SCALE),
}
