"""A stand-in for a real experiment, which workers can import: it fails, dies or waits when told."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from experiments.comparing import compared
from experiments.experiment import BaseConfig, Experiment, Result
from lookslinear.errors import whole_number
from tests.experiments.stand import draw


@dataclass(frozen=True)
class Config(BaseConfig):
    """What is asked for, and what happens then; if `once` names a file, unless it is there.

    `log` is the name of a file that each run writes a line to.
    """

    size: int = 1
    names: tuple[str, ...] = ("a",)
    shares: tuple[float, ...] = (0.5,)
    kind: Literal["plain", "odd"] = "plain"
    happens: str = ""
    once: str = ""
    seconds: float = 0.0
    log: str = ""
    replicates: int = 5
    seed: int = 0


class Plan(NamedTuple):
    config: Config
    steps: int = 1


def prepare(config):
    whole_number(config.size, "size")
    whole_number(config.replicates, "replicates", least=2)
    return Plan(config)


def fail(config):
    raise RuntimeError(f"a defect of size {config.size}")


def die(config):
    os.kill(os.getpid(), signal.SIGKILL)


def leave(config):
    raise SystemExit(7)


HAPPENINGS = {"fail": fail, "die": die, "leave": leave}


def happen(config):
    if config.once:
        if Path(config.once).exists():
            return
        Path(config.once).touch()
    HAPPENINGS[config.happens](config)


def run(plan, advance):
    config = plan.config
    if config.log:
        with open(config.log, "a") as file:
            file.write(f"{config.size} {config.seed}\n")
    time.sleep(config.seconds)
    if config.happens:
        happen(config)
    samples = np.random.default_rng([config.seed, config.size]).normal(size=(config.replicates, 2))
    table = compared("mean", [1, 2], samples, 0.0, kind=config.kind[:2])
    return Result(table, {"samples": samples}, {"a": "nothing is known of a."})


STAND = Experiment("stand-in", "Nothing at all, for tests of sweeps.", Config, prepare, run, draw)
EXPERIMENTS = {"stand-in": STAND}
