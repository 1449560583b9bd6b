"""Arms: what a word of the command line stands for, and what is refused with which help."""

import numpy as np
import pytest

from experiments.arms import Arm, parseArms
from initialisations import initD


def test_a_bare_arm():
    arm = Arm.parse("glorotNormal/relu")
    assert (arm.name, arm.initialisation, dict(arm.options)) == (
        "glorotNormal/relu",
        "glorotNormal",
        {},
    )
    assert arm.activation.name == "relu"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("+mirror", {"mirror": True}),
        ("+mirror=True", {"mirror": True}),
        ("+mirror=False", {"mirror": False}),
        ("+mirror=0.5", {"mirror": 0.5}),
        ("+relu+mirror", {"relu": True, "mirror": True}),
        ("+signalPriorities=0,1", {"signalPriorities": (0, 1)}),
        ("+signalPriorities=.5,1e-2", {"signalPriorities": (0.5, 0.01)}),
        ("+rescale=suo", {"rescale": "suo"}),
        (
            "+pooling+poolingScale=auto+rho=-0.2",
            {"pooling": True, "poolingScale": "auto", "rho": -0.2},
        ),
        ("+poolingScale=2", {"poolingScale": 2}),
    ],
)
def test_options_and_their_values(words, options):
    arm = Arm.parse(f"orthogonal{words}/crelu")
    assert dict(arm.options) == options
    assert [type(value) for value in arm.options.values()] == [type(v) for v in options.values()]


@pytest.mark.parametrize("text", ["0.2", "-0.5", "1e-3", ".25"])
def test_leaky_slopes(text):
    assert Arm.parse(f"heNormal/leakyRelu({text})").activation.slopes == (float(text), 1.0)


def test_every_initialisation_makes_an_arm():
    for name in initD:
        assert Arm.parse(f"{name}+mirror/crelu").initialisation == name


@pytest.mark.parametrize(
    "text",
    ["", "/", "heNormal", "heNormal/", "/relu", "+mirror/relu", "he++mirror/relu", "he+/relu"],
)
def test_another_syntax_is_refused_with_an_example(text):
    with pytest.raises(
        ValueError, match=r"arm must be INIT.*such as orthogonal\+mirror/crelu"
    ) as e:
        Arm.parse(text)
    assert f"Received: {text!r}" in str(e.value)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("orthogonl/relu", ValueError, "initialisation 'orthogonl'. Did you mean 'orthogonal'"),
        ("heNormal/rellu", ValueError, "activation 'rellu'. Did you mean 'relu'"),
        ("heNormal/leakyRelu(1.2.3)", ValueError, "activation 'leakyRelu.1.2.3.'"),
        ("heNormal/relu/x", ValueError, "activation 'relu/x'"),
        (
            "heNormal/leakyRelu(x)",
            ValueError,
            "activation 'leakyRelu.x.'. Did you mean 'leakyRelu'",
        ),
        ("heNormal+mirrror/crelu", TypeError, "option 'mirrror'. Did you mean 'mirror'"),
        ("heNormal+=3/relu", TypeError, "unknown option ''"),
        ("heNormal+mirror=yes/crelu", TypeError, "mirror must be True, False or a n.*: 'yes'"),
        ("heNormal+mirror=/crelu", TypeError, "mirror must be True, False or a number.*: ''"),
        ("heNormal+mirror=1.5/crelu", ValueError, "mirror must be.*from 0 to 1. Received: 1.5"),
        ("heNormal+signalPriorities=0,0/relu", ValueError, "signalPriorities.*not both zero"),
        ("heNormal+signalPriorities=1e999,1/relu", ValueError, "signalPriorities must be finite"),
        ("heNormal+signalPriorities=((1/relu", TypeError, r"signalPriorities.*Received: '\(\(1'"),
        ("orthogonal+rescale=sou/relu", ValueError, "rescale 'sou'. Did you mean 'suo'"),
        ("orthogonal+rho=7/relu", ValueError, "rho must be above -1/3.*Received: 7"),
        ("heNormal+mirror+mirror=False/crelu", ValueError, "name each option once. Received: 'he"),
    ],
)
def test_bad_names_and_values(text, kind, message):
    with pytest.raises(kind, match=message):
        Arm.parse(text)


@pytest.mark.parametrize(
    ("option", "argument"), [("s=5", "--s"), ("rng=1", "--seed"), ("s", "--s")]
)
def test_what_all_arms_share_is_set_elsewhere(option, argument):
    with pytest.raises(
        ValueError, match=rf"the same for all arms: set it by {argument}\. Received"
    ):
        Arm.parse(f"heNormal+{option}/relu")


def test_several_arms():
    texts = ["heNormal/relu", "heNormal/tanh", "heNormal+mirror/crelu"]
    assert [arm.name for arm in parseArms(texts)] == texts
    with pytest.raises(
        ValueError, match=r"each arm must stand once\. Received twice: 'heNormal/relu'"
    ):
        parseArms([*texts, "heNormal/relu"])
    with pytest.raises(ValueError, match="at least one arm"):
        parseArms([])


def test_activations_of_arms_compute():
    x = np.array([[-1.0, 2.0]])
    assert Arm.parse("heNormal/leakyRelu(0.2)").activation.function(x).tolist() == [[-0.2, 2.0]]
