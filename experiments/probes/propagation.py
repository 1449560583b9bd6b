"""Second moments layer by layer, in streams: (stages, data, gradient, seed) -> log mean squares.

One function is compiled for each *kind* of layer and shared by all networks. A layer's weights are
drawn when they are needed and dropped; the way back draws them again, bit by bit the same. Of the
signal it needs the signs alone, if all activations are 1-homogeneous. So depth costs time in
proportion, and a bit for each number of the signal in memory.

Parts of a large batch go through the layers one after the other, one core at each (`pipeline`), and
are multiplied in panels or by the reflections of a frame (`kinds`).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from utilityFunctions import floatX
from experiments.probes.compact import farExponents, meanSquares
from experiments.probes.kinds import Kind, frameKindOf, kindOf, panelKindOf
from experiments.probes.operations import compiles
from experiments.probes.pipeline import runSteps
from experiments.probes.weights import Weights, isFactored
from lookslinear.errors import NotCoveredError
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, num_threads
from lookslinear.sampling.blas import on_one_thread
from lookslinear.theory import Stage
from lookslinear.theory.stages import check_plain_chain

#: Where no sample is far.
NOWHERE = np.empty(0, np.int64)
#: From so many multiplications a layer on products are ours, and each part of a batch has as many.
LARGE_PRODUCT = 2**21
#: A part of a batch has at least so many samples: fewer take as long as the weight is arranged.
LEAST_SAMPLES = 32


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
    cut = _Cut.of(stages, x)
    network = _Network(stages, x, Weights(stages, seed, shared=cut.threads > 1), cut.inPanels)
    logs = LogMeanSquares(*np.empty((2, len(stages), len(x))))
    parts = [
        _Part(network, x[part], outputGradient[part], *(array[:, part] for array in logs))
        for part in cut.parts
    ]

    def propagateParts() -> None:
        runSteps(network.step, len(network.steps), parts, cut.threads)

    on_one_thread(propagateParts) if cut.threads > 1 else propagateParts()
    for part in parts:
        part.forwardLogs.finish()
        part.backwardLogs.finish()
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
    if not x.size:
        raise ValueError(f"x must hold at least one number. Received: shape {x.shape}.")
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


class _Cut(NamedTuple):
    """How a batch is shared: its parts, the threads, and whether products are ours or Theano's."""

    parts: list[slice]
    threads: int
    inPanels: bool

    @classmethod
    def of(cls, stages: Sequence[Stage], x: np.ndarray) -> _Cut:
        work = len(x) * max(math.prod(stage.law.shape) for stage in stages)
        if x.ndim > 2 or work < LARGE_PRODUCT or not compiles():
            return cls([slice(None)], 1, False)
        count = min(num_threads(), max(1, len(x) // LEAST_SAMPLES), work // LARGE_PRODUCT)
        cuts = [len(x) * part // count for part in range(count + 1)]
        # As many threads more can draw while the others multiply.
        threads = min(num_threads(), 2 * count)
        return cls([slice(*cut) for cut in itertools.pairwise(cuts)], threads, True)


class _Network:
    """The stages of one network, how each is gone through, and the steps to go."""

    def __init__(self, stages: Sequence[Stage], x: np.ndarray, weights: Weights, inPanels: bool):
        shapes = [x.shape[1:], *((stage.units, *x.shape[2:]) for stage in stages[1:])]
        self._weights, ways = weights, {}  # most stages are one and the same
        for key in zip(shapes, map(id, stages), stages, strict=True):
            if key[:2] not in ways:
                ways[key[:2]] = self._wayThrough(key[0], key[2], inPanels, len(x))
        self.ways = [ways[key] for key in zip(shapes, map(id, stages), strict=True)]
        self.homogeneous = all(stage.activation.homogeneous for stage in stages)
        #: Inputs are kept so many layers apart; those between them are computed again.
        self.apart = 1 if self.homogeneous else max(1, math.isqrt(len(stages)))
        self.steps = list(_itinerary(len(stages), self.apart))

    def step(self, index: int) -> Callable[[_Part], None]:
        """What a step does to a part of the batch, with the weight that it needs."""
        act, l = self.steps[index]
        kind, weightOf = self.ways[l]
        return functools.partial(act, l=l, kind=kind, weight=weightOf(l, act is _Part.backward))

    def _wayThrough(self, shape: tuple[int, ...], stage: Stage, inPanels: bool, samples: int):
        """The kind of a layer, and what gives its weight, as the kind takes it, for each way."""
        law, name = stage.law, stage.activation.name
        if not inPanels:
            kind = kindOf(shape, name, law.output_channels, law.receptive_field)
            return kind, lambda l, back: self._weights[l]
        if isFactored(law, samples):
            return frameKindOf(shape, name), lambda l, back: self._weights.frame(l)
        return panelKindOf(shape, name), self._weights.panels


def _itinerary(depth: int, apart: int) -> Iterator[tuple[Callable, int]]:
    """Forward through all layers, and back through one segment after the other."""
    yield from ((_Part.forward, l) for l in range(depth))
    for start in reversed(range(0, depth, apart)):
        stop = min(start + apart, depth)
        yield from ((_Part.again, l) for l in range(start, stop - 1))
        yield from ((_Part.backward, l) for l in reversed(range(max(1, start), stop)))


class _Part:
    """A part of a batch on its way: the signal, what is kept of it, and the gradient."""

    def __init__(self, network: _Network, x, gradient, forward: np.ndarray, backward: np.ndarray):
        self._homogeneous, self._apart = network.homogeneous, network.apart
        self._signal, self._gradient = x.astype(floatX()), gradient.astype(floatX())
        self._kept = []  # signs of inputs, or inputs: those of the last layer last
        self.forwardLogs, self.backwardLogs = _Logs(forward), _Logs(backward[::-1])
        squares = meanSquares(gradient)
        self.backwardLogs.add(self._gradient, squares, farExponents(squares))

    def forward(self, l: int, kind: Kind, weight) -> None:
        """Go through layer l."""
        if self._homogeneous:
            self._signal, squares, far, signs = kind.forwardWithSigns(self._signal, weight)
            self._kept.append(signs)
        else:
            if l % self._apart == 0:
                self._kept.append(self._signal)
            (self._signal, squares), far = kind.forward(self._signal, weight), NOWHERE
        self.forwardLogs.add(self._signal, squares, far)

    def again(self, l: int, kind: Kind, weight) -> None:
        """Go through layer l again, for the input of the next one."""
        self._kept.append(kind.forward(self._kept[-1], weight)[0])

    def backward(self, l: int, kind: Kind, weight) -> None:
        """Go back through layer l."""
        signal = self._kept.pop()
        if self._homogeneous:
            self._gradient, squares, far, _ = kind.backwardOfSigns(signal, self._gradient, weight)
        else:
            self._gradient, squares = kind.backward(signal, self._gradient, weight)
            far = farExponents(squares)
        self.backwardLogs.add(self._gradient, squares, far)


class _Logs:
    """Log mean squares (depth, samples) of a signal that may be rescaled on its way."""

    def __init__(self, array: np.ndarray):
        self._array, self._far, self._count = array, {}, 0

    def add(self, signal: np.ndarray, squares: np.ndarray, far: np.ndarray) -> None:
        """Note those of the next layer; bring samples that are far from it near a square of 1."""
        self._array[self._count] = squares
        if far.size:
            self._far[self._count] = far
            _rescale(signal, far)
        self._count += 1

    def finish(self) -> None:
        """Write the logs of all that has been added: in one pass, whose code is in the cache."""
        with np.errstate(divide="ignore"):  # the log of a dead signal
            np.log(self._array, out=self._array)
        if self._far:
            exponents = np.zeros(self._array.shape)
            for count, far in self._far.items():
                exponents[count] = far
            self._array += 2 * math.log(2) * (exponents.cumsum(axis=0) - exponents)


def _rescale(signal: np.ndarray, exponents: np.ndarray) -> None:
    """Divide each sample by a power of two, in place, which changes no bit of its digits."""
    factors = np.exp2(-exponents.astype(float)).astype(signal.dtype)
    signal *= factors.reshape(-1, *[1] * (signal.ndim - 1))
