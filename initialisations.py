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
                   looks-linear, for layers that follow a CReLU. Linear, so `relu` is void then;
                   or a number r from 0 (False) to 1 (True): halves of correlation -r
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

import inspect
import math
from collections.abc import Callable

from initialising import Initialisation, TensorInitialisation, fromTensor
from lookslinear import initializers
from lookslinear.adapting import is_tensor_initializer
from lookslinear.connections import Connection, Options
from lookslinear.errors import unknown_name
from lookslinear.laws import WeightLaw


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
    fan in of a mirrored layer counts the channels before the doubling, whatever the degree of the
    mirror: CReLU keeps the second moment of each, so the balance is the same for all degrees above
    0. At 0 the fan in counts what is stored, as for any other layer. Units: variance.

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
    linear. Both are 2 over the stored number of inputs, so all degrees of mirroring, from 0 to 1,
    have one scale, which keeps the second moment through a CReLU. Other options: `s`, `rng`.

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

    The fan in of a mirrored layer counts the channels before the doubling, for every degree of the
    mirror above 0.

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
    where the layer widens. Mirrored to a degree r below 1, the second half is
    -r U + sqrt(1 - r^2) U' with another frame U', and is no frame itself.

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
    shared = ("seed", "mirror")  # options of every entry: rng gives the seed
    own = [argument for argument in inspect.signature(kind).parameters if argument not in shared]
    return TensorInitialisation(make, own, initializers.Zeros(), name)


# Keras's names in camelCase: random_normal becomes randomNormal. Those above keep their laws.
for _name, _kind in initializers.CLASSES.items():
    _first, *_words = _name.split("_")
    _camel = "".join([_first, *map(str.title, _words)])
    if _name.islower() and _camel not in initD:
        initD[_camel] = _kerasEntry(_camel, _kind)
