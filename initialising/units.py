"""Weights whose size is given, by unit or by entry: (connection, options, **own) -> laws."""

from __future__ import annotations

import math

from initialising.registry import registered
from initialising.scaling import priorityVariance
from lookslinear.connections import Connection, Options
from lookslinear.errors import known_name, real_number
from lookslinear.families import refuse_bad_bound
from lookslinear.initializers.units import UNITS
from lookslinear.laws import WeightLaw, truncated_deviation


@registered()
def truncated(
    connection: Connection, options: Options, *, bound: float = 2.0, stddev: float | None = None
) -> WeightLaw:
    """Independent normal weights, drawn again beyond `bound` standard deviations either way.

    .. math:: |W| \\le t \\sigma, \\qquad
              Var W = \\sigma^2 (1 - 2 t \\varphi(t) / (2 \\Phi(t) - 1)), \\quad t = bound

    Without `stddev` the variance is that of `glorotNormal`, options and all: sigma makes up for
    what the cut takes. `stddev` is sigma itself, as in JAX and Keras (a bound of 2 leaves 0.8796 of
    it); PyTorch's bounds are no multiples of it but numbers.

    Examples
    --------
    >>> from initialisations import initD
    >>> law = initD['truncated'].law((300,), (100,), bound=3.0)
    >>> law.variance.__round__(12), law.truncation
    (0.005, 3.0)
    >>> initD['truncated'].law((300,), (100,), stddev=0.02).scale.__round__(6)
    0.017593
    """
    refuse_bad_bound(bound, "bound")
    if stddev is None:
        scale = math.sqrt(priorityVariance(connection, options))
    else:
        scale = real_number(stddev, "stddev", least=0) * truncated_deviation(bound)
    return connection.law("truncated_normal", scale, truncation=float(bound))


@registered()
def fixedNorm(
    connection: Connection, options: Options, *, norm: float = 1.0, each: str = "output"
) -> WeightLaw:
    """Weights of which all of one unit have one norm, and a uniform direction.

    .. math:: \\sum_j W_{ij}^2 = g^2 norm^2 \\; (each='output'), \\qquad
              \\sum_i W_{ij}^2 = g^2 norm^2 \\; (each='input')

    with W the matrix that multiplies columns, y = W x: the rows, or the columns, have one norm. All
    taps of a kernel are counted, and of a mirrored weight the first half. g is the gain of `relu`
    or `activation`, else 1. The rows of norm sqrt(2) keep the mean square through a ReLU, as He's.

    References
    ----------
    Muller 1959, Comm. ACM 2(4) (uniform directions).

    Examples
    --------
    >>> from initialisations import initD
    >>> weight = initD['fixedNorm']((30,), (20,), norm=2.0)[0].get_value()
    >>> bool(abs((weight**2).sum(axis=0) - 4).max() < 1e-5)
    True
    """
    family = UNITS[known_name("each", each, UNITS)]
    length = connection.fan_in if each == "output" else connection.fan_out
    gain = real_number(norm, "norm", least=0) * math.sqrt(options.gain_factor())
    return connection.law(family, gain / math.sqrt(length))
