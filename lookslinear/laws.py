"""The weight law: what an initialisation claims about a random tensor before one is drawn.

A `WeightLaw` is an immutable value. `lookslinear.sampling.draw` draws from it, `lookslinear.theory`
predicts with it, and `lookslinear.checks.check_draw` holds an array to it.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lookslinear.errors import known_name, real_number, refuse_other_kind
from lookslinear.fans import Axes, Fans, as_shape, axes_of, fans, keras_axes

#: How the entries are distributed.
FAMILIES = (
    "normal",
    "uniform",
    "truncated_normal",
    "haar",
    "constant",
    "identity",
    "repeated_identity",
)
#: Which positions of a kernel can be non-zero.
TAPS = ("all", "centre", "average")
DTYPES = ("float16", "float32", "float64")
#: Families whose entries are independent and identically distributed.
INDEPENDENT = ("normal", "uniform", "truncated_normal")
#: Families that a weight may be mirrored in to a degree: a sum of two normal numbers is normal, and
#: one of two frames keeps their second moment.
BLENDING = ("normal", "haar")
#: Families that leave nothing to chance.
FIXED = ("constant", "identity", "repeated_identity")
#: Where a truncated normal is cut, in standard deviations before the cut.
TRUNCATION = 2.0
#: The standard deviation that is left of a standard normal cut there, by
#: sqrt(1 - 2 t pdf(t) / (2 cdf(t) - 1)) at t = 2.
TRUNCATED_DEVIATION = 0.8796256610342398


@dataclass(frozen=True)
class WeightLaw:
    """A claim about a random weight: its shape, where it can be non-zero, how it is distributed.

    Parameters
    ----------
    shape : tuple of int
        The stored shape.
    axes : Axes
        Which of its axes are input, output and receptive field.
    family : str
        'normal', 'uniform', 'truncated_normal' (cut at two of its own standard deviations before
        the cut), 'haar' (a uniformly distributed orthonormal frame, scaled; a kernel with all taps
        is flattened to (rest, out)), 'constant', 'identity' (zeros beside the square) or
        'repeated_identity' (the identity again and again along the longer side).
    scale : float
        The root mean square of an entry that can be non-zero: the standard deviation of the result
        for the random families, the constant, or the value on the diagonal of an identity.
    taps : str
        'all' positions of the kernel, its 'centre', or the 'average' block of two positions along
        each axis that a layer with strides of 2 reads without overlap.
    mirror : bool or float
        Whether the second half of the input channels is the negative of the first (looks-linear);
        or to which degree r, from 0 (as False) to 1 (as True). Between them the halves are

        .. math:: W_- = -r W_+ + \\sqrt{1 - r^2}\\, W'

        with W' an independent draw of the same law as W+: their correlation is -r, and both have
        the root mean square `scale`. For 'normal', where W- is normal too, and for 'haar', where
        W- is no frame, but its squared singular values have the mean of those of one.
    sparsity : float
        The fraction of its inputs that each output unit is cut off from, rounded up.
    dtype : str
        'float16', 'float32' or 'float64'.
    mean : float
        What is added to every entry of a family with independent ones; `scale` is then the
        standard deviation about it.

    Raises
    ------
    ValueError, TypeError
        For claims that no tensor can keep, such as a mirrored odd number of channels.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4 (looks-linear initialisation).

    Examples
    --------
    >>> law = WeightLaw((8, 4), Axes(0, 1), "normal", 0.5, mirror=True)
    >>> law.block_shape, law.fans, law.variance
    ((4, 4), Fans(fan_in=4, fan_out=4), 0.25)
    """

    shape: tuple[int, ...]
    axes: Axes
    family: str
    scale: float
    taps: str = "all"
    mirror: bool | float = False
    sparsity: float = 0.0
    dtype: str = "float32"
    mean: float = 0.0

    def __post_init__(self):
        object.__setattr__(self, "shape", as_shape(self.shape))
        object.__setattr__(self, "dtype", dtype_name(self.dtype))
        refuse_other_kind(self.axes, Axes, "axes")
        object.__setattr__(self, "mirror", mirror_degree(self.mirror))
        known_name("family", self.family, FAMILIES)
        known_name("taps", self.taps, TAPS)
        _refuse_bad_numbers(self)
        _refuse_impossible_shapes(self)
        if self.partly_mirrored:
            _refuse_bad_blends(self)

    @cached_property
    def input_channels(self) -> int:
        """The input channels that are drawn: before the doubling in a mirrored weight."""
        channels = math.prod(self.shape[axis] for axis in self.axes.inputs)
        return channels // (2 if self.mirror else 1)

    @cached_property
    def output_channels(self) -> int:
        """The output channels of all groups."""
        return math.prod(self.shape[axis] for axis in self.axes.outputs)

    @cached_property
    def receptive_field(self) -> tuple[int, ...]:
        """The sides of the kernel; empty for a dense weight."""
        return tuple(self.shape[axis] for axis in self.axes.receptive(len(self.shape)))

    @property
    def partly_mirrored(self) -> bool:
        """Whether the halves are correlated, and neither each other's negative nor independent."""
        return 0 < self.mirror < 1

    @property
    def half(self) -> WeightLaw:
        """The law of each half of a mirrored weight by itself."""
        return replace(self, shape=self.unmirrored_shape, mirror=False)

    @cached_property
    def unmirrored_shape(self) -> tuple[int, ...]:
        """The stored shape, before the input channels are doubled by their mirror image."""
        shape = list(self.shape)
        if self.mirror:
            shape[self.axes.input] = self.input_channels
        return tuple(shape)

    @cached_property
    def block_shape(self) -> tuple[int, ...]:
        """The shape of the block that is drawn: no mirrored half, no empty taps."""
        shape = list(self.unmirrored_shape)
        if self.taps != "all":
            for axis in self.axes.receptive(len(shape)):
                shape[axis] = min(shape[axis], 1)
        return tuple(shape)

    @cached_property
    def fans(self) -> Fans:
        """Fan in and out over all taps, the input channels counted before the doubling."""
        return fans(self.unmirrored_shape, self.axes)

    @cached_property
    def frame_shape(self) -> tuple[int, int]:
        """The matrix (rest, output) that one group of the block is flattened to."""
        outputs = self.output_channels // self.axes.groups
        rest = math.prod(self.block_shape) // self.output_channels if self.output_channels else 0
        return rest, outputs

    @cached_property
    def gain(self) -> float:
        """The singular value of a Haar frame's matrix: scale times the root of its longer side."""
        return self.scale * math.sqrt(max(self.frame_shape))

    @cached_property
    def zeros_per_output(self) -> int:
        """How many of its inputs a sparse law cuts each output unit off from."""
        return math.ceil(self.sparsity * self.frame_shape[0])

    @cached_property
    def variance(self) -> float:
        """The variance of an entry on its taps, cut connections counted as zeros."""
        rest = self.frame_shape[0]
        return self.scale**2 * (1 - self.zeros_per_output / rest if rest else 1)

    def with_dtype(self, dtype: str) -> WeightLaw:
        """The same claim in another dtype."""
        return replace(self, dtype=dtype)


