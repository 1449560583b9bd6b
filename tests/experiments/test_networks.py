"""Networks: the shapes and laws of an arm's stages, one after another."""

import pytest

from experiments.arms import Arm
from experiments.networks import stagesOf


def shapes(text, inputShape, network, **sizes):
    return [stage.law.shape for stage in stagesOf(Arm.parse(text), inputShape, network, **sizes)]


def test_dense_shapes():
    assert shapes("heNormal/relu", (64,), "dense", depth=3, width=8) == [(64, 8), (8, 8), (8, 8)]
    assert shapes("heNormal/crelu", (64,), "dense", depth=3, width=8) == [(64, 8)] + 2 * [(16, 8)]
    assert shapes("heNormal/relu", (5,), "dense", depth=1, width=8) == [(5, 8)]


def test_convolution_shapes():
    first, inner = (8, 3, 5, 5), (8, 8, 5, 5)
    assert shapes("heNormal/tanh", (3, 6, 9), "conv", depth=3, width=8, s=5) == [
        first,
        inner,
        inner,
    ]
    assert shapes("heNormal/crelu", (3, 6, 9), "conv", depth=2, width=8, s=1) == [
        (8, 3, 1, 1),
        (8, 16, 1, 1),
    ]


def test_the_layer_that_reads_the_data_is_linear_and_never_mirrored():
    first, second, third = stagesOf(
        Arm.parse("orthogonal+mirror/crelu"), (63,), "dense", depth=3, width=8
    )
    assert (first.activation.name, first.law.mirror) == ("linear", False)
    assert (second.activation.name, second.law.mirror) == ("crelu", True)
    assert second is third


def test_options_reach_every_law():
    for stage in stagesOf(Arm.parse("glorotNormal+relu/relu"), (8,), "dense", depth=3, width=8):
        assert stage.law.variance == pytest.approx(2 / 8)


def test_an_even_filter_would_make_images_grow():
    with pytest.raises(ValueError, match=r"s must be odd for network 'conv'.*Received: 4"):
        stagesOf(Arm.parse("heNormal/relu"), (1, 8, 8), "conv", depth=2, width=4, s=4)
    assert shapes("heNormal/relu", (8,), "dense", depth=1, width=4, s=4) == [(8, 4)]
