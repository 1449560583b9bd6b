"""All experiments, by name. Each is a file here; one that cannot be imported stops them all."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from experiments import (
    borderLoss,
    coActivation,
    crelu,
    downsampling,
    gains,
    gradientCorrelation,
    jacobianSpectrum,
    learningTime,
    logNorm,
    partialMirror,
    phaseDiagram,
    shatteredGradients,
    variancePropagation,
    widthProfile,
)
from experiments.experiment import Experiment

#: In the order in which they are listed and run.
MODULES = (
    variancePropagation,
    logNorm,
    gradientCorrelation,
    shatteredGradients,
    coActivation,
    jacobianSpectrum,
    borderLoss,
    downsampling,
    partialMirror,
    phaseDiagram,
    widthProfile,
    gains,
    crelu,
    learningTime,
)

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {module.EXPERIMENT.name: module.EXPERIMENT for module in MODULES}
)
