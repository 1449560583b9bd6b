"""The audit: planted laws are found, wrong ones are not; PyTorch's and Keras's own weights."""

import math
from pathlib import Path

import numpy as np
import pytest

from lookslinear.activations import ACTIVATIONS
from lookslinear.audit import CANDIDATES, LEAST, MOST, Audit, audit
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, dense_law
from lookslinear.sampling import draw

FOLDER = Path(__file__).with_name("audited")
KERNEL = axes_of(4)


def one(array, *args, **kwargs):
    [found] = audit({"w": array}, *args, **kwargs)
    return found


def stored(library):
    return audit(dict(np.load(FOLDER / f"{library}.npz")), library)


#: What each library drew, and the laws of which one must be found; no other family may be.
DRAWN = {
    "torch": {
        "0.weight": "torchDefaultUniform",
        "2.weight": "torchDefaultUniform",
        "2.bias": "torchDefaultUniform",
        "init.orthogonal": "Orthogonal",
        "init.kaimingNormal": "heNormal",
        "init.xavierUniform": "glorotUniform",
        "init.xavierNormal": "glorotNormal",
        "init.dirac": "dirac",
        "1.weight": "ones",
        "1.running_mean": "zeros",
    },
    "keras": {
        "dense.glorot_uniform.kernel": "glorotUniform",
        "dense.he_normal.kernel": "HeNormal",
        "dense.he_uniform.kernel": "heUniform",
        "dense.lecun_normal.kernel": "LecunNormal",
        "dense.glorot_normal.kernel": "GlorotNormal",
        "dense.glorot_normal.bias": "zeros",
        "conv.kernel": "glorotUniform",
        "lstm.kernel": "glorotUniform",
        "lstm.recurrent": "Orthogonal",
    },
}
#: Names that stand for one law, or for laws that a thousand entries do not tell apart.
ALIKE = (
    {"glorotNormal", "GlorotNormal", "glorotUniform", "truncated"},
    {"heNormal", "HeNormal", "kaimingNormal"},
    {"heUniform", "kaimingUniform"},
    {"lecunNormal", "LecunNormal", "varianceScaling"},
    {"zeros", "constant"},
)
#: What thirty numbers of about 1/20 can be too.
SHORT = {"randomNormal"}


@pytest.mark.parametrize("library", DRAWN)
def test_other_libraries_defaults_are_recognised(library):
    found = {audited.name: audited for audited in stored(library)}
    for name, law in DRAWN[library].items():
        assert law in found[name].consistent, found[name]
        allowed = {law}.union(*(alike for alike in ALIKE if law in alike))
        allowed |= SHORT if found[name].kind == "vector" else set()
        assert set(found[name].consistent) <= allowed, found[name]
        assert found[name].haar in (None, law == "Orthogonal")


def test_what_is_no_weight_is_left_with_a_reason():
    found = {audited.name: audited for audited in stored("torch")}
    assert found["1.num_batches_tracked"].kind == "other"
    assert "holds int64, not floating-point" in found["1.num_batches_tracked"].reason
    assert found["1.bias"].kind == "vector"
    assert found["2.bias"].reason == "30 entries tell few laws apart"
    bad = {
        "nan": np.array([[1.0, np.nan]]),
        "none": np.zeros((0, 3)),
        "number": np.ones(()),
        "deep": np.zeros((1,) * 6),
        "words": np.array(["a"]),
        "large": np.full((8, 8), 1e200),
        "small": np.full((8, 8), 1e-200),
    }
    reasons = [audited.reason for audited in audit(bad)]
    for reason, words in zip(
        reasons,
        (
            "1 numbers that are not finite",
            "holds no numbers",
            "has 0 axes",
            "has 6 axes",
            "<U1",
            "is of size 1e+200",
            "is of size 1e-200",
        ),
        strict=True,
    ):
        assert words in reason


def test_the_layout_decides_what_is_fan_in():
    weights = dict(np.load(FOLDER / "torch.npz"))
    he = {"w": weights["init.kaimingNormal"]}
    assert "heNormal" in audit(he, "torch")[0].consistent
    assert "heNormal" not in audit(he, "theano")[0].consistent
    assert "heNormal" not in audit(he, "keras")[0].consistent
    kernel = dict(np.load(FOLDER / "keras.npz"))["conv.kernel"]
    turned = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
    keras, theano = one(kernel, "keras", "relu"), one(turned, "theano", "relu")
    assert keras.consistent == theano.consistent
    assert keras.forward_gain == pytest.approx(theano.forward_gain, rel=1e-12)


@pytest.mark.parametrize("name", CANDIDATES)
def test_planted_laws_are_found_and_half_as_large_ones_are_not(name):
    for shape in ((60, 24), (24, 60), (40, 10, 3, 3), (10, 40, 3, 3)):
        try:
            law = CANDIDATES[name](shape, "float32")
        except ValueError:
            continue
        weight = draw(law, rng=3)
        assert name in one(weight).consistent
        if weight.any():
            assert name not in one(weight * np.float32(0.5)).consistent


def test_mirrors_are_measured_to_their_degree():
    for degree in (0, 0.3, 0.9, True):
        law = dense_law(200, 100, "normal", 0.1, mirror=degree)
        found = one(draw(law, rng=5))
        # The standard error of a correlation r of 10^4 pairs is (1 - r^2) / 100.
        assert abs(found.input_mirror - degree) <= 5 * (1 - degree**2) / 100
        assert abs(found.output_mirror) < 5 / 100
    law = WeightLaw((30, 40, 3, 3), KERNEL, "normal", 0.1, mirror=True)
    assert one(draw(law, rng=5)).input_mirror == 1
    assert one(-np.ones((4, 2))).input_mirror == pytest.approx(-1)
    assert math.isnan(one(np.ones((3, 2))).input_mirror)
    block = draw(dense_law(20, 30, "haar", 0.1), rng=5)
    both = np.block([[block, -block], [-block, block]])
    found = one(both)
    assert (found.input_mirror, found.output_mirror, found.haar) == (1, 1, True)


