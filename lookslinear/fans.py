"""Fans from named axes: (shape of a weight, which axes are what) -> how many numbers meet.

A weight's *fan in* is the number of its entries that feed one output unit at one position, its
*fan out* the number that one input unit feeds. Both follow from which axes hold the input channels,
the output channels and the receptive field, so the axes are named, not guessed from rank alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lookslinear.errors import unknown_name, whole_number


@dataclass(frozen=True)
class Axes:
    """Which axis of a stored weight is what; those not named are its receptive field.

    Parameters
    ----------
    input, output : int
        The axes of the input and the output channels. With groups, the input axis holds the
        channels of one group, the output axis those of all groups, as Theano, Keras and PyTorch
        store grouped kernels.
    groups : int
        Into how many independent convolutions the channels are split.
    flips : bool
        Whether the layer that uses the weight flips its kernel (a convolution, as in Theano) or not
        (a cross-correlation, as in Keras and PyTorch).

    Examples
    --------
    >>> Axes(input=1, output=0).receptive(4)
    (2, 3)
    """

    input: int
    output: int
    groups: int = 1
    flips: bool = False

    def __post_init__(self):
        whole_number(self.input, "input", least=0)
        whole_number(self.output, "output", least=0)
        whole_number(self.groups, "groups")
        if self.input == self.output:
            raise ValueError(f"input and output must be two axes. Received: {self.input} twice.")

    def receptive(self, rank: int) -> tuple[int, ...]:
        """The axes of the receptive field in a weight of this rank."""
        return tuple(axis for axis in range(rank) if axis not in (self.input, self.output))


class Fans(NamedTuple):
    """How many entries feed one output unit, and how many one input unit feeds."""

    fan_in: int
    fan_out: int


#: For each layout: the axes of a dense weight, and of a convolution kernel of a given rank.
LAYOUTS = {
    "theano": (lambda: Axes(0, 1), lambda rank, groups: Axes(1, 0, groups, flips=True)),
    "keras": (lambda: Axes(0, 1), lambda rank, groups: Axes(rank - 2, rank - 1, groups)),
    "torch": (lambda: Axes(1, 0), lambda rank, groups: Axes(1, 0, groups)),
}


def axes_of(rank: int, layout: str = "theano", groups: int = 1) -> Axes:
    """The axes of a dense weight (rank 2) or of a 1-D to 3-D kernel (rank 3 to 5) in a layout.

    Theano stores dense weights as (in, out) and kernels as (out, in, *receptive field); Keras as
    (*receptive field, in, out); PyTorch both as (out, in, *receptive field).

    Raises
    ------
    ValueError
        For another rank, for an unknown layout, and for a dense weight with groups.

    Examples
    --------
    >>> axes_of(4, "keras")
    Axes(input=2, output=3, groups=1, flips=False)
    """
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    if not 2 <= whole_number(rank, "rank") <= 5:
        raise ValueError(f"rank must be 2 (dense) or 3 to 5 (kernels). Received: {rank}.")
    if rank == 2 and groups != 1:
        raise ValueError(f"groups must be 1 for a dense weight. Received: {groups!r}.")
    dense, kernel = LAYOUTS[layout]
    return dense() if rank == 2 else kernel(rank, groups)


def fans(shape: Sequence[int], axes: Axes) -> Fans:
    """Fan in and fan out of a weight.

    .. math:: fan_{in} = n_{in} r, \\qquad fan_{out} = n_{out} r / groups

    with r the number of positions of the receptive field.

    Parameters
    ----------
    shape : sequence of int
        The stored shape.
    axes : Axes
        Which axis is what, as `axes_of` gives it.

    Raises
    ------
    ValueError
        If the output channels cannot be split into the groups.

    References
    ----------
    He, Zhang, Ren, Sun 2015, arXiv 1502.01852, section 2.2 (fan in of a kernel).

    Examples
    --------
    >>> fans((64, 32, 3, 3), axes_of(4, "theano"))
    Fans(fan_in=288, fan_out=576)
    >>> fans((3, 3, 32, 64), axes_of(4, "keras"))
    Fans(fan_in=288, fan_out=576)
    >>> fans((64, 1, 3, 3), axes_of(4, "torch", groups=64))
    Fans(fan_in=9, fan_out=9)
    """
    receptive = math.prod(shape[axis] for axis in axes.receptive(len(shape)))
    if shape[axes.output] % axes.groups:
        raise ValueError(
            f"the output channels must split evenly into groups. Received: "
            f"{shape[axes.output]} channels, {axes.groups} groups."
        )
    return Fans(shape[axes.input] * receptive, shape[axes.output] // axes.groups * receptive)
