"""Rows and summary of trainings, (arm, form, arrays) -> what was measured beside what is known.

Theory predicts how the gradient grows through the initial network, and which networks cannot learn:
those whose typical signal vanishes. Accuracies have no prediction; what is judged of them are two
bounds at the largest depth.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import pandas as pd
from rich.markup import escape
from rich.table import Table

from experiments.comparing import compared
from experiments.entrants import Entrant
from experiments.experiment import Result
from experiments.labelledData import LabelledData
from experiments.predictions import Prediction, predict
from experiments.trainedNets import Form, stagesOfForm
from experiments.verdicts import Verdict
from lookslinear.errors import NotCoveredError
from lookslinear.theory import forward_log_norm

ACCURACY, PARAMETERS, RATE = "test accuracy", "parameters", "learning rate"
GROWTH, LOG_GROWTH = "gradient growth", "log of gradient growth"
LEARNS, CHANCE = "test accuracy, at least", "test accuracy, at most chance"
#: A network whose signal's log mean square is predicted to fall by as much does not learn by SGD.
VANISHED = -7.0


class Settings(Protocol):
    """What rows depend on of a run's Config."""

    depth: tuple[int, ...]
    optimiser: str
    learnt: float | None


def rowsOf(
    config: Settings, entrant: Entrant, form: Form, data: LabelledData, found: dict
) -> tuple[pd.DataFrame, str]:
    """The rows of one arm and depth, and why its gradient has no prediction."""
    prediction, reason = _predicted(entrant, form, data)
    accuracy = found["accuracy"]
    tables = [_gradientRow(entrant, form.depth, found["growth"], prediction)]
    for quantity, value in ((PARAMETERS, form.parameters), (RATE, found["rate"])):
        samples = np.full((len(accuracy), 1), float(value))
        tables.append(compared(quantity, [form.depth], samples, arm=entrant.name))
    tables.append(compared(ACCURACY, [form.depth], accuracy[:, None], arm=entrant.name))
    if form.depth == max(config.depth):
        tables += _bounds(config, entrant, form, accuracy, data)
    return pd.concat(tables, ignore_index=True), reason


def _bounds(
    config: Settings, entrant: Entrant, form: Form, accuracy: np.ndarray, data: LabelledData
) -> list[pd.DataFrame]:
    """The accuracy at the largest depth beside what it must reach, or must not leave."""
    bounds, tests = [], len(data.yTest)
    if config.learnt is not None and entrant.looksLinear:
        # All trainings share the test set: their mean is not known better than one of them.
        error = math.sqrt(config.learnt * (1 - config.learnt) / tests)
        bounds.append(_bounded(LEARNS, entrant, form, accuracy, config.learnt, error, -1))
    if config.optimiser == "sgd" and _vanishes(entrant, form):
        error = _errorOfChance(data, len(accuracy))
        bounds.append(_bounded(CHANCE, entrant, form, accuracy, data.chance, error, 1))
    return bounds


def _errorOfChance(data: LabelledData, networks: int) -> float:
    """The scatter of the mean accuracy of networks that know nothing of labels.

    That of the test set, sqrt(p (1 - p) / samples), is not all: an untrained network tells classes
    apart without knowing their names. If it gives each of K classes a name of its own, by chance,
    the number of right ones has a variance of 1, and its accuracy a standard deviation of 1 / K.
    """
    share = data.chance
    return math.sqrt(share * (1 - share) / len(data.yTest) + 1 / (data.classes**2 * networks))


def _bounded(
    quantity: str,
    entrant: Entrant,
    form: Form,
    accuracy: np.ndarray,
    bound: float,
    error: float,
    side: int,
) -> pd.DataFrame:
    """The mean accuracy beside a bound; z counts only what lies beyond, above (1) or below (-1)."""
    z = (accuracy.mean() - bound) / error
    return pd.DataFrame(
        {
            "arm": entrant.name,
            "quantity": quantity,
            "where": [form.depth],
            "measured": accuracy.mean(),
            "standard_error": error,
            "predicted": bound,
            "z": z if side * z > 0 else 0.0,
        }
    )


