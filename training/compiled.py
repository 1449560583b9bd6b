"""Compiled functions of a network: a step of training, and figures and outputs afterwards.

A function is kept with the network's last representation and vanishes with it, so that training,
evaluating or predicting once more does not compile once more.
"""

import weakref

from utilityFunctions import T, compileFunction, gradient
from training.finiteness import NotFinite, Watched

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
        one = Watched("loss")(loss)
        gradients = gradient(None, representation.params, known_grads={loss: one})
        updates = [*optimiser.updates(gradients), *representation.updates]
        self._names, self._penalties = list(figures), len(penalties)
        self._function = compileFunction(
            [representation.input, targets],
            [*(figure.sum() for figure in figures.values()), *penalties],
            updates=_guarded(updates, set(representation.streams), one),
        )
        self._function.trust_input = True  # every batch has been checked

    def __call__(self, x, y):
        """Train on a batch.

        Returns
        -------
        dict of floats
            The figures by name.

        Raises
        ------
        NotFinite
            Parameters and streams are then as before.
        """
        try:
            numbers = [float(number) for number in self._function(x, y)]
        except NotFinite as error:  # Theano has added pages of its own
            raise NotFinite(str(error).partition("\n")[0]) from None
        means = {name: numbers.pop(0) / len(x) for name in self._names}
        if self._penalties:
            means["penalty"] = sum(numbers)
        return means


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


def _guarded(updates, streams, one):
    """Updates that leave random streams as they are until what is watched is known to be finite."""
    # Else a stream would move on in place, where its numbers are drawn: before the loss is known.
    return [(v, T.switch(one, new, v) if v in streams else new) for v, new in updates]


def _once(representation, key, make):
    made = _kept.setdefault(representation, {})
    if key not in made:
        made[key] = make()
    return made[key]
