"""Products with panels: NumPy's numbers for any shapes, in place where allowed, alike for all."""

import functools
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, theano
from experiments.probes.compact import Signs
from experiments.probes.operations import compiles
from experiments.probes.panels import Multiply, PanelDraw, canBeDrawnInPanels, panelsOf
from lookslinear.laws import dense_law
from lookslinear.sampling import draw, kernels
from lookslinear.sampling.sources import MAKING

pytestmark = [
    pytest.mark.skipif(not compiles(), reason="panels are made in C alone"),
    pytest.mark.usefixtures("arrangement", "compiledAnew"),
]

DTYPES = ["float32", "float64"]
#: Around what a vector, a tile, a panel and a block of rows hold: 8 or 16, 32, up to 48, 256.
SIDES = (1, 7, 8, 9, 16, 17, 32, 33, 47, 48, 49, 255, 256, 257, 512)
#: Around 6 or 8 samples, or 32, which are multiplied at a time.
COUNTS = (1, 3, 6, 8, 13, 23, 32, 33, 70)


@pytest.fixture(scope="module")
def compiledAnew(arrangement):
    multiplying.cache_clear()


def symbols(dtype):
    return T.TensorType(dtype, [False, False])(), T.TensorType(dtype, [False])(), T.lscalar()


@functools.cache
def multiplying(dtype, mutable=False):
    samples, *panels = symbols(dtype)
    return compileFunction(
        [theano.In(samples, mutable=mutable), *panels], Multiply()(samples, *panels)
    )


def product(samples, matrix, mutable=False):
    return multiplying(matrix.dtype.name, mutable)(samples, *panelsOf(matrix))


def whole(*shape, dtype="float32", seed=0):
    """Whole numbers, whose sums of 700 products no order rounds."""
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(dtype)


def normal(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def everySecond(matrix):
    """The matrix as a view of every second row of a larger one, and every third column."""
    larger = np.full((2 * matrix.shape[0], 3 * matrix.shape[1]), np.nan, matrix.dtype)
    view = larger[::2, ::3]
    view[:] = matrix
    return view


FORMS = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "view": everySecond,
    "turned": lambda matrix: np.ascontiguousarray(matrix[::-1, ::-1])[::-1, ::-1],
}


# As NumPy


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS)
def test_whole_numbers_are_numpys(dtype, form):
    counts = itertools.cycle(COUNTS)
    for rows, columns in itertools.product(SIDES, repeat=2):
        samples = whole(next(counts), rows, dtype=dtype)
        matrix = whole(rows, columns, dtype=dtype, seed=1)
        found = product(samples, FORMS[form](matrix))
        assert (found.dtype, found.shape) == (matrix.dtype, (len(samples), columns))
        np.testing.assert_array_equal(found, samples @ matrix)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("count", [*range(26), 31, 32, 33, 64, 65, 100])
def test_any_number_of_samples(dtype, count):
    samples, matrix = whole(count, 33, dtype=dtype), whole(33, 50, dtype=dtype, seed=1)
    np.testing.assert_array_equal(product(samples, matrix), samples @ matrix)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("mutable", [False, True])
def test_nothing_to_add_up(shape, count, mutable):
    found = product(np.ones((count, shape[0]), "float32"), np.ones(shape, "float32"), mutable)
    np.testing.assert_array_equal(found, np.zeros((count, shape[1])))


@pytest.mark.parametrize(("dtype", "side"), [("float32", 700), ("float64", 512)])
@pytest.mark.parametrize("count", [1, 128, 259])
@pytest.mark.parametrize("mutable", [False, True])
def test_panels_that_the_cache_does_not_keep(dtype, side, count, mutable):
    assert side**2 * np.dtype(dtype).itemsize > 5 * 2**18  # KEPT_BYTES of panels.c
    samples, matrix = whole(count, side, dtype=dtype), whole(side, side, dtype=dtype, seed=1)
    expected = samples @ matrix
    np.testing.assert_array_equal(product(samples, matrix, mutable), expected)


def errorsOf(product, samples, matrix):
    return abs(product(samples, matrix) - samples.astype(float) @ matrix.astype(float)).max()


@pytest.mark.parametrize("rows", [64, 256, 512])
def test_sums_are_as_exact_as_single_precision_allows(rows):
    """Sums of j products of normal numbers have the deviation sqrt(j). Each of them is rounded, and
    so may be its product, by at most half an epsilon of it: in all by a deviation below
    eps / 2 * sqrt(sum j + rows) < eps / 2 * rows. Seven of these, for 24 x 300 numbers.
    """
    samples, matrix = normal(24, rows), normal(rows, 300, seed=1)
    bound = 7 * np.finfo("float32").eps / 2 * rows
    assert errorsOf(product, samples, matrix) < bound

    def coarse(samples, matrix):
        return product(samples.astype("float16").astype("float32"), matrix)

    assert errorsOf(coarse, samples, matrix) > bound


