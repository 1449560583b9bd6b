"""Every experiment's `--check` can fail: broken on purpose, the command line ends with status 1."""

from typing import NamedTuple

import pytest

from experiments import coActivation, norms, variancePropagation
from experiments.__main__ import main
from experiments.networks import rectifier
from experiments.registry import EXPERIMENTS
from tests.experiments.breaking import missingMirror, wrongFamily, wrongGain, wrongWidth


def missingNormalisation(monkeypatch):
    monkeypatch.setattr(coActivation, "rectifier", lambda width, normalisation: rectifier(width))


class Case(NamedTuple):
    """The smallest run that sees these breakages; whole it agrees."""

    words: str
    breakages: tuple


CASES = {
    "variance-propagation": Case(
        "--arm heNormal/relu --arm orthogonal+mirror/crelu --depth 20 --width 10 --batch 1 "
        "--replicates 80",
        (wrongGain, missingMirror, wrongWidth(variancePropagation)),
    ),
    "log-norm": Case(
        "--arm heNormal/relu --arm orthogonal+mirror/crelu --size 12x12 --replicates 80",
        (wrongGain, missingMirror, wrongFamily, wrongWidth(norms)),
    ),
    "width-profile": Case(
        "--arm heNormal/relu --profile 12*10 --replicates 100",
        (wrongGain, wrongWidth(norms)),
    ),
    "gradient-correlation": Case(
        "--net looks-linear --depth 2 --width 8 --batch 4 --replicates 20",
        (wrongGain, missingMirror),
    ),
    "shattered-gradients": Case(
        "--net looks-linear --depths 4 --width 48 --points 32 --replicates 32",
        (wrongGain, missingMirror),
    ),
    "co-activation": Case(
        "--depth 5 --width 48 --samples 6 --replicates 160", (missingNormalisation,)
    ),
    "jacobian-spectrum": Case(
        "--net orthogonal/relu --net looksLinear/crelu --depth 2 --width 16 --replicates 20",
        (wrongGain, missingMirror),
    ),
    "border-loss": Case("--side 4 --depth 4 --channels 6 --replicates 30", (wrongGain,)),
    "downsampling": Case("--image 0 1 --layers 1 --batch 4 --replicates 3", (wrongGain,)),
    "phase-diagram": Case(
        "--weights 1 3 --biases 0.1 --depth 8 --width 32 --samples 4 --replicates 20", (wrongGain,)
    ),
    "gains": Case("--activation tanh --depth 5 --width 48 --replicates 20", (wrongGain,)),
    "learning-time": Case(
        "--arm orthogonal/linear --arm orthogonal+mirror/crelu --depth 3 --width 12 --samples 40 "
        "--replicates 4",
        (missingMirror, wrongFamily),
    ),
    "partial-mirror": Case(
        "--rho 1 --depth 3 --width 48 --replicates 30", (wrongGain, missingMirror)
    ),
    "crelu": Case(
        "--arm orthogonal+mirror/crelu --depth 12 --width 11 --samples 500 --batch 25 --epochs 3 "
        "--lr 0.03 --learnt 0.5 --seeds 2",
        (wrongGain, missingMirror),
    ),
}


@pytest.fixture(params=EXPERIMENTS)
def name(request):
    return request.param


def status(name, folder):
    words = CASES[name].words.split()
    return main([name, *words, "--check", "--quiet", "--no-plot", "--output", str(folder)])


def test_theCheckAgreesWhereNothingIsBrokenAndFailsWhereSomethingIs(name, monkeypatch, tmp_path):
    assert status(name, tmp_path / "whole") == 0
    for number, breakage in enumerate(CASES[name].breakages):
        with monkeypatch.context() as broken:
            breakage(broken)
            assert status(name, tmp_path / str(number)) == 1, breakage.__name__
