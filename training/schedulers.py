"""Schedulers: how far training has come -> the factor by which the optimiser's rate is multiplied.

All but `Plateau` compute the factor afresh from the number of finished epochs and updates, so there
is nothing to save. `Plateau` depends on losses; its `state` goes into checkpoints.
"""

import math
from dataclasses import dataclass, field

from lookslinear.errors import (
    known_name,
    positive_number,
    real_number,
    refuse_other_kind,
    whole_number,
)

#: What a schedule counts.
UNITS = ("epoch", "update")


class Scheduler:
    """The base of all schedulers: a factor of 1, whatever happens."""

    def factor(self, epoch, update):
        """What the rate is multiplied by after so many finished epochs and updates."""
        return 1.0

    def observe(self, loss):
        """Be told the loss at the end of an epoch, on the validation data where there are any."""

    @property
    def state(self):
        """What `factor` depends on besides its arguments, for a checkpoint: a dict for JSON."""
        return {}

    def restore(self, state):
        """Take what `state` was."""

    def __repr__(self):
        return f"{type(self).__name__}()"


@dataclass(frozen=True)
class Constant(Scheduler):
    """The optimiser's rate, unchanged."""


@dataclass(frozen=True)
class StepDecay(Scheduler):
    """factor^(count // every): the rate falls at once, each time that so many are finished.

    Parameters
    ----------
    every : int
        Epochs or updates between two steps.
    decay : float
        What each step multiplies by, more than 0.
    per : 'epoch' or 'update'

    Examples
    --------
    >>> [StepDecay(2, 0.1).factor(epoch, 0) for epoch in range(4)]
    [1.0, 1.0, 0.1, 0.1]
    """

    every: int
    decay: float = 0.1
    per: str = "epoch"

    def __post_init__(self):
        whole_number(self.every, "every")
        positive_number(self.decay, "decay")
        known_name("unit", self.per, UNITS)

    def factor(self, epoch, update):
        """decay^(count // every)."""
        return float(self.decay) ** (_count(self.per, epoch, update) // self.every)


@dataclass(frozen=True)
class CosineDecay(Scheduler):
    """Half a cosine from 1 to `least` over `length` epochs or updates, and `least` afterwards.

    .. math:: l + (1 - l) \\, (1 + \\cos(\\pi t / T)) / 2

    Parameters
    ----------
    length : int
        T, in epochs or updates.
    least : float
        The factor at the end, from 0 to 1.
    per : 'epoch' or 'update'

    References
    ----------
    Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5, without restarts.

    Examples
    --------
    >>> [round(CosineDecay(4).factor(epoch, 0), 3) for epoch in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """

    length: int
    least: float = 0.0
    per: str = "epoch"

    def __post_init__(self):
        whole_number(self.length, "length")
        if real_number(self.least, "least", least=0) > 1:
            raise ValueError(f"least must be at most 1. Received: {self.least!r}.")
        known_name("unit", self.per, UNITS)

    def factor(self, epoch, update):
        """The cosine at the count."""
        passed = min(1.0, _count(self.per, epoch, update) / self.length)
        return self.least + (1 - self.least) * (1 + math.cos(math.pi * passed)) / 2


@dataclass(frozen=True)
class WarmUp(Scheduler):
    """A rise in equal steps over the first updates, times another scheduler's factor.

    The first update has 1/length of the rate, the update of number `length` all of it. The other
    scheduler counts from the beginning, too.

    Parameters
    ----------
    length : int
        How many epochs or updates the rise takes.
    then : Scheduler or None
        None: `Constant()`.
    per : 'epoch' or 'update'

    References
    ----------
    Goyal et al. 2017, arXiv 1706.02677, section 2.2 (gradual warm-up).

    Examples
    --------
    >>> [WarmUp(4, StepDecay(5, 0.5, per="update")).factor(0, update) for update in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5]
    """

    length: int
    then: Scheduler = field(default_factory=Constant)
    per: str = "update"

    def __post_init__(self):
        whole_number(self.length, "length")
        refuse_other_kind(self.then, Scheduler, "then")
        known_name("unit", self.per, UNITS)

    def factor(self, epoch, update):
        """The share of the rise, times the other factor."""
        risen = min(1.0, (_count(self.per, epoch, update) + 1) / self.length)
        return risen * self.then.factor(epoch, update)

    def observe(self, loss):
        """Tell the other scheduler."""
        self.then.observe(loss)

    @property
    def state(self):
        """That of the other scheduler."""
        return self.then.state

    def restore(self, state):
        """Give the other scheduler its own."""
        self.then.restore(state)


class Plateau(Scheduler):
    """A rate that is lowered when the loss stops falling.

    A loss counts as lower if it is below the best one so far by more than `threshold` times that
    one's size. After more than `patience` epochs in a row without a lower loss the factor is
    multiplied by `decay`, and the count of epochs begins again.

    Parameters
    ----------
    decay : float
        From 0 to 1, both excluded.
    patience : int
        Epochs without a lower loss that are let pass.
    threshold : float
        The relative fall that counts, from 0.
    least : float
        The factor does not fall below it.

    Examples
    --------
    >>> plateau = Plateau(decay=0.5, patience=1)
    >>> for loss in (1.0, 0.5, 0.5, 0.5):
    ...     plateau.observe(loss)
    >>> plateau.factor(4, 100)
    0.5
    """

    def __init__(self, decay=0.1, patience=10, threshold=1e-4, least=0.0):
        self.decay = positive_number(decay, "decay")
        if self.decay >= 1:
            raise ValueError(f"decay must be below 1. Received: {decay!r}.")
        self.patience = whole_number(patience, "patience", least=0)
        self.threshold = real_number(threshold, "threshold", least=0)
        self.least = real_number(least, "least", least=0)
        self.restore({"factor": 1.0, "best": math.inf, "waited": 0})

    def factor(self, epoch, update):
        """The present factor, whatever the counts."""
        return self._factor

    def observe(self, loss):
        """Take the loss of an epoch, and lower the factor if it was one too many."""
        isLower = self._best == math.inf or loss < self._best - self.threshold * abs(self._best)
        if isLower:
            self._best, self._waited = float(loss), 0
        else:
            self._waited += 1
        if self._waited > self.patience:
            self._factor, self._waited = max(self.least, self._factor * self.decay), 0

    @property
    def state(self):
        """The factor, the best loss, and the epochs waited."""
        return {"factor": self._factor, "best": self._best, "waited": self._waited}

    def restore(self, state):
        """Take what `state` was."""
        self._factor, self._best, self._waited = state["factor"], state["best"], state["waited"]

    def __repr__(self):
        return (
            f"Plateau(decay={self.decay}, patience={self.patience}, "
            f"threshold={self.threshold}, least={self.least})"
        )


def _count(per, epoch, update):
    return epoch if per == "epoch" else update
