"""Variance propagation: the second moments of signal and gradient through deep networks.

A batch of real data is sent through networks at initialisation and a random gradient back. For each
layer the second moment of pre-activations and of the gradients with respect to them is measured
over several networks and set beside its prediction.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import tyro
from rich.table import Table

from experiments.arms import Arm, parseArms
from experiments.comparing import CONTRADICTION, compared
from experiments.data import loadBatch
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.networks import stagesOf
from experiments.precision import computing
from experiments.predictions import Prediction, predict
from experiments.probes import LogMeanSquares, propagate
from experiments.reporting import summary
from experiments.secondMoments import GRADIENT, LOG, SIGNAL, secondMoments
from lookslinear.errors import whole_number
from lookslinear.sampling import as_seed, child_seed, standard_normal
from lookslinear.theory import Stage

NAME = "variance-propagation"
LINE = "Second moments of signal and gradient through deep networks, layer by layer."
DESCRIPTION = """Send real data through deep networks at initialisation and a random gradient back.

Shows, for each layer, the second moment of pre-activations and of gradients: measured with its
standard error over networks, predicted, and the z-score. Writes config.json, manifest.json,
table.csv, arrays.npz and a figure."""
#: The field's story in one picture: Glorot and He and orthogonal weights on ReLU, CReLU without and
#: with mirroring (looks-linear), tanh.
DEFAULT_ARMS = (
    "glorotNormal/relu",
    "heNormal/relu",
    "orthogonal+relu/relu",
    "orthogonal/crelu",
    "orthogonal+mirror/crelu",
    "glorotNormal/tanh",
)
#: Operations of a matrix product below which one thread is the fastest.
SMALL_PRODUCT = 1e8
# Which child of the seed draws what.
_DATA, _WEIGHTS, _GRADIENTS = 0, 1, 2


@dataclass(frozen=True)
class Config(BaseConfig):
    """What is sent through which networks."""

    arm: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="ARM",
            help="INIT[+option...]/ACTIVATION: an entry of initD with its options, such as "
            "orthogonal+mirror/crelu, glorotNormal+signalPriorities=0,1/relu, "
            "heNormal/leakyRelu(0.2). Without any: Glorot, He and orthogonal weights on relu, "
            "crelu without and with mirroring, tanh.",
        ),
    ] = ()
    data: Annotated[
        str,
        tyro.conf.arg(
            metavar="DATA",
            help="digits (handwritten, 8x8), patches (32x32 colour patches of two photographs), "
            "gaussian, or the path of an .npz with an array x, samples first.",
        ),
    ] = "digits"
    standardise: Annotated[
        Literal["global", "feature", "none"],
        tyro.conf.arg(
            help="Subtract the mean and divide by the standard deviation: of the whole batch, of "
            "each feature, or neither."
        ),
    ] = "global"
    network: Literal["dense", "conv"] = "dense"
    """Fully connected layers, or convolutions with zeros at the border."""
    depth: int = 50
    """Layers with weights."""
    width: int = 128
    """Units, or channels, of each layer; a CReLU makes twice as many of them."""
    s: int = 3
    """The side of a convolution's filter, odd."""
    batch: int = 64
    """Samples sent through each network."""
    replicates: int = 20
    """Independent networks of each arm."""
    seed: int = 0
    """What data, weights and gradients are drawn from: the same seed, the same numbers."""
    dtype: Literal["float32", "float64"] = "float32"
    """What Theano computes in."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    arms: list[Arm]
    x: np.ndarray
    stages: list[list[Stage]]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.arms) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument and load the data; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(depth=0))
    Traceback (most recent call last):
    ValueError: depth must be at least 1. Received: 0.
    """
    for name in ("depth", "width", "s", "batch", "replicates"):
        whole_number(getattr(config, name), name)
    seed = as_seed(config.seed)
    config = dataclasses.replace(config, arm=config.arm or DEFAULT_ARMS)
    arms = parseArms(config.arm)
    x = loadBatch(config.data, config.batch, child_seed(seed, _DATA), config.standardise)
    x = _shapedFor(config.network, x)
    with computing(config.dtype):
        stages = [_stages(config, arm, x) for arm in arms]
    return Plan(config, arms, x, stages)


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda arm: None) -> Result:
    """Measure and predict every arm; `advance` is called after each network.

    The table has one row an arm, quantity and layer; "log of" stands before a quantity of which it
    has the mean of the log.

    Examples
    --------
    >>> result = run(Config(arm=("orthogonal+mirror/crelu",), depth=3, width=8, replicates=2))
    >>> list(result.table.columns)
    ['arm', 'quantity', 'where', 'measured', 'standard_error', 'predicted', 'z', 'scale']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays, reasons = [], {}, {}
    with computing(plan.config.dtype, _fittingThreads(plan)):
        for index, (arm, stages) in enumerate(zip(plan.arms, plan.stages, strict=True)):
            prediction = predict(stages, plan.x)
            logs = _measured(plan, index, prediction.scale, advance)
            tables.append(_table(arm.name, logs, prediction, plan.config.dtype))
            arrays |= _named(arm.name, logs, prediction)
            reasons[arm.name] = prediction.reason
    return Result(pd.concat(tables, ignore_index=True), arrays, reasons)


def _fittingThreads(plan: Plan) -> int | None:
    """One BLAS thread for products so small that waking a second one takes longer than they do."""
    widest = max(math.prod(stage.law.shape) for stages in plan.stages for stage in stages[-1:])
    return 1 if 2 * len(plan.x) * widest < SMALL_PRODUCT else None


def _shapedFor(network: str, x: np.ndarray) -> np.ndarray:
    if network == "dense":
        return x.reshape(len(x), -1)
    if x.ndim != 4:
        raise ValueError(
            f"network 'conv' needs images: data of shape (samples, [channels,] rows, columns). "
            f"Received: {x.shape}."
        )
    return x


def _stages(config: Config, arm: Arm, x: np.ndarray) -> list[Stage]:
    return stagesOf(arm, x.shape[1:], config.network, config.depth, config.width, config.s)


def _measured(plan: Plan, index: int, scale: str, advance: Callable[[str], None]) -> LogMeanSquares:
    """The logs of each network's second moments: two arrays (replicates, depth)."""
    found = []
    for replicate in range(plan.config.replicates):
        logs = _throughOneNetwork(plan, index, replicate)
        found.append([overSamples(direction, scale) for direction in logs])
        advance(plan.arms[index].name)
    forward, backward = np.array(found).swapaxes(0, 1)
    return LogMeanSquares(forward, backward)


