"""Points of the plane of variances, (activation, sigma_w^2, sigma_b^2) -> phases, as predicted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lookslinear.activations import Activation
from lookslinear.theory import chi_1, correlation_fixed_point, depth_scales, fixed_point

#: Numbers along each axis of the map.
RESOLUTION = 80
#: |log chi_1| below which a point is called critical.
CRITICAL = 1e-3


class Point(NamedTuple):
    """A point of the plane, its fixed points, and the slopes of the maps there, as logs."""

    weights: float
    biases: float
    q: float
    c: float
    growth: float
    decay: float

    @property
    def phase(self) -> str:
        """Whether gradients vanish, stay or explode."""
        if abs(self.growth) < CRITICAL:
            return "critical"
        return "ordered" if self.growth < 0 else "chaotic"


def pointOf(phi: Activation, weights: float, biases: float) -> Point:
    """What theory says of a point; ValueError where it has no fixed point.

    Examples
    --------
    >>> from lookslinear.activations import activation
    >>> point = pointOf(activation("tanh"), 2.0, 0.05)
    >>> point.phase, round(point.q, 3), round(point.c, 3), round(-1 / point.decay, 1)
    ('chaotic', 0.722, 0.744, 25.2)
    """
    q = float(fixed_point(phi, weights, biases))
    if not 0 < q < math.inf:
        fate = "grows without bound" if q else "dies out"
        raise ValueError(
            f"weights and biases must give {phi.name!r} a fixed point, and the signal {fate}. "
            f"Received: {weights:g} and {biases:g}."
        )
    c = float(correlation_fixed_point(phi, weights, biases))
    growth = math.log(float(chi_1(phi, weights, q)))
    decay = -1 / float(depth_scales(phi, weights, biases).correlation)
    return Point(weights, biases, q, c, growth, decay)


def phaseMap(phi: str, weights: Sequence[float], biases: Sequence[float]) -> dict[str, np.ndarray]:
    """chi_1 and the trainable depth on a grid that holds all points.

    Examples
    --------
    >>> arrays = phaseMap("tanh", (1.0, 3.0), (0.05,))
    >>> {name: array.shape for name, array in arrays.items()}
    {'weights': (80,), 'biases': (80,), 'chi_1': (80, 80), 'depth': (80, 80)}
    """
    top = 1.2 * (biases[-1] or 0.1)
    x = np.linspace(0.75 * weights[0], 1.15 * weights[-1], RESOLUTION)
    y = np.linspace(0, top, RESOLUTION + 1)[1:]
    plane = np.meshgrid(x, y)
    q = fixed_point(phi, *plane)
    chi = np.where(q > 0, chi_1(phi, plane[0], q), np.nan)
    depth = depth_scales(phi, *plane).trainable_depth
    return {"weights": x, "biases": y, "chi_1": chi, "depth": depth}
