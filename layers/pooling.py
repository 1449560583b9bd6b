"""Pooling: the largest or the mean number of each window, or of each whole channel."""

import utilityFunctions  # noqa: F401  prepares Theano

# isort: split
from theano.tensor.signal.pool import pool_2d

from layers.layer import Layer
from layers.shapes import globalPoolingShape, pair, poolingShape
from lookslinear.errors import unknown_name

#: Theano's names of the modes. Without padding its two kinds of average are the same.
MODES = {"max": "max", "average": "average_exc_pad"}


class Pooling(Layer):
    """The largest or the mean number of each window: (c, rows, columns) -> (c, rows', columns').

    .. math:: side' = \\lfloor (side - s) / stride \\rfloor + 1

    Only whole windows count: rows and columns that are left over at the end are not read.

    Parameters
    ----------
    s : int or (int, int)
        The window's rows and columns.
    strides : int, (int, int) or None
        By how much it moves; None: by its own size, so that windows do not overlap.
    mode : 'max' or 'average'
    name : str or None
        See `layers.Layer`.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples that are no images, or smaller than the window.

    Examples
    --------
    >>> from layers import Representation
    >>> Pooling(mode="average")(Representation((8, 33, 32))).shape
    (8, 16, 16)
    """

    def __init__(self, s=(2, 2), strides=None, mode="max", name=None):
        super().__init__(name)
        self.s = pair(s, "s")
        self.strides = self.s if strides is None else pair(strides, "strides")
        self.mode = _checkedMode(mode)

    def outputShape(self, inputShape):
        """(c, rows, columns) -> (c, rows', columns'), see `layers.shapes`."""
        return poolingShape(inputShape, self.s, self.strides)

    def expression(self, tensor, inputShape):
        """The pooled images."""
        return pool_2d(
            tensor, self.s, ignore_border=True, stride=self.strides, mode=MODES[self.mode]
        )

    def settings(self):
        """The arguments that `repr` shows."""
        return f"s={self.s}, strides={self.strides}, mode={self.mode!r}"


class GlobalPooling(Layer):
    """The mean or the largest number of each whole channel: (c, rows, columns) -> (c,).

    .. math:: y_c = \\frac{1}{rows \\cdot columns} \\sum_{ij} x_{c i j}
              \\quad\\text{or}\\quad y_c = \\max_{ij} x_{c i j}

    Numbers that are equal and the largest all get the gradient of the maximum.

    Parameters
    ----------
    mode : 'average' or 'max'
    name : str or None
        See `layers.Layer`.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples that are no images.

    References
    ----------
    Lin et al. 2014, arXiv 1312.4400, section 3.2 (global average pooling).

    Examples
    --------
    >>> from layers import Representation
    >>> GlobalPooling()(Representation((8, 33, 32))).shape
    (8,)
    """

    def __init__(self, mode="average", name=None):
        super().__init__(name)
        self.mode = _checkedMode(mode)

    def outputShape(self, inputShape):
        """(c, rows, columns) -> (c,), see `layers.shapes`."""
        return globalPoolingShape(inputShape)

    def expression(self, tensor, inputShape):
        """The pooled channels."""
        return tensor.max((2, 3)) if self.mode == "max" else tensor.mean((2, 3))

    def settings(self):
        """The arguments that `repr` shows."""
        return f"mode={self.mode!r}"


def _checkedMode(mode):
    if not isinstance(mode, str):
        raise TypeError(f"mode must be 'max' or 'average'. Received: {mode!r}.")
    if mode not in MODES:
        raise unknown_name("mode", mode, MODES)
    return mode
