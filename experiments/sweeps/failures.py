"""Failures, (store, cell, error) -> a file with config and traceback, until the cell is stored."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from experiments.running import replaceText
from experiments.sweeps.store import FAILED, Store

#: Failures after which a cell is skipped.
ENOUGH = 2


def keepFailure(store: Store, key: str, fields: Mapping[str, Any], error: str, told: str) -> int:
    """Store what went wrong with a cell; returns how often something has.

    `error` is one line, `told` all of it.
    """
    (store.root / FAILED).mkdir(exist_ok=True)
    attempt = attempts(store)[key] + 1
    content = {
        "cell": key,
        "attempt": attempt,
        "when": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "config": fields,
        "error": error,
        "traceback": told,
    }
    text = json.dumps(content, indent=2, default=str) + "\n"
    replaceText(store.root / FAILED / f"{key}-{attempt}.json", text)
    return attempt


def attempts(store: Store) -> Counter[str]:
    """How often each cell has failed."""
    return Counter(path.name.rpartition("-")[0] for path in _paths(store))


def failures(store: Store) -> list[dict[str, Any]]:
    """What went wrong, a failure an entry, in the order of cells and attempts."""
    return [_recordIn(path) for path in sorted(_paths(store))]


def _recordIn(path: Path) -> dict[str, Any]:
    """What a file tells; of one that power or a disk has damaged, what its name does."""
    key, _, attempt = path.stem.rpartition("-")
    known = {"cell": key, "attempt": int(attempt), "when": "", "traceback": "", "config": {}}
    try:
        return {**known, "error": "not told", **json.loads(path.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError) as error:
        return {**known, "error": f"{path.name} cannot be read: {error}. --retry runs the cell"}


def forget(store: Store, keys: Iterable[str]) -> None:
    """Remove what is stored of the failures of some cells."""
    keys = set(keys)
    for path in _paths(store):
        if path.name.rpartition("-")[0] in keys:
            path.unlink(missing_ok=True)


def _paths(store: Store) -> list[Path]:
    return list((store.root / FAILED).glob("[!.]*-[0-9]*.json"))
