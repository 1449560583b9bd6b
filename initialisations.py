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
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from utilityFunctions import floatX, sharedVar, zeroShared
from lookslinear.errors import nearest, real_number, unknown_name, whole_numbers
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, draw

RESCALES = ("glorot", "none", "suo")


@dataclass(frozen=True)
class Options:
    """The options that every initialisation takes; the module's docstring says what each means."""

    s: int | Sequence[int] = (3, 3)
    relu: bool = False
    mirror: bool = False
    pooling: bool = False
    signalPriorities: Sequence[float] = (1.0, 1.0)
    rescale: str = "glorot"
    poolingScale: float | str | None = None
    rho: float = 0.0
    rng: Rng = None

    def __post_init__(self):
        object.__setattr__(self, "s", _filterSides(self.s))
        for name in ("relu", "mirror", "pooling"):
            _refuseNonBoolean(name, getattr(self, name))
        _refuseBadPriorities(self.signalPriorities)
        if self.rescale not in RESCALES:
            raise unknown_name("rescale", self.rescale, RESCALES)
        _refuseBadPoolingScale(self.poolingScale, self.rho)

    @property
    def rectifierFactor(self) -> int:
        """2 where a ReLU throws half of the second moment away, 1 where none does."""
        return 2 if self.relu and not self.mirror else 1


