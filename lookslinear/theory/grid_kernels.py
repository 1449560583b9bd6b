"""Kernels on a grid and what a layer does to them: (covariances of h and dh/dx) -> the next ones.

A unit h of a wide network is, over the inputs x_1 ... x_M of a grid, a Gaussian process, and so is
h' = dh/dx. Three matrices hold all of it, and each layer maps them to the next three.

Weights and biases are as likely as their negatives, so that h(-x) has the law of h(x): on a grid
that is symmetric about 0 the upper half says all. Its kernels are `folded`: pairs of matrices, of
inputs on the same side of 0 and on opposite sides. All functions here take both forms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from lookslinear.theory.quadrature import discrete_gauss

#: Of the quadrature over batch normalisation: the t that are looked at, as logs of t E |h|^2, the
#: share of the largest weight below which they are left out, and how many are looked at in between.
LOGS, NEGLIGIBLE, RESOLUTION = np.arange(-22.0, 61.0), 1e-9, 64
#: Nodes: so many, and so many more for each unit of the standard deviation of log t.
#: Autocorrelations are then 5e-4 off at most, through 50 layers.
NODES, NODES_PER_DEVIATION = 3, 1.7

#: Sines that are less are those of 0, or of an angle that is 0 but for rounding.
_NO_ANGLE = 1e-9


class GridKernels(NamedTuple):
    """Covariances of a unit on a grid of M inputs, three arrays (M, M). Units: variance.

    .. math:: signal_{ij} = E h_i h_j, \\quad mixed_{ij} = E h'_i h_j, \\quad
              gradient_{ij} = E h'_i h'_j

    Folded, three arrays (2, M / 2, M / 2): these of the inputs above 0, and the derivatives of
    E h(x_i) h(-x_j) by x_i, and by x_i and x_j.

    References
    ----------
    Derived here.
    """

    signal: np.ndarray
    mixed: np.ndarray
    gradient: np.ndarray

    def scaled(self, factor: float) -> GridKernels:
        """The kernels of a unit that is larger by the root of `factor`."""
        return GridKernels(*(factor * kernel for kernel in self))

    def plus(self, other: GridKernels) -> GridKernels:
        """The kernels of a sum of independent units."""
        return GridKernels(*(a + b for a, b in zip(self, other, strict=True)))


def total(parts: Iterable[GridKernels]) -> GridKernels:
    """The kernels of a sum of independent units, of which there is at least one."""
    parts = iter(parts)  # one at a time: they are large
    found = next(parts).scaled(1.0)
    for part in parts:
        for kernel, more in zip(found, part, strict=True):
            kernel += more
    return found


def folded(kernels: GridKernels) -> GridKernels:
    """The kernels of the upper half of a grid that is symmetric about 0; M even.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> x = np.array([-2.0, -1.0, 1.0, 2.0])
    >>> line = GridKernels(np.outer(x, x), np.tile(x, (4, 1)), np.ones((4, 4)))
    >>> folded(line).mixed.tolist()
    [[[1.0, 2.0], [1.0, 2.0]], [[-1.0, -2.0], [-1.0, -2.0]]]
    >>> all((a == b).all() for a, b in zip(unfolded(folded(line)), line))
    True
    """
    upper = slice(len(kernels.signal) // 2, None)
    lower = slice(upper.start - 1, None, -1)
    signal, mixed, gradient = (
        np.stack([kernel[upper, upper], kernel[upper, lower]]) for kernel in kernels
    )
    gradient[1] *= -1  # h(-x) falls where h rises
    return GridKernels(signal, mixed, gradient)


def unfolded(kernels: GridKernels) -> GridKernels:
    """The kernels of the whole grid, from folded ones; others are given back."""
    if kernels.signal.ndim == 2:
        return kernels
    signal, mixed, gradient = kernels
    half = len(gradient[0])
    mixed = _whole(*mixed)
    mixed[:half] *= -1  # h(-x) falls where h rises
    return GridKernels(_whole(*signal), mixed, _whole(gradient[0], -gradient[1]))


def _whole(same: np.ndarray, opposite: np.ndarray) -> np.ndarray:
    return np.block([[same[::-1, ::-1], opposite[::-1]], [opposite[:, ::-1], same]])


def rectified(kernels: GridKernels) -> GridKernels:
    """The kernels of max(h, 0).

    With s_i the standard deviation of h_i, theta the angle whose cosine is the correlation of h_i
    and h_j, P = (pi - theta) / (2 pi), u_ij = mixed_ij / s_j and d_i = u_ii,

    .. math:: signal:\\;   & s_i s_j (\\sin\\theta / 2 \\pi + P \\cos\\theta) \\\\
              mixed:\\;    & P \\, mixed_{ij} + d_i s_j \\sin\\theta / 2 \\pi \\\\
              gradient:\\; & P \\, gradient_{ij} + d_i d_j \\sin\\theta / 2 \\pi +
                             (u_{ij} - d_i \\cos\\theta) (u_{ji} - d_j \\cos\\theta)
                             / (2 \\pi \\sin\\theta)

    The second and third are the derivatives of the first along one grid axis and along both. The
    fraction in the third tends to 0 where inputs meet, and is 0 where h_i and h_j are proportional.

    References
    ----------
    Cho & Saul 2009, 'Kernel methods for deep learning' (the first). The others: derived here.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> [kernel.item() for kernel in rectified(GridKernels(one, one, one))]
    [0.5, 0.5, 0.5]
    """
    found = GridKernels(*(np.empty_like(kernel) for kernel in kernels))
    deviation = np.sqrt(own(kernels.signal))
    d = own(kernels.mixed) / deviation
    cosine = kernels.signal / np.multiply.outer(deviation, deviation)
    np.fill_diagonal(_sides(cosine)[0], 1)
    # A side at a time: what is at work then stays in the processor's cache.
    for side in zip(_sides(cosine), *map(_sides, (*kernels, *found)), strict=True):
        _rectify(deviation, d, *side)
    return found


def _rectify(deviation, d, cosine, signal, mixed, gradient, to_signal, to_mixed, to_gradient):
    """One side's kernels; in place, since this is where the time of a prediction goes."""
    np.minimum(np.maximum(cosine, -1, out=cosine), 1, out=cosine)
    sine = (1 - cosine) * (1 + cosine)
    np.sqrt(sine, out=sine)
    both = np.arccos(cosine)
    both *= -1 / (2 * np.pi)
    both += 0.5  # P: that h_i and h_j are both positive
    rest = mixed / deviation
    rest -= d[:, None] * cosine
    np.multiply(rest, rest.T, out=to_gradient)
    to_gradient /= np.maximum(sine, _NO_ANGLE)
    to_gradient *= 1 / (2 * np.pi)
    sine *= 1 / (2 * np.pi)
    to_gradient += sine * np.multiply.outer(d, d)
    to_gradient += both * gradient
    sine *= deviation
    np.multiply(both, mixed, out=to_mixed)
    to_mixed += d[:, None] * sine
    np.multiply(both, signal, out=to_signal)
    to_signal += deviation[:, None] * sine


