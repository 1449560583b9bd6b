"""Initialisers that leave nothing to chance: (shape, dtype=None) -> the same array every time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from lookslinear import backend
from lookslinear.errors import NotCoveredError, unknown_name, whole_number
from lookslinear.fans import Axes, axes_of, keras_axes
from lookslinear.initializers.base import Initializer, real_argument
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw, entries_law

FILLS = ("zeros", "repeat")


@registered("zero")
class Zeros(Initializer):
    """Zeros, for any shape and dtype: the usual start of a bias.

    .. math:: W = 0

    Examples
    --------
    >>> Zeros()((2, 3))
    array([[0., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        return entries_law(shape, "constant", 0.0, dtype=dtype)


@registered("one")
class Ones(Initializer):
    """Ones, for any shape and dtype.

    .. math:: W = 1

    Examples
    --------
    >>> Ones()((3,), dtype="int32")
    array([1, 1, 1], dtype=int32)
    """

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        return entries_law(shape, "constant", 1.0, dtype=dtype)


@registered()
class Constant(Initializer):
    """One value everywhere, or values given by an array.

    .. math:: W = value

    Parameters
    ----------
    value : number or array
        An array has the shape that will be asked for, or one that can be broadcast to it.

    Raises
    ------
    TypeError
        For anything but numbers.
    ValueError
        When called, if the value cannot be broadcast to the shape.

    Examples
    --------
    >>> Constant(0.5)((2, 2)).tolist(), Constant([1, 2])((2, 2)).tolist()
    ([[0.5, 0.5], [0.5, 0.5]], [[1.0, 2.0], [1.0, 2.0]])
    """

    def __init__(self, value: object = 0.0):
        value = _as_values(value)
        values = np.array(value)
        if values.dtype.kind not in "biuf":
            raise TypeError(f"value must be a number or an array of numbers. Received: {value!r}.")
        values.flags.writeable = False
        self.value = values if values.ndim else values.item()

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> np.ndarray:
        """An array of this shape and dtype that holds the value."""
        return backend.constant(self.value, dtype, shape)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        values = np.asarray(self.value)
        if values.size != 1 and len(np.unique(values)) != 1:
            raise NotCoveredError(
                f"a law knows constants of one value: compare with the array itself. "
                f"Received: {len(np.unique(values))} values."
            )
        return entries_law(shape, "constant", float(values.flat[0]), dtype=dtype)


def _as_values(value: object) -> object:
    """The value itself, or the array that Keras keeps in a configuration."""
    if isinstance(value, Mapping) and value.get("class_name") in ("__tensor__", "__numpy__"):
        return np.array(value["config"]["value"], value["config"]["dtype"])
    return value


@registered("IdentityInitializer")
class Identity(Initializer):
    """A multiple of the identity, for matrices of shape (in, out).

    .. math:: W_{ij} = gain\\; [i = j], \\qquad repeated: [i \\equiv j \\bmod \\min(in, out)]

    Parameters
    ----------
    gain : float
    fill : str
        What stands beside the square of a matrix that is longer: 'zeros', as in Cthulhu and today's
        Keras, or 'repeat', the identity again and again, as in Keras 2.

    Raises
    ------
    ValueError
        For a shape that is no matrix's, and with 'repeat' if the longer side is no multiple of the
        shorter one.

    References
    ----------
    Le, Jaitly, Hinton 2015, arXiv 1504.00941 (identity in recurrent networks).

    Examples
    --------
    >>> Identity(2.0)((2, 3)).tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    >>> Identity(fill="repeat")((2, 4)).tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0, fill: str = "zeros"):
        if fill not in FILLS:
            raise unknown_name("fill", fill, FILLS)
        self.gain = real_argument(gain, "gain")
        self.fill = fill

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        if len(shape) != 2:
            raise ValueError(
                f"Identity fills matrices of shape (in, out); for kernels there is Dirac. "
                f"Received: shape={shape} of rank {len(shape)}."
            )
        short, long = sorted(shape)
        if self.fill == "repeat" and short and long % short:
            raise ValueError(
                f"Identity with fill='repeat' needs a longer side that is a multiple of the "
                f"shorter one. Received: shape={shape}."
            )
        family = "identity" if self.fill == "zeros" else "repeated_identity"
        return WeightLaw(shape, keras_axes(2), family, self.gain, dtype=dtype)


@registered()
class Dirac(Initializer):
    """The identity in the centre tap of a kernel: a convolution that passes its channels on.

    .. math:: W_{c,i,j} = [i = j]

    with c the centre, tap (side - 1) // 2, which is the one that Keras's padding 'same' puts over
    the output's position, also for even sides. Of more outputs than inputs the last are zero, of
    fewer the last inputs are not read.

    Parameters
    ----------
    groups : int
        Of a grouped convolution, whose kernel is (*receptive field, in / groups, out): each group
        passes its own channels on.

    Raises
    ------
    ValueError
        For shapes that are no kernel's (rank 3 to 5), and outputs that do not split into groups.

    References
    ----------
    Zagoruyko & Komodakis 2017, arXiv 1706.00388 (DiracNets).

    Examples
    --------
    >>> Dirac()((3, 2, 2))[1].tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, groups: int = 1):
        self.groups = whole_number(groups, "groups")

    def axes(self, rank: int) -> Axes:
        """The axes of a grouped kernel in Keras's layout."""
        return axes_of(rank, "keras", self.groups)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        refuse_other_than_kernels(self, shape, "Identity")
        axes = self.axes(len(shape))
        return WeightLaw(shape, axes, "identity", 1.0, taps="centre", dtype=dtype)


@registered()
class ZerO(Initializer):
    """The identity where a layer does not widen, else a corner of Hadamard's matrix; centre tap.

    .. math:: W_{ij} = [i = j] \\; (out \\le in), \\qquad
              W_{ij} = 2^{-m/2} (-1)^{i \\cdot j}, \\; m = \\lceil \\log_2 out \\rceil

    with i . j the number of ones that the binary digits of both have in common. The factor is that
    of the authors' code.

    Raises
    ------
    ValueError
        For shapes that are no matrix's and no kernel's.

    References
    ----------
    Zhao, Schaefer, Anandkumar 2022, arXiv 2110.12661, algorithms 1 and 2.

    Examples
    --------
    >>> ZerO()((2, 4)).tolist()
    [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]]
    """

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        axes, taps = axes_of(len(shape), "keras"), "centre" if len(shape) > 2 else "all"
        inputs, outputs = shape[-2:]
        if outputs <= inputs:
            return WeightLaw(shape, axes, "identity", 1.0, taps, dtype=dtype)
        scale = 2.0 ** (-math.ceil(math.log2(outputs)) / 2)
        return WeightLaw(shape, axes, "hadamard", scale, taps, dtype=dtype)


def refuse_other_than_kernels(initializer: Initializer, shape: tuple[int, ...], dense: str) -> None:
    """Raises ValueError for a shape without receptive field, and names who fills matrices."""
    if not 3 <= len(shape) <= 5:
        raise ValueError(
            f"{type(initializer).__name__} fills kernels of rank 3 to 5, (*receptive field, in, "
            f"out); for matrices there is {dense}. Received: shape={shape} of rank {len(shape)}."
        )
