"""Fixed points and phases of wide nets, (activation, variances of weights and biases) -> numbers.

A layer of n units, weights of variance w / n and biases of variance b maps the second moment q of
pre-activations and the correlation c of two of them by

    q' = w V(q) + b,        c' = (w E phi(h1) phi(h2) + b) / q*,

with V of `maps`. `weight_moment` is w, n the units before a CReLU doubles them: w = fan_in Var W, a
gain's square, and for CReLU half of that. chi_1 = w E phi'(h)^2 is the slope of the correlation map
at c = 1 and the factor of the gradient's second moment a layer: below 1 signals grow alike and
gradients vanish (ordered), above they part and explode (chaotic). The limit of large width.

Sources: Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from lookslinear.activations import ACTIVATIONS, Activation, activation
from lookslinear.errors import NotCoveredError
from lookslinear.theory.averages import (
    derivative_moment,
    derivative_product_moment,
    mean_slope_of,
    second_moment,
    second_moment_slope,
)
from lookslinear.theory.maps import as_correlation
from lookslinear.theory.roots import bracketed_roots
from lookslinear.theory.stages import as_entering_moment, as_limit_moment

#: Where fixed points are looked for: decades of q, and the points of each.
_DECADES, _IN_A_DECADE = range(-10, 6), 24
#: As near to criticality a net of two slopes counts as critical.
_CRITICAL = 1e-12
#: The smallest sqrt(1 - c) at which two inputs are told apart.
_NEAREST = 1e-5


def fixed_point(
    phi: Activation | str,
    weight_moment: np.ndarray | float,
    bias_variance: np.ndarray | float = 0.0,
) -> np.ndarray:
    """q*, the stable fixed point of q' = w V(q) + b that a small signal is led to.

    Parameters
    ----------
    phi : str or Activation
    weight_moment, bias_variance : numbers or arrays
        w and b.

    Returns
    -------
    array of the broadcast shape; units: variance
        0 where small signals die out, infinity where they grow without bound (beyond 1e6). It is
        the smallest stable one: GELU and SiLU without biases have 0 and infinity, and an unstable
        one between them.

    Raises
    ------
    NotCoveredError
        For activations of two slopes and CReLU at criticality without biases: each q is fixed.
    ValueError, TypeError
        For variances that are negative, not finite or no numbers.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> fixed_point("tanh", [1.0, 1.5, 2.0], 0.05).round(3)
    array([0.194, 0.418, 0.722])
    >>> fixed_point("relu", [1.0, 3.0], 0.1)
    array([0.2, inf])
    """
    phi, weights, biases = _checked(phi, weight_moment, bias_variance)
    if phi.homogeneous:
        return _homogeneous_fixed_point(phi, weights, biases)[()]
    low, high = _first_descent(phi, weights, biases)
    bounded = np.isfinite(high)
    roots = bracketed_roots(
        lambda q: weights * second_moment(phi, q) + biases - q, low, np.where(bounded, high, low)
    )
    return np.where(bounded, np.where(high > 0, roots, 0.0), np.inf)[()]


def chi_1(
    phi: Activation | str, weight_moment: np.ndarray | float, q: np.ndarray | float
) -> np.ndarray:
    """w E phi'(h)^2 at the second moment q: what a layer multiplies a gradient's second moment by.

    q may be what `fixed_point` gives: at 0 it is the limit from above, at infinity NaN for curved
    activations.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> round(float(chi_1("selu", 1.0, 1.0)), 6)  # at LeCun's rule and the fixed point
    1.071575
    """
    phi, q = activation(phi), as_limit_moment(q, "q")
    weights = as_entering_moment(weight_moment, "weight_moment")
    known = np.isfinite(q) | phi.homogeneous
    return np.where(
        known, weights * derivative_moment(phi, np.where(np.isfinite(q), q, 1)), np.nan
    )[()]


def correlation_slope(
    phi: Activation | str,
    weight_moment: np.ndarray | float,
    q: np.ndarray | float,
    c: np.ndarray | float = 1.0,
) -> np.ndarray:
    """w E phi'(h1) phi'(h2), the slope of the correlation map at c and a fixed q; at 1 it is chi_1.

    Also the factor by which a layer multiplies the product of two inputs' gradients. At q = 0 it is
    the limit from above, at an infinite q NaN for curved activations.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> float(correlation_slope("relu", 2.0, 1.0, 0.0))
    0.5
    """
    phi, q, c = activation(phi), as_limit_moment(q, "q"), as_correlation(c)
    weights = as_entering_moment(weight_moment, "weight_moment")
    known = np.isfinite(q) | phi.homogeneous
    safe = np.where(np.isfinite(q), q, 1.0)
    products = derivative_product_moment(phi, safe, safe, c)
    return np.where(known, weights * products, np.nan)[()]


def correlation_fixed_point(
    phi: Activation | str,
    weight_moment: np.ndarray | float,
    bias_variance: np.ndarray | float = 0.0,
    q: np.ndarray | float | None = None,
) -> np.ndarray:
    """c*, to which the correlation of any two inputs tends: 1, or where chi_1 > 1 something below.

    Parameters
    ----------
    phi, weight_moment, bias_variance
        As in `fixed_point`.
    q : number or array, optional
        The second moment; the fixed point if not given. Activations of two slopes have none at
        criticality, and any q serves.

    Returns
    -------
    array of the broadcast shape
        NaN where q is 0 or infinite.

    Notes
    -----
    The map is a power series with positive coefficients, so it is convex from 0 to 1, and crosses
    the diagonal below 1 exactly once if its slope at 1 is larger than 1.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> correlation_fixed_point("tanh", [1.5, 2.0], 0.05).round(3)
    array([1.   , 0.744])
    """
    phi, weights, biases = _checked(phi, weight_moment, bias_variance)
    q = fixed_point(phi, weights, biases) if q is None else as_limit_moment(q, "q")
    weights, biases, q = np.broadcast_arrays(weights, biases, q)
    result = np.where((q > 0) & np.isfinite(q), 1.0, np.nan)
    chaotic = (chi_1(phi, weights, q) > 1) & np.isfinite(result)
    result[chaotic] = _below_one(phi, weights[chaotic], biases[chaotic], q[chaotic])
    return result[()]


class CriticalPoint(NamedTuple):
    """Variances of weights and biases at which chi_1 = 1, and the fixed point there.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.
    """

    weight_moment: np.ndarray
    bias_variance: np.ndarray
    q: np.ndarray


def critical_line(phi: Activation | str, q: np.ndarray | float) -> CriticalPoint:
    """The point of the critical line whose fixed point is q: w = 1 / E phi'^2, b = q - w V(q).

    NaN where b would be negative.

    Raises
    ------
    NotCoveredError
        If none of the q has such a point, as for softplus: its mean feeds the second moment.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> weight_moment, bias_variance, _ = critical_line("hardTanh", 0.25)
    >>> float(weight_moment.round(6)), float(bias_variance.round(6))
    (1.047669, 0.008895)
    """
    phi, q = activation(phi), as_entering_moment(q, "q")
    weights, biases = _critical_pair(phi, q)
    biases = np.where(np.abs(biases) < _CRITICAL * q, 0.0, biases)
    exists = biases >= 0
    if q.size and not exists.any():
        raise NotCoveredError(
            f"at chi_1 = 1 the bias variance would have to be negative, so there is no critical "
            f"point. Received: {phi.name!r} with q = {q}."
        )
    nothing = np.where(exists, 0.0, np.nan)
    return CriticalPoint(*((values + nothing)[()] for values in (weights, biases, q)))


def critical_weight_moment(
    phi: Activation | str, bias_variance: np.ndarray | float = 0.0
) -> CriticalPoint:
    """The critical point at given variances of the biases: order below its w, chaos above.

    Raises
    ------
    NotCoveredError
        Where there is none: for activations of two slopes with biases, and for softplus.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> [round(float(value), 5) for value in critical_weight_moment("tanh", 0.05)]
    [1.76095, 0.05, 0.57005]
    """
    phi, _, biases = _checked(phi, 1.0, bias_variance)
    if phi.homogeneous:
        _refuse_unless(phi, biases, biases == 0)
        unit = np.ones_like(biases)
        return CriticalPoint(unit / derivative_moment(phi, unit), biases, np.nan * unit)
    grid, along = _critical_scan(phi)
    reached = along >= biases[..., None]
    _refuse_unless(phi, biases, reached.any(axis=-1))
    first = reached.argmax(axis=-1)
    low, high = grid[np.maximum(first - 1, 0)], grid[first]
    q = bracketed_roots(lambda q: biases - _critical_pair(phi, q)[1], low, high)
    return CriticalPoint(1 / derivative_moment(phi, q), biases, q)


class DepthScales(NamedTuple):
    """Layers over which something changes by a factor e, the limit of large width.

    `q` and `correlation`: the distance of q and c from their fixed points; `gradient`: the second
    moment of a gradient, which shrinks in the ordered and grows in the chaotic phase. Infinite at
    criticality.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232, as reported.
    """

    q: np.ndarray
    correlation: np.ndarray
    gradient: np.ndarray

    @property
    def trainable_depth(self) -> np.ndarray:
        """6 times the correlation's scale: to this depth, it was reported, such nets train."""
        return 6 * self.correlation


