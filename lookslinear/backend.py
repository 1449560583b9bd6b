"""Keras's `K` for custom initialisers, (shape, ..., dtype=None, seed=None) -> array.

Every function states a law and draws it through `lookslinear.sampling`; none has a sampler of its
own. A dtype of None is `floatx()`, a seed of None fresh entropy at every call.

>>> from lookslinear import backend as K
>>> def my_init(shape, dtype=None):
...     return K.random_normal(shape, dtype=dtype)
>>> my_init((3, 4)).dtype
dtype('float32')
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np

from lookslinear.errors import unknown_name
from lookslinear.laws import DTYPES, WeightLaw, normal_law, truncated_normal_law, uniform_law
from lookslinear.sampling import Rng, as_seed, child_seed, draw

_SETTINGS = {"floatx": "float32"}


def floatx() -> str:
    """The name of the dtype that is meant where none is given.

    Examples
    --------
    >>> floatx()
    'float32'
    """
    return _SETTINGS["floatx"]


def set_floatx(dtype: str) -> None:
    """Sets the dtype that is meant where none is given: 'float16', 'float32' or 'float64'.

    Raises
    ------
    ValueError
        For any other dtype.

    Examples
    --------
    >>> set_floatx("float46")
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown floatx 'float46'. Did you mean 'float64'? \
Known: float16, float32, float64.
    """
    if dtype not in DTYPES:
        raise unknown_name("floatx", dtype, DTYPES)
    _SETTINGS["floatx"] = str(dtype)


def as_dtype(dtype: object = None) -> np.dtype:
    """The NumPy dtype of a name, a dtype or None, which stands for `floatx()`.

    Examples
    --------
    >>> as_dtype(None), as_dtype("float64"), as_dtype(np.float16)
    (dtype('float32'), dtype('float64'), dtype('float16'))
    """
    try:
        return np.dtype(floatx() if dtype is None else dtype)
    except TypeError as error:
        raise TypeError(
            f"dtype must be None or the name of a dtype that NumPy knows. Received: {dtype!r}."
        ) from error


def as_shape(shape: object) -> tuple[int, ...]:
    """A shape as a tuple; one number is the shape of a vector.

    Examples
    --------
    >>> as_shape([2, 3]), as_shape(4), as_shape(())
    ((2, 3), (4,), ())
    >>> as_shape((None, 3))
    Traceback (most recent call last):
    TypeError: shape must be whole numbers of at least 0. Received: shape=(None, 3).
    """
    sides = (shape,) if isinstance(shape, numbers.Integral) else shape
    if isinstance(sides, str) or not isinstance(sides, Sequence | np.ndarray):
        raise TypeError(f"shape must be a tuple of whole numbers. Received: shape={shape!r}.")
    whole = all(isinstance(n, numbers.Integral) and not isinstance(n, bool) for n in sides)
    if not whole or any(n < 0 for n in sides):
        kind = ValueError if whole else TypeError
        raise kind(f"shape must be whole numbers of at least 0. Received: shape={shape!r}.")
    return tuple(int(n) for n in sides)


class SeedGenerator:
    """A seed that gives new values at every call, as `keras.random.SeedGenerator` does.

    The same seed gives the same sequence. Its configuration holds the seed and not how far it has
    come, so what is made from it starts anew; a copy and a pickle go on where it stood.

    Parameters
    ----------
    seed : int or None
        None is drawn once, here.

    Examples
    --------
    >>> seeds = SeedGenerator(3)
    >>> first, second = random_normal((2, 2), seed=seeds), random_normal((2, 2), seed=seeds)
    >>> bool((first == second).any())
    False
    >>> bool((random_normal((2, 2), seed=SeedGenerator(3)) == first).all())
    True
    """

    def __init__(self, seed: int | None = None):
        # 32 bits where it is drawn: what Keras's own generator can hold.
        drawn = as_seed(seed).generate_state(1)[0] if seed is None else seed
        self.seed = int(as_seed(drawn).entropy)
        self.calls = 0

    def next(self) -> np.random.SeedSequence:
        """The next of its seeds."""
        self.calls += 1
        return child_seed(self.seed, self.calls - 1)

    def get_config(self) -> dict:
        """What `from_config` makes an equal generator from, at its start."""
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config: dict) -> SeedGenerator:
        """A generator from its configuration; a `name`, as Keras saves one, has no meaning here."""
        return cls(config["seed"])

    def __eq__(self, other):
        if not isinstance(other, SeedGenerator):
            return NotImplemented
        return (self.seed, self.calls) == (other.seed, other.calls)

    def __hash__(self):
        return hash((SeedGenerator, self.seed))

    def __repr__(self):
        return f"SeedGenerator(seed={self.seed})"


def rng_of(seed: object) -> Rng:
    """What a draw takes for a seed: a generator of seeds, Keras's too, moves on by one.

    Examples
    --------
    >>> rng_of(3), rng_of(SeedGenerator(3)).spawn_key
    (3, (0,))
    """
    if not is_seed_generator(seed):
        return seed
    following = seed.next()
    if isinstance(following, np.random.SeedSequence):
        return following
    return np.random.SeedSequence([int(n) for n in np.asarray(following).ravel()])


def is_seed_generator(seed: object) -> bool:
    """Whether this gives one seed after the other: ours, or an object that works like Keras's."""
    return callable(getattr(seed, "next", None)) and hasattr(seed, "get_config")


