"""Initialisations: each entry of the registry is held to its law, and each law to its formula."""

import functools
import math
import os
import subprocess
import sys

import numpy as np
import pytest

import initialisations
from utilityFunctions import T, cast, compileFunction, theano
from initialisations import initD
from initialising import initialisation
from lookslinear.checks import check_draw
from tests.oracles import conv2d_oracle, crelu_oracle

NAMES = (
    "glorotNormal",
    "glorotUniform",
    "heNormal",
    "heUniform",
    "identity",
    "lecunNormal",
    "lecunUniform",
    "orthogonal",
    "zeros",
)
RANDOM = tuple(name for name in NAMES if name not in ("identity", "zeros"))
# Fans in and out that differ by more than a factor of 2, both ways.
SHAPES = {
    "dense, wide": ((24,), (60,), None),
    "dense, tall": ((60,), (24,), None),
    "conv 3x3": ((24, 8, 8), (60, 8, 8), (3, 3)),
    "conv 1x1": ((60, 8, 8), (24, 8, 8), (1, 1)),
    "conv 4x2": ((60, 8, 8), (24, 8, 8), (4, 2)),
}
OPTIONS = (
    {},
    {"relu": True},
    {"mirror": True},
    {"mirror": True, "relu": True},
    {"signalPriorities": (0, 1)},
    {"signalPriorities": (1.0, 3.0)},
    {"rescale": "none"},
    {"rescale": "suo"},
    {"pooling": True},
    {"pooling": True, "mirror": True},
    {"pooling": True, "poolingScale": "auto", "rho": 0.5},
    {"pooling": True, "poolingScale": 0.3},
)


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    with theano.config.change_flags(floatX=request.param):
        yield request.param


def stored(name, inputShape, outputShape, **options):
    return initD[name](inputShape, outputShape, **options)[0].get_value()


def shapesFor(options):
    """The shapes that take these options, with the filter's sides among them."""
    for inputShape, outputShape, s in SHAPES.values():
        small = s is not None and min(s) < 2
        if not (options.get("pooling") and small):
            yield inputShape, outputShape, {**options, "s": s or (3, 3)}


#: Entries with options of their own, which have tests of their own in tests/initialisations.
SPECIAL = (
    *("fixedNorm", "icnr", "kaimingNormal", "kaimingUniform", "looksLinear"),
    *("orthogonalConvolution", "siren", "torchDefaultUniform", "truncated", "zerO"),
)


def test_the_registry_holds_these_names_and_those_of_keras():
    keras = initialisations.TensorInitialisation
    found = {name for name in initD if not isinstance(initD[name], keras)}
    assert found == {*NAMES, *SPECIAL}
    assert isinstance(initD["randomNormal"], keras)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_drawn_keeps_its_law(name, options, dtype):
    for inputShape, outputShape, complete in shapesFor(options):
        weight, bias = initD[name](inputShape, outputShape, rng=7, **complete)
        law = initD[name].law(inputShape, outputShape, **complete)
        verdict = check_draw(weight.get_value(), law)
        assert verdict, f"{inputShape} to {outputShape}, {complete}:\n{verdict}"

        conv = len(inputShape) == 3
        channels = (outputShape[0], inputShape[0])
        assert law.shape == ((*channels, *complete["s"]) if conv else channels[::-1])
        assert weight.dtype == bias.dtype == weight.get_value().dtype == dtype
        assert weight.broadcastable == (False,) * len(law.shape)
        assert bias.get_value().shape == ((1, outputShape[0], 1, 1) if conv else (1, *outputShape))
        assert bias.broadcastable == ((True, False, True, True) if conv else (True, False))
        assert not bias.get_value().any()
        assert (weight.name, bias.name) == ("weight", "bias")


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_law_of_something_else_is_rejected(name, shape):
    inputShape, outputShape, s = SHAPES[shape]
    drawn = functools.partial(stored, name, inputShape, outputShape, s=s or 3, rng=7)
    law = initD[name].law(inputShape, outputShape, s=s or 3)
    assert check_draw(drawn(), law)
    factor = math.sqrt(2)
    mutants = {
        "a factor of 2": drawn() * drawn().dtype.type(factor),
        "the other dtype": drawn().astype("float16"),
        "swapped channels": np.swapaxes(drawn(), 0, 1),
        "another family": drawn().std() * np.sign(drawn()),
    }
    # The swap in which fans and not only axes change places: the scale is that of the other way.
    other = initD[name].law(outputShape, inputShape, s=s or 3)
    if not math.isclose(other.variance, law.variance):
        mutants["swapped fans"] = drawn() * drawn().dtype.type(
            math.sqrt(other.variance / law.variance)
        )
    for what, mutant in mutants.items():
        assert not check_draw(mutant, law), what

    axis = 1 if s else 0
    mirrored = initD[name].law(inputShape, outputShape, s=s or 3, mirror=True)
    assert check_draw(drawn(mirror=True), mirrored)
    half = np.split(drawn(mirror=True), 2, axis)[0]
    assert not check_draw(np.concatenate([half, half], axis), mirrored)


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    draw = functools.partial(stored, name, (12, 8, 8), (10, 8, 8))
    np.testing.assert_array_equal(draw(rng=3), draw(rng=3))
    np.testing.assert_array_equal(draw(rng=3), draw(rng=np.random.SeedSequence(3)))
    np.testing.assert_array_equal(draw(rng=3), draw(rng=np.random.default_rng(3)))
    kept = draw(rng=3) != 0  # off the centre tap both are zero
    assert not (draw(rng=3) == draw(rng=4))[kept].any()
    assert not (draw() == draw())[kept].any()
    generator = np.random.default_rng(3)
    assert not (draw(rng=generator) == draw(rng=generator))[kept].any()


