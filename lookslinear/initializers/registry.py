"""Names of initialisers -> their classes, as Keras spells them; nothing else can be named."""

from __future__ import annotations

import re
from collections.abc import Callable

#: Every name that `get` and a configuration can use, and the class that it stands for.
CLASSES: dict[str, type] = {}


def registered(*aliases: str) -> Callable[[type], type]:
    """Enters a class under its own name, the snake_case of it, and further ones.

    Examples
    --------
    >>> sorted(name for name, cls in CLASSES.items() if cls.__name__ == "RandomUniform")
    ['RandomUniform', 'random_uniform', 'uniform']
    """

    def enter(cls: type) -> type:
        for name in (cls.__name__, snake_case(cls.__name__), *aliases):
            CLASSES[name] = cls
        return cls

    return enter


def snake_case(name: str) -> str:
    """A class's name as Keras writes the function of it.

    Examples
    --------
    >>> snake_case("GlorotNormal"), snake_case("Zeros")
    ('glorot_normal', 'zeros')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
