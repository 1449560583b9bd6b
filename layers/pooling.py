"""Pooling: the largest or the mean number of each window."""

import utilityFunctions  # noqa: F401  prepares Theano

# isort: split
from theano.tensor.signal.pool import pool_2d

from layers.layer import Layer
from layers.shapes import pair, poolingShape
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
        if not isinstance(mode, str):
            raise TypeError(f"mode must be 'max' or 'average'. Received: {mode!r}.")
        if mode not in MODES:
            raise unknown_name("mode", mode, MODES)
        self.mode = mode

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
