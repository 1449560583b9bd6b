"""What may happen to a sweep: after it, the same command ends with the same bits.

`make test-faults` runs those, marked `faults`, that start clusters or take many processes.
"""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import experiments
from clusters import Dask, descendants, killWorker
from experiments.conducting import UsageError
from experiments.sweeps.store import Store
from tests.experiments.sweeps import killed
from tests.experiments.sweeps.comparing import Words, contentOf, swept

SEEDS = 8


def grid(folder, seconds=0.1):
    """Cells that take a while, and write a line to a log when they are begun."""
    return f"seconds={seconds}", f"log={folder / 'log.txt'}"


def stored(root):
    return list(Store(root).stored())


def begun(folder):
    return (folder / "log.txt").read_text().splitlines()


@pytest.fixture
def whole(tmp_path):
    """What a sweep holds that nothing disturbed."""
    assert swept(tmp_path / "whole", *grid(tmp_path), seeds=SEEDS) == 0
    (tmp_path / "log.txt").unlink()
    return contentOf(tmp_path / "whole")


def later(root, cells, act):
    """Do something once so many cells are stored; the thread that does."""

    def wait():
        while len(stored(root)) < cells:
            time.sleep(0.005)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def children():
    return {process.pid for process in multiprocessing.active_children()}


# Processes


def test_aKilledWorkerCostsNoCell(tmp_path, whole):
    root, errors = tmp_path / "sweep", Words()
    later(root, 2, lambda: os.kill(min(children()), signal.SIGKILL))
    assert swept(root, *grid(tmp_path), seeds=SEEDS, errors=errors) == 0
    # It may have been between two cells, or have had one whose beginning it had not noted yet.
    assert len(begun(tmp_path)) - SEEDS <= errors.text.count("the worker died") <= 1
    assert contentOf(root) == whole


@pytest.mark.faults
def test_workersEndWithTheProcessThatStartedThem(tmp_path):
    process = killed.start(tmp_path / "sweep", cells=4, seconds=600)
    while killed.sizeOf(killed.logOf(tmp_path / "sweep")) < len("1 0\n1 1\n"):
        time.sleep(0.01)
    workers = descendants(process.pid)
    assert len(workers) >= 3  # the server that forks, and two workers
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(map(isAlive, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def isAlive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.faults)])
def test_aKilledSweepEndsAsIfItHadNotBeen(tmp_path, kills):
    expected = killed.finished(tmp_path / "sweep")
    shutil.rmtree(tmp_path / "sweep")
    killed.logOf(tmp_path / "sweep").unlink()
    moments = [0.2 * (index + 1) / kills for index in range(kills)]
    content, done, starts = killed.disturbed(tmp_path, moments)
    assert done == kills
    # Two workers: at most two cells were under way at each kill, and nothing else began again.
    assert killed.CELLS <= sum(starts.values()) <= killed.CELLS + 2 * kills
    assert content == expected


