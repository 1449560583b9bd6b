"""Probes, (stages, data, seed) -> what one network does: real layers, compiled a kind at a time.

`propagation` streams second moments forward and backward, through `kinds` of layers and with
`weights` that are drawn on the way: in `panels`, or as the reflections of `frames`. What the way
back needs is kept `compact`, and a `pipeline` shares the layers among cores. `linearised` is a
network with three ways through it, of signals, tangents and gradients, which `jacobian`,
`gradients`, `gridGradients` and `activity` use. All probes draw weight l from child l of the
network's seed.
"""

from experiments.probes.compact import meanSquares
from experiments.probes.gradients import inputGradients
from experiments.probes.jacobian import JacobianOperator, jacobian, jacobianOperator
from experiments.probes.kinds import Kind, kindOf
from experiments.probes.linearised import Network
from experiments.probes.propagation import LogMeanSquares, propagate
from experiments.probes.weights import Weights

__all__ = [
    "JacobianOperator",
    "Kind",
    "LogMeanSquares",
    "Network",
    "Weights",
    "inputGradients",
    "jacobian",
    "jacobianOperator",
    "kindOf",
    "meanSquares",
    "propagate",
]
