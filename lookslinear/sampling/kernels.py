"""The compiled kernels of `kernels.c`, where an installation has them; else `transforms` serves.

Both give the same bits. Building the distribution compiles them, if a C compiler of GCC's kind is
there; `make` does so in a checkout. Calls release the interpreter's lock.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.util import find_spec

import numpy as np

from lookslinear.sampling import transforms

#: What `kernels.c` calls itself: raised with each change of its functions or of their numbers.
VERSION = 2

_ARRAY, _SIZE = ctypes.c_void_p, ctypes.c_size_t
#: By the character of the dtype: its name takes NumPy longer than a thousand numbers take here.
_REALS = {"f": ("floats", ctypes.c_float), "d": ("doubles", ctypes.c_double)}


@cache
def library() -> ctypes.CDLL | None:
    """The compiled library, or None: not built, for another machine, or of another version.

    Examples
    --------
    >>> library() is library()
    True
    """
    found = find_spec("lookslinear.sampling._kernels")
    try:
        return load(found.origin) if found else None
    except OSError:
        return None


def load(path: str) -> ctypes.CDLL:
    """The library at a path, with the types of its functions; OSError if it is no such library."""
    loaded = ctypes.CDLL(path)
    if not hasattr(loaded, f"version_{VERSION}"):
        raise OSError(f"{path} is not version {VERSION} of the kernels; build them again.")
    _declare(loaded.seed, _ARRAY, _ARRAY)
    _declare(loaded.populate, _ARRAY, _SIZE)
    _declare(loaded.square_sums, _ARRAY, _SIZE, _SIZE, _ARRAY)
    _declare(loaded.normal_floats, _ARRAY, _ARRAY, _SIZE, ctypes.c_float)
    for name, real in _REALS.values():
        _declare(getattr(loaded, f"odd_{name}"), _ARRAY, _ARRAY, _SIZE, real)
        _declare(
            getattr(loaded, f"replace_{name}"), _ARRAY, _SIZE, real, _ARRAY, _SIZE, result=_SIZE
        )
    return loaded


def _declare(function, *arguments: type, result: type | None = None) -> None:
    function.argtypes, function.restype = arguments, result


class Stream:
    """`transforms.Stream`, compiled."""

    def __init__(self, words: np.ndarray, loaded: ctypes.CDLL | None = None):
        self._library = loaded or library()
        words = np.ascontiguousarray(words, np.uint64)
        #: What its functions move on.
        self.state = np.empty((words.shape[0] + 1, words.shape[1]), np.uint64)
        self._address = self.state.ctypes.data
        self._library.seed(self._address, words.ctypes.data)

    def normal(self, out: np.ndarray, deviation: float) -> None:
        """`transforms.Stream.normal`, compiled."""
        self._library.normal_floats(self._address, out.ctypes.data, out.size, deviation)

    def odd(self, out: np.ndarray, factor: float) -> None:
        """`transforms.Stream.odd`, compiled."""
        fill = getattr(self._library, f"odd_{_REALS[out.dtype.char][0]}")
        fill(self._address, out.ctypes.data, out.size, factor)


def normal_address() -> int:
    """The address of `normal_floats(stream, out, count, deviation)`, for other compiled code."""
    return ctypes.cast(library().normal_floats, ctypes.c_void_p).value


def replace_beyond(
    numbers: np.ndarray, radius: float, candidates: np.ndarray, loaded: ctypes.CDLL | None = None
) -> int:
    """`transforms.replace_beyond`, compiled."""
    replace = getattr(loaded or library(), f"replace_{_REALS[numbers.dtype.char][0]}")
    offered, size = candidates.ctypes.data, numbers.size
    return replace(numbers.ctypes.data, size, radius, offered, candidates.size)


def square_sums(rows: np.ndarray, loaded: ctypes.CDLL | None = None) -> np.ndarray:
    """`transforms.square_sums`, compiled for single precision."""
    if rows.dtype.char != "f" or not rows.flags.c_contiguous:
        return transforms.square_sums(rows)
    sums = np.empty(len(rows))
    (loaded or library()).square_sums(rows.ctypes.data, *rows.shape, sums.ctypes.data)
    return sums


def populate(array: np.ndarray) -> None:
    """Has the system give a new array all its pages at once, where it can.

    To be given each where it is first written takes three times as long.
    """
    if library() and (array.flags.c_contiguous or array.flags.f_contiguous):
        library().populate(array.ctypes.data, array.nbytes)
