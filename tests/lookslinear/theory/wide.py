"""Networks of `Stage` and `Residual` in plain NumPy, drawn and run there and back: the oracle."""

import functools
import math

import numpy as np

from lookslinear.sampling import draw
from lookslinear.theory import (
    Batch,
    Residual,
    backward_second_moments,
    correlations,
    forward_second_moments,
    gradient_correlations,
    weight_gradient_second_moments,
)
from tests.oracles import ACTIVATIONS_ORACLE, conv2d_oracle


def run(network, x, gradient, rng):
    """Outputs and gradients of each element, lists of (samples, units, ...), and of the weights.

    Of the gradients of weights only mean squares (samples,) are kept; convolutions have None.
    """
    steps, outputs, h = [], [], x
    for element in network:
        h, back = element_oracle(element, h, rng)
        steps.append(back)
        outputs.append(h)
    gradients, of_weights, g = [], [], gradient
    for back in steps[::-1]:
        gradients.append(g)
        g, found = back(g)
        of_weights = found + of_weights
    return outputs, gradients[::-1], of_weights


def element_oracle(element, h, rng):
    """The outputs, and the way back: gradient -> (gradient before, those of the weights)."""
    if not isinstance(element, Residual):
        return stage_oracle(element, h, rng)
    out, steps = h, []
    for stage in element.branch:
        out, back = stage_oracle(stage, out, rng)
        steps.append(back)
    function, derivative = ACTIVATIONS_ORACLE[element.activation.name]
    slope = derivative(out)

    def back(g):
        passed, of_weights = element.scale * slope * g, []
        for step in steps[::-1]:
            passed, found = step(passed)
            of_weights = found + of_weights
        return element.skip * g + passed, of_weights

    return element.skip * h + element.scale * function(out), back


def stage_oracle(stage, h, rng):
    weight = draw(stage.law, rng)
    centred = h if stage.normalisation == "none" else h - h.mean(axis=0)
    deviation = centred.std(axis=0) if stage.normalisation == "batch" else 1.0
    read = centred / deviation
    function, derivative = ACTIVATIONS_ORACLE[stage.activation.name]
    if stage.law.receptive_field:
        function, derivative = (along_channels(f) for f in (function, derivative))
    f, slope = function(read), derivative(read)
    matrix, shape = matrix_of(weight, stage, f.shape[1:])
    bias = rng.standard_normal((1, shape[0], *[1] * (len(shape) - 1)))
    out = (f.reshape(len(f), -1) @ matrix).reshape(len(f), *shape)
    out = out + np.sqrt(stage.bias_variance) * bias

    def back(g):
        arriving = (g.reshape(len(g), -1) @ matrix.T).reshape(f.shape) * slope
        if stage.activation.doubles:
            arriving = arriving[:, : h.shape[1]] + arriving[:, h.shape[1] :]
        # The mean square of the outer product f g, the gradient of one sample.
        found = (f**2).mean(axis=1) * (g**2).mean(axis=1) if f.ndim == 2 else None
        return arriving / deviation, [found]

    return out, back


def along_channels(function):
    """A function of the last axis, for one of the second."""
    return lambda x: np.moveaxis(function(np.moveaxis(x, 1, -1)), -1, 1)


def matrix_of(weight, stage, shape):
    """The weight of a layer on inputs of this shape as a matrix (in, out); its outputs' shape."""
    sides = stage.law.receptive_field
    if not sides:
        return weight, weight.shape[1:]
    places = placements(sides, shape[1:], stage.padding, stage.stride)
    taps = weight.reshape(*weight.shape[:2], -1)
    matrix = np.tensordot(taps, places.reshape(len(places), -1), axes=1)
    positions, places_out = places.shape[1], places.shape[2:]
    matrix = matrix.reshape(*weight.shape[:2], positions, -1).transpose(1, 2, 0, 3)
    written = weight.shape[0]
    return matrix.reshape(len(matrix) * positions, -1), (written, *places_out)


@functools.lru_cache
def placements(sides, image, padding, stride):
    """What each tap alone makes of every image of a single 1: (taps, positions, rows, columns)."""
    ones = np.eye(math.prod(image)).reshape(-1, 1, *image)
    if padding != "valid":
        mode = {"zeros": "constant", "circular": "wrap"}[padding]
        ones = np.pad(ones, ((0, 0), (0, 0), *((s // 2, s // 2) for s in sides)), mode=mode)
    taps = np.eye(math.prod(sides)).reshape(-1, 1, 1, *sides)
    return np.array([conv2d_oracle(ones, tap, (stride, stride))[:, 0] for tap in taps])


def alike(samples, units, rng, correlation=0.0):
    """Samples of mean square 1 with exactly this correlation between any two."""
    assert units > samples
    frame = np.sqrt(units) * np.linalg.qr(rng.standard_normal((units, samples + 1)))[0].T
    return np.sqrt(correlation) * frame[:1] + np.sqrt(1 - correlation) * frame[1:]


def moments(values, axis=-1):
    """The mean square of samples, and the mean product of two of them, over an axis: two arrays.

    Of n samples the squares of the sum and of each give both.
    """
    count = len(values)
    squares = (values**2).mean(axis=axis).sum(axis=0)
    of_sum = (values.sum(axis=0) ** 2).mean(axis=axis if axis < 0 else axis - 1)
    return np.array([squares / count, (of_sum - squares) / (count * (count - 1))])


def normal_gradient(samples, shape, rng):
    """The same random gradient for all samples, of mean square 1 exactly."""
    gradient = rng.standard_normal((1, *shape))
    return np.repeat(gradient / np.sqrt((gradient**2).mean()), samples, axis=0)


NAMES = ("moments", "covariances", "gradients", "gradient covariances", "weight gradients")


def measure(network, samples, networks, seed, correlation=0.0):
    """Moments and covariances of dense nets, (networks, elements) each, under five names."""
    rng = np.random.default_rng(seed)
    x, found = alike(samples, network[0].reads, rng, correlation), []
    for _ in range(networks):
        gradient = normal_gradient(samples, (network[-1].writes,), rng)
        outputs, gradients, of_weights = run(network, x, gradient, rng)
        forward, backward = (np.array([moments(v) for v in vs]).T for vs in (outputs, gradients))
        found.append([*forward, *backward, np.array([square.mean() for square in of_weights])])
    return {name: np.array(v) for name, v in zip(NAMES, zip(*found, strict=True), strict=True)}


def predict(network, correlation=0.0, batch=None):
    """The same from theory, for data of second moment 1."""
    batch = batch or Batch()
    forward = np.array(forward_second_moments(network, 1.0, batch))
    backward = np.array(backward_second_moments(network, forward, 1.0, batch))
    alike = np.array(correlations(network, 1.0, correlation, batch))
    gradients_alike = np.array(gradient_correlations(network, 1.0, correlation, batch))
    of_weights = np.array(weight_gradient_second_moments(network, 1.0, 1.0, batch))
    values = (forward, alike * forward, backward, gradients_alike * backward, of_weights)
    return dict(zip(NAMES, values, strict=True))
