"""Learning time: how many updates a deep network needs to a given loss, against its depth.

Deep linear networks and CReLU networks learn the labels of whitened digits by full batches, at
rates in proportion to 1 / depth. Orthogonal weights learn in a time that soon depends on depth no
more (Saxe et al. 2013, arXiv 1312.6120); Gaussian ones need longer with each layer, until they
learn no more. Time is depth x rate x updates. For orthogonal linear networks it is predicted,
network by network, from the product of their weights alone: gradient flow, at any depth (Arora et
al. 2018, arXiv 1802.06509). Each digit comes with its negative; looks-linear networks then stay
linear while they learn, and are predicted to take the same time.

What is judged is the time in the limit of small rates, 2 T(h / 2) - T(h), of rates h and h / 2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, ScalarFormatter

from experiments.arms import Arm, parseArms
from experiments.comparing import compared, comparedEstimate
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.learningNets import (
    CLASSES,
    WIDEST,
    Learner,
    Task,
    digitsTask,
    equalLengths,
    updatesTo,
)
from experiments.plotting import DASHES, colour, finishAxes, points
from experiments.precision import computing
from lookslinear.errors import positive_number, real_number, refuse_repeated, whole_number
from lookslinear.measures import Estimate
from lookslinear.sampling import as_seed, child_seed
from lookslinear.theory import learning_time

NAME = "learning-time"
LINE = "Updates to a given loss: bounded at any depth for looks-linear nets, not for Gaussian ones."
DEFAULT_ARMS = (
    "glorotNormal/linear",
    "orthogonal/linear",
    "heNormal/crelu",
    "orthogonal+mirror/crelu",
)
UPDATES, TIME, LEARNING = "updates", "learning time", "share that learns"
BEGINNING = "loss at the beginning"
REASONS = {
    "Gaussian": "its weights are not balanced.",
    "unmirrored": "it is not linear.",
}
#: Degrees of freedom of an error that is known and not estimated.
EXACT = 10**9
#: The seeds' children that choose the digits; networks have the others.
_TASK = 0


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which networks learn, and to which loss."""

    arm: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="ARM",
            help="INIT[+option...]/linear or /crelu. Without any: Glorot's and orthogonal weights "
            "in linear networks, He's and looks-linear ones in CReLU networks.",
        ),
    ] = ()
    depth: tuple[int, ...] = (2, 8, 32)
    """Layers."""
    width: int = 16
    """Units of each layer, from 10 to 61; the inputs are as many principal components."""
    samples: int = 128
    """Digits, each with its negative."""
    share: float = 0.1
    """The squared distance to the best linear map that is learnt to, as a share of its square."""
    step: float = 0.1
    """Depth times the rate of orthogonal networks; they also learn at half of it."""
    factors: tuple[float, ...] = (1.0,)
    """Of that rate, for networks without a prediction: the one at which most learn, fastest."""
    longest: int = 400
    """Updates after which a network is given up."""
    replicates: int = 8
    """Independent networks of each arm and depth."""
    seed: int = 0
    """What digits are chosen and weights are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    arms: list[Arm]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.arms) * len(self.config.depth) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good.

    Examples
    --------
    >>> prepare(Config(width=8))
    Traceback (most recent call last):
    ValueError: width must be from 10 to 61, classes and pixels that vary. Received: 8.
    """
    whole_number(config.replicates, "replicates", least=2)
    as_seed(config.seed)
    config = dataclasses.replace(config, arm=config.arm or DEFAULT_ARMS)
    arms = parseArms(config.arm)
    for arm in arms:
        if arm.activation.name not in ("linear", "crelu"):
            raise ValueError(f"arm must be linear or of CReLU here. Received: {arm.name!r}.")
    _refuseNumbers("depth", config.depth, whole_number)
    _refuseNumbers("factors", config.factors, positive_number)
    if not CLASSES <= whole_number(config.width, "width") <= WIDEST:
        raise ValueError(
            f"width must be from {CLASSES} to {WIDEST}, classes and pixels that vary. "
            f"Received: {config.width}."
        )
    if not 2 * config.width <= whole_number(config.samples, "samples") <= 1797:
        raise ValueError(
            f"samples must be from {2 * config.width}, twice the width, to 1797, all digits. "
            f"Received: {config.samples}."
        )
    if not 0 < real_number(config.share, "share") < 1:
        raise ValueError(f"share must be between 0 and 1. Received: {config.share!r}.")
    positive_number(config.step, "step")
    whole_number(config.longest, "longest")
    return Plan(config, arms)


