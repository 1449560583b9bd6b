"""Workers of this machine, (number, threads) -> processes, each a pool of the standard library.

One pool of one process each, not one of many: a pool whose process is killed fails all that it was
given, and does not say which cell was at work. So a killed worker takes one cell with it, and the
next cell finds a new process.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, forkserver
from typing import Any

from threadpoolctl import threadpool_limits

from lookslinear.errors import whole_number
from lookslinear.sampling import set_num_threads
from lookslinear.sampling.threads import VARIABLES, usable_cores

#: What says to libraries that are yet to be loaded how many threads they may start.
THREAD_VARIABLES = (*VARIABLES, "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: Two workers may wait for one another's compilations: as long as it takes.
LOCK_SECONDS = 3600


class Processes:
    """Processes of this machine, forked from one that has imported `modules` already.

    Examples
    --------
    >>> workers = Processes(1, 1, [])
    >>> workers.submit(divmod, 7, 2).result(), workers.room()
    ((3, 1), 1)
    >>> workers.end(atOnce=False)
    """

    def __init__(self, workers: int | None, threads: int, modules: Sequence[str]):
        threads = whole_number(threads, "threads")
        self._count = self.countOf(workers, threads)
        self._threads = threads
        self.words = "processes of this machine"
        self._context = multiprocessing.get_context(_startForkserver(modules, threads))
        self._free = [self._pool() for _ in range(self._count)]
        self._pools = set(self._free)

    @staticmethod
    def countOf(workers: int | None, threads: int) -> int:
        """How many processes are meant: None stands for what the cores allow."""
        default = max(1, usable_cores() // threads)
        return default if workers is None else whole_number(workers, "workers")

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Have a function called by a process that is free; there must be one."""
        pool = self._free.pop()
        try:
            future = pool.submit(function, *arguments)
        except BrokenProcessPool:  # killed while it waited
            pool = self._replaced(pool)
            future = pool.submit(function, *arguments)
        future.add_done_callback(lambda done: self._release(pool, done))
        return future

    def count(self) -> int:
        """How many processes there are."""
        return self._count

    def room(self) -> int:
        """How many futures may be under way: one a process, so that none waits behind another."""
        return self._count

    def isDeath(self, error: BaseException) -> bool:
        """Whether the process died that worked on it."""
        return isinstance(error, BrokenProcessPool)

    def isLost(self) -> bool:
        """Never: who sweeps is their parent."""
        return False

    def end(self, atOnce: bool) -> None:
        """Let the processes end, or end them."""
        if atOnce:
            for pool in list(self._pools):  # the pools' own kill_workers is of Python 3.14
                for process in list((pool._processes or {}).values()):
                    process.kill()
        for pool in list(self._pools):
            pool.shutdown(wait=True, cancel_futures=True)

    def _release(self, pool: ProcessPoolExecutor, done: Future) -> None:
        isBroken = not done.cancelled() and isinstance(done.exception(), BrokenProcessPool)
        self._free.append(self._replaced(pool) if isBroken else pool)

    def _replaced(self, pool: ProcessPoolExecutor) -> ProcessPoolExecutor:
        pool.shutdown(wait=False)
        self._pools.discard(pool)
        fresh = self._pool()
        self._pools.add(fresh)
        return fresh

    def _pool(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=self._context, initializer=_begin, initargs=(self._threads,)
        )


def _startForkserver(modules: Sequence[str], threads: int) -> str:
    """Have what workers need imported once, with one thread, and deaf to Ctrl-C; how to start."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return "spawn"
    forkserver.set_forkserver_preload([__name__, *modules, *_ofMain()])
    flags = f"compile__timeout={LOCK_SECONDS},{os.environ.get('THEANO_FLAGS', '')}".rstrip(",")
    # Before Python 3.13 the server looks for modules by its own path alone, and says nothing.
    path = os.pathsep.join([*map(str, filter(None, sys.path)), os.environ.get("PYTHONPATH", "")])
    variables = dict.fromkeys(THREAD_VARIABLES, str(threads))
    variables |= {"THEANO_FLAGS": flags, "PYTHONPATH": path.rstrip(os.pathsep)}
    with _environment(variables), _deaf():
        forkserver.ensure_running()
    return "forkserver"


def _ofMain() -> list[str]:
    """What the installed command imports, which each worker reads as a script; `-m` it does not."""
    isScript = getattr(sys.modules["__main__"], "__spec__", None) is None
    return [name for name in ("experiments.commands",) if isScript and name in sys.modules]


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Children that are started now ignore Ctrl-C, which a terminal sends to all of them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _begin(threads: int) -> None:
    """In a new worker: its threads, no Ctrl-C, and an end with the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    set_num_threads(threads)
    threadpool_limits(limits=threads)
    threading.Thread(target=_endWithParent, daemon=True).start()


def _endWithParent() -> None:
    # A pool's process holds both ends of its pipe, and would wait for work for ever.
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
