"""Claims about second moments: Glorot & Bengio, He et al., Klambauer et al., Xiao, Brock et al."""

from __future__ import annotations

import math

import numpy as np

from utilityFunctions import floatX
from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import (
    block,
    dense,
    factorPerLayer,
    inputsOf,
    logMoments,
    outputs,
)
from experiments.probes import propagate
from initialisations import initD
from lookslinear.activations import activation
from lookslinear.sampling import child_seed, standard_normal
from lookslinear.theory import (
    Batch,
    Stage,
    backward_second_moments,
    forward_second_moments,
    mean,
    second_moment,
)

WIDTH, DEPTH, NETWORKS = 128, 20, 30
GLOROT = "Glorot & Bengio 2010, AISTATS"
HE = "He et al. 2015, arXiv 1502.01852"
BLOCKS, BATCH = 10, 64


def _plain(gain: float, activation: str, family: str = "normal", width: int = WIDTH):
    return [
        dense(width, gain, family),
        *(DEPTH - 1) * [dense(width, gain, family, activation)],
    ]


def _predictedFactor(stages: list[Stage], backward: bool) -> float:
    forward = forward_second_moments(stages, 1.0)
    moments = backward_second_moments(stages, forward)[::-1] if backward else forward
    return float(moments[-1] / moments[-2])


def _factorClaim(
    claim,
    source,
    published,
    gain,
    activation,
    family="normal",
    backward=False,
    width=WIDTH,
    **settings,
):
    return Claim(
        claim,
        source,
        published,
        f"dense, width {width}, depth {DEPTH}, {NETWORKS} networks",
        lambda: _predictedFactor(_plain(gain, activation, family, width), backward),
        lambda: factorPerLayer(_plain(gain, activation, family, width), NETWORKS, backward),
        **settings,
    )


def _weightGradientLog() -> Measurement:
    """Log of the weight gradient's second moment, layer 2 over the last: x delta is its square."""
    forward, backward = logMoments(_plain(1 / 3, "linear", "uniform"), 4 * NETWORKS)
    layers = forward[:, :-1] + backward[:, 1:]
    return Measurement.of(layers[:, 0] - layers[:, -1])


def _seluMoments() -> Measurement:
    """The second moment of pre-activations behind 20 layers, mean over networks."""
    forward, _ = logMoments(_plain(1.0, "selu"), 4 * NETWORKS)
    return Measurement.of(np.exp(forward[:, -1]))


def _seluMean() -> Measurement:
    """The mean activation of a wide first layer, at a sample of second moment 1."""
    values = standard_normal((200, 4096), child_seed(0, 1), "float64")
    return Measurement.of(activation("selu").function(values).mean(axis=1))


def _deltaOrthogonal() -> Measurement:
    """The norm of an image behind 20 convolutions, relative to that of the first one's outputs."""
    side, channels = 8, 16
    law = initD["deltaOrthogonal"].law((channels, side, side), (channels, side, side), s=3)
    stages = DEPTH * [Stage(law)]
    found = []
    for network in range(5):
        x, back = (
            standard_normal((1, channels, side, side), child_seed(1, network, n), floatX())
            for n in range(2)
        )
        logs = propagate(stages, x, back, child_seed(2, network)).forward[:, 0]
        found.append(math.exp(logs[-1] - logs[0]))
    return Measurement.of(found, DEPTH * np.finfo(floatX()).eps)


def _blocks() -> list:
    return BLOCKS * [block(2 * WIDTH, normalisation="batch")]


def _normalisedSum() -> Measurement:
    """The second moment behind blocks x + W relu(BN(x)), mean over networks."""
    found = []
    for network in range(NETWORKS):
        x = inputsOf(_blocks(), BATCH, child_seed(3, network))
        found.append(np.square(outputs(_blocks(), x, child_seed(4, network))).mean())
    return Measurement.of(found)


CLAIMS = (
    _factorClaim(
        "Weights of variance 2 / n keep a ReLU net's signal: factor of its second moment a layer",
        f"{HE}, section 2.2",
        1.0,
        2.0,
        "relu",
    ),
    _factorClaim(
        "Weights of variance 2 / n keep a ReLU net's gradient: factor of its second moment a layer",
        f"{HE}, section 2.2",
        1.0,
        2.0,
        "relu",
        backward=True,
    ),
    _factorClaim(
        "Weights of variance 1 / n (Xavier) halve a ReLU net's signal: factor of its second moment "
        "a layer",
        f"{HE}, section 2.2",
        0.5,
        1.0,
        "relu",
    ),
    _factorClaim(
        "Weights uniform between -1 / sqrt(n) and 1 / sqrt(n) have n Var W = 1/3, by which a "
        "linear net's signal shrinks: factor of its second moment a layer",
        f"{GLOROT}, equation 15",
        1 / 3,
        1 / 3,
        "linear",
        "uniform",
    ),
    _factorClaim(
        "Weights uniform between -1 / sqrt(n) and 1 / sqrt(n) shrink the gradient alike, on its "
        "way back: factor of its second moment a layer",
        f"{GLOROT}, equation 15",
        1 / 3,
        1 / 3,
        "linear",
        "uniform",
        backward=True,
    ),
    Claim(
        "With weights uniform between -1 / sqrt(n) and 1 / sqrt(n) the gradients of weights are "
        "equally large in all layers: log of the ratio of second moments, second layer to last",
        f"{GLOROT}, equation 14",
        0.0,
        f"dense, width {WIDTH}, depth {DEPTH}, {4 * NETWORKS} networks",
        lambda: 0.0,
        _weightGradientLog,
    ),
    Claim(
        "SELU with weights of variance 1 / n has the fixed point of variance 1: second moment "
        "behind 20 layers",
        "Klambauer et al. 2017, arXiv 1706.02515",
        1.0,
        f"dense, width {WIDTH}, depth {DEPTH}, {4 * NETWORKS} networks",
        lambda: float(second_moment("selu", 1.0)),
        _seluMoments,
    ),
    Claim(
        "SELU with weights of variance 1 / n has the fixed point of mean 0: mean of SELU over "
        "standard normal numbers",
        "Klambauer et al. 2017, arXiv 1706.02515",
        0.0,
        "200 layers of 4096 units",
        lambda: float(mean("selu", 1.0)),
        _seluMean,
    ),
    _factorClaim(
        "In SELU nets vanishing and exploding gradients are impossible: factor of the gradient's "
        "second moment a layer",
        "Klambauer et al. 2017, arXiv 1706.02515, abstract",
        1.0,
        1.0,
        "selu",
        backward=True,
        width=3 * WIDTH,
        why="The bounds that were proved are on the variance of activations; at its fixed point "
        "E selu'^2 = 1.0716, so that the gradient's norm grows 32-fold in 100 layers.",
    ),
    Claim(
        "A residual net whose branches begin with batch normalisation grows by 1 a block: second "
        f"moment behind {BLOCKS} blocks",
        "Brock et al. 2021, arXiv 2101.08692, signal propagation plots",
        1.0 + BLOCKS,
        f"x + W relu(BN(x)), width {2 * WIDTH}, batch {BATCH}, {NETWORKS} networks",
        lambda: float(forward_second_moments(_blocks(), 1.0, Batch(BATCH))[-1]),
        _normalisedSum,
    ),
    Claim(
        "Delta-orthogonal kernels keep the norm of an image exactly: factor behind 20 layers",
        "Xiao et al. 2018, arXiv 1806.05393",
        1.0,
        "8x8 images, 16 channels, 5 networks",
        lambda: 1.0,
        _deltaOrthogonal,
    ),
)
