"""Weights that leave nothing to chance."""

from __future__ import annotations

import math

from initialising.registry import registered
from lookslinear.connections import Connection, Options
from lookslinear.laws import WeightLaw


@registered()
def zeros(connection: Connection, options: Options) -> WeightLaw:
    """Weights of zero.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['zeros'].law((3,), (2,)).variance
    0.0
    """
    return connection.law("constant", 0.0)


@registered()
def identity(connection: Connection, options: Options) -> WeightLaw:
    """Ones on the diagonal between channels, in the centre tap of a kernel; else zeros.

    Not square, the rest is zero. Mirrored, [1; -1]: after a CReLU it gives back what entered.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['identity']((4,), (2,), mirror=True)[0].get_value()
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.],
           [ 0., -1.]]...)
    """
    return connection.law("identity", 1.0, "centre")


@registered()
def zerO(connection: Connection, options: Options) -> WeightLaw:
    """The identity where a layer does not widen, else a corner of Hadamard's matrix; centre tap.

    .. math:: W_{ij} = [i = j] \\; (numFilters \\le channelsIn), \\qquad
              W_{ij} = 2^{-m/2} (-1)^{i \\cdot j}, \\; m = \\lceil \\log_2 numFilters \\rceil

    with i . j the number of ones that the binary digits of both have in common. Deterministic: it
    is made for residual networks, in which other layers start at zero. The factor is that of the
    authors' code.

    References
    ----------
    Zhao, Schaefer, Anandkumar 2022, arXiv 2110.12661, algorithms 1 and 2.

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['zerO']((2,), (4,))[0].get_value()
    array([[ 0.5,  0.5,  0.5,  0.5],
           [ 0.5, -0.5,  0.5, -0.5]]...)
    """
    if connection.block_filters <= connection.channels_in:
        return connection.law("identity", 1.0, "centre")
    digits = math.ceil(math.log2(connection.block_filters))
    return connection.law("hadamard", 2 ** (-digits / 2), "centre")
