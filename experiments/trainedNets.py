"""Networks to be trained, (entrant, sizes) -> a form, its number of parameters, and its layers.

A form is what entrants share that differ in their initialisation alone: one network, compiled once,
serves them all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from experiments.entrants import Entrant
from experiments.networks import profileStages
from layers import FC, Activation, Convolution, CReLU, Flatten, Representation, Residual
from lookslinear.errors import NotCoveredError, unknown_name, whole_number
from lookslinear.theory import Residual as TheoryResidual
from lookslinear.theory.stages import Network

NETWORKS = ("dense", "conv", "release")
#: The width and the sections of the network of looks-linear's code release, and its filters' side.
RELEASE_WIDTH, SECTIONS, SIDE = 8, 4, 3
#: By how much the numbers of parameters of two arms may differ.
TOLERANCE = 0.1


class Map(NamedTuple):
    """One layer with weights: what it reads and writes, units or channels; its taps and stride."""

    reads: int
    writes: int
    taps: int = 1
    stride: int = 1

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return self.reads * self.taps * self.writes + self.writes


@dataclasses.dataclass(frozen=True)
class Form:
    """A network but for its initialisation.

    Parameters
    ----------
    network : 'dense', 'conv' or 'release'
    activation : str
    doubles : bool
        Whether the activation doubles units, as CReLU does.
    isResidual : bool
    depth : int
        Layers with weights, from 2, the last of which reads all units out.
    widths : tuple of int
        Units, or channels, a section.
    inputShape : (n,) or (channels, rows, columns)
    classes : int

    Examples
    --------
    >>> form = Form("release", "crelu", True, False, 198, (5, 11, 22, 45), (3, 32, 32), 10)
    >>> maps = list(form.maps())
    >>> len(maps), [index for index, one in enumerate(maps) if one.stride == 2], maps[-1]
    (198, [49, 98, 147, 196], Map(reads=360, writes=10, taps=1, stride=1))
    >>> form.parameters
    2361393
    """

    network: str
    activation: str
    doubles: bool
    isResidual: bool
    depth: int
    widths: tuple[int, ...]
    inputShape: tuple[int, ...]
    classes: int

    def maps(self) -> Iterator[Map]:
        """Each layer with weights, the first one first."""
        factor = 2 if self.doubles else 1
        reads, sides = self.inputShape[0], self.inputShape[1:]
        taps = SIDE**2 if sides else 1
        for writes, stride in self._hidden():
            yield Map(reads, writes, taps, stride)
            reads = factor * writes
            sides = tuple(-(-side // stride) for side in sides)
        yield Map(reads * math.prod(sides), self.classes)

    @property
    def parameters(self) -> int:
        """Weights and biases of all layers."""
        return sum(one.parameters for one in self.maps())

    @property
    def blocks(self) -> int:
        """How many layers can be skipped: those that write what they read, but the last."""
        return sum(self.isBlock(one) for one in list(self.maps())[1:-1])

    def isBlock(self, one: Map) -> bool:
        """Whether a layer keeps the shape of a sample, so that a connection can skip it."""
        read = one.reads // 2 if self.doubles else one.reads
        return self.isResidual and one.stride == 1 and read == one.writes

    def _hidden(self) -> Iterator[tuple[int, int]]:
        """Units or channels and stride of each layer but the last."""
        if self.network == "dense":
            yield from (self.depth - 1) * [(self.widths[0], 1)]
            return
        lengths = np.diff(np.linspace(0, self.depth - 2, len(self.widths) + 1).round().astype(int))
        isFirst = True
        for width, length in zip(self.widths, lengths, strict=True):
            for index in range(length):
                yield width, 1 if index or isFirst else 2
            isFirst = isFirst and not length
        yield self.widths[-1], 2


def formOf(
    entrant: Entrant,
    network: str,
    depth: int,
    width: int,
    inputShape: Sequence[int],
    classes: int,
) -> Form:
    """The form of an entrant's network, with about as many parameters as the others'.

    `dense` has one width. `conv` has sections of 3x3 convolutions, each with half the side and
    twice the width of the one before, as many as leave a side of at least 2, and a last strided
    convolution. `release` is that of looks-linear's code release: four sections, which at a depth
    of 198 have 49 layers each; 5, 11, 22 and 45 channels where units are doubled, else 8 to 64.

    Parameters
    ----------
    width : int
        Units or channels (of the first section) where the activation does not double them. Where it
        does, the width is the one that brings the number of parameters nearest.
    classes : int
        Outputs.

    Raises
    ------
    ValueError
        For a network that is none, a depth below 2, images that are none for convolutions, and
        widths so small that the numbers of parameters differ by more than a tenth.

    Examples
    --------
    >>> forms = [formOf(Entrant.parse(arm), "dense", 198, 45, (64,), 10)
    ...          for arm in ("heNormal/relu", "orthogonal+mirror/crelu")]
    >>> [(form.widths, form.parameters) for form in forms]
    [((45,), 409105), ((32,), 410410)]
    """
    _refuseOther(network, depth, width, inputShape)
    activation = entrant.arm.activation

    def sized(base: float, doubles: bool) -> Form:
        sections = _sections(network, inputShape)
        widths = tuple(max(1, round(base * 2**k)) for k in range(sections))
        return Form(
            network, activation.name, doubles, entrant.isResidual, depth, widths,
            tuple(inputShape), classes,
        )  # fmt: skip

    reference = sized(RELEASE_WIDTH if network == "release" else width, False)
    if not activation.doubles:
        return reference
    if network == "release":
        halved = [int(channels / math.sqrt(2)) for channels in reference.widths]
        return dataclasses.replace(reference, doubles=True, widths=tuple(halved))
    candidates = {sized(base, True) for base in np.linspace(width / 2, width, 40 + 10 * width)}
    form = min(candidates, key=lambda one: (abs(one.parameters - reference.parameters), one.widths))
    _refuseUnequal(form, reference, width)
    return form


def build(form: Form, entrant: Entrant) -> Representation:
    """The layers of an entrant's network, drawn from fresh entropy: `redraw` them.

    The first layer reads data, which no CReLU has doubled, and is never mirrored. In a residual
    network of m blocks x' = sqrt(1 - 1/m) x + sqrt(1/m) f(x), with f the activation and one layer:
    so gradients stay correlated at any depth (Balduzzi et al. 2017, section 3.4, as reported).

    Examples
    --------
    >>> entrant = Entrant.parse("orthogonal+mirror/crelu")
    >>> form = formOf(entrant, "conv", 6, 8, (1, 8, 8), 10)
    >>> [layer.weight.get_value().shape for layer in build(form, entrant).layers
    ...  if hasattr(layer, "weight")]
    [(6, 1, 3, 3), (6, 12, 3, 3), (11, 12, 3, 3), (11, 22, 3, 3), (11, 22, 3, 3), (88, 10)]
    """
    initialisation, others = entrant.arm.initialisation, dict(entrant.arm.options)
    skip, scale = _factors(form)
    y = Representation(form.inputShape)
    *hidden, last = form.maps()
    for index, one in enumerate(hidden):
        told = others if index else {**others, "mirror": False}
        layer = _layer(one, form, initialisation, told)
        if index and form.isBlock(one):
            y = Residual([_activation(form), layer], skip=skip, scale=scale)(y)
        else:
            y = layer(_activation(form)(y) if index else y)
    y = _activation(form)(y)
    y = Flatten()(y) if len(y.shape) > 1 else y
    return FC(last.writes, initialisation=initialisation, initKWArgs=others)(y)


def stagesOfForm(form: Form, entrant: Entrant) -> Network:
    """The same network as theory reads it.

    Raises
    ------
    NotCoveredError
        For convolutions, whose strides at changing widths no law is known for.

    Examples
    --------
    >>> entrant = Entrant.parse("residual")
    >>> [type(one).__name__ for one in
    ...  stagesOfForm(formOf(entrant, "dense", 4, 8, (64,), 10), entrant)]
    ['Stage', 'Residual', 'Residual', 'Stage']
    """
    if form.network != "dense":
        raise NotCoveredError("strided convolutions of changing widths have no exact law here.")
    maps = list(form.maps())
    stages = profileStages(entrant.arm, (maps[0].reads, *(one.writes for one in maps)))
    if not form.isResidual:
        return stages
    skip, scale = _factors(form)
    blocks = [TheoryResidual([stage], skip, scale) for stage in stages[1:-1]]
    return [stages[0], *blocks, stages[-1]]


def _factors(form: Form) -> tuple[float, float]:
    share = 1 / max(1, form.blocks)
    return math.sqrt(1 - share), math.sqrt(share)


def _activation(form: Form) -> Activation:
    return CReLU() if form.doubles else Activation(form.activation)


def _layer(one: Map, form: Form, initialisation: str, told: dict) -> FC | Convolution:
    options = {"initialisation": initialisation, "initKWArgs": told}
    if form.network == "dense":
        return FC(one.writes, **options)
    return Convolution(one.writes, s=SIDE, strides=one.stride, **options)


def _sections(network: str, inputShape: Sequence[int]) -> int:
    if network == "dense":
        return 1
    # 8 pixels become 4 and 2, 32 become 16, 8, 4 and 2.
    return SECTIONS if network == "release" else max(1, min(SECTIONS, _halvings(inputShape)))


def _halvings(inputShape: Sequence[int]) -> int:
    return int(math.log2(min(inputShape[1:]))) - 1


def _refuseOther(network: str, depth: int, width: int, inputShape: Sequence[int]) -> None:
    if network not in NETWORKS:
        raise unknown_name("network", network, NETWORKS)
    whole_number(depth, "depth", least=2)
    whole_number(width, "width")
    if network != "dense" and len(inputShape) != 3:
        raise ValueError(
            f"network {network!r} needs images: data of shape (samples, [channels,] rows, "
            f"columns). Received: samples of shape {tuple(inputShape)}."
        )
    if network == "release" and (depth - 2) % SECTIONS:
        raise ValueError(
            f"depth must be 2 more than a multiple of {SECTIONS} for network 'release', such as "
            f"198. Received: {depth}."
        )


def _refuseUnequal(form: Form, reference: Form, width: int) -> None:
    off = form.parameters / reference.parameters - 1
    if abs(off) > TOLERANCE:
        raise ValueError(
            f"width must be such that all networks have as many parameters, within "
            f"{TOLERANCE:.0%}. Received: {width}, where they differ by {off:.0%} at depth "
            f"{form.depth}. Choose a larger one."
        )
