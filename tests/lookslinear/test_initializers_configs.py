"""Names, configurations, equality: an initialiser survives being written down."""

import copy
import json
import pickle
import sys

import numpy as np
import pytest

from lookslinear import initializers
from lookslinear.errors import UnknownNameError
from lookslinear.initializers import (
    SeedGenerator,
    deserialize,
    get,
    serialize,
)
from lookslinear.initializers.serialization import KERAS_CLASSES
from tests.lookslinear.initializers import EXAMPLES, name_of

ARRAY = initializers.Constant(np.arange(6.0).reshape(2, 3))
EVERY = [*EXAMPLES, (ARRAY, [(2, 3), (4, 2, 3)])]


@pytest.mark.parametrize(("initializer", "shapes"), EVERY, ids=name_of)
def test_configurations_reproduce_the_values_through_json(initializer, shapes):
    cls, shape = type(initializer), shapes[-1]
    config = json.loads(json.dumps(initializer.get_config()))
    keras3 = json.loads(json.dumps(serialize(initializer)))
    keras2 = {"class_name": cls.__name__, "config": config}
    with_dtype = {"class_name": cls.__name__, "config": config | {"dtype": "float32"}}
    for twin in (
        cls.from_config(config),
        initializer.clone(),
        copy.deepcopy(initializer),
        pickle.loads(pickle.dumps(initializer)),
        *map(deserialize, (keras2, keras3, with_dtype)),
        *map(get, (keras2, keras3)),
    ):
        assert type(twin) is cls
        np.testing.assert_array_equal(twin(shape), initializer(shape))
        assert twin == initializer
        assert hash(twin) == hash(initializer)
        assert twin.get_config() == initializer.get_config()
        assert repr(twin) == repr(initializer)


@pytest.mark.parametrize(("initializer", "shapes"), EVERY, ids=name_of)
def test_different_arguments_are_different_initializers(initializer, shapes):
    assert sum(initializer == other for other, _ in EVERY) == 1
    assert initializer != initializer.get_config()


def test_a_representation_can_be_run():
    names = vars(initializers)
    for initializer, _ in EXAMPLES:
        assert eval(repr(initializer), names | {"array": np.array}) == initializer


def test_a_configuration_is_complete():
    assert initializers.VarianceScaling(2.0, "fan_avg", "normal", 3, (0, 1), -1).get_config() == {
        "scale": 2.0,
        "mode": "fan_avg",
        "distribution": "truncated_normal",
        "seed": 3,
        "input_axes": [0, 1],
        "output_axes": [-1],
    }
    assert initializers.RandomNormal().get_config() == {"mean": 0.0, "stddev": 0.05, "seed": None}
    assert initializers.Identity().get_config() == {"gain": 1.0, "fill": "zeros"}


def test_numbers_of_numpy_are_written_as_pythons():
    of_numpy = initializers.RandomNormal(np.float32(1), np.float64(2), np.int64(3))
    assert json.dumps(of_numpy.get_config()) == '{"mean": 1.0, "stddev": 2.0, "seed": 3}'


def test_what_keras_has_too_is_written_as_keras_writes_it():
    assert serialize(initializers.HeNormal(seed=1)) == {
        "module": "keras.initializers",
        "class_name": "HeNormal",
        "config": {"seed": 1, "input_axes": None, "output_axes": None},
        "registered_name": None,
    }
    assert serialize(initializers.Identity())["config"] == {"gain": 1.0}
    assert serialize(initializers.Sparse())["module"] == "lookslinear.initializers"
    names = {cls.__name__ for cls in initializers.CLASSES.values()}
    assert names > KERAS_CLASSES
    assert {"Dirac", "DeltaOrthogonal", "Mirrored", "Sparse", "ZerO"} < names - KERAS_CLASSES


def test_what_keras_cannot_read_of_its_own_classes_is_written_as_ours():
    gates = initializers.Orthogonal(per_block=4)
    written = serialize(gates)
    assert written["module"] == "lookslinear.initializers"
    assert written["config"] == {"gain": 1.0, "seed": None, "per_block": 4}
    assert deserialize(written).per_block == 4
    assert serialize(initializers.Orthogonal())["config"] == {"gain": 1.0, "seed": None}


