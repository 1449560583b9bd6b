"""What all initialisers have in common: (shape, dtype=None) -> array, and their configuration."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Mapping, Sequence

import numpy as np

from lookslinear.backend import SeedGenerator, as_dtype, as_shape, is_seed_generator, rng_of
from lookslinear.errors import nearest, whole_number
from lookslinear.fans import Axes, keras_axes
from lookslinear.laws import DTYPES, FIXED, WeightLaw
from lookslinear.sampling import Rng, as_seed, draw

#: Axes as they are given.
AxesLike = int | Sequence[int] | None


class Initializer:
    """An object called with `(shape, dtype=None)` that returns an array; the base of all of them.

    One of your own defines `__call__`, or `law` alone: what it claims is then drawn. Arguments of
    `__init__` that are kept under their own names make up the configuration.

    Examples
    --------
    >>> class Ramp(Initializer):
    ...     def __init__(self, top=1.0):
    ...         self.top = top
    ...
    ...     def __call__(self, shape, dtype=None):
    ...         return np.linspace(0, self.top, num=np.prod(shape), dtype=dtype).reshape(shape)
    >>> Ramp(2.0)((2, 2)).tolist(), Ramp(2.0)
    ([[0.0, 0.6666666666666666], [1.3333333333333333, 2.0]], Ramp(top=2.0))
    >>> Ramp.from_config(Ramp(3.0).get_config()) == Ramp(3.0)
    True
    """

    def __call__(self, shape: Sequence[int], dtype: str | None = None) -> np.ndarray:
        """An array that follows `law(shape, dtype)`.

        Parameters
        ----------
        shape : sequence of int
            In Keras's layout: (in, out), (*receptive field, in, out), or a vector's (n,).
        dtype : str, NumPy dtype or None
            None is `lookslinear.backend.floatx()`. What leaves nothing to chance comes in any.

        Returns
        -------
        array of this shape and dtype
        """
        dtype = as_dtype(dtype)
        if dtype.name in DTYPES:
            return draw(self.law(shape, dtype), self._rng())
        exact = dtype.kind in "biu"
        law = self.law(shape, "float64" if exact else "float32")
        if exact and law.family not in FIXED:
            raise TypeError(
                f"dtype must be one of real numbers: {self!r} draws them. Received: {dtype.name}."
            )
        return draw(law, self._rng()).astype(dtype)

    def law(self, shape: Sequence[int], dtype: str | None = None) -> WeightLaw:
        """The claim that an array of this shape will follow; nothing is drawn.

        Raises
        ------
        ValueError, TypeError
            For shapes that this initialiser cannot fill, and for dtypes other than 'float16',
            'float32' and 'float64'.
        NotImplementedError
            For an initialiser that states no law.
        """
        return self._law(as_shape(shape), as_dtype(dtype).name)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        raise NotImplementedError(
            f"{type(self).__name__} states no law: define `law(shape, dtype=None)`, or draw in "
            f"`__call__(shape, dtype=None)`."
        )

    def axes(self, rank: int) -> Axes:
        """Which axes of an array of this rank are input, output and receptive field."""
        return keras_axes(rank)

    def _rng(self) -> Rng:
        return None

    def get_config(self) -> dict:
        """The arguments that make an equal initialiser, in a dictionary that JSON can hold.

        Raises
        ------
        NotImplementedError
            If an argument of `__init__` is not kept under its own name.
        """
        missing = [name for name in self._argument_names() if not hasattr(self, name)]
        if missing:
            raise NotImplementedError(
                f"{type(self).__name__} keeps no attribute {missing[0]!r} like its argument: "
                f"define get_config."
            )
        return {name: _jsonable(self._argument(name)) for name in self._argument_names()}

    @classmethod
    def from_config(cls, config: Mapping) -> Initializer:
        """An initialiser from its configuration; a `dtype` that it does not take is left out.

        Raises
        ------
        TypeError
            For an argument that it does not have, with the nearest one that it has.
        """
        known = cls._argument_names()
        config = {key: config[key] for key in config if key != "dtype" or key in known}
        for name in config:
            if name not in known and not cls._takes_any():
                raise TypeError(
                    f"{cls.__name__} has no argument {name!r}.{nearest(name, known)} "
                    f"It takes: {', '.join(known) or 'none'}."
                )
        return cls(**config)

    def clone(self) -> Initializer:
        """Another one of the same configuration: other values where no seed was given."""
        return type(self).from_config(self.get_config())

    @classmethod
    def _argument_names(cls) -> list[str]:
        return [p.name for p in _parameters(cls) if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]

    @classmethod
    def _takes_any(cls) -> bool:
        return any(p.kind == p.VAR_KEYWORD for p in _parameters(cls))

    def _argument(self, name: str) -> object:
        return getattr(self, name)

    def _identity(self) -> tuple:
        """What two equal initialisers have in common."""
        return (self.get_config(),)

    def __eq__(self, other):
        if type(self) is not type(other):
            return NotImplemented
        try:
            return self is other or self._identity() == other._identity()
        except NotImplementedError:
            return False

    def __hash__(self):
        return hash(type(self))  # equal ones may be written differently, as 1 and 1.0

    def __repr__(self):
        names = [name for name in self._argument_names() if hasattr(self, name)]
        arguments = ", ".join(f"{name}={self._argument(name)!r}" for name in names)
        return f"{type(self).__name__}({arguments})"


class RandomInitializer(Initializer):
    """An initialiser with a seed, as Keras 3 means it.

    An int gives the same values at every call, so two layers that are given the same int start
    equal. None is drawn once, when the object is made: its calls repeat themselves too, a clone
    differs. A `SeedGenerator` gives new values at every call.

    Parameters
    ----------
    seed : None, int or SeedGenerator

    Raises
    ------
    ValueError
        For any other seed.

    Examples
    --------
    >>> from lookslinear.initializers import RandomNormal
    >>> once = RandomNormal()
    >>> bool((once((3, 4)) == once((3, 4))).all())
    True
    >>> bool((once((3, 4)) == once.clone()((3, 4))).any())
    False
    """

    def __init__(self, seed: int | SeedGenerator | None = None):
        self._given_seed = _checked_seed(seed)
        self.seed = as_seed().entropy if self._given_seed is None else self._given_seed

    def _argument(self, name: str) -> object:
        return self._given_seed if name == "seed" else super()._argument(name)

    def _identity(self) -> tuple:
        return (self.get_config(), self.seed)

    def _rng(self) -> Rng:
        return rng_of(self.seed)


def number_argument(value: object, name: str, wanted: str, allowed: bool) -> float:
    """An argument as a float, or the refusal of it: how today's Keras words such errors.

    Examples
    --------
    >>> number_argument(-1, "scale", "positive float", allowed=False)
    Traceback (most recent call last):
    ValueError: Argument `scale` must be positive float. Received: scale=-1
    """
    if not allowed:
        raise ValueError(f"Argument `{name}` must be {wanted}. Received: {name}={value!r}")
    return float(value)


def is_real(value: object) -> bool:
    """Whether this is a finite real number, and no boolean.

    Examples
    --------
    >>> is_real(np.float32(2)), is_real(True), is_real(float("nan")), is_real("2")
    (True, False, False, False)
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and bool(np.isfinite(value))


