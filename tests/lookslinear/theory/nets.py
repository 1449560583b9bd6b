"""Dense networks of many draws at once, and the stages that predict them."""

import itertools
import math
from dataclasses import replace

import numpy as np

from lookslinear.laws import INDEPENDENT, dense_law
from lookslinear.sampling import draw
from lookslinear.theory import Residual, Stage
from tests.oracles import ACTIVATIONS_ORACLE, dense_net_oracle


def dense_stages(widths, activation, family, gain=1.0, mirror=False, **claims):
    """A linear stage, then others after the activation; weights of variance gain^2 / units."""
    stages = []
    for i, (read, written) in enumerate(itertools.pairwise(widths)):
        after = activation if i else "linear"
        doubled = 2 if after == "crelu" else 1
        law = dense_law(
            doubled * read,
            written,
            family,
            gain / math.sqrt(read),
            mirror=mirror and doubled == 2,
            dtype="float64",
            **claims,
        )
        stages.append(Stage(law, after))
    return stages


def weights_of(law, count, rng, at_once=False):
    """The weights (networks, in, out) of many networks.

    Units of independent weights do not know of one another, so that one draw of many units can
    serve many networks, a hundred times as fast.
    """
    if not at_once:
        return np.stack([draw(law, rng) for _ in range(count)])
    assert law.family in INDEPENDENT
    read, written = law.shape
    wide = draw(replace(law, shape=(read, count * written)), rng)
    return wide.reshape(read, count, written).swapaxes(0, 1)


def propagate(stages, count, seed, samples=1, at_once=False):
    """Pre-activations and gradients, two lists of arrays (networks, samples, units).

    The networks' inputs are uniform on the sphere of mean square 1, or all equal if there is one.
    """
    rng = np.random.default_rng(seed)
    laws = [stage.law for stage in stages]
    weights = [weights_of(law, count, rng, at_once) for law in laws]
    x = rng.standard_normal((count, samples, laws[0].shape[0]))
    x /= np.sqrt((x**2).mean(axis=-1, keepdims=True))
    gradient = rng.standard_normal((count, samples, laws[-1].shape[1]))
    names = [stage.activation.name for stage in stages]
    return dense_net_oracle(weights, names, x, gradient)


def jacobians(stages, count, seed):
    """The derivatives (networks, inputs, outputs) of many networks, each at an input of its own."""
    rng = np.random.default_rng(seed)
    h = rng.standard_normal((count, 1, stages[0].reads))
    h /= np.sqrt((h**2).mean(axis=-1, keepdims=True))
    tangents = np.broadcast_to(np.eye(stages[0].reads), (count, stages[0].reads, stages[0].reads))
    for stage in stages:
        h, tangents = _carried(stage, h, tangents, rng)
    return tangents


def _carried(stage, h, tangents, rng):
    """Signals and tangents, rows both, behind a stage or a residual block."""
    if isinstance(stage, Residual):
        signal, branch = h, tangents
        for inner in stage.branch:
            signal, branch = _carried(inner, signal, branch, rng)
        return stage.skip * h + stage.scale * signal, stage.skip * tangents + stage.scale * branch
    phi, weights = stage.activation, weights_of(stage.law, len(h), rng)
    function, derivative = ACTIVATIONS_ORACLE.get(phi.name, (phi.function, phi.derivative))
    if phi.doubles:
        tangents = np.concatenate([tangents, tangents], axis=-1)
    return function(h) @ weights, (tangents * derivative(h)) @ weights


def mean_squares(signals):
    """Over units: (stages, networks, samples)."""
    return np.array([(h**2).mean(axis=-1) for h in signals])


def simulate(stages, count, seed, samples=1):
    """Mean squares of pre-activations and gradients, two arrays (stages, networks, samples)."""
    return [mean_squares(signals) for signals in propagate(stages, count, seed, samples)]


def z_scores(measured, expected):
    """Of the mean over networks (axis 1): in the standard errors of that mean.

    Where Haar frames leave no scatter, rounding, taken as 1e-12, is all that may differ.
    """
    error = measured.std(axis=1, ddof=1) / math.sqrt(measured.shape[1])
    return (measured.mean(axis=1) - expected) / np.hypot(error, 1e-12 * np.abs(expected))
