"""The adapter from tensor initialisers to initD: layout, law, seeds, options and refusals."""

import functools
import math

import numpy as np
import pytest

import initialisations
from utilityFunctions import floatX, theano
from initialisations import fromTensor, initD
from initialising import initialisation
from lookslinear import backend as K
from lookslinear import initializers
from lookslinear.checks import check_draw
from lookslinear.errors import NotCoveredError
from lookslinear.fans import Axes

NAMES = (
    *("constant", "deltaOrthogonal", "dirac", "mirrored", "normal", "one", "ones", "randomNormal"),
    *("randomUniform", "sparse", "truncatedNormal", "uniform", "varianceScaling", "zero"),
)
#: Entries whose weights are drawn.
RANDOM = sorted(set(NAMES) - {"zero", "one", "ones", "constant", "dirac"})
#: Fans that differ by more than a factor of 2, both ways; the filters are no squares either.
SHAPES = {
    "dense, wide": ((24,), (60,), (3, 3)),
    "dense, tall": ((60,), (24,), (3, 3)),
    "conv 3x2": ((24, 8, 8), (60, 8, 8), (3, 2)),
    "conv 1x5": ((60, 8, 8), (24, 8, 8), (1, 5)),
}
FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])


def counting(shape, dtype=None):
    """A tensor initialiser that numbers the entries, so that every one of them can be followed."""
    return np.arange(math.prod(shape), dtype=dtype).reshape(shape)


def stored(initialisation, inputShape, outputShape, **options):
    return initialisation(inputShape, outputShape, **options)[0].get_value()


def test_every_name_of_keras_is_an_entry():
    keras = (initD[name] for name in NAMES)
    assert all(isinstance(entry, initialisations.TensorInitialisation) for entry in keras)
    for name in initializers.CLASSES:
        if name.islower():
            first, *words = name.split("_")
            assert first + "".join(word.title() for word in words) in initD


# Layout


def test_kernels_are_turned_and_dense_weights_stay():
    initialisation = fromTensor(counting)
    np.testing.assert_array_equal(stored(initialisation, (2,), (5,)), np.arange(10).reshape(2, 5))
    kernel = stored(initialisation, (2, 9, 9), (5, 7, 7), s=(3, 4))
    keras = np.arange(120).reshape(3, 4, 2, 5)
    assert kernel.shape == (5, 2, 3, 4)
    assert kernel.flags.c_contiguous
    for row, column, into, out in np.ndindex(keras.shape):
        assert kernel[out, into, row, column] == keras[row, column, into, out]