def depth_scales(
    phi: Activation | str,
    weight_moment: np.ndarray | float,
    bias_variance: np.ndarray | float = 0.0,
) -> DepthScales:
    """The depth scales at the fixed point, 1 / |log of the slope of each map there|.

    .. math:: 1 / \\xi_q = -\\log(w V'(q^*)), \\quad
              1 / \\xi_c = -\\log(w E \\phi'(h_1) \\phi'(h_2))_{c^*}, \\quad
              1 / \\xi_{gradient} = |\\log \\chi_1|

    NaN where q* is 0 or infinite.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232, equations 9, 13 and 20 as reported.

    Examples
    --------
    >>> scales = depth_scales("tanh", 2.0, 0.05)
    >>> round(float(scales.correlation), 1), round(float(scales.trainable_depth))
    (25.2, 151)
    """
    phi, weights, biases = _checked(phi, weight_moment, bias_variance)
    q = fixed_point(phi, weights, biases)
    inside = (q > 0) & np.isfinite(q)
    safe = np.where(inside, q, 1.0)
    c = np.where(inside, correlation_fixed_point(phi, weights, biases, safe), 1.0)
    slopes = (
        weights * second_moment_slope(phi, safe),
        correlation_slope(phi, weights, safe, c),
        chi_1(phi, weights, safe),
    )
    return DepthScales(*(np.where(inside, _scale(slope), np.nan)[()] for slope in slopes))


