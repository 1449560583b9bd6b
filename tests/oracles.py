"""Slow second implementations in NumPy, written from the definitions, for tests to compare with."""

import itertools

import numpy as np
from scipy import integrate, special


def conv2d_oracle(images, kernels, strides=(1, 1), padding=(0, 0)):
    """Convolve images (batch, in, rows, columns) with flipped kernels (out, in, rows, columns)."""
    top, left = padding
    images = np.pad(images, ((0, 0), (0, 0), (top, top), (left, left)))
    flipped = kernels[:, :, ::-1, ::-1]
    rows, columns = kernels.shape[2:]
    outputs = []
    for row in range(0, images.shape[2] - rows + 1, strides[0]):
        line = []
        for column in range(0, images.shape[3] - columns + 1, strides[1]):
            window = images[:, :, row : row + rows, column : column + columns]
            line.append(np.einsum("ncij,ocij->no", window, flipped))
        outputs.append(line)
    # (rows, columns, batch, out)
    return np.array(outputs).transpose(2, 3, 0, 1)


def crelu_oracle(x):
    """[x where x > 0, -x where x < 0] along axis 1, one number at a time."""
    halves = [np.zeros_like(x), np.zeros_like(x)]
    for index, value in np.ndenumerate(x):
        halves[0 if value > 0 else 1][index] = abs(value)
    return np.concatenate(halves, axis=1)


def pool2d_oracle(images, s=(2, 2), strides=(2, 2), reduce=np.max):
    """The `reduce` of each whole window of images (batch, channels, rows, columns)."""
    return np.array(
        [
            [
                reduce(images[:, :, r : r + s[0], c : c + s[1]], axis=(2, 3))
                for c in range(0, images.shape[3] - s[1] + 1, strides[1])
            ]
            for r in range(0, images.shape[2] - s[0] + 1, strides[0])
        ]
    ).transpose(2, 3, 0, 1)


def fans_oracle(shape, input_axis, output_axis, groups=1):
    """The entries that feed each output channel, and that each input channel feeds, counted."""
    feeding, fed = {}, {}
    for index in np.ndindex(*shape):
        output = index[output_axis]
        group = output * groups // shape[output_axis]
        channel = (group, index[input_axis])
        feeding[output] = feeding.get(output, 0) + 1
        fed[channel] = fed.get(channel, 0) + 1
    (fan_in,), (fan_out,) = set(feeding.values()), set(fed.values())
    return fan_in, fan_out


def _leaky(slope):
    return lambda h: h * (slope + (1 - slope) * (h > 0)), lambda h: slope + (1 - slope) * (h > 0)


def _exponential(scale, alpha):
    def tail(h):
        return alpha * np.exp(h * (h <= 0)) * (h <= 0)

    return (
        lambda h: scale * (h * (h > 0) + tail(h) - alpha * (h <= 0)),
        lambda h: scale * (1.0 * (h > 0) + tail(h)),
    )


#: Activation and derivative, written again.
ACTIVATIONS_ORACLE = {
    "linear": (lambda h: h, lambda h: np.ones(h.shape)),
    "relu": _leaky(0.0),
    "leakyRelu": _leaky(0.01),
    "leakyRelu(0.3)": _leaky(0.3),
    "leakyRelu(-1.0)": (np.abs, np.sign),
    "crelu": (
        lambda h: np.concatenate([h * (h > 0), -h * (h < 0)], axis=-1),
        lambda h: np.concatenate([1.0 * (h > 0), -1.0 * (h < 0)], axis=-1),
    ),
    "tanh": (
        lambda h: 1 - 2 / (np.exp(2 * h) + 1),
        lambda h: 4 / (np.exp(h) + np.exp(-h)) ** 2,
    ),
    "erf": (special.erf, lambda h: 2 * np.exp(-h * h) / np.sqrt(np.pi)),
    "hardTanh": (lambda h: (np.abs(h + 1) - np.abs(h - 1)) / 2, lambda h: 1.0 * (np.abs(h) <= 1)),
    "sigmoid": (lambda h: 1 / (1 + np.exp(-h)), lambda h: 1 / (2 + 2 * np.cosh(h))),
    "gelu": (
        lambda h: h * special.erfc(-h / np.sqrt(2)) / 2,
        lambda h: special.erfc(-h / np.sqrt(2)) / 2 + h * np.exp(-h * h / 2) / np.sqrt(2 * np.pi),
    ),
    "silu": (
        lambda h: h / (1 + np.exp(-h)),
        lambda h: 1 / (1 + np.exp(-h)) + h / (2 + 2 * np.cosh(h)),
    ),
    "elu": _exponential(1.0, 1.0),
    "selu": _exponential(1.0507009873554805, 1.6732632423543772),
    "softplus": (
        lambda h: np.log1p(np.exp(-np.abs(h))) + h * (h > 0),
        lambda h: 1 / (1 + np.exp(-h)),
    ),
}


def dense_net_oracle(weights, activations, x, gradient):
    """Pre-activations of h = phi(h) W layer by layer, and the gradients that reach them.

    The weights are (..., in, out), so that many networks go side by side.
    """
    forward, h = [], x
    for weight, name in zip(weights, activations, strict=True):
        h = ACTIVATIONS_ORACLE[name][0](h) @ weight
        forward.append(h)
    backward, g = [gradient], gradient
    for h, weight, name in zip(forward[-2::-1], weights[:0:-1], activations[:0:-1], strict=True):
        g = (g @ np.swapaxes(weight, -1, -2)) * ACTIVATIONS_ORACLE[name][1](h)
        if name == "crelu":
            units = h.shape[-1]
            g = g[..., :units] + g[..., units:]
        backward.append(g)
    return forward, backward[::-1]


def gaussian_mean_oracle(function, variance, kinks=(0.0,)):
    """E f(sqrt(variance) z) for a standard normal z, by adaptive quadrature between kinks of f."""
    deviation = np.sqrt(variance)

    def integrand(z):
        return function(deviation * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

    ends = [-40, *(kink / deviation for kink in kinks if abs(kink) < 40 * deviation), 40]
    pieces = [integrate.quad(integrand, *piece, epsabs=1e-13) for piece in itertools.pairwise(ends)]
    return sum(value for value, _ in pieces)
