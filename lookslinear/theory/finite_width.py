"""Second moments of dense nets with a curved activation, to first order in 1 / width.

At finite width the mean square m of a layer's pre-activations fluctuates between networks, and a
curved map turns that into a shift of the mean. Given m, the pre-activations are uniform on a sphere
(Gaussian and Haar weights alike), which gives, with V, D, their derivatives in q and averages over
a standard normal z taken at m, n units, and a weight that multiplies by g:

    mean of phi^2:        E s = V - m^2 V'' / n
    its scatter:          Var s = (E phi^4 - V^2 - 2 m^2 V'^2) / n
    its share in phi'^2:  Cov(s, d) = (E phi'^2 phi^2 - D V - 2 m^2 D' V') / n

The shift d and the variance v of m (d enters as exp(d / m)) follow from m' = g s X, where X is the
relative length that the weight gives: Var X = 2 / n' for independent weights, 0 for a Haar frame
that widens, 2 (n - n') / (n' (n + 2)) for one that narrows. Backward, the product of D along the
trajectory is expanded around it to second order, and the gradient's component along phi(h) is not
independent of h'. Derived for this project and compared with simulation; the leading order is Poole
et al. 2016, arXiv 1606.05340, and Schoenholz et al. 2017, arXiv 1611.01232.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookslinear.errors import NotCoveredError
from lookslinear.laws import SPHERES
from lookslinear.theory.depth import forward_step
from lookslinear.theory.pairs import as_crelu
from lookslinear.theory.quadrature import nodes_for
from lookslinear.theory.stages import Stage, as_entering_moment, check_plain_chain

#: The relative first-order term, and the relative variance of m, up to which it is trusted.
LARGEST_SHIFT, LARGEST_SCATTER = 1.0, 0.75


def finite_width_moments(
    stages: Sequence[Stage], input_moment: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Second moments of signals and gradients, mean over networks, up to terms of 1 / width^2.

    Parameters
    ----------
    stages : sequence of Stage
        Dense, the first one linear, no CReLU: its moments have no such terms.
    input_moment : number or array
        The mean square of the network's input, for each sample.

    Returns
    -------
    forward, backward : arrays with the stages as first axis, the samples behind it
        A gradient of independent normal numbers enters at the last outputs. Units: variance. NaN
        where the expansion does not hold: the first-order term is larger than 1, or m differs so
        much between networks, by a relative variance of more than 3/4, that two terms do not
        describe its effect. With Gaussian weights that is so for tanh on the critical line beyond
        a depth of about one width, and for GELU and SiLU, whose fixed points are unstable, beyond
        six layers of width 64.

    Raises
    ------
    NotCoveredError
        As `forward_second_moments` does, and for convolutions and CReLU.
    ValueError
        For a moment that is not positive.

    References
    ----------
    The terms of first order: derived here. The limit of large width: Poole et al. 2016, arXiv
    1606.05340; Schoenholz et al. 2017, arXiv 1611.01232.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> stages = [Stage(dense_law(64, 64, "haar", 1 / 8), phi) for phi in ("linear", "tanh")]
    >>> forward, backward = finite_width_moments(stages, 1.0)
    >>> bool(0.3943 < forward[1] < 0.3943 * 1.02)  # 0.3943 at infinite width
    True
    """
    check_plain_chain(stages, "the expansion in 1 / width")
    stages = as_crelu(stages)
    _refuse_uncovered(stages)
    moment = as_entering_moment(input_moment, "input_moment")
    if not (moment > 0).all():
        raise ValueError(
            f"input_moment must be positive: corrections are ratios to it. "
            f"Received: {input_moment!r}."
        )
    states = _trajectory(stages, moment)
    shifts = np.array([state.shift / state.moment for state in states])
    scatter = np.array([state.variance / state.moment**2 for state in states])
    curved = not all(stage.activation.homogeneous for stage in stages)
    holds = (np.abs(shifts) <= LARGEST_SHIFT) & ~(curved & (scatter > LARGEST_SCATTER))
    forward = np.array([state.moment for state in states]) * np.exp(np.where(holds, shifts, np.nan))
    # A gradient has passed all layers above it.
    holds = np.logical_and.accumulate(holds[::-1])[::-1]
    with np.errstate(over="ignore", invalid="ignore"):  # deep in chaos; not finite, not judged
        return forward, np.where(holds, _gradients(stages, states), np.nan)


def _refuse_uncovered(stages: Sequence[Stage]) -> None:
    if stages[0].activation.name != "linear":
        raise NotCoveredError(
            f"the first stage must read the data: 'linear'. "
            f"Received: {stages[0].activation.name!r}."
        )
    if any(stage.law.receptive_field or stage.activation.doubles for stage in stages):
        raise NotCoveredError(
            "corrections of first order in 1 / width are known for dense layers without CReLU."
        )
    for law in (stage.law for stage in stages):
        if law.family in SPHERES or not law.whole:
            raise NotCoveredError(
                f"corrections of first order in 1 / width are known for independent entries and "
                f"one Haar frame a layer. Received: family {law.family!r}, {law.blocks} blocks."
            )


