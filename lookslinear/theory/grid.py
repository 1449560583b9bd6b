"""Networks of one number, (stages, grid of inputs) -> the covariance of df/dx along the grid.

For inputs on a line dh/dx is correlated with h, so that the gradients' correlation is no product
over layers of P(both active), as it is for inputs of many dimensions. It is a derivative of the
kernel, E f'(x) f'(x') = d^2 K(x, x') / dx dx', which is carried from layer to layer together with
K itself. The limit of large width; for a depth of a tenth of the width, autocorrelations are a few
hundredths off.

The figures 1 and 2 of Balduzzi et al. 2017, arXiv 1702.08591, show what is predicted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from lookslinear.errors import NotCoveredError, real_numbers, whole_number
from lookslinear.laws import FIXED
from lookslinear.theory.grid_kernels import (
    GridKernels,
    batch_normalised,
    centred,
    folded,
    own,
    rectified,
    total,
    unfolded,
)
from lookslinear.theory.stages import Network, Residual, Stage, check_chain, every_stage

#: What rounding leaves of 0, relative to what is subtracted.
_ROUNDING = 1e-14


def grid_kernels(
    stages: Network, grid: np.ndarray, at: Sequence[int] | None = None
) -> list[GridKernels]:
    """The covariances of a unit and its derivative along the grid, after each stage.

    h' = W phi(n(h)) + b with n the stage's normalisation over the grid, 'centre' or 'batch', whose
    statistics are held constant in the derivative, as they are when a trained network is used; a
    `Residual` adds skip times its input to scale times its branch.

    Parameters
    ----------
    stages : sequence of Stage and Residual
        Dense; the first reads one number.
    grid : array of shape (M,)
        At least three inputs, in increasing order. A grid of an even number of inputs that is
        symmetric about 0 takes less than half of the time of another one.
    at : sequence of int, optional
        Stages behind which the kernels are wanted, counted from 0; all of them, if not given.

    Returns
    -------
    list of GridKernels of arrays (M, M), one a stage. `gradient` is E f'(x_i) f'(x_j).

    Raises
    ------
    NotCoveredError
        For activations with more than a kink at 0, kernels, fixed weights, inputs where a
        rectifier meets exactly 0, and signals that batch normalisation would divide by 0.
    ValueError, TypeError
        For a grid that is not sorted, not finite, or too short, and stages that do not fit.

    References
    ----------
    Figures 1 and 2 of Balduzzi et al. 2017, arXiv 1702.08591, show what is predicted. The kernel of
    ReLU: Cho & Saul 2009, 'Kernel methods for deep learning'; of batch normalisation: Yang et al.
    2019, arXiv 1902.08129. Derivatives along the grid: derived here.

    Examples
    --------
    Gradients of a looks-linear net do not shatter.

    >>> from lookslinear.laws import dense_law
    >>> mirrored = Stage(dense_law(128, 64, "haar", 1 / 8, mirror=True), "crelu")
    >>> stages = [Stage(dense_law(1, 64, "normal", 1.0)), *50 * [mirrored]]
    >>> gradient = grid_kernels(stages, np.linspace(-2, 2, 4))[-1].gradient
    >>> bool(abs(gradient - 1).max() < 1e-12)
    True
    """
    _check(stages)
    kernels, found = _of_inputs(checked_grid(grid)), {}
    at = range(len(stages)) if at is None else _numbers(at, "at", len(stages), "stages")
    for number, stage in enumerate(stages):
        kernels = _step(stage, kernels)
        if number in at:
            found[number] = unfolded(kernels)
    return [found[number] for number in at]


def autocorrelation_of(covariance: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """The autocorrelation of a series with this covariance, as the ratio of two means.

    .. math:: \\rho_k = \\frac{\\frac{1}{M - k} \\sum_i \\Gamma_{i, i + k}}
                             {\\frac{1}{M} \\sum_i \\Gamma_{i i}}

    Parameters
    ----------
    covariance : array of shape (M, M)
    lags : whole numbers of 0 to M - 1

    Returns
    -------
    array of shape (lags,); what `measures.autocorrelation` tends to with many series

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, figure 2 (the autocorrelations). As a ratio of means:
    derived here.

    Examples
    --------
    >>> autocorrelation_of(brown_noise(256), [0, 128, 255]).round(3)
    array([1.   , 0.502, 0.008])
    """
    covariance = real_numbers(covariance, "covariance")
    if covariance.ndim != 2 or len(set(covariance.shape)) != 1:
        raise ValueError(
            f"covariance must be a matrix of shape (M, M). Received: shape {covariance.shape}."
        )
    places = len(covariance)
    lags = _numbers(lags, "lags", places, "places")
    means = np.array([np.diagonal(covariance, lag).mean() for lag in lags])
    return means / np.diagonal(covariance).mean()


def white_noise(places: int) -> np.ndarray:
    """The covariance of independent numbers of variance 1: the identity, (places, places).

    Its autocorrelation is 1 at lag 0 and 0 elsewhere.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, figures 1 and 2, which compare gradients with it.
    """
    return np.eye(whole_number(places, "places"))


def brown_noise(places: int) -> np.ndarray:
    """The covariance of a random walk, the sums of white noise: min(i, j) for i, j = 1 ... M.

    .. math:: \\rho_k = 1 - \\frac{k}{M + 1}

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, figures 1 and 2, which compare gradients with it. Its
    autocorrelation as a ratio of means: derived here.

    Examples
    --------
    >>> brown_noise(3)
    array([[1., 1., 1.],
           [1., 2., 2.],
           [1., 2., 3.]])
    """
    steps = np.arange(1.0, whole_number(places, "places") + 1)
    return np.minimum.outer(steps, steps)


def checked_grid(grid: np.ndarray) -> np.ndarray:
    """The grid as floats, if it has at least three numbers, finite and in increasing order.

    Examples
    --------
    >>> checked_grid([0.0, 2.0, 1.0])
    Traceback (most recent call last):
    ValueError: grid must increase from each input to the next. Received: 1.0 after 2.0.
    """
    grid = real_numbers(grid, "grid")
    if grid.ndim != 1 or len(grid) < 3:
        raise ValueError(f"grid must be a row of at least 3 inputs. Received: shape {grid.shape}.")
    if not np.isfinite(grid).all():
        raise ValueError(f"grid must be finite. Received: {grid[~np.isfinite(grid)][0]}.")
    falls = np.flatnonzero(np.diff(grid) <= 0)
    if len(falls):
        here = falls[0]
        raise ValueError(
            f"grid must increase from each input to the next. "
            f"Received: {grid[here + 1]} after {grid[here]}."
        )
    return grid


def _numbers(numbers: Sequence[int], name: str, count: int, of: str) -> list[int]:
    if not isinstance(numbers, Sequence | np.ndarray) or isinstance(numbers, str):
        raise TypeError(f"{name} must be a sequence of whole numbers. Received: {numbers!r}.")
    for number in numbers:
        if whole_number(number, f"each of {name}", least=0) >= count:
            raise ValueError(f"each of {name} must be below {count}, the {of}. Received: {number}.")
    return list(numbers)


def _of_inputs(grid: np.ndarray) -> GridKernels:
    """The kernels of the function x itself: h = x, h' = 1; folded if the grid allows it."""
    count = len(grid)
    line = np.outer(grid, grid), np.tile(grid, (count, 1)), np.ones((count, count))
    symmetric = np.abs(grid + grid[::-1]).max() <= _ROUNDING * np.abs(grid).max()
    return folded(GridKernels(*line)) if symmetric and count % 2 == 0 else GridKernels(*line)


