"""What layers act on: a symbolic tensor, samples first, with the shape of one sample.

A network is used in two ways, in training and afterwards, and a few layers (dropout, batch
normalisation, augmentation) do something else in training. A representation therefore has two
tensors. They are one and the same until such a layer makes them differ.
"""

from collections import Counter

from utilityFunctions import T, compileFunction, floatX
from layers.shapes import sampleShape
from lookslinear.errors import unknown_name
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
        What `function` computes: without dropout, by running statistics, the same at every call.
    trainTensor : symbolic tensor of shape (batch, *shape)
        The same in training: what a loss that is to be minimised is made of.
    shape : tuple of int
        The shape of one sample.
    input : symbolic tensor
        The placeholder of the network's input, of which the batch size is taken.
    layer : Layer or None
        The layer that made this representation; None for an input.
    sources : tuple of Representation
        Of which it made it: none for an input, two for a sum.

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
        self.tensor = self.trainTensor = self.stated(self.input, self.shape)
        self.layer, self.sources, self._updates = None, (), []

    def stated(self, tensor, shape):
        """The tensor with its shape stated: the batch size of the network's input, then `shape`.

        Left to itself, Theano derives each layer's shape from the layer before and compares these
        derivations: its time to compile then doubles with every layer or two.
        """
        return T.specify_shape(tensor, (self.input.shape[0], *shape))

    def through(self, layer, tensor, shape, trainTensor=None, updates=(), sources=None):
        """The representation that a layer made of this one; the tensors' shape is stated here.

        Parameters
        ----------
        layer : Layer
        tensor : symbolic tensor (batch, *shape)
        shape : tuple of int
        trainTensor : symbolic tensor (batch, *shape) or None
            None: `tensor`.
        updates : list of (shared variable, symbolic expression)
            What `trainTensor` brings along, see `updates`.
        sources : tuple of Representation or None
            None: this one alone.
        """
        following = object.__new__(type(self))
        following.shape, following.input = shape, self.input
        following.tensor = following.trainTensor = self.stated(tensor, shape)
        if trainTensor is not None and trainTensor is not tensor:
            following.trainTensor = self.stated(trainTensor, shape)
        following.layer, following._updates = layer, list(updates)
        following.sources = (self,) if sources is None else sources
        return following

    def bound(self, identity):
        """Put an operation that does nothing to values on both tensors."""
        isSame = self.tensor is self.trainTensor
        self.tensor = identity(self.tensor)
        self.trainTensor = self.tensor if isSame else identity(self.trainTensor)

    # What came before

    @property
    def representation(self):
        """This one itself, so that what takes a model may ask a `Sequential` for the same."""
        return self

    @property
    def steps(self):
        """All representations from the input to here, the input first, each after its sources."""
        done, waiting = {}, [self]
        while waiting:  # no recursion, since networks are deep
            open_ = [source for source in waiting[-1].sources if source not in done]
            if open_:
                waiting.extend(open_[::-1])
            else:
                done[waiting.pop()] = None
        return list(done)

    @property
    def layers(self):
        """The layers from the input to here, in order; one that was called twice appears twice.

        Of a residual block it is the layers of the projection and of the branch, and their sum.
        """
        return [step.layer for step in self.steps if step.layer is not None]

    @property
    def params(self):
        """The shared variables that are trained, from the input to here, in order, each once."""
        return self._shared(lambda layer: layer.params)

    @property
    def statistics(self):
        """The shared variables that training moves by `updates` and `tensor` needs, each once.

        They are running means and variances.
        """
        return self._shared(lambda layer: layer.statistics)

    @property
    def weights(self):
        """`params` and `statistics`, layer by layer: all that `tensor` depends on, each once."""
        return self._shared(lambda layer: [*layer.params, *layer.statistics])

    @property
    def streams(self):
        """The states of the random streams that `trainTensor` draws from: integers, each once."""
        return self._shared(lambda layer: layer.streams)

    @property
    def variables(self):
        """All shared variables by name: what a checkpoint of the network must hold.

        Returns
        -------
        dict
            From '<number of the layer in `layers`>.<its name for the variable>', such as
            '3.weight', to `params`, `statistics` and `streams`.

        Examples
        --------
        >>> from layers import FC, CReLU
        >>> list(FC(3)(CReLU()(FC(3)(Representation((2,))))).variables)
        ['0.weight', '0.bias', '2.weight', '2.bias']
        """
        numbered = {}
        for number, layer in enumerate(self.layers):
            numbered.setdefault(layer, number)
        return {
            f"{number}.{name}": variable
            for layer, number in numbered.items()
            for name, variable in layer.variables.items()
        }

    @property
    def updates(self):
        """What a step of training does besides changing `params`: running statistics, streams.

        Returns
        -------
        list of (shared variable, symbolic expression)
            For `theano.function(updates=...)` beside the optimiser's own. A layer that was called
            more than once moves its statistics to the mean of what its calls ask for.
        """
        asked = {}
        for step in self.steps:
            for shared, expression in step._updates:
                asked.setdefault(shared, []).append(expression)
        return [(shared, _mean(expressions)) for shared, expressions in asked.items()]

    @property
    def observations(self):
        """The representations that layers of the kind `Observation` have named, by their names."""
        named = {}
        for step in self.steps:
            if step.layer is not None and step.layer.observes:
                _refuseSecond(step.layer.name, named)
                named[step.layer.name] = step
        return named

    # What it does

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

    def observing(self, *names):
        """The compiled function from an array (batch, *input shape) to what is seen on the way.

        Parameters
        ----------
        names : str
            Names of `observations`; none: all of them.

        Returns
        -------
        function
            From an array to a dict of arrays, one (batch, *shape) for each name.

        Raises
        ------
        ValueError
            For a name that no observation has, with the nearest.

        Examples
        --------
        >>> import numpy as np
        >>> from layers import FC, Observation
        >>> y = FC(1)(Observation("hidden")(FC(5)(Representation((2,)))))
        >>> y.observing()(np.ones((3, 2)))["hidden"].shape
        (3, 5)
        """
        known = self.observations
        for name in names:
            if name not in known:
                raise unknown_name("observation", name, known)
        tensors = {name: known[name].tensor for name in names or known}
        return compileFunction([self.input], tensors, allow_input_downcast=True)

    def redraw(self, seed=None):
        """Draw the weights of all layers from the input to here again, and all streams anew.

        What is not drawn but trained, such as slopes and running statistics, starts again.

        Parameters
        ----------
        seed : None, int, SeedSequence or Generator
            Each layer that has weights draws from its own child of this one seed: the first from
            child 0, the next from child 1. Layers with random streams are numbered by themselves,
            so that weights are the same with and without dropout. None: each draws from its own
            seed again, which gives it the weights that it drew last, bit by bit.

        Examples
        --------
        >>> from layers import FC
        >>> y = FC(3)(FC(3)(Representation((3,))))
        >>> y.redraw(seed=1)
        >>> first, second = (layer.weight.get_value() for layer in y.layers)
        >>> bool((first == second).any())
        False
        """
        redrawAll(self.layers, seed)

    def __repr__(self):
        layers = self.layers
        if not layers:
            return f"<Representation {self.shape}, a network's input>"
        named = ", ".join(map(repr, layers[-NAMED_LAYERS:]))
        more = "…, " if len(layers) > NAMED_LAYERS else ""
        count = "1 layer" if len(layers) == 1 else f"{len(layers)} layers"
        return f"<Representation {self.shape} after {count}: {more}{named}>"

    def _shared(self, ofLayer):
        return list(dict.fromkeys(variable for layer in self.layers for variable in ofLayer(layer)))


def redrawAll(layers, seed=None):
    """Draw the weights of layers again: see `Representation.redraw`."""
    parent, numbers = None if seed is None else as_seed(seed), Counter()
    for layer in dict.fromkeys(layers):
        if not (layer.params or layer.statistics or layer.streams):
            continue
        path = layer.seedPath
        isSeeded = parent is not None and path is not None
        layer.redraw(child_seed(parent, numbers[path], *path) if isSeeded else None)
        numbers[path] += 1


def _mean(expressions):
    if len(expressions) == 1:
        return expressions[0]
    return T.cast(sum(expressions) / len(expressions), expressions[0].dtype)


def _refuseSecond(name, named):
    if name in named:
        raise ValueError(
            f"a network's observations must have different names. Received: {name!r} twice."
        )
