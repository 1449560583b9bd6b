"""A stand-in for a real experiment: it takes no time, and can be told to contradict or to fail."""

import dataclasses
import typing

import numpy as np
from matplotlib.figure import Figure

from experiments.comparing import compared
from experiments.experiment import BaseConfig, Experiment, Result
from lookslinear.errors import whole_number


@dataclasses.dataclass(frozen=True)
class Config(BaseConfig):
    """What the stand-in is asked for."""

    seed: int = 0
    replicates: int = 20
    shift: float = 0.0


class Plan(typing.NamedTuple):
    config: Config
    steps: int


def prepare(config):
    whole_number(config.replicates, "replicates")
    return Plan(config, config.replicates)


def run(plan, advance):
    for _ in range(plan.steps):
        advance("a network")
    samples = np.random.default_rng(0).normal(plan.config.shift, 0.1, (plan.steps, 3))
    table = compared("mean", [1, 2, 3], samples, [0.0, 0.0, np.nan], arm="<odd> & 'arm'")
    return Result(table, {"samples": samples}, {"<odd> & 'arm'": "nothing is known of place 3."})


def draw(table, arrays):
    figure = Figure()
    figure.subplots().plot(table["where"], arrays["samples"].mean(axis=0))
    return figure


def standIn(name, **changed):
    line = f"Nothing at all, by the name of {name}."
    return Experiment(
        **{"name": name, "line": line, "Config": Config, "prepare": prepare, "run": run,
           "draw": draw, **changed}
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Shifted(Config):
    """One whose prediction is wrong."""

    shift: float = 3.0


def fails(plan, advance):
    raise RuntimeError("a defect of its own")
