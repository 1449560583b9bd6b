"""Dask clusters on this machine, started as a user starts them, for benchmarks and tests."""

import json
import os
import signal
import subprocess
import sys
import time


class Dask:
    """A scheduler and its workers of one thread each; use it in a `with`.

    Parameters
    ----------
    file : pathlib.Path
        Where the scheduler writes its address.
    workers : int
        How many.
    """

    def __init__(self, file, workers):
        self.file, self._count, self._processes = file, workers, []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *raised):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()

    def start(self):
        """Start a scheduler, and workers that know it."""
        self.file.unlink(missing_ok=True)
        self._run("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
        while not (self.file.exists() and self.file.stat().st_size):
            time.sleep(0.02)
        self.scheduler, self.address = (
            self._processes[-1],
            json.loads(self.file.read_text())["address"],
        )
        self.nannies = [self._run("dask_worker", "--nthreads", "1") for _ in range(self._count)]

    def _run(self, module, *options):
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--no-dashboard",
                   "--scheduler-file", str(self.file), *options]  # fmt: skip
        self._processes.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        return self._processes[-1]


def killWorker(nanny):
    """Kill -9 the worker that a nanny looks after."""
    for pid in descendants(nanny.pid):
        os.kill(pid, signal.SIGKILL)


def descendants(pid):
    """The processes that a process has started, and those that these have."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        found = [int(word) for word in file.read().split()]
    return found + [one for child in found for one in descendants(child)]
