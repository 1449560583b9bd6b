"""Predictions, (laws and activations) -> expected curves: formulas, nothing drawn or measured.

Every function predicts or raises `NotCoveredError` with the reason; none passes a value through.
`Stage` describes one layer, `Residual` a sum with a branch; a network is a list of them, and the
input of every recursion. `maps` holds single activations, `averages` computes them (with
`closed_forms`, and by `quadrature`, `two_point` and `surfaces`), `phases` their fixed points,
`signals` and `gradients` the step through one layer, `depth` second moments through a network,
`correlations` those of two samples, `shattering` the published theorems on them, `log_norm` the
exact finite-width moments of the norm, `norm_laws` its whole law, made of `log_terms`, `spectra`
moments of the Jacobian's singular values, `spectral_laws` and `fuss_catalan` their densities,
`finite_width` first-order corrections for curved activations, `taps` what kernels read, `padding`
border losses, `silence` the share of pre-activations that are exactly 0, `co_activation` that of
rectifiers that are active for two inputs, `grid` gradients along a line of inputs and
`grid_kernels` what a layer does to them; `learning` alone tells of what follows: the times that
deep linear networks learn in.
"""

from lookslinear.errors import NotCoveredError
from lookslinear.theory.batches import Batch
from lookslinear.theory.correlations import correlations, gradient_correlations
from lookslinear.theory.depth import (
    backward_second_moments,
    forward_second_moments,
    weight_gradient_second_moments,
)
from lookslinear.theory.finite_width import finite_width_moments
from lookslinear.theory.learning import balanced_flow, learning_time, mode_learning_time
from lookslinear.theory.log_norm import backward_log_norm, forward_log_norm
from lookslinear.theory.maps import (
    derivative_moment,
    derivative_product_moment,
    mean,
    product_moment,
    second_moment,
    second_moment_slope,
    squared_derivative_moment,
)
from lookslinear.theory.norm_laws import (
    backward_log_norm_law,
    entry_kurtosis,
    log_norm_law,
    norm_moment,
    relative_error_of_mean,
)
from lookslinear.theory.padding import zero_padding_loss
from lookslinear.theory.phases import (
    CriticalPoint,
    DepthScales,
    Gains,
    chi_1,
    correlation_fixed_point,
    correlation_slope,
    critical_line,
    critical_weight_moment,
    depth_scales,
    fixed_point,
    gain_table,
)
from lookslinear.theory.shattering import (
    paper_correlation,
    paper_covariance,
    paper_variance,
)
from lookslinear.theory.spectra import spectral_moments, wide_spectral_moments, zero_share
from lookslinear.theory.spectral_laws import spectral_law
from lookslinear.theory.stages import Residual, Stage

__all__ = [
    "Batch",
    "CriticalPoint",
    "DepthScales",
    "Gains",
    "NotCoveredError",
    "Residual",
    "Stage",
    "backward_log_norm",
    "backward_log_norm_law",
    "backward_second_moments",
    "balanced_flow",
    "chi_1",
    "correlation_fixed_point",
    "correlation_slope",
    "correlations",
    "critical_line",
    "critical_weight_moment",
    "depth_scales",
    "derivative_moment",
    "derivative_product_moment",
    "entry_kurtosis",
    "finite_width_moments",
    "fixed_point",
    "forward_log_norm",
    "forward_second_moments",
    "gain_table",
    "gradient_correlations",
    "learning_time",
    "log_norm_law",
    "mean",
    "mode_learning_time",
    "norm_moment",
    "paper_correlation",
    "paper_covariance",
    "paper_variance",
    "product_moment",
    "relative_error_of_mean",
    "second_moment",
    "second_moment_slope",
    "spectral_law",
    "spectral_moments",
    "squared_derivative_moment",
    "weight_gradient_second_moments",
    "wide_spectral_moments",
    "zero_padding_loss",
    "zero_share",
]
