"""What a cell of a sweep costs: efficiency, overhead, bytes, and milliseconds of each part.

    PYTHONPATH=. python benchmarks/sweeps.py

sweeps `log-norm` in a folder of its own and writes benchmarks/results/sweeps.md. One worker and two
take turns, so that whatever else the machine does meets both. Workers have run a cell of each kind
before a clock starts: what starting and compiling takes is told apart.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import os
import pickle
import platform
import shutil
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path

from rich.console import Console

from clusters import Dask
from comparisons import quartiles
from experiments import load
from experiments.registry import EXPERIMENTS
from experiments.running import writeRun
from experiments.sweeps.cells import configOf
from experiments.sweeps.grid import axesOf, gridOf
from experiments.sweeps.index import FILE, Index
from experiments.sweeps.origins import origin
from experiments.sweeps.processes import Processes
from experiments.sweeps.running import Runner
from experiments.sweeps.store import Store
from experiments.sweeps.sweeping import Missing
from experiments.sweeps.work import Outcome, Task, measure, runCell
from tables import markdown
from workers import ROOT, processor

REPORT = ROOT / "benchmarks" / "results" / "sweeps.md"
EXPERIMENT = EXPERIMENTS["log-norm"]
MODULES = ("experiments.logNorm", "experiments.sweeps.work")
#: A cell of about a second, and one of a few milliseconds.
LONG = ("arm=heNormal/relu", "size=64x64", "replicates=80")
TINY = ("arm=heNormal/relu", "size=2x8", "replicates=2")


# --- Cells and workers ---------------------------------------------------------------------------


def cellsOf(grid, count, first=0):
    """So many cells, which differ by their seeds."""
    seeds = range(first, first + count)
    return list(gridOf(EXPERIMENT, {**axesOf(grid), "seed": list(seeds)}).cells())


def run(folder, workers, cells):
    """Seconds of wall clock that workers take for some cells, all of them stored."""
    store = Store(folder).claimFor(EXPERIMENT.name)
    runner = Runner(
        store,
        lambda cell: Task(str(store.root), EXPERIMENT, cell, 1),
        workers,
        lambda cell, outcome: None,
        lambda: False,
    )
    began = time.perf_counter()
    tally = runner.run(cells)
    seconds = time.perf_counter() - began
    if tally.failed or tally.ended["stored"] != len(cells):
        raise SystemExit(f"a sweep failed: {tally}")
    return seconds


@contextlib.contextmanager
def warm(count, *grids):
    """Processes that have run a cell of each grid; and the seconds that this took."""
    began = time.perf_counter()
    workers = Processes(count, 1, MODULES)
    try:
        for grid in grids:
            (cell,) = cellsOf(grid, 1)
            futures = [
                workers.submit(measure, EXPERIMENT, cell.fields, 1) for _ in range(workers.room())
            ]
            for future in futures:
                future.result()
        yield workers, time.perf_counter() - began
    finally:
        workers.end(atOnce=False)


# --- What is measured ----------------------------------------------------------------------------


def efficiency(folder, options):
    """Seconds on one worker over those on two, turn by turn; the median seconds of a cell."""
    ratios = []
    with warm(1, LONG) as (one, _), warm(2, LONG) as (two, started):
        for turn in range(options.turns):
            cells = cellsOf(LONG, options.cells)
            alone, both = (
                run(folder / f"long-{turn}-{workers.room()}", workers, cells)
                for workers in (one, two)
            )
            ratios.append(alone / both)
            print(f"one worker {alone:.2f} s, two {both:.2f} s", flush=True)
    return {"ratios": ratios, "seconds": alone / options.cells, "started": started}


def overhead(folder, options):
    """Milliseconds of a tiny cell on one worker, less those of computing it there."""
    with warm(1, TINY, TINY) as (workers, _):
        (cell,) = cellsOf(TINY, 1)
        arguments = measure, EXPERIMENT, cell.fields, 1
        efforts = [workers.submit(*arguments).result().seconds for _ in range(50)]
        seconds = run(folder / "tiny", workers, cellsOf(TINY, options.tiny, first=1))
    computing = statistics.median(efforts)
    return {"computing": 1e3 * computing, "all": 1e3 * seconds / options.tiny}


def store(folder, options):
    """Milliseconds and bytes of a cell at the store, and seconds to read all of them."""
    kept, cells = Store(folder / "many").claimFor(EXPERIMENT.name), cellsOf(TINY, options.many)
    plan = EXPERIMENT.prepare(configOf(EXPERIMENT.Config, cells[0].fields))
    result, started = EXPERIMENT.run(plan), datetime.datetime.now(datetime.timezone.utc)

    def keep(cell):
        facts = {"cell": cell.key, **origin(), "threads": 1, "process": os.getpid()}
        config = configOf(EXPERIMENT.Config, cell.fields)
        with kept.claim(cell.key):
            kept.keep(
                cell.key,
                lambda place: writeRun(place, EXPERIMENT.name, config, result, started, **facts),
            )

    writing = timed(lambda: [keep(cell) for cell in cells])
    first, again = timed(lambda: load(kept.root)), timed(lambda: load(kept.root))

    def missing():
        with Index(kept) as index:
            grid = gridOf(EXPERIMENT, axesOf(TINY), seeds=options.many)
            return Missing(grid, index.refresh().keys(), set())

    looking = timed(missing)
    files = [path.stat() for path in kept.folderOf(cells[0].key).iterdir()]
    return {
        "writing": 1e3 * writing / options.many,
        "first": first,
        "again": again,
        "looking": looking,
        "bytes": sum(one.st_size for one in files),
        "disk": sum(one.st_blocks * 512 for one in files) + 4096,
        "files": len(files),
        "index": (kept.root / FILE).stat().st_size / options.many,
    }


def timed(work):
    """Seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def client(folder, options):
    """Bytes and microseconds of a cell at the process that sweeps."""
    grid = gridOf(EXPERIMENT, axesOf(TINY), seeds=options.many)
    naming = timed(lambda: sum(1 for _ in grid.cells()))
    tracemalloc.start()
    keys = {cell.key for cell in grid.cells()}
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    task = Task(str(folder), EXPERIMENT, next(grid.cells()), 1)
    outcome = Outcome(task.cell.key, "stored", 1.0, origin=origin()["code"])
    return {
        "naming": 1e6 * naming / options.many,
        "held": held / len(keys),
        "task": len(pickle.dumps((runCell, task))),
        "outcome": len(pickle.dumps(outcome)),
    }


