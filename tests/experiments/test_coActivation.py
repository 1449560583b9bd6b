"""Co-activation: a small run that agrees, and nets broken on purpose that do not."""

import dataclasses

import numpy as np
import pytest

from experiments import coActivation
from experiments.coActivation import FRACTION, PAIRS, Config, prepare, run
from experiments.comparing import contradicted
from experiments.probes.activity import activity
from lookslinear.laws import dense_law
from lookslinear.theory import Stage

SMALL = Config(depth=5, width=48, samples=6, replicates=80, seed=2)


def test_aSmallRunAgrees():
    """30 scores: |z| > 5 is one in 50,000 such tests."""
    table = run(SMALL).table
    assert table["z"].notna().sum() > 20
    assert not contradicted(table)


def rebuilt(config, arm, **changes):
    first, *rest = ORIGINAL(config, arm)
    return [first, *(dataclasses.replace(stage, **changes) for stage in rest)]


ORIGINAL = coActivation._stages
MUTANTS = {
    "no centring": lambda config, arm: ORIGINAL(config, "none"),
    "centring everywhere": lambda config, arm: ORIGINAL(config, "centre"),
    "leaky": lambda config, arm: rebuilt(config, arm, activation="leakyRelu(0.5)"),
    "biases": lambda config, arm: rebuilt(config, arm, bias_variance=1.0),
    "narrow": lambda config, arm: ORIGINAL(dataclasses.replace(config, width=6), arm),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_aNetBrokenOnPurposeIsSeen(monkeypatch, mutant):
    stages = MUTANTS[mutant]
    config = dataclasses.replace(SMALL, replicates=160)
    monkeypatch.setattr(coActivation, "_stages", stages)
    if mutant == "narrow":  # what width changes is small
        config = dataclasses.replace(config, depth=10, replicates=500)
        monkeypatch.setattr(coActivation, "_inputs", narrowInputs)
    assert contradicted(run(config).table)


INPUTS = coActivation._inputs


def narrowInputs(config, seed):
    return INPUTS(dataclasses.replace(config, width=6), seed)


def test_whatIsNotPredictedIsNotJudgedAndSaysWhy():
    plan = prepare(Config(depth=12, width=10, samples=4, replicates=2))
    result = run(plan)
    unjudged = result.table[result.table["z"].isna()]
    assert set(unjudged["quantity"]) == {PAIRS}
    assert set(unjudged["arm"]) == set(result.reasons) == set(result.table["arm"])
    assert result.table.loc[result.table["quantity"] == FRACTION, "z"].notna().all()


def test_activityIsThatOfTheCentredUnits():
    law = dense_law(3, 3, "identity", 1.0)
    x = np.array([[1.0, 2.0, -1.0], [3.0, 2.0, -2.0]])
    for normalisation, expected in (
        ("none", [[True, True, False], [True, True, False]]),
        ("centre", [[False, False, True], [True, False, False]]),
        ("batch", [[False, False, True], [True, False, False]]),
    ):
        stages = [Stage(law), Stage(law, "relu", normalisation=normalisation)]
        found = list(activity(stages, x, seed=0))
        assert len(found) == 1
        np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depth": 0}, "depth must be at least 1. Received: 0"),
        ({"width": 1}, "width must be at least 2. Received: 1"),
        ({"samples": 1}, "samples must be at least 2. Received: 1"),
        ({"samples": 101}, "at most width, 100, to be orthogonal. Received: 101"),
        ({"dtype": "half"}, "unknown dtype 'half'"),
    ],
)
def test_badInput(changes, message):
    with pytest.raises(ValueError, match=message):
        prepare(Config(**changes))
