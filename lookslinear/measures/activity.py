"""Activity, (which units speak for which samples) -> how many do, and for how many pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lookslinear.measures.scores import Estimate, estimate


class CoActivation(NamedTuple):
    """How often a unit is active for a sample, and for both samples of a pair; both are shares."""

    fraction: Estimate
    pairs: Estimate


def co_activation(active: np.ndarray) -> CoActivation:
    """The share of active units, and the share that is active for both of two distinct samples.

    .. math:: \\frac{1}{n} \\sum_u \\frac{s_u}{S}, \\qquad
              \\frac{1}{n} \\sum_u \\frac{s_u (s_u - 1)}{S (S - 1)}

    with s_u of the S samples that unit u is active for.

    Parameters
    ----------
    active : array of bools of shape (R, ..., samples, units)

    Returns
    -------
    CoActivation
        Estimates of shape (...), over the R repetitions.

    Raises
    ------
    TypeError, ValueError
        For numbers in place of bools, and fewer than two samples.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, figure 3.

    Examples
    --------
    >>> both = co_activation(np.array([[[True, False], [True, True]]]))
    >>> float(both.fraction.value), float(both.pairs.value)
    (0.75, 0.5)
    """
    active = np.asarray(active)
    if active.dtype != bool:
        raise TypeError(f"active must be an array of bools. Received: dtype {active.dtype}.")
    if active.ndim < 3 or active.shape[-2] < 2:
        raise ValueError(
            f"active must be (networks, ..., samples, units) with at least two samples. "
            f"Received: shape {active.shape}."
        )
    samples, counts = active.shape[-2], active.sum(axis=-2, dtype=float)
    pairs = counts * (counts - 1) / (samples * (samples - 1))
    return CoActivation(estimate(counts.mean(axis=-1) / samples), estimate(pairs.mean(axis=-1)))
