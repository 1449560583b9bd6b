"""The citation file and the table of papers: both tell of a work in the same words."""

from pathlib import Path

import pytest
import yaml

from lookslinear.references import REFERENCES

CITATION = Path(__file__).resolve().parent.parent / "CITATION.cff"
CITED = yaml.safe_load(CITATION.read_text(encoding="utf-8"))["references"]


@pytest.mark.parametrize("cited", CITED, ids=lambda cited: cited["title"][:30])
def test_what_the_citation_file_names_is_told_in_the_same_words(cited):
    [found] = [r for r in REFERENCES.values() if r.title == cited["title"]]
    assert found.year == cited["year"]
    people = [f"{person['family-names']}, {person['given-names']}" for person in cited["authors"]]
    assert found.author == " and ".join(people)
    arxiv = [i["value"].removeprefix("arXiv:") for i in cited.get("identifiers", ())]
    assert found.arxiv == (arxiv[0] if arxiv else "")
    assert found.doi == cited.get("doi", "")
    assert found.volume == str(cited.get("volume", ""))
    pages = f"{cited['start']}--{cited['end']}" if "start" in cited else ""
    assert found.pages == pages


def test_the_citation_file_names_every_paper_of_the_table():
    assert {one["title"] for one in CITED} == {one.title for one in REFERENCES.values()}
