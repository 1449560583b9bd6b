"""How tests sweep the stand-in, and compare what is stored.

Apart from the stand-in itself, which workers import.
"""

import io
import json
from pathlib import Path

from rich.console import Console

from experiments.sweeps.command import conducted
from experiments.sweeps.requests import requestOf
from tests.experiments.sweeps.stand import EXPERIMENTS


class Words:
    """A console that keeps what is said."""

    def __init__(self):
        self.console = Console(file=io.StringIO(), width=1000)

    @property
    def text(self):
        return self.console.file.getvalue()


def swept(
    root,
    *grid,
    errors=None,
    console=None,
    retry=False,
    experiments=EXPERIMENTS,
    name="stand-in",
    **options,
):
    """Sweep the stand-in on two processes; the exit status."""
    request = requestOf(name, grid, output=root, **{"workers": 2, **options})
    said, wrong = console or Words(), errors or Words()
    return conducted(request, experiments, said.console, wrong.console, retry)


#: What a manifest says of when, where and by which command a cell was run, not of what it found.
CIRCUMSTANCES = ("command", "machine", "process", "seconds", "started")


def contentOf(root):
    """All of a store that depends on its cells alone, by path: bytes, of manifests what they found.

    The index is left out: it is a copy. So are cells that were set aside.
    """
    content = {}
    for path in Path(root).rglob("*"):
        name = path.relative_to(root).as_posix()
        if name.startswith("damaged/") or path.is_dir() or path.name == "index.sqlite":
            continue
        if path.name == "manifest.json":
            facts = json.loads(path.read_text())
            content[name] = {k: v for k, v in facts.items() if k not in CIRCUMSTANCES}
        else:
            content[name] = path.read_bytes()
    return content
