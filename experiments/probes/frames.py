"""Haar frames that are multiplied with and never made: (law, seed) -> an operator."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from utilityFunctions import floatX
from lookslinear.laws import WeightLaw
from lookslinear.sampling import FactoredFrame, Rng, can_be_factored, draw_factored


class MirroredFrame(NamedTuple):
    """A frame and, below it, its negative.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> from lookslinear.sampling import draw
    >>> law = dense_law(1000, 400, "haar", 0.1, mirror=True)
    >>> x = np.ones((1, 1000), "float32") * np.arange(1000, dtype="float32") / 1000
    >>> bool(abs(drawFrame(law, 3).times(x) - x @ draw(law, 3)).max() < 1e-4)
    True
    """

    frame: FactoredFrame

    def times(self, samples: np.ndarray) -> np.ndarray:
        """samples @ weight."""
        first, second = np.split(samples, 2, axis=1)
        return self.frame.times(first - second)

    def times_transposed(self, gradients: np.ndarray) -> np.ndarray:
        """gradients @ weight.T."""
        half = self.frame.times_transposed(gradients)
        return np.concatenate([half, -half], axis=1)


def isFactored(law: WeightLaw, samples: int) -> bool:
    """Whether so many samples are multiplied sooner with the frame's factors than with it.

    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(1024, 1024, "haar", 0.1, dtype=floatX())
    >>> isFactored(law, 256), isFactored(law, 10_000)
    (True, False)
    """
    law = _drawn(law)
    return law.dtype == floatX() and samples <= min(law.shape) and can_be_factored(law)


def drawFrame(law: WeightLaw, seed: Rng) -> FactoredFrame | MirroredFrame:
    """What `draw` gives for the law and the seed, as factors."""
    frame = draw_factored(_drawn(law), seed)
    return frame if frame.law is law else MirroredFrame(frame)


def _drawn(law: WeightLaw) -> WeightLaw:
    """Of a mirrored weight its half, which determines the other one."""
    return law.half if law.mirror is True else law
