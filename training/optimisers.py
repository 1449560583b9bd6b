"""Optimisers: (parameters, gradients) -> updates of the parameters and of the optimiser's state.

An optimiser belongs to the parameters that it was first used on, since its state does. Used on them
again it goes on from there; used on others it refuses. `reset` sets the state to its beginning.
"""

import math
from typing import ClassVar

import numpy as np

from utilityFunctions import T, cast, floatX, sharedVar, theano, zeroClone
from lookslinear.errors import positive_number, real_number
from training.checking import share
from training.finiteness import Watched


class Optimiser:
    """The base of all optimisers.

    A new one states in `moments` which variables it keeps for each parameter, and overrides
    `step`.

    Parameters
    ----------
    rate : float
        The learning rate, more than 0. A scheduler multiplies it.
    clipNorm : float or None
        Gradients are scaled down, all by the same factor, where the root of the sum of all their
        squares is larger than this.

    Attributes
    ----------
    presentRate : shared variable
        The rate of the next update.

    References
    ----------
    Pascanu et al. 2013, arXiv 1211.5063, algorithm 1 (clipping).
    """

    #: What is kept for each parameter: names of variables of its shape, zero at first.
    moments: ClassVar = ()
    #: Whether the updates are counted.
    counts: ClassVar = False

    def __init__(self, rate, clipNorm=None):
        self.presentRate = sharedVar(0.0, name="rate")
        self.rate = rate
        self.clipNorm = None if clipNorm is None else positive_number(clipNorm, "clipNorm")
        self._params, self._state = None, {}

    @property
    def rate(self):
        """The learning rate before a scheduler's factor."""
        return self._rate

    @rate.setter
    def rate(self, rate):
        self._rate = positive_number(rate, "rate")
        self.scaleRate(1.0)

    def scaleRate(self, factor):
        """Make the present rate this factor times `rate`."""
        self.presentRate.set_value(np.asarray(self._rate * factor, self.presentRate.dtype))

    def bind(self, variables):
        """Make the state for a network's parameters, unless it is there.

        Parameters
        ----------
        variables : dict
            From names to the shared variables that are trained.

        Raises
        ------
        ValueError
            If there are none, or the optimiser was used on others before.
        """
        self.refuseOthers(variables)
        if self._params is not None:
            return
        self._params = list(variables.values())
        for name, param in variables.items():
            for moment in self.moments:
                self._state[f"{moment}.{name}"] = zeroClone(param, name=f"{moment}.{name}")
        if self.counts:
            self._state["count"] = theano.shared(np.asarray(0, "int64"), name="count")

    @property
    def state(self):
        """The shared variables of the state by name, for a checkpoint: none before `bind`."""
        return dict(self._state)

    def reset(self):
        """Set the state to its beginning, as if nothing had been trained."""
        for variable in self._state.values():
            variable.set_value(np.zeros_like(variable.get_value(borrow=True)))

    def updates(self, gradients):
        """The updates of one step: pairs (shared variable, symbolic expression).

        Parameters
        ----------
        gradients : list of symbolic tensors
            One for each parameter that `bind` was given, in that order.
        """
        if self.clipNorm is not None:
            norm = globalNorm(gradients)
            factor = cast(self.clipNorm) / T.maximum(norm, cast(self.clipNorm))
            factor *= Watched("norm of the gradient")(norm)
            gradients = [factor * gradient for gradient in gradients]
        shared = self.shared()
        pairs = [(self._state["count"], self._state["count"] + 1)] if self.counts else []
        held = iter(self._state.values())
        for param, gradient in zip(self._params, gradients, strict=True):
            moments = [next(held) for _ in self.moments]
            new, *newMoments = self.step(param, gradient, moments, shared)
            pairs += [(param, new), *zip(moments, newMoments, strict=True)]
        return pairs

    def shared(self):
        """What the steps of all parameters have in common, such as corrected rates."""
        return self.presentRate

    def step(self, param, gradient, moments, shared):
        """The new parameter, and each of its new moments: symbolic tensors of the same shape."""
        raise NotImplementedError(f"{type(self).__name__} must override step().")

    def settings(self):
        """The arguments that `repr` shows, but the rate and the clipping."""
        return ""

    def __repr__(self):
        clip = "" if self.clipNorm is None else f", clipNorm={self.clipNorm}"
        return f"{type(self).__name__}(rate={self.rate}{self.settings()}{clip})"

    def refuseOthers(self, variables):
        """Raises what `bind` would raise, and does nothing else."""
        if not variables:
            raise ValueError(
                "an optimiser needs parameters to train. Received: a network without weights."
            )
        params = list(variables.values())
        if self._params is None:
            return
        if len(params) != len(self._params) or any(
            one is not other for one, other in zip(params, self._params, strict=True)
        ):
            raise ValueError(
                f"{self!r} has a state that belongs to the network it was used on. Received: "
                f"the parameters of another one. Make a new optimiser for it."
            )


