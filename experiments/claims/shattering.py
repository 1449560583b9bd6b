"""Claims about gradients of ReLU nets: Balduzzi et al. 2017, Labatie 2019, Yang et al. 2019."""

from __future__ import annotations

import math

import numpy as np

from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import (
    block,
    dense,
    gradientCorrelation,
    gradientGrowth,
    gradientsOf,
)
from experiments.networks import looksLinear
from lookslinear.measures import ratio
from lookslinear.theory import (
    Batch,
    backward_second_moments,
    forward_second_moments,
    gradient_correlations,
)
from lookslinear.theory.shattering import paper_correlation, paper_variance

SHATTERED = "Balduzzi et al. 2017, arXiv 1702.08591"
WIDTH, BATCH, NETWORKS = 128, 32, 40
#: Plain nets are wider: their gradients are correlated more at small widths.
WIDE = 256
MANY = Batch()
DEPTH, BLOCKS = 5, 30
#: Depths of residual nets, each twice the one before.
DOUBLED = (10, 20, 40)
SETTING = f"width {WIDTH}, {BATCH} inputs, {NETWORKS} networks"
ALIKE = (
    "ReLU nets make inputs more alike, so that units are co-active on more than a quarter of the "
    "pairs from the second layer on; the claim holds where the mean over the batch is subtracted."
)
CENTRED = (
    "Batch normalisation divides by the deviation about the mean, so that a branch adds "
    "(1 - 1 / pi) beta^2, not beta^2, to the variance; and a finite batch knows its deviation less "
    "well, which adds to the growth of gradients."
)


def _plain() -> list:
    return [dense(WIDE, 1.0), *DEPTH * [dense(WIDE, 2.0, activation="relu")]]


def _normalised(depth: int = DEPTH) -> list:
    layer = dense(WIDTH, 2.0, activation="relu", normalisation="batch")
    return [dense(WIDTH, 1.0), *depth * [layer]]


def _residual(beta: float, normalisation: str = "batch", blocks: int = BLOCKS) -> list:
    return blocks * [block(WIDTH, beta, normalisation)]


def _predictedCorrelation(stages: list, batch: Batch) -> float:
    """At the first element's inputs, which the first law passes gradients to as they are."""
    extended = [dense(stages[0].reads, 1.0), *stages]
    return float(gradient_correlations(extended, 1.0, batch.correlation, batch)[0])


def _predictedGrowth(stages: list, batch: Batch) -> float:
    extended = [dense(WIDTH, 1.0), *stages]
    forward = forward_second_moments(extended, 1.0, batch)
    return float(backward_second_moments(extended, forward, 1.0, batch)[0])


def _growthPerLayer() -> Measurement:
    """The factor of the gradient's second moment a normalised layer, over layers 10 to 20."""
    short, long = (
        np.square(gradientsOf(_normalised(depth), NETWORKS, BATCH)[0]).mean(axis=(1, 2))
        for depth in (10, 20)
    )
    found = ratio(long[:, None], short[:, None])
    value, error = (float(np.squeeze(one)) for one in found)
    return Measurement(value**0.1, 0.1 * error / value * value**0.1, NETWORKS - 1)


def _predictedBend() -> float:
    logs = [
        math.log(_predictedGrowth(_residual(1.0, blocks=blocks), Batch(BATCH)))
        for blocks in DOUBLED
    ]
    return logs[2] - 2 * logs[1] + logs[0]


def _bend() -> Measurement:
    """How far the log of the growth bends as a function of the log of depth: not, in a power law.

    The networks of the three depths are independent.
    """
    found = [
        gradientGrowth(_residual(1.0, blocks=blocks), NETWORKS, BATCH, seed=blocks)
        for blocks in DOUBLED
    ]
    logs = [math.log(one.value) for one in found]
    errors = [one.standardError / one.value for one in found]
    error = math.hypot(errors[0], 2 * errors[1], errors[2])
    return Measurement(logs[2] - 2 * logs[1] + logs[0], error, NETWORKS - 1)


