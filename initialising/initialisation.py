"""Initialisations, (inputShape, outputShape, **options) -> [weight, bias] shared variables.

One is made of a weight law, as the entries of `initialisations` are, or of a tensor initialiser, a
function of (shape, dtype=None), as `fromTensor` does. `initialisations` says what the options mean.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence

from utilityFunctions import floatX, sharedVar
from lookslinear import initializers
from lookslinear.activations import gain_of
from lookslinear.adapting import (
    has_seed,
    keras_shape,
    law_of,
    tensor,
    tensor_initializer,
    to_theano,
)
from lookslinear.arranging import mirror
from lookslinear.connections import Connection, Options, checked_options
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, entries_law
from lookslinear.sampling import as_generator, draw


class Initialisation:
    """A named initialisation: call it for `[weight, bias]`, or ask for its `law` alone.

    Examples
    --------
    >>> from initialisations import initD
    >>> weight, bias = initD['glorotNormal']((64,), (32,), mirror=True, rng=1)
    >>> weight.get_value().shape, bias.get_value().shape, bias.broadcastable
    ((64, 32), (1, 32), (True, False))
    """

    #: Whether it draws from a seed of its own where it is given no `rng`.
    seeded = False
    #: Further options that it takes.
    own: Sequence[str] = ()

    def __init__(
        self,
        lawOf: Callable[..., WeightLaw],
        biasOf: Callable[..., WeightLaw] | None = None,
        settled: Callable[..., Options] | None = None,
        defaults: Mapping[str, object] | None = None,
    ):
        functools.update_wrapper(self, lawOf)
        self._lawOf, self._biasOf = lawOf, biasOf or _zeroBias
        self._settled, self._defaults = settled, dict(defaults or {})
        parameters = inspect.signature(lawOf).parameters.values()
        self.own = [p.name for p in parameters if p.kind == p.KEYWORD_ONLY]

    def __call__(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> list:
        """[weight, bias] as shared variables of floatX."""
        weight, bias = self.arrays(inputShape, outputShape, **options)
        pattern = tuple(axis != 1 for axis in range(bias.ndim))
        return [
            sharedVar(weight, name="weight", borrow=True),
            sharedVar(bias, name="bias", borrow=True, broadcastable=pattern),
        ]

    def arrays(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> list:
        """[weight, bias] as arrays: what the shared variables will hold."""
        connection, told, given = self._told(inputShape, outputShape, options)
        law, bias = (of(connection, told, **given) for of in (self._lawOf, self._biasOf))
        generator = as_generator(told.rng)
        weight = draw(law, generator)
        return [weight, _asBias(draw(bias, generator), outputShape)]

    def law(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> WeightLaw:
        """The claim that a weight of these shapes will follow; nothing is drawn."""
        connection, told, given = self._told(inputShape, outputShape, options)
        return self._lawOf(connection, told, **given)

    def biasLaw(
        self, inputShape: Sequence[int], outputShape: Sequence[int], **options
    ) -> WeightLaw:
        """The claim that the bias will follow, as a vector: zeros, but for a few entries."""
        connection, told, given = self._told(inputShape, outputShape, options)
        return self._biasOf(connection, told, **given)

    def lawBetween(self, connection: Connection, options: Options) -> WeightLaw:
        """The law of a connection's weight, its own options left at their defaults."""
        return self._lawOf(connection, options)

    def check(self, options) -> None:
        """Refuse options that cannot be taken, before there are shapes."""
        self._settle(options)

    def _told(self, inputShape, outputShape, options) -> tuple[Connection, Options, dict]:
        told, given = self._settle(options)
        return Connection.between(inputShape, outputShape, told, floatX()), told, given

    def _settle(self, options) -> tuple[Options, dict]:
        """The shared options, as this entry reads them, and its own."""
        told = checked_options({**self._defaults, **options}, self.own)
        given = {name: options[name] for name in self.own if name in options}
        return self._settled(told, **given) if self._settled else told, given

    def __repr__(self):
        return f"<initialisation {self.__name__}>"


