"""Products with one matrix after another, (samples, matrix) -> samples: as fast as they are drawn.

A BLAS arranges a matrix anew for each product. Here it is arranged once, in panels (`panels.c`),
for all parts of a batch, in the cache that it was drawn in; and threads that multiply leave the
interpreter's lock to others.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from utilityFunctions import T
from experiments.probes.operations import Operation
from experiments.probes.perThread import PerThread

# isort: split
from theano.graph.basic import Apply

_SUPPORT = Path(__file__).with_suffix(".c")


class Pack(Operation):
    """matrix -> its panels, a vector."""

    name, support = "pack", _SUPPORT
    inputs, outputs = ("matrix",), ("out",)
    code = """
{
  const npy_intp rows = PyArray_DIM(%(matrix)s, 0), columns = PyArray_DIM(%(matrix)s, 1);
  const npy_intp lanes = Vector<%(real)s>::LANES, padded = (columns + lanes - 1) / lanes * lanes;
  npy_intp size = rows * padded;
  if (!%(out)s || PyArray_DIM(%(out)s, 0) != size) {
    Py_XDECREF(%(out)s);
    %(out)s = (PyArrayObject*)PyArray_EMPTY(1, &size, PyArray_TYPE(%(matrix)s), 0);
  }
  if (!%(out)s) %(fail)s
  const npy_intp down = PyArray_STRIDE(%(matrix)s, 0) / (npy_intp)sizeof(%(real)s);
  const npy_intp across = PyArray_STRIDE(%(matrix)s, 1) / (npy_intp)sizeof(%(real)s);
  Py_BEGIN_ALLOW_THREADS
  pack(rows, columns, (%(real)s*)PyArray_DATA(%(matrix)s), down, across,
       (%(real)s*)PyArray_DATA(%(out)s));
  Py_END_ALLOW_THREADS
}
"""

    def perform(self, node, inputs, outputs):
        raise NotImplementedError("panels are made in C alone")

    def make_node(self, matrix):
        return Apply(self, [matrix], [T.TensorType(matrix.dtype, [False])()])


class Multiply(Operation):
    """samples (count, rows), panels of a matrix (rows, columns), columns -> (count, columns)."""

    name, support = "multiply", _SUPPORT
    inputs, outputs = ("samples", "panels", "columns"), ("out",)
    code = """
{
  PyArrayObject* samples = (PyArrayObject*)PyArray_GETCONTIGUOUS(%(samples)s);
  if (!samples) %(fail)s
  const npy_intp count = PyArray_DIM(samples, 0), rows = PyArray_DIM(samples, 1);
  const npy_intp columns = *(npy_int64*)PyArray_DATA(%(columns)s);
  const npy_intp lanes = Vector<%(real)s>::LANES, padded = (columns + lanes - 1) / lanes * lanes;
  npy_intp shape[2] = {count, columns};
  const char* complaint = 0;
  if (rows * padded != PyArray_SIZE(%(panels)s)) complaint = "samples and panels do not fit";
  if (!complaint) {
    Py_XDECREF(%(out)s);
    %(out)s = (PyArrayObject*)PyArray_EMPTY(2, shape, PyArray_TYPE(samples), 0);
    if (!%(out)s) complaint = "no memory for a product";
  }
  if (!complaint && !rows) PyArray_FILLWBYTE(%(out)s, 0);
  if (!complaint) {
    Py_BEGIN_ALLOW_THREADS
    multiply(count, rows, columns, (%(real)s*)PyArray_DATA(samples),
             (%(real)s*)PyArray_DATA(%(panels)s), (%(real)s*)PyArray_DATA(%(out)s));
    Py_END_ALLOW_THREADS
  }
  Py_DECREF(samples);
  if (complaint) {
    PyErr_SetString(PyExc_ValueError, complaint);
    %(fail)s
  }
}
"""

    def perform(self, node, inputs, outputs):
        raise NotImplementedError("panels are read in C alone")

    def make_node(self, samples, panels, columns):
        kind = T.TensorType(samples.dtype, [False, False])
        return Apply(self, [samples, panels, columns], [kind()])


class Panels:
    """A matrix in panels, of it and of its transpose, each made when first asked for.

    Examples
    --------
    >>> from experiments.probes.operations import compiles
    >>> if compiles():
    ...     panels, columns = Panels(np.arange(6.0).reshape(3, 2)).straight
    ...     assert panels.size % 3 == 0 and columns == 2
    """

    def __init__(self, matrix: np.ndarray):
        self._matrix = matrix

    @functools.cached_property
    def straight(self) -> tuple[np.ndarray, np.ndarray]:
        """The panels, and the number of columns."""
        return self._packed(self._matrix)

    @functools.cached_property
    def transposed(self) -> tuple[np.ndarray, np.ndarray]:
        """Those of the transpose, and the number of its columns."""
        return self._packed(self._matrix.T)

    @staticmethod
    def _packed(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _packing(matrix.dtype.name)(matrix), np.array(matrix.shape[1])


@functools.cache
def _packing(dtype: str) -> PerThread:
    matrix = T.TensorType(dtype, [False, False])()
    return PerThread([matrix], Pack()(matrix))
