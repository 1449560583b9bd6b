"""The gradients of every layer, in training and afterwards, against central differences."""

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, gradient, theano
from layers import (
    FC,
    Activation,
    Augmentation,
    BatchNormalisation,
    Convolution,
    CReLU,
    Dropout,
    Flatten,
    GlobalPooling,
    Layer,
    Observation,
    ParReLU,
    Pooling,
    Representation,
    Reshape,
    Residual,
    merge,
)

IMAGES = {
    "ParReLU": ParReLU(0.3, 1.2, 0.1),
    "ParReLU, one for all": ParReLU(-0.5, 0.7, -0.2, each=False),
    "BatchNormalisation": BatchNormalisation(),
    "BatchNormalisation, not trained": BatchNormalisation(trainable=False),
    "Dropout": Dropout(0.4, seed=1),
    "Dropout, variance": Dropout(0.4, "variance", seed=2),
    "Augmentation": Augmentation((1, 2), True, True, seed=3),
    "GlobalPooling": GlobalPooling(),
    "GlobalPooling, max": GlobalPooling("max"),
    "Observation": Observation("here"),
    "Flatten": Flatten(),
    "Reshape": Reshape((5, 4, 3)),
    "CReLU": CReLU(),
    "Residual": Residual([ParReLU(0.3), BatchNormalisation()], skip=0.5, scale=-0.3),
}
UNITS = {
    "ParReLU, dense": ParReLU(0.3, 1.2, 0.1),
    "BatchNormalisation, dense": BatchNormalisation(),
    "Dropout, dense": Dropout(0.4, seed=8),
    "FC": FC(3, seed=9),
    "Reshape, dense": Reshape((3, 1, 2)),
    "Residual, dense": Residual([FC(5, seed=1), ParReLU(), FC(6, seed=2)]),
    "Residual, projected": Residual(
        [BatchNormalisation(), Activation("tanh"), FC(4, seed=3), Dropout(0.3, seed=4)],
        projection=FC(4, seed=5),
    ),
}
#: What Theano computes in C alone.
WINDOWS = {
    "Convolution": Convolution(3, strides=2, seed=4),
    "Pooling, max, overlapping": Pooling(3, strides=1),
    "Pooling, max, with gaps": Pooling(2, strides=(3, 4)),
    "Pooling, average, overlapping": Pooling((2, 3), strides=(1, 2), mode="average"),
    "Pooling, average, with gaps": Pooling((1, 2), strides=3, mode="average"),
}
#: Every operation as NumPy does it: nothing to compile, which takes minutes for so many layers.
PLAIN = theano.compile.Mode(linker="py", optimizer="merge")


class Wrong(Layer):
    """The mutant: half of the gradient of a square is left out."""

    def expression(self, tensor, inputShape):
        """The square."""
        return tensor * theano.gradient.zero_grad(tensor)


class Shifted(BatchNormalisation):
    """The mutant: as if the batch's own mean and variance were constants."""

    def training(self, tensor, inputShape):
        """Normalised, and no gradient through the statistics."""
        normalised, updates = super().training(theano.gradient.zero_grad(tensor), inputShape)
        return normalised + (tensor - theano.gradient.zero_grad(tensor)), updates


MUTANTS = {"Wrong": Wrong(), "Shifted": Shifted()}
PHASES = ("tensor", "trainTensor")
STEP = 1e-6


class Network:
    """Layers, each on one of the inputs, with one compiled function of costs and slopes."""

    def __init__(self, onImages, onUnits, mode=None):
        x, u = Representation((2, 5, 6)), Representation((6,))
        made = {name: layer(x) for name, layer in onImages.items()}
        made |= {name: layer(u) for name, layer in onUnits.items()}
        made["merge"] = merge(x, Activation("tanh")(x), skip=2, scale=0.5)
        self.streams = [s for y in made.values() for s in y.streams]
        self.starts = [stream.get_value() for stream in self.streams]
        self.params = [p for y in made.values() for p in y.params]
        self.values = [p.get_value() for p in self.params]
        steps = {leaf: leaf.type() for leaf in (x.input, u.input, *self.params)}
        weights = T.vector()
        found = {(name, phase): _costAndSlope(y, phase, weights, steps)
                 for name, y in made.items() for phase in PHASES}  # fmt: skip
        self.names, both = list(found), zip(*found.values(), strict=True)
        inputs = [x.input, u.input, *steps.values(), weights]
        self.function = compileFunction(
            inputs, [T.stack(part) for part in both], mode=mode, on_unused_input="ignore"
        )

    def slopes(self):
        """For each layer and phase its slope along a random line, and that of differences."""
        rng = np.random.default_rng(0)
        inputs = [rng.standard_normal(shape) for shape in ((3, 2, 5, 6), (4, 6))]
        steps = [rng.standard_normal(np.shape(leaf)) for leaf in (*inputs, *self.values)]
        weights = rng.standard_normal(3 * 4 * 5 * 6)
        (above, _), (below, _) = (self.at(t, inputs, steps, weights) for t in (STEP, -STEP))
        _, found = self.at(0, inputs, steps, weights)
        differences = (above - below) / (2 * STEP)
        return dict(zip(self.names, zip(found, differences, strict=True), strict=True))

    def at(self, t, inputs, steps, weights):
        """Costs and slopes where inputs and parameters are moved by t times their steps."""
        for stream, start in zip(self.streams, self.starts, strict=True):
            stream.set_value(start)  # every call sees the same random numbers
        for parameter, value, step in zip(self.params, self.values, steps[2:], strict=True):
            parameter.set_value(value + t * step)
        moved = [x + t * step for x, step in zip(inputs, steps, strict=False)]
        return self.function(*moved, *steps, weights)


def _costAndSlope(y, phase, weights, steps):
    """A sum of what a layer makes, weighted so that none of it cancels, and its slope."""
    tensor = getattr(y, phase)
    cost = T.dot(tensor.flatten(), weights[: tensor.size])
    leaves = [y.input, *y.params]
    gradients = gradient(cost, leaves, disconnected_inputs="ignore")
    return cost, sum((g * steps[leaf]).sum() for g, leaf in zip(gradients, leaves, strict=True))


@pytest.fixture(scope="module")
def slopes():
    """The slopes of all layers, in double precision."""
    with theano.config.change_flags(floatX="float64"):
        plain = Network({**IMAGES, **MUTANTS}, UNITS, PLAIN)
        return {**Network(WINDOWS, {}).slopes(), **plain.slopes()}


def agree(found, difference):
    # Costs of order 10 round at 1e-15: 1e-15 * 10 / 2e-6 is 5e-9; curvature adds 1e-12 times a
    # third derivative. A kink or a maximum that changes within 1e-6 has a chance below 1e-3 for
    # each layer, and the seeds are fixed.
    return abs(found - difference) < 1e-6 * max(1, abs(found))


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("name", [*IMAGES, *UNITS, *WINDOWS, "merge"])
def test_gradients_are_those_of_central_differences(slopes, name, phase):
    found, difference = slopes[name, phase]
    assert agree(found, difference)
    assert abs(found) > 1e-3


def test_wrong_gradients_are_seen(slopes):
    assert not agree(*slopes["Wrong", "tensor"])
    assert not agree(*slopes["Shifted", "trainTensor"])


@pytest.mark.parametrize("name", ["Dropout", "Augmentation", "BatchNormalisation"])
def test_training_is_something_else(slopes, name):
    assert slopes[name, "tensor"][0] != pytest.approx(slopes[name, "trainTensor"][0], rel=1e-3)
