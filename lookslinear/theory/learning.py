"""How long deep linear networks learn: exact times of gradient flow, from balanced beginnings.

A network is balanced where each layer's weights make W_l^T W_l = W_{l-1} W_{l-1}^T; orthogonal
square ones are. Gradient flow keeps it so, and the product W of all layers then has a flow of its
own. The loss is half the squared Frobenius distance of W from a target, as of whitened inputs. Time
is depth * rate * updates, for a rate that goes to 0: at rates in proportion to 1 / depth equal
times are equal numbers of updates.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.integrate import quad, solve_ivp

from lookslinear.errors import (
    NotCoveredError,
    number_or_infinity,
    positive_number,
    real_number,
    real_numbers,
    whole_number,
)

#: Relative error of a step of the integration.
TOLERANCE = 1e-9


def learning_time(
    start: np.ndarray, target: np.ndarray, depth: int, distance: float, longest: float = 1e4
) -> float:
    """The time at which a balanced network's product comes to a distance from its target.

    .. math:: \\frac{dW}{dt} = \\frac{1}{L} \\sum_{l=1}^{L}
              (W W^T)^{(L-l)/L} (T - W) (W^T W)^{(l-1)/L}

    Looks-linear networks stay linear while they learn from data with which each input's negative
    comes, with the negative target; each half of a mirrored weight then moves half as fast.

    Parameters
    ----------
    start : array (n, n)
        The product of all layers at the beginning, the last layer on the left.
    target : array (n, n)
    depth : int
        L, how many layers there are.
    distance : float
        The squared Frobenius norm of W - T at which the clock stops.
    longest : float
        The time after which it is given up.

    Returns
    -------
    float
        Depth times rate times updates; infinite if it takes longer.

    Raises
    ------
    ValueError
        For matrices that are not square, of one shape and finite; numbers out of their range.

    References
    ----------
    Arora, Cohen & Hazan 2018, arXiv 1802.06509, theorem 1. That orthogonal networks learn in a
    time that does not depend on depth: Saxe, McClelland & Ganguli 2013, arXiv 1312.6120.

    Examples
    --------
    One layer comes nearer by a factor e in a time of 1, its square by e^2.

    >>> start, target = np.zeros((2, 2)), np.eye(2)
    >>> round(learning_time(start, target, depth=1, distance=2 * np.exp(-6)), 6)
    3.0
    """
    start, target = _squares(start=start, target=target)
    depth, distance = whole_number(depth, "depth"), positive_number(distance, "distance")
    longest = positive_number(longest, "longest")

    def left(_, product):
        return np.sum((product.reshape(target.shape) - target) ** 2) - distance

    if left(0, start.ravel()) <= 0:
        return 0.0
    left.terminal = True
    solved = solve_ivp(
        lambda _, product: _flow(product.reshape(target.shape), target, depth).ravel(),
        (0, longest), start.ravel(), "DOP853", events=left,
        rtol=TOLERANCE, atol=TOLERANCE,
    )  # fmt: skip
    return float(solved.t_events[0][0]) if len(solved.t_events[0]) else math.inf


def balanced_flow(product: np.ndarray, target: np.ndarray, depth: int) -> np.ndarray:
    """dW/dt of a balanced network's product W (n, n): the right-hand side in `learning_time`.

    References
    ----------
    Arora, Cohen & Hazan 2018, arXiv 1802.06509, theorem 1.

    Examples
    --------
    >>> balanced_flow(np.diag([1.0, 4.0]), np.diag([2.0, 2.0]), depth=2).round(6).tolist()
    [[1.0, 0.0], [0.0, -8.0]]
    """
    product, target = _squares(product=product, target=target)
    return _flow(product, target, whole_number(depth, "depth"))


def _flow(product: np.ndarray, target: np.ndarray, depth: int) -> np.ndarray:
    left, values, right = np.linalg.svd(product)
    powers = values[:, None] ** (2 * np.arange(depth) / depth)
    weights = powers[:, ::-1] @ powers.T / depth
    return left @ (weights * (left.T @ (target - product) @ right.T)) @ right


def mode_learning_time(start: float, end: float, strength: float, depth: float) -> float:
    """The time that a decoupled mode takes from one strength to another.

    .. math:: t = \\int_a^b \\frac{du}{u^{2 - 2/L} (s - u)}

    Parameters
    ----------
    start, end : float
        a and b, both more than 0 and on the same side of s.
    strength : float
        s of the target, at least 0.
    depth : int or math.inf
        L, how many layers there are.

    Returns
    -------
    float
        Depth times rate times updates.

    Raises
    ------
    ValueError
        For numbers out of their range.
    NotCoveredError
        Where the mode never comes to its end: it is not between start and strength.

    References
    ----------
    Saxe, McClelland & Ganguli 2013, arXiv 1312.6120: the dynamics of a mode.

    Examples
    --------
    With any number of layers a mode near 1 learns at nearly the same pace.

    >>> [round(mode_learning_time(0.9, 1.1, 1.2, depth), 3) for depth in (2, 10, np.inf)]
    [1.083, 1.073, 1.071]
    """
    start, end = positive_number(start, "start"), positive_number(end, "end")
    strength = real_number(strength, "strength", least=0)
    depth = number_or_infinity(depth, "depth")
    if not min(start, strength) <= end <= max(start, strength) or end == strength != start:
        raise NotCoveredError(
            f"a mode that starts at {start:g} comes near its strength {strength:g} and never "
            f"to {end:g}."
        )
    power = 2 - 2 / depth
    return quad(lambda u: 1 / (u**power * (strength - u)), start, end)[0]


def _squares(**matrices: np.ndarray) -> list[np.ndarray]:
    first, second = found = [_square(matrix, name) for name, matrix in matrices.items()]
    if first.shape != second.shape:
        raise ValueError(
            f"{' and '.join(matrices)} must have one shape. "
            f"Received: {first.shape} and {second.shape}."
        )
    return found


def _square(matrix: np.ndarray, name: str) -> np.ndarray:
    matrix = real_numbers(matrix, name)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ValueError(
            f"{name} must be a square matrix of finite numbers. Received: shape {matrix.shape}."
        )
    return matrix
