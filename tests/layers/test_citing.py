"""Whom to cite: the papers of what was used, all of them and no others."""

import re

import numpy as np
import pytest

from layers import (
    FC,
    Activation,
    Conv2D,
    Convolution,
    CReLU,
    Dense,
    Flatten,
    Representation,
    Residual,
    Sequential,
)
from lookslinear import initializers
from lookslinear.catalogue import CATALOGUE
from lookslinear.citing import cite
from lookslinear.references import REFERENCES


def keysOf(text):
    return set(re.findall(r"@\w+\{([\w-]+),", text))


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_name_gives_its_papers_once_or_says_that_there_are_none(name):
    entry, text = CATALOGUE[name], cite(name, name)
    assert keysOf(text) == {*entry.references, *entry.kernel_references}
    assert text.count("@") == len(keysOf(text))
    assert (f"% {name}: no paper" in text) == entry.folklore


@pytest.mark.parametrize(
    ("name", "options", "more"),
    [
        ("glorotNormal", {"mirror": True}, {"balduzzi2017"}),
        ("glorotNormal", {"mirror": 0.5}, {"balduzzi2017"}),
        ("glorotNormal", {"mirror": False}, set()),
        ("glorotNormal", {"relu": True}, {"he2015"}),
        ("glorotNormal", {"relu": True, "mirror": True}, {"balduzzi2017"}),  # relu is void
        ("glorotNormal", {"rescale": "suo"}, set()),  # without effect
        ("orthogonal", {"rescale": "suo"}, {"martens2021"}),
        ("orthogonal", {"rescale": "none"}, set()),
        ("lecunNormal", {"relu": True}, set()),
    ],
)
def test_options_bring_their_papers_where_they_have_an_effect(name, options, more):
    assert keysOf(cite(name, **options)) - keysOf(cite(name)) == more - keysOf(cite(name))
    assert more <= keysOf(cite(name, **options))


def test_a_looks_linear_network():
    mirrored = {"initialisation": "orthogonal", "initKWArgs": {"mirror": True}}
    x = Convolution(4, initialisation="heNormal")(Representation((3, 8, 8)))
    x = FC(5, **mirrored)(Flatten()(CReLU()(x)))
    # Nothing on orthogonal kernels: the only kernel is He's.
    assert keysOf(cite(x)) == {"he2015", "shang2016", "saxe2013", "mezzadri2007", "balduzzi2017"}
    assert "xiao2018" in keysOf(cite(Convolution(4, initialisation="orthogonal")(
        Representation((3, 8, 8)))))  # fmt: skip


def test_layers_of_keras_and_residual_blocks():
    def mine(shape, dtype=None):
        return np.zeros(shape, dtype)

    model = Sequential()
    model.add(Conv2D(4, 3, kernel_initializer="he_normal", input_shape=(1, 8, 8)))
    model.add(Residual([Activation("relu"), Convolution(4, initialisation="deltaOrthogonal")]))
    model.add(Flatten())
    model.add(Dense(6, kernel_initializer=mine))
    model.add(Dense(4, kernel_initializer=initializers.Mirrored("lecun_normal")))
    text = cite(model)
    assert keysOf(text) == {"he2015", "xiao2018", "balduzzi2017", "lecun1998"}
    assert text.startswith("% mine: not in the catalogue\n\n@")


def test_initialisers_are_found_by_their_class():
    assert keysOf(cite(initializers.HeUniform(seed=1), initializers.GlorotNormal)) == {
        "he2015",
        "glorot2010",
    }
    assert cite(initializers.RandomNormal()) == "% randomNormal: no paper"


def test_every_citation_is_one_of_the_table():
    assert keysOf(cite(*CATALOGUE, mirror=True, relu=True, rescale="suo")) <= set(REFERENCES)


def test_who_cites_nothing_is_told_what_can_be_cited():
    for options in ({}, {"mirror": True}):
        with pytest.raises(TypeError, match=r"at least one name of an initialis.* Received: none"):
            cite(**options)


@pytest.mark.parametrize(
    ("used", "options", "kind", "message"),
    [
        ("glorotNorml", {}, ValueError, r"'glorotNorml'\. Did you mean 'glorotNormal'"),
        (3, {}, TypeError, r"names of initialisations.*Received: 3"),
        (None, {}, TypeError, r"names of initialisations.*Received: None"),
        ("glorotNormal", {"mirror": "yes"}, TypeError, "mirror must be"),
        ("glorotNormal", {"mirrr": True}, TypeError, "unknown option 'mirrr'. Did you mean 'mir"),
    ],
)
def test_what_cannot_be_cited_is_refused(used, options, kind, message):
    with pytest.raises(kind, match=message):
        cite(used, **options)
