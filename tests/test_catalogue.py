"""The catalogue beside the registry: each entry of initD has its line, which does not lie."""

import math

import pytest

from initialisations import initD
from lookslinear.catalogue import CATALOGUE, entry_of, own_options
from lookslinear.connections import Options
from lookslinear.laws import FIXED

#: Fans that differ by more than a factor of 2, both ways.
SHAPES = (((24,), (60,)), ((60,), (24,)), ((24, 8, 8), (60, 8, 8)), ((60, 8, 8), (24, 8, 8)))
OPTIONS = (
    {},
    {"s": (5, 2)},
    {"relu": True},
    {"mirror": True},
    {"mirror": True, "relu": True},
    {"signalPriorities": (0.0, 1.0)},
    {"signalPriorities": (3, 1)},
    {"gain": 1.5},
)


@pytest.mark.parametrize("name", sorted(initD))
def test_each_initialisation_has_an_entry_whose_formula_is_its_variance(name):
    entry = entry_of(name)
    assert entry.kind == "layer"
    for shapes in SHAPES:
        for options in OPTIONS:
            if "gain" in options and "gain" in initD[name].own:
                continue  # an argument of the formula
            law = initD[name].law(*shapes, **options)
            assert entry.deterministic == (law.family in FIXED)
            if entry.formula:
                told = entry.variance(law, Options(**options))
                assert math.isclose(told, law.variance, rel_tol=1e-12), (shapes, options)


#: For each option of all entries two values of it, with options that it has an effect with.
VARIED = {
    "relu": ({}, {"relu": True}),
    "pooling": ({}, {"pooling": True}),
    "signalPriorities": ({}, {"signalPriorities": (0, 1)}),
    "rescale": ({}, {"rescale": "none"}),
    "poolingScale": ({"pooling": True}, {"pooling": True, "poolingScale": 0.3}),
    "rho": (
        {"pooling": True, "poolingScale": "auto"},
        {"pooling": True, "poolingScale": "auto", "rho": 0.5},
    ),
    "activation": ({}, {"activation": "tanh"}),
    "gain": ({}, {"gain": 1.5}),
}


def lawOf(name, shapes, options):
    """The law, or that these options are refused, which is an effect as well."""
    try:
        return initD[name].law(*shapes, **options)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("name", sorted(initD))
def test_each_entry_names_the_options_that_have_an_effect(name):
    told = set(entry_of(name).options)
    for option, (before, after) in VARIED.items():
        if option in initD[name].own:
            continue
        laws = [[lawOf(name, shapes, given) for shapes in SHAPES] for given in (before, after)]
        assert (laws[0] != laws[1]) == (option in told), option


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name in initD])
def test_each_entry_names_the_options_of_its_own(name):
    # Of classes: where entries share the option, and axes, which shapes of layers name.
    shared = {"activation", "gain", "mirror", "input_axes", "output_axes"}
    assert set(initD[name].own) - shared == set(own_options(CATALOGUE[name])) - shared
