"""Products with one matrix after another, each in panels: (samples, panels) -> samples.

A BLAS arranges a matrix anew for each product. Here it is arranged once, in panels (`panels.c`) or,
for a processor's matrix unit, in pieces of numbers (`pieces.c`), for all parts of a batch, while it
is drawn; and threads that multiply leave the interpreter's lock to others.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from utilityFunctions import T, theano
from experiments.probes.compact import FAR
from experiments.probes.operations import Operation
from experiments.probes.perThread import PerThread
from lookslinear.laws import WeightLaw
from lookslinear.sampling import Rng
from lookslinear.sampling.native import TOGETHER, is_native, native_draw, starts

_SUPPORT = tuple(Path(__file__).with_name(name) for name in ("panels.c", "pieces.c"))
#: That are drawn at a time.
_DRAWN_ROWS = 16
#: Shared with C. By a matrix unit products of single precision are made where there is one.
CONSTANTS = {"DRAWN_ROWS": _DRAWN_ROWS, "FAR": FAR, "BY_MATRIX_UNIT": 1}


class Pack(Operation):
    """matrix -> its panels, a vector."""

    name, support, constants = "pack", _SUPPORT, CONSTANTS
    inputs, outputs = ("matrix",), ("out",)
    code = """
{
  const npy_intp rows = PyArray_DIM(%(matrix)s, 0), columns = PyArray_DIM(%(matrix)s, 1);
  npy_intp size = Arranged<%(real)s>::size(rows, columns);
  Py_XDECREF(%(out)s);
  %(out)s = aligned_array(size, %(number)s, sizeof(%(real)s));
  if (!%(out)s) %(fail)s
  const npy_intp down = PyArray_STRIDE(%(matrix)s, 0) / (npy_intp)sizeof(%(real)s);
  const npy_intp across = PyArray_STRIDE(%(matrix)s, 1) / (npy_intp)sizeof(%(real)s);
  Py_BEGIN_ALLOW_THREADS
  Arranged<%(real)s>::arrange(rows, columns, (%(real)s*)PyArray_DATA(%(matrix)s), down, across,
                              (%(real)s*)PyArray_DATA(%(out)s));
  Py_END_ALLOW_THREADS
}
"""

    def perform(self, node, inputs, outputs):
        raise NotImplementedError("panels are made in C alone")

    def make_node(self, matrix):
        return theano.graph.basic.Apply(self, [matrix], [T.TensorType(matrix.dtype, [False])()])


class DrawPanels(Operation):
    """What draws a matrix with so many columns -> its panels, or those of its transpose."""

    name, support, constants = "draw panels", _SUPPORT, CONSTANTS
    inputs = ("address", "states", "starts", "deviation", "columns", "transposed")
    outputs = ("out",)
    code = """
{
  const npy_intp columns = *(npy_int64*)PyArray_DATA(%(columns)s);
  const npy_int64* starts = (npy_int64*)PyArray_DATA(%(starts)s);
  const npy_intp streams = PyArray_DIM(%(states)s, 0), rows = starts[streams] / columns;
  const bool transposed = *(npy_int64*)PyArray_DATA(%(transposed)s);
  npy_intp size = transposed ? Arranged<float>::size(columns, rows)
                             : Arranged<float>::size(rows, columns);
  Py_XDECREF(%(out)s);
  %(out)s = aligned_array(size, NPY_FLOAT32, sizeof(float));
  if (!%(out)s) %(fail)s
  const Draw draw = {(decltype(Draw::make))(intptr_t)*(npy_int64*)PyArray_DATA(%(address)s),
                     (uint64_t*)PyArray_DATA(%(states)s), PyArray_SIZE(%(states)s) / streams,
                     starts, streams, columns, (float)*(double*)PyArray_DATA(%(deviation)s)};
  Py_BEGIN_ALLOW_THREADS
  Arranged<float>::draw(draw, transposed, (float*)PyArray_DATA(%(out)s));
  Py_END_ALLOW_THREADS
}
"""

    def perform(self, node, inputs, outputs):
        raise NotImplementedError("panels are made in C alone")

    def make_node(self, *inputs):
        return theano.graph.basic.Apply(self, list(inputs), [T.fvector()])


class Multiply(Operation):
    """samples (count, rows), panels of a matrix (rows, columns), columns -> (count, columns).

    Parameters
    ----------
    inPlace : bool
        Whether the product may take the place of the samples: what a core works on then stays in
        its cache.
    """

    __props__ = ("name", "inPlace")
    name, support, constants = "multiply", _SUPPORT, CONSTANTS
    inputs, outputs = ("samples", "panels", "columns"), ("out",)
    code = """
{
  PyArrayObject* samples = (PyArrayObject*)PyArray_GETCONTIGUOUS(%(samples)s);
  if (!samples) %(fail)s
  const npy_intp count = PyArray_DIM(samples, 0), rows = PyArray_DIM(samples, 1);
  const npy_intp columns = *(npy_int64*)PyArray_DATA(%(columns)s);
  npy_intp shape[2] = {count, columns};
  const char* complaint = 0;
  const %(real)s* panels = (%(real)s*)PyArray_DATA(%(panels)s);
  if (!Arranged<%(real)s>::are(rows, columns, panels, PyArray_SIZE(%(panels)s)))
    complaint = "samples and panels do not fit";
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
  if (!complaint) {
    Py_BEGIN_ALLOW_THREADS
    Arranged<%(real)s>::multiply(count, rows, columns, (%(real)s*)PyArray_DATA(samples), panels,
                                 (%(real)s*)PyArray_DATA(%(out)s));
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
        if samples.dtype != panels.dtype:
            raise TypeError(
                f"samples and panels must be of one dtype. "
                f"Received: {samples.dtype} and {panels.dtype}."
            )
        kind = T.TensorType(samples.dtype, [False, False])
        return theano.graph.basic.Apply(self, [samples, panels, columns], [kind()])


@theano.graph.opt.local_optimizer([Multiply], inplace=True)
def _inPlace(fgraph, node):
    if type(node.op) is not Multiply or node.op.inPlace:
        return None
    return [Multiply(inPlace=True)(*node.inputs)]


# Before that of elementwise operations (75).
theano.compile.mode.optdb.register(
    "multiply_in_place",
    theano.graph.opt.TopoOptimizer(
        _inPlace, failure_callback=theano.graph.opt.TopoOptimizer.warn_inplace
    ),
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


class PanelDraw:
    """A weight that is drawn in panels, as often as asked, bit for bit as `draw` gives it.

    Examples
    --------
    >>> from experiments.probes.operations import compiles
    >>> from lookslinear.laws import dense_law
    >>> from lookslinear.sampling import draw
    >>> law = dense_law(128, 64, "normal", 1.0)
    >>> if compiles() and canBeDrawnInPanels(law):
    ...     drawn, packed = PanelDraw(law, 1).panels(transposed=True), panelsOf(draw(law, 1).T)
    ...     assert (drawn.panels == packed.panels).all()
    """

    def __init__(self, law: WeightLaw, seed: Rng):
        drawn, (rows, columns) = native_draw(law, seed), law.shape
        states = drawn.states.reshape(len(drawn.states), -1)
        arguments = drawn.address, states, drawn.starts, drawn.deviation, columns
        self._arguments = tuple(map(np.asarray, arguments))
        self._columns = np.array(columns), np.array(rows)

    def panels(self, transposed: bool) -> Panels:
        """Those of the weight, or of its transpose."""
        (panels,) = _drawing()(*self._arguments, _WAYS[transposed])
        return Panels(panels, self._columns[transposed])


_WAYS = np.array(0), np.array(1)


def canBeDrawnInPanels(law: WeightLaw) -> bool:
    """Whether its rows can be drawn a few at a time, each time as many.

    >>> from lookslinear.laws import dense_law
    >>> canBeDrawnInPanels(dense_law(128, 65, "normal", 1.0))
    False
    """
    if not is_native(law) or len(law.shape) != 2 or law.axes.inputs != (0,):
        return False
    drawn = _DRAWN_ROWS * law.shape[1]
    return drawn % TOGETHER == 0 and not any(starts(law)[:-1] % drawn)


@functools.cache
def _drawing() -> PerThread:
    kinds = T.lscalar, T.TensorType("uint64", [False, False]), T.lvector, T.dscalar
    inputs = [kind() for kind in (*kinds, T.lscalar, T.lscalar)]
    return PerThread(inputs, [DrawPanels()(*inputs)])
