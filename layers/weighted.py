"""Layers with weights: made by an initialisation, drawn again by a seed."""

import inspect
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from initialisations import Initialisation, initD
from layers.layer import Layer
from lookslinear.sampling import as_generator, as_seed


class Weighted(Layer):
    """The base of layers that have a weight and a bias.

    A layer that derives from it states `weightShape`, and its `impliedOptions` if it tells the
    initialisation anything by itself.

    Parameters
    ----------
    bias : bool
        Whether a bias is added.
    initialisation : str, function or tensor initialiser
        A name in `initialisations.initD`; a function of its kind, (inputShape, outputShape,
        **options) -> [weight, bias], shared variables, that draws from the Generator `rng`; or an
        object of `lookslinear.initializers` or a function of (shape, dtype=None), which goes
        through `initialisations.fromTensor`.
    initKWArgs : dict or None
        The initialisation's options. The layer keeps a copy.
    seed : None, int, SeedSequence or Generator
        What the weights are drawn from. None is fresh entropy, or the seed that a tensor
        initialiser was given. Equal ints give equal weights: give each layer of a network its own,
        or use `Representation.redraw`. A plain function of (shape, dtype=None) takes no seed.
    name : str or None
        The prefix of the names of the weight and the bias.

    Attributes
    ----------
    weight, bias : shared variables; None before the first call, and without a bias
    seed : SeedSequence
        What the present weights were drawn from, unless by a tensor initialiser's own seed.

    Raises
    ------
    TypeError, ValueError
        For another kind of argument; for an unknown initialisation, with the nearest name.
    """

    #: Options that initKWArgs must not hold, and the layer's argument that each comes from.
    ownOptions: ClassVar = {"rng": "seed"}

    def __init__(self, bias, initialisation, initKWArgs, seed, name):
        super().__init__(name)
        if not isinstance(bias, bool | np.bool_):
            raise TypeError(f"bias must be True or False. Received: {bias!r}.")
        self.hasBias = bool(bias)
        self.initialisation = initD[initialisation]
        self.initKWArgs = self._checkedOptions(initKWArgs)
        if isinstance(self.initialisation, Initialisation):
            self.initialisation.check(self.options)
        else:
            _refuseNarrow(self.initialisation, self.options)
        self._initialisationName = (
            initialisation
            if isinstance(initialisation, str)
            else getattr(self.initialisation, "__name__", repr(initialisation))
        )
        self.seed = as_seed(seed)
        self._usesSeed = seed is not None or not getattr(self.initialisation, "seeded", False)
        self.weight = self.bias = self._inputShape = None

    def weightShape(self, inputShape):
        """The shape of the weight for samples of this shape."""
        raise NotImplementedError(f"{type(self).__name__} must override weightShape().")

    def impliedOptions(self):
        """What the layer tells the initialisation unless the caller's initKWArgs say otherwise."""
        return {}

    @property
    def options(self):
        """The options that the initialisation is given, without `rng`."""
        return {**self.impliedOptions(), **self.initKWArgs}

    @property
    def params(self):
        """The shared variables that are trained: [weight, bias], [weight], or [] before a call."""
        return [variable for variable in (self.weight, self.bias) if variable is not None]

    @property
    def variables(self):
        """The weight and the bias by name; none before a call."""
        return dict(zip(("weight", "bias"), self.params, strict=False))

    def build(self, inputShape):
        """Make weight and bias at the first call; later calls share them on the same shape.

        Raises
        ------
        ValueError
            If the layer was called on samples of another shape before.
        """
        if self.weight is not None:
            return self.refuseOtherInput(inputShape, self._inputShape)
        shapes = (inputShape, self.outputShape(inputShape))
        weight, bias = self._initialised(shapes)
        self._refuseOtherWeight(weight, inputShape)
        self._inputShape = inputShape
        self.weight, self.bias = weight, bias if self.hasBias else None
        if self.name:
            weight.name, bias.name = f"{self.name}.weight", f"{self.name}.bias"

    def redraw(self, seed=None):
        """Draw the weight again, and set the bias to what the initialisation makes it.

        Parameters
        ----------
        seed : None, int, SeedSequence or Generator
            None takes the layer's own seed again, so that the weight becomes, bit by bit, what it
            was when it was drawn last (a plain function of (shape, dtype=None), and a
            `SeedGenerator` of a tensor initialiser, move on). Any other becomes the layer's own.

        Raises
        ------
        ValueError
            If the layer has not been called yet: only then its shapes are known.
        """
        if self.weight is None:
            raise ValueError(
                f"{self!r} has no weights yet. Call it on a Representation before redraw()."
            )
        if seed is not None:
            self.seed, self._usesSeed = as_seed(seed), True
        weight, bias = self._drawn()
        self.weight.set_value(np.asarray(weight, self.weight.dtype), borrow=True)
        if self.hasBias:
            self.bias.set_value(np.asarray(bias, self.bias.dtype))

    def describeInitialisation(self):
        """The initialisation in words, for a table: its name and its options."""
        options = (f"{option}={value!r}" for option, value in self.initKWArgs.items())
        return ", ".join([self._initialisationName, *options])

    def describeWeights(self):
        """The part of `settings` that layers with weights share."""
        options = f", initKWArgs={self.initKWArgs}" if self.initKWArgs else ""
        bias = "" if self.hasBias else ", bias=False"
        return f"{bias}, initialisation={self._initialisationName!r}{options}"

    def _told(self):
        # A generator, not the seed: a function may draw from it directly.
        return {"rng": as_generator(self.seed) if self._usesSeed else None, **self.options}

    def _initialised(self, shapes):
        made = self.initialisation(*shapes, **self._told())
        isPair = isinstance(made, tuple | list) and len(made) == 2
        if not isPair or not all(hasattr(variable, "set_value") for variable in made):
            raise TypeError(
                f"initialisation {self._initialisationName!r} must return [weight, bias], shared "
                f"variables as utilityFunctions.sharedVar makes them. Received: {made!r}."
            )
        return made

    def _drawn(self):
        shapes = (self._inputShape, self.outputShape(self._inputShape))
        if isinstance(self.initialisation, Initialisation):
            return self.initialisation.arrays(*shapes, **self._told())
        # Fresh variables that nobody else holds, so their arrays need no copies.
        return [variable.get_value(borrow=True) for variable in self._initialised(shapes)]

    def _checkedOptions(self, initKWArgs):
        if not (initKWArgs is None or isinstance(initKWArgs, Mapping)):
            raise TypeError(f"initKWArgs must be a dict or None. Received: {initKWArgs!r}.")
        options = dict(initKWArgs or {})
        for option, argument in self.ownOptions.items():
            if option in options:
                raise ValueError(
                    f"initKWArgs must not hold {option!r}: the layer passes its own, from its "
                    f"argument {argument!r}. Received: {options!r}."
                )
        return options

    def _refuseOtherWeight(self, weight, inputShape):
        found, wanted = weight.get_value(borrow=True).shape, self.weightShape(inputShape)
        if found != wanted:
            raise ValueError(
                f"initialisation {self._initialisationName!r} must return a weight of shape "
                f"{wanted} for {self!r}. Received: one of shape {found}."
            )


def _refuseNarrow(function, options):
    """Refuse a function that cannot be called with these options before it is called."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions that are written in C do not show theirs
        return
    try:
        signature.bind((1,), (1,), rng=None, **options)
    except TypeError as error:
        raise TypeError(
            f"initialisation must take (inputShape, outputShape) and the options "
            f"{', '.join(['rng', *options])}, or **options; or (shape, dtype=None): {error}. "
            f"Received: {function!r}."
        ) from error
