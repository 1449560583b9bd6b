"""Adapting tensor initialisers, functions of (shape, dtype=None), to arrays in Theano's layout.

A tensor initialiser is an object of `lookslinear.initializers` or any function that is called with
a shape and a dtype and returns an array of both. It is told shapes as Keras stores weights: (in,
out), and (*receptive field, in, out) for kernels. Theano stores kernels as (out, in, *receptive
field). Nothing is drawn here: an initialiser draws by its own seed, or by one that it is given.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lookslinear import initializers
from lookslinear.errors import NotCoveredError
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng, as_generator, as_seed

TensorInitializer = Callable[..., np.ndarray]


def is_tensor_initializer(function: Callable) -> bool:
    """Whether a function takes (shape, dtype=None), and not (inputShape, outputShape, **options).

    Raises
    ------
    TypeError
        If it would take both, and has no argument named `dtype` nor two by position.

    Examples
    --------
    >>> is_tensor_initializer(lambda shape, dtype=None: np.ones(shape, dtype))
    True
    >>> is_tensor_initializer(lambda inputShape, outputShape, **options: None)
    False
    >>> is_tensor_initializer(lambda *args, **kwargs: None)
    Traceback (most recent call last):
    TypeError: ... may take (shape, dtype=None) or (inputShape, outputShape, **options): ...
    """
    try:
        signature = inspect.signature(function)
    except ValueError:  # some functions that are written in C do not show theirs
        return False
    takes_tensors = _binds(signature, (1,), dtype="float32")
    if not (takes_tensors and _binds(signature, (1,), (1,), rng=None)):
        return takes_tensors
    if "dtype" in signature.parameters:
        return True
    if sum(p.kind <= p.POSITIONAL_OR_KEYWORD for p in signature.parameters.values()) >= 2:
        return False
    raise TypeError(
        f"{function!r} may take (shape, dtype=None) or (inputShape, outputShape, **options): name "
        f"its arguments so."
    )


def tensor_initializer(identifier: object, name: str = "initializer") -> TensorInitializer:
    """The tensor initialiser that `lookslinear.initializers.get` finds for an identifier.

    Raises
    ------
    TypeError, ValueError
        If it finds none, or something else.

    Examples
    --------
    >>> tensor_initializer("zeros")((2,)).tolist()
    [0.0, 0.0]
    """
    found = initializers.get(identifier)
    if found is None or not is_tensor_initializer(found):
        raise TypeError(
            f"{name} must be a tensor initialiser: an object of lookslinear.initializers, its name "
            f"or configuration, an array, or a function of (shape, dtype=None). "
            f"Received: {identifier!r}."
        )
    return found


def _binds(signature: inspect.Signature, *args: object, **kwargs: object) -> bool:
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True


def keras_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Theano's shape of a weight as Keras writes it.

    Examples
    --------
    >>> keras_shape((64, 32, 3, 5)), keras_shape((32, 64))
    ((3, 5, 32, 64), (32, 64))
    """
    shape = tuple(shape)
    return shape if len(shape) == 2 else (*shape[2:], shape[1], shape[0])


def to_theano(weight: np.ndarray) -> np.ndarray:
    """A weight from Keras's layout to Theano's: kernels are turned, the others stay.

    Examples
    --------
    >>> to_theano(np.ones((3, 5, 32, 64))).shape, to_theano(np.ones((32, 64))).shape
    ((64, 32, 3, 5), (32, 64))
    """
    rank = weight.ndim
    if rank == 2:
        return weight
    return np.ascontiguousarray(weight.transpose(rank - 1, rank - 2, *range(rank - 2)))


def tensor(
    initializer: TensorInitializer, shape: Sequence[int], dtype: str, rng: Rng = None
) -> np.ndarray:
    """What a tensor initialiser returns for a shape in Keras's layout, held to shape and dtype.

    Parameters
    ----------
    initializer : function of (shape, dtype=None)
    shape : sequence of int
    dtype : str
    rng : None, int, SeedSequence or Generator
        None leaves the initialiser its own seed. Any other gives it a new one, where it can have
        one: see `reseeded`.

    Raises
    ------
    TypeError, ValueError
        If it returns another dtype or shape, or no array.

    Examples
    --------
    >>> tensor(lambda shape, dtype=None: np.ones(shape), (2, 3), "float32")
    Traceback (most recent call last):
    TypeError: ... must return the dtype that it is asked for, float32. Received: float64. Add \
.astype(dtype).
    """
    shape = tuple(shape)
    used = initializer if rng is None else reseeded(initializer, rng)
    array = np.asarray(used(shape, dtype=dtype))
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{initializer!r} must return an array of numbers. Received: dtype {array.dtype}."
        )
    if array.shape != shape:
        raise ValueError(
            f"{initializer!r} must return the shape that it is asked for, {shape}. "
            f"Received: {array.shape}."
        )
    if array.dtype != dtype:
        raise TypeError(
            f"{initializer!r} must return the dtype that it is asked for, {dtype}. "
            f"Received: {array.dtype}. Add .astype(dtype)."
        )
    return array.copy()  # the initialiser may keep what it returned


