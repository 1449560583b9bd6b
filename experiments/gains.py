"""Gains: what the usual one and the exact one make of signals and gradients over a hundred layers.

Weights of variance g^2 / fan_in keep a second moment of 1 if g^2 V(1) = 1, V(q) = E phi(h)^2. That
is the exact gain. Whether a net stays there is another question: the map g^2 V(q) has the slope
g^2 V'(1), and above 1, as for GELU and SiLU, the fixed point is unstable: signals a little smaller
die out, and those a little larger grow without bound. And what keeps the signal need not keep the
gradient, which a layer multiplies by chi_1 = g^2 E phi'(h)^2.

The usual gains are those of the tables that frameworks bring; GELU, SiLU, ELU and softplus, which
are not in them, are given that of ReLU. Signals of several second moments are sent through each
network and gradients back from its end.

Predicted are nets of this width: the exact law of the log for activations of two slopes and CReLU,
the mean to first order in 1 / width for the others, as far as that holds. Where it does not, the
measured number stands alone. Weights are normal, and there are no biases.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from rich.table import Table
from threadpoolctl import threadpool_limits

from utilityFunctions import theano
from experiments.comparing import judge
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.gainFigure import BOTH, EXACT, USUAL, gainFigure
from experiments.probes import propagate
from experiments.secondMoments import GRADIENT, LOG, SIGNAL
from experiments.variancePropagation import overSamples
from experiments.verdicts import Verdict
from lookslinear.activations import ACTIVATIONS, Activation, activation
from lookslinear.errors import real_number, whole_number
from lookslinear.laws import dense_law
from lookslinear.sampling import as_seed, child_seed, standard_normal
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_log_norm,
    backward_second_moments,
    finite_width_moments,
    forward_log_norm,
    forward_second_moments,
    second_moment_slope,
)

NAME = "gains"
LINE = "What the usual gain of each activation does over 100 layers, and what the exact one does."
#: Not in the tables of gains: they are given that of ReLU.
BORROWERS = ("gelu", "silu", "elu", "softplus")
#: Layers that are told of, up to the last one.
LAYERS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
#: Where an expansion that holds for none of the inputs is given up.
SOON = 30
#: Below it a prediction has no digits any more.
FAINTEST = 1e-300
# Which child of the seed draws what.
_DATA, _WEIGHTS, _GRADIENTS = 0, 1, 2


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which activations, in nets of which size."""

    activation: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="NAME",
            help=f"One of {', '.join(ACTIVATIONS)}, or leakyRelu(SLOPE). Without any: all of them.",
        ),
    ] = ()
    start: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Second moments of the inputs, above 0, in increasing order."""
    depth: int = 100
    """Layers with an activation."""
    width: int = 128
    """Units of each layer; a CReLU makes twice as many of them."""
    samples: int = 4
    """Inputs of each second moment."""
    replicates: int = 16
    """Independent networks of each activation and gain."""
    seed: int = 0
    """What inputs, weights and gradients are drawn from: the same seed, the same numbers."""


class Arm(NamedTuple):
    """An activation with one of its gains."""

    phi: Activation
    kind: str
    gain: float

    @property
    def name(self) -> str:
        """What arrays are called by."""
        return f"{self.phi.name}:{self.kind}"


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    arms: list[Arm]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.arms) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> plan = prepare(Config(activation=("relu", "tanh")))
    >>> [(arm.name, round(arm.gain, 4)) for arm in plan.arms]
    [('relu:both', 1.4142), ('tanh:usual', 1.6667), ('tanh:exact', 1.5925)]
    >>> prepare(Config(start=(0.0, 1.0)))
    Traceback (most recent call last):
    ValueError: each of start must be above 0: it is a second moment. Received: 0.0.
    """
    as_seed(config.seed)
    for name, least in {"depth": 1, "width": 2, "samples": 1, "replicates": 2}.items():
        whole_number(getattr(config, name), name, least)
    _refuseBadStarts(config.start)
    config = dataclasses.replace(config, activation=config.activation or tuple(ACTIVATIONS))
    phis = [activation(name) for name in config.activation]
    if len({phi.name for phi in phis}) < len(phis):
        raise ValueError(
            f"each activation must stand once. Received: {', '.join(config.activation)}."
        )
    return Plan(config, [arm for phi in phis for arm in armsOf(phi)])


def _refuseBadStarts(start: Sequence[float]) -> None:
    if not start:
        raise ValueError(f"start must be one or more numbers. Received: {start!r}.")
    for moment in start:
        if real_number(moment, "each of start") <= 0:
            raise ValueError(
                f"each of start must be above 0: it is a second moment. Received: {moment!r}."
            )
    if list(start) != sorted(set(start)):
        raise ValueError(f"start must increase. Received: {start!r}.")


