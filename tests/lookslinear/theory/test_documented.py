"""Each public function and class of the room says where its result is from."""

import ast
import re
from pathlib import Path

import pytest

from lookslinear import theory
from lookslinear.references import REFERENCES

ROOM = Path(theory.__file__).parent
#: Files that predict nothing of their own: numerical methods, and the maps that `maps` checks.
TOOLS = {"averages", "quadrature", "surfaces"}
#: What builds, checks, rearranges or looks up, and the laws of textbooks.
PLUMBING = {
    "LogTerm", "beta", "chi_square", "shift",
    "along", "correlation_of", "entering", "entry_variance", "every_stage", "normalises",
    "own", "slope_at_zero", "taps_that_carry", "total", "unfolded",
    "as_correlation", "as_entering_moment", "as_limit_moment", "as_moment", "as_positive_moment",
    "check_chain", "check_plain_chain", "checked_grid",
    "refuse_first", "refuse_partial_mirror", "refuse_sparse_kernels", "refuse_uncovered",
}  # fmt: skip
#: The section with this title, to the next title or the end.
SECTION = re.compile(r"^References\n-+\n(.*?)(?=^\w+\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
#: A year behind an author's or a title's words: not the first half of an arXiv identifier.
SOURCE = re.compile(r"[^\d\s] (19|20)\d\d\b(?!\.\d)|derived here", re.IGNORECASE)


def public_things(source):
    """Name -> docstring of what a file defines at its top level."""
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }


def says_its_source(docstring):
    section = SECTION.search(docstring)
    return bool(section and SOURCE.search(" ".join(section[1].split())))


def things_of_the_room():
    for path in sorted(ROOM.glob("*.py")):
        if path.stem not in TOOLS:
            for name, docstring in public_things(path.read_text(encoding="utf-8")).items():
                yield path.stem, name, docstring


def test_every_prediction_says_its_source():
    unsaid = [
        f"{file}.{name}"
        for file, name, docstring in things_of_the_room()
        if name not in PLUMBING and not says_its_source(docstring)
    ]
    assert unsaid == []


def test_nothing_that_is_exported_is_exempt():
    found = {name for _, name, _ in things_of_the_room()}
    assert set(theory.__all__) - {"NotCoveredError"} <= found - PLUMBING
    assert found >= PLUMBING


def test_years_are_those_of_the_references():
    years = {entry.arxiv: entry.year for entry in REFERENCES.values() if entry.arxiv}
    cited = re.compile(r"\b(\d{4}),\s+arXiv\s+(\d{4}\.\d{4,5})\b")
    texts = {path.name: path.read_text(encoding="utf-8") for path in ROOM.glob("*.py")}
    found = [(name, int(year), key) for name in texts for year, key in cited.findall(texts[name])]
    assert len(found) > 20
    assert [one for one in found if years.get(one[2], one[1]) != one[1]] == []


@pytest.mark.parametrize(
    ("docstring", "said"),
    [
        ("A map.\n\nReferences\n----------\nDoe et al. 2016, arXiv 1606.05340.", True),
        ("A map.\n\nReferences\n----------\nDoe 2016.", True),
        ("A map.\n\nReferences\n----------\nDerived here.\n\nExamples\n--------\n>>> 1", True),
        ("A map.\n\nReferences\n----------\nDoe, arXiv\n2001.00001.", False),
        ("A map, as of Doe 2016.", False),
        ("A map.\n\nReferences\n----------\nSee there.\n\nExamples\n--------\nDoe 2016", False),
        ("", False),
    ],
)
def test_a_source_is_an_author_with_a_year_or_ones_own(docstring, said):
    assert says_its_source(docstring) == said
