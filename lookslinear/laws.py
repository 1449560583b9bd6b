"""The weight law: what an initialisation claims about a random tensor before one is drawn.

A `WeightLaw` is an immutable value. `lookslinear.sampling.draw` draws from it, `lookslinear.theory`
predicts with it, and `lookslinear.checks.check_draw` holds an array to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lookslinear.errors import known_name, real_number, refuse_other_kind, whole_number
from lookslinear.families import (
    BLENDING,
    DTYPES,
    FAMILIES,
    FIXED,
    INDEPENDENT,
    SPHERES,
    TAPS,
    TRUNCATED_DEVIATION,
    TRUNCATION,
    dtype_name,
    independent_share,
    mirror_degree,
    refuse_bad_bound,
    truncated_deviation,
)
from lookslinear.fans import Axes, Fans, as_shape, axes_of, fans, keras_axes
from lookslinear.impossible import refuse_impossible

__all__ = [
    "BLENDING",
    "DTYPES",
    "FAMILIES",
    "FIXED",
    "INDEPENDENT",
    "SPHERES",
    "TAPS",
    "TRUNCATED_DEVIATION",
    "TRUNCATION",
    "WeightLaw",
    "binomial_shares",
    "dense_law",
    "dtype_name",
    "entries_law",
    "independent_share",
    "mirror_degree",
    "normal_law",
    "truncated_deviation",
    "truncated_normal_law",
    "uniform_law",
]


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
        'normal', 'uniform', 'truncated_normal' (cut at `truncation`), 'haar' (a uniformly
        distributed orthonormal frame, scaled; a kernel with all taps is flattened to (rest, out)),
        'haar_convolution' (a kernel that, as an operator under circular padding, is a multiple of
        an isometry or of the adjoint of one; on a single tap a frame), 'output_spheres' and
        'input_spheres' (all weights of one output unit, or of one input unit, uniform on a sphere
        of the same radius, each unit's independent of the others'), 'constant', 'identity' (zeros
        beside the square), 'repeated_identity' (the identity again and again along the longer side)
        or 'hadamard' (the corner of Sylvester's matrix of signs).
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
    mirror_outputs : bool
        Whether the second half of the output channels is the negative of the first: a ReLU then
        makes of them what a CReLU makes of the first half. With `mirror` the weight is
        [[V, -V], [-V, V]], which a ReLU follows and reads.
    blocks : int
        Into how many kernels the output channels are split that are each drawn by themselves, as
        the gates of a recurrent layer are.
    copies : int
        How many neighbouring output channels are equal, as those that sub-pixel layers spread over
        one pixel.
    truncation : float
        Where a 'truncated_normal' is cut, in standard deviations before the cut, both ways.

    Raises
    ------
    ValueError, TypeError
        For claims that no tensor can keep, such as a mirrored odd number of channels.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4 (looks-linear initialisation); Burkholz &
    Dubatovka 2019, arXiv 1806.06362 (for ReLU); Xiao et al. 2018, arXiv 1806.05393, algorithm 1
    (orthogonal convolutions).

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
    mirror_outputs: bool = False
    blocks: int = 1
    copies: int = 1
    truncation: float = TRUNCATION

    def __post_init__(self):
        object.__setattr__(self, "shape", as_shape(self.shape))
        object.__setattr__(self, "dtype", dtype_name(self.dtype))
        refuse_other_kind(self.axes, Axes, "axes")
        object.__setattr__(self, "mirror", mirror_degree(self.mirror))
        known_name("family", self.family, FAMILIES)
        known_name("taps", self.taps, TAPS)
        refuse_impossible(self)

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
    def drawn_outputs(self) -> int:
        """The output channels that are drawn: without copies and mirrored ones."""
        return self.output_channels // ((2 if self.mirror_outputs else 1) * self.copies)

    @property
    def pieces(self) -> int:
        """Into how many matrices the drawn output channels are split: groups, and blocks."""
        return self.axes.groups * self.blocks

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
        """The shape of the block that is drawn: no mirrored half, no empty taps, no copies."""
        shape = list(self.unmirrored_shape)
        if self.drawn_outputs != self.output_channels:
            shape[self.axes.output] = self.drawn_outputs
        if self.taps != "all":
            for axis in self.axes.receptive(len(shape)):
                shape[axis] = min(shape[axis], 1)
        return tuple(shape)

    @cached_property
    def fans(self) -> Fans:
        """Fan in and out over all taps of one block, channels counted before the doublings."""
        fan_in, fan_out = fans(self.unmirrored_shape, self.axes)
        return Fans(fan_in, fan_out // ((2 if self.mirror_outputs else 1) * self.blocks))

    @cached_property
    def frame_shape(self) -> tuple[int, int]:
        """The matrix (rest, output) that one group, or block, of what is drawn is flattened to."""
        outputs = self.drawn_outputs
        rest = math.prod(self.block_shape) // outputs if outputs else 0
        return rest, outputs // self.pieces

    @cached_property
    def gain(self) -> float:
        """The singular value of a Haar frame's matrix: scale times the root of its longer side.

        Of a 'haar_convolution' that of the operator, between channels the longer side times the
        root of the number of taps.
        """
        rest, outputs = self.frame_shape
        if self.family == "haar_convolution":
            taps = rest // self.input_channels if self.input_channels else 0
            return self.scale * math.sqrt(max(self.input_channels, outputs) * taps)
        return self.scale * math.sqrt(max(rest, outputs))

    @cached_property
    def radius(self) -> float:
        """The norm of all weights of one unit, of the families that are uniform on spheres."""
        rest, outputs = self.frame_shape
        if self.family == "input_spheres":
            taps = rest // self.input_channels if self.input_channels else 0
            return self.scale * math.sqrt(outputs * taps)
        return self.scale * math.sqrt(rest)

    @property
    def normal_deviation(self) -> float:
        """The standard deviation of a truncated normal before the cut."""
        return self.scale / truncated_deviation(self.truncation)

    @cached_property
    def zeros_per_output(self) -> int:
        """How many of its inputs a sparse law cuts each output unit off from."""
        return math.ceil(self.sparsity * self.frame_shape[0])

    @cached_property
    def variance(self) -> float:
        """The variance of an entry on its taps, cut connections counted as zeros."""
        rest = self.frame_shape[0]
        return self.scale**2 * (1 - self.zeros_per_output / rest if rest else 1)

    @property
    def whole(self) -> bool:
        """Whether all that is drawn is one matrix, or nothing in its law tells it from one."""
        return self.axes.groups == 1 and (self.blocks == 1 or self.family in INDEPENDENT)

    def with_dtype(self, dtype: str) -> WeightLaw:
        """The same claim in another dtype."""
        return replace(self, dtype=dtype)


def binomial_shares(side: int) -> np.ndarray:
    """How an orthogonal convolution's energy lies over the taps along an axis, on the average.

    .. math:: \\binom{s - 1}{t} 2^{1 - s}

    since every further tap passes on half of the channels to either side of it.

    Examples
    --------
    >>> binomial_shares(3).tolist()
    [0.25, 0.5, 0.25]
    """
    shares = np.ones(1)
    for _ in range(whole_number(side, "side") - 1):
        shares = np.convolve(shares, [0.5, 0.5])
    return shares


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


def truncated_normal_law(
    shape: Sequence[int], mean: float, stddev: float, dtype: str, bound: float = TRUNCATION
) -> WeightLaw:
    """The law of normal entries drawn again beyond `bound` of `stddev`.

    Cut at two their deviation is 0.88 of it.

    Examples
    --------
    >>> truncated_normal_law((3, 4), 0.0, 1.0, "float32").scale == TRUNCATED_DEVIATION
    True
    """
    refuse_bad_bound(bound, "bound")
    scale = real_number(stddev, "stddev", least=0) * truncated_deviation(bound)
    return entries_law(
        shape, "truncated_normal", scale, mean=mean, dtype=dtype, truncation=float(bound)
    )
