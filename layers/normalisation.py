"""Batch normalisation: each unit or channel with mean 0 and variance 1 over the batch."""

import numpy as np

from utilityFunctions import T
from layers.perUnit import PerUnit
from lookslinear.errors import real_number


class BatchNormalisation(PerUnit):
    """Each unit of a dense net, or channel of images, less its mean, over its standard deviation.

    .. math:: y = \\gamma \\frac{x - \\mu}{\\sqrt{\\sigma^2 + \\epsilon}} + \\beta

    In training mu and sigma^2 are the mean and the mean squared deviation over the batch, of images
    over rows and columns too, and gradients pass through both. Afterwards they are the running
    ones, which a step of training moves to (1 - rate) of what they were plus rate times the
    batch's, the variance with the factor n / (n - 1) that makes it unbiased, n the numbers that it
    is taken of. Where n is 1 there is no variance: y is beta then, and nothing moves.

    Parameters
    ----------
    trainable : bool
        Whether there are gamma, `scale`, and beta, `shift`, and both are trained. Else they are 1
        and 0 for good.
    epsilon : float
        Added to the variance, above 0.
    rate : float
        From above 0 to 1. With 1 the statistics are the last batch's.
    name : str or None
        The prefix of the names of its variables.

    Attributes
    ----------
    scale, shift, runningMean, runningVariance : shared variables
        (1, n) or (1, c, 1, 1), at the beginning 1, 0, 0 and 1; None before the first call.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples of another shape than before.

    References
    ----------
    Ioffe and Szegedy 2015, arXiv 1502.03167, algorithms 1 and 2.

    Examples
    --------
    >>> from layers import Representation
    >>> y = BatchNormalisation()(Representation((8, 32, 32)))
    >>> [p.name for p in y.params], [s.name for s in y.statistics]
    (['scale', 'shift'], ['runningMean', 'runningVariance'])
    >>> [shared.name for shared, expression in y.updates]
    ['runningMean', 'runningVariance']
    """

    def __init__(self, trainable=True, epsilon=1e-5, rate=0.1, name=None):
        if not isinstance(trainable, bool):
            raise TypeError(f"trainable must be True or False. Received: {trainable!r}.")
        self.trainable = trainable
        self.epsilon, self.rate = _positive(epsilon, "epsilon"), _positive(rate, "rate")
        if self.rate > 1:
            raise ValueError(f"rate must be at most 1. Received: {rate!r}.")
        trained = {"scale": 1.0, "shift": 0.0} if trainable else {}
        super().__init__({**trained, "runningMean": 0.0, "runningVariance": 1.0}, name=name)

    @property
    def params(self):
        """[scale, shift], or none."""
        return [self.scale, self.shift] if self.trainable and self.variables else []

    @property
    def statistics(self):
        """[runningMean, runningVariance], none before a call."""
        return [self.runningMean, self.runningVariance] if self.variables else []

    def expression(self, tensor, inputShape):
        """Normalised by the running statistics."""
        return self._scaled(tensor - self.runningMean, self.runningVariance)

    def training(self, tensor, inputShape):
        """Normalised by the batch's own statistics, and the updates of the running ones."""
        axes = (0, *range(2, 1 + len(inputShape)))
        mean = tensor.mean(axes, keepdims=True)
        centred = tensor - mean
        variance = T.sqr(centred).mean(axes, keepdims=True)
        # Whole numbers times float32 would be float64.
        count = T.cast(tensor.shape[0] * int(np.prod(inputShape[1:])), tensor.dtype)
        unbiased = variance * (count / T.maximum(count - 1, 1))
        updates = [
            self._moved(self.runningMean, mean, count),
            self._moved(self.runningVariance, unbiased, count),
        ]
        return self._scaled(centred, variance), updates

    def settings(self):
        """The arguments that `repr` shows."""
        return f"trainable={self.trainable}, epsilon={self.epsilon}, rate={self.rate}"

    def _scaled(self, centred, variance):
        factor = 1 / T.sqrt(variance + np.asarray(self.epsilon, variance.dtype))
        if not self.trainable:
            return centred * factor
        return centred * (self.scale * factor) + self.shift

    def _moved(self, running, batch, count):
        rate = np.asarray(self.rate, running.dtype)
        return running, T.switch(count > 1, running + rate * (batch - running), running)


def _positive(value, name):
    value = real_number(value, name)
    if value <= 0:
        raise ValueError(f"{name} must be above 0. Received: {value!r}.")
    return value
