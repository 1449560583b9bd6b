"""One layer of a network as theory sees it: an activation, then a weight that follows a law."""

from __future__ import annotations

from dataclasses import dataclass

from lookslinear.activations import Activation, activation
from lookslinear.errors import NotCoveredError, unknown_name
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
        object.__setattr__(self, "activation", activation(self.activation))
        if self.padding not in PADDINGS:
            raise unknown_name("padding", self.padding, PADDINGS)
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
        return self.law.mirror

    @property
    def units(self) -> int:
        """The pre-activations that enter: before a CReLU doubles them."""
        channels = self.law.shape[self.law.axes.input]
        return channels // 2 if self.activation.doubles else channels

    @property
    def read_channels(self) -> int:
        """The independent channels that the weight reads: twice the units after a plain CReLU."""
        return self.units if self.mirrored else self.law.shape[self.law.axes.input]


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
