"""Workers that are ranks of MPI, (number) -> an executor of mpi4py.

mpiexec -n 64 python -m mpi4py.futures -m experiments sweep ... --cluster mpi
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lookslinear.errors import whole_number


class Ranks:
    """The ranks of one MPI job but for the first, which sweeps.

    Parameters
    ----------
    workers : int, optional
        Use so many of them at most.

    Raises
    ------
    ValueError
        If this is not the first rank of a job that `python -m mpi4py.futures` shares out, or the
        job has fewer ranks than are asked for.
    """

    def __init__(self, workers: int | None):
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor

        self._abort = MPI.COMM_WORLD.Abort
        self._count = _countOf(workers, MPI.COMM_WORLD.Get_size() - 1)
        self._executor = MPIPoolExecutor(initializer=_ignoreInterrupts)
        self.words = "ranks of MPI"

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Have a function called by some rank."""
        return self._executor.submit(function, *arguments)

    def count(self) -> int:
        """How many ranks work."""
        return self._count

    def room(self) -> int:
        """How many futures may be under way."""
        return self._count

    def isDeath(self, error: BaseException) -> bool:
        """Never: MPI ends the whole job with a rank, and the same command goes on with it."""
        return False

    def isLost(self) -> bool:
        """Never: who sweeps is a rank of the same job, and ends with it."""
        return False

    def end(self, atOnce: bool) -> None:
        """Let the ranks go, or end the job."""
        if atOnce:
            self._abort(130)
        self._executor.shutdown(wait=True)


def _countOf(workers: int | None, ranks: int) -> int:
    # Started otherwise, each rank would be a sweep of its own.
    if ranks < 1 or "mpi4py.futures" not in sys.orig_argv:
        raise ValueError(
            "cluster 'mpi' needs ranks of mpi4py.futures, at least two, the first of which sweeps. "
            "Start it by  mpiexec -n 64 python -m mpi4py.futures -m experiments sweep ..."
        )
    count = ranks if workers is None else whole_number(workers, "workers")
    if count > ranks:
        raise ValueError(
            f"workers must be at most {ranks}, the ranks of this MPI job but for the first, which "
            f"sweeps. Received: {count}."
        )
    return count


def _ignoreInterrupts() -> None:
    """In a rank that works: mpiexec may hand Ctrl-C to all ranks, and the first one answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
