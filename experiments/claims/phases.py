"""Claims about order and chaos in tanh nets with biases: Poole et al. 2016, Schoenholz et al. 2017.

The numbers as published are the papers' formulas at one point, by sums over a grid of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from utilityFunctions import floatX
from experiments.claims.claim import Claim, Measurement
from experiments.claims.nets import dense
from experiments.probes.linearised import Network
from lookslinear.measures import ratio
from lookslinear.sampling import child_seed, standard_normal
from lookslinear.theory import chi_1, correlation_fixed_point, fixed_point

POOLE = "Poole et al. 2016, arXiv 1606.05340"
SCHOENHOLZ = "Schoenholz et al. 2017, arXiv 1611.01232"
WIDTH, NETWORKS, DEPTH = 256, 40, 30
#: The last layers, whose moments are those of the fixed point.
SETTLED = 10
#: How far apart the two inputs are whose distance is followed, in units of their length.
NEAR = 1e-4
SETTING = f"tanh, width {WIDTH}, depth {DEPTH}, {NETWORKS} networks"
GRID = np.arange(-9, 9.1, 0.2)


class Point(NamedTuple):
    """Fan-in times the variance of weights, and the variance of biases."""

    weights: float
    biases: float


#: Of the papers' figures: standard deviations 2 and 0.3; and the variance 0.05 of biases.
SPREAD = Point(4.0, 0.09)
ORDERED, CRITICAL, CHAOTIC = Point(1.3, 0.05), Point(1.76, 0.05), Point(2.5, 0.05)


# The published formulas


def _gaussianMean(values: np.ndarray) -> float:
    """The mean of a function of as many standard normal numbers as there are axes."""
    density = np.exp(-(GRID**2) / 2)
    for _ in range(values.ndim):
        values = values @ density / density.sum()
    return float(values)


@functools.cache
def paperLength(point: Point) -> float:
    """The fixed point of q' = w E tanh(sqrt(q) z)^2 + b.

    Examples
    --------
    >>> round(paperLength(Point(2.0, 0.05)), 3)
    0.722
    """
    q = 1.0
    for _ in range(500):
        q = point.weights * _gaussianMean(np.tanh(np.sqrt(q) * GRID) ** 2) + point.biases
    return q


@functools.cache
def paperCorrelation(point: Point) -> float:
    """The fixed point of c' = (w E tanh(u1) tanh(u2) + b) / q, from c = 0.5.

    Examples
    --------
    >>> round(paperCorrelation(Point(2.0, 0.05)), 3)
    0.744
    """
    q, c = paperLength(point), 0.5
    one = GRID[:, None]
    for _ in range(300):
        two = c * one + np.sqrt(1 - c**2) * GRID
        products = np.tanh(np.sqrt(q) * one) * np.tanh(np.sqrt(q) * two)
        c = (point.weights * _gaussianMean(products) + point.biases) / q
    return c


@functools.cache
def paperSlope(point: Point) -> float:
    """chi_1 = w E tanh'(sqrt(q) z)^2 at the fixed point.

    Examples
    --------
    >>> round(paperSlope(Point(2.0, 0.05)), 3)
    1.048
    """
    slopes = 1 - np.tanh(np.sqrt(paperLength(point)) * GRID) ** 2
    return point.weights * _gaussianMean(slopes**2)


# The networks


def _net(point: Point, network: int) -> Network:
    settings = {"bias_variance": point.biases}
    first = dense(WIDTH, point.weights, **settings)
    layer = dense(WIDTH, point.weights, activation="tanh", **settings)
    return Network([first, *DEPTH * [layer]], (WIDTH,), child_seed(40, network))


def _normal(network: int, *path: int) -> np.ndarray:
    return standard_normal((1, WIDTH), child_seed(41, network, *path), floatX())


def _settled(point: Point) -> np.ndarray:
    """Mean products of two inputs' signals in the last layers: (networks, 2, 2)."""
    found = []
    for network in range(NETWORKS):
        one, two = _normal(network, 0), _normal(network, 1)
        pair = np.concatenate([one, (one + two) / np.sqrt(2)])
        last = np.array(list(_net(point, network).signals(pair))[-SETTLED:])
        found.append(np.einsum("lai,lbi->ab", last, last) / (SETTLED * WIDTH))
    return np.array(found)


