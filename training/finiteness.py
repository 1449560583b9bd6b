"""Losses that are not finite: what ends the step, where it began, and the error that says so."""

import math

import numpy as np

from utilityFunctions import compileFunction, theano
from training.checking import isFinite


class NotFinite(FloatingPointError):
    """A number that a compiled step watches is NaN or infinite; the step has changed nothing."""


class Watched(theano.graph.op.Op):
    """A symbolic scalar -> the scalar 1, where it is finite; else the step ends there: NotFinite.

    What the 1 is a factor of is not computed before, and so no update that it is in: parameters can
    be updated in place, which a choice between old and new ones after the fact would not allow.

    Parameters
    ----------
    name : str
        What the error calls the scalar.

    Examples
    --------
    >>> from utilityFunctions import T
    >>> x = T.dscalar()
    >>> watched = Watched("loss")
    >>> float(watched(x).eval({x: 5.0}))
    1.0
    """

    __props__ = ("name",)

    def __init__(self, name):
        self.name = name

    def make_node(self, number):
        return theano.graph.basic.Apply(self, [number], [number.type()])

    def perform(self, node, inputs, outputs):
        (number,) = inputs
        if not math.isfinite(number):
            raise NotFinite(f"the {self.name} became {number:.6g}")
        outputs[0][0] = np.ones_like(number)

    def grad(self, inputs, gradients):
        return [inputs[0].zeros_like()]


class NonFiniteError(FloatingPointError):
    """Training stopped at a loss, or a gradient's norm, that is NaN or infinite.

    Attributes
    ----------
    layer : int or None
        The number of the layer, in `model.representation.layers`, where the first such number
        appeared; None if no layer's weights or output have one.
    history : History
        What was trained before.
    """

    def __init__(self, message, layer=None, history=None):
        super().__init__(message)
        self.layer, self.history = layer, history


def firstNonFinite(representation, x):
    """The layer where the first NaN or infinite number appears in training on a batch.

    A layer's weights come before its output.

    Parameters
    ----------
    representation : Representation
    x : array (samples, *shape of the network's input)

    Returns
    -------
    int or None, str
        The number of the layer, and what is not finite, in words.

    Examples
    --------
    >>> import numpy as np
    >>> from layers import FC, Representation
    >>> y = FC(2)(FC(3)(Representation((2,))))
    >>> y.layers[1].bias.set_value(np.full((1, 2), np.nan, y.tensor.dtype))
    >>> firstNonFinite(y, np.ones((1, 2), y.tensor.dtype))[0]
    1
    """
    if not isFinite(x):
        return None, "the input"
    made = [step for step in representation.steps if step.layer is not None]
    largest = compileFunction(
        [representation.input],
        [abs(step.trainTensor).max() for step in made],
        no_default_updates=True,
        on_unused_input="ignore",
    )(x)
    for number, (step, size) in enumerate(zip(made, largest, strict=True)):
        for name, variable in step.layer.variables.items():
            if not isFinite(variable.get_value(borrow=True)):
                return number, f"the {name} of layer {number}, {step.layer!r}"
        if not isFinite(size):
            return number, f"the output of layer {number}, {step.layer!r}"
    return None, "what is made of the network's output, which is finite itself"
