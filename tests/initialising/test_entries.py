"""PyTorch's spellings, other cuts, fixed norms, sub-pixel kernels, zerO: formulas written again."""

import math

import numpy as np
import pytest
from scipy import stats

import initialisations
from utilityFunctions import theano
from initialisations import initD
from lookslinear.checks import check_draw
from lookslinear.initializers import RandomNormal
from lookslinear.theory import NotCoveredError, Stage, forward_second_moments

ENTRIES = (
    *("fixedNorm", "icnr", "kaimingNormal", "kaimingUniform", "orthogonalConvolution", "siren"),
    *("torchDefaultUniform", "truncated", "zerO", "looksLinear"),
)
SHAPES = (((24,), (60,)), ((60,), (24,)), ((24, 8, 8), (60, 8, 8)), ((60, 8, 8), (24, 8, 8)))
OPTIONS = {
    "": [{}, {"mirror": True}, {"s": (4, 2)}],
    "fixedNorm": [{"each": "input"}, {"each": "input", "mirror": True}, {"norm": 2.0}],
    "icnr": [{"around": "orthogonal"}, {"around": "randomNormal"}, {"factor": 1}],
    "kaimingNormal": [{"mode": "fan_out"}, {"nonlinearity": "selu"}, {"a": 0.5}],
    "orthogonalConvolution": [{"perBlock": 3}, {"rescale": "none"}],
    "siren": [{"layer": "first"}, {"w0": 1.0}],
    "truncated": [{"bound": 1.0}, {"bound": 4.0, "stddev": 0.1}, {"relu": True}],
    "zerO": [{"perBlock": 3}],
}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("floatX", ["float32", "float64"])
def test_what_is_drawn_keeps_its_law(name, floatX):
    with theano.config.change_flags(floatX=floatX):
        for shapes in SHAPES:
            for options in OPTIONS[""] + OPTIONS.get(name, []):
                weight, bias = initD[name](*shapes, rng=11, **options)
                law = initD[name].law(*shapes, **options)
                for array, claim in (
                    (weight.get_value(), law),
                    (bias.get_value().ravel(), initD[name].biasLaw(*shapes, **options)),
                ):
                    verdict = check_draw(array, claim)
                    assert verdict, f"{shapes}, {options}:\n{verdict}"
                assert weight.dtype == bias.dtype == floatX


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 2 / 216),
        ({"a": 1.0}, 1 / 216),
        ({"mode": "fan_out"}, 2 / 540),
        ({"nonlinearity": "relu", "a": 3.0}, 2 / 216),
        ({"nonlinearity": "tanh"}, 25 / 9 / 216),
        ({"nonlinearity": "selu"}, 9 / 16 / 216),
        ({"nonlinearity": "conv2d"}, 1 / 216),
        ({"nonlinearity": "sigmoid", "mode": "fan_out"}, 1 / 540),
        ({"mirror": True}, 1 / 108),
        ({"relu": True, "a": 1.0}, 1 / 216),
    ],
    ids=str,
)
def test_kaiming(options, expected):
    for family in ("Normal", "Uniform"):
        law = initD["kaiming" + family].law((24, 8, 8), (60, 8, 8), **options)
        assert (law.variance, law.family) == (pytest.approx(expected, rel=1e-12), family.lower())


def test_the_default_of_torch_has_a_bias():
    shapes = ((100, 8, 8), (300, 8, 8))
    weight, bias = (v.get_value() for v in initD["torchDefaultUniform"](*shapes, rng=1))
    bound = 1 / math.sqrt(900)
    for values in (weight, bias):
        # The largest of n numbers misses the bound by a share of 1 / n on average; below, 30 times.
        assert 1 - 30 / values.size < np.abs(values).max() / bound <= 1 + 1e-6
    law = initD["torchDefaultUniform"].biasLaw(*shapes)
    assert law.variance == pytest.approx(1 / 2700)
    assert bias.shape == (1, 300, 1, 1)
    again = initD["torchDefaultUniform"](*shapes, rng=1)[1].get_value()
    np.testing.assert_array_equal(bias, again)
    assert not check_draw(math.sqrt(2) * bias.ravel(), law)
    # Weight and bias are not drawn from the same numbers.
    assert abs(np.corrcoef(weight.ravel()[:300], bias.ravel())[0, 1]) < 5 / math.sqrt(300)
    assert not initD["heNormal"](*shapes)[1].get_value().any()


def test_a_layer_starts_and_is_redrawn_with_the_bias():
    from layers import FC, Representation

    layer = FC(40, initialisation="torchDefaultUniform", seed=3)
    layer(Representation((25,)))
    before = layer.bias.get_value()
    assert 0 < np.abs(before).max() <= 0.2
    layer.redraw(4)
    assert (layer.bias.get_value() != before).all()
    layer.redraw(3)
    np.testing.assert_array_equal(layer.bias.get_value(), before)