def test_frames_are_told_from_what_only_looks_like_one():
    frame = draw(dense_law(64, 32, "haar", 0.3), rng=5)
    assert one(frame).haar is True
    assert one(frame).orthogonality < 1e-6
    assert one(frame.T).haar is True
    raw = np.linalg.qr(draw(dense_law(64, 32, "normal", 1.0), rng=5))[0]  # signs not random
    assert one(raw).orthogonality < 1e-6
    assert one(raw).haar is False
    assert one(np.eye(64, 32, dtype="float32")).haar is False
    loose = one(draw(dense_law(64, 32, "normal", 1 / 8), rng=5))
    assert loose.haar is False
    # Of n x k independent normal entries E tr (W'W)^2 gives (k + 1) / n, to first order.
    assert loose.orthogonality == pytest.approx(math.sqrt(33 / 64), rel=0.1)
    delta = draw(WeightLaw((8, 12, 3, 3), KERNEL, "haar", 0.3, "centre"), rng=5)
    assert one(delta).haar is True
    assert one(np.zeros((4, 4))).haar is None


@pytest.mark.parametrize("phi", ["linear", "relu", "crelu", "tanh", "gelu"])
def test_gains_are_those_of_these_very_weights(phi):
    """Against many independent normal inputs, through the weight itself; mean of the weights 0.1:
    the coherent part of a ReLU's output matters."""
    activation, samples = ACTIVATIONS[phi], 20_000
    units = 6
    read = 2 * units if activation.doubles else units
    weight = draw(dense_law(read, 5, "normal", 0.3, mean=0.1, dtype="float64"), rng=2)
    generator = np.random.default_rng(4)
    h, g = generator.normal(size=(samples, units)), generator.normal(size=(samples, 5))
    found = one(weight, "theano", phi)
    behind = np.square(activation.function(h) @ weight).mean(axis=1)
    back = (g @ weight.T) * activation.derivative(h)
    back = back[:, :units] + back[:, units:] if activation.doubles else back
    for measured, gain in (
        (behind, found.forward_gain),
        (np.square(back).mean(axis=1), found.backward_gain),
    ):
        assert abs(measured.mean() - gain) < 5 * measured.std() / math.sqrt(samples)


def test_gains_of_kernels_are_those_without_a_border():
    weight = draw(WeightLaw((3, 4, 3, 3), KERNEL, "normal", 0.3, mean=0.1, dtype="float64"), rng=2)
    samples = 4000
    images = np.random.default_rng(4).normal(size=(samples, 4, 3, 3))
    # One position of the output reads 3 x 3 of them: no border, and no overlap of outputs.
    outputs = np.einsum("nirc,oirc->no", np.maximum(images, 0), weight)
    measured = np.square(outputs).mean(axis=1)
    gain = one(weight, "theano", "relu").forward_gain
    assert abs(measured.mean() - gain) < 5 * measured.std() / math.sqrt(samples)
    odd = one(weight[:, :3], "theano", "crelu")
    assert math.isnan(odd.forward_gain)
    assert "crelu gives an even number of channels, not 3" in odd.reason


def test_all_sizes_that_are_looked_at_are_looked_at_whole():
    weight = draw(dense_law(30, 40, "normal", 1.0, dtype="float64"), rng=1)
    told = [one(weight * size / np.abs(weight).max()) for size in (LEAST * 1.001, 1.0, MOST)]
    for name in ("orthogonality", "input_mirror", "forward_gain"):
        assert all(math.isfinite(getattr(audited, name)) for audited in told)
    assert told[0].orthogonality == pytest.approx(told[1].orthogonality, rel=1e-12)
    assert told[2].input_mirror == pytest.approx(told[1].input_mirror, rel=1e-9)


def test_own_candidates_take_the_place_of_the_catalogue():
    mine = {"mine": lambda shape, dtype: dense_law(*shape, "normal", 0.5, dtype=dtype)}
    weight = draw(dense_law(30, 40, "normal", 0.5), rng=1)
    assert one(weight, candidates=mine).consistent == ("mine",)
    assert one(weight, candidates={}).consistent == ()
    assert one(weight.astype("float64"), candidates=mine).consistent == ("mine",)
    assert isinstance(one(weight), Audit)


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((np.ones(3),), TypeError, "weights must be a mapping from names to arrays"),
        (({"w": [1.0]},), TypeError, r"each of weights must be an array. Received: 'w', list"),
        (({3: np.ones((3, 3))},), TypeError, "each name of weights must be a str. Received: 3"),
        (({}, "keras", "relu", ["mine"]), TypeError, "candidates must be a mapping"),
        (({}, "keras", "relu", {"mine": 3}), TypeError, "candidates must be a mapping.*3"),
        (({}, "tensorflow"), ValueError, "unknown layout 'tensorflow'"),
        (({}, "Keras"), ValueError, "'Keras'.*Did you mean 'keras'"),
        (({}, "keras", "rellu"), ValueError, "'rellu'.*Did you mean 'relu'"),
    ],
)
def test_bad_input_is_refused(arguments, kind, message):
    with pytest.raises(kind, match=message):
        audit(*arguments)
