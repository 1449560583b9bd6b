"""Arms of the catalogue's further entries: measured next to predicted, and mutants found out."""

import dataclasses
import math

import numpy as np
import pytest

from experiments.comparing import contradicted
from experiments.probes import weights
from experiments.variancePropagation import Config, run

SMALL = Config(depth=5, width=32, batch=8, replicates=16)
DENSE = (
    *("looksLinear/relu", "looksLinear+blocks=normal/relu", "looksLinear+mirror=0.5/relu"),
    *("looksLinear/crelu", "fixedNorm+relu/relu", "orthogonal+perBlock=4+relu/relu"),
    "kaimingNormal+mode=fan_out/relu",
)
CONV = ("orthogonalConvolution+relu/relu", "looksLinear/relu", "fixedNorm+each=input+relu/relu")


def tableOf(network, *arms, **settings):
    width = {"dense": 32, "conv": 8}[network]
    return run(dataclasses.replace(SMALL, arm=arms, network=network, width=width, **settings)).table


@pytest.mark.parametrize(("network", "arms"), [("dense", DENSE), ("conv", CONV)])
def test_predictions_agree_with_what_is_measured(network, arms):
    table = tableOf(network, *arms)
    assert table["predicted"].notna().all()
    worst = table.groupby("arm")["z"].apply(lambda z: z.abs().max())
    assert (worst < 5).all(), worst


def test_plain_relu_in_pairs_is_flat():
    table = tableOf("dense", "looksLinear/relu", depth=200, replicates=2, batch=4)
    for quantity, logs in table.groupby("quantity")["measured"]:
        # float32 rounding of 200 layers; the last gradient is that of both units of each pair.
        assert np.ptp(logs.iloc[:-1]) < 1e-4, quantity


def test_pairs_that_are_not_turned_back_are_found_out(monkeypatch):
    """The mutant [[V, V], [V, V]] in the place of [[V, -V], [-V, V]]."""
    real = weights.draw

    def draw(law, rng, threads, out):
        drawn = real(law, rng, threads)
        return np.abs(drawn) * np.sign(np.tile(drawn[: drawn.shape[0] // 2], (2, 1)))

    monkeypatch.setattr(weights, "draw", draw)
    assert contradicted(tableOf("dense", "looksLinear+blocks=normal/relu", replicates=40))


def test_kernels_whose_taps_are_alike_are_found_out(monkeypatch):
    """The mutant of an orthogonal convolution: independent taps lose more at the border."""
    real = weights.draw

    def draw(law, rng, threads, out):
        return real(dataclasses.replace(law, family="normal"), rng, threads, out=out)

    monkeypatch.setattr(weights, "draw", draw)
    arm = "orthogonalConvolution+mirror/crelu"
    assert contradicted(tableOf("conv", arm, depth=8, replicates=60))
    assert math.isfinite(tableOf("conv", arm, depth=2, replicates=2)["z"].iloc[0])


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("looksLinear/tanh", "looksLinear needs the activation 'crelu', or 'relu'"),
        ("siren+w0=0/linear", "w0 must be above 0"),
        ("glorotNormal+gain=exact/tanh", "say which, activation='tanh'"),
    ],
)
def test_bad_arms(arm, message):
    with pytest.raises(ValueError, match=message):
        tableOf("dense", arm)
