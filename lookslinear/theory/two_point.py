"""E f(h1) f(h2) by quadrature, h1 and h2 centred normal, (q1, q2, c) broadcast -> array.

Smooth functions are expanded in Hermite polynomials He_k / sqrt(k!), in which a correlation is a
power (Mehler's formula):

    E f(h1) f(h2) = sum_k a_k(q1) a_k(q2) c^k,    a_k(q) = E f(sqrt(q) z) He_k(z) / sqrt(k!)

and sum a_k(q)^2 = E f(h)^2 says how much is missing. Functions with kinks are averaged over h2
given h1, in closed form or in panels, and then over h1 in panels that are split where either has a
kink, and on the scale sqrt(1 - c^2) of what the first average leaves of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lookslinear.errors import NotCoveredError
from lookslinear.theory.quadrature import split_nodes

#: Where the nodes of the expansion end, exp(-z^2 / 4) being 1e-17, and their distance.
_REACH, _STEP = 12.5, 0.125
#: Coefficients are found so many at a time, and at most.
_AT_ONCE, _MOST = 64, 16384
#: So many blocks of them are kept for a number of nodes, of at most so many: half a MB each.
_KEPT, _KEPT_NODES = 16, 1024
#: The largest variance: its nodes, twice as many for four times the variance, are 200,000.
_LARGEST = 2.0**20
#: The share of E f(h)^2 that the expansion may leave out.
_LEFT_OUT = 1e-11
#: How many pairs, and how many numbers, are in memory at once.
_PAIRS, _NUMBERS = 2**13, 2**20
#: Of the kink that an average over a normal variable has rounded: its panels in deviations.
_ROUNDED = np.array([-9.0, -3.5, 3.5, 9.0])
#: Stands for a deviation of 0.
_TINY = 1e-150


def two_point(
    function: Callable[[np.ndarray], np.ndarray],
    q1: np.ndarray,
    q2: np.ndarray,
    c: np.ndarray,
    kinks: Sequence[float] = (),
    smooth: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """E f(h1) f(h2) for each broadcast triple of variances and correlation.

    Parameters
    ----------
    function : callable
        f, array to array; smooth between its kinks.
    q1, q2, c : arrays that broadcast
        Units: variance, variance, 1.
    kinks : sequence of float
    smooth : callable or None
        (m, s) -> E f(m + s z), where it is known for a function with kinks.

    Raises
    ------
    NotCoveredError
        If the expansion does not converge.

    References
    ----------
    The expansion is Mehler's formula; how far it goes, and the panels around kinks: derived here.

    Examples
    --------
    >>> two_point(np.tanh, np.array([0.5, 1.0]), np.array([0.5]), np.array([1.0, 0.0])).round(6) + 0
    array([0.273676, 0.      ])
    """
    triples = np.broadcast_arrays(q1, q2, c)
    shape, flat = triples[0].shape, [np.reshape(values, -1) for values in triples]
    if kinks:
        smooth = smooth or functools.partial(_averaged, function, kinks)
        rule, rows = functools.partial(_by_panels, function, kinks, smooth), _NUMBERS // 512
    else:
        rule, rows = functools.partial(_by_expansion, function), _PAIRS
    result = np.empty(len(flat[0]))
    for start in range(0, len(result), rows):
        some = slice(start, start + rows)
        result[some] = rule(*(values[some] for values in flat))
    return result.reshape(shape)[()]


def two_point_of(
    function: Callable[[np.ndarray], np.ndarray],
    q: np.ndarray,
    kinks: Sequence[float] = (),
    smooth: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """c -> E f(h1) f(h2) at the variances q, for many arrays c of the same shape as q.

    References
    ----------
    As `two_point`, by Mehler's formula; how far it goes: derived here.

    Examples
    --------
    >>> two_point_of(np.tanh, np.array([0.5, 1.0]))(np.array([1.0, 0.0])).round(6) + 0
    array([0.273676, 0.      ])
    """
    if kinks:
        return lambda c: two_point(function, q, q, c, kinks, smooth)
    blocks = [
        hermite_coefficients(function, some) ** 2
        for some in np.array_split(q.reshape(-1), max(1, q.size // _PAIRS))
    ]

    def at(c: np.ndarray) -> np.ndarray:
        some = np.array_split(c.reshape(-1), len(blocks))
        parts = [_power_series(block, part) for block, part in zip(blocks, some, strict=True)]
        return np.concatenate(parts).reshape(c.shape)

    return at


def _power_series(coefficients: np.ndarray, c: np.ndarray) -> np.ndarray:
    result = np.zeros_like(c)
    for row in coefficients[::-1]:
        result = result * c + row
    return result


def _by_panels(
    function: Callable,
    kinks: Sequence[float],
    smooth: Callable,
    q1: np.ndarray,
    q2: np.ndarray,
    c: np.ndarray,
) -> np.ndarray:
    deviation, other = np.sqrt(q1)[:, None], np.sqrt(q2)[:, None]
    left = np.sqrt((1 - c) * (1 + c))[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):  # a correlation of 0 rounds all kinks off
        steps = _ROUNDED * left / c[:, None]
        rounded = [kink / (c[:, None] * other) + steps for kink in kinks]
    nodes, weights = split_nodes(q1, kinks, *rounded)
    averaged = smooth(c[:, None] * other * nodes, np.maximum(left * other, _TINY))
    return np.einsum("ij,ij,ij->i", function(deviation * nodes), averaged, weights)


def _averaged(
    function: Callable, kinks: Sequence[float], m: np.ndarray, s: np.ndarray
) -> np.ndarray:
    """E f(m + s z) in panels, row by row: m (rows, nodes), s (rows, 1)."""
    result = np.empty(m.shape)
    for row, (means, deviation) in enumerate(zip(m, s, strict=True)):
        ends = [(kink + np.array([-2.0, 0.0, 2.0]) - means[:, None]) / deviation for kink in kinks]
        nodes, weights = split_nodes(np.ones(len(means)), (), *ends)
        result[row] = np.einsum("ij,ij->i", function(means[:, None] + deviation * nodes), weights)
    return result


def _by_expansion(function: Callable, q1: np.ndarray, q2: np.ndarray, c: np.ndarray) -> np.ndarray:
    variances, places = np.unique(np.concatenate([q1, q2]), return_inverse=True)
    first, second = places[: len(q1)], places[len(q1) :]
    largest = np.zeros(len(variances))
    np.maximum.at(largest, places, np.abs(np.concatenate([c, c])))
    coefficients = hermite_coefficients(function, variances, largest)
    result = np.zeros(len(c))
    for row in coefficients[::-1]:
        result = result * c + row[first] * row[second]
    return result


def hermite_coefficients(
    function: Callable[[np.ndarray], np.ndarray],
    variances: np.ndarray,
    largest: np.ndarray | float = 1.0,
) -> np.ndarray:
    """a_k(q) for k = 0, 1, … (first axis) and each variance, as many as |c| up to `largest` needs.

    Raises
    ------
    NotCoveredError
        If 16384, or as many as the nodes resolve, are not enough.

    References
    ----------
    The expansion is Mehler's formula; how many coefficients it needs: derived here.

    Examples
    --------
    >>> found = hermite_coefficients(np.square, np.array([3.0]))  # 3 + 3 (z^2 - 1)
    >>> np.abs(found[:4, 0]).round(12)
    array([3.        , 0.        , 4.24264069, 0.        ])
    """
    nodes, values = _weighted_values(function, variances)
    left = (values * values).sum(axis=1)
    allowed = _LEFT_OUT * left
    blocks, polynomials = [], _hermite_blocks(len(nodes))
    most = min(_MOST, int((2 / (nodes[1] - nodes[0])) ** 2))
    for found in range(_AT_ONCE, most + 1, _AT_ONCE):
        block = next(polynomials) @ values.T
        blocks.append(block)
        left = left - (block * block).sum(axis=0)
        if not (left * largest**found > allowed).any():
            return np.concatenate(blocks)
    raise NotCoveredError(
        f"the expansion in Hermite polynomials does not converge: {most} leave out "
        f"{np.nanmax(left / allowed) * _LEFT_OUT:.1g} of the second moment. If the activation or "
        f"its derivative jumps, name the places: Activation(..., kinks=(0.0,)); else the variance "
        f"is too large for it."
    )


def _weighted_values(function: Callable, variances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes, and f at them times the root of the normal density and of the step."""
    largest = np.fmax.reduce(variances, initial=1.0)
    if largest > _LARGEST:
        raise NotCoveredError(
            f"the expansion in Hermite polynomials is known for variances up to {_LARGEST:g}. "
            f"Received: {largest:g}."
        )
    octaves = np.log2(largest)
    steepness = 2 ** (np.ceil(octaves) / 2)  # of few values, so that polynomials serve again
    nodes = _nodes(int(np.ceil(2 * _REACH / _STEP * steepness)) + 1)
    root = np.exp(-(nodes**2) / 4) / (2 * np.pi) ** 0.25 * np.sqrt(nodes[1] - nodes[0])
    return nodes, function(np.sqrt(variances)[:, None] * nodes) * root