class SGD(Optimiser):
    """Gradient descent: w <- w - rate * g, with momentum or without.

    .. math:: v \\leftarrow \\mu v + g, \\qquad w \\leftarrow w - \\eta v
              \\quad \\text{or, Nesterov,} \\quad w \\leftarrow w - \\eta (g + \\mu v)

    Parameters
    ----------
    rate, clipNorm
        See `Optimiser`.
    momentum : float
        mu, from 0 to 1, the latter excluded.
    nesterov : bool

    Raises
    ------
    TypeError, ValueError
        For a rate of 0 or less, a momentum out of its range, Nesterov's step without momentum.

    References
    ----------
    Sutskever et al. 2013, ICML, section 2, in the form in which w is where the next gradient is
    taken.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9, nesterov=True)
    SGD(rate=0.1, momentum=0.9, nesterov=True)
    >>> SGD(-0.1)
    Traceback (most recent call last):
    ValueError: rate must be more than 0. Received: -0.1.
    """

    def __init__(self, rate=0.01, momentum=0.0, nesterov=False, clipNorm=None):
        self.momentum = share(momentum, "momentum")
        if not isinstance(nesterov, bool):
            raise TypeError(f"nesterov must be True or False. Received: {nesterov!r}.")
        if nesterov and not self.momentum:
            raise ValueError("nesterov=True needs a momentum above 0. Received: momentum=0.")
        self.nesterov = nesterov
        self.moments = ("velocity",) if self.momentum else ()
        super().__init__(rate, clipNorm)

    def step(self, param, gradient, moments, shared):
        """W - rate * v, and v."""
        if not moments:
            return [param - shared * gradient]
        velocity = cast(self.momentum) * moments[0] + gradient
        ahead = gradient + cast(self.momentum) * velocity if self.nesterov else velocity
        return [param - shared * ahead, velocity]

    def settings(self):
        """The arguments that `repr` shows."""
        nesterov = ", nesterov=True" if self.nesterov else ""
        return f", momentum={self.momentum}{nesterov}" if self.momentum else ""


class Adam(Optimiser):
    """Adam: steps of about the rate in every number, with bias correction.

    .. math:: m \\leftarrow \\beta_1 m + (1 - \\beta_1) g, \\quad
              v \\leftarrow \\beta_2 v + (1 - \\beta_2) g^2, \\quad
              w \\leftarrow w - \\eta \\, \\frac{m}{1 - \\beta_1^t}
              \\Big/ \\Big( \\sqrt{\\frac{v}{1 - \\beta_2^t}} + \\epsilon \\Big)

    Parameters
    ----------
    rate, clipNorm
        See `Optimiser`.
    beta1, beta2 : float
        From 0 to 1, the latter excluded.
    epsilon : float
        More than 0.

    References
    ----------
    Kingma and Ba 2015, arXiv 1412.6980, algorithm 1.

    Examples
    --------
    >>> Adam(beta2=0.99)
    Adam(rate=0.001, beta1=0.9, beta2=0.99, epsilon=1e-08)
    """

    moments = ("mean", "square")
    counts = True

    def __init__(self, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, clipNorm=None):
        self.beta1, self.beta2 = share(beta1, "beta1"), share(beta2, "beta2")
        self.epsilon = positive_number(epsilon, "epsilon")
        super().__init__(rate, clipNorm)

    def shared(self):
        """The rate / (1 - beta1^t), and the root of 1 - beta2^t."""
        count = T.cast(self._state["count"] + 1, floatX())
        return (
            self.presentRate / _oneMinusPower(self.beta1, count),
            T.sqrt(_oneMinusPower(self.beta2, count)),
        )

    def step(self, param, gradient, moments, shared):
        """W - rate m / (root of v + epsilon), m, and v."""
        mean = cast(self.beta1) * moments[0] + cast(1 - self.beta1) * gradient
        square = cast(self.beta2) * moments[1] + cast(1 - self.beta2) * T.sqr(gradient)
        rate, correction = shared
        change = rate * mean / (T.sqrt(square) / correction + cast(self.epsilon))
        return [self.decayed(param) - change, mean, square]

    def decayed(self, param):
        """The parameter before Adam's step."""
        return param

    def settings(self):
        """The arguments that `repr` shows."""
        return f", beta1={self.beta1}, beta2={self.beta2}, epsilon={self.epsilon}"


class AdamW(Adam):
    """Adam with weight decay of its own: w <- (1 - rate * decay) w before each of Adam's steps.

    All parameters decay, as in PyTorch.

    Parameters
    ----------
    rate, beta1, beta2, epsilon, clipNorm
        See `Adam`.
    decay : float
        From 0.

    References
    ----------
    Loshchilov and Hutter 2019, arXiv 1711.05101, algorithm 2, with the rate as its schedule.

    Examples
    --------
    >>> AdamW(decay=0.1)
    AdamW(rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, decay=0.1)
    """

    def __init__(self, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, decay=0.01, clipNorm=None):
        self.decay = real_number(decay, "decay", least=0)
        super().__init__(rate, beta1, beta2, epsilon, clipNorm)

    def decayed(self, param):
        """(1 - rate * decay) w."""
        return (1 - self.presentRate * cast(self.decay)) * param

    def settings(self):
        """The arguments that `repr` shows."""
        return f"{super().settings()}, decay={self.decay}"


def globalNorm(gradients):
    """The root of the sum of the squares of all numbers of all gradients: a symbolic scalar.

    Examples
    --------
    >>> float(globalNorm([sharedVar([3]), sharedVar([[4]])]).eval())
    5.0
    """
    return T.sqrt(sum(T.sqr(gradient).sum() for gradient in gradients))


def _oneMinusPower(beta, count):
    """1 - beta^count, to all digits of floatX: 1 - 0.999 has lost four of seven in float32."""
    return -T.expm1(count * cast(math.log(beta) if beta else -math.inf))
