"""What was measured: pairs of seconds, ours and a peer's, and the numbers that follow from them.

Ratios are taken pair by pair, since the two of a pair met the same moment of the machine; a median
and quartiles stand for them.
"""

import json
import statistics
from dataclasses import asdict, dataclass, field
from itertools import groupby

from cases import GOALS


@dataclass(frozen=True)
class Comparison:
    """A case against one library: pairs of seconds, ours first, or why there are none.

    Of ours, `cores` is how many it kept busy, `faults` its page faults a draw, and `kernel` the
    share of the time that it spent in the system.
    """

    law: str
    work: str
    dtype: str
    ours: str
    goal: str
    numbers: int
    library: str
    pairs: tuple = ()
    cores: float = 0.0
    faults: float = 0.0
    kernel: float = 0.0
    skipped: str = ""

    @property
    def ratios(self):
        """The peer's seconds by ours, in each pair: how many times as fast ours is."""
        return [theirs / ours for ours, theirs in self.pairs]

    @property
    def differences(self):
        """Our seconds less the other's, in each pair."""
        return [ours - theirs for ours, theirs in self.pairs]

    @property
    def ratio(self):
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def seconds(self):
        """The library's median."""
        return statistics.median(theirs for _, theirs in self.pairs)


class Row:
    """A case and all its comparisons."""

    def __init__(self, comparisons):
        self.comparisons = list(comparisons)
        self.measured = [one for one in self.comparisons if one.pairs]
        first = self.comparisons[0]
        self.law, self.work, self.numbers = first.law, first.work, first.numbers
        self.dtype, self.ours, self.goal = first.dtype, first.ours, first.goal

    @property
    def seconds(self):
        """Our median over all pairs."""
        return statistics.median(ours for one in self.measured for ours, _ in one.pairs)

    @property
    def fastest(self):
        """The comparison with the peer whose median is the least.

        Not the one of the least ratio: that would often be whichever met our worst moments.
        """
        return min(self.measured, key=lambda one: one.seconds)

    @property
    def best(self):
        """The seconds of whoever is fastest, ours among them: a limit, where one is measured."""
        return min(self.seconds, *(one.seconds for one in self.measured))

    @property
    def cores(self):
        """How many cores ours kept busy."""
        return statistics.median(one.cores for one in self.measured)

    @property
    def faults(self):
        """How many page faults ours met a draw."""
        return statistics.median(one.faults for one in self.measured)

    @property
    def kernel(self):
        """The share of our time that was spent in the system."""
        return statistics.median(one.kernel for one in self.measured)

    def of(self, library):
        """The comparison with a library, or None."""
        return next((one for one in self.comparisons if one.library == library), None)


@dataclass(frozen=True)
class Verdict:
    """A goal, what was reached in the worst of its cases, and where that was."""

    goal: str
    least: float
    reached: float
    where: str

    @property
    def met(self):
        """Whether the worst case reaches the goal."""
        return self.reached >= self.least


@dataclass
class Run:
    """All that a report is made of."""

    command: str
    date: str
    machine: dict
    patience: dict
    versions: dict = field(default_factory=dict)
    absent: dict = field(default_factory=dict)
    comparisons: list = field(default_factory=list)

    def rows(self, dtype="float32", law=None):
        """The rows that were measured in this dtype, of one law or of all."""
        chosen = [c for c in self.comparisons if c.dtype == dtype and law in (None, c.law)]
        groups = groupby(chosen, key=lambda one: (one.law, one.work, one.ours))
        rows = [Row(group) for _, group in groups]
        return [row for row in rows if row.measured]

    def verdicts(self, dtype):
        """A Verdict for each goal that something was measured for."""
        found = []
        for goal, least in GOALS.items():
            rows = [row for row in self.rows(dtype) if row.goal == goal]
            if rows:
                worst = min(rows, key=lambda row: row.fastest.ratio)
                where = f"{worst.law}, {worst.work}: {worst.fastest.library}"
                found.append(Verdict(goal, least[dtype], worst.fastest.ratio, where))
        return found

    def store(self, path):
        """Write the run as JSON, a comparison a line."""
        facts = asdict(self)
        lines = ",\n  ".join(json.dumps(one) for one in facts.pop("comparisons"))
        head = json.dumps(facts, indent=1)[:-2]
        path.write_text(f'{head},\n "comparisons": [\n  {lines}\n ]\n}}\n', encoding="utf-8")


def stored(path):
    """The run that was stored in a file."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["comparisons"] = [
        Comparison(**{**one, "pairs": tuple(map(tuple, one["pairs"]))})
        for one in facts["comparisons"]
    ]
    return Run(**facts)


def quartiles(values):
    """The first and the third quartile; of one value, that value twice."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def rounded(number):
    """A number with the four digits that are worth storing."""
    return float(f"{number:.4g}")
