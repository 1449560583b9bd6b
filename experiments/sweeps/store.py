"""The store of a sweep, (folder) -> a folder for each finished cell, complete or not there.

    sweep.json         which experiment is swept, and the version of this layout
    grids/NAME.json    the axes that were asked for, a file for each grid
    cells/AB/ABC...    a run's folder for each finished cell, named by the hash of its config
    failed/ABC...-N.json  config and traceback of the N-th failure of a cell that is not stored
    damaged/ABC...-N   what was a cell and no longer keeps its checksums
    running/           what is being written, and who writes it; gone after a sweep
    index.sqlite       what is in cells/, to be read fast; may be removed at any time

A cell is written in running/ and renamed, so one that is in cells/ is whole. Whoever runs a cell
holds a lock that ends with its process, so several sweeps can share a store, on one machine or on
several that share a file system with flock.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from experiments.running import replaceText

FORMAT = 1
STAMP, GRIDS, CELLS, FAILED = "sweep.json", "grids", "cells", "failed"
DAMAGED, RUNNING = "damaged", "running"


class Store:
    """A folder of finished cells.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()) / "sweep").claimFor("log-norm")
    >>> with store.claim("ab12") as isFree:
    ...     store.keep("ab12", lambda folder: (folder / "table.csv").write_text("arm"))
    >>> store.holds("ab12"), list(store.stored())
    (True, ['ab12'])
    """

    def __init__(self, root: Path):
        self.root = Path(root)

    @property
    def experiment(self) -> str:
        """The name of the experiment that is swept.

        Raises
        ------
        ValueError
            If the folder is no store, or one of another layout.
        """
        try:
            stamp = json.loads((self.root / STAMP).read_text(encoding="utf-8"))
            layout, experiment = stamp["format"], stamp["experiment"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(
                f"folder {str(self.root)!r} holds no sweep: it has no {STAMP} that can be read. "
                f"Give the folder that a sweep was written to."
            ) from error
        if layout != FORMAT:
            raise ValueError(
                f"sweep {str(self.root)!r} has layout {layout!r}; this version reads {FORMAT}."
            )
        return experiment

    @property
    def isThere(self) -> bool:
        """Whether this machine sees the store."""
        return (self.root / STAMP).is_file()

    def refuseOthers(self, experiment: str) -> None:
        """Raises ValueError unless the folder is new, empty, or a store of this experiment."""
        if self.isThere:
            if self.experiment != experiment:
                raise ValueError(
                    f"sweep {str(self.root)!r} was made by the experiment {self.experiment!r}. "
                    f"Received: {experiment!r}. Give it a folder of its own."
                )
        elif os.path.lexists(self.root) and not (self.root.is_dir() and not any(self._found())):
            raise ValueError(
                f"output folder must be new, empty or a sweep's. Received: {str(self.root)!r}."
            )

    def claimFor(self, experiment: str) -> Store:
        """Make the folder a store of an experiment, or go on with one.

        Raises
        ------
        ValueError
            If it holds anything else, or cannot be written.
        """
        self.refuseOthers(experiment)
        with self._beginning():
            for name in (CELLS, RUNNING):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            # Written even where it is there, with the same words: a folder that cannot be written
            # is noticed before anything is computed.
            replaceText(self.root / STAMP, _json({"format": FORMAT, "experiment": experiment}))
        return self

    def keepGrid(self, axes: Mapping[str, tuple]) -> None:
        """Note which axes were asked for; ValueError if that cannot be written."""
        text = _json({"axes": {name: list(values) for name, values in axes.items()}})
        name = hashlib.sha256(text.encode()).hexdigest()[:12]
        with self._beginning():
            (self.root / GRIDS).mkdir(exist_ok=True)
            replaceText(self.root / GRIDS / f"{name}.json", text)

    def grids(self) -> list[dict[str, list]]:
        """The axes of each grid that was asked for."""
        paths = sorted((self.root / GRIDS).glob("[!.]*.json"))
        return [json.loads(path.read_text(encoding="utf-8"))["axes"] for path in paths]

    def folderOf(self, key: str) -> Path:
        """Where a cell is or will be: some thousand folders in one are slow to list."""
        return self.root / CELLS / key[:2] / key

    def holds(self, key: str) -> bool:
        """Whether a cell is stored."""
        return self.folderOf(key).is_dir()

    def stored(self) -> Iterator[str]:
        """The names of all stored cells."""
        for shelf in _namesIn(self.root / CELLS):
            names = _namesIn(self.root / CELLS / shelf)
            yield from (name for name in names if name.startswith(shelf))

    @contextmanager
    def claim(self, key: str) -> Iterator[bool]:
        """Be the only one who runs a cell; gives whether nobody else does.

        The claim ends with the process, however that ends.
        """
        lock = filelock.FileLock(self.root / RUNNING / f"{key}.lock", is_singleton=False)
        try:
            (self.root / RUNNING).mkdir(exist_ok=True)
            lock.acquire(blocking=False)
        except filelock.Timeout:
            yield False
            return
        try:
            yield True
        finally:
            # Unlinked while it is held, and only once there is no more to claim: whoever waits for
            # the unlinked file finds the cell stored.
            if self.holds(key):
                Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()

    def keep(self, key: str, write: Callable[[Path], object]) -> None:
        """Store a claimed cell: `write` fills a folder, which is then renamed.

        Raises
        ------
        OSError
            If it cannot be written; nothing of it is left then.
        """
        working, final = self.root / RUNNING / key, self.folderOf(key)
        shutil.rmtree(working, ignore_errors=True)  # what a killed process left
        try:
            working.mkdir(parents=True)
            write(working)
            final.parent.mkdir(exist_ok=True)
            os.replace(working, final)
        except BaseException:
            shutil.rmtree(working, ignore_errors=True)
            raise

    def setAside(self, key: str) -> Path:
        """Move what is no whole cell out of the way, and say where it is."""
        (self.root / DAMAGED).mkdir(exist_ok=True)
        number = 1
        while (aside := self.root / DAMAGED / f"{key}-{number}").exists():
            number += 1
        with suppress(FileNotFoundError):  # another sweep was faster
            os.replace(self.folderOf(key), aside)
        return aside

    def tidy(self) -> None:
        """Remove what killed sweeps have left, and what only sweeps at work need, if none is."""
        for path in (self.root / RUNNING).glob("*.lock"):
            with suppress(filelock.Timeout, OSError), self._held(path):
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                path.unlink()
        with suppress(OSError):
            (self.root / RUNNING).rmdir()
            for partial in (*self.root.glob(".partial-*"), *self.root.glob("*/.partial-*")):
                partial.unlink()
        with suppress(OSError):
            (self.root / FAILED).rmdir()

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ValueError(f"sweep {str(self.root)!r} cannot be written: {error}.") from error

    def _held(self, path: Path) -> filelock.FileLock:
        return filelock.FileLock(path, blocking=False, is_singleton=False)

    def _found(self) -> Iterator[Path]:
        """What is in the folder, but for what a sweep that was killed at once has left."""
        ours = {CELLS, RUNNING, GRIDS}
        for path in self.root.iterdir():
            isOurs = path.name in ours and not any(path.iterdir()) if path.is_dir() else False
            if not isOurs and not path.name.startswith(".partial-"):
                yield path


def _namesIn(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _json(content: Mapping) -> str:
    return json.dumps(content, indent=2) + "\n"
