"""Gaussian averages, (activation, arrays of variances) -> arrays: what `maps` gives, unchecked.

`maps` refuses bad arguments; recursions give what they have computed. NaN is passed on, since a
moment that has overflowed deep in chaos is judged by nobody; at a variance of 0 averages are those
of phi(0), and of derivatives the limits from above.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lookslinear.activations import Activation
from lookslinear.errors import NotCoveredError
from lookslinear.theory.closed_forms import closed_forms, k0, k1
from lookslinear.theory.quadrature import expectation
from lookslinear.theory.surfaces import series_along, values_at, weighted_means
from lookslinear.theory.two_point import two_point, two_point_of

#: So many variances are worth a series.
_MANY = 500


def second_moment(phi: Activation, q: np.ndarray) -> np.ndarray:
    """E phi(h)^2."""
    return _one_point(phi, q, "second", lambda h: phi.function(h) ** 2)


def derivative_moment(phi: Activation, q: np.ndarray) -> np.ndarray:
    """E phi'(h)^2."""
    return _one_point(phi, q, "derivative", lambda h: phi.derivative(h) ** 2)


def squared_derivative_moment(phi: Activation, q: np.ndarray) -> np.ndarray:
    """E phi'(h)^4."""
    return _one_point(phi, q, "quartic", lambda h: phi.derivative(h) ** 4)


def mean(phi: Activation, q: np.ndarray) -> np.ndarray:
    """E phi(h)."""
    return _one_point(phi, q, "mean", phi.function)


def second_moment_slope(phi: Activation, q: np.ndarray) -> np.ndarray:
    """E h phi(h) phi'(h) / q, for q above 0."""
    if phi.homogeneous:
        return second_moment(phi, np.ones_like(q))
    _refuse_unknown_doubling(phi)
    return expectation(lambda h: h * phi.function(h) * phi.derivative(h), q, phi.kinks) / q


def product_moment(
    phi: Activation,
    q1: np.ndarray,
    q2: np.ndarray,
    c: np.ndarray,
    mirror: np.ndarray | float = 0.0,
) -> np.ndarray:
    """E phi(h1) phi(h2), less `mirror` times the products of unlike halves."""
    forms = closed_forms(phi)
    if forms.product is None:
        _refuse_unknown_doubling(phi)
        return two_point(phi.function, q1, q2, c, phi.kinks, forms.smooth)
    result = forms.product(q1, q2, c)
    return result - mirror * np.sqrt(q1 * q2) * k1(-c) if np.any(mirror) else result


def derivative_product_moment(
    phi: Activation,
    q1: np.ndarray,
    q2: np.ndarray,
    c: np.ndarray,
    mirror: np.ndarray | float = 0.0,
) -> np.ndarray:
    """E phi'(h1) phi'(h2), plus `mirror` times the share of unlike halves."""
    forms = closed_forms(phi)
    if forms.derivative_product is None:
        _refuse_unknown_doubling(phi)
        return two_point(phi.derivative, q1, q2, c, phi.kinks, forms.smooth_derivative)
    result = forms.derivative_product(q1, q2, c)
    return result + mirror * k0(-c) if np.any(mirror) else result


def mean_slope_of(phi: Activation, q: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """t -> the mean of E phi'(h1) phi'(h2) over correlations from c = 1 - t^2 to 1.

    .. math:: \\frac{E \\phi(h)^2 - E \\phi(h_1) \\phi(h_2)}{q (1 - c)}

    For arrays t of q's shape, from 0 to 1; q above 0. In t it is smooth at c = 1 even where the
    activation has kinks. What is costly is done once.

    Examples
    --------
    >>> from lookslinear.activations import ACTIVATIONS
    >>> mean_slope_of(ACTIVATIONS["relu"], np.ones(2))(np.array([1.0, 0.5])).round(6)
    array([0.340845, 0.423996])
    """
    if closed_forms(phi).product is None and phi.kinks and q.size >= _MANY:
        series = series_along(
            lambda logs, t: derivative_product_moment(phi, np.exp(logs), np.exp(logs), 1 - t * t),
            np.log(q).reshape(-1),
        )
        if series is not None:
            series = weighted_means(series)
            return lambda t: values_at(series, t.reshape(-1)).reshape(t.shape)
    product = _product_moment_of(phi, q)
    most = product(np.ones_like(q))
    return lambda t: (most - product(1 - t * t)) / (q * t * t)


def _product_moment_of(phi: Activation, q: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """c -> `product_moment` at two equal variances q, which are looked at once for many c."""
    forms = closed_forms(phi)
    if forms.product is not None:
        return lambda c: forms.product(q, q, c)
    _refuse_unknown_doubling(phi)
    return two_point_of(phi.function, q, phi.kinks, forms.smooth)


def _one_point(phi: Activation, q: np.ndarray, form: str, integrand: Callable) -> np.ndarray:
    known = getattr(closed_forms(phi), form)
    if known is not None:
        return known(q)
    _refuse_unknown_doubling(phi)
    return expectation(integrand, q, phi.kinks)


def _refuse_unknown_doubling(phi: Activation) -> None:
    if phi.doubles:
        raise NotCoveredError(
            f"of the activations that double their units only CReLU is known. "
            f"Received: {phi.name!r}."
        )
