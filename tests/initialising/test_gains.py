"""`activation` and `gain`: of any entry, by the exact gain, PyTorch's table, or a number."""

import math

import numpy as np
import pytest
from scipy import integrate

from initialisations import initD
from lookslinear.activations import ACTIVATIONS, TABLED, activation, gain_of
from lookslinear.theory import Stage, forward_second_moments

SCALED = (
    *("glorotNormal", "glorotUniform", "heNormal", "heUniform", "lecunNormal", "lecunUniform"),
    *("orthogonal", "orthogonalConvolution", "kaimingNormal", "kaimingUniform", "fixedNorm"),
    *("truncated", "icnr"),
)
SHAPES = ((24, 8, 8), (60, 8, 8))


def exactGain(phi):
    """1 / sqrt(E phi(z)^2), by SciPy's quadrature."""

    def square(z):
        value = float(phi.function(np.array([[z]])).ravel()[0])
        return value**2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    pieces = [(-40, -1), (-1, 0), (0, 1), (1, 40)]
    return sum(integrate.quad(square, *piece, epsabs=1e-13)[0] for piece in pieces) ** -0.5


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "crelu"])
def test_the_exact_gain_is_that_of_quadrature(name):
    phi = activation(name)
    assert gain_of(name) == pytest.approx(exactGain(phi), rel=1e-9)
    if name in TABLED or name == "leakyRelu":
        assert gain_of(name, "torch") == phi.literature_gain
    else:
        with pytest.raises(ValueError, match=f"table has no gain for '{name}'.*gain='exact'"):
            gain_of(name, "torch")


def variance(name, **options):
    return initD[name].law(*SHAPES, **options).variance


@pytest.mark.parametrize("name", SCALED)
def test_every_scaled_entry_takes_them(name):
    plain = variance(name, gain=1.0)
    assert variance(name, activation="tanh") == pytest.approx(plain * 1.592537419722831**2)
    assert variance(name, activation="tanh", gain="exact") == variance(name, activation="tanh")
    torch = variance(name, activation="tanh", gain="torch")
    assert torch == pytest.approx(plain * 25 / 9, rel=1e-12)
    assert variance(name, activation="leakyRelu(0.5)") == pytest.approx(plain * 2 / 1.25)
    assert variance(name, gain=0.3) == pytest.approx(plain * 0.09, rel=1e-12)
    assert variance(name, activation="relu") == pytest.approx(2 * plain, rel=1e-12)
    assert variance(name, relu=True, gain="exact") == pytest.approx(2 * plain, rel=1e-12)


@pytest.mark.parametrize("name", ["glorotNormal", "heNormal", "orthogonal", "lecunNormal"])
def test_with_a_mirror_only_a_number_counts(name):
    for mirror in (True, 0.5):
        plain = variance(name, mirror=mirror)
        assert variance(name, mirror=mirror, activation="crelu") == plain
        assert variance(name, mirror=mirror, activation="tanh", gain="torch") == plain
        assert variance(name, mirror=mirror, gain=3.0) == pytest.approx(9 * plain)


@pytest.mark.parametrize("phi", ["tanh", "gelu", "selu", "elu", "hardTanh", "crelu", "sigmoid"])
def test_the_exact_gain_keeps_a_second_moment_of_one(phi):
    doubled = 2 if phi == "crelu" else 1
    for name in ("heNormal", "lecunUniform", "kaimingNormal", "orthogonal"):
        law = initD[name].law((48 * doubled,), (48,), activation=phi, rescale="none")
        moment = forward_second_moments([Stage(law, phi)], 1.0)[0]
        shares = 48 * doubled / max(law.shape) if name == "orthogonal" else 1
        assert moment == pytest.approx(shares, rel=1e-9), name
        other = initD[name].law((48 * doubled,), (48,), gain=1.1, rescale="none")
        assert forward_second_moments([Stage(other, phi)], 1.0)[0] != pytest.approx(1, rel=1e-3)


def test_he_and_kaiming_say_by_themselves_whose_gain():
    assert variance("heNormal", gain="exact") == variance("heNormal")
    exact = variance("kaimingNormal", nonlinearity="tanh", gain="exact")
    assert exact == pytest.approx(1.592537419722831**2 / (24 * 9))


def test_the_names_of_keras_take_gains_by_name_too():
    for name in ("deltaOrthogonal", "identity"):
        initD[name].law(*SHAPES, activation="tanh")
    law = initD["deltaOrthogonal"].law(*SHAPES, activation="tanh", gain="exact")
    assert law.gain == pytest.approx(1.592537419722831)
    with pytest.raises(ValueError, match="say which, activation='tanh'"):
        initD["deltaOrthogonal"].law(*SHAPES, gain="exact")
    with pytest.raises(ValueError, match="unknown gain 'exat'"):
        initD["deltaOrthogonal"].law(*SHAPES, activation="tanh", gain="exat")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"gain": "exakt"}, ValueError, "unknown gain 'exakt'. Did you mean 'exact'"),
        ({"gain": "exact"}, ValueError, "say which, activation='tanh'"),
        ({"gain": 0}, ValueError, "gain must be above 0. Received: 0"),
        ({"gain": -1.0}, ValueError, "gain must be at least 0. Received: -1.0"),
        ({"gain": math.nan}, ValueError, "gain must be finite. Received: nan"),
        ({"gain": True}, TypeError, "gain must be a number. Received: True"),
        ({"gain": [1.0]}, TypeError, r"gain must be a number. Received: \[1.0\]"),
        ({"activation": "rellu"}, ValueError, "activation 'rellu'. Did you mean 'relu'"),
        ({"activation": 3}, ValueError, "unknown activation 3"),
        ({"activation": "gelu", "gain": "torch"}, ValueError, "no gain for 'gelu'"),
        ({"activation": "tanh", "relu": True}, ValueError, "give one of the two.*'tanh'"),
    ],
)
def test_bad_gains(options, kind, message):
    for name in ("glorotNormal", "orthogonal", "lecunUniform", "fixedNorm"):
        with pytest.raises(kind, match=message):
            initD[name]((4,), (6,), **options)
