"""Expectations over a standard normal variable, one integrand for each variance.

For a smooth integrand that the normal density carries to zero at both ends, the plain trapezoidal
rule's error falls exponentially with the number of nodes, and unlike Gauss-Hermite's it stays small
where the integrand is steep: tanh at a large variance. An integrand with kinks is split there, and
each panel gets Gauss and Legendre's rule.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lookslinear.errors import NotCoveredError, real_numbers

#: Where the nodes end: the density there is 1e-16 of that at 0.
_REACH = 8.5
_FEWEST, _MOST = 128, 65536
#: How many numbers are in memory at once.
_BLOCK = 2**20
#: The panels that a normal density needs, and those that a kink needs on its own scale.
_PANELS = np.array([-_REACH, -4.0, 0.0, 4.0, _REACH])
_AROUND_KINK = np.array([-4.0, 0.0, 4.0])
#: At variances above this, what an exponential leaves beyond 4 needs panels of its own.
_WIDE, _FAR_AROUND_KINK = 100.0, np.array([-36.0, -12.0, -4.0, 0.0, 4.0, 12.0, 36.0])
_ORDER = 16
#: By how much the rule may differ from itself on every second node, relative to the mean size.
_TRUSTED = 1e-7


def normal_nodes(largest_variance: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights with sum(weights * f(sqrt(q) nodes)) = E f(sqrt(q) z), q up to the largest.

    As many as a function needs that changes over a distance of about 1, such as tanh.
    """
    steepness = math.sqrt(min(max(1.0, largest_variance), _MOST**2))
    return _trapezoidal(min(_FEWEST * 2 ** math.ceil(math.log2(steepness)), _MOST))


@functools.lru_cache
def _trapezoidal(count: int) -> tuple[np.ndarray, np.ndarray]:
    nodes = np.linspace(-_REACH, _REACH, count)
    weights = np.exp(-(nodes**2) / 2)
    return nodes, weights / weights.sum()


