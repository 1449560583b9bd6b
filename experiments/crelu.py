"""What mirroring buys: the same network, trained from several initialisations, at many depths.

All networks of a depth have as many parameters, within a tenth, the same samples in the same
order, and each arm the learning rate that serves it best. Looks-linear CReLU nets train at any
depth without connections that skip layers; plain ReLU nets of the same depth stay at chance.

An arm is INIT[+option...]/ACTIVATION, or residual:ARM for the same layers with connections that
skip them; `residual` alone is residual:heNormal/relu.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
import tyro

from experiments.cells import Cell, Keeper, filled, train
from experiments.entrants import Entrant, parseEntrants
from experiments.experiment import BaseConfig, Experiment, Result
from experiments.labelledData import LabelledData, loadLabelled
from experiments.learningRates import AUTO, RATES, bestRate, checkedRate, rangeTest
from experiments.precision import computing
from experiments.trainedNets import Form, formOf
from experiments.trainees import Trainee
from experiments.trainingFigure import drawTraining
from experiments.trainingRows import rowsOf, summaryOf
from lookslinear.errors import real_number, refuse_repeated, whole_number
from lookslinear.sampling import as_seed, child_seed

NAME = "crelu"
LINE = "What mirroring buys: nets of equal size, trained from several arms, at 2 to 198 layers."
DEFAULT_ARMS = ("orthogonal+mirror/crelu", "orthogonal/crelu", "heNormal/relu", "residual")
#: The test accuracy that looks-linear nets are held to on the digits.
LEARNT = 0.9
#: What the children of a run's seed are for.
_DATA, _WEIGHTS, _ORDER, _RANGE = range(4)


@dataclass(frozen=True)
class Config(BaseConfig):
    """Which networks are trained, on what, and how."""

    arm: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(
            metavar="ARM",
            help="INIT[+option...]/ACTIVATION, residual or residual:ARM. Without any: looks-linear "
            "nets, the same without mirror, He's weights on relu, and residual.",
        ),
    ] = ()
    network: Literal["dense", "conv", "release"] = "dense"
    """`conv`: sections of 3x3 convolutions; `release`: those of looks-linear's code release, whose
    depth is 198."""
    depth: tuple[int, ...] = (2, 10, 50, 198)
    """Layers with weights, from 2."""
    width: int = 45
    """Units, or channels of the first section, where the activation does not double them; where it
    does, what gives as many parameters. `release` has its own."""
    data: str = "digits"
    """digits, cifar10:DIR (the binary version, downloaded), or PATH.npz with x and y, or xTrain,
    yTrain, xTest and yTest."""
    samples: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """How many samples are trained on; all, if not told."""
    optimiser: Literal["sgd", "momentum", "nesterov", "adam"] = "sgd"
    """What moves the weights."""
    lr: Annotated[str | float, tyro.conf.arg(metavar="auto|NUMBER")] = AUTO
    """The learning rate. auto: of seven rates the one with the smallest loss over an epoch, chosen
    for each arm and depth."""
    epochs: int = 6
    """How often all samples are seen."""
    batch: int = 50
    """Samples a step."""
    replicates: Annotated[int, tyro.conf.arg(aliases=["--seeds"])] = 3
    """Independent trainings of each arm and depth: weights and order of samples."""
    learnt: Annotated[float | None, tyro.conf.arg(metavar="SHARE")] = None
    """The test accuracy that --check asks of looks-linear arms at the largest depth: 0.9 on the
    digits, none on other data, if not told."""
    resume: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """A folder that keeps what is finished, and checkpoints of what is not: a run that was killed
    goes on from there if it is started again."""
    seed: int = 0
    """What data, weights and orders are drawn from: the same seed, the same numbers."""


class Plan(NamedTuple):
    """What a run will do, its arguments known to be good."""

    config: Config
    entrants: list[Entrant]
    data: LabelledData
    forms: dict[tuple[str, int], Form]
    rate: float | None

    @property
    def rates(self) -> tuple[float, ...]:
        """Those that are tried: none where one is told."""
        return RATES[self.config.optimiser] if self.rate is None else ()

    @property
    def steps(self) -> int:
        """One for each training, and for each range test."""
        return len(self.forms) * (self.config.replicates + bool(self.rates))


def prepare(config: Config) -> Plan:
    """Check every argument and load the data; nothing is computed or written.

    Raises
    ------
    ValueError, TypeError, ImportError
        For the first argument that is not good: what it is, what was received, what is allowed.

    Examples
    --------
    >>> prepare(Config(epochs=0))
    Traceback (most recent call last):
    ValueError: epochs must be at least 1. Received: 0.
    """
    for name in ("width", "epochs", "batch", "replicates"):
        whole_number(getattr(config, name), name)
    seed, rate = as_seed(config.seed), checkedRate(config.lr)
    entrants = parseEntrants(config.arm or DEFAULT_ARMS)
    _refuseBadDepths(config.depth)
    config = dataclasses.replace(
        config, arm=tuple(one.name for one in entrants), learnt=_checkedLearnt(config)
    )
    _refuseFile(config.resume)
    data = _shaped(loadLabelled(config.data, child_seed(seed, _DATA), config.samples), config)
    if config.batch > len(data.x):
        raise ValueError(
            f"batch must be at most {len(data.x)}, the samples for training. "
            f"Received: {config.batch}."
        )
    shape = data.x.shape[1:]
    forms = {
        (entrant.name, depth): formOf(
            entrant, config.network, depth, config.width, shape, data.classes
        )
        for depth in config.depth
        for entrant in entrants
    }
    return Plan(config, entrants, data, forms, rate)


def run(plan: Plan | Config, advance: Callable[[str], None] = lambda words: None) -> Result:
    """Train every arm at every depth; `advance` is called after each training.

    Examples
    --------
    >>> result = run(Config(depth=(2,), width=8, replicates=2, epochs=1, lr="0.1", samples=100))
    >>> sorted(set(result.table["quantity"]))[:3]
    ['learning rate', 'log of gradient growth', 'parameters']
    """
    plan = prepare(plan) if isinstance(plan, Config) else plan
    keeper, tables, arrays, reasons = Keeper(plan.config.resume), [], {}, {}
    with computing("float32"), keeper.telling():
        for entrant, trainee in _trainees(plan):
            found = _trained(plan, entrant, trainee, keeper, advance)
            form = trainee.form
            arrays |= {f"{entrant.name}:{form.depth}:{key}": one for key, one in found.items()}
            rows, reasons[entrant.name] = rowsOf(plan.config, entrant, form, plan.data, found)
            tables.append(rows)
    arrays["chance"] = np.array(plan.data.chance)
    return Result(pd.concat(tables, ignore_index=True), arrays, reasons)


def _trainees(plan: Plan) -> Iterator[tuple[Entrant, Trainee]]:
    """Each arm at each depth with the network that it is trained on, one for all of its form."""
    entrants, made = {one.name: one for one in plan.entrants}, {}
    for (name, depth), form in plan.forms.items():
        # Those of other depths are not needed any more, and take much memory.
        made = {one: trainee for one, trainee in made.items() if one.depth == depth}
        if form not in made:
            made[form] = Trainee(form, entrants[name], plan.config.optimiser)
        yield entrants[name], made[form]


def _trained(
    plan: Plan, entrant: Entrant, trainee: Trainee, keeper: Keeper, advance: Callable[[str], None]
) -> dict[str, np.ndarray]:
    """The arrays of one arm and depth: range test, curves, accuracies, the gradient's growth."""
    config, words = plan.config, f"{entrant.name}, {trainee.form.depth} layers"
    losses = np.zeros(0)
    if plan.rate is None:
        losses = _rangeTest(plan, entrant, trainee, keeper)
        advance(f"{words}: range test")
    rate = bestRate(plan.rates, losses) if plan.rate is None else plan.rate
    cells = []
    for replicate in range(config.replicates):
        cells.append(_cell(plan, entrant, trainee, keeper, rate, replicate))
        advance(words)
    return {
        "rates": np.array(plan.rates),
        "rangeLosses": losses,
        "rate": np.array(rate),
        "losses": np.array([filled(cell.losses, config.epochs) for cell in cells]),
        "accuracies": np.array([filled(cell.accuracies, config.epochs) for cell in cells]),
        "accuracy": np.array([cell.accuracy for cell in cells]),
        "diverged": np.array([bool(cell.stopped) for cell in cells]),
        "growth": np.array([cell.growth for cell in cells], dtype=float),
    }


