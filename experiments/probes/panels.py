"""Products with one matrix after another, (samples, matrix) -> samples: as fast as they are drawn.

A BLAS arranges a matrix anew for each product. Here it is arranged once, in panels (`panels.c`),
for all parts of a batch, in the cache that it was drawn in; and threads that multiply leave the
interpreter's lock to others.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from utilityFunctions import T
from experiments.probes.operations import Operation
from experiments.probes.perThread import PerThread

# isort: split
from theano.compile.mode import optdb
from theano.graph.basic import Apply
from theano.graph.opt import TopoOptimizer, local_optimizer

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
    """samples (count, rows), panels of a matrix (rows, columns), columns -> (count, columns).

    Parameters
    ----------
    inPlace : bool
        Whether the product may take the place of the samples: what a core works on then stays in
        its cache.
    """

    __props__ = ("name", "inPlace")
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
    if (IN_PLACE && rows == columns) {
      Py_INCREF(samples);
      %(out)s = samples;
    } else {
      %(out)s = (PyArrayObject*)PyArray_EMPTY(2, shape, PyArray_TYPE(samples), 0);
    }
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

    def __init__(self, inPlace=False):
        self.inPlace = inPlace
        self.destroy_map = {0: [0]} if inPlace else {}

    def c_code(self, node, name, inputs, outputs, sub):
        """The code, which says whether the samples' memory may be used."""
        code = super().c_code(node, name, inputs, outputs, sub)
        return code.replace("IN_PLACE", "true" if self.inPlace else "false")

    def make_node(self, samples, panels, columns):
        kind = T.TensorType(samples.dtype, [False, False])
        return Apply(self, [samples, panels, columns], [kind()])


@local_optimizer([Multiply], inplace=True)
def _inPlace(fgraph, node):
    if type(node.op) is not Multiply or node.op.inPlace:
        return None
    return [Multiply(inPlace=True)(*node.inputs)]


# Before that of elementwise operations (75).
optdb.register(
    "multiply_in_place",
    TopoOptimizer(_inPlace, failure_callback=TopoOptimizer.warn_inplace),
    60,
    "fast_run",
    "inplace",
)


class Panels(NamedTuple):
    """A matrix in panels, and the number of its columns: what `Multiply` takes."""

    panels: np.ndarray
    columns: np.ndarray


def panelsOf(matrix: np.ndarray) -> Panels:
    """The panels of a matrix.

    Examples
    --------
    >>> from experiments.probes.operations import compiles
    >>> if compiles():
    ...     panels, columns = panelsOf(np.arange(6.0).reshape(3, 2))
    ...     assert panels.size % 3 == 0 and columns == 2
    """
    (panels,) = _packing(matrix.dtype.name)(matrix)
    return Panels(panels, np.array(matrix.shape[1]))


@functools.cache
def _packing(dtype: str) -> PerThread:
    matrix = T.TensorType(dtype, [False, False])()
    return PerThread([matrix], [Pack()(matrix)])
