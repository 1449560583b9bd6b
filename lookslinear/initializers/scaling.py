"""Initialisers whose variance follows from the fans: (shape, dtype=None) -> array.

Glorot's, He's and LeCun's are the scale, mode and distribution that their papers name.
"""

from __future__ import annotations

import math

from lookslinear.backend import SeedGenerator
from lookslinear.errors import nearest
from lookslinear.fans import Axes, fans, keras_axes, refuse_half_named
from lookslinear.initializers.base import (
    AxesLike,
    RandomInitializer,
    checked_axes,
    is_real,
    number_argument,
)
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw

#: How the fans make up the number that the scale is divided by.
MODES = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}
#: Each distribution, and the law's family of that name.
DISTRIBUTIONS = {
    "truncated_normal": "truncated_normal",
    "untruncated_normal": "normal",
    "uniform": "uniform",
}


@registered()
class VarianceScaling(RandomInitializer):
    """Independent entries whose variance is a scale over a fan.

    .. math:: Var W = scale / \\max(1, n)

    with n the fan in, the fan out or their mean. Truncated normal entries are cut at two standard
    deviations of the normal before the cut, and made up for it; uniform ones have
    :math:`|W| < \\sqrt{3\\, scale / n}`.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : str
        'fan_in', 'fan_out' or 'fan_avg'.
    distribution : str
        'truncated_normal' (also under its old name 'normal'), 'untruncated_normal' or 'uniform'.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.
    input_axes, output_axes : int, sequence of int or None
        Both or neither: the axes whose sides multiply to the fans, where Keras's layout
        (*receptive field, in, out) is not that of the weight. One that is named in both is of the
        receptive field: (1, 2, 3) and (0, 2, 3) give the fans of Theano's (out, in, rows, columns).

    Raises
    ------
    ValueError, TypeError
        For a scale that is not positive, unknown words, axes of which one is not given or that the
        shape does not have, and any other seed.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, section 2.2 (fans of kernels).

    Examples
    --------
    >>> VarianceScaling(2.0, "fan_in").law((3, 3, 32, 64)).variance * 288
    2.0
    >>> attention = VarianceScaling(input_axes=0, output_axes=(1, 2))
    >>> attention.law((768, 12, 64)).fans
    Fans(fan_in=768, fan_out=768)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | SeedGenerator | None = None,
        input_axes: AxesLike = None,
        output_axes: AxesLike = None,
    ):
        positive = is_real(scale) and scale > 0
        self.scale = number_argument(scale, "scale", "positive float", positive)
        distribution = distribution.lower() if isinstance(distribution, str) else distribution
        distribution = "truncated_normal" if distribution == "normal" else distribution
        _refuse_unknown_word("mode", mode, MODES)
        _refuse_unknown_word("distribution", distribution, DISTRIBUTIONS)
        self.mode, self.distribution = mode, distribution
        refuse_half_named(input_axes, output_axes)
        self.input_axes = checked_axes(input_axes, "input_axes")
        self.output_axes = checked_axes(output_axes, "output_axes")
        super().__init__(seed)

    def axes(self, rank: int) -> Axes:
        """The axes that were given, or those of Keras's layout."""
        return keras_axes(rank, self.input_axes, self.output_axes)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        axes = self.axes(len(shape))
        variance = self.scale / max(1, MODES[self.mode](*fans(shape, axes)))
        family = DISTRIBUTIONS[self.distribution]
        return WeightLaw(shape, axes, family, math.sqrt(variance), dtype=dtype)


def _refuse_unknown_word(name: str, word: object, known: dict) -> None:
    if word not in known:
        raise ValueError(
            f"Invalid `{name}` argument: {word}.{nearest(word, known)} "
            f"Please use one of {', '.join(sorted(known))}."
        )


class _Named(VarianceScaling):
    """A scaling of which the paper names scale, mode and distribution."""

    SCALING = (1.0, "fan_in", "truncated_normal")

    def __init__(
        self,
        seed: int | SeedGenerator | None = None,
        input_axes: AxesLike = None,
        output_axes: AxesLike = None,
    ):
        super().__init__(*self.SCALING, seed, input_axes, output_axes)


@registered()
class GlorotNormal(_Named):
    """Truncated normal entries of Glorot's variance, between what signal and gradient ask for.

    .. math:: Var W = 2 / (fan_{in} + fan_{out})

    The arguments are those of `VarianceScaling`; a seed that is an int gives the same values at
    every call, so two layers given the same int start equal.

    References
    ----------
    Glorot & Bengio 2010, AISTATS, equation 12.

    Examples
    --------
    >>> round(GlorotNormal().law((300, 100)).variance, 6)
    0.005
    """

    SCALING = (1.0, "fan_avg", "truncated_normal")


@registered()
class GlorotUniform(_Named):
    """Uniform entries of Glorot's variance, between what signal and gradient ask for.

    .. math:: |W| < \\sqrt{6 / (fan_{in} + fan_{out})}

    The arguments are those of `VarianceScaling`; a seed that is an int gives the same values at
    every call, so two layers given the same int start equal.

    References
    ----------
    Glorot & Bengio 2010, AISTATS, equation 16.

    Examples
    --------
    >>> round(GlorotUniform().law((300, 100)).variance, 6)
    0.005
    """

    SCALING = (1.0, "fan_avg", "uniform")


@registered()
class HeNormal(_Named):
    """Truncated normal entries that keep the second moment through a ReLU.

    .. math:: Var W = 2 / fan_{in}

    The arguments are those of `VarianceScaling`; a seed that is an int gives the same values at
    every call, so two layers given the same int start equal.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equation 10.

    Examples
    --------
    >>> round(HeNormal().law((300, 100)).variance, 6)
    0.006667
    """

    SCALING = (2.0, "fan_in", "truncated_normal")


@registered()
class HeUniform(_Named):
    """Uniform entries that keep the second moment through a ReLU.

    .. math:: |W| < \\sqrt{6 / fan_{in}}

    The arguments are those of `VarianceScaling`; a seed that is an int gives the same values at
    every call, so two layers given the same int start equal.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equation 10.

    Examples
    --------
    >>> round(HeUniform().law((300, 100)).variance, 6)
    0.006667
    """

    SCALING = (2.0, "fan_in", "uniform")


@registered()
class LecunNormal(_Named):
    """Truncated normal entries that keep the second moment of a linear layer.

    .. math:: Var W = 1 / fan_{in}

    The arguments are those of `VarianceScaling`; a seed that is an int gives the same values at
    every call, so two layers given the same int start equal.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp', equation 16.

    Examples
    --------
    >>> round(LecunNormal().law((300, 100)).variance, 6)
    0.003333
    """

    SCALING = (1.0, "fan_in", "truncated_normal")


@registered()
class LecunUniform(_Named):
    """Uniform entries that keep the second moment of a linear layer.

    .. math:: |W| < \\sqrt{3 / fan_{in}}

    The arguments are those of `VarianceScaling`; a seed that is an int gives the same values at
    every call, so two layers given the same int start equal.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp', equation 16.

    Examples
    --------
    >>> round(LecunUniform().law((300, 100)).variance, 6)
    0.003333
    """

    SCALING = (1.0, "fan_in", "uniform")
