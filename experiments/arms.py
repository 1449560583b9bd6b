"""Arms, INIT[+option…]/ACTIVATION -> what a network is made of: the words of the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from initialisations import initD
from lookslinear.activations import Activation, activation
from lookslinear.errors import refuse_repeated

SYNTAX = "INIT[+option…]/ACTIVATION, such as orthogonal+mirror/crelu or glorotNormal/relu"
#: Options that a whole experiment shares, and the argument that each is set by.
SHARED = {"s": "--s", "rng": "--seed"}


@dataclass(frozen=True)
class Arm:
    """An initialisation with its options, and the activation that it is tried with.

    Parameters
    ----------
    name : str
        As it was written; what tables and figures call it.
    initialisation : str
        A name in `initialisations.initD`.
    options : mapping
        What the initialisation is told in every layer.
    activation : Activation

    Examples
    --------
    >>> arm = Arm.parse("glorotNormal+mirror+signalPriorities=0,1/crelu")
    >>> arm.initialisation, dict(arm.options), arm.activation.name
    ('glorotNormal', {'mirror': True, 'signalPriorities': (0, 1)}, 'crelu')
    """

    name: str
    initialisation: str
    options: Mapping[str, object]
    activation: Activation

    @classmethod
    def parse(cls, text: str) -> Arm:
        """The arm that a word of the command line stands for.

        Raises
        ------
        ValueError, TypeError
            For another syntax, an unknown name (with the nearest one), or a bad option.
        """
        made, slash, activationName = str(text).partition("/")
        name, *words = made.split("+")
        if not (slash and name and activationName and all(words)):
            raise ValueError(f"arm must be {SYNTAX}. Received: {text!r}.")
        named = [_option(word, text) for word in words]
        options = dict(named)
        if len(options) < len(named):
            raise ValueError(f"arm must name each option once. Received: {text!r}.")
        arm = cls(str(text), name, options, activation(activationName))
        # Refuses what it cannot take, before anything runs; of 720 units most parts are whole.
        initD[name].law((720,), (720,), **arm.optionsOf("inner"))
        return arm

    def optionsOf(self, layer: str) -> dict[str, object]:
        """What the initialisation is told in a layer, 'first' or 'inner'.

        The first one reads the data, which no CReLU has doubled, so it is never mirrored. Entries
        that tell layers apart are told which it is, and looks-linear ones the activation.

        Examples
        --------
        >>> Arm.parse("looksLinear/relu").optionsOf("inner")["activation"].name
        'relu'
        """
        options, own = dict(self.options), initD[self.initialisation].own
        if "layer" in own and layer == "first":
            options["layer"] = layer
        if self.initialisation == "looksLinear":
            options.setdefault("activation", self.activation)
        return {**options, "mirror": False} if layer == "first" else options


def parseArms(texts: Sequence[str]) -> list[Arm]:
    """All arms of an experiment; none may stand twice.

    Examples
    --------
    >>> parseArms(["heNormal/relu", "heNormal/relu"])
    Traceback (most recent call last):
    ValueError: each arm must stand once. Received twice: 'heNormal/relu'.
    """
    if isinstance(texts, str):
        raise TypeError(f"arms must be a list of {SYNTAX}. Received: {texts!r}.")
    arms = [Arm.parse(text) for text in texts]
    if not arms:
        raise ValueError(f"at least one arm is needed: {SYNTAX}.")
    refuse_repeated("arm", texts)
    return arms


def _option(word: str, arm: str) -> tuple[str, object]:
    name, equals, value = word.partition("=")
    if name in SHARED:
        raise ValueError(
            f"option {name!r} is the same for all arms: set it by {SHARED[name]}. "
            f"Received: {arm!r}."
        )
    return name, _value(value) if equals else True


def _value(text: str) -> object:
    """A number, a pair of numbers, True or False; anything else is a word."""
    if not re.fullmatch(r"True|False|[-+\d.e,]+", text):
        return text
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text
