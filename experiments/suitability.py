"""Which initialisations suit a layer, (shapes, activation) -> gains and drift of each, sorted.

All of it is predicted. The *gain* is the ratio of second moments behind and before the layer, at a
second moment of 1 before it; that of the gradient is taken on the way back. The *drift* is how far
the log of the mean square moves a layer in the typical network of this width, exactly: what depth
multiplies. It is below the log of the gain wherever networks differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from initialisations import initD
from lookslinear.activations import Activation, activation
from lookslinear.catalogue import CATALOGUE, entry_of
from lookslinear.laws import WeightLaw
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_second_moments,
    forward_second_moments,
)
from lookslinear.theory.log_norm import backward_term, forward_term

QUANTITIES = ("forward_gain", "backward_gain", "forward_drift", "backward_drift")
SHAPE = "a number of units such as 512, or channels x rows x columns such as 16x32x32"


def layerShape(text: str) -> tuple[int, ...]:
    """The shape of one sample that a word of the command line stands for.

    Examples
    --------
    >>> layerShape("512"), layerShape("16x32x32")
    ((512,), (16, 32, 32))
    """
    if not re.fullmatch(r"\d+(x\d+x\d+)?", str(text)):
        raise ValueError(f"a shape must be {SHAPE}. Received: {text!r}.")
    return tuple(int(side) for side in text.split("x"))


def suitability(
    inputShape: Sequence[int], outputShape: Sequence[int], name: str | Activation, s: int = 3
) -> pd.DataFrame:
    """What is predicted of each initialisation of `initD` for one layer, the best first.

    Parameters
    ----------
    inputShape : (units,) or (channels, rows, columns)
        Of the pre-activations that enter the activation. Behind CReLU the weight reads twice as
        many channels.
    outputShape : the same
        Of those that leave the weight. Convolutions have zeros at the border and strides of 1.
    name : str or Activation
        That of the activation.
    s : int
        The side of a kernel.

    Returns
    -------
    DataFrame
        A row for each arm of the command line: entries with their defaults; with `relu` where the
        activation is a ReLU and it has an effect; with `mirror` where it is CReLU. Columns `arm`,
        `forward_gain` and `backward_gain`, ratios of second moments; `forward_drift` and
        `backward_drift`, mean logs (natural) a layer; each with the reason of its absence in
        `reason_<column>`. Sorted by how far the two gains are from 1, then the drifts from 0.

    Raises
    ------
    ValueError, TypeError
        For shapes and activations that are none, and shapes of unequal rank.

    Examples
    --------
    >>> table = suitability((32,), (32,), "relu").set_index("arm")
    >>> table.loc["glorotNormal", "forward_gain"], table.loc["glorotNormal+relu", "backward_gain"]
    (0.5, 1.0)
    >>> round(table.loc["heNormal", "forward_drift"], 3)
    -0.083
    """
    phi = activation(name)
    rows = [_row(arm, inputShape, outputShape, phi, s) for arm in _arms(phi)]
    table = pd.DataFrame(rows)
    distance = [np.abs(np.log(table[gain].astype(float))) for gain in QUANTITIES[:2]]
    drift = table["forward_drift"].abs() + table["backward_drift"].abs()
    order = pd.DataFrame({"gains": sum(distance).round(9), "drift": drift, "arm": table["arm"]})
    return table.loc[order.sort_values(list(order), na_position="last").index].reset_index(
        drop=True
    )


def _arms(phi: Activation) -> Iterator[str]:
    """Each entry once, whatever its other names, with the options that such a layer asks for."""
    for name in initD:
        if name not in CATALOGUE:
            continue
        yield name
        if phi.name == "relu" and "relu" in entry_of(name).options:
            yield f"{name}+relu"
        if phi.doubles:
            yield f"{name}+mirror"


def _row(arm, inputShape, outputShape, phi, s):
    row = {"arm": arm}
    try:
        law = _lawOf(arm, inputShape, outputShape, phi, s)
        stages = [_reading(law, phi), Stage(law, phi)]
    except NotCoveredError as error:
        predictions = dict.fromkeys(QUANTITIES, error)
    else:
        predictions = _predictions(stages, law, inputShape[1:])
    for name, found in predictions.items():
        missing = isinstance(found, Exception)
        row[name] = math.nan if missing else found
        row[f"reason_{name}"] = str(found) if missing else ""
    return row


def _lawOf(arm, inputShape, outputShape, phi, s):
    name, *options = arm.split("+")
    channels, *sides = inputShape
    read = (channels * (2 if phi.doubles else 1), *sides)
    return initD[name].law(read, tuple(outputShape), s=s, **dict.fromkeys(options, True))


def _reading(law: WeightLaw, phi: Activation) -> Stage:
    """A linear layer before it that keeps everything, so that there is something to go back to."""
    units = law.shape[law.axes.input] // (2 if phi.doubles else 1)
    shape = (units, units, *(1 for _ in law.receptive_field))
    return Stage(WeightLaw(shape, law.axes, "haar", units**-0.5, dtype=law.dtype))


def _predictions(stages, law, sides):
    moment = np.ones(sides if law.receptive_field else ())

    def backward():
        return backward_second_moments(stages, forward_second_moments(stages, moment))[0].mean()

    return {
        "forward_gain": _tried(lambda: forward_second_moments(stages, moment)[1].mean()),
        "backward_gain": _tried(backward),
        "forward_drift": _tried(lambda: forward_term(stages[1]).mean),
        "backward_drift": _tried(lambda: backward_term(stages[1]).mean),
    }


def _tried(predict: Callable[[], float]) -> float | NotCoveredError:
    try:
        return float(predict())
    except NotCoveredError as error:
        return error
