"""Augmentation: in training every image is shifted and mirrored at random."""

from utilityFunctions import T
from layers.shapes import pair, refuseNonImages
from layers.stochastic import Stochastic


class Augmentation(Stochastic):
    """In training each image is shifted and mirrored, by a draw of its own; afterwards it is not.

    .. math:: y_{c i j} = x_{c, f(i + a), g(j + b)}

    a and b are uniform on the whole numbers from -shift to shift, and the same for all channels of
    an image. What comes from outside of the image is 0. f is i or rows - 1 - i, g likewise, each
    with probability 1/2, if it is asked for.

    Parameters
    ----------
    shift : int or (int, int)
        By how many pixels an image moves at most, up and down, left and right; 0 for not at all.
    horizontal : bool
        Whether left and right change places in half of the images.
    vertical : bool
        Whether top and bottom do.
    seed, name
        See `layers.Stochastic`.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples that are no images, or not larger than the shift.

    Examples
    --------
    >>> from layers import Representation
    >>> Augmentation(4, horizontal=True)(Representation((3, 32, 32)))
    <Representation (3, 32, 32) after 1 layer: Augmentation(shift=(4, 4), horizontal=True, \
vertical=False)>
    """

    def __init__(self, shift=0, horizontal=False, vertical=False, seed=None, name=None):
        self.shift = pair(shift, "shift", least=0)
        for argument, value in {"horizontal": horizontal, "vertical": vertical}.items():
            if not isinstance(value, bool):
                raise TypeError(f"{argument} must be True or False. Received: {value!r}.")
        self.horizontal, self.vertical = horizontal, vertical
        super().__init__(seed, name)

    @property
    def differsInTraining(self):
        """Whether anything is asked for."""
        return any(self.shift) or self.horizontal or self.vertical

    def outputShape(self, inputShape):
        """The same; what is no image, or too small, is refused."""
        refuseNonImages("augmentation", inputShape)
        for shift, side in zip(self.shift, inputShape[1:], strict=True):
            if shift >= side:
                raise ValueError(
                    f"shift must be smaller than the side of the image that it moves along. "
                    f"Received: {shift} on a side of {side}."
                )
        return inputShape

    def expression(self, tensor, inputShape):
        """The tensor itself."""
        return tensor

    def training(self, tensor, inputShape):
        """The moved images, and the update of the stream, four numbers an image."""
        if not self.differsInTraining:
            return tensor, []
        numbers, update = self.uniform((tensor.shape[0], 4))
        flips = (self.vertical, self.horizontal)
        (rows, isRow), (columns, isColumn) = (
            _read(side, shift, flip, numbers[:, axis], numbers[:, 2 + axis])
            for axis, (side, shift, flip) in enumerate(
                zip(inputShape[1:], self.shift, flips, strict=True)
            )
        )
        moved = tensor[
            T.arange(tensor.shape[0]).dimshuffle(0, "x", "x", "x"),
            T.arange(inputShape[0]).dimshuffle("x", 0, "x", "x"),
            rows.dimshuffle(0, "x", 1, "x"),
            columns.dimshuffle(0, "x", "x", 1),
        ]
        inside = isRow.dimshuffle(0, "x", 1, "x") & isColumn.dimshuffle(0, "x", "x", 1)
        return moved * T.cast(inside, tensor.dtype), [update]

    def settings(self):
        """The arguments that `repr` shows."""
        return f"shift={self.shift}, horizontal={self.horizontal}, vertical={self.vertical}"


def _read(side, shift, flip, first, second):
    """Which pixels of a side each image shows, (batch, side), and which of them are inside."""
    # The largest number is 1 itself, which would be one pixel too far.
    moved = T.minimum(T.cast(T.floor(first * (2 * shift + 1)), "int64"), 2 * shift) - shift
    pixels = T.arange(side).dimshuffle("x", 0) + moved.dimshuffle(0, "x")
    if flip:
        pixels = T.switch(second.dimshuffle(0, "x") > 0.5, side - 1 - pixels, pixels)
    return T.clip(pixels, 0, side - 1), (pixels >= 0) & (pixels < side)
