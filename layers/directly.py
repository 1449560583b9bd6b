"""Convolutions of stride 1 without unfolding, in the place of Theano's.

Theano computes a convolution as a product of matrices, for which it copies each number of an image
to all windows that it is in. With few filters the copies take longer than the product. Here each
image is copied once, and the sums are made of shifted runs of numbers (`directly.c`).
"""

import zlib
from pathlib import Path

from utilityFunctions import T, theano

# isort: split
from theano.compile.mode import optdb
from theano.graph.basic import Apply
from theano.graph.op import OpenMPOp
from theano.graph.opt import TopoOptimizer, copy_stack_trace, local_optimizer
from theano.tensor.nnet.corr import CorrMM, CorrMM_gradInputs

#: What C code is made for.
COMPILED = {"float32": "npy_float", "float64": "npy_double"}

#: The functions that the code below calls.
SUPPORT = Path(__file__).with_suffix(".c")

CODE = """
{
  PyArrayObject* x = (PyArrayObject*)PyArray_GETCONTIGUOUS(%(x)s);
  PyArrayObject* w = (PyArrayObject*)PyArray_GETCONTIGUOUS(%(w)s);
  if (!x || !w) {
    Py_XDECREF(x);
    Py_XDECREF(w);
    %(fail)s
  }
  const npy_intp *xs = PyArray_DIMS(x), *ws = PyArray_DIMS(w);
  const Correlation c(xs[1], xs[2], xs[3], ws[0], ws[2], ws[3], %(pads)s);
  npy_intp shape[4] = {xs[0], ws[0], c.outRows, c.outColumns};
  bool fits = %(out)s && PyArray_IS_C_CONTIGUOUS(%(out)s);
  for (int axis = 0; fits && axis < 4; ++axis) fits = PyArray_DIM(%(out)s, axis) == shape[axis];
  const char* complaint = 0;
  if (ws[1] != xs[1]) complaint = "images and filters have different channels";
  if (c.outRows < 0 || c.outColumns < 0) complaint = "filters are larger than the images";
  if (!complaint && !fits) {
    Py_XDECREF(%(out)s);
    %(out)s = (PyArrayObject*)PyArray_EMPTY(4, shape, PyArray_TYPE(x), 0);
    if (!%(out)s) complaint = "no memory for the outputs";
  }
  if (!complaint && PyArray_SIZE(%(out)s)) {
    if (!c.terms)
      PyArray_FILLWBYTE(%(out)s, 0);
    else if (!correlate(c, xs[0], (%(real)s*)PyArray_DATA(x), (%(real)s*)PyArray_DATA(w),
                        (%(real)s*)PyArray_DATA(%(out)s), %(shared)s))
      complaint = "no memory for a correlation";
  }
  Py_DECREF(x);
  Py_DECREF(w);
  if (complaint) {
    PyErr_SetString(PyExc_ValueError, complaint);
    %(fail)s
  }
}
"""


#: Zeros on each side of an axis whose filter has the side %s, as C.
PADS = {"valid": "0", "half": "%s / 2", "full": "%s - 1"}


class Correlation(OpenMPOp):
    """images (batch, c, rows, columns), filters (f, c, s0, s1) -> (batch, f, rows', columns').

    Filters are not turned round, and move by one.

    Parameters
    ----------
    border_mode : 'valid', 'half' or 'full'
        0, s // 2 or s - 1 zeros on each side.
    backward : bool
        Whether it takes the outputs' gradient to the inputs: s - 1 zeros less those.
    openmp : bool
        Whether all cores share the images.
    """

    __props__ = ("border_mode", "backward")
    sharesSamples = True

    def __init__(self, border_mode, backward=False, openmp=False):
        super().__init__(openmp=openmp)
        self.border_mode, self.backward = border_mode, backward

    def make_node(self, images, filters):
        pattern = (images.broadcastable[0], filters.broadcastable[0], False, False)
        return Apply(self, [images, filters], [T.TensorType(images.dtype, pattern)()])

    def perform(self, node, inputs, outputs):
        raise NotImplementedError("a correlation is computed in C alone")

    def c_support_code(self, **kwargs):
        return SUPPORT.read_text(encoding="utf-8")

    def c_code_cache_version(self):
        # Theano looks at nothing else of the code: another text must not find what this one gave.
        return (zlib.crc32(CODE.encode() + SUPPORT.read_bytes()), self.openmp)

    def c_code(self, node, name, inputs, outputs, sub):
        return CODE % {
            "x": inputs[0],
            "w": inputs[1],
            "out": outputs[0],
            "fail": sub["fail"],
            "real": COMPILED[node.outputs[0].dtype],
            "pads": ", ".join(self._pad(f"(int)ws[{axis}]") for axis in (2, 2, 3, 3)),
            "shared": "true" if self.openmp else "false",
        }

    def _pad(self, side):
        pad = PADS[self.border_mode].replace("%s", side)
        return f"{side} - 1 - ({pad})" if self.backward else pad


@local_optimizer([CorrMM, CorrMM_gradInputs])
def conv_directly(fgraph, node):
    """Put `Correlation` where Theano has chosen a product of matrices for a stride of 1."""
    op = node.op
    if type(op) not in (CorrMM, CorrMM_gradInputs) or node.outputs[0].dtype not in COMPILED:
        return None
    isDense = op.num_groups == 1 and not op.unshared and op.filter_dilation == (1, 1)
    if op.border_mode not in PADS or op.subsample != (1, 1) or not isDense:
        return None
    if type(op) is CorrMM:
        out = Correlation(op.border_mode)(*node.inputs)
    else:
        filters, gradients = node.inputs[:2]
        turned = filters.dimshuffle(1, 0, 2, 3)[:, :, ::-1, ::-1]
        out = Correlation(op.border_mode, backward=True)(gradients, turned)
    out = T.patternbroadcast(out, node.outputs[0].broadcastable)
    copy_stack_trace(node.outputs[0], out)
    return [out]


if theano.config.cxx:
    # After Theano has chosen the convolutions, before the cores are shared out (48.8).
    optdb.register("conv_directly", TopoOptimizer(conv_directly), 48.75, "fast_run")
