"""Spectral laws, (stages) -> the density of the squared singular values of J at infinite width.

There, square layers of random directions are free of one another, and S-transforms multiply
(Voiculescu): with psi(z) = E x z / (1 - x z) = m,

.. math:: \\frac{1}{z} = \\frac{1 + m}{m} \\prod_l \\frac{1}{S_l(m)}, \\qquad
          \\rho(x) = -\\frac{1}{\\pi x} \\mathrm{Im} \\, \\psi(1 / (x + i 0))

    Gaussian weight of gain g      1 / S = g (1 + m)
    square frame                   1 / S = g
    frame from 2 n channels to n   1 / S = g (1 + m) / (1 + m / 2)
    gates open with probability p  1 / S = (p + m) / (1 + m)
    any gates                      S = (1 + m) / m * chi(m),  psi_gates(chi(m)) = m
    residual block                 1 / S = mean exp(r m),  r its relative variance

with g the factor by which a weight multiplies a mean square. The last line is the law of many
blocks of small r; the others are exact in the limit. Solved by Newton's method, from far above
the real axis down to it. Products of Gaussian matrices alone: `fuss_catalan`.

References: Pennington, Schoenholz, Ganguli 2018, arXiv 1802.09979 (reported: S-transforms for
Jacobians); Tarnowski et al. 2019, arXiv 1809.08848 (reported: residual nets).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from lookslinear.errors import NotCoveredError, positive_number, real_numbers
from lookslinear.laws import INDEPENDENT
from lookslinear.theory.averages import derivative_moment
from lookslinear.theory.depth import forward_second_moments
from lookslinear.theory.pairs import as_crelu
from lookslinear.theory.quadrature import normal_nodes
from lookslinear.theory.spectra import refuse_first, wide_gain
from lookslinear.theory.stages import Residual, Stage, check_chain

#: A factor's log(1 / S) at complex m, and its derivative.
Transform = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

#: How far above the real axis the way down starts and ends, relative to x, and its steps.
_HIGHEST, _LOWEST, _STEPS = 100.0, 1e-9, 50
_ITERATIONS, _CONVERGED = 30, 1e-10


@dataclass(frozen=True)
class SpectralLaw:
    """The law of the squared singular values of one wide network.

    Parameters
    ----------
    factors : tuple of (transform, count)
        The log of 1 / S of each kind of layer, and how often it stands.
    mean : float
        E x.
    zeros : float
        The share of them that is exactly 0.
    largest, of_largest : float
        Where gates are closed seldom, a share of all singular values has passed none and is
        largest; the share is 0 where there is none.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2018, arXiv 1802.09979 (reported); residual nets: Tarnowski et
    al. 2019, arXiv 1809.08848 (reported).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = spectral_law(3 * [Stage(dense_law(8, 8, "normal", 8**-0.5))])
    >>> from lookslinear.theory.fuss_catalan import fuss_catalan_density
    >>> x = np.array([0.1, 1.0, 9.0])
    >>> bool(np.allclose(law.density(x), fuss_catalan_density(3, x)))
    True
    """

    factors: tuple[tuple[Transform, int], ...]
    mean: float
    zeros: float
    largest: float
    of_largest: float

    def density(self, x: np.ndarray) -> np.ndarray:
        """The probability density at each x > 0, shares at single values left out."""
        x = real_numbers(x, "x")
        if not ((x > 0) & np.isfinite(x)).all():
            raise ValueError(f"x must be more than 0 and finite. Received: {x}.")
        if not x.size:
            return x
        return np.maximum(-_on_the_axis(self, x).imag / (math.pi * x), 0.0)


def spectral_law(stages: Sequence[Stage], input_moment: float = 1.0) -> SpectralLaw:
    """The law at infinite width of a network of square layers.

    Parameters
    ----------
    stages : sequence of Stage
        Dense, all of one width, the first one linear; independent entries or Haar frames.
    input_moment : float
        The mean square of the network's input, above 0; smooth activations depend on it. Units:
        variance.

    Raises
    ------
    NotCoveredError
        For anything else, with the reason.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2018, arXiv 1802.09979 (reported: S-transforms for Jacobians);
    residual nets: Tarnowski et al. 2019, arXiv 1809.08848 (reported). Looks-linear and doubled
    layers: derived here.

    Examples
    --------
    ReLU with orthogonal weights: half of all singular values are 0.

    >>> from lookslinear.laws import dense_law
    >>> first, he = (dense_law(32, 32, "haar", (gain / 32) ** 0.5) for gain in (1, 2))
    >>> law = spectral_law([Stage(first)] + 6 * [Stage(he, "relu")])
    >>> law.zeros, round(law.mean, 9)
    (0.5, 1.0)
    """
    check_chain(stages)
    stages = as_crelu(stages, doubled_end=False)
    refuse_first(stages[0])
    start = positive_number(input_moment, "input_moment")
    moments = [start, *forward_second_moments(stages, start)[:-1]]
    # At a fixed point of the second moment all layers are alike, but for rounding.
    moments = [float(f"{float(moment):.12g}") for moment in moments]
    counted = Counter(zip(stages, moments, strict=True))
    layers = [(_Layer.of(stage, q, stages[0].reads), n) for (stage, q), n in counted.items()]
    factors = tuple((transform, n) for layer, n in layers for transform in layer.transforms)
    kept = 1 - sum(n * (1 - layer.kept) for layer, n in layers)
    return SpectralLaw(
        factors,
        mean=math.prod(layer.mean**n for layer, n in layers),
        zeros=max(layer.zeros for layer, _ in layers),
        largest=math.prod(layer.largest**n for layer, n in layers),
        of_largest=max(kept, 0.0),
    )


class _Layer(NamedTuple):
    """What one layer does: its transforms, mean, the share of zeros, and of what it keeps whole."""

    transforms: tuple[Transform, ...]
    mean: float
    zeros: float
    largest: float
    kept: float

    @classmethod
    def of(cls, stage: Stage | Residual, q: float, width: int) -> _Layer:
        """The layer at second moment q; raises if it is not square, of this width."""
        _refuse_rectangular(stage, width)
        mean, scatter = wide_gain(stage, q)
        if isinstance(stage, Residual):
            return cls((_block(mean, scatter * width),), mean, 0.0, mean, 0.0)
        gates, gain = _gates(stage, q), stage.law.variance * width
        rotation = stage.law.family == "haar" and stage.read_channels == width
        transforms = (_weight(stage, gain), gates.transform)
        return cls(transforms, mean, gates.zeros, gain, gates.ones if rotation else 0.0)


class _Gates(NamedTuple):
    """A layer's squared slopes: transform, and the shares that are exactly 0 and 1."""

    transform: Transform
    zeros: float
    ones: float


