"""Initialisers draw what their laws claim, and the laws are those of the papers."""

import copy
import math
import pickle

import numpy as np
import pytest
from scipy import stats

from lookslinear import backend, initializers
from lookslinear.checks import check_draw
from lookslinear.errors import NotCoveredError
from lookslinear.initializers import SeedGenerator
from lookslinear.laws import DTYPES, TRUNCATED_DEVIATION
from lookslinear.sampling import draw
from tests.lookslinear.initializers import CASES, EXAMPLES, NAMED, RANDOM, name_of
from tests.oracles import fans_oracle

CLASSES = sorted(set(initializers.CLASSES.values()), key=lambda cls: cls.__name__)


def test_there_is_an_example_of_every_class():
    assert {type(initializer) for initializer, _ in EXAMPLES} == set(CLASSES)


# What they draw


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("initializer", "shape"), CASES, ids=name_of)
def test_every_class_keeps_its_claim(initializer, shape, dtype):
    array = initializer(shape, dtype=dtype)
    verdict = check_draw(array, initializer.law(shape, dtype))
    assert verdict, str(verdict)
    assert (array.shape, array.dtype) == (shape, np.dtype(dtype))


@pytest.mark.parametrize("name", initializers.CLASSES)
@pytest.mark.parametrize("shape", [(20, 60), (60, 20), (3, 3, 8, 32), (3, 3, 32, 8)])
def test_every_name_keeps_its_claim(name, shape):
    for initializer in (initializers.get(name), getattr(initializers, name)()):
        cls = type(initializer)
        if (len(shape) > 2) == (cls is initializers.Identity):
            continue
        if len(shape) == 2 and cls in (initializers.Dirac, initializers.DeltaOrthogonal):
            continue
        getattr(initializer, "initializer", initializer).seed = 1
        assert check_draw(initializer(shape), initializer.law(shape))


#: A law that is wrong but plausible, and the initialiser whose draws it would be taken for.
MUTANTS = {
    "truncation not made up for": (
        initializers.HeNormal(seed=1),
        initializers.TruncatedNormal(stddev=(2 / 90) ** 0.5, seed=1),
    ),
    "truncation made up for where it should not": (
        initializers.TruncatedNormal(stddev=0.1, seed=1),
        initializers.TruncatedNormal(stddev=0.1 / TRUNCATED_DEVIATION, seed=1),
    ),
    "fan out for fan in": (
        initializers.VarianceScaling(seed=1),
        initializers.VarianceScaling(mode="fan_out", seed=1),
    ),
    "the factor of three forgotten": (
        initializers.LecunUniform(seed=1),
        initializers.RandomUniform(-(90**-0.5), 90**-0.5, seed=1),
    ),
    "gain left out": (initializers.Orthogonal(2.0, seed=1), initializers.Orthogonal(seed=1)),
    "fan in after the doubling": (
        initializers.Mirrored(initializers.HeNormal(seed=1)),
        initializers.Mirrored(initializers.LecunNormal(seed=1)),
    ),
    "half a mean": (
        initializers.RandomUniform(0.0, 1.0, seed=1),
        initializers.RandomUniform(-0.5, 0.5, seed=1),
    ),
    "the fraction of what is left": (
        initializers.Sparse(0.9, seed=1),
        initializers.Sparse(0.1, seed=1),
    ),
    "repeated, not padded": (initializers.Identity(), initializers.Identity(fill="repeat")),
    "not mirrored": (
        initializers.Mirrored(initializers.LecunNormal(seed=1)),
        initializers.HeNormal(seed=1),
    ),
}


@pytest.mark.parametrize(("claimed", "drawn"), MUTANTS.values(), ids=MUTANTS)
def test_mutants_are_rejected(claimed, drawn):
    shape = (90, 30)
    assert check_draw(claimed(shape), claimed.law(shape))
    assert not check_draw(drawn(shape), claimed.law(shape))


# Their laws, by an oracle


