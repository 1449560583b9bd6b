"""What the tests of rescaling share: data, a network that every method takes, dense oracles."""

import numpy as np

from utilityFunctions import floatX
from layers import FC, Activation, CReLU, Observation, Representation, Residual

UNITS = 5


def normal(*shape, seed=0):
    """Standard normal numbers of floatX."""
    return np.random.default_rng(seed).standard_normal(shape).astype(floatX())


def residualNet():
    """A network with all that any of the methods asks for."""
    y = Observation("stem")(FC(6, seed=0)(Representation((UNITS,))))
    for block in range(2):
        branch = [CReLU(), FC(6, seed=10 * block + 1), CReLU(), FC(6, seed=10 * block + 2)]
        y = Residual(branch, trainable=True)(y)
    return FC(3, seed=99)(CReLU()(y))


def reluNet(*widths, biases=False):
    """Dense layers with ReLU between them; biases are not 0 where asked for."""
    y = Representation((widths[0],))
    for index, width in enumerate(widths[1:]):
        y = y if index == 0 else Activation("relu")(y)
        layer = FC(width, initialisation="heNormal", seed=index)
        y = layer(y)
        if biases:
            layer.bias.set_value(0.3 * normal(1, width, seed=index))
    return y


def reluSignals(y, x):
    """What the layers of a `reluNet` make of data: weights, inputs, outputs, in NumPy."""
    weights = [layer.weight.get_value().astype("float64") for layer in y.layers[::2]]
    biases = [layer.bias.get_value().astype("float64") for layer in y.layers[::2]]
    inputs, outputs = [], []
    signal = x.astype("float64")
    for weight, bias in zip(weights, biases, strict=True):
        inputs.append(signal)
        outputs.append(signal @ weight + bias)
        signal = np.maximum(outputs[-1], 0)
    return weights, inputs, outputs


def held(model):
    """The bytes of all that a network's output depends on."""
    return [variable.get_value().tobytes() for variable in model.representation.weights]
