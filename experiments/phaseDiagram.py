"""Phases: what the variances of weights and biases make of wide networks, and to which depth.

In the plane of sigma_w^2 (the weights' variance times the units that they read) and sigma_b^2 (the
biases') a line, chi_1 = 1, separates two phases. On its left all inputs become alike and gradients
vanish (ordered), on its right inputs part, to a correlation c*, and gradients explode (chaotic).
The correlation comes near its fixed point by a factor e in xi_c layers; that such nets train to a
depth of about 6 xi_c is reported (Schoenholz et al. 2017, arXiv 1611.01232).

Real networks are measured at some points of the plane: second moment and correlation of inputs,
layer by layer, to a depth of 6 xi_c; and, for inputs that start at the fixed points and stay there,
the growth of gradients, log chi_1 a layer, and that of products of two inputs' gradients, which is
-1 / xi_c.

Theory is that of infinite width. Each net is measured at two widths, n and 2 n, and 2 X(2 n) - X(n)
is what is judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from rich.table import Table
from threadpoolctl import threadpool_limits

from utilityFunctions import theano
from experiments.comparing import comparedEstimate
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.gradientCorrelation import extrapolated, productAndSquare
from experiments.phaseFigure import (
    CORRELATION,
    DECAY,
    FIXED_CORRELATION,
    FIXED_MOMENT,
    GROWTH,
    MOMENT,
    phaseFigure,
)
from experiments.phasePoints import Point, phaseMap, pointOf
from experiments.probes import Network, inputGradients
from experiments.verdicts import summaryOf
from lookslinear.activations import activation
from lookslinear.errors import real_number, whole_number
from lookslinear.laws import dense_law
from lookslinear.measures import Estimate, estimate, jackknife, ratio
from lookslinear.sampling import Rng, as_seed, child_seed, haar_frame
from lookslinear.theory import (
    Stage,
    correlations,
    forward_second_moments,
)

NAME = "phase-diagram"
LINE = "Ordered, critical and chaotic variances of weights and biases; the depths that they allow."
#: Layers that are told of, up to the last one.
LAYERS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100, 150, 200, 300)
#: Gradients that are sent back through each network: their mean scatters less than one.
READ_OUTS = 8
# Which child of the seed draws what.
_STARTS, _FIXED, _READOUTS, _WEIGHTS = range(4)


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which points of the plane, with which networks."""

    activation: str = "tanh"
    """Any of the table; it needs a fixed point at each point of the plane."""
    weights: Annotated[
        tuple[float, ...],
        tyro.conf.arg(
            help="Variances of the weights, times the units that they read, in increasing order. "
            "Measured is each of them with each variance of the biases."
        ),
    ] = (1.0, 1.5, 2.0, 3.0)
    biases: tuple[float, ...] = (0.05, 0.3)
    """Variances of the biases, in increasing order."""
    start: float = 1.5
    """The second moment of the inputs, above 0."""
    correlation: float = 0.3
    """That of any two inputs, from 0 to below 1."""
    depth: int = 150
    """Layers at most: nets are as deep as their trainable depth, 6 xi_c."""
    span: int = 24
    """Layers at most that gradients are sent back through: fewer where those of two inputs soon
    have nothing in common."""
    width: int = 128
    """Units of each layer; the same nets are measured at twice this width too."""
    samples: int = 6
    """Inputs sent through each network."""
    replicates: int = 30
    """Independent networks of each point and width."""
    seed: int = 0
    """What all is drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    points: list[Point]

    @property
    def steps(self) -> int:
        """One for each network."""
        return 2 * len(self.points) * self.config.replicates

    @property
    def widths(self) -> tuple[int, int]:
        """Units of a layer."""
        return self.config.width, 2 * self.config.width


class _Sums(NamedTuple):
    """Mean products of two inputs, and mean squares: of signals (networks, layers), gradients."""

    products: np.ndarray
    squares: np.ndarray
    gradientProducts: np.ndarray
    gradientSquares: np.ndarray


def prepare(config: Config) -> Plan:
    """Check every argument, and find the fixed points; nothing is drawn or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> plan = prepare(Config(weights=(1.0, 2.0), biases=(0.05,)))
    >>> [(point.phase, round(point.q, 3), round(point.c, 3)) for point in plan.points]
    [('ordered', 0.194, 1.0), ('chaotic', 0.722, 0.744)]
    >>> prepare(Config(weights=(2.0, 1.0)))
    Traceback (most recent call last):
    ValueError: weights must increase. Received: (2.0, 1.0).
    """
    as_seed(config.seed)
    phi = activation(config.activation)
    for name, least in {"depth": 1, "span": 1, "width": 2, "samples": 2, "replicates": 2}.items():
        whole_number(getattr(config, name), name, least)
    if config.samples >= config.width:
        raise ValueError(
            f"samples must be below the width: so many directions can be orthogonal. "
            f"Received: {config.samples} at width {config.width}."
        )
    if not 0 <= real_number(config.correlation, "correlation") < 1:
        raise ValueError(
            f"correlation must be from 0 to below 1. Received: {config.correlation!r}."
        )
    _positive(config.start, "start")
    for weight in _increasing(config.weights, "weights"):
        _positive(weight, "each of weights")
    for bias in _increasing(config.biases, "biases"):
        real_number(bias, "each of biases", least=0)
    return Plan(config, [pointOf(phi, w, b) for b in config.biases for w in config.weights])


def _increasing(values: Sequence[float], name: str) -> Sequence[float]:
    if not values:
        raise ValueError(f"{name} must be one or more numbers. Received: {values!r}.")
    numbers = [real_number(value, f"each of {name}") for value in values]
    if numbers != sorted(set(numbers)):
        raise ValueError(f"{name} must increase. Received: {values!r}.")
    return numbers


def _positive(value: object, name: str) -> None:
    if real_number(value, name) <= 0:
        raise ValueError(f"{name} must be above 0: it is a variance. Received: {value!r}.")


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure and predict every point, and make the map; `advance` is called after each network.

    Examples
    --------
    >>> small = Config(weights=(1.0,), biases=(0.1,), depth=2, width=8, samples=2, replicates=2)
    >>> result = run(small)
    >>> list(dict.fromkeys(result.table["quantity"]))
    ['second moment', 'correlation', 'q*', 'c*', 'log chi_1', '-1 / xi_c']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    config, tables = plan.config, []
    # Products of a few samples are too small for a second thread.
    with theano.config.change_flags(floatX="float32"), threadpool_limits(1, user_api="blas"):
        for index, point in enumerate(plan.points):
            sums = {width: _measured(plan, index, width, advance) for width in plan.widths}
            tables.append(_table(plan, point, sums))
    return Result(
        pd.concat(tables, ignore_index=True),
        phaseMap(config.activation, config.weights, config.biases),
        _reasons(plan),
    )


def _reasons(plan: Plan) -> dict[str, str]:
    narrow, wide = plan.widths
    reason = (
        f"theory is that of infinite width, to which 2 X({wide}) - X({narrow}) extrapolates: "
        f"judged is that, the row of width inf."
    )
    return {f"width {width}": reason for width in plan.widths}


def stagesOf(config: Config, point: Point, width: int) -> list[Stage]:
    """A first layer that only turns the inputs, and those of the point after it.

    Examples
    --------
    >>> plan = prepare(Config(weights=(1.0,), biases=(0.05,)))
    >>> stages = stagesOf(plan.config, plan.points[0], 8)
    >>> len(stages), round(stages[1].law.variance * 8, 9), stages[1].bias_variance
    (23, 1.0, 0.05)
    """
    phi = activation(config.activation)
    read = 2 * width if phi.doubles else width
    law = dense_law(read, width, "normal", math.sqrt(point.weights / width))
    first = Stage(dense_law(width, width, "haar", width**-0.5))
    return [first, *depthOf(config, point) * [Stage(law, phi, bias_variance=point.biases)]]


def depthOf(config: Config, point: Point) -> int:
    """6 xi_c in whole layers, or what is asked for, if that is less."""
    trainable = 6 / abs(point.decay) if point.decay else math.inf
    return min(config.depth, math.ceil(min(trainable, 1e9)))


def spanOf(config: Config, point: Point) -> int:
    """Over so many layers the correlation of two inputs' gradients falls to e^-2 at least.

    Examples
    --------
    >>> plan = prepare(Config(weights=(1.0, 2.0, 4.0), biases=(0.05,)))
    >>> [spanOf(plan.config, point) for point in plan.points]
    [24, 23, 5]
    """
    parting = point.growth - point.decay
    return max(1, min(config.span, round(2 / max(parting, 1e-9))))


def _layersOf(config: Config, point: Point) -> list[int]:
    depth = depthOf(config, point)
    return [layer for layer in LAYERS if layer < depth] + [depth]


def _measured(plan: Plan, index: int, width: int, advance: Callable[[str], None]) -> _Sums:
    point, found = plan.points[index], []
    for replicate in range(plan.config.replicates):
        found.append(_throughOneNetwork(plan, index, width, replicate))
        advance(f"{point.weights:g}, {point.biases:g}: {point.phase}, width {width}")
    return _Sums(*(np.array(numbers) for numbers in zip(*found, strict=True)))


def _throughOneNetwork(plan: Plan, index: int, width: int, replicate: int) -> tuple:
    config, point, path = plan.config, plan.points[index], (index, width, replicate)
    seeds = [child_seed(as_seed(config.seed), kind, *path) for kind in range(4)]
    stages = stagesOf(config, point, width)
    starts = _inputs(config, width, config.start, config.correlation, seeds[_STARTS])
    signals = _throughLayers(stages, starts, _layersOf(config, point), seeds[_WEIGHTS])
    fixed = _inputs(config, width, point.q, point.c, seeds[_FIXED])
    gradients = _backAgain(stages[:1], stages[1], spanOf(config, point), fixed, seeds)
    return *signals, *gradients


def _inputs(config: Config, width: int, q: float, c: float, seed: Rng) -> np.ndarray:
    """Rows of mean square q, any two of them of correlation c."""
    frame = haar_frame(width, config.samples + 1, seed, np.dtype("float64")).T
    rows = math.sqrt(c) * frame[:1] + math.sqrt(1 - c) * frame[1:]
    return math.sqrt(q * width) * rows


def _throughLayers(stages: Sequence[Stage], x: np.ndarray, layers: Sequence[int], seed: Rng):
    """Mean products and mean squares of the signals after some layers."""
    network = Network(stages, x.shape[1:], seed)
    passed = enumerate(network.signals(x))
    found = [productAndSquare(signal.astype(float)) for layer, signal in passed if layer in layers]
    return np.array(found).T / x.shape[1]


def _backAgain(first: list[Stage], stage: Stage, span: int, x: np.ndarray, seeds) -> np.ndarray:
    """Mean products and mean squares of gradients that have passed `span` layers."""
    width = x.shape[1]
    count = min(READ_OUTS, width)
    readOuts = haar_frame(width, count, seeds[_READOUTS]).T * math.sqrt(width)
    stages = [*first, *span * [stage]]
    ((_, found),) = inputGradients(stages, x, {len(stages): readOuts}, seeds[_WEIGHTS])
    return np.array(productAndSquare(found.reshape(len(x), -1).astype(float))) / (count * width)


def _table(plan: Plan, point: Point, sums: Mapping[int, _Sums]) -> pd.DataFrame:
    """All quantities of one point, at both widths and extrapolated."""
    config, layers = plan.config, _layersOf(plan.config, point)
    moments, alike = _predictedSignals(config, point, layers)
    span = spanOf(config, point)
    found = [_estimates(one, layers, span) for one in sums.values()]
    atLayers, atEnd = (layers, slice(None)), (layers[-1:], slice(-1, None))
    behind = ([span], slice(None))
    rows = [
        (MOMENT, *atLayers, 0, moments, 0.0),
        (CORRELATION, *atLayers, 1, alike, 0.0),
        # The last layer is not yet at the limit: what is left of the way is added to the error.
        (FIXED_MOMENT, *atEnd, 0, point.q, moments[-1] - point.q),
        (FIXED_CORRELATION, *atEnd, 1, point.c, alike[-1] - point.c),
        (GROWTH, *behind, 2, point.growth, 0.0),
        (DECAY, *behind, 3, point.decay, 0.0),
    ]
    tables = []
    for quantity, where, places, which, predicted, remaining in rows:
        both = [Estimate(*(array[places] for array in one[which])) for one in found]
        tables += _beside(plan, point, quantity, where, both, predicted, remaining)
    return pd.concat(tables, ignore_index=True)


def _predictedSignals(
    config: Config, point: Point, layers: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Second moment and correlation after some layers, at infinite width."""
    stages = stagesOf(config, point, config.width)
    moments = forward_second_moments(stages, config.start)
    alike = correlations(stages, config.start, config.correlation)
    return np.array(moments)[layers], np.array(alike)[layers]


