"""Looks-linear initialisers by layer, for CReLU and plain ReLU: (shape, dtype=None) -> array."""

from __future__ import annotations

import math

from lookslinear.backend import SeedGenerator
from lookslinear.errors import known_name
from lookslinear.fans import axes_of
from lookslinear.initializers.base import RandomInitializer, real_argument
from lookslinear.initializers.registry import registered
from lookslinear.laws import WeightLaw, mirror_degree

LAYERS = ("first", "inner", "last")
BLOCKS = ("haar", "normal")
RECTIFIERS = ("crelu", "relu")


@registered()
class LooksLinear(RandomInitializer):
    """Weights that make a network of CReLU, or of plain ReLU, a linear one at the start.

    .. math:: CReLU: V, \\; [V; -V], \\; [V; -V] \\qquad
              ReLU: [V, -V], \\; [[V, -V], [-V, V]], \\; [V; -V]

    for the first, inner and last layer, written (in, out), kernels along their channels. V is a
    Haar frame of singular value `gain` (in the centre tap), or normal of variance gain^2 / fan_in,
    the fan in counted before the doubling.

    Parameters
    ----------
    layer : str
        'first', which reads the data, 'inner' or 'last'.
    activation : str
        'crelu', or 'relu': every layer that a ReLU follows then has an even number of outputs.
    blocks : str
        'haar' or 'normal': what V is.
    mirror : bool or float
        To which degree, from 0 to 1, the halves that an inner or last layer reads are mirrored:
        their correlation is -mirror. Outputs are always mirrored entirely.
    gain : float
    seed : None, int or SeedGenerator
        An int gives the same values at every call, so two layers given the same int start equal.

    Raises
    ------
    ValueError, TypeError
        For unknown words, other degrees, a gain that is not finite, shapes of less than two sides
        or with an odd number of channels where they are mirrored, any other seed.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4; Burkholz & Dubatovka 2019, arXiv 1806.06362
    (for ReLU).

    Examples
    --------
    >>> import numpy as np
    >>> weight = LooksLinear(activation="relu")((6, 4))
    >>> bool((weight[:3, :2] == -weight[3:, :2]).all() and (weight[:, :2] == -weight[:, 2:]).all())
    True
    """

    def __init__(
        self,
        layer: str = "inner",
        activation: str = "crelu",
        blocks: str = "haar",
        mirror: bool | float = True,
        gain: float = 1.0,
        seed: int | SeedGenerator | None = None,
    ):
        self.layer = known_name("layer", layer, LAYERS)
        self.activation = known_name("activation", activation, RECTIFIERS)
        self.blocks = known_name("blocks", blocks, BLOCKS)
        self.mirror = mirror_degree(mirror)
        self.gain = real_argument(gain, "gain")
        super().__init__(seed)

    def _law(self, shape: tuple[int, ...], dtype: str) -> WeightLaw:
        axes, taps = axes_of(len(shape), "keras"), "centre" if self.blocks == "haar" else "all"
        arrangement = {
            "mirror": self.layer != "first" and self.mirror,
            "mirror_outputs": self.activation == "relu" and self.layer != "last",
            "taps": taps if len(shape) > 2 else "all",
        }
        shapes = WeightLaw(shape, axes, "normal", 1.0, **arrangement)
        longest = max(shapes.frame_shape) if self.blocks == "haar" else shapes.fans.fan_in
        scale = abs(self.gain) / math.sqrt(max(1, longest))
        return WeightLaw(shape, axes, self.blocks, scale, **arrangement, dtype=dtype)
