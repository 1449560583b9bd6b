"""Where cells run, (words of the user) -> an executor as in concurrent.futures, and its limits.

Each kind of workers has `submit(function, *arguments)`, which gives a future; `count()`, how many
workers there are; `room()`, how many futures may be under way; `isDeath(error)`, whether a future
ended because its worker died; `isLost()`, whether all are gone; and `end(atOnce)`. None of them
schedules: that is left to the standard library, Dask and MPI.
"""

from __future__ import annotations

import importlib
import signal
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from lookslinear.errors import nearest

#: What `--cluster` takes beside an address, and the extra of this project that brings it.
EXTRAS = {
    "tcp": ("distributed", "cluster"),
    "slurm": ("dask_jobqueue", "jobqueue"),
    "pbs": ("dask_jobqueue", "jobqueue"),
    "kubernetes": ("dask_kubernetes", "kubernetes"),
    "mpi": ("mpi4py", "mpi"),
}
SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://")


class Workers(Protocol):
    """An executor as in concurrent.futures, with what a sweep must know of it besides."""

    words: str

    def submit(self, function: Any, *arguments: Any) -> Future:
        """Have a function called by a worker."""

    def count(self) -> int:
        """How many there are now."""

    def room(self) -> int:
        """How many futures may be under way."""

    def isDeath(self, error: BaseException) -> bool:
        """Whether a future ended because the process that worked on it did."""

    def isLost(self) -> bool:
        """Whether all workers are gone, so that nothing that is under way will ever end."""

    def end(self, atOnce: bool) -> None:
        """Let the workers go; at once, or when what is under way has ended."""


def workersOf(
    cluster: str | None, workers: int | None, threads: int, modules: Sequence[str]
) -> Workers:
    """The workers that were asked for: processes of this machine, unless a cluster is named.

    Parameters
    ----------
    cluster : str, optional
        tcp://HOST:PORT of a Dask scheduler, or slurm, pbs, kubernetes or mpi.
    workers : int, optional
        How many, of slurm, pbs and kubernetes how many jobs or pods. The default is what the cores
        of this machine allow, or all that a cluster has.
    threads : int
        BLAS and drawing threads of each.
    modules : sequence of str
        What each will need, imported before it is asked for.

    Raises
    ------
    ValueError
        For an unknown cluster, a scheduler that does not answer, jobs that cannot be submitted.
    ImportError
        If the package that a cluster needs is not there; names the extra.

    Examples
    --------
    >>> workersOf("slurn", None, 1, [])
    Traceback (most recent call last):
    ValueError: cluster must be the tcp://HOST:PORT of a Dask scheduler or one of slurm, pbs, \
kubernetes, mpi. Received: 'slurn'. Did you mean 'slurm'?
    """
    if cluster is None:
        from experiments.sweeps.processes import Processes

        return Processes(workers, threads, modules)
    kind = extraOf(cluster)
    if kind == "mpi":
        from experiments.sweeps.ranks import Ranks

        return Ranks(workers)
    if kind == "tcp":
        from experiments.sweeps.daskWorkers import DaskWorkers

        return DaskWorkers(cluster, workers)
    from experiments.sweeps.jobs import startedWorkers

    return startedWorkers(kind, workers, threads)


def extraOf(cluster: str) -> str:
    """What kind of cluster is meant, tcp, slurm, pbs, kubernetes or mpi; its package is there.

    Raises
    ------
    ValueError, ImportError
        As `workersOf` does.
    """
    kind = _kindOf(cluster)
    package, extra = EXTRAS[kind]
    try:
        _imported(package)
    except ImportError as error:
        raise ImportError(
            f"cluster {kind!r} needs {package.replace('_', '-')}, which cannot be imported "
            f"({error}). Install the extra: pip install 'looks-linear[{extra}]'"
        ) from error
    return kind


def _imported(package: str) -> None:
    """Import a package, and keep what Ctrl-C does: dask_jobqueue makes it end the process."""
    handler = signal.getsignal(signal.SIGINT)
    importlib.import_module(package)
    if signal.getsignal(signal.SIGINT) is not handler:
        signal.signal(signal.SIGINT, handler)


def _kindOf(cluster: str) -> str:
    if cluster.startswith(SCHEMES):
        return "tcp"
    names = [name for name in EXTRAS if name != "tcp"]
    if cluster not in names:
        raise ValueError(
            f"cluster must be the tcp://HOST:PORT of a Dask scheduler or one of "
            f"{', '.join(names)}. Received: {cluster!r}.{nearest(cluster, names)}"
        )
    return cluster
