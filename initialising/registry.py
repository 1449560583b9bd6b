"""The registry of initialisations: a name -> what makes [weight, bias]."""

from __future__ import annotations

from collections.abc import Callable

from initialising.initialisation import Initialisation, fromTensor
from lookslinear.adapting import is_tensor_initializer
from lookslinear.errors import unknown_name
from lookslinear.laws import WeightLaw


class Registry(dict):
    """A dictionary of initialisations; an unknown name is refused with the nearest known one.

    What is no name is looked up as what it is: an initialisation, or a function of its kind, is
    returned; a tensor initialiser, or a class of `lookslinear.initializers`, goes through
    `fromTensor`.

    Examples
    --------
    >>> from lookslinear.initializers import RandomNormal
    >>> initD[RandomNormal(stddev=0.5)].law((3,), (4,)).variance
    0.25
    """

    def __getitem__(self, identifier):
        if isinstance(identifier, str):
            return super().__getitem__(identifier)
        if not callable(identifier):
            raise TypeError(
                f"initialisation must be a name in initD or a function. Received: {identifier!r}."
            )
        isClass = isinstance(identifier, type)
        return (
            fromTensor(identifier) if isClass or is_tensor_initializer(identifier) else identifier
        )

    def __missing__(self, name):
        raise unknown_name("initialisation", name, self)


initD = Registry()


def registered(
    bias: Callable | None = None,
    settled: Callable | None = None,
    **otherDefaults,
) -> Callable[[Callable[..., WeightLaw]], Initialisation]:
    """Enters a function, (connection, options, **own) -> WeightLaw, under its name into `initD`.

    Parameters
    ----------
    bias : function of the same, -> WeightLaw, or None
        The bias's law, where it is not zeros.
    settled : function of (options, **own), -> Options, or None
        What the options mean for this entry, before there is a connection.
    **otherDefaults
        Defaults of shared options that differ from those of the others.
    """

    def enter(lawOf: Callable[..., WeightLaw]) -> Initialisation:
        initD[lawOf.__name__] = Initialisation(lawOf, bias, settled, otherDefaults)
        return initD[lawOf.__name__]

    return enter
