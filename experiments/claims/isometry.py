"""Claims about singular values: Glorot, Saxe, Pennington, Balduzzi, Burkholz, and with them."""

from __future__ import annotations

import numpy as np

from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import dense, singularValues
from experiments.networks import looksLinear
from lookslinear.laws import dense_law
from lookslinear.measures import spectrum_summary
from lookslinear.sampling import child_seed, draw

WIDTH, NETWORKS = 64, 40
SETTING = f"width {WIDTH}, {NETWORKS} networks"
LAYER, LAYERS = 200, 12
GLOROT = "Glorot & Bengio 2010, AISTATS"
RELU = "Pennington et al. 2017, arXiv 1711.04735"


def _meanSingularValue(gain: float) -> Measurement:
    """Of the Jacobian of one layer of uniform weights, in the linear regime."""
    values = singularValues([dense(LAYER, gain, "uniform")], LAYERS)
    return Measurement.of(values.mean(axis=1))


def _meanClaim(name: str, gain: float, published: float) -> Claim:
    return Claim(
        f"The {name} initialisation gives the Jacobian of a layer the average singular "
        f"value {published}: in the linear regime",
        f"{GLOROT}, at equation 17",
        published,
        f"one layer of width {LAYER}, {LAYERS} networks",
        lambda: 8 / (3 * np.pi) * np.sqrt(gain),
        lambda: _meanSingularValue(gain),
        rounding=0.05,
        reported=True,
    )


def _isometry(stages, networks: int = 3) -> Measurement:
    """The singular value farthest from 1, of each network."""
    values = singularValues(stages(), networks)
    farthest = values[np.arange(networks), abs(values - 1).argmax(axis=1)]
    return Measurement.of(farthest, len(stages()) * np.sqrt(WIDTH) * np.finfo(float).eps)


def _relativeVariance(stages) -> Measurement:
    summary = spectrum_summary(singularValues(stages(), NETWORKS))
    return Measurement.ofEstimate(summary.relative_variance, NETWORKS)


def _gaussianRecursion(depth: int, width: int) -> float:
    """E s^4 / (E s^2)^2 - 1 of a product of Gaussian matrices, exact at finite width."""
    a, b = 1.0, 1.0  # E tr M^2 / n and E (tr M)^2 / n^2
    for _ in range(depth):
        a, b = a * (1 + 1 / width) + b, b + 2 * a / width**2
    return a - 1


def _haarReluRecursion(depth: int, width: int) -> float:
    """The same for orthogonal matrices times sqrt(2), with half of the units switched off."""
    a, b = 1.0, 1.0
    for _ in range(depth):
        common = (width * b + 2 * a) / (width + 2)
        a, b = a + common, b + common / width
    return a - 1


def _blockedRelu() -> Measurement:
    """ReLU layers of blocks [[W, -W], [-W, W]] from [x, -x] to the first half, 20 of them."""
    found = []
    for network in range(3):
        x = draw(dense_law(1, WIDTH, "normal", 1.0, dtype="float64"), child_seed(5, network))[0]
        signal, product = np.r_[x, -x], np.r_[np.eye(WIDTH), -np.eye(WIDTH)]
        for layer in range(20):
            law = dense_law(WIDTH, WIDTH, "haar", WIDTH**-0.5, dtype="float64")
            w = draw(law, child_seed(6, network, layer))
            gate = signal > 0
            blocks = np.block([[w, -w], [-w, w]])
            signal, product = blocks @ (gate * signal), blocks @ (gate[:, None] * product)
        values = np.linalg.svd(product[:WIDTH], compute_uv=False)
        found.append(values[abs(values - 1).argmax()])
    return Measurement.of(found, 20 * np.sqrt(WIDTH) * np.finfo(float).eps)


def _plain(gain: float, family: str, activation: str, depth: int) -> list:
    return [dense(WIDTH, 1.0, family), *(depth - 1) * [dense(WIDTH, gain, family, activation)]]


CLAIMS = (
    _meanClaim("standard (n Var W = 1/3)", 1 / 3, 0.5),
    _meanClaim("normalised", 1.0, 0.8),
    Claim(
        "Products of orthogonal matrices have all singular values equal to 1: the one farthest "
        "from it, 100 layers",
        "Saxe et al. 2013, arXiv 1312.6120",
        1.0,
        f"width {WIDTH}, 3 networks",
        lambda: 1.0,
        lambda: _isometry(lambda: _plain(1.0, "haar", "linear", 100)),
    ),
    Claim(
        "Looks-linear nets are linear at initialisation: singular value farthest from 1, "
        "198 layers with CReLU",
        "Balduzzi et al. 2017, arXiv 1702.08591, where it is introduced",
        1.0,
        f"width {WIDTH}, 3 networks",
        lambda: 1.0,
        lambda: _isometry(lambda: [dense(WIDTH, 1.0, "haar"), *197 * [looksLinear(WIDTH)]]),
    ),
    Claim(
        "ReLU layers of blocks [[W, -W], [-W, W]], W orthogonal, are isometries: singular value "
        "farthest from 1, 20 layers",
        "Burkholz & Dubatovka 2019, arXiv 1806.06362",
        1.0,
        f"width {WIDTH}, 3 networks",
        lambda: 1.0,
        _blockedRelu,
    ),
    Claim(
        "Squared singular values of Gaussian linear nets scatter as their depth: relative "
        "variance, L = 10",
        RELU,
        10.0,
        SETTING,
        lambda: _gaussianRecursion(10, WIDTH),
        lambda: _relativeVariance(lambda: _plain(1.0, "normal", "linear", 10)),
        reported=True,
    ),
    Claim(
        "Orthogonal ReLU nets are no isometries, they scatter as the depth of their ReLUs: "
        "relative variance, L = 10",
        RELU,
        10.0,
        SETTING,
        lambda: _haarReluRecursion(10, WIDTH),
        lambda: _relativeVariance(
            lambda: [dense(WIDTH, 1.0, "haar"), *10 * [dense(WIDTH, 2.0, "haar", "relu")]]
        ),
        reported=True,
    ),
)
