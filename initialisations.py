"""Named initialisations, (inputShape, outputShape, **options) -> [weight, bias] shared variables.

Shapes are those of one sample: `(n,)` for dense layers, `(channels, rows, columns)` for
convolutions. Weights are (in, out) or (out, in, s0, s1), biases zeros that broadcast over samples
and positions. Each entry of `initD` states a weight law, in a few lines from shapes to law;
`initD[name].law(inputShape, outputShape, **options)` gives that claim without drawing.

Every entry takes the same options; one that has no meaning for it has no effect there:

=================  ==============================================================================
s                  (3, 3); the filter's sides, or one whole number for both (convolutions)
relu               False; True adds the factor 2 that makes up for a ReLU before the layer
mirror             False; True draws for half of the input channels and appends the negative:
                   looks-linear, for layers that follow a CReLU. Linear, so `relu` is void then
pooling            False; True spreads an orthogonal kernel over 2x2 taps, for strides of (2, 2)
signalPriorities   (1., 1.); (p0, p1): p1 weighs the forward signal, p0 the gradient
rescale            'glorot'; how a rectangular orthogonal weight is scaled: also 'none', 'suo'
poolingScale       None; the factor of the 2x2 taps: 0.4, or 0.28 when mirrored; a number; 'auto'
rho                0.; the mean correlation of neighbouring positions that 'auto' reckons with
rng                None; an int, SeedSequence or Generator: the same int gives the same weights
=================  ==============================================================================

`initD` also has the names of Keras's initialisers (`randomNormal`, `varianceScaling`, ...), which
take the arguments of the class in `lookslinear.initializers` as further options, such as
`stddev=0.01`; of the options above `s`, `mirror` and `rng` have an effect there. `fromTensor`
makes such an entry of any function of (shape, dtype=None).
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence

from utilityFunctions import floatX, sharedVar
from lookslinear import initializers
from lookslinear.adapting import (
    has_seed,
    is_tensor_initializer,
    keras_shape,
    law_of,
    tensor,
    tensor_initializer,
    to_theano,
)
from lookslinear.arranging import mirror
from lookslinear.connections import Connection, Options, checked_options
from lookslinear.errors import unknown_name
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw
from lookslinear.sampling import as_generator, draw


class Initialisation:
    """A named initialisation: call it for `[weight, bias]`, or ask for its `law` alone.

    Examples
    --------
    >>> weight, bias = initD['glorotNormal']((64,), (32,), mirror=True, rng=1)
    >>> weight.get_value().shape, bias.get_value().shape, bias.broadcastable
    ((64, 32), (1, 32), (True, False))
    """

    #: Whether it draws from a seed of its own where it is given no `rng`.
    seeded = False
    _own: Sequence[str] = ()  # further options that it takes

    def __init__(self, lawOf: Callable[[Connection, Options], WeightLaw]):
        functools.update_wrapper(self, lawOf)
        self._lawOf = lawOf

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
        weight = draw(self.law(inputShape, outputShape, **options), options.get("rng"))
        zeros = tensor(initializers.Zeros(), outputShape[:1], weight.dtype.name)
        return [weight, _asBias(zeros, outputShape)]

    def law(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> WeightLaw:
        """The claim that a weight of these shapes will follow; nothing is drawn."""
        checked = checked_options(options)
        return self._lawOf(Connection.between(inputShape, outputShape, checked, floatX()), checked)

    def check(self, options) -> None:
        """Refuse options that cannot be taken, before there are shapes."""
        checked_options(options, self._own)

    def __repr__(self):
        return f"<initialisation {self.__name__}>"


class TensorInitialisation(Initialisation):
    """An initialisation that draws by a tensor initialiser, a function of (shape, dtype=None).

    `fromTensor` makes them. The entries of `initD` that bear a name of Keras's are of this kind;
    `own` are their further options, the arguments of Keras's class, which `make` is given.
    """

    def __init__(self, make: Callable, own: Sequence[str], bias: Callable, name: str):
        self.__name__, self.__doc__ = name, make.__doc__
        self._make, self._own, self._bias = make, own, bias

    @property
    def seeded(self) -> bool:
        """Whether one of its two initialisers was given a seed."""
        return not self._own and (has_seed(self._make()) or has_seed(self._bias))

    def arrays(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> list:
        """[weight, bias] as arrays: what the shared variables will hold."""
        initialiser, connection, rng = self._told(inputShape, outputShape, options)
        rng = None if rng is None else as_generator(rng)
        shape = connection.half_shape
        weight = to_theano(tensor(initialiser, keras_shape(shape), connection.dtype, rng))
        if connection.mirror:
            weight = mirror(weight, axes_of(len(shape)).input)
        bias = tensor(self._bias, (connection.num_filters,), connection.dtype, rng)
        return [weight, _asBias(bias, outputShape)]

    def law(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> WeightLaw:
        """The claim that a weight of these shapes will follow; nothing is drawn."""
        initialiser, connection, _ = self._told(inputShape, outputShape, options)
        return law_of(initialiser, connection.half_shape, connection.dtype, connection.mirror)

    def _told(self, inputShape, outputShape, options):
        checked = checked_options(options, self._own)
        connection = Connection.between(inputShape, outputShape, checked, floatX())
        given = {name: options[name] for name in self._own if name in options}
        initialiser = self._make(isDense=len(outputShape) == 1, **given)
        if connection.mirror and isinstance(initialiser, initializers.Mirrored):
            connection = connection.unmirrored()  # it halves and mirrors by itself
        return initialiser, connection, checked.rng


def fromTensor(initialiser: object, bias: object = "zeros") -> TensorInitialisation:
    """The initialisation that draws by a tensor initialiser, told and turned into Theano's layout.

    The initialiser is called with the weight's shape as Keras writes it, (in, out) or (rows,
    columns, in, out), and with floatX; a kernel is turned to (out, in, rows, columns). Theano's
    convolution flips its filters and Keras's does not, which changes no law: what is returned for
    the last row is stored in the last row.

    Of the options `s`, `mirror` and `rng` have an effect. `mirror` asks the initialiser for half of
    the input channels and appends the negative, unless it is a `Mirrored`, which does that itself.
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


