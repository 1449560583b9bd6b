"""Roots of many functions at once."""

import numpy as np
import pytest

from lookslinear.theory.roots import bracketed_roots

ROOTS = np.array([0.0, 1e-10, 1e-3, 0.5, 0.999, 1.0])


@pytest.mark.parametrize(
    "shape",
    [lambda d: d, lambda d: d + d**3, lambda d: np.expm1(5 * d), lambda d: np.cbrt(d), np.sign],
)
def test_roots_are_found_inside_and_at_the_ends(shape):
    low, high = np.zeros_like(ROOTS), np.ones_like(ROOTS)
    found = bracketed_roots(lambda x: shape(ROOTS - x), low, high)
    np.testing.assert_allclose(found, ROOTS, rtol=1e-9, atol=1e-18)


def test_equal_ends_stay_where_they_are():
    assert bracketed_roots(
        lambda x: 3 - x, np.array([1.0, 0.0]), np.array([1.0, 9.0])
    ).tolist() == [
        1.0,
        3.0,
    ]