def dtype_name(dtype: object) -> str:
    """The name of a dtype that can be drawn, from anything that NumPy reads as one.

    Examples
    --------
    >>> dtype_name(np.float32)
    'float32'
    >>> dtype_name(None)
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown dtype None. Known: float16, float32, float64.
    """
    try:
        name = None if dtype is None else np.dtype(dtype).name  # NumPy reads None as float64
    except (TypeError, ValueError, SyntaxError):
        name = dtype
    return known_name("dtype", name, DTYPES)


def mirror_degree(mirror: bool | float) -> bool | float:
    """How far a weight is mirrored: False for 0, True for 1, else the number between them.

    Examples
    --------
    >>> mirror_degree(1), mirror_degree(0.0), mirror_degree(0.5)
    (True, False, 0.5)
    >>> mirror_degree(-0.5)
    Traceback (most recent call last):
    ValueError: mirror must be True, False or a number from 0 to 1. Received: -0.5.
    """
    wanted = "mirror must be True, False or a number from 0 to 1"
    if not isinstance(mirror, numbers.Real | np.bool_):
        raise TypeError(f"{wanted}. Received: {mirror!r}.")
    if not 0 <= mirror <= 1:
        raise ValueError(f"{wanted}. Received: {mirror!r}.")
    return float(mirror) if 0 < mirror < 1 else bool(mirror)


def independent_share(degree: float) -> float:
    """How much of the second half of a weight mirrored to a degree is independent of the first.

    .. math:: \\sqrt{1 - r^2}

    in units of the standard deviation of an entry.

    Examples
    --------
    >>> independent_share(0.6)
    0.8
    """
    return math.sqrt((1 - degree) * (1 + degree))


def dense_law(inputs: int, outputs: int, family: str, scale: float, **claims) -> WeightLaw:
    """The law of a dense weight in Theano's layout (in, out).

    Examples
    --------
    >>> dense_law(3, 4, "haar", 0.5).gain
    1.0
    """
    return WeightLaw((inputs, outputs), axes_of(2), family, scale, **claims)


def entries_law(shape: Sequence[int], family: str, scale: float, **claims) -> WeightLaw:
    """The law of independent or equal entries of an array of any rank, in Keras's layout.

    Examples
    --------
    >>> entries_law((3,), "uniform", 0.5, mean=1.0).fans
    Fans(fan_in=3, fan_out=3)
    """
    shape = as_shape(shape)
    return WeightLaw(shape, keras_axes(len(shape)), family, scale, **claims)