def test_siren():
    first = initD["siren"].law((3,), (256,), layer="first")
    assert math.sqrt(3 * first.variance) == pytest.approx(1 / 3)
    hidden = initD["siren"].law((256,), (256,), w0=10.0)
    assert math.sqrt(3 * hidden.variance) == pytest.approx(math.sqrt(6 / 256) / 10)
    # sin of a uniform phase has the mean square 1/2, so w0 h has the variance 1.
    phases = np.random.default_rng(0).uniform(0, 2 * math.pi, (2000, 256))
    weight = initD["siren"]((256,), (256,), rng=1)[0].get_value()
    h = 30 * np.sin(phases) @ weight
    # One network of 256 units: relative scatter of a mean square, sqrt(2 / 256).
    assert abs((h**2).mean() - 1) < 5 * math.sqrt(2 / 256)


def test_truncated_as_in_scipy():
    weight = initD["truncated"]((300,), (200,), bound=1.5, stddev=0.2, rng=1)[0].get_value()
    chance = stats.kstest(weight.ravel() / 0.2, stats.truncnorm(-1.5, 1.5).cdf).pvalue
    assert chance > 1e-6
    assert stats.kstest(weight.ravel() / 0.2, stats.truncnorm(-1.6, 1.6).cdf).pvalue < 1e-6
    assert np.abs(weight).max() <= 0.3
    glorot = initD["truncated"].law((300,), (200,), bound=1.5, relu=True)
    assert glorot.variance == pytest.approx(
        initD["glorotNormal"].law((300,), (200,), relu=True).variance
    )


def test_fixed_norms_keep_the_mean_square_exactly_where_rows_have_them():
    for each, axes in (("output", (1, 2, 3)), ("input", (0, 2, 3))):
        kernel = initD["fixedNorm"]((6, 5, 5), (9, 5, 5), each=each, norm=1.5, rng=2)[0].get_value()
        np.testing.assert_allclose((kernel**2).sum(axis=axes), 2.25, rtol=1e-5)
    law = initD["fixedNorm"].law((24,), (60,), relu=True)
    assert forward_second_moments([Stage(law, "relu")], 1.0)[0] == pytest.approx(1.0)


def nearest(images, factor):
    return images.repeat(factor, axis=2).repeat(factor, axis=3)


def shuffled(images, factor):
    """Channels spread over pixels, as PyTorch's PixelShuffle does."""
    n, channels, rows, columns = images.shape
    parts = images.reshape(n, channels // factor**2, factor, factor, rows, columns)
    return parts.transpose(0, 1, 4, 2, 5, 3).reshape(n, -1, rows * factor, columns * factor)


@pytest.mark.parametrize("around", ["heNormal", "orthogonal", "lecunUniform", "randomNormal"])
@pytest.mark.parametrize("factor", [2, 3])
def test_icnr_resizes_by_the_nearest_neighbour(around, factor):
    from tests.oracles import conv2d_oracle

    shapes = (3, 5, 5), (2 * factor**2, 5, 5)
    with theano.config.change_flags(floatX="float64"):
        kernel = initD["icnr"](*shapes, around=around, factor=factor, rng=1)[0].get_value()
    images = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    resized = shuffled(conv2d_oracle(images, kernel, padding=(1, 1)), factor)
    few = conv2d_oracle(images, kernel[:: factor**2], padding=(1, 1))
    np.testing.assert_allclose(resized, nearest(few, factor), atol=1e-12)
    inner = initD[around].law((3, 5, 5), (2, 5, 5))
    assert initD["icnr"].law(*shapes, around=around, factor=factor).scale == pytest.approx(
        inner.scale
    )


def test_icnr_takes_initialisations_and_tensor_initialisers():
    for around in (
        initD["heNormal"],
        RandomNormal(stddev=0.5),
        initialisations.fromTensor("he_normal"),
    ):
        law = initD["icnr"].law((3, 5, 5), (8, 5, 5), around=around)
        assert law.copies == 4
    assert initD["icnr"].law((3, 5, 5), (8, 5, 5), around=RandomNormal(stddev=0.5)).scale == 0.5
    twice = initD["icnr"].law((3, 5, 5), (16, 5, 5), around="icnr")
    assert (twice.copies, twice.drawn_outputs) == (16, 1)
    with pytest.raises(TypeError, match=r"around must be an entry of initD that is drawn by its l"):
        initD["icnr"].law((3, 5, 5), (8, 5, 5), around=lambda a, b, **options: None)


def zerOOfThePaper(inputs, outputs):
    """Written from the authors' description: partial identity, or I H I scaled."""
    if outputs <= inputs:
        return np.eye(inputs, outputs)
    digits = math.ceil(math.log2(outputs))
    hadamard = np.ones((1, 1))
    for _ in range(digits):
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    return (hadamard / 2 ** (digits / 2))[:inputs, :outputs]


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 8), (5, 12), (8, 3), (4, 4), (1, 2), (1, 1)])
def test_zerO(inputs, outputs):
    dense = initD["zerO"]((inputs,), (outputs,))[0].get_value()
    np.testing.assert_allclose(dense, zerOOfThePaper(inputs, outputs), rtol=1e-6)
    kernel = initD["zerO"]((inputs, 5, 5), (outputs, 5, 5))[0].get_value()
    np.testing.assert_array_equal(kernel[:, :, 1, 1].T, dense)
    assert np.count_nonzero(kernel) == np.count_nonzero(dense)
    if outputs > inputs and outputs == 2 ** round(math.log2(outputs)):
        np.testing.assert_allclose(dense @ dense.T, np.eye(inputs), atol=1e-6)


