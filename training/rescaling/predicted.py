"""Second moments of a network's layers: (representation, input moment) -> theory's predictions.

Layers are walked in the order of computation; each step is told what theory knows of those before.
The law of a weight is its initialisation's, but with the size that its entries have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from layers import (
    FC,
    Activation,
    Augmentation,
    Convolution,
    Dropout,
    Flatten,
    Merge,
    Observation,
    Weighted,
)
from lookslinear.errors import NotCoveredError
from lookslinear.theory import Stage
from lookslinear.theory.depth import forward_step
from lookslinear.theory.pairs import as_crelu

#: Layers that are the identity after training.
IDENTITIES = (Observation, Dropout, Augmentation)
PADDINGS = {"half": "zeros", "valid": "valid"}


@dataclass(frozen=True)
class Known:
    """What theory knows of a step.

    Parameters
    ----------
    moment : float or array (rows, columns)
        The second moment before the activation: one, or one for each position of an image.
    activation : str or None
        The activation that stands between, if there is one.
    mixed : bool
        Whether the numbers are sums over a random weight of their own: not those of the data.
    stage : Stage or None
        That weight's, as long as nothing has been added.
    """

    moment: np.ndarray | float
    activation: str | None = None
    mixed: bool = False
    stage: Stage | None = None


class Prediction:
    """The predicted second moments of the steps of a network.

    Parameters
    ----------
    model : Sequential or Representation
    inputMoment : float
        The second moment of an input number.
    """

    def __init__(self, model, inputMoment: float):
        steps = model.representation.steps
        self._numbers = {step: i - 1 for i, step in enumerate(steps)}
        sides = steps[0].shape[1:]
        self._known = {steps[0]: Known(np.full(sides, inputMoment) if sides else inputMoment)}
        self._waiting = steps[1:]

    def moment(self, step) -> float:
        """The second moment of a step's numbers, a weight's before an activation of its own."""
        while step not in self._known:
            following = self._waiting.pop(0)
            self._known[following] = self._following(following)
        return float(np.mean(self._known[step].moment))

    def rescaled(self, step, ratio: float) -> float:
        """Take the step's second moment times a number, for all that reads it; returns it."""
        known = self._known[step]
        self._known[step] = replace(known, moment=known.moment * ratio)
        return self.moment(step)

    def _following(self, step):
        place = f"layer {self._numbers[step]}, {step.layer!r}"
        try:
            return _next(step, [self._known[source] for source in step.sources])
        except NotCoveredError as error:
            raise NotCoveredError(f"{place}: {error} No weight was changed.") from error


def _next(step, sources):
    layer, known = step.layer, sources[0]
    if isinstance(layer, IDENTITIES):
        return known
    if isinstance(layer, Weighted):
        return _afterWeight(layer, step.sources[0].shape, step.shape, known)
    if isinstance(layer, Activation):
        return _activated(known, layer)
    if isinstance(layer, Flatten):
        return known
    if isinstance(layer, Merge):
        return _sum(layer, step.sources, *sources)
    raise NotCoveredError("no formula here predicts what this layer does to a second moment.")


def _afterWeight(layer, inputShape, outputShape, known):
    _refuseBias(layer)
    stage = _stage(layer, inputShape, outputShape, known)
    # After ReLU, units that come in pairs are those of a CReLU.
    isPaired = known.stage is not None and known.activation == "relu"
    alike = as_crelu([known.stage, stage])[1] if isPaired else stage
    moment = forward_step(alike, known.moment)
    if not stage.law.receptive_field:
        moment = float(np.mean(moment))  # flattened: all positions are read alike
    _refuseNoMoment(moment)
    own = getattr(layer, "activation", None)
    after = Known(moment, mixed=True, stage=stage)
    return after if own is None else _activated(after, own)


def _stage(layer, inputShape, outputShape, known):
    told = known.activation or "linear"
    law = _law(layer, inputShape, outputShape)
    if isinstance(layer, FC):
        return Stage(law, told)
    if not isinstance(layer, Convolution):
        raise NotCoveredError("only dense layers and convolutions are predicted here.")
    stride, padding = layer.strides[0], layer.border_mode
    if layer.strides != (stride, stride) or padding not in PADDINGS:
        raise NotCoveredError(
            "convolutions are predicted with the same stride along both axes, and border_mode "
            "'half' or 'valid'."
        )
    return Stage(law, told, PADDINGS[padding], stride=stride)


def _law(layer, inputShape, outputShape):
    """The law that the layer's initialisation states, with the size that its entries have."""
    stated = getattr(layer.initialisation, "law", None)
    if stated is None:
        raise NotCoveredError("its initialisation states no law of its weights.")
    law = stated(inputShape, outputShape, **layer.options)
    if law.mean:
        raise NotCoveredError(f"weights with a mean are not predicted. Received: {law.mean}.")
    weight = layer.weight.get_value(borrow=True).astype("float64")
    return replace(law, scale=law.scale * math.sqrt(_power(weight) / _statedPower(law)))


def _power(weight):
    return float(np.square(weight).mean())


def _statedPower(law):
    """The mean square over all entries, those that are always 0 included."""
    if law.family in ("identity", "repeated_identity"):
        raise NotCoveredError(
            "an identity does not mix its units: their moments are not predicted."
        )
    carrying = 2 if law.taps == "average" else 1
    share = 1 if law.taps == "all" else math.prod(carrying / s for s in law.receptive_field)
    if law.variance <= 0:
        raise NotCoveredError("a weight of zeros has no size that could be changed.")
    return law.variance * share


def _activated(known, layer):
    if known.activation is not None:
        raise NotCoveredError("an activation of an activation is not predicted.")
    if not known.mixed:
        raise NotCoveredError("an activation that reads the data themselves is not predicted.")
    if not isinstance(layer.activation, str):
        raise NotCoveredError("activations are predicted by their names alone.")
    return known if layer.activation == "linear" else replace(known, activation=layer.activation)


def _sum(merge, steps, beside, branch):
    if beside.activation or branch.activation:
        raise NotCoveredError(
            "a residual sum is predicted where both of its parts are there before an activation."
        )
    if not _endsInOwnWeight(*steps):
        raise NotCoveredError(
            "a residual sum is predicted where its branch ends in a layer with a weight, which "
            "leaves the two parts uncorrelated."
        )
    moment = merge.skip**2 * beside.moment + merge.scale**2 * branch.moment
    return Known(moment, mixed=beside.mixed and branch.mixed)


def _endsInOwnWeight(beside, step):
    """Whether the branch's last layer, but for identities, has a weight that only it uses."""
    while isinstance(step.layer, IDENTITIES):
        (step,) = step.sources
    return isinstance(step.layer, Weighted) and step not in beside.steps


def _refuseBias(layer):
    if layer.bias is not None and layer.bias.get_value(borrow=True).any():
        raise NotCoveredError("biases that are not 0 are not predicted; LSUV measures them.")


def _refuseNoMoment(moment):
    whole = float(np.mean(moment))
    if not (math.isfinite(whole) and whole > 0):
        raise NotCoveredError(f"its predicted second moment is {whole:g}, not a positive number.")
