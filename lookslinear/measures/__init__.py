"""Statistics, (arrays) -> values with their standard error: how far is a measurement from a claim?

The first axis runs over independent repetitions, here: networks. No statistic knows a prediction's
formula; scores are handed its number.

`scores` holds means and their z-scores, `ratios` quotients of means and correlations, `spectra`
singular values and ranks, `lanczos` spectra of operators too large to write down, `activity` the
units that speak, `laws` whole distributions.
"""

from lookslinear.measures.activity import CoActivation, co_activation
from lookslinear.measures.lanczos import Quadrature, lanczos_spectrum
from lookslinear.measures.laws import Judgement, judge_distribution, judge_variance
from lookslinear.measures.ratios import (
    autocorrelation,
    correlation,
    jackknife,
    lag_products,
    ratio,
    z_score_of_ratio,
)
from lookslinear.measures.scores import (
    LARGEST_SCORE,
    Estimate,
    estimate,
    normal_score,
    z_score,
    z_score_of_products,
)
from lookslinear.measures.spectra import SpectrumSummary, effective_rank, spectrum_summary

__all__ = [
    "LARGEST_SCORE",
    "CoActivation",
    "Estimate",
    "Judgement",
    "Quadrature",
    "SpectrumSummary",
    "autocorrelation",
    "co_activation",
    "correlation",
    "effective_rank",
    "estimate",
    "jackknife",
    "judge_distribution",
    "judge_variance",
    "lag_products",
    "lanczos_spectrum",
    "normal_score",
    "ratio",
    "spectrum_summary",
    "z_score",
    "z_score_of_products",
    "z_score_of_ratio",
]
