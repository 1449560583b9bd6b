"""Compiled functions of a network: a step of training, and figures and outputs afterwards.

A function is kept with the network's last representation and vanishes with it, so that training,
evaluating or predicting once more does not compile once more.
"""

import math
import weakref

import numpy as np

from utilityFunctions import T, cast, compileFunction, gradient

_kept = weakref.WeakKeyDictionary()


class TrainingStep:
    """(x, y) -> figures of the batch; parameters, optimiser, statistics and streams move on.

    Parameters and streams stay if the loss, or the gradient's norm where it is clipped, is not
    finite: the network then still makes what made it so, and can be searched for it.

    Parameters
    ----------
    representation : Representation
    objective : Objective
    optimiser : Optimiser
        Bound to the network's parameters already.
    regularisation : tuple of Regularisation
    """

    def __init__(self, representation, objective, optimiser, regularisation):
        targets = objective.placeholder(representation.shape)
        figures = objective.expressions(representation.trainTensor, targets)
        penalties = [r.expression(representation.params) for r in regularisation]
        loss = figures["loss"].mean() + sum(penalties)
        updates = optimiser.updates(gradient(loss, representation.params))
        watched = [loss] if optimiser.norm is None else [loss, optimiser.norm]
        self._names, self._penalties = list(figures), len(penalties)
        kept = {*representation.params, *representation.streams}
        self._function = compileFunction(
            [representation.input, targets],
            [*(figure.sum() for figure in figures.values()), *penalties, *watched],
            updates=_guarded([*updates, *representation.updates], kept, watched),
        )
        self._function.trust_input = True  # every batch has been checked

    def __call__(self, x, y):
        """Train on a batch.

        Returns
        -------
        dict of floats, bool
            The figures by name, and whether all of them, and the norm, are finite.
        """
        numbers = [float(number) for number in self._function(x, y)]
        means = {name: numbers.pop(0) / len(x) for name in self._names}
        if self._penalties:
            means["penalty"] = sum(numbers[: self._penalties])
        return means, all(map(math.isfinite, numbers))


def trainingStep(representation, objective, optimiser, regularisation):
    """The compiled `TrainingStep`, made once for the same arguments."""
    return _once(
        representation,
        (objective, optimiser, regularisation),
        lambda: TrainingStep(representation, objective, optimiser, regularisation),
    )


def figuresFunction(representation, objective):
    """The compiled function (x, y) -> sums over the batch by name, as after training."""

    def make():
        targets = objective.placeholder(representation.shape)
        figures = objective.expressions(representation.tensor, targets)
        sums = {name: figure.sum() for name, figure in figures.items()}
        return compileFunction([representation.input, targets], sums)

    return _once(representation, ("figures", objective), make)


def outputFunction(representation):
    """The compiled function x -> output, as after training."""
    return _once(representation, "output", representation.function)


def _guarded(updates, kept, watched):
    """Updates that leave what is to be kept as it is unless what is watched is finite."""
    sound = T.lt(abs(watched[0]), cast(np.inf))  # false of NaN, too
    for scalar in watched[1:]:
        sound = T.and_(sound, T.lt(abs(scalar), cast(np.inf)))
    # The optimiser's state is not guarded: that would be one more pass over all of it.
    return [(v, T.switch(sound, new, v) if v in kept else new) for v, new in updates]


def _once(representation, key, make):
    made = _kept.setdefault(representation, {})
    if key not in made:
        made[key] = make()
    return made[key]