def _refuseNumbers(name: str, values: Sequence, check: Callable) -> None:
    if not values:
        raise ValueError(f"{name} must be at least one number. Received: {values!r}.")
    for value in values:
        check(value, f"each of {name}")
    refuse_repeated(name, values)


def unpredicted(arm: Arm) -> str:
    """Why an arm has no prediction; nothing where it has one.

    Examples
    --------
    >>> unpredicted(Arm.parse("orthogonal+mirror/crelu"))
    ''
    """
    mirrored = arm.options.get("mirror") in (True, 1.0)
    if arm.initialisation != "orthogonal" or set(arm.options) - {"mirror"}:
        return REASONS["Gaussian"]
    return "" if mirrored == arm.activation.doubles else REASONS["unmirrored"]


# --- Measuring -----------------------------------------------------------------------------------


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Train every network and set its time beside the predicted one.

    Examples
    --------
    >>> result = run(Config(arm=("orthogonal/linear",), depth=(2,), width=10, replicates=2))
    >>> list(result.table["quantity"])
    ['updates', 'share that learns', 'loss at the beginning', 'learning time']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    config, tables, arrays = plan.config, [], {}
    root = as_seed(config.seed)
    with computing("float32"):
        task = digitsTask(config.width, config.samples, child_seed(root, _TASK))
        for depth in config.depth:
            for arm in plan.arms:
                learner = Learner(arm, depth, task)
                # The same seeds for all arms: those of one kind begin with the same frames.
                seeds = [child_seed(root, 1 + n, depth) for n in range(config.replicates)]
                measure = _unpredictedRows if unpredicted(arm) else _predictedRows
                rows, curves = measure(learner, seeds, config, lambda a=arm: advance(a.name))
                tables.append(rows.assign(arm=arm.name)[["arm", *rows.columns]])
                arrays[f"{arm.name}:{depth}"] = _typical(task, curves)
    reasons = {arm.name: unpredicted(arm) for arm in plan.arms if unpredicted(arm)}
    arrays |= {"step": np.array(config.step), "share": np.array(config.share)}
    return Result(pd.concat(tables, ignore_index=True), arrays, reasons)


def _predictedRows(learner, seeds, config, advance):
    """Networks at both rates, and what their weights predict."""
    task, depth, steps = learner.task, learner.depth, (config.step, config.step / 2)
    times, predicted, curves = [], [], []
    distance, patience = task.distance(config.share), config.step * config.longest
    for seed in seeds:
        found = learning_time(learner.begin(seed), task.best, depth, distance, 2 * patience)
        predicted.append(min(found, 2 * patience))
        found = [_learnt(learner, seed, config, step) for step in steps]
        times.append([step * updates for step, (_, updates) in zip(steps, found, strict=True)])
        curves.append(found[0][0])
        advance()
    coarse, fine = np.array(times).T
    limits = _orGivenUp(2 * fine - coarse, np.array(predicted), patience)
    # T(h) = T + c1 h + c2 h^2: the second term is left, and measured to be about h times the first.
    # That is the whole error: each network's time follows from its weights, whatever they are.
    left = 2 * config.step * np.nan_to_num(np.abs(coarse - fine)).mean()
    isJudged = np.isfinite(limits)
    rows = [_learningRows(depth, coarse / config.step, 1.0), _beginningRows(learner, curves)]
    if isJudged.any():
        found = Estimate(limits[isJudged].mean(), left)
        mean = np.array(predicted)[isJudged].mean()
        rows.append(comparedEstimate(TIME, [depth], found, mean, degrees=EXACT, factor=1.0))
    return pd.concat(rows, ignore_index=True), curves


def _beginningRows(learner: Learner, curves: list[np.ndarray]) -> pd.DataFrame:
    """The first losses, as shares; of a Haar frame Q and a map T the mean of |Q - T|^2 is exact."""
    task, depth = learner.task, learner.depth
    shares = task.shares([losses[:1] for losses in curves])
    expected = 1 + len(task.best) / task.distance(1.0)
    return compared(BEGINNING, [depth], shares, expected, factor=1.0)


