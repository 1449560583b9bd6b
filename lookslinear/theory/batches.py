"""The batch over which a network normalises: how many samples, how alike they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lookslinear.errors import number_or_infinity, real_number


@dataclass(frozen=True)
class Batch:
    """Samples that are all alike: equal second moments, one correlation between any two.

    Parameters
    ----------
    size : int or math.inf
        How many samples; the limit of many by default.
    correlation : float
        Of two samples of the batch as they enter the network, uncentred: of numbers with mean m and
        standard deviation s, m^2 / (m^2 + s^2).

    References
    ----------
    The predictions that it enters, those of finite and of correlated batches: derived here.

    Examples
    --------
    >>> Batch(size=1)
    Traceback (most recent call last):
    ValueError: size must be at least 2. Received: 1.
    """

    size: float = math.inf
    correlation: float = 0.0

    def __post_init__(self):
        number_or_infinity(self.size, "size", least=2)
        least = -1 / (self.size - 1)
        if not least <= real_number(self.correlation, "correlation") < 1:
            raise ValueError(
                f"correlation must be from {least:g}, the least that {self.size} samples can have "
                f"with one another, to below 1. Received: {self.correlation!r}."
            )

    @property
    def finite(self) -> bool:
        """Whether the size is a number."""
        return self.size != math.inf
