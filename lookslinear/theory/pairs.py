"""Plain ReLU networks whose units come in pairs h, -h, as the CReLU networks that they are.

A ReLU makes of [h; -h] what a CReLU makes of h, so that weights whose outputs are mirrored need no
formula of their own: (stages with mirrored outputs) -> stages of half the units, with CReLU behind.
Signals are those of the CReLU network, number by number. Of a pair's two gradients g+ and g- one
is always 0, and g+ - g- is the CReLU network's: its mean square is twice that of the pair.

Balduzzi et al. 2017, arXiv 1702.08591, section 4; Burkholz & Dubatovka 2019, arXiv 1806.06362.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from lookslinear.activations import ACTIVATIONS
from lookslinear.errors import NotCoveredError
from lookslinear.theory.stages import Network, Residual, Stage, every_stage


def as_crelu(stages: Network, doubled_end: bool = True) -> Network:
    """The same network with CReLU in the place of ReLU behind mirrored outputs.

    Parameters
    ----------
    stages : sequence of Stage and Residual
    doubled_end : bool
        Whether the last outputs may be mirrored: they are then counted once.

    Raises
    ------
    NotCoveredError
        For mirrored outputs before anything but ReLU, in or before residual sums, with biases.

    References
    ----------
    Balduzzi et al. 2017, arXiv 1702.08591, section 4; Burkholz & Dubatovka 2019, arXiv 1806.06362.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(8, 8, "haar", 0.5, mirror=True, mirror_outputs=True)
    >>> [(stage.law.shape, stage.activation.name) for stage in as_crelu([
    ...     Stage(dense_law(3, 8, "haar", 0.5, mirror_outputs=True)), Stage(law, "relu")])]
    [((3, 4), 'linear'), ((8, 4), 'crelu')]
    """
    if not any(stage.law.mirror_outputs for stage in every_stage(stages)):
        return stages
    _refuse_sums(stages)
    if stages[-1].law.mirror_outputs and not doubled_end:
        raise NotCoveredError(
            "singular values are not predicted where the last outputs are mirrored: end with a "
            "weight that is mirrored along its inputs alone."
        )
    followed = [False, *(stage.law.mirror_outputs for stage in stages[:-1])]
    return [_as_crelu(*pair) for pair in zip(stages, followed, strict=True)]


def gradient_shares(stages: Network) -> list[float]:
    """The mean square of a gradient at each element's outputs, in units of the CReLU network's.

    References
    ----------
    Derived here.

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> gradient_shares([Stage(dense_law(3, 8, "haar", 0.5, mirror_outputs=True))])
    [0.5]
    """
    return [
        0.5 if isinstance(stage, Stage) and stage.law.mirror_outputs else 1.0 for stage in stages
    ]


@lru_cache(maxsize=1024)
def _as_crelu(stage: Stage, follows_pairs: bool) -> Stage:
    law, phi = stage.law, stage.activation
    if law.mirror_outputs:
        shape = list(law.shape)
        shape[law.axes.output] //= 2
        law = replace(law, shape=tuple(shape), mirror_outputs=False)
    if follows_pairs:
        if phi.name != "relu":
            raise NotCoveredError(
                f"mirrored outputs are predicted only before 'relu', which makes a CReLU of them. "
                f"Received: activation {phi.name!r}."
            )
        phi = ACTIVATIONS["crelu"]
    return replace(stage, law=law, activation=phi)


def _refuse_sums(stages: Network) -> None:
    if any(isinstance(stage, Residual) for stage in stages):
        raise NotCoveredError("mirrored outputs are predicted in chains without residual sums.")
    if any(stage.law.mirror_outputs and stage.bias_variance for stage in stages):
        raise NotCoveredError(
            "a bias of its own for each unit makes the two of a pair differ: not predicted."
        )
