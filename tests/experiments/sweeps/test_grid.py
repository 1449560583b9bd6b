"""Grids: what words become, and what is refused before anything is computed."""

import dataclasses
import hashlib
import itertools

import pytest

from experiments.registry import EXPERIMENTS as REAL
from experiments.sweeps.cells import cellOf, configOf
from experiments.sweeps.grid import axesOf, gridOf, splitValues
from experiments.sweeps.requests import requestOf
from tests.experiments.sweeps.stand import EXPERIMENTS, STAND, Config
from tests.experiments.test_registry import TINY

AXES = {"size": ["1", "2"], "names": ["a", "[b,c]"], "shares": ["1e-3", "[1,2]"]}


def test_aGridIsTheProductOfItsAxes():
    grid = gridOf(STAND, AXES, seeds=3)
    names, shares = [("a",), ("b", "c")], [(0.001,), (1.0, 2.0)]
    expected = [
        Config(size=size, names=name, shares=share, seed=seed)
        for seed, size, name, share in itertools.product(range(3), (1, 2), names, shares)
    ]
    assert list(grid.configs()) == expected
    assert grid.size == len(expected)
    assert len({cell.key for cell in grid.cells()}) == len(expected)


def test_aNameIsTheHashOfWhatIsAsked():
    """Byte by byte: with other names every old store would run again."""
    kind = dataclasses.make_dataclass("Config", ["seed", "names", "share"])
    text = b'abc\n{"names": ["a", "b"], "seed": 3, "share": 0.1}'
    assert cellOf("abc", kind(3, ("a", "b"), 0.1)).key == hashlib.sha256(text).hexdigest()[:20]


def test_aCellGoesThroughJsonAndKeepsItsName():
    config = Config(names=("a", "b"), shares=(0.1, 1e-300))
    cell = cellOf("stand-in", config)
    assert configOf(Config, {**cell.fields, "names": ["a", "b"]}) == config
    assert cellOf("another", config).key != cell.key


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"sise": ["1"]}, r"unknown field of stand-in 'sise'\. Did you mean 'size'\?"),
        ({"size": ["1.5"]}, r"size must be a whole number\. Received: '1\.5'"),
        ({"size": ["one"]}, r"size must be a whole number\. Received: 'one'"),
        ({"size": ["--help"]}, r"size must be a whole number\. Received: '--help'"),
        ({"size": [[1, 2]]}, r"size must be a whole number\. Received: \[1, 2\]"),
        ({"size": [None]}, r"size must be a whole number\. Received: None"),
        ({"seconds": ["[1,2]"]}, r"seconds must be a number\. Received: '\[1,2\]'"),
        ({"kind": ["plan"]}, r"unknown kind 'plan'\. Did you mean 'plain'\?"),
        ({"shares": [["a"]]}, r"shares must be one value or a list .* each a number"),
        ({"shares": [[[1]]]}, r"shares must be one value or a list .* each a number"),
        ({"size": []}, r"axis 'size' is empty"),
        ({"size": "1,2"}, r"axis 'size' must be a list of values"),
        ({"size": ["1", "2", "1"]}, r"each value of size must stand once\. Received twice: 1"),
        ({"size": [1, "1"]}, r"each value of size must stand once"),
        ({}, r"the grid is empty\. Name an axis, .* Known fields: size, names"),
    ],
)
def test_badAxesAreRefused(axes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        gridOf(STAND, axes)


@pytest.mark.parametrize(
    ("seeds", "message"), [(0, "seeds must be at least 1"), (1.5, "seeds must be a whole number")]
)
def test_badSeedsAreRefused(seeds, message):
    with pytest.raises((ValueError, TypeError), match=message):
        gridOf(STAND, {}, seeds)
    with pytest.raises(ValueError, match="exclude one another"):
        gridOf(STAND, {"seed": [1]}, seeds=2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["size"], r"grid must be FIELD=VALUE,VALUE\.\.\. Received: 'size'"),
        (["=1"], r"grid must be FIELD=VALUE"),
        (["size=1", "size=2"], r"each axis must stand once\. Received twice: 'size'"),
        (["size=1,,2"], "a value is missing between commas"),
        (["size=1,"], "a value is missing between commas"),
    ],
)
def test_badWordsAreRefused(words, message):
    with pytest.raises(ValueError, match=message):
        axesOf(words)


def test_commasInsideBracketsAndQuotesStay():
    assert splitValues("f(1,2),'a,b', [x,y] ,z") == ["f(1,2)", "a,b", "[x,y]", "z"]


def test_theExperimentRefusesEachValue():
    gridOf(STAND, {"size": [1, 2]}).check()
    with pytest.raises(ValueError, match=r"size must be at least 1\. Received: 0"):
        gridOf(STAND, {"size": [1, 0], "replicates": [3, 4]}).check()


@pytest.mark.parametrize("name", TINY)
def test_everyExperimentCanBeSwept(name):
    """What each is told in a tiny run can be said as a grid."""
    axes = {key: [value] for key, value in TINY[name].items()}
    grid = gridOf(REAL[name], axes, seeds=2)
    grid.check()
    assert [config.seed for config in grid.configs()] == [0, 1]
    assert next(grid.configs()) == REAL[name].Config(**TINY[name])


# Files

YAML = """
experiment: stand-in
grid:
  size: [1, 2]
  names: [a, [b, c]]
  shares: [1.0e-3, [1, 2]]
seeds: 3
output: here
"""
TOML = """
experiment = "stand-in"
seeds = 3
output = "here"
[grid]
size = [1, 2]
names = ["a", ["b", "c"]]
shares = [1e-3, [1, 2]]
"""


@pytest.mark.parametrize(("name", "text"), [("a.yaml", YAML), ("a.yml", YAML), ("a.toml", TOML)])
def test_aFileSaysTheSame(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    request = requestOf(str(tmp_path / name), [], workers=5)
    typed = [f"{axis}={','.join(values)}" for axis, values in AXES.items()]
    same = requestOf("stand-in", typed, seeds=3, output="here", workers=5)
    assert request.gridIn(EXPERIMENTS) == same.gridIn(EXPERIMENTS)
    assert (request.folder, request.workers) == (same.folder, same.workers)
    with pytest.raises(ValueError, match=r"Received twice: 'size', also in .*a\."):
        requestOf(str(tmp_path / name), ["size=3"])
    assert requestOf(str(tmp_path / name), [], seeds=1).seeds == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("experimant: x", "unknown key in .*'experimant'.*Did you mean 'experiment'"),
        ("experiment: 3", "experiment in .* must be a str"),
        ("experiment: x\ngrid: [1]", "grid in .* must be a dict"),
        ("experiment: x\ngrid: null", "grid in .* must be a dict"),
        ("- 1", "holds no keys"),
        ("", "holds no keys"),
        ("a: [", "cannot be read"),
        ("grid:\n  n: [1]\n  m: [1]\n  n: [2]", "each key must stand once. Received twice: 'n'"),
    ],
)
def test_badFilesAreRefused(tmp_path, text, message):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises((ValueError, TypeError), match=message):
        requestOf(str(path), [])
    with pytest.raises(ValueError, match="cannot be read"):
        requestOf(str(tmp_path / "none.toml"), [])


def test_anUnknownExperiment():
    with pytest.raises(
        ValueError, match=r"unknown experiment 'stand-im'\. Did you mean 'stand-in'"
    ):
        requestOf("stand-im", [], seeds=1).gridIn(EXPERIMENTS)
