"""Stored runs, (folder) -> what is in it, or why it cannot be read; nothing is ever written."""

from __future__ import annotations

import datetime
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.comparing import NUMBERS, SUBJECTS
from lookslinear import __version__

#: The files that a manifest vouches for.
VOUCHED = ("config.json", "table.csv", "arrays.npz")
FILES = ("manifest.json", *VOUCHED)
#: What a manifest must say, and of what kind it is.
NEEDED = {
    "experiment": str,
    "started": str,
    "versions": dict,
    "command": list,
    "sha256": dict,
    "reasons": dict,
    "seconds": float,
    "machine": dict,
}


class StoredRunError(ValueError):
    """A run that cannot be used: damaged, incomplete, or of another version."""


@dataclass(frozen=True)
class StoredRun:
    """A complete run: where it is, what was asked for, where it came from, what it found."""

    folder: Path
    experiment: str
    config: dict
    manifest: dict
    table: pd.DataFrame
    arrays: dict[str, np.ndarray]

    @property
    def started(self) -> datetime.datetime:
        """When the run began, in UTC."""
        return datetime.datetime.fromisoformat(self.manifest["started"])


def readRun(folder: Path) -> StoredRun:
    """Read a run's folder, all of it.

    Raises
    ------
    StoredRunError
        If it is no folder, a file of it is missing or damaged, or another version wrote it; says
        which file and what to do.
    """
    folder = Path(folder)
    manifest = _readManifest(folder)
    _refuseAnotherVersion(folder, manifest)
    vouchedFiles(folder)
    config = _readJson(folder, "config.json")
    table, arrays = _readTable(folder), _readArrays(folder)
    return StoredRun(folder, manifest["experiment"], config, manifest, table, arrays)


def vouchedFiles(folder: Path) -> dict[str, bytes]:
    """What is in the files of a run, its manifest's too, held to their checksums; of any version.

    Raises
    ------
    StoredRunError
        If a file is missing or damaged.
    """
    manifest = _readManifest(folder)
    _refuseOtherKinds(folder, manifest)
    contents = {name: (folder / name).read_bytes() for name in FILES}
    for name in VOUCHED:
        if manifest["sha256"].get(name) != hashlib.sha256(contents[name]).hexdigest():
            raise _damaged(folder / name, "it is not what the run wrote")
    return contents


def storedRuns(root: Path) -> Iterator[Path]:
    """The folders of complete runs in `root`, and in folders of it that hold several."""
    for path in sorted(
        [*Path(root).glob("*/manifest.json"), *Path(root).glob("*/*/manifest.json")]
    ):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):  # being written
            yield path.parent


def digest(path: Path) -> str:
    """What tells a file from any other: the SHA-256 of its bytes.

    Examples
    --------
    >>> digest(Path("/dev/null"))[:8]
    'e3b0c442'
    """
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _readManifest(folder: Path) -> dict:
    if not folder.is_dir():
        raise StoredRunError(f"run {str(folder)!r} is not there. Give the folder of a stored run.")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise StoredRunError(
            f"run {str(folder)!r} is incomplete or no run: it has no {', '.join(missing)}. "
            f"Run the experiment again into another folder."
        )
    return _readJson(folder, "manifest.json")


def _refuseAnotherVersion(folder: Path, manifest: Mapping) -> None:
    version = manifest.get("versions", {})
    version = version.get("looks-linear") if isinstance(version, dict) else None
    if version != __version__ or "experiment" not in manifest:
        raise _ofAnotherVersion(
            folder,
            f"version {version or 'unknown'}" if version != __version__ else "an early version",
        )


def _refuseOtherKinds(folder: Path, manifest: Mapping) -> None:
    for name, kind in NEEDED.items():
        if not isinstance(manifest.get(name), kind):
            raise _damaged(folder / "manifest.json", f"{name!r} must be a {kind.__name__}")
    try:
        datetime.datetime.fromisoformat(manifest["started"])
    except ValueError as error:
        raise _damaged(folder / "manifest.json", error) from error


def _readJson(folder: Path, name: str) -> dict:
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(folder / name, error) from error
    if not isinstance(content, dict):
        raise _damaged(folder / name, "it holds no names with values")
    return content


def _readTable(folder: Path) -> pd.DataFrame:
    path = folder / "table.csv"
    try:
        table = pd.read_csv(path, float_precision="round_trip")
        table = table.astype(dict.fromkeys(NUMBERS, float))
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, error) from error
    if not set(SUBJECTS) <= set(table.columns):
        raise _ofAnotherVersion(folder, "an early version")
    return table


def _readArrays(folder: Path) -> dict[str, np.ndarray]:
    path = folder / "arrays.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise _damaged(path, error) from error


def _ofAnotherVersion(folder: Path, written: str) -> StoredRunError:
    return StoredRunError(
        f"run {str(folder)!r} was written by {written} of looks-linear; this one is "
        f"{__version__}. Nothing in it was changed: install that version to read it, or run "
        f"the experiment again into another folder."
    )


def _damaged(path: Path, why: object) -> StoredRunError:
    return StoredRunError(
        f"{path.name} of run {str(path.parent)!r} is damaged: {why}. Nothing in it was changed; "
        f"run the experiment again into another folder."
    )