def _step(stage: Stage | Residual, kernels: GridKernels) -> GridKernels:
    if isinstance(stage, Residual):
        branch = kernels
        for inner in stage.branch:
            branch = _step(inner, branch)
        # A fresh weight ends the branch, so that it and the skip are uncorrelated.
        return kernels.scaled(stage.skip**2).plus(branch.scaled(stage.scale**2))
    passed = _passed(stage, kernels).scaled(stage.law.variance * stage.units)
    return passed._replace(signal=passed.signal + stage.bias_variance)


def _passed(stage: Stage, kernels: GridKernels) -> GridKernels:
    """What the weight reads, summed over the outputs of one unit."""
    mixture = _mixture(stage)
    return total(_through(*mixture, part) for part in _normalised(stage, kernels))


def _normalised(stage: Stage, kernels: GridKernels) -> Iterator[GridKernels]:
    if stage.normalisation == "none":
        yield kernels
    elif stage.normalisation == "centre":
        yield centred(kernels)
    else:
        around = centred(kernels)
        _refuse_constants(around, kernels)
        yield from batch_normalised(around)


def _refuse_constants(around: GridKernels, kernels: GridKernels) -> None:
    if own(around.signal).sum() <= _ROUNDING * own(kernels.signal).sum():
        raise NotCoveredError(
            "batch normalisation over a grid divides by the deviation of a unit over it, and here "
            "all inputs give each unit the same value."
        )


