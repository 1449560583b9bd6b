"""What every layer does: called on a representation, it returns the next one."""

import inspect

from layers.representation import Representation
from lookslinear.errors import nearest


class Layer:
    """The base of all layers.

    A new layer overrides `expression`, and `outputShape` where it changes the shape of a sample;
    `training` if it does something else in training. One with weights derives from
    `layers.Weighted`, one that draws random numbers from `layers.Stochastic`.

    Parameters
    ----------
    name : str or None
        What its variables are called in Theano's messages.

    Examples
    --------
    >>> class Halve(Layer):
    ...     def expression(self, tensor, inputShape):
    ...         return tensor / 2
    >>> Halve()(Representation((4,)))
    <Representation (4,) after 1 layer: Halve()>
    >>> Halve(nmae="half")
    Traceback (most recent call last):
    TypeError: Halve has no argument 'nmae'. Did you mean 'name'? Known: name.
    """

    #: The layer's place below the child of the network's seed that its number stands for, counted
    #: among layers with the same path: see `Representation.redraw`. None: nothing is drawn.
    seedPath = ()
    #: Whether `Representation.observations` finds what the layer makes.
    observes = False

    def __new__(cls, *args, **kwargs):
        # Before any __init__, so that each layer's signature can stay free of **kwargs.
        parameters = inspect.signature(cls.__init__).parameters
        takesAny = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        known = [name for name in parameters if name != "self"]
        for name in () if takesAny else kwargs:
            if name not in known:
                raise TypeError(
                    f"{cls.__name__} has no argument {name!r}.{nearest(name, known)} "
                    f"Known: {', '.join(known)}."
                )
        return super().__new__(cls)

    def __init__(self, name=None):
        if not (name is None or isinstance(name, str)):
            raise TypeError(f"name must be a string or None. Received: {name!r}.")
        self.name = name

    def __call__(self, representation):
        """The representation that this layer makes of another.

        Raises
        ------
        TypeError
            If it is called on anything else than a representation.
        ValueError
            If samples of this shape do not fit the layer.
        """
        self.refuseOtherKind(representation)
        inputShape = representation.shape
        shape = self.outputShape(inputShape)
        self.build(inputShape)
        tensor = self.expression(representation.tensor, inputShape)
        self._refuseOther(tensor, representation.tensor, shape)
        if not self.differsInTraining and representation.trainTensor is representation.tensor:
            return representation.through(self, tensor, shape)
        trainTensor, updates = self.training(representation.trainTensor, inputShape)
        self._refuseOther(trainTensor, representation.trainTensor, shape)
        return representation.through(self, tensor, shape, trainTensor, updates)

    def outputShape(self, inputShape):
        """The shape of one sample after this layer; raises ValueError if `inputShape` does not fit.

        It is called before anything is created.
        """
        return inputShape

    def build(self, inputShape):
        """Make what the layer needs for samples of this shape: nothing, unless it has weights."""

    def expression(self, tensor, inputShape):
        """The symbolic tensor (batch, *outputShape) of the symbolic tensor (batch, *inputShape)."""
        raise NotImplementedError(f"{type(self).__name__} must override expression().")

    def training(self, tensor, inputShape):
        """What `expression` is in training, and what a step of training does besides.

        Returns
        -------
        symbolic tensor (batch, *outputShape), list of (shared variable, symbolic expression)
            The list holds the updates of running statistics and of random streams.
        """
        return self.expression(tensor, inputShape), []

    @property
    def differsInTraining(self):
        """Whether the layer does something else in training."""
        return type(self).training is not Layer.training

    @property
    def variables(self):
        """The shared variables by name: those of `params`, `statistics` and `streams`."""
        kinds = {"param": self.params, "statistic": self.statistics, "stream": self.streams}
        return {f"{kind}{i}": v for kind, held in kinds.items() for i, v in enumerate(held)}

    @property
    def params(self):
        """The shared variables that are trained: none, unless the layer has weights."""
        return []

    @property
    def statistics(self):
        """The shared variables that training moves by updates and `expression` reads."""
        return []

    @property
    def streams(self):
        """The states of the random streams that `training` draws from."""
        return []

    def redraw(self, seed=None):
        """Draw the weights again: without weights there is nothing to draw."""

    def settings(self):
        """The arguments that `repr` shows."""
        return ""

    def __repr__(self):
        return f"{type(self).__name__}({self.settings()})"

    def refuseOtherKind(self, representation):
        """Raises TypeError for what is no representation."""
        if not isinstance(representation, Representation):
            raise TypeError(
                f"{type(self).__name__} must be called on a Representation, such as "
                f"Representation((3, 32, 32)). Received: {representation!r}."
            )

    def refuseOtherInput(self, inputShape, builtFor):
        """Raises ValueError for samples of another shape than the layer's variables serve."""
        if inputShape != builtFor:
            raise ValueError(
                f"{self!r} has weights for samples of shape {builtFor} and shares them. "
                f"Received: samples of shape {inputShape}. Use another layer for them."
            )

    def _refuseOther(self, tensor, before, shape):
        found = (getattr(tensor, "ndim", None), getattr(tensor, "dtype", None))
        wanted = (1 + len(shape), before.dtype)
        if found != wanted:
            raise TypeError(
                f"{self!r} must give a symbolic tensor of {wanted[0]} axes and dtype {wanted[1]}. "
                f"Received: {tensor!r} of {found[0]} axes and dtype {found[1]}."
            )
