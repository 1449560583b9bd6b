"""Registering a user's own initialisation: found everywhere, refused before anything changes."""

import numpy as np
import pytest

from experiments.arms import Arm
from initialisations import check_initialisation, initD, register, unregister
from layers import FC, Representation
from lookslinear.catalogue import CATALOGUE, entry_of
from lookslinear.errors import NotCoveredError
from lookslinear.initializers import HeUniform
from lookslinear.references import REFERENCES, Reference


def lawOf(connection, options):
    """independent normal, of half of LeCun's variance"""
    return connection.law("normal", (2 * connection.fan_in) ** -0.5)


def whole(inputShape, outputShape, rng=None, **options):
    """A function of the second kind."""
    return initD["lecunNormal"](inputShape, outputShape, rng=rng, **options)


@pytest.fixture(autouse=True)
def nothingIsLeft():
    before = dict(initD), dict(CATALOGUE), dict(REFERENCES)
    yield
    for name in ("mine", "heNormal"):
        try:
            unregister(name)
        except ValueError:
            continue
    REFERENCES.pop("doe2026", None)
    assert (dict(initD), dict(CATALOGUE), dict(REFERENCES)) == before


def test_a_law_is_drawn_predicted_and_checked_like_the_others():
    own = Reference("doe2026", "Doe, Jane", "On Weights", 2026)
    register("mine", lawOf, formula="1 / (2 * fan_in)", references=[own, "he2015"])
    assert check_initialisation("mine")
    entry = entry_of("mine")
    assert entry.words == "independent normal, of half of LeCun's variance"
    assert entry.references == ("doe2026", "he2015")
    assert not entry.folklore
    assert Arm.parse("mine+mirror/crelu").initialisation == "mine"
    layer = FC(3, initialisation="mine", initKWArgs={"mirror": True}, seed=1)
    layer(Representation((4,)))
    weight = layer.weight.get_value()
    np.testing.assert_array_equal(weight[:2], -weight[2:])
    layer.redraw()
    np.testing.assert_array_equal(weight, layer.weight.get_value())


def test_a_function_may_bring_its_law():
    register("mine", whole, law=initD["lecunNormal"].law)
    assert check_initialisation("mine")
    assert entry_of("mine").folklore
    assert initD["mine"].law((4,), (3,)).variance == pytest.approx(1 / 4)
    layer = FC(3, initialisation="mine", initKWArgs={"mirror": True}, seed=1)
    layer(Representation((4,)))
    with pytest.raises(TypeError, match="unknown option 'miror'"):
        FC(3, initialisation="mine", initKWArgs={"miror": True})(Representation((4,)))


def test_without_a_law_layers_use_it_and_predictions_say_why_they_cannot():
    register("mine", whole, words="whatever LeCun does")
    FC(3, initialisation="mine")(Representation((4,)))
    with pytest.raises(NotCoveredError, match=r"'mine' states no law.*Register it with law="):
        Arm.parse("mine/relu")
    report = check_initialisation("mine")
    assert "untried draws what its law claims" in str(report)


@pytest.mark.parametrize("function", [HeUniform(), HeUniform])
def test_tensor_initialisers_are_turned(function):
    register("mine", function)
    assert check_initialisation("mine")
    assert initD["mine"].__name__ == "mine"
    assert entry_of("mine").words.startswith("Uniform entries")


def test_a_name_that_is_taken_is_replaced_only_if_asked_and_comes_back():
    before = initD["heNormal"], CATALOGUE["heNormal"]
    with pytest.raises(ValueError, match=r"'heNormal', which is taken.*replace=True"):
        register("heNormal", lawOf)
    register("heNormal", lawOf, replace=True)
    assert initD["heNormal"] is not before[0]
    unregister("heNormal")
    assert (initD["heNormal"], CATALOGUE["heNormal"]) == before


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (("he normal", lawOf), ValueError, "name must be a word.*Received: 'he normal'"),
        (("a/b", lawOf), ValueError, "name must be a word"),
        ((3, lawOf), ValueError, "name must be a word.*Received: 3"),
        (("normal", lawOf), ValueError, "'normal', which is taken"),  # an alias
        (("HeNormal", lawOf), ValueError, "'HeNormal', which is taken"),  # a class
        (("mine", 3), TypeError, "function must be one that can be called. Received: 3"),
        (("mine", lambda: None), TypeError, r"function must take \(connection, options\), or"),
        (("mine", lambda a, b, c: None), TypeError, r"function must take \(connection, options"),
    ],
)
def test_bad_names_and_functions_are_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        register(*arguments)
    assert "mine" not in initD


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"law": lawOf}, TypeError, "law is for functions of .inputShape, outputShape"),
        ({"law": 3}, TypeError, "law must be a function or None. Received: 3"),
        ({"formula": "2 / fan"}, ValueError, "quantity 'fan'. Did you mean 'fan_in'"),
        ({"formula": 3}, TypeError, "formula must be a str. Received: 3"),
        ({"words": 3}, TypeError, "words must be a str. Received: 3"),
        ({"references": ["doe2026"]}, ValueError, "unknown reference 'doe2026'"),
        ({"references": "he2015"}, TypeError, "must be a sequence of them. Received: 'he2015'"),
        (
            {"references": [Reference("he2015", "Doe, J.", "Another", 2015)]},
            ValueError,
            "must have new keys. Received: 'he2015'",
        ),
        (
            {"references": [Reference("doe2026", "Doe, J.", "T", 2026)], "formula": "x"},
            ValueError,
            "unknown quantity 'x'",
        ),
        ({"deterministc": True}, TypeError, "unexpected keyword"),
    ],
)
def test_what_the_catalogue_refuses_leaves_nothing_behind(settings, kind, message):
    with pytest.raises(kind, match=message):
        register("mine", lawOf, **settings)
    assert "mine" not in initD
    assert "mine" not in CATALOGUE
    assert "doe2026" not in REFERENCES


def test_only_what_was_registered_is_taken_back():
    with pytest.raises(ValueError, match="unknown registered initialisation 'heNormal'"):
        unregister("heNormal")
    assert "heNormal" in initD
