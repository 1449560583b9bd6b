"""The catalogue: every initialisation by name, its law in words, its variance, its papers.

Names are those of `initD`, in camelCase; a class of `lookslinear.initializers` whose law is another
than that of the entry of its name in `initD` has an entry of its own. `layers` holds what fills one
layer's weight, `networks` what changes a whole network.
"""

from __future__ import annotations

import inspect

from lookslinear.catalogue.entry import KINDS, QUANTITIES, Entry
from lookslinear.catalogue.layers import LAYERS
from lookslinear.catalogue.networks import NETWORKS
from lookslinear.errors import unknown_name
from lookslinear.initializers import CLASSES

__all__ = ["CATALOGUE", "KINDS", "QUANTITIES", "Entry", "entry_of", "names", "own_options"]

#: Arguments of classes that are options of every entry: `rng` gives the seed.
SHARED = ("seed", "mirror", "groups")
#: All initialisations, by name. `initialisations.register` adds a user's own.
CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in (*LAYERS, *NETWORKS)}


def entry_of(name: str) -> Entry:
    """The entry of a name: of `initD`, of a class of `lookslinear.initializers`, or an alias.

    Raises
    ------
    UnknownNameError
        With the nearest name.

    Examples
    --------
    >>> entry_of("uniform").name, entry_of("HeUniform").name, entry_of("HeNormal").name
    ('randomUniform', 'heUniform', 'HeNormal')
    """
    known = names()
    if not isinstance(name, str) or name not in known:
        raise unknown_name("initialisation", name, known)
    return known[name]


def names() -> dict[str, Entry]:
    """Every name that an entry can be found by, and the entry."""
    entries = CATALOGUE.values()
    spelt = {word: entry for entry in entries for word in (*entry.aliases, entry.initializer)}
    named = {**spelt, **CATALOGUE}
    return {word: entry for word, entry in named.items() if word}


def own_options(entry: Entry) -> list[str]:
    """The options that an entry has besides those of all: its class's arguments, and `own`.

    Examples
    --------
    >>> own_options(CATALOGUE["randomNormal"]), own_options(CATALOGUE["looksLinear"])
    (['mean', 'stddev'], ['layer', 'blocks'])
    """
    if not entry.initializer:
        return list(entry.own)
    arguments = inspect.signature(CLASSES[entry.initializer]).parameters
    return [*(name for name in arguments if name not in SHARED), *entry.own]