def _estimates(sums: _Sums, layers: Sequence[int], span: int) -> list[Estimate]:
    """Second moments, correlations, and the logs of the factors a layer; rounding included."""
    eps = np.finfo("float32").eps
    rounding = eps * (1 + np.array(layers))
    found = [
        (estimate(sums.squares), rounding),
        (ratio(sums.products, sums.squares), rounding),
        (_logFactor(sums.gradientSquares, span), eps),
        (_logFactor(sums.gradientProducts, span), eps),
    ]
    return [_withError(one, error * np.maximum(1, abs(one.value))) for one, error in found]


def _logFactor(samples: np.ndarray, span: int) -> Estimate:
    """The log of a layer's factor, from what has passed some layers."""
    with np.errstate(invalid="ignore", divide="ignore"):  # few networks may give no log
        return jackknife(lambda mean: np.log(mean) / span, samples[:, None])


def _withError(found: Estimate, error: np.ndarray | float) -> Estimate:
    return Estimate(found.value, np.hypot(found.standard_error, error))


def _beside(
    plan: Plan,
    point: Point,
    quantity: str,
    where: Sequence[int],
    both: Sequence[Estimate],
    predicted: np.ndarray | float,
    remaining: float,
) -> list[pd.DataFrame]:
    """A quantity at both widths and extrapolated; judged is the last."""
    limit = _withError(extrapolated(*both), remaining)
    rows = [(float(width), one, np.nan) for width, one in zip(plan.widths, both, strict=True)]
    labels = {"weights": point.weights, "biases": point.biases, "phase": point.phase}
    degrees = plan.config.replicates - 1
    return [
        comparedEstimate(quantity, where, one, known, degrees=degrees, width=width, **labels)
        for width, one, known in [*rows, (np.inf, limit, predicted)]
    ]


def _summary(result: Result) -> Table:
    """Fixed points and rates at infinite width; the layers before are in the table."""
    table = result.table
    limit = table[np.isinf(table["width"]) & ~table["quantity"].isin((MOMENT, CORRELATION))]
    return summaryOf(limit.drop(columns="width"), result.reasons)


EXPERIMENT = Experiment(
    NAME, LINE, Config, prepare, run, phaseFigure, description=__doc__, summary=_summary
)
