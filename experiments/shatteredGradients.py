"""Shattered gradients: df/dx along a line of inputs, and its autocorrelation, by depth.

The networks read one number. Their gradient, as a function of it, resembles a walk in shallow
nets and white noise in deep ones, unless skip connections or looks-linear weights keep it together.
The figures 1 and 2 of Balduzzi et al. 2017, arXiv 1702.08591, beside the limit of large width.

The judged number is extrapolated to that limit: autocorrelations of nets with n units and L layers
differ from it by up to about L / 5 n. With r(n) = r + b / n, nets of two widths give r.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import tyro

from experiments.comparing import compared, comparedEstimate, extrapolated
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.gridFigure import gridFigure
from experiments.gridNets import NETS, netOf
from experiments.precision import computing
from experiments.probes.gridGradients import gridGradients
from lookslinear.errors import known_name, refuse_repeated, whole_number, whole_numbers
from lookslinear.measures import Estimate, estimate, lag_products, ratio
from lookslinear.sampling import as_seed, child_seed, standard_normal
from lookslinear.theory.grid import autocorrelation_of, brown_noise, grid_kernels, white_noise

NAME = "shattered-gradients"
LINE = "The gradient of a function of one number and its autocorrelation, shattered by depth."
DEFAULT_NETS = ("feed-forward", "residual", "residual-0.1", "looks-linear")
#: The distances on the grid at which gradients are compared.
LAGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
#: The ends of the grid.
ENDS = (-2.0, 2.0)
#: Nets whose mean squared gradient is exact at every width: a unit's sign is a fair coin.
EXACT = ("feed-forward", "looks-linear", "uncentred", "textbook")
# Which child of the seed draws what.
_NETS, _NOISE = 0, 1
CORRELATION, SQUARE = "autocorrelation", "mean squared gradient"


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which networks of one number, how deep, on which grid."""

    net: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="NET",
            help=f"One of {', '.join(NETS)}. Without any: {', '.join(DEFAULT_NETS)}.",
        ),
    ] = ()
    depths: tuple[int, ...] = (2, 4, 10, 24, 50)
    """Where the gradient is read: after so many layers or residual blocks, in increasing order."""
    width: int = 200
    """Units of a layer, even: nets of half the width are measured too."""
    points: int = 256
    """Inputs on the grid from -2 to 2, even: at 0 the nets have a kink."""
    replicates: int = 24
    """Networks of this width; of half of it there are twice as many."""
    seed: int = 0
    """What weights and noise are drawn from: the same seed, the same numbers."""
    dtype: Literal["float32", "float64"] = "float32"
    """What Theano computes in."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    grid: np.ndarray
    lags: tuple[int, ...]

    @property
    def steps(self) -> int:
        """One for each network."""
        return 3 * self.config.replicates * len(self.config.net)


class Products(NamedTuple):
    """Mean products of gradients at each lag, and mean squares: arrays (networks, depths, ...)."""

    lagged: np.ndarray
    squares: np.ndarray


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(depths=(4, 2)))
    Traceback (most recent call last):
    ValueError: depths must increase. Received: (4, 2).
    """
    depths = whole_numbers(config.depths, "depths", range(1, 1000), "at least one whole number")
    if list(depths) != sorted(set(depths)):
        raise ValueError(f"depths must increase. Received: {config.depths!r}.")
    whole_number(config.replicates, "replicates")
    _even(config.width, "width", 4)
    _even(config.points, "points", 4)
    as_seed(config.seed)
    nets = tuple(known_name("net", name, NETS) for name in config.net or DEFAULT_NETS)
    refuse_repeated("net", nets)
    grid = np.linspace(*ENDS, config.points)
    lags = tuple(lag for lag in LAGS if lag < config.points)
    return Plan(dataclasses.replace(config, net=nets), grid, lags)