class Gains(NamedTuple):
    """What the usual gain and the exact one do to an activation without biases.

    `usual_q` is the fixed point that the usual gain leads to (NaN where each q is fixed), the exact
    one keeps 1. `exact_slope` is w V'(1): above 1 the fixed point is unstable.

    References
    ----------
    The maps: Poole et al. 2016, arXiv 1606.05340. Exact gains: derived here.
    """

    name: str
    usual_gain: float
    usual_q: float
    usual_chi_1: float
    exact_gain: float
    exact_chi_1: float
    exact_slope: float


def gain_table() -> list[Gains]:
    """Each activation's usual and exact gain, with q* and chi_1.

    References
    ----------
    The maps: Poole et al. 2016, arXiv 1606.05340. Exact gains: derived here.

    Examples
    --------
    >>> row = next(row for row in gain_table() if row.name == "tanh")
    >>> round(row.usual_q, 4), round(row.usual_chi_1, 4), round(row.exact_gain, 5)
    (1.1785, 1.2098, 1.59254)
    """
    return [_gains(phi) for phi in ACTIVATIONS.values()]


def _gains(phi: Activation) -> Gains:
    usual, exact = (g**2 / (2 if phi.doubles else 1) for g in (phi.literature_gain, phi.exact_gain))
    q = np.nan if phi.homogeneous else float(fixed_point(phi, usual))
    return Gains(
        phi.name,
        phi.literature_gain,
        q,
        float(chi_1(phi, usual, 1.0 if phi.homogeneous else q)),
        phi.exact_gain,
        float(chi_1(phi, exact, 1.0)),
        float(exact * second_moment_slope(phi, 1.0)),
    )


