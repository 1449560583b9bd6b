"""Layers that only rearrange the numbers of a sample."""

from layers.layer import Layer
from layers.shapes import flattenedShape, reshapedShape, sampleShape


class Flatten(Layer):
    """Images to units: (channels, rows, columns) -> (channels * rows * columns,).

    The channels are the slowest axis, so what was the first half of the channels is the first half
    of the units: a mirrored dense layer after CReLU and Flatten still meets its two halves.

    Examples
    --------
    >>> from layers import Representation
    >>> Flatten()(Representation((8, 4, 5))).shape
    (160,)
    """

    def outputShape(self, inputShape):
        """(channels, rows, columns) -> (channels * rows * columns,); (n,) stays."""
        return flattenedShape(inputShape)

    def expression(self, tensor, inputShape):
        """The tensor with all axes but the first joined."""
        return tensor.reshape((tensor.shape[0], *flattenedShape(inputShape)), ndim=2)


class Reshape(Layer):
    """The numbers of a sample in another shape, their order kept, the last axis the fastest.

    Parameters
    ----------
    shape : tuple of int
        (units,) or (channels, rows, columns).
    name : str or None
        See `layers.Layer`.

    Raises
    ------
    TypeError, ValueError
        For another kind of shape; when called, for samples with another number of numbers.

    Examples
    --------
    >>> from layers import Representation
    >>> Reshape((3, 8, 8))(Representation((192,))).shape
    (3, 8, 8)
    """

    def __init__(self, shape, name=None):
        super().__init__(name)
        self.shape = sampleShape(shape)

    def outputShape(self, inputShape):
        """The layer's own; samples that do not fill it are refused."""
        return reshapedShape(inputShape, self.shape)

    def expression(self, tensor, inputShape):
        """The tensor with other axes after the first."""
        return tensor.reshape((tensor.shape[0], *self.shape), ndim=1 + len(self.shape))

    def settings(self):
        """The arguments that `repr` shows."""
        return f"{self.shape}"
