"""Width profiles: networks of one depth and one sum of reciprocal widths differ equally much.

Hanin & Rolnick 2018, arXiv 1803.01719, found that the sum of the reciprocals of the hidden widths
decides how much networks of one architecture differ, and how they start to train. The exact law of
the log norm says the same at first order, and what is left at small widths.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import tyro
from matplotlib.figure import Figure

from experiments.arms import Arm
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.networks import profileStages
from experiments.normFigures import drawDistribution, drawLegend, drawVariance
from experiments.norms import ARRAYS, lawRows, logNorms, normArrays
from experiments.plotting import finishAxes
from experiments.precision import computing
from lookslinear.errors import refuse_repeated, whole_number
from lookslinear.sampling import as_seed, child_seed
from lookslinear.theory import Stage, forward_log_norm

NAME = "width-profile"
LINE = "Equal sums of reciprocal widths, equal scatter: narrow layers count, not the mean width."
#: Ten hidden layers each. The first three have the sum 10 / 32 = 0.3125; the last the first one's
#: mean width.
DEFAULT_PROFILES = (
    "32*10",
    "20,80*5",
    "48,48,48,48,8,48,48,48,48,48",
    "8,56*5",
)
#: Inputs and outputs of every network.
ENDS = 32
PUBLISHED = "Hanin & Nica 2020, arXiv 1812.05994 (reported): 5 sum 1 / n for Gaussian ReLU nets"


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which networks, and how many of each."""

    arm: Annotated[
        str,
        tyro.conf.arg(
            metavar="ARM",
            help="INIT[+option...]/ACTIVATION with Gaussian or orthogonal weights and relu, "
            "leakyRelu(a), crelu or linear.",
        ),
    ] = "heNormal/relu"
    profile: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="WIDTHS",
            help="Hidden widths, first layer first, such as 32,64,32; *N repeats them N times: "
            "20,80*5. Without any: 32*10, 20,80*5 and one narrow layer of 8 among nine of 48, all "
            "of one sum of reciprocals, and 8,56*5, of the first one's mean width.",
        ),
    ] = ()
    replicates: int = 250
    """Independent networks of each profile."""
    seed: int = 0
    """What weights and gradients are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    networks: dict[str, list[Stage]]

    @property
    def steps(self) -> int:
        """One for each network."""
        return len(self.networks) * self.config.replicates


def prepare(config: Config) -> Plan:
    """Check every argument; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError
        For the first argument that is not good, and for networks without an exact law.

    Examples
    --------
    >>> prepare(Config(profile=("32;32",)))
    Traceback (most recent call last):
    ValueError: profile must be WIDTHS, such as 32,64,32 or 20,80*5. Received: '32;32'.
    """
    whole_number(config.replicates, "replicates", least=2)
    as_seed(config.seed)
    config = dataclasses.replace(config, profile=config.profile or DEFAULT_PROFILES)
    refuse_repeated("profile", config.profile)
    arm = Arm.parse(config.arm)
    networks = {text: profileStages(arm, (ENDS, *widthsOf(text), ENDS)) for text in config.profile}
    for stages in networks.values():
        forward_log_norm(stages, 1.0)  # refuses what has no exact law
    return Plan(config, networks)


def widthsOf(text: str) -> tuple[int, ...]:
    """The hidden widths of a profile as it is written.

    Examples
    --------
    >>> widthsOf("20,80*2")
    (20, 80, 20, 80)
    """
    found = re.fullmatch(r"(\d+(?:,\d+)*)(?:\*(\d+))?", str(text))
    if not found:
        raise ValueError(
            f"profile must be WIDTHS, such as 32,64,32 or 20,80*5. Received: {text!r}."
        )
    widths = tuple(whole_number(int(width), "each width") for width in found[1].split(","))
    return widths * whole_number(int(found[2] if found[2] else 1), "the number behind *")


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Measure every profile and set it beside its law; `advance` is called after each network.

    Examples
    --------
    >>> result = run(Config(profile=("4,8*2",), replicates=5))
    >>> sorted(result.arrays)
    ['4,8*2:log_mean_square', '4,8*2:predicted_distribution', '4,8*2:predicted_variance']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    tables, arrays = [], {}
    with computing():  # products of one sample are small
        for index, (profile, stages) in enumerate(plan.networks.items()):
            seed = child_seed(as_seed(plan.config.seed), index)
            logs = logNorms(stages, plan.config.replicates, seed, lambda p=profile: advance(p))
            rows = lawRows(stages, logs, profile=profile, reciprocals=reciprocals(profile))
            tables.append(_withPublished(rows, plan.config.arm, profile))
            arrays |= normArrays(profile, stages, logs.forward)
    return Result(pd.concat(tables, ignore_index=True), arrays)


def reciprocals(profile: str) -> float:
    """The sum of the reciprocals of a profile's hidden widths."""
    return round(float(sum(1 / width for width in widthsOf(profile))), 6)


def _withPublished(rows: pd.DataFrame, arm: str, profile: str) -> pd.DataFrame:
    """The reported normal law of the log, for the nets that it is about."""
    applies = (rows["quantity"] == "variance of log") & (arm == "heNormal/relu")
    return rows.assign(
        published=np.where(applies, 5 * reciprocals(profile), np.nan),
        source=np.where(applies, PUBLISHED, ""),
    )


def draw(table: pd.DataFrame, arrays: Mapping[str, np.ndarray]) -> Figure:
    """Left the distribution of the log over networks, right its variance from layer to layer."""
    profiles = list(dict.fromkeys(table["profile"]))
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, profile in enumerate(profiles):
        logs, curve, variance = (arrays[f"{profile}:{key}"] for key in ARRAYS)
        drawDistribution(left, logs[:, -1], curve, index)
        drawVariance(right, np.arange(1, logs.shape[1] + 1), logs, variance, index)
    finishAxes(left, "networks of one profile", "share of networks below")
    finishAxes(right, "where the scatter comes from", "variance of the natural log")
    left.set_xlabel("log10 of the mean square at the last layer")
    right.set_xlabel("layer")
    drawLegend(figure, [_told(profile) for profile in profiles], ncols=2)
    return figure


def _told(profile: str) -> str:
    widths = widthsOf(profile)
    mean = sum(widths) / len(widths)
    return f"{profile}: sum of 1 / width {reciprocals(profile):.4g}, mean width {mean:.3g}"


EXPERIMENT = Experiment(NAME, LINE, Config, prepare, run, draw, description=__doc__)