def test_asking_for_the_law_draws_nothing(monkeypatch):
    monkeypatch.setattr(initialisation, "draw", None)
    for name in NAMES:
        assert initD[name].law((4,), (6,)).shape == (4, 6)


# Formulas, written again


def glorotVariance(cin, cout, taps, a=1, p0=1, p1=1):
    return (p0 + p1) * a / (p1 * cin * taps + p0 * cout * taps)


@pytest.mark.parametrize("family", ["Normal", "Uniform"])
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, glorotVariance(24, 60, 9)),
        ({"relu": True}, glorotVariance(24, 60, 9, a=2)),
        ({"mirror": True}, glorotVariance(12, 60, 9)),
        ({"mirror": True, "relu": True}, glorotVariance(12, 60, 9)),
        ({"signalPriorities": (0, 1)}, 1 / (24 * 9)),
        ({"signalPriorities": [1, 0]}, 1 / (60 * 9)),
        ({"signalPriorities": (1, 3), "relu": True}, glorotVariance(24, 60, 9, 2, 1, 3)),
        ({"signalPriorities": (0, 1), "mirror": True}, 1 / (12 * 9)),
    ],
    ids=str,
)
def test_glorot_variance(family, options, expected):
    law = initD["glorot" + family].law((24, 8, 8), (60, 8, 8), **options)
    assert law.variance == pytest.approx(expected, rel=1e-12)
    weight = stored("glorot" + family, (24, 8, 8), (60, 8, 8), rng=0, **options)
    # The second half of a mirrored weight repeats the first, so it has half of the numbers.
    count = weight.size // (1 + options.get("mirror", False))
    # The relative error of a mean square is sqrt((kurtosis - 1) / n): kurtosis 3 and 9/5.
    error = math.sqrt((2 if family == "Normal" else 0.8) / count)
    measured = float(np.mean(np.square(weight, dtype=float)))
    assert abs(measured / expected - 1) < 5 * error
    assert abs(measured / (2 * expected) - 1) > 5 * error


@pytest.mark.parametrize("family", ["Normal", "Uniform"])
@pytest.mark.parametrize(
    ("name", "mirror", "numerator", "fan"),
    [
        ("he", False, 2, 24 * 9),
        ("he", True, 1, 12 * 9),
        ("lecun", False, 1, 24 * 9),
        ("lecun", True, 1, 12 * 9),
    ],
)
def test_he_and_lecun_variance(name, family, mirror, numerator, fan):
    law = initD[name + family].law((24, 8, 8), (60, 8, 8), mirror=mirror, relu=True)
    assert law.variance == pytest.approx(numerator / fan, rel=1e-12)
    assert law.family == family.lower()


