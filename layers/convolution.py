"""Convolutional layers: every unit reads one window of all channels of the layer before."""

from typing import ClassVar

from utilityFunctions import T
from layers.shapes import borderMode, convolutionShape, pair
from layers.weighted import Weighted
from lookslinear.errors import whole_number


class Convolution(Weighted):
    """A convolution with flipped filters: (c, rows, columns) -> (numFilters, rows', columns').

    .. math:: side' = \\lfloor (side + 2 p - s) / stride \\rfloor + 1

    p zeros surround the image: s // 2 for 'half', 0 for 'valid', s - 1 for 'full'.

    With strides of (2, 2) and filters of at least 2 x 2 the layer tells its initialisation
    `pooling=True`, unless initKWArgs say otherwise. An orthogonal kernel then averages disjoint
    blocks of 2 x 2: exactly so for 'half', odd filters and even sides; on odd sides, and with even
    filters, the last window reaches over the border.

    Parameters
    ----------
    numFilters : int
        The number of filters, from 1: the channels of the output.
    s : int or (int, int)
        The filter's rows and columns.
    strides : int or (int, int)
        By how much the window moves down and to the right.
    border_mode : 'half', 'valid', 'full', int or (int, int)
        The zeros around the image; numbers state those above and below, left and right.
    bias, initialisation, initKWArgs, seed, name
        See `layers.Weighted`. The weight has shape (numFilters, c, *s), the bias
        (1, numFilters, 1, 1).

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples that are no images, or smaller than the filter.

    Examples
    --------
    >>> from layers import Representation
    >>> layer = Convolution(8, strides=(2, 2), initialisation="orthogonal")
    >>> layer(Representation((3, 33, 33))).shape, layer.weight.get_value().shape
    ((8, 17, 17), (8, 3, 3, 3))
    >>> layer.options
    {'s': (3, 3), 'pooling': True}
    """

    ownOptions: ClassVar = {"rng": "seed", "s": "s"}

    def __init__(
        self,
        numFilters,
        s=(3, 3),
        strides=(1, 1),
        border_mode="half",
        bias=True,
        initialisation="glorotNormal",
        initKWArgs=None,
        seed=None,
        name=None,
    ):
        self.numFilters = whole_number(numFilters, "numFilters")
        self.s = pair(s, "s")
        self.strides = pair(strides, "strides")
        self.border_mode = borderMode(border_mode)
        super().__init__(bias, initialisation, initKWArgs, seed, name)

    def impliedOptions(self):
        """The filter's size, and that strides of (2, 2) downsample."""
        poolable = self.strides == (2, 2) and min(self.s) >= 2
        return {"s": self.s, "pooling": True} if poolable else {"s": self.s}

    def outputShape(self, inputShape):
        """(c, rows, columns) -> (numFilters, rows', columns'), see `layers.shapes`."""
        return convolutionShape(inputShape, self.numFilters, self.s, self.strides, self.border_mode)

    def weightShape(self, inputShape):
        """(numFilters, c, *s)."""
        return (self.numFilters, inputShape[0], *self.s)

    def expression(self, tensor, inputShape):
        """The convolution plus the bias of each filter."""
        convolved = T.nnet.conv2d(
            tensor,
            self.weight,
            input_shape=(None, *inputShape),
            filter_shape=self.weightShape(inputShape),
            border_mode=self.border_mode,
            subsample=self.strides,
        )
        return convolved + self.bias if self.hasBias else convolved

    def settings(self):
        """The arguments that `repr` shows."""
        window = f"s={self.s}, strides={self.strides}, border_mode={self.border_mode!r}"
        return f"{self.numFilters}, {window}{self.describeWeights()}"