def _orGivenUp(times: np.ndarray, predicted: np.ndarray, patience: float) -> np.ndarray:
    """Times, where a network never learnt the time it had; NaN where none was expected to do."""
    givenUp = np.where(predicted < patience, patience, np.nan)
    return np.where(np.isfinite(times), times, givenUp)


def _unpredictedRows(learner, seeds, config, advance):
    """Networks at each rate; the rate counts at which most learn, and of such the fastest."""
    found = {factor: [] for factor in config.factors}
    for seed in seeds:
        for factor, learnt in found.items():
            learnt.append(_learnt(learner, seed, config, factor * config.step))
        advance()

    def speed(factor):
        return sum(1 / (1 + updates) for _, updates in found[factor] if np.isfinite(updates))

    best = max(found, key=speed)
    updates = np.array([one for _, one in found[best]])
    return _learningRows(learner.depth, updates, best), [losses for losses, _ in found[best]]


def _learnt(learner, seed, config, step):
    """A network's losses, and its updates to the goal."""
    task, goal = learner.task, learner.task.loss(config.share)
    updatesAtMost = round(config.longest * config.step / min(step, config.step))
    losses = learner.losses(seed, step, goal, updatesAtMost)
    return losses, updatesTo(losses, goal, task.floor)


def _learningRows(depth: int, updates: np.ndarray, factor: float) -> pd.DataFrame:
    learnt = np.isfinite(updates)
    rows = compared(LEARNING, [depth], learnt[:, None].astype(float), factor=factor)
    if learnt.sum() < 2:
        return rows
    measured = compared(UPDATES, [depth], np.where(learnt, updates, np.nan)[:, None], factor=factor)
    return pd.concat([measured, rows], ignore_index=True)


def _typical(task: Task, curves: list[np.ndarray]) -> np.ndarray:
    """What is left to be learnt after each update: the median of the networks."""
    return task.shares(np.median(equalLengths(curves), axis=0))


# --- Showing -------------------------------------------------------------------------------------


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Left the updates to the loss against depth, right what is left to learn at the greatest."""
    arms = list(dict.fromkeys(table["arm"]))
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, arm in enumerate(arms):
        rows = table[table["arm"] == arm]
        _drawUpdates(left, rows, float(arrays["step"]), index)
        depth = rows["where"].max()
        curve = np.maximum(arrays[f"{arm}:{depth}"], 1e-3)
        marked = {**points(index), "markevery": (5 * index, 40)}
        right.plot(curve, linewidth=1.4, **marked)
    left.set(xscale="log", yscale="log")
    left.set_xticks(sorted(set(table["where"])), [str(one) for one in sorted(set(table["where"]))])
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter(ScalarFormatter())
    left.minorticks_off()
    right.set(yscale="log")
    right.axhline(float(arrays["share"]), color="0.5", linewidth=0.9)
    share = f"{100 * float(arrays['share']):.3g} % of what can be learnt is left"
    finishAxes(left, f"until {share}", "updates")
    title = f"{table['where'].max()} layers, the median network"
    finishAxes(right, title, "share of the squared distance left to be learnt")
    left.set_xlabel("layers")
    right.set_xlabel("updates")
    _drawLegend(figure, table, arms)
    return figure


def _drawUpdates(axes, rows, step, index):
    measured = rows[rows["quantity"] == UPDATES]
    shift = 1 + 0.04 * (index - 1.5)  # arms that take the same time stand side by side
    axes.errorbar(
        measured["where"] * shift, measured["measured"], measured["standard_error"],
        linestyle="none", elinewidth=0.9, zorder=3, **points(index),
    )  # fmt: skip
    predicted = rows[rows["quantity"] == TIME]
    axes.plot(
        predicted["where"] * shift, predicted["predicted"] / step,
        color=colour(index), linestyle=DASHES, linewidth=1.4,
    )  # fmt: skip


def _drawLegend(figure, table, arms):
    handles = [Line2D([], [], label=_told(table, arm), **points(i)) for i, arm in enumerate(arms)]
    neutral = {**points(0), "color": "0.3"}
    handles += [
        Line2D([], [], linestyle="none", label="measured ± standard error", **neutral),
        Line2D([], [], linestyle=DASHES, color="0.3", label="predicted: gradient flow"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)


def _told(table, arm):
    rows = table[(table["arm"] == arm) & (table["quantity"] == LEARNING)]
    shares = (f"{100 * value:.0f} %" for value in rows["measured"])
    return f"{arm}: {', '.join(shares)} learn"


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
