"""Identifiers and configurations <-> initialisers, in the dictionaries of Keras 2 and Keras 3.

Only what is registered here, or handed over in `custom_objects`, can be named by a configuration:
nothing is imported, looked up elsewhere or evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lookslinear.backend import as_shape, constant
from lookslinear.errors import UnknownNameError, nearest
from lookslinear.initializers.base import Initializer
from lookslinear.initializers.registry import CLASSES

#: The classes that Keras has too: what is saved of them is read there.
KERAS_CLASSES = {
    *("Zeros", "Ones", "Constant", "Identity", "Orthogonal", "VarianceScaling"),
    *("RandomNormal", "RandomUniform", "TruncatedNormal", "GlorotNormal", "GlorotUniform"),
    *("HeNormal", "HeUniform", "LecunNormal", "LecunUniform"),
}
#: Arguments that Keras's classes of these names do not know, and what they do without them.
OWN = {
    ("Identity", "fill"): "zeros",
    ("Orthogonal", "mode"): "auto",
    ("Orthogonal", "per_block"): 1,
    ("Orthogonal", "input_axes"): None,
    ("Orthogonal", "output_axes"): None,
}
_NONE = object()
#: Packages whose configurations use the names of this one.
DIALECTS = ("keras", "tf_keras", "tensorflow", "cthulhu", "lookslinear", "builtins")


def get(identifier: object) -> Callable[..., np.ndarray] | None:
    """The initialiser that an identifier stands for.

    Parameters
    ----------
    identifier : None, str, dict, class, callable or array
        None gives None; a name or a class gives a new object with the defaults, a dictionary what
        it describes; an object or function is returned as it is; an array gives a function that
        returns it, and raises ValueError for another shape.

    Raises
    ------
    ValueError
        For an unknown name, with the nearest known ones, and for anything else.

    Examples
    --------
    >>> get("glorot_uniform"), get({"class_name": "HeNormal", "config": {"seed": 3}})
    (GlorotUniform(seed=None, input_axes=None, output_axes=None), \
HeNormal(seed=3, input_axes=None, output_axes=None))
    >>> get("glorot_unifrom")
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: Could not interpret initializer identifier: \
'glorot_unifrom'. Did you mean 'glorot_uniform'? Known: ...
    """
    if identifier is None:
        return None
    if isinstance(identifier, str | Mapping):
        return deserialize(identifier)
    if isinstance(identifier, np.ndarray | np.generic):
        return GivenArray(identifier)
    made = identifier() if isinstance(identifier, type) else identifier
    if not callable(made):
        raise ValueError(f"Could not interpret initializer identifier: {identifier!r}.")
    return made


class GivenArray:
    """An initialiser that returns one array, and refuses every other shape.

    Examples
    --------
    >>> GivenArray(np.eye(2))((2, 3))
    Traceback (most recent call last):
    ValueError: shape must be that of the array given as initializer, (2, 2). Received: (2, 3).
    """

    def __init__(self, array: np.ndarray):
        self.array = np.array(array)

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> np.ndarray:
        """The array, in this dtype."""
        if as_shape(shape) != self.array.shape:
            raise ValueError(
                f"shape must be that of the array given as initializer, {self.array.shape}. "
                f"Received: {as_shape(shape)}."
            )
        return constant(self.array, dtype)

    def __repr__(self):
        return f"GivenArray(shape={self.array.shape})"


def serialize(initializer: Callable) -> dict:
    """The dictionary that Keras 3 saves for an initialiser, and reads, where it has the class.

    A function is saved by its name alone.

    Raises
    ------
    ValueError
        For what has neither `get_config` nor a name, such as a lambda.

    Examples
    --------
    >>> serialize(get("zeros"))
    {'module': 'keras.initializers', 'class_name': 'Zeros', 'config': {}, 'registered_name': None}
    """
    if isinstance(initializer, Initializer) or hasattr(initializer, "get_config"):
        return _serialized_object(initializer)
    name = getattr(initializer, "__name__", "<lambda>")
    if name == "<lambda>":
        raise ValueError(
            f"only initializers with get_config and named functions can be saved. "
            f"Received: {initializer!r}."
        )
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def _serialized_object(initializer: Initializer) -> dict:
    cls, config = type(initializer), initializer.get_config()
    name, module = cls.__name__, cls.__module__
    if CLASSES.get(name) is not cls:
        return _dictionary(module, name, config, name)
    if name not in KERAS_CLASSES:
        return _dictionary("lookslinear.initializers", name, config, name)
    given = {key: value for key, value in config.items() if value != OWN.get((name, key), _NONE)}
    if any((name, key) in OWN for key in given) and name != "Identity":
        return _dictionary("lookslinear.initializers", name, given, name)
    return _dictionary("keras.initializers", name, given, None)


def _dictionary(module: str, name: str, config: dict, registered_name: str | None) -> dict:
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered_name,
    }


def deserialize(config: Mapping | str, custom_objects: Mapping | None = None) -> Callable:
    """The initialiser that a dictionary of Keras 2 or Keras 3 describes, or a name alone.

    Parameters
    ----------
    config : dict or str
        {'class_name', 'config'}, or with 'module' and 'registered_name' as well.
    custom_objects : dict or None
        Your own classes and functions by name; they come before those of this package.

    Raises
    ------
    ValueError, TypeError
        For a name that is neither registered nor in `custom_objects`, and for arguments that the
        class does not take.

    Examples
    --------
    >>> deserialize({"class_name": "RandomNormal", "config": {"stddev": 0.1, "dtype": "float32"}})
    RandomNormal(mean=0.0, stddev=0.1, seed=None)
    >>> deserialize({"module": "os", "class_name": "system", "config": "ls"})
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: Could not interpret initializer identifier: 'system' of \
module 'os'. Pass it in custom_objects. Known: ...
    """
    if isinstance(config, str):
        config = {"class_name": config}
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str):
        raise ValueError(
            f"a configuration must be a name or a dictionary with 'class_name' and 'config'. "
            f"Received: {config!r}."
        )
    if config["class_name"] == "function":  # saved by name
        config = config | {"class_name": str(config.get("config")), "config": None}
    found = _found(config, custom_objects or {})
    return _made(found, config.get("config"), custom_objects) if isinstance(found, type) else found


def _found(config: Mapping, custom_objects: Mapping) -> Callable:
    name, module = config["class_name"], config.get("module")
    for key in (config.get("registered_name"), name):
        if key in custom_objects:
            return custom_objects[key]
    ours = module is None or str(module).split(".")[0] in DIALECTS
    if ours and name in CLASSES:
        return CLASSES[name]
    known = sorted({*CLASSES, *map(str, custom_objects)})
    origin = "" if ours else f" of module {module!r}"
    hint = (nearest(name, known) if ours else "") or " Pass it in custom_objects."
    raise UnknownNameError(
        f"Could not interpret initializer identifier: {name!r}{origin}.{hint} "
        f"Known: {', '.join(known)}."
    )


def _made(cls: type, arguments: object, custom_objects: Mapping | None) -> Callable:
    arguments = {} if arguments is None else arguments
    if not isinstance(arguments, Mapping):
        raise ValueError(
            f"the 'config' of {cls.__name__} must be a dictionary. Received: {arguments!r}."
        )
    if isinstance(arguments.get("initializer"), Mapping | str):
        inner = deserialize(arguments["initializer"], custom_objects)
        arguments = {**arguments, "initializer": inner}
    return cls.from_config(arguments) if hasattr(cls, "from_config") else cls(**arguments)
