"""Second moments layer by layer, in streams: (stages, data, gradient, seed) -> log mean squares.

One function is compiled for each *kind* of layer and shared by all networks. A layer's weights are
drawn when they are needed and dropped; the way back draws them again, bit by bit the same. So depth
costs time in proportion and next to no memory.
"""

from __future__ import annotations

import functools
import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utilityFunctions import T, compileFunction, floatX, gradient
from layers import FC, Activation, Convolution, Representation
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, child_seed, draw
from lookslinear.theory import Stage

#: What the weights that are kept between a way forward and the way back may take.
WEIGHT_MEMORY = 32 * 2**20


class LogMeanSquares(NamedTuple):
    """The natural logs of mean squares over the units of a layer: arrays (depth, samples).

    `forward` is that of pre-activations, `backward` that of the gradient with respect to them.
    """

    forward: np.ndarray
    backward: np.ndarray


def propagate(
    stages: Sequence[Stage], x: np.ndarray, outputGradient: np.ndarray, seed: Rng
) -> LogMeanSquares:
    """Send a batch through a network at initialisation, and a gradient back from its outputs.

    Where all activations are 1-homogeneous the signal is scaled by powers of two on its way, which
    changes no bit of its digits, so that no depth under- or overflows; gradients always are.

    Parameters
    ----------
    stages : sequence of Stage
    x : array (samples, n), or (samples, channels, rows, columns)
    outputGradient : array shaped like the last stage's outputs
    seed : None, int or SeedSequence
        Layer l draws its weights from the l-th child.

    Returns
    -------
    LogMeanSquares

    Examples
    --------
    >>> from experiments.arms import Arm
    >>> from experiments.networks import stagesOf
    >>> from lookslinear.sampling import standard_normal
    >>> stages = stagesOf(Arm.parse("orthogonal+mirror/crelu"), (8,), "dense", depth=50, width=8)
    >>> x, back = (standard_normal((4, 8), rng, floatX()) for rng in (0, 1))
    >>> logs = propagate(stages, x, back, seed=2)
    >>> bool(np.ptp(logs.forward, axis=0).max() < 1e-4), logs.backward.shape
    (True, (50, 4))
    """
    network = _Network(stages, x.shape[1:], seed)
    forward, checkpoints = _forward(network, x.astype(floatX()))
    return LogMeanSquares(forward, _backward(network, checkpoints, outputGradient))