def _even(value: object, name: str, least: int) -> None:
    if whole_number(value, name, least) % 2:
        raise ValueError(f"{name} must be even. Received: {value}.")


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda net: None) -> Result:
    """Measure and predict every net; `advance` is called after each network.

    `layer` is the depth that the gradient is read at, `where` the lag, 0 for mean squares.

    Examples
    --------
    >>> result = run(Config(net=("looks-linear",), depths=(3,), width=8, points=8, replicates=2))
    >>> rows = result.table[result.table["quantity"] == "autocorrelation"]
    >>> rows[["net", "layer", "where", "predicted"]].round(3).iloc[0].tolist()
    ['looks-linear', 3, 1, 1.0]
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays = [], {"grid": plan.grid}
    with computing(plan.config.dtype):
        for net in plan.config.net:
            rows, found = _ofNet(plan, net, advance)
            tables.append(rows)
            arrays |= {f"{net}:{name}": array for name, array in found.items()}
        for colour, covariance in (("brown", brown_noise), ("white", white_noise)):
            rows, arrays[f"{colour} noise:traces"] = _ofNoise(plan, colour, covariance)
            tables.append(rows)
    return Result(pd.concat(tables, ignore_index=True), arrays, _reasons(plan))


def _reasons(plan: Plan) -> dict[str, str]:
    narrow, wide = _widths(plan)
    finite = (
        f"what is predicted is the limit of large width, to which widths {narrow} and {wide} are "
        f"extrapolated in the other rows"
    )
    return {_atWidth(quantity, wide): finite for quantity in (CORRELATION, SQUARE)}


def _atWidth(quantity: str, width: int) -> str:
    return f"{quantity}, width {width}"


def _widths(plan: Plan) -> tuple[int, int]:
    return plan.config.width // 2, plan.config.width


def _ofNet(plan: Plan, net: str, advance: Callable) -> tuple[pd.DataFrame, dict]:
    """The rows of one net, and what its figure needs: traces, and predictions at all lags."""
    covariances = _predicted(plan, net)
    predicted = np.array([autocorrelation_of(one, plan.lags) for one in covariances])
    measured, traces = [], None
    for width in _widths(plan):
        products, traces = _measured(plan, net, width, advance)
        measured.append(products)
    tables = []
    for index, covariance in enumerate(covariances):
        tables += _correlationRows(plan, net, index, measured, predicted[index])
        tables += _squareRows(plan, net, index, measured, np.diagonal(covariance).mean())
    everyLag = range(len(plan.grid) // 2)
    curves = np.array([autocorrelation_of(one, everyLag) for one in covariances])
    return pd.concat(tables), {"traces": traces, "predicted": curves}


def _predicted(plan: Plan, net: str) -> list[np.ndarray]:
    depths, width = plan.config.depths, plan.config.width
    found = grid_kernels(netOf(net, width, depths[-1]), plan.grid, at=depths)
    return [kernels.gradient for kernels in found]


def _measured(plan: Plan, net: str, width: int, advance: Callable) -> tuple[Products, np.ndarray]:
    """The products of all networks of a width, and the gradients of the first one's first unit."""
    config = plan.config
    stages = netOf(net, width, config.depths[-1])
    networks = config.replicates * config.width // width
    lagged, squares, traces = [], [], []
    for replicate in range(networks):
        seed = child_seed(config.seed, _NETS, list(NETS).index(net), width, replicate)
        slopes = _atDepths(gridGradients(stages, plan.grid, seed), config.depths)
        traces = traces or [slope[:, 0] for slope in slopes]
        above, below = lag_products([slope.T for slope in slopes], plan.lags)
        lagged.append(above.mean(axis=1))
        squares.append(below.mean(axis=1))
        advance(f"{net}, width {width}")
    return Products(np.array(lagged), np.array(squares)), np.array(traces)


def _atDepths(slopes, depths: Sequence[int]) -> list[np.ndarray]:
    return [slope for depth, slope in enumerate(slopes) if depth in depths]


def _correlationRows(
    plan: Plan, net: str, index: int, measured: Sequence[Products], predicted: np.ndarray
) -> list[pd.DataFrame]:
    found = [ratio(one.lagged[:, index], one.squares[:, index]) for one in measured]
    return _beside(plan, net, index, CORRELATION, plan.lags, found, predicted)


def _squareRows(
    plan: Plan, net: str, index: int, measured: Sequence[Products], predicted: float
) -> list[pd.DataFrame]:
    """The mean squared gradient: exact at every width for some nets, and then nearly lognormal."""
    samples = [one.squares[:, index] for one in measured]
    if net not in EXACT:
        found = [estimate(one) for one in samples]
        return _beside(plan, net, index, SQUARE, [0], found, predicted)
    depth, rounding = plan.config.depths[index], _rounding(plan, index)
    logs, labels = np.log(samples[-1]), {"net": net, "layer": depth}
    return [compared(SQUARE, [0], logs, predicted, scale="products", rounding=rounding, **labels)]


def _beside(
    plan: Plan,
    net: str,
    index: int,
    quantity: str,
    where: Sequence[int],
    found: list[Estimate],
    predicted: np.ndarray | float,
) -> list[pd.DataFrame]:
    """Rows as measured at the full width, and as extrapolated, which are the ones to judge."""
    limit = extrapolated(*found, _rounding(plan, index))
    labels = {"net": net, "layer": plan.config.depths[index]}
    degrees = plan.config.replicates - 1
    finite = _atWidth(quantity, plan.config.width)
    return [
        comparedEstimate(finite, where, found[-1], degrees=degrees, **labels),
        comparedEstimate(quantity, where, limit, predicted, degrees=degrees, **labels),
    ]


def _rounding(plan: Plan, index: int) -> float:
    return (plan.config.depths[index] + 1) * np.finfo(plan.config.dtype).eps


def _ofNoise(plan: Plan, colour: str, covariance: Callable) -> tuple[pd.DataFrame, np.ndarray]:
    """As many series of noise as there are gradients of a net; its rows, and one series."""
    config = plan.config
    shape = (config.replicates, config.width, config.points)
    series = standard_normal(shape, child_seed(config.seed, _NOISE), "float64")
    series = series.cumsum(axis=-1) if colour == "brown" else series
    above, below = lag_products(series, plan.lags)
    rows = comparedEstimate(
        CORRELATION,
        plan.lags,
        ratio(above.mean(axis=1), below.mean(axis=1)),
        autocorrelation_of(covariance(config.points), plan.lags),
        degrees=config.replicates - 1,
        net=f"{colour} noise",
        layer=0,
    )
    return rows, series[0, :1]


draw = gridFigure
EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
