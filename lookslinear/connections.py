"""What an initialisation is told, (inputShape, outputShape, options) -> Connection, or a refusal.

Nothing is drawn here, and Theano is not needed. The names of shapes and options are the words of
`initialisations`, whose docstring says what each means; the messages use them, so they are spelt
as there.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lookslinear.activations import GAINS, Activation, activation, gain_of
from lookslinear.errors import (
    known_name,
    nearest,
    real_number,
    unknown_name,
    whole_number,
    whole_numbers,
)
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, mirror_degree
from lookslinear.sampling import Rng

RESCALES = ("glorot", "none", "suo")


@dataclass(frozen=True)
class Options:
    """The options that every initialisation takes; `initialisations` says what each means.

    Raises
    ------
    TypeError, ValueError
        For a bad value, with the option's name, what was received and what is allowed.

    Examples
    --------
    >>> Options(s=5).s
    (5, 5)
    """

    s: int | Sequence[int] = (3, 3)
    relu: bool = False
    mirror: bool | float = False
    pooling: bool = False
    signalPriorities: Sequence[float] = (1.0, 1.0)
    rescale: str = "glorot"
    poolingScale: float | str | None = None
    rho: float = 0.0
    activation: str | Activation | None = None
    gain: float | str | None = None
    groups: int = 1
    perBlock: int = 1
    rng: Rng = None

    def __post_init__(self):
        object.__setattr__(self, "s", _filter_sides(self.s))
        object.__setattr__(self, "mirror", mirror_degree(self.mirror))
        for name in ("relu", "pooling"):
            _refuse_non_boolean(name, getattr(self, name))
        _refuse_bad_priorities(self.signalPriorities)
        if self.rescale not in RESCALES:
            raise unknown_name("rescale", self.rescale, RESCALES)
        _refuse_bad_pooling_scale(self.poolingScale, self.rho)
        if self.activation is not None:
            object.__setattr__(self, "activation", activation(self.activation))
        _refuse_bad_gain(self)
        for name in ("groups", "perBlock"):
            object.__setattr__(self, name, whole_number(getattr(self, name), name))

    def gain_factor(self, unsaid: float = 1.0, rectified: float = 2.0) -> float:
        """The factor of the variance that makes up for the activation before the layer.

        The square of a `gain` that is a number; else 1 for a mirrored weight, after which nothing
        is missing; else that of the `activation`, or `rectified` for `relu`; `unsaid` if neither is
        given.
        """
        if isinstance(self.gain, float):
            return self.gain**2
        if self.mirror:
            return 1.0
        if self.activation is not None:
            return gain_of(self.activation, self.gain or "exact") ** 2
        if self.gain and not self.relu and unsaid == 1:
            raise ValueError(
                f"gain={self.gain!r} is that of an activation: say which, activation='tanh'. "
                f"Received: none."
            )
        return rectified if self.relu else unsaid

    @property
    def pooling_factor(self) -> float:
        """What the 2x2 taps of a pooling kernel are multiplied by."""
        if self.poolingScale is None:
            return 0.28 if self.mirror else 0.4
        if self.poolingScale == "auto":
            return 1 / math.sqrt(4 + 12 * self.rho)
        return float(self.poolingScale)


@dataclass(frozen=True)
class Connection:
    """What a weight connects: channels in (before a doubling), filters, the filters' sides.

    Examples
    --------
    >>> connection = Connection.between((8, 5, 5), (3, 5, 5), Options(mirror=True))
    >>> connection.channels_in, connection.fan_in, connection.law("normal", 0.1).shape
    (4, 36, (3, 8, 3, 3))
    """

    channels_in: int
    num_filters: int
    sides: tuple[int, ...]
    mirror: bool | float
    dtype: str = "float32"
    groups: int = 1
    blocks: int = 1
    mirror_outputs: bool = False

    @classmethod
    def between(
        cls,
        inputShape: Sequence[int],
        outputShape: Sequence[int],
        options: Options,
        dtype: str = "float32",
    ) -> Connection:
        """From one sample shape to another; refuses shapes and options that do not fit."""
        inputShape = _sample_shape("inputShape", inputShape)
        outputShape = _sample_shape("outputShape", outputShape)
        if len(inputShape) != len(outputShape):
            raise ValueError(
                f"inputShape and outputShape must both be (n,) or both (channels, rows, columns). "
                f"Received: {inputShape} and {outputShape}."
            )
        _refuse_misfits(inputShape, outputShape, options)
        sides = options.s if len(inputShape) == 3 else ()
        channels = inputShape[0] // options.groups // (2 if options.mirror else 1)
        pieces = {"groups": options.groups, "blocks": options.perBlock}
        return cls(channels, outputShape[0], sides, options.mirror, dtype, **pieces)

    @property
    def fan_in(self) -> int:
        """The inputs of one unit, counted before a doubling."""
        return self.channels_in * math.prod(self.sides)

    @property
    def fan_out(self) -> int:
        """The outputs that one input reaches, of one block."""
        return self.block_filters * math.prod(self.sides)

    @property
    def block_filters(self) -> int:
        """The filters of one group and block, before a doubling."""
        return self.num_filters // (self.groups * self.blocks)

    @property
    def stored_channels(self) -> int:
        """The input channels of the weight, after a doubling."""
        return self.channels_in * (2 if self.mirror else 1)

    @property
    def half_shape(self) -> tuple[int, ...]:
        """The weight's shape in Theano's layout, before a doubling."""
        return self._shape(self.channels_in)

    def law(self, family: str, scale: float, taps: str = "all", **claims) -> WeightLaw:
        """The law of this connection's weight, in Theano's layout."""
        shape = self._shape(self.stored_channels)
        taps = taps if self.sides else "all"
        axes = axes_of(len(shape), "theano", self.groups)
        claims |= {"mirror_outputs": self.mirror_outputs, "blocks": self.blocks}
        return WeightLaw(shape, axes, family, scale, taps, self.mirror, dtype=self.dtype, **claims)

    def with_mirrored_outputs(self) -> Connection:
        """The same weight with the second half of its filters the negative of the first."""
        if self.num_filters % 2:
            raise ValueError(
                f"mirrored outputs need an even number of filters. Received: {self.num_filters}."
            )
        return dataclasses.replace(self, num_filters=self.num_filters // 2, mirror_outputs=True)

    def framed(self, singular_value: float, taps: str = "centre") -> WeightLaw:
        """The law of Haar frames between channels with this singular value."""
        longer = max(self.channels_in, self.block_filters)
        return self.law("haar", singular_value / math.sqrt(longer), taps)

    def narrowed(self, copies: int) -> Connection:
        """The connection of the filters that are drawn where each stands `copies` times."""
        if self.num_filters % copies:
            raise ValueError(
                f"the filters must be a multiple of {copies}, of which each is to have copies. "
                f"Received: {self.num_filters}."
            )
        return dataclasses.replace(self, num_filters=self.num_filters // copies)

    def unmirrored(self) -> Connection:
        """The same weight, drawn whole."""
        return dataclasses.replace(self, channels_in=self.stored_channels, mirror=False)

    def refuse_small_filter(self) -> None:
        """Raises ValueError for a filter that has no 2x2 taps to spread a kernel over."""
        if min(self.sides) < 2:
            raise ValueError(
                f"pooling=True spreads the kernel over 2x2 taps, so s must be at least (2, 2). "
                f"Received: {self.sides}. Use a larger filter or pooling=False."
            )

    def _shape(self, channels: int) -> tuple[int, ...]:
        filters = self.num_filters * (2 if self.mirror_outputs else 1)
        if self.sides:
            return (filters, channels, *self.sides)
        return (channels, filters)


def _refuse_misfits(
    inputShape: tuple[int, ...], outputShape: tuple[int, ...], options: Options
) -> None:
    """Raises for channels that cannot be halved, or split into groups and blocks."""
    channels, filters, groups = inputShape[0], outputShape[0], options.groups
    if options.mirror and channels % 2:
        raise ValueError(
            f"mirror needs an even number of input channels, as a CReLU gives. "
            f"Received: inputShape {inputShape}."
        )
    if groups > 1 and (options.mirror or len(inputShape) == 1):
        raise ValueError(
            f"groups are for kernels that are not mirrored: CReLU does not put the halves of a "
            f"group side by side. Received: groups {groups}, inputShape {inputShape}, mirror "
            f"{options.mirror}."
        )
    if channels % groups or filters % (groups * options.perBlock):
        raise ValueError(
            f"the input channels must split evenly into groups, the output channels into groups of "
            f"perBlock blocks. Received: {channels} to {filters} channels, groups {groups}, "
            f"perBlock {options.perBlock}."
        )


def checked_options(options: Mapping[str, object], own: Sequence[str] = ()) -> Options:
    """The options that every initialisation takes, out of those that one was given.

    Parameters
    ----------
    options : mapping
        Options by name.
    own : sequence of str
        Further options that this one initialisation knows; they are left to it.

    Raises
    ------
    TypeError, ValueError
        For an unknown option, with the nearest known one, and for a bad value.

    Examples
    --------
    >>> checked_options({"mirror": True, "stddev": 0.1}, own=["stddev"]).mirror
    True
    >>> checked_options({"miror": True})
    Traceback (most recent call last):
    TypeError: unknown option 'miror'. Did you mean 'mirror'? Known: s, relu, mirror, pooling, \
