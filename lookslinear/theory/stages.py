"""A network as theory sees it, a list of `Stage` and `Residual`: the input of every recursion."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lookslinear.activations import Activation, activation
from lookslinear.errors import (
    NotCoveredError,
    known_name,
    real_number,
    real_numbers,
    refuse_other_kind,
    squarable_number,
    whole_number,
)
from lookslinear.laws import WeightLaw

PADDINGS = ("zeros", "circular", "valid")
NORMALISATIONS = ("none", "batch", "centre")


@dataclass(frozen=True)
class Stage:
    """h' = W phi(N(h)) + b: the pre-activations before, normalised; the activation; the weight.

    Parameters
    ----------
    law : WeightLaw
        The weight's law.
    activation : str or Activation
        phi; 'linear' for a first layer that reads the data.
    padding : str
        What a kernel meets beyond the border: 'zeros' or 'circular' (half padding: with a stride of
        1 the output keeps the input's sides), or 'valid', nothing: the image shrinks.
    bias_variance : float
        The variance of b: normal, of mean 0, one for each output channel.
    normalisation : str
        N, over a batch of samples, for each unit by itself: 'none'; 'centre', which subtracts the
        mean over the batch; 'batch', which also divides by the standard deviation about it, the
        root of the mean over the batch of the squared deviations, with no constant added. Mean and
        deviation are held constant on the way back: the gradient is divided by the deviation, and
        nothing is subtracted from it. `Batch` says what batch.
    stride : int
        Of a kernel, along each axis.
    neighbour_correlation : float or None
        For 'average' taps: the uncentred correlation of two numbers of a block that the weight
        reads, E f_i f_j over E f^2, mean over the pairs of the block.

    References
    ----------
    Poole et al. 2016, arXiv 1606.05340 (the recursion through a layer); mirrored weights: Balduzzi
    et al. 2017, arXiv 1702.08591.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> Stage(dense_law(8, 8, "normal", 0.5), "relu").units
    8
    """

    law: WeightLaw
    activation: Activation | str = "linear"
    padding: str = "zeros"
    bias_variance: float = 0.0
    normalisation: str = "none"
    stride: int = 1
    neighbour_correlation: float | None = None

    def __post_init__(self):
        refuse_other_kind(self.law, WeightLaw, "law")
        object.__setattr__(self, "activation", activation(self.activation))
        known_name("padding", self.padding, PADDINGS)
        known_name("normalisation", self.normalisation, NORMALISATIONS)
        real_number(self.bias_variance, "bias_variance", least=0)
        _refuse_bad_steps(self)
        _refuse_uncovered_law(self.law)
        if self.activation.doubles and self.law.shape[self.law.axes.input] % 2:
            raise ValueError(
                f"a weight that follows CReLU needs an even number of input channels. "
                f"Received: {self.law.shape[self.law.axes.input]}."
            )

    @property
    def mirror(self) -> float:
        """To which degree the weight undoes a CReLU: 1 makes the stage linear, 0 is no mirror.

        Raises `NotCoveredError` for a mirrored weight after anything but CReLU: the two halves of
        its input are then different units, and what is left is their difference.
        """
        if self.law.mirror and not self.activation.doubles:
            raise NotCoveredError(
                f"a mirrored weight is predicted only after 'crelu', whose halves it joins. "
                f"Received: activation {self.activation.name!r}."
            )
        return float(self.law.mirror)

    @property
    def mirrored(self) -> bool:
        """Whether the weight undoes a CReLU entirely."""
        return self.mirror == 1

    @property
    def linear(self) -> bool:
        """Whether the stage is a linear map of what its normalisation leaves."""
        return self.mirrored or self.activation.name == "linear"

    @property
    def plain(self) -> bool:
        """Whether there is neither a bias, nor normalisation, nor a stride, nor 'valid' padding."""
        steps = self.stride != 1 or self.padding == "valid"
        return not (steps or self.bias_variance or self.normalisation != "none")

    @property
    def units(self) -> int:
        """The pre-activations that enter: before a CReLU doubles them."""
        channels = self.law.shape[self.law.axes.input]
        return channels // 2 if self.activation.doubles else channels

    @property
    def read_channels(self) -> int:
        """The independent channels that the weight reads: twice the units after a plain CReLU."""
        return self.units if self.mirrored else self.law.shape[self.law.axes.input]

    @property
    def reads(self) -> int:
        """The units of the layer before, of all groups."""
        return self.units * self.law.axes.groups

    @property
    def writes(self) -> int:
        """The units of the layer after."""
        return self.law.output_channels


@dataclass(frozen=True)
class Residual:
    """x' = skip x + scale phi(branch(x)): a sum of what enters and what a branch makes of it.

    A pre-activation block is a branch of `Stage(law, 'relu')`, which reads relu(x), and no
    activation behind it; a post-activation block is `Stage(law)` with activation 'relu' behind it:
    its branch has a mean, and with it the sum.

    Parameters
    ----------
    branch : sequence of Stage
    skip, scale : float
        The factors of the two terms.
    activation : str or Activation
        phi, behind the branch.

    Raises
    ------
    ValueError
        For a branch whose outputs do not fit its inputs.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591: theorem 2 and section 3.4 (reported).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> Residual([Stage(dense_law(8, 6, "normal", 0.5)), Stage(dense_law(6, 7, "normal", 0.5))])
    Traceback (most recent call last):
    ValueError: a residual sum needs a branch that writes as many units as it reads. \
Received: it reads 8 and writes 7.
    """

    branch: tuple[Stage, ...]
    skip: float = 1.0
    scale: float = 1.0
    activation: Activation | str = "linear"

    def __post_init__(self):
        _refuse_other_than(self.branch, "branch", Stage)
        object.__setattr__(self, "branch", tuple(self.branch))
        object.__setattr__(self, "activation", activation(self.activation))
        for name in ("skip", "scale"):
            squarable_number(getattr(self, name), name)
        _refuse_misfits(self.branch, "branch")
        _refuse_misfit_of_sum(self)

    @property
    def reads(self) -> int:
        """The units of the layer before."""
        return self.branch[0].reads

    @property
    def writes(self) -> int:
        """The units of the layer after: as many."""
        return self.reads


Network = Sequence[Stage | Residual]


def check_chain(stages: Network) -> None:
    """Raises unless there are stages, and each reads as many units as the one before it writes.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> check_chain([Stage(dense_law(8, 4, "normal", 0.5)), Stage(dense_law(5, 8, "normal", 0.5))])
    Traceback (most recent call last):
    ValueError: stages must fit one another: stage 1 must read 4 units. Received: 5.
    """
    _refuse_other_than(stages, "stages", Stage, Residual)
    _refuse_misfits(stages, "stages")


def check_plain_chain(stages: Network, what: str) -> None:
    """`check_chain`, which refuses too what only the recursions of wide networks know.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> block = Residual([Stage(dense_law(8, 8, "normal", 0.5), "relu")])
    >>> check_plain_chain([block], "the exact law of the log norm")
    Traceback (most recent call last):
    lookslinear.errors.NotCoveredError: the exact law of the log norm is known for chains of \
layers without residual sums, biases, normalisation and strides. Received: stage 0 is a Residual.
    """
    check_chain(stages)
    for i, stage in enumerate(stages):
        if isinstance(stage, Residual) or not stage.plain:
            raise NotCoveredError(
                f"{what} is known for chains of layers without residual sums, biases, "
                f"normalisation and strides. Received: stage {i} is "
                f"{'a Residual' if isinstance(stage, Residual) else stage}."
            )


def every_stage(stages: Network) -> Iterator[Stage]:
    """The stages of a network in order, those of branches among them."""
    for stage in stages:
        yield from stage.branch if isinstance(stage, Residual) else (stage,)


def as_moment(value: np.ndarray | float, name: str) -> np.ndarray:
    """Second moments as an array of floats, none of them negative.

    NaN is passed on: a moment that has overflowed deep in chaos is judged by nobody.

    Examples
    --------
    >>> as_moment(-1, "q")
    Traceback (most recent call last):
    ValueError: q must not be negative: it is a second moment. Received: -1.
    """
    moment = real_numbers(value, name)
    if (moment < 0).any():
        raise ValueError(
            f"{name} must not be negative: it is a second moment. Received: {value!r}."
        )
    return moment


def as_entering_moment(value: np.ndarray | float, name: str) -> np.ndarray:
    """Second moments as `as_moment` gives them, where NaN would be a mistake of the caller.

    Examples
    --------
    >>> as_entering_moment(float("nan"), "input_moment")
    Traceback (most recent call last):
    ValueError: input_moment must not be NaN. Received: nan.
    """
    moment = real_numbers(value, name)
    # In one go, since maps are asked for single numbers; NaN is in no range.
    if not (moment.min(initial=0.0) >= 0 and moment.max(initial=0.0) < np.inf):
        as_limit_moment(value, name)
        raise ValueError(f"{name} must be finite. Received: {value!r}.")
    return moment


def as_positive_moment(value: np.ndarray | float, name: str) -> np.ndarray:
    """Second moments as `as_entering_moment` gives them, none of them 0.

    Examples
    --------
    >>> as_positive_moment(0, "q")
    Traceback (most recent call last):
    ValueError: q must be more than 0. Received: 0.
    """
    moment = as_entering_moment(value, name)
    if not moment.all():
        raise ValueError(f"{name} must be more than 0. Received: {value!r}.")
    return moment


def as_limit_moment(value: np.ndarray | float, name: str) -> np.ndarray:
    """Second moments of infinitely deep networks: 0 and infinity are among them, NaN is not."""
    moment = as_moment(value, name)
    if np.isnan(moment).any():
        raise ValueError(f"{name} must not be NaN. Received: {value!r}.")
    return moment


def _refuse_other_than(stages: Network, name: str, *kinds: type) -> None:
    """Raises unless these are a sequence of at least one of those kinds."""
    wanted = " or ".join(kind.__name__ for kind in kinds)
    if not isinstance(stages, Sequence):
        raise TypeError(f"{name} must be a sequence of {wanted}. Received: {stages!r}.")
    if not stages:
        raise ValueError(f"{name} must hold at least one Stage. Received: {stages!r}.")
    for stage in stages:
        if not isinstance(stage, kinds):
            raise TypeError(f"each of {name} must be a {wanted}. Received: {stage!r}.")


def _refuse_misfits(stages: Network, name: str) -> None:
    for i, (before, stage) in enumerate(itertools.pairwise(stages), start=1):
        if before.writes != stage.reads:
            raise ValueError(
                f"{name} must fit one another: stage {i} must read {before.writes} units. "
                f"Received: {stage.reads}."
            )


def _refuse_misfit_of_sum(residual: Residual) -> None:
    if residual.activation.doubles:
        raise ValueError(
            f"an activation that doubles the units does not fit a residual sum. "
            f"Received: {residual.activation.name!r}."
        )
    if residual.branch[-1].writes != residual.reads:
        raise ValueError(
            f"a residual sum needs a branch that writes as many units as it reads. "
            f"Received: it reads {residual.reads} and writes {residual.branch[-1].writes}."
        )
    for stage in residual.branch:
        shrinks = stage.padding == "valid" and max(stage.law.receptive_field, default=1) > 1
        if stage.stride != 1 or shrinks:
            raise ValueError(
                f"a residual sum needs a branch that keeps the image's sides. "
                f"Received: stride {stage.stride}, padding {stage.padding!r}."
            )


def _refuse_bad_steps(stage: Stage) -> None:
    if whole_number(stage.stride, "stride") != 1 and not stage.law.receptive_field:
        raise ValueError(f"only a kernel has a stride. Received: {stage.stride}, dense weights.")
    rho = stage.neighbour_correlation
    if rho is None:
        return
    if stage.law.taps != "average":
        raise ValueError(
            f"neighbour_correlation belongs to kernels with 'average' taps. Received: "
            f"{rho!r} with {stage.law.taps!r}."
        )
    least = -1 / (2 ** len(stage.law.receptive_field) - 1)
    if not least <= real_number(rho, "neighbour_correlation") <= 1:
        raise ValueError(
            f"neighbour_correlation must be from {least:g}, at which a block's sum is 0, to 1. "
            f"Received: {rho!r}."
        )


def _refuse_uncovered_law(law: WeightLaw) -> None:
    """No formula of this room holds for these laws, whatever the activation."""
    if not law.axes.matrix:
        raise NotCoveredError(
            f"a weight is predicted only with one input and one output axis. Received: {law.axes}."
        )
    if law.mean:
        raise NotCoveredError(
            f"weights with a mean add their inputs coherently, so the second moment depends on "
            f"their mean, which is not predicted. Received: mean {law.mean}."
        )
    if law.copies != 1:
        raise NotCoveredError(
            f"equal output channels are correlated units: what reads them is not predicted. "
            f"Received: {law.copies} copies of each."
        )
    if law.family == "hadamard":
        raise NotCoveredError(
            "a matrix of fixed signs adds its inputs coherently, so what it makes of data depends "
            "on the data: not predicted."
        )
    if law.family == "repeated_identity":
        raise NotCoveredError(
            "a repeated identity adds or copies units, so they are correlated: not predicted."
        )