def _refuse_rectangular(stage: Stage | Residual, width: int) -> None:
    if not stage.reads == stage.writes == width:
        raise NotCoveredError(
            f"the law is known for square layers of one width, here {width}; of others "
            f"wide_spectral_moments is. Received: {stage.reads} to {stage.writes}."
        )


def _gates(stage: Stage, q: float) -> _Gates:
    phi = stage.activation
    if stage.linear or phi.doubles:
        return _Gates(_constant(1.0), 0.0, 1.0)
    if phi.name in ("relu", "hardTanh"):  # slopes 0 and 1
        share = float(derivative_moment(phi, q))
        return _Gates(_projection(share), 1 - share, share)
    if phi.slopes is not None:
        values, weights = np.square(phi.slopes), np.array([0.5, 0.5])
    else:
        nodes, weights = normal_nodes(q)
        values = phi.derivative(math.sqrt(q) * nodes) ** 2
    return _Gates(_Values(values, weights), 0.0, 0.0)


def _block(mean: float, scatter: float) -> Transform:
    return lambda m: (math.log(mean) + scatter * m, np.full_like(m, scatter))


def _weight(stage: Stage, gain: float) -> Transform:
    if stage.law.family in INDEPENDENT:
        return lambda m: (math.log(gain) + np.log1p(m), 1 / (1 + m))
    if stage.read_channels > stage.units:
        return lambda m: (math.log(gain) + np.log1p(m) - np.log1p(m / 2), 1 / (1 + m) - 1 / (2 + m))
    return _constant(gain)


def _constant(gain: float) -> Transform:
    return lambda m: (np.full_like(m, math.log(gain)), np.zeros_like(m))


def _projection(share: float) -> Transform:
    return lambda m: (np.log((share + m) / (1 + m)), 1 / (share + m) - 1 / (1 + m))


class _Values:
    """The transform of a law that takes some values with some probabilities.

    Its chi has no closed form; it is followed by Newton's method from where it was the last time,
    so that one of these serves one descent to the axis.
    """

    def __init__(self, values: np.ndarray, weights: np.ndarray):
        # Even functions take each value twice.
        self._values, places = np.unique(np.round(values, 14), return_inverse=True)
        self._weights = np.bincount(places, weights)
        self._chi = None

    def fresh(self) -> _Values:
        return _Values(self._values, self._weights)

    def __call__(self, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self._chi is None:  # m is small yet
            self._chi = m / (self._weights @ self._values)
        for _ in range(_ITERATIONS):
            value, slope = self._psi(self._chi)
            step = (value - m) / slope
            self._chi = self._chi - step
            if np.abs(step / self._chi).max() < _CONVERGED:
                break
        chi, slope = self._chi, self._psi(self._chi)[1]
        return np.log(m) - np.log1p(m) - np.log(chi), 1 / m - 1 / (1 + m) - 1 / (slope * chi)

    def _psi(self, chi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rest = 1 / (1 - np.multiply.outer(chi, self._values))
        return (
            chi * (rest @ (self._weights * self._values)),
            rest**2 @ (self._weights * self._values),
        )


def _on_the_axis(law: SpectralLaw, x: np.ndarray) -> np.ndarray:
    """m = psi(1 / (x + i 0)), followed from m near 0, far above the axis, down to it."""
    factors = [(f.fresh() if isinstance(f, _Values) else f, count) for f, count in law.factors]
    x = x / law.mean
    m = 1 / (x + 1j * _HIGHEST * np.maximum(x, 1.0))
    for height in np.geomspace(_HIGHEST, _LOWEST, _STEPS):
        # Near the axis heights are relative to x, far above it to the law's own size.
        z = x + 1j * height * np.maximum(x, min(1.0, height))
        m = _solved(factors, m, np.log(law.mean * z))
    return m


def _solved(
    factors: Sequence[tuple[Transform, int]], m: np.ndarray, log_z: np.ndarray
) -> np.ndarray:
    """The m near the given one with log((1 + m) / m) + sum log(1 / S(m)) = log z."""
    for _ in range(_ITERATIONS):
        value, slope = np.log1p(m) - np.log(m) - log_z, 1 / (1 + m) - 1 / m
        for transform, count in factors:
            log, derivative = transform(m)
            value, slope = value + count * log, slope + count * derivative
        # Logs of products are known up to full turns.
        value = value.real + 1j * ((value.imag + math.pi) % (2 * math.pi) - math.pi)
        step = value / slope
        longest = np.minimum(np.abs(m), np.abs(1 + m)) / 2
        m = m - step * np.minimum(1.0, longest / np.maximum(np.abs(step), 1e-300))
        if np.abs(step / m).max() < _CONVERGED:
            break
    return m
