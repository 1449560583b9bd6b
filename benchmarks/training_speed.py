"""How fast networks are trained and compiled, beside plain Theano and PyTorch.

    python benchmarks/training_speed.py

measures a training step of a deep CReLU convolutional net on all sides, what the trainer adds to a
bare compiled function, and the time to compile against depth, and prints tables; `--report` writes
them to benchmarks/results/training.md. Sides are processes that take turns (A B C D A B ...), and
ratios are taken turn by turn.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from building import KINDS
from steps import SIDES, THREADS
from tables import forTerminal, inUnits, markdown, spread
from theano_speed import WIDTHS
from workers import ROOT, Worker, processor

REPORT = ROOT / "benchmarks" / "results" / "training.md"
STORE = ROOT / "build" / "training-benchmark.json"
PEERS = ROOT / ".venv-bench" / "bin" / "python"
OURS, PEER = list(SIDES)[:2]
PARTS = ("steps", "overhead", "compiling")
#: Layers and samples of the dense nets that the trainer's share is measured on, and the updates.
SIZES = ((2, 64, 400), (8, 64, 300), (16, 256, 100), (32, 1024, 20))
#: How far losses may lie apart after the same updates, relative to them.
SAME = 1e-3


# --- Measuring -----------------------------------------------------------------------------------


def sidesStarted(options):
    """Side -> its process and its first words; they start one after the other."""
    file, workers, words = Path(__file__).with_name("steps.py"), {}, {}
    for side in SIDES:
        python = options.peers if side == PEER else sys.executable
        workers[side] = Worker([python, file, side, options.depth, options.batch])
        words[side] = workers[side].read()
    return workers, words


def stepsMeasured(options, progress):
    """Side -> what it is made of, and its answers, one a turn."""
    task = progress.add_task("training steps", total=options.turns)
    workers, words = sidesStarted(options)
    answers = {side: [] for side in SIDES}
    for _ in range(options.turns):
        for side, worker in workers.items():
            answers[side].append(worker.ask(options.steps))
        losses = [answers[side][-1]["loss"] for side in SIDES]
        if max(losses) - min(losses) > SAME * max(losses):
            raise SystemExit(f"the sides train differently: losses {losses}")
        progress.advance(task)
    for worker in workers.values():
        worker.close()
    return {side: {**words[side], "turns": answers[side]} for side in SIDES}


def overheadMeasured(options, progress):
    """For each size the answers, one a turn: seconds of a step, bare and by `fit`."""
    task = progress.add_task("the trainer's share", total=len(SIZES) * (1 + options.turns))
    worker = Worker([sys.executable, Path(__file__).with_name("overhead.py")])
    worker.read()
    found = []
    for size in SIZES:
        question = dict(zip(("depth", "batch", "steps"), size, strict=True))
        turns = []
        for _ in range(1 + options.turns):  # the first one compiles
            turns.append(worker.ask(question))
            progress.advance(task)
        found.append({**question, "turns": turns[1:]})
    worker.close()
    return found


def compilingMeasured(options, progress):
    """Kind and depth -> an answer of a fresh process; the first round fills Theano's cache."""
    file, found = Path(__file__).with_name("building.py"), []
    task = progress.add_task("compiling", total=len(KINDS) * (1 + len(options.depths)))
    for kind in KINDS:
        for depth in [min(options.depths), *options.depths]:
            worker = Worker([sys.executable, file, kind, depth])
            found.append({"kind": kind, "depth": depth, **worker.read()})
            worker.close()
            progress.advance(task)
        del found[-1 - len(options.depths)]
    return found


MEASURED = dict(zip(PARTS, (stepsMeasured, overheadMeasured, compilingMeasured), strict=True))


# --- Showing -------------------------------------------------------------------------------------


def stepTable(found):
    """A step on all sides: medians, and ratios to ours turn by turn; the two peaks of memory."""
    headings = ("side", "a step", "fastest", "times ours", "CPU a step", "times ours, CPU")
    headings += ("peak MB", "built and compiled, s")
    rows, ours = [], found[OURS]["turns"]
    for side, words in found.items():
        turns = words["turns"]
        cells = [side, inUnits(_median(turns, "seconds"))]
        cells += [inUnits(min(turn["seconds"] for turn in turns)), _ratio(turns, ours, "seconds")]
        cells += [inUnits(_median(turns, "cpu")), _ratio(turns, ours, "cpu")]
        rows.append([*cells, f"{turns[-1]['megabytes']:.0f}", f"{words['built']:.1f}"])
    return headings, rows


def _median(turns, what):
    return statistics.median(turn[what] for turn in turns)


def _ratio(turns, ours, what):
    if turns is ours:
        return "–"
    return spread([one[what] / our[what] for one, our in zip(turns, ours, strict=True)])


