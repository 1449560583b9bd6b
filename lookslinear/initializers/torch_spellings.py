"""What PyTorch draws, in its words and in Keras's layout: (shape, dtype=None) -> array."""

from __future__ import annotations

import math

from lookslinear.activations import gain_of, leaky_relu
from lookslinear.backend import SeedGenerator
from lookslinear.errors import known_name
from lookslinear.fans import fans, keras_axes
from lookslinear.initializers.base import (
    RandomInitializer,
    is_real,
    number_argument,
    real_argument,
)
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw, entries_law

MODES = ("fan_in", "fan_out")
#: PyTorch's names of activations, and ours.
NONLINEARITIES = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), "linear"),
    **{name: name for name in ("sigmoid", "tanh", "relu", "selu")},
    "leaky_relu": "leakyRelu",
}


def tabled_gain(nonlinearity: str, a: float = 0.0, kind: str = "torch") -> float:
    """The gain of one of PyTorch's nonlinearities, by its table, or the exact one.

    Examples
    --------
    >>> tabled_gain("tanh"), round(tabled_gain("leaky_relu", 1.0), 12)
    (1.6666666666666667, 1.0)
    """
    phi = NONLINEARITIES[known_name("nonlinearity", nonlinearity, NONLINEARITIES)]
    return gain_of(leaky_relu(a) if phi == "leakyRelu" else phi, kind)


class _Kaiming(RandomInitializer):
    """A scaling in PyTorch's words."""

    FAMILY = "normal"

    def __init__(
        self,
        a: float = 0.0,
        mode: str = "fan_in",
        nonlinearity: str = "leaky_relu",
        seed: int | SeedGenerator | None = None,
    ):
        self.a = real_argument(a, "a")
        self.mode = known_name("mode", mode, MODES)
        self.nonlinearity = known_name("nonlinearity", nonlinearity, NONLINEARITIES)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        fan = fans(shape, keras_axes(len(shape)))[MODES.index(self.mode)]
        scale = tabled_gain(self.nonlinearity, self.a) / math.sqrt(max(1, fan))
        return entries_law(shape, self.FAMILY, scale, dtype=dtype)


@registered()
class KaimingNormal(_Kaiming):
    """Independent normal entries as `torch.nn.init.kaiming_normal_` draws them.

    .. math:: Var W = g^2 / fan, \\qquad g = \\sqrt{2 / (1 + a^2)} \\text{ for a leaky ReLU}

    Parameters
    ----------
    a : float
        The slope of a leaky ReLU left of 0; no matter for others.
    mode : str
        'fan_in' or 'fan_out'.
    nonlinearity : str
        PyTorch's name of an activation whose gain its table has.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For a slope that is not finite, unknown words, any other seed.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equations 10 and 15.

    Examples
    --------
    >>> round(KaimingNormal(mode="fan_out").law((200, 100)).variance, 12)
    0.02
    """


@registered()
class KaimingUniform(_Kaiming):
    """Independent uniform entries with the variance of `KaimingNormal`, which says the arguments.

    .. math:: |W| < g \\sqrt{3 / fan}

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equations 10 and 15.

    Examples
    --------
    >>> law = KaimingUniform(a=5**0.5).law((200, 100))
    >>> round(3 * law.variance * 200, 12)  # what PyTorch's layers use: a bound of 1 / sqrt(fan in)
    1.0
    """

    FAMILY = "uniform"


@registered()
class TorchDefaultUniform(RandomInitializer):
    """The weights that PyTorch's Linear and Conv layers start with.

    .. math:: |W| < 1 / \\sqrt{fan_{in}}, \\qquad Var W = 1 / (3 fan_{in})

    Their biases have the same bounds, of the weight's fan in, which an initialiser of a vector is
    not told: `initD["torchDefaultUniform"]` draws both.

    Parameters
    ----------
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For any other seed.

    Examples
    --------
    >>> round(TorchDefaultUniform().law((3, 3, 12, 5)).variance * 108, 12)
    0.333333333333
    """

    def __init__(self, seed: int | SeedGenerator | None = None):
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        fan_in = max(1, fans(shape, keras_axes(len(shape))).fan_in)
        return entries_law(shape, "uniform", math.sqrt(1 / (3 * fan_in)), dtype=dtype)


LAYERS = ("first", "hidden")


@registered()
class Siren(RandomInitializer):
    """Uniform entries for layers with the activation sin(w0 h).

    .. math:: first: |W| < 1 / fan_{in}, \\qquad hidden: |W| < \\sqrt{6 / fan_{in}} / w_0

    Parameters
    ----------
    layer : str
        'hidden' or 'first'.
    w0 : float
        The frequency, above 0.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For another layer, a frequency that is not positive, any other seed.

    References
    ----------
    Sitzmann et al. 2020, arXiv 2006.09661, section 3.2 (reported).

    Examples
    --------
    >>> round(Siren().law((256, 256)).variance * 30**2 * 256, 12)
    2.0
    """

    def __init__(
        self, layer: str = "hidden", w0: float = 30.0, seed: int | SeedGenerator | None = None
    ):
        self.layer = known_name("layer", layer, LAYERS)
        self.w0 = number_argument(w0, "w0", "a float above 0", is_real(w0) and w0 > 0)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        fan_in = max(1, fans(shape, keras_axes(len(shape))).fan_in)
        bound = 1 / fan_in if self.layer == "first" else math.sqrt(6 / fan_in) / self.w0
        return entries_law(shape, "uniform", bound / math.sqrt(3), dtype=dtype)