# In place


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", [1, 31, 48, 300])
def test_the_samples_memory_is_used_if_it_may_be(dtype, side):
    samples, matrix = whole(21, side, dtype=dtype), whole(side, side, dtype=dtype, seed=1)
    before, expected = samples.copy(), samples @ matrix
    apart = product(samples, matrix)
    assert not np.may_share_memory(apart, samples)
    np.testing.assert_array_equal(samples, before)
    inPlace = product(samples, matrix, mutable=True)
    assert np.shares_memory(inPlace, samples)
    for found in (apart, inPlace):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("columns", [40, 47, 49, 100])
def test_products_of_another_shape_have_their_own_memory(columns):
    samples, matrix = whole(21, 48), whole(48, columns, seed=1)
    found = product(samples, matrix, mutable=True)
    assert not np.may_share_memory(found, samples)
    np.testing.assert_array_equal(samples, whole(21, 48))
    np.testing.assert_array_equal(found, samples @ matrix)


@pytest.mark.parametrize("form", ["columns", "view", "turned"])
def test_samples_that_do_not_lie_row_by_row_are_copied(form):
    samples, matrix = FORMS[form](whole(21, 48)), whole(48, 48, seed=1)
    found = product(samples, matrix, mutable=True)
    np.testing.assert_array_equal(samples, whole(21, 48))
    np.testing.assert_array_equal(found, samples @ matrix)


def compiledInPlace(outputsOf):
    """What gives outputs of mutable samples and panels, and how many products are in place."""
    samples, *panels = symbols("float32")
    outputs = outputsOf(samples, functools.partial(lambda x: Multiply()(x, *panels)))
    function = compileFunction([theano.In(samples, mutable=True), *panels], outputs)
    nodes = function.maker.fgraph.toposort()
    products = [node.op for node in nodes if isinstance(node.op, Multiply)]
    return function, [op.inPlace for op in products]


def test_what_is_read_of_the_samples_is_read_before():
    function, inPlace = compiledInPlace(lambda x, times: [times(x), *Signs()(x), 3 * x])
    assert inPlace == [True]
    samples, matrix = whole(21, 48), whole(48, 48, seed=1)
    found, positive, _, thrice = function(samples, *panelsOf(matrix))
    assert np.shares_memory(found, samples)
    np.testing.assert_array_equal(found, whole(21, 48) @ matrix)
    np.testing.assert_array_equal(positive, np.packbits(whole(21, 48) > 0, bitorder="little"))
    np.testing.assert_array_equal(thrice, 3 * whole(21, 48))


def test_samples_that_are_an_output_too_stay():
    function, _ = compiledInPlace(lambda x, times: [times(x), x])
    matrix = whole(48, 48, seed=1)
    found, samples = function(whole(21, 48), *panelsOf(matrix))
    np.testing.assert_array_equal(samples, whole(21, 48))
    np.testing.assert_array_equal(found, whole(21, 48) @ matrix)


def test_one_product_after_another_needs_no_memory():
    function, inPlace = compiledInPlace(lambda x, times: times(times(x)))
    assert inPlace == [True, True]
    samples, matrix = whole(5, 48), whole(48, 48, seed=1)
    found = function(samples, *panelsOf(matrix))
    assert np.shares_memory(found, samples)
    # Whole numbers below 48^2 * 9^3 = 2^20.7 are exact.
    np.testing.assert_array_equal(found, whole(5, 48) @ matrix @ matrix)


def test_a_value_in_between_is_used_and_the_argument_stays():
    samples, *panels = symbols("float32")
    function = compileFunction([samples, *panels], Multiply()(2 * samples, *panels))
    (op,) = [n.op for n in function.maker.fgraph.toposort() if isinstance(n.op, Multiply)]
    assert op.inPlace
    given, matrix = whole(21, 48), whole(48, 48, seed=1)
    np.testing.assert_array_equal(function(given, *panelsOf(matrix)), 2 * given @ matrix)
    np.testing.assert_array_equal(given, whole(21, 48))


# The same for all