def test_an_initialiser_is_told_the_shape_as_keras_writes_it():
    told = []

    def record(shape, dtype=None):
        told.append((shape, dtype))
        return np.zeros(shape, dtype)

    fromTensor(record, bias=record)((2, 9, 9), (5, 7, 7), s=(3, 4))
    fromTensor(record)((2,), (5,))
    fromTensor(record)((4, 9, 9), (5, 9, 9), mirror=True)
    assert [shape for shape, _ in told] == [(3, 4, 2, 5), (5,), (2, 5), (3, 3, 2, 5)]
    assert {dtype for _, dtype in told} == {floatX()}
    assert all(type(side) is int for shape, _ in told for side in shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
def test_the_fans_of_the_turned_weight_are_those_of_keras(shape, mode):
    inputShape, outputShape, s = SHAPES[shape]
    taps = math.prod(s) if len(inputShape) == 3 else 1
    fanIn, fanOut = inputShape[0] * taps, outputShape[0] * taps
    fan = {"fan_in": fanIn, "fan_out": fanOut, "fan_avg": (fanIn + fanOut) / 2}[mode]
    law = initD["varianceScaling"].law(inputShape, outputShape, s=s, scale=3.0, mode=mode)
    assert law.variance == pytest.approx(3 / fan, rel=1e-12)
    assert law.fans == (fanIn, fanOut)
    weight = stored(
        initD["varianceScaling"], inputShape, outputShape, s=s, scale=3.0, mode=mode, rng=1
    )
    # The kurtosis of a cut normal is below 3: sqrt(2 / n) bounds the error of the mean square.
    error = math.sqrt(2 / weight.size)
    measured = np.square(weight, dtype=float).mean()
    assert abs(measured * fan / 3 - 1) < 5 * error
    assert abs(measured * (fanIn + fanOut - fan) / 3 - 1) > 5 * error or mode == "fan_avg"


# Laws


@FLOATS
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_keeps_its_law(name, shape, mirror, dtype):
    inputShape, outputShape, s = SHAPES[shape]
    with theano.config.change_flags(floatX=dtype):
        options = {"s": s, "mirror": mirror}
        weight, bias = initD[name](inputShape, outputShape, rng=7, **options)
        law = initD[name].law(inputShape, outputShape, **options)
    verdict = check_draw(weight.get_value(), law)
    assert verdict, str(verdict)
    conv = len(inputShape) == 3
    assert law.axes == (Axes(1, 0, flips=True) if conv else Axes(0, 1))
    assert law.mirror is (mirror or name == "mirrored")
    assert weight.dtype == bias.dtype == law.dtype == dtype
    assert bias.get_value().shape == (1, outputShape[0], *(1 for _ in outputShape[1:]))
    assert bias.broadcastable == ((True, False, True, True) if conv else (True, False))
    assert not bias.get_value().any()
    assert (weight.name, bias.name) == ("weight", "bias")


@pytest.mark.parametrize("name", RANDOM)
def test_the_law_of_something_else_is_rejected(name):
    inputShape, outputShape, s = SHAPES["conv 3x2"]
    weight = stored(initD[name], inputShape, outputShape, s=s, rng=7)
    law = initD[name].law(inputShape, outputShape, s=s)
    assert check_draw(weight, law)
    mutants = {
        "a factor of 2": weight * weight.dtype.type(math.sqrt(2)),
        "not turned": weight.transpose(2, 3, 1, 0),
        "channels swapped": weight.swapaxes(0, 1),
        "not mirrored": weight if name == "mirrored" else None,
    }
    if name == "mirrored":
        mutants["not mirrored"] = np.abs(weight)
    for what, mutant in mutants.items():
        assert mutant is None or not check_draw(mutant, law), what


def test_the_arguments_of_the_class_are_options():
    law = initD["randomNormal"].law((30,), (20,), stddev=0.01, mean=0.5)
    assert (law.scale, law.mean) == (0.01, 0.5)
    assert initD["sparse"].law((30,), (20,), sparsity=0.5).zeros_per_output == 15
    assert initD["deltaOrthogonal"].law((30, 5, 5), (20, 5, 5), gain=2.0).gain == (
        pytest.approx(2.0)
    )
    assert initD["mirrored"].law((30,), (20,), initializer="he_normal").mirror
    np.testing.assert_array_equal(stored(initD["constant"], (3,), (2,), value=7), 7)
    uniform = initD["uniform"].law((30,), (20,), minval=-1.0, maxval=1.0)
    assert uniform.variance == pytest.approx(1 / 3)


@pytest.mark.parametrize("option", ["pooling", "relu", "signalPriorities", "rescale", "rho"])
def test_other_options_are_accepted_without_effect(option):
    value = {"signalPriorities": (0, 1), "rescale": "suo", "rho": 0.5}.get(option, True)
    for name in NAMES:
        for shapes in (((6,), (4,)), ((6, 5, 5), (4, 5, 5))):
            np.testing.assert_array_equal(
                stored(initD[name], *shapes, rng=3, **{option: value}),
                stored(initD[name], *shapes, rng=3),
            )


def test_a_mirrored_weight_is_half_and_its_negative():
    for shapes, axis in ((((6,), (4,)), 0), (((6, 5, 5), (4, 5, 5)), 1)):
        first, second = np.split(stored(initD["randomNormal"], *shapes, mirror=True), 2, axis)
        assert first.any()
        np.testing.assert_array_equal(second, -first)
        # Its own fan in counts the channels before the doubling, as for the house's entries.
        lecun = initD["varianceScaling"].law(*shapes, mirror=True)
        assert lecun.variance == pytest.approx(
            initD["lecunNormal"].law(*shapes, mirror=True).variance
        )
        # A Mirrored mirrors by itself, and not twice.
        own = fromTensor(initializers.Mirrored(initializers.RandomNormal()))
        assert own.law(*shapes) == own.law(*shapes, mirror=True)
        first, second = np.split(stored(own, *shapes, mirror=True), 2, axis)
        np.testing.assert_array_equal(second, -first)
        assert np.unique(first).size == first.size


def test_a_function_states_no_law_but_draws():
    initialisation = fromTensor(counting)
    assert stored(initialisation, (2,), (3,)).shape == (2, 3)
    with pytest.raises(NotCoveredError, match=r"counting.*states no law"):
        initialisation.law((2,), (3,))


def test_what_fills_kernels_alone_fills_a_dense_weight_as_a_filter_of_one_tap():
    for name, dense in (("dirac", "identity"), ("deltaOrthogonal", initializers.Orthogonal())):
        assert initD[name].law((4,), (6,)) == initD[dense].law((4,), (6,))
    law = initD["deltaOrthogonal"].law((4, 3, 3), (6, 3, 3), s=1)
    assert law.gain == pytest.approx(initD["deltaOrthogonal"].law((4,), (6,)).gain)


# Seeds


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    draw = functools.partial(stored, initD[name], (12, 8, 8), (10, 8, 8))
    np.testing.assert_array_equal(draw(rng=3), draw(rng=3))
    np.testing.assert_array_equal(draw(rng=3), draw(rng=np.random.SeedSequence(3)))
    np.testing.assert_array_equal(draw(rng=3), draw(rng=np.random.default_rng(3)))
    generator = np.random.default_rng(3)
    for one, other in ((draw(rng=3), draw(rng=4)), (draw(), draw())):
        assert not ((one == other) & (one != 0)).any()
    one, other = draw(rng=generator), draw(rng=generator)
    assert not ((one == other) & (one != 0)).any()


def test_without_rng_an_object_draws_from_its_own_seed():
    keras = initializers.RandomNormal(stddev=2.0, seed=5)
    initialisation = fromTensor(keras)
    for inputShape, outputShape, told in (
        ((3,), (4,), (3, 4)),
        ((3, 8, 8), (4, 8, 8), (3, 3, 3, 4)),
    ):
        expected = keras(told, dtype=floatX())
        if len(told) == 4:
            expected = expected.transpose(3, 2, 0, 1)
        np.testing.assert_array_equal(stored(initialisation, inputShape, outputShape), expected)
        drawn = stored(initialisation, inputShape, outputShape, rng=5)
        assert not (drawn == expected).any()
        # What is given a seed keeps its other arguments.
        assert check_draw(drawn, initialisation.law(inputShape, outputShape))


def test_rng_reaches_an_initialiser_inside_another():
    initialisation = fromTensor(initializers.Mirrored(initializers.RandomNormal(seed=5)))
    shapes = (6,), (4,)
    own, one, again, other = (
        stored(initialisation, *shapes, **options)
        for options in ({}, {"rng": 1}, {"rng": 1}, {"rng": 2})
    )
    np.testing.assert_array_equal(one, again)
    assert not (own == one).any()
    assert not (one == other).any()


def test_what_cannot_be_saved_is_seeded_all_the_same():
    class Unregistered(initializers.RandomNormal):
        """Known to no registry, so that Mirrored could not be made anew by its configuration."""

    for inner, moves in (
        (Unregistered(), True),
        (lambda shape, dtype: np.ones(shape, dtype), False),
    ):
        initialisation = fromTensor(initializers.Mirrored(inner))
        one, again, other = (stored(initialisation, (6,), (4,), rng=rng) for rng in (1, 1, 2))
        np.testing.assert_array_equal(one, again)
        assert (one != other).any() == moves
    original = Unregistered(seed=3)
    mirrored = initializers.Mirrored(original)
    fromTensor(mirrored)((6,), (4,), rng=1)
    assert mirrored.initializer is original
    assert original == Unregistered(seed=3)


def test_rng_leaves_a_plain_function_as_it_is():
    np.testing.assert_array_equal(
        stored(fromTensor(counting), (2,), (3,), rng=1), np.arange(6).reshape(2, 3)
    )


def test_weight_and_bias_draw_from_different_seeds():
    normal = initializers.RandomNormal()
    weight, bias = fromTensor(normal, bias=normal)((1,), (50,), rng=1)
    assert not (weight.get_value() == bias.get_value()).any()
    _, again = fromTensor(normal, bias=normal)((1,), (50,), rng=1)
    np.testing.assert_array_equal(bias.get_value(), again.get_value())


def test_a_users_own_class_is_seeded_by_its_configuration():
    class Doubled(initializers.Initializer):
        def __init__(self, factor, seed=None):
            self.factor, self.seed = factor, seed

        def __call__(self, shape, dtype=None, **kwargs):
            return self.factor * initializers.RandomNormal(seed=self.seed)(shape, dtype=dtype)

        def get_config(self):
            return {"factor": self.factor, "seed": self.seed}

    initialisation = fromTensor(Doubled(2.0))
    draw = functools.partial(stored, initialisation, (3,), (4,))
    np.testing.assert_array_equal(draw(rng=1), draw(rng=1))
    assert not (draw(rng=1) == draw(rng=2)).any()
    with pytest.raises(NotCoveredError, match="states no law"):
        initialisation.law((3,), (4,))


# What can be looked up


def test_initD_takes_objects_classes_and_functions():
    for identifier in (initializers.HeNormal(), initializers.HeNormal):
        law = initD[identifier].law((50,), (20,))
        assert law.variance == pytest.approx(2 / 50)

    def my_init(shape, dtype=None):
        return K.random_normal(shape, dtype=dtype)

    assert stored(initD[my_init], (3, 8, 8), (4, 8, 8)).shape == (4, 3, 3, 3)

    def house(inputShape, outputShape, **options):
        return initD["zeros"](inputShape, outputShape)

    assert initD[house] is house
    assert initD[initD["orthogonal"]] is initD["orthogonal"]


@pytest.mark.parametrize(
    "function",
    [
        lambda shape, dtype=None: np.ones(shape, dtype),
        lambda shape, dtype: np.ones(shape, dtype),
        lambda shape, dtype=None, **kwargs: np.ones(shape, dtype),
        lambda shape, dtype=None, partition=None: np.ones(shape, dtype),
        np.ones,
    ],
)
def test_functions_of_shape_and_dtype_are_known_by_their_arguments(function):
    assert stored(initD[function], (2,), (3,)).tolist() == np.ones((2, 3)).tolist()


@pytest.mark.parametrize(
    "function",
    [
        lambda inputShape, outputShape, **options: None,
        lambda inputShape, outputShape=None, **options: None,
        lambda inputShape, outputShape, rng, dtype=None: None,
        lambda inputShape, outputShape, rng=None: None,
    ],
)
def test_functions_of_two_shapes_are_left_as_they_are(function):
    assert initD[function] is function


def test_a_function_that_may_be_either_is_refused():
    with pytest.raises(TypeError, match=r"may take .shape, dtype=None. or .*name its arguments"):
        initD[lambda *args, **kwargs: None]
    # Without an argument named dtype, and with one by position alone, it is neither.
    with pytest.raises(TypeError, match="name its arguments"):
        initD[lambda *shape, **kwargs: None]


def test_what_fromTensor_takes():
    config = initializers.serialize(initializers.RandomNormal(stddev=0.5))
    array = np.arange(6, dtype=floatX()).reshape(2, 3)
    assert fromTensor(config).law((2,), (3,)).variance == 0.25
    assert fromTensor("he_normal").law((8,), (3,)).variance == pytest.approx(0.25)
    np.testing.assert_array_equal(stored(fromTensor(array), (2,), (3,)), array)
    with pytest.raises(ValueError, match=r"\(2, 3\)|\(3, 2\)"):
        fromTensor(array)((3,), (2,))
    assert repr(fromTensor(counting)) == "<initialisation counting>"
    assert "RandomNormal" in repr(fromTensor(initializers.RandomNormal()))


# Bad input


@pytest.mark.parametrize("identifier", [None, initD["zeros"], lambda a, b, c: None])
def test_what_is_no_tensor_initialiser_is_refused(identifier):
    with pytest.raises(TypeError, match=r"initialiser must be a tensor initialiser.*Received"):
        fromTensor(identifier)
    with pytest.raises(TypeError, match=r"bias must be a tensor initialiser.*Received"):
        fromTensor("zeros", bias=identifier)


def test_what_is_no_initialisation_is_refused():
    for identifier in (3, None, (1, 2), {"class_name": "Zeros"}):
        with pytest.raises(TypeError, match="initialisation must be a name in initD or a function"):
            initD[identifier]
    with pytest.raises(ValueError, match="Did you mean 'randomNormal'"):
        initD["randomNorml"]
    with pytest.raises(ValueError, match=r"glorot_normal|glorotNormal"):
        fromTensor("glorot_norml")


@FLOATS
@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (lambda shape, dtype: np.ones(shape[::-1], dtype), ValueError,
         r"must return the shape .*\(2, 3\).*Received: \(3, 2\)"),
        (lambda shape, dtype: np.ones(shape, "float16"), TypeError,
         r"must return the dtype .*Received: float16.*astype"),
        (lambda shape, dtype: np.ones(shape, int), TypeError, r"return the dtype .*int64"),
        (lambda shape, dtype: None, TypeError, "must return an array of numbers"),
        (lambda shape, dtype: theano.tensor.zeros(shape), TypeError, "an array of numbers"),
    ],
)  # fmt: skip
def test_what_an_initialiser_returns_is_held_to_shape_and_dtype(function, kind, message, dtype):
    with theano.config.change_flags(floatX=dtype), pytest.raises(kind, match=message):
        fromTensor(function)((2,), (3,))


