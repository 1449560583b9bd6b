"""Probes, (stages, data, seed) -> what one network does: real layers, compiled a kind at a time.

`propagation` streams second moments forward and backward, through `kinds` of layers and with
`weights` that are drawn on the way; `inputs` is what the way back remembers.
"""

from experiments.probes.kinds import Kind, kindOf, meanSquares
from experiments.probes.propagation import LogMeanSquares, propagate
from experiments.probes.weights import Weights

__all__ = ["Kind", "LogMeanSquares", "Weights", "kindOf", "meanSquares", "propagate"]