class _Network:
    """The stages of one network, their compiled kinds, and their weights."""

    def __init__(self, stages: Sequence[Stage], inputShape: Sequence[int], seed: Rng):
        self.stages, self.weights = stages, _Weights(stages, seed)
        shapes = [tuple(inputShape)]
        shapes += [(stage.units, *inputShape[1:]) for stage in stages[1:]]
        self.kinds = [
            kindOf(
                shape, stage.activation.name, stage.law.output_channels, stage.law.receptive_field
            )
            for shape, stage in zip(shapes, stages, strict=True)
        ]
        self.homogeneous = all(stage.activation.homogeneous for stage in stages)
        # Checkpoints and the segments between them take the same memory.
        self.segment = max(1, math.isqrt(len(stages)))

    def __len__(self):
        return len(self.stages)

    def forward(self, l: int, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rescaled outputs of stage l, their log mean squares, and the log of the scaling."""
        signal, meanSquares = self.kinds[l].forward(signal, self.weights[l])
        logs = _log(meanSquares)
        shift = _rescale(signal, logs) if self.homogeneous else np.zeros_like(logs)
        return signal, logs, shift

    def backward(self, l: int, signal: np.ndarray, gradient: np.ndarray):
        """The same for the gradient before stage l, whose inputs were `signal`."""
        gradient, meanSquares = self.kinds[l].backward(signal, gradient, self.weights[l])
        logs = _log(meanSquares)
        return gradient, logs, _rescale(gradient, logs)


def _forward(network: _Network, signal: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Log mean squares (depth, samples), and the input of every segment's first stage."""
    logs, carried, checkpoints = [], np.zeros(len(signal)), []
    for l in range(len(network)):
        if l % network.segment == 0:
            checkpoints.append(signal)
        signal, log, shift = network.forward(l, signal)
        logs.append(log + carried)
        carried = carried + shift
    return np.array(logs), checkpoints


def _backward(network: _Network, checkpoints: list[np.ndarray], gradient: np.ndarray) -> np.ndarray:
    gradient = gradient.astype(floatX())
    logs, carried = [_log(np.mean(np.square(_rows(gradient), dtype=float), axis=1))], 0.0
    for l, signal in _inputsFromTheLast(network, checkpoints):
        if l == 0:
            break
        gradient, log, shift = network.backward(l, signal, gradient)
        logs.append(log + carried)
        carried = carried + shift
    return np.array(logs[::-1])


def _inputsFromTheLast(network: _Network, checkpoints: list[np.ndarray]):
    """Every stage's number and input, last first, each segment computed again from its start."""
    for start in reversed(range(0, len(network), network.segment)):
        signals = [checkpoints[start // network.segment]]
        for l in range(start, min(start + network.segment, len(network)) - 1):
            signals.append(network.forward(l, signals[-1])[0])
        while signals:
            yield start + len(signals) - 1, signals.pop()


class Kind:
    """One kind of layer, activation and then weight, each way compiled once, when first needed."""

    def __init__(self, inputShape, activation: str, channels: int, sides):
        self._before = Representation(inputShape)
        layer = Convolution(channels, s=sides, bias=False) if sides else FC(channels, bias=False)
        self._after = layer(Activation(activation)(self._before))
        self._weight = layer.weight

    def forward(self, signal: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
        """The pre-activations after the layer, and their mean squares, one a sample."""
        self._weight.set_value(weight, borrow=True)
        return self._forward(signal)

    def backward(
        self, signal: np.ndarray, gradient: np.ndarray, weight: np.ndarray
    ) -> list[np.ndarray]:
        """The gradient before the layer, and its mean squares, one a sample."""
        self._weight.set_value(weight, borrow=True)
        return self._backward(signal, gradient)

    @functools.cached_property
    def _forward(self):
        return compileFunction([self._before.input], _withMeanSquares(self._after.tensor))

    @functools.cached_property
    def _backward(self):
        before, after = self._before.input, self._after.tensor
        arriving = after.type("gradient")
        leaving = gradient(None, before, known_grads={after: arriving})
        # A linear layer's gradient does not depend on its input.
        return compileFunction(
            [before, arriving], _withMeanSquares(leaving), on_unused_input="ignore"
        )


def kindOf(
    inputShape: tuple[int, ...], activation: str, channels: int, sides: tuple[int, ...]
) -> Kind:
    """The compiled kind of layer; the same one for the same arguments and floatX."""
    return _kindOfDtype(inputShape, activation, channels, sides, floatX())


@functools.lru_cache
def _kindOfDtype(inputShape, activation, channels, sides, dtype) -> Kind:
    return Kind(inputShape, activation, channels, sides)


class _Weights:
    """The weights of a network, drawn when asked for; the last few are remembered."""

    def __init__(self, stages: Sequence[Stage], seed: Rng):
        self._laws: list[WeightLaw] = [stage.law for stage in stages]
        self._seed = seed
        self._drawn: OrderedDict[int, np.ndarray] = OrderedDict()
        self._bytes = 0

    def __getitem__(self, l: int) -> np.ndarray:
        if l not in self._drawn:
            self._drawn[l] = draw(self._laws[l], child_seed(self._seed, l))
            self._bytes += self._drawn[l].nbytes
            while self._bytes > WEIGHT_MEMORY and len(self._drawn) > 1:
                self._bytes -= self._drawn.popitem(last=False)[1].nbytes
        return self._drawn[l]


def _withMeanSquares(tensor):
    return [tensor, T.mean(T.sqr(tensor), axis=list(range(1, tensor.ndim)), dtype="float64")]


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1)


def _log(meanSquares: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.log(meanSquares)


def _rescale(signal: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Bring each sample near a mean square of 1, by a power of two; the log of it is returned."""
    exponents = np.where(np.isfinite(logs), np.round(logs / (2 * math.log(2))), 0)
    signal *= np.exp2(-exponents).reshape(-1, *[1] * (signal.ndim - 1)).astype(signal.dtype)
    return 2 * math.log(2) * exponents