@pytest.mark.parametrize("name", ["glorotUniform", "heUniform", "lecunUniform"])
def test_uniform_weights_fill_their_bounds_and_do_not_pass_them(name):
    law = initD[name].law((200,), (100,))
    bound = math.sqrt(3 * law.variance)
    largest = np.abs(stored(name, (200,), (100,), rng=0)).max()
    # The largest of n = 20,000 misses the bound by a share of 1 / n on average; below, 30 times it.
    assert 1 - 30 / 20_000 < largest / bound <= 1 + 1e-6


def frames(weight, s=None):
    """The (channels in before doubling, filters) matrix in the centre tap, or the dense weight."""
    if s is None:
        return weight
    return weight[:, :, (s[0] - 1) // 2, (s[1] - 1) // 2].T


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("rescale", ["glorot", "none", "suo"])
def test_orthogonal_singular_values(shape, mirror, relu, rescale, dtype):
    inputShape, outputShape, s = SHAPES[shape]
    cin, cout = inputShape[0] // (1 + mirror), outputShape[0]
    a = 2 if relu and not mirror else 1
    gain = math.sqrt(a) * {
        "glorot": math.sqrt(2 * max(cin, cout) / (cin + cout)),
        "none": 1,
        "suo": max(math.sqrt(cout / cin), 1),
    }.get(rescale)
    weight = stored(
        "orthogonal",
        inputShape,
        outputShape,
        s=s or 3,
        mirror=mirror,
        relu=relu,
        rescale=rescale,
        rng=1,
    )
    frame = frames(weight, s)
    if s is not None:  # nothing beside the centre tap
        assert np.count_nonzero(weight) == np.count_nonzero(frame) == frame.size
    if mirror:
        np.testing.assert_array_equal(frame[cin:], -frame[:cin])
        frame = frame[:cin]
    square = frame.T @ frame if cout <= cin else frame @ frame.T
    # Rounding of max(cin, cout) = 60 products and of the frame itself, with room for both.
    tolerance = 10 * math.sqrt(60) * np.finfo(dtype).eps * gain**2
    np.testing.assert_allclose(square, gain**2 * np.eye(len(square)), rtol=0, atol=tolerance)


def test_default_rescaling_is_glorot_and_keeps_a_square_frame_orthogonal():
    weight = stored("orthogonal", (30,), (30,), rng=0)
    np.testing.assert_allclose(weight.T @ weight, np.eye(30), atol=1e-5)
    np.testing.assert_array_equal(
        stored("orthogonal", (30,), (12,), rng=0),
        stored("orthogonal", (30,), (12,), rng=0, rescale="glorot"),
    )


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({}, 0.4),
        ({"mirror": True}, 0.28),
        ({"poolingScale": 0.7}, 0.7),
        ({"poolingScale": 2, "mirror": True}, 2),
        ({"poolingScale": "auto"}, 0.5),
        ({"poolingScale": "auto", "rho": 1}, 0.25),
        ({"poolingScale": "auto", "rho": -0.25}, 1.0),
        ({"poolingScale": "auto", "rho": 0.1875}, 0.4),
        ({"rho": 0.6}, 0.4),  # rho speaks to 'auto' alone
    ],
    ids=str,
)
def test_pooling_factors(options, factor):
    weight = stored("orthogonal", (8, 6, 6), (8, 3, 3), pooling=True, rescale="none", **options)
    channels = 8 // (1 + options.get("mirror", False))
    assert not weight[:, :, 2].any()
    assert not weight[:, :, :, 2].any()
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        np.testing.assert_array_equal(weight[:, :, row, column], weight[:, :, 0, 0])
    singular = np.linalg.svd(weight[:, :channels, 0, 0], compute_uv=False)
    np.testing.assert_allclose(singular, factor, rtol=1e-5)  # float32 rounding