def test_theory_says_why_it_does_not_predict():
    hadamard = initD["zerO"].law((3,), (8,))
    with pytest.raises(NotCoveredError, match="a matrix of fixed signs adds its inputs coherently"):
        Stage(hadamard)
    copies = initD["icnr"].law((3, 5, 5), (8, 5, 5))
    with pytest.raises(NotCoveredError, match=r"equal output channels are correlated.*4 copies"):
        Stage(copies)
    groups = initD["orthogonalConvolution"].law((4, 5, 5), (4, 5, 5), groups=2)
    with pytest.raises(NotCoveredError, match="groups are not predicted"):
        forward_second_moments([Stage(groups)], np.ones((5, 5)))


@pytest.mark.parametrize(
    ("name", "options", "kind", "message"),
    [
        ("kaimingNormal", {"mode": "fan_avg"}, ValueError, "unknown mode 'fan_avg'.*fan_in"),
        ("kaimingNormal", {"nonlinearity": "gelu"}, ValueError, "unknown nonlinearity 'gelu'"),
        ("kaimingNormal", {"a": "5"}, TypeError, "a must be a number. Received: '5'"),
        ("kaimingUniform", {"a": math.nan}, ValueError, "a must be finite. Received: nan"),
        ("kaimingUniform", {"aa": 1}, TypeError, "unknown option 'aa'"),
        ("siren", {"layer": "hiden"}, ValueError, "unknown layer 'hiden'. Did you mean 'hidden'"),
        ("siren", {"w0": 0}, ValueError, "w0 must be above 0. Received: 0"),
        ("siren", {"w0": -3.0}, ValueError, "w0 must be at least 0. Received: -3.0"),
        ("siren", {"w0": "30"}, TypeError, "w0 must be a number. Received: '30'"),
        ("truncated", {"bound": 0}, ValueError, "bound must be at least 0.1.*Received: 0"),
        ("truncated", {"bound": math.inf}, ValueError, "bound must be finite"),
        ("truncated", {"bound": (1, 2)}, TypeError, r"bound must be a number. Received: \(1, 2\)"),
        ("truncated", {"stddev": -0.1}, ValueError, "stddev must be at least 0. Received: -0.1"),
        ("fixedNorm", {"each": "row"}, ValueError, "unknown each 'row'.*input, output"),
        ("fixedNorm", {"norm": -1}, ValueError, "norm must be at least 0. Received: -1"),
        ("fixedNorm", {"norm": None}, TypeError, "norm must be a number. Received: None"),
        ("icnr", {"factor": 0}, ValueError, "factor must be at least 1. Received: 0"),
        ("icnr", {"factor": 2.5}, TypeError, "factor must be a whole number. Received: 2.5"),
        ("icnr", {"factor": 3}, ValueError, "filters must be a multiple of 9.*Received: 8"),
        ("icnr", {"around": "heNormall"}, ValueError, "'heNormall'. Did you mean 'heNormal'"),
        ("icnr", {"around": 3}, TypeError, "must be a name in initD or a function. Received: 3"),
        ("torchDefaultUniform", {"a": 1}, TypeError, "unknown option 'a'"),
        ("zerO", {"mode": "auto"}, TypeError, "unknown option 'mode'"),
        ("orthogonalConvolution", {"s": 0}, ValueError, "s must be at least 1"),
    ],
)
def test_bad_options(name, options, kind, message):
    for shapes in (((4,), (8,)), ((4, 5, 5), (8, 5, 5))):
        with pytest.raises(kind, match=message):
            initD[name](*shapes, **options)