def _rangeTest(plan: Plan, entrant: Entrant, trainee: Trainee, keeper: Keeper) -> np.ndarray:
    seed = child_seed(plan.config.seed, _RANGE, trainee.form.depth)
    losses = keeper.once(
        f"{entrant.name}-{trainee.form.depth}-rates",
        {**_settings(plan, entrant, trainee.form), "rates": plan.rates},
        lambda _: rangeTest(
            trainee, entrant, plan.rates, plan.data, plan.config.batch, seed
        ).tolist(),
    )
    return np.array(losses)


def _cell(
    plan: Plan, entrant: Entrant, trainee: Trainee, keeper: Keeper, rate: float, replicate: int
) -> Cell:
    """One training, all arms from the same seeds; or what is kept of it."""
    config, depth = plan.config, trainee.form.depth
    seeds = tuple(child_seed(config.seed, what, depth, replicate) for what in (_WEIGHTS, _ORDER))
    settings = {"rate": rate, "replicate": replicate, "epochs": config.epochs}

    def make(checkpoint: Path | None) -> Cell:
        return train(
            trainee, entrant, rate, seeds, plan.data, config.epochs, config.batch, checkpoint
        )

    found = keeper.once(
        f"{entrant.name}-{depth}-{replicate}",
        {**_settings(plan, entrant, trainee.form), **settings},
        make,
    )
    return Cell(*found)


def _settings(plan: Plan, entrant: Entrant, form: Form) -> dict:
    """What decides on a training's numbers, but its rate: for JSON."""
    config = plan.config
    return {
        "arm": entrant.name, "form": dataclasses.asdict(form), "data": plan.data.digest(),
        "optimiser": config.optimiser, "batch": config.batch, "seed": config.seed,
    }  # fmt: skip


def _refuseBadDepths(depths: tuple[int, ...]) -> None:
    if not depths:
        raise ValueError("depth must be one number or more. Received: none.")
    for depth in depths:
        whole_number(depth, "depth", least=2)
    refuse_repeated("depth", depths)


def _checkedLearnt(config: Config) -> float | None:
    if config.learnt is None:
        return LEARNT if config.data == "digits" else None
    if not 0 < real_number(config.learnt, "learnt") < 1:
        raise ValueError(f"learnt must be between 0 and 1. Received: {config.learnt!r}.")
    return config.learnt


def _refuseFile(folder: Path | None) -> None:
    if folder is not None and Path(folder).exists() and not Path(folder).is_dir():
        raise ValueError(f"resume must be a folder. Received: the file {str(folder)!r}.")


def _shaped(data: LabelledData, config: Config) -> LabelledData:
    """Rows of numbers for dense networks."""
    if config.network != "dense":
        return data
    x, xTest = (array.reshape(len(array), -1) for array in (data.x, data.xTest))
    return data._replace(x=x, xTest=xTest)


EXPERIMENT = Experiment(
    NAME, LINE, Config, prepare, run, drawTraining, description=__doc__, summary=summaryOf
)
