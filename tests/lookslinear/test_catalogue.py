"""The catalogue: one entry for every initialiser, its formula held to the law, its papers known."""

import math

import pytest

from lookslinear.catalogue import CATALOGUE, KINDS, Entry, entry_of
from lookslinear.connections import Options
from lookslinear.errors import NotCoveredError, UnknownNameError
from lookslinear.initializers import CLASSES
from lookslinear.laws import FIXED

#: Shapes in Keras's layout whose fans differ by more than a factor of 2.
SHAPES = ((24, 60), (60, 24), (3, 5, 8, 30))


def lawsOf(kind):
    """The laws of a class with its defaults, for the shapes that it fills."""
    for shape in SHAPES:
        try:
            yield kind().law(shape)
        except ValueError:
            continue


@pytest.mark.parametrize("kind", sorted(set(CLASSES.values()), key=str))
def test_each_class_has_an_entry_whose_formula_is_its_variance(kind):
    entry = entry_of(kind.__name__)
    assert entry.initializer == kind.__name__
    laws = list(lawsOf(kind))
    assert laws
    for law in laws:
        assert entry.deterministic == (law.family in FIXED)
        if entry.formula:
            assert math.isclose(entry.variance(law), law.variance, rel_tol=1e-12)


def test_entries_are_found_under_their_names_and_no_two_share_one():
    spelt = [word for entry in CATALOGUE.values() for word in (entry.name, *entry.aliases)]
    assert len(spelt) == len(set(spelt))
    classes = [entry.initializer for entry in CATALOGUE.values() if entry.initializer]
    assert len(classes) == len(set(classes))
    for name, entry in CATALOGUE.items():
        assert name == entry.name
        assert entry_of(name) is entry
        assert entry.kind in KINDS
        assert entry.words
        assert "\n" not in entry.words
    with pytest.raises(UnknownNameError, match=r"'randomNorml'\..*mean 'randomNormal'"):
        entry_of("randomNorml")
    with pytest.raises(UnknownNameError, match="unknown initialisation ''"):
        entry_of("")


def test_options_reach_the_formula():
    entry, law = CATALOGUE["glorotNormal"], CLASSES["HeNormal"]().law((300, 100))
    assert entry.variance(law) == 2 / 400
    assert entry.variance(law, Options(relu=True, signalPriorities=(0, 3))) == 2 / 300
    assert CATALOGUE["randomNormal"].variance(law, stddev=3) == 9


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"formula": "2 / fan_inn"}, "quantity 'fan_inn'. Did you mean 'fan_in'"),
        ({"formula": "2 / "}, "one expression of Python's. Received: '2 / '"),
        ({"formula": "open('x')"}, "unknown quantity 'open'"),
        ({"references": ("glorot2011",)}, "reference 'glorot2011'. Did you mean 'glorot2010'"),
        ({"references": ()}, "needs references, or to be folklore. Received: 'mine'"),
        ({"folklore": True}, "needs references, or to be folklore"),
        ({"kind": "layers"}, "unknown kind 'layers'. Did you mean 'layer'"),
    ],
)
def test_an_entry_that_cannot_be_told_is_refused(claims, message):
    with pytest.raises(ValueError, match=message):
        Entry(**{"name": "mine", "words": "w", "references": ("he2015",), **claims})


def test_an_entry_without_a_formula_says_so():
    with pytest.raises(NotCoveredError, match="mirrored has no formula that holds for all"):
        CATALOGUE["mirrored"].variance(CLASSES["HeNormal"]().law((30, 10)))
