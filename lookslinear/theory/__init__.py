"""Predictions, (laws and activations) -> expected curves: formulas, nothing drawn or measured.

Every function predicts or raises `NotCoveredError` with the reason; none passes a value through.
`Stage` describes one layer; a network is a list of stages. `maps` holds single activations, `depth`
second moments through a network, `log_norm` their exact finite-width laws, `finite_width` their
first-order corrections for smooth activations, `padding` border losses, `silence` the share of
pre-activations that are exactly 0.
"""

from lookslinear.errors import NotCoveredError
from lookslinear.theory.depth import backward_second_moments, forward_second_moments
from lookslinear.theory.finite_width import finite_width_moments
from lookslinear.theory.log_norm import backward_log_norm, forward_log_norm
from lookslinear.theory.maps import (
    derivative_moment,
    derivative_product_moment,
    mean,
    product_moment,
    second_moment,
    squared_derivative_moment,
)
from lookslinear.theory.padding import zero_padding_loss
from lookslinear.theory.stages import Stage

__all__ = [
    "NotCoveredError",
    "Stage",
    "backward_log_norm",
    "backward_second_moments",
    "derivative_moment",
    "derivative_product_moment",
    "finite_width_moments",
    "forward_log_norm",
    "forward_second_moments",
    "mean",
    "product_moment",
    "second_moment",
    "squared_derivative_moment",
    "zero_padding_loss",
]
