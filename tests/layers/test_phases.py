"""Training and afterwards: two tensors, what a step of training moves, names, seeds."""

import time

import numpy as np
import pytest

from utilityFunctions import cast, compileFunction, gradient, theano
from layers import (
    FC,
    BatchNormalisation,
    CReLU,
    Dense,
    Dropout,
    Observation,
    ParReLU,
    Representation,
    Residual,
    Sequential,
    Stochastic,
)


def network(seed=None):
    """A small network with every kind of shared variable."""
    y = FC(6)(Representation((4,)))
    y = Residual([BatchNormalisation(), ParReLU(), FC(6), Dropout(0.5)])(y)
    y = FC(3)(Dropout(0.25)(y))
    y.redraw(seed)
    return y


def samples(count, seed=0):
    return cast(np.random.default_rng(seed).standard_normal((count, 4)))


def values(variables):
    return [variable.get_value() for variable in variables]


def allEqual(some, others):
    return all((a == b).all() for a, b in zip(some, others, strict=True))


def test_the_tensors_are_one_until_a_layer_makes_them_differ():
    x = Representation((4,))
    y = Observation("here")(ParReLU()(CReLU()(FC(3)(x))))
    assert x.tensor is x.trainTensor
    assert y.tensor is y.trainTensor
    assert y.updates == []
    z = FC(2)(Dropout(0.5)(y))
    assert z.tensor is not z.trainTensor
    none = Dropout(0)(y)
    assert none.tensor is none.trainTensor
    assert none.updates == none.streams == []
    merged = Residual(ParReLU())(y)
    assert merged.tensor is merged.trainTensor
    assert Residual(Dropout(0.5))(y).tensor is not Residual(Dropout(0.5))(y).trainTensor


def test_afterwards_no_random_number_is_drawn():
    y = network(0)
    function, x = y.function(), samples(5)
    first, states = function(x), values(y.streams)
    np.testing.assert_array_equal(function(x), first)
    assert allEqual(values(y.streams), states)


def trainStep(y):
    """A step of training without an optimiser."""
    return compileFunction([y.input], y.trainTensor, updates=y.updates)


def test_a_step_of_training_moves_statistics_and_streams_and_nothing_else():
    y = network(0)
    step, x = trainStep(y), samples(5)
    params, moved = values(y.params), values([*y.statistics, *y.streams])
    first, second = step(x), step(x)
    assert (first != second).any()
    assert allEqual(values(y.params), params)
    after = values([*y.statistics, *y.streams])
    assert all((a != b).any() for a, b in zip(after, moved, strict=True))
    assert {shared for shared, _ in y.updates} == {*y.statistics, *y.streams}


def test_streams_move_without_being_told():
    y = Dropout(0.5, seed=1)(Representation((50,)))
    untold = compileFunction([y.input], y.trainTensor)
    x = np.ones((2, 50), y.input.dtype)
    assert (untold(x) != untold(x)).any()


def test_variables_hold_all_that_training_changes_by_unique_names():
    y = network(0)
    held = y.variables
    assert set(held.values()) == {*y.params, *y.statistics, *y.streams}
    assert {"0.weight", "0.bias", "1.runningMean", "2.left", "3.weight", "4.stream0"} < set(held)
    assert y.weights == [v for v in held.values() if v not in y.streams]
    assert len(held) == len(set(held.values()))


def test_a_network_goes_on_from_its_variables_bit_by_bit():
    y = network(0)
    step, x = trainStep(y), samples(5)
    step(x)
    held = {name: variable.get_value() for name, variable in y.variables.items()}
    expected = [step(x) for _ in range(3)]
    other = network(1)
    for name, variable in other.variables.items():
        variable.set_value(held[name])
    again = trainStep(other)
    assert allEqual([again(x) for _ in range(3)], expected)
    np.testing.assert_array_equal(other.function()(x), y.function()(x))


def test_redraw_begins_everything_again():
    y = network(3)
    step, x = trainStep(y), samples(5)
    first, held = [step(x) for _ in range(2)], values(y.variables.values())
    for parameter in y.params:
        parameter.set_value(parameter.get_value() + 1)
    y.redraw(3)
    assert allEqual([step(x) for _ in range(2)], first)
    assert allEqual(values(y.variables.values()), held)
    y.redraw()
    assert allEqual([step(x) for _ in range(2)], first)
    y.redraw(4)
    assert (step(x) != first[0]).any()


def test_weights_are_the_same_with_and_without_layers_that_draw_none():
    x = Representation((4,))
    plain = FC(5)(CReLU()(FC(5)(x)))
    dressed = FC(5)(Dropout(0.5)(CReLU()(BatchNormalisation()(FC(5)(ParReLU()(x))))))
    plain.redraw(7)
    dressed.redraw(7)
    weights = [layer.weight.get_value() for layer in dressed.layers if isinstance(layer, FC)]
    assert allEqual(weights, [layer.weight.get_value() for layer in plain.layers[::2]])


