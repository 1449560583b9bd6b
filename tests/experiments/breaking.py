"""Networks that are broken on purpose: drawn from other laws than those that they are predicted by.

Each breakage is a function of pytest's monkeypatch.
"""

import dataclasses

from experiments import borderLoss, downsampling, learningNets, partialMirror
from experiments.probes import weights
from initialising import initialisation
from lookslinear.sampling import draw

#: Every module that draws weights for experiments; the last one those of networks of layers.
DOORS = (weights, borderLoss, downsampling, learningNets, partialMirror, initialisation)


def drawing(monkeypatch, change):
    """Let all experiments draw from changed laws."""
    for door in DOORS:
        monkeypatch.setattr(
            door, "draw", lambda law, *others, **named: draw(change(law), *others, **named)
        )


def wrongGain(monkeypatch):
    """Weights that are 1.3 times too large."""
    drawing(monkeypatch, lambda law: dataclasses.replace(law, scale=1.3 * law.scale))


def missingMirror(monkeypatch):
    """Halves that know nothing of one another."""
    drawing(monkeypatch, lambda law: dataclasses.replace(law, mirror=False))


def wrongFamily(monkeypatch):
    """Frames in the place of independent weights, and the other way round; biases stay."""
    other = {"normal": "haar", "haar": "normal", "constant": "constant"}
    drawing(monkeypatch, lambda law: dataclasses.replace(law, family=other[law.family]))


def wrongWidth(module):
    """Dense networks of half as many hidden units, where `module` sends signals through them."""

    def breaking(monkeypatch):
        propagate = module.propagate
        monkeypatch.setattr(
            module, "propagate", lambda stages, *others: propagate(narrowed(stages), *others)
        )

    return breaking


def narrowed(stages):
    """The same inputs and outputs, half as many units between them, each map of the same gain."""
    halves = [(index > 0, index < len(stages) - 1) for index in range(len(stages))]
    return [_halved(stage, *ends) for stage, ends in zip(stages, halves, strict=True)]


def _halved(stage, reads, writes):
    rows, columns = stage.law.shape
    shape = (rows // 2 if reads else rows, columns // 2 if writes else columns)
    scale = stage.law.scale * (rows / shape[0]) ** 0.5
    law = dataclasses.replace(stage.law, shape=shape, scale=scale)
    return dataclasses.replace(stage, law=law)
