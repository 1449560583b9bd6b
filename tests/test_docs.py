"""The docs are whole: a section and a figure for every experiment, links that lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import tyro

from experiments.commands import COMMANDS
from experiments.registry import EXPERIMENTS

HOUSE = Path(__file__).resolve().parent.parent
DOCS = HOUSE / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *HOUSE.glob("*.md")])
TEXT = (DOCS / "experiments.md").read_text(encoding="utf-8")
#: What stands below each heading.
SECTIONS = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def test_everyExperimentHasASectionInTheOrderOfTheRegistry():
    assert list(SECTIONS) == list(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_aSectionHasTheCommandAndTheFigure(name):
    assert f"\n    python -m experiments {name}\n" in SECTIONS[name]
    assert f"]({name}.png)" in SECTIONS[name]


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.png")), ids=lambda path: path.name)
def test_figuresAreSmallAndShown(path):
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 200_000
    assert any(f"({path.name})" in page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commandsAreThoseThatExist(path):
    commands = re.findall(r"^    python -m experiments (.*)$", path.read_text(), re.MULTILINE)
    for command in commands:
        if "--help" not in command:
            tyro.extras.subcommand_cli_from_dict(COMMANDS, args=shlex.split(command))


def headings(page):
    """The anchors of a page, as hosts of repositories make them."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_linksLeadSomewhere(path):
    text = re.sub(r"^    .*$|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            page = path.parent / name if name else path
            assert page.exists(), link
            assert not anchor or anchor in headings(page), link
