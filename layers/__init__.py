"""Symbolic Theano layers: a layer is called on a `Representation` and returns the next one.

A representation is a symbolic tensor, samples first, that knows the shape of one of its samples:
(units,) or (channels, rows, columns). A layer derives the next shape from it by the plain rules of
`layers.shapes`, makes its weights by an entry of `initialisations.initD`, and states the next shape
in the graph, so that deep networks compile in time proportional to their depth. A layer that has
weights shares them if it is called again on the same shape. `redraw(seed)` draws the weights of
one layer, or of a whole network, again. Where training is something else, a representation has a
second tensor for it, and says which shared variables a step of training moves besides the weights.

One family of layers a file:

- `layers.shapes`: the shape rules, without Theano
- `layers.representation`, `layers.layer`: what a layer acts on, and what every layer does
- `layers.weighted`: weights, biases and their seeds; `layers.dense`, `layers.convolution`
- `layers.activation`, `layers.pooling`, `layers.reshaping`, `layers.observation`: layers without
  weights
- `layers.perUnit`: numbers for each unit that are not drawn; `layers.parametric`: trained slopes,
  `layers.normalisation`: over the batch
- `layers.stochastic`: random streams; `layers.dropout`, `layers.augmentation`
- `layers.merging`: sums of two representations, residual blocks
- `layers.keras`: `Dense`, `Daoloth`, `Conv2D`: layers from above with Keras's arguments
- `layers.sequential`: `Sequential`, a stack of layers with Keras's methods

Examples
--------
>>> x = Representation((3, 33, 33))
>>> y = CReLU()(Convolution(8, strides=(2, 2))(x))
>>> y = FC(10, initKWArgs={"mirror": True})(Flatten()(y))
>>> y.shape, [parameter.ndim for parameter in y.params]
((10,), [4, 4, 2, 2])
>>> block = Residual([BatchNormalisation(), CReLU(), FC(10), Dropout(0.1)])
>>> y = Sequential([Flatten(), FC(10), block], name="residual")
>>> y.build((3, 4, 4))
>>> y.tensor is y.trainTensor, len(y.updates)
(False, 3)
"""

import utilityFunctions  # noqa: F401  prepares Theano, so it comes before all that imports Theano
from layers import directly  # noqa: F401, registers a rewrite
from layers.activation import Activation, CReLU
from layers.augmentation import Augmentation
from layers.convolution import Convolution
from layers.dense import FC
from layers.dropout import Dropout
from layers.keras import Conv2D, Daoloth, Dense
from layers.layer import Layer
from layers.merging import Merge, Residual, merge
from layers.normalisation import BatchNormalisation
from layers.observation import Observation
from layers.parametric import ParReLU
from layers.perUnit import PerUnit
from layers.pooling import GlobalPooling, Pooling
from layers.representation import Representation
from layers.reshaping import Flatten, Reshape
from layers.sequential import Sequential
from layers.stochastic import Stochastic
from layers.weighted import Weighted

__all__ = [
    "Activation",
    "Augmentation",
    "BatchNormalisation",
    "CReLU",
    "Conv2D",
    "Convolution",
    "Daoloth",
    "Dense",
    "Dropout",
    "FC",
    "Flatten",
    "GlobalPooling",
    "Layer",
    "Merge",
    "Observation",
    "ParReLU",
    "PerUnit",
    "Pooling",
    "Representation",
    "Reshape",
    "Residual",
    "Sequential",
    "Stochastic",
    "Weighted",
    "merge",
]
