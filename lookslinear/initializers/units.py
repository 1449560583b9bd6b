"""Initialisers of a given size, by entry or by unit: (shape, dtype=None) -> array."""

from __future__ import annotations

import math

from lookslinear.backend import SeedGenerator
from lookslinear.errors import known_name
from lookslinear.families import refuse_bad_bound
from lookslinear.fans import fans, keras_axes
from lookslinear.initializers.base import RandomInitializer, deviation_argument
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw, entries_law, truncated_deviation

#: Whose weights have one norm, and the family that says so.
UNITS = {"output": "output_spheres", "input": "input_spheres"}


@registered()
class Truncated(RandomInitializer):
    """Independent normal entries, drawn again beyond `bound` standard deviations either way.

    .. math:: |W| \\le t \\sigma, \\qquad
              Var W = \\sigma^2 (1 - 2 t \\varphi(t) / (2 \\Phi(t) - 1)), \\quad t = bound

    Parameters
    ----------
    bound : float
        At least 0.1. Keras's, JAX's and TensorFlow's own is 2; PyTorch's bounds are no multiples
        of the deviation.
    stddev : float or None
        sigma, before the cut. None makes the variance Glorot's, 2 / (fan_in + fan_out), after it.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError, TypeError
        For bounds below 0.1, a negative `stddev`, numbers that are not finite, any other seed.

    Examples
    --------
    >>> law = Truncated(bound=3.0).law((300, 100))
    >>> round(law.variance, 12), law.truncation
    (0.005, 3.0)
    """

    def __init__(
        self,
        bound: float = 2.0,
        stddev: float | None = None,
        seed: int | SeedGenerator | None = None,
    ):
        refuse_bad_bound(bound, "bound")
        self.bound = float(bound)
        self.stddev = stddev if stddev is None else deviation_argument(stddev)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        if self.stddev is None:
            scale = math.sqrt(2 / max(1, sum(fans(shape, keras_axes(len(shape))))))
        else:
            scale = self.stddev * truncated_deviation(self.bound)
        return entries_law(shape, "truncated_normal", scale, truncation=self.bound, dtype=dtype)


@registered()
class FixedNorm(RandomInitializer):
    """Weights of which all of one unit have one norm, and a uniform direction.

    .. math:: \\sum_i W_{ij}^2 = norm^2 \\; (each='output'), \\qquad
              \\sum_j W_{ij}^2 = norm^2 \\; (each='input')

    with W of shape (in, out), all taps of a kernel counted.

    Parameters
    ----------
    norm : float
    each : str
        'output' or 'input': whose weights have it.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For a negative norm, another unit, shapes of less than two sides, any other seed.

    References
    ----------
    Muller 1959, Comm. ACM 2(4) (uniform directions).

    Examples
    --------
    >>> weight = FixedNorm(2.0)((3, 3, 8, 5), "float64")
    >>> [round(number, 12) for number in (weight**2).sum(axis=(0, 1, 2)).tolist()]
    [4.0, 4.0, 4.0, 4.0, 4.0]
    """

    def __init__(
        self,
        norm: float = 1.0,
        each: str = "output",
        seed: int | SeedGenerator | None = None,
    ):
        self.norm = deviation_argument(norm, "norm")
        self.each = known_name("each", each, UNITS)
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        axes = keras_axes(len(shape))
        fan_in, fan_out = fans(shape, axes)
        length = max(1, fan_in if self.each == "output" else fan_out)
        scale = self.norm / math.sqrt(length)
        return WeightLaw(shape, axes, UNITS[self.each], scale, dtype=dtype)
