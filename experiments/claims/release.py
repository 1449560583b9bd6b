"""Claims in the code that was released with the looks-linear initialisation, and its comments."""

from __future__ import annotations

import functools
import math

import numpy as np

from utilityFunctions import floatX
from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import outputs
from experiments.data import loadBatch
from experiments.downsampling import neighbourCorrelation, predictedGain
from initialisations import initD
from lookslinear.sampling import child_seed, standard_normal
from lookslinear.theory import Stage

RELEASE = "LSLeary/LL-init on GitHub, released with Balduzzi et al. 2017"
NETWORKS, BATCH, SHAPE = 8, 64, (3, 32, 32)
SIZE, DRAWS = 16, 2000
IMAGES = f"32x32 colour patches of two photographs, {BATCH} of them, {NETWORKS} networks"
SIGNS = (
    "LAPACK's reflections choose their signs by the numbers that they meet, which favours signs on "
    "the diagonal: U is orthogonal but not uniform. Random signs of its columns make it so."
)


# Strided average kernels


def _stage(mirror: bool, scale: float | None = None) -> Stage:
    """The layer that halves an image's sides, with as many channels."""
    channels, rows, columns = SHAPE
    read = (2 * channels if mirror else channels, rows, columns)
    options = {"mirror": mirror, "pooling": True, "poolingScale": scale}
    law = initD["orthogonal"].law(read, (channels, rows // 2, columns // 2), **options)
    return Stage(law, "crelu" if mirror else "linear", stride=2, neighbour_correlation=0.0)


@functools.cache
def _photographs() -> np.ndarray:
    return loadBatch("patches", BATCH, child_seed(60, 0))


def _noise(network: int) -> np.ndarray:
    return standard_normal((BATCH, *SHAPE), child_seed(61, network), floatX())


def _growth(stage: Stage, images) -> Measurement:
    """Of the second moment through one layer; `images` gives a batch for each network."""
    found = []
    for network in range(NETWORKS):
        x = images(network).astype(floatX())
        y = outputs([stage], x, child_seed(62, network))
        found.append(np.mean(np.square(y)) / np.mean(np.square(x)))
    return Measurement.of(found, 100 * np.finfo(floatX()).eps)


def _poolingClaim(claim: str, mirror: bool, **settings) -> Claim:
    return Claim(
        f"{claim}: factor of the second moment a layer",
        f"{RELEASE}, comment in orthogonal()",
        1.0,
        IMAGES,
        lambda: predictedGain(_stage(mirror).law, neighbourCorrelation(_photographs())),
        lambda: _growth(_stage(mirror), lambda network: _photographs()),
        **settings,
    )


# Orthogonal matrices


@functools.cache
def _factors() -> np.ndarray:
    """U of the SVD of matrices of normal numbers."""
    return np.linalg.svd(standard_normal((DRAWS, SIZE, SIZE), child_seed(63), "float64"))[0]


CLAIMS = (
    Claim(
        "A gain of 1/2 of strided average kernels keeps the variance where neighbours are "
        "uncorrelated: factor of the second moment a layer",
        f"{RELEASE}, comment in orthogonal()",
        1.0,
        f"32x32 images of white noise, {BATCH} of them, {NETWORKS} networks",
        lambda: predictedGain(_stage(False, 0.5).law, 0.0),
        lambda: _growth(_stage(False, 0.5), _noise),
    ),
    _poolingClaim(
        "In looks-linear nets, where neighbours stay as correlated as in the data, a gain a little "
        "above 1/4 is ideal, and 0.28 is taken",
        True,
        correction="A little above 1/4 it is, 1 / sqrt(4 + 12 rho): 0.254 for these photographs, "
        "whose neighbours have the correlation rho = 0.96. 0.28 keeps the variance at rho = 0.73; "
        "here four such layers more than double it.",
    ),
    _poolingClaim(
        "In nets that are not looks-linear a higher gain is better, and 0.4 is taken",
        False,
        why="0.4 keeps the variance at rho = 0.19 alone, and orthogonal kernels with one tap leave "
        "neighbours as correlated as they were, mirrored or not. (The comment calls the number "
        "fairly arbitrary.)",
    ),
    Claim(
        "The left factor U of an SVD of normal numbers is a random orthogonal matrix (of Haar's "
        f"uniform law): mean of sqrt(n) U_11, n = {SIZE}",
        f"{RELEASE}, orthogonal(); the law: Saxe et al. 2013, arXiv 1312.6120",
        0.0,
        f"{DRAWS} matrices",
        None,
        lambda: Measurement.of(math.sqrt(SIZE) * _factors()[:, 0, 0]),
        why=SIGNS,
    ),
    Claim(
        "The left factor U of an SVD of normal numbers is a random orthogonal matrix, so that half "
        f"of them have a positive determinant: share, n = {SIZE}",
        f"{RELEASE}, orthogonal(); the law: Saxe et al. 2013, arXiv 1312.6120",
        0.5,
        f"{DRAWS} matrices",
        None,
        lambda: Measurement.of(np.linalg.det(_factors()) > 0),
        why=SIGNS,
    ),
)
