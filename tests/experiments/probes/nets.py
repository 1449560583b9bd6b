"""Slow networks of stages and residual sums: one sum of products after another, in NumPy."""

import numpy as np

from lookslinear.sampling import child_seed, draw
from tests.oracles import ACTIVATIONS_ORACLE


def net_oracle(stages, seed):
    """The function x -> outputs of a dense network; a generator of numbers counts its weights."""
    numbers = iter(range(10**6))
    return _chain(stages, seed, numbers)


def _chain(stages, seed, numbers):
    functions = [
        _residual(stage, seed, numbers)
        if hasattr(stage, "branch")
        else _stage(stage, draw(stage.law, child_seed(seed, next(numbers))).astype(float))
        for stage in stages
    ]

    def run(x, statistics=None):
        for function in functions:
            x = function(x, statistics)
        return x

    return run


def _stage(stage, weight):
    def run(x, statistics):
        x = _normalised(x, getattr(stage, "normalisation", "none"), statistics)
        return ACTIVATIONS_ORACLE[stage.activation.name][0](x) @ weight

    return run


def _residual(residual, seed, numbers):
    branch = _chain(residual.branch, seed, numbers)
    return lambda x, statistics: residual.skip * x + residual.scale * branch(x, statistics)


def _normalised(x, normalisation, statistics):
    """By the batch's own statistics, or by the next of those that were recorded."""
    if normalisation == "none":
        return x
    if isinstance(statistics, Recorded):
        mean, deviation = statistics.next()
    else:
        mean, deviation = x.mean(axis=0), x.std(axis=0)
        if statistics is not None:
            statistics.append((mean, deviation))
    return (x - mean) / (deviation if normalisation == "batch" else 1)


class Recorded:
    """The statistics of an earlier run, in order."""

    def __init__(self, statistics):
        self._iterator = iter(statistics)

    def next(self):
        """The next layer's mean and standard deviation."""
        return next(self._iterator)


def jacobian_oracle(stages, batch, seed, through_statistics=False, step=1e-6):
    """(samples, outputs, inputs) by central differences, statistics held constant by default."""
    network, recorded = net_oracle(stages, seed), []
    network(batch, recorded)
    columns = []
    for sample in range(len(batch)):
        rows = []
        for unit in range(batch.shape[1]):
            ends = []
            for sign in (1, -1):
                moved = batch.astype(float).copy()
                moved[sample, unit] += sign * step
                kept = None if through_statistics else Recorded(recorded)
                ends.append(network(moved, kept))
            difference = (ends[0] - ends[1]) / (2 * step)
            rows.append(difference if through_statistics else difference[sample])
        columns.append(rows)
    return np.moveaxis(np.array(columns), 1, -1)
