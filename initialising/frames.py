"""Orthogonal weights: frames between channels, kernels that keep norms."""

from __future__ import annotations

import math

from initialising.registry import registered
from lookslinear.connections import Connection, Options
from lookslinear.errors import known_name
from lookslinear.initializers.frames import MODES
from lookslinear.laws import WeightLaw


@registered()
def orthogonal(connection: Connection, options: Options, *, mode: str = "auto") -> WeightLaw:
    """A uniformly distributed orthonormal frame between channels, in the centre tap of a kernel.

    .. math:: W = g \\sqrt{2 a m / (channelsIn + numFilters)}\\; U, \\qquad m = \\max

    with a = 2 for `relu`, the square of the gain of an `activation`, 1 with `mirror`, and the
    channels of a mirrored layer counted before the doubling. `rescale='none'` leaves sqrt(a) U, so
    that singular values are sqrt(a); 'suo' gives sqrt(a) max(sqrt(numFilters / channelsIn), 1) U,
    which keeps the forward signal where the layer widens. Mirrored to a degree r below 1, the
    second half is -r U + sqrt(1 - r^2) U' with another frame U', and is no frame itself.

    g = 1. With `pooling`, meant for strides of (2, 2), the frame is spread over the 2x2 block of
    taps that Theano's flipping convolution with border_mode 'half' reads without overlap (for a
    filter of 2x2: 'valid'), and g = 0.4, or 0.28 when mirrored. `poolingScale='auto'` takes

    .. math:: g = 1 / \\sqrt{4 + 12 \\rho}

    which preserves the second moment where the uncentred correlation of neighbours is `rho` (the
    mean over horizontal, vertical and diagonal ones).

    `mode` says what the frame is to be, and refuses shapes of which it cannot be that: 'projection'
    has orthonormal outputs (numFilters <= channelsIn), 'embedding' keeps the norm of what it reads
    (>=), 'basis' is square; 'auto' takes any. With `groups` or `perBlock=k` each group and block
    has a frame, and a gain, of its own: so each gate of a recurrent kernel is orthogonal.

    An even filter has its centre at tap (s - 1) // 2, which shifts the image by half a pixel; with
    border_mode 'half' it also makes one window more, of which half lies outside the image.

    References
    ----------
    Saxe et al. 2013, arXiv 1312.6120 (orthogonal); Xiao et al. 2018, arXiv 1806.05393, section 3
    (in the centre tap); Balduzzi et al. 2017, arXiv 1702.08591, section 4 (mirror); Martens et al.
    2021, arXiv 2110.01765 (scale-corrected uniform orthogonal, 'suo').

    Examples
    --------
    >>> from initialisations import initD
    >>> initD['orthogonal'].law((6, 8, 8), (6, 8, 8)).gain
    1.0
    >>> initD['orthogonal'].law((6, 8, 8), (6, 8, 8), pooling=True).taps
    'average'
    """
    _refuseOtherMode(mode, connection)
    return frameLaw(connection, options)


def frameLaw(connection: Connection, options: Options) -> WeightLaw:
    """The law of frames that options and shapes ask for: `orthogonal`, and looks-linear ones."""
    gain, taps = frameGain(connection, options), "centre"
    if options.pooling and connection.sides:
        connection.refuse_small_filter()
        gain, taps = gain * options.pooling_factor, "average"
    return connection.framed(gain, taps)


def frameGain(connection: Connection, options: Options) -> float:
    """The singular value of frames: their rescaling times the gain of the activation."""
    inward, outward = connection.channels_in, connection.block_filters
    rescale = {
        "none": 1.0,
        "suo": max(math.sqrt(outward / inward), 1.0),
        "glorot": math.sqrt(2 * max(inward, outward) / (inward + outward)),
    }[options.rescale]
    return math.sqrt(options.gain_factor()) * rescale


def _refuseOtherMode(mode: str, connection: Connection) -> None:
    wanted, holds = MODES[known_name("mode", mode, MODES)]
    shape = connection.channels_in, connection.block_filters
    if not holds(*shape):
        raise ValueError(
            f"orthogonal with mode={mode!r} needs {wanted}. Received: {shape[0]} to {shape[1]}, "
            f"of one group and block, before a doubling. Use mode='auto'."
        )


@registered()
def orthogonalConvolution(connection: Connection, options: Options) -> WeightLaw:
    """A kernel on all its taps that keeps the norm of every image, under circular padding.

    .. math:: \\sum_x |(K * f)(x)|^2 = g^2 \\sum_x |f(x)|^2 \\qquad (channelsIn \\le numFilters)

    with g the gain of `orthogonal`, `rescale` and `activation` included. For channelsIn above
    numFilters it keeps the norm of every gradient on the way back. It is made of a Haar frame
    between channels and, for each further tap, of an orthogonal projection of half the rank, so
    that the mean square of a tap is a product of binomial coefficients, (1/4, 1/2, 1/4) for a side
    of 3. `orthogonal` has the frame in the centre tap, and keeps norms under zero padding too.

    A dense weight is a filter of one tap: a frame. With `groups` or `perBlock` each has its own.
    `pooling` has no effect.

    References
    ----------
    Xiao et al. 2018, arXiv 1806.05393, algorithm 1.

    Examples
    --------
    >>> from initialisations import initD
    >>> law = initD['orthogonalConvolution'].law((6, 8, 8), (6, 8, 8))
    >>> law.family, round(law.gain, 12)
    ('haar_convolution', 1.0)
    """
    gain = frameGain(connection, options)
    if not connection.sides:
        return connection.framed(gain)
    longer = max(connection.channels_in, connection.block_filters)
    return connection.law(
        "haar_convolution", gain / math.sqrt(longer * math.prod(connection.sides))
    )
