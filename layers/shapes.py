"""Shape rules: plain functions from the shape of one sample and a layer's settings to the next.

A shape is (units,) or (channels, rows, columns). Nothing here needs Theano; the tests hold each
rule to what Theano computes.
"""

from lookslinear.errors import unknown_name, whole_number, whole_numbers

#: The border modes that have a name; whole numbers state the zeros on each side instead.
BORDER_MODES = ("half", "valid", "full")


def sampleShape(shape, name="shape"):
    """The shape of one sample as a tuple of ints: (units,) or (channels, rows, columns).

    Raises
    ------
    TypeError
        If it is no sequence, or a side is no whole number.
    ValueError
        If it has another rank than 1 or 3, or a side is below 1.

    Examples
    --------
    >>> sampleShape([3, 32, 32])
    (3, 32, 32)
    >>> sampleShape((3, 32))
    Traceback (most recent call last):
    ValueError: shape must be (units,) or (channels, rows, columns). Received: (3, 32).
    """
    return whole_numbers(shape, name, (1, 3), "(units,) or (channels, rows, columns)")


def pair(value, name, least=1):
    """(rows, columns) from a pair of whole numbers, or from one that serves for both.

    Raises
    ------
    TypeError
        If an entry is no whole number.
    ValueError
        If there are not two, or one is below `least`.

    Examples
    --------
    >>> pair(3, "s"), pair((3, 5), "s")
    ((3, 3), (3, 5))
    >>> pair((3, 3, 3), "s")
    Traceback (most recent call last):
    ValueError: s must be one whole number or a pair of them. Received: (3, 3, 3).
    """
    if not isinstance(value, tuple | list):
        value = (value, value)
    if len(value) != 2:
        raise ValueError(
            f"{name} must be one whole number or a pair of them. Received: {tuple(value)!r}."
        )
    return tuple(whole_number(entry, name, least) for entry in value)


def borderMode(border_mode):
    """'half', 'valid', 'full', or the pair of numbers of zeros above and below, left and right.

    Raises
    ------
    TypeError
        If it is neither a name nor whole numbers.
    ValueError
        If the name is unknown, a number negative, or there are not two.

    Examples
    --------
    >>> borderMode("half"), borderMode(1), borderMode((0, 2))
    ('half', (1, 1), (0, 2))
    >>> borderMode("helf")
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown border_mode 'helf'. Did you mean 'half'? \
Known: full, half, valid.
    """
    if isinstance(border_mode, str):
        if border_mode not in BORDER_MODES:
            raise unknown_name("border_mode", border_mode, BORDER_MODES)
        return border_mode
    return pair(border_mode, "border_mode", least=0)