def _correlationClaim(claim, number, stages, batch=MANY, networks=NETWORKS, **settings):
    return Claim(
        claim,
        settings.pop("source", SHATTERED),
        number,
        f"width {stages()[0].reads}, {BATCH} inputs, {networks} networks",
        lambda: _predictedCorrelation(stages(), batch),
        lambda: gradientCorrelation(stages(), networks, BATCH),
        **settings,
    )


CLAIMS = (
    _correlationClaim(
        f"Gradients of two inputs of a plain ReLU net have the correlation 2^-L: L = {DEPTH}",
        2.0**-DEPTH,
        _plain,
        networks=3 * NETWORKS,
        source=f"{SHATTERED}, theorem 1",
        why=ALIKE,
    ),
    _correlationClaim(
        f"Gradients of two inputs of a ReLU net with batch normalisation have the correlation "
        f"2^-L: L = {DEPTH}",
        2.0**-DEPTH,
        _normalised,
        batch=Batch(BATCH),
        source=f"{SHATTERED}, theorem 1",
        correction="Of a finite batch the normalised samples are slightly anticorrelated.",
    ),
    _correlationClaim(
        f"In a residual net with batch normalisation the correlation of gradients falls slowly, as "
        f"the product behind 1 / (beta sqrt(L)): beta = 1, {BLOCKS} blocks",
        float(paper_correlation("normalised residual", BLOCKS)),
        lambda: _residual(1.0),
        batch=Batch(BATCH),
        source=f"{SHATTERED}, theorem 3",
        correction=CENTRED,
    ),
    _correlationClaim(
        f"In a residual net with batch normalisation and small branches the correlation of "
        f"gradients hardly falls, as the same product: beta = 0.1, {BLOCKS} blocks",
        float(paper_correlation("normalised residual", BLOCKS, 1.0, 0.1)),
        lambda: _residual(0.1),
        batch=Batch(BATCH),
        source=f"{SHATTERED}, theorem 3",
        correction=CENTRED,
    ),
    Claim(
        f"In a residual net with batch normalisation the variance of gradients grows to 1 + beta^2 "
        f"L: beta = 1, {BLOCKS} blocks",
        f"{SHATTERED}, theorem 3",
        float(paper_variance("normalised residual", BLOCKS)),
        f"width {WIDTH}, {BATCH} inputs, {4 * NETWORKS} networks",
        lambda: _predictedGrowth(_residual(1.0), Batch(BATCH)),
        lambda: gradientGrowth(_residual(1.0), 4 * NETWORKS, BATCH),
        correction=CENTRED,
    ),
    _correlationClaim(
        "In a residual net without normalisation the correlation of gradients is (3/4)^L: 10 "
        "blocks",
        0.75**10,
        lambda: _residual(1.0, "none", 10),
        source=f"{SHATTERED}, theorem 2",
        reported=True,
    ),
    Claim(
        "The looks-linear initialisation prevents shattering: correlation of gradients behind 50 "
        "layers",
        f"{SHATTERED}, abstract",
        1.0,
        f"width {WIDTH}, 4 inputs, 3 networks",
        lambda: _predictedCorrelation(50 * [looksLinear(WIDTH)], MANY),
        lambda: gradientCorrelation(50 * [looksLinear(WIDTH)], 3, 4),
    ),
    Claim(
        "Skip connections with batch normalisation induce power laws, so that doubling the depth "
        "always multiplies the gradient's second moment by the same: log of the ratio of the "
        "factors, 20 to 40 blocks and 10 to 20",
        "Labatie 2019, arXiv 1811.03087, abstract",
        0.0,
        SETTING,
        _predictedBend,
        _bend,
    ),
    Claim(
        "Gradients of ReLU nets with batch normalisation explode: factor of the second moment a "
        "layer, pi / (pi - 1)",
        "Yang et al. 2019, arXiv 1902.08129 (that they explode); the constant stands in the code "
        "of Martens et al. 2021, arXiv 2110.01765",
        1.466942206924260,
        SETTING,
        lambda: (
            (
                (_predictedGrowth(_normalised(20), Batch(BATCH)))
                / _predictedGrowth(_normalised(10), Batch(BATCH))
            )
            ** 0.1
        ),
        _growthPerLayer,
        correction=f"That is the limit of large batches; {BATCH} inputs know their deviation "
        f"less well, which adds (B - 1) / (B - 3).",
    ),
)
