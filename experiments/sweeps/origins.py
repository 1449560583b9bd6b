"""Origins, () -> which code and which versions numbers come from."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from experiments.running import versions

#: What a number can depend on, beside the checkout's or the installation's root.
CODE = (
    "experiments", "initialisations.py", "initialising", "layers", "lookslinear", "preparing",
    "training", "utilityFunctions.py",
)  # fmt: skip
SUFFIXES = (".py", ".c")


@functools.cache
def origin() -> dict[str, object]:
    """`code`, a hash of all source files of this project, and `versions` of what it runs on.

    Examples
    --------
    >>> len(origin()["code"]), "numpy" in origin()["versions"]
    (12, True)
    """
    return {"code": _codeOf(Path(__file__).resolve().parents[2]), "versions": versions()}


def _codeOf(root: Path) -> str:
    found = hashlib.sha256()
    for name in CODE:
        top = root / name
        paths = [top] if top.is_file() else sorted(top.rglob("*"))
        for path in paths:
            if path.suffix in SUFFIXES and "tests" not in path.parts:
                found.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def differences(theirs: dict[str, object]) -> list[str]:
    """What differs between another origin and this one, in words.

    Examples
    --------
    >>> differences({**origin(), "code": "abc"})[0].startswith("code abc, now ")
    True
    """
    ours = origin()
    said = [] if theirs["code"] == ours["code"] else [f"code {theirs['code']}, now {ours['code']}"]
    past = theirs["versions"]
    for name, version in ours["versions"].items():
        if past.get(name) != version:
            said.append(f"{name} {past.get(name, 'not there')}, now {version}")
    return said