def panel_nodes(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a standard normal variable, panel by panel.

    Parameters
    ----------
    ends : array (..., panels + 1)
        In any order; those beyond 8.5, and NaN, fall on the outermost.

    Returns
    -------
    nodes, weights : arrays (..., panels * order)

    Examples
    --------
    >>> nodes, weights = panel_nodes(np.array([-9, -3, 0.5, 4, 9]))
    >>> round(float(weights @ (nodes > 0.5)), 12)  # Phi(-0.5)
    0.308537538726
    """
    ends = np.sort(np.clip(np.nan_to_num(ends, nan=_REACH), -_REACH, _REACH), axis=-1)
    points, weights = _legendre(_ORDER)
    half = np.diff(ends, axis=-1)[..., None] / 2
    nodes = (ends[..., :-1, None] + half) + half * points
    density = np.exp(-(nodes**2) / 2) / math.sqrt(2 * math.pi)
    flat = (*ends.shape[:-1], -1)
    return nodes.reshape(flat), (half * weights * density).reshape(flat)


_legendre = functools.lru_cache(np.polynomial.legendre.leggauss)


def split_nodes(
    variance: np.ndarray, kinks: Sequence[float], *more: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights (..., n) for functions of sqrt(variance) z that have kinks.

    `more` are further ends of panels, arrays (..., m).
    """
    deviation = np.sqrt(variance)[..., None]
    wide = np.fmax.reduce(variance, axis=None, initial=0.0) > _WIDE
    around = _FAR_AROUND_KINK if wide else _AROUND_KINK
    with np.errstate(divide="ignore", invalid="ignore"):  # at no variance every kink is far away
        ends = [(kink + around) / deviation for kink in kinks]
    panels = np.broadcast_to(_PANELS, (*deviation.shape[:-1], len(_PANELS)))
    return panel_nodes(np.concatenate([panels, *ends, *more], axis=-1))


def nodes_for(variance: np.ndarray, kinks: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """`split_nodes` where there are kinks, else one set of `normal_nodes` for all variances."""
    if kinks:
        return split_nodes(variance, kinks)
    return normal_nodes(np.fmax.reduce(variance, axis=None, initial=0.0))


def discrete_gauss(
    points: np.ndarray, weights: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss's rule of a measure on points: fewer of them, with the same mean of polynomials.

    The nodes are the eigenvalues of multiplication by x among polynomials below the degree
    `count`. Exact to the degree 2 count - 1; with as many nodes as points it is the measure itself.

    Examples
    --------
    >>> points = np.linspace(0, 1, 9)
    >>> nodes, weights = discrete_gauss(points, np.full(9, 1 / 9), 2)
    >>> float(abs(weights @ nodes**3 - (points**3).mean()).round(15))
    0.0
    """
    roots = np.sqrt(weights)
    middle, reach = (points[0] + points[-1]) / 2, (points[-1] - points[0]) / 2
    powers = np.polynomial.chebyshev.chebvander((points - middle) / reach, count - 1)
    basis, _ = np.linalg.qr(roots[:, None] * powers)
    nodes, vectors = np.linalg.eigh(basis.T @ (points[:, None] * basis))
    return nodes, (roots @ basis @ vectors) ** 2


def expectation(
    function: Callable[[np.ndarray], np.ndarray],
    variance: np.ndarray | float,
    kinks: Sequence[float] = (),
) -> np.ndarray:
    """E f(sqrt(variance) z) for each variance, z standard normal; f smooth between its kinks.

    Raises
    ------
    NotCoveredError
        If the rule has not converged: kinks are missing, or f changes too fast.

    Examples
    --------
    >>> expectation(np.square, [1.0, 4.0]).round(12)
    array([1., 4.])
    >>> expectation(np.abs, [np.pi / 2, 8 * np.pi], kinks=[0.0]).round(12)
    array([1., 4.])
    """
    variance = real_numbers(variance, "variance")
    if (variance < 0).any():
        raise ValueError(f"variance must not be negative. Received: {variance}.")
    flat = variance.reshape(-1)
    result = np.empty(len(flat))
    for some, points in _groups(flat):
        if kinks:
            result[some] = _split_sums(function, flat[some], kinks)
        else:
            result[some] = _trapezoidal_sums(function, flat[some], points)
    return result.reshape(variance.shape)[()]


def _groups(variances: np.ndarray) -> Iterator[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]]:
    """The places of variances that need equally many nodes, few enough for a block, and those."""
    octaves = np.ceil(np.log2(np.fmax(variances, 1.0)) / 2)
    for octave in sorted(set(octaves.tolist())):
        places = np.flatnonzero(octaves == octave)
        points = normal_nodes(4.0**octave)
        for some in np.array_split(places, -(-len(places) * len(points[0]) // _BLOCK)):
            yield some, points


def _split_sums(function: Callable, variance: np.ndarray, kinks: Sequence[float]) -> np.ndarray:
    nodes, weights = split_nodes(variance, kinks)
    return np.einsum("ij,ij->i", function(np.sqrt(variance)[:, None] * nodes), weights)


def _trapezoidal_sums(
    function: Callable, variance: np.ndarray, points: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    nodes, weights = points
    values = function(np.sqrt(variance)[:, None] * nodes)
    sums = values @ weights
    if len(nodes) < _MOST:
        _refuse_unconverged(sums, 2 * (values[:, ::2] @ weights[::2]), np.abs(values) @ weights)
    return sums


def _refuse_unconverged(sums: np.ndarray, coarse: np.ndarray, sizes: np.ndarray) -> None:
    with np.errstate(invalid="ignore"):
        wrong = np.abs(coarse - sums) > _TRUSTED * sizes
    if wrong.any():
        raise NotCoveredError(
            f"quadrature does not converge: two rules differ by "
            f"{(np.abs(coarse - sums) / sizes)[wrong].max():.1g}. If the activation or its "
            f"derivative jumps, name the places: Activation(..., kinks=(0.0,))."
        )
