"""Adding initialisations of a user's own to `initD`: (name, function) -> an entry like the others.

What is added is found by layers, by the arms of experiments, by the tables of the catalogue and by
`cite`; `promises.check_initialisation` holds it to its law.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from initialising.initialisation import Initialisation, fromTensor
from initialising.registry import initD
from lookslinear.adapting import is_tensor_initializer
from lookslinear.catalogue import CATALOGUE, Entry, names
from lookslinear.errors import NotCoveredError, known_name
from lookslinear.laws import WeightLaw
from lookslinear.references import REFERENCES, Reference

#: What arms of the command line can spell.
_NAME = re.compile(r"[A-Za-z_]\w*")


class FunctionInitialisation:
    """A function of (inputShape, outputShape, **options), and the law that is claimed for it."""

    #: Further options that it is known to take: what it says of them is not known.
    own: Sequence[str] = ()

    def __init__(self, function: Callable, lawOf: Callable | None, name: str):
        functools.update_wrapper(self, function)
        self.__name__ = name
        self._function, self._lawOf = function, lawOf

    def __call__(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> list:
        """[weight, bias], as the function returns them."""
        return self._function(inputShape, outputShape, **options)

    def law(self, inputShape: Sequence[int], outputShape: Sequence[int], **options) -> WeightLaw:
        """The law that was claimed when the function was registered."""
        if self._lawOf is None:
            raise NotCoveredError(
                f"{self.__name__!r} states no law, so it can be drawn, but neither predicted nor "
                f"checked. Register it with law=, a function of (inputShape, outputShape, "
                f"**options)."
            )
        return self._lawOf(inputShape, outputShape, **options)

    def __repr__(self):
        return f"<initialisation {self.__name__}>"


def register(
    name: str,
    function: Callable,
    *,
    law: Callable[..., WeightLaw] | None = None,
    words: str | None = None,
    formula: str = "",
    references: Sequence[str | Reference] = (),
    deterministic: bool = False,
    replace: bool = False,
) -> Callable:
    """Add an initialisation of your own to `initD` and to the catalogue.

    Parameters
    ----------
    name : str
        A word of letters, digits and underscores.
    function : callable
        One of three kinds, told apart by what it can be called with: (connection, options) -> law,
        as the entries of `initialisations` are, which is drawn and predicted from its law alone;
        (inputShape, outputShape, **options) -> [weight, bias], shared variables, which must take
        the option `rng`; or a tensor initialiser, (shape, dtype=None) -> array, and what
        `initialisations.fromTensor` takes besides.
    law : callable or None
        (inputShape, outputShape, **options) -> WeightLaw, for a function of the second kind, which
        says nothing of its weights by itself. Without it layers use the function, and experiments,
        which predict, say that they cannot.
    words : str or None
        Its law in words, on one line; None takes the docstring's first line.
    formula : str
        Of its variance, see `lookslinear.catalogue.Entry`.
    references : sequence of str or Reference
        Keys of `lookslinear.references.REFERENCES`, or references, which are added to them.
    deterministic : bool
        Whether it leaves nothing to chance.
    replace : bool
        Whether a name that is taken is given to the new function.

    Returns
    -------
    callable
        `initD[name]`.

    Raises
    ------
    ValueError
        For a name that is taken or no word, and what the catalogue refuses.
    TypeError
        For anything but functions that can be called so, and a law for one that has its own.

    Examples
    --------
    >>> def tiny(connection, options):
    ...     "independent normal, a hundredth of LeCun's deviation"
    ...     return connection.law("normal", 0.01 * connection.fan_in**-0.5)
    >>> register("tiny", tiny, formula="1e-4 / fan_in")
    <initialisation tiny>
    >>> initD["tiny"].law((100,), (7,)).variance.__round__(12)
    1e-06
    >>> unregister("tiny")
    """
    _refuseBadName(name, replace)
    made = _made(name, function, law)
    described = _firstLine(function) if words is None else words
    with _known(references) as keys:
        entry = Entry(
            name,
            described,
            formula,
            keys,
            folklore=not keys,
            deterministic=deterministic,
        )
    _before.setdefault(name, (CATALOGUE.get(name), initD.get(name)))
    CATALOGUE[name], initD[name] = entry, made
    return made


def unregister(name: str) -> None:
    """Take back what `register` did with a name: what it replaced stands there again.

    Raises
    ------
    ValueError
        For a name that was not registered, with the nearest one that was.
    """
    known_name("registered initialisation", name, _before)
    for table, before in zip((CATALOGUE, initD), _before.pop(name), strict=True):
        if before is None:
            del table[name]
        else:
            table[name] = before


#: For each name that was registered, what the catalogue and `initD` held before.
_before: dict[str, tuple] = {}


def _refuseBadName(name: str, replace: bool) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(
            f"name must be a word of letters, digits and underscores, as arms spell it. "
            f"Received: {name!r}."
        )
    if not replace and (name in initD or name in names()):
        raise ValueError(
            f"name must be a new one. Received: {name!r}, which is taken. Choose another, or "
            f"give replace=True."
        )


def _made(name: str, function: Callable, lawOf: Callable | None) -> Callable:
    """The entry of `initD` that a function of one of the three kinds makes."""
    if not callable(function):
        raise TypeError(f"function must be one that can be called. Received: {function!r}.")
    if lawOf is not None and not callable(lawOf):
        raise TypeError(f"law must be a function or None. Received: {lawOf!r}.")
    if _binds(function, rng=None) and not _isTensorInitialiser(function):
        return FunctionInitialisation(function, lawOf, name)
    if lawOf is not None:
        raise TypeError(
            f"law is for functions of (inputShape, outputShape, **options) that take rng; others "
            f"state their own. Received: {function!r}."
        )
    if _isTensorInitialiser(function):
        return _named(fromTensor(function), name)
    if _binds(function):
        return _named(Initialisation(function), name)
    raise TypeError(
        f"function must take (connection, options), or (inputShape, outputShape, **options) with "
        f"rng among them, or (shape, dtype=None). Received: {function!r}."
    )


def _isTensorInitialiser(function: Callable) -> bool:
    return isinstance(function, type) or is_tensor_initializer(function)


def _binds(function: Callable, **options) -> bool:
    try:
        inspect.signature(function).bind((1,), (1,), **options)
    except (TypeError, ValueError):  # ValueError: one written in C that does not show its own
        return False
    return True


def _named(initialisation: Initialisation, name: str) -> Initialisation:
    initialisation.__name__ = name
    return initialisation


def _firstLine(function: Callable) -> str:
    kind = function if inspect.isroutine(function) or inspect.isclass(function) else type(function)
    return (inspect.getdoc(kind) or "an initialisation of a user's own").splitlines()[0]


@contextmanager
def _known(references: Sequence[str | Reference]) -> Iterator[tuple[str, ...]]:
    """Adds references that are new to the table; takes them out again if something is refused."""
    if isinstance(references, str | Reference):
        raise TypeError(f"references must be a sequence of them. Received: {references!r}.")
    new = {made.key: made for made in references if isinstance(made, Reference)}
    for key, made in new.items():
        if REFERENCES.get(key, made) != made:
            raise ValueError(
                f"references must have new keys. Received: {key!r}, that of another work."
            )
    added = [key for key in new if key not in REFERENCES]
    REFERENCES.update(new)
    try:
        yield tuple(getattr(made, "key", made) for made in references)
    except BaseException:
        for key in added:
            del REFERENCES[key]
        raise
