"""Downsampling: the gain of average kernels against the correlation of neighbours."""

import re
from dataclasses import replace

import numpy as np
import pytest

from experiments import downsampling
from experiments.comparing import contradicted
from experiments.downsampling import MANY, ONE, Config, neighbourCorrelation, prepare, run
from lookslinear.fans import axes_of
from lookslinear.sampling import draw

SMALL = Config(image=(0.0, 0.5, 1.0), layers=2, batch=6, replicates=4)


@pytest.mark.parametrize("filters", [2, 3, 5])
def test_real_layers_agree_with_the_formula(filters):
    # With 2 filters of 3 channels networks scatter, with others they do not.
    table = run(prepare(replace(SMALL, filters=filters, replicates=30))).table
    assert not contradicted(table)
    assert (table["standard_error"] / table["measured"] < 0.15).all()


def test_the_correlation_of_blocks_against_its_pairs():
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 6)).cumsum(axis=3)
    products = []
    for i in range(0, 4, 2):
        for j in range(0, 6, 2):
            block = [x[:, :, i + k, j + l] for k in (0, 1) for l in (0, 1)]
            products += [a * b for n, a in enumerate(block) for b in block[:n]]
    assert np.isclose(neighbourCorrelation(x), np.mean(products) / np.mean(x**2))


def test_where_the_constants_are_right():
    rows = run(prepare(replace(SMALL, image=(0.0, 1.0)))).table
    rows = rows[rows["quantity"] == ONE]
    for arm, correct in (("0.4", 0.1875), ("0.28, mirrored", 0.7296)):
        own = rows[rows["arm"] == arm]
        crossing = np.interp(1, own["measured"], own["where"])
        assert abs(crossing - correct) < 1e-3
    np.testing.assert_allclose(rows[rows["arm"] == "auto"]["measured"], 1, rtol=1e-5)


def test_four_layers_of_photographs():
    table = run(prepare(Config(image=(1.0,), replicates=2))).table
    last = table[(table["quantity"] == MANY) & (table["where"] == 4)].set_index("arm")["measured"]
    assert 35 < last["0.4"] < 42
    assert 2.1 < last["0.28, mirrored"] < 2.4
    assert 0.95 < last["auto"] < 1.05


def scaled(law, seed):
    return draw(replace(law, scale=1.01 * law.scale), seed)


def readFromTheOtherSide(law, seed):
    """Average taps of a convolution that does not flip its filters."""
    return draw(replace(law, axes=axes_of(4, "torch")), seed)


@pytest.mark.parametrize("wrong", [scaled, readFromTheOtherSide])
def test_wrong_kernels_are_seen(monkeypatch, wrong):
    monkeypatch.setattr(downsampling, "draw", wrong)
    table = run(prepare(SMALL)).table
    for quantity in (ONE, MANY):
        assert table[table["quantity"] == quantity]["z"].abs().max() > 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image": ()}, "image must hold different shares. Received: ()"),
        ({"image": (1.0, 1.0)}, "image must hold different shares"),
        ({"image": (1.5,)}, "each share of image must be from 0 to 1. Received: 1.5"),
        ({"layers": 6}, "layers must be at most 5 for images of 32x32"),
        ({"layers": 0}, "layers must be at least 1. Received: 0"),
        ({"filters": 0}, "filters must be at least 1. Received: 0"),
        ({"data": "pathces"}, "unknown data 'pathces'. Did you mean 'patches'?"),
        ({"data": "digits", "layers": 4}, "layers must be at most 3 for images of 8x8"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        prepare(Config(**options))
