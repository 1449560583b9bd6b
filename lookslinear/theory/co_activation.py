"""Co-activation, (depth, width) -> the share of rectifiers that are active for both of two inputs.

Two pre-activations with the angle theta between them, cos(theta) their correlation, are both
positive with probability 1/2 - theta / (2 pi). With He's weights and no biases the angle of a layer
depends on that of the layer before alone, and shrinks: co-activation rises from 1/4 to 1/2. Where
each unit is centred over its batch, the angle stays.
"""

from __future__ import annotations

import math

import numpy as np

from lookslinear.errors import NotCoveredError, real_number, whole_number


def rectifier_co_activation(depth: int, width: int, correlation: float = 0.0) -> np.ndarray:
    """P(h_i > 0 and h_j > 0) at each layer of a ReLU net, to first order in 1 / width.

    .. math:: p_l = \\frac12 - \\frac{1}{2 \\pi} \\left( \\theta_l + \\frac{m_l}{n} \\right), \\quad
              \\cos\\theta_{l+1} = \\frac{\\sin\\theta_l + (\\pi - \\theta_l) \\cos\\theta_l}{\\pi}

    The cosine of a finite layer is C / sqrt(A B), with the means A, B, C of n units' phi(h_i)^2,
    phi(h_j)^2 and phi(h_i) phi(h_j). Their covariances give the mean and the variance that a layer
    adds to the angle, which the following ones transform: n times the mean shift m and the variance
    v follow m' = T' m + T'' v / 2 + mean, v' = T'^2 v + variance, T the map of angles.

    Parameters
    ----------
    depth : int
        Layers; the first one's pre-activations have the inputs' correlation.
    width : int
        Units of every layer; independent Gaussian weights, no biases.
    correlation : float
        Of the two inputs, x_i . x_j over their norms, above -1 and below 1.

    Returns
    -------
    array of shape (depth,)

    Raises
    ------
    NotCoveredError
        For depths beyond the width, where the expansion ends.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning' (the map, and the fourth moments but one);
    Balduzzi et al. 2017, arXiv 1702.08591, figure 3. First order in 1 / width: derived here.

    Examples
    --------
    >>> rectifier_co_activation(5, width=10**9).round(4).tolist()
    [0.25, 0.3016, 0.3322, 0.3534, 0.3692]
    """
    whole_number(depth, "depth")
    if depth > whole_number(width, "width"):
        raise NotCoveredError(
            f"co-activation is expanded in depth / width, which says nothing beyond 1. "
            f"Received: depth {depth}, width {width}."
        )
    if not -1 < real_number(correlation, "correlation") < 1:
        raise ValueError(f"correlation must be between -1 and 1. Received: {correlation!r}.")
    theta, mean, variance, angles = math.acos(correlation), 0.0, 0.0, []
    for _ in range(depth):
        angles.append(theta + mean / width)
        theta, slope, bend, added_mean, added_variance = _step(theta)
        mean = slope * mean + bend * variance / 2 + added_mean
        variance = slope**2 * variance + added_variance
    return 0.5 - np.array(angles) / (2 * np.pi)


def centred_co_activation(samples: int) -> float:
    """P(h_i > 0 and h_j > 0) of units that are centred over a batch of orthogonal inputs.

    .. math:: p = \\frac14 - \\frac{1}{2 \\pi} \\arcsin \\frac{1}{S - 1}

    Inputs that are alike in pairs stay alike, in wide nets at every depth, and centring makes their
    correlation -1 / (S - 1); dividing by a deviation changes no sign.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, take the 1/4 for all ReLU nets. Finite batches: derived
    here.

    Examples
    --------
    >>> round(centred_co_activation(1001), 4)
    0.2498
    """
    return 0.25 - math.asin(1 / (whole_number(samples, "samples", 2) - 1)) / (2 * math.pi)


def _step(theta: float) -> tuple[float, float, float, float, float]:
    """The next angle, its first two derivatives, n times the mean and variance that are added."""
    sine, cosine, rest = math.sin(theta), math.cos(theta), math.pi - theta
    after = math.acos(min(1.0, (sine + rest * cosine) / math.pi))
    up, down = math.sin(after), math.cos(after)
    slope = rest * sine / (math.pi * up)
    bend = (rest * cosine - sine) / (math.pi * up) - slope**2 * down / up
    mean, variance = _fluctuation(theta, down)
    # arccos of a cosine that fluctuates, to second order.
    return after, slope, bend, -mean / up - down * variance / (2 * up**3), variance / up**2


def _fluctuation(theta: float, after: float) -> tuple[float, float]:
    """n times the mean and the variance that a layer of n units adds to the cosine of the angle."""
    sine, cosine, rest = math.sin(theta), math.cos(theta), math.pi - theta
    both = (3 * sine * cosine + rest * (1 + 2 * cosine**2)) / (2 * math.pi)  # E phi^2 phi^2
    quartic = 3 * rest / 8 + math.sin(2 * theta) / 4 - math.sin(4 * theta) / 32
    cubed = 4 / math.pi * (cosine * quartic + sine**5 / 4)  # E phi(h_i)^3 phi(h_j)
    # Relative covariances of A, B, C with means 1/2, 1/2 and after / 2; E phi^4 = 3/2.
    aa, ab, cc, ac = 5.0, 4 * both - 1, 4 * both / after**2 - 1, 4 * cubed / after - 1
    mean = after * (3 * aa / 4 + ab / 4 - ac)
    return mean, after**2 * (cc + aa / 2 + ab / 2 - 2 * ac)
