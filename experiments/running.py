"""Run folders, (name, files) -> a folder that is complete or not there.

A folder is written under another name beside its final one and renamed when it is complete, so a
run that is killed leaves nothing under the final name; what it leaves beside it goes with the next
run of that name. It holds `config.json` (what was asked for), `manifest.json` (versions, seed,
command line, time, machine), `table.csv`, `arrays.npz`, figures.
"""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import functools
import glob
import importlib.metadata
import json
import os
import platform
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from experiments.experiment import BaseConfig, Result
from experiments.stored import VOUCHED, digest

RESULTS = Path("results")
PACKAGES = ("looks-linear", "numpy", "scipy", "theano-pymc", "matplotlib", "pandas", "scikit-learn")


def newFolder(experiment: str) -> Path:
    """A folder under results/ that is not there yet, named by experiment, time and process."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    # Two processes may start in the same second; one process may run twice in it.
    name, count = f"{experiment}-{stamp}-{os.getpid()}", 1
    folder = RESULTS / name
    while folder.exists():
        count += 1
        folder = RESULTS / f"{name}-{count}"
    return folder


@contextmanager
def completeFolder(final: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `final` if nothing is raised and vanishes otherwise.

    What processes that were killed have left of the same run is removed; no run goes on from it.

    Raises
    ------
    ValueError
        If `final` exists and is not an empty folder, or cannot be written.

    Examples
    --------
    >>> final = Path(tempfile.mkdtemp()) / "run"
    >>> with completeFolder(final) as folder:
    ...     _ = (folder / "table.csv").write_text("arm")
    ...     final.exists()
    False
    >>> [path.name for path in final.iterdir()]
    ['table.csv']
    """
    final = Path(os.path.realpath(final))  # a link can lead to the folder, not become it
    working, claim = _workingFolder(final)
    try:
        yield working
        os.replace(working, final)
    except BaseException:
        shutil.rmtree(working, ignore_errors=True)
        raise
    finally:
        os.close(claim)


def emptyFolder(folder: Path) -> None:
    """Make sure that a folder is there and empty.

    Raises
    ------
    ValueError
        As `completeFolder` does.
    """
    folder = Path(os.path.realpath(folder))
    _refuseTaken(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output folder {str(folder)!r} cannot be written: {error}.") from error


def _refuseTaken(final: Path) -> None:
    if os.path.lexists(final) and not (final.is_dir() and not any(final.iterdir())):
        raise ValueError(
            f"output folder must be new or empty. Received: {str(final)!r}. "
            f"Name another folder or remove this one."
        )


def _workingFolder(final: Path) -> tuple[Path, int]:
    """A new folder beside `final`, and the open file that claims it for this process."""
    _refuseTaken(final)
    prefix = f".{final.name}.partial-"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        for left in final.parent.glob(f"{glob.escape(prefix)}*"):
            _removeUnclaimed(left)
        while True:
            working = Path(tempfile.mkdtemp(prefix=prefix, dir=final.parent))
            claim = _claimed(working)
            if claim is not None:
                break
    except OSError as error:
        raise ValueError(f"output folder {str(final)!r} cannot be written: {error}.") from error
    working.chmod(0o777 & ~_umask())  # a temporary folder is private; a result is not
    return working, claim


def _claimed(folder: Path) -> int | None:
    """The open folder, locked until it is closed or the process is gone; None if another has it."""
    try:
        claim = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:  # taken for what a killed process left, and removed
        return None
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(claim)
        return None
    except OSError:  # a file system without locks, on which nobody can claim or remove
        return claim
    if folder.exists():
        return claim
    os.close(claim)
    return None


def _removeUnclaimed(folder: Path) -> None:
    with suppress(OSError):  # such as what another user has left
        claim = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(claim)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def manifest(experiment: str, seed: int, started: datetime.datetime) -> dict:
    """Where numbers came from: experiment, versions, seed, command line, time, machine."""
    finished = datetime.datetime.now(datetime.timezone.utc)
    return {
        "experiment": experiment,
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "seed": seed,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 3),
        "versions": versions(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
    }


def writeRun(
    folder: Path,
    experiment: str,
    config: BaseConfig,
    result: Result,
    started: datetime.datetime,
    **facts: object,
) -> None:
    """The files that every experiment's run folder holds; `facts` join its manifest."""
    _writeJson(folder / "config.json", dataclasses.asdict(config))
    result.table.to_csv(folder / "table.csv", index=False)
    np.savez_compressed(folder / "arrays.npz", **result.arrays)
    origin = {**manifest(experiment, config.seed, started), **facts}
    digests = {name: digest(folder / name) for name in VOUCHED}
    _writeJson(
        folder / "manifest.json", {**origin, "reasons": dict(result.reasons), "sha256": digests}
    )


def replaceText(path: Path, text: str) -> None:
    """Put a text in the place of an old one, which stays whole until the new one is."""
    writer = f"{os.getpid()}-{threading.get_native_id()}"
    partial = path.with_name(f".partial-{writer}-{path.name}")
    for tries in range(3):
        partial.write_text(text, encoding="utf-8")
        try:
            os.replace(partial, path)
            return
        except FileNotFoundError:  # taken for what a killed process left, and removed
            if tries == 2:
                raise


def refuseUnwritable(path: Path | None, name: str) -> None:
    """Raises ValueError for a file that could not be written; None is none to be written."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise ValueError(
            f"{name} must be a file in a folder that is there. Received: {str(path)!r}."
        )


def versions() -> dict[str, str]:
    """Versions of Python and of what numbers come from."""
    return {"python": platform.python_version(), **_versions()}


def _writeJson(path: Path, content: Mapping) -> None:
    path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")


@functools.cache
def _versions() -> dict[str, str]:
    """Versions of what is installed; this project's own where it runs from its checkout."""
    from lookslinear import __version__

    versions = {"looks-linear": __version__}
    for package in PACKAGES[1:]:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "unknown"
    return versions


@functools.cache
def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