def _predicted(entrant: Entrant, form: Form, data: LabelledData) -> tuple[Prediction | None, str]:
    try:
        prediction = predict(stagesOfForm(form, entrant), data.x)
    except NotCoveredError as error:
        return None, str(error)
    return prediction, prediction.reason


def _gradientRow(
    entrant: Entrant, depth: int, growth: np.ndarray, prediction: Prediction | None
) -> pd.DataFrame:
    """Judged through logs where their law is known, else as the mean of the growth itself."""
    rounding, samples = depth * np.finfo(np.float32).eps, growth[:, None]
    if prediction is None or prediction.scale == "log":
        known = np.nan if prediction is None else prediction.backward[0] - prediction.backward[-1]
        return compared(LOG_GROWTH, [depth], samples, known, rounding=rounding, arm=entrant.name)
    known = prediction.backward[0] / prediction.backward[-1]
    return compared(
        GROWTH, [depth], samples, known, scale="products", rounding=rounding, arm=entrant.name
    )


def _vanishes(entrant: Entrant, form: Form) -> bool:
    """Whether the typical signal is predicted to vanish on its way to the outputs."""
    try:
        law = forward_log_norm(stagesOfForm(form, entrant), 1.0)
    except NotCoveredError:
        return False
    return bool(law.mean[-1] - law.mean[0] < VANISHED)


def summaryOf(result: Result) -> Table:
    """One row an arm and depth: sizes, rate, accuracy with its spread, gradients, a verdict."""
    shown = Table(caption=_rates(result) + _CAPTION, caption_justify="left")
    shown.add_column("arm", overflow="fold")
    for name in _COLUMNS:
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("verdict")
    for (arm, depth), rows in result.table.groupby(["arm", "where"], sort=False):
        judged = rows[~rows["quantity"].isin((ACCURACY, PARAMETERS, RATE))]
        words = Verdict.of(judged).words()
        shown.add_row(escape(str(arm)), *_cells(arm, depth, rows, result), escape(words))
    return shown


_COLUMNS = (
    "depth", "parameters", "rate", "loss", "test\naccuracy", "least to most", "gradient\ngrowth",
    "pre-\ndicted",
)  # fmt: skip
_CAPTION = (
    "loss: the last epoch's mean. least to most: over trainings. gradient growth: from outputs to "
    "the first layer, mean square, at initialisation, as a power of 10: of the typical network, or "
    "of the mean where that alone is predicted."
)


def _rates(result: Result) -> str:
    """What the range tests tried, where there were any."""
    tried = next(array for name, array in result.arrays.items() if name.endswith(":rates"))
    if not len(tried):
        return ""
    return (
        f"rate: of {', '.join(f'{rate:g}' for rate in tried)} the one with the smallest mean loss "
        f"over one epoch; each arm and depth has tried them all. "
    )


def _cells(arm: str, depth: int, rows: pd.DataFrame, result: Result) -> list[str]:
    held = {key: result.arrays[f"{arm}:{depth}:{key}"] for key in ("accuracy", "losses", "rate")}
    row = rows[rows["quantity"].isin((GROWTH, LOG_GROWTH))].iloc[0]
    growths = [_power(row[name], row["quantity"]) for name in ("measured", "predicted")]
    parameters = rows.loc[rows["quantity"] == PARAMETERS, "measured"].iloc[0]
    accuracy, last = held["accuracy"], held["losses"][:, -1]
    return [
        str(depth),
        f"{parameters:.0f}",
        f"{float(held['rate']):g}",
        f"{np.nanmean(last):.3f}" if np.isfinite(last).any() else "diverged",
        f"{accuracy.mean():.3f}",
        f"{accuracy.min():.3f} to {accuracy.max():.3f}",
        *growths,
    ]


def _power(value: float, quantity: str) -> str:
    """A growth as a power of 10.

    Examples
    --------
    >>> _power(100.0, GROWTH), _power(-2.302585, LOG_GROWTH), _power(float("nan"), GROWTH)
    ('2.00', '-1.00', '-')
    """
    if math.isnan(value) or (quantity == GROWTH and not value > 0):
        return "-"
    return f"{math.log10(value) if quantity == GROWTH else value / math.log(10):.2f}"