def _through(kink: float, linear: float, kernels: GridKernels) -> GridKernels:
    """phi(h) as a mixture of max(h, 0) and h, whose kernels add up."""
    if not kink:
        return kernels.scaled(linear)
    _refuse_zeros(kernels)
    bent = rectified(kernels)
    if (kink, linear) == (1, 0):
        return bent
    return bent.scaled(kink).plus(kernels.scaled(linear))


def _mixture(stage: Stage) -> tuple[float, float]:
    """(a, b) so that sum E phi(h_i) phi(h_j) = a E max(h_i, 0) max(h_j, 0) + b E h_i h_j.

    From E max(h_i, 0) max(-h_j, 0) = E max(h_i, 0) max(h_j, 0) - E h_i h_j / 2.
    """
    if stage.activation.doubles:
        return 2 * (1 - stage.mirror), stage.mirror
    if stage.activation.slopes is None:
        raise NotCoveredError(
            f"gradients along a grid are predicted for activations that are linear on both sides "
            f"of 0. Received: {stage.activation.name!r}."
        )
    left, right = stage.activation.slopes
    return (right - left) ** 2, left * right


def _refuse_zeros(kernels: GridKernels) -> None:
    if not own(kernels.signal).all():
        raise NotCoveredError(
            "an input of exactly 0 without biases sits on the rectifiers' kink, where there is no "
            "derivative. Leave 0 out of the grid, as an even number of symmetric inputs does."
        )


def _check(stages: Network) -> None:
    check_chain(stages)
    if any(stage.law.mirror_outputs for stage in every_stage(stages)):
        raise NotCoveredError(
            "gradients along a grid are not predicted for mirrored outputs: state the CReLU "
            "network that they make with a ReLU."
        )
    if stages[0].reads != 1:
        raise ValueError(
            f"the first stage must read one number, a place on the grid. "
            f"Received: {stages[0].reads} units."
        )
    for block in stages:
        if isinstance(block, Residual) and block.activation.name != "linear":
            raise NotCoveredError(
                f"an activation behind a residual branch gives the sum a mean, which is not "
                f"predicted along a grid. Received: {block.activation.name!r}."
            )
    for stage in every_stage(stages):
        _refuse_uncovered(stage)


def _refuse_uncovered(stage: Stage) -> None:
    law = stage.law
    if law.receptive_field or law.axes.groups != 1:
        raise NotCoveredError(
            f"gradients along a grid are predicted for dense weights. Received: shape {law.shape}."
        )
    if law.family in FIXED:
        raise NotCoveredError(
            f"a weight of family {law.family!r} leaves nothing to chance, so its units are no "
            f"Gaussian processes: not predicted."
        )
