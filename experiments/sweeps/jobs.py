"""Workers that are started for one sweep, (kind of cluster, jobs or pods) -> workers of Dask."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import dask
from dask.utils import parse_timedelta
from distributed import Status

from experiments.sweeps.daskWorkers import DaskWorkers
from lookslinear.errors import whole_number

if TYPE_CHECKING:
    import dask_jobqueue


def startedWorkers(kind: str, workers: int | None, threads: int) -> DaskWorkers:
    """Workers in jobs of slurm or pbs, or pods of kubernetes, that end with the sweep.

    Parameters
    ----------
    kind : str
        slurm, pbs or kubernetes.
    workers : int
        How many jobs or pods to ask for.
    threads : int
        Cores of a job for each of its workers.

    Raises
    ------
    ValueError
        Without a number of workers: jobs are asked for by number. If the user's configuration of
        Dask does not say what a job is, or none can be submitted.

    Examples
    --------
    >>> startedWorkers("slurm", None, 1)
    Traceback (most recent call last):
    ValueError: cluster 'slurm' needs workers: how many jobs to ask for.
    """
    if workers is None:
        raise ValueError(f"cluster {kind!r} needs workers: how many jobs to ask for.")
    number = whole_number(workers, "workers")
    if kind == "kubernetes":
        from dask_kubernetes.operator import KubeCluster

        return DaskWorkers(KubeCluster(name="looks-linear", n_workers=number))
    jobs = Jobs(_clusterOf(kind, threads), number)
    return DaskWorkers(jobs.cluster, tend=jobs.replaceEnded)


class Jobs:
    """So many jobs of a queue; one that ends, by its time limit or otherwise, is asked for again.

    Dask does the same by `adapt`, but for jobs of one process only.

    Parameters
    ----------
    cluster : dask_jobqueue.JobQueueCluster
        What submits jobs; it is closed if the first ones cannot be.
    number : int
        How many.
    """

    def __init__(self, cluster: dask_jobqueue.JobQueueCluster, number: int):
        self.cluster, self._number = cluster, number
        self._seen: dict[str, float] = {}
        try:
            cluster.sync(self._submitted)
        except (OSError, RuntimeError) as error:
            cluster.sync(self._dropped)
            cluster.close()
            reason = f"{error}".strip().splitlines()[-1]
            raise ValueError(f"jobs cannot be submitted: {reason}") from error

    def replaceEnded(self) -> None:
        """Ask again for jobs that had workers and have none for longer than Dask waits for one."""
        with suppress(OSError, RuntimeError):  # the queue does not answer: the next call asks it
            self.cluster.sync(self._replaced)

    async def _submitted(self) -> None:
        # Not by `scale`, which submits in the background, and only logs what goes wrong.
        while len(self.cluster.worker_spec) < self._number:
            self.cluster.worker_spec.update(self.cluster.new_worker_spec())
        await self.cluster

    async def _dropped(self) -> None:
        """Cancel what was submitted; Dask asserts that all are closed, which jobs do not note."""
        jobs = list(self.cluster.workers.values())
        await self.cluster.scale_down(list(self.cluster.worker_spec))
        for job in jobs:
            job.status = Status.closed

    async def _replaced(self) -> None:
        ended = self._ended()
        if ended:
            await self.cluster.scale_down(ended)
        await self._submitted()

    def _ended(self) -> list[str]:
        now = time.monotonic()
        working = self.cluster.observed
        for job in self.cluster.worker_spec:
            # Of several workers in a job each has a number after the name.
            if any(name == job or name.startswith(f"{job}-") for name in working):
                self._seen[job] = now
        ended = [job for job, last in self._seen.items() if now - last > _patience()]
        for job in ended:
            del self._seen[job]
        return ended


def _clusterOf(kind: str, threads: int) -> dask_jobqueue.JobQueueCluster:
    import dask_jobqueue

    cluster = {"slurm": dask_jobqueue.SLURMCluster, "pbs": dask_jobqueue.PBSCluster}[kind]
    return cluster(**_shares(kind, threads))


def _shares(kind: str, threads: int) -> dict[str, Any]:
    """How a job is cut into workers of one Dask thread each, unless the user says it."""
    cores, memory, processes, arguments = (
        dask.config.get(f"jobqueue.{kind}.{name}", None)
        for name in ("cores", "memory", "processes", "worker-extra-args")
    )
    if cores is None or memory is None:
        raise ValueError(
            f"cluster {kind!r} needs cores and memory of a job, under jobqueue: {kind}: in "
            f"~/.config/dask/jobqueue.yaml (docs/sweeps.md shows one). Received: cores {cores}, "
            f"memory {memory}."
        )
    return {
        "processes": processes or max(1, cores // threads),
        "worker_extra_args": [*(arguments or []), "--nthreads", "1"],
    }


def _patience() -> float:
    return parse_timedelta(dask.config.get("distributed.deploy.lost-worker-timeout"))