def real_argument(value: object, name: str) -> float:
    """A finite number as a float, or the refusal of it."""
    return number_argument(value, name, "a finite float", is_real(value))


def deviation_argument(value: object, name: str = "stddev") -> float:
    """A standard deviation as a float, or the refusal of it."""
    return number_argument(value, name, "a float of at least 0", is_real(value) and value >= 0)


def _parameters(cls: type) -> list[inspect.Parameter]:
    if cls.__init__ is object.__init__:
        return []
    return list(inspect.signature(cls.__init__).parameters.values())[1:]


def _checked_seed(seed: object) -> int | SeedGenerator | None:
    if isinstance(seed, Mapping) and seed.get("class_name") == "SeedGenerator":
        return SeedGenerator.from_config(seed["config"])
    whole = isinstance(seed, numbers.Integral) and not isinstance(seed, bool) and seed >= 0
    if not (seed is None or whole or is_seed_generator(seed)):
        raise ValueError(
            f"Argument `seed` must be None, an int of at least 0 or a SeedGenerator. "
            f"Received: seed={seed!r}"
        )
    return int(seed) if whole else seed


def _jsonable(value: object) -> object:
    """An argument as JSON holds it: tuples as lists, arrays and seed generators as Keras's."""
    if isinstance(value, np.ndarray):
        held = {"value": value.tolist(), "dtype": value.dtype.name}
        return {"class_name": "__tensor__", "config": held}
    if is_seed_generator(value):
        return {
            "module": "keras.random",
            "class_name": "SeedGenerator",
            "config": value.get_config(),
            "registered_name": None,
        }
    if isinstance(value, tuple):
        return list(value)
    return value.item() if isinstance(value, np.generic) else value


def checked_axes(axes: AxesLike, name: str) -> tuple[int, ...] | None:
    """Axes as a configuration holds them, always several; None stays."""
    if axes is None:
        return None
    several = isinstance(axes, Sequence) and not isinstance(axes, str)
    # Always several, as Keras wants them in a configuration.
    axes = axes if several else (axes,)
    return tuple(whole_number(axis, f"each of {name}", least=-math.inf) for axis in axes)