def test_seed_generators_are_written_as_keras_writes_them():
    config = serialize(initializers.RandomNormal(seed=SeedGenerator(5)))["config"]
    assert config["seed"] == {
        "module": "keras.random",
        "class_name": "SeedGenerator",
        "config": {"seed": 5},
        "registered_name": None,
    }
    from_keras = {**config["seed"], "config": {"seed": 5, "name": "seed_generator"}}
    assert initializers.RandomNormal(seed=from_keras).seed == SeedGenerator(5)
    inside = initializers.Mirrored(initializers.HeNormal(seed=SeedGenerator(5)))
    again = deserialize(json.loads(json.dumps(serialize(inside))))
    np.testing.assert_array_equal(again((4, 3)), inside((4, 3)))


# Names

#: Every name that Keras 3.15 knows, but for the Fourier kernels of its STFT.
KERAS_NAMES = [
    *["Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity"],
    *["IdentityInitializer", "LecunNormal", "LecunUniform", "Ones", "Orthogonal"],
    *["OrthogonalInitializer", "RandomNormal", "RandomUniform", "TruncatedNormal"],
    *["VarianceScaling", "Zeros", "constant", "glorot_normal", "glorot_uniform", "he_normal"],
    *["he_uniform", "identity", "lecun_normal", "lecun_uniform", "normal", "one", "ones"],
    *["orthogonal", "random_normal", "random_uniform", "truncated_normal", "uniform"],
    *["variance_scaling", "zero", "zeros"],
]


@pytest.mark.parametrize("name", KERAS_NAMES)
def test_every_name_of_keras_is_known(name):
    cls = initializers.CLASSES[name]
    assert getattr(initializers, name) is cls
    assert type(get(name)) is type(deserialize(name)) is cls
    assert name in initializers.__all__


def test_functions_take_the_classes_arguments():
    assert initializers.random_normal(stddev=0.01, seed=1) == initializers.RandomNormal(
        stddev=0.01, seed=1
    )


def my_init(shape, dtype=None):
    return np.full(shape, 7, dtype)


class Ramp(initializers.Initializer):
    """One of a user's own."""

    def __init__(self, top=1.0):
        self.top = top

    def __call__(self, shape, dtype=None):
        return np.linspace(0, self.top, num=int(np.prod(shape))).reshape(shape).astype(dtype)


def test_get_takes_what_keras_takes():
    ones = initializers.Ones()
    assert get(None) is None
    assert get(ones) is ones
    assert get(initializers.Ones) == ones
    assert get(my_init) is my_init
    assert get(initializers.glorot_normal)((3, 4)).shape == (3, 4)
    given = get(np.eye(2))
    np.testing.assert_array_equal(given((2, 2)), np.eye(2, dtype="float32"))
    assert given((2, 2), "float64").dtype == "float64"
    with pytest.raises(ValueError, match=r"given as initializer, \(2, 2\). Received: \(2, 3\)"):
        given((2, 3))


def test_custom_objects_come_first_and_are_found_by_either_name():
    own = {"Ramp": Ramp, "my_init": my_init, "my>HeNormal": Ramp}
    assert deserialize(serialize(Ramp(2.0)), own) == Ramp(2.0)
    assert deserialize(serialize(my_init), own) is my_init
    assert deserialize("my_init", own) is my_init
    registered = {"module": "x", "class_name": "HeNormal", "registered_name": "my>HeNormal"}
    assert deserialize(registered | {"config": {"top": 3.0}}, own) == Ramp(3.0)
    nested = serialize(initializers.Mirrored(Ramp(2.0)))
    assert deserialize(json.loads(json.dumps(nested)), own).initializer == Ramp(2.0)
    assert type(deserialize({"class_name": "Zeros", "config": {}}, {"Zeros": Ramp})) is Ramp


