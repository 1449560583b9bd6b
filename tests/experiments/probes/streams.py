"""Networks that are streamed in tests, and the oracle that the streams are held to."""

import numpy as np

from experiments.arms import Arm
from experiments.networks import stagesOf
from experiments.probes import propagate
from lookslinear.sampling import child_seed, draw

SEED = 11


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def dense(text, depth=12, width=32, samples=3, inputs=64):
    stages = stagesOf(Arm.parse(text), (inputs,), "dense", depth, width)
    return stages, normal(samples, inputs), normal(samples, width, seed=1)


def weightsOf(stages):
    return [draw(stage.law, child_seed(SEED, l)) for l, stage in enumerate(stages)]


def logMeanSquares(arrays):
    return np.log([np.square(a).reshape(len(a), -1).mean(axis=1) for a in arrays])


def holdToTheOracle(stages, x, gradient, oracle, seed=SEED):
    logs = propagate(stages, x, gradient, seed)
    names = [stage.activation.name for stage in stages]
    forward, backward = oracle(weightsOf(stages), names, x, gradient)
    # Rounding of float64 sums of at most 1000 products, through at most 12 layers.
    np.testing.assert_allclose(logs.forward, logMeanSquares(forward), rtol=0, atol=1e-11)
    np.testing.assert_allclose(logs.backward, logMeanSquares(backward), rtol=0, atol=1e-11)
