"""Networks that learn, (task, arm, depth) -> their losses, update by update, and where they began.

The task is linear and real: from whitened digits to their labels. Each sample comes with its
negative, of which looks-linear networks make the negative; they stay linear while they learn.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np

from experiments.arms import Arm
from initialisations import initD
from layers import FC, Activation, Representation
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, as_generator, as_seed, child_seed, choose, draw
from training import fit
from training.finiteness import NonFiniteError
from training.optimisers import SGD

CLASSES = 10
#: The strengths of a task: as many as labels minus one, since labels sum to one. Their mean square
#: is 1, that of the orthogonal network's at the beginning.
STRENGTHS = CLASSES - 1
#: Digits have 64 pixels, of which three are always black.
WIDEST = 61


class Task(NamedTuple):
    """Inputs (samples, n) of unit covariance, targets (samples, n), and the best linear map (n, n).

    `floor` is the loss that no linear map can lower.
    """

    x: np.ndarray
    y: np.ndarray
    best: np.ndarray
    floor: float

    def loss(self, share: float) -> float:
        """The loss of a map whose squared distance from the best is so much of the zero map's."""
        return self.floor + share * self.distance(1.0) / len(self.best)

    def distance(self, share: float) -> float:
        """That squared Frobenius distance."""
        return share * float(np.sum(self.best**2))

    def shares(self, losses: np.ndarray) -> np.ndarray:
        """What `loss` is of, for losses of a network."""
        return (np.asarray(losses) - self.floor) / (self.loss(1.0) - self.floor)


def digitsTask(width: int, samples: int, rng: Rng) -> Task:
    """Whitened digits and their labels, of `samples` digits and of their negatives.

    Inputs are the first `width` principal components, each of unit variance; targets are centred
    labels, one unit each, beside units that shall be silent.

    Examples
    --------
    >>> task = digitsTask(16, 100, rng=0)
    >>> np.allclose(task.x.T @ task.x / len(task.x), np.eye(16)), task.x.shape
    (True, (200, 16))
    >>> round(float(np.sum(task.best**2)), 6)
    9.0
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    chosen = choose(len(digits.data), samples, as_generator(rng))
    centred = digits.data[chosen] - digits.data[chosen].mean(axis=0)
    x = np.linalg.svd(centred, full_matrices=False)[0][:, :width] * samples**0.5
    y = np.eye(width)[digits.target[chosen]]
    y -= y.mean(axis=0)
    y *= (STRENGTHS / np.sum((y.T @ x / samples) ** 2)) ** 0.5
    best = y.T @ x / samples
    floor = (np.sum(y**2) / samples - np.sum(best**2)) / width
    return Task(np.concatenate([x, -x]), np.concatenate([y, -y]), best, float(floor))


class Learner:
    """A network of one arm and depth, trained again and again from new weights by full batches.

    Parameters
    ----------
    arm : Arm
        Linear, or of CReLU.
    depth : int
        Dense layers without biases, each `width` to `width` units, a CReLU before each.
    task : Task
    """

    def __init__(self, arm: Arm, depth: int, task: Task) -> None:
        self.task, self.depth, self.doubles = task, depth, arm.activation.doubles
        width = len(task.best)
        reads = 2 * width if self.doubles else width
        self.law: WeightLaw = initD[arm.initialisation].law((reads,), (width,), **arm.options)
        y = Representation((width,))
        for _ in range(depth):
            y = Activation(arm.activation.name)(y) if self.doubles else y
            y = FC(width, bias=False, initialisation=arm.initialisation, initKWArgs=arm.options)(y)
        self._model, self._optimiser = y, SGD()

    def begin(self, seed: Rng) -> np.ndarray:
        """Draw all weights; return the map (n, n) that a looks-linear or linear network makes."""
        product, seed = np.eye(len(self.task.best)), as_seed(seed)
        for number, weight in enumerate(self._model.params):
            drawn = draw(self.law, child_seed(seed, number))
            weight.set_value(drawn.astype(weight.dtype))
            product = product @ drawn[: len(product)]
        return product.T

    def losses(self, seed: Rng, step: float, goal: float, longest: int) -> np.ndarray:
        """The losses after 0, 1, 2, ... updates, to the first one at the goal or below.

        Parameters
        ----------
        seed : Rng
            What the weights are drawn from.
        step : float
            The rate times depth of gradient descent on half the squared distance of a linear net.
        goal : float
            The loss that ends it.
        longest : int
            Updates at most.
        """
        self.begin(seed)
        found: list[float] = []

        def note(loss, stop):
            found.append(loss)
            if loss <= goal:
                stop("learnt")

        # The loss is the squared distance / n, and of inputs each half of a CReLU sees one half.
        self._optimiser.rate = step / self.depth * len(self.task.best) / (1 if self.doubles else 2)
        data = self.task.x, self.task.y
        asked = {"batchSize": len(data[0]), "shuffle": False, "progress": False}
        with suppress(NonFiniteError):  # the rate was too large for these weights: they never learn
            fit(
                self._model, data, "meanSquaredError", self._optimiser, epochs=longest + 1,
                callbacks={"batch": note}, **asked,
            )  # fmt: skip
        return np.array(found)


def updatesTo(losses: np.ndarray, goal: float, floor: float) -> float:
    """After how many updates a loss reached its goal; between two by its log, NaN for never.

    Examples
    --------
    >>> updatesTo(np.array([4.0, 2.0, 0.5]), goal=1.0, floor=0.0)
    1.5
    """
    if not len(losses) or not losses[-1] <= goal:
        return np.nan
    if len(losses) == 1:
        return 0.0
    before, after = np.log(losses[-2:] - floor)
    return float(len(losses) - 1 - (np.log(goal - floor) - after) / (before - after))


def equalLengths(curves: list[np.ndarray]) -> np.ndarray:
    """Curves as rows, (curves, longest), each going on as it ended; without numbers, as NaN.

    Examples
    --------
    >>> equalLengths([np.array([2.0, 1.0]), np.array([3.0])]).tolist()
    [[2.0, 1.0], [3.0, 3.0]]
    """
    longest = max(1, *map(len, curves))
    curves = [curve if len(curve) else np.array([np.nan]) for curve in curves]
    return np.stack([np.pad(curve, (0, longest - len(curve)), "edge") for curve in curves])