class Registry(dict):
    """A dictionary of initialisations; an unknown name is refused with the nearest known one.

    What is no name is looked up as what it is: an initialisation, or a function of its kind, is
    returned; a tensor initialiser, or a class of `lookslinear.initializers`, goes through
    `fromTensor`.

    Examples
    --------
    >>> from lookslinear.initializers import RandomNormal
    >>> initD[RandomNormal(stddev=0.5)].law((3,), (4,)).variance
    0.25
    """

    def __getitem__(self, identifier):
        if isinstance(identifier, str):
            return super().__getitem__(identifier)
        if not callable(identifier):
            raise TypeError(
                f"initialisation must be a name in initD or a function. Received: {identifier!r}."
            )
        isClass = isinstance(identifier, type)
        return (
            fromTensor(identifier) if isClass or is_tensor_initializer(identifier) else identifier
        )

    def __missing__(self, name):
        raise unknown_name("initialisation", name, self)


initD = Registry()


def _registered(lawOf: Callable[[Connection, Options], WeightLaw]) -> Initialisation:
    initD[lawOf.__name__] = Initialisation(lawOf)
    return initD[lawOf.__name__]


def _priorityVariance(connection: Connection, options: Options) -> float:
    """Glorot's variance with priorities: (p0 + p1) a / (p1 fanIn + p0 fanOut)."""
    p0, p1 = options.signalPriorities
    fan = p1 * connection.fan_in + p0 * connection.fan_out
    return (p0 + p1) * options.rectifier_factor / fan


