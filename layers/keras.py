"""Layers as Keras spells them: the layers of this house, with Keras's arguments.

Shapes and weights are Theano's: images are (channels, rows, columns), channels first, where the
default of Keras is (rows, columns, channels); kernels are (out, in, rows, columns). Initialisers
alone are told shapes as in Keras. `input_shape` serves a layer that comes first in a
`layers.Sequential`.
"""

from initialisations import fromTensor
from layers.activation import Activation
from layers.convolution import Convolution
from layers.dense import FC
from layers.shapes import pair, sampleShape
from lookslinear import initializers
from lookslinear.adapting import tensor_initializer
from lookslinear.errors import unknown_name, whole_number

#: Keras's word for each way to pad.
PADDINGS = {"valid": "valid", "same": "half"}
CHANNELS_FIRST = "Images are (channels, rows, columns) here, channels first, unlike Keras's default"


class _KerasSpelt:
    """What the layers with Keras's arguments share; it comes before the layer that computes."""

    #: Whether the initialisation was given in this house's words, not in Keras's.
    _hasOwnWords = False

    def _spell(self, activation, use_bias, kernel_initializer, bias_initializer, input_shape):
        """Keep Keras's arguments, and return the initialisation that the layer is given."""
        if not isinstance(use_bias, bool):
            raise TypeError(f"use_bias must be True or False. Received: {use_bias!r}.")
        self.activation = None if activation is None else Activation(activation)
        if self.activation is not None and self.activation.doubles:
            raise ValueError(
                f"activation must not double the units. Received: {activation!r}. "
                f"Leave it out, and add layers.CReLU() after this layer."
            )
        self.input_shape = None if input_shape is None else sampleShape(input_shape, "input_shape")
        self.kernel_initializer = tensor_initializer(kernel_initializer, "kernel_initializer")
        self.bias_initializer = tensor_initializer(bias_initializer, "bias_initializer")
        return fromTensor(self.kernel_initializer, self.bias_initializer)

    def expression(self, tensor, inputShape):
        """The activation of what the layer computes."""
        computed = super().expression(tensor, inputShape)
        if self.activation is None:
            return computed
        return self.activation.expression(computed, self.outputShape(inputShape))

    def describeInitialisation(self):
        """The kernel's initialiser, and the bias's where it is not zero."""
        if self._hasOwnWords:
            return super().describeInitialisation()
        bias = f", bias {_shown(self.bias_initializer)}" if self._biasStartsOff else ""
        return f"{_shown(self.kernel_initializer)}{bias}"

    def describeWeights(self):
        """The part of `settings` that these layers share."""
        if self._hasOwnWords:
            return super().describeWeights()
        activation = "" if self.activation is None else f", activation={self.activation.settings()}"
        use_bias = "" if self.hasBias else ", use_bias=False"
        kernel = f", kernel_initializer={_shown(self.kernel_initializer)}"
        bias = f", bias_initializer={_shown(self.bias_initializer)}" if self._biasStartsOff else ""
        return f"{activation}{use_bias}{kernel}{bias}"

    @property
    def _biasStartsOff(self):
        """Whether there is a bias, and one that need not start at zero."""
        return self.hasBias and not isinstance(self.bias_initializer, initializers.Zeros)


class Dense(_KerasSpelt, FC):
    """A fully connected layer with Keras's arguments: activation(x W + b), (n,) -> (units,).

    It is the layer `FC` with a weight of shape (n, units) and a bias of shape (1, units). `Daoloth`
    is Cthulhu's name for it.

    Parameters
    ----------
    units : int
        The number of units, from 1.
    activation : str, function or None
        See `layers.Activation`; None, as 'linear', for none.
    use_bias : bool
    kernel_initializer, bias_initializer : tensor initialiser, or its name or configuration
        What `lookslinear.initializers.get` understands, such as 'he_normal',
        `initializers.RandomNormal(stddev=0.01)` or a function of (shape, dtype=None). The kernel's
        is told (n, units), the bias's (units,).
    input_shape : tuple of int or None
        The shape of one sample, (n,), for the first layer of a `Sequential`.
    initialisation, initKWArgs
        This house's own words, as in `FC`: an entry of `initD` and its options, in the place of
        both initialisers.
    seed, name
        See `layers.Weighted`. `seed` goes before the seeds of the initialisers; without it those
        that were given one keep it.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, and when called on images: put Flatten() before.

    Examples
    --------
    >>> from layers import Representation
    >>> layer = Dense(64, activation="relu", kernel_initializer="random_uniform")
    >>> layer(Representation((784,))).shape, layer.weight.get_value().shape
    ((64,), (784, 64))
    """

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        input_shape=None,
        seed=None,
        name=None,
        initialisation=None,
        initKWArgs=None,
    ):
        self.units = whole_number(units, "units")
        spelt = self._spell(activation, use_bias, kernel_initializer, bias_initializer, input_shape)
        self._hasOwnWords = initialisation is not None
        chosen = initialisation if self._hasOwnWords else spelt
        super().__init__(units, use_bias, chosen, initKWArgs, seed, name)


