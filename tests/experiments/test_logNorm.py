"""The experiments log-norm and width-profile: tiny runs, refusals, and runs broken on purpose."""

from dataclasses import replace

import numpy as np
import pytest

from experiments import logNorm, norms, widthProfile
from experiments.arms import Arm
from experiments.comparing import contradicted
from experiments.networks import profileStages
from lookslinear.theory import NotCoveredError

SIZES = logNorm.Config(
    arm=("heNormal/relu", "orthogonal+mirror/crelu"), size=("3x8", "6x16"), replicates=30
)
PROFILES = widthProfile.Config(profile=("8*4", "5,20*2", "4,12*2"), replicates=20)
BOTH = [(logNorm, SIZES), (widthProfile, PROFILES)]


@pytest.mark.parametrize(("module", "config"), BOTH)
def test_tiny_runs(module, config):
    plan, told = module.prepare(config), []
    result = module.run(plan, told.append)
    assert len(told) == plan.steps
    assert not contradicted(result.table)
    assert result.table["z"].notna().all()
    quantities = {"mean of log", "variance of log", "Kolmogorov distance"}
    assert set(result.table["quantity"]) == quantities
    figure = module.draw(result.table, result.arrays)
    assert len(figure.axes) in (2, 4)
    again = module.run(config)
    np.testing.assert_array_equal(again.table["measured"], result.table["measured"])


def test_equal_sums_have_nearly_equal_laws():
    table = widthProfile.run(replace(PROFILES, replicates=2)).table
    spread = table.query("quantity == 'variance of log' and direction == 'forward'")
    assert spread["reciprocals"].tolist() == [0.5, 0.5, pytest.approx(2 / 3)]
    of_equal, same, wider = spread["predicted"]
    assert same == pytest.approx(of_equal, rel=0.15)
    assert wider > 1.2 * of_equal
    assert spread["published"].iloc[0] == 2.5


# Broken on purpose: --check would end with status 1.


def changing(stage_of):
    """`propagate` through other networks than those that are predicted with."""

    def propagate(stages, *arguments):
        return honest([stage_of(stage) for stage in stages], *arguments)

    honest = norms.propagate
    return propagate


def wrongGain(stage):
    return replace(stage, law=replace(stage.law, scale=1.2 * stage.law.scale))


def wrongFamily(stage):
    return replace(stage, law=replace(stage.law, family="haar"))


def missingMirror(stage):
    return replace(stage, law=replace(stage.law, mirror=False))


@pytest.mark.parametrize(
    ("arm", "stage_of"),
    [
        ("heNormal/relu", wrongGain),
        ("heNormal/relu", wrongFamily),
        ("orthogonal+mirror/crelu", missingMirror),
    ],
)
def test_wrong_weights_contradict(arm, stage_of, monkeypatch):
    sizes = logNorm.Config(arm=(arm,), size=("12x8",), replicates=200)
    profiles = widthProfile.Config(arm=arm, profile=("8,6*6",), replicates=300)
    monkeypatch.setattr(norms, "propagate", changing(stage_of))
    assert contradicted(logNorm.run(sizes).table)
    assert contradicted(widthProfile.run(profiles).table)


def test_wrong_widths_contradict(monkeypatch):
    """Networks of other widths than those predicted with, between the same ends."""
    arm, honest = Arm.parse("heNormal/relu"), norms.propagate
    wrong = profileStages(arm, (32, *6 * (24,), 32))

    def propagate(stages, *arguments):
        return honest(wrong, *arguments)

    config = widthProfile.Config(profile=("6*6",), replicates=200)
    assert not contradicted(widthProfile.run(config).table)
    monkeypatch.setattr(norms, "propagate", propagate)
    assert contradicted(widthProfile.run(config).table)


@pytest.mark.parametrize(
    ("module", "settings", "kind", "message"),
    [
        (logNorm, {"size": ("3*8",)}, ValueError, r"size must be DEPTHxWIDTH.*'3\*8'"),
        (logNorm, {"size": ("0x8",)}, ValueError, "depth must be at least 1. Received: 0"),
        (logNorm, {"size": ("3x0",)}, ValueError, "width must be at least 1. Received: 0"),
        (logNorm, {"size": ("3x8", "3x8")}, ValueError, "each size must stand once.*'3x8'"),
        (logNorm, {"replicates": 1}, ValueError, "replicates must be at least 2. Received: 1"),
        (logNorm, {"seed": 0.5}, TypeError, "seed must be"),
        (logNorm, {"arm": ("heNormall/relu",)}, ValueError, "Did you mean 'heNormal'"),
        (logNorm, {"arm": ("heNormal/tanh",)}, NotCoveredError, "two slopes and CReLU"),
        (logNorm, {"arm": ("heUniform/relu",)}, NotCoveredError, "Gaussian and Haar"),
        (widthProfile, {"profile": ("8;4",)}, ValueError, "profile must be WIDTHS.*'8;4'"),
        (widthProfile, {"profile": ("8,0",)}, ValueError, "each width must be at least 1"),
        (widthProfile, {"profile": ("8*0",)}, ValueError, r"number behind \* must be at least 1"),
        (widthProfile, {"profile": ("8", "8")}, ValueError, "each profile must stand once.*'8'"),
        (widthProfile, {"replicates": 0}, ValueError, "replicates must be at least 2"),
        (widthProfile, {"arm": "heNormal/erf"}, NotCoveredError, "two slopes and CReLU"),
    ],
)
def test_bad_settings(module, settings, kind, message):
    config = SIZES if module is logNorm else PROFILES
    with pytest.raises(kind, match=message):
        module.prepare(replace(config, **settings))
