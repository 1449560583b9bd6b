"""Convolutions on a torus, (signal or gradient, weight) -> the next one, with real 'half' layers.

The image is surrounded by its own opposite borders; a layer with zeros at the border then computes
what a circular one would, but for the rim, which is cut off. Backwards the same, transposed.
"""

from __future__ import annotations

import numpy as np

from experiments.probes import kindOf


class CircularKind:
    """One kind of circular convolution, with an activation before it.

    Parameters
    ----------
    inputShape : (channels, rows, columns)
        Before the activation.
    activation : str
    channels : int
        Those that come out.
    sides : (int, int)
        The filter's, odd.

    Examples
    --------
    >>> kind = CircularKind((1, 4, 4), "linear", 1, (3, 3))
    >>> ones = np.ones((1, 1, 3, 3), "float32")
    >>> float(np.ptp(kind.forward(np.ones((1, 1, 4, 4), "float32"), ones)))
    0.0
    """

    def __init__(self, inputShape, activation: str, channels: int, sides):
        self._rim = tuple(side // 2 for side in sides)
        rows, columns = (n + 2 * p for n, p in zip(inputShape[1:], self._rim, strict=True))
        self._kind = kindOf((inputShape[0], rows, columns), activation, channels, tuple(sides))

    def forward(self, signal: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The pre-activations after the layer."""
        return self._inside(self._kind.forward(self._wrapped(signal), weight)[0])

    def backward(self, signal: np.ndarray, gradient: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The gradient before the layer."""
        arriving = np.pad(gradient, self._widths())
        return self._folded(self._kind.backward(self._wrapped(signal), arriving, weight)[0])

    def _widths(self):
        return ((0, 0), (0, 0), *((p, p) for p in self._rim))

    def _wrapped(self, signal: np.ndarray) -> np.ndarray:
        return np.pad(signal, self._widths(), mode="wrap")

    def _inside(self, image: np.ndarray) -> np.ndarray:
        p, q = self._rim
        return image[:, :, p : image.shape[2] - p, q : image.shape[3] - q]

    def _folded(self, image: np.ndarray) -> np.ndarray:
        """What the rim holds is added to the positions that it was copied from."""
        for axis, p in enumerate(self._rim, start=2):
            image = np.moveaxis(image, axis, 0)
            inside = image[p : len(image) - p].copy()
            for i in range(p):
                inside[-p + i] += image[i]
                inside[i] += image[len(image) - p + i]
            image = np.moveaxis(inside, 0, axis)
        return image
