"""Gradient correlation: how alike the gradients of two inputs are, against depth.

R = E g1 . g2 / E |g|^2 over networks, for orthogonal inputs and one random read-out at the outputs;
and the gradient's variance, E |g|^2 over that of the read-out.
Three numbers stand side by side: that of the theorem as published, which takes every pair of inputs
to be active together on a quarter of the units; that of mean-field theory, which follows how alike
the two signals become; and the measured one.

Theory speaks of infinitely wide networks, and networks of width n have an excess of order 1 / n,
which at depth is larger than R itself. So each net is measured at two widths, n and 2 n, and
2 R(2 n) - R(n), whose error is of order 1 / n^2, is what is held to the prediction.

Batch statistics are held constant on the way back: the gradient plotted is that of one sample with
the means and deviations that the batch has given. Through the statistics the gradients of a batch
sum to 0, so that any two of B samples have R = -1 / (B - 1) on average, at every depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import tyro
from rich.table import Table

from experiments.comparing import comparedEstimate, extrapolated
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.gradientPanels import CORRELATION, VARIANCE, gradientPanels
from experiments.networks import looksLinear, rectifier
from experiments.precision import computing
from experiments.probes import inputGradients
from experiments.verdicts import summaryOf
from initialisations import initD
from lookslinear.errors import known_name, real_number, refuse_repeated, whole_number
from lookslinear.measures import Estimate, estimate, ratio
from lookslinear.sampling import Rng, as_seed, child_seed, haar_frame
from lookslinear.theory import (
    Batch,
    Residual,
    Stage,
    backward_second_moments,
    forward_second_moments,
    gradient_correlations,
)
from lookslinear.theory.shattering import paper_correlation, paper_variance

NAME = "gradient-correlation"
LINE = "Gradients of two inputs against depth: the theorem, the mean field, the measurement."
#: Each net, and the theorem of Balduzzi et al. 2017 that is about it.
NETS = {
    "plain": "theorem 1",
    "batch-normalised": "theorem 1",
    "residual": "theorem 2 (reported)",
    "residual and batch-normalised": "theorem 3, the product behind its asymptote",
    "looks-linear": "section 4",
}
PAPER = "Balduzzi et al. 2017, arXiv 1702.08591"
#: Depths that are measured, up to the one that is asked for.
DEPTHS = (1, 2, 3, 5, 7, 10, 14, 20, 30, 50, 70, 100)
# Which child of the seed draws what.
_DATA, _WEIGHTS, _READOUTS = 0, 1, 2


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which nets, how deep and how wide."""

    net: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="NET", help=f"One of: {', '.join(NETS)}. Without any: all of them."),
    ] = ()
    depth: int = 20
    """The largest number of layers with an activation, or of residual blocks."""
    width: int = 96
    """Units of each layer; the same nets are measured at twice this width too."""
    batch: int = 32
    """Orthogonal inputs sent through each network, at most as many as units."""
    beta: float = 1.0
    """The factor of each residual branch."""
    replicates: int = 40
    """Independent networks of each net and width."""
    seed: int = 0
    """What inputs, weights and read-outs are drawn from: the same seed, the same numbers."""
    dtype: Literal["float32", "float64"] = "float32"
    """What Theano computes in."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good; `stages` by net and width."""

    config: Config
    depths: list[int]
    stages: dict[tuple[str, int], list[Stage | Residual]]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.stages) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is drawn or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(replicates=1))
    Traceback (most recent call last):
    ValueError: replicates must be at least 2. Received: 1.
    """
    nets = config.net or tuple(NETS)
    for net in nets:
        known_name("net", net, NETS)
    refuse_repeated("net", nets)
    for name, least in {"depth": 1, "width": 2, "batch": 2, "replicates": 2}.items():
        whole_number(getattr(config, name), name, least)
    if config.batch > config.width:
        raise ValueError(
            f"batch must be at most the width: so many inputs can be orthogonal. "
            f"Received: {config.batch} at width {config.width}."
        )
    real_number(config.beta, "beta")
    as_seed(config.seed)
    depths = [depth for depth in DEPTHS if depth < config.depth] + [config.depth]
    widths = (config.width, 2 * config.width)
    with computing(config.dtype):
        stages = {
            (net, width): stagesOfNet(net, width, config.depth, config.beta)
            for net in nets
            for width in widths
        }
    return Plan(config, depths, stages)


def stagesOfNet(net: str, width: int, depth: int, beta: float = 1.0) -> list[Stage | Residual]:
    """A first layer that only turns the inputs, and `depth` layers or residual blocks after it.

    Examples
    --------
    >>> stages = stagesOfNet("residual", width=8, depth=3)
    >>> len(stages), stages[1].branch[0].activation.name
    (4, 'relu')
    """
    first = Stage(initD["orthogonal"].law((width,), (width,)))
    plain, normalised = rectifier(width), rectifier(width, "batch")
    element = {
        "plain": plain,
        "batch-normalised": normalised,
        "residual": Residual([plain], scale=beta),
        "residual and batch-normalised": Residual([normalised], scale=beta),
        "looks-linear": looksLinear(width),
    }[net]
    return [first, *depth * [element]]


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda net: None) -> Result:
    """Measure and predict every net; `advance` is called after each network.

    Examples
    --------
    >>> table = run(Config(net=("looks-linear",), depth=2, width=8, batch=3, replicates=2)).table
    >>> found = table[table["quantity"] == "gradient correlation"]
    >>> bool((abs(found["measured"] - 1) < 1e-5).all()), bool((table["z"] < 5).all())
    (True, True)
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays, widths = [], {}, (plan.config.width, 2 * plan.config.width)
    with computing(plan.config.dtype):
        for net in dict.fromkeys(net for net, _ in plan.stages):
            products = {width: _measured(plan, net, width, advance) for width in widths}
            for width, (above, below) in products.items():
                arrays |= {f"{net}:{width}:products": above, f"{net}:{width}:squares": below}
            tables.append(_table(plan, net, products))
    return Result(pd.concat(tables, ignore_index=True), arrays, _reasons(widths))