@pytest.mark.parametrize(
    "module",
    [
        "keras.initializers",
        "keras.src.initializers.random_initializers",
        "tensorflow.keras.initializers",
        "tf_keras.initializers",
        "cthulhu.initializers",
        "lookslinear.initializers.scaling",
        "builtins",
        None,
    ],
)
def test_the_dialects_name_the_same_classes(module):
    config = {"module": module, "class_name": "HeNormal", "config": {}, "registered_name": None}
    assert type(deserialize(config)) is initializers.HeNormal


# Refusals


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "config": "true"},
        {"module": "os", "class_name": "system", "config": {"command": "true"}},
        {"module": "builtins", "class_name": "eval", "config": {"source": "1"}},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "numpy", "class_name": "ones", "config": {}},
        {"module": "keras.initializers", "class_name": "os.system", "config": {}},
        {"module": "lookslinear.initializers", "class_name": "deserialize", "config": {}},
        {"module": "lookslinear.initializers", "class_name": "Initializer", "config": {}},
        {"class_name": "__lambda__", "config": {"value": "4wEA"}},
        {"class_name": "Mirrored", "config": {"initializer": {"class_name": "eval"}}},
        {"class_name": "__class__", "config": {}},
        "os.system",
        "__import__('os').system",
        "tests.lookslinear.test_initializers_configs.Ramp",
        "Ramp",
    ],
    ids=str,
)
def test_nothing_that_is_not_registered_can_be_named(config):
    for read in (get, deserialize):
        with pytest.raises(UnknownNameError, match="Could not interpret initializer identifier"):
            read(config)


def test_a_configuration_imports_nothing(monkeypatch):
    monkeypatch.delitem(sys.modules, "this", raising=False)
    before = set(sys.modules)
    with pytest.raises(UnknownNameError):
        deserialize({"module": "this", "class_name": "Zeros", "config": {}})
    deserialize({"module": "keras.initializers", "class_name": "Zeros"})
    assert set(sys.modules) == before


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: get("glorot_unifrom"),
            ValueError,
            "identifier: 'glorot_unifrom'. Did you mean 'glorot_uniform'",
        ),
        (lambda: get("glorotNormal"), ValueError, "Did you mean 'GlorotNormal'"),
        (lambda: get("ZEROS"), ValueError, "Did you mean '[zZ]eros'"),
        (lambda: get(3), ValueError, "Could not interpret initializer identifier: 3"),
        (lambda: get([1.0]), ValueError, r"Could not interpret initializer identifier: \[1.0\]"),
        (lambda: get(dict), ValueError, "Could not interpret.*class 'dict'"),
        (lambda: get({}), ValueError, "a name or a dictionary with 'class_name'.*Received: {}"),
        (lambda: deserialize(3), ValueError, "a name or a dictionary.*Received: 3"),
        (
            lambda: deserialize({"class_name": "Zeros", "config": "ls"}),
            ValueError,
            "'config' of Zeros must be a dictionary. Received: 'ls'",
        ),
        (
            lambda: deserialize({"class_name": "RandomNormal", "config": {"stdev": 1.0}}),
            TypeError,
            "RandomNormal has no argument 'stdev'. Did you mean 'stddev'.*mean, stddev, seed",
        ),
        (
            lambda: deserialize({"module": "mine", "class_name": "Zeros", "config": {}}),
            ValueError,
            "'Zeros' of module 'mine'. Pass it in custom_objects",
        ),
        (lambda: serialize(lambda shape: None), ValueError, "can be saved. Received.*lambda"),
        (
            lambda: initializers.Zeros.from_config({"value": 1}),
            TypeError,
            "Zeros has no argument 'value'. It takes: none",
        ),
    ],
)
def test_what_stands_for_no_initializer_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


class Forgetful(initializers.Initializer):
    """Keeps no attribute of its argument's name."""

    def __init__(self, top):
        self._top = top


def test_an_argument_that_is_not_kept_is_told():
    with pytest.raises(NotImplementedError, match=r"keeps no attribute 'top'.*define get_config"):
        Forgetful(1).get_config()
    assert repr(Forgetful(1)) == "Forgetful()"
    assert Forgetful(1) != Forgetful(1)
