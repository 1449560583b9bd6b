"""Looks-linear weights: (connection, options) -> laws of networks that start linear."""

from __future__ import annotations

import dataclasses
import math

from initialising.frames import frameLaw
from initialising.registry import registered
from lookslinear.connections import Connection, Options
from lookslinear.errors import known_name
from lookslinear.initializers.looks_linear import BLOCKS, LAYERS, RECTIFIERS
from lookslinear.laws import WeightLaw


def _settled(options: Options, *, layer: str = "inner", blocks: str = "haar") -> Options:
    """The first layer reads the data, which nothing has doubled."""
    known_name("layer", layer, LAYERS)
    known_name("blocks", blocks, BLOCKS)
    if options.activation is not None and options.activation.name not in RECTIFIERS:
        raise ValueError(
            f"looksLinear needs the activation 'crelu', or 'relu' for weights in pairs. "
            f"Received: {options.activation.name!r}."
        )
    return dataclasses.replace(options, mirror=False) if layer == "first" else options


@registered(settled=_settled, mirror=True)
def looksLinear(
    connection: Connection, options: Options, *, layer: str = "inner", blocks: str = "haar"
) -> WeightLaw:
    """Weights that make a network of CReLU, or of plain ReLU, a linear one at the start.

    .. math:: CReLU: V, \\; [V; -V], \\; [V; -V] \\qquad
              ReLU: [V, -V], \\; [[V, -V], [-V, V]], \\; [V; -V]

    for the `layer` that is 'first', 'inner' (the default) or 'last', written (in, out); kernels
    along their channels. `activation='relu'` needs an even number of units in every layer that a
    ReLU follows: their pre-activations are [h; -h], of which ReLU makes the CReLU of h. V is, as
    `blocks` says, a 'haar' frame with the options of `orthogonal` (in the centre tap, `rescale`,
    `pooling`), or 'normal' with variance 1 / fanIn, the fan in counted before the doubling.

    `mirror` is True unless given: a number r from 0 to 1 sets the halves that an inner or last
    layer reads at the correlation -r, as everywhere; outputs are always mirrored entirely.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4; Burkholz & Dubatovka 2019, arXiv 1806.06362
    (for ReLU).

    Examples
    --------
    >>> from initialisations import initD
    >>> import numpy as np
    >>> first, inner, last = (
    ...     initD['looksLinear'](*shapes, layer=layer, activation='relu')[0].get_value()
    ...     for layer, *shapes in (
    ...         ('first', (3,), (8,)), ('inner', (8,), (8,)), ('last', (8,), (2,))))
    >>> def f(x):
    ...     return np.maximum(np.maximum(x @ first, 0) @ inner, 0) @ last
    >>> x, y = np.array([[1., -2., 0.5]]), np.array([[3., 1., -1.]])
    >>> bool(abs(f(x + y) - f(x) - f(y)).max() < 1e-5)
    True
    """
    pairs = options.activation is not None and options.activation.name == "relu"
    if pairs and layer != "last":
        connection = connection.with_mirrored_outputs()
    # Pairs lose nothing at a rectifier, mirrored or not: a number alone is a gain.
    options = dataclasses.replace(options, relu=False, activation=None)
    if isinstance(options.gain, str):
        options = dataclasses.replace(options, gain=None)
    if blocks == "normal":
        return connection.law("normal", math.sqrt(options.gain_factor() / connection.fan_in))
    return frameLaw(connection, options)