def _measured(
    plan: Plan, net: str, width: int, advance: Callable[[str], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean products of the gradients of two inputs, and mean squares: arrays (networks, depths)."""
    found = []
    for replicate in range(plan.config.replicates):
        found.append(_throughOneNetwork(plan, net, width, replicate))
        advance(net)
    return tuple(np.moveaxis(np.array(found), -1, 0))


def _throughOneNetwork(plan: Plan, net: str, width: int, replicate: int) -> list:
    path = (list(NETS).index(net), width, replicate)
    config, seed = plan.config, as_seed(plan.config.seed)
    frame = haar_frame(width, config.batch, child_seed(seed, _DATA, *path), np.dtype(config.dtype))
    readouts = {
        1 + depth: _readout(width, child_seed(seed, _READOUTS, *path, depth), config.dtype)
        for depth in plan.depths
    }
    gradients = inputGradients(
        plan.stages[net, width],
        frame.T * frame.dtype.type(width**0.5),
        readouts,
        child_seed(seed, _WEIGHTS, *path),
    )
    return [productAndSquare(found[:, 0].astype(float)) for _, found in gradients]


def _readout(width: int, seed: Rng, dtype: str) -> np.ndarray:
    """A gradient at the outputs, (1, width), of random direction and a mean square of 1."""
    direction = haar_frame(width, 1, seed, np.dtype(dtype)).T
    return direction * direction.dtype.type(width**0.5)


def productAndSquare(gradients: np.ndarray) -> tuple[float, float]:
    """The mean of g1 . g2 over all pairs of rows, and that of |g|^2."""
    count, squares = len(gradients), np.square(gradients).sum()
    whole = np.square(gradients.sum(axis=0)).sum()
    return (whole - squares) / (count * (count - 1)), squares / count


def predictedCorrelations(plan: Plan, net: str) -> np.ndarray:
    """The mean-field R of the inputs' gradients, for each depth of the plan."""
    batch = Batch(size=plan.config.batch)
    networks = _networks(plan, net)
    return np.array([float(gradient_correlations(n, 1.0, 0.0, batch)[0]) for n in networks])


def predictedVariances(plan: Plan, net: str) -> np.ndarray:
    """The mean-field variance of the inputs' gradients, in units of the read-out's."""
    batch, found = Batch(size=plan.config.batch), []
    for network in _networks(plan, net):
        forward = forward_second_moments(network, 1.0, batch)
        found.append(float(backward_second_moments(network, forward, batch=batch)[0]))
    return np.array(found)


def _networks(plan: Plan, net: str) -> list[list[Stage | Residual]]:
    """The beginnings of a net that end at each depth."""
    stages = plan.stages[net, plan.config.width]
    return [stages[: 1 + depth] for depth in plan.depths]


def publishedCorrelations(plan: Plan, net: str) -> np.ndarray:
    """R as published: half of the pairs that are active are so together, whatever the depth."""
    return _published(paper_correlation, plan, net)


def publishedVariances(plan: Plan, net: str) -> np.ndarray:
    """The gradient's variance as published; nothing is, of batch normalisation without a skip."""
    if net == "batch-normalised":
        return np.full(len(plan.depths), np.nan)
    return _published(paper_variance, plan, net)


def _published(theorem: Callable[..., np.ndarray], plan: Plan, net: str) -> np.ndarray:
    if net == "looks-linear":
        return np.ones(len(plan.depths))
    if not net.startswith("residual"):
        return theorem("plain", plan.depths)
    paperName = "residual" if net == "residual" else "normalised residual"
    return theorem(paperName, plan.depths, scale=plan.config.beta)


def _table(plan: Plan, net: str, products: Mapping[int, tuple]) -> pd.DataFrame:
    correlations = {width: ratio(*pair) for width, pair in products.items()}
    variances = {width: estimate(squares / width) for width, (_, squares) in products.items()}
    predicted = predictedCorrelations(plan, net), predictedVariances(plan, net)
    published = publishedCorrelations(plan, net), publishedVariances(plan, net)
    tables = [
        _rows(plan, net, quantity, *columns)
        for quantity, *columns in zip(
            (CORRELATION, VARIANCE), (correlations, variances), predicted, published, strict=True
        )
    ]
    return pd.concat(tables, ignore_index=True)


def _rows(
    plan: Plan,
    net: str,
    quantity: str,
    found: Mapping[int, Estimate],
    predicted: np.ndarray,
    published: np.ndarray,
) -> pd.DataFrame:
    """One quantity at both widths and extrapolated; judged is the last."""
    notes = {"published": published, "source": f"{PAPER}, {NETS[net]}", "net": net}
    rounding = np.finfo(plan.config.dtype).eps * (1 + np.array(plan.depths))
    found = {width: _withRounding(one, rounding) for width, one in found.items()}
    # A looks-linear net is linear at every width; of the others single widths have an excess.
    alone = predicted if net == "looks-linear" else np.nan
    rows = [*((float(width), one, alone) for width, one in found.items())]
    rows.append((np.inf, extrapolated(*found.values()), predicted))
    degrees = plan.config.replicates - 1
    tables = [
        comparedEstimate(quantity, plan.depths, one, known, degrees=degrees, width=width, **notes)
        for width, one, known in rows
    ]
    return pd.concat(tables, ignore_index=True)


def _withRounding(found: Estimate, rounding: np.ndarray) -> Estimate:
    """The error of the arithmetic is one of the largest number that went into it."""
    scale = np.maximum(1, abs(found.value))
    return Estimate(found.value, np.hypot(found.standard_error, rounding * scale))


def _reasons(widths: Sequence[int]) -> dict[str, str]:
    reason = (
        f"theory is that of infinite width, to which 2 R({widths[1]}) - R({widths[0]}) "
        f"extrapolates: judged is that, the row of width inf."
    )
    return {f"width {width}": reason for width in widths}


def _summary(result: Result) -> Table:
    """A row for each net and quantity at infinite width: those that are judged."""
    limit = result.table[np.isinf(result.table["width"])]
    return summaryOf(limit.drop(columns="width"), result.reasons)


EXPERIMENT = Experiment(
    NAME, LINE, Config, prepare, run, gradientPanels, description=__doc__, summary=_summary
)
