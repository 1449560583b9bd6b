"""Single-layer maps: (activation, variance of Gaussian pre-activations) -> moments of its outputs.

Sums over the outputs of one unit: CReLU, which has two, contributes both.
"""

from __future__ import annotations

import numpy as np

from lookslinear.activations import Activation, activation
from lookslinear.theory.quadrature import expectation
from lookslinear.theory.stages import as_moment


def second_moment(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """V(q) = E phi(sqrt(q) z)^2, z standard normal, summed over a unit's outputs.

    .. math:: linear: q; \\quad slopes (a, b): (a^2 + b^2) q / 2; \\quad CReLU: q; \\quad
              erf: (2 / \\pi) \\arcsin(2 q / (1 + 2 q))

    and by quadrature for tanh and any other smooth activation. Units: variance.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, section 2.2 (ReLU); Williams 1997, 'Computing with infinite
    networks', equation 11 (erf); Poole et al. 2016, arXiv 1606.05340, equation 3 (the map).

    Examples
    --------
    >>> float(second_moment("relu", 3.0)), float(second_moment("crelu", 3.0))
    (1.5, 3.0)
    """
    phi, q = activation(phi), as_moment(q, "q")
    if phi.slopes is not None:
        return q * _mean_square_slope(phi)
    if phi.doubles:
        return q * 1.0
    if phi.name == "erf":
        return 2 / np.pi * np.arcsin(2 * q / (1 + 2 * q))
    return expectation(lambda h: phi.function(h) ** 2, q)


def derivative_moment(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """E phi'(sqrt(q) z)^2, z standard normal, summed over a unit's outputs. Dimensionless.

    .. math:: slopes (a, b): (a^2 + b^2) / 2; \\quad CReLU: 1; \\quad
              erf: (4 / \\pi) / \\sqrt{1 + 4 q}

    and by quadrature otherwise.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232, equation 6 (chi_1, without the weights' variance).

    Examples
    --------
    >>> float(derivative_moment("relu", 7.0)), float(derivative_moment("crelu", 7.0))
    (0.5, 1.0)
    """
    phi, q = activation(phi), as_moment(q, "q")
    if phi.slopes is not None:
        return np.full_like(q, _mean_square_slope(phi))
    if phi.doubles:
        return np.ones_like(q)
    if phi.name == "erf":
        return 4 / np.pi / np.sqrt(1 + 4 * q)
    return expectation(lambda h: phi.derivative(h) ** 2, q)


def squared_derivative_moment(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """E phi'(sqrt(q) z)^4, dimensionless; for CReLU 1."""
    phi, q = activation(phi), as_moment(q, "q")
    if phi.slopes is not None:
        return np.full_like(q, (phi.slopes[0] ** 4 + phi.slopes[1] ** 4) / 2)
    if phi.doubles:
        return np.ones_like(q)
    return expectation(lambda h: phi.derivative(h) ** 4, q)


def _mean_square_slope(phi: Activation) -> float:
    left, right = phi.slopes
    return (left**2 + right**2) / 2


def _k(c):
    theta = np.arccos(c)
    return (np.sin(theta) + (np.pi - theta) * c) / np.pi, 1 - theta / np.pi


def mean(phi, q):
    phi = activation(phi)
    left, right = phi.slopes
    return (right - left) * np.sqrt(q / (2 * np.pi))


def product_moment(phi, q1, q2, c, mirror=0.0):
    phi = activation(phi)
    s = np.sqrt(q1 * q2)
    if phi.doubles:
        return s * (_k(c)[0] - mirror * _k(-c)[0])
    a, b = phi.slopes
    return s / 2 * ((a * a + b * b) * _k(c)[0] - 2 * a * b * _k(-c)[0])


def derivative_product_moment(phi, q1, q2, c, mirror=0.0):
    phi = activation(phi)
    if phi.doubles:
        return _k(c)[1] + mirror * _k(-c)[1]
    a, b = phi.slopes
    return ((a * a + b * b) * _k(c)[1] + 2 * a * b * _k(-c)[1]) / 2