def scheduler(folder, options):
    """Milliseconds of a task that does nothing at Dask's scheduler, and at the client."""
    from experiments.sweeps.daskWorkers import DaskWorkers

    with Dask(folder / "scheduler.json", 1) as cluster:
        workers = DaskWorkers(cluster.address)
        while not workers.count():
            time.sleep(0.1)
            workers._due = 0
        task = Task("nowhere", EXPERIMENT, cellsOf(TINY, 1)[0], 1)
        dask = [workers.submit(pickle.dumps, task) for _ in range(20)]
        [future.result() for future in dask]
        busy, own, began = cpuOf(cluster.scheduler.pid), time.process_time(), time.perf_counter()
        for _ in range(options.tasks // 20):
            futures = [workers.submit(pickle.dumps, task) for _ in range(20)]
            [future.result() for future in futures]
        wall = time.perf_counter() - began
        busy, own = cpuOf(cluster.scheduler.pid) - busy, time.process_time() - own
        workers.end(atOnce=False)
    each = 1e3 / options.tasks
    return {"scheduler": busy * each, "client": own * each, "wall": wall * each}


def cpuOf(pid):
    """Seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- What is said --------------------------------------------------------------------------------


def goalRows(found, options):
    """What was to be reached, and whether it was."""
    ratios = found["efficiency"]["ratios"]
    low, high = quartiles(ratios)
    extra = found["overhead"]["all"] - found["overhead"]["computing"]
    reading = found["store"]["first"]
    goals = (
        (f"efficiency on two workers, cells of {found['efficiency']['seconds']:.1f} s",
         statistics.median(ratios), f"{statistics.median(ratios):.2f} [{low:.2f}, {high:.2f}]",
         "at least 1.8", lambda value: value >= 1.8),
        ("overhead of a cell, store included", extra, f"{extra:.1f} ms", "below 20 ms",
         lambda value: value < 20),
        (f"index and load of {options.many:,} tiny cells", reading, f"{reading:.2f} s",
         "below 5 s", lambda value: value < 5),
    )  # fmt: skip
    headings = ("work", "measured", "goal", "met")
    return headings, [
        (what, told, goal, "yes" if isMet(value) else "**no**")
        for what, value, told, goal, isMet in goals
    ]


def costRows(found):
    """What each part takes of time and room, a cell."""
    stored, asked = found["store"], found["client"]
    rows = [
        ("client: name a cell, to see whether it is stored", f"{asked['naming']:.0f} µs"),
        ("client: memory, while a sweep runs", f"{asked['held']:.0f} bytes"),
        ("client to worker: a task", f"{asked['task']} bytes"),
        ("worker to client: an outcome", f"{asked['outcome']} bytes"),
        ("store: write a tiny cell", f"{stored['writing']:.2f} ms"),
        ("store: a tiny cell", f"{stored['bytes']:.0f} bytes in {stored['files']} files"),
        ("store: on the disk", f"{stored['disk']:.0f} bytes"),
        ("index: a tiny cell", f"{stored['index']:.0f} bytes"),
        ("index: made from the folders, and loaded", perCell(stored["first"], found)),
        ("index: brought in line and loaded", perCell(stored["again"], found)),
        ("resume: find what is missing", perCell(stored["looking"], found)),
        ("a tiny cell: compute it", f"{found['overhead']['computing']:.1f} ms"),
        ("a tiny cell: all of it, one worker", f"{found['overhead']['all']:.1f} ms"),
    ]
    for name, words in (("scheduler", "Dask's scheduler: processor time of a task"),
                        ("client", "client of Dask: processor time of a task"),
                        ("wall", "Dask, one worker: a task that does nothing")):  # fmt: skip
        if "scheduler" in found:
            rows.append((words, f"{found['scheduler'][name]:.2f} ms"))
    return ("work", "a cell"), rows


def perCell(seconds, found):
    """Seconds of all cells as those of one."""
    return f"{1e6 * seconds / found['many']:.0f} µs"


def reportOf(found, options):
    """The report, in Markdown."""
    packages = ("numpy", "pandas", "distributed")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    started = found["efficiency"]["started"]
    return "\n\n".join([
        "# What a cell of a sweep costs",
        "`make bench-sweep`",
        f"Python {platform.python_version()}, {versions}, {platform.system()}",
        processor(),
        markdown(*goalRows(found, options)),
        f"Efficiency is seconds on one worker over those on two, {options.turns} turns of "
        f"{options.cells} cells; brackets hold quartiles. Two workers take {started:.1f} s to "
        f"start, import and run a first cell, which is not counted. Overhead is what a tiny cell "
        f"takes on one worker, of {options.tiny}, less the median of computing it there. The "
        f"{options.many:,} cells differ in their seeds; a fresh index is made from their folders.",
        markdown(*costRows(found)),
        "Bytes are those of `log-norm` with 2 layers of 8 units, most of them the arrays of its "
        "figure. The disk gives whole blocks of 4096 bytes.",
    ]) + "\n"  # fmt: skip


def parsed(arguments=None):
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--turns", type=int, default=5, help="of one worker and of two (default 5)")
    add("--cells", type=int, default=8, help="of a second, in a turn (default 8)")
    add("--tiny", type=int, default=300, help="cells whose overhead is measured (default 300)")
    add("--many", type=int, default=10_000, help="cells to be stored and read (default 10,000)")
    add("--tasks", type=int, default=2000, help="that go through Dask; 0 for none (default 2000)")
    add("--no-report", action="store_true", help="print, and write nothing")
    options = parser.parse_args(arguments)
    if min(options.turns, options.cells, options.tiny, options.many) < 1 or options.tasks < 0:
        parser.error("numbers must be at least 1, of tasks at least 0")
    return options


def measured(folder, options):
    """All that is measured, by what measures it."""
    parts = [efficiency, overhead, store, client, *([scheduler] if options.tasks else [])]
    found = {"many": options.many}
    for part in parts:
        found[part.__name__] = part(folder, options)
        print(part.__name__, found[part.__name__], flush=True)
    return found


def main():
    options = parsed()
    folder = Path(tempfile.mkdtemp())
    try:
        report = reportOf(measured(folder, options), options)
    finally:
        shutil.rmtree(folder)
    Console(width=120).print(report, markup=False, highlight=False)
    if not options.no_report:
        REPORT.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
