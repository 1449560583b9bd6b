"""CReLU in one pass over memory, forth and back, the samples shared out over the cores.

Of Theano's own operations it takes two comparisons, two products and a concatenation, and four
products, a sum and a split on the way back, each on one core.
"""

import zlib

import numpy as np

from utilityFunctions import T

# isort: split
from theano.graph.basic import Apply
from theano.graph.op import OpenMPOp

#: What C code is made for; other floats run NumPy, as everything does without a compiler.
COMPILED = {"float32": "npy_float", "float64": "npy_double"}
#: Numbers below which waking another core takes longer than the work.
FEW = 2**15

CODE = """
{
  PyArrayObject* arrays[%(count)s] = {%(contiguous)s};
  npy_intp shape[NPY_MAXDIMS];
  for (int i = 0; i < %(count)s; ++i)
    if (!arrays[i]) { %(fail)s }
  memcpy(shape, PyArray_DIMS(arrays[0]), %(ndim)s * sizeof(npy_intp));
  shape[1] = %(channels)s;
  bool fits = %(out)s && PyArray_IS_C_CONTIGUOUS(%(out)s);
  for (int axis = 0; fits && axis < %(ndim)s; ++axis)
    fits = PyArray_DIM(%(out)s, axis) == shape[axis];
  if (!fits) {
    Py_XDECREF(%(out)s);
    %(out)s = (PyArrayObject*)PyArray_EMPTY(%(ndim)s, shape, PyArray_TYPE(arrays[0]), 0);
    if (!%(out)s) { %(fail)s }
  }
  const npy_intp samples = shape[0], whole = PyArray_SIZE(%(out)s);
  const npy_intp half = samples ? whole / samples / %(halves)s : 0;
  %(parallel)s
  for (npy_intp n = 0; n < samples; ++n) {
    %(loop)s
  }
  for (int i = 0; i < %(count)s; ++i) Py_DECREF(arrays[i]);
}
"""


class _SampleBySample(OpenMPOp):
    """An operation of which each sample is computed by itself."""

    __props__ = ()
    #: Tells the rewrite that gives convolutions all cores to give them to this operation, too.
    sharesSamples = True

    def __init__(self, openmp=False):
        super().__init__(openmp=openmp)

    def c_headers(self, **kwargs):
        return ["<string.h>", *super().c_headers(**kwargs)]

    def c_code_cache_version(self):
        return (zlib.crc32((CODE + self.loop).encode()), FEW, self.openmp)

    def c_code(self, node, name, inputs, outputs, sub):
        out = node.outputs[0]
        if out.dtype not in COMPILED:
            raise NotImplementedError(f"no C code for {out.dtype}")
        contiguous = (f"(PyArrayObject*)PyArray_GETCONTIGUOUS({one})" for one in inputs)
        parallel = f"#pragma omp parallel for schedule(static) if (whole > {FEW})"
        words = {"out": outputs[0], "fail": sub["fail"], "real": COMPILED[out.dtype]}
        return CODE % {
            **words,
            "count": len(inputs),
            "contiguous": ", ".join(contiguous),
            "ndim": out.ndim,
            "channels": self.channels,
            "halves": self.halves,
            "parallel": parallel if self.openmp else "",
            "loop": self.loop % words,
        }


class DoubledRelu(_SampleBySample):
    """x (batch, c, ...) -> (batch, 2 c, ...): max(x, 0) and then max(-x, 0); NaN stays NaN.

    Raises
    ------
    TypeError
        For what is no tensor of floats with at least two axes.

    Examples
    --------
    >>> x = T.matrix(dtype="float32")
    >>> DoubledRelu()(x).eval({x: np.array([[1, -2]], "float32")}).tolist()
    [[1.0, 0.0, 0.0, 2.0]]
    """

    channels, halves = "2 * PyArray_DIM(arrays[0], 1)", 2
    loop = """
    const %(real)s* __restrict__ x = (const %(real)s*)PyArray_DATA(arrays[0]) + n * half;
    %(real)s* __restrict__ y = (%(real)s*)PyArray_DATA(%(out)s) + 2 * n * half;
    for (npy_intp i = 0; i < half; ++i) y[i] = x[i] < 0 ? 0 : x[i];
    for (npy_intp i = 0; i < half; ++i) y[half + i] = x[i] > 0 ? 0 : -x[i];
    """

    def make_node(self, x):
        x = T.as_tensor_variable(x)
        if x.ndim < 2 or x.dtype not in ("float16", *COMPILED):
            raise TypeError(
                f"CReLU doubles axis 1 of floats (batch, c, ...). Received: a tensor of {x.ndim} "
                f"axes and dtype {x.dtype}."
            )
        pattern = (x.broadcastable[0], False, *x.broadcastable[2:])
        return Apply(self, [x], [T.TensorType(x.dtype, pattern)()])

    def perform(self, node, inputs, outputs):
        (x,) = inputs
        outputs[0][0] = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)

    def infer_shape(self, fgraph, node, shapes):
        ((samples, channels, *rest),) = shapes
        return [(samples, 2 * channels, *rest)]

    def L_op(self, inputs, outputs, gradients):
        back = HalvedGradient()(outputs[0], gradients[0])
        return [T.patternbroadcast(back, inputs[0].broadcastable)]


class HalvedGradient(_SampleBySample):
    """(y = crelu(x), gradient at y) -> gradient at x: halves of one sign each, put together.

    That is the first half where x > 0, and minus the second where x < 0.

    Where x is 0 it is 0, as that of `layers.activation.relu`. It reads the signs off y, so that x
    need not be kept.
    """

    channels, halves = "PyArray_DIM(arrays[0], 1) / 2", 1
    loop = """
    const %(real)s* __restrict__ y = (const %(real)s*)PyArray_DATA(arrays[0]) + 2 * n * half;
    const %(real)s* __restrict__ g = (const %(real)s*)PyArray_DATA(arrays[1]) + 2 * n * half;
    %(real)s* __restrict__ x = (%(real)s*)PyArray_DATA(%(out)s) + n * half;
    for (npy_intp i = 0; i < half; ++i)
      x[i] = (y[i] > 0 ? g[i] : 0) - (y[half + i] > 0 ? g[half + i] : 0);
    """

    def make_node(self, y, g):
        y, g = T.as_tensor_variable(y), T.as_tensor_variable(g)
        return Apply(self, [y, g], [T.TensorType(y.dtype, y.broadcastable)()])

    def perform(self, node, inputs, outputs):
        (y1, y2), (g1, g2) = (np.split(one, 2, axis=1) for one in inputs)
        outputs[0][0] = np.where(y1 > 0, g1, 0) - np.where(y2 > 0, g2, 0)

    def infer_shape(self, fgraph, node, shapes):
        (samples, channels, *rest), _ = shapes
        return [(samples, channels // 2, *rest)]

    def L_op(self, inputs, outputs, gradients):
        y, _ = inputs
        signed = T.concatenate([gradients[0], -gradients[0]], axis=1)
        return [y.zeros_like(), signed * (y > 0)]