def normal_law(shape: Sequence[int], mean: float, stddev: float, dtype: str) -> WeightLaw:
    """The law of independent normal entries of an array of any rank.

    Examples
    --------
    >>> normal_law((3, 4), 0.0, 0.5, "float32").variance
    0.25
    """
    scale = real_number(stddev, "stddev", least=0)
    return entries_law(shape, "normal", scale, mean=mean, dtype=dtype)


def uniform_law(shape: Sequence[int], minval: float, maxval: float, dtype: str) -> WeightLaw:
    """The law of entries that are uniform between two bounds.

    .. math:: mean = (a + b) / 2, \\qquad scale = (b - a) / \\sqrt{12}

    Examples
    --------
    >>> uniform_law((3, 4), 0.0, 6.0, "float32").mean
    3.0
    """
    if real_number(maxval, "maxval") < real_number(minval, "minval"):
        raise ValueError(
            f"maxval must not be below minval. Received: minval {minval!r}, maxval {maxval!r}."
        )
    mean, scale = minval + (maxval - minval) / 2, (maxval - minval) / math.sqrt(12)
    return entries_law(shape, "uniform", scale, mean=mean, dtype=dtype)


def truncated_normal_law(shape: Sequence[int], mean: float, stddev: float, dtype: str) -> WeightLaw:
    """The law of normal entries drawn again beyond two `stddev`: their deviation is 0.88 of it.

    Examples
    --------
    >>> truncated_normal_law((3, 4), 0.0, 1.0, "float32").scale == TRUNCATED_DEVIATION
    True
    """
    scale = real_number(stddev, "stddev", least=0) * TRUNCATED_DEVIATION
    return entries_law(shape, "truncated_normal", scale, mean=mean, dtype=dtype)


def _refuse_bad_numbers(law: WeightLaw) -> None:
    real_number(law.scale, "scale", least=-math.inf if law.family in FIXED else 0)
    if not 0 <= real_number(law.sparsity, "sparsity") < 1:
        raise ValueError(f"sparsity must be in [0, 1). Received: {law.sparsity!r}.")
    if law.sparsity and law.family not in INDEPENDENT:
        raise ValueError(f"sparsity needs independent entries. Received: family {law.family!r}.")
    if real_number(law.mean, "mean") and (law.family not in INDEPENDENT or law.sparsity):
        raise ValueError(
            f"a mean needs independent entries, none of them cut. Received: family "
            f"{law.family!r}, sparsity {law.sparsity}."
        )


#: The independent part of a half, in units of the dtype's rounding, from which it can be read off.
_LEGIBLE = 64


def _refuse_bad_blends(law: WeightLaw) -> None:
    """A degree between 0 and 1 is for families of a known blend, and what the dtype resolves."""
    if law.family not in BLENDING or law.sparsity or law.mean:
        raise ValueError(
            f"a mirror between 0 and 1 adds two draws, so it needs normal entries of mean 0, none "
            f"of them cut, or Haar frames. Received: mirror {law.mirror}, family {law.family!r}, "
            f"sparsity {law.sparsity}, mean {law.mean}. Use mirror=True, or normal entries."
        )
    if independent_share(law.mirror) < _LEGIBLE * np.finfo(law.dtype).eps:
        raise ValueError(
            f"a mirror of {law.mirror} cannot be told from 1 in {law.dtype}. Use mirror=True."
        )


def _refuse_impossible_shapes(law: WeightLaw) -> None:
    rank = len(law.shape)
    if max(law.axes.named, default=-1) >= rank:
        raise ValueError(f"axes must be axes of the shape {law.shape}. Received: {law.axes}.")
    if not law.axes.matrix and not _of_loose_entries(law):
        raise ValueError(
            f"only independent or equal entries, on all taps, whole and not mirrored, go without "
            f"one input and one output axis. Received: shape {law.shape}, {law.axes}."
        )
    if law.mirror and law.shape[law.axes.input] % 2:
        raise ValueError(
            f"mirror needs an even number of input channels, as CReLU gives. "
            f"Received: {law.shape[law.axes.input]}."
        )
    if law.taps == "average" and min(law.receptive_field, default=0) < 2:
        raise ValueError(
            f"an average over two taps an axis needs a filter of at least 2 along each axis. "
            f"Received: {law.receptive_field}."
        )
    fans(law.unmirrored_shape, law.axes)


def _of_loose_entries(law: WeightLaw) -> bool:
    """Whether no entry says anything of another, so that channels matter for the fans alone."""
    arranged = law.mirror or law.sparsity or law.taps != "all" or law.axes.groups != 1
    return law.family in (*INDEPENDENT, "constant") and not arranged
