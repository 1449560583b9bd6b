"""Border loss: what zeros around an image cost, by depth and by the image's side.

A window of s x s taps that reaches over the border reads zeros there: its output is smaller.
Along each axis the profile of second moments is multiplied at every layer by the banded matrix

    A_ij = 1[|i - j| <= s / 2] / s

(`lookslinear.theory.zero_padding_loss`), forward and backward alike: an 8 x 8 image is left with
0.35 of its second moment after 10 layers of 3 x 3, and with 0.013 after 50. In the end every layer
costs the same factor, (1 + 2 cos(pi / (n + 1)))^2 / 9 for s = 3. Kernels on the centre tap alone
(delta-orthogonal) and circular images lose nothing.

The networks are linear, as looks-linear ones are, and balanced for the full window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure

from experiments.comparing import compared
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.plotting import DASHES, colour, finishAxes, finishScores, keys, points, shownPoints
from experiments.precision import computing
from experiments.probes import propagate
from experiments.probes.circular import CircularKind
from lookslinear.errors import whole_number, whole_numbers
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw
from lookslinear.sampling import as_seed, child_seed, draw, standard_normal
from lookslinear.theory import (
    Stage,
    backward_second_moments,
    forward_second_moments,
    zero_padding_loss,
)

NAME = "border-loss"
LINE = "What zero padding costs by depth and image size, with full and with delta kernels."
FORWARD, BACKWARD = "signal that is left", "gradient that is left"
#: What a kernel is and what it meets at the border.
ZEROS, DELTA, CIRCULAR = "full kernels, zeros", "delta kernels, zeros", "full kernels, circular"
#: The depths of the table of predictions, which reaches beyond what is measured.
TABLE_DEPTHS = (1, 10, 50, 100, 200)
# Which child of the seed draws what.
_DATA, _WEIGHTS, _GRADIENTS = 0, 1, 2


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which images, through how many layers."""

    side: Annotated[
        tuple[int, ...], tyro.conf.arg(help="The sides of square images, each a run of its own.")
    ] = (4, 8, 16, 32)
    depth: int = 30
    """Layers."""
    channels: int = 24
    """Of every layer."""
    s: int = 3
    """The side of the filters, odd."""
    replicates: int = 12
    """Independent networks of each kind."""
    seed: int = 0
    """What images, weights and gradients are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    arms: list[tuple[int, str]]

    @property
    def steps(self) -> int:
        """One a network."""
        return len(self.arms) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Examples
    --------
    >>> prepare(Config(s=4))
    Traceback (most recent call last):
    ValueError: s must be odd: an even filter shifts the image. Received: 4.
    """
    as_seed(config.seed)
    for name in ("channels", "s", "replicates"):
        whole_number(getattr(config, name), name)
    whole_number(config.depth, "depth", least=2)
    if config.s % 2 == 0:
        raise ValueError(f"s must be odd: an even filter shifts the image. Received: {config.s}.")
    counts = range(1, len(config.side) + 1)
    sides = whole_numbers(config.side, "side", counts, "one or more sides of images")
    if len(set(sides)) < len(sides) or min(sides) <= config.s // 2:
        raise ValueError(
            f"side must hold different sides, each above s // 2, {config.s // 2}. "
            f"Received: {config.side!r}."
        )
    return Plan(config, [(side, kind) for kind in (ZEROS, DELTA, CIRCULAR) for side in sides])


