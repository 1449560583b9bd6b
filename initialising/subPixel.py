"""Kernels of sub-pixel layers: (connection, options, **own) -> laws of repeated filters."""

from __future__ import annotations

import dataclasses

from initialising.initialisation import Initialisation
from initialising.registry import initD, registered
from lookslinear.connections import Connection, Options
from lookslinear.errors import whole_number
from lookslinear.laws import WeightLaw


@registered()
def icnr(
    connection: Connection, options: Options, *, around: object = "heNormal", factor: int = 2
) -> WeightLaw:
    """Weights of which `factor`^2 neighbouring filters are equal, drawn by another initialisation.

    .. math:: W_{k r^2 + i} = V_k, \\qquad i < r^2, \\; r = factor

    A layer that spreads r^2 channels over the r x r pixels of one (as PyTorch's PixelShuffle takes
    them, neighbours together) then starts as resizing by the nearest neighbour, without a checker
    board. V is the law of `around` for the filters without copies, with all other options; an entry
    of `initD` or a tensor initialiser. Equal filters make correlated units: theory refuses what
    reads them.

    References
    ----------
    Aitken et al. 2017, arXiv 1707.02937.

    Examples
    --------
    >>> from initialisations import initD
    >>> weight = initD['icnr']((3, 8, 8), (8, 8, 8), around='orthogonal')[0].get_value()
    >>> bool((weight[0] == weight[3]).all()), bool((weight[0] == weight[4]).all())
    (True, False)
    """
    copies = whole_number(factor, "factor") ** 2
    inner = _entry(around).lawBetween(connection.narrowed(copies), options)
    shape = list(inner.shape)
    shape[inner.axes.output] *= copies
    return dataclasses.replace(inner, shape=tuple(shape), copies=copies * inner.copies)


def _entry(around: object) -> Initialisation:
    """The initialisation that makes the filters without copies; it must be one with a law."""
    entry = initD[around]
    if not isinstance(entry, Initialisation):
        raise TypeError(
            f"around must be an entry of initD that is drawn by its law, or a tensor initialiser. "
            f"Received: {around!r}."
        )
    return entry
