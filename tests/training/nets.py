"""What the tests of training share: a small network, its data, and a beginning to come back to."""

import numpy as np

from utilityFunctions import floatX
from layers import FC, CReLU, Dropout, Representation
from training import SGD, SoftmaxCrossEntropy

CLASSES, UNITS = 3, 4


def network(dropout=False):
    """Two dense layers with CReLU, looks-linear."""
    hidden = CReLU()(FC(6, initialisation="orthogonal")(Representation((UNITS,))))
    if dropout:
        hidden = Dropout(0.3)(hidden)
    return FC(CLASSES, initialisation="orthogonal", initKWArgs={"mirror": True})(hidden)


def data(samples=50, seed=0):
    """Points around the corners of a simplex, and which corner: classes that can be learnt."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(CLASSES, size=samples)
    points = 2 * np.eye(UNITS)[labels] + 0.5 * rng.standard_normal((samples, UNITS))
    return points.astype(floatX()), labels


class Trainee:
    """A network with an optimiser, compiled once and begun again for each test."""

    def __init__(self, model=None, optimiser=None):
        self.model = network() if model is None else model
        self.optimiser = SGD(0.1, momentum=0.9) if optimiser is None else optimiser
        self.objective = SoftmaxCrossEntropy()

    def begin(self, seed=0):
        """As on the first day; returns itself."""
        self.model.redraw(seed)
        self.optimiser.reset()
        return self

    @property
    def weights(self):
        """Copies of the parameters."""
        return [param.get_value() for param in self.model.params]

    @property
    def arguments(self):
        """What `fit` is given first."""
        return self.model, data(), self.objective, self.optimiser