signalPriorities, rescale, poolingScale, rho, activation, gain, groups, perBlock, rng.
    """
    known = [field.name for field in dataclasses.fields(Options)]
    for name in options:
        if name not in known and name not in own:
            allowed = [*known, *own]
            raise TypeError(
                f"unknown option {name!r}.{nearest(name, allowed)} Known: {', '.join(allowed)}."
            )
    return Options(**{name: value for name, value in options.items() if name not in own})


def _sample_shape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    return whole_numbers(shape, name, (1, 3), "(n,) or (channels, rows, columns)")


def _filter_sides(s: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(s, numbers.Integral) and not isinstance(s, bool):
        s = (s, s)
    return whole_numbers(s, "s", (2,), "two whole numbers, rows and columns, or one for both")


def _refuse_non_boolean(name: str, value: object) -> None:
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False. Received: {value!r}.")


def _refuse_bad_priorities(priorities: Sequence[float]) -> None:
    wanted = "signalPriorities must be two numbers (p0, p1), not both zero"
    if isinstance(priorities, str) or not isinstance(priorities, Sequence):
        raise TypeError(f"{wanted}. Received: {priorities!r}.")
    if len(priorities) != 2 or not any(priorities):
        raise ValueError(f"{wanted}. Received: {priorities!r}.")
    for priority in priorities:
        real_number(priority, "each of signalPriorities", least=0)


def _refuse_bad_gain(options: Options) -> None:
    gain, phi = options.gain, options.activation
    if options.relu and phi is not None and phi.name != "relu":
        raise ValueError(
            f"relu=True is activation='relu': give one of the two. Received: activation "
            f"{phi.name!r}."
        )
    if isinstance(gain, str):
        known_name("gain", gain, GAINS)
        if phi is not None:
            gain_of(phi, gain)
        elif options.relu:
            object.__setattr__(options, "activation", activation("relu"))
    elif gain is not None:
        if real_number(gain, "gain", least=0) == 0:
            raise ValueError("gain must be above 0. Received: 0. Use 'zeros'.")
        object.__setattr__(options, "gain", float(gain))


def _refuse_bad_pooling_scale(poolingScale: float | str | None, rho: float) -> None:
    wanted = "poolingScale must be a positive number, 'auto' or None"
    if isinstance(poolingScale, str):
        if poolingScale != "auto":
            raise ValueError(f"{wanted}. Received: {poolingScale!r}.")
    elif poolingScale is not None and real_number(poolingScale, "poolingScale") <= 0:
        raise ValueError(f"{wanted}. Received: {poolingScale!r}.")
    if not -1 / 3 < real_number(rho, "rho") <= 1:
        raise ValueError(
            f"rho must be above -1/3, where four neighbours cancel, and at most 1. "
            f"Received: {rho!r}."
        )
