"""How fast second moments are streamed, and in what memory, beside a plain script in PyTorch.

    python benchmarks/propagation.py

sends a batch through a deep ReLU network at initialisation and a gradient back, by the streamed
probe and by the script, and prints tables; `--report` writes them to
benchmarks/results/propagation.md. Each measurement is a process of its own, since a peak of memory
is a process's, and a script begins with no memory either. Sides take turns (A B C A B C ...).

Ours compiles into a cache of its own, build/theano: Theano reads all that its cache has, and a
thousand functions of other programs there would be 100 MB here.
"""

import argparse
import os
import statistics
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from streams import SIDES, THREADS
from tables import forTerminal, inUnits, markdown, spread
from workers import ROOT, Worker, processor

REPORT = ROOT / "benchmarks" / "results" / "propagation.md"
PEERS = ROOT / ".venv-bench" / "bin" / "python"
COMPILED = ROOT / "build" / "theano"
OURS = next(iter(SIDES))


@dataclass(frozen=True)
class Case:
    """A network of ReLU layers, and how many samples are sent through it.

    One that takes minutes has a third of the turns, and a single network in each process.
    """

    law: str
    depth: int
    width: int
    batch: int = 256
    minutes: bool = False

    def question(self):
        """What is asked of a process."""
        return {name: number for name, number in asdict(self).items() if name != "minutes"}

    def turns(self, wanted):
        """How many turns it has, where so many are wanted."""
        return -(-wanted // 3) if self.minutes else wanted

    def __str__(self):
        return f"{self.law}, depth {self.depth} x width {self.width} x batch {self.batch}"


CASES = (Case("normal", 1000, 512), Case("orthogonal", 1000, 1024, minutes=True))
GROWTH = Case("normal", 1000, 256, batch=64)


# --- Measuring -----------------------------------------------------------------------------------


def measured(side, case, peers, environment=()):
    """One answer of a fresh process: first and second network, and what it is made of.

    A network of three layers goes before: it compiles, and starts threads.
    """
    python = sys.executable if side == OURS else peers
    worker = Worker([python, Path(__file__).with_name("streams.py"), side], environment)
    try:
        words = worker.read()
        worker.ask(replace(case, depth=3).question())
        first = worker.ask(case.question())
        second = None if case.minutes else worker.ask(case.question())
    finally:
        worker.close()
    return {"first": first, "second": second, **words}


def ownCache():
    """The environment in which Theano compiles into our cache; its other flags stay."""
    flags = [os.environ.get("THEANO_FLAGS"), f"base_compiledir={COMPILED}"]
    return {"THEANO_FLAGS": ",".join(filter(None, flags))}


def allMeasured(cases, options, progress):
    """Case -> side -> answers, one a turn."""
    turns = {case: case.turns(options.turns) for case in cases}
    task = progress.add_task("networks", total=sum(turns.values()) * len(SIDES))
    answers = {case: {side: [] for side in SIDES} for case in cases}
    for case in cases:
        measured(OURS, replace(case, depth=3), options.peers, ownCache())  # compiles
        for _ in range(turns[case]):
            for side in SIDES:
                progress.update(task, description=f"{case} / {side}")
                answers[case][side].append(measured(side, case, options.peers, ownCache()))
                progress.advance(task)
    return answers


def growthMeasured(options, progress):
    """Depth -> an answer of ours."""
    cases = [replace(GROWTH, depth=depth) for depth in options.depths]
    task = progress.add_task("growth in depth", total=len(cases))
    found = {}
    for case in cases:
        found[case.depth] = measured(OURS, case, options.peers, ownCache())
        progress.advance(task)
    return found


# --- Showing -------------------------------------------------------------------------------------


def caseTable(answers):
    """A case: the sides' medians, and ratios to ours taken turn by turn."""
    headings = ("side", "s", "fastest s", "second network, s", "CPU s", "peak MB")
    headings += ("times ours", "times ours, second", "times ours, CPU")
    rows = []
    for side, turns in answers.items():
        first = [turn["first"]["seconds"] for turn in turns]
        cells = [_median(turns, "first", "seconds"), f"{min(first):.2f}"]
        cells += [_median(turns, "second", "seconds"), _median(turns, "first", "cpu")]
        cells += [_median(turns, "first", "megabytes", digits=0)]
        for network, what in (("first", "seconds"), ("second", "seconds"), ("first", "cpu")):
            cells += ["–" if side == OURS else _ratio(turns, answers[OURS], network, what)]
        rows.append([side, *cells])
    return headings, rows


def _median(turns, network, what, digits=2):
    if any(turn[network] is None for turn in turns):
        return "–"
    return f"{statistics.median(turn[network][what] for turn in turns):.{digits}f}"


def _ratio(theirs, ours, network, what):
    if any(turn[network] is None for turn in theirs):
        return "–"
    pairs = zip(theirs, ours, strict=True)
    return spread([their[network][what] / our[network][what] for their, our in pairs])


def growthTable(found):
    """Ours against depth: what a layer takes, and the memory."""
    headings = ("layers", "time", "a layer", "peak MB", "of it before the network, MB")
    rows = [
        [
            f"{depth:,}",
            inUnits(answer["second"]["seconds"]),
            inUnits(answer["second"]["seconds"] / depth),
            f"{answer['second']['megabytes']:.0f}",
            f"{answer['megabytes']:.0f}",
        ]
        for depth, answer in found.items()
    ]
    return headings, rows


def versionsOf(answers):
    """The versions of what was measured, one line a side."""
    lines = []
    for side in SIDES:
        words = next(iter(answers.values()))[side][0]
        versions = [f"{package} {version}" for package, version in words["versions"].items()]
        lines.append(f"{side}: Python {words['python']}, {', '.join(versions)}")
    return lines


def facts(answers, options):
    """What the numbers depend on."""
    return [
        f"{processor()}; {THREADS} threads on all sides; float32.",
        *versionsOf(answers),
        f"Medians of {options.turns} turns, of {CASES[-1].turns(options.turns)} for orthogonal "
        "weights. A ratio is taken in each turn; its median, and the quartiles in brackets. The "
        "peak is that of the process with its interpreter and libraries, up to the end of its "
        "first network. Theano's compile cache holds what is measured alone: it reads all that is "
        "there, and one that has served for long can be 150 MB.",
    ]


def reportOf(tables, lines):
    """The report in Markdown."""
    parts = ["# Streamed second moments", "`python benchmarks/propagation.py --report`", *lines]
    for title, table in tables.items():
        parts += [f"## {title}", markdown(*table)]
    return "\n\n".join(parts) + "\n"


# --- The command ---------------------------------------------------------------------------------


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--turns", type=int, default=5, help="processes of each side (default 5)")
    add("--depth", type=int, help="other than 1000 layers, for a quick look")
    add("--depths", type=int, nargs="*", default=[1000, 3000, 10_000], help="for growth in depth")
    add("--laws", nargs="+", default=[case.law for case in CASES], help="only these")
    add("--report", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    add("--peers", type=Path, default=PEERS, metavar="PYTHON", help="the Python that has PyTorch")
    options = parser.parse_args(arguments)
    if min([options.turns, options.depth or 1, *options.depths]) < 1:
        parser.error("turns and depths must be at least 1")
    if unknown := set(options.laws) - {case.law for case in CASES}:
        parser.error(f"unknown law {min(unknown)!r}: known are normal and orthogonal")
    if not options.peers.exists():
        parser.error(f"the peers' Python is not at {options.peers}: `make bench` installs it")
    return options


def main(arguments=None):
    options, console = parsed(arguments), Console()
    cases = [replace(case, depth=options.depth or case.depth) for case in CASES]
    cases = [case for case in cases if case.law in options.laws]
    with Progress(console=console, transient=True) as progress:
        answers = allMeasured(cases, options, progress)
        growth = growthMeasured(options, progress)
    tables = {str(case): caseTable(answers[case]) for case in cases}
    if growth:
        title = f"Growth in depth: {GROWTH.law}, width {GROWTH.width} x batch {GROWTH.batch}"
        tables[title] = growthTable(growth)
    lines = facts(answers, options)
    console.print(*lines, sep="\n", soft_wrap=True, markup=False, highlight=False)
    for title, table in tables.items():
        console.print(forTerminal(title, *table))
    if options.report:
        REPORT.write_text(reportOf(tables, lines), encoding="utf-8")
        console.print(f"Written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
