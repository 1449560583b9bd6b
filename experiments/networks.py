"""Networks, an arm and its sizes -> a list of stages: one list for theory and for the layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from experiments.arms import Arm
from initialisations import initD
from lookslinear.errors import unknown_name, whole_number
from lookslinear.theory import Stage

NETWORKS = ("dense", "conv")


def stagesOf(
    arm: Arm, inputShape: Sequence[int], network: str, depth: int, width: int, s: int = 3
) -> list[Stage]:
    """The layers of an arm's network, from the data to pre-activation number `depth`.

    The first reads the data, which no CReLU has doubled, so it is never mirrored. The others are
    alike, so that they share one `Stage`.

    Parameters
    ----------
    inputShape : (n,) or (channels, rows, columns)
        The shape of one sample; a dense network reads images as rows of numbers.
    network : 'dense' or 'conv'
        Convolutions have strides of 1 and zeros at the border.
    depth, width, s : int
        Weights, units or channels, and the filter's side.

    Raises
    ------
    ValueError
        For convolutions with an even filter, whose outputs are larger than their inputs.

    Examples
    --------
    >>> stages = stagesOf(Arm.parse("orthogonal+mirror/crelu"), (64,), "dense", depth=3, width=32)
    >>> [stage.law.shape for stage in stages], [stage.law.mirror for stage in stages]
    ([(64, 32), (64, 32), (64, 32)], [False, True, True])
    """
    if network not in NETWORKS:
        raise unknown_name("network", network, NETWORKS)
    whole_number(depth, "depth")
    conv = network == "conv"
    if conv and s % 2 == 0:
        raise ValueError(
            f"s must be odd for network 'conv': with zeros at the border an even filter makes "
            f"images grow. Received: {s}."
        )
    sides = tuple(inputShape[1:]) if conv else ()
    channels = 2 * width if arm.activation.doubles else width
    lawOf = initD[arm.initialisation].law
    entry = lawOf(tuple(inputShape), (width, *sides), s=s, **arm.optionsOf("first"))
    if depth == 1:
        return [Stage(entry)]
    inner = lawOf((channels, *sides), (width, *sides), s=s, **arm.optionsOf("inner"))
    return [Stage(entry), *(depth - 1) * [Stage(inner, arm.activation)]]


def profileStages(arm: Arm, widths: Sequence[int]) -> list[Stage]:
    """The dense layers of an arm between these widths, those of inputs and outputs among them.

    Examples
    --------
    >>> stages = profileStages(Arm.parse("orthogonal+mirror/crelu"), (64, 32, 16))
    >>> [stage.law.shape for stage in stages], [stage.law.mirror for stage in stages]
    ([(64, 32), (64, 16)], [False, True])
    """
    first, *others = itertools.pairwise(widths)
    doubled, lawOf = 2 if arm.activation.doubles else 1, initD[arm.initialisation].law
    entry = lawOf(first[:1], first[1:], **arm.optionsOf("first"))
    options = arm.optionsOf("inner")
    inner = [lawOf((doubled * read,), (written,), **options) for read, written in others]
    return [Stage(entry), *(Stage(law, arm.activation) for law in inner)]


def rectifier(width: int, normalisation: str = "none") -> Stage:
    """A ReLU and He's weights behind it, of as many units as it reads.

    Examples
    --------
    >>> rectifier(8, "batch").law.variance
    0.25
    """
    law = initD["heNormal"].law((width,), (width,))
    return Stage(law, "relu", normalisation=normalisation)


def looksLinear(width: int) -> Stage:
    """A CReLU and orthogonal weights behind it, their halves mirrored.

    Examples
    --------
    >>> stage = looksLinear(8)
    >>> stage.mirrored, stage.reads, stage.writes
    (True, 8, 8)
    """
    return Stage(initD["orthogonal"].law((2 * width,), (width,), mirror=True), "crelu")
