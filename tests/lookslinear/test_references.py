"""The table of papers: each complete, in BibTeX that any program reads."""

import re

import pytest

from lookslinear.catalogue import CATALOGUE
from lookslinear.errors import UnknownNameError
from lookslinear.references import REFERENCES, bibtex


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
