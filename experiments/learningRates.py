"""Range tests: (trainee, entrant, data) -> the learning rate that lowers the loss fastest.

Every entrant has the same rates to choose from, and the same budget for each.
"""

from __future__ import annotations

import math

import numpy as np

from experiments.entrants import Entrant
from experiments.labelledData import LabelledData
from experiments.trainees import OBJECTIVE, Trainee
from lookslinear.errors import real_number
from lookslinear.sampling import Rng
from training import NonFiniteError, fit

AUTO = "auto"
#: The rates that are tried, half a decade apart, by the optimiser's name: as many for each.
RATES = {
    "sgd": (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001),
    "momentum": (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003),
    "nesterov": (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003),
    "adam": (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001),
}
#: A rate is given up once the loss is this many times what it was at first.
DIVERGED = 10


def checkedRate(text: object) -> float | None:
    """The rate that is asked for; None for 'auto'.

    Examples
    --------
    >>> checkedRate("0.01"), checkedRate("auto")
    (0.01, None)
    >>> checkedRate("-1")
    Traceback (most recent call last):
    ValueError: lr must be 'auto' or a number above 0. Received: '-1'.
    """
    if text == AUTO:
        return None
    try:
        rate = real_number(float(str(text)), "lr")
    except ValueError:
        rate = math.nan
    if not rate > 0:
        raise ValueError(f"lr must be {AUTO!r} or a number above 0. Received: {text!r}.")
    return rate


def rangeTest(
    trainee: Trainee,
    entrant: Entrant,
    rates: tuple[float, ...],
    data: LabelledData,
    batch: int,
    seed: Rng,
) -> np.ndarray:
    """The mean loss over one epoch of training with each rate, from the same weights.

    Returns
    -------
    array (rates,)
        Infinite where the loss grew to `DIVERGED` times its beginning, or was not finite.
    """
    losses = []
    for rate in rates:
        trainee.begin(entrant, rate, seed)
        losses.append(_lossOfEpoch(trainee, data, batch, seed))
    return np.array(losses)


def bestRate(rates: tuple[float, ...], losses: np.ndarray) -> float:
    """The rate of the smallest loss; the smallest rate where none has trained.

    Examples
    --------
    >>> bestRate((1.0, 0.1, 0.01), np.array([np.inf, 0.5, 2.0]))
    0.1
    >>> bestRate((1.0, 0.1), np.array([np.inf, np.inf]))
    0.1
    """
    return float(rates[int(np.argmin(losses))] if np.isfinite(losses).any() else min(rates))


def _lossOfEpoch(trainee: Trainee, data: LabelledData, batch: int, seed: Rng) -> float:
    first = []

    def watch(loss, stop):
        first.append(loss)
        if not loss < DIVERGED * first[0]:
            stop("diverged")

    try:
        history = fit(
            trainee.model, (data.x, data.y), OBJECTIVE, trainee.optimiser, batchSize=batch,
            seed=seed, callbacks={"batch": watch}, progress=False,
        )  # fmt: skip
    except NonFiniteError:
        return math.inf
    if history.stopped == "interrupted":
        raise KeyboardInterrupt
    return math.inf if history.stopped else history.rows[-1]["loss"]
