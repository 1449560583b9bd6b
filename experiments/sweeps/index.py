"""The index of a store, (store) -> rows of all its cells from one file, always in line with them.

A SQLite file holds what reading ten thousand folders would bring. It is only ever a copy: a cell
that it lacks, or whose files have another size or time, is read from its folder and held to its
checksums; an index that is lost, damaged or of another version is made anew, and where none can be
written it is made in memory.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from experiments.stored import StoredRunError, vouchedFiles
from experiments.sweeps.store import Store

FILE = "index.sqlite"
#: Raised when the columns change: an index of another version is made anew.
VERSION = 1
#: Cells that are committed at once.
BATCH = 1000
_SCHEMA = (
    "DROP TABLE IF EXISTS cells",
    "DROP TABLE IF EXISTS origins",
    "CREATE TABLE origins (number INTEGER PRIMARY KEY, origin TEXT UNIQUE)",
    "CREATE TABLE cells (key TEXT PRIMARY KEY, signature TEXT, origin INTEGER, started TEXT, "
    "seconds REAL, config TEXT, reasons TEXT, rows TEXT)",
    f"PRAGMA user_version = {VERSION}",
)


class Row(NamedTuple):
    """What the index knows of a cell: texts as they stand in its files, `origin` as JSON."""

    key: str
    origin: str
    started: str
    seconds: float
    config: str
    reasons: str
    rows: str


class Index:
    """The index of a store, open; leave it with `close`, or by the end of a `with`.

    `problems` says, after `refresh`, what is wrong with cells that are no longer whole.
    """

    def __init__(self, store: Store):
        self.store, self.problems = store, {}
        self._database = _opened(store.root / FILE)

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def refresh(self) -> Index:
        """Bring the index in line with the folders."""
        try:
            self._refresh()
        except sqlite3.OperationalError:  # a full disk, or one that cannot be written
            self._turnTo(sqlite3.connect(":memory:"))
        except sqlite3.DatabaseError:
            self._makeAnew()
        return self

    def keys(self) -> set[str]:
        """The names of all cells that are whole."""
        return {key for (key,) in self._database.execute("SELECT key FROM cells")}

    def rows(self) -> list[Row]:
        """What is known of each cell, in the order of their names."""
        try:
            return self._rows()
        except sqlite3.DatabaseError:
            self._makeAnew()
            return self._rows()

    def _rows(self) -> list[Row]:
        fields = "key, origins.origin, started, seconds, config, reasons, rows"
        joined = "cells JOIN origins ON cells.origin = origins.number"
        found = self._database.execute(f"SELECT {fields} FROM {joined} ORDER BY key")
        return [Row(*values) for values in found]

    def origins(self) -> list[tuple[dict, int]]:
        """Which code and versions cells were made by, and how many by each."""
        found = self._database.execute(
            "SELECT origins.origin, count(*) FROM cells JOIN origins ON cells.origin = number "
            "GROUP BY number ORDER BY number"
        )
        return [(json.loads(origin), count) for origin, count in found]

    def _makeAnew(self) -> None:
        """It is damaged."""
        (self.store.root / FILE).unlink(missing_ok=True)
        self._turnTo(_opened(self.store.root / FILE))

    def _turnTo(self, database: sqlite3.Connection) -> None:
        self._database.close()
        self._database = database
        _prepare(database)
        self._refresh()

    def _refresh(self) -> None:
        self.problems = {}
        known = dict(self._database.execute("SELECT key, signature FROM cells"))
        number = 0
        for key in self.store.stored():
            signature = _signature(self.store.folderOf(key))
            if known.pop(key, None) != signature:
                self._take(key, signature)
                number += 1
                if number % BATCH == 0:
                    self._database.commit()
        self._drop(known)
        self._database.commit()

    def _take(self, key: str, signature: str) -> None:
        try:
            values = _read(self.store.folderOf(key), key)
        except (StoredRunError, OSError) as error:
            self.problems[key] = str(error)
            self._drop([key])
            return
        origin, *others = values
        execute = self._database.execute
        execute("INSERT OR IGNORE INTO origins (origin) VALUES (?)", (origin,))
        ((number,),) = execute("SELECT number FROM origins WHERE origin = ?", (origin,))
        execute(
            "INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (key, signature, number, *others),
        )

    def _drop(self, keys: object) -> None:
        self._database.executemany("DELETE FROM cells WHERE key = ?", [(key,) for key in keys])


def _opened(path: Path) -> sqlite3.Connection:
    for target in (path, path, ":memory:"):
        database = None
        try:
            database = sqlite3.connect(target, timeout=60)
            _prepare(database)
            return database
        except sqlite3.DatabaseError as error:
            if database is not None:
                database.close()
            if not isinstance(error, sqlite3.OperationalError):
                path.unlink(missing_ok=True)  # damaged: it is a copy
    raise AssertionError("an index in memory can always be opened")


def _prepare(database: sqlite3.Connection) -> None:
    # Nothing is lost with the index: it need not wait for the disk.
    database.execute("PRAGMA synchronous = OFF")
    if not _isOfThisVersion(database):
        database.execute("BEGIN IMMEDIATE")
        if not _isOfThisVersion(database):  # another sweep may have been faster
            for statement in _SCHEMA:
                database.execute(statement)
        database.commit()


def _isOfThisVersion(database: sqlite3.Connection) -> bool:
    ((version,),) = database.execute("PRAGMA user_version")
    return version == VERSION


def _signature(folder: Path) -> str:
    """What changes when a file of the cell does."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        found = sorted((entry.name, entry.stat()) for entry in entries)
        return " ".join(f"{name}:{it.st_size}:{it.st_mtime_ns}" for name, it in found)
    return ""


def _read(folder: Path, key: str) -> tuple:
    contents = {name: text.decode("utf-8", "replace") for name, text in vouchedFiles(folder).items()
                if name != "arrays.npz"}  # fmt: skip
    manifest = json.loads(contents["manifest.json"])
    if manifest.get("cell") != key:
        raise StoredRunError(f"folder {str(folder)!r} holds the cell {manifest.get('cell')!r}.")
    origin = json.dumps({name: manifest.get(name) for name in ("code", "versions")}, sort_keys=True)
    return (
        origin,
        manifest["started"],
        manifest["seconds"],
        contents["config.json"],
        json.dumps(manifest["reasons"]),
        contents["table.csv"],
    )
