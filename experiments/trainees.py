"""Trainees: a network that is compiled once, and on which each arm of its form begins anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from experiments.entrants import Entrant
from experiments.labelledData import LabelledData
from experiments.trainedNets import Form, build
from lookslinear.sampling import Rng
from training import SGD, Adam, Optimiser
from training.compiled import trainingStep
from training.objectives import objectiveOf
from training.trainer import namedParameters

OBJECTIVE = "softmaxCrossEntropy"
#: The optimisers, by name, as functions of the rate.
OPTIMISERS: Mapping[str, Callable[[float], Optimiser]] = {
    "sgd": SGD,
    "momentum": lambda rate: SGD(rate, momentum=0.9),
    "nesterov": lambda rate: SGD(rate, momentum=0.9, nesterov=True),
    "adam": Adam,
}
#: How many samples' gradients are looked at before training.
LOOKED_AT = 8


class Trainee:
    """One network and its optimiser, for all entrants of a form, of which any one makes it.

    Attributes
    ----------
    model : Representation
        The network that is trained.
    optimiser : Optimiser
    """

    def __init__(self, form: Form, entrant: Entrant, optimiser: str):
        self.form, self._drawn = form, {}
        self.model = build(form, entrant)
        self.optimiser = OPTIMISERS[optimiser](1.0)

    def begin(self, entrant: Entrant, rate: float, seed: Rng) -> None:
        """As on the first day of an entrant: its weights, drawn from a seed; a rate; no memory."""
        if entrant.name not in self._drawn:
            self._drawn[entrant.name] = build(self.form, entrant)
        drawn = self._drawn[entrant.name]
        drawn.redraw(seed)
        for mine, theirs in zip(self.model.params, drawn.params, strict=True):
            mine.set_value(theirs.get_value(borrow=True))
        self.optimiser.rate = rate
        self.optimiser.reset()

    def gradientGrowth(self, entrant: Entrant, seed: Rng, data: LabelledData) -> float:
        """How the gradient has grown where it arrives at the first layer, on initial weights.

        The log of its mean square there over that at the outputs, a mean over samples. A bias
        takes the gradient of the pre-activation that it is added to: of images, summed over
        positions. So one step of training on one sample, biases being 0, tells it.

        Returns
        -------
        float
            NaN where no sample has a gradient that is positive and finite.
        """
        self.begin(entrant, 1.0, seed)
        parameters = [param.get_value() for param in self.model.params]
        logs = []
        for index in range(min(LOOKED_AT, len(data.x))):
            logs.append(self._growthAt(data.x[index : index + 1], data.y[index : index + 1]))
            for param, value in zip(self.model.params, parameters, strict=True):
                param.set_value(value)
            self.optimiser.reset()
        logs = np.array(logs)[np.isfinite(logs)]
        return float(logs.mean()) if len(logs) else np.nan

    def _growthAt(self, x: np.ndarray, y: np.ndarray) -> float:
        self.optimiser.bind(namedParameters(self.model))
        step = trainingStep(self.model, objectiveOf(OBJECTIVE), self.optimiser, ())
        step(x, y.astype("int32"))
        first, *_, last = (name for name in self.model.variables if name.endswith(".bias"))
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.log(self._meanSquare(first)) - np.log(self._meanSquare(last)))

    def _meanSquare(self, name: str) -> float:
        """Of the gradient of a bias, up to a factor that all biases share."""
        moments = self.optimiser.moments
        moved = (
            self.optimiser.state[f"{moments[0]}.{name}"] if moments else self.model.variables[name]
        )
        return np.mean(np.square(moved.get_value(), dtype=np.float64))
