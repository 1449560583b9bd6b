"""Theano compiling in sweeps: workers that start on an empty cache at once share it unharmed."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.experiments.sweeps.comparing import contentOf

pytestmark = pytest.mark.faults
GRID = ("--grid", "size=2x8", "--grid", "arm=heNormal/relu", "--grid", "replicates=2")


def started(root, cache, workers, seeds):
    """A sweep of real networks in a process of its own, with a compile cache of its own."""
    command = [sys.executable, "-m", "experiments", "sweep", "log-norm", *GRID, "--seeds", seeds,
               "--workers", workers, "--output", root]  # fmt: skip
    environment = {**os.environ, "THEANO_FLAGS": f"base_compiledir={cache}"}
    return subprocess.Popen(list(map(str, command)), env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def ended(process):
    """The exit status of a process, once it has one."""
    process.communicate()
    return process.returncode


def compiled(cache):
    """The names of the modules in a cache, which say what they compute."""
    return sorted(path.name for path in cache.glob("compiledir*/tmp*/*.so"))


def test_noWorkerPaysForWhatAnotherHasCompiled(tmp_path):
    alone = started(tmp_path / "one", tmp_path / "cacheOfOne", 1, 4)
    assert ended(alone) == 0
    many = started(tmp_path / "four", tmp_path / "cacheOfFour", 4, 4)
    assert ended(many) == 0
    modules = compiled(tmp_path / "cacheOfOne")
    assert len(modules) == len(set(modules)) > 3
    assert compiled(tmp_path / "cacheOfFour") == modules, "each is compiled once"
    assert contentOf(tmp_path / "four") == contentOf(tmp_path / "one")


def test_aSweepThatIsKilledWhileItCompilesLeavesASoundCache(tmp_path):
    root, cache = tmp_path / "sweep", tmp_path / "cache"
    for modules in (1, 3):
        process = started(root, cache, 2, 4)
        while len(compiled(cache)) < modules and process.poll() is None:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    process = started(root, cache, 2, 4)
    said, wrong = process.communicate()
    assert process.returncode == 0, wrong
    assert "4 stored now" in said
