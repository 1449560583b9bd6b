"""Whom to cite: (names, initialisers or networks) -> BibTeX of the papers that they stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from lookslinear.catalogue import CATALOGUE, Entry, entry_of, names, own_options
from lookslinear.connections import checked_options
from lookslinear.laws import mirror_degree
from lookslinear.references import bibtex

MIRROR, RECTIFIER, UNIFORM_FRAMES, CRELU = "balduzzi2017", "he2015", "martens2021", "shang2016"


class Use(NamedTuple):
    """The papers of what was used, and what is said of it where there are none."""

    keys: tuple[str, ...]
    remark: str = ""


def cite(*used: object, **options: object) -> str:
    """The BibTeX of exactly what was used, each work once.

    Parameters
    ----------
    used : str, initialiser or network
        Names of the catalogue; entries of `initD`, and objects and classes of
        `lookslinear.initializers`; networks, of this project's layers, which say by themselves with
        what options their weights were made, and of which dense ones cite nothing on kernels.
    options
        Those that what is named was given, such as `mirror=True`.

    Returns
    -------
    str
        Above the entries, a comment for each initialisation that no paper is known for here: one
        that is older than all, and a function of a user's own, unless
        `initialisations.register` was told its references.

    Raises
    ------
    UnknownNameError
        For an unknown name, with the nearest.
    TypeError, ValueError
        For unknown options and bad values of them; for what is neither a name nor an
        initialisation nor a network; and where nothing is named.

    Examples
    --------
    >>> text = cite("glorotNormal", "randomNormal")
    >>> text.splitlines()[0]
    '% randomNormal: no paper'
    >>> [line for line in text.splitlines() if line.startswith("@")]
    ['@inproceedings{glorot2010,']
    """
    if not used:
        raise TypeError(
            "cite takes at least one name of an initialisation, initialiser or network with "
            "layers. Received: none."
        )
    checked_options(options, [name for entry in CATALOGUE.values() for name in own_options(entry)])
    uses = [use for one in used for use in _uses(one, options)]
    remarks = sorted({use.remark for use in uses if not use.keys})
    keys = [key for use in uses for key in use.keys]
    return "\n\n".join(filter(None, ["\n".join(remarks), bibtex(keys)]))


def _uses(one: object, options: Mapping) -> Iterator[Use]:
    if isinstance(one, str):
        yield _of_entry(entry_of(one), options)
    elif isinstance(one, Entry):
        yield _of_entry(one, options)
    elif layers := _layers(one):
        for layer in layers:
            yield from _of_layer(layer)
    elif callable(one):
        yield from _of_initialisation(one, options)
    else:
        raise TypeError(
            f"cite takes names of initialisations, initialisers and networks with layers. "
            f"Received: {one!r}."
        )


def _of_entry(entry: Entry, options: Mapping, for_kernels: bool | None = None) -> Use:
    return Use(tuple(_keys(entry, options, for_kernels)), f"% {entry.name}: no paper")


def _keys(entry: Entry, options: Mapping, for_kernels: bool | None) -> Iterator[str]:
    """The papers of one use; an option without effect on an entry has none."""
    yield from entry.references
    if for_kernels is not False:
        yield from entry.kernel_references
    mirrored = mirror_degree(options.get("mirror", False))
    if mirrored:
        yield MIRROR
    if options.get("relu") and "relu" in entry.options and not mirrored:
        yield RECTIFIER
    if options.get("rescale") == "suo" and "rescale" in entry.options:
        yield UNIFORM_FRAMES


def _layers(one: object) -> list:
    network = getattr(one, "representation", one)
    return list(getattr(network, "layers", ()))


def _of_layer(layer: object) -> Iterator[Use]:
    if getattr(layer, "doubles", False):
        yield Use((CRELU,))
    initialisation = getattr(layer, "initialisation", None)
    if initialisation is not None:
        for_kernels = layer.params[0].ndim > 2 if layer.params else None
        yield from _of_initialisation(initialisation, layer.options, for_kernels)


def _of_initialisation(
    initialisation: Callable, options: Mapping, for_kernels: bool | None = None
) -> Iterator[Use]:
    """The use of an initialisation, and of the one that a `Mirrored` mirrors."""
    made = getattr(initialisation, "initialiser", initialisation)
    own = getattr(initialisation, "__name__", repr(initialisation))
    kind = made if isinstance(made, type) else type(made)
    known = [name for name in (own, kind.__name__) if name in names()]
    if known:
        yield _of_entry(entry_of(known[0]), options, for_kernels)
    else:
        yield Use((), f"% {own}: not in the catalogue")
    inner = getattr(made, "initializer", None)
    if callable(inner) and not isinstance(made, type):
        yield from _of_initialisation(inner, {}, for_kernels)
