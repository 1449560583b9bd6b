"""Compiled functions that several threads call at once, each a copy of its own."""

from __future__ import annotations

import threading

from utilityFunctions import compileFunction


class PerThread:
    """`compileFunction`, for any number of threads: Theano's functions keep what they are at.

    Arguments are not checked: that takes longer than all other Python of a call.

    Examples
    --------
    >>> import numpy as np
    >>> from utilityFunctions import T
    >>> x = T.dmatrix()
    >>> PerThread([x], 2 * x)(np.ones((1, 2)))
    array([[2., 2.]])
    """

    def __init__(self, inputs, output, **kwargs):
        self._compiled = compileFunction(inputs, output, **kwargs)
        self._copies, self._copying = threading.local(), threading.Lock()

    def __call__(self, *arrays):
        try:
            copy = self._copies.function
        except AttributeError:
            copy = self._copies.function = self._copied()
        return copy(*arrays)

    def _copied(self):
        with self._copying:
            copy = self._compiled.copy()
        # Theano's copy forgets both.
        copy.trust_input, copy.unpack_single = True, self._compiled.unpack_single
        return copy
