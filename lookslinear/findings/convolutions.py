"""Kernels that keep norms as operators under circular padding -> findings.

At every frequency such a kernel is a matrix with orthonormal rows or columns. At the frequencies 0
and pi it is real, H and H R_1 ... R_k with reflections R: both are Haar frames. Where there are
as many outputs as inputs, their quotient is looked at too, whose law no rotation of the channels
changes: what it makes of the first channel has a uniform direction beside it. The share of each tap
in the energy is from 0 to 1, of known mean, so that Chernoff's bound holds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from scipy.special import betainc, rel_entr

from lookslinear.arranging import as_convolution, pieces_of
from lookslinear.findings.frames import of_reflections
from lookslinear.findings.numbers import eps_of
from lookslinear.findings.spheres import of_directions
from lookslinear.findings.verdicts import Finding, certain
from lookslinear.laws import WeightLaw, binomial_shares


def of_convolutions(blocks: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """The operator at every frequency, frames at some, their quotients, the energy of the taps."""
    kernels = np.array([_kernel(piece, law) for block in blocks for piece in pieces_of(block, law)])
    worst = max(_off_isometry(kernel) for kernel in kernels)
    sides = kernels.shape[1:-2]  # those of the drawn block: one tap, if the law has no more
    steps = 1 + sum(side - 1 for side in sides)
    allowed = 10 * math.sqrt(kernels.shape[-1]) * steps * eps_of(law)
    yield certain("distance of the operator from an isometry", worst, allowed, worst <= allowed)
    if worst > allowed:
        return
    still = kernels.sum(axis=_taps(kernels))
    yield from of_reflections(list(still.swapaxes(1, 2)), law, "reflections at frequency 0")
    for axis, side in enumerate(sides):
        if side > 1:
            yield from _of_frequency(kernels, still, axis, law)
    if kernels[0].size > still[0].size:
        yield _of_energy(kernels)


def _kernel(piece: np.ndarray, law: WeightLaw) -> np.ndarray:
    """(*receptive field, fewer channels, more), scaled to an isometry of the fewer."""
    kernel = as_convolution(piece, law) / law.gain
    return kernel if kernel.shape[-2] <= kernel.shape[-1] else kernel.swapaxes(-1, -2)


def _taps(kernels: np.ndarray) -> tuple[int, ...]:
    return tuple(range(1, kernels.ndim - 2))


def _off_isometry(kernel: np.ndarray) -> float:
    """The largest entry of K(f) K(f)* - 1, at as many frequencies as tell a kernel of this size."""
    sides = kernel.shape[:-2]
    axes = tuple(range(len(sides)))
    spectrum = np.fft.fftn(kernel, [2 * side - 1 for side in sides], axes) if sides else kernel
    product = spectrum @ spectrum.conj().swapaxes(-1, -2)
    return float(np.abs(product - np.eye(product.shape[-1])).max())


def _of_frequency(
    kernels: np.ndarray, still: np.ndarray, axis: int, law: WeightLaw
) -> Iterator[Finding]:
    """The frames at frequency pi along an axis, and the quotients by those at 0."""
    shape = [1] * kernels.ndim
    shape[axis + 1] = -1
    signs = (1 - 2 * (np.arange(kernels.shape[axis + 1]) % 2)).reshape(shape)
    moving = (signs * kernels).sum(axis=_taps(kernels))
    name = f"frequency pi of axis {axis}"
    yield from of_reflections(list(moving.swapaxes(1, 2)), law, f"reflections at {name}")
    if still.shape[1] == still.shape[2] > 1:
        yield from _of_quotients(still.swapaxes(1, 2) @ moving, law, name)


def _of_quotients(quotients: np.ndarray, law: WeightLaw, name: str) -> Iterator[Finding]:
    """What products of reflections make of the first channel: its direction beside it.

    A number below rounding beside the first has no direction that could be read. That all are so
    small, below t, has a probability of less than t: 2 t / pi for two channels, less for more.
    """
    beside, rounding = quotients[:, 1:, 0], 10 * math.sqrt(len(quotients[0])) * eps_of(law)
    legible = np.sqrt((beside**2).sum(axis=1)) > rounding
    apart = len(beside) - int(legible.sum())
    chance = float(betainc(apart, len(beside) - apart + 1, rounding)) if apart else 1.0
    yield Finding(f"kernels with channels not mixed at {name}", apart, 0, chance)
    if legible.any():
        yield from of_directions(beside[legible], law, f"quotients at {name}")


def _of_energy(kernels: np.ndarray) -> Finding:
    """The share of each tap in the energy, mean over kernels: the one that is farthest off."""
    count, fewer = len(kernels), kernels.shape[-2]
    found = (kernels**2).sum(axis=(-1, -2)).mean(axis=0) / fewer
    expected = np.ones(())
    for side in kernels.shape[1:-2]:
        expected = np.multiply.outer(expected, binomial_shares(side))
    found = np.clip(found, 0, 1)
    distances = rel_entr(found, expected) + rel_entr(1 - found, 1 - expected)
    tap = max(itertools.product(*map(range, found.shape)), key=lambda place: distances[place])
    chance = min(2 * found.size * math.exp(-count * float(distances[tap])), 1 - 1e-16)
    return Finding(f"share of tap {tap} in the energy", found[tap], expected[tap], chance)
