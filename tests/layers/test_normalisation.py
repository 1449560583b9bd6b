"""Batch normalisation: against NumPy and Theano's own, its running statistics, batches of one."""

import numpy as np
import pytest

from utilityFunctions import T, cast, compileFunction, theano
from layers import BatchNormalisation, Representation

SHAPES = {"dense": (5,), "images": (3, 4, 2)}
EPSILON, RATE = 1e-3, 0.25


class Run:
    """A layer with scales and shifts, and one compiled step of training."""

    def __init__(self, shape, **settings):
        self.layer = BatchNormalisation(epsilon=EPSILON, rate=RATE, **settings)
        self.y = self.layer(Representation(shape))
        rng = np.random.default_rng(1)
        for parameter in self.y.params:
            parameter.set_value(cast(rng.standard_normal(parameter.get_value().shape)))
        self.step = compileFunction([self.y.input], self.y.trainTensor, updates=self.y.updates)
        self.predict = self.y.function()

    def samples(self, batch, seed=0):
        rng = np.random.default_rng(seed)
        return cast(3 + 2 * rng.standard_normal((batch, *self.y.shape)))

    def oracle(self, x, mean, variance):
        """Sample by sample from the definition."""
        scale, shift = (p.get_value() for p in self.y.params)
        return scale * (x - mean) / np.sqrt(variance + EPSILON) + shift

    def running(self):
        return [s.get_value() for s in self.y.statistics]


@pytest.fixture(scope="module", params=SHAPES)
def run(request):
    return Run(SHAPES[request.param])


def moments(x):
    """Means and unbiased and biased variances of each unit or channel, and of how many numbers."""
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1).astype(float)
    shape = (1, x.shape[1], *(1,) * (x.ndim - 2))
    n = rows.shape[1]
    return [m.reshape(shape) for m in (rows.mean(1), rows.var(1) * n / (n - 1), rows.var(1))]


def test_training_and_afterwards_are_what_the_definition_says(run):
    run.layer.redraw()
    for parameter in run.y.params:
        parameter.set_value(parameter.get_value() + cast(0.5))
    mean, variance = run.running()
    for seed in range(3):
        x = run.samples(7, seed)
        ofBatch, unbiased, biased = moments(x)
        np.testing.assert_allclose(run.step(x), run.oracle(x, ofBatch, biased), atol=2e-5)
        mean = mean + RATE * (ofBatch - mean)
        variance = variance + RATE * (unbiased - variance)
        for found, expected in zip(run.running(), (mean, variance), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(run.predict(x), run.oracle(x, mean, variance), atol=2e-5)


def test_theanos_own_agrees(run):
    axes = "per-activation" if len(run.y.shape) == 1 else "spatial"
    run.layer.redraw()
    train = T.nnet.bn.batch_normalization_train(
        run.y.input, *run.y.params, axes, EPSILON, RATE, *run.y.statistics
    )
    x = run.samples(6)
    normalised, _, _, mean, variance = compileFunction([run.y.input], train)(x)
    np.testing.assert_allclose(run.step(x), normalised, atol=2e-5)
    for found, expected in zip(run.running(), (mean, variance), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_it_begins_as_nothing_and_redraw_makes_it_that_again(run):
    x = run.samples(4)
    run.step(x)
    run.layer.redraw(5)
    np.testing.assert_allclose(run.predict(x), x / np.sqrt(1 + EPSILON), rtol=1e-5)


def test_a_batch_of_one_moves_no_statistics_of_units():
    run = Run(SHAPES["dense"])
    before, shift = run.running(), run.layer.shift.get_value()
    np.testing.assert_array_equal(run.step(run.samples(1)), shift)
    for found, expected in zip(run.running(), before, strict=True):
        np.testing.assert_array_equal(found, expected)
    images = Run(SHAPES["images"])
    images.step(images.samples(1))
    assert (images.running()[0] != 0).all()


def test_a_constant_unit_stays_finite(run):
    found = run.step(np.full((4, *run.y.shape), 1e4, run.y.input.dtype))
    np.testing.assert_allclose(found, np.broadcast_to(run.layer.shift.get_value(), found.shape))


def test_without_scale_and_shift_nothing_is_trained():
    run = Run(SHAPES["dense"], trainable=False)
    x = run.samples(50)
    assert run.y.params == []
    assert (run.layer.variables.keys()) == {"runningMean", "runningVariance"}
    found = run.step(x)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-5)
    # 1 / (1 + epsilon / 4) of 1.
    np.testing.assert_allclose(found.var(0), 1, atol=1e-3)


def test_numbers_are_shared_by_calls_on_one_shape_only():
    layer = BatchNormalisation(name="norm")
    layer(Representation((3,)))
    assert layer.scale.name == "norm.scale"
    assert layer.scale.broadcastable == (True, False)
    with pytest.raises(ValueError, match=r"samples of shape \(3,\) and shares them"):
        layer(Representation((4,)))


def test_what_is_stored_has_the_dtype_of_floatX():
    with theano.config.change_flags(floatX="float64"):
        y = BatchNormalisation()(Representation((3,)))
        assert {v.dtype for v in y.variables.values()} == {"float64"}


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"epsilon": 0}, ValueError, "epsilon must be above 0. Received: 0"),
        ({"epsilon": "small"}, TypeError, "epsilon must be a number"),
        ({"rate": 0}, ValueError, "rate must be above 0"),
        ({"rate": 1.5}, ValueError, "rate must be at most 1. Received: 1.5"),
        ({"trainable": 1}, TypeError, "trainable must be True or False. Received: 1"),
        ({"momentum": 0.9}, TypeError, "BatchNormalisation has no argument 'momentum'"),
        ({"name": 3}, TypeError, "name must be a string or None"),
    ],
)
def test_bad_arguments_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        BatchNormalisation(**arguments)
