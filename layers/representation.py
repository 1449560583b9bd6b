"""What layers act on: a symbolic tensor, samples first, with the shape of one sample."""

from utilityFunctions import T, compileFunction, floatX
from layers.shapes import sampleShape
from lookslinear.sampling import as_seed, child_seed

#: How many layers a representation names when it is printed.
NAMED_LAYERS = 6


class Representation:
    """A network's input, or what a layer made of one.

    `Representation(shape)` is a new network's input: a placeholder of floatX for a batch of any
    size. Layers return the others.

    Parameters
    ----------
    shape : tuple of int
        The shape of one sample: (units,) or (channels, rows, columns).
    name : str
        The placeholder's name, which Theano's messages show.

    Attributes
    ----------
    tensor : symbolic tensor of shape (batch, *shape)
    shape : tuple of int
        The shape of one sample.
    input : symbolic tensor
        The placeholder of the network's input, of which the batch size is taken.
    layer, previous : Layer and Representation, or None for an input
        The layer that made this representation, and of which one.

    Raises
    ------
    TypeError, ValueError
        For another shape: see `layers.shapes.sampleShape`.

    Examples
    --------
    >>> Representation((3, 32, 32))
    <Representation (3, 32, 32), a network's input>
    """

    def __init__(self, shape, name="input"):
        self.shape = sampleShape(shape)
        anyBatch = (False,) * (1 + len(self.shape))
        self.input = T.TensorType(floatX(), anyBatch)(name)
        self.tensor = self.stated(self.input, self.shape)
        self.layer = self.previous = None

    def stated(self, tensor, shape):
        """The tensor with its shape stated: the batch size of the network's input, then `shape`.

        Left to itself, Theano derives each layer's shape from the layer before and compares these
        derivations: its time to compile then doubles with every layer or two.
        """
        return T.specify_shape(tensor, (self.input.shape[0], *shape))

    def through(self, layer, tensor, shape):
        """The representation that a layer made of this one; the tensor's shape is stated here."""
        following = object.__new__(type(self))
        following.shape, following.input = shape, self.input
        following.tensor = self.stated(tensor, shape)
        following.layer, following.previous = layer, self
        return following

    @property
    def layers(self):
        """The layers from the input to here, in order; one that was called twice appears twice."""
        layers, representation = [], self
        while representation.layer is not None:
            layers.append(representation.layer)
            representation = representation.previous
        return layers[::-1]

    @property
    def params(self):
        """The shared variables of all layers from the input to here, in order, each once."""
        return list(dict.fromkeys(p for layer in self.layers for p in layer.params))

    def function(self):
        """The compiled function from an array (batch, *input shape) to the array (batch, *shape).

        The weights stay shared: after a redraw the function computes with the new ones. Arrays of
        float64 are cast to floatX.

        Examples
        --------
        >>> import numpy as np
        >>> Representation((2,)).function()(np.ones((3, 2))).shape
        (3, 2)
        """
        return compileFunction([self.input], self.tensor, allow_input_downcast=True)

    def redraw(self, seed=None):
        """Draw the weights of all layers from the input to here again.

        Parameters
        ----------
        seed : None, int, SeedSequence or Generator
            Each layer that has weights draws from its own child of this one seed: the first from
            child 0, the next from child 1. None: each draws from its own seed again, which gives it
            the weights that it drew last, bit by bit.

        Examples
        --------
        >>> from layers import FC
        >>> y = FC(3)(FC(3)(Representation((3,))))
        >>> y.redraw(seed=1)
        >>> first, second = (layer.weight.get_value() for layer in y.layers)
        >>> bool((first == second).any())
        False
        """
        drawn = list(dict.fromkeys(layer for layer in self.layers if layer.params))
        parent = None if seed is None else as_seed(seed)
        for index, layer in enumerate(drawn):
            layer.redraw(None if parent is None else child_seed(parent, index))

    def __repr__(self):
        layers = self.layers
        if not layers:
            return f"<Representation {self.shape}, a network's input>"
        named = ", ".join(map(repr, layers[-NAMED_LAYERS:]))
        more = "…, " if len(layers) > NAMED_LAYERS else ""
        count = "1 layer" if len(layers) == 1 else f"{len(layers)} layers"
        return f"<Representation {self.shape} after {count}: {more}{named}>"