def oracle_of(cls, fan_in, fan_out):
    """SciPy's distribution of a named initialiser, from the papers' formulas."""
    name = cls.__name__
    mean_fan = (fan_in + fan_out) / 2 if name.startswith("Glorot") else fan_in
    variance = (2 if name.startswith("He") else 1) / mean_fan
    if name.endswith("Uniform"):
        limit = math.sqrt(3 * variance)
        return stats.uniform(-limit, 2 * limit)
    sigma = math.sqrt(variance) / stats.truncnorm(-2, 2).std()
    return stats.truncnorm(-2, 2, scale=sigma)


@pytest.mark.parametrize("cls", NAMED, ids=name_of)
@pytest.mark.parametrize("shape", [(300, 100), (30, 300), (3, 5, 20, 40), (3, 60, 10)])
def test_named_initializers_have_the_papers_variance_and_bounds(cls, shape):
    rank = len(shape)
    oracle = oracle_of(cls, *fans_oracle(shape, rank - 2, rank - 1))
    law, array = cls(seed=3).law(shape), cls(seed=3)(shape, "float64")
    assert math.isclose(law.variance, oracle.var(), rel_tol=1e-12)
    low, high = oracle.support()
    assert low < array.min() < 0.97 * low
    assert 0.97 * high < array.max() < high
    assert stats.kstest(array.ravel(), oracle.cdf).pvalue > 1e-4


#: Each with SciPy's distribution of its entries.
WITH_ORACLES = [
    (initializers.RandomNormal(), stats.norm(0, 0.05)),
    (initializers.RandomNormal(-1.0, 0.3), stats.norm(-1, 0.3)),
    (initializers.RandomUniform(), stats.uniform(-0.05, 0.1)),
    (initializers.RandomUniform(1.0, 4.0), stats.uniform(1, 3)),
    (initializers.TruncatedNormal(), stats.truncnorm(-2, 2, 0, 0.05)),
    (initializers.TruncatedNormal(2.0, 0.1), stats.truncnorm(-2, 2, 2, 0.1)),
    (initializers.VarianceScaling(), stats.truncnorm(-2, 2, 0, 0.05 / 0.87962566103423978)),
    (initializers.VarianceScaling(distribution="untruncated_normal"), stats.norm(0, 0.05)),
    (initializers.VarianceScaling(4.0, "fan_out", "uniform"), stats.uniform(-0.2, 0.4)),
    (initializers.VarianceScaling(0.875, "fan_avg", "untruncated_normal"), stats.norm(0, 0.05)),
]


@pytest.mark.parametrize(("initializer", "oracle"), WITH_ORACLES, ids=name_of)
def test_entries_have_scipys_distribution(initializer, oracle):
    shape = (400, 300)
    law = initializer.law(shape, "float64")
    entries = draw(law, rng=1).ravel()
    assert math.isclose(law.mean, oracle.mean(), abs_tol=1e-15)
    assert math.isclose(law.variance, oracle.var(), rel_tol=1e-9)
    assert stats.kstest(entries, oracle.cdf).pvalue > 1e-4
    low, high = oracle.support()
    assert low <= entries.min() < entries.max() <= high


@pytest.mark.parametrize("shape", [(30, 70), (70, 30), (3, 3, 5, 70), (3, 3, 20, 30)])
def test_orthogonal_weights_are_frames_of_the_flattened_shape(shape):
    matrix = initializers.Orthogonal(gain=-1.5, seed=0)(shape, "float64").reshape(-1, shape[-1])
    np.testing.assert_allclose(np.linalg.svd(matrix, compute_uv=False), 1.5, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 5, 9), (4, 4, 9, 5), (3, 3, 3, 4, 4)])
