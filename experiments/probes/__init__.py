"""Probes, (stages, data, seed) -> what one network does: real layers, compiled a kind at a time.

`propagation` streams second moments forward and backward; `linearised` is a network with three ways
through it, of signals, tangents and gradients, which `jacobian` and `gradients` use; `weights` are
drawn when they are needed. All probes draw weight l from child l of the network's seed.
"""

from experiments.probes.gradients import inputGradients
from experiments.probes.jacobian import JacobianOperator, jacobian, jacobianOperator
from experiments.probes.linearised import Network
from experiments.probes.propagation import LogMeanSquares, kindOf, propagate

__all__ = [
    "JacobianOperator",
    "LogMeanSquares",
    "Network",
    "inputGradients",
    "jacobian",
    "jacobianOperator",
    "kindOf",
    "propagate",
]