def overheadTable(found):
    """What `fit` adds to the bare function, of the clock and of all cores."""
    headings = ("dense layers", "batch", "bare step", "`fit` adds", "% of the time", "% of the CPU")
    rows = []
    for size in found:
        turns = size["turns"]
        bare = statistics.median(turn["bare"][0] for turn in turns)
        added = statistics.median(turn["fit"][0] - turn["bare"][0] for turn in turns)
        shares = [
            spread([100 * (turn["fit"][which] / turn["bare"][which] - 1) for turn in turns])
            for which in (0, 1)
        ]
        sign = "-" if added < 0 else ""
        cells = [f"{size['depth']}", f"{size['batch']}", inUnits(bare)]
        rows.append([*cells, f"{sign}{inUnits(abs(added))}", *shares])
    return headings, rows


def compileTable(found):
    """Compiling against depth: a layer's share stays where time is in proportion to depth."""
    headings = ("net", "layers", "build", "compile", "compile, a layer", "peak MB")
    rows = [
        [
            one["kind"], f"{one['depth']}", inUnits(one["built"]), inUnits(one["compiled"]),
            inUnits(one["compiled"] / one["depth"]), f"{one['megabytes']:.0f}",
        ]
        for one in found
    ]  # fmt: skip
    return headings, rows


TABLES = {
    "steps": ("A training step: {depth} convolutions, batch {batch}", stepTable),
    "overhead": ("What the trainer adds", overheadTable),
    "compiling": ("Compiling a training step for batches of any size, warm cache", compileTable),
}
WORDS = {
    "steps": "Images of 3 x 32 x 32, four sections of {widths} filters, each but the first halving "
    "the image, CReLU behind each, a classifier; SGD; float32. All sides compute the same losses "
    "from the same weights; ours goes through `layers` and the step of `training`, for batches of "
    "any size, plain Theano for this one. Medians of {turns} turns of {steps} steps; ratios are "
    "taken in each turn, brackets hold quartiles.",
    "overhead": "Bare is a compiled function of loss and SGD update, on slices; `fit` shuffles, "
    "sums loss and accuracy up, watches for NaN and keeps good weights besides. Medians of {turns} "
    "turns, quartiles in brackets.",
    "compiling": "A fresh process each. Residual nets have two convolutions a block.",
}


def sections(stored):
    """The measured parts, (title, words, table)."""
    for part, (title, tableOf) in TABLES.items():
        if part in stored:
            facts = {**stored[part]["options"], "widths": WIDTHS}
            table = tableOf(stored[part]["found"])
            yield title.format(**facts), WORDS[part].format(**facts), table


def versionsOf(stored):
    """The machine, and of each side what it is made of."""
    lines = [f"{processor()}; {THREADS} threads on all sides."]
    for side, words in stored.get("steps", {"found": {}})["found"].items():
        versions = ", ".join(f"{package} {one}" for package, one in words["versions"].items())
        lines.append(f"{side}: Python {words['python']}, {versions}.")
    return lines


def reportOf(stored):
    """The report in Markdown."""
    parts = ["# The speed of training", "`python benchmarks/training_speed.py --report`"]
    parts += versionsOf(stored)
    for title, words, table in sections(stored):
        parts += [f"## {title}", words, markdown(*table)]
    return "\n\n".join(parts) + "\n"


# --- The command ---------------------------------------------------------------------------------


def parsed(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--only", nargs="+", default=PARTS, choices=PARTS, help="parts; others stay as stored")
    add("--depth", type=int, default=48, help="convolutions of the net that trains (default 48)")
    add("--batch", type=int, default=64, help="images in a batch (default 64)")
    add("--steps", type=int, default=5, help="training steps in a turn (default 5)")
    add("--turns", type=int, default=9, help="turns of each side (default 9)")
    add("--depths", type=int, nargs="+", default=[12, 24, 48, 96, 200], help="to be compiled")
    add("--report", action="store_true", help=f"write {REPORT.relative_to(ROOT)}")
    add("--peers", type=Path, default=PEERS, metavar="PYTHON", help="the Python that has PyTorch")
    options = parser.parse_args(arguments)
    if min(options.batch, options.steps, options.turns) < 1:
        parser.error("batch, steps and turns must be at least 1")
    if any(n < 1 or n % len(WIDTHS) for n in (options.depth, *options.depths)):
        parser.error(f"depths must be multiples of {len(WIDTHS)}, the sections of the net")
    if "steps" in options.only and not options.peers.exists():
        parser.error(f"the peers' Python is not at {options.peers}: `make bench` installs it")
    return options


def main(arguments=None):
    options, console = parsed(arguments), Console()
    # Parts are measured apart where a machine is quiet for minutes only, and reported together.
    stored = json.loads(STORE.read_text()) if STORE.exists() else {}
    with Progress(console=console, transient=True) as progress:
        for part in options.only:
            facts = {name: getattr(options, name) for name in ("depth", "batch", "steps", "turns")}
            stored[part] = {"options": facts, "found": MEASURED[part](options, progress)}
    STORE.parent.mkdir(exist_ok=True)
    STORE.write_text(json.dumps(stored))
    console.print(*versionsOf(stored), sep="\n", soft_wrap=True, markup=False, highlight=False)
    for title, _, table in sections(stored):
        console.print(forTerminal(title, *table))
    if options.report:
        REPORT.write_text(reportOf(stored), encoding="utf-8")
        console.print(f"Written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
