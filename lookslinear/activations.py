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
from scipy.special import erf, expit, ndtr

from lookslinear.errors import known_name, squarable_number


@dataclass(frozen=True)
class Activation:
    """A named activation.

    Parameters
    ----------
    name : str
    function, derivative : callable
        Array to array. The derivative of CReLU is that of its two halves, [1(x > 0), -1(x < 0)].
    exact_gain : float or None
        The factor g for which weights of variance g^2 / fan_in keep a second moment of 1,
        1 / sqrt(V(1)) with V(q) = E phi(sqrt(q) z)^2 and z standard normal; None computes it.
    literature_gain : float
        The factor that the literature recommends, where it differs; else the exact one.
    slopes : (float, float) or None
        The slopes left and right of 0 of an activation that is linear on both sides.
    doubles : bool
        Whether a second half of units follows the first one, as for CReLU.
    kinks : tuple of float
        Where the function or one of its derivatives jumps: quadrature is split there. Between them
        it must be smooth.

    Examples
    --------
    >>> ACTIVATIONS["tanh"].exact_gain, ACTIVATIONS["tanh"].literature_gain
    (1.592537419722831, 1.6666666666666667)

    One's own works wherever theory asks for an activation.

    >>> cube = Activation("cube", lambda x: x**3, lambda x: 3 * x**2)
    >>> round(cube.exact_gain**-2, 9)
    15.0
    """

    name: str
    function: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    derivative: Callable[[np.ndarray], np.ndarray] = field(repr=False)
    exact_gain: float = None
    literature_gain: float = None
    slopes: tuple[float, float] | None = None
    doubles: bool = False
    kinks: tuple[float, ...] = ()

    def __post_init__(self):
        if self.exact_gain is None:
            object.__setattr__(self, "exact_gain", _gain_by_quadrature(self))
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
    slope = squarable_number(slope, "slope")
    return Activation(
        "leakyRelu" if slope == 0.01 else f"leakyRelu({slope!r})",
        lambda x: np.where(x > 0, x, slope * x),
        lambda x: np.where(x > 0, np.ones_like(x), np.full_like(x, slope)),
        exact_gain=math.sqrt(2 / (1 + slope**2)),
        slopes=(slope, 1.0),
        kinks=(0.0,),
    )


def _gain_by_quadrature(phi: Activation) -> float:
    # Theory stands on this table, so it is asked only once an activation of a user's needs it.
    from lookslinear.theory.maps import second_moment

    return float(second_moment(phi, 1.0) / (2 if phi.doubles else 1)) ** -0.5


def _crelu(x: np.ndarray) -> np.ndarray:
    return np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)


def _crelu_derivative(x: np.ndarray) -> np.ndarray:
    return np.concatenate([(x > 0).astype(x.dtype), -(x < 0).astype(x.dtype)], axis=1)


def _bell(x: np.ndarray) -> np.ndarray:
    """exp(-x^2 / 2), where x^2 may overflow."""
    return np.exp(-(np.minimum(np.abs(x), 60.0) ** 2) / 2)


def _erf_derivative(x: np.ndarray) -> np.ndarray:
    return 2 / math.sqrt(math.pi) * _bell(math.sqrt(2) * x)


def _gelu_derivative(x: np.ndarray) -> np.ndarray:
    return ndtr(x) + x * _bell(x) / math.sqrt(2 * math.pi)


def _silu_derivative(x: np.ndarray) -> np.ndarray:
    return expit(x) * (1 + x * expit(-x))


def _exponential_linear(alpha: float, scale: float) -> dict[str, object]:
    """scale x for x > 0, scale alpha (e^x - 1) elsewhere."""

    def function(x: np.ndarray) -> np.ndarray:
        return scale * (np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0)))

    def derivative(x: np.ndarray) -> np.ndarray:
        return np.where(x > 0, np.full_like(x, scale), scale * alpha * np.exp(np.minimum(x, 0)))

    return {"function": function, "derivative": derivative, "kinks": (0.0,)}