def _checked(phi, weight_moment, bias_variance) -> tuple[Activation, np.ndarray, np.ndarray]:
    weights = as_entering_moment(weight_moment, "weight_moment")
    biases = as_entering_moment(bias_variance, "bias_variance")
    return activation(phi), *np.broadcast_arrays(weights, biases)


def _homogeneous_fixed_point(phi: Activation, weights, biases) -> np.ndarray:
    factor = weights * second_moment(phi, 1.0)
    critical = np.abs(factor - 1) < _CRITICAL
    if (critical & (biases == 0)).any():
        raise NotCoveredError(
            f"each second moment is a fixed point of {phi.name!r} at criticality without biases; "
            f"name the one that is meant."
        )
    with np.errstate(divide="ignore"):
        return np.where((factor < 1) & ~critical, biases / (1 - factor), np.inf)


@functools.lru_cache(maxsize=64)
def _scan(phi: Activation) -> tuple[np.ndarray, np.ndarray]:
    """0 and decades of q, as far as quadrature goes, and V there."""
    grid, moments = [np.zeros(1)], [second_moment(phi, np.zeros(1))]
    for decade in _DECADES:
        some = 10.0 ** (decade + np.arange(1, _IN_A_DECADE + 1) / _IN_A_DECADE)
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                moments.append(second_moment(phi, some))
        except NotCoveredError:
            break
        grid.append(some)
    return np.concatenate(grid), np.concatenate(moments)


@functools.lru_cache(maxsize=64)
def _critical_scan(phi: Activation) -> tuple[np.ndarray, np.ndarray]:
    """The same q, and the biases' variance at criticality there."""
    grid, moments = _scan(phi)
    slopes = np.concatenate(
        [derivative_moment(phi, some) for some in np.split(grid, [1, 200, 300])]
    )
    return grid, grid - moments / slopes


def _first_descent(phi: Activation, weights, biases) -> tuple[np.ndarray, np.ndarray]:
    """Neighbours in the scan between which w V(q) + b - q falls below 0 for the first time.

    Both are 0 where it is below 0 from the start, and the second is infinite where it never is.
    """
    grid, moments = _scan(phi)
    excess = weights[..., None] * moments + biases[..., None] - grid
    below = excess < 0
    first = below.argmax(axis=-1)
    high = np.where(below.any(axis=-1), grid[first], np.inf)
    low = grid[np.maximum(first - 1, 0)]
    dies = (first == 1) & (excess[..., 0] <= 0)
    return np.where(dies, 0.0, low), np.where(dies, 0.0, high)


def _below_one(phi: Activation, weights, biases, q) -> np.ndarray:
    """Where the mean slope of the map from c to 1 is 1: c itself is its other fixed point."""
    slope = mean_slope_of(phi, q)
    t = bracketed_roots(
        lambda t: weights * slope(t) - 1, np.full_like(q, _NEAREST), np.ones_like(q)
    )
    return 1 - t * t


def _critical_pair(phi: Activation, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    weights = 1 / derivative_moment(phi, q)
    return weights, q - weights * second_moment(phi, q)


def _refuse_unless(phi: Activation, biases: np.ndarray, exists: np.ndarray) -> None:
    if not exists.all():
        raise NotCoveredError(
            f"{phi.name!r} has no critical point at this bias variance. "
            f"Received: {biases[~exists].flat[0]:g}."
        )


def _scale(slope: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return 1 / np.abs(np.log(np.abs(slope)))