def _sides(kernel: np.ndarray) -> np.ndarray:
    """Its matrices, that of inputs on the same side first."""
    return kernel.reshape(-1, *kernel.shape[-2:])


def own(kernel: np.ndarray) -> np.ndarray:
    """What each input has with itself."""
    return np.diagonal(_sides(kernel)[0])


def centred(kernels: GridKernels) -> GridKernels:
    """The kernels of h minus its mean over the grid, the mean held constant in the derivative.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> signal = np.array([[3.0, 1.0], [1.0, 3.0]])
    >>> centred(GridKernels(signal, signal, signal)).signal
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    means = _row_means(kernels.signal)
    signal = kernels.signal - means - (means[:, None] - means.mean())
    return GridKernels(signal, kernels.mixed - _row_means(kernels.mixed)[:, None], kernels.gradient)


def _row_means(kernel: np.ndarray) -> np.ndarray:
    """Each row's mean over the whole grid."""
    return _sides(kernel).mean(axis=(0, 2))


def batch_normalised(kernels: GridKernels) -> Iterator[GridKernels]:
    """Kernels whose sum stands for units divided by their own size.

    A unit that is batch-normalised over the grid is no Gaussian: h / s with M s^2 = |h|^2. But with

    .. math:: \\frac{1}{|h|^2} = \\int_0^\\infty e^{-t |h|^2} dt

    the mean of anything that is of second degree in (h, h') and divided by s^2 is an integral over
    means under Gaussians that are tilted by exp(-t |h|^2). For each t they have the kernels

    .. math:: signal_t = K A, \\quad mixed_t = D A, \\quad gradient_t = G - 2 t D A D^T, \\quad
              A = (1 + 2 t K)^{-1}

    and the weight M det(A)^{1/2}, which they are given times. By Gauss's rule in log(t + 1 / k), k
    the largest eigenvalue of K: the integrand is smooth in t below 1 / k and in log t above. Exact
    for wide networks. Statistics are held constant in the derivative; there is no epsilon.

    Parameters
    ----------
    kernels : GridKernels
        Those of the centred h: see `centred`. Not all 0.

    References
    ----------
    Yang et al. 2019, arXiv 1902.08129 (the integral over t, for batches without derivatives).

    Examples
    --------
    >>> line = np.outer([-1.0, 1.0], [-1.0, 1.0])
    >>> sum(part.signal for part in batch_normalised(GridKernels(line, line, line))).round(4)
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    signal, mixed, gradient = (_by_parity(kernel) for kernel in kernels)
    values, vectors = np.linalg.eigh(signal)
    values = np.maximum(values, 0)  # rounding may put them below
    mixed, rows = mixed @ vectors, np.swapaxes(vectors, -1, -2)
    back = 1.0 if values.ndim == 1 else 0.5  # `_by_parity`, twice, doubles
    for t, weight in _tilts(values):
        kept = (back * weight / (1 + 2 * t * values))[..., None, :]
        turned = mixed * kept
        found = (
            (vectors * (values[..., None, :] * kept)) @ rows,
            turned @ rows,
            back * weight * gradient,
        )
        turned *= -2 * t
        found[-1][:] += turned @ np.swapaxes(mixed, -1, -2)
        yield GridKernels(*(_by_parity(kernel) for kernel in found))


def _by_parity(kernel: np.ndarray) -> np.ndarray:
    """Of a folded kernel those of (h(x) + h(-x)) / 2^(1/2) and the difference: uncorrelated.

    Twice, it doubles what it is given.
    """
    if kernel.ndim == 2:
        return kernel
    found = np.empty_like(kernel)
    np.add(kernel[0], kernel[1], out=found[0])
    np.subtract(kernel[0], kernel[1], out=found[1])
    return found


def _tilts(values: np.ndarray) -> Iterator[tuple[float, float]]:
    """The quadrature's t, with weights that give |h / s|^2 = M exactly; from K's eigenvalues."""
    size = values.sum()
    values = values.reshape(-1) / size
    logs, shares = _shares(values)
    bent = np.log(np.exp(logs) + 1 / values.max())
    deviation = np.sqrt(shares @ (bent - shares @ bent) ** 2)
    nodes, weights = discrete_gauss(bent, shares, int(NODES + NODES_PER_DEVIATION * deviation))
    t = np.maximum(np.exp(nodes) - 1 / values.max(), 0)
    left = (values / (1 + 2 * t[:, None] * values)).sum(axis=1)
    return zip(t / size, len(values) * weights / (left * size), strict=True)


def _shares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log t where it counts, evenly spaced, and the share of |h / s|^2 there; E |h|^2 = 1."""
    logs = LOGS
    for _ in range(2):  # the second time in steps that resolve it
        sizes = _log_sizes(logs, values)
        seen = np.flatnonzero(sizes > sizes.max() + np.log(NEGLIGIBLE))
        ends = max(seen[0] - 1, 0), min(seen[-1] + 1, len(logs) - 1)
        logs = np.linspace(*logs[list(ends)], RESOLUTION)
    sizes = _log_sizes(logs, values)
    shares = np.exp(sizes - sizes.max())
    return logs, shares / shares.sum()


def _log_sizes(logs: np.ndarray, values: np.ndarray) -> np.ndarray:
    """log of t E |h|^2 exp(-t |h|^2): what a step in log t adds to |h / s|^2."""
    shrunk = np.log1p(2 * np.outer(np.exp(logs), values))
    return logs - shrunk.sum(axis=1) / 2 + np.log(np.exp(-shrunk) @ values)
