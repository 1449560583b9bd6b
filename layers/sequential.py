"""A stack of layers with the methods of Keras's model of this name.

What a model offers to whoever trains it, a `Sequential` and a `Representation` alike:

- `representation`: the `Representation` of the output, with its `shape`; all the rest is its own
- `input`: the placeholder (batch, *shape of a sample), floatX
- `trainTensor`: the output in training, of which a loss is made; `tensor`: the output afterwards,
  which `predict` computes. They are one and the same if no layer does something else in training.
- `params`: the shared variables that are trained; gradients are taken with respect to them
- `updates`: pairs (shared variable, expression) that each step of training carries out as well,
  running statistics and random streams: `theano.function(..., updates=optimiser's + model.updates)`
- `statistics`, `streams`: the shared variables that `updates` changes
- `weights`: `params` and `statistics`, as `get_weights` gives them
- `variables`: all of these by name, what a checkpoint holds
- `steps`: every representation from the input on, each with its `layer`, `tensor`, `trainTensor`
  and `shape`: where to look for the first number that is not finite, or for a layer's variance
- `observations`: the steps that were given a name
- `redraw(seed)`: all weights drawn again, statistics and streams at their beginning
"""

import numpy as np

from utilityFunctions import cast
from layers.layer import Layer
from layers.representation import Representation
from layers.shapes import sampleShape
from lookslinear.errors import whole_number


