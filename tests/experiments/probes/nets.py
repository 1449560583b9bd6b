"""Slow networks of stages and residual sums in NumPy, and their Jacobians by differences."""

import numpy as np

from lookslinear.sampling import child_seed, draw
from lookslinear.theory.stages import Residual
from tests.oracles import ACTIVATIONS_ORACLE, conv2d_oracle


def net_oracle(stages, batch, seed, statistics):
    """The outputs of a batch; `statistics` are used up from the front, or appended if empty."""
    recording, numbers = not statistics, iter(range(10**6))

    def normalised(x, normalisation):
        axes = (0, *range(2, x.ndim))
        if normalisation == "none":
            return x
        if recording:
            statistics.append((x.mean(axis=axes, keepdims=True), x.std(axis=axes, keepdims=True)))
        mean, deviation = statistics[-1] if recording else statistics.pop(0)
        return (x - mean) / (deviation if normalisation == "batch" else 1)

    def through(stage, x):
        if isinstance(stage, Residual):
            y = x
            for inner in stage.branch:
                y = through(inner, y)
            return stage.skip * x + stage.scale * activated(stage.activation.name, y)
        weight = draw(stage.law, child_seed(seed, next(numbers))).astype(float)
        x = activated(stage.activation.name, normalised(x, stage.normalisation))
        if x.ndim == 2:
            return x @ weight
        border = [side // 2 if stage.padding == "zeros" else 0 for side in weight.shape[2:]]
        return conv2d_oracle(x, weight, (stage.stride, stage.stride), border)

    for stage in stages:
        batch = through(stage, batch)
    return batch


def activated(name, x):
    """The activation, with channels on axis 1."""
    return np.moveaxis(ACTIVATIONS_ORACLE[name][0](np.moveaxis(x, 1, -1)), -1, 1)


def jacobian_oracle(stages, batch, seed, through_statistics=False, step=1e-6):
    """Central differences: (samples, outputs, inputs), with statistics held constant; or, through
    them, (samples, samples, outputs, inputs): whose output by whose input."""
    recorded, samples = [], len(batch)
    net_oracle(stages, batch, seed, recorded)
    moved = np.repeat(batch.reshape(1, samples, -1), batch.size, axis=0).astype(float)

    def outputs(sign):
        ends = moved.copy()
        ends.reshape(batch.size, batch.size)[np.diag_indices(batch.size)] += sign * step
        kept = [[] if through_statistics else list(recorded) for _ in ends]
        return np.array(
            [
                net_oracle(stages, end.reshape(batch.shape), seed, statistics).reshape(samples, -1)
                for end, statistics in zip(ends, kept, strict=True)
            ]
        )

    difference = (outputs(1) - outputs(-1)) / (2 * step)
    by_sample = difference.reshape(samples, -1, samples, difference.shape[-1])
    whole = by_sample.transpose(2, 0, 3, 1)
    return whole if through_statistics else whole[np.arange(samples), np.arange(samples)]
