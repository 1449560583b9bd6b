"""The table of papers: told the same as in CITATION.cff, in BibTeX that any program reads."""

import re
from pathlib import Path

import pytest
import yaml

from lookslinear.catalogue import CATALOGUE
from lookslinear.errors import UnknownNameError
from lookslinear.references import REFERENCES, bibtex

CITATION = Path(__file__).resolve().parents[2] / "CITATION.cff"
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


@pytest.mark.parametrize("key", REFERENCES)
def test_each_is_complete_and_its_bibtex_is_ascii_with_matching_braces(key):
    reference = REFERENCES[key]
    assert reference.key == key
    assert key.endswith(str(reference.year))
    assert all(", " in person for person in reference.author.split(" and "))
    assert not re.search(r"\s\s|\s$", reference.title)
    assert not reference.arxiv or re.fullmatch(r"\d{4}\.\d{4,5}|[a-z-]+/\d{7}", reference.arxiv)
    text = reference.bibtex()
    assert text.isascii()
    assert text.count("{") == text.count("}")
    assert str(reference.year) in reference.cited
    assert reference.address or reference.booktitle


def test_bibtex_of_several_holds_each_once():
    assert bibtex(["he2015", "glorot2010", "he2015"]).count("@inproceedings") == 2
    assert bibtex([]) == ""
    with pytest.raises(UnknownNameError, match=r"reference 'he2051'\. Did you mean 'he2015'"):
        bibtex(["he2051"])
    with pytest.raises(UnknownNameError, match="unknown reference 3"):
        bibtex([3])


def test_letters_and_capitals_reach_the_page():
    text = bibtex(list(REFERENCES))
    assert r"M{\"u}ller" in text
    assert "title = {{DiracNets:" in text
    assert {key for entry in CATALOGUE.values() for key in entry.references} <= set(REFERENCES)