def _nodes(count: int) -> np.ndarray:
    return np.linspace(-_REACH, _REACH, count)


def _hermite_blocks(count: int) -> Iterator[np.ndarray]:
    """He_k / sqrt(k!) times the root of the normal density and of the step, for k = 0, 1, …

    Arrays (_AT_ONCE, count) on as many nodes; the first ones are kept, where they are small.
    """
    number = 0
    while count <= _KEPT_NODES and number < _KEPT:
        yield _kept_block(count, number)
        number += 1
    last = _kept_block(count, number - 1)[-2:] if number else None
    while True:
        block = _next_block(count, number, last)
        yield block
        number, last = number + 1, block[-2:]


@functools.lru_cache(maxsize=64)
def _kept_block(count: int, number: int) -> np.ndarray:
    return _next_block(count, number, _kept_block(count, number - 1)[-2:] if number else None)


def _next_block(count: int, number: int, last: np.ndarray | None) -> np.ndarray:
    """Functions number * _AT_ONCE and following, from the two before them."""
    nodes = _nodes(count)
    if last is None:
        step = nodes[1] - nodes[0]
        before = np.zeros_like(nodes)
        current = np.exp(-(nodes**2) / 4) / (2 * np.pi) ** 0.25 * np.sqrt(step)
    else:
        before, current = _after(number * _AT_ONCE - 1, nodes, *last)
    found = []
    for k in range(number * _AT_ONCE, (number + 1) * _AT_ONCE):
        found.append(current)
        before, current = _after(k, nodes, before, current)
    return np.array(found)


def _after(k: int, nodes: np.ndarray, before: np.ndarray, current: np.ndarray) -> tuple:
    """Functions k and k + 1, from k - 1 and k."""
    return current, (nodes * current - np.sqrt(k) * before) / np.sqrt(k + 1)
