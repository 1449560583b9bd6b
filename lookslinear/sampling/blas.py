"""SciPy's BLAS and LAPACK on parts of arrays, in place, each call on the thread that makes it.

SciPy's own wrappers copy any matrix that is only a part of an array, and some of them keep the
interpreter's lock. The function pointers that SciPy exports for Cython do neither.

BLAS libraries split large products over threads of their own, differently for each number of them,
and so round sums differently. For results that depend on nothing but the seed, each product stays
on one thread (`on_one_thread`), and the threads of `threads` take different products.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from functools import cache
from types import ModuleType

import numpy as np
from scipy.linalg import cython_blas, cython_lapack
from threadpoolctl import LibController, ThreadpoolController

_POINTER = ctypes.c_void_p
_SIZES = ctypes.c_int * 6
_REALS = {np.dtype("float32"): ctypes.c_float, np.dtype("float64"): ctypes.c_double}


def add_product(
    target: np.ndarray, left: np.ndarray, right: np.ndarray, factor: float = 1.0, keep: float = 1.0
) -> None:
    """target <- factor * left @ right + keep * target, in place.

    The matrices are of one dtype, and each may be part of an array: one of its strides must be that
    of neighbours. With `keep` 0 the target's old numbers are never read.

    Examples
    --------
    >>> whole = np.zeros((3, 4))
    >>> add_product(whole[1:, 2:], np.eye(2), np.ones((2, 2)), factor=3.0)
    >>> whole[1]
    array([0., 0., 3., 3.])
    """
    by_columns, target_leading = _reading(target)
    if by_columns != b"N":  # BLAS writes columns: a target of rows is written as its transpose
        target, left, right = target.T, right.T, left.T
    left_flag, left_leading = _reading(left)
    right_flag, right_leading = _reading(right)
    rows, columns = target.shape
    sizes = _SIZES(rows, columns, left.shape[1], left_leading, right_leading, target_leading)
    m, n, k, lda, ldb, ldc = range(ctypes.addressof(sizes), ctypes.addressof(sizes) + 24, 4)
    alpha, beta = _address(target.dtype, factor), _address(target.dtype, keep)
    a, b, c = left.ctypes.data, right.ctypes.data, target.ctypes.data
    _MULTIPLY[target.dtype](left_flag, right_flag, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)


def upper_gram(vectors: np.ndarray) -> np.ndarray:
    """The upper triangle of vectors @ vectors.T, stored by columns, and zeros below it.

    The vectors are rows, of which each is contiguous: they may be part of an array.

    Examples
    --------
    >>> upper_gram(np.array([[1.0, 2.0], [0.0, 3.0]]))[0]
    array([5., 6.])
    """
    count, length = vectors.shape
    gram = np.zeros((count, count), vectors.dtype, order="F")
    apart = max(length, vectors.strides[0] // vectors.itemsize)
    sizes = _SIZES(count, length, apart, count)
    n, k, lda, ldc = range(ctypes.addressof(sizes), ctypes.addressof(sizes) + 16, 4)
    one, zero = _address(gram.dtype, 1.0), _address(gram.dtype, 0.0)
    a, c = vectors.ctypes.data, gram.ctypes.data
    _GRAM[gram.dtype](b"U", b"T", n, k, one, a, lda, zero, c, ldc)
    return gram


def invert_unit_upper(triangle: np.ndarray) -> None:
    """Inverts an upper triangle with ones on its diagonal in place; what is below it stays.

    Examples
    --------
    >>> triangle = np.array([[1.0, 2.0], [7.0, 1.0]], order="F")
    >>> invert_unit_upper(triangle)
    >>> triangle
    array([[ 1., -2.],
           [ 7.,  1.]])
    """
    sizes = _SIZES(len(triangle), len(triangle))
    n, lda, info = range(ctypes.addressof(sizes), ctypes.addressof(sizes) + 12, 4)
    _INVERT[triangle.dtype](b"U", b"U", n, triangle.ctypes.data, lda, info)
    assert sizes[2] == 0, f"trtri refused argument {-sizes[2]}"


def on_one_thread(work: Callable[[], object]) -> None:
    """Calls work() while the BLAS uses the calling thread alone; afterwards as many as before.

    The setting belongs to the process. Of callers that overlap the first stores what to go back to,
    and the last goes back. No context manager: an interrupt may come before the first instruction
    of its exit, and would leave the process with one thread.

    Examples
    --------
    >>> on_one_thread(lambda: print("alone"))
    alone
    """
    caller = object()
    try:
        _limit.enter(caller)
        work()
    finally:
        try:
            _limit.leave(caller)
        except BaseException:  # an interrupt came in between
            _limit.leave(caller)
            raise


class _Limit:
    """The limit of one thread, shared by all who are inside it."""

    def __init__(self):
        self.lock, self.inside, self.before = threading.Lock(), set(), []

    def enter(self, caller: object) -> None:
        with self.lock:
            if not self.before:  # else an interrupted lifting left it
                self.before = [library.num_threads for library in _libraries()]
            self.inside.add(caller)
            for library in _libraries():  # each time: with OpenMP the setting is the thread's own
                _set_threads(library, 1)

    def leave(self, caller: object) -> None:
        """Also of a caller whose entering, or leaving, was interrupted."""
        with self.lock:
            self.inside.discard(caller)
            if not self.inside:
                self.lift()

    def lift(self) -> None:
        for library, count in zip(_libraries(), self.before, strict=False):
            _set_threads(library, count)
        self.before = []

    def forget(self) -> None:
        """In a forked child, where those who were inside do not exist."""
        self.lift()
        self.__init__()


def _set_threads(library: LibController, count: int) -> None:
    """Sets the threads from any thread.

    threadpoolctl leaves that to the first thread that did, and does nothing in the others, until
    it is released: so before, for this thread, and after, for a caller's own limit.
    """
    release = getattr(library, "clear_controlling_thread", lambda force: None)
    release(force=True)
    library.set_num_threads(count)
    release(force=True)


@cache
def _libraries() -> list[LibController]:
    """Every BLAS that is loaded: finding them takes milliseconds.

    Not SciPy's alone: one that was loaded before, for all to see, takes its place. Theano's does.
    """
    return ThreadpoolController().select(user_api="blas").lib_controllers


def _reading(matrix: np.ndarray) -> tuple[bytes, int]:
    """How BLAS, which reads columns, is told of a matrix: as it is or transposed, and leading."""
    (rows, columns), (down, across), size = matrix.shape, matrix.strides, matrix.itemsize
    if down == size or rows == 1:
        return b"N", max(rows, across // size if columns > 1 else 1)
    assert across == size or columns == 1, "a matrix must be stored by rows or by columns"
    return b"T", max(columns, down // size)


@cache
def _number(dtype: np.dtype, value: float) -> ctypes._SimpleCData:
    return _REALS[dtype](value)


def _address(dtype: np.dtype, value: float) -> int:
    return ctypes.addressof(_number(dtype, value))


def _routines(library: ModuleType, name: str, arguments: int) -> dict[np.dtype, Callable]:
    """A routine in single and double precision; its arguments by reference, as Fortran's are."""
    prefixes = {np.dtype("float32"): "s", np.dtype("float64"): "d"}
    kind = ctypes.CFUNCTYPE(None, *[_POINTER] * arguments)
    return {dtype: kind(_pointer(library, prefix + name)) for dtype, prefix in prefixes.items()}


def _pointer(library: ModuleType, name: str) -> int:
    capsule, python = library.__pyx_capi__[name], ctypes.pythonapi
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", python))
    pointer_of = ctypes.PYFUNCTYPE(_POINTER, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", python)
    )
    return pointer_of(capsule, name_of(capsule))


_MULTIPLY = _routines(cython_blas, "gemm", 13)
_GRAM = _routines(cython_blas, "syrk", 10)
_INVERT = _routines(cython_lapack, "trtri", 6)
_limit = _Limit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_limit.forget)
