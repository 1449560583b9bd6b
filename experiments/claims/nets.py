"""The networks of claims, (sizes, gain) -> stages; and what is measured of them by the probes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from utilityFunctions import floatX
from experiments.claims.claim import Measurement
from experiments.networks import rectifier
from experiments.probes import propagate
from experiments.probes.gradients import inputGradients
from experiments.probes.jacobian import jacobian
from experiments.probes.linearised import Network
from lookslinear.laws import dense_law
from lookslinear.measures import ratio
from lookslinear.sampling import Rng, child_seed, standard_normal
from lookslinear.theory import Residual, Stage

#: Which child of a claim's seed draws what.
_WEIGHTS, _DATA, _GRADIENTS = 0, 1, 2


def dense(
    width: int, gain: float, family: str = "normal", activation: str = "linear", **settings
) -> Stage:
    """A square layer with weights of variance gain / width, which read the activation.

    Examples
    --------
    >>> round(dense(4, 2.0, activation="relu").law.scale ** 2, 6)
    0.5
    """
    law = dense_law(width, width, family, math.sqrt(gain / width), dtype=floatX())
    return Stage(law, activation, **settings)


def block(width: int, beta: float = 1.0, normalisation: str = "none") -> Residual:
    """x' = x + beta W relu(N(x)), He's weights."""
    return Residual((rectifier(width, normalisation),), 1.0, beta)


def _stage(element: Stage | Residual, place: int) -> Stage:
    return element.branch[place] if isinstance(element, Residual) else element


def inputsOf(stages: Sequence, samples: int, seed: int) -> np.ndarray:
    """Independent normal samples (samples, n), each of mean square 1 exactly."""
    shape = (samples, _stage(stages[0], 0).units)
    x = standard_normal(shape, child_seed(seed, _DATA), floatX())
    return x / np.sqrt(np.mean(np.square(x), axis=1, keepdims=True))


def _readOut(stages: Sequence, seed: Rng) -> np.ndarray:
    """A random gradient that enters at the outputs."""
    return standard_normal((1, _stage(stages[-1], -1).law.output_channels), seed, floatX())


def logMoments(stages: Sequence[Stage], networks: int, seed: int = 0) -> np.ndarray:
    """Logs of second moments of one sample, forward and backward: (2, networks, depth)."""
    found = []
    for network in range(networks):
        x = inputsOf(stages, 1, child_seed(seed, _DATA, network))
        back = _readOut(stages, child_seed(seed, _GRADIENTS, network))
        found.append(propagate(stages, x, back, child_seed(seed, _WEIGHTS, network)))
    return np.array([[net.forward[:, 0], net.backward[:, 0]] for net in found]).swapaxes(0, 1)


def factorPerLayer(
    stages: Sequence[Stage], networks: int, backward: bool = False, seed: int = 0
) -> Measurement:
    """The mean factor by which the second moment grows a layer, over all steps of all networks.

    A step's factor does not depend on the size that it finds, so its mean over a network's steps
    is the factor without the heavy tail that a product of many has.
    """
    steps = np.diff(logMoments(stages, networks, seed)[int(backward)], axis=1)
    factors = np.exp(-steps if backward else steps)
    return Measurement.of(factors.mean(axis=1), np.finfo(floatX()).eps)


def gradientsOf(
    stages: Sequence, networks: int, samples: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Gradients with respect to inputs and the one that enters: (networks, samples, n) each."""
    found, entered = [], []
    for network in range(networks):
        x = inputsOf(stages, samples, child_seed(seed, _DATA, network))
        read = _readOut(stages, child_seed(seed, _GRADIENTS, network))
        seedOfWeights = child_seed(seed, _WEIGHTS, network)
        ((_, gradients),) = inputGradients(stages, x, {len(stages): read}, seedOfWeights)
        found.append(gradients[:, 0])
        entered.append(np.broadcast_to(read, gradients[:, 0].shape))
    return np.array(found, dtype=float), np.array(entered, dtype=float)


def gradientCorrelation(
    stages: Sequence, networks: int, samples: int, seed: int = 0
) -> Measurement:
    """R between the input gradients of two samples, over all pairs in a batch."""
    gradients, _ = gradientsOf(stages, networks, samples, seed)
    squares = np.square(gradients).sum(axis=(1, 2))
    products = (np.square(gradients.sum(axis=1)).sum(axis=1) - squares) / (samples - 1)
    found = ratio(products[:, None], squares[:, None])
    return Measurement.ofEstimate(found, networks, samples * np.finfo(floatX()).eps)


def gradientGrowth(stages: Sequence, networks: int, samples: int, seed: int = 0) -> Measurement:
    """The growth of the gradient's second moment through all layers, mean over networks."""
    gradients, entered = gradientsOf(stages, networks, samples, seed)
    growth = np.square(gradients).sum(axis=(1, 2)) / np.square(entered).sum(axis=(1, 2))
    return Measurement.of(growth, np.finfo(floatX()).eps)


def outputs(stages: Sequence, x: np.ndarray, seed: Rng) -> np.ndarray:
    """What a network makes of a batch."""
    return Network(stages, x.shape[1:], seed).forward(x)[0]


def singularValues(stages: Sequence, networks: int, seed: int = 0) -> np.ndarray:
    """Of the Jacobian from inputs to outputs, at a random input: (networks, n)."""
    found = []
    for network in range(networks):
        x = inputsOf(stages, 1, child_seed(seed, _DATA, network))[0]
        matrix = jacobian(stages, x, child_seed(seed, _WEIGHTS, network))
        found.append(np.linalg.svd(np.asarray(matrix, dtype=float), compute_uv=False))
    return np.array(found)
