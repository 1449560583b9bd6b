"""Cells, (trainee, entrant, rate, seed) -> one training, from its beginning to its figures.

A cell that is kept in a folder is there once it is finished; one that is not goes on from its last
checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.conducting import UsageError
from experiments.entrants import Entrant
from experiments.labelledData import LabelledData
from experiments.running import replaceText
from experiments.trainees import OBJECTIVE, Trainee
from lookslinear.sampling import Rng
from training import CosineDecay, DamagedError, NonFiniteError, evaluate, fit

#: What a cell's folder holds: once it is finished, and until then.
RESULT, CHECKPOINTS = "result.json", "checkpoints"


class Cell(NamedTuple):
    """What one training came to.

    `growth` is that of the gradient at first, see `Trainee.gradientGrowth`; `losses` and
    `accuracies` are those on the samples for training and for testing, an epoch each; `accuracy` is
    that on the latter at the end; `stopped` says why it ended early, or nothing.
    """

    growth: float
    losses: list[float]
    accuracies: list[float]
    accuracy: float
    stopped: str


class Keeper:
    """A folder in which results are kept under their settings; without one, nothing is.

    Examples
    --------
    >>> import tempfile
    >>> keeper = Keeper(tempfile.mkdtemp())
    >>> [keeper.once("answer", {"of": 6}, lambda place: 42) for _ in range(2)]
    [42, 42]
    >>> keeper.once("answer", {"of": 7}, lambda place: 43)
    43
    """

    def __init__(self, folder: Path | str | None):
        self.folder = None if folder is None else Path(folder)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let an interrupt say what is kept."""
        try:
            yield
        except KeyboardInterrupt:
            if self.folder is None:
                raise
            raise KeyboardInterrupt(
                f"what was finished is in {self.folder}, with checkpoints of what was not. The "
                f"same command goes on from there."
            ) from None

    def once(self, name: str, settings: dict, make: Callable[[Path | None], object]) -> object:
        """What `make` made of these settings, now or at some time before: for JSON.

        `make` is given a folder of its own, which vanishes once it has returned.

        Raises
        ------
        UsageError
            For a result that cannot be read.
        """
        if self.folder is None:
            return make(None)
        place = self.folder / _placeOf(name, settings)
        if (place / RESULT).exists():
            return _read(place / RESULT)
        place.mkdir(parents=True, exist_ok=True)
        made = make(place / CHECKPOINTS)
        replaceText(place / RESULT, json.dumps({"settings": settings, "result": made}))
        shutil.rmtree(place / CHECKPOINTS, ignore_errors=True)
        return _read(place / RESULT)  # what JSON makes of it, the same now and later


def train(
    trainee: Trainee,
    entrant: Entrant,
    rate: float,
    seeds: tuple[Rng, Rng],
    data: LabelledData,
    epochs: int,
    batch: int,
    checkpoint: Path | None = None,
) -> Cell:
    """One training, whose rate falls by half a cosine over its epochs.

    A loss that is not finite ends it, with the last good weights. A checkpoint that is damaged is
    the user's to remove (UsageError).

    Parameters
    ----------
    seeds : (weights, order of samples)
    checkpoint : Path or None
        Where it is saved after each epoch, and resumed from.
    """
    growth, stopped = trainee.gradientGrowth(entrant, seeds[0], data), ""
    trainee.begin(entrant, rate, seeds[0])
    try:
        history = fit(
            trainee.model, (data.x, data.y), OBJECTIVE, trainee.optimiser, CosineDecay(epochs),
            epochs, batchSize=batch, validation=(data.xTest, data.yTest), seed=seeds[1],
            checkpoint=checkpoint, resume=checkpoint is not None, progress=False,
        )  # fmt: skip
    except NonFiniteError as error:
        history, stopped = error.history, str(error)
    except DamagedError as error:
        raise UsageError(error) from error
    if history.stopped == "interrupted":
        raise KeyboardInterrupt
    figures = evaluate(trainee.model, (data.xTest, data.yTest), OBJECTIVE)
    accuracies = history.column("validationAccuracy")
    return Cell(growth, history.column("loss"), accuracies, figures["accuracy"], stopped)


def _placeOf(name: str, settings: dict) -> str:
    """A folder's name: readable, and another one for other settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', name)}-{digest}"


def _read(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))["result"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read ({error}). Remove its folder; it is then done again."
        ) from error


def filled(values: list[float], length: int) -> np.ndarray:
    """Values of an epoch each, NaN for those that were not reached.

    Examples
    --------
    >>> filled([1.0], 3)
    array([ 1., nan, nan])
    """
    return np.array([*values, *(length - len(values)) * [np.nan]], dtype=float)