@_registered
def glorotNormal(connection: Connection, options: Options) -> WeightLaw:
    """Independent normal weights that weigh the forward signal against the gradient.

    .. math:: Var W = (p_0 + p_1) a / (p_1 fan_{in} + p_0 fan_{out})

    with a = 2 for `relu` without `mirror`, else 1, and (p0, p1) = `signalPriorities`: p1 weighs the
    forward signal, p0 the gradient; (0, 1) is fan in, (1, 0) fan out, (1, 1) Glorot's average. The
    fan in of a mirrored layer counts the channels before the doubling. Units: variance.

    References
    ----------
    Glorot & Bengio 2010, AISTATS, equation 12; He et al. 2015, arXiv 1502.01852 (a = 2);
    Balduzzi et al. 2017, arXiv 1702.08591, section 4 (mirror).

    Examples
    --------
    >>> initD['glorotNormal'].law((300,), (100,)).variance
    0.005
    """
    return connection.law("normal", math.sqrt(_priorityVariance(connection, options)))


@_registered
def glorotUniform(connection: Connection, options: Options) -> WeightLaw:
    """Independent uniform weights with the variance of `glorotNormal`, options and all.

    .. math:: |W| < \\sqrt{3 Var W}

    References
    ----------
    Glorot & Bengio 2010, AISTATS, equation 16.

    Examples
    --------
    >>> initD['glorotUniform'].law((300,), (100,)).family
    'uniform'
    """
    return connection.law("uniform", math.sqrt(_priorityVariance(connection, options)))


def _rectifierVariance(connection: Connection) -> float:
    # The factor 2 makes up for a rectifier, and a mirrored CReLU rectifies nothing.
    return (1 if connection.mirror else 2) / connection.fan_in


@_registered
def heNormal(connection: Connection, options: Options) -> WeightLaw:
    """Independent normal weights that keep the forward second moment through a ReLU.

    .. math:: Var W = 2 / fan_{in}

    or 1 / fan_in with `mirror`, the fan in then counted before the doubling: a mirrored CReLU is
    linear. Both are 2 over the stored number of inputs. Other options: `s`, `rng`.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equation 10.

    Examples
    --------
    >>> initD['heNormal'].law((200,), (100,)).variance.__round__(12)
    0.01
    """
    return connection.law("normal", math.sqrt(_rectifierVariance(connection)))


@_registered
def heUniform(connection: Connection, options: Options) -> WeightLaw:
    """Independent uniform weights with the variance of `heNormal`.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, equation 10.

    Examples
    --------
    >>> initD['heUniform'].law((200,), (100,)).family
    'uniform'
    """
    return connection.law("uniform", math.sqrt(_rectifierVariance(connection)))


@_registered
def lecunNormal(connection: Connection, options: Options) -> WeightLaw:
    """Independent normal weights that keep the forward second moment of a linear layer.

    .. math:: Var W = 1 / fan_{in}

    The fan in of a mirrored layer counts the channels before the doubling.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp', equation 16.

    Examples
    --------
    >>> initD['lecunNormal'].law((100,), (30,)).variance.__round__(12)
    0.01
    """
    return connection.law("normal", math.sqrt(1 / connection.fan_in))


@_registered
def lecunUniform(connection: Connection, options: Options) -> WeightLaw:
    """Independent uniform weights with the variance of `lecunNormal`.

    References
    ----------
    LeCun, Bottou, Orr, Mueller 1998, 'Efficient BackProp', equation 16.

    Examples
    --------
    >>> initD['lecunUniform'].law((100,), (30,)).family
    'uniform'
    """
    return connection.law("uniform", math.sqrt(1 / connection.fan_in))


