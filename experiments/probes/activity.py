"""Activity, (stages, x, seed) -> which units of each layer speak for which samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from experiments.probes.linearised import Network
from lookslinear.sampling import Rng
from lookslinear.theory.stages import Stage


def activity(stages: Sequence[Stage], x: np.ndarray, seed: Rng) -> Iterator[np.ndarray]:
    """Which pre-activations are positive, layer by layer, as the rectifiers behind them see it.

    Parameters
    ----------
    stages : sequence of Stage
        Dense. A stage's outputs are centred over the batch first if the next stage says so; the
        last stage's outputs, which meet no rectifier, are left out.
    x : array (samples, n)
    seed : None, int or SeedSequence
        Stage l draws its weight from the l-th child.

    Yields
    ------
    array of bools (samples, units), one for each stage but the last

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> stages = 2 * [Stage(dense_law(2, 2, "constant", 1.0), "relu", normalisation="centre")]
    >>> [one.tolist() for one in activity(stages, np.array([[1.0, 0.0], [0.0, 3.0]]), seed=0)]
    [[[False, False], [True, True]]]
    """
    signals = Network(stages, x.shape[1:], seed).signals(x)
    for stage, signal in zip(stages[1:], signals, strict=False):
        mean = 0 if stage.normalisation == "none" else signal.mean(axis=0, dtype=float)
        yield signal > mean
