"""Correlations of two samples, of their signals and of their gradients, layer by layer; wide nets.

.. math:: c^{l+1} = \\frac{\\sigma_w^2 E \\phi(h_1) \\phi(h_2) + \\sigma_b^2}{q^{l+1}}, \\qquad
          R^l = \\prod_{k > l} \\frac{E \\phi'(h_1) \\phi'(h_2)}{E \\phi'(h)^2}

and, where residual sums add terms, ratios of the covariance and the second moment that `signals`
and `gradients` propagate. For He's ReLU c' = (sin t + (pi - t) c) / pi and R takes the factor
1 - t / pi, t = arccos c, so that R falls as the third power of depth; with the mean over a batch
subtracted c stays 0 and the factor 1/2, the theorem of Balduzzi et al. 2017, arXiv 1702.08591.

Sources: Cho & Saul 2009, 'Kernel methods for deep learning' (the arc-cosine kernels); Poole et al.
2016, arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232; degrees of mirroring, normalised
and residual gradients: derived here. Not corrected for finite width: at width 256 the R of He's
ReLU is measured as predicted to a depth of 5, and at a depth of 20 about 2.5 times as large.
"""

from __future__ import annotations

import numpy as np

from lookslinear.errors import NotCoveredError, refuse_other_kind
from lookslinear.theory.batches import Batch
from lookslinear.theory.depth import MANY
from lookslinear.theory.gradients import Gradients, preceding
from lookslinear.theory.maps import as_correlation
from lookslinear.theory.pairs import as_crelu
from lookslinear.theory.signals import Signals, along, correlation_of, entering, normalises
from lookslinear.theory.stages import Network, as_entering_moment, check_chain, every_stage


def correlations(
    stages: Network, q: np.ndarray | float, c0: np.ndarray | float, batch: Batch = MANY
) -> list[np.ndarray]:
    """The uncentred correlation E h1 h2 / E h^2 of two samples at each element's outputs.

    Parameters
    ----------
    stages : sequence of Stage and Residual
    q : number or array
        The second moment of each sample's numbers; for convolutions with the positions as its last
        axes.
    c0 : number or array
        The correlation of the two samples as they enter, broadcast with `q`; for convolutions at
        each position.
    batch : Batch
        What stages with a normalisation see. The two are one pair of an infinite batch, more or
        less alike than its others; of a finite batch they are any pair, c0 = batch.correlation.

    Returns
    -------
    list of arrays, one an element; 0 where there is no signal

    Raises
    ------
    NotCoveredError, ValueError, TypeError
        As `forward_second_moments` does, and for c0 outside [-1, 1] and no q
        above 0.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning' (the map of ReLU); Poole et al. 2016, arXiv
    1606.05340; Schoenholz et al. 2017, arXiv 1611.01232. Degrees of mirroring, normalisation and
    residual sums: derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> from lookslinear.theory import Stage
    >>> he, linear = dense_law(64, 64, "normal", 1 / 32**0.5), dense_law(64, 64, "normal", 1 / 8)
    >>> [round(float(c), 4) for c in correlations([Stage(linear)] + 2 * [Stage(he, "relu")], 1, 0)]
    [0.0, 0.3183, 0.4937]
    """
    passed = _pair(stages, q, c0, batch)[1:]
    return [correlation_of(signals.covariances[0], signals.moment) for signals in passed]


def gradient_correlations(
    stages: Network, q: np.ndarray | float, c0: np.ndarray | float, batch: Batch = MANY
) -> list[np.ndarray]:
    """R, the correlation of two samples' gradients with respect to each element's outputs.

    The same random gradient enters at the last outputs for both samples, where R is 1.

    Parameters, returns and errors as in `correlations`.

    References
    ----------
    Schoenholz et al. 2017, arXiv 1611.01232; Balduzzi et al. 2017, arXiv 1702.08591: 2^-L for He's
    ReLU, taken to be co-active on a quarter of the pairs at every depth. Degrees of mirroring,
    normalisation and residual sums: derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> from lookslinear.theory import Stage
    >>> he, linear = dense_law(64, 64, "normal", 1 / 32**0.5), dense_law(64, 64, "normal", 1 / 8)
    >>> stages = [Stage(linear)] + 5 * [Stage(he, "relu")]
    >>> round(float(gradient_correlations(stages, 1, 0)[0]), 5)
    0.10456

    A looks-linear net passes the same gradient for all samples.

    >>> mirrored = dense_law(128, 64, "haar", 1 / 8, mirror=True)
    >>> float(gradient_correlations(9 * [Stage(mirrored, "crelu")], 1, 0)[0])
    1.0
    """
    passed = _pair(stages, q, c0, batch)
    stages = as_crelu(stages)
    gradient = np.ones(np.shape(passed[-1].moment))
    found = [(gradient, gradient)]
    for element, signals in zip(stages[:0:-1], passed[-2:0:-1], strict=True):
        found.append(_rescaled(preceding(element, signals, found[-1], batch)))
    return [correlation_of(covariance, moment) for moment, covariance in found[::-1]]


def _pair(stages: Network, q, c0, batch: Batch) -> list[Signals]:
    """The signals of two samples as they enter and after each element."""
    check_chain(stages)
    refuse_other_kind(batch, Batch, "batch")
    stages = as_crelu(stages)
    _refuse_curved_averages(stages)
    moment, correlation = as_entering_moment(q, "q"), as_correlation(c0, "c0")
    if not (moment > 0).any():
        raise ValueError(
            f"q must be positive somewhere: nothing correlates with 0. Received: {q!r}."
        )
    if batch.finite and normalises(stages) and (correlation != batch.correlation).any():
        raise NotCoveredError(
            f"of a finite batch that is normalised only pairs like all others are predicted: c0 "
            f"must be the correlation of the batch. Received: {c0!r} and {batch}."
        )
    moment, correlation = np.broadcast_arrays(moment, correlation)
    first = entering(stages, moment, batch, correlation)
    return [first, *along(stages, first, batch)]


def _refuse_curved_averages(stages: Network) -> None:
    for stage in every_stage(stages):
        if stage.law.taps == "average" and not stage.linear:
            raise NotCoveredError(
                f"two images' correlation through 'average' taps is predicted for linear stages, "
                f"in which it goes with that of neighbours. Received: {stage.activation.name!r}."
            )


def _rescaled(gradients: Gradients) -> Gradients:
    """To a largest moment of 1, so that no depth over- or underflows: only ratios are asked for."""
    largest = np.max(gradients[0], initial=0.0)
    return tuple(gradient / largest for gradient in gradients) if largest else gradients