def paddings(border_mode, s):
    """The zeros that a border mode puts on each side of rows and columns: two whole numbers.

    'half' is s // 2, 'valid' is 0, 'full' is s - 1.

    Examples
    --------
    >>> paddings("half", (3, 4)), paddings("full", (3, 4)), paddings(1, (3, 4))
    ((1, 2), (2, 3), (1, 1))
    """
    border_mode, s = borderMode(border_mode), pair(s, "s")
    byName = {"half": (s[0] // 2, s[1] // 2), "valid": (0, 0), "full": (s[0] - 1, s[1] - 1)}
    return byName[border_mode] if isinstance(border_mode, str) else border_mode


def windows(side, s, stride, name="s", remedy="a smaller window"):
    """How many whole windows of `s` fit on a side at a stride: (side - s) // stride + 1.

    `remedy` is what a refusal says to use.

    Raises
    ------
    TypeError
        If an argument is no whole number.
    ValueError
        If one is below 1, or not even one window fits.

    Examples
    --------
    >>> windows(7, 3, 2)
    3
    """
    side, s = whole_number(side, "side"), whole_number(s, name)
    stride = whole_number(stride, "stride")
    if s > side:
        raise ValueError(
            f"{name} must not be larger than the side that it moves along. "
            f"Received: {s} on a side of {side}. Use {remedy}."
        )
    return (side - s) // stride + 1


def denseShape(inputShape, numUnits):
    """The shape after a dense layer: (n,) -> (numUnits,).

    Raises
    ------
    ValueError
        If the samples are images.

    Examples
    --------
    >>> denseShape((64,), 10)
    (10,)
    """
    if len(sampleShape(inputShape, "inputShape")) != 1:
        raise ValueError(
            f"a dense layer needs samples of shape (units,). Received: {inputShape!r}. "
            f"Put Flatten() before it."
        )
    return (whole_number(numUnits, "numUnits"),)


def convolutionShape(inputShape, numFilters, s=(3, 3), strides=(1, 1), border_mode="half"):
    """The shape after a convolution: (c, rows, columns) -> (numFilters, rows', columns').

    .. math:: side' = \\lfloor (side + 2 p - s) / stride \\rfloor + 1

    p: see `paddings`. With 'half' and strides of 1 an odd filter keeps the side, and an even one
    adds 1 to it.

    Raises
    ------
    ValueError
        If the samples are no images, or the filter is larger than the padded image.

    Examples
    --------
    >>> convolutionShape((3, 33, 32), 8, strides=(2, 2))
    (8, 17, 16)
    >>> convolutionShape((3, 32, 32), 8, s=(4, 5))
    (8, 33, 32)
    """
    refuseNonImages("a convolution", inputShape)
    s, strides = pair(s, "s"), pair(strides, "strides")
    padding = paddings(border_mode, s)
    remedy = "a smaller filter, or a border_mode with more zeros, which count as a part of the side"
    sides = (
        windows(side + 2 * zeros, size, stride, remedy=remedy)
        for side, zeros, size, stride in zip(inputShape[1:], padding, s, strides, strict=True)
    )
    return (whole_number(numFilters, "numFilters"), *sides)


def poolingShape(inputShape, s=(2, 2), strides=None):
    """The shape after pooling: only whole windows count, so a remainder at the end is left out.

    .. math:: side' = \\lfloor (side - s) / stride \\rfloor + 1

    Raises
    ------
    ValueError
        If the samples are no images, or the window is larger than the image.

    Examples
    --------
    >>> poolingShape((8, 33, 32))
    (8, 16, 16)
    """
    refuseNonImages("pooling", inputShape)
    s = pair(s, "s")
    strides = s if strides is None else pair(strides, "strides")
    sides = (windows(*sizes) for sizes in zip(inputShape[1:], s, strides, strict=True))
    return (inputShape[0], *sides)


def globalPoolingShape(inputShape):
    """The shape after pooling whole channels: (c, rows, columns) -> (c,).

    Raises
    ------
    ValueError
        If the samples are no images.

    Examples
    --------
    >>> globalPoolingShape((8, 33, 32))
    (8,)
    """
    refuseNonImages("global pooling", inputShape)
    return (inputShape[0],)


def flattenedShape(inputShape):
    """The shape of a flattened sample: (channels, rows, columns) -> (channels * rows * columns,).

    Examples
    --------
    >>> flattenedShape((8, 4, 5)), flattenedShape((7,))
    ((160,), (7,))
    """
    size = 1
    for side in inputShape:
        size *= side
    return (size,)


def reshapedShape(inputShape, shape):
    """`shape`, if a sample of it has as many numbers as one of `inputShape`.

    Raises
    ------
    ValueError
        If it has not.

    Examples
    --------
    >>> reshapedShape((8, 4, 5), (40, 2, 2))
    (40, 2, 2)
    """
    (count,), (wanted,) = flattenedShape(inputShape), flattenedShape(shape)
    if count != wanted:
        raise ValueError(
            f"shape must hold the {count} numbers of a sample of shape {inputShape}. "
            f"Received: {shape}, which holds {wanted}."
        )
    return shape


def doubledShape(inputShape):
    """The shape after an activation that puts a second half of units or channels after the first.

    Examples
    --------
    >>> doubledShape((8, 4, 5))
    (16, 4, 5)
    """
    return (2 * inputShape[0], *inputShape[1:])


def refuseNonImages(layer, inputShape):
    """Raises ValueError for samples of another shape than (channels, rows, columns).

    Examples
    --------
    >>> refuseNonImages("pooling", (64,))
    Traceback (most recent call last):
    ValueError: pooling needs samples of shape (channels, rows, columns). Received: (64,).
    """
    if len(sampleShape(inputShape, "inputShape")) != 3:
        raise ValueError(
            f"{layer} needs samples of shape (channels, rows, columns). Received: {inputShape!r}."
        )
