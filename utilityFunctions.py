"""The one door to Theano, prepared: shared variables, streams, functions and gradients.

Every room that uses Theano gets it from here, `from utilityFunctions import T, theano`, since the
flags must stand before Theano's first import. At that import `preparing` links a fast BLAS, shares
convolutions among the cores and repairs what fails today; its docstring says what it does, and
which flags and variables turn it off.

A Theano that is imported already stays as it is: no flag, no rewrite, no filter. A script that
imports Theano before this module needs two lines in ~/.theanorc, since Theano 1.1.2 does not find
the BLAS of a NumPy of today and stops (module 'numpy.distutils.__config__' has no attribute
'blas_opt_info'):

    [blas]
    ldflags =
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lookslinear.errors import nearest, whole_number
from preparing import compilesOpenmp, prepareTheano

__all__ = [
    "T", "cast", "compileFunction", "compilesOpenmp", "floatX", "gradient", "randomStream",
    "sharedVar", "theano", "zeroClone", "zeroShared",
]  # fmt: skip

RECURSION_LIMIT = 50_000
# 50,000 frames may need more C stack than the 8 MB of a main thread. Memory is taken when touched.
STACK_BYTES = 256 * 2**20
SHARED_KEYWORDS = ("borrow", "broadcastable", "name")

theano = prepareTheano()
T = theano.tensor


def floatX():
    """The dtype of all numbers at present: 'float32', 'float64', 'float16'."""
    return theano.config.floatX


def cast(x):
    """Numbers, an array or a symbolic variable, of any shape, as floatX.

    TypeError for what is not made of real numbers.

    >>> str(cast([1, 2]).dtype) == str(cast(0.5).dtype) == cast(T.ivector()).dtype == floatX()
    True
    """
    if isinstance(x, theano.graph.basic.Variable):
        return T.cast(x, floatX())
    return _realNumbers(x, "x").astype(floatX(), copy=False)[()]


def sharedVar(value, **kwargs):
    """A shared variable of floatX with the shape of `value`.

    Keywords are Theano's `broadcastable` (a bool for each axis), `name` and `borrow`. TypeError for
    an unknown keyword and for values that are not real numbers, ValueError for a wrong pattern.

    >>> bias = sharedVar([[0, 0, 0]], name="bias", broadcastable=(True, False))
    >>> bias.dtype == floatX(), bias.broadcastable, bias.get_value().shape
    (True, (True, False), (1, 3))
    """
    for keyword in kwargs.keys() - set(SHARED_KEYWORDS):
        hint, known = nearest(keyword, SHARED_KEYWORDS), ", ".join(SHARED_KEYWORDS)
        raise TypeError(f"unknown keyword {keyword!r}.{hint} Known: {known}.")
    array = _realNumbers(value, "value").astype(floatX(), copy=False)
    if kwargs.get("broadcastable") is not None:
        kwargs["broadcastable"] = _checkedPattern(kwargs["broadcastable"], array.shape)
    if not isinstance(kwargs.get("name"), (str, type(None))):
        raise TypeError(f"name must be a string or None. Received: {kwargs['name']!r}.")
    return theano.shared(array, **kwargs)


def zeroShared(shape, **kwargs):
    """A shared variable of floatX zeros of `shape`; keywords and errors as in sharedVar.

    TypeError for a shape that is not made of integers, ValueError for negative ones.

    >>> zeroShared((1, 3), broadcastable=(True, False)).get_value().tolist()
    [[0.0, 0.0, 0.0]]
    """
    sides = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    sides = [whole_number(side, "each side of shape", least=0) for side in sides]
    return sharedVar(np.zeros(sides, dtype=floatX()), **kwargs)


def zeroClone(shared, name=None):
    """Shared zeros of the same shape, dtype and broadcast pattern as another shared variable.

    TypeError for what is not a shared variable.

    >>> momentum = zeroClone(sharedVar([[1, 2]], broadcastable=(True, False)), name="momentum")
    >>> momentum.get_value().tolist(), momentum.broadcastable
    ([[0.0, 0.0]], (True, False))
    """
    if not isinstance(shared, T.sharedvar.TensorSharedVariable):
        raise TypeError(
            "shared must be a shared variable of Theano; for a shape there is zeroShared. "
            f"Received: {type(shared).__name__}."
        )
    zeros = np.zeros_like(shared.get_value(borrow=True))
    return theano.shared(zeros, name=name, broadcastable=shared.broadcastable)


def randomStream(seed=None):
    """A stream of symbolic random variables of any shape: Theano's MRG_RandomStream.

    `seed` is None (fresh entropy), an int of 0 or more, a SeedSequence, or a Generator, which moves
    on. Equal ints give equal streams, neighbouring ints unrelated ones. ValueError for a negative
    int, TypeError for any other kind.

    >>> draws = [randomStream(seed).uniform((2, 3)).eval() for seed in (1, 1, 2)]
    >>> (draws[0] == draws[1]).all(), (draws[0] == draws[2]).any()
    (True, False)
    """
    from theano.sandbox.rng_mrg import M2, MRG_RandomStream

    from lookslinear.sampling import as_seed  # loads SciPy's BLAS, so not before the preparation

    # The generator's state is six numbers from 1 to M2 - 1: all of them from the seed's entropy.
    words = as_seed(seed).generate_state(6, np.uint64)
    return MRG_RandomStream([int(word) % (M2 - 1) + 1 for word in words])


def compileFunction(inputs, outputs=None, **kwargs):
    """`theano.function(inputs, outputs, **kwargs)` for graphs of any depth, such as 200 layers.

    Arguments and errors are Theano's own. The recursion limit is as before afterwards.

    >>> x = T.vector()
    >>> float(compileFunction([x], x.sum(), allow_input_downcast=True)([1, 2]))
    3.0
    """
    return _withDeepStack(theano.function, inputs, outputs, **kwargs)


def gradient(cost, wrt, **kwargs):
    """`theano.grad(cost, wrt, **kwargs)` for graphs of any depth: it recurses as compiling does.

    Returns a variable with the shape of `wrt`, or a list of them. Errors are Theano's own.

    >>> x = T.vector()
    >>> gradient((x**2).sum(), x).eval({x: cast([1, 2])}).tolist()
    [2.0, 4.0]
    """
    return _withDeepStack(theano.grad, cost, wrt, **kwargs)


_deepStack = threading.Lock()  # recursion limit and stack size belong to the whole process


def _withDeepStack(function, *args, **kwargs):
    with _deepStack, ThreadPoolExecutor(max_workers=1) as worker:
        limit, stack = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
        sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
        try:
            return worker.submit(function, *args, **kwargs).result()
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(stack)


def _realNumbers(value, argument):
    isSymbolic = isinstance(value, theano.graph.basic.Variable)
    array = np.asarray(None if isSymbolic else value)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{argument} must be real numbers (bool, integer or float). Received: "
            f"{'a symbolic variable' if isSymbolic else f'{value!r} of dtype {array.dtype}'}."
        )
    return array


def _checkedPattern(broadcastable, shape):
    isSequence = isinstance(broadcastable, (tuple, list))
    pattern = tuple(broadcastable) if isSequence else (broadcastable,)
    if not isSequence or not all(isinstance(entry, (bool, np.bool_)) for entry in pattern):
        raise TypeError(f"broadcastable must be a tuple of bools. Received: {broadcastable!r}.")
    if len(pattern) != len(shape) or any(
        entry and side != 1 for entry, side in zip(pattern, shape, strict=True)
    ):
        raise ValueError(
            "broadcastable must have one bool for each axis, True only where the side is 1. "
            f"Received: {pattern} for the shape {shape}."
        )
    return pattern
