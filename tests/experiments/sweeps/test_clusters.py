"""Sweeps on MPI and SLURM, disturbed and not: they end with the bits of a sweep on processes.

`make test-faults` runs them, where there is a mpiexec, and slurmctld, slurmd and munged.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusters import descendants
from tests.experiments.sweeps import killed, slurm
from tests.experiments.sweeps.comparing import contentOf
from tests.experiments.sweeps.test_guide import GUIDE

pytestmark = pytest.mark.faults
CELLS, SECONDS = 24, 0.15
(JOBS,) = re.findall(r"```yaml\n(jobqueue:\n.*?)```", GUIDE, re.DOTALL)


@pytest.fixture
def whole(tmp_path):
    """What a sweep on processes of this machine holds."""
    assert killed.sweepOf(tmp_path / "whole", CELLS, SECONDS) == 0
    killed.logOf(tmp_path / "whole").unlink()
    return contentOf(tmp_path / "whole")


def untilStored(root, cells, process):
    """Wait until so many cells are stored."""
    while len(list(root.glob("cells/*/*"))) < cells:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def ended(process):
    """The exit status of a process, once it has one, and what it said."""
    said = process.communicate(timeout=45)
    return process.returncode, "".join(said)


# MPI


@pytest.fixture(scope="module")
def mpiexec():
    """What starts three ranks, the first of which sweeps."""
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    program = str(beside) if beside.exists() else shutil.which("mpiexec")
    if program is None:
        pytest.skip("there is no mpiexec")
    return program, "-n", "3"


def startRanks(root, mpiexec):
    launcher = (*mpiexec, sys.executable, "-m", "mpi4py.futures")
    return killed.start(root, CELLS, SECONDS, cluster=("mpi",), launcher=launcher)


def killRank(process):
    """Kill -9 the rank that was started last."""
    names = {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants(process.pid)}
    os.kill(max(pid for pid, name in names.items() if "mpi4py.futures" in name), signal.SIGKILL)


def interrupt(process):
    process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("disturb", [None, interrupt, killRank])
def test_ranksStoreTheSameBits(tmp_path, mpiexec, whole, disturb):
    root = tmp_path / "sweep"
    if disturb:
        process = startRanks(root, mpiexec)
        untilStored(root, 3, process)
        disturb(process)
        assert ended(process)[0] != 0
        assert 3 <= len(list(root.glob("cells/*/*"))) < CELLS
    status, said = ended(startRanks(root, mpiexec))
    assert status == 0, said
    assert contentOf(root) == whole
    # Two ranks: at most two cells were under way.
    assert CELLS <= sum(killed.begun(root).values()) <= CELLS + 2 * bool(disturb)


def test_ranksThatNobodySharesOutAreRefused(tmp_path, mpiexec):
    module = ("-m", "tests.experiments.sweeps.killed", "--serve", tmp_path / "sweep", "1", "0")
    for launcher in ((sys.executable,), (*mpiexec, sys.executable)):
        done = subprocess.run([*launcher, *module, "mpi"], text=True, capture_output=True,
                              check=False, timeout=120)  # fmt: skip
        assert done.returncode
        assert "Start it by  mpiexec -n 64 python -m mpi4py.futures" in done.stderr
    assert list(tmp_path.iterdir()) == []


# SLURM


@pytest.fixture(scope="module")
def queue(tmp_path_factory):
    """A SLURM of one node."""
    pytest.importorskip("dask_jobqueue")
    if slurm.missing():
        pytest.skip(slurm.missing())
    with slurm.Slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def environment(tmp_path, queue):
    """What a user of it has: the configuration of the guide, but for a worker that is missed."""
    folder = tmp_path / "dask"
    folder.mkdir()
    here = f"    interface: lo\n    log-directory: {tmp_path / 'logs'}\n"
    (folder / "jobqueue.yaml").write_text(JOBS + here)
    return {**os.environ, **queue.environment, "DASK_CONFIG": str(folder),
            "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "3s"}  # fmt: skip


def startJobs(root, environment):
    return killed.start(root, CELLS, SECONDS, cluster=("slurm",), env=environment)


def test_jobsStoreTheSameBits(tmp_path, environment, queue, whole):
    root = tmp_path / "sweep"
    status, said = ended(startJobs(root, environment))
    assert status == 0, said
    assert contentOf(root) == whole
    assert len(killed.begun(root)) == CELLS
    assert queue.said("squeue", "--noheader") == []


def test_jobsThatEndAreAskedForAgain(tmp_path, environment, queue, whole):
    root = tmp_path / "sweep"
    process = startJobs(root, environment)
    untilStored(root, 2, process)
    queue.said("scancel", *queue.jobs())
    status, said = ended(process)
    assert status == 0, said
    assert contentOf(root) == whole


def test_aSweepOnJobsThatIsInterruptedGoesOn(tmp_path, environment, queue, whole):
    root = tmp_path / "sweep"
    process = startJobs(root, environment)
    untilStored(root, 2, process)
    interrupt(process)
    status, said = ended(process)
    assert status == 130, said
    assert len(killed.begun(root)) == len(list(root.glob("cells/*/*"))) < CELLS
    assert ended(startJobs(root, environment))[0] == 0
    assert contentOf(root) == whole
    assert set(killed.begun(root).values()) == {1}


def test_aQueueThatTakesNoJobIsSaid(tmp_path, environment):
    configuration = Path(environment["DASK_CONFIG"]) / "jobqueue.yaml"
    for text, words in [
        (JOBS + "    queue: nowhere\n", "jobs cannot be submitted: .*invalid partition"),
        (JOBS.replace("cores", "# cores"), "needs cores and memory of a job.* cores None"),
    ]:
        configuration.write_text(text)
        command = [sys.executable, "-m", "tests.experiments.sweeps.killed", "--serve",
                   tmp_path / "sweep", "1", "0", "slurm"]  # fmt: skip
        done = subprocess.run(command, env=environment, text=True, capture_output=True,
                              check=False, timeout=120)  # fmt: skip
        assert done.returncode
        assert re.match(f"error: .*{words}.*\n$", done.stderr, re.IGNORECASE), done.stderr
    assert not (tmp_path / "sweep").exists()
