"""Requests, (command line, file) -> what to sweep, where to put it and who computes it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from experiments.experiment import Experiment
from experiments.running import RESULTS
from experiments.sweeps.grid import Grid, axesOf, gridOf
from lookslinear.errors import known_name, refuse_other_kind, refuse_repeated

#: Names of files that hold a request, by what ends them.
SUFFIXES = (".yaml", ".yml", ".toml")


@dataclass(frozen=True)
class Request:
    """What a user asks for: an experiment's name and its axes, as they were written.

    The fields are the keys of a file too; None stands for what nobody said.
    """

    experiment: str = ""
    grid: Mapping[str, Sequence] | None = None
    seeds: int | None = None
    output: Path | None = None
    workers: int | None = None
    threads: int | None = None
    cluster: str | None = None

    def gridIn(self, experiments: Mapping[str, Experiment]) -> Grid:
        """The grid, of one of the experiments.

        Raises
        ------
        ValueError, TypeError
            As `gridOf` does, and for an unknown experiment.
        """
        name = known_name("experiment", self.experiment, experiments)
        return gridOf(experiments[name], self.grid or {}, self.seeds)

    @property
    def folder(self) -> Path:
        """Where cells go: one folder an experiment, unless another one is named."""
        return Path(self.output or RESULTS / f"sweep-{self.experiment}")


def requestOf(name: str, grid: Sequence[str], **given: Any) -> Request:
    """The request of a command line: a file's, if `name` is one, with what is `given` besides.

    Parameters
    ----------
    name : str
        An experiment, or a .yaml or .toml file with the keys of `Request`.
    grid : sequence of str
        FIELD=VALUE,VALUE... for each axis, beside those of the file.
    **given
        Other fields of `Request`; what is None leaves the file's word.

    Raises
    ------
    ValueError, TypeError
        For a file that cannot be read, an unknown key in it, an axis that stands twice.
    """
    request = _ofFile(Path(name)) if name.endswith(SUFFIXES) else Request(name)
    axes, more = dict(request.grid or {}), axesOf(grid)
    for axis in more:
        if axis in axes:
            raise ValueError(
                f"each axis must stand once. Received twice: {axis!r}, also in {name}."
            )
    given = {key: value for key, value in given.items() if value is not None}
    return replace(request, grid={**axes, **more}, **given)


def _ofFile(path: Path) -> Request:
    content = _read(path)
    known = [field.name for field in fields(Request)]
    for key in content:
        known_name(f"key in {path}", key, known)
    refuse_other_kind(content.get("experiment"), str, f"experiment in {path}")
    refuse_other_kind(content.get("grid", {}), dict, f"grid in {path}")
    for key in ("output", "cluster"):
        if content.get(key) is not None:
            refuse_other_kind(content[key], str, f"{key} in {path}")
    return Request(**content)


def _read(path: Path) -> dict:
    try:
        text = path.read_text(encoding="utf-8")
        content = _toml(text) if path.suffix == ".toml" else yaml.load(text, _Loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"sweep file {str(path)!r} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"sweep file {str(path)!r} holds no keys with values.")
    return content


class _Loader(yaml.SafeLoader):
    """YAML of which a key that stands twice is refused, where PyYAML would keep the last one."""

    def construct_mapping(self, node, deep=False):
        refuse_repeated("key", [key.value for key, _ in node.value])
        return super().construct_mapping(node, deep)


def _toml(text: str) -> dict:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)