@dataclass(frozen=True)
class _Averages:
    """Gaussian averages of an activation at a second moment q, with derivatives in q."""

    V: tuple[np.ndarray, ...]
    D: tuple[np.ndarray, ...]
    fourth: np.ndarray  # E phi^4
    both: np.ndarray  # E phi'^2 phi^2
    radial: np.ndarray  # E phi'^2 z^2
    mixed: np.ndarray  # E phi' phi z

    @classmethod
    def of(cls, stage: Stage, q: np.ndarray) -> _Averages:
        nodes, weights = nodes_for(q, stage.activation.kinks)
        h = np.sqrt(q)[..., None] * nodes
        values, derivatives = stage.activation.function(h), stage.activation.derivative(h)
        squares, slopes, nodes_squared = values**2, derivatives**2, nodes**2
        # Derivatives in q of a Gaussian average: those of its density, by Hermite polynomials.
        hermite = (nodes_squared - 1) / 2, (nodes_squared**2 - 6 * nodes_squared + 3) / 4
        density = np.stack([weights, *(weights * factor for factor in hermite)], axis=-1)
        powers = np.stack([np.ones_like(q), 1 / q, 1 / q**2])
        V, D = (np.moveaxis(_sums(both, density), -1, 0) * powers for both in (squares, slopes))
        others = squares**2, slopes * squares, slopes * nodes_squared, derivatives * values * nodes
        weights = weights[..., None]
        return cls(tuple(V), tuple(D), *(_sums(other, weights)[..., 0] for other in others))

    def along(self, after: np.ndarray | float) -> np.ndarray:
        """By which factor a gradient is larger along h than across it, given that after it."""
        return (self.radial + (after - 1) * self.mixed**2 / self.V[0]) / self.D[0]


def _sums(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of values (..., nodes) with weights (..., nodes, k): (..., k)."""
    return np.matmul(values[..., None, :], weights)[..., 0, :]


@dataclass(frozen=True)
class _State:
    """A layer's mean square: at infinite width, its shift at finite width, its variance.

    `averages` are those of the next stage at `moment`, None behind the last one.
    """

    moment: np.ndarray
    shift: np.ndarray
    variance: np.ndarray
    averages: _Averages | None


def _gain(stage: Stage) -> float:
    return stage.law.variance * stage.units


def _length_variance(stage: Stage) -> float:
    """The relative variance of |W x|^2 between draws of the weight."""
    read, written = stage.units, stage.law.output_channels
    if stage.law.family != "haar":
        return 2 / written
    return 2 * max(read - written, 0) / (written * (read + 2))


def _trajectory(stages: Sequence[Stage], input_moment: np.ndarray) -> list[_State]:
    moment, following = forward_step(stages[0], input_moment), [*stages[1:], None]
    variance = _length_variance(stages[0]) * moment**2
    states = [_State(moment, 0 * moment, variance, _averages(following[0], moment))]
    for stage, after in zip(stages[1:], following[1:], strict=True):
        states.append(_following(stage, states[-1], after))
    return states


def _averages(stage: Stage | None, moment: np.ndarray) -> _Averages | None:
    return stage and _Averages.of(stage, moment)


def _following(stage: Stage, state: _State, after: Stage | None) -> _State:
    moment = forward_step(stage, state.moment)
    averages, gain = state.averages, _gain(stage)
    _, slope, curvature = averages.V
    sphere = -(state.moment**2) * curvature / stage.units
    shift = gain * (slope * state.shift + sphere + curvature * state.variance / 2)
    carried = (gain * slope) ** 2 * state.variance
    variance = carried + _fresh_variance(stage, state.moment, averages)
    return _State(moment, shift, variance, _averages(after, moment))


def _fresh_variance(stage: Stage, m: np.ndarray, averages: _Averages) -> np.ndarray:
    """The variance that one stage adds to the mean square, given that before it."""
    value, slope, _ = averages.V
    of_units = (averages.fourth - value**2 - 2 * (m * slope) ** 2) / stage.units
    return _gain(stage) ** 2 * (of_units + _length_variance(stage) * value**2)


def _gradients(stages: Sequence[Stage], states: Sequence[_State]) -> np.ndarray:
    leading = np.ones_like(states[-1].moment)
    # The log-derivatives of the product of D after a layer in its m: first, second, and the
    # first-order term; then the ratio by which the gradient's component along h' is larger.
    first, second, correction, along = 0 * leading, 0 * leading, 0 * leading, 1.0
    gradients = [leading]
    for stage, state in zip(stages[:0:-1], states[-2::-1], strict=True):
        averages = state.averages
        correction = correction + _step_correction(
            stage, state.moment, averages, first, second, along
        )
        first, second = _log_derivatives(stage, averages, first, second)
        leading = leading * stage.law.variance * stage.law.output_channels * averages.D[0]
        along = averages.along(along)
        moved = first * state.shift + second * state.variance / 2
        # Each layer multiplies by its own term, so at depth they add up in the exponent.
        gradients.append(leading * np.exp(correction + moved))
    return np.array(gradients[::-1])


def _log_derivatives(
    stage: Stage, averages: _Averages, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    value, slope, curvature = averages.D
    _, map_slope, map_curvature = (_gain(stage) * derivative for derivative in averages.V)
    return (
        slope / value + first * map_slope,
        curvature / value
        + 2 * slope / value * first * map_slope
        + second * map_slope**2
        + first * map_curvature,
    )


def _step_correction(
    stage: Stage,
    m: np.ndarray,
    averages: _Averages,
    first: np.ndarray,
    second: np.ndarray,
    along: np.ndarray | float,
) -> np.ndarray:
    """What one stage adds to the relative first-order term of the gradient's second moment."""
    n, gain = stage.units, _gain(stage)
    (V, V1, V2), (D, D1, D2) = averages.V, averages.D
    covariance = (averages.both - D * V - 2 * m**2 * D1 * V1) / n
    sphere = -(m**2) * D2 / (n * D) - first * gain * m**2 * V2 / n
    scatter = second * _fresh_variance(stage, m, averages) / 2 + first * gain * covariance / D
    # A Haar frame keeps the gradient's length, so what lies along phi(h) is taken from the rest.
    taken = 1 / max(n, stage.law.output_channels) if stage.law.family == "haar" else 0.0
    return sphere + scatter + (along - 1) * (averages.both / (D * V) / n - taken)
