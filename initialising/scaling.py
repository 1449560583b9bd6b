"""Independent entries, scaled by the fans: the laws of Glorot, He and LeCun."""

from __future__ import annotations

import math

from initialising.registry import registered
from lookslinear.connections import Connection, Options
from lookslinear.laws import WeightLaw


def priorityVariance(connection: Connection, options: Options) -> float:
    """Glorot's variance with priorities: (p0 + p1) a / (p1 fanIn + p0 fanOut)."""
    p0, p1 = options.signalPriorities
    fan = p1 * connection.fan_in + p0 * connection.fan_out
    return (p0 + p1) * options.gain_factor() / fan


@registered()
def glorotNormal(connection: Connection, options: Options) -> WeightLaw:
    """Independent normal weights that weigh the forward signal against the gradient.

    .. math:: Var W = (p_0 + p_1) a / (p_1 fan_{in} + p_0 fan_{out})

    with a = 2 for `relu`, the square of the gain of an `activation`, 1 with `mirror`, and
    (p0, p1) = `signalPriorities`: p1 weighs the forward signal, p0 the gradient; (0, 1) is fan in,
    (1, 0) fan out, (1, 1) Glorot's average. The fan in of a mirrored layer counts the channels
    before the doubling, whatever the degree of the mirror: CReLU keeps the second moment of each,
    so the balance is the same for all degrees above 0. At 0 the fan in counts what is stored, as
    for any other layer. Units: variance.

    References
    ----------
    Glorot & Bengio 2010, AISTATS, equation 12; He et al. 2015, arXiv 1502.01852 (a = 2);
    Balduzzi et al. 2017, arXiv 1702.08591, section 4 (mirror).

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['glorotNormal'].law((300,), (100,)).variance
    0.005
    """
    return connection.law("normal", math.sqrt(priorityVariance(connection, options)))


@registered()
def glorotUniform(connection: Connection, options: Options) -> WeightLaw:
    """Independent uniform weights with the variance of `glorotNormal`, options and all.

    .. math:: |W| < \\sqrt{3 Var W}

    References
    ----------
    Glorot & Bengio 2010, AISTATS, equation 16.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['glorotUniform'].law((300,), (100,)).family
    'uniform'
    """
    return connection.law("uniform", math.sqrt(priorityVariance(connection, options)))


def _rectifierVariance(connection: Connection, options: Options) -> float:
    # The factor 2 makes up for a rectifier, and a mirrored CReLU rectifies nothing.
    return options.gain_factor(unsaid=2.0) / connection.fan_in


@registered()
def heNormal(connection: Connection, options: Options) -> WeightLaw:
    """Independent normal weights that keep the forward second moment through a ReLU.

    .. math:: Var W = 2 / fan_{in}

    or 1 / fan_in with `mirror`, the fan in then counted before the doubling: a mirrored CReLU is
    linear. Both are 2 over the stored number of inputs, so all degrees of mirroring, from 0 to 1,
    have one scale, which keeps the second moment through a CReLU. An `activation` puts the square
    of its gain in the place of the 2.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equation 10.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['heNormal'].law((200,), (100,)).variance.__round__(12)
    0.01
    """
    return connection.law("normal", math.sqrt(_rectifierVariance(connection, options)))


@registered()
def heUniform(connection: Connection, options: Options) -> WeightLaw:
    """Independent uniform weights with the variance of `heNormal`.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equation 10.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['heUniform'].law((200,), (100,)).family
    'uniform'
    """
    return connection.law("uniform", math.sqrt(_rectifierVariance(connection, options)))


def _linearVariance(connection: Connection, options: Options) -> float:
    # LeCun's rule knows no rectifier: `relu` has no effect, a named activation has.
    return options.gain_factor(rectified=1.0) / connection.fan_in


@registered()
def lecunNormal(connection: Connection, options: Options) -> WeightLaw:
    """Independent normal weights that keep the forward second moment of a linear layer.

    .. math:: Var W = a / fan_{in}

    with a = 1, or the square of the gain of an `activation`. The fan in of a mirrored layer counts
    the channels before the doubling, for every degree of the mirror above 0.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp', equation 16.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['lecunNormal'].law((100,), (30,)).variance.__round__(12)
    0.01
    """
    return connection.law("normal", math.sqrt(_linearVariance(connection, options)))


@registered()
def lecunUniform(connection: Connection, options: Options) -> WeightLaw:
    """Independent uniform weights with the variance of `lecunNormal`.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp', equation 16.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['lecunUniform'].law((100,), (30,)).family
    'uniform'
    """
    return connection.law("uniform", math.sqrt(_linearVariance(connection, options)))
