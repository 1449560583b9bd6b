"""What PyTorch draws, in its words: (connection, options, **own) -> laws."""

from __future__ import annotations

import math

from initialising.registry import registered
from lookslinear.connections import Connection, Options
from lookslinear.errors import known_name, real_number
from lookslinear.initializers.torch_spellings import LAYERS, MODES, tabled_gain
from lookslinear.laws import WeightLaw, entries_law


@registered()
def kaimingNormal(
    connection: Connection,
    options: Options,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> WeightLaw:
    """Independent normal weights as `torch.nn.init.kaiming_normal_` draws them.

    .. math:: Var W = g^2 / fan, \\qquad g = \\sqrt{2 / (1 + a^2)} \\text{ for a leaky ReLU}

    with a the slope of a 'leaky_relu' and no matter for others, the fan that `mode` names, and the
    gain of PyTorch's table for `nonlinearity`, whatever `relu` says; `gain='exact'` takes the exact
    one, and an `activation` of this house's its place. With `mirror` g is 1, and the fan in counted
    before the doubling. With `groups` the fan out is that of one group, where PyTorch takes that of
    all.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equations 10 and 15.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['kaimingNormal'].law((200,), (100,), mode='fan_out').variance.__round__(12)
    0.02
    """
    deviation = _kaimingDeviation(connection, options, a, mode, nonlinearity)
    return connection.law("normal", deviation)


@registered()
def kaimingUniform(
    connection: Connection,
    options: Options,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> WeightLaw:
    """Independent uniform weights with the variance of `kaimingNormal`, its options and all.

    .. math:: |W| < g \\sqrt{3 / fan}

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equations 10 and 15.

    Examples
    --------
    >>> from initialisations import initD
    >>> law = initD['kaimingUniform'].law((200,), (100,), a=5**0.5)
    >>> round(3 * law.variance * 200, 12)  # what PyTorch's layers use: a bound of 1 / sqrt(fan in)
    1.0
    """
    deviation = _kaimingDeviation(connection, options, a, mode, nonlinearity)
    return connection.law("uniform", deviation)


def _kaimingDeviation(
    connection: Connection, options: Options, a: float, mode: str, nonlinearity: str
) -> float:
    fan = getattr(connection, known_name("mode", mode, MODES))
    kind = options.gain if isinstance(options.gain, str) else "torch"
    factor = tabled_gain(nonlinearity, real_number(a, "a"), kind) ** 2
    return math.sqrt(options.gain_factor(factor, rectified=factor) / fan)


def _defaultBias(connection: Connection, options: Options, **own) -> WeightLaw:
    """Uniform between -1 / sqrt(fan in) and 1 / sqrt(fan in), as the biases of PyTorch's layers."""
    deviation = math.sqrt(1 / (3 * connection.fan_in))
    return entries_law((connection.num_filters,), "uniform", deviation, dtype=connection.dtype)


@registered(bias=_defaultBias)
def torchDefaultUniform(connection: Connection, options: Options) -> WeightLaw:
    """What PyTorch's Linear and Conv layers start with, weight and bias.

    .. math:: |W|, |b| < 1 / \\sqrt{fan_{in}}, \\qquad Var W = Var b = 1 / (3 fan_{in})

    They say so as kaiming_uniform_ with a = sqrt(5). It keeps no second moment: of a linear layer's
    a third is left, and a sixth through a ReLU, to which the bias adds. `relu` has no effect; a
    `gain`, or that of an `activation`, multiplies the weights alone. Experiments look at networks
    without biases, and so at its weights.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp' (the same order of size).

    Examples
    --------
    >>> from initialisations import initD
    >>> weight, bias = initD['torchDefaultUniform']((400,), (30,), rng=1)
    >>> bool(abs(weight.get_value()).max() < 0.05), bool(abs(bias.get_value()).max() < 0.05)
    (True, True)
    """
    factor = options.gain_factor(rectified=1.0)
    return connection.law("uniform", math.sqrt(factor / (3 * connection.fan_in)))


@registered(bias=_defaultBias)
def siren(
    connection: Connection, options: Options, *, layer: str = "hidden", w0: float = 30.0
) -> WeightLaw:
    """Uniform weights for layers with the activation sin(w0 h).

    .. math:: first: |W| < 1 / fan_{in}, \\qquad hidden: |W| < \\sqrt{6 / fan_{in}} / w_0

    so that w0 h has the variance 1 in hidden layers, whose inputs are sines. The biases are
    PyTorch's own, as in the authors' code. Options of gain have no effect.

    References
    ----------
    Sitzmann et al. 2020, arXiv 2006.09661, section 3.2 (reported).

    Examples
    --------
    >>> from initialisations import initD
    >>> law = initD['siren'].law((256,), (256,))
    >>> round(law.variance * 30**2 * 256 * 0.5, 12)  # E sin^2 is 1/2 where the phase is spread
    1.0
    """
    bound = {
        "first": 1 / connection.fan_in,
        "hidden": math.sqrt(6 / connection.fan_in) / _frequency(w0),
    }[known_name("layer", layer, LAYERS)]
    return connection.law("uniform", bound / math.sqrt(3))


def _frequency(w0: float) -> float:
    if real_number(w0, "w0", least=0) == 0:
        raise ValueError("w0 must be above 0. Received: 0.")
    return w0