#: The slope right of 0 and the depth left of it that make 1 the fixed point of SELU: Klambauer et
#: al. 2017, arXiv 1706.02515, equation 14.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772

#: Every activation by its name. CReLU: Shang et al. 2016, arXiv 1603.05201; its gain is that of one
#: half, so it refers to the fan in after the doubling. GELU: Hendrycks & Gimpel 2016, arXiv
#: 1606.08415, x Phi(x); SiLU: x sigmoid(x); ELU with alpha = 1: Clevert et al. 2015, arXiv
#: 1511.07289. The gains of tanh, 5/3, SELU, 3/4, and sigmoid, 1, are the table values of PyTorch.
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
            kinks=(0.0,),
        ),
        leaky_relu(),
        Activation("crelu", _crelu, _crelu_derivative, math.sqrt(2), doubles=True, kinks=(0.0,)),
        Activation("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1.592537419722831, 5 / 3),
        Activation("erf", erf, _erf_derivative, 1.4671669504891387),
        Activation(
            "hardTanh",
            lambda x: np.clip(x, -1, 1),
            lambda x: (np.abs(x) <= 1).astype(x.dtype),
            exact_gain=1.39203614044831,
            kinks=(-1.0, 1.0),
        ),
        Activation("sigmoid", expit, lambda x: expit(x) * expit(-x), 1.8462285453386054, 1.0),
        Activation("gelu", lambda x: x * ndtr(x), _gelu_derivative, 1.533530441195535),
        Activation("silu", lambda x: x * expit(x), _silu_derivative, 1.676532470331092),
        Activation("elu", **_exponential_linear(1.0, 1.0), exact_gain=1.2451983007007066),
        Activation(
            "selu",
            **_exponential_linear(SELU_ALPHA, SELU_SCALE),
            exact_gain=1.0,
            literature_gain=3 / 4,
        ),
        Activation("softplus", lambda x: np.logaddexp(0, x), expit, 1.041866835535302),
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
Known: crelu, elu, erf, gelu, hardTanh, leakyRelu, linear, relu, selu, sigmoid, silu, softplus, \
tanh.
    """
    if isinstance(name, Activation):
        return name
    with_slope = re.fullmatch(r"leakyRelu\((-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\)", str(name))
    if with_slope:
        return leaky_relu(float(with_slope[1]))
    return ACTIVATIONS[known_name("activation", name, ACTIVATIONS)]


#: The activations that PyTorch's table of gains, `calculate_gain`, has; leaky ones besides.
TABLED = ("linear", "relu", "tanh", "sigmoid", "selu")
GAINS = ("exact", "torch")


def gain_of(phi: str | Activation, kind: str = "exact") -> float:
    """The gain of an activation: weights of variance g^2 / fan_in keep a second moment of 1.

    .. math:: exact: g = 1 / \\sqrt{E \\phi(z)^2}, \\qquad torch: \\text{1 (linear, sigmoid), }
              5/3, \\sqrt{2}, \\sqrt{2 / (1 + a^2)}, 3/4 \\text{ (SELU)}

    with z standard normal, by quadrature where there is no closed form; or PyTorch's table, whose
    values for tanh, sigmoid and SELU keep no second moment.

    Raises
    ------
    ValueError
        For an unknown activation or kind, and for one that the table does not have.

    Examples
    --------
    >>> round(gain_of("tanh"), 4), round(gain_of("tanh", "torch"), 4)
    (1.5925, 1.6667)
    >>> gain_of("gelu", "torch")
    Traceback (most recent call last):
    ValueError: PyTorch's table has no gain for 'gelu'. Known: linear, relu, tanh, sigmoid, selu, \
leakyRelu(slope). Use gain='exact'.
    """
    phi = activation(phi)
    if known_name("gain", kind, GAINS) == "exact":
        return phi.exact_gain
    if phi.name not in TABLED and not phi.name.startswith("leakyRelu"):
        raise ValueError(
            f"PyTorch's table has no gain for {phi.name!r}. Known: {', '.join(TABLED)}, "
            f"leakyRelu(slope). Use gain='exact'."
        )
    return phi.literature_gain
