"""Guests in today's Keras: its layers take the objects, each reads what the other has saved.

`make test-hosts` runs this, in an environment of its own; elsewhere it is skipped.
"""

import inspect
import json

import numpy as np
import pytest

from lookslinear import initializers
from lookslinear.checks import check_draw
from lookslinear.initializers.serialization import KERAS_CLASSES
from tests.lookslinear.initializers import CASES, EXAMPLES, name_of

keras = pytest.importorskip("keras")
# Keras's variables do not know NumPy 2's __array__(copy=...) yet.
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*__array__.*copy:DeprecationWarning")

DENSE = [(one, shape) for one, shape in CASES if len(shape) == 2]
CONV2D = [(one, shape) for one, shape in CASES if len(shape) == 4 and shape[:2] == (3, 3)]
#: The examples of what both have; the array that Keras cannot read is tested by itself.
SHARED = [
    (one, shapes)
    for one, shapes in EXAMPLES
    if type(one).__name__ in KERAS_CLASSES
    and getattr(one, "fill", "zeros") == "zeros"
    and initializers.serialize(one)["module"] == "keras.initializers"
]
NO_AXES = "input_axes" not in inspect.signature(keras.initializers.HeNormal).parameters


def layer_for(initializer, shape, **arguments):
    """A layer of Keras that has built a kernel of this shape by the initialiser."""
    arguments |= {"kernel_initializer": initializer}
    if len(shape) == 2:
        layer = keras.layers.Dense(shape[1], **arguments)
        layer.build((None, shape[0]))
        return layer
    groups = getattr(initializer, "groups", 1)
    layer = keras.layers.Conv2D(shape[3], shape[:2], groups=groups, **arguments)
    layer.build((None, 8, 8, shape[2] * groups))
    return layer


def read_by_keras(config):
    return keras.initializers.deserialize(json.loads(json.dumps(config)))


def skip_without_axes(initializer):
    if NO_AXES and getattr(initializer, "input_axes", None) is not None:
        pytest.skip("this Keras knows no input_axes")


def test_there_is_something_of_every_class():
    drawn = {type(one) for one, _ in DENSE + CONV2D}
    assert drawn == set(initializers.CLASSES.values())


@pytest.mark.parametrize(("initializer", "shape"), DENSE + CONV2D, ids=name_of)
def test_layers_of_keras_have_the_claimed_law(initializer, shape):
    kernel = np.asarray(layer_for(initializer, shape).kernel)
    assert kernel.shape == shape
    verdict = check_draw(kernel, initializer.law(shape))
    assert verdict, str(verdict)


@pytest.mark.parametrize("name", sorted(KERAS_CLASSES - {"Identity"}))
def test_layers_take_classes_and_their_configurations(name):
    cls = getattr(initializers, name)
    assert layer_for(cls, (3, 3, 4, 9)).kernel.shape == (3, 3, 4, 9)
    assert layer_for(initializers.serialize(cls()), (4, 9)).kernel.shape == (4, 9)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_layers_of_other_dtypes(dtype):
    layer = layer_for("zeros", (4, 9), dtype=dtype, bias_initializer=initializers.Ones())
    assert keras.backend.standardize_dtype(layer.bias.dtype) == dtype
    layer = layer_for(initializers.Orthogonal(), (4, 9), dtype=dtype)
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == dtype


@pytest.mark.parametrize(("initializer", "shapes"), EXAMPLES, ids=name_of)
def test_layers_are_saved_and_read_with_the_classes_as_custom_objects(initializer, shapes):
    shape = next((s for s in shapes if len(s) in (2, 4)), None)
    if shape is None or (len(shape) == 4 and shape[:2] != (3, 3)):
        pytest.skip("for no kernel of Dense or Conv2D")
    layer = layer_for(initializer, shape)
    saved = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(saved, custom_objects=initializers.CLASSES)
    assert again.kernel_initializer == initializer
    # What Keras wrote for the initialiser itself is read here, too.
    written = saved["config"]["kernel_initializer"]
    assert initializers.deserialize(written) == initializer