def test_each_stream_of_a_network_is_its_own():
    x = Representation((50,))
    dropout = Dropout(0.5)
    y = dropout(Dropout(0.5)(dropout(x)))
    y.redraw(0)
    states = values(y.streams)
    assert len(states) == 3
    assert len({state.tobytes() for state in states}) == 3
    # No state of a layer's stream is in the way of another's weights: child 0 of child 0.
    assert y.layers[0].seed.spawn_key == (0, 0)
    assert y.layers[1].seed.spawn_key == (1, 0)


def test_statistics_of_a_layer_that_was_called_twice_move_to_the_mean():
    layer, x = BatchNormalisation(rate=0.5), Representation((2,))
    y = layer(layer(x))
    ((mean, _), (variance, _)) = y.updates
    assert (mean, variance) == (layer.runningMean, layer.runningVariance)
    trainStep(y)(cast([[1, 2], [3, 6]]))
    # The first call sees means of 2 and 4, the second of 0; variances 2 and 8, then 1 * 2.
    np.testing.assert_allclose(mean.get_value(), [[0.5, 1.0]], atol=1e-6)
    np.testing.assert_allclose(variance.get_value(), [[1.5, 3.0]], rtol=1e-4)


def test_steps_come_after_their_sources_also_in_deep_networks():
    x = y = Representation((2,))
    for _ in range(300):
        y = Residual(CReLU(), projection=CReLU())(y) if y is x else Residual(ParReLU())(y)
    steps = y.steps
    assert steps[0] is x
    assert steps[-1] is y
    place = {step: number for number, step in enumerate(steps)}
    assert all(place[source] < place[step] for step in steps for source in step.sources)


def test_a_sequential_offers_what_its_representation_does():
    stack = Sequential([Dense(4, input_shape=(3,)), BatchNormalisation(), Dropout(0.5), Dense(2)])
    y = stack.representation
    for name in ("params", "statistics", "streams", "weights", "variables", "steps"):
        assert getattr(stack, name) == getattr(y, name)
    assert (stack.tensor, stack.trainTensor, stack.input) == (y.tensor, y.trainTensor, y.input)
    assert y.representation is y
    assert len(stack.updates) == 3
    assert stack.observations == {}


def test_get_weights_has_running_statistics_so_that_predictions_come_along():
    def made(seed):
        stack = Sequential([Dense(4, input_shape=(4,)), BatchNormalisation(rate=1.0), Dense(2)])
        stack.redraw(seed)
        return stack

    first, second, x = made(0), made(1), samples(9)
    trainStep(first.representation)(x)
    second.set_weights(first.get_weights())
    np.testing.assert_array_equal(second.predict(x), first.predict(x))
    shapes = [w.shape for w in first.get_weights()]
    assert shapes == [(4, 4), (1, 4), (1, 4), (1, 4), (1, 4), (1, 4), (4, 2), (1, 2)]
    assert first.count_params() == 16 + 4 + 8 + 8 + 2


def test_training_must_give_a_tensor_of_the_same_kind():
    class Lossy(Stochastic):
        def expression(self, tensor, inputShape):
            return tensor

        def training(self, tensor, inputShape):
            return tensor.sum(), []

    with pytest.raises(TypeError, match="must give a symbolic tensor of 2 axes"):
        Lossy()(Representation((3,)))


def test_single_precision_stays_single():
    with theano.config.change_flags(floatX="float32", warn_float64="raise"):
        y = network(0)
        assert y.trainTensor.dtype == "float32"
        assert {expression.dtype for _, expression in y.updates} == {"float32", "int32"}
        compileFunction([y.input], y.trainTensor, updates=y.updates)


def rewriteSeconds(depth):
    """The time that Theano takes to rewrite a step of training, without compiling any C."""
    y = Representation((3, 4, 4))
    for _ in range(depth):
        y = Residual([BatchNormalisation(), ParReLU(), Dropout(0.1)])(y)
    loss = (y.trainTensor**2).mean()
    gradients = gradient(loss, y.params)
    mode = theano.compile.Mode(linker="py", optimizer="fast_run")
    start = time.perf_counter()
    compileFunction([y.input], [loss, *gradients], updates=y.updates, mode=mode)
    return time.perf_counter() - start


def test_compile_time_of_residual_nets_grows_linearly_with_depth():
    rewriteSeconds(1)  # fills Theano's cache of what constants need
    # The smallest of several, since another process can only make one slower. Linear growth gives
    # 4 or less; while the gradients of blocks were sums of sums it was above 8, and 10 blocks
    # took more than a minute.
    shallow = min(rewriteSeconds(2) for _ in range(2))
    assert any(rewriteSeconds(8) < 8 * shallow for _ in range(3))
