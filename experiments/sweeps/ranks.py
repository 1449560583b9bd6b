"""Workers that are ranks of MPI, (number) -> an executor of mpi4py.

mpiexec -n 64 python -m mpi4py.futures -m experiments sweep ... --cluster mpi
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lookslinear.errors import whole_number


class Ranks:
    """The ranks of one MPI job but for the first, which sweeps."""

    def __init__(self, workers: int | None):
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor

        self._abort = MPI.COMM_WORLD.Abort
        started = MPI.COMM_WORLD.Get_size() - 1
        self._count = whole_number(workers or started or 1, "workers")
        self._executor = MPIPoolExecutor(self._count)
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
        """Never: who sweeps is their parent."""
        return False

    def end(self, atOnce: bool) -> None:
        """Let the ranks go, or end the job."""
        if atOnce:
            self._abort(130)
        self._executor.shutdown(wait=True)