@pytest.mark.parametrize(("initializer", "shapes"), SHARED, ids=name_of)
def test_what_is_saved_here_keras_reads_and_draws_by_the_same_law(initializer, shapes):
    skip_without_axes(initializer)
    theirs = read_by_keras(initializers.serialize(initializer))
    assert type(theirs) is getattr(keras.initializers, type(initializer).__name__)
    for shape in shapes:
        verdict = check_draw(np.asarray(theirs(shape)), initializer.law(shape))
        assert verdict, str(verdict)


@pytest.mark.parametrize(("initializer", "shapes"), SHARED, ids=name_of)
def test_what_keras_saves_is_read_here(initializer, shapes):
    skip_without_axes(initializer)
    theirs = read_by_keras(initializers.serialize(initializer))
    saved = json.loads(json.dumps(keras.initializers.serialize(theirs)))
    if isinstance(initializer, initializers.Identity):
        assert saved["config"].pop("gain", 1.0) in (1.0, initializer.gain)  # Keras drops it
        saved["config"]["gain"] = initializer.gain
    assert initializers.deserialize(saved) == initializer
    as_keras_2 = {"class_name": saved["class_name"], "config": saved["config"]}
    assert initializers.get(as_keras_2) == initializer


@pytest.mark.parametrize("name", sorted(KERAS_CLASSES))
def test_the_defaults_are_keras_own(name):
    theirs = keras.initializers.serialize(getattr(keras.initializers, name)())
    ours = initializers.serialize(getattr(initializers, name)())
    if NO_AXES:
        ours["config"] = {k: v for k, v in ours["config"].items() if "_axes" not in k}
    if name == "Identity":
        theirs["config"].setdefault("gain", 1.0)
    assert ours == theirs


def test_arrays_are_read_both_ways():
    ours = initializers.Constant(np.arange(6.0).reshape(2, 3))
    theirs = read_by_keras(initializers.serialize(ours))
    np.testing.assert_array_equal(theirs((2, 3)), ours((2, 3)))
    saved = json.loads(json.dumps(keras.initializers.serialize(theirs)))
    np.testing.assert_array_equal(initializers.deserialize(saved)((2, 3)), ours((2, 3)))


def test_seed_generators_are_read_both_ways():
    ours = initializers.HeNormal(seed=initializers.SeedGenerator(5))
    theirs = read_by_keras(initializers.serialize(ours))
    assert isinstance(theirs.seed, keras.random.SeedGenerator)
    saved = json.loads(json.dumps(keras.initializers.serialize(theirs)))
    assert initializers.deserialize(saved) == ours
    fresh = initializers.HeNormal(seed=initializers.SeedGenerator())
    read_by_keras(initializers.serialize(fresh))


def test_a_seed_generator_of_keras_serves_here():
    draws = [
        [initializer((5, 4)), initializer((5, 4))]
        for initializer in (
            initializers.HeNormal(seed=keras.random.SeedGenerator(5)),
            initializers.HeNormal(seed=keras.random.SeedGenerator(5)),
        )
    ]
    np.testing.assert_array_equal(*draws)
    assert (draws[0][0] != draws[0][1]).any()


def test_every_name_of_keras_is_here():
    others = {"Initializer", "STFT", "STFTInitializer", "stft", "get", "serialize", "deserialize"}
    names = {name for name in dir(keras.initializers) if not name.startswith("_")} - others
    assert len(names) > 30
    assert names - set(initializers.CLASSES) == set()


def test_a_mirrored_layer_is_linear_after_a_crelu():
    layer = layer_for(initializers.Mirrored(initializers.DeltaOrthogonal()), (3, 3, 8, 5))
    x, y = np.random.default_rng(0).normal(size=(2, 1, 6, 6, 4)).astype("float32")

    def network(image):
        after = np.concatenate([np.maximum(image, 0), np.maximum(-image, 0)], axis=-1)
        return np.asarray(layer(after))

    np.testing.assert_allclose(network(x) + network(y), network(x + y), atol=1e-5)
