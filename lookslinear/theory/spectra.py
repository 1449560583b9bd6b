"""Moments of the squared singular values of the end-to-end Jacobian J = W_L D_{L-1} ... D_1 W_1.

Exact at every width where a layer's gates are independent fair coins and its weight does not know
directions, as in nets of two slopes and CReLU with Gaussian or Haar weights: flipping the signs of
a weight's outputs changes its law for none. With M = J J^T, the three numbers

    t = E tr M,    a = E tr M^2,    b = E (tr M)^2

then follow one another. A weight of variance v from n units to m, a frame of singular value g, and
gates with s2 and s4 the mean square and fourth power of a slope:

    Gaussian        t' = v m t,      a' = v^2 m ((m + 1) a + b),     b' = v^2 m (m b + 2 a)
    frame, m >= n   t' = g^2 t,      a' = g^4 a,                     b' = g^4 b
    frame, m < n    t' = g^2 t m/n,  a' = g^4 (p a + q (a + b)),     b' = g^4 (p b + 2 q a)
                    q = m (n - m) / (n (n - 1) (n + 2)),   p = m^2 / n^2 - 2 q / n
    gates           t' = s2 t,  a' = s2^2 a + (s4 - s2^2) c,  b' = s2^2 b + (s4 - s2^2) c
                    c = E sum_i M_ii^2 = (2 a + b) / (n + 2)

A residual block s x + c W x keeps what the second powers of W leave: `_through_block`. CReLU passes
each unit through one of its two channels: a Gaussian weight then acts like one on a linear layer,
mirrored to whatever degree, and a frame like one from 2 n channels. Derived for this project.

At large width the relative variances of the layers add up: `wide_spectral_moments`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import bdtrc

from lookslinear.errors import NotCoveredError, positive_number
from lookslinear.laws import INDEPENDENT
from lookslinear.theory.averages import derivative_moment, squared_derivative_moment
from lookslinear.theory.depth import forward_second_moments
from lookslinear.theory.pairs import as_crelu
from lookslinear.theory.stages import Residual, Stage, check_chain, check_plain_chain


class SpectralMoments(NamedTuple):
    """Moments of the squared singular values x, min(inputs, outputs) of them in each network.

    `mean` is E x, `second` E x^2 over all singular values of all networks, `of_means` that of the
    square of a network's own mean. Units: of x, and of its square.

    References
    ----------
    Exact: derived here. The variance of wide square layers: Pennington, Schoenholz & Ganguli 2018,
    arXiv 1802.09979 (reported).
    """

    mean: float
    second: float
    of_means: float

    @property
    def variance(self) -> float:
        """The variance of the squared singular values of all networks together."""
        return self.second - self.mean**2

    @property
    def relative_variance(self) -> float:
        """The variance over the squared mean: 0 where all singular values are equal."""
        return self.variance / self.mean**2


class _Traces(NamedTuple):
    """E tr M, E tr M^2, E (tr M)^2 and the number of rows of M."""

    trace: float
    squares: float
    square: float
    units: int

    def scaled(self, factor: float) -> _Traces:
        t, a, b, n = self
        return _Traces(factor * t, factor**2 * a, factor**2 * b, n)


def spectral_moments(stages: Sequence[Stage]) -> SpectralMoments:
    """The exact moments at this width, mean over networks.

    Parameters
    ----------
    stages : sequence of Stage
        Dense, the first one linear; activations of two slopes or CReLU; Gaussian or Haar weights.

    Raises
    ------
    NotCoveredError
        For anything else, with the reason.

    References
    ----------
    Derived here.

    Examples
    --------
    Orthogonal weights with He's gain, 6 layers of 32 units after ReLU; 7 at infinite width.

    >>> from lookslinear.laws import dense_law
    >>> first, he = (dense_law(32, 32, "haar", (gain / 32) ** 0.5) for gain in (1, 2))
    >>> round(spectral_moments([Stage(first)] + 6 * [Stage(he, "relu")]).second, 2)
    8.49
    """
    check_chain(stages)
    stages = as_crelu(stages, doubled_end=False)
    refuse_first(stages[0])
    inputs = stages[0].reads
    traces = _Traces(inputs, inputs, inputs**2, inputs)
    for stage in stages:
        traces = _through(stage, traces)
    count = min(inputs, traces.units)
    t, a, b, _ = traces
    return SpectralMoments(t / count, a / count, b / count**2)


def wide_spectral_moments(stages: Sequence[Stage], input_moment: float = 1.0) -> SpectralMoments:
    """The moments in the limit of large widths, whose ratios are those of the stages.

    .. math:: \\frac{E x^2}{(E x)^2} = 1 + n_0 \\sum_l \\left[
              \\frac{\\mu_2 / \\mu_1^2 - 1}{n_{l-1}} + \\frac{1}{n_l} \\right], \\qquad
              \\mu_k = E \\phi'(h)^{2k}

    over n_0 singular values, 1 / n_l for independent entries and max(0, 1 / n_l - 1 / n) for a
    frame that reads n channels. A residual block whose branch multiplies mean squares by c
    (scale^2 included) and adds r of its own is (2 s^2 c / n + c^2 r) / (s^2 + c)^2.

    Parameters
    ----------
    stages : sequence of Stage
        Dense, the first one linear.
    input_moment : float
        The mean square of the network's input, above 0; smooth activations depend on it. Units:
        variance.

    References
    ----------
    Pennington, Schoenholz & Ganguli 2018, arXiv 1802.09979 (reported): for square layers a relative
    variance of L (mu_2 / mu_1^2 - 1 - s_1). Residual nets: Tarnowski et al. 2019, arXiv 1809.08848
    (reported). Rectangular layers: derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> first, he = (dense_law(32, 32, "haar", (gain / 32) ** 0.5) for gain in (1, 2))
    >>> moments = wide_spectral_moments([Stage(first)] + 6 * [Stage(he, "relu")])
    >>> [round(moment, 12) for moment in moments]
    [1.0, 7.0, 1.0]
    """
    check_chain(stages)
    stages = as_crelu(stages, doubled_end=False)
    refuse_first(stages[0])
    start = positive_number(input_moment, "input_moment")
    moments = [start, *forward_second_moments(stages, start)[:-1]]
    inputs = stages[0].reads
    mean, spread = 1.0, 1.0
    for stage, moment in zip(stages, moments, strict=True):
        gain, scatter = wide_gain(stage, moment)
        mean, spread = mean * gain, spread + inputs * scatter
    # So far over the inputs' singular values, some of them 0 where the outputs are fewer.
    share = inputs / min(inputs, stages[-1].writes)
    return SpectralMoments(mean * share, mean**2 * spread * share, (mean * share) ** 2)


def zero_share(stages: Sequence[Stage]) -> float:
    """The expected share of singular values that are exactly 0, at this width.

    A layer of n ReLU units has K ~ Bin(n, 1/2) open gates, and the rank of the Jacobian is the
    smallest of these and of the widths:

    .. math:: E \\min = \\sum_{k \\ge 1} \\prod_l P(K_l \\ge k)

    References
    ----------
    Derived here.

    Examples
    --------
    Of one unit a layer, three layers leave one network in eight.

    >>> from lookslinear.laws import dense_law
    >>> first = Stage(dense_law(1, 1, "normal", 1.0))
    >>> zero_share([first] + 3 * [Stage(dense_law(1, 1, "normal", 1.0), "relu")])
    0.875
    """
    check_plain_chain(stages, "the share of singular values that are 0")
    stages = as_crelu(stages, doubled_end=False)
    refuse_first(stages[0])
    _refuse_other_gates(stages)
    count = min(stages[0].reads, stages[-1].writes)
    ranks = np.arange(1, min(count, *(stage.writes for stage in stages)) + 1)
    reached = np.ones(len(ranks))
    for stage in stages:
        if stage.activation.slopes == (0.0, 1.0):
            reached = reached * bdtrc(ranks - 1, stage.units, 0.5)
    return float(1 - reached.sum() / count)


def _refuse_other_gates(stages: Sequence[Stage]) -> None:
    for stage in stages:
        if stage.activation.slopes is None and not stage.activation.doubles:
            raise NotCoveredError(
                f"the share of zeros is known for two slopes and CReLU. "
                f"Received: {stage.activation.name!r}."
            )


def wide_gain(stage: Stage | Residual, q: float) -> tuple[float, float]:
    """The factor of E tr J^T J, and what is added to the relative variance, over the inputs.

    `q` is the second moment of what enters.

    References
    ----------
    As `wide_spectral_moments`: Pennington, Schoenholz & Ganguli 2018, arXiv 1802.09979 (reported);
    residual nets: Tarnowski et al. 2019, arXiv 1809.08848 (reported). Rectangular layers: derived
    here.
    """
    if isinstance(stage, Residual):
        return _wide_block(stage, q)
    if stage.normalisation != "none":
        raise NotCoveredError(
            f"spectra are predicted without normalisation. Received: {stage.normalisation!r}."
        )
    slope, of_gates = _wide_gates(stage, q)
    gain = slope * stage.law.variance * stage.law.output_channels
    return float(gain), float(of_gates / stage.units + _wide_weight(stage))


def _wide_block(block: Residual, q: float) -> tuple[float, float]:
    if block.activation.name != "linear":
        raise NotCoveredError(
            f"spectra are predicted for residual sums with no activation behind the branch. "
            f"Received: {block.activation.name!r}."
        )
    if not all(stage.linear or stage.activation.doubles for stage in block.branch):
        raise NotCoveredError(
            "spectra are predicted for residual sums whose branches are linear: other gates open "
            "and close together in successive blocks, which no product of free factors knows."
        )
    moments = [q, *forward_second_moments(block.branch, q)[:-1]]
    gains = [wide_gain(stage, moment) for stage, moment in zip(block.branch, moments, strict=True)]
    skip, passed = block.skip**2, block.scale**2 * math.prod(gain for gain, _ in gains)
    scatter = passed**2 * sum(scatter for _, scatter in gains)
    return skip + passed, (scatter + 2 * skip * passed / block.reads) / (skip + passed) ** 2


def refuse_first(stage: Stage | Residual) -> None:
    """Raises unless the stage that reads the data is linear."""
    if isinstance(stage, Residual):
        refuse_first(stage.branch[0])
    elif stage.activation.slopes != (1.0, 1.0):
        raise NotCoveredError(
            f"the first stage must be linear: what an activation does to the data itself depends "
            f"on the data. Received: {stage.activation.name!r}."
        )


def refuse_partial_mirror(stage: Stage) -> None:
    """Raises for a Haar frame that is neither mirrored entirely nor not at all."""
    if 0 < stage.mirror < 1:
        raise NotCoveredError(
            f"spectra are not predicted for partly mirrored Haar frames. "
            f"Received: mirror {stage.mirror}."
        )


def _through(stage: Stage | Residual, traces: _Traces) -> _Traces:
    if isinstance(stage, Residual):
        return _through_block(stage, traces)
    if not stage.plain:
        raise NotCoveredError(
            f"the exact moments are known without biases and normalisation. Received: {stage}."
        )
    return _through_weight(stage, _through_gates(stage, traces))


def _through_block(block: Residual, traces: _Traces) -> _Traces:
    """Traces of (s + c W)^T M (s + c W): odd powers of W have the mean 0."""
    linear = len(block.branch) == 1 and block.branch[0].linear
    if not (linear and block.activation.name == "linear"):
        raise NotCoveredError(
            "the exact moments of residual sums are known where the branch is one linear layer."
        )
    t, a, b, n = traces
    skip, scale = block.skip**2, block.scale**2
    twice = skip * scale * block.branch[0].law.variance
    passed = _through(block.branch[0], traces).scaled(scale)
    return _Traces(
        skip * t + passed.trace,
        skip**2 * a + passed.squares + twice * (2 * a + 2 * n * a + 2 * b),
        skip**2 * b + passed.square + twice * (4 * a + 2 * n * b),
        n,
    )


def _through_gates(stage: Stage, traces: _Traces) -> _Traces:
    """Traces of D M D; CReLU, which only chooses channels, leaves them as they are."""
    if stage.linear or stage.activation.doubles:
        return traces
    if stage.activation.slopes is None:
        raise NotCoveredError(
            f"the exact moments are known for activations of two slopes and CReLU; see "
            f"wide_spectral_moments. Received: {stage.activation.name!r}."
        )
    left, right = stage.activation.slopes
    second, fourth = (left**2 + right**2) / 2, (left**4 + right**4) / 2
    t, a, b, n = traces
    scatter = (fourth - second**2) * (2 * a + b) / (n + 2)
    return _Traces(second * t, second**2 * a + scatter, second**2 * b + scatter, n)


def _through_weight(stage: Stage, traces: _Traces) -> _Traces:
    """Traces of W^T M W."""
    law = stage.law
    if law.receptive_field or not law.whole or law.sparsity:
        raise NotCoveredError("the exact moments are known for full dense weights only.")
    if law.family == "normal":
        return _through_gaussian(traces, law.output_channels).scaled(law.variance)
    if law.family == "haar":
        refuse_partial_mirror(stage)
        read = traces._replace(units=stage.read_channels)
        return _through_frame(read, law.output_channels).scaled(law.gain**2)
    raise NotCoveredError(
        f"the exact moments are known for Gaussian and Haar weights. Received: {law.family!r}."
    )


def _through_gaussian(traces: _Traces, m: int) -> _Traces:
    t, a, b, _ = traces
    return _Traces(m * t, m * ((m + 1) * a + b), m * (m * b + 2 * a), m)


def _through_frame(traces: _Traces, m: int) -> _Traces:
    t, a, b, n = traces
    if m >= n:
        return _Traces(t, a, b, m)
    # E P_ij P_kl = p [ij][kl] + q ([ik][jl] + [il][jk]) for a random projection of rank m.
    q = m * (n - m) / (n * (n - 1) * (n + 2))
    p = m**2 / n**2 - 2 * q / n
    return _Traces(t * m / n, p * a + q * (a + b), p * b + 2 * q * a, m)


def _wide_gates(stage: Stage, q: float) -> tuple[float, float]:
    """mu_1, and the relative variance mu_2 / mu_1^2 - 1 of the squared slopes."""
    if stage.mirrored or stage.activation.doubles:
        return 1.0, 0.0
    first = derivative_moment(stage.activation, q)
    return first, squared_derivative_moment(stage.activation, q) / first**2 - 1


def _wide_weight(stage: Stage) -> float:
    """The relative variance that a weight adds, in units of 1 / inputs."""
    law = stage.law
    if law.receptive_field or not law.whole:
        raise NotCoveredError("spectra are predicted for dense weights only.")
    if law.family in INDEPENDENT:
        return 1 / law.output_channels
    if law.family == "haar":
        refuse_partial_mirror(stage)
        return max(0.0, 1 / law.output_channels - 1 / stage.read_channels)
    raise NotCoveredError(
        f"spectra are predicted for independent entries and Haar frames. "
        f"Received: family {law.family!r}."
    )