def test_delta_orthogonal_kernels_are_frames_in_the_centre(shape):
    kernel = initializers.DeltaOrthogonal(gain=2.0, seed=0)(shape, "float64")
    centre = tuple((side - 1) // 2 for side in shape[:-2])
    np.testing.assert_allclose(np.linalg.svd(kernel[centre], compute_uv=False), 2, rtol=1e-12)
    kernel[centre] = 0
    assert not kernel.any()


def same_convolution(signal, kernel):
    """Keras's Conv1D with padding 'same' of (steps, channels), written out."""
    side = len(kernel)
    before = (side - 1) // 2
    padded = np.pad(signal, ((before, side - 1 - before), (0, 0)))
    return np.array(
        [np.einsum("ti,tio->o", padded[s : s + side], kernel) for s in range(len(signal))]
    )


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5])
def test_dirac_kernels_pass_their_channels_on(side):
    signal = np.random.default_rng(0).normal(size=(7, 3))
    np.testing.assert_allclose(same_convolution(signal, initializers.Dirac()((side, 3, 3))), signal)
    halves = initializers.Dirac(groups=2)((side, 3, 6))  # two groups of 3 channels
    for group, kernel in enumerate(np.split(halves, 2, axis=-1)):
        np.testing.assert_allclose(same_convolution(signal, kernel), signal, err_msg=str(group))


@pytest.mark.parametrize("inner", ["orthogonal", "he_normal", initializers.Sparse(0.5)])
def test_mirrored_weights_undo_a_crelu(inner):
    weight = initializers.Mirrored(inner)((20, 7), "float64")
    x = np.random.default_rng(0).normal(size=(5, 10))
    after = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)
    np.testing.assert_allclose(after @ weight, x @ weight[:10], atol=1e-12)


def test_a_function_can_be_mirrored_but_states_no_law():
    mirrored = initializers.Mirrored(lambda shape, dtype=None: np.ones(shape, dtype))
    assert mirrored((4, 1)).ravel().tolist() == [1, 1, -1, -1]
    with pytest.raises(NotCoveredError, match="states no law, so neither does its mirror"):
        mirrored.law((4, 1))


def test_identities_are_padded_or_repeated():
    padded, repeated = initializers.Identity(), initializers.Identity(fill="repeat")
    np.testing.assert_array_equal(padded((2, 6)), np.eye(2, 6))
    np.testing.assert_array_equal(padded((6, 2)), np.eye(6, 2))
    np.testing.assert_array_equal(repeated((2, 6)), np.tile(np.eye(2), (1, 3)))
    np.testing.assert_array_equal(repeated((6, 2)), np.tile(np.eye(2), (3, 1)))


def test_constants_take_arrays_that_fit():
    rows = initializers.Constant([1, 2, 3])
    np.testing.assert_array_equal(rows((2, 3)), [[1, 2, 3], [1, 2, 3]])
    assert rows((2, 3)).flags.writeable
    assert initializers.Constant(np.ones((2, 2))).law((2, 2)).scale == 1
    with pytest.raises(NotCoveredError, match=r"constants of one value.*Received: 3 values"):
        rows.law((2, 3))


# dtypes and shapes


@pytest.mark.parametrize("cls", CLASSES, ids=name_of)
def test_the_default_dtype_is_floatx(cls, monkeypatch):
    I = initializers
    kernels = (I.Dirac, I.DeltaOrthogonal, I.OrthogonalConvolution)
    shape = (3, 4, 4) if cls in kernels else (4, 4)
    assert cls()(shape).dtype == cls()(shape, dtype=None).dtype == "float32"
    monkeypatch.setitem(backend._SETTINGS, "floatx", "float64")
    assert cls()(shape).dtype == cls().law(shape).dtype == "float64"
    assert cls()(shape, dtype=np.dtype("float16")).dtype == "float16"


@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_what_is_fixed_comes_in_whole_numbers_too(dtype):
    for initializer in (initializers.Zeros(), initializers.Ones(), initializers.Identity()):
        assert initializer((2, 2), dtype).dtype == dtype
    assert initializers.Constant(7)((2,), "int32").tolist() == [7, 7]
    with pytest.raises(TypeError, match=f"one of real numbers.*RandomNormal.*{dtype}"):
        initializers.RandomNormal()((2, 2), dtype)


def test_bfloat16_is_rounded_from_single_precision():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = initializers.HeNormal(seed=1)((30, 20), "bfloat16")
    assert array.dtype == ml_dtypes.bfloat16
    single = initializers.HeNormal(seed=1)((30, 20))
    np.testing.assert_array_equal(array, single.astype(ml_dtypes.bfloat16))


