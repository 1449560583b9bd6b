"""Second moments layer by layer, in streams: (stages, data, gradient, seed) -> log mean squares.

One function is compiled for each *kind* of layer and shared by all networks. A layer's weights are
drawn when they are needed and dropped; the way back draws them again, bit by bit the same. Of the
signal it needs the signs alone, if all activations are 1-homogeneous. So depth costs time in
proportion, and a bit for each number of the signal in memory.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utilityFunctions import floatX
from experiments.probes.inputs import Checkpoints, Signs
from experiments.probes.kinds import kindOf, meanSquares
from experiments.probes.products import productsAreShared
from experiments.probes.weights import Weights
from lookslinear.errors import NotCoveredError
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng
from lookslinear.sampling.blas import on_one_thread
from lookslinear.theory import Stage
from lookslinear.theory.stages import check_plain_chain

#: A sample is rescaled when its mean square is beyond this power of two, either way.
FAR = 32


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
        Plain ones, without biases, normalisation and strides, with zeros at the border.
    x : array (samples, n), or (samples, channels, rows, columns)
    outputGradient : array shaped like the last stage's outputs
    seed : None, int or SeedSequence
        Layer l draws its weights from the l-th child.

    Returns
    -------
    LogMeanSquares

    Raises
    ------
    NotCoveredError, ValueError, TypeError
        For stages that are not plain, that do not fit one another, or the batch; `Network` runs
        most of the others.

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
    _check(stages, x, outputGradient)
    network = _Network(stages, x.shape[1:], Weights(stages, seed))
    logs = LogMeanSquares(*np.empty((2, len(stages), len(x))))
    through = functools.partial(network.propagate, x, outputGradient, logs)
    if x.ndim == 2 and productsAreShared():
        on_one_thread(through)  # each of those who share a product calls BLAS
    else:
        through()
    return logs


def _check(stages: Sequence[Stage], x: np.ndarray, outputGradient: np.ndarray) -> None:
    check_plain_chain(stages, "the stream of second moments")
    for stage in stages:
        law = stage.law
        even = any(side % 2 == 0 for side in law.receptive_field)
        if stage.padding != "zeros" or law.axes.groups != 1 or even:
            raise NotCoveredError(
                f"the stream of second moments runs odd filters with zeros at the border, without "
                f"groups. Received: shape {law.shape}, padding {stage.padding!r}, "
                f"{law.axes.groups} groups."
            )
        _refuseOtherRank(x, law)
    _refuseOtherShape("x", x, (len(x), stages[0].units, *x.shape[2:]))
    outputs = (len(x), stages[-1].writes, *x.shape[2:])
    _refuseOtherShape("outputGradient", outputGradient, outputs)


def _refuseOtherRank(x: np.ndarray, law: WeightLaw) -> None:
    if x.ndim != len(law.shape):
        raise ValueError(
            f"x must have {len(law.shape)} axes, as weights of shape {law.shape} have. "
            f"Received: shape {x.shape}."
        )


def _refuseOtherShape(name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} must be of shape {shape}. Received: {array.shape}.")


class _Network:
    """The stages of one network, their compiled kinds, and the weights."""

    def __init__(self, stages: Sequence[Stage], inputShape: Sequence[int], weights: Weights):
        self.weights = weights
        shapes = [tuple(inputShape)]
        shapes += [(stage.units, *inputShape[1:]) for stage in stages[1:]]
        self.kinds = [
            kindOf(
                shape,
                stage.activation.name,
                stage.law.output_channels,
                stage.law.receptive_field,
            )
            for shape, stage in zip(shapes, stages, strict=True)
        ]
        self.homogeneous = all(stage.activation.homogeneous for stage in stages)

    def __len__(self):
        return len(self.kinds)

    def propagate(self, x: np.ndarray, gradient: np.ndarray, logs: LogMeanSquares) -> None:
        """Send a batch forward and a gradient back, and fill `logs`."""
        inputs = Signs() if self.homogeneous else Checkpoints(len(self), self.following)
        with np.errstate(divide="ignore"):  # the log of a dead signal
            _forward(self, x.astype(floatX()), inputs, _Logs(logs.forward, self.homogeneous))
            _backward(self, inputs, gradient, _Logs(logs.backward, rescaling=True))

    def forward(self, l: int, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The outputs of stage l, and their mean squares."""
        return self.kinds[l].forward(signal, self.weights[l])

    def following(self, l: int, signal: np.ndarray) -> np.ndarray:
        """The outputs of stage l, which are the next one's inputs."""
        return self.forward(l, signal)[0]

    def backward(self, l: int, signal: np.ndarray, gradient: np.ndarray):
        """The gradient before stage l, whose inputs were `signal`, and its mean squares."""
        return self.kinds[l].backward(signal, gradient, self.weights[l])


def _forward(
    network: _Network, signal: np.ndarray, inputs: Signs | Checkpoints, logs: _Logs
) -> None:
    """Send a signal to the last layer; `inputs` keeps what the way back needs."""
    for l in range(len(network)):
        inputs.keep(l, signal)
        signal, squares = network.forward(l, signal)
        logs.add(l, signal, squares)


def _backward(
    network: _Network, inputs: Signs | Checkpoints, gradient: np.ndarray, logs: _Logs
) -> None:
    squares, gradient = meanSquares(gradient.astype(float)), gradient.astype(floatX())
    logs.add(len(network) - 1, gradient, squares)
    for l, signal in inputs.lastFirst():
        if l == 0:
            break
        gradient, squares = network.backward(l, signal, gradient)
        logs.add(l - 1, gradient, squares)


class _Logs:
    """Log mean squares (depth, samples) of a signal that may be rescaled on its way."""

    def __init__(self, array: np.ndarray, rescaling: bool):
        self.array, self._rescaling = array, rescaling
        self._carried = np.zeros(array.shape[1])

    def add(self, l: int, signal: np.ndarray, squares: np.ndarray) -> None:
        """Write those of layer l; bring samples that are far from it near a mean square of 1."""
        np.log(squares, out=self.array[l])
        self.array[l] += self._carried
        if self._rescaling:
            exponents = np.frexp(squares)[1] // 2
            if abs(exponents).max() > FAR:
                self._carried += 2 * math.log(2) * _rescale(signal, exponents)


def _rescale(signal: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Divide each sample by a power of two, in place, which changes no bit of its digits."""
    factors = np.exp2(-exponents.astype(float)).astype(signal.dtype)
    signal *= factors.reshape(-1, *[1] * (signal.ndim - 1))
    return exponents