#: Cthulhu's name for it.
Daoloth = Dense


class Conv2D(_KerasSpelt, Convolution):
    """A convolution with Keras's arguments: (c, rows, columns) -> (filters, rows', columns').

    It is the layer `Convolution` with a weight of shape (filters, c, *kernel_size) and a bias of
    shape (1, filters, 1, 1). Two things differ from Keras. **Images are channels first**,
    (channels, rows, columns). And filters are flipped, as everywhere in Theano, where Keras
    correlates: for random filters it is all the same; a kernel that was trained elsewhere must be
    flipped in rows and columns.

    Parameters
    ----------
    filters : int
        The number of filters, from 1: the channels of the output.
    kernel_size : int or (int, int)
        The filter's rows and columns.
    strides : int or (int, int)
        By how much the window moves down and to the right.
    padding : 'valid' or 'same'
        No zeros, or as many as keep rows and columns the same: for strides of 1 and odd filters,
        where that is `border_mode='half'`. Keras pads other filters on one side more than on the
        other, which this layer does not.
    activation, use_bias, input_shape, seed, name
        See `layers.Dense`.
    kernel_initializer, bias_initializer : tensor initialiser, or its name or configuration
        See `layers.Dense`. The kernel's is told (rows, columns, c, filters) as in Keras.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples that are no images, or smaller than the filter.

    Examples
    --------
    >>> from layers import Representation
    >>> layer = Conv2D(16, 3, padding="same", kernel_initializer="he_normal")
    >>> layer(Representation((3, 32, 32))).shape, layer.weight.get_value().shape
    ((16, 32, 32), (16, 3, 3, 3))
    """

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        input_shape=None,
        seed=None,
        name=None,
    ):
        self.filters = whole_number(filters, "filters")
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.padding = padding
        _refuseBadPadding(padding, self.kernel_size, pair(strides, "strides"))
        initialisation = self._spell(
            activation, use_bias, kernel_initializer, bias_initializer, input_shape
        )
        super().__init__(
            filters,
            kernel_size,
            strides,
            PADDINGS[padding],
            use_bias,
            initialisation,
            seed=seed,
            name=name,
        )

    def outputShape(self, inputShape):
        """(c, rows, columns) -> (filters, rows', columns'), see `layers.shapes`."""
        try:
            return super().outputShape(inputShape)
        except ValueError as error:
            raise ValueError(f"{error} {CHANNELS_FIRST}. Received: {inputShape}.") from error

    def settings(self):
        """The arguments that `repr` shows."""
        window = f"{self.kernel_size}, strides={self.strides}, padding={self.padding!r}"
        return f"{self.filters}, {window}{self.describeWeights()}"


def _shown(initializer):
    return getattr(initializer, "__name__", repr(initializer))


def _refuseBadPadding(padding, kernel_size, strides):
    if not isinstance(padding, str):
        raise TypeError(f"padding must be 'valid' or 'same'. Received: {padding!r}.")
    if padding not in PADDINGS:
        raise unknown_name("padding", padding, PADDINGS)
    isSymmetric = strides == (1, 1) and all(side % 2 for side in kernel_size)
    if padding == "same" and not isSymmetric:
        raise ValueError(
            f"padding='same' needs strides of 1 and odd kernel_size: else Keras puts more zeros on "
            f"one side than on the other, which Theano's convolution cannot. Received: kernel_size "
            f"{kernel_size}, strides {strides}. Use layers.Convolution(border_mode='half')."
        )
