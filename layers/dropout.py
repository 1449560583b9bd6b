"""Dropout: in training a random part of the numbers is set to zero."""

import numpy as np

from utilityFunctions import T
from layers.stochastic import Stochastic
from lookslinear.errors import known_name, real_number

#: What the numbers that are left are multiplied by, from the probability to be left.
FACTORS = {"mean": lambda kept: 1 / kept, "variance": lambda kept: kept**-0.5}


class Dropout(Stochastic):
    """In training each number is zero with probability p; afterwards nothing is done.

    .. math:: y = \\frac{m}{1 - p} x \\quad\\text{or}\\quad y = \\frac{m}{\\sqrt{1 - p}} x,
              \\qquad m \\sim \\text{Bernoulli}(1 - p)

    Every number of every sample of a batch has its own m. The first form keeps E y = x, so that the
    next layer sees the same mean as afterwards. The second keeps E y^2 = x^2, so that signals and
    gradients of a deep network neither grow nor shrink by dropout: with the first the second moment
    grows by 1 / (1 - p) in each layer.

    Parameters
    ----------
    p : float
        The probability of a zero, from 0 to below 1. With 0 the layer does nothing.
    preserve : 'mean' or 'variance'
    seed, name
        See `layers.Stochastic`.

    Raises
    ------
    TypeError, ValueError
        For a bad argument.

    References
    ----------
    Srivastava et al. 2014, Journal of Machine Learning Research 15 (dropout).

    Examples
    --------
    >>> import numpy as np
    >>> from utilityFunctions import compileFunction
    >>> from layers import Representation
    >>> y = Dropout(0.75, preserve="variance", seed=0)(Representation((50,)))
    >>> dropped = compileFunction([y.input], y.trainTensor, allow_input_downcast=True)
    >>> np.unique(dropped(np.ones((9, 50)))).tolist(), np.unique(y.function()(np.ones((9, 50))))
    ([0.0, 2.0], array([1.]...))
    """

    def __init__(self, p=0.5, preserve="mean", seed=None, name=None):
        self.p = real_number(p, "p", least=0)
        if self.p >= 1:
            raise ValueError(f"p must be below 1, so that something is left. Received: {p!r}.")
        self.preserve = known_name("preserve", preserve, FACTORS)
        super().__init__(seed, name)

    @property
    def differsInTraining(self):
        """Whether p is not 0."""
        return self.p > 0

    def expression(self, tensor, inputShape):
        """The tensor itself."""
        return tensor

    def training(self, tensor, inputShape):
        """The tensor times the mask (batch, *inputShape), and the update of its stream."""
        if not self.differsInTraining:
            return tensor, []
        numbers, update = self.uniform((tensor.shape[0], *inputShape))
        factor = np.asarray(FACTORS[self.preserve](1 - self.p), tensor.dtype)
        mask = factor * T.cast(numbers > np.asarray(self.p, tensor.dtype), tensor.dtype)
        return tensor * mask, [update]

    def settings(self):
        """The arguments that `repr` shows."""
        return f"{self.p}, preserve={self.preserve!r}"