def armsOf(phi: Activation) -> list[Arm]:
    """The usual gain and the exact one; one arm where they are the same, or none is usual.

    Examples
    --------
    >>> [(arm.kind, round(arm.gain, 4)) for arm in armsOf(activation("gelu"))]
    [('usual', 1.4142), ('exact', 1.5335)]
    >>> [arm.kind for arm in armsOf(activation("erf"))]
    ['exact']
    """
    usual = ACTIVATIONS["relu"].exact_gain if phi.name in BORROWERS else phi.literature_gain
    if usual != phi.exact_gain:
        return [Arm(phi, USUAL, usual), Arm(phi, EXACT, phi.exact_gain)]
    return [Arm(phi, BOTH if phi.homogeneous else EXACT, phi.exact_gain)]


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure and predict every arm; `advance` is called after each network.

    Examples
    --------
    >>> small = Config(activation=("relu",), start=(1.0,), depth=2, width=8, replicates=2)
    >>> result = run(small)
    >>> sorted(result.arrays)
    ['layers', 'relu:both:gain', 'relu:both:log_mean_square', 'relu:both:slope', 'relu:both:wide', \
'start']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    config, tables, reasons = plan.config, [], {}
    arrays = {"layers": np.arange(config.depth + 1), "start": np.array(config.start)}
    with (
        theano.config.change_flags(floatX="float32"),
        threadpool_limits(1, user_api="blas"),
        np.errstate(over="ignore", invalid="ignore"),  # what has no number is not judged
    ):
        for arm in plan.arms:
            stages = stagesOf(arm, config.width, config.depth)
            prediction = predicted(stages, config.start)
            logs = _measured(plan, arm, stages, prediction.scale, advance)
            tables.append(_table(config, arm, logs, prediction))
            arrays |= _wide(arm, stages, config.start)
            arrays[f"{arm.name}:log_mean_square"] = logs[:, :, _layersOf(config)]
            reasons[arm.phi.name] = reasons.get(arm.phi.name) or _reason(prediction)
    return Result(pd.concat(tables, ignore_index=True), arrays, reasons)


def stagesOf(arm: Arm, width: int, depth: int) -> list[Stage]:
    """A first layer that only turns the inputs, and `depth` of the arm's after it.

    Examples
    --------
    >>> stages = stagesOf(armsOf(activation("crelu"))[0], width=8, depth=3)
    >>> [stage.law.shape for stage in stages], round(stages[1].law.variance, 9)
    ([(8, 8), (16, 8), (16, 8), (16, 8)], 0.125)
    """
    read = 2 * width if arm.phi.doubles else width
    law = dense_law(read, width, "normal", arm.gain / math.sqrt(read))
    return [Stage(dense_law(width, width, "haar", width**-0.5)), *depth * [Stage(law, arm.phi)]]


class Prediction(NamedTuple):
    """Of signals and gradients at each layer, for each start; `scale` as in `comparing.compared`.

    'log': means of natural logs. 'products': means, NaN where the expansion does not hold.
    """

    scale: str
    forward: np.ndarray
    backward: np.ndarray


def predicted(stages: Sequence[Stage], start: Sequence[float]) -> Prediction:
    """What is known of nets of this width, for inputs of some second moments.

    Examples
    --------
    >>> stages = stagesOf(armsOf(activation("tanh"))[1], width=64, depth=5)
    >>> [array.shape for array in predicted(stages, (0.5, 1.0))[1:]]
    [(6, 2), (6, 2)]
    """
    start = np.array(start)
    try:
        forward, backward = forward_log_norm(stages, start).mean, backward_log_norm(stages).mean
        return Prediction("log", forward, np.tile(backward[:, None], len(start)))
    except NotCoveredError:
        return Prediction("products", *_expanded(stages, start))


