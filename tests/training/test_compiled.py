"""A step of training that meets a number that is not finite: it changes nothing that counts."""

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, floatX, theano
from layers import FC, Activation, Dropout, Representation
from training.compiled import TrainingStep
from training.finiteness import NotFinite, Watched
from training.objectives import objectiveOf
from training.optimisers import SGD, Adam, AdamW

OPTIMISERS = {
    "SGD": lambda: SGD(0.1),
    "Nesterov": lambda: SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: Adam(0.1),
    "AdamW": lambda: AdamW(0.1, decay=0.5),
    "clipped": lambda: SGD(0.1, clipNorm=1.0),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_parameters_and_streams_stay_as_they_are(name):
    y = FC(2, seed=1)(Dropout(0.5, seed=2)(Activation("tanh")(FC(4, seed=3)(Representation((3,))))))
    optimiser = OPTIMISERS[name]()
    optimiser.bind(dict(enumerate(y.params)))
    step = TrainingStep(y, objectiveOf("softmaxCrossEntropy"), optimiser, ())
    x, labels = np.ones((5, 3), floatX()), np.zeros(5, "int32")
    step(x, labels)
    before = [variable.get_value() for variable in (*y.params, *y.streams)]
    assert len(before) == 5
    x[2, 1] = np.nan
    with pytest.raises(NotFinite, match=r"^the loss became nan$"):
        step(x, labels)
    for variable, value in zip((*y.params, *y.streams), before, strict=True):
        np.testing.assert_array_equal(variable.get_value(), value)
    x[2, 1] = 1
    assert np.isfinite(step(x, labels)["loss"])  # it goes on
    assert (y.params[0].get_value() != before[0]).any()


def test_a_gradient_that_overflows_is_named():
    with theano.config.change_flags(floatX="float32"):
        y = FC(1, seed=1)(Representation((1,)))
        optimiser = SGD(0.1, clipNorm=1.0)
        optimiser.bind(dict(enumerate(y.params)))
        step = TrainingStep(y, objectiveOf("meanSquaredError"), optimiser, ())
    x, targets = np.full((1, 1), 1e12, "float32"), np.zeros((1, 1), "float32")
    y.params[0].set_value(np.full((1, 1), 1e3, "float32"))
    with pytest.raises(NotFinite, match=r"^the norm of the gradient became inf$"):
        step(x, targets)
    assert y.params[0].get_value() == 1e3


def test_dense_weights_are_updated_in_place():
    y = FC(40, seed=1)(Representation((30,)))
    optimiser = SGD(0.1)
    optimiser.bind(dict(enumerate(y.params)))
    step = TrainingStep(y, objectiveOf("softmaxCrossEntropy"), optimiser, ())
    destroyed = [
        node
        for node in step._function.maker.fgraph.apply_nodes
        if any(
            node.inputs[i] is not None and node.inputs[i].name == "weight"
            for held in getattr(node.op, "destroy_map", {}).values()
            for i in held
        )
    ]
    assert destroyed


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_is_watched_ends_the_function(number):
    x = T.dscalar()
    function = compileFunction([x], Watched("sum")(x))
    assert function(1e300) == 1
    with pytest.raises(NotFinite, match=f"the sum became {number:.6g}"):
        function(number)
