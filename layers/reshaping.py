"""Layers that only rearrange the numbers of a sample."""

from layers.layer import Layer
from layers.shapes import flattenedShape


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
