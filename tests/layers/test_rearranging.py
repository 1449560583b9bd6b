"""Shapes of what layers make, held to what Theano computes; global pooling, Reshape."""

import itertools

import numpy as np
import pytest

from utilityFunctions import T, cast, theano
from layers import (
    Augmentation,
    BatchNormalisation,
    Dropout,
    Flatten,
    GlobalPooling,
    Observation,
    ParReLU,
    Representation,
    Reshape,
)

#: Compiled in milliseconds: nothing is made faster, and no C code.
PLAIN = theano.compile.Mode(linker="py", optimizer=None)
IMAGES = tuple(itertools.product((1, 2, 3), (1, 2, 5), (1, 4)))
UNITS = ((1,), (2,), (7,))
BATCHES = (1, 3)

LAYERS = {
    "ParReLU": lambda shape: ParReLU(),
    "ParReLU, one for all": lambda shape: ParReLU(each=False),
    "BatchNormalisation": lambda shape: BatchNormalisation(),
    "Dropout": lambda shape: Dropout(0.5),
    "Observation": lambda shape: Observation("here"),
    "Flatten": lambda shape: Flatten(),
    "Reshape": lambda shape: Reshape((int(np.prod(shape)), 1, 1)),
}
OF_IMAGES = {
    "GlobalPooling": lambda shape: GlobalPooling(),
    "GlobalPooling, max": lambda shape: GlobalPooling("max"),
    "Augmentation": lambda shape: Augmentation(tuple(s - 1 for s in shape[1:]), True, True),
}
CASES = [(name, shape) for name in LAYERS for shape in (*IMAGES, *UNITS)]
CASES += [(name, shape) for name in OF_IMAGES for shape in IMAGES]


@pytest.mark.parametrize("name", [*LAYERS, *OF_IMAGES])
def test_shapes_are_those_that_theano_computes(name):
    for _, shape in (case for case in CASES if case[0] == name):
        layer = {**LAYERS, **OF_IMAGES}[name](shape)
        layer.build(shape)
        # Not a Representation's tensors, in which the shape is stated.
        x = T.TensorType(theano.config.floatX, (False,) * (1 + len(shape)))()
        both = [layer.expression(x, shape), layer.training(x, shape)[0]]
        function = theano.function([x], both, mode=PLAIN)
        for batch in BATCHES:
            for found in function(np.ones((batch, *shape), x.dtype)):
                assert found.shape == (batch, *layer.outputShape(shape))
                assert found.dtype == x.dtype


@pytest.mark.parametrize(("mode", "reduce"), [("average", np.mean), ("max", np.max)])
def test_global_pooling_is_what_numpy_computes(mode, reduce):
    y = GlobalPooling(mode)(Representation((3, 5, 4)))
    x = cast(np.random.default_rng(0).standard_normal((6, 3, 5, 4)))
    np.testing.assert_allclose(y.function()(x), reduce(x, axis=(2, 3)), rtol=1e-5, atol=1e-6)


def test_reshape_undoes_flatten():
    x = Representation((3, 5, 4))
    y = Reshape((3, 5, 4))(Flatten()(x))
    values = cast(np.random.default_rng(0).standard_normal((6, 3, 5, 4)))
    np.testing.assert_array_equal(y.function()(values), values)
    assert repr(Reshape([4, 5, 3])) == "Reshape((4, 5, 3))"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: Reshape((3, 5)), ValueError, r"shape must be \(units,\) or"),
        (lambda: Reshape(60), TypeError, "Received: 60"),
        (lambda: Reshape((-1,)), ValueError, "at least 1. Received: -1"),
        (lambda: Reshape((61,))(Representation((3, 5, 4))), ValueError,
         r"hold the 60 numbers of a sample of shape \(3, 5, 4\). Received: \(61,\), which"),
        (lambda: GlobalPooling("mean"), ValueError, "unknown mode 'mean'.*Known: average, max"),
        (lambda: GlobalPooling(2), TypeError, "mode must be 'max' or 'average'"),
        (lambda: GlobalPooling()(Representation((3,))), ValueError, "global pooling needs samples"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
