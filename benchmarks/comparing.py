"""Ours and each peer in turns: what is asked, how often, and what is left out as too slow."""

import math
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from comparisons import Comparison, rounded
from libraries import LIBRARIES
from workers import Ended, Worker

STOPWATCH = Path(__file__).with_name("stopwatch.py")


@dataclass(frozen=True)
class Patience:
    """How long to measure, in seconds.

    Small draws are repeated until an answer lasts `lasting`. There are as many pairs as fit into
    `share`, from `least` to `most`. A peer that would need more than `limit` for one draw is left
    out. Before each answer all rest, so that idle threads of the last one have stopped spinning.
    """

    lasting: float = 0.02
    share: float = 2.0
    least: int = 3
    most: int = 5
    limit: float = 8.0
    rest: float = 0.04

    def pairs(self, seconds):
        """How many pairs there is time for, each of which takes these seconds."""
        return max(self.least, min(self.most, int(self.share / seconds)))


class Failed(Exception):
    """A library could not draw what it was asked for."""


class Contest:
    """The libraries in one dtype, each a process; they start together and are compared in turns.

    `pythons` are the interpreters that have ours and the peers.
    """

    def __init__(self, dtype, names, pythons, patience):
        self.patience, self.versions, self.absent = patience, {}, {}
        self._laws, self._rates, self._known = {}, {}, {}
        self._workers = {
            name: Worker([pythons[not LIBRARIES[name].ours], STOPWATCH, name, dtype])
            for name in names
        }

    def __enter__(self):
        for name in self._workers:
            self._welcome(name)
        return self

    def __exit__(self, *_):
        for worker in self._workers.values():
            worker.close()

    def _welcome(self, name):
        try:
            words = self._workers[name].read()
        except Ended as ended:
            words = {"failed": str(ended)}
        if "failed" in words:
            self.absent[name] = words["failed"]
            return
        self._laws[name] = words["laws"]
        self.versions[name] = {"python": words["python"], **words["versions"]}

    def opponents(self, case):
        """Who is compared with ours: the peers that have the law, or a rival in our process."""
        if case.law not in self._laws.get(case.ours, ()):
            return []
        if case.rival:
            return [case.ours]
        peers = [name for name in self._laws if not LIBRARIES[name].ours]
        return [name for name in peers if case.law in self._laws[name]]

    def compare(self, case, name):
        """The Comparison of ours with a library."""
        seconds = self._reckoned(case, name)
        if seconds > self.patience.limit:
            return _comparison(case, name, skipped=f"skipped: about {seconds:.0f} s")
        try:
            return self._turns(case, name)
        except Failed as failure:
            return _comparison(case, name, skipped=f"failed: {failure}")

    def _turns(self, case, name):
        sides = (case.ours, case.law), (name, case.rival or case.law)
        loops, lasts = zip(*(self._calibrated(case, *side) for side in sides), strict=True)
        answers = [
            [self._ask(case, *side, count) for side, count in zip(sides, loops, strict=True)]
            for _ in range(self.patience.pairs(sum(lasts)))
        ]
        pairs = [[one["seconds"] for one in pair] for pair in answers]
        cost = case.cost(LIBRARIES[name].squares)
        self._rates[name, case.law] = statistics.median(theirs for _, theirs in pairs) / cost
        return _comparison(case, name, pairs, [ours for ours, _ in answers])

    def _reckoned(self, case, name):
        """Seconds of a draw by the library's rate at the size before; 0 where there was none."""
        return self._rates.get((name, case.law), 0.0) * case.cost(LIBRARIES[name].squares)

    def _calibrated(self, case, name, law):
        """How many draws make an answer, and how long it lasts; known once for each case."""
        key = case, name, law
        if key not in self._known:
            self._known[key] = calibrated(
                lambda loops: self._ask(case, name, law, loops)["seconds"], self.patience.lasting
            )
        return self._known[key]

    def _ask(self, case, name, law, loops):
        if name not in self._laws:
            raise Failed(f"{name} has ended")
        time.sleep(self.patience.rest)
        try:
            answer = self._workers[name].ask({"law": law, "shapes": case.shapes, "loops": loops})
        except Ended as ended:
            del self._laws[name]
            answer = {"failed": str(ended)}
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer


def calibrated(secondsOf, lasting):
    """How many loops last so many seconds, and how long they do.

    `secondsOf` says the seconds of one of so many loops. The first call compiles, so that a second
    one is asked for unless the first lasted so long that it says enough.
    """
    loops, seconds = 1, secondsOf(1)
    if seconds < 50 * lasting:
        seconds = secondsOf(1)
    while loops * seconds < lasting:
        loops = max(2 * loops, math.ceil(lasting / seconds))
        seconds = secondsOf(loops)
    return loops, loops * seconds


def _comparison(case, library, pairs=(), ours=(), skipped=""):
    means = {
        name: rounded(statistics.median(answer[name] for answer in ours)) if ours else 0.0
        for name in ("cores", "faults", "kernel")
    }
    return Comparison(
        law=case.law,
        work=case.work,
        dtype=case.dtype,
        ours=case.ours,
        goal=case.goal,
        numbers=case.numbers,
        library="NumPy's own call" if case.rival else library,
        pairs=tuple(tuple(map(rounded, pair)) for pair in pairs),
        skipped=skipped,
        **means,
    )