class Initialisation:
    """A named initialisation: call it for `[weight, bias]`, or ask for its `law` alone.

    Examples
    --------
    >>> weight, bias = initD['glorotNormal']((64,), (32,), mirror=True, rng=1)
    >>> weight.get_value().shape, bias.get_value().shape, bias.broadcastable
    ((64, 32), (1, 32), (True, False))
    """

    def __init__(self, lawOf: Callable[[Connection, Options], WeightLaw]):
        functools.update_wrapper(self, lawOf)
        self._lawOf = lawOf

    def __call__(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> list:
        """[weight, bias] as shared variables of floatX; the bias is zero."""
        law = self.law(inputShape, outputShape, **options)
        weight = sharedVar(draw(law, options.get("rng")), name="weight")
        return [weight, zeroBias(outputShape)]

    def law(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> WeightLaw:
        """The claim that a weight of these shapes will follow; nothing is drawn."""
        checked = _checkedOptions(options)
        connection = Connection.between(inputShape, outputShape, checked)
        return self._lawOf(connection, checked)

    def __repr__(self):
        return f"<initialisation {self.__name__}>"


@dataclass(frozen=True)
class Connection:
    """What a weight connects: channels in (before a doubling), filters, the filters' sides."""

    channelsIn: int
    numFilters: int
    sides: tuple[int, ...]
    mirror: bool

    @classmethod
    def between(
        cls, inputShape: Sequence[int], outputShape: Sequence[int], options: Options
    ) -> Connection:
        """From one sample shape to another; refuses shapes and options that do not fit."""
        inputShape = _sampleShape("inputShape", inputShape)
        outputShape = _sampleShape("outputShape", outputShape)
        if len(inputShape) != len(outputShape):
            raise ValueError(
                f"inputShape and outputShape must both be (n,) or both (channels, rows, columns). "
                f"Received: {inputShape} and {outputShape}."
            )
        channels = inputShape[0]
        if options.mirror and channels % 2:
            raise ValueError(
                f"mirror=True needs an even number of input channels, as a CReLU gives. "
                f"Received: inputShape {inputShape}."
            )
        sides = options.s if len(inputShape) == 3 else ()
        return cls(channels // (1 + options.mirror), outputShape[0], sides, options.mirror)

    @property
    def fanIn(self) -> int:
        return self.channelsIn * math.prod(self.sides)

    @property
    def fanOut(self) -> int:
        return self.numFilters * math.prod(self.sides)

    def law(self, family: str, scale: float, taps: str = "all") -> WeightLaw:
        """The law of this layer's weight, in Theano's layout and floatX."""
        channels = self.channelsIn * (1 + self.mirror)
        if not self.sides:
            shape, taps = (channels, self.numFilters), "all"
        else:
            shape = (self.numFilters, channels, *self.sides)
        axes = axes_of(len(shape), "theano")
        return WeightLaw(shape, axes, family, scale, taps, self.mirror, dtype=floatX())


class Registry(dict):
    """A dictionary of initialisations; an unknown name is refused with the nearest known one."""

    def __missing__(self, name):
        raise unknown_name("initialisation", name, self)


initD = Registry()


def _registered(lawOf: Callable[[Connection, Options], WeightLaw]) -> Initialisation:
    initD[lawOf.__name__] = Initialisation(lawOf)
    return initD[lawOf.__name__]


def _priorityVariance(connection: Connection, options: Options) -> float:
    """Glorot's variance with priorities: (p0 + p1) a / (p1 fanIn + p0 fanOut)."""
    p0, p1 = options.signalPriorities
    fan = p1 * connection.fanIn + p0 * connection.fanOut
    return (p0 + p1) * options.rectifierFactor / fan


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
    return (1 if connection.mirror else 2) / connection.fanIn


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
    return connection.law("normal", math.sqrt(1 / connection.fanIn))


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
    return connection.law("uniform", math.sqrt(1 / connection.fanIn))


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
        _refuseSmallFilter(connection.sides)
        gain, taps = gain * _poolingFactor(options), "average"
    return connection.law(
        "haar", gain / math.sqrt(max(connection.channelsIn, connection.numFilters)), taps
    )


def _frameGain(connection: Connection, options: Options) -> float:
    inward, outward = connection.channelsIn, connection.numFilters
    rescale = {
        "none": 1.0,
        "suo": max(math.sqrt(outward / inward), 1.0),
        "glorot": math.sqrt(2 * max(inward, outward) / (inward + outward)),
    }[options.rescale]
    return math.sqrt(options.rectifierFactor) * rescale


def _poolingFactor(options: Options) -> float:
    if options.poolingScale is None:
        return 0.28 if options.mirror else 0.4
    if options.poolingScale == "auto":
        return 1 / math.sqrt(4 + 12 * options.rho)
    return float(options.poolingScale)


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


def zeroBias(outputShape: Sequence[int]):
    """Zeros that broadcast over samples and positions: (1, out), or (1, out, 1, 1).

    Examples
    --------
    >>> zeroBias((5, 8, 8)).broadcastable
    (True, False, True, True)
    """
    shape = (1, outputShape[0], *(1 for _ in outputShape[1:]))
    return zeroShared(
        shape, broadcastable=tuple(axis != 1 for axis in range(len(shape))), name="bias"
    )


# Refusals


def _checkedOptions(options: dict) -> Options:
    known = [field.name for field in dataclasses.fields(Options)]
    for name in options:
        if name not in known:
            raise TypeError(
                f"unknown option {name!r}.{nearest(name, known)} Known: {', '.join(known)}."
            )
    return Options(**options)


def _sampleShape(name: str, shape: Sequence[int]) -> tuple[int, ...]:
    return whole_numbers(shape, name, (1, 3), "(n,) or (channels, rows, columns)")


def _filterSides(s: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(s, numbers.Integral) and not isinstance(s, bool):
        s = (s, s)
    return whole_numbers(s, "s", (2,), "two whole numbers, rows and columns, or one for both")


def _refuseNonBoolean(name: str, value: object) -> None:
    kind = str(getattr(value, "dtype", type(value).__name__))  # NumPy's single booleans serve too
    if kind != "bool" or getattr(value, "ndim", 0):
        raise TypeError(f"{name} must be True or False. Received: {value!r}.")


def _refuseBadPriorities(priorities: Sequence[float]) -> None:
    wanted = "signalPriorities must be two numbers (p0, p1), not both zero"
    if isinstance(priorities, str) or not isinstance(priorities, Sequence):
        raise TypeError(f"{wanted}. Received: {priorities!r}.")
    if len(priorities) != 2 or not any(priorities):
        raise ValueError(f"{wanted}. Received: {priorities!r}.")
    for priority in priorities:
        real_number(priority, "each of signalPriorities", least=0)


def _refuseBadPoolingScale(poolingScale: float | str | None, rho: float) -> None:
    wanted = "poolingScale must be a positive number, 'auto' or None"
    if isinstance(poolingScale, str):
        if poolingScale != "auto":
            raise ValueError(f"{wanted}. Received: {poolingScale!r}.")
    elif poolingScale is not None and real_number(poolingScale, "poolingScale") <= 0:
        raise ValueError(f"{wanted}. Received: {poolingScale!r}.")
    if not -1 / 3 < real_number(rho, "rho") <= 1:
        raise ValueError(
            f"rho must be above -1/3, where four neighbours cancel, and at most 1. "
            f"Received: {rho!r}."
        )


def _refuseSmallFilter(sides: tuple[int, ...]) -> None:
    if min(sides) < 2:
        raise ValueError(
            f"pooling=True spreads the kernel over 2x2 taps, so s must be at least (2, 2). "
            f"Received: {sides}. Use a larger filter or pooling=False."
        )
