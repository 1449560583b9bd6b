"""Gradient correlation: a tiny run agrees with theory, and broken networks or theories do not."""

import dataclasses

import numpy as np
import pytest

from experiments import gradientCorrelation
from experiments.gradientCorrelation import (
    NETS,
    Config,
    predictedCorrelations,
    predictedVariances,
    prepare,
    publishedCorrelations,
    publishedVariances,
    run,
)
from experiments.gradientPanels import CORRELATION, VARIANCE, gradientPanels
from experiments.probes import inputGradients
from initialisations import initD
from lookslinear.theory import Residual

TINY = Config(depth=3, width=24, batch=12, replicates=16, seed=3)


def largestScore(config):
    return run(config).table["z"].abs().max()


@pytest.fixture(scope="module")
def tiny():
    return run(TINY)


def test_aTinyRunAgrees(tiny):
    table = tiny.table
    # Of each quantity 15 rows of the nets at infinite width and 6 more of the looks-linear one:
    # |z| > 5 less than once in ten thousand runs, since each score is nearly normal.
    assert table["z"].abs().max() < 5
    assert table["z"].notna().sum() == 2 * (15 + 6)
    assert list(table["net"].unique()) == list(NETS)
    assert (table["standard_error"] > 0).all()
    assert table["source"].str.startswith("Balduzzi et al. 2017, arXiv 1702.08591").all()


def test_theThreeColumnsByHand():
    """theory.md's numbers of mean-field theory, from c = 0, and the theorems'."""
    plan = prepare(Config(depth=5, width=64, batch=64))
    predicted = {net: predictedCorrelations(plan, net) for net in NETS}
    published = {net: publishedCorrelations(plan, net) for net in NETS}
    assert plan.depths == [1, 2, 3, 5]
    np.testing.assert_allclose(predicted["plain"][[0, 1, 3]], [0.5, 0.30156, 0.10456], atol=1e-5)
    np.testing.assert_allclose(predicted["residual"][[0, 1, 3]], [0.75, 0.5816, 0.3095], atol=1e-4)
    np.testing.assert_allclose(published["plain"], [0.5, 0.25, 0.125, 2**-5])
    np.testing.assert_allclose(published["residual"], 0.75 ** np.array([1, 2, 3, 5]))
    np.testing.assert_array_equal(predicted["looks-linear"], 1)
    variances = {net: predictedVariances(plan, net) for net in NETS}
    np.testing.assert_allclose(variances["plain"], 1)
    np.testing.assert_allclose(variances["residual"], 2.0 ** np.array([1, 2, 3, 5]))
    np.testing.assert_array_equal(publishedVariances(plan, "residual"), variances["residual"])
    # x pi / (pi - 1) per layer after the first, times about (B - 1) / (B - 3) for a batch of B.
    growth = (variances["batch-normalised"][1:] / variances["batch-normalised"][:-1])[:2]
    np.testing.assert_allclose(growth, np.pi / (np.pi - 1) * 63 / 61, rtol=0.02)
    # A batch of 64: near, and below, the limit of many samples, which is the theorem.
    share = predicted["batch-normalised"] / published["batch-normalised"]
    assert (share < 1).all()
    assert (share > 0.9).all()


def test_theTablesMeasurementIsThatOfTheArrays(tiny):
    rows = tiny.table[(tiny.table["net"] == "plain") & (tiny.table["width"] == 48)]
    variances, rows = (rows[rows["quantity"] == name] for name in (VARIANCE, CORRELATION))
    above, below = (tiny.arrays[f"plain:48:{name}"] for name in ("products", "squares"))
    assert above.shape == (16, 3)
    np.testing.assert_allclose(rows["measured"], above.mean(axis=0) / below.mean(axis=0))
    np.testing.assert_allclose(variances["measured"], below.mean(axis=0) / 48)


def test_theSameSeedGivesTheSameNumbers():
    config = dataclasses.replace(TINY, net=("plain",), replicates=2)
    first, second, other = (
        run(dataclasses.replace(config, seed=seed)).table["measured"] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert (first != other).all()


def throughOther(change):
    """The probe, sent through networks in which each element after the first is another."""

    def changed(stages, *arguments):
        return inputGradients([stages[0], *map(change, stages[1:])], *arguments)

    return changed


def withoutMirror(stage):
    width = stage.law.output_channels
    return dataclasses.replace(stage, law=initD["orthogonal"].law((2 * width,), (width,)))


BROKEN = {
    "looks-linear": withoutMirror,
    "plain": lambda stage: dataclasses.replace(stage, activation="leakyRelu(0.7)"),
    "batch-normalised": lambda stage: dataclasses.replace(stage, activation="linear"),
    "residual": lambda block: Residual(block.branch, scale=2.0),
    "residual and batch-normalised": lambda block: Residual(block.branch, scale=4.0),
}


@pytest.mark.parametrize("net", NETS)
def test_brokenNetworksAreContradicted(monkeypatch, net):
    config = dataclasses.replace(TINY, net=(net,), replicates=24)
    monkeypatch.setattr(gradientCorrelation, "inputGradients", throughOther(BROKEN[net]))
    assert largestScore(config) > 5


def test_theTheoremIsContradictedByPlainNets(monkeypatch):
    """A theory of units that are co-active on a quarter of the pairs at every depth."""
    config = Config(net=("plain",), depth=4, width=64, batch=32, replicates=50)
    assert largestScore(config) < 5
    monkeypatch.setattr(gradientCorrelation, "predictedCorrelations", publishedCorrelations)
    assert largestScore(config) > 5


def test_theFigureHasAPanelANet(tiny, tmp_path):
    for nets in (list(NETS), ["plain"]):
        rows = tiny.table[tiny.table["net"].isin(nets)]
        figure = gradientPanels(rows, tiny.arrays)
        shown = [axes for axes in figure.axes if axes.axison]
        assert [axes.get_title("left").split(";")[0] for axes in shown] == [*nets, "all nets"]
        figure.savefig(tmp_path / "figure.png")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"net": ("plane",)}, ValueError, "unknown net 'plane'. Did you mean 'plain'?"),
        ({"net": ("plain", "plain")}, ValueError, "each net must stand once"),
        ({"depth": 0}, ValueError, "depth must be at least 1. Received: 0."),
        ({"depth": 2.5}, TypeError, "depth must be a whole number. Received: 2.5."),
        ({"replicates": 1}, ValueError, "replicates must be at least 2. Received: 1."),
        ({"batch": 1}, ValueError, "batch must be at least 2. Received: 1."),
        ({"batch": 200}, ValueError, "batch must be at most the width"),
        ({"beta": float("nan")}, ValueError, "beta must be finite. Received: nan."),
        ({"dtype": "float23"}, ValueError, "unknown dtype 'float23'. Did you mean 'float32'?"),
        ({"seed": -1}, ValueError, "seed must not be negative. Received: -1."),
    ],
)
def test_badInput(changes, error, message):
    with pytest.raises(error, match=message.replace("?", r"\?")):
        prepare(Config(**changes))