def law_of(
    initializer: TensorInitializer, shape: Sequence[int], dtype: str, mirror: bool = False
) -> WeightLaw:
    """The law of a tensor initialiser's weight of Theano's shape, in Theano's layout.

    Parameters
    ----------
    initializer : function of (shape, dtype=None)
    shape : sequence of int
        Theano's shape, before the input channels are doubled by `mirror`.
    dtype : str
    mirror : bool
        Whether the negative is appended along the input channels.

    Raises
    ------
    NotCoveredError
        If the initialiser states no law, as a plain function.

    Examples
    --------
    >>> from lookslinear.initializers import RandomNormal
    >>> law_of(RandomNormal(stddev=0.5), (64, 32, 3, 3), "float32", mirror=True).shape
    (64, 64, 3, 3)
    """
    law = _stated_law(initializer, keras_shape(shape), dtype)
    if law is None:
        raise NotCoveredError(
            f"{initializer!r} states no law: it has no method law(shape, dtype). Its values can be "
            f"drawn, but not predicted or checked."
        )
    axes = axes_of(len(shape), "theano", law.axes.groups)
    if mirror:
        shape = [side * 2 if axis == axes.input else side for axis, side in enumerate(shape)]
    return replace(law, shape=tuple(shape), axes=axes, mirror=mirror or law.mirror)


def _stated_law(
    initializer: TensorInitializer, shape: tuple[int, ...], dtype: str
) -> WeightLaw | None:
    stated = getattr(initializer, "law", None)
    try:
        return stated and stated(shape, dtype)
    except (NotCoveredError, NotImplementedError):
        return None


def has_seed(initializer: TensorInitializer) -> bool:
    """Whether an initialiser, or one that it is made of, was given a seed.

    Examples
    --------
    >>> from lookslinear.initializers import Mirrored, RandomNormal
    >>> has_seed(RandomNormal()), has_seed(Mirrored(RandomNormal(seed=1)))
    (False, True)
    """
    given = _config(initializer).get("seed") is not None
    return given or any(has_seed(inner) for inner in _made_of(initializer).values())


def reseeded(initializer: TensorInitializer, rng: Rng) -> TensorInitializer:
    """The same initialiser with a seed drawn from `rng`, made anew by its configuration.

    An initialiser without a seed, such as a plain function, is returned as it is.

    Examples
    --------
    >>> from lookslinear.initializers import RandomNormal
    >>> one, two = (reseeded(RandomNormal(stddev=0.1), rng=3) for _ in range(2))
    >>> bool((one((4, 5)) == two((4, 5))).all())
    True
    """
    generator, config = as_generator(rng), _config(initializer)
    if "seed" in config:
        # 63 bits: no two layers of a network meet by chance, and other libraries take as many.
        seed = int(as_seed(generator).generate_state(1, np.uint64)[0]) >> 1
        return type(initializer).from_config({**config, "seed": seed})
    inner = _made_of(initializer)
    changed = copy.copy(initializer) if inner else initializer
    for name, part in inner.items():
        setattr(changed, name, reseeded(part, generator))
    return changed


def _config(initializer: TensorInitializer) -> Mapping:
    if not _has_config(initializer):
        return {}
    try:
        return initializer.get_config()
    except (ValueError, NotImplementedError):  # made of a lambda, or keeps its arguments elsewhere
        return {}


def _made_of(initializer: TensorInitializer) -> dict[str, TensorInitializer]:
    """The initialisers that an initialiser keeps as attributes, as Mirrored does."""
    kept = (
        vars(initializer) if _has_config(initializer) and hasattr(initializer, "__dict__") else {}
    )
    return {name: part for name, part in kept.items() if callable(part) and _has_config(part)}


def _has_config(initializer: object) -> bool:
    return hasattr(initializer, "get_config") and hasattr(type(initializer), "from_config")
