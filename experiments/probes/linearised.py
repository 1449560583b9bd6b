"""Linearised networks, (stages, seed) -> signals forward, tangents forward, gradients backward.

Every stage is a kind of layer that is compiled once; its weight is drawn when it is needed. Stages
and sums with a skip connection are parts with the same three ways through them, so that networks
nest. Batch statistics are computed on the way of the signal and are constants on the others, unless
a gradient is asked to go through them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from utilityFunctions import T, compileFunction, floatX, gradient, sharedVar
from experiments.probes.weights import Weights
from layers import FC, Activation, Convolution, Representation
from layers.layer import Layer
from lookslinear.errors import NotCoveredError
from lookslinear.sampling import Rng, as_seed, child_seed, standard_normal
from lookslinear.theory.stages import Residual, Stage, check_chain, every_stage

#: What the weights that are kept may take, in bytes: an operator goes both ways many times.
MEMORY = 256 * 2**20
#: Which child of a stage's seed its bias is drawn from; the weight's is the stage's seed itself.
_BIAS = 0
#: Theano's word for each padding.
_BORDERS = {"zeros": "half", "valid": "valid"}


class Statistics(NamedTuple):
    """What a normalisation does to each unit: (h - mean) * scale; both of shape (1, units, ...)."""

    mean: np.ndarray
    scale: np.ndarray


class Network:
    """A list of stages and residual sums with one network's weights.

    Parameters
    ----------
    stages : sequence of Stage and Residual
    inputShape : tuple of int
        The shape of one sample.
    seed : None, int or SeedSequence
        Stage l, counted through the branches, draws its weight from the l-th child.

    Raises
    ------
    ValueError
        For stages that do not fit the shape of what they read.
    NotCoveredError
        For circular padding, and for groups.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> network = Network(3 * [Stage(dense_law(4, 4, "haar", 0.5))], (4,), seed=0)
    >>> y, tape = network.forward(np.ones((2, 4)))
    >>> u = network.pull(tape, y)  # linear and orthogonal: back where it came from
    >>> u.shape, bool(abs(u - 1).max() < 1e-5)
    ((2, 4), True)
    """

    def __init__(self, stages: Sequence, inputShape: Sequence[int], seed: Rng):
        check_chain(stages)
        flat = list(every_stage(stages))
        seed = as_seed(seed)
        weights = Weights(flat, seed, MEMORY)
        numbers = iter(range(len(flat)))
        self.inputShape = tuple(inputShape)
        self.parts = _parts(stages, self.inputShape, weights, numbers, seed)
        self.outputShape = self.parts[-1].outputShape

    def forward(self, x: np.ndarray) -> tuple[np.ndarray, list]:
        """The outputs of a batch, and the tape that the other ways read."""
        return _forward(self.parts, x.astype(floatX()))

    def signals(self, x: np.ndarray) -> Iterator[np.ndarray]:
        """The outputs of every part, one after the other; nothing else is kept.

        A part is a stage or a whole residual sum.
        """
        signal = x.astype(floatX())
        for part in self.parts:
            signal, _ = part.forward(signal)
            yield signal

    def push(self, tape: list, tangents: np.ndarray) -> np.ndarray:
        """J v: tangents (samples * k, *inputShape), k for each sample in turn, to the outputs."""
        return _push(self.parts, tape, tangents.astype(floatX()))

    def pull(
        self, tape: list, gradients: np.ndarray, throughStatistics: bool = False
    ) -> np.ndarray:
        """J^T u: gradients (samples * k, *outputShape) back to the inputs."""
        *_, found = self.pulls(tape, gradients, throughStatistics)
        return found

    def pulls(
        self, tape: list, gradients: np.ndarray, throughStatistics: bool = False
    ) -> Iterator[np.ndarray]:
        """The gradients before every part, last first: those with respect to its inputs."""
        found = gradients.astype(floatX())
        parts = self.parts[: len(tape)]  # a tape that ends early is that of the beginning
        for part, record in zip(parts[::-1], tape[::-1], strict=True):
            found = part.pull(record, found, throughStatistics)
            yield found

    def pushed(self, x: np.ndarray, tangents: np.ndarray) -> np.ndarray:
        """`push` along with the signal, so that no tape is kept."""
        signal, tangents = x.astype(floatX()), tangents.astype(floatX())
        for part in self.parts:
            signal, record = part.forward(signal)
            tangents = part.push(record, tangents)
        return tangents


class _StagePart:
    """One stage of a network: normalisation, activation, weight."""

    def __init__(self, stage: Stage, inputShape, weights: Weights, number: int, seed):
        self._stage, self._weights, self._number, self._seed = stage, weights, number, seed
        if stage.reads != inputShape[0]:
            raise ValueError(
                f"weight {number} must fit samples of shape {tuple(inputShape)}. "
                f"Received: one that reads {stage.reads} units."
            )
        self._kind = _kindOfStage(stage, tuple(inputShape))
        self.outputShape = self._kind.outputShape
        self._bias = self._drawnBias() if stage.bias_variance else None

    def forward(self, signal: np.ndarray):
        statistics = _statistics(signal, self._stage.normalisation)
        outputs = self._set(statistics).forward(signal)
        return outputs, (signal, statistics)

    def push(self, record, tangents: np.ndarray) -> np.ndarray:
        signal, statistics = record
        return self._set(statistics).push(_repeated(signal, tangents), tangents)

    def pull(self, record, gradients: np.ndarray, throughStatistics: bool) -> np.ndarray:
        signal, statistics = record
        found = self._set(statistics).pull(_repeated(signal, gradients), gradients)
        if throughStatistics and statistics:
            return _throughStatistics(found, signal, statistics, self._stage.normalisation)
        return found

    def _set(self, statistics: Statistics | None) -> _Kind:
        self._kind.set(self._weights[self._number], self._bias, statistics)
        return self._kind

    def _drawnBias(self) -> np.ndarray:
        channels = self._stage.law.output_channels
        numbers = standard_normal(
            (channels,), child_seed(self._seed, self._number, _BIAS), floatX()
        )
        numbers *= np.sqrt(self._stage.bias_variance).astype(floatX())
        return numbers.reshape(1, -1, *[1] * (len(self.outputShape) - 1))


class _ActivationPart:
    """An activation without a weight: what stands behind a residual branch."""

    def __init__(self, activation: str, inputShape):
        self._kind = _kindOf(tuple(inputShape), activation, floatX())
        self.outputShape = self._kind.outputShape

    def forward(self, signal: np.ndarray):
        return self._kind.forward(signal), signal

    def push(self, signal: np.ndarray, tangents: np.ndarray) -> np.ndarray:
        return self._kind.push(_repeated(signal, tangents), tangents)

    def pull(self, signal: np.ndarray, gradients: np.ndarray, throughStatistics: bool):
        return self._kind.pull(_repeated(signal, gradients), gradients)


class _ResidualPart:
    """skip * x + scale * phi(branch(x))."""

    def __init__(self, residual, inputShape, weights: Weights, numbers, seed):
        self._skip, self._scale = residual.skip, residual.scale
        self._branch = _parts(residual.branch, inputShape, weights, numbers, seed)
        if residual.activation.name != "linear":
            self._branch.append(
                _ActivationPart(residual.activation.name, self._branch[-1].outputShape)
            )
        self.outputShape = self._branch[-1].outputShape
        if self.outputShape != tuple(inputShape):
            raise ValueError(
                f"a residual branch must return the shape that it was given, {inputShape}. "
                f"Received: {self.outputShape}."
            )

    def forward(self, signal: np.ndarray):
        outputs, tape = _forward(self._branch, signal)
        return self._sum(signal, outputs), tape

    def push(self, tape, tangents: np.ndarray) -> np.ndarray:
        return self._sum(tangents, _push(self._branch, tape, tangents))

    def pull(self, tape, gradients: np.ndarray, throughStatistics: bool) -> np.ndarray:
        found = gradients
        for part, record in zip(self._branch[::-1], tape[::-1], strict=True):
            found = part.pull(record, found, throughStatistics)
        return self._sum(gradients, found)

    def _sum(self, skipped: np.ndarray, branched: np.ndarray) -> np.ndarray:
        skip, scale = (np.asarray(factor, floatX()) for factor in (self._skip, self._scale))
        return skip * skipped + scale * branched


class _Kind:
    """One kind of stage; each way through it is compiled once, when first needed."""

    def __init__(self, inputShape, activation: str, layer: Layer | None, normalised: bool):
        self._before = Representation(inputShape)
        self._layer, self._normalise = layer, _Normalise() if normalised else None
        signal = self._normalise(self._before) if normalised else self._before
        signal = Activation(activation)(signal)
        self._after = layer(signal) if layer else signal
        self.outputShape = self._after.shape

    def set(self, weight: np.ndarray, bias: np.ndarray | None, statistics: Statistics | None):
        """Let the compiled functions compute with these."""
        self._layer.weight.set_value(weight, borrow=True)
        if bias is not None:
            self._layer.bias.set_value(bias, borrow=True)
        if statistics is not None:
            self._normalise.mean.set_value(statistics.mean, borrow=True)
            self._normalise.scale.set_value(statistics.scale, borrow=True)

    @functools.cached_property
    def forward(self):
        """Inputs -> outputs."""
        return compileFunction([self._before.input], self._after.tensor)

    @functools.cached_property
    def pull(self):
        """Inputs and gradients at the outputs -> gradients at the inputs."""
        before, arriving = self._before.input, self._after.tensor.type("gradients")
        return compileFunction([before, arriving], self._pulled(arriving), on_unused_input="ignore")

    @functools.cached_property
    def push(self):
        """Inputs and their tangents -> tangents of the outputs: the way back, transposed."""
        before, tangents = self._before.input, self._before.input.type("tangents")
        # What is pulled back is linear in `arriving`: its value plays no part.
        arriving = T.zeros_like(self._after.tensor)
        along = (self._pulled(arriving) * tangents).sum()
        pushed = gradient(along, arriving)
        return compileFunction([before, tangents], pushed, on_unused_input="ignore")

    def _pulled(self, arriving):
        before = self._before.input
        return gradient(None, before, known_grads={self._after.tensor: arriving})


class _Normalise(Layer):
    """(x - mean) * scale with a mean and a scale for each unit or channel."""

    def build(self, inputShape):
        """Make the two of them at the first call."""
        shape = (1, inputShape[0], *[1] * (len(inputShape) - 1))
        pattern = tuple(side == 1 and axis != 1 for axis, side in enumerate(shape))
        zeros, ones = (np.full(shape, value, floatX()) for value in (0, 1))
        self.mean = sharedVar(zeros, broadcastable=pattern)
        self.scale = sharedVar(ones, broadcastable=pattern)

    def expression(self, tensor, inputShape):
        """Unit by unit."""
        return (tensor - self.mean) * self.scale


def _kindOfStage(stage: Stage, inputShape: tuple[int, ...]) -> _Kind:
    """The compiled kind of a stage; the same one for all stages that are alike."""
    if stage.padding not in _BORDERS or stage.law.axes.groups != 1:
        raise NotCoveredError(
            f"the probes run convolutions without groups, with zeros or nothing beyond the border. "
            f"Received: padding {stage.padding!r}, {stage.law.axes.groups} groups."
        )
    sides = stage.law.receptive_field
    convolution = (*sides, stage.stride, _BORDERS[stage.padding]) if sides else ()
    layer = (stage.law.output_channels, bool(stage.bias_variance), *convolution)
    normalised = stage.normalisation != "none"
    return _kindOf(inputShape, stage.activation.name, floatX(), layer, normalised)


@functools.lru_cache
def _kindOf(inputShape, activation: str, dtype: str, layer=None, normalised=False) -> _Kind:
    """Of hashable words, so that it is found again; each precision has its own."""
    return _Kind(inputShape, activation, layer and _layerOf(*layer), normalised)


def _layerOf(channels: int, biased: bool, *convolution) -> Layer:
    if not convolution:
        return FC(channels, bias=biased)
    *s, stride, border = convolution
    return Convolution(
        channels, s=tuple(s), strides=(stride, stride), border_mode=border, bias=biased
    )


def _parts(stages: Sequence, inputShape, weights: Weights, numbers: Iterator[int], seed) -> list:
    parts = []
    for stage in stages:
        if isinstance(stage, Residual):
            part = _ResidualPart(stage, inputShape, weights, numbers, seed)
        else:
            part = _StagePart(stage, inputShape, weights, next(numbers), seed)
        parts.append(part)
        inputShape = part.outputShape
    return parts


def _forward(parts: list, signal: np.ndarray) -> tuple[np.ndarray, list]:
    tape = []
    for part in parts:
        signal, record = part.forward(signal)
        tape.append(record)
    return signal, tape


def _push(parts: list, tape: list, tangents: np.ndarray) -> np.ndarray:
    for part, record in zip(parts, tape, strict=True):
        tangents = part.push(record, tangents)
    return tangents


def _statistics(signal: np.ndarray, normalisation: str) -> Statistics | None:
    """Over the batch and, for images, over positions."""
    if normalisation == "none":
        return None
    if signal.size == signal.shape[1]:
        raise ValueError(
            f"normalisation needs at least 2 samples, or positions: the deviation of one is 0. "
            f"Received: a batch of shape {signal.shape}."
        )
    axes = (0, *range(2, signal.ndim))
    mean = signal.mean(axis=axes, keepdims=True, dtype=float)
    scale = np.ones_like(mean)
    if normalisation == "batch":
        deviation = np.sqrt(np.mean((signal - mean) ** 2, axis=axes, keepdims=True))
        scale = np.divide(1, deviation, where=deviation > 0, out=np.zeros_like(mean))
    return Statistics(mean.astype(floatX()), scale.astype(floatX()))


def _throughStatistics(
    found: np.ndarray, signal: np.ndarray, statistics: Statistics, normalisation: str
) -> np.ndarray:
    """What is left of a gradient when the statistics follow the inputs of the batch."""
    axes = (0, *range(2, signal.ndim))
    through = found - found.mean(axis=axes, keepdims=True)
    if normalisation == "centre":
        return through
    normal = (signal - statistics.mean) * statistics.scale
    return through - normal * (found * normal).mean(axis=axes, keepdims=True)


def _repeated(signal: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Each sample as often as it has rows."""
    times = len(rows) // len(signal)
    return signal if times == 1 else np.repeat(signal, times, axis=0)
