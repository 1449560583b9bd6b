"""Kernels that keep norms: correct draws pass, wrong ones are rejected."""

import numpy as np
import pytest

from lookslinear.checks import check_draw
from lookslinear.laws import DTYPES
from lookslinear.sampling import draw, haar_frame
from tests.lookslinear.laws import law_between
from tests.lookslinear.test_checks import SEEDS, assert_rejected, draws, scaled_by

FAMILY = "haar_convolution"
LAWS = {
    "1-D": (law_between(24, 24, FAMILY, sides=(3,), layout="keras"), 1),
    "2-D": (law_between(24, 24, FAMILY, sides=(3, 3)), 1),
    "2-D, wide": (law_between(10, 24, FAMILY, sides=(3, 2), layout="torch"), 1),
    "2-D, tall": (law_between(24, 10, FAMILY, sides=(1, 4)), 1),
    "3-D": (law_between(8, 8, FAMILY, sides=(3, 2, 3)), 1),
    "small": (law_between(2, 3, FAMILY, sides=(2, 2)), 100),
    "odd": (law_between(3, 3, FAMILY, sides=(3,)), 60),
    "one channel": (law_between(1, 1, FAMILY, sides=(3, 3)), 60),
    "groups": (law_between(8, 24, FAMILY, sides=(3, 3), groups=3), 2),
    "mirrored": (law_between(24, 12, FAMILY, sides=(3, 3), mirror=True), 1),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAWS)
def test_a_correct_sample_passes(name, dtype):
    law, count = LAWS[name]
    law = law.with_dtype(dtype)
    for seed in SEEDS:
        verdict = check_draw(draws(law, count, seed), law)
        assert verdict, str(verdict)


@pytest.mark.parametrize("name", LAWS)
def test_a_factor_of_two_is_rejected(name):
    for factor in (0.5**0.5, 2**0.5, 1.01):
        assert_rejected(scaled_by(factor), *LAWS[name], because="from an isometry")


def product_of(frame, projections):
    """The kernel H (P + (1 - P) z) ... along one axis, as (taps, in, out)."""
    kernel = frame[None]
    for projection in projections:
        kept = kernel @ projection
        none = np.zeros_like(kept[:1])
        kernel = np.concatenate([kept, none]) + np.concatenate([none, kernel - kept])
    return kernel


def projection(channels, rank, rng):
    frame = haar_frame(channels, rank, rng, float)
    return frame @ frame.T


def half(channels, rng):
    return projection(channels, channels // 2, rng)


def along_axes(channels, rng):
    return np.diag(rng.permutation(channels) < channels // 2).astype(float)


#: Samplers of kernels (3, 12, 12), what they do wrong, and by what that is found.
MUTANTS = {
    "no frame": (lambda n, rng: product_of(np.eye(n), [half(n, rng), half(n, rng)]), "frequency 0"),
    "projections along the axes": (
        lambda n, rng: product_of(
            haar_frame(n, n, rng, float), [along_axes(n, rng), along_axes(n, rng)]
        ),
        "not mixed",
    ),
    "one tap alone": (
        lambda n, rng: product_of(haar_frame(n, n, rng, float), 2 * [np.eye(n)]),
        "not mixed",
    ),
    "thin projections": (
        lambda n, rng: product_of(
            haar_frame(n, n, rng, float), [projection(n, 1, rng), projection(n, 1, rng)]
        ),
        "share of tap",
    ),
    "the same projection twice": (
        lambda n, rng: product_of(haar_frame(n, n, rng, float), 2 * [half(n, rng)]),
        "",
    ),
    "independent taps": (
        lambda n, rng: rng.standard_normal((3, n, n)) / (3 * n) ** 0.5,
        "from an isometry",
    ),
    "a frame of all taps": (
        lambda n, rng: haar_frame(3 * n, n, rng, float).reshape(3, n, n),
        "from an isometry",
    ),
    "raw QR": (
        lambda n, rng: product_of(
            np.linalg.qr(rng.standard_normal((n, n)))[0], [half(n, rng), half(n, rng)]
        ),
        "frequency 0",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_kernels_of_another_law_are_rejected(name):
    made, because = MUTANTS[name]
    law = law_between(12, 12, FAMILY, 1 / 6, sides=(3,), layout="keras")
    assert_rejected(
        lambda law, rng: made(12, rng).astype(law.dtype), law, count=40, because=because
    )


def test_a_correct_product_passes():
    law = law_between(12, 12, FAMILY, 1 / 6, sides=(3,), layout="keras")

    def sampler(law, rng):
        frame = haar_frame(12, 12, rng, float)
        return product_of(frame, [half(12, rng), half(12, rng)]).astype(law.dtype)

    for seed in SEEDS:
        verdict = check_draw(draws(law, 40, seed, sampler), law)
        assert verdict, str(verdict)


def test_the_delta_kernel_is_another_law():
    law = law_between(12, 12, FAMILY, 1 / 6, sides=(3,), layout="keras")
    delta = law_between(12, 12, "haar", 12**-0.5, sides=(3,), layout="keras", taps="centre")
    assert_rejected(lambda _, rng: draw(delta, rng), law, count=10)
