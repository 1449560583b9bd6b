"""The catalogue: every initialisation by name, its law in words, its variance, its papers.

Names are those of `initD`, in camelCase; a class of `lookslinear.initializers` whose law is another
than that of the entry of its name in `initD` has an entry of its own. `layers` holds what fills one
layer's weight, `networks` what changes a whole network.
"""

from __future__ import annotations

from collections.abc import Iterable

from lookslinear.catalogue.entry import KINDS, QUANTITIES, Entry
from lookslinear.catalogue.layers import LAYERS
from lookslinear.catalogue.networks import NETWORKS
from lookslinear.errors import unknown_name

__all__ = ["CATALOGUE", "KINDS", "QUANTITIES", "Entry", "entry_of"]

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
    names = _names(CATALOGUE.values())
    if not isinstance(name, str) or name not in names:
        raise unknown_name("initialisation", name, names)
    return names[name]


def _names(entries: Iterable[Entry]) -> dict[str, Entry]:
    entries = list(entries)
    spelt = {word: entry for entry in entries for word in (*entry.aliases, entry.initializer)}
    named = {**spelt, **{entry.name: entry for entry in entries}}
    return {word: entry for word, entry in named.items() if word}
