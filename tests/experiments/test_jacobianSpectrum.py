"""The experiment jacobian-spectrum: tiny runs, refusals, and runs broken on purpose."""

import math
from dataclasses import replace

import numpy as np
import pytest

from experiments import jacobianSpectrum
from experiments.comparing import contradicted
from experiments.jacobianSpectrum import EXPERIMENT, NETS, Config, draw, prepare, run
from lookslinear.errors import UnknownNameError

TINY = Config(depth=2, width=12, replicates=12)


@pytest.fixture(scope="module")
def result():
    return run(TINY)


def test_every_net_is_measured_beside_its_prediction(result):
    assert set(result.table["net"]) == set(NETS)
    assert not contradicted(result.table)
    judged = result.table.dropna(subset=["z"]).groupby("net")["quantity"].apply(set)
    for net in ("gaussian/relu", "orthogonal/relu", "residual/linear", "looksLinear/crelu"):
        assert {"mean", "mean square", "square of mean"} <= judged[net]
    for net in ("orthogonal/hardTanh", "orthogonal/erf", "gaussian/hardTanh", "gaussian/erf"):
        assert {"mean, extrapolated", "mean square, extrapolated"} <= judged[net]
    assert "residual/relu" not in judged
    assert "open together" in result.reasons["residual/relu"]


def test_isometries_are_told_of_alike(result):
    rows = result.table[result.table["quantity"] == "farthest singular value from 1"]
    assert list(rows["net"]) == list(jacobianSpectrum.ISOMETRIES)
    assert (rows["measured"] < 1e-13).all()


def test_looks_linear_nets_have_singular_values_of_1():
    table = run(Config(net=("looksLinear/crelu",), width=16, replicates=2)).table
    row = table[table["quantity"] == "farthest singular value from 1"].iloc[0]
    assert row["where"] == "layer 199"
    assert 0 < row["measured"] < 1e-13
    single = run(Config(net=("looksLinear/crelu",), width=16, replicates=2, dtype="float32")).table
    assert 1e-7 < single["measured"].iloc[-1] < 1e-4
    assert not contradicted(single)


def test_figures_come_from_table_and_arrays(result):
    figure = draw(result.table, result.arrays)
    assert [axes.get_title(loc="left").split(",")[0] for axes in figure.axes] == list(NETS)


def test_the_same_seed_gives_the_same_numbers_whatever_else_is_looked_at(result):
    again = run(replace(TINY, net=("orthogonal/relu",)))
    name = "orthogonal/relu:squared_singular_values"
    np.testing.assert_array_equal(again.arrays[name], result.arrays[name])
    other = run(replace(TINY, net=("orthogonal/relu",), seed=1))
    assert not np.allclose(other.arrays[name], result.arrays[name])


def test_progress_is_told_after_each_network():
    plan, told = prepare(replace(TINY, net=("orthogonal/erf", "looksLinear/crelu"))), []
    run(plan, told.append)
    assert len(told) == plan.steps == 12 + 2 + 12


# Broken on purpose: --check would end with status 1.


def broken(net, law_of, width=20, replicates=40):
    """A run whose real networks follow other laws than those that are predicted with."""
    plan = prepare(Config(net=(net,), depth=3, width=width, replicates=replicates))

    def changed(stage):
        return replace(stage, law=law_of(stage.law)) if stage.activation.name != "linear" else stage

    honest = jacobianSpectrum.jacobian

    def jacobian(stages, x, seed):
        return honest([changed(stage) for stage in stages], x, seed)

    return plan, jacobian


@pytest.mark.parametrize(
    ("net", "law_of"),
    [
        ("orthogonal/relu", lambda law: replace(law, scale=1.3 * law.scale)),
        ("gaussian/crelu", lambda law: replace(law, mirror=False, scale=1.3 * law.scale)),
        ("looksLinear/crelu", lambda law: replace(law, mirror=False)),
        ("looksLinear/crelu", lambda law: replace(law, family="normal")),
        ("gaussian/erf", lambda law: replace(law, scale=1.3 * law.scale)),
        ("orthogonal/erf", lambda law: replace(law, scale=1.3 * law.scale)),
    ],
    ids=[
        "gain",
        "gain of crelu",
        "missing mirror",
        "family",
        "gain of Gaussian erf",
        "gain of erf",
    ],
)
def test_wrong_weights_contradict(net, law_of, monkeypatch):
    plan, jacobian = broken(net, law_of)
    assert not contradicted(run(plan).table)
    monkeypatch.setattr(jacobianSpectrum, "jacobian", jacobian)
    assert contradicted(run(plan).table)


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"depth": 0}, ValueError, "depth must be at least 1. Received: 0"),
        ({"width": 1}, ValueError, "width must be at least 2. Received: 1"),
        ({"width": 13}, ValueError, "width must be even.*Received: 13"),
        ({"replicates": 1}, ValueError, "replicates must be at least 2. Received: 1"),
        ({"depth": 2.0}, TypeError, "depth must be a whole number. Received: 2.0"),
        ({"seed": -1}, ValueError, "seed must not be negative. Received: -1"),
        ({"dtype": "float16"}, ValueError, "dtype 'float16'.*Known: float32, float64"),
        ({"net": ("looksLiner/crelu",)}, UnknownNameError, "Did you mean 'looksLinear/crelu'"),
        ({"net": 2 * ("orthogonal/erf",)}, ValueError, "each net must stand once"),
    ],
)
def test_bad_settings(settings, kind, message):
    with pytest.raises(kind, match=message):
        prepare(replace(TINY, **settings))


def test_the_frame_knows_it():
    assert (EXPERIMENT.name, math.isfinite(prepare(TINY).steps)) == ("jacobian-spectrum", True)
