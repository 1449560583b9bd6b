"""The experiments log-norm and width-profile: tiny runs and refusals."""

from dataclasses import replace

import numpy as np
import pytest

from experiments import logNorm, widthProfile
from experiments.comparing import contradicted
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


def test_networks_that_are_all_dead_have_no_log():
    """Of one unit a layer: 2^-60 of them are alive behind 60 ReLU."""
    result = logNorm.run(logNorm.Config(arm=("heNormal/relu",), size=("61x1",), replicates=3))
    assert result.table["measured"].isna().all()
    assert len(logNorm.draw(result.table, result.arrays).axes) == 2
