"""Shattered gradients: small runs that agree, and nets broken on purpose that do not."""

import dataclasses

import pytest

from experiments import shatteredGradients
from experiments.comparing import contradicted
from experiments.gridNets import NETS, netOf
from experiments.probes.gridGradients import gridGradients
from experiments.shatteredGradients import Config, draw, prepare, run
from lookslinear.theory.stages import Residual

SMALL = {"depths": (2, 4), "width": 48, "points": 32, "replicates": 32, "seed": 3}


@pytest.fixture(scope="module")
def everyNet():
    return run(Config(net=tuple(NETS), **SMALL))


def test_everyNetAgreesWithItsPrediction(everyNet):
    """About 180 scores, many of them of the same networks: |z| > 5 is one in 10,000 such tests."""
    assert everyNet.table["z"].notna().sum() > 150
    assert not contradicted(everyNet.table)


def test_onlyLimitsAndExactNumbersAreJudged(everyNet):
    atWidth = everyNet.table["quantity"].str.contains("width")
    assert everyNet.table.loc[atWidth, "z"].isna().all()
    assert everyNet.table.loc[~atWidth, "z"].notna().all()
    assert set(everyNet.reasons) == set(everyNet.table.loc[atWidth, "quantity"])


def changed(stage, **changes):
    if isinstance(stage, Residual):
        return dataclasses.replace(stage, branch=[changed(s, **changes) for s in stage.branch])
    return dataclasses.replace(stage, **changes)


def withGain(stage):
    if isinstance(stage, Residual):
        return dataclasses.replace(stage, scale=2 * stage.scale)
    return changed(stage, law=dataclasses.replace(stage.law, scale=2 * stage.law.scale))


def withoutMirror(stage):
    law = dataclasses.replace(stage.law, mirror=False)
    return changed(stage, law=law)


@pytest.mark.parametrize(
    ("net", "mutant"),
    [
        ("feed-forward", lambda stage: changed(stage, normalisation="none")),
        ("feed-forward", lambda stage: changed(stage, normalisation="batch")),
        ("feed-forward", withGain),
        ("feed-forward", lambda stage: changed(stage, activation="leakyRelu(0.5)")),
        ("residual", lambda stage: changed(stage, normalisation="none")),
        ("residual", withGain),
        ("looks-linear", withoutMirror),
        ("textbook", withGain),
        ("textbook", lambda stage: changed(stage, bias_variance=1.0)),
    ],
)
def test_aNetBrokenOnPurposeIsSeen(monkeypatch, net, mutant):
    def broken(stages, grid, seed):
        return gridGradients([stages[0], *map(mutant, stages[1:])], grid, seed)

    monkeypatch.setattr(shatteredGradients, "gridGradients", broken)
    assert contradicted(run(Config(net=(net,), **SMALL)).table)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"net": ("residul",)}, ValueError, "Did you mean .residual.?"),
        ({"net": ("residual", "residual")}, ValueError, "each net must stand once"),
        ({"depths": ()}, ValueError, r"depths must be at least one whole number. Received: \(\)"),
        ({"depths": (4, 4)}, ValueError, r"depths must increase. Received: \(4, 4\)"),
        ({"depths": (0, 4)}, ValueError, "each number of depths must be at least 1"),
        ({"depths": (2.5,)}, TypeError, "must be a whole number. Received: 2.5"),
        ({"width": 7}, ValueError, "width must be even. Received: 7"),
        ({"width": 2}, ValueError, "width must be at least 4. Received: 2"),
        ({"points": 33}, ValueError, "points must be even. Received: 33"),
        ({"dtype": "float23"}, ValueError, "unknown dtype 'float23'"),
    ],
)
def test_badInput(changes, error, message):
    with pytest.raises(error, match=message):
        prepare(Config(**changes))


def test_theFigureHasAColumnForEachNetAndOneForNoise(everyNet):
    figure = draw(everyNet.table, everyNet.arrays)
    assert len(figure.axes) == 3 * (len(NETS) + 1)
    labelled = [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()]
    assert labelled == ["df/dx over its rms", "df/dx over its rms", "autocorrelation of df/dx"]


def test_blocksOfANetShareOneDescription():
    stages = netOf("residual-0.1", 8, 3)
    assert stages[1] is stages[3]
    assert stages[1].scale == 0.1
