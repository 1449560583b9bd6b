"""Partial mirrors: the maps of one layer are exact, the net's are the limit of large width."""

import re
from dataclasses import replace

import numpy as np
import pytest

from experiments import partialMirror
from experiments.comparing import contradicted
from experiments.partialMirror import MANY, ONE, Config, predictedCorrelations, prepare, run
from lookslinear.laws import dense_law
from lookslinear.sampling import draw

SMALL = Config(rho=(0.0, 0.6, 1.0), depth=3, width=48, replicates=30)


@pytest.mark.parametrize("family", ["normal", "haar"])
def test_real_layers_agree_with_the_maps(family):
    table = run(prepare(replace(SMALL, family=family))).table
    assert not contradicted(table)
    # So that 5 of them say something; what is extrapolated has sqrt(5) as large a one.
    assert (table[np.isfinite(table["width"])]["standard_error"] < 0.12).all()
    assert table[np.isinf(table["width"])]["z"].notna().all()
    single = (table["span"] == MANY) & np.isfinite(table["width"]) & (table["arm"] != "rho=1")
    assert table[single]["z"].isna().all()


def of(rho):
    return dense_law(16, 8, "normal", 8**-0.5, mirror=rho)


def test_predictions_against_closed_forms():
    def angles(c):
        return np.arccos(c), np.sqrt(1 - c**2)

    for rho in (0.0, 0.3, 1.0):
        c, product = 0.2, 1.0
        signals, gradients = predictedCorrelations(of(rho), 0.2, range(1, 7))
        for l in range(6):
            t, s = angles(c)
            product *= 1 - (1 - rho) * t / np.pi
            # k1(c) - rho k1(-c), whose linear part is (1 + rho) c / 2 + (1 - rho) (...)
            plain, turned = (s + (np.pi - t) * c) / np.pi, (s - t * c) / np.pi
            c = plain - rho * turned
            assert np.isclose(signals[l], c)
            assert np.isclose(gradients[l], product)


def test_a_partial_mirror_only_delays_the_shattering():
    # Log-slopes of R in depth tend to -3 for every degree below 1; only from 1 / (1 - rho) on.
    for rho, depth in ((0.0, 600), (0.5, 1200)):
        half, whole = predictedCorrelations(of(rho), 0.0, [depth // 2, depth])[1]
        slope = np.log(whole / half) / np.log(2)
        assert abs(slope + 3) < 0.15
    assert predictedCorrelations(of(0.9), 0.0, [10])[1] > 0.6
    assert predictedCorrelations(of(0.0), 0.0, [10])[1] < 0.04


def of_degree(rho):
    """Draws as if the law had another degree of mirroring."""
    return lambda law, seed: draw(replace(law, mirror=rho) if law.mirror else law, seed)


@pytest.mark.parametrize("rho", [0.3, 0.9])
def test_a_wrong_degree_is_seen(monkeypatch, rho):
    monkeypatch.setattr(partialMirror, "draw", of_degree(rho))
    table = run(prepare(replace(SMALL, rho=(0.6,), replicates=100))).table
    assert table[table["span"] == ONE]["z"].abs().max() > 5
    assert table[table["span"] == MANY]["z"].abs().max() > 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rho": ()}, "rho must hold different degrees. Received: ()"),
        ({"rho": (0.5, 0.5)}, "rho must hold different degrees"),
        ({"rho": (-0.1,)}, "each degree of rho must be from 0 to 1. Received: -0.1"),
        ({"rho": (0.5, 1.5)}, "each degree of rho must be from 0 to 1. Received: 1.5"),
        ({"rho": (float("nan"),)}, "each degree of rho must be finite. Received: nan"),
        ({"rho": (1 - 1e-13,)}, "cannot be told from 1 in float32"),
        ({"family": "uniform"}, "unknown family 'uniform'"),
        ({"correlation": 1.2}, "correlation must be from -1 to 1. Received: 1.2"),
        ({"depth": 0}, "depth must be at least 1. Received: 0"),
        ({"width": 3}, "width must be at least 4. Received: 3"),
        ({"width": 7}, "width must be even, to be halved. Received: 7"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        prepare(Config(**options))
