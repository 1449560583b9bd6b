"""Networks of one number, (width, depth) -> stages: those whose gradients shatter, or do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from experiments.networks import looksLinear, rectifier
from lookslinear.errors import known_name
from lookslinear.laws import dense_law
from lookslinear.theory.stages import Residual, Stage

Stages = list[Stage | Residual]


def netOf(name: str, width: int, depth: int) -> Stages:
    """The first layer, which reads the number, and `depth` blocks of `width` units.

    Parameters
    ----------
    name : str
        'feed-forward' (He weights, ReLU, centred over the grid), 'residual' and 'residual-0.1'
        (the sum with beta times a branch that is batch-normalised, beta 1 and 0.1),
        'looks-linear', 'batch-normalised', 'uncentred' (He weights and no more), 'textbook'
        (weights and biases of variance 1 / width, not centred).

    Examples
    --------
    >>> [type(part).__name__ for part in netOf("residual", width=8, depth=2)]
    ['Stage', 'Residual', 'Residual']
    """
    first, block = NETS[known_name("net", name, NETS)](width)
    return [first, *depth * [block]]


def _first(width: int) -> Stage:
    return Stage(dense_law(1, width, "normal", 1.0))


def _feedForward(normalisation: str) -> Callable[[int], Sequence]:
    return lambda width: (_first(width), rectifier(width, normalisation))


def _residual(beta: float) -> Callable[[int], Sequence]:
    return lambda width: (_first(width), Residual([rectifier(width, "batch")], scale=beta))


def _looksLinear(width: int) -> Sequence:
    return _first(width), looksLinear(width)


def _textbook(width: int) -> Sequence:
    """Weights that are half as large as He's rule says, and biases of their variance."""
    deviation, biases = width**-0.5, {"bias_variance": 1 / width}
    law = dense_law(width, width, "normal", deviation)
    return Stage(dense_law(1, width, "normal", deviation), **biases), Stage(law, "relu", **biases)


#: Each net by its name: width -> (first layer, the block that is repeated).
NETS = {
    "feed-forward": _feedForward("centre"),
    "residual": _residual(1.0),
    "residual-0.1": _residual(0.1),
    "looks-linear": _looksLinear,
    "batch-normalised": _feedForward("batch"),
    "uncentred": _feedForward("none"),
    "textbook": _textbook,
}