def _expanded(stages: Sequence[Stage], start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The expansion in 1 / width, not followed to where it has long ceased to hold."""
    forward, backward = finite_width_moments(stages[:SOON], start)
    if np.isnan(forward[-1]).all() or len(stages) <= SOON:
        rest = np.full((len(stages) - len(forward), len(start)), np.nan)
        backward = backward if len(stages) <= SOON else np.full_like(forward, np.nan)
        return np.concatenate([forward, rest]), np.concatenate([backward, rest])
    return finite_width_moments(stages, start)


def _reason(prediction: Prediction) -> str:
    gaps = np.isnan(prediction.forward).any() or np.isnan(prediction.backward).any()
    if not gaps:
        return ""
    return (
        "networks of this width differ too much at depth for an expansion in 1 / width: there the "
        "measured number stands alone."
    )


def _wide(arm: Arm, stages: Sequence[Stage], start: Sequence[float]) -> dict[str, np.ndarray]:
    """Second moments at infinite width, forward and backward; the slope of the map at 1."""
    forward = forward_second_moments(stages, np.array(start))
    backward = backward_second_moments(stages, forward)
    weight = stages[-1].law.variance * stages[-1].units
    slope = weight * second_moment_slope(arm.phi, np.float64(1))
    return {
        f"{arm.name}:wide": np.array([forward, backward[::-1]]),
        f"{arm.name}:slope": np.array(slope),
        f"{arm.name}:gain": np.array(arm.gain),
    }


def _measured(
    plan: Plan, arm: Arm, stages: list[Stage], scale: str, advance: Callable[[str], None]
) -> np.ndarray:
    """Logs of second moments: (directions, networks, layers passed, starts)."""
    found = []
    for replicate in range(plan.config.replicates):
        found.append(_throughOneNetwork(plan.config, arm, stages, scale, replicate))
        advance(f"{arm.phi.name}, {arm.kind}")
    return np.array(found).swapaxes(0, 1)


def _throughOneNetwork(
    config: Config, arm: Arm, stages: list[Stage], scale: str, replicate: int
) -> list[np.ndarray]:
    # An arm's numbers do not depend on which others are measured.
    path = (*arm.name.encode(), replicate)
    seeds = [child_seed(as_seed(config.seed), kind, *path) for kind in range(3)]
    shape = (len(config.start) * config.samples, config.width)
    x = standard_normal(shape, seeds[_DATA])
    moments = np.repeat(config.start, config.samples)
    x *= np.sqrt(moments / np.mean(np.square(x, dtype=float), axis=1))[:, None]
    gradient = standard_normal(shape, seeds[_GRADIENTS])
    logs = propagate(stages, x, gradient, seeds[_WEIGHTS])
    kind = "linear" if scale == "products" else scale
    passed = (logs.forward, logs.backward[::-1])
    return [_overStarts(config, direction, kind) for direction in passed]


def _layersOf(config: Config) -> list[int]:
    return [layer for layer in LAYERS if layer < config.depth] + [config.depth]


def _overStarts(config: Config, logs: np.ndarray, scale: str) -> np.ndarray:
    """One number for each layer and start, from (layers, samples of all starts)."""
    parts = np.split(logs, len(config.start), axis=1)
    return np.array([overSamples(part, scale) for part in parts]).T


def _table(config: Config, arm: Arm, logs: np.ndarray, prediction: Prediction) -> pd.DataFrame:
    """The rows of an arm; `where` counts the layers passed, of a gradient from the end."""
    layers = _layersOf(config)
    directions = (
        (SIGNAL, logs[0], prediction.forward),
        (GRADIENT, logs[1], prediction.backward[::-1]),
    )
    tables = []
    prefix = LOG if prediction.scale == "log" else ""
    for quantity, found, expected in directions:
        for index, start in enumerate(config.start):
            labels = {"activation": arm.phi.name, "gain": arm.kind, "start": start}
            tables.append(
                _rows(
                    labels | {"quantity": prefix + quantity, "where": layers},
                    found[:, layers, index],
                    expected[layers, index],
                    prediction.scale,
                )
            )
    return pd.concat(tables)


def _rows(labels: dict, logs: np.ndarray, expected: np.ndarray, scale: str) -> pd.DataFrame:
    rounding = np.finfo("float32").eps * (1 + np.array(labels["where"]))
    if scale == "products":  # numbers so small have lost their digits
        expected = np.where(expected > FAINTEST, expected, np.nan)
    found, z = judge(logs, expected, scale, rounding)
    numbers = {"measured": found.value, "standard_error": found.standard_error}
    return pd.DataFrame({**labels, **numbers, "predicted": expected, "z": z, "scale": scale})


def _summary(result: Result) -> Table:
    """A row an activation and gain: what is left of each start at the end, and the verdict."""
    table, last = result.table, result.table["where"].max()
    shown = Table(caption=_CAPTION, caption_justify="left")
    for name in ("activation", "gain", f"signal, layer {last}", "gradient, layer 0", "verdict"):
        shown.add_column(name)
    for (name, kind), rows in table.groupby(["activation", "gain"], sort=False):
        ends = rows[rows["where"] == last]
        gain = float(result.arrays[f"{name}:{kind}:gain"])
        told = (_told(ends, quantity) for quantity in (SIGNAL, GRADIENT))
        shown.add_row(name, f"{kind} {gain:.4f}", *told, Verdict.of(rows).words())
    return shown


_CAPTION = """Second moments, one for each start: the mean over networks, or exp of the mean log
for activations of two slopes and CReLU. Rows without a prediction: networks of
this width differ too much for an expansion in 1 / width."""


def _told(ends: pd.DataFrame, quantity: str) -> str:
    own = ends[ends["quantity"].str.endswith(quantity)]
    values = np.exp(own["measured"]) if own["scale"].iloc[0] == "log" else own["measured"]
    return ", ".join(f"{value:.3g}" for value in values)


EXPERIMENT = Experiment(
    NAME, LINE, Config, prepare, run, gainFigure, description=__doc__, summary=_summary
)
