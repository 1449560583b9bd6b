"""Orthogonal initialisers: (shape, dtype=None) -> a uniformly distributed orthonormal frame."""

from __future__ import annotations

import math

from lookslinear.backend import SeedGenerator
from lookslinear.fans import keras_axes
from lookslinear.initializers.base import RandomInitializer, real_argument
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

    Raises
    ------
    ValueError
        For shapes of less than two sides, a gain that is not finite, and any other seed.

    References
    ----------
    Saxe, McClelland, Ganguli 2013, arXiv 1312.6120; Mezzadri 2007, arXiv math-ph/0609050.

    Examples
    --------
    >>> import numpy as np
    >>> weight = Orthogonal(gain=2.0)((3, 3, 4, 8), dtype="float64").reshape(36, 8)
    >>> bool(np.allclose(weight.T @ weight, 4 * np.eye(8)))
    True
    """

    def __init__(self, gain: float = 1.0, seed: int | SeedGenerator | None = None):
        self.gain = real_argument(gain, "gain")
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        if len(shape) < 2:
            raise ValueError(
                f"Orthogonal fills shapes of two sides or more. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        return _frame_law(shape, self.gain, math.prod(shape[:-1]), "all", dtype)


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


def _frame_law(shape: tuple[int, ...], gain: float, rest: int, taps: str, dtype: str) -> WeightLaw:
    # The entries' size for which the longer side's columns have this norm.
    scale = abs(gain) / math.sqrt(max(rest, shape[-1], 1))
    return WeightLaw(shape, keras_axes(len(shape)), "haar", scale, taps, dtype=dtype)
