"""Input-output Jacobians of networks at initialisation, (stages, x, seed) -> matrix or operator.

Real layers, linearised: the identity is pushed forward with the signal, or pulled back from the
outputs if they are fewer. Batch statistics are held constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utilityFunctions import floatX
from experiments.probes.linearised import Network
from lookslinear.sampling import Rng


def jacobian(stages: Sequence, x: np.ndarray, seed: Rng) -> np.ndarray:
    """The matrix of derivatives of outputs by inputs, exact up to floatX's rounding.

    Parameters
    ----------
    stages : sequence of Stage and Residual
    x : array (n,) or (channels, rows, columns), or a batch of either
        A batch of samples; stages with batch statistics take them from it. By rank: two or four
        axes are a batch.
    seed : None, int or SeedSequence
        Stage l draws its weight from the l-th child, as in every probe.

    Returns
    -------
    array (outputs, inputs), or (samples, outputs, inputs) for a batch
        Images are counted number by number. Memory: about four such arrays.

    Examples
    --------
    >>> from experiments.arms import Arm
    >>> from experiments.networks import stagesOf
    >>> stages = stagesOf(Arm.parse("orthogonal+mirror/crelu"), (8,), "dense", depth=20, width=8)
    >>> matrix = jacobian(stages, np.ones(8), seed=0)
    >>> values = np.linalg.svd(matrix, compute_uv=False)
    >>> matrix.shape, bool(abs(values - 1).max() < 1e-4)
    ((8, 8), True)
    """
    isBatch = x.ndim % 2 == 0
    batch = x if isBatch else x[None]
    network = Network(stages, batch.shape[1:], seed)
    inputs, outputs = math.prod(network.inputShape), math.prod(network.outputShape)
    if inputs <= outputs:
        pushed = network.pushed(batch, _identities(len(batch), inputs, network.inputShape))
        found = pushed.reshape(len(batch), inputs, outputs).swapaxes(1, 2)
    else:
        _, tape = network.forward(batch)
        pulled = network.pull(tape, _identities(len(batch), outputs, network.outputShape))
        found = pulled.reshape(len(batch), outputs, inputs)
    return found if isBatch else found[0]


class JacobianOperator(NamedTuple):
    """J of one sample without its matrix: functions of rows of vectors, (k, inputs or outputs).

    For networks too wide for `jacobian`: memory for the signal and the weights that are remembered,
    time for one way through the network. `square` is what `measures.lanczos_spectrum` asks for.
    """

    network: Network
    tape: list

    @property
    def inputs(self) -> int:
        """The numbers in a sample."""
        return math.prod(self.network.inputShape)

    def push(self, vectors: np.ndarray) -> np.ndarray:
        """J v: (k, inputs) -> (k, outputs)."""
        tangents = np.asarray(vectors).reshape(-1, *self.network.inputShape)
        return self.network.push(self.tape, tangents).reshape(len(tangents), -1)

    def pull(self, vectors: np.ndarray) -> np.ndarray:
        """J^T u: (k, outputs) -> (k, inputs)."""
        gradients = np.asarray(vectors).reshape(-1, *self.network.outputShape)
        return self.network.pull(self.tape, gradients).reshape(len(gradients), -1)

    def square(self, vectors: np.ndarray) -> np.ndarray:
        """J^T J v: (k, inputs) -> (k, inputs)."""
        return self.pull(self.push(vectors))


def jacobianOperator(stages: Sequence, x: np.ndarray, seed: Rng) -> JacobianOperator:
    """The Jacobian of one sample, (n,) or (channels, rows, columns), as an operator.

    Examples
    --------
    >>> from experiments.arms import Arm
    >>> from experiments.networks import stagesOf
    >>> from lookslinear.measures import lanczos_spectrum
    >>> from lookslinear.sampling import standard_normal
    >>> stages = stagesOf(Arm.parse("orthogonal+mirror/crelu"), (8,), "dense", depth=20, width=8)
    >>> operator = jacobianOperator(stages, np.ones(8), seed=0)
    >>> found = lanczos_spectrum(operator.square, standard_normal((3, 8), rng=1), steps=2)
    >>> bool(abs(found.moments([1, 2]).value - 1).max() < 1e-4)
    True
    """
    network = Network(stages, x.shape, seed)
    _, tape = network.forward(x[None])
    return JacobianOperator(network, tape)


def _identities(samples: int, size: int, shape: Sequence[int]) -> np.ndarray:
    identity = np.eye(size, dtype=floatX()).reshape(size, *shape)
    return np.tile(identity, (samples, *[1] * len(shape)))
