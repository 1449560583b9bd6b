"""Compiled functions that several threads call at once, each one of its own."""

from __future__ import annotations

import functools
import threading

from utilityFunctions import compileFunction


class PerThread:
    """`compileFunction`, for any number of threads: Theano's functions keep what they are at.

    Arguments are not checked: that takes longer than all other Python of a call. Each thread
    compiles, since Theano's copies of a function forget in which order what is in place must run.

    Examples
    --------
    >>> import numpy as np
    >>> from utilityFunctions import T
    >>> x = T.dmatrix()
    >>> PerThread([x], 2 * x)(np.ones((1, 2)))
    array([[2., 2.]])
    """

    def __init__(self, inputs, output, **kwargs):
        self._compiling = functools.partial(compileFunction, inputs, output, **kwargs)
        self._own = threading.local()

    def __call__(self, *arrays):
        try:
            function = self._own.function
        except AttributeError:
            function = self._own.function = self._compiling()
            function.trust_input = True
        return function(*arrays)
