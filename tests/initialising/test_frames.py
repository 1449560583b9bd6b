"""Orthogonal weights: modes, groups, gates, gains; kernels that keep norms."""

import math

import numpy as np
import pytest

from utilityFunctions import theano
from initialisations import initD
from lookslinear.checks import check_draw
from lookslinear.sampling import standard_normal
from tests.oracles import conv2d_oracle


def stored(name, *shapes, **options):
    with theano.config.change_flags(floatX="float64"):
        return initD[name](*shapes, **options)[0].get_value()


@pytest.mark.parametrize(
    ("mode", "shapes"),
    [
        ("auto", [(8, 3), (3, 8), (5, 5)]),
        ("projection", [(8, 3), (5, 5)]),
        ("embedding", [(3, 8), (5, 5)]),
        ("basis", [(5, 5)]),
    ],
)
def test_modes_take_their_shapes_and_refuse_the_others(mode, shapes):
    for read, written in ((8, 3), (3, 8), (5, 5)):
        for sides in ((), (6, 6)):
            asked = (read, *sides), (written, *sides)
            if (read, written) in shapes:
                weight = stored("orthogonal", *asked, mode=mode, rescale="none", rng=1)
                frame = weight[:, :, 1, 1].T if sides else weight
                kept = frame.T @ frame if written <= read else frame @ frame.T
                np.testing.assert_allclose(kept, np.eye(min(read, written)), atol=1e-12)
            else:
                with pytest.raises(ValueError, match=rf"mode='{mode}' needs .*{read} to {written}"):
                    initD["orthogonal"](*asked, mode=mode)


def test_modes_look_at_what_is_drawn():
    # Of 8 stored inputs a mirrored weight draws 4; of 20 filters each of 5 gates has 4.
    assert initD["orthogonal"].law((8,), (4,), mirror=True, mode="basis").gain == 1
    assert initD["orthogonal"].law((4,), (20,), perBlock=5, mode="basis").gain == 1


def test_each_gate_is_orthogonal():
    weight = stored("orthogonal", (12,), (48,), perBlock=4, rng=1)
    for gate in np.split(weight, 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(12), atol=1e-12)
    joint = stored("orthogonal", (12,), (48,), rng=1)[:, :12]
    assert np.abs(joint.T @ joint - np.eye(12)).max() > 0.1
    # Fans count one gate, so that gates of Glorot's weights are as large as if drawn one by one.
    gates = initD["glorotNormal"].law((12,), (48,), perBlock=4)
    assert gates.variance == initD["glorotNormal"].law((12,), (12,)).variance
    assert initD["heNormal"].law((12,), (48,), perBlock=4).variance == pytest.approx(1 / 6)


@pytest.mark.parametrize("name", ["orthogonal", "orthogonalConvolution"])
def test_each_group_is_orthogonal(name):
    kernel = stored(name, (12, 5, 5), (24, 5, 5), groups=3, rescale="none", rng=1)
    assert kernel.shape == (24, 4, 3, 3)
    for group in np.split(kernel, 3, axis=0):
        still = group.sum(axis=(2, 3))  # of either kind a frame
        np.testing.assert_allclose(still.T @ still, np.eye(4), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("glorotNormal", 2 / (4 * 9 + 8 * 9)),
        ("heUniform", 2 / (4 * 9)),
        ("lecunNormal", 1 / (4 * 9)),
        ("kaimingNormal", 2 / (4 * 9)),
    ],
)
def test_fans_of_grouped_kernels_are_those_of_one_group(name, variance):
    law = initD[name].law((12, 5, 5), (24, 5, 5), groups=3)
    assert law.variance == pytest.approx(variance, rel=1e-12)
    assert check_draw(initD[name]((12, 5, 5), (24, 5, 5), groups=3, rng=1)[0].get_value(), law)


def test_dirac_knows_the_groups_too():
    kernel = stored("dirac", (4, 5, 5), (4, 5, 5), groups=2)
    images = standard_normal((2, 4, 5, 5), 1, "float64")
    passed = [
        conv2d_oracle(images[:, part], kernel[part], padding=(1, 1))
        for part in (slice(0, 2), slice(2, 4))
    ]
    np.testing.assert_array_equal(np.concatenate(passed, axis=1), images)


@pytest.mark.parametrize("options", [{}, {"relu": True}, {"activation": "tanh"}, {"gain": 0.7}])
def test_orthogonal_convolutions_keep_norms_on_a_torus(options):
    kernel = stored("orthogonalConvolution", (4, 6, 6), (4, 6, 6), rng=1, **options)
    gain = {"relu": 2**0.5, "activation": 1.592537419722831}.get(next(iter(options), ""), 1.0)
    gain = options.get("gain", gain)
    images = standard_normal((3, 4, 6, 6), 2, "float64")
    wrapped = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="wrap")
    kept = (conv2d_oracle(wrapped, kernel) ** 2).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(kept, gain**2 * (images**2).sum(axis=(1, 2, 3)), rtol=1e-12)


def test_an_orthogonal_convolution_of_one_tap_is_a_frame():
    for shapes in (((4,), (7,)), ((4, 6, 6), (7, 6, 6))):
        law = initD["orthogonalConvolution"].law(*shapes, s=1, rescale="suo")
        assert law.gain == pytest.approx(math.sqrt(7 / 4))


@pytest.mark.parametrize(
    ("shapes", "options", "kind", "message"),
    [
        (((4,), (6,)), {"mode": "squre"}, ValueError, "unknown mode 'squre'.*auto, basis"),
        (((4,), (6,)), {"mode": None}, ValueError, "unknown mode None"),
        (
            ((4,), (6,)),
            {"perBlock": 4},
            ValueError,
            "perBlock blocks.*4 to 6.*perBlock 4",
        ),
        (((4,), (6,)), {"perBlock": 0}, ValueError, "perBlock must be at least 1. Received: 0"),
        (((4,), (6,)), {"perBlock": True}, TypeError, "perBlock must be a whole number"),
        (((4,), (6,)), {"groups": 2}, ValueError, "groups are for kernels.*groups 2"),
        (((4, 8, 8), (6, 8, 8)), {"groups": 3}, ValueError, "split evenly into groups.*groups 3"),
        (((6, 8, 8), (4, 8, 8)), {"groups": 3}, ValueError, "split evenly into groups.*groups 3"),
        (
            ((4, 8, 8), (6, 8, 8)),
            {"groups": 2, "mirror": True},
            ValueError,
            "groups are for kernels that are not mirrored",
        ),
        (((4, 8, 8), (6, 8, 8)), {"groups": 2.0}, TypeError, "groups must be a whole number"),
        (((4, 8, 8), (6, 8, 8)), {"groups": -1}, ValueError, "groups must be at least 1"),
    ],
)
def test_bad_options(shapes, options, kind, message):
    with pytest.raises(kind, match=message):
        initD["orthogonal"](*shapes, **options)
