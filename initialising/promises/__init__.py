"""Holding an initialisation to its law and to the house's contract: (initialisation) -> Report.

What an entry of `initD` promises besides its law: shapes, dtype, seeds, refusals. The same checker
runs over the whole registry in the tests, and over a function of your own. `trial` draws, and
`table` says what of it must hold.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from initialising.promises.table import PROMISES
from initialising.promises.trial import Trial
from lookslinear.errors import NotCoveredError

__all__ = ["Claim", "InitialisationError", "Report", "check_initialisation"]

#: How many ways of breaking one promise are listed.
LISTED = 3


class InitialisationError(AssertionError):
    """An initialisation that breaks its law or the contract; the message lists what is broken."""


@dataclass(frozen=True)
class Claim:
    """One promise, and how it was broken: nothing where it was kept or could not be tried."""

    words: str
    broken: tuple[str, ...] = ()
    untried: str = ""

    def __str__(self):
        if self.broken:
            return "\n".join([f"BROKEN {self.words}", *(f"       {line}" for line in self.broken)])
        return f"untried {self.words}: {self.untried}" if self.untried else f"kept   {self.words}"


@dataclass(frozen=True)
class Report:
    """What `check_initialisation` found; true if nothing is broken."""

    name: str
    claims: tuple[Claim, ...]

    @property
    def broken(self) -> tuple[Claim, ...]:
        """The promises that were not kept."""
        return tuple(claim for claim in self.claims if claim.broken)

    def __bool__(self):
        return not self.broken

    def __str__(self):
        return "\n".join([self.name, *map(str, self.claims)])


def check_initialisation(
    initialisation: str | Callable,
    *,
    options: Sequence[Mapping] = (),
    deterministic: bool | None = None,
    raising: bool = True,
) -> Report:
    """Hold an initialisation to its law, over shapes, dtypes, options, seeds and threads.

    Each draw is held to its law by `lookslinear.checks.check_draw`, with a rate of false alarms of
    one in a million; all seeds are fixed, so a verdict is the same every time. Shapes and options
    that the law refuses must be refused by the draw too, and at least one shape must be taken.

    Parameters
    ----------
    initialisation : str or callable
        A name in `initD`, an entry, or whatever `initD` looks up: (inputShape, outputShape,
        **options) -> [weight, bias], or a tensor initialiser. Its method `law`, where it has one,
        states its law, and `biasLaw` that of its bias; without them everything else is tried.
    options : sequence of mappings
        Further options to try, such as `[{"gain": 2.0}]`; each must be taken for some shape.
    deterministic : bool or None
        Whether all draws are equal; None takes what the law says, and random without one.
    raising : bool
        Whether a broken promise raises; else it only stands in the report.

    Returns
    -------
    Report
        True if nothing is broken; printed, it has a line for each promise.

    Raises
    ------
    InitialisationError
        With `raising`, and the broken promises in its message.
    TypeError, UnknownNameError
        For what is no initialisation, with the nearest name.

    Examples
    --------
    >>> bool(check_initialisation("heNormal"))
    True
    >>> from lookslinear.initializers import Sparse
    >>> print(check_initialisation(Sparse(0.5)))
    Sparse(sparsity=0.5, ...)
    kept   ...
    """
    trial = Trial(initialisation, options, deterministic)
    report = Report(trial.name, tuple(_held(trial, *claim) for claim in PROMISES.items()))
    if raising and not report:
        raise InitialisationError(
            f"{report.name}:\n" + "\n".join(str(claim) for claim in report.broken)
        )
    return report


def _held(trial: Trial, words: str, function: Callable) -> Claim:
    try:
        return Claim(words, tuple(itertools.islice(function(trial), LISTED)))
    except NotCoveredError as error:
        return Claim(words, untried=str(error))
    except Exception as error:  # whatever a function of a user's own may raise
        return Claim(words, (f"raised {type(error).__name__}: {error}",))