def run(plan: Plan, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure and predict every kind of network; `advance` is called after each network.

    Examples
    --------
    >>> table = run(prepare(Config(side=(4,), depth=2, channels=2, replicates=2))).table
    >>> delta = table[table["kernels"] == "delta kernels, zeros"]
    >>> bool((abs(delta["measured"] - 1) < 1e-5).all())
    True
    """
    tables = []
    with computing("float32"):
        for index, (side, kind) in enumerate(plan.arms):
            logs = []
            for replicate in range(plan.config.replicates):
                logs.append(_throughOneNetwork(plan.config, side, kind, (index, replicate)))
                advance(f"{kind}, side {side}")
            tables.append(_table(plan.config, side, kind, np.array(logs)))
    arrays = {"depths": np.arange(1, max(TABLE_DEPTHS) + 1)}
    for side in plan.config.side:
        loss = zero_padding_loss((side, side), plan.config.s, max(TABLE_DEPTHS))
        arrays[f"predicted:{side}"] = loss
    return Result(pd.concat(tables, ignore_index=True), arrays, {})


def _stages(config: Config, kind: str) -> list[Stage]:
    channels, s = config.channels, config.s
    fan = channels if kind == DELTA else channels * s * s
    law = WeightLaw(
        (channels, channels, s, s),
        axes_of(4, "theano"),
        "haar" if kind == DELTA else "normal",
        fan**-0.5,
        taps="centre" if kind == DELTA else "all",
    )
    return config.depth * [Stage(law, padding="circular" if kind == CIRCULAR else "zeros")]


def _throughOneNetwork(config: Config, side: int, kind: str, path: tuple) -> np.ndarray:
    """Logs of what is left of the mean square after each layer: (forward or backward, depth)."""
    seed, shape = as_seed(config.seed), (1, config.channels, side, side)
    x = _flat(standard_normal(shape, child_seed(seed, _DATA, *path)))
    gradient = _flat(standard_normal(shape, child_seed(seed, _GRADIENTS, *path)))
    stages, weights = _stages(config, kind), child_seed(seed, _WEIGHTS, *path)
    if kind == CIRCULAR:
        return _onATorus(stages, x, gradient, weights)
    logs = propagate(stages, x, gradient, weights)
    # The gradient leaves the network before its first layer, where nothing is measured.
    return np.array([logs.forward[:, 0], np.append(logs.backward[-2::-1, 0], np.nan)])


def _flat(image: np.ndarray) -> np.ndarray:
    """The image with a mean square over channels of exactly 1 at every position."""
    return image / np.sqrt(np.mean(image**2, axis=1, keepdims=True))


def _onATorus(stages: list[Stage], x: np.ndarray, gradient: np.ndarray, seed) -> np.ndarray:
    law = stages[0].law
    kind = CircularKind(x.shape[1:], "linear", law.output_channels, law.receptive_field)
    logs = []
    for l in range(len(stages)):
        weight = draw(law, child_seed(seed, l))
        # Linear layers: which signal a gradient meets on its way does not matter.
        x, gradient = kind.forward(x, weight), kind.backward(x, gradient, weight)
        logs.append([_logMeanSquare(x), _logMeanSquare(gradient)])
    return np.array(logs).T


def _logMeanSquare(array: np.ndarray) -> float:
    return float(np.log(np.mean(array.astype(float) ** 2)))


def _table(config: Config, side: int, kind: str, logs: np.ndarray) -> pd.DataFrame:
    stages, layers = _stages(config, kind), np.arange(1, config.depth + 1)
    moments = forward_second_moments(stages, np.ones((side, side)))
    gradients = backward_second_moments(stages, moments)[-2::-1]
    labels = {"kernels": kind, "side": side}
    rounding = np.finfo("float32").eps * layers
    rows = []
    for quantity, found, expected in zip(
        (FORWARD, BACKWARD), logs.swapaxes(0, 1), (moments, gradients), strict=True
    ):
        passed = layers[: len(expected)]
        rows.append(
            compared(
                quantity,
                passed,
                found[:, : len(passed)],
                _means(expected),
                scale="products",
                rounding=rounding[: len(passed)],
                **labels,
            )
        )
    return pd.concat(rows)


def _means(moments: list[np.ndarray]) -> np.ndarray:
    return np.array([moment.mean() for moment in moments])


def figure(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """What is left of the signal against depth, the table of predictions, and the scores."""
    drawn = Figure(figsize=(10, 6.6), layout="constrained")
    (loss, others), (strip, numbers) = drawn.subplots(2, 2, height_ratios=(3, 1.3))
    for axes, kinds in ((loss, (ZEROS,)), (others, (DELTA, CIRCULAR))):
        for index, ((kind, side), rows) in enumerate(_curves(table, kinds)):
            image = f"{side} x {side}"
            _drawCurve(axes, rows, index, image if kind == ZEROS else f"{kind}, {image}")
        finishAxes(axes, " and ".join(kinds), "part of the second moment that is left")
        axes.set_xlabel("layer")
        axes.legend(frameon=False, fontsize=7, ncols=1 if axes is loss else 2)
    loss.set_yscale("log")
    others.set_ylim(0, 2)
    for index, (_, rows) in enumerate(_curves(table, (ZEROS, DELTA, CIRCULAR), None)):
        strip.plot(rows["where"], rows["z"], ".", color=colour(index), markersize=3)
    finishScores(strip, "layer")
    _drawNumbers(numbers, table, arrays)
    drawn.legend(
        handles=keys("measured, ± standard error"),
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return drawn


def _curves(table: pd.DataFrame, kinds: tuple[str, ...], quantity: str | None = FORWARD):
    rows = table[table["kernels"].isin(kinds)]
    rows = rows if quantity is None else rows[rows["quantity"] == quantity]
    return rows.groupby(["kernels", "side"], sort=False)


def _drawCurve(axes, rows: pd.DataFrame, index: int, label: str) -> None:
    layers = rows["where"].to_numpy()
    axes.plot(layers, rows["predicted"], color=colour(index), linestyle=DASHES, linewidth=1.3)
    shown = shownPoints(len(layers), index)
    axes.errorbar(
        layers[shown],
        rows["measured"].to_numpy()[shown],
        rows["standard_error"].to_numpy()[shown],
        linestyle="none",
        elinewidth=1,
        label=label,
        **points(index),
    )


def _drawNumbers(axes, table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> None:
    """What is predicted to be left after more layers than were measured."""
    sides = list(dict.fromkeys(table["side"]))
    cells = [[f"{arrays[f'predicted:{n}'][d - 1]:.2g}" for d in TABLE_DEPTHS] for n in sides]
    axes.axis("off")
    axes.set_title("predicted with zeros at the border", loc="left", fontsize=9)
    shown = axes.table(
        cells,
        rowLabels=[f"{n} x {n}" for n in sides],
        colLabels=[f"{d} layers" if d > 1 else "1 layer" for d in TABLE_DEPTHS],
        loc="center",
        edges="horizontal",
    )
    shown.auto_set_font_size(False)
    shown.set_fontsize(8)


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, figure, __doc__)
