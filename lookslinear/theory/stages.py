"""One layer of a network as theory sees it: an activation, then a weight that follows a law."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lookslinear.activations import Activation, activation
from lookslinear.errors import NotCoveredError, known_name, refuse_other_kind
from lookslinear.laws import WeightLaw

PADDINGS = ("zeros", "circular")


@dataclass(frozen=True)
class Stage:
    """h' = W phi(h): the activation of the pre-activations before, then the weight; zero bias.

    Parameters
    ----------
    law : WeightLaw
        The weight's law; its receptive field is that of a layer with stride 1.
    activation : str or Activation
        phi; 'linear' for a first layer that reads the data.
    padding : str
        What a kernel meets beyond the border: 'zeros' (the output keeps the input's sides) or
        'circular'.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> Stage(dense_law(8, 8, "normal", 0.5), "relu").units
    8
    """

    law: WeightLaw
    activation: Activation | str = "linear"
    padding: str = "zeros"

    def __post_init__(self):
        refuse_other_kind(self.law, WeightLaw, "law")
        object.__setattr__(self, "activation", activation(self.activation))
        known_name("padding", self.padding, PADDINGS)
        _refuse_uncovered_law(self.law)
        if self.activation.doubles and self.law.shape[self.law.axes.input] % 2:
            raise ValueError(
                f"a weight that follows CReLU needs an even number of input channels. "
                f"Received: {self.law.shape[self.law.axes.input]}."
            )

    @property
    def mirrored(self) -> bool:
        """Whether the weight undoes a CReLU, which makes the stage linear.

        Raises `NotCoveredError` for a mirrored weight after anything but CReLU: the two halves of
        its input are then different units, and what is left is their difference.
        """
        if self.law.mirror and not self.activation.doubles:
            raise NotCoveredError(
                f"a mirrored weight is predicted only after 'crelu', whose halves it joins. "
                f"Received: activation {self.activation.name!r}."
            )
        if self.law.partly_mirrored:
            raise NotCoveredError(
                f"a partly mirrored weight is not predicted here. Received: mirror "
                f"{self.law.mirror}."
            )
        return bool(self.law.mirror)

    @property
    def units(self) -> int:
        """The pre-activations that enter: before a CReLU doubles them."""
        channels = self.law.shape[self.law.axes.input]
        return channels // 2 if self.activation.doubles else channels

    @property
    def read_channels(self) -> int:
        """The independent channels that the weight reads: twice the units after a plain CReLU."""
        return self.units if self.mirrored else self.law.shape[self.law.axes.input]


def check_chain(stages: Sequence[Stage]) -> None:
    """Raises unless there are stages, and each reads as many units as the one before it writes.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> check_chain([Stage(dense_law(8, 4, "normal", 0.5)), Stage(dense_law(5, 8, "normal", 0.5))])
    Traceback (most recent call last):
    ValueError: stages must fit one another: stage 1 must read 4 units. Received: 5.
    """
    if not isinstance(stages, Sequence):
        raise TypeError(f"stages must be a sequence of Stage. Received: {stages!r}.")
    if not stages:
        raise ValueError(f"stages must hold at least one Stage. Received: {stages!r}.")
    for stage in stages:
        refuse_other_kind(stage, Stage, "each of stages")
    for i, (before, stage) in enumerate(itertools.pairwise(stages), start=1):
        written, read = before.law.output_channels, stage.units * stage.law.axes.groups
        if written != read:
            raise ValueError(
                f"stages must fit one another: stage {i} must read {written} units. "
                f"Received: {read}."
            )


def as_moment(value: np.ndarray | float, name: str) -> np.ndarray:
    """Second moments as an array of floats, none of them negative.

    NaN is passed on: a moment that has overflowed deep in chaos is judged by nobody.

    Examples
    --------
    >>> as_moment(-1, "q")
    Traceback (most recent call last):
    ValueError: q must not be negative: it is a second moment. Received: -1.
    """
    moment = np.asarray(value)
    if moment.dtype.kind not in "iuf":
        raise TypeError(f"{name} must be a number or an array of them. Received: {value!r}.")
    if (moment < 0).any():
        raise ValueError(
            f"{name} must not be negative: it is a second moment. Received: {value!r}."
        )
    return moment.astype(float)


def as_entering_moment(value: np.ndarray | float, name: str) -> np.ndarray:
    """Second moments as `as_moment` gives them, where NaN would be a mistake of the caller.

    Examples
    --------
    >>> as_entering_moment(float("nan"), "input_moment")
    Traceback (most recent call last):
    ValueError: input_moment must not be NaN. Received: nan.
    """
    moment = as_moment(value, name)
    if np.isnan(moment).any():
        raise ValueError(f"{name} must not be NaN. Received: {value!r}.")
    return moment


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
    if law.family == "repeated_identity":
        raise NotCoveredError(
            "a repeated identity adds or copies units, so they are correlated: not predicted."
        )
