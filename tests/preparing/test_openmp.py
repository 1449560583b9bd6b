"""preparing.openmp: convolutions on all cores equal the slow ones, in a forked child, too."""

import os

import numpy as np
import pytest

from utilityFunctions import T, cast, compileFunction, floatX, gradient, sharedVar, theano
from preparing.openmp import coreCount
from tests.preparing.fresh import python


def slowConvolution(x, W, stride):
    """Theano's conv2d with border_mode='half', a filter of 3x3 flipped as Theano flips it."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = ((side - 1) // stride + 1 for side in x.shape[2:])
    y = np.zeros((len(x), len(W), rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride :, j * stride :][:, :, :3, :3]
            y[:, :, i, j] = np.einsum("nchw,ochw->no", window, W[:, :, ::-1, ::-1])
    return y


@pytest.fixture(scope="module")
def convolution():
    """x, W, the gradient of the output, and a function: x, g -> output, gradients of x and W."""
    rng = np.random.default_rng(5)
    x, W, g = (rng.standard_normal(shape) for shape in ((7, 2, 7, 6), (3, 2, 3, 3), (7, 3, 4, 3)))
    weight, image, outer = sharedVar(W), T.tensor4(), T.tensor4()
    y = T.nnet.conv2d(image, weight, border_mode="half", subsample=(2, 2))
    gradients = gradient((y * outer).sum(), [image, weight])
    return x, W, g, compileFunction([image, outer], [y, *gradients])


@pytest.mark.skipif(
    coreCount() == 1 or "openblas" not in theano.config.blas__ldflags,
    reason="one core alone, or another BLAS by the flags",
)
def test_convolutionsAreRewrittenToUseAllCores(convolution):
    nodes = [node.op for node in convolution[-1].maker.fgraph.toposort()]
    found = {type(op).__name__: op.openmp for op in nodes if "CorrMM" in type(op).__name__}
    assert found == {"CorrMM": True, "CorrMM_gradWeights": True, "CorrMM_gradInputs": True}


def test_convolutionAndItsGradientsEqualTheSlowOnes(convolution):
    x, W, g, f = convolution
    y, xGradient, WGradient = f(cast(x), cast(g))
    tolerance = 100 * np.finfo(floatX()).eps
    np.testing.assert_allclose(y, slowConvolution(x, W, 2), atol=20 * tolerance)
    # The map is bilinear: its derivative along any direction is the map of that direction.
    for direction in np.random.default_rng(6).standard_normal((3, *x.shape)):
        expected = (slowConvolution(direction, W, 2) * g).sum()
        assert (direction * xGradient).sum() == pytest.approx(expected, abs=200 * tolerance)
    for direction in np.random.default_rng(7).standard_normal((3, *W.shape)):
        expected = (slowConvolution(x, direction, 2) * g).sum()
        assert (direction * WGradient).sum() == pytest.approx(expected, abs=200 * tolerance)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_aForkedChildConvolves():
    code = """
import os, signal
from utilityFunctions import *
x, W = T.tensor4(), sharedVar([[[[1] * 3] * 3]])
f = compileFunction([x], T.nnet.conv2d(x, W, border_mode='half', subsample=(2, 2)))
image = cast([[[[1] * 4] * 4]] * 8)
parent, child = f(image), os.fork()
if not child:
    signal.alarm(20)  # OpenMP's threads are gone in a child: it would wait for them
    os._exit(0 if (f(image) == parent).all() else 1)
print(os.waitpid(child, 0)[1])
"""
    assert python(code).stdout == "0\n"
