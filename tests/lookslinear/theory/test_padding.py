"""What is lost at borders: the table, an explicit matrix, and a direct convolution."""

import functools
import math

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.sampling import draw
from lookslinear.theory import NotCoveredError, Stage, zero_padding_loss
from lookslinear.theory.taps import sum_over_taps
from tests.lookslinear.laws import law_between
from tests.oracles import conv2d_oracle

#: What is left after so many layers, s = 3, of square images.
TABLE = {
    (32, 1): 0.9588, (32, 10): 0.807, (32, 50): 0.550, (32, 100): 0.388, (32, 200): 0.208,
    (28, 1): 0.9529, (28, 10): 0.782, (28, 50): 0.497, (28, 100): 0.324, (28, 200): 0.147,
    (16, 1): 0.9184, (16, 10): 0.635, (16, 50): 0.235, (16, 100): 0.0748, (16, 200): 0.0076,
    (8, 1): 0.8403, (8, 10): 0.353, (8, 50): 0.0132, (8, 100): 2.2e-4,
    (4, 1): 0.6944, (4, 10): 0.0589,
}  # fmt: skip


@pytest.mark.parametrize(("side", "depth"), TABLE)
def test_the_loss_is_that_of_the_table(side, depth):
    value = TABLE[side, depth]
    digits = len(f"{value:.6g}".split(".")[-1]) if value > 1e-3 else 5
    loss = zero_padding_loss((side, side), 3, depth)
    assert loss.shape == (depth,)
    assert abs(loss[-1] - value) <= 0.51 * 10.0**-digits


@pytest.mark.parametrize(
    ("side", "rate"), [(32, 0.99397), (16, 0.97743), (8, 0.92121), (4, 0.76157)]
)
def test_the_rate_is_that_of_the_largest_eigenvalue(side, rate):
    loss = zero_padding_loss((side, side), 3, 800)
    assert math.isclose(loss[-1] / loss[-2], rate, abs_tol=6e-6)
    assert math.isclose(((1 + 2 * math.cos(math.pi / (side + 1))) / 3) ** 2, rate, abs_tol=6e-6)


@pytest.mark.parametrize("s", [1, 3, 5, 9])
@pytest.mark.parametrize("sides", [(7,), (4, 9), (3, 5, 2)])
def test_the_loss_is_that_of_banded_matrices(s, sides):
    def of_axis(n):
        band = np.array([[abs(i - j) <= s // 2 for j in range(n)] for i in range(n)]) / s
        return [np.linalg.matrix_power(band, depth).sum() / n for depth in range(1, 5)]

    expected = functools.reduce(np.multiply, [np.array(of_axis(n)) for n in sides])
    np.testing.assert_allclose(zero_padding_loss(sides, s, 4), expected, rtol=1e-12)


def simulated(sides, s, depth, networks, channels=8):
    """The mean square of each network after each layer, over that of a flat input."""
    rng, measured = np.random.default_rng(0), []
    law = law_between(
        channels, channels, "normal", 1 / math.sqrt(s * s * channels), (s, s), dtype="float64"
    )
    for _ in range(networks):
        h, squares = rng.standard_normal((1, channels, *sides)), []
        for _ in range(depth):
            h = conv2d_oracle(h, draw(law, rng), padding=(s // 2, s // 2))
            squares.append((h**2).mean())
        measured.append(squares)
    return np.array(measured)


@pytest.mark.parametrize(("sides", "s"), [((8, 8), 3), ((4, 7), 5)])
def test_the_loss_is_that_of_direct_convolution(sides, s):
    measured = simulated(sides, s, 4, 150)
    error = measured.std(axis=0, ddof=1) / math.sqrt(len(measured))
    z = (measured.mean(axis=0) - zero_padding_loss(sides, s, 4)) / error
    assert np.abs(z).max() < 5.3  # of 150 networks: one in a million
    # Mutants: no loss, and that of another filter.
    assert (np.abs(measured.mean(axis=0) - 1) / error > 5.3).any()
    other = zero_padding_loss(sides, s + 2, 4)
    assert (np.abs(measured.mean(axis=0) - other) / error > 5.3).any()


@pytest.mark.parametrize("padding", ["zeros", "circular"])
def test_sums_over_taps_are_their_own_adjoint(padding):
    stage = Stage(law_between(2, 4, sides=(3, 5)), "linear", padding)
    a, b = np.random.default_rng(0).random((2, 6, 7))
    assert math.isclose((a * sum_over_taps(b, stage)).sum(), (sum_over_taps(a, stage) * b).sum())
    assert math.isclose(sum_over_taps(np.ones((6, 7)), stage)[3, 3], 15)
    if padding == "circular":
        np.testing.assert_allclose(sum_over_taps(a, stage).sum(), 15 * a.sum())
    else:
        assert math.isclose(sum_over_taps(a, stage)[0, 0], a[:2, :3].sum())


@pytest.mark.parametrize(
    "law", [dense_law(3, 4, "normal", 1.0), law_between(3, 4, sides=(4, 2), taps="centre")]
)
def test_one_tap_reads_its_own_position(law):
    moments = np.random.default_rng(0).random((3, 4))
    np.testing.assert_array_equal(sum_over_taps(moments, Stage(law)), moments)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: zero_padding_loss((8, 8), 2, 3), NotCoveredError, "s must be odd. Received: 2"),
        (lambda: zero_padding_loss((8, 8), 0, 3), ValueError, "s must be at least 1"),
        (lambda: zero_padding_loss((8, 8), 3, 0), ValueError, "depth must be at least 1"),
        (lambda: zero_padding_loss((8, 0), 3, 1), ValueError, "sides must be at least 1"),
        (lambda: zero_padding_loss((), 3, 1), ValueError, r"sides must be .*: \(\)"),
        (lambda: zero_padding_loss(8, 3, 10), TypeError, "sides must be a tuple.*: 8"),
        (lambda: zero_padding_loss((8, 8), 3.0, 1), TypeError, "s must be a whole number"),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
