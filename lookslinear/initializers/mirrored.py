"""Looks-linear arrays: (shape, dtype=None) -> an initialiser's half, and its mirror image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lookslinear.arranging import blend, mirror
from lookslinear.backend import as_dtype, as_shape, rng_of
from lookslinear.errors import NotCoveredError
from lookslinear.fans import keras_axes
from lookslinear.initializers.base import Initializer
from lookslinear.initializers.registry import registered
from lookslinear.initializers.serialization import get, serialize
from lookslinear.laws import WeightLaw, mirror_degree
from lookslinear.sampling import child_seed, draw


@registered()
class Mirrored(Initializer):
    """Half of the input channels by another initialiser, then their negative: looks-linear.

    .. math:: W = [V; -V], \\qquad W^T [x^+; x^-] = V^T x

    so a layer that follows a CReLU is linear, as if V read the layer before the CReLU. V is drawn
    for half of the input channels, so its fan in counts them before the doubling, and no factor 2
    for a rectifier is wanted: take LeCun's or an orthogonal initialiser to keep the second moment.

    Parameters
    ----------
    initializer : whatever `get` takes
        It makes V.
    mirror : True or float
        True, or to which degree r, above 0: the second half is then -r V + sqrt(1 - r^2) V' with V'
        another draw of the initialiser's law, which must be of normal entries or a Haar frame.

    Raises
    ------
    ValueError, TypeError
        For shapes with an odd number of input channels or none, an initialiser that is mirrored
        already, and one of grouped kernels, whose halves CReLU does not put side by side; for other
        degrees.
    NotCoveredError
        For a degree below 1 and an initialiser that states no law.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4.

    Examples
    --------
    >>> import numpy as np
    >>> weight, x = Mirrored("orthogonal")((6, 5), "float64"), np.array([1.0, -2.0, 3.0])
    >>> after_crelu = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)])
    >>> bool(np.allclose(after_crelu @ weight, x @ weight[:3]))
    True
    """

    def __init__(self, initializer: object = "glorot_uniform", mirror: bool | float = True):
        self.mirror = mirror_degree(mirror)
        if not self.mirror:
            raise ValueError(
                f"Mirrored needs a degree above 0. Received: mirror={mirror!r}. Take the "
                f"initializer itself."
            )
        self.initializer = get(initializer)
        if self.initializer is None or hasattr(self.initializer, "mirror"):
            raise ValueError(
                f"Mirrored needs an initializer that is not mirrored itself. "
                f"Received: initializer={initializer!r}"
            )
        if getattr(self.initializer, "groups", 1) != 1:
            raise ValueError(
                f"Mirrored cannot mirror the kernel of a grouped convolution. "
                f"Received: initializer={initializer!r}"
            )

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> np.ndarray:
        """An array of this shape and dtype, its halves mirrored along the input channels."""
        axis, half = self._half(as_shape(shape))
        dtype = as_dtype(dtype).name
        law = self.law(shape, dtype) if self.mirror is not True else None
        drawn = np.asarray(self.initializer(half, dtype=dtype))
        if law is None:
            return mirror(drawn, axis)
        other = draw(law.half, child_seed(rng_of(getattr(self.initializer, "seed", None)), 1))
        blend(drawn, other, law.mirror)
        return np.concatenate([drawn, other], axis)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        if not hasattr(self.initializer, "law"):
            raise NotCoveredError(
                f"{self.initializer!r} states no law, so neither does its mirror."
            )
        half_law = self.initializer.law(self._half(shape)[1], dtype)
        return replace(half_law, shape=shape, mirror=self.mirror)

    def _half(self, shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
        """The input axis, and the shape of the half that is drawn."""
        axes = getattr(self.initializer, "axes", keras_axes)(len(shape))
        if not axes.matrix or shape[axes.input] % 2:
            raise ValueError(
                f"Mirrored needs one axis of input channels, of an even number, as a CReLU gives. "
                f"Received: shape={shape}."
            )
        half = list(shape)
        half[axes.input] //= 2
        return axes.input, tuple(half)

    def get_config(self) -> dict:
        """The configuration, with that of the initialiser inside."""
        return {"initializer": serialize(self.initializer), "mirror": self.mirror}

    def _identity(self) -> tuple:
        return (self.initializer, self.mirror)
