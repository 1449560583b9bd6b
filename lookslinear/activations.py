"""One table of activations: name -> function, derivative, gain; NumPy, units on axis 1.

An activation takes arrays with samples on axis 0 and units or channels on axis 1. All act on each
number by itself, except CReLU, which doubles the units: [x+, x-] along axis 1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.special import erf

from lookslinear.errors import known_name, real_number


@dataclass(frozen=True)
class Activation:
    """A named activation.

    Parameters
    ----------
    name : str
    function, derivative : callable
        Array to array. The derivative of CReLU is that of its two halves, [1(x > 0), -1(x < 0)].
    exact_gain : float
        The factor g for which weights of variance g^2 / fan_in keep a second moment of 1,
        1 / sqrt(V(1)) with V(q) = E phi(sqrt(q) z)^2 and z standard normal.
    literature_gain : float
        The factor that the literature recommends, where it differs; else the exact one.
    slopes : (float, float) or None
        The slopes left and right of 0 of an activation that is linear on both sides.

    Examples
    --------
    >>> ACTIVATIONS["tanh"].exact_gain, ACTIVATIONS["tanh"].literature_gain
    (1.592537419722831, 1.6666666666666667)
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    derivative: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    exact_gain: float
    literature_gain: float = None
    slopes: tuple[float, float] | None = None
    doubles: bool = False

    def __post_init__(self):
        if self.literature_gain is None:
            object.__setattr__(self, "literature_gain", self.exact_gain)

    @property
    def homogeneous(self) -> bool:
        """Whether phi(a x) = a phi(x) for every a > 0, as for ReLU, leaky ReLU and CReLU."""
        return self.doubles or self.slopes is not None


def leaky_relu(slope: float = 0.01) -> Activation:
    """x for x > 0, slope x elsewhere; exact gain sqrt(2 / (1 + slope^2)).

    References
    ----------
    Maas, Hannun, Ng 2013; gain: He et al. 2015, arXiv 1502.01852, equation 15.

    Examples
    --------
    >>> leaky_relu(0.2).function(np.array([-1.0, 1.0]))
    array([-0.2,  1. ])
    """
    slope = real_number(slope, "slope")
    if not math.isfinite(slope * slope):
        raise ValueError(f"slope and its square must be finite. Received: {slope!r}.")
    return Activation(
        "leakyRelu" if slope == 0.01 else f"leakyRelu({slope!r})",
        lambda x: np.where(x > 0, x, slope * x),
        lambda x: np.where(x > 0, np.ones_like(x), np.full_like(x, slope)),
        exact_gain=math.sqrt(2 / (1 + slope**2)),
        slopes=(slope, 1.0),
    )


def _crelu(x: np.ndarray) -> np.ndarray:
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)


def _crelu_derivative(x: np.ndarray) -> np.ndarray:
    return np.concatenate([(x > 0).astype(x.dtype), -(x < 0).astype(x.dtype)], axis=1)


def _erf_derivative(x: np.ndarray) -> np.ndarray:
    return 2 / math.sqrt(math.pi) * np.exp(-(x**2))


#: Every activation by its name. CReLU: Shang et al. 2016, arXiv 1603.05201; its gain is that of one
#: half, so it refers to the fan in after the doubling. tanh's 5/3 is the table value of PyTorch.
ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("linear", lambda x: x, np.ones_like, 1.0, slopes=(1.0, 1.0)),
        Activation(
            "relu",
            lambda x: np.maximum(x, 0),
            lambda x: (x > 0).astype(x.dtype),
            exact_gain=math.sqrt(2),
            slopes=(0.0, 1.0),
        ),
        leaky_relu(),
        Activation("crelu", _crelu, _crelu_derivative, math.sqrt(2), doubles=True),
        Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1.592537419722831, 5 / 3),
        Activation("erf", erf, _erf_derivative, 1.4671669504891387),
    )
}


def activation(name: str | Activation) -> Activation:
    """The activation of this name; 'leakyRelu(0.2)' gives a leaky ReLU with another slope.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest known one.

    Examples
    --------
    >>> activation("leakyRelu(0.5)").slopes
    (0.5, 1.0)
    >>> activation("crellu")
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown activation 'crellu'. Did you mean 'crelu'? \
Known: crelu, erf, leakyRelu, linear, relu, tanh.
    """
    if isinstance(name, Activation):
        return name
    with_slope = re.fullmatch(r"leakyRelu\((-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\)", str(name))
    if with_slope:
        return leaky_relu(float(with_slope[1]))
    return ACTIVATIONS[known_name("activation", name, ACTIVATIONS)]
