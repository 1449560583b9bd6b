"""The derivative of a network along a grid of numbers, slowly: plain NumPy, stage by stage."""

import itertools

import numpy as np

from lookslinear.theory.stages import Residual


def grid_net_oracle(stages, grid, weights_of):
    """(h, dh/dx) after each stage; `weights_of(stage, number)` gives its weight and bias.

    Stages are numbered through the branches of residual sums.
    """
    h, slope, found, numbers = grid[:, None], np.ones((len(grid), 1)), [], itertools.count()
    for stage in stages:
        h, slope = _through(stage, h, slope, numbers, weights_of)
        found.append((h, slope))
    return found


def _through(stage, h, slope, numbers, weights_of):
    if isinstance(stage, Residual):
        branch = (h, slope)
        for inner in stage.branch:
            branch = _through(inner, *branch, numbers, weights_of)
        return [stage.skip * a + stage.scale * b for a, b in zip((h, slope), branch, strict=True)]
    if stage.normalisation != "none":
        h = h - h.mean(axis=0)
    if stage.normalisation == "batch":
        size = h.std(axis=0)
        h, slope = h / size, slope / size
    derivative = stage.activation.derivative(h)
    slope = np.concatenate([slope, slope], axis=1) if stage.activation.doubles else slope
    weight, bias = weights_of(stage, next(numbers))
    return stage.activation.function(h) @ weight + bias, (derivative * slope) @ weight
