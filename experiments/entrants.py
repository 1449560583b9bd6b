"""Entrants, the words of an arm -> what is trained: an arm's network, plain or with skips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from experiments.arms import Arm
from lookslinear.errors import refuse_repeated

RESIDUAL = "residual"
#: What `residual` alone stands for.
RECTIFIER = "heNormal/relu"


class Entrant(NamedTuple):
    """An arm, and whether its layers stand beside connections that skip them.

    Examples
    --------
    >>> Entrant.parse("residual").arm.name, Entrant.parse("residual:heNormal/crelu").isResidual
    ('heNormal/relu', True)
    >>> Entrant.parse("orthogonal+mirror/crelu").looksLinear
    True
    """

    name: str
    arm: Arm
    isResidual: bool

    @classmethod
    def parse(cls, text: str) -> Entrant:
        """What a word of the command line stands for: ARM, residual, or residual:ARM.

        Raises
        ------
        ValueError, TypeError
            As `Arm.parse` does.
        """
        head, colon, tail = str(text).partition(":")
        if head != RESIDUAL:
            return cls(str(text), Arm.parse(text), False)
        return cls(str(text), Arm.parse(tail if colon else RECTIFIER), True)

    @property
    def looksLinear(self) -> bool:
        """Whether the network is linear at initialisation, and has no skips."""
        isMirrored = self.arm.options.get("mirror", False) in (True, 1)
        return isMirrored and self.arm.activation.doubles and not self.isResidual


def parseEntrants(texts: Sequence[str]) -> list[Entrant]:
    """All arms of a run; none may stand twice.

    Examples
    --------
    >>> parseEntrants(["residual", "residual"])
    Traceback (most recent call last):
    ValueError: each arm must stand once. Received twice: 'residual'.
    """
    refuse_repeated("arm", texts)
    return [Entrant.parse(text) for text in texts]
