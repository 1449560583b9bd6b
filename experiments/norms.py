"""Log norms over networks, (stages, replicates) -> logs, and rows that hold them to their law.

One input, the same for all networks, is sent through each, and a gradient of its own back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from utilityFunctions import floatX
from experiments.comparing import compared, comparedEstimate
from experiments.probes import LogMeanSquares, propagate
from lookslinear.measures import Estimate, Judgement, judge_distribution, judge_variance
from lookslinear.sampling import Rng, as_seed, child_seed, standard_normal
from lookslinear.theory import NotCoveredError, Stage, backward_log_norm, forward_log_norm
from lookslinear.theory.norm_laws import LogNormLaw, backward_log_norm_law, log_norm_law

DIRECTIONS = ("forward", "backward")
ARRAYS = ("log_mean_square", "predicted_distribution", "predicted_variance")
# Which child of the seed draws what.
_WEIGHTS, _GRADIENTS = 0, 1


def logNorms(
    stages: Sequence[Stage], replicates: int, seed: Rng, advance: Callable[[], None] = lambda: None
) -> LogMeanSquares:
    """The logs of mean squares of signal and gradient: two arrays (replicates, depth).

    The input has a mean square of 1.

    Examples
    --------
    >>> from experiments.arms import Arm
    >>> from experiments.networks import stagesOf
    >>> stages = stagesOf(Arm.parse("orthogonal+mirror/crelu"), (8,), "dense", depth=5, width=8)
    >>> logs = logNorms(stages, replicates=3, seed=0)
    >>> logs.forward.shape, bool(abs(logs.forward).max() < 1e-5)
    ((3, 5), True)
    """
    seed, found = as_seed(seed), []
    x = np.ones((1, stages[0].reads), floatX())
    for replicate in range(replicates):
        shape = (1, stages[-1].writes)
        gradient = standard_normal(shape, child_seed(seed, _GRADIENTS, replicate), floatX())
        logs = propagate(stages, x, gradient, child_seed(seed, _WEIGHTS, replicate))
        found.append([logs.forward[:, 0], logs.backward[:, 0]])
        advance()
    return LogMeanSquares(*np.array(found).swapaxes(0, 1))


def lawsOf(stages: Sequence[Stage]) -> dict[str, LogNormLaw | None]:
    """The laws of the signal at the end and of the gradient at the start; None: no scatter."""
    laws = {}
    for direction, law in zip(DIRECTIONS, (log_norm_law, backward_log_norm_law), strict=True):
        try:
            laws[direction] = law(stages)
        except NotCoveredError:
            forward_log_norm(stages, 1.0)  # raises, unless it is for want of scatter
            laws[direction] = None
    return laws


def normArrays(name: str, stages: Sequence[Stage], logs: np.ndarray) -> dict[str, np.ndarray]:
    """What a figure needs: logs (replicates, depth), the law at the end, the variances."""
    law = lawsOf(stages)["forward"]
    curve = np.empty((2, 0)) if law is None else np.array([law.points, law.distribution])[:, ::16]
    found = (logs, curve, forward_log_norm(stages, 1.0).variance)
    return {f"{name}:{key}": array for key, array in zip(ARRAYS, found, strict=True)}


def lawRows(stages: Sequence[Stage], logs: LogMeanSquares, **labels: object) -> pd.DataFrame:
    """Mean, variance and distribution of the logs where the signal and the gradient end."""
    laws, frames = lawsOf(stages), []
    moments = (forward_log_norm(stages, 1.0), backward_log_norm(stages))
    for direction, samples, end, moment in zip(DIRECTIONS, logs, (-1, 0), moments, strict=True):
        alive = samples[np.isfinite(samples[:, end]), end]
        where, law = [f"layer {end % len(stages) + 1}"], laws[direction]
        rounding = np.finfo(floatX()).eps * len(stages)
        told = {**labels, "direction": direction}
        frames.append(
            compared("mean of log", where, alive[:, None], moment.mean[end].reshape(1),
                     rounding=rounding, **told)
        )  # fmt: skip
        if law is not None and len(alive) > 1:  # narrow ReLU nets may all be dead
            spread = judge_variance(alive, float(moment.variance[end]), law.central_moment(4))
            frames.append(_row("variance of log", where, spread, told))
            distance = judge_distribution(alive, law.below)
            frames.append(_row("Kolmogorov distance", where, distance, told))
    return pd.concat(frames, ignore_index=True)


def _row(quantity: str, where: list, found: Judgement, labels: dict) -> pd.DataFrame:
    """A row whose error is the law's own, and whose score has been worked out with it."""
    told = Estimate(np.array([found.value]), np.array([found.standard_error]))
    rows = comparedEstimate(quantity, where, told, found.expected, degrees=10**9, **labels)
    return rows.assign(z=found.z)
