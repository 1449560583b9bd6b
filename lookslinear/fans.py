"""Fans from named axes: (shape of a weight, which axes are what) -> how many numbers meet.

A weight's *fan in* is the number of its entries that feed one output unit at one position, its
*fan out* the number that one input unit feeds. Both follow from which axes hold the input channels,
the output channels and the receptive field, so the axes are named, not guessed from rank alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lookslinear.errors import known_name, refuse_other_kind, whole_number


@dataclass(frozen=True)
class Axes:
    """Which axis of a stored weight is what; those not named are its receptive field.

    Parameters
    ----------
    input, output : int or tuple of int
        The axes of the input and the output channels. With groups, the input axis holds the
        channels of one group, the output axis those of all groups, as Theano, Keras and PyTorch
        store grouped kernels. Several axes hold their channels together; an empty tuple says that
        there are none, as in a vector.
    groups : int
        Into how many independent convolutions the channels are split.
    flips : bool
        Whether the layer that uses the weight flips its kernel (a convolution, as in Theano) or not
        (a cross-correlation, as in Keras and PyTorch).
    batch : tuple of int
        The axes that count independent weights, one beside the other: they belong to no fan.

    Examples
    --------
    >>> Axes(input=1, output=0).receptive(4)
    (2, 3)
    >>> Axes(input=0, output=(1, 2)).receptive(3)
    ()
    """

    input: int | tuple[int, ...]
    output: int | tuple[int, ...]
    groups: int = 1
    flips: bool = False
    batch: tuple[int, ...] = ()

    def __post_init__(self):
        for name in ("input", "output", "batch"):
            for axis in _as_tuple(getattr(self, name)):
                whole_number(axis, name, least=0)
        whole_number(self.groups, "groups")
        if repeated := sorted(axis for axis in set(self.named) if self.named.count(axis) > 1):
            raise ValueError(f"input and output must be two axes. Received: {repeated[0]} twice.")

    @property
    def inputs(self) -> tuple[int, ...]:
        """The input axes, also where there is only one."""
        return _as_tuple(self.input)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The output axes, also where there is only one."""
        return _as_tuple(self.output)

    @property
    def named(self) -> tuple[int, ...]:
        """Every axis that is not one of the receptive field."""
        return (*self.inputs, *self.outputs, *self.batch)

    @property
    def matrix(self) -> bool:
        """Whether there is one input and one output axis and no batch, as in every layer here."""
        return not (isinstance(self.input, tuple) or isinstance(self.output, tuple) or self.batch)

    def receptive(self, rank: int) -> tuple[int, ...]:
        """The axes of the receptive field in a weight of this rank."""
        return tuple(axis for axis in range(rank) if axis not in self.named)


def _as_tuple(axes: int | tuple[int, ...]) -> tuple[int, ...]:
    return axes if isinstance(axes, tuple) else (axes,)


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
    Axes(input=2, output=3, groups=1, flips=False, batch=())
    """
    if not 2 <= whole_number(rank, "rank") <= 5:
        raise ValueError(f"rank must be 2 (dense) or 3 to 5 (kernels). Received: {rank}.")
    if rank == 2 and groups != 1:
        raise ValueError(f"groups must be 1 for a dense weight. Received: {groups!r}.")
    dense, kernel = LAYOUTS[known_name("layout", layout, LAYOUTS)]
    return dense() if rank == 2 else kernel(rank, groups)


def keras_axes(
    rank: int,
    input_axes: int | Sequence[int] | None = None,
    output_axes: int | Sequence[int] | None = None,
) -> Axes:
    """The axes of an array of any rank as Keras reads it: (*receptive field, in, out).

    A vector or a number has no channels: all of it is its receptive field, so that both fans are
    its length, or 1. With axes given, the fans are the products of the sides named: an axis named
    as input and as output belongs to the receptive field, one named as neither to the batch.

    Parameters
    ----------
    rank : int
    input_axes, output_axes : int, sequence of int, or None
        Both or neither; negative ones count from the end.

    Raises
    ------
    ValueError, TypeError
        If one alone is given, and for axes that the rank does not have or that are repeated.

    Examples
    --------
    >>> fans((768, 12, 64), keras_axes(3, input_axes=0, output_axes=(1, 2)))
    Fans(fan_in=768, fan_out=768)
    >>> fans((5,), keras_axes(1)), fans((), keras_axes(0))
    (Fans(fan_in=5, fan_out=5), Fans(fan_in=1, fan_out=1))
    """
    refuse_half_named(input_axes, output_axes)
    if input_axes is None:
        return Axes(rank - 2, rank - 1) if rank >= 2 else Axes((), ())
    reading = _counted_from_start(input_axes, rank, "input_axes")
    writing = _counted_from_start(output_axes, rank, "output_axes")
    return Axes(
        _alone([axis for axis in reading if axis not in writing]),
        _alone([axis for axis in writing if axis not in reading]),
        batch=tuple(axis for axis in range(rank) if axis not in reading + writing),
    )


def refuse_half_named(input_axes: object, output_axes: object) -> None:
    """Raises ValueError if one of the two is given without the other."""
    if (input_axes is None) != (output_axes is None):
        raise ValueError(
            f"input_axes and output_axes must be given together. "
            f"Received: input_axes={input_axes}, output_axes={output_axes}."
        )


def _counted_from_start(axes: int | Sequence[int], rank: int, name: str) -> list[int]:
    wanted = f"axes of a shape of rank {rank}, each at most once"
    axes = list(axes) if isinstance(axes, list | tuple) else [axes]
    counted = [whole_number(axis, f"each of {name}", least=-rank) % max(rank, 1) for axis in axes]
    if any(axis >= rank for axis in axes) or len(set(counted)) < len(axes):
        raise ValueError(f"{name} must be {wanted}. Received: {name}={axes}.")
    return counted


def _alone(axes: list[int]) -> int | tuple[int, ...]:
    return axes[0] if len(axes) == 1 else tuple(axes)


def as_shape(shape: Iterable[int]) -> tuple[int, ...]:
    """A weight's shape as a tuple of ints; sides of zero are allowed.

    Examples
    --------
    >>> as_shape([3, 0])
    (3, 0)
    >>> as_shape(5)
    Traceback (most recent call last):
    TypeError: shape must be a sequence of whole numbers. Received: 5.
    """
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise TypeError(f"shape must be a sequence of whole numbers. Received: {shape!r}.")
    return tuple(whole_number(side, "each side of shape", least=0) for side in shape)


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
    ValueError, TypeError
        If the output channels cannot be split into the groups, and for what is no shape or no axes.

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
    refuse_other_kind(axes, Axes, "axes")
    shape = as_shape(shape)
    if max((*axes.inputs, *axes.outputs), default=-1) >= len(shape):
        raise ValueError(f"axes must be axes of the shape {shape}. Received: {axes}.")
    receptive = math.prod(shape[axis] for axis in axes.receptive(len(shape)))
    inputs = math.prod(shape[axis] for axis in axes.inputs)
    outputs = math.prod(shape[axis] for axis in axes.outputs)
    if outputs % axes.groups:
        raise ValueError(
            f"the output channels must split evenly into groups. Received: "
            f"{outputs} channels, {axes.groups} groups."
        )
    return Fans(inputs * receptive, outputs // axes.groups * receptive)