@pytest.mark.parametrize("name", NAMES)
def test_bad_options_are_refused_before_anything_is_drawn(name, monkeypatch):
    monkeypatch.setattr(initialisation, "tensor", None)
    for ask in (initD[name], initD[name].law):
        with pytest.raises(TypeError, match=r"unknown option 'mirrror'. Did you mean 'mirror'"):
            ask((4,), (4,), mirrror=True)
        with pytest.raises(TypeError, match=r"unknown option 'seed'.*Known: .*rng"):
            ask((4,), (4,), seed=1)
        with pytest.raises(ValueError, match="mirror needs an even number"):
            ask((5,), (4,), mirror=True)
        with pytest.raises(ValueError, match="s must be at least 1"):
            ask((4, 5, 5), (4, 5, 5), s=0)
        with pytest.raises(ValueError, match="inputShape and outputShape must both"):
            ask((4,), (4, 5, 5))


def test_an_initialiser_with_a_law_is_mirrored_to_a_degree():
    seeded = initializers.RandomNormal(stddev=0.1, seed=4)
    for shapes in (((40,), (30,)), ((24, 5, 5), (20, 5, 5))):
        for entry in (fromTensor(seeded), fromTensor(initializers.Mirrored(seeded, 0.5))):
            law = entry.law(*shapes, mirror=0.5)
            weights = [entry.arrays(*shapes, mirror=0.5, rng=rng)[0] for rng in (None, None, 5, 5)]
            assert law.mirror == 0.5
            assert all(check_draw(weight, law) for weight in weights)
            assert (weights[0] == weights[1]).all()
            assert (weights[2] == weights[3]).all()
            assert (weights[0] != weights[2]).any()
    whole = initD["mirrored"]
    assert whole.law((40,), (30,), initializer=seeded).mirror is True
    assert whole.law((40,), (30,), initializer=seeded, mirror=0.5).mirror == 0.5
    with pytest.raises(ValueError, match=r"mirror must be that of the initialiser, 0.5.*0.6"):
        fromTensor(initializers.Mirrored(seeded, 0.5))((4,), (4,), mirror=0.6)
    with pytest.raises(NotCoveredError, match="states no law"):
        fromTensor(lambda shape, dtype=None: np.ones(shape, dtype))((4,), (4,), mirror=0.5)


def test_an_option_of_another_entry_is_refused():
    with pytest.raises(TypeError, match="unknown option 'stddev'"):
        initD["varianceScaling"]((4,), (4,), stddev=1.0)
    with pytest.raises(TypeError, match=r"unknown option 'sttdev'. Did you mean 'stddev'"):
        initD["randomNormal"]((4,), (4,), sttdev=1.0)
    with pytest.raises(ValueError, match="mode"):
        initD["varianceScaling"]((4,), (4,), mode="fan_on")


@pytest.mark.parametrize(("rng", "kind"), [("3", TypeError), (1.5, TypeError), (-1, ValueError)])
def test_bad_seeds(rng, kind):
    for name in NAMES:
        with pytest.raises(kind, match=r"rng must .*Received"):
            initD[name]((4,), (4,), rng=rng)
