"""Arrangements, array -> array: where a drawn block stands in the weight, and how it is repeated.

Nothing here draws random numbers. `arrange` composes what a law claims; `block_of` undoes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookslinear.errors import whole_number
from lookslinear.laws import WeightLaw


def centre_tap(side: int) -> int:
    """The centre of a filter of this side; an even one's lies half a pixel before the middle.

    Examples
    --------
    >>> [centre_tap(side) for side in (1, 2, 3, 4, 5)]
    [0, 0, 1, 1, 2]
    """
    return (whole_number(side, "side") - 1) // 2


def average_taps(side: int, flips: bool) -> slice:
    """The two taps that a layer with stride 2 and half padding reads as one disjoint pair.

    With the centre c, a flipping convolution reads the inputs 2i and 2i + 1 through the taps
    (c - 1, c), a cross-correlation through (c, c + 1). A filter of side 2 has only one pair.

    Examples
    --------
    >>> average_taps(3, flips=True), average_taps(3, flips=False), average_taps(2, flips=True)
    (slice(0, 2, None), slice(1, 3, None), slice(0, 2, None))
    """
    start = centre_tap(side) - 1 if flips else centre_tap(side)
    start = max(start, 0)
    return slice(start, start + 2)


def mirror(array: np.ndarray, axis: int) -> np.ndarray:
    """The array followed by its negative along an axis: the looks-linear arrangement.

    .. math:: W \\mapsto [W, -W], \\qquad [W, -W]\\,[x^+; x^-] = W x

    so a layer that follows a CReLU along that axis is linear.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4.

    Examples
    --------
    >>> mirror(np.array([[1.0, 2.0]]), axis=0)
    array([[ 1.,  2.],
           [-1., -2.]])
    """
    negative = array.dtype.type(0) - array  # not -array: that turns the empty taps into -0.
    return np.concatenate([array, negative], axis=axis)


def place_taps(block: np.ndarray, law: WeightLaw) -> np.ndarray:
    """A block of one tap put onto the taps that the law names, in a kernel of zeros."""
    kernel = np.zeros(law.unmirrored_shape, block.dtype)
    kernel[_taps(law)] = block
    return kernel


def mask_sparsely(block: np.ndarray, cut: np.ndarray, output_axis: int) -> np.ndarray:
    """The block with the inputs in `cut`, of shape (outputs, zeros), set to zero for each output.

    Examples
    --------
    >>> mask_sparsely(np.ones((3, 2)), np.array([[0], [2]]), output_axis=1)
    array([[0., 1.],
           [1., 1.],
           [1., 0.]])
    """
    masked = np.moveaxis(block, output_axis, 0).copy()
    rows = masked.reshape(len(masked), -1)
    np.put_along_axis(rows, cut, 0, axis=1)
    return np.moveaxis(rows.reshape(masked.shape), 0, output_axis)


def arrange(block: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The whole weight from its drawn block: taps placed, halves mirrored; contiguous.

    Parameters
    ----------
    block : array of shape `law.block_shape`

    Returns
    -------
    array of shape `law.shape`

    Examples
    --------
    >>> from lookslinear.fans import axes_of
    >>> law = WeightLaw((1, 2, 3, 3), axes_of(4), "constant", 1.0, taps="centre", mirror=True)
    >>> arrange(np.ones((1, 1, 1, 1)), law)[0, 1]
    array([[ 0.,  0.,  0.],
           [ 0., -1.,  0.],
           [ 0.,  0.,  0.]])
    """
    if np.shape(block) != law.block_shape:
        raise ValueError(f"block must be of shape {law.block_shape}. Received: {np.shape(block)}.")
    weight = block if law.taps == "all" else place_taps(block, law)
    if law.mirror:
        weight = mirror(weight, law.axes.input)
    return np.asarray(weight, order="C")  # not ascontiguousarray: that gives a number a side


def block_of(weight: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The block that `arrange` would have made this weight from: its first half, one tap."""
    if law.mirror:
        half = [slice(None)] * weight.ndim
        half[law.axes.input] = slice(0, law.input_channels)
        weight = weight[tuple(half)]
    if law.taps == "all":
        return weight
    taps = _taps(law)
    first = [slice(tap.start, tap.start + 1) if tap.start is not None else tap for tap in taps]
    return weight[tuple(first)]


def _taps(law: WeightLaw) -> Sequence[slice]:
    taps = [slice(None)] * len(law.shape)
    for axis, side in zip(law.axes.receptive(len(law.shape)), law.receptive_field, strict=True):
        if law.taps == "average":
            taps[axis] = average_taps(side, law.axes.flips)
        else:
            centre = centre_tap(max(side, 1))  # a side of zero has no taps: an empty slice of it
            taps[axis] = slice(centre, centre + 1)
    return tuple(taps)
