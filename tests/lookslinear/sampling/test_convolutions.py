"""Orthogonal convolutions as operators: what they do to images, and their singular values."""

import itertools
import math

import numpy as np
import pytest

from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, binomial_shares
from lookslinear.sampling import draw, standard_normal
from tests.lookslinear.laws import law_between

#: Kernels in 1, 2 and 3 dimensions: channels in and out, filter, image; even sides among them.
CASES = {
    "1-D": (4, 4, (3,), (8,)),
    "1-D, wide": (3, 5, (4,), (7,)),
    "2-D": (4, 4, (3, 3), (6, 5)),
    "2-D, wide": (2, 6, (3, 2), (5, 5)),
    "2-D, tall": (6, 2, (2, 3), (5, 4)),
    "3-D": (3, 3, (3, 2, 3), (4, 3, 3)),
    "filter as large as the image": (2, 2, (3, 3), (3, 3)),
}


def kernel_of(name, seed=0, dtype="float64"):
    """(*receptive field, in, out), of gain 1."""
    inputs, outputs, sides, _ = CASES[name]
    scale = 1 / math.sqrt(max(inputs, outputs) * math.prod(sides))
    axes = axes_of(2 + len(sides), "keras")
    law = WeightLaw((*sides, inputs, outputs), axes, "haar_convolution", scale, dtype=dtype)
    assert math.isclose(law.gain, 1.0)
    return draw(law, seed)


def convolved(images, kernel, padding="circular"):
    """Images (count, *sides, in) and a kernel, one tap at a time."""
    field = kernel.shape[:-2]
    out = np.zeros((*images.shape[:-1], kernel.shape[-1]))
    axes = tuple(range(1, 1 + len(field)))
    for tap in itertools.product(*map(range, field)):
        shift = tuple(place - side // 2 for place, side in zip(tap, field, strict=True))
        moved = np.roll(images, shift, axes)
        if padding == "zeros":
            for axis, by in zip(axes, shift, strict=True):
                beyond = [slice(None)] * images.ndim
                beyond[axis] = slice(0, by) if by > 0 else slice(by or images.shape[axis], None)
                moved[tuple(beyond)] = 0
        out += moved @ kernel[tap]
    return out


def matrix_of(kernel, sides):
    """The operator as a matrix (numbers read, numbers written), column by column."""
    inputs = math.prod(sides) * kernel.shape[-2]
    units = np.eye(inputs).reshape(inputs, *sides, kernel.shape[-2])
    return convolved(units, kernel).reshape(inputs, -1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", CASES)
def test_all_singular_values_of_the_operator_are_one(name, seed):
    kernel = kernel_of(name, seed)
    singular = np.linalg.svd(matrix_of(kernel, CASES[name][3]), compute_uv=False)
    # Rounding of at most a hundred products.
    np.testing.assert_allclose(singular, 1, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_random_images_keep_their_norm_one_way_or_the_other(name, dtype):
    inputs, outputs, _, sides = CASES[name]
    kernel = kernel_of(name, 1, dtype).astype(float)
    if inputs > outputs:  # what is kept is the norm of gradients: the adjoint's kernel
        kernel = kernel[tuple(slice(None, None, -1) for _ in sides)].swapaxes(-1, -2)
    images = standard_normal((20, *sides, kernel.shape[-2]), 2, "float64")
    axes = tuple(range(1, images.ndim))
    ratios = (convolved(images, kernel) ** 2).sum(axis=axes) / (images**2).sum(axis=axes)
    np.testing.assert_allclose(ratios, 1, atol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["1-D", "2-D", "3-D"])
def test_kernels_that_are_not_orthogonal_change_norms(name):
    """The mutants: taps of the right size that are independent, a frame of all taps; the border."""
    inputs, outputs, field, sides = CASES[name]
    kernel, images = kernel_of(name), standard_normal((20, *sides, inputs), 2, "float64")
    mutants = [
        standard_normal(kernel.shape, 3, "float64") * math.sqrt(1 / kernel[..., 0].size),
        np.linalg.qr(standard_normal((math.prod(field) * inputs, outputs), 3, "float64"))[0],
    ]
    axes = tuple(range(1, images.ndim))
    for mutant in mutants:
        out = convolved(images, mutant.reshape(kernel.shape))
        ratios = (out**2).sum(axis=axes) / (images**2).sum(axis=axes)
        assert np.abs(ratios - 1).max() > 0.05
    out = convolved(images, kernel, "zeros")
    assert ((out**2).sum(axis=axes) < 0.99 * (images**2).sum(axis=axes)).all()


def test_each_group_has_a_kernel_of_its_own():
    law = law_between(3, 9, "haar_convolution", 1 / math.sqrt(3 * 3), (3,), "keras", groups=3)
    kernel = draw(law.with_dtype("float64"), 1)
    for first in (0, 3, 6):
        singular = np.linalg.svd(matrix_of(kernel[..., first : first + 3], (7,)), compute_uv=False)
        np.testing.assert_allclose(singular, 1, atol=1e-12)


def test_the_energy_of_the_taps_is_binomial():
    kernels = np.array([kernel_of("2-D", seed) for seed in range(400)])
    energy = (kernels**2).sum(axis=(-1, -2)) / 4
    expected = np.multiply.outer(binomial_shares(3), binomial_shares(3))
    errors = energy.std(axis=0, ddof=1) / math.sqrt(len(energy))
    assert np.abs((energy.mean(axis=0) - expected) / errors).max() < 5
    assert np.abs((energy.mean(axis=0) - 1 / 9) / errors).max() > 5  # nor are they all alike


def test_threads_change_no_bit():
    law = law_between(96, 96, "haar_convolution", 0.1, (3, 3))
    np.testing.assert_array_equal(draw(law, 1, threads=1), draw(law, 1, threads=2))