def _length(point: Point) -> Measurement:
    return Measurement.of(np.trace(_settled(point), axis1=1, axis2=2) / 2)


def _correlation(point: Point) -> Measurement:
    products = _settled(point)
    squares = np.trace(products, axis1=1, axis2=2) / 2
    return Measurement.ofEstimate(ratio(products[:, 0, 1, None], squares[:, None]), NETWORKS)


def _steady(point: Point, network: int) -> np.ndarray:
    """An input that the first layer sends to the fixed point of the second moment."""
    moment = (float(fixed_point("tanh", *point)) - point.biases) / point.weights
    return np.sqrt(moment) * _normal(network, 0)


def _distanceFactor(point: Point) -> Measurement:
    """By what the squared distance of two near inputs grows a layer, mean over all steps."""
    found = []
    for network in range(NETWORKS):
        x = _steady(point, network)
        pair = np.concatenate([x, x + NEAR * _normal(network, 1)])
        distances = [np.sum((one - two) ** 2) for one, two in _net(point, network).signals(pair)]
        found.append(np.mean(np.divide(distances[1:], distances[:-1])))
    return Measurement.of(found)


def _gradientFactor(point: Point) -> Measurement:
    """By what the second moment of a gradient grows a layer, on its way back."""
    found = []
    for network in range(NETWORKS):
        net = _net(point, network)
        _, tape = net.forward(_steady(point, network))
        pulled = [np.sum(one**2) for one in net.pulls(tape, _normal(network, 2))]
        found.append(np.mean(np.divide(pulled[1:-1], pulled[:-2])))
    return Measurement.of(found)


def _slope(point: Point) -> float:
    return float(chi_1("tanh", point.weights, fixed_point("tanh", *point)))


def _slopeClaim(claim: str, point: Point, measured: Callable, **settings) -> Claim:
    return Claim(
        f"{claim}, n Var W = {point.weights}, Var b = {point.biases}",
        settings.pop("source", f"{SCHOENHOLZ}, formula of chi_1"),
        settings.pop("published", paperSlope(point)),
        SETTING,
        lambda: _slope(point),
        lambda: measured(point),
        **settings,
    )


CLAIMS = (
    Claim(
        "The length map of tanh nets has a stable fixed point: second moment q*, weights and "
        "biases of standard deviations 2 / sqrt(n) and 0.3",
        f"{POOLE}, formula of the length map, its figure 1",
        paperLength(SPREAD),
        SETTING,
        lambda: float(fixed_point("tanh", *SPREAD)),
        lambda: _length(SPREAD),
    ),
    Claim(
        "In chaos the correlation of any two inputs of a tanh net tends to a fixed point below 1: "
        "c*, weights and biases of standard deviations 2 / sqrt(n) and 0.3",
        f"{POOLE}, formula of the correlation map, its figure 2",
        paperCorrelation(SPREAD),
        SETTING,
        lambda: float(correlation_fixed_point("tanh", *SPREAD)),
        lambda: _correlation(SPREAD),
    ),
    _slopeClaim(
        "In the ordered phase gradients vanish, by chi_1 a layer: factor of the second moment",
        ORDERED,
        _gradientFactor,
    ),
    _slopeClaim(
        "In the ordered phase inputs grow alike at the rate at which gradients vanish, so that "
        "both depth scales are 1 / |log chi_1|: factor of their squared distance a layer",
        ORDERED,
        _distanceFactor,
        reported=True,
    ),
    _slopeClaim(
        "In the chaotic phase gradients explode, by chi_1 a layer: factor of the second moment",
        CHAOTIC,
        _gradientFactor,
    ),
    _slopeClaim(
        "Here order meets chaos: factor of a gradient's second moment a layer",
        CRITICAL,
        _gradientFactor,
        source=f"{SCHOENHOLZ}, figures",
        published=1.0,
        reported=True,
    ),
)
