"""Compiled functions that several threads call at once, each one of its own."""

from __future__ import annotations

import functools
import threading

from utilityFunctions import compileFunction


class PerThread:
    """`compileFunction`, for any number of threads: Theano's functions keep what they are at.

    It returns a list. Arguments must be of the types that were said: nobody checks them, since what
    Theano's functions do about each call takes as long as a small layer. Each thread compiles:
    Theano's copies of a function forget in which order what is in place must run.

    Examples
    --------
    >>> import numpy as np
    >>> from utilityFunctions import T
    >>> x = T.dmatrix()
    >>> PerThread([x], [2 * x])(np.ones((1, 2)))
    [array([[2., 2.]])]
    """

    def __init__(self, inputs, outputs, **kwargs):
        self._compiling = functools.partial(compileFunction, inputs, outputs, **kwargs)
        self._own = threading.local()

    def __call__(self, *arrays):
        try:
            call = self._own.call
        except AttributeError:
            call = self._own.call = _Call(self._compiling())
        return call(*arrays)


class _Call:
    """A compiled function without what Theano does about each call."""

    def __init__(self, function):
        self._run = function.fn
        self._inputs = [container.storage for container in function.input_storage]
        self._outputs = [container.storage for container in function.output_storage]
        self._storages = self._inputs + self._outputs

    def __call__(self, *arrays):
        try:
            for storage, array in zip(self._inputs, arrays, strict=True):
                storage[0] = array
            self._run()
            return [storage[0] for storage in self._outputs]
        finally:
            for storage in self._storages:
                storage[0] = None