class TensorInitialisation(Initialisation):
    """An initialisation that draws by a tensor initialiser, a function of (shape, dtype=None).

    `fromTensor` makes them. The entries of `initD` that bear a name of Keras's are of this kind;
    `own` are their further options, the arguments of Keras's class, which `make` is given.
    """

    def __init__(self, make: Callable, own: Sequence[str], bias: Callable, name: str, shared=()):
        self.__name__, self.__doc__ = name, make.__doc__
        self._make, self.own, self._bias, self._shared = make, own, bias, shared
        self._settled, self._defaults = None, {}

    @property
    def seeded(self) -> bool:
        """Whether one of its two initialisers was given a seed."""
        return self.keepsSeed and (has_seed(self._make()) or has_seed(self._bias))

    @property
    def initialiser(self) -> Callable:
        """The tensor initialiser that it draws by, without arguments of its own."""
        return self._make()

    @property
    def keepsSeed(self) -> bool:
        """Whether it draws by an object that was made once, with a seed, if only a random one."""
        return not self.own

    def arrays(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> list:
        """[weight, bias] as arrays: what the shared variables will hold."""
        initialiser, connection, rng = self._made(inputShape, outputShape, options)
        rng = None if rng is None else as_generator(rng)
        shape = connection.half_shape
        weight = to_theano(tensor(initialiser, keras_shape(shape), connection.dtype, rng))
        if connection.mirror:
            weight = mirror(weight, axes_of(len(shape)).input)
        bias = tensor(self._bias, (connection.num_filters,), connection.dtype, rng)
        return [weight, _asBias(bias, outputShape)]

    def law(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> WeightLaw:
        """The claim that a weight of these shapes will follow; nothing is drawn."""
        initialiser, connection, _ = self._made(inputShape, outputShape, options)
        return law_of(initialiser, connection.half_shape, connection.dtype, connection.mirror)

    def biasLaw(
        self, inputShape: Sequence[int], outputShape: Sequence[int], **options
    ) -> WeightLaw:
        """The claim that the bias will follow, as a vector."""
        connection, *_ = self._told(inputShape, outputShape, options)
        return self._bias.law((connection.num_filters,), connection.dtype)

    def lawBetween(self, connection: Connection, options: Options) -> WeightLaw:
        """The law of a connection's weight, its own options left at their defaults."""
        initialiser, connection = self._mirrored(connection, options, {})
        return law_of(initialiser, connection.half_shape, connection.dtype, connection.mirror)

    def _made(self, inputShape, outputShape, options):
        connection, told, given = self._told(inputShape, outputShape, options)
        return *self._mirrored(connection, told, given), told.rng

    def _mirrored(self, connection, told, given):
        given = {**given, **{name: getattr(told, name) for name in self._shared}}
        if isinstance(given.get("gain"), str):
            given["gain"] = _namedGain(given["gain"], told)
        initialiser = self._make(isDense=not connection.sides, **given)
        if connection.mirror:
            return _mirroring(initialiser, connection)
        return initialiser, connection


def _namedGain(kind: str, told: Options) -> float:
    """The gain of the activation that was named beside it."""
    if told.activation is None:
        raise ValueError(
            f"gain={kind!r} is that of an activation: say which, activation='tanh'. Received: none."
        )
    return gain_of(told.activation, kind)


def _mirroring(initialiser: Callable, connection: Connection) -> tuple[Callable, Connection]:
    """What halves and mirrors by itself is asked for the whole weight; so is a partial mirror."""
    degree, kind = connection.mirror, initializers.Mirrored
    if degree is not True:
        mirrored = isinstance(initialiser, kind)
        if mirrored and initialiser.mirror not in (True, degree):
            raise ValueError(
                f"mirror must be that of the initialiser, {initialiser.mirror}, or True. "
                f"Received: {degree}."
            )
        initialiser = kind(initialiser.initializer if mirrored else initialiser, degree)
    whole = isinstance(initialiser, kind) or getattr(initialiser, "mirror", False)
    return initialiser, connection.unmirrored() if whole else connection


def fromTensor(initialiser: object, bias: object = "zeros") -> TensorInitialisation:
    """The initialisation that draws by a tensor initialiser, told and turned into Theano's layout.

    The initialiser is called with the weight's shape as Keras writes it, (in, out) or (rows,
    columns, in, out), and with floatX; a kernel is turned to (out, in, rows, columns). Theano's
    convolution flips its filters and Keras's does not, which changes no law: what is returned for
    the last row is stored in the last row.

    Of the options `s`, `mirror` and `rng` have an effect. `mirror` asks the initialiser for half of
    the input channels and appends the negative, unless it is a `Mirrored`, which does that itself;
    a degree below 1 needs an initialiser that states its law.
    `rng` gives it a seed; without it, it draws from its own. **A plain function has no seed that
    could be given to it**, and draws from what it draws from.

    Parameters
    ----------
    initialiser : tensor initialiser, or what `lookslinear.initializers.get` makes one of
        An object of `lookslinear.initializers` or a function of (shape, dtype=None), which must
        return an array of that shape and dtype; or a name or a configuration as Keras's, a class,
        an array.
    bias : the same
        Called with (units,) for the bias.

    Raises
    ------
    TypeError, ValueError
        For what is none of these; when called, for an array of another shape or dtype.

    Examples
    --------
    >>> from lookslinear.initializers import HeNormal
    >>> weight, bias = fromTensor(HeNormal(seed=1), bias="ones")((3, 8, 8), (16, 8, 8), s=5)
    >>> weight.get_value().shape, bias.get_value().sum().item()
    ((16, 3, 5, 5), 16.0)
    """
    initialiser = tensor_initializer(initialiser, "initialiser")
    bias = tensor_initializer(bias, "bias")
    name = getattr(initialiser, "__name__", repr(initialiser))
    return TensorInitialisation(lambda isDense=False: initialiser, (), bias, name)


def _zeroBias(connection: Connection, options: Options, **own) -> WeightLaw:
    filters = connection.num_filters
    return entries_law((filters,), "constant", 0.0, dtype=connection.dtype)


def _asBias(values, outputShape: Sequence[int]):
    """A number for each unit as (1, out), or (1, out, 1, 1), to broadcast over the other axes."""
    return values.reshape(1, -1, *(1 for _ in outputShape[1:]))
