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

from experiments.arms import Arm
from initialisations import initD
from lookslinear.activations import Activation, activation
from lookslinear.catalogue import CATALOGUE, Entry
from lookslinear.connections import Connection, Options
from lookslinear.laws import WeightLaw
from lookslinear.theory import (
    NotCoveredError,
    Stage,
    backward_second_moments,
    forward_second_moments,
)
from lookslinear.theory.log_norm import backward_term, forward_term
from lookslinear.theory.pairs import as_crelu

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
        A row for each arm of the command line: entries with their defaults; with `relu` or
        `activation=...` where it has an effect, and with `mirror` behind CReLU, if that changes the
        law. Columns `arm`; `forward_gain` and `backward_gain`, ratios of second
        moments; `forward_drift` and `backward_drift`, mean logs (natural) a layer; for each of
        the four the reason of its absence in `reason_<column>`. Sorted by how far the logs of
        the two gains are from 0, as a distance, then by the drifts.

    Raises
    ------
    ValueError, TypeError
        For shapes and activations that are none, and shapes of unequal rank.

    Examples
    --------
    >>> table = suitability((32,), (32,), "relu").set_index("arm")
    >>> table.loc[["glorotNormal", "glorotNormal+relu"], "forward_gain"].round(9).tolist()
    [0.5, 1.0]
    >>> round(table.loc["heNormal", "forward_drift"], 3)
    -0.083
    """
    phi = activation(name)
    Connection.between(inputShape, outputShape, Options(s=s))  # refuses what no entry takes
    laws = _laws(phi, inputShape, outputShape, s)
    table = pd.DataFrame([_row(arm, law, inputShape[1:], phi) for arm, law in laws.items()])
    with np.errstate(divide="ignore"):  # a gain of 0 is infinitely far from 1
        gains = np.square(np.log(table[list(QUANTITIES[:2])])).sum(axis=1, skipna=False)
    drifts = np.square(table[list(QUANTITIES[2:])]).sum(axis=1, skipna=False)
    order = pd.DataFrame({"gains": gains.round(9), "drifts": drifts, "arm": table["arm"]})
    best = order.sort_values(list(order), na_position="last").index
    return table.loc[best].reset_index(drop=True)


def _laws(phi, inputShape, outputShape, s) -> dict[str, WeightLaw | ValueError]:
    """The law of each arm; one that has the law of the entry alone is left out."""
    channels, *sides = inputShape
    read = (channels * (2 if phi.doubles else 1), *sides)
    laws = {}
    for name in initD:
        entry = CATALOGUE.get(name)
        if entry is None:  # another name of one that is there
            continue
        arms = [_arm(name, options, phi) for options in _told(entry, phi)]
        found = [_lawOf(arm, read, tuple(outputShape), s) for arm in arms]
        laws |= {
            arm.name: law
            for arm, law in zip(arms, found, strict=True)
            if arm is arms[0] or not (law == found[0] or isinstance(law, ValueError))
        }
    return laws


def _told(entry: Entry, phi: Activation) -> Iterator[dict[str, object]]:
    """The options that such a layer asks for, none at first."""
    yield {}
    if phi.doubles:
        yield {"mirror": True}
    elif phi.name == "relu" and "relu" in entry.options:
        yield {"relu": True}
    elif "activation" in entry.options and phi.name not in ("linear", "relu"):
        yield {"activation": phi}


def _arm(name: str, options: dict[str, object], phi: Activation) -> Arm:
    words = (key if value is True else f"{key}={phi.name}" for key, value in options.items())
    return Arm("+".join([name, *words]), name, options, phi)


def _lawOf(arm: Arm, inputShape, outputShape, s) -> WeightLaw | ValueError:
    try:
        options = {"s": s, **arm.optionsOf("inner")}
        return initD[arm.initialisation].law(inputShape, outputShape, **options)
    except ValueError as error:  # no law, or none for this activation, or this number of units
        return error
    except TypeError as error:  # a law of a user's own that does not take the option
        return ValueError(str(error))


def _row(arm, law, sides, phi):
    row = {"arm": arm}
    for name, found in _predictions(law, sides, phi).items():
        missing = isinstance(found, Exception)
        row[name] = math.nan if missing else found
        row[f"reason_{name}"] = str(found) if missing else ""
    return row


def _predictions(law, sides, phi):
    stages = law if isinstance(law, ValueError) else _tried(lambda: _stages(law, phi))
    if isinstance(stages, ValueError):
        return dict.fromkeys(QUANTITIES, stages)
    moment = np.ones(sides if law.receptive_field else ())

    def backward():
        return float(
            backward_second_moments(stages, forward_second_moments(stages, moment))[0].mean()
        )

    return {
        "forward_gain": _tried(lambda: float(forward_second_moments(stages, moment)[1].mean())),
        "backward_gain": _tried(backward),
        "forward_drift": _tried(lambda: forward_term(as_crelu(stages)[1]).mean),
        "backward_drift": _tried(lambda: backward_term(as_crelu(stages)[1]).mean),
    }


def _tried(predict: Callable[[], object]) -> object:
    try:
        return predict()
    except NotCoveredError as error:
        return error


def _stages(law: WeightLaw, phi: Activation) -> list[Stage]:
    """The layer, and one before it that keeps everything: there is something to go back to."""
    units = law.shape[law.axes.input] // (2 if phi.doubles else 1)
    shape = (units, units, *(1 for _ in law.receptive_field))
    before = WeightLaw(
        shape,
        law.axes,
        "haar",
        units**-0.5,
        "centre" if law.receptive_field else "all",
        # Weights that write pairs read a layer that wrote pairs.
        mirror_outputs=law.mirror_outputs and bool(law.mirror),
        dtype=law.dtype,
    )
    return [Stage(before), Stage(law, phi)]