@pytest.mark.parametrize(
    ("dtype", "rows", "columns"),
    [
        ("float32", 48, 48),
        ("float32", 300, 70),
        ("float32", 700, 700),
        ("float64", 33, 21),
        ("float64", 512, 512),
    ],
)
def test_no_bit_depends_on_the_other_samples(dtype, rows, columns):
    samples, matrix = normal(130, rows, dtype=dtype), normal(rows, columns, dtype=dtype, seed=1)
    panels, times = panelsOf(matrix), multiplying(dtype)
    together = times(samples, *panels)
    for size in (1, 7, 64):
        parts = [times(samples[i : i + size], *panels) for i in range(0, 130, size)]
        assert np.concatenate(parts).tobytes() == together.tobytes()
    assert product(samples.copy(), matrix, mutable=True).tobytes() == together.tobytes()


def test_no_bit_depends_on_how_the_matrix_lies():
    samples, matrix = normal(9, 300), normal(300, 301, seed=1)
    expected = product(samples, matrix).tobytes()
    assert {product(samples, form(matrix)).tobytes() for form in FORMS.values()} == {expected}


def test_panels_outlive_the_next_ones():
    first, second = whole(48, 48), whole(48, 48, seed=1)
    panels = panelsOf(first)
    assert not np.may_share_memory(panels.panels, panelsOf(second).panels)
    np.testing.assert_array_equal(multiplying("float32")(first, *panels), first @ first)


# What does not fit


@pytest.mark.parametrize("mutable", [False, True])
@pytest.mark.parametrize("rows", [0, 47, 49, 96])
def test_samples_that_do_not_fit_are_refused(rows, mutable):
    matrix, samples = whole(48, 48, seed=1), whole(5, rows)
    with pytest.raises(ValueError, match="samples and panels do not fit"):
        product(samples, matrix, mutable)
    np.testing.assert_array_equal(samples, whole(5, rows))
    fitting = whole(5, 48)
    np.testing.assert_array_equal(product(fitting, matrix), fitting @ matrix)


def test_panels_of_another_number_of_columns_are_refused():
    panels = panelsOf(whole(48, 48)).panels
    with pytest.raises(ValueError, match="samples and panels do not fit"):
        multiplying("float32")(whole(5, 48), panels, np.array(80))


# Draws


needsKernels = pytest.mark.skipif(MAKING is not kernels, reason="the kernels are not compiled")


@needsKernels
@pytest.mark.parametrize(
    "shape",
    # Rows and columns that fill no panel, no sixteen rows, and several streams of a draw.
    [(128, 64), (100, 32), (63, 96), (33, 1024), (5, 2048), (512, 512), (1024, 512), (2048, 1024)],
)
@pytest.mark.parametrize("transposed", [False, True])
def test_a_weight_is_drawn_in_panels_as_it_is_drawn(shape, transposed):
    law = dense_law(*shape, "normal", 0.3)
    assert canBeDrawnInPanels(law)
    weight = draw(law, 5)
    expected = panelsOf(weight.T if transposed else weight)
    drawn = PanelDraw(law, 5)
    # Again, and the other way in between.
    for _ in range(2):
        found = drawn.panels(transposed)
        assert found.panels.tobytes() == expected.panels.tobytes()
        assert found.columns == expected.columns
        drawn.panels(not transposed)
    assert PanelDraw(law, 6).panels(transposed).panels.tobytes() != expected.panels.tobytes()


@pytest.mark.parametrize(
    "claims",
    [
        {"family": "haar"},
        {"family": "uniform"},
        {"dtype": "float64"},
        {"mirror": True},
        {"mirror": 0.5},
        {"sparsity": 0.5},
        {"shape": (128, 65)},
        {"shape": (128, 48)},
        {"shape": (2, 1024)},  # one of NumPy's own
        {"shape": (1023, 512)},  # a stream begins inside a row
        {"shape": (546, 512)},  # a stream begins with row 273, not with a sixteenth
    ],
    ids=str,
)
def test_others_are_drawn_and_arranged(claims):
    claims = {"shape": (128, 64), "family": "normal", **claims}
    law = dense_law(*claims.pop("shape"), claims.pop("family"), 0.3, **claims)
    assert not canBeDrawnInPanels(law)


@needsKernels
def test_threads_draw_from_one_at_once():
    drawn = PanelDraw(dense_law(256, 256, "normal", 0.3), 5)
    expected = [drawn.panels(way).panels.tobytes() for way in (False, True)]
    with ThreadPoolExecutor(3) as pool:
        found = pool.map(lambda i: drawn.panels(bool(i % 2)).panels.tobytes(), range(30))
        wrong = [i for i, bits in enumerate(found) if bits != expected[i % 2]]
    assert wrong == []


def test_samples_of_another_precision_are_refused():
    with pytest.raises(TypeError, match=r"of one dtype\. Received: float64 and float32"):
        Multiply()(T.dmatrix(), T.fvector(), T.lscalar())
