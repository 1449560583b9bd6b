"""The parts of a network that its initialisation treats: layers with weights, residual blocks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from layers import FC, Convolution, Layer, Merge, Weighted


@dataclass(frozen=True)
class WeightedStep:
    """A layer with a weight, where the network calls it first.

    Attributes
    ----------
    number : int
        The layer's, in `representation.layers`.
    step : Representation
        What it makes.
    """

    number: int
    step: object

    @property
    def layer(self) -> Weighted:
        """The layer."""
        return self.step.layer

    @property
    def place(self) -> str:
        """What a table calls it."""
        return f"layer {self.number}, {type(self.layer).__name__}"

    @property
    def preActivation(self):
        """The symbolic output before an activation of its own, which Keras's layers have."""
        if getattr(self.layer, "activation", None) is None:
            return self.step.tensor
        family = next(kind for kind in (FC, Convolution) if isinstance(self.layer, kind))
        source = self.step.sources[0]
        return family.expression(self.layer, source.tensor, source.shape)


@dataclass(frozen=True)
class ResidualBlock:
    """A sum of two representations, of which the second is the branch.

    Attributes
    ----------
    number : int
        The sum's, in `representation.layers`.
    merge : Merge
    weighted : list of WeightedStep
        The layers with weights of the branch alone, in the order of computation.
    sums : int
        How many sums there are in the branch.
    """

    number: int
    merge: Merge
    weighted: list
    sums: int

    @property
    def place(self) -> str:
        """What a table calls it."""
        return f"residual block at layer {self.number}"


def weightedSteps(model) -> list[WeightedStep]:
    """Each layer with a weight once, in the order of computation.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = {}
    for number, step in enumerate(_madeSteps(model)):
        if isinstance(step.layer, Weighted):
            found.setdefault(step.layer, WeightedStep(number, step))
    if not found:
        raise ValueError(f"a network without weights cannot be rescaled. Received: {model!r}.")
    return list(found.values())


def residualBlocks(model) -> list[ResidualBlock]:
    """The residual blocks of a network, each after those inside it.

    Raises
    ------
    ValueError
        If there is none.
    """
    weighted = {w.step: w for w in weightedSteps(model)}
    blocks = []
    for number, step in enumerate(_madeSteps(model)):
        if isinstance(step.layer, Merge):
            branch = _branch(step)
            inside = [weighted[s] for s in branch if s in weighted]
            sums = sum(isinstance(s.layer, Merge) for s in branch)
            blocks.append(ResidualBlock(number, step.layer, inside, sums))
    if not blocks:
        raise ValueError(
            f"the network must have residual blocks, layers.Residual or layers.merge. "
            f"Received: {model!r}, without any."
        )
    return blocks


def refuseShared(model, what: str) -> None:
    """Raises ValueError for a layer with weights that the network calls more than once."""
    calls = Counter(s.layer for s in _madeSteps(model) if isinstance(s.layer, Weighted))
    for layer, count in calls.items():
        if count > 1:
            raise ValueError(
                f"{what} needs layers that are called once. Received: {layer!r}, called {count} "
                f"times."
            )


def rescale(variable, factor) -> None:
    """Multiply a shared variable by a number, or an array that broadcasts to it."""
    value = variable.get_value(borrow=True)
    variable.set_value(value * np.asarray(factor, value.dtype))


def norm(variable) -> float:
    """The Frobenius norm of a shared variable, in double precision."""
    return float(np.linalg.norm(variable.get_value(borrow=True).astype("float64")))


def _madeSteps(model):
    return [step for step in model.representation.steps if isinstance(step.layer, Layer)]


def _branch(step):
    """The steps that lead to the second summand and not to the first."""
    first, second = step.sources
    beside = set(first.steps)
    return [s for s in second.steps if s not in beside]