def test_twoSweepsShareAStore(tmp_path, whole):
    root, ends = tmp_path / "sweep", []
    threads = [
        threading.Thread(target=lambda: ends.append(swept(root, *grid(tmp_path), seeds=SEEDS)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == [0, 0]
    assert sorted(begun(tmp_path)) == sorted(f"1 {seed}" for seed in range(SEEDS)), "each once"
    assert contentOf(root) == whole
    assert len(experiments.load(root).cells) == SEEDS


# Disks


@pytest.fixture
def mount(tmp_path):
    """Mounts a file system of so many kilobytes, and gives its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mounting(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
        return folder

    yield mounting
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def test_aFullDiskLosesNothing(tmp_path, mount, whole):
    disk, errors = mount("size=100k"), Words()
    root = disk / "sweep"
    assert swept(root, *grid(tmp_path, 0.1), seeds=SEEDS, errors=errors) == 3
    assert "the sweep's folder cannot be written: [Errno 28]" in errors.text
    left = len(stored(root))
    assert 0 < left < SEEDS
    assert len(experiments.load(root).cells) == left
    assert mount("remount", "size=10m")
    assert swept(root, *grid(tmp_path, 0.1), seeds=SEEDS) == 0
    assert contentOf(root) == whole


def test_aFolderThatCannotBeWrittenIsRefusedAndCanBeRead(tmp_path, mount, whole):
    disk = mount("size=10m")
    shutil.copytree(tmp_path / "whole", disk / "sweep")
    (disk / "sweep" / "index.sqlite").unlink()
    mount("remount", "ro")
    assert len(experiments.load(disk / "sweep").cells) == SEEDS
    console = Words()
    with pytest.raises(UsageError, match=r"cannot be written.*Read-only"):
        swept(disk / "sweep", *grid(tmp_path), seeds=SEEDS + 1, console=console)
    with pytest.raises(UsageError, match=r"cannot be written.*Read-only"):
        swept(disk / "other", *grid(tmp_path), seeds=1)
    assert not (tmp_path / "log.txt").exists(), "nothing was computed"


# Dask


@pytest.fixture
def dask(tmp_path):
    """A scheduler and two workers as a user would start them."""
    pytest.importorskip("distributed")
    with Dask(tmp_path / "scheduler.json", 2) as cluster:
        yield cluster


@pytest.mark.faults
def test_aKilledDaskWorkerCostsNoCell(tmp_path, dask, whole):
    root = tmp_path / "sweep"
    later(root, 2, lambda: killWorker(dask.nannies[0]))
    assert swept(root, *grid(tmp_path), seeds=SEEDS, cluster=dask.address, workers=None) == 0
    assert contentOf(root) == whole


@pytest.mark.faults
def test_aKilledDaskSchedulerIsSaidAndTheNextOneGoesOn(tmp_path, dask, whole):
    root, errors, options = tmp_path / "sweep", Words(), {"seeds": SEEDS, "workers": None}
    later(root, 2, dask.scheduler.kill)
    assert swept(root, *grid(tmp_path), cluster=dask.address, errors=errors, **options) == 3
    assert f"error: the workers are gone, threads of Dask's scheduler {dask.address}" in errors.text
    assert errors.text.count("lost under way: seconds=0.1") in range(1, 5)
    left = len(stored(root))
    assert 2 <= left < SEEDS
    dask.start()
    console = Words()
    assert swept(root, *grid(tmp_path), cluster=dask.address, console=console, **options) == 0
    assert f"{SEEDS - left} stored now, {left} before" in console.text
    assert contentOf(root) == whole


@pytest.mark.faults
def test_aSweepMovesToDaskAndBack(tmp_path, dask, whole):
    root = tmp_path / "sweep"
    assert swept(root, *grid(tmp_path), seeds=2) == 0
    options = {"seeds": SEEDS, "cluster": dask.address, "workers": 2}
    assert swept(root, *grid(tmp_path), **options) == 0
    assert contentOf(root).items() >= {k: v for k, v in whole.items() if "cells/" in k}.items()
    assert len(begun(tmp_path)) == SEEDS


def test_aSchedulerThatDoesNotAnswer(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    from experiments.sweeps import daskWorkers

    monkeypatch.setattr(daskWorkers, "ANSWER_SECONDS", 0.5)
    with pytest.raises(
        UsageError,
        match=r"the scheduler tcp://127\.0\.0\.1:9 did not answer within 0\.5 s",
    ):
        swept(tmp_path / "sweep", "size=1", cluster="tcp://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.faults
def test_workersFindAllImportedWhereverTheSweepIsStarted(tmp_path):
    """Importing takes a second; the server that forks must do it once for all of them."""
    root = str(Path(experiments.__file__).parents[1])
    script = f"""
import sys
sys.path.append({root!r})
from experiments.sweeps.processes import Processes
if __name__ == "__main__":
    workers = Processes(1, 1, ["experiments.logNorm"])
    print(workers.submit(eval, "'experiments.logNorm' in __import__('sys').modules").result())
    workers.end(atOnce=False)
"""
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], cwd=tmp_path, text=True,
                          capture_output=True, check=False)  # fmt: skip
    assert done.stdout == "True\n", done.stderr
