"""Theorems on shattered gradients as published, (net, depth) -> their numbers, to be compared.

Balduzzi et al. 2017, arXiv 1702.08591, count paths under an assumption: a unit is active on half of
the samples, and on a quarter of the pairs of them. That is the value for uncorrelated samples. What
`correlations` says of the same nets is that it holds at every depth only where the mean over the
batch is subtracted: plain and residual ReLU nets make samples more alike, so that their gradients
decorrelate as the third power of depth, not exponentially; and batch normalisation divides by the
deviation about the mean, so that a branch adds (1 - 1 / pi) beta^2, not beta^2, to the variance.

`depth` counts layers that a gradient passes, residual blocks in residual nets (L - 1 of the paper's
theorem 3). Weights are He's. Theorem 1 and the asymptotic form of theorem 3 as in the paper;
theorem 2, the rescaled sums of section 3.4 and the exact products are derived here from the paper's
assumption.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from lookslinear.errors import known_name, real_numbers, squarable_number, whole_number

#: x' = W relu(x); x' = s x + g W relu(x); x' = x + beta W relu(BN(x)).
NETS = ("plain", "residual", "normalised residual")


def paper_variance(
    net: str, depth: int | Sequence[int], skip: float = 1.0, scale: float = 1.0
) -> np.ndarray:
    r"""The variance of the input's gradient, relative to that of the output's, as published.

    .. math:: 1; \quad (s^2 + g^2)^L; \quad \prod_{l=1}^L (1 + \beta^2 / v_l) = 1 + \beta^2 L,
              \quad v_l = 1 + \beta^2 (l - 1)

    Parameters
    ----------
    net : str
        'plain', 'residual' or 'normalised residual'.
    depth : int or several
        L.
    skip, scale : float
        s and g, or beta, of residual nets; a normalised one has a skip of 1.

    Returns
    -------
    array shaped like `depth`

    Raises
    ------
    ValueError, TypeError
        For an unknown net, a depth below 0, and factors that the net does not have.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591: theorems 1 and 3. Theorem 2 and section 3.4: derived
    here from the paper's assumption.

    Examples
    --------
    >>> paper_variance("residual", [1, 10]), float(paper_variance("normalised residual", 50))
    (array([   2., 1024.]), 51.0)
    """
    depth, skip, scale = _checked(net, depth, skip, scale)
    if net == "normalised residual":
        return 1 + scale**2 * depth
    return (skip**2 + scale**2) ** depth if net == "residual" else np.ones_like(depth)


def paper_covariance(
    net: str, depth: int | Sequence[int], skip: float = 1.0, scale: float = 1.0
) -> np.ndarray:
    r"""The covariance of two samples' gradients, in the units of `paper_variance`.

    .. math:: 2^{-L}; \quad (s^2 + g^2 / 2)^L; \quad \prod_{l=1}^L (1 + \beta^2 / (2 v_l)) =
              \frac{\Gamma(L + 1/\beta^2 + 1/2) \Gamma(1/\beta^2)}
              {\Gamma(L + 1/\beta^2) \Gamma(1/\beta^2 + 1/2)}

    Parameters, returns and errors as in `paper_variance`.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591: theorem 1, and theorem 3 as ~ beta sqrt(L). Theorem 2,
    section 3.4 and the product behind theorem 3: derived here from the paper's assumption.

    Examples
    --------
    >>> paper_covariance("plain", [1, 2, 10])
    array([0.5       , 0.25      , 0.00097656])
    """
    depth, skip, scale = _checked(net, depth, skip, scale)
    if net == "normalised residual":
        return _gamma_ratio(depth, scale)
    factor = skip**2 + scale**2 / 2 if net == "residual" else 0.5
    return factor**depth


def paper_correlation(
    net: str, depth: int | Sequence[int], skip: float = 1.0, scale: float = 1.0
) -> np.ndarray:
    """R, the correlation of two samples' gradients: covariance over variance, as published.

    The paper gives ~ 1 / (beta sqrt(L)) for normalised residual nets, which is above 1 for small
    beta; this is the product behind it.

    Parameters, returns and errors as in `paper_variance`.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591: theorems 1 and 3. Theorem 2, section 3.4 and the product
    behind theorem 3: derived here from the paper's assumption.

    Examples
    --------
    >>> paper_correlation("normalised residual", [5, 50]).round(3)
    array([0.451, 0.158])
    >>> float(paper_correlation("residual", 96, 0.99**0.5, 0.1).round(3))
    0.618
    """
    depths, skip, scale = _checked(net, depth, skip, scale)
    if net == "residual":  # the ratio first: at depth both overflow
        return ((skip**2 + scale**2 / 2) / (skip**2 + scale**2)) ** depths
    return paper_covariance(net, depth, skip, scale) / paper_variance(net, depth, skip, scale)


def _gamma_ratio(depth: np.ndarray, beta: float) -> np.ndarray:
    if beta**2 < np.finfo(float).tiny:
        return np.ones_like(depth)
    start = 1 / beta**2
    return np.exp(_log_half_step(depth + start) - _log_half_step(start))


def _log_half_step(x: np.ndarray | float) -> np.ndarray:
    """The log of Gamma(x + 1/2) / Gamma(x)."""
    return gammaln(x + 0.5) - gammaln(x)


def _checked(
    net: str, depth: int | Sequence[int], skip: float, scale: float
) -> tuple[np.ndarray, float, float]:
    known_name("net", net, NETS)
    skip, scale = squarable_number(skip, "skip"), squarable_number(scale, "scale")
    if (net != "residual" and skip != 1) or (net == "plain" and scale != 1):
        raise ValueError(
            f"only 'residual' nets have a skip other than 1, and plain ones no scale. "
            f"Received: {net!r}, skip {skip!r}, scale {scale!r}."
        )
    if net == "residual" and not skip and not scale:
        raise ValueError("skip and scale must not both be 0: nothing is left.")
    depths = real_numbers(depth, "depth")
    for number in np.ravel(depth).tolist():
        whole_number(number, "depth", least=0)
    return depths, skip, scale