@pytest.mark.parametrize("cls", RANDOM, ids=name_of)
def test_sides_of_zero_give_empty_arrays(cls):
    assert cls()((0, 3)).shape == (0, 3)
    assert cls()([np.int64(4), 0]).shape == (4, 0)


# Seeds

SHAPE = (24, 4)  # of fewer inputs, Sparse cuts all


@pytest.mark.parametrize("cls", RANDOM, ids=name_of)
def test_an_int_gives_the_same_values_at_every_call(cls):
    initializer = cls(seed=3)
    first = initializer(SHAPE)
    np.testing.assert_array_equal(initializer(SHAPE), first)
    np.testing.assert_array_equal(cls(seed=np.int64(3))(SHAPE), first)
    assert (cls(seed=4)(SHAPE) != first).any()


@pytest.mark.parametrize("cls", RANDOM, ids=name_of)
def test_no_seed_is_drawn_once_and_a_clone_differs(cls):
    initializer = cls()
    first = initializer(SHAPE)
    np.testing.assert_array_equal(initializer(SHAPE), first)
    assert (initializer.clone()(SHAPE) != first).any()
    assert (cls()(SHAPE) != first).any()
    assert initializer != cls()
    for twin in (copy.copy(initializer), copy.deepcopy(initializer)):
        np.testing.assert_array_equal(twin(SHAPE), first)
        assert twin == initializer


@pytest.mark.parametrize("cls", RANDOM, ids=name_of)
def test_a_seed_generator_gives_new_values_at_every_call(cls):
    initializer = cls(seed=SeedGenerator(3))
    first, second = initializer(SHAPE), initializer(SHAPE)
    assert (first != second).any()
    again = cls.from_config(initializer.get_config())
    np.testing.assert_array_equal(again(SHAPE), first)
    np.testing.assert_array_equal(again(SHAPE), second)


def test_a_copied_seed_generator_goes_on_where_it_stood():
    initializer = initializers.RandomNormal(seed=SeedGenerator())
    initializer((2, 2))
    twin = pickle.loads(pickle.dumps(initializer))
    assert twin == initializer
    np.testing.assert_array_equal(twin((2, 2)), initializer((2, 2)))
    initializer((2, 2))
    assert twin != initializer


def test_the_values_are_those_of_the_law_drawn_with_the_seed():
    initializer = initializers.Orthogonal(seed=5)
    np.testing.assert_array_equal(initializer(SHAPE), draw(initializer.law(SHAPE), rng=5))