def random_normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str | None = None,
    seed: object = None,
) -> np.ndarray:
    """Independent normal numbers.

    .. math:: N(mean, stddev^2)

    Parameters
    ----------
    shape : sequence of int
        Of any rank.
    mean, stddev : float
    dtype : str, NumPy dtype or None
    seed : None, int, SeedGenerator, SeedSequence or Generator

    Returns
    -------
    array of this shape and dtype

    Raises
    ------
    ValueError, TypeError
        For a negative `stddev`, and for shapes, dtypes and seeds that are none.

    Examples
    --------
    >>> random_normal((2, 3), mean=1.0, stddev=0.1, dtype="float64", seed=1).shape
    (2, 3)
    """
    return _drawn(normal_law(as_shape(shape), mean, stddev, as_dtype(dtype).name), seed)


def random_uniform(
    shape: Sequence[int],
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: str | None = None,
    seed: object = None,
) -> np.ndarray:
    """Independent numbers, uniform between `minval` and `maxval`.

    .. math:: mean = (a + b) / 2, \\qquad Var = (b - a)^2 / 12

    Parameters, errors and result are those of `random_normal`; `maxval` is not below `minval`.

    Examples
    --------
    >>> numbers = random_uniform((200, 300), seed=1)
    >>> bool(0 <= numbers.min() < 0.001 < 0.999 < numbers.max() <= 1)
    True
    """
    return _drawn(uniform_law(as_shape(shape), minval, maxval, as_dtype(dtype).name), seed)


def truncated_normal(
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: str | None = None,
    seed: object = None,
) -> np.ndarray:
    """Independent normal numbers, drawn again where they lie beyond two `stddev` of the mean.

    .. math:: |x - mean| \\le 2\\, stddev, \\qquad \\sqrt{Var} = 0.8796\\, stddev

    Parameters, errors and result are those of `random_normal`.

    Examples
    --------
    >>> bool(abs(truncated_normal((200, 300), seed=1)).max() <= 2)
    True
    """
    return _drawn(truncated_normal_law(as_shape(shape), mean, stddev, as_dtype(dtype).name), seed)


def constant(
    value: object, dtype: str | None = None, shape: Sequence[int] | None = None
) -> np.ndarray:
    """An array of one value, or of values that are broadcast to a shape.

    Parameters
    ----------
    value : number or array
    dtype : str, NumPy dtype or None
    shape : sequence of int, or None for the value's own

    Raises
    ------
    ValueError
        If the value cannot be broadcast to the shape.

    Examples
    --------
    >>> constant([1, 2], shape=(2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """
    values = np.asarray(value)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"value must be a number or an array of numbers. Received: {value!r}.")
    shape = values.shape if shape is None else as_shape(shape)
    try:
        spread = np.broadcast_to(values, shape)
    except ValueError as error:
        raise ValueError(
            f"value of shape {values.shape} cannot be broadcast. Received: shape={shape}."
        ) from error
    return np.array(spread, as_dtype(dtype), order="C")


def _drawn(law: WeightLaw, seed: object) -> np.ndarray:
    return draw(law, rng_of(seed))
