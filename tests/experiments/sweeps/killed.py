"""Sweeps that are killed at random moments, and end as if they had not been.

    python -m tests.experiments.sweeps.killed 50

kills so many sweeps on one store, each of which goes on from what the one before has left, lets one
finish, and compares all bits. It also counts how often each cell was begun: what is finished is
never begun again.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console

from experiments.conducting import UsageError
from tests.experiments.sweeps.comparing import contentOf, swept

CELLS, SECONDS = 80, 0.02


def sweepOf(root, cells=CELLS, seconds=SECONDS, **options):
    """Sweep, or go on; the exit status."""
    grid = (f"seconds={seconds}", f"log={logOf(root)}")
    return swept(root, *grid, seeds=int(cells), **options)


def serve(root, cells, seconds, cluster=None):
    """Be a process that sweeps and may be killed."""
    consoles = {"console": _Said(Console()), "errors": _Said(Console(stderr=True))}
    try:
        sys.exit(sweepOf(root, cells, seconds, cluster=cluster, **consoles))
    except UsageError as error:
        sys.exit(f"error: {error}")


class _Said:
    def __init__(self, console):
        self.console = console


def start(root, cells=CELLS, seconds=SECONDS, cluster=(), launcher=(sys.executable,), **options):
    """A process that sweeps; it is about to hand out its first cell."""
    command = [*launcher, "-m", __spec__.name, "--serve", root, cells, seconds, *cluster]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        **options,
    )  # fmt: skip
    assert process.stdout.readline().startswith("stand-in: "), process.communicate()
    return process


def storedIn(root):
    """The files of all stored cells, with the times of their last change."""
    return {path: path.stat().st_mtime_ns for path in Path(root).glob("cells/*/*/*")}


def killedOnce(root, moment, fromFirstCell=True):
    """Let a sweep work for a while and kill it; whether it was at work, with nothing lost.

    The moment counts from the first cell, or from when workers are started.
    """
    before, process = storedIn(root), start(root)
    size = sizeOf(logOf(root))
    while fromFirstCell and sizeOf(logOf(root)) == size and process.poll() is None:
        time.sleep(0.005)
    time.sleep(moment)
    process.kill()
    wasAtWork = not process.communicate()[0]
    after = storedIn(root)
    assert before.items() <= after.items(), "a finished cell was lost or run again"
    return wasAtWork


def begun(root):
    """How often each cell was begun."""
    return Counter(logOf(root).read_text().splitlines())


def logOf(root):
    """Where the cells of a sweep write that they are begun."""
    return Path(root).parent / "log.txt"


def sizeOf(path):
    """The size of a file, 0 if it is not there."""
    return path.stat().st_size if path.exists() else 0


def finished(root):
    """Let a sweep finish; its content."""
    assert sweepOf(root) == 0
    return contentOf(root)


def disturbed(folder, moments):
    """Kill sweeps of one store at some moments, then finish it; content, kills, cells begun."""
    root = Path(folder) / "sweep"
    kills = sum([killedOnce(root, one, index % 4 < 3) for index, one in enumerate(moments)])
    return finished(root), kills, begun(root)


def main(count):
    """Kill, go on, compare, and print what happened."""
    folder = Path(tempfile.mkdtemp())
    began = time.perf_counter()
    expected = finished(folder / "sweep")
    seconds = time.perf_counter() - began
    work = CELLS * SECONDS / 2
    shutil.rmtree(folder)
    folder.mkdir()
    moments = np.random.default_rng().uniform(0, 2 * work / count, size=count)
    content, kills, starts = disturbed(folder, moments)
    again = sum(starts.values()) - CELLS
    print(f"{kills} of {count} killed, an undisturbed sweep takes {seconds:.1f} s; {again} of "
          f"{CELLS} cells were begun again;",
          "the same bits" if content == expected else "OTHER BITS")  # fmt: skip
    shutil.rmtree(folder)


if __name__ == "__main__":
    serve(*sys.argv[2:]) if sys.argv[1] == "--serve" else main(int(sys.argv[1]))
