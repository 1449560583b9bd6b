"""Arrangements, array -> array: where a drawn block stands in the weight, and how it is repeated.

Nothing here draws random numbers. `arrange` composes what a law claims; `block_of` undoes it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from lookslinear.errors import whole_number
from lookslinear.laws import WeightLaw, independent_share

#: A view of a weight where it holds its block, and whether it holds the negative there.
Copy = tuple[np.ndarray, bool]


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


def halves_of(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Views of the first and the second half of an array along an axis of an even side.

    Examples
    --------
    >>> [half.tolist() for half in halves_of(np.arange(4), axis=0)]
    [[0, 1], [2, 3]]
    """
    first, second = np.split(array, 2, axis)
    return first, second


def blend(first: np.ndarray, second: np.ndarray, degree: float) -> None:
    """Correlates the second half with the first in place: mirrored to a degree r.

    .. math:: W_- = -r W_+ + \\sqrt{1 - r^2}\\, W'

    Parameters
    ----------
    first : array
        W+.
    second : array of the same shape
        W', independent of it; then W-. In half precision it is rounded once.
    degree : float

    Examples
    --------
    >>> first, second = np.array([5.0, 0.0]), np.array([0.0, 5.0])
    >>> blend(first, second, 0.6)
    >>> second
    array([-3.,  4.])
    """
    dtype = np.result_type(second, np.float32)
    blended = second * dtype.type(independent_share(degree))
    blended -= first * dtype.type(degree)
    second[...] = blended


def mask_sparsely(units: np.ndarray, cut: np.ndarray) -> np.ndarray:
    """Output units, along the first axis, with the inputs in `cut`, (units, zeros), set to zero.

    Examples
    --------
    >>> mask_sparsely(np.ones((2, 3)), np.array([[0], [2]]))
    array([[0., 1., 1.],
           [1., 1., 0.]])
    """
    rows = units.reshape(len(units), -1).copy()
    np.put_along_axis(rows, cut, 0, axis=1)
    return rows.reshape(units.shape)


def copies_of(weight: np.ndarray, law: WeightLaw) -> list[Copy]:
    """Where a weight holds its drawn block, and whether negated: the block itself comes first.

    Returns
    -------
    list of (view of shape `law.block_shape`, bool): a mirrored kernel of averaging 2 x 2 taps has
    eight, a weight without mirror on all or one of its taps has one, one that is mirrored along
    inputs and outputs four. Of a partly mirrored weight each half holds a block of its own: give
    its halves and `law.half`.
    """
    if law.partly_mirrored:
        raise ValueError(
            f"a partly mirrored weight holds two blocks: arrange each of its halves by `law.half`. "
            f"Received: mirror {law.mirror}."
        )
    if law.block_shape == law.shape:
        return [(weight, False)]
    inputs = _channel_slices(law.input_channels, law.mirror)
    outputs = _channel_slices(law.drawn_outputs * law.copies, law.mirror_outputs, law.copies)
    copies = []
    for (read, first), (written, second) in itertools.product(inputs, outputs):
        for taps in itertools.product(*_tap_slices(law)):
            place = list(taps)
            if law.axes.matrix:
                place[law.axes.input], place[law.axes.output] = read, written
            copies.append((weight[(*place, ...)], first != second))  # a view even at rank 0
    return copies


def _channel_slices(
    drawn: int, mirrored: bool | float, copies: int = 1
) -> list[tuple[slice, bool]]:
    """Where channels hold the drawn ones, and whether negated there."""
    starts = [(0, False), (drawn, True)] if mirrored else [(0, False)]
    return [
        (slice(start + copy, start + drawn, copies), negated)
        for start, negated in starts
        for copy in range(copies)
    ]


def repeat_block(copies: Sequence[Copy], piece: object = ...) -> None:
    """Writes the copies of a block, or of a piece of it, from the first one."""
    block = copies[0][0][piece]
    for copy, negated in copies[1:]:
        if negated:
            np.subtract(0, block, out=copy[piece])  # not -block: that turns a zero into -0.
        else:
            copy[piece] = block


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
    if law.block_shape == law.shape:
        return np.asarray(block, order="C")  # not ascontiguousarray: that gives a number a side
    weight = np.zeros(law.shape, block.dtype)
    copies = copies_of(weight, law)
    copies[0][0][...] = block
    repeat_block(copies)
    return weight


def block_of(weight: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The block that `arrange` would have made this weight from: its first half, one tap."""
    return copies_of(weight, law)[0][0]


def pieces_of(block: np.ndarray, law: WeightLaw) -> list[np.ndarray]:
    """Views of a block, one for each group or block of its output channels.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(2, 6, "haar", 1.0, blocks=3)
    >>> [piece.shape for piece in pieces_of(np.ones((2, 6)), law)]
    [(2, 2), (2, 2), (2, 2)]
    """
    return np.split(block, law.pieces, axis=law.axes.output) if law.pieces > 1 else [block]


def unit_vectors(block: np.ndarray, law: WeightLaw) -> np.ndarray:
    """All weights of one unit as a row, of the families that are uniform on spheres.

    Returns
    -------
    array (units, weights of each): of each output unit, or of each input unit of each piece
    """
    if law.family == "output_spheres":
        return np.moveaxis(block, law.axes.output, 0).reshape(law.drawn_outputs, -1)
    rows = [np.moveaxis(piece, law.axes.input, 0) for piece in pieces_of(block, law)]
    return np.concatenate([row.reshape(law.input_channels, -1) for row in rows])


def as_convolution(piece: np.ndarray, law: WeightLaw) -> np.ndarray:
    """A view of a kernel as (*receptive field, in, out), whatever its layout."""
    return np.moveaxis(piece, (law.axes.input, law.axes.output), (-2, -1))


def _tap_slices(law: WeightLaw) -> list[list[slice]]:
    """For each axis the slices of it that hold the block: of the receptive field one a tap."""
    slices = [[slice(None)] for _ in law.shape]
    if law.taps != "all":
        receptive = law.axes.receptive(len(law.shape))
        for axis, side in zip(receptive, law.receptive_field, strict=True):
            slices[axis] = [slice(tap, tap + 1) for tap in _taps_along(side, law)]
    return slices


def _taps_along(side: int, law: WeightLaw) -> Sequence[int]:
    if law.taps == "average":
        taps = average_taps(side, law.axes.flips)
        return range(taps.start, taps.stop)
    return [centre_tap(max(side, 1))]  # a side of zero has no taps: an empty slice of it
