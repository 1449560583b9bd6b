"""Claims about the gradient of a function of one number: Balduzzi et al. 2017, Prince 2023."""

from __future__ import annotations

import numpy as np

from experiments.claims.claim import Claim, Measurement
from experiments.gridNets import netOf
from experiments.probes.gridGradients import gridGradients
from lookslinear.measures import lag_products, ratio
from lookslinear.sampling import child_seed
from lookslinear.theory.grid import autocorrelation_of, grid_kernels

WIDTH, DEPTH, NETWORKS = 200, 50, 12
GRID = np.linspace(-2, 2, 256)
SETTING = f"width {WIDTH}, 256 inputs from -2 to 2, {NETWORKS} networks"


def _predicted(net: str) -> float:
    """In the limit of large width."""
    covariance = grid_kernels(netOf(net, WIDTH, DEPTH), GRID, at=[DEPTH])[0].gradient
    return float(autocorrelation_of(covariance, [1])[0])


def _measured(net: str) -> Measurement:
    """The autocorrelation at neighbouring inputs, ratio of means over units and networks."""
    above, below = [], []
    for network in range(NETWORKS):
        *_, slopes = gridGradients(netOf(net, WIDTH, DEPTH), GRID, child_seed(70, network))
        lagged, squares = lag_products(slopes.T, [1])
        above.append(lagged.mean(axis=0))
        below.append(squares.mean(axis=0))
    return Measurement.ofEstimate(ratio(np.array(above), np.array(below)), NETWORKS)


def _claim(claim: str, source: str, net: str, **settings) -> Claim:
    return Claim(
        f"{claim}: autocorrelation at neighbouring inputs, {DEPTH} layers",
        source,
        0.0,
        SETTING,
        lambda: _predicted(net),
        lambda: _measured(net),
        **settings,
    )


CLAIMS = (
    _claim(
        "Gradients of deep feed-forward ReLU nets resemble white noise, in mean-centred nets",
        "Balduzzi et al. 2017, arXiv 1702.08591, abstract and figure 2",
        "feed-forward",
    ),
    _claim(
        "Gradients of deep feed-forward ReLU nets resemble white noise, in nets of weights and "
        "biases of variance 1 / n that are not centred",
        "Prince 2023, Understanding Deep Learning, notebook 11.1, which repeats Balduzzi et al. "
        "2017",
        "textbook",
        why="Half of He's variance lets the common biases win, so that all inputs become one "
        "signal and the gradient vanishes without shattering; only centring makes the kinks "
        "independent. See shattered-gradients.md.",
    ),
)
