"""Initialisers of independent entries of a given size: (shape, dtype=None) -> array."""

from __future__ import annotations

from lookslinear.backend import SeedGenerator
from lookslinear.fans import keras_axes
from lookslinear.initializers.base import (
    RandomInitializer,
    deviation_argument,
    is_real,
    number_argument,
    real_argument,
)
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw, normal_law, truncated_normal_law, uniform_law


@registered("normal")
class RandomNormal(RandomInitializer):
    """Independent normal entries, for any shape.

    .. math:: W \\sim N(mean, stddev^2)

    Parameters
    ----------
    mean, stddev : float
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For a negative `stddev`, numbers that are not finite, and any other seed.

    Examples
    --------
    >>> RandomNormal(stddev=0.01, seed=1).law((300, 100)).variance
    0.0001
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | None = None
    ):
        self.mean = real_argument(mean, "mean")
        self.stddev = deviation_argument(stddev)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        return normal_law(shape, self.mean, self.stddev, dtype)


@registered("uniform")
class RandomUniform(RandomInitializer):
    """Independent entries, uniform between two bounds, for any shape.

    .. math:: W \\sim U(minval, maxval), \\qquad Var W = (maxval - minval)^2 / 12

    Parameters
    ----------
    minval, maxval : float
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        If `maxval` is below `minval`, for numbers that are not finite, and any other seed.

    Examples
    --------
    >>> law = RandomUniform(-1.0, 5.0).law((300, 100))
    >>> law.mean, round(law.variance, 12)
    (2.0, 3.0)
    """

    def __init__(
        self,
        minval: float = -0.05,
        maxval: float = 0.05,
        seed: int | SeedGenerator | None = None,
    ):
        self.minval = real_argument(minval, "minval")
        above = is_real(maxval) and maxval >= minval
        self.maxval = number_argument(maxval, "maxval", f"a float of at least {minval}", above)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        return uniform_law(shape, self.minval, self.maxval, dtype)


@registered()
class TruncatedNormal(RandomInitializer):
    """Independent normal entries, drawn again where they lie beyond two `stddev` of the mean.

    .. math:: |W - mean| \\le 2\\, stddev, \\qquad \\sqrt{Var W} = 0.8796\\, stddev

    `stddev` is that before the cut, as in Keras; `VarianceScaling` makes up for it, this does not.

    Parameters
    ----------
    mean, stddev : float
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For a negative `stddev`, numbers that are not finite, and any other seed.

    Examples
    --------
    >>> TruncatedNormal(stddev=1.0).law((300, 100)).scale
    0.8796256610342398
    """

    def __init__(
        self, mean: float = 0.0, stddev: float = 0.05, seed: int | SeedGenerator | None = None
    ):
        self.mean = real_argument(mean, "mean")
        self.stddev = deviation_argument(stddev)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        return truncated_normal_law(shape, self.mean, self.stddev, dtype)


@registered()
class Sparse(RandomInitializer):
    """Normal entries, of which each output unit keeps a few: the others are zero.

    .. math:: W \\sim N(0, stddev^2) \\text{ but for } \\lceil sparsity \\cdot fan_{in} \\rceil
        \\text{ inputs of each output}

    Parameters
    ----------
    sparsity : float
        The fraction of zeros, in [0, 1), rounded up to whole inputs: of 6 inputs, 0.9 cuts all.
        Lasagne's argument of this name is the fraction of the others.
    stddev : float
        That of the entries that are kept.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For numbers out of range, any other seed, and shapes without inputs and outputs (vectors).

    References
    ----------
    Martens 2010, 'Deep learning via Hessian-free optimization', section 5.

    Examples
    --------
    >>> (Sparse(0.75)((8, 5)) == 0).sum(axis=0).tolist()
    [6, 6, 6, 6, 6]
    """

    def __init__(
        self,
        sparsity: float = 0.9,
        stddev: float = 0.05,
        seed: int | SeedGenerator | None = None,
    ):
        inside = is_real(sparsity) and 0 <= sparsity < 1
        self.sparsity = number_argument(sparsity, "sparsity", "a float in [0, 1)", inside)
        self.stddev = deviation_argument(stddev)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        axes = keras_axes(len(shape))
        return WeightLaw(shape, axes, "normal", self.stddev, sparsity=self.sparsity, dtype=dtype)
