"""Regularisation: (parameters) -> a scalar that is added to the loss.

Only weights count: biases, slopes and centres, which have an axis that broadcasts, are left alone.
"""

from dataclasses import dataclass

from utilityFunctions import T, cast
from lookslinear.errors import real_number


def weightsOf(params):
    """The parameters that are weights: those without an axis that broadcasts, of rank 2 or more.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> len(weightsOf(FC(3)(Representation((2,))).params))
    1
    """
    return [p for p in params if p.ndim >= 2 and not any(p.broadcastable)]


@dataclass(frozen=True)
class Regularisation:
    """The base of all regularisations: a strength of 0 or more, times a sum over weights."""

    strength: float

    def __post_init__(self):
        real_number(self.strength, "strength", least=0)

    def expression(self, params):
        """The symbolic scalar that is added to the loss."""
        return cast(self.strength) * sum(self.size(weight) for weight in weightsOf(params))

    def size(self, weight):
        """The symbolic size of one weight."""
        raise NotImplementedError(f"{type(self).__name__} must override size().")


class L1(Regularisation):
    """strength * sum |w|, with the gradient strength * sign(w): it draws weights to exactly 0.

    Examples
    --------
    >>> from utilityFunctions import sharedVar
    >>> float(L1(0.1).expression([sharedVar([[1, -2]])]).eval())
    0.3...
    """

    def size(self, weight):
        """The sum of the absolute values."""
        return abs(weight).sum()


class L2(Regularisation):
    """strength * sum w^2, with the gradient 2 * strength * w.

    The factor is Keras's; the `weight_decay` of PyTorch's SGD is twice this strength.

    Examples
    --------
    >>> from utilityFunctions import sharedVar
    >>> float(L2(0.1).expression([sharedVar([[1, -2]])]).eval())
    0.5
    """

    def size(self, weight):
        """The sum of the squares."""
        return T.sqr(weight).sum()
