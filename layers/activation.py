"""Activations: every name of lookslinear's table as a Theano expression, or a user's function.

An expression takes a symbolic tensor, units or channels on axis 1, and returns another.
"""

import functools

from utilityFunctions import T, cast
from layers.doubling import DoubledRelu
from layers.layer import Layer
from layers.shapes import doubledShape
from lookslinear import activations
from lookslinear.activations import SELU_ALPHA, SELU_SCALE
from lookslinear.errors import unknown_name


def relu(x):
    """max(x, 0), with a gradient of exactly 0 where x is 0.

    A signal that has died must send no gradient back, but T.nnet.relu, (x + abs(x)) / 2, sends half
    of it at 0, and T.maximum(x, 0) all of it. T.maximum(0, x) and T.switch send none, as the
    product does, but the product's gradient has no branches: on random signs that of a CReLU takes
    well under half of the others' time. The price is a NaN where x is -inf.
    """
    return x * (x > 0)


def leakyRelu(x, slope=0.01):
    """x where x > 0, slope * x elsewhere, with a gradient of `slope` where x is 0."""
    # Two products, not one with slope + (1 - slope) * (x > 0): that rounds the slope of 1.
    return relu(x) + cast(slope) * x * (x <= 0)


def crelu(x):
    """max(x, 0) and then max(-x, 0) along axis 1: twice the units or channels."""
    return DoubledRelu()(x)


def gelu(x):
    """x Phi(x), with erfc, which keeps the digits of what is left of x where x is negative."""
    return cast(0.5) * x * T.erfc(cast(-(0.5**0.5)) * x)


def elu(x):
    """x where x > 0, e^x - 1 elsewhere, with a gradient of 1 where x is 0."""
    return relu(x) + T.expm1(T.minimum(x, 0))


def selu(x):
    """SELU_SCALE x where x > 0, SELU_SCALE SELU_ALPHA (e^x - 1) elsewhere."""
    return cast(SELU_SCALE) * (relu(x) + cast(SELU_ALPHA) * T.expm1(T.minimum(x, 0)))


#: A Theano expression for each name in `lookslinear.activations.ACTIVATIONS`.
EXPRESSIONS = {
    "linear": lambda x: x,
    "relu": relu,
    "leakyRelu": leakyRelu,
    "crelu": crelu,
    "tanh": T.tanh,
    "erf": T.erf,
    "hardTanh": lambda x: T.clip(x, -1, 1),
    "sigmoid": T.nnet.sigmoid,
    "gelu": gelu,
    "silu": lambda x: x * T.nnet.sigmoid(x),
    "elu": elu,
    "selu": selu,
    "softplus": T.nnet.softplus,
}


class Activation(Layer):
    """A nonlinearity: of each number by itself, or one that doubles the units as CReLU does.

    Parameters
    ----------
    activation : str or function
        A name in `lookslinear.activations.ACTIVATIONS`, such as 'tanh' or 'leakyRelu(0.2)', or a
        function of a symbolic tensor (batch, *shape).
    doubles : bool
        Whether a function puts a second half of units or channels after the first one. Names say
        so by themselves.
    name : str or None
        See `layers.Layer`.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest known one.
    TypeError
        For anything that is neither a name nor a function; when called, for a function whose result
        is no symbolic tensor of the same rank and dtype.

    Examples
    --------
    >>> from layers import Representation
    >>> Activation("leakyRelu(0.2)")(Representation((6,)))
    <Representation (6,) after 1 layer: Activation('leakyRelu(0.2)')>
    >>> Activation("rellu")
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown activation 'rellu'. Did you mean 'relu'? \
Known: crelu, elu, erf, gelu, hardTanh, leakyRelu, linear, relu, selu, sigmoid, silu, softplus, \
tanh.
    """

    def __init__(self, activation, doubles=False, name=None):
        super().__init__(name)
        if not isinstance(doubles, bool):
            raise TypeError(f"doubles must be True or False. Received: {doubles!r}.")
        if callable(activation):
            self.function, self.doubles = activation, doubles
        else:
            self.function, self.doubles = _named(activation, doubles)
        self.activation = activation

    def outputShape(self, inputShape):
        """The same shape, or twice the units or channels."""
        return doubledShape(inputShape) if self.doubles else inputShape

    def expression(self, tensor, inputShape):
        """The function of the tensor."""
        return self.function(tensor)

    def settings(self):
        """The arguments that `repr` shows."""
        shown = getattr(self.activation, "__name__", repr(self.activation))
        return f"{shown}, doubles=True" if self.doubles and callable(self.activation) else shown


class CReLU(Activation):
    """Concatenated ReLU: (c, ...) -> (2 c, ...), max(x, 0) and then max(-x, 0) along the channels.

    A layer after it whose weight is mirrored (`initKWArgs={'mirror': True}`) undoes it: at
    initialisation the two together are linear (looks-linear).

    References
    ----------
    Shang et al. 2016, arXiv 1603.05201; Balduzzi et al. 2017, arXiv 1702.08591, section 4.

    Examples
    --------
    >>> from layers import Representation
    >>> CReLU()(Representation((8, 32, 32))).shape
    (16, 32, 32)
    """

    def __init__(self, name=None):
        super().__init__("crelu", name=name)

    def settings(self):
        """The arguments that `repr` shows."""
        return ""


def _named(name, doubles):
    """The expression of a name, and whether it doubles the units."""
    if not isinstance(name, str):
        raise TypeError(f"activation must be a name or a function. Received: {name!r}.")
    entry = activations.activation(name)
    if doubles and not entry.doubles:
        raise ValueError(f"doubles belongs to functions. Received: doubles=True with {name!r}.")
    family = name.partition("(")[0]
    if family not in EXPRESSIONS:
        raise unknown_name("activation", name, EXPRESSIONS)
    if family == "leakyRelu":
        return functools.partial(leakyRelu, slope=entry.slopes[0]), False
    return EXPRESSIONS[family], entry.doubles