# Refusals


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: initializers.VarianceScaling(scale=-1),
            ValueError,
            "^Argument `scale` must be positive float. Received: scale=-1$",
        ),
        (lambda: initializers.VarianceScaling(scale=0), ValueError, "positive float.*scale=0"),
        (lambda: initializers.VarianceScaling(scale="1"), ValueError, "positive float.*'1'"),
        (
            lambda: initializers.VarianceScaling(mode="fan_inn"),
            ValueError,
            "^Invalid `mode` argument: fan_inn. Did you mean 'fan_in'.*fan_avg, fan_in, fan_out",
        ),
        (
            lambda: initializers.VarianceScaling(distribution="nrmal"),
            ValueError,
            "^Invalid `distribution` argument: nrmal.*truncated_normal, uniform, untruncated",
        ),
        (
            lambda: initializers.HeNormal(input_axes=0),
            ValueError,
            "given together. Received: input_axes=0, output_axes=None",
        ),
        (
            lambda: initializers.HeNormal(input_axes="0", output_axes=1),
            TypeError,
            "each of input_axes must be a whole number. Received: '0'",
        ),
        (
            lambda: initializers.HeNormal(input_axes=0, output_axes=3)((2, 3)),
            ValueError,
            r"output_axes must be axes of a shape of rank 2.*output_axes=\[3\]",
        ),
        (lambda: initializers.RandomNormal(stddev=-1), ValueError, "`stddev`.*at least 0.*=-1"),
        (lambda: initializers.RandomNormal(mean=math.nan), ValueError, "`mean`.*finite.*nan"),
        (
            lambda: initializers.RandomUniform(1.0, 0.5),
            ValueError,
            "`maxval` must be a float of at least 1.0. Received: maxval=0.5",
        ),
        (lambda: initializers.TruncatedNormal(stddev="a"), ValueError, "`stddev`.*Received.*'a'"),
        (lambda: initializers.Sparse(1.0), ValueError, r"`sparsity`.*in \[0, 1\).*=1.0"),
        (lambda: initializers.Orthogonal(gain=math.inf), ValueError, "`gain`.*finite.*inf"),
        (lambda: initializers.RandomNormal(seed="a"), ValueError, "`seed`.*Received: seed='a'"),
        (lambda: initializers.RandomNormal(seed=1.5), ValueError, "`seed`.*seed=1.5"),
        (lambda: initializers.RandomNormal(seed=-1), ValueError, "`seed`.*at least 0.*seed=-1"),
        (lambda: initializers.RandomNormal(seed=True), ValueError, "`seed`.*seed=True"),
        (lambda: initializers.Constant("a"), TypeError, "value must be a number.*'a'"),
        (lambda: initializers.Constant(1j), TypeError, "value must be a number.*1j"),
        (
            lambda: initializers.Constant([1, 2])((3,)),
            ValueError,
            r"shape \(2,\) cannot be broadcast. Received: shape=\(3,\)",
        ),
        (lambda: initializers.Identity(fill="ones"), ValueError, "unknown fill 'ones'.*zeros"),
        (
            lambda: initializers.Identity()((3, 3, 3)),
            ValueError,
            r"matrices of shape.*Dirac. Received: shape=\(3, 3, 3\) of rank 3",
        ),
        (
            lambda: initializers.Identity(fill="repeat")((2, 5)),
            ValueError,
            r"multiple of the shorter one. Received: shape=\(2, 5\)",
        ),
        (
            lambda: initializers.Orthogonal()((3,)),
            ValueError,
            r"two sides or more. Received: shape=\(3,\) of rank 1",
        ),
        (
            lambda: initializers.DeltaOrthogonal()((3, 3)),
            ValueError,
            r"kernels of rank 3 to 5.*there is Orthogonal. Received: shape=\(3, 3\) of rank 2",
        ),
        (lambda: initializers.Dirac()((3, 3)), ValueError, "there is Identity. Received"),
        (lambda: initializers.Dirac(0), ValueError, "groups must be at least 1. Received: 0"),
        (lambda: initializers.Dirac(2)((3, 2, 5)), ValueError, "split evenly into groups.*5"),
        (lambda: initializers.Sparse()((5,)), ValueError, "without one input and one output axis"),
        (
            lambda: initializers.Mirrored("zeros")((5, 4)),
            ValueError,
            r"of an even number, as a CReLU gives. Received: shape=\(5, 4\)",
        ),
        (lambda: initializers.Mirrored("zeros")((4,)), ValueError, r"Received: shape=\(4,\)"),
        (lambda: initializers.Mirrored("mirrored"), ValueError, "not mirrored itself.*'mirrored'"),
        (lambda: initializers.Mirrored(None), ValueError, "not mirrored itself.*None"),
        (lambda: initializers.Mirrored(initializers.Dirac(2)), ValueError, "grouped.*Dirac"),
        (lambda: initializers.Zeros()((None, 3)), TypeError, r"whole numbers.*\(None, 3\)"),
        (lambda: initializers.Zeros()((-1, 3)), ValueError, r"whole numbers.*\(-1, 3\)"),
        (lambda: initializers.Zeros()("ab"), TypeError, "tuple of whole numbers.*'ab'"),
        (lambda: initializers.Zeros()((2,), "float46"), TypeError, "NumPy knows.*'float46'"),
        (lambda: initializers.Initializer()((2,)), NotImplementedError, "states no law: define"),
    ],
)
def test_bad_arguments_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