class Sequential:
    """Layers one after the other, each on what the one before made.

    The first layer says the shape of the input, `input_shape`, or `build` does; from then on every
    layer that is added makes its weights at once. What Keras calls training is not here.

    Parameters
    ----------
    layers : sequence of Layer or None
        Layers to `add`, in order.
    name : str or None
        What `summary` calls the model.

    Raises
    ------
    TypeError, ValueError
        See `add`.

    Examples
    --------
    >>> from layers import Dense
    >>> model = Sequential()
    >>> model.add(Dense(64, kernel_initializer="random_uniform", input_shape=(784,)))
    >>> model.add(Dense(10))
    >>> model.predict(np.zeros((5, 784))).shape, model.count_params()
    ((5, 10), 50890)
    """

    def __init__(self, layers=None, name=None):
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"name must be a string or None. Received: {name!r}.")
        if not (layers is None or isinstance(layers, list | tuple)):
            raise TypeError(f"layers must be a list of layers or None. Received: {layers!r}.")
        self.name = name
        self._layers, self._made, self._function = [], [], None
        for layer in layers or ():
            self.add(layer)

    # Building

    def add(self, layer):
        """Put a layer on top.

        Raises
        ------
        TypeError
            For what is no layer.
        ValueError
            If the layer does not take what the one before makes, or states another `input_shape`.
            The model then stays as it was.
        """
        if not isinstance(layer, Layer):
            raise TypeError(f"a model takes layers, such as layers.Dense(64). Received: {layer!r}.")
        stated = getattr(layer, "input_shape", None)
        if self.built:
            self._refuseOtherInput(layer, stated)
            made = [*self._made, layer(self._made[-1])]
        elif stated is not None:
            self._refuseLateInput(layer)
            entrance = Representation(stated)
            made = [entrance, layer(entrance)]
        else:
            made = []
        self._layers, self._made, self._function = [*self._layers, layer], made, None

    def build(self, input_shape):
        """Say the shape of one sample, where no layer has: (units,) or (channels, rows, columns).

        A leading None, Keras's place of the batch, is left out.

        Raises
        ------
        ValueError
            If the model is built already, or its layers do not take this shape.
        """
        if self.built:
            raise ValueError(
                f"{self!r} is built already, for samples of shape {self._made[0].shape}. "
                f"Received: input_shape {input_shape!r}. Make another model."
            )
        if isinstance(input_shape, list | tuple) and len(input_shape) in (2, 4):
            input_shape = input_shape[input_shape[0] is None :]
        shape = sampleShape(input_shape, "input_shape")
        made = [Representation(shape)]
        for layer in self._layers:  # refuses what does not fit before any weight is made
            shape = layer.outputShape(shape)
        for layer in self._layers:
            made.append(layer(made[-1]))
        self._made = made

    def pop(self):
        """Take the topmost layer off, and return it.

        Raises
        ------
        ValueError
            If there is none.
        """
        if not self._layers:
            raise ValueError(f"{self!r} has no layers to take off.")
        *self._layers, layer = self._layers
        self._made, self._function = self._made[:-1] if self._layers else [], None
        return layer

    # What it is

    @property
    def built(self):
        """Whether the shape of the input is known, and with it all weights."""
        return bool(self._made)

    @property
    def layers(self):
        """The layers, in order."""
        return list(self._layers)

    @property
    def representation(self):
        """What the topmost layer makes, a `layers.Representation`."""
        if not self.built:
            raise ValueError(
                f"{self!r} has no input shape yet. Give the first layer input_shape=(units,) or "
                f"(channels, rows, columns), or call build() with it."
            )
        return self._made[-1]

    @property
    def input(self):
        """The symbolic input, (batch, *input_shape)."""
        return self.representation.input

    @property
    def output(self):
        """The symbolic output after training, (batch, *output_shape): what `predict` computes."""
        return self.representation.tensor

    @property
    def tensor(self):
        """The same as `output`."""
        return self.representation.tensor

    @property
    def trainTensor(self):
        """The symbolic output in training, (batch, *output_shape), see `layers.Representation`."""
        return self.representation.trainTensor

    @property
    def input_shape(self):
        """The shape of one sample."""
        return self.representation and self._made[0].shape

    @property
    def output_shape(self):
        """The shape of what the topmost layer makes of one sample."""
        return self.representation.shape

    @property
    def params(self):
        """The shared variables of all layers, in order, each once."""
        return self.representation.params

    @property
    def statistics(self):
        """The running statistics of all layers, see `layers.Representation`."""
        return self.representation.statistics

    @property
    def weights(self):
        """The shared variables that `get_weights` copies, in its order."""
        return self.representation.weights

    @property
    def streams(self):
        """The states of the random streams of all layers, see `layers.Representation`."""
        return self.representation.streams

    @property
    def variables(self):
        """All shared variables by name, see `layers.Representation`."""
        return self.representation.variables

    @property
    def updates(self):
        """What a step of training does besides changing `params`, see `layers.Representation`."""
        return self.representation.updates

    @property
    def steps(self):
        """Every representation from the input on, see `layers.Representation`."""
        return self.representation.steps

    @property
    def observations(self):
        """The representations that have a name, see `layers.Representation`."""
        return self.representation.observations

    def count_params(self):
        """How many numbers are trained."""
        return sum(weight.get_value(borrow=True).size for weight in self.params)

    def summary(self):
        """Print a table: each layer with its output shape, parameters and initialiser."""
        from rich.console import Console
        from rich.table import Table

        self.representation  # noqa: B018, says what is missing
        table = Table(
            title=self.name or "Sequential", caption=f"{self.count_params():,} parameters"
        )
        table.add_column("layer")
        table.add_column("output shape", no_wrap=True)
        table.add_column("parameters", justify="right", no_wrap=True)
        table.add_column("initialiser", overflow="fold")
        for layer, made in zip(self._layers, self._made[1:], strict=True):
            kind = type(layer).__name__
            table.add_row(
                f"{layer.name} ({kind})" if layer.name else kind,
                str(made.shape),
                f"{sum(p.get_value(borrow=True).size for p in layer.params):,}",
                layer.describeInitialisation() if hasattr(layer, "describeInitialisation") else "",
            )
        Console(highlight=False, markup=False).print(table)

    # What it does

    def predict(self, x, batch_size=32):
        """The output for an array of samples, computed batch by batch.

        Parameters
        ----------
        x : array (samples, *input_shape) of real numbers
        batch_size : int
            How many samples are computed at once.

        Returns
        -------
        array (samples, *output_shape) of floatX

        Raises
        ------
        TypeError, ValueError
            For what is no array of numbers, and for samples of another shape.
        """
        x = cast(x)
        if x.shape[1:] != self.input_shape or not x.ndim:
            raise ValueError(
                f"x must be (samples, {', '.join(map(str, self.input_shape))}). "
                f"Received: an array of shape {x.shape}."
            )
        batch_size = whole_number(batch_size, "batch_size")
        if self._function is None:
            self._function = self.representation.function()
        batches = [self._function(x[i : i + batch_size]) for i in range(0, len(x), batch_size)]
        empty = np.empty((0, *self.output_shape), self.output.dtype)
        return np.concatenate(batches or [empty])

    def get_weights(self):
        """Copies of all weights, biases and running statistics, by layers and as they are stored.

        A dense layer has (in, out) and (1, out), a convolution (out, in, rows, columns) and
        (1, out, 1, 1).
        """
        return [weight.copy() for weight in self._values()]

    def set_weights(self, weights):
        """Take all weights, biases and running statistics, as `get_weights` gives them.

        Raises
        ------
        TypeError, ValueError
            For another number of arrays, or arrays of another shape, before any is taken.
        """
        wanted = self._values()
        if not isinstance(weights, list | tuple):
            raise TypeError(
                f"weights must be a list of arrays. Received: {type(weights).__name__}."
            )
        if len(weights) != len(wanted):
            raise ValueError(
                f"weights must be {len(wanted)} arrays, as get_weights() gives them. "
                f"Received: {len(weights)}."
            )
        arrays = [cast(weight) for weight in weights]
        for index, (array, value) in enumerate(zip(arrays, wanted, strict=True)):
            if np.shape(array) != value.shape:
                raise ValueError(
                    f"weights[{index}] must have the shape {value.shape}, in Theano's layout. "
                    f"Received: {np.shape(array)}."
                )
        for variable, array in zip(self.weights, arrays, strict=True):
            variable.set_value(np.asarray(array, variable.dtype))

    def redraw(self, seed=None):
        """Draw all weights again, each layer from its own child of one seed.

        See `layers.Representation.redraw`. A plain function of (shape, dtype=None) takes no seed.
        """
        self.representation.redraw(seed)

    def __repr__(self):
        return f"<Sequential of {len(self._layers)} layers>"

    def _values(self):
        return [variable.get_value(borrow=True) for variable in self.weights]

    def _refuseOtherInput(self, layer, stated):
        if stated not in (None, self.output_shape):
            raise ValueError(
                f"{layer!r} comes after layers that make {self.output_shape}. "
                f"Received: input_shape {stated}. Leave input_shape to the first layer."
            )

    def _refuseLateInput(self, layer):
        if self._layers:
            raise ValueError(
                f"the first layer must be the one with input_shape. Received: {layer!r} as layer "
                f"{len(self._layers) + 1}. Call build() with the shape of the input, or begin anew."
            )