@_registered
def orthogonal(connection: Connection, options: Options) -> WeightLaw:
    """A uniformly distributed orthonormal frame between channels, in the centre tap of a kernel.

    .. math:: W = g \\sqrt{2 a m / (channelsIn + numFilters)}\\; U, \\qquad m = \\max

    with a = 2 for `relu` without `mirror`, else 1, and the channels of a mirrored layer counted
    before the doubling. `rescale='none'` leaves sqrt(a) U, so that singular values are sqrt(a);
    'suo' gives sqrt(a) max(sqrt(numFilters / channelsIn), 1) U, which keeps the forward signal
    where the layer widens.

    g = 1. With `pooling`, meant for strides of (2, 2), the frame is spread over the 2x2 block of
    taps that Theano's flipping convolution with border_mode 'half' reads without overlap (for a
    filter of 2x2: 'valid'), and g = 0.4, or 0.28 when mirrored. `poolingScale='auto'` takes

    .. math:: g = 1 / \\sqrt{4 + 12 \\rho}

    which preserves the second moment where the uncentred correlation of neighbours is `rho` (the
    mean over horizontal, vertical and diagonal ones).

    An even filter has its centre at tap (s - 1) // 2, which shifts the image by half a pixel; with
    border_mode 'half' it also makes one window more, of which half lies outside the image.

    References
    ----------
    Saxe et al. 2013, arXiv 1312.6120 (orthogonal); Xiao et al. 2018, arXiv 1806.05393, section 3
    (in the centre tap); Balduzzi et al. 2017, arXiv 1702.08591, section 4 (mirror); Martens et al.
    2021, arXiv 2110.01765 (scale-corrected uniform orthogonal, 'suo').

    Examples
    --------
    >>> initD['orthogonal'].law((6, 8, 8), (6, 8, 8)).gain
    1.0
    >>> initD['orthogonal'].law((6, 8, 8), (6, 8, 8), pooling=True).taps
    'average'
    """
    gain, taps = _frameGain(connection, options), "centre"
    if options.pooling and connection.sides:
        connection.refuse_small_filter()
        gain, taps = gain * options.pooling_factor, "average"
    return connection.law(
        "haar", gain / math.sqrt(max(connection.channels_in, connection.num_filters)), taps
    )


def _frameGain(connection: Connection, options: Options) -> float:
    inward, outward = connection.channels_in, connection.num_filters
    rescale = {
        "none": 1.0,
        "suo": max(math.sqrt(outward / inward), 1.0),
        "glorot": math.sqrt(2 * max(inward, outward) / (inward + outward)),
    }[options.rescale]
    return math.sqrt(options.rectifier_factor) * rescale


@_registered
def zeros(connection: Connection, options: Options) -> WeightLaw:
    """Weights of zero.

    Examples
    --------
    >>> initD['zeros'].law((3,), (2,)).variance
    0.0
    """
    return connection.law("constant", 0.0)


@_registered
def identity(connection: Connection, options: Options) -> WeightLaw:
    """Ones on the diagonal between channels, in the centre tap of a kernel; else zeros.

    Not square, the rest is zero. Mirrored, [1; -1]: after a CReLU it gives back what entered.

    Examples
    --------
    >>> initD['identity']((4,), (2,), mirror=True)[0].get_value()
    array([[ 1.,  0.],
           [ 0.,  1.],
           [-1.,  0.],
           [ 0., -1.]]...)
    """
    return connection.law("identity", 1.0, "centre")


#: What fills a dense weight where a class fills kernels alone: the same, in a filter of one tap.
DENSE = {
    initializers.DeltaOrthogonal: initializers.Orthogonal,
    initializers.Dirac: initializers.Identity,
}


def _kerasEntry(name: str, kind: type) -> TensorInitialisation:
    def make(isDense=False, **arguments):
        chosen = DENSE.get(kind, kind) if isDense else kind
        known = inspect.signature(chosen).parameters
        return chosen(**{key: value for key, value in arguments.items() if key in known})

    make.__doc__ = kind.__doc__
    own = [argument for argument in inspect.signature(kind).parameters if argument != "seed"]
    return TensorInitialisation(make, own, initializers.Zeros(), name)


# Keras's names in camelCase: random_normal becomes randomNormal. Those above keep their laws.
for _name, _kind in initializers.CLASSES.items():
    _first, *_words = _name.split("_")
    _camel = "".join([_first, *map(str.title, _words)])
    if _name.islower() and _camel not in initD:
        initD[_camel] = _kerasEntry(_camel, _kind)


def _asBias(values, outputShape: Sequence[int]):
    """A number for each unit as (1, out), or (1, out, 1, 1), to broadcast over the other axes."""
    return values.reshape(1, -1, *(1 for _ in outputShape[1:]))
