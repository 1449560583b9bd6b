"""Layers that draw random numbers in training: their seed and the streams that come of it."""

from utilityFunctions import floatX, randomStream
from layers.layer import Layer
from lookslinear.sampling import as_seed, child_seed

#: Generators that take turns in a stream. 128 draw no faster, and a checkpoint holds their states.
LANES = 8


class Stochastic(Layer):
    """The base of layers that draw random numbers in training.

    A layer that derives from it overrides `training`, draws there by `uniform`, and passes the
    update on that comes with the numbers.

    Parameters
    ----------
    seed : None, int, SeedSequence or Generator
        What the streams begin with. None is fresh entropy. Equal ints give equal numbers: give each
        layer of a network its own, or use `Representation.redraw`.
    name : str or None
        See `layers.Layer`.

    Attributes
    ----------
    seed : SeedSequence

    Notes
    -----
    A stream's state is a shared variable, so that a checkpoint can hold it. A compiled function
    moves it on by itself when it computes numbers of the stream, whether or not it was given the
    update.

    Examples
    --------
    >>> from layers import Representation
    >>> class Noise(Stochastic):
    ...     def expression(self, tensor, inputShape):
    ...         return tensor
    ...
    ...     def training(self, tensor, inputShape):
    ...         numbers, update = self.uniform((tensor.shape[0], *inputShape))
    ...         return tensor + numbers, [update]
    >>> y = Noise(seed=1)(Representation((3,)))
    >>> y.tensor is y.trainTensor, [state.get_value().shape for state in y.streams]
    (False, [(8, 6)])
    """

    seedPath = (0,)

    def __init__(self, seed=None, name=None):
        super().__init__(name)
        self.seed = as_seed(seed)
        self._streams = []

    @property
    def streams(self):
        """The states of the streams, one for each call of the layer; none before."""
        return list(self._streams)

    def uniform(self, shape):
        """A symbolic array of numbers that are uniform on (0, 1], from a stream of its own.

        Parameters
        ----------
        shape : tuple of int and symbolic int

        Returns
        -------
        symbolic tensor of floatX, (shared variable, symbolic expression)
            The pair is the stream's update.
        """
        stream = randomStream(child_seed(self.seed, len(self._streams)))
        numbers = stream.uniform(shape, dtype=floatX(), nstreams=LANES)
        ((state, following, *_),) = stream.updates()
        if self.name:
            state.name = f"{self.name}.stream"
        self._streams.append(state)
        return numbers, (state, following)

    def redraw(self, seed=None):
        """Let the streams begin again: at another seed, or None, where they began."""
        self.seed = self.seed if seed is None else as_seed(seed)
        for number, state in enumerate(self._streams):
            stream = randomStream(child_seed(self.seed, number))
            state.set_value(stream.get_substream_rstates(LANES, floatX()))
