"""Claims about one wide layer: Cho & Saul, Williams, and the gains of normaliser-free nets."""

from __future__ import annotations

import math

import numpy as np

from experiments.claims.claim import Claim, Measurement
from lookslinear.activations import activation
from lookslinear.laws import dense_law
from lookslinear.sampling import child_seed, draw, standard_normal
from lookslinear.theory import mean, product_moment, second_moment

UNITS, LAYERS, INPUTS = 2048, 100, 8
GAINS = "Brock et al. 2021, arXiv 2102.06171, constants of the released code"
SAMPLED = (
    "The released constant was found by simulation, it seems; the exact one is "
    "1 / sqrt(Var phi(z)), z normal."
)
CHUNKS, NUMBERS = 120, 2**20


def _layer(phi: str, c: float) -> Measurement:
    """The mean product of a random layer's activations at two inputs of correlation c."""
    pair = np.zeros((2, INPUTS))
    pair[:, 0], pair[1, :2] = 1.0, (c, math.sqrt(1 - c**2))
    law = dense_law(INPUTS, UNITS, "normal", 1.0, dtype="float64")
    found = []
    for layer in range(LAYERS):
        one, two = activation(phi).function(pair @ draw(law, child_seed(10, layer)))
        found.append(np.mean(one * two))
    return Measurement.of(found)


def _gain(phi: str) -> Measurement:
    """1 / the standard deviation of phi over normal numbers, by chunks of a million."""
    gains = []
    for chunk in range(CHUNKS):
        z = standard_normal((NUMBERS,), child_seed(11, chunk), "float32")
        gains.append(1 / np.std(activation(phi).function(z), dtype=float))
    return Measurement.of(gains)


def _exactGain(phi: str) -> float:
    return float((second_moment(phi, 1.0) - mean(phi, 1.0) ** 2) ** -0.5)


def _gainClaim(phi: str, published: float) -> Claim:
    return Claim(
        f"Scaling {phi} by {published:.6g} gives it variance 1",
        GAINS,
        published,
        f"{CHUNKS} times 2^20 normal numbers",
        lambda: _exactGain(phi),
        lambda: _gain(phi),
        correction=SAMPLED,
    )


CLAIMS = (
    Claim(
        "The kernel of a random ReLU layer is (sin t + (pi - t) cos t) / (2 pi): t = pi / 3",
        "Cho & Saul 2009, NIPS 22, arc-cosine kernel of degree 1",
        (math.sin(math.pi / 3) + (2 * math.pi / 3) * 0.5) / (2 * math.pi),
        f"{LAYERS} layers of {UNITS} units",
        lambda: float(product_moment("relu", 1.0, 1.0, 0.5)),
        lambda: _layer("relu", 0.5),
    ),
    Claim(
        "The kernel of a random erf layer is (2 / pi) asin(2 c / 3) at unit variance: c = 1/2",
        "Williams 1997, NIPS 9, networks with erf units",
        2 / math.pi * math.asin(1 / 3),
        f"{LAYERS} layers of {UNITS} units",
        lambda: float(product_moment("erf", 1.0, 1.0, 0.5)),
        lambda: _layer("erf", 0.5),
    ),
    _gainClaim("relu", 1.7139588594436646),
    _gainClaim("tanh", 1.5939117670059204),
)
