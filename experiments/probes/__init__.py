"""Probes, (stages, data, seed) -> what one network does: real layers, compiled a kind at a time.

`propagation` streams second moments forward and backward.
"""

from experiments.probes.propagation import LogMeanSquares, kindOf, propagate

__all__ = ["LogMeanSquares", "kindOf", "propagate"]
