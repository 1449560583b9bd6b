"""Border loss: zeros cost what theory says, delta kernels and circular images cost nothing."""

import re
from dataclasses import replace

import numpy as np
import pytest

from utilityFunctions import theano
from experiments import borderLoss
from experiments.__main__ import main
from experiments.borderLoss import BACKWARD, FORWARD, ZEROS, Config, prepare, run
from experiments.comparing import contradicted
from experiments.probes import kindOf
from experiments.probes.circular import CircularKind
from lookslinear.sampling import draw, standard_normal
from lookslinear.theory import zero_padding_loss

SMALL = Config(side=(4, 6), depth=6, channels=6, replicates=60)


@pytest.mark.parametrize("s", [3, 5])
def test_what_is_left_is_as_predicted(s):
    table = run(prepare(replace(SMALL, s=s))).table
    assert not contradicted(table)
    zeros = table[table["kernels"] == ZEROS]
    assert (zeros[zeros["where"] == 5]["predicted"] < 0.5).all()  # so that something is lost
    assert set(table["quantity"]) == {FORWARD, BACKWARD}


def test_the_published_table():
    rows = {
        32: (0.9588, 0.807, 0.550, 0.388, 0.208),
        28: (0.9529, 0.782, 0.497, 0.324, 0.147),
        16: (0.9184, 0.635, 0.235, 0.0748, 0.0076),
        8: (0.8403, 0.353, 0.0132, 2.2e-4, 6e-8),
        4: (0.6944, 0.0589),
    }
    for side, expected in rows.items():
        left = zero_padding_loss((side, side), 3, 200)
        np.testing.assert_allclose(left[[0, 9, 49, 99, 199][: len(expected)]], expected, rtol=0.02)
        # The rate in the end is that of the largest eigenvalue of the banded matrix.
        rate = ((1 + 2 * np.cos(np.pi / (side + 1))) / 3) ** 2
        if side <= 16:
            assert np.isclose(left[-1] / left[-2], rate)


def circularly(image, kernel):
    """A circular convolution, position by position; filters are flipped."""
    _, _, rows, columns = image.shape
    filters, _, s, t = kernel.shape
    out = np.zeros((1, filters, rows, columns))
    for i in range(rows):
        for j in range(columns):
            for k in range(s):
                for l in range(t):
                    read = image[0, :, (i + s // 2 - k) % rows, (j + t // 2 - l) % columns]
                    out[0, :, i, j] += kernel[:, :, k, l] @ read
    return out


@pytest.mark.parametrize("sides", [(3, 3), (5, 3)])
def test_circular_layers_against_a_slow_one(sides):
    with theano.config.change_flags(floatX="float64"):
        x, g, w = (
            standard_normal(shape, seed, "float64")
            for seed, shape in enumerate(((1, 3, 5, 4), (1, 2, 5, 4), (2, 3, *sides)))
        )
        kind = CircularKind((3, 5, 4), "linear", 2, sides)
        forward, backward = kind.forward(x, w), kind.backward(x, g, w)
    np.testing.assert_allclose(forward, circularly(x, w), atol=1e-12)
    # The way back is the adjoint.
    assert np.isclose((backward * x).sum(), (g * circularly(x, w)).sum())


def test_a_wrong_scale_is_seen(monkeypatch):
    def scaled(law, seed):
        return draw(replace(law, scale=1.1 * law.scale), seed)

    monkeypatch.setattr(borderLoss, "draw", scaled)
    table = run(prepare(SMALL)).table
    assert table["z"].abs().max() > 5


def test_zeros_in_the_place_of_a_circle_fail_the_check(monkeypatch, tmp_path):
    words = "--side 4 --depth 4 --channels 8 --replicates 20 --quiet --no-plot --check --output"

    class WithZeros(CircularKind):
        def __init__(self, inputShape, activation, channels, sides):
            self._kind = kindOf(tuple(inputShape), activation, channels, tuple(sides))
            self._rim = (0, 0)

    assert main(["border-loss", *words.split(), str(tmp_path / "right")]) == 0
    monkeypatch.setattr(borderLoss, "CircularKind", WithZeros)
    assert main(["border-loss", *words.split(), str(tmp_path / "wrong")]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"side": ()}, "side must be one or more sides of images. Received: ()"),
        ({"side": (4, 4)}, "side must hold different sides"),
        ({"side": (1, 4)}, "each above s // 2, 1. Received: (1, 4)"),
        ({"side": (4, 0)}, "each number of side must be at least 1. Received: 0"),
        ({"s": 2}, "s must be odd: an even filter shifts the image. Received: 2"),
        ({"depth": 1}, "depth must be at least 2. Received: 1"),
        ({"channels": 0}, "channels must be at least 1. Received: 0"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        prepare(Config(**options))