@pytest.mark.parametrize("mirror", [False, True])
def test_identity_and_zeros(mirror):
    for inputs, outputs in ((4, 6), (6, 4), (4, 4)):
        block = np.eye(inputs // (1 + mirror), outputs)
        expected = np.concatenate([block, -block]) if mirror else block
        np.testing.assert_array_equal(
            stored("identity", (inputs,), (outputs,), mirror=mirror), expected
        )
        kernel = stored("identity", (inputs, 8, 8), (outputs, 8, 8), mirror=mirror, s=(4, 3))
        np.testing.assert_array_equal(kernel[:, :, 1, 1].T, expected)
        assert np.count_nonzero(kernel) == np.count_nonzero(expected)
        assert not stored("zeros", (inputs, 8, 8), (outputs, 8, 8), mirror=mirror).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_mirrored_weight_after_crelu_is_its_half_without(name):
    with theano.config.change_flags(floatX="float64"):
        dense = stored(name, (10,), (7,), mirror=True, rng=2)
        kernel = stored(name, (10, 6, 6), (7, 6, 6), mirror=True, rng=2)
    x = np.random.default_rng(0).standard_normal((3, 5, 6, 6))
    rows = x[..., 0, 0]
    # float64 sums of at most 45 products, in two orders.
    np.testing.assert_allclose(crelu_oracle(rows) @ dense, rows @ dense[:5], rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        conv2d_oracle(crelu_oracle(x), kernel, padding=(1, 1)),
        conv2d_oracle(x, kernel[:, :5], padding=(1, 1)),
        rtol=0,
        atol=1e-12,
    )


# The pooling kernel in Theano's convolution


@pytest.fixture(scope="module")
def strided():
    """(images, kernel, border_mode, flip) -> Theano's convolution with strides of (2, 2)."""

    @functools.cache
    def compiled(border_mode, flip):
        images, kernel = T.tensor4(), T.tensor4()
        convolved = T.nnet.conv2d(
            images, kernel, border_mode=border_mode, subsample=(2, 2), filter_flip=flip
        )
        return compileFunction([images, kernel], convolved, allow_input_downcast=True)

    with theano.config.change_flags(floatX="float32"):
        yield lambda images, kernel, border_mode="half", flip=True: compiled(border_mode, flip)(
            cast(images), cast(kernel)
        )


@pytest.mark.parametrize(
    ("s", "border_mode"), [(3, "half"), (5, "half"), ((3, 5), "half"), (2, "valid")]
)
@pytest.mark.parametrize("mirror", [False, True])
def test_a_constant_image_stays_constant(strided, s, border_mode, mirror):
    # Four equal channels; for the mirrored kernel their CReLU, whose second half is zero.
    image = np.ones((1, 4, 8, 8))
    image = crelu_oracle(image) if mirror else image
    channels = image.shape[1]
    kernel = stored("orthogonal", (channels, 8, 8), (6, 4, 4), pooling=True, s=s, mirror=mirror)
    out = strided(image, kernel, border_mode)
    assert out.shape == (1, 6, 4, 4)
    # Each output adds four equal products for each channel: rounding of 16 numbers of order 1.
    assert np.ptp(out, axis=(2, 3)).max() < 1e-5 * np.abs(out).max()
    if border_mode == "half":  # the mutant: without the flip the first taps lie in the padding
        out = strided(image, kernel, border_mode, flip=False)
        assert np.ptp(out, axis=(2, 3)).max() > 0.2 * np.abs(out).max()


def correlatedImages(rho, count, channels, side):
    """Unit variance, and the correlation rho between any two positions of a channel."""
    generator = np.random.default_rng(5)
    shared = generator.standard_normal((count, channels, 1, 1))
    own = generator.standard_normal((count, channels, side, side))
    return math.sqrt(rho) * shared + math.sqrt(1 - rho) * own


def secondMomentScore(strided, correlation, **options):
    """Standard errors between the second moments before and after a square pooling layer."""
    images = correlatedImages(correlation, count=3000, channels=4, side=6)
    kernel = stored(
        "orthogonal", (4, 6, 6), (4, 3, 3), pooling=True, rescale="none", rng=3, **options
    )
    before, after = (
        np.square(a, dtype=float).mean(axis=(1, 2, 3)) for a in (images, strided(images, kernel))
    )
    # Images are independent, positions and channels of one are not.
    difference = after - before
    return difference.mean() / (difference.std(ddof=1) / math.sqrt(len(difference)))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_auto_pooling_keeps_the_second_moment_of_correlated_images(strided, rho):
    assert abs(secondMomentScore(strided, rho, poolingScale="auto", rho=rho)) < 5
    assert abs(secondMomentScore(strided, rho)) > 5  # 0.4 is right at rho = 0.1875 alone
    assert abs(secondMomentScore(strided, rho, poolingScale="auto", rho=rho / 2 + 0.2)) > 5


# Bad input


@pytest.fixture
def nothingIsDrawn(monkeypatch):
    def refuse(*arguments):
        pytest.fail("drawn before the arguments were checked")

    monkeypatch.setattr(initialisation, "draw", refuse)


BAD_SHAPES = [
    ((3, 3), ValueError, r"must be \(n,\) or \(channels, rows, columns\).*Received: \(3, 3\)"),
    ((), ValueError, r"must be \(n,\).*Received: \(\)"),
    ((2, 3, 4, 5), ValueError, r"must be \(n,\).*Received: \(2, 3, 4, 5\)"),
    ((0,), ValueError, "must be at least 1. Received: 0"),
    ((-4,), ValueError, "must be at least 1. Received: -4"),
    ((4, 0, 8), ValueError, "must be at least 1. Received: 0"),
    ((4.0,), TypeError, r"must be a whole number. Received: 4\.0"),
    (("4",), TypeError, "must be a whole number. Received: '4'"),
    ((True,), TypeError, "must be a whole number. Received: True"),
    ((None,), TypeError, "must be a whole number. Received: None"),
    ("4", TypeError, "must be .*Received: '4'"),
    (4, TypeError, r"must be \(n,\).*Received: 4"),
    (None, TypeError, "must be .*Received: None"),
    (np.array([4]), TypeError, r"must be .*Received: array\(\[4\]\)"),
]


@pytest.mark.parametrize(("shape", "kind", "message"), BAD_SHAPES, ids=repr)
def test_bad_shapes(nothingIsDrawn, shape, kind, message):
    good = (4, 8, 8) if isinstance(shape, tuple) and len(shape) == 3 else (4,)
    for name in NAMES:
        with pytest.raises(kind, match="inputShape.*" + message):
            initD[name](shape, good)
        with pytest.raises(kind, match="outputShape.*" + message):
            initD[name](good, shape)


@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_unequal_rank(nothingIsDrawn, name):
    with pytest.raises(
        ValueError, match=r"inputShape and outputShape.*Received: \(4, 8, 8\) and \(4,\)"
    ):
        initD[name]((4, 8, 8), (4,))


@pytest.mark.parametrize(
    ("option", "value", "kind", "message"),
    [
        ("s", (3,), ValueError, r"s must be two whole numbers.*Received: \(3,\)"),
        ("s", (3, 3, 3), ValueError, r"s must be two.*Received: \(3, 3, 3\)"),
        ("s", (), ValueError, r"s must be two.*Received: \(\)"),
        ("s", (3, 0), ValueError, "s must be at least 1. Received: 0"),
        ("s", 0, ValueError, "s must be at least 1. Received: 0"),
        ("s", (-3, 3), ValueError, "s must be at least 1. Received: -3"),
        ("s", (3, 2.5), TypeError, "s must be a whole number. Received: 2.5"),
        ("s", 2.5, TypeError, "s must be two whole numbers.*Received: 2.5"),
        ("s", "33", TypeError, "s must be two.*Received: '33'"),
        ("s", True, TypeError, "s must be two.*Received: True"),
        ("s", None, TypeError, "s must be two.*Received: None"),
        ("relu", "yes", TypeError, "relu must be True or False. Received: 'yes'"),
        ("mirror", None, TypeError, "mirror must be True, False or a number.*Received: None"),
        ("mirror", "0.5", TypeError, "mirror must be True, False or a number.*Received: '0.5'"),
        ("mirror", np.ones(2), TypeError, r"mirror must be True, False or.*Received: array"),
        ("mirror", np.array([True]), TypeError, r"mirror must be True, False or.*Received: array"),
        ("mirror", 1.5, ValueError, r"mirror must be .* from 0 to 1. Received: 1\.5"),
        ("mirror", -0.1, ValueError, r"mirror must be .* from 0 to 1. Received: -0\.1"),
        ("mirror", math.nan, ValueError, "mirror must be .* from 0 to 1. Received: nan"),
        ("relu", 1, TypeError, "relu must be True or False. Received: 1"),
        ("pooling", 2, TypeError, "pooling must be True or False. Received: 2"),
        ("signalPriorities", (-1, 1), ValueError, "signalPriorities.*at least 0. Received: -1"),
        ("signalPriorities", (0, 0.0), ValueError, r"signalPriorities.*Received: \(0, 0\.0\)"),
        ("signalPriorities", (1, math.nan), ValueError, "signalPriorities.*finite.*nan"),
        ("signalPriorities", (math.inf, 1), ValueError, "signalPriorities.*finite.*inf"),
        ("signalPriorities", (1,), ValueError, r"signalPriorities.*two.*Received: \(1,\)"),
        ("signalPriorities", (1, 1, 1), ValueError, "signalPriorities.*two"),
        ("signalPriorities", 1.0, TypeError, r"signalPriorities.*two.*Received: 1\.0"),
        ("signalPriorities", "11", TypeError, "signalPriorities.*two.*Received: '11'"),
        ("signalPriorities", ("1", 1), TypeError, "signalPriorities must be a number.*'1'"),
        ("signalPriorities", (True, 1), TypeError, "signalPriorities must be a number.*True"),
        ("rescale", "glorott", ValueError, "rescale 'glorott'. Did you mean 'glorot'.*suo"),
        ("rescale", None, ValueError, "rescale None.*Known: glorot, none, suo"),
        ("poolingScale", "atuo", ValueError, "poolingScale must be .*'auto'.*Received: 'atuo'"),
        ("poolingScale", 0, ValueError, "poolingScale must be a positive.*Received: 0"),
        ("poolingScale", -0.4, ValueError, "poolingScale must be a positive.*Received: -0.4"),
        ("poolingScale", math.nan, ValueError, "poolingScale must be finite.*nan"),
        ("poolingScale", math.inf, ValueError, "poolingScale must be finite.*inf"),
        ("poolingScale", True, TypeError, "poolingScale must be a number. Received: True"),
        ("poolingScale", np.ones(2), TypeError, "poolingScale must be a number"),
        ("rho", -1 / 3, ValueError, "rho must be above -1/3.*at most 1. Received: -0.333"),
        ("rho", 1.01, ValueError, "rho must be above -1/3.*at most 1. Received: 1.01"),
        ("rho", math.nan, ValueError, "rho must be finite. Received: nan"),
        ("rho", "0.5", TypeError, "rho must be a number. Received: '0.5'"),
    ],
)
def test_bad_options_of_every_entry(nothingIsDrawn, option, value, kind, message):
    for name in NAMES:
        for shapes in (((4,), (6,)), ((4, 8, 8), (6, 8, 8))):
            with pytest.raises(kind, match=message):
                initD[name](*shapes, **{option: value})
            with pytest.raises(kind, match=message):
                initD[name].law(*shapes, **{option: value})


@pytest.mark.parametrize("mirror", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("name", ["heNormal", "glorotNormal", "lecunNormal", "orthogonal"])
def test_a_partial_mirror_is_scaled_as_a_whole_one(name, mirror):
    for shapes in (((40,), (30,)), ((24, 8, 8), (20, 8, 8))):
        law = initD[name].law(*shapes, mirror=mirror, relu=True)
        assert law.scale == initD[name].law(*shapes, mirror=True).scale
        assert law.mirror == mirror
        weight = stored(name, *shapes, mirror=mirror, relu=True, rng=3)
        assert check_draw(weight, law.with_dtype(weight.dtype.name))
    # He's variance is the same without a mirror too: 2 over the stored inputs, 1 over half of them.
    he = [initD["heNormal"].law((40,), (30,), mirror=m).variance for m in (0, mirror, 1)]
    np.testing.assert_allclose(he, 1 / 20)


def test_only_normal_entries_and_frames_are_mirrored_to_a_degree(nothingIsDrawn):
    for name in ("heUniform", "glorotUniform", "lecunUniform", "identity", "zeros"):
        with pytest.raises(ValueError, match=r"mirror between 0 and 1 .*mirror=True, or normal"):
            initD[name]((4,), (6,), mirror=0.5)


@pytest.mark.parametrize("name", NAMES)
def test_odd_channels_cannot_be_mirrored(nothingIsDrawn, name):
    for shapes in (((5,), (4,)), ((5, 8, 8), (4, 8, 8))):
        with pytest.raises(ValueError, match=r"mirror needs an even number.*inputShape \(5,"):
            initD[name](*shapes, mirror=True)


@pytest.mark.parametrize("s", [1, (1, 3), (3, 1)])
def test_pooling_needs_two_taps_an_axis(nothingIsDrawn, s):
    with pytest.raises(ValueError, match=r"pooling=True .*s must be at least \(2, 2\).*Received"):
        initD["orthogonal"]((4, 8, 8), (4, 8, 8), pooling=True, s=s)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_options_name_the_nearest(nothingIsDrawn, name):
    for wrong, right in (("mirrror", "mirror"), ("signalPriority", "signalPriorities")):
        with pytest.raises(TypeError, match=f"unknown option '{wrong}'. Did you mean '{right}'"):
            initD[name]((4,), (4,), **{wrong: True})
    with pytest.raises(TypeError, match=r"unknown option 'xyz'\. Known: s, relu, mirror, pooling"):
        initD[name]((4,), (4,), xyz=1)


def test_unknown_initialisations_name_the_nearest():
    for kind in (ValueError, KeyError):
        with pytest.raises(kind, match=r"initialisation 'orthogonl'\. Did you mean 'orthogonal'"):
            initD["orthogonl"]
    assert "orthogonl" not in initD  # asking makes no entry


@pytest.mark.parametrize(
    ("rng", "kind"),
    [("3", TypeError), (1.5, TypeError), (True, TypeError), ([1], TypeError), (-1, ValueError)],
)
def test_bad_seeds(rng, kind):
    for name in RANDOM:
        with pytest.raises(kind, match=r"rng must .*Received"):
            initD[name]((4,), (4,), rng=rng)


def test_numpy_booleans_serve_as_options():
    np.testing.assert_array_equal(
        stored("heNormal", (4,), (6,), rng=0, mirror=np.True_),
        stored("heNormal", (4,), (6,), rng=0, mirror=True),
    )


def test_numpy_integers_and_lists_serve_as_shapes():
    expected = stored("glorotNormal", (4,), (6,), rng=0)
    np.testing.assert_array_equal(
        stored("glorotNormal", [np.int64(4)], [np.int32(6)], rng=0), expected
    )


# Single precision


def test_nothing_passes_through_double_precision():
    """With warn_float64=raise Theano refuses any float64 variable in a graph."""
    script = """
from initialisations import initD
from utilityFunctions import T, compileFunction, theano
assert (theano.config.floatX, theano.config.warn_float64) == ("float32", "raise")
for name in initD:
    for shapes in (((6,), (8,)), ((6, 4, 4), (8, 4, 4))):
        for options in ({}, {"mirror": True, "relu": True}, {"pooling": True}):
            weight, bias = initD[name](*shapes, **options)
            assert weight.dtype == bias.dtype == "float32", name
(weight, bias), (kernel, shift) = initD["orthogonal"]((8,), (4,)), initD["heNormal"](
    (1, 4, 4), (2, 4, 4))
x, images = T.matrix(), T.tensor4()
maps = T.nnet.relu(T.nnet.conv2d(images, kernel, border_mode="half") + shift)
outputs = [T.dot(T.nnet.relu(x), weight) + bias, maps]
gradients = theano.grad(outputs[0].sum(), [weight, bias]) + theano.grad(maps.sum(), [kernel, shift])
function = compileFunction([x, images], outputs + gradients)
import numpy as np
for array in function(np.ones((2, 8), "float32"), np.ones((2, 1, 4, 4), "float32")):
    assert array.dtype == "float32"
"""
    flags = "floatX=float32,warn_float64=raise"
    inherited = os.environ.get("THEANO_FLAGS")
    flags = f"{inherited},{flags}" if inherited else flags
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={**os.environ, "THEANO_FLAGS": flags}
    )
