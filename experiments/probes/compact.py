"""What is kept of a signal: its mean squares, and the signs of its numbers, a bit each.

phi(a x) = a phi(x) for a > 0 makes phi' the same for all numbers of a sign. So numbers with the
signs of a signal stand in for it on the way back.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from utilityFunctions import T, theano
from experiments.probes.operations import Operation
from lookslinear.sampling.sources import MAKING

#: Amplitudes beyond this power of two, either way, are far from 1.
FAR = 32
_SUPPORT = (Path(__file__).with_suffix(".c"),)
_BITS = T.TensorType("uint8", [False])


class Signs(Operation):
    """signal -> (bits of the numbers above 0, bits of those that are 0, or nothing if none is)."""

    name, support = "signs", _SUPPORT
    inputs, outputs = ("signal",), ("positive", "zeros")
    code = """
{
  PyArrayObject* signal = (PyArrayObject*)PyArray_GETCONTIGUOUS(%(signal)s);
  if (!signal) %(fail)s
  const %(real)s* numbers = (%(real)s*)PyArray_DATA(signal);
  npy_intp size = PyArray_SIZE(signal), octets = (size + OCTET - 1) / OCTET;
  Py_XDECREF(%(positive)s);
  Py_XDECREF(%(zeros)s);
  %(zeros)s = 0;
  %(positive)s = (PyArrayObject*)PyArray_EMPTY(1, &octets, NPY_UINT8, 0);
  if (%(positive)s) {
    // Exact zeros are rare.
    if (!sign_bits(numbers, size, (uint8_t*)PyArray_DATA(%(positive)s))) octets = 0;
    %(zeros)s = (PyArrayObject*)PyArray_EMPTY(1, &octets, NPY_UINT8, 0);
    if (%(zeros)s && octets) zero_bits(numbers, size, (uint8_t*)PyArray_DATA(%(zeros)s));
  }
  Py_DECREF(signal);
  if (!%(zeros)s) %(fail)s
}
"""

    def make_node(self, signal):
        return theano.graph.basic.Apply(self, [signal], [_BITS(), _BITS()])

    def perform(self, node, inputs, outputs):
        (signal,) = inputs
        zero = signal == 0
        outputs[0][0] = _packed(signal > 0)
        outputs[1][0] = _packed(zero if zero.any() else zero[:0])


class OfSigns(Operation):
    """(bits, bits, shape) -> 0.5 above 0, 0 at 0 and -0.5 below, of that shape."""

    __props__ = ("dtype", "ndim")
    name, support = "of signs", _SUPPORT
    inputs, outputs = ("positive", "zeros", "shape"), ("out",)
    code = """
{
  npy_intp shape[NPY_MAXDIMS];
  const int axes = (int)PyArray_DIM(%(shape)s, 0);
  for (int axis = 0; axis < axes; axis++)
    shape[axis] = *(npy_int64*)PyArray_GETPTR1(%(shape)s, axis);
  Py_XDECREF(%(out)s);
  %(out)s = (PyArrayObject*)PyArray_EMPTY(axes, shape, %(number)s, 0);
  if (!%(out)s) %(fail)s
  const uint8_t* zeros = (uint8_t*)PyArray_DATA(%(zeros)s);
  of_sign_bits((uint8_t*)PyArray_DATA(%(positive)s), PyArray_SIZE(%(zeros)s) ? zeros : 0,
               PyArray_SIZE(%(out)s), (%(real)s*)PyArray_DATA(%(out)s));
}
"""

    def __init__(self, dtype, ndim):
        self.dtype, self.ndim = dtype, ndim

    def make_node(self, positive, zeros, shape):
        kind = T.TensorType(self.dtype, self.ndim * [False])
        return theano.graph.basic.Apply(self, [positive, zeros, shape], [kind()])

    def perform(self, node, inputs, outputs):
        positive, zeros, shape = inputs
        signs = _unpacked(positive, shape).astype(self.dtype) - np.dtype(self.dtype).type(0.5)
        if zeros.size:
            signs[_unpacked(zeros, shape).view(bool)] = 0
        outputs[0][0] = signs


class MeanSquares(Operation):
    """signal (samples, ...) -> the mean square of each sample, in double precision."""

    name, support = "mean squares", _SUPPORT
    inputs, outputs = ("signal",), ("squares",)
    code = """
{
  PyArrayObject* signal = (PyArrayObject*)PyArray_GETCONTIGUOUS(%(signal)s);
  if (!signal) %(fail)s
  npy_intp samples = PyArray_DIM(signal, 0), size = samples ? PyArray_SIZE(signal) / samples : 0;
  Py_XDECREF(%(squares)s);
  %(squares)s = (PyArrayObject*)PyArray_EMPTY(1, &samples, NPY_FLOAT64, 0);
  for (npy_intp i = 0; %(squares)s && i < samples; i++)
    ((double*)PyArray_DATA(%(squares)s))[i] =
        mean_square((%(real)s*)PyArray_DATA(signal) + i * size, size);
  Py_DECREF(signal);
  if (!%(squares)s) %(fail)s
}
"""

    def make_node(self, signal):
        return theano.graph.basic.Apply(self, [signal], [T.dvector()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = meanSquares(inputs[0])


class FarExponents(Operation):
    """mean squares -> `farExponents`."""

    name, support, constants = "far exponents", _SUPPORT, {"FAR": FAR}
    inputs, outputs = ("squares",), ("exponents",)
    code = """
{
  npy_intp count = PyArray_DIM(%(squares)s, 0);
  bool far = false;
  for (npy_intp i = 0; i < count; i++)
    far |= std::abs(exponent_of(*(double*)PyArray_GETPTR1(%(squares)s, i))) > FAR;
  if (!far) count = 0;
  Py_XDECREF(%(exponents)s);
  %(exponents)s = (PyArrayObject*)PyArray_EMPTY(1, &count, NPY_INT64, 0);
  if (!%(exponents)s) %(fail)s
  for (npy_intp i = 0; i < count; i++)
    *(npy_int64*)PyArray_GETPTR1(%(exponents)s, i) =
        exponent_of(*(double*)PyArray_GETPTR1(%(squares)s, i));
}
"""

    def make_node(self, squares):
        return theano.graph.basic.Apply(self, [squares], [T.lvector()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = farExponents(inputs[0])


def farExponents(squares: np.ndarray) -> np.ndarray:
    """The powers of two that bring amplitudes near 1; none where all mean squares are near it.

    >>> farExponents(np.array([1.0, 2.0**90])), farExponents(np.array([1.0, 1e9])).size
    (array([ 0, 45]), 0)
    """
    exponents = np.frexp(squares)[1].astype(np.int64) // 2
    return exponents if abs(exponents).max(initial=0) > FAR else exponents[:0]


def meanSquares(array: np.ndarray) -> np.ndarray:
    """The mean square of each sample of an array (samples, ...), in double precision.

    >>> meanSquares(np.array([[1.0, 3.0], [0.0, 0.0]]))
    array([5., 0.])
    """
    rows = array.reshape(len(array), math.prod(array.shape[1:]))
    return MAKING.square_sums(rows) / rows.shape[1]


def _packed(bits: np.ndarray) -> np.ndarray:
    return np.packbits(bits, bitorder="little")


def _unpacked(octets: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.unpackbits(octets, count=math.prod(shape), bitorder="little").reshape(shape)
