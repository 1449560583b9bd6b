"""Workers of a Dask cluster, (address or cluster) -> futures of its scheduler."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import distributed

#: How long a scheduler may take to answer.
ANSWER_SECONDS = 10
#: How old the number of workers may be; and how old while there are none, who may come any time.
COUNT_SECONDS, NONE_SECONDS = 5, 0.5
#: Tasks under way for each thread of the cluster: a second one waits while the first one computes.
AHEAD = 2


class DaskWorkers:
    """All workers of a Dask scheduler, through its futures.

    Not through `Client.get_executor`: when its scheduler dies, its futures never end.

    Parameters
    ----------
    cluster : str or distributed.deploy.Cluster
        The address of a scheduler, or a cluster that was started for this sweep and ends with it.
    most : int, optional
        Use so many threads of it at most.
    tend : () -> None, optional
        What keeps such a cluster as large as it was asked for, called now and then.

    Raises
    ------
    ValueError
        If the scheduler does not answer within ten seconds.
    """

    def __init__(
        self, cluster: Any, most: int | None = None, tend: Callable[[], None] | None = None
    ):
        self._cluster = None if isinstance(cluster, str) else cluster
        self._client, self._most, self._tend = _connected(cluster), most, tend
        self._theirs: dict[Future, distributed.Future] = {}
        self._due = self._threads = 0
        self.words = f"threads of Dask's scheduler {self._client.scheduler.address}"

    def submit(self, function: Callable, *arguments: Any) -> Future:
        """Have a function called by some worker."""
        ours, theirs = Future(), self._client.submit(function, *arguments, pure=False)
        self._theirs[ours] = theirs  # the scheduler forgets what nobody holds
        ours.add_done_callback(self._theirs.pop)
        theirs.add_done_callback(lambda done: _settle(ours, done))
        return ours

    def count(self) -> int:
        """How many threads work, by what the scheduler has said in the last seconds."""
        if time.monotonic() > self._due and self._client.status == "running":
            if self._tend is not None:
                self._tend()
            self._threads = sum(self._client.nthreads().values())
            self._due = time.monotonic() + (COUNT_SECONDS if self._threads else NONE_SECONDS)
        return min(self._threads, self._most or self._threads)

    def room(self) -> int:
        """How many futures may be under way: twice as many as there are threads, at least one."""
        return max(1, AHEAD * self.count())

    def isDeath(self, error: BaseException) -> bool:
        """Whether several workers died of it: Dask gives it to another one three times."""
        import distributed

        return isinstance(error, distributed.KilledWorker)

    def isLost(self) -> bool:
        """Whether the scheduler is gone, and with it all that was under way."""
        return self._client.status not in ("running", "connecting")

    def end(self, atOnce: bool) -> None:
        """Forget what is under way, and end a cluster that was started for this sweep."""
        if atOnce:
            self._client.cancel(list(self._theirs.values()), force=True)
        self._client.close(timeout=ANSWER_SECONDS)
        if self._cluster is not None:
            self._cluster.close()


def _settle(ours: Future, theirs: distributed.Future) -> None:
    """End a future as Dask's has ended."""
    try:
        result = theirs.result(timeout=ANSWER_SECONDS)
    except BaseException as error:
        ours.set_exception(error)
    else:
        ours.set_result(result)


def _connected(cluster: Any) -> distributed.Client:
    import distributed

    try:
        return distributed.Client(cluster, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ValueError(
            f"the scheduler {cluster} did not answer within {ANSWER_SECONDS} s. Start one with "
            f"`dask scheduler`, or give the address that it prints."
        ) from error
