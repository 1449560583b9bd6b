"""Orthogonal initialisers: (shape, dtype=None) -> a uniformly distributed orthonormal frame."""

from __future__ import annotations

import math

from lookslinear.backend import SeedGenerator
from lookslinear.errors import known_name, whole_number
from lookslinear.fans import Axes, axes_of, keras_axes, refuse_half_named
from lookslinear.initializers.base import (
    AxesLike,
    RandomInitializer,
    checked_axes,
    real_argument,
)
from lookslinear.initializers.constants import refuse_other_than_kernels
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw


@registered("OrthogonalInitializer")
class Orthogonal(RandomInitializer):
    """An orthonormal frame of any orientation, for matrices, and kernels flattened to one.

    .. math:: W^T W = gain^2\\, 1 \\quad (rest \\ge out), \\qquad W W^T = gain^2\\, 1 \\quad else

    with W of shape (rest, out), rest the product of all sides but the last. All frames are equally
    likely (Haar's measure).

    Parameters
    ----------
    gain : float
        The singular value; its sign has no effect, a frame and its negative being equally likely.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.
    mode : str
        What the frame is to be: 'projection', with orthonormal outputs (out <= rest), 'embedding',
        which keeps the norm of what it reads (out >= rest), 'basis', both; 'auto' takes any shape.
    per_block : int
        How many gates or heads the outputs hold, one after the other: each has its own frame.
    input_axes, output_axes : int, sequence of int or None
        Both or neither: the axes that a frame joins, in the place of Keras's layout. All axes must
        be named.

    Raises
    ------
    ValueError
        For shapes of less than two sides, or that `mode`, `per_block` or the axes do not fit; for a
        gain that is not finite, and any other seed.

    References
    ----------
    Saxe, McClelland, Ganguli 2013, arXiv 1312.6120; Mezzadri 2007, arXiv math-ph/0609050.

    Examples
    --------
    >>> import numpy as np
    >>> weight = Orthogonal(gain=2.0)((3, 3, 4, 8), dtype="float64").reshape(36, 8)
    >>> bool(np.allclose(weight.T @ weight, 4 * np.eye(8)))
    True
    >>> heads = Orthogonal(input_axes=0, output_axes=(1, 2))((24, 3, 4), "float64").reshape(24, 12)
    >>> bool(np.allclose(heads.T @ heads, np.eye(12)))
    True
    """

    def __init__(
        self,
        gain: float = 1.0,
        seed: int | SeedGenerator | None = None,
        mode: str = "auto",
        per_block: int = 1,
        input_axes: AxesLike = None,
        output_axes: AxesLike = None,
    ):
        self.gain = real_argument(gain, "gain")
        self.mode = known_name("mode", mode, MODES)
        self.per_block = whole_number(per_block, "per_block")
        refuse_half_named(input_axes, output_axes)
        self.input_axes = checked_axes(input_axes, "input_axes")
        self.output_axes = checked_axes(output_axes, "output_axes")
        super().__init__(seed)

    def axes(self, rank: int) -> Axes:
        """The axes that were given, or those of Keras's layout."""
        return keras_axes(rank, self.input_axes, self.output_axes)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        if len(shape) < 2:
            raise ValueError(
                f"Orthogonal fills shapes of two sides or more. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        axes = self.axes(len(shape))
        outputs = math.prod(shape[axis] for axis in axes.outputs) // self.per_block
        rest = math.prod(shape) // max(outputs * self.per_block, 1)
        _refuse_other_mode(self.mode, rest, outputs)
        scale = abs(self.gain) / math.sqrt(max(rest, outputs, 1))
        return WeightLaw(shape, axes, "haar", scale, blocks=self.per_block, dtype=dtype)


#: For each mode of a frame: what must hold of (rest, outputs), in words and as a function.
MODES = {
    "auto": ("", lambda rest, outputs: True),
    "projection": ("at most as many outputs as inputs", lambda rest, outputs: outputs <= rest),
    "embedding": ("at least as many outputs as inputs", lambda rest, outputs: outputs >= rest),
    "basis": ("as many outputs as inputs", lambda rest, outputs: outputs == rest),
}


def _refuse_other_mode(mode: str, rest: int, outputs: int) -> None:
    wanted, holds = MODES[mode]
    if not holds(rest, outputs):
        raise ValueError(
            f"Orthogonal with mode={mode!r} needs {wanted}. Received: {rest} to {outputs}. Use "
            f"mode='auto'."
        )


@registered()
class DeltaOrthogonal(RandomInitializer):
    """An orthonormal frame between channels in the centre tap of a kernel, zeros around it.

    .. math:: W_c W_c^T = gain^2\\, 1 \\; (in \\le out), \\qquad W_c^T W_c = gain^2\\, 1 \\; else

    with c the centre, tap (side - 1) // 2. For in <= out the convolution keeps the norm of every
    image, at its border too. For in > out it keeps the norm of every gradient on the way back, and
    of the image the part in the out-dimensional space that it reads.

    Parameters
    ----------
    gain : float
        The singular value; its sign has no effect, a frame and its negative being equally likely.
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For shapes that are no kernel's (rank 3 to 5), a gain that is not finite, any other seed.

    References
    ----------
    Xiao et al. 2018, arXiv 1806.05393, section 3.

    Examples
    --------
    >>> kernel = DeltaOrthogonal()((3, 3, 4, 8))
    >>> (kernel != 0).any(axis=(2, 3)).astype(int).tolist()
    [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    """

    def __init__(self, gain: float = 1.0, seed: int | SeedGenerator | None = None):
        self.gain = real_argument(gain, "gain")
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        refuse_other_than_kernels(self, shape, "Orthogonal")
        return _frame_law(shape, self.gain, shape[-2], "centre", dtype)


@registered()
class OrthogonalConvolution(RandomInitializer):
    """A kernel on all its taps that keeps the norm of every image, under circular padding.

    .. math:: \\sum_x |(K * f)(x)|^2 = gain^2 \\sum_x |f(x)|^2 \\qquad (in \\le out)

    in 1, 2 and 3 dimensions; for in > out it keeps the norm of every gradient on the way back. The
    mean square of a tap is the product of binomial coefficients along the axes, 1/4, 1/2, 1/4 for a
    side of 3.

    Parameters
    ----------
    gain : float
        The singular value of the operator; its sign has no effect.
    groups : int
        Of a grouped convolution, whose kernel is (*receptive field, in / groups, out).
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError
        For shapes that are no kernel's (rank 3 to 5) or do not split into groups, a gain that is
        not finite, any other seed.

    References
    ----------
    Xiao et al. 2018, arXiv 1806.05393, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> kernel, signal = OrthogonalConvolution(seed=1)((3, 2, 2), "float64"), np.eye(5, 2)
    >>> passed = sum(np.roll(signal, tap, axis=0) @ kernel[tap] for tap in range(3))
    >>> round((passed**2).sum().item(), 12)
    2.0
    """

    def __init__(self, gain: float = 1.0, groups: int = 1, seed: int | SeedGenerator | None = None):
        self.gain = real_argument(gain, "gain")
        self.groups = whole_number(groups, "groups")
        super().__init__(seed)

    def axes(self, rank: int) -> Axes:
        """The axes of a grouped kernel in Keras's layout."""
        return axes_of(rank, "keras", self.groups)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        refuse_other_than_kernels(self, shape, "Orthogonal")
        *sides, inputs, outputs = shape
        entries = max(inputs, outputs // self.groups, 1) * max(math.prod(sides), 1)
        scale = abs(self.gain) / math.sqrt(entries)
        return WeightLaw(shape, self.axes(len(shape)), "haar_convolution", scale, dtype=dtype)


def _frame_law(shape: tuple[int, ...], gain: float, rest: int, taps: str, dtype: str) -> WeightLaw:
    # The entries' size for which the longer side's columns have this norm.
    scale = abs(gain) / math.sqrt(max(rest, shape[-1], 1))
    return WeightLaw(shape, keras_axes(len(shape)), "haar", scale, taps, dtype=dtype)
