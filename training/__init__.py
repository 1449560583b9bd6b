"""Training: networks of `layers`, fitted to data, saved, resumed, and rescaled by data.

- `training.trainer`: `fit`, `evaluate`, `predict`; `training.run` is the loop
- `training.objectives`, `training.optimisers`, `training.schedulers`, `training.regularisation`:
  what is minimised, and how
- `training.checkpoints`: `saveWeights`, `loadWeights`, and the folders that `fit` resumes from
- `training.rescaling`: initialisations of whole networks, by data or by theory
- `training.batches`, `training.callbacks`, `training.history`, `training.display`, ...: the parts

The guide is docs/training.md.
"""

import utilityFunctions  # noqa: F401  prepares Theano, so it comes before all that imports Theano
from training.batches import ArrayBatches
from training.checkpoints import DamagedError, loadWeights, saveWeights
from training.finiteness import NonFiniteError
from training.history import History
from training.objectives import MeanSquaredError, Objective, SoftmaxCrossEntropy
from training.optimisers import SGD, Adam, AdamW, Optimiser
from training.regularisation import L1, L2
from training.schedulers import Constant, CosineDecay, Plateau, Scheduler, StepDecay, WarmUp
from training.trainer import evaluate, fit, predict

__all__ = [
    "Adam",
    "AdamW",
    "ArrayBatches",
    "Constant",
    "CosineDecay",
    "DamagedError",
    "History",
    "L1",
    "L2",
    "MeanSquaredError",
    "NonFiniteError",
    "Objective",
    "Optimiser",
    "Plateau",
    "SGD",
    "Scheduler",
    "SoftmaxCrossEntropy",
    "StepDecay",
    "WarmUp",
    "evaluate",
    "fit",
    "loadWeights",
    "predict",
    "saveWeights",
]