def _throughOneNetwork(plan: Plan, index: int, replicate: int) -> LogMeanSquares:
    seed, stages = as_seed(plan.config.seed), plan.stages[index]
    shape = (len(plan.x), stages[-1].law.output_channels, *plan.x.shape[2:])
    gradientSeed = child_seed(seed, _GRADIENTS, index, replicate)
    gradient = standard_normal(shape, gradientSeed, plan.config.dtype)
    return propagate(stages, plan.x, gradient, child_seed(seed, _WEIGHTS, index, replicate))


def overSamples(logs: np.ndarray, scale: str) -> np.ndarray:
    """One number a layer from (depth, samples): the mean log, or the log of the mean."""
    if scale == "linear":
        return np.logaddexp.reduce(logs, axis=1) - np.log(logs.shape[1])
    alive = np.isfinite(logs)  # a dead signal has no log; the law is that of living ones
    counts = alive.sum(axis=1)
    sums = np.where(alive, logs, 0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _table(arm: str, logs: LogMeanSquares, prediction: Prediction, dtype: str) -> pd.DataFrame:
    layers = np.arange(1, logs.forward.shape[1] + 1)
    inLogs = prediction.scale == "log"
    rows = [
        compared(
            LOG + quantity if inLogs else quantity,
            layers,
            samples,
            expected,
            scale="log" if inLogs else "products",
            rounding=np.finfo(dtype).eps * passed,
            arm=arm,
        )
        for quantity, samples, expected, passed in (
            (SIGNAL, logs.forward, prediction.forward, layers),
            (GRADIENT, logs.backward, prediction.backward, layers[::-1]),
        )
    ]
    return pd.concat(rows, ignore_index=True).assign(scale=prediction.scale)


def _named(arm: str, logs: LogMeanSquares, prediction: Prediction) -> dict[str, np.ndarray]:
    """The arrays of one arm, under names that say what they are."""
    return {
        f"{arm}:forward:log_mean_square": logs.forward,
        f"{arm}:backward:log_mean_square": logs.backward,
        f"{arm}:forward:predicted_{prediction.scale}": prediction.forward,
        f"{arm}:backward:predicted_{prediction.scale}": prediction.backward,
    }


def _summary(result: Result) -> Table:
    return summary(result.table, result.reasons, CONTRADICTION)


EXPERIMENT = Experiment(
    NAME,
    LINE,
    Config,
    prepare,
    run,
    secondMoments,
    DESCRIPTION,
    summary=_summary,
    quantity="second moment",
)
