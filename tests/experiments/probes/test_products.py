"""Shared products: NumPy's numbers, whatever the shapes, on any number of cores."""

import ctypes
import itertools
from contextlib import contextmanager

import numpy as np
import pytest

from utilityFunctions import T, compileFunction
from experiments.arms import Arm
from experiments.networks import stagesOf
from experiments.probes import products, propagate
from lookslinear.sampling import standard_normal

pytestmark = pytest.mark.skipif(
    not products.productsAreShared(), reason="without g++ or a BLAS of its own Theano shares none"
)
CORES = (1, 2, 3)
SIDES = (1, 2, 15, 16, 17, 33, 48, 70)


@contextmanager
def on(cores):
    """Within it OpenMP may use so many threads."""
    openmp = ctypes.CDLL("libgomp.so.1")
    before = openmp.omp_get_max_threads()
    openmp.omp_set_num_threads(cores)
    try:
        yield
    finally:
        openmp.omp_set_num_threads(before)


@pytest.fixture(scope="module", params=["float32", "float64"])
def multiply(request):
    """A product of which even the smallest are shared, and its precision."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "SHARED_WORK", 0)
        x, y = T.matrices("x", "y") if request.param == "float64" else T.fmatrices("x", "y")
        found = compileFunction([x, y], T.dot(x, y), mode=products.modeOfSharedProducts())
    ops = [type(node.op) for node in found.maker.fgraph.toposort()]
    assert ops == [products.SharedDot22]
    return found, request.param


def matrix(rows, columns, dtype, transposed):
    numbers = np.random.default_rng(rows * columns).integers(-9, 10, (rows, columns)).astype(dtype)
    return np.asfortranarray(numbers) if transposed else numbers


@pytest.mark.parametrize("cores", CORES)
@pytest.mark.parametrize("transposed", list(itertools.product([False, True], repeat=2)))
def test_as_numpy(multiply, cores, transposed):
    shared, dtype = multiply
    for rows, columns in itertools.product(SIDES, repeat=2):
        x = matrix(rows, 21, dtype, transposed[0])
        y = matrix(21, columns, dtype, transposed[1])
        with on(cores):
            found = shared(x, y)
        np.testing.assert_array_equal(found, x @ y)  # whole numbers: no order of the sum rounds


def test_networks_are_the_same_on_any_number_of_cores():
    stages = stagesOf(Arm.parse("heNormal/relu"), (512,), "dense", 3, 512)
    x, gradient = (standard_normal((64, 512), rng) for rng in (0, 1))
    assert products.SHARED_WORK <= 64 * 512**2
    found = []
    for cores in CORES:
        with on(cores):
            found.append(propagate(stages, x, gradient, seed=2))
    for logs in found[1:]:
        # Parts of a product may be added up in another order.
        np.testing.assert_allclose(logs, found[0], rtol=0, atol=1e-4)
