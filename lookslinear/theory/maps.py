"""Single-layer maps: (activation, variances of Gaussian pre-activations) -> moments of its outputs.

Sums over the outputs of one unit: CReLU, which has two, contributes both. In closed form where one
is known (`closed_forms`), by quadrature for other activations of the table and for a user's own.
At q = 0 moments of derivatives are their limits from above; variances of two inputs and slopes are
above 0. What is checked here, `averages` computes.
"""

from __future__ import annotations

import numpy as np

from lookslinear.activations import Activation, activation
from lookslinear.errors import NotCoveredError, real_numbers
from lookslinear.theory import averages
from lookslinear.theory.stages import as_entering_moment, as_positive_moment

#: By how much rounding may put a correlation beyond 1.
_ROUNDING = 1e-12


def second_moment(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """V(q) = E phi(sqrt(q) z)^2, z standard normal, summed over a unit's outputs.

    .. math:: linear: q; \\quad slopes (a, b): (a^2 + b^2) q / 2; \\quad CReLU: q; \\quad
              erf: (2 / \\pi) \\arcsin(2 q / (1 + 2 q))

    and other closed forms for hard tanh, GELU, ELU and SELU; by quadrature for any other
    activation. Units: variance.

    Raises
    ------
    ValueError, TypeError
        For an unknown activation, and a q that is negative, not finite or no number.
    NotCoveredError
        For activations of one's own that double their units, and where quadrature does not
        converge.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, section 2.2 (ReLU); Williams 1997, 'Computing with infinite
    networks', equation 11 (erf); Poole et al. 2016, arXiv 1606.05340, equation 3 (the map).

    Examples
    --------
    >>> float(second_moment("relu", 3.0)), float(second_moment("crelu", 3.0))
    (1.5, 3.0)
    """
    return averages.second_moment(activation(phi), as_entering_moment(q, "q"))


def derivative_moment(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """E phi'(sqrt(q) z)^2, z standard normal, summed over a unit's outputs. Dimensionless.

    .. math:: slopes (a, b): (a^2 + b^2) / 2; \\quad CReLU: 1; \\quad
              erf: (4 / \\pi) / \\sqrt{1 + 4 q}; \\quad hard tanh: P(|h| < 1)

    and other closed forms for GELU, ELU and SELU; by quadrature otherwise. At q = 0 the limit from
    above. Errors as in `second_moment`.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232, equation 6 (chi_1, without the weights' variance).

    Examples
    --------
    >>> float(derivative_moment("relu", 7.0)), float(derivative_moment("crelu", 7.0))
    (0.5, 1.0)
    """
    return averages.derivative_moment(activation(phi), as_entering_moment(q, "q"))


def second_moment_slope(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """V'(q) = E h phi(h) phi'(h) / q, the slope of `second_moment`, for q above 0.

    By Stein's lemma it is E phi'(h)^2 + E phi''(h) phi(h). Dimensionless. Errors as in
    `second_moment`, and for a q of 0.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232, where it sets the depth scale of q (reported).

    Examples
    --------
    >>> round(float(second_moment_slope("selu", 1.0)), 5)
    0.78265
    """
    return averages.second_moment_slope(activation(phi), as_positive_moment(q, "q"))


def squared_derivative_moment(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """E phi'(sqrt(q) z)^4: with `derivative_moment`, how unevenly a layer's units pass gradients.

    Dimensionless; for CReLU 1, since one of a unit's two outputs is open. At q = 0 the limit from
    above. Errors as in `second_moment`.

    References
    ----------
    Pennington et al. 2018, arXiv 1802.09979, where it is mu_2.

    Examples
    --------
    >>> float(squared_derivative_moment("leakyRelu(0.5)", 1.0))
    0.53125
    """
    return averages.squared_derivative_moment(activation(phi), as_entering_moment(q, "q"))


def mean(phi: Activation | str, q: np.ndarray | float) -> np.ndarray:
    """E phi(sqrt(q) z), z standard normal; for CReLU that of one of the two outputs.

    .. math:: slopes (a, b): (b - a) \\sqrt{q / 2 \\pi}; \\quad
              GELU: q / \\sqrt{2 \\pi (1 + q)}; \\quad odd functions: 0

    Units: standard deviation. Errors as in `second_moment`.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> float(mean("gelu", 1.0)), float(mean("sigmoid", 1.0)), float(mean("tanh", 1.0))
    (0.28209479177387814, 0.5, 0.0)
    """
    return averages.mean(activation(phi), as_entering_moment(q, "q"))


def product_moment(
    phi: Activation | str,
    q1: np.ndarray | float,
    q2: np.ndarray | float,
    c: np.ndarray | float,
    mirror: np.ndarray | float = 0.0,
) -> np.ndarray:
    """E phi(h1) phi(h2) of two inputs, summed over a unit's outputs.

    .. math:: ReLU: \\sqrt{q_1 q_2}\\, k_1(c) / 2, \\quad
              k_1(c) = (\\sin t + (\\pi - t) c) / \\pi, \\quad t = \\arccos c

    Closed forms for activations of two slopes, CReLU, erf and GELU; quadrature otherwise, to about
    ten digits of sqrt(V(q1) V(q2)).

    Parameters
    ----------
    phi : str or Activation
    q1, q2 : numbers or arrays
        The variances of the centred normal h1 and h2, above 0.
    c : number or array
        Their correlation.
    mirror : number or array
        From 0 to 1, for CReLU: the degree rho to which the next weight mirrors its halves. It
        subtracts rho times the products of unlike halves, which gives
        sqrt(q1 q2) (k1(c) - rho k1(-c)): with 1 the layer is linear.

    Returns
    -------
    array of the broadcast shape; units: variance

    Raises
    ------
    ValueError, TypeError
        For correlations beyond 1, variances that are not above 0, and `mirror` outside 0 to 1.
    NotCoveredError
        For `mirror` with anything but CReLU, and where quadrature does not converge.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning', equation 6 (ReLU); Williams 1997,
    'Computing with infinite networks', equation 11 (erf); partial mirrors: derived here.

    Examples
    --------
    >>> product_moment("crelu", 1.0, 1.0, [-1, 0, 0.5, 1], mirror=1.0)
    array([-1. ,  0. ,  0.5,  1. ])
    """
    return averages.product_moment(*_checked(phi, q1, q2, c, mirror))


def derivative_product_moment(
    phi: Activation | str,
    q1: np.ndarray | float,
    q2: np.ndarray | float,
    c: np.ndarray | float,
    mirror: np.ndarray | float = 0.0,
) -> np.ndarray:
    """E phi'(h1) phi'(h2) of two inputs, summed over a unit's outputs. Dimensionless.

    .. math:: ReLU: k_0(c) / 2, \\quad k_0(c) = 1 - \\arccos(c) / \\pi

    The derivative of `product_moment` in the covariance. Parameters, errors and accuracy are those
    of `product_moment`; a CReLU mirrored to the degree rho has 1 - (1 - rho) arccos(c) / pi.

    References
    ----------
    As `product_moment`; the derivative of a kernel: Price 1958, 'A useful theorem for nonlinear
    devices having Gaussian inputs'.

    Examples
    --------
    >>> derivative_product_moment("crelu", 1.0, 1.0, [-1, 0, 1], mirror=0.5)
    array([0.5 , 0.75, 1.  ])
    """
    return averages.derivative_product_moment(*_checked(phi, q1, q2, c, mirror))


def _checked(phi, q1, q2, c, mirror) -> tuple:
    phi, q1, q2 = activation(phi), as_positive_moment(q1, "q1"), as_positive_moment(q2, "q2")
    return phi, q1, q2, as_correlation(c), _as_mirror(mirror, phi)


def as_correlation(c: np.ndarray | float, name: str = "c") -> np.ndarray:
    """Correlations as an array of floats from -1 to 1; what rounding put beyond is put back.

    Examples
    --------
    >>> as_correlation(1.5)
    Traceback (most recent call last):
    ValueError: c must be from -1 to 1: it is a correlation. Received: 1.5.
    """
    correlation = real_numbers(c, name)
    if not np.abs(correlation).max(initial=0.0) <= 1 + _ROUNDING:
        if np.isnan(correlation).any():
            raise ValueError(f"{name} must not be NaN. Received: {c!r}.")
        raise ValueError(f"{name} must be from -1 to 1: it is a correlation. Received: {c!r}.")
    return np.minimum(np.maximum(correlation, -1), 1)


def _as_mirror(mirror: np.ndarray | float, phi: Activation) -> np.ndarray | float:
    if isinstance(mirror, bool):
        return _as_mirror(float(mirror), phi)
    degree = real_numbers(mirror, "mirror")
    if not ((degree >= 0) & (degree <= 1)).all():
        raise ValueError(f"mirror must be from 0 to 1. Received: {mirror!r}.")
    if degree.any() and not phi.doubles:
        raise NotCoveredError(
            f"a mirrored weight is predicted only after 'crelu', whose halves it joins. "
            f"Received: activation {phi.name!r}."
        )
    return degree
