"""Factored frames: products with them are those with what `draw` gives for the same seed."""

import math
import threading
import tracemalloc
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from lookslinear.arranging import halves_of
from lookslinear.fans import Axes, axes_of
from lookslinear.laws import WeightLaw, dense_law
from lookslinear.sampling import (
    FactoredFrame,
    can_be_factored,
    draw,
    draw_factored,
    factored,
    frames,
    sources,
    standard_normal,
)
from lookslinear.sampling.reflections import Reflections
from tests.lookslinear.sampling.blocks import (
    BLOCK,
    PANEL,
    OneStream,
    replaced,
    side_about_small,
    small_blocks,
)

DTYPES = ("float32", "float64")
#: Just large enough; tall, wide and square; no multiples of a block.
SHAPES = [(401, 401), (700, 390), (390, 700), (450, 449), (2000, 180), (180, 2000), (640, 640)]
#: Reflections at a time where blocks are small.
MOST = 3


def haar_law(inputs, outputs, dtype="float64", **claims):
    return dense_law(inputs, outputs, "haar", 0.3, dtype=dtype, **claims)


def mirrored_law(inputs, outputs, dtype="float64"):
    """The law of a frame of these sides and its negative."""
    return haar_law(2 * inputs, outputs, dtype, mirror=True)


BOTH = pytest.mark.parametrize("law_of", [haar_law, mirrored_law])


@contextmanager
def small_parts():
    """Within it every frame is one of many blocks of 4 reflections, and parts of 3 and 1.

    The rows that are turned at a time are two.
    """
    with small_blocks(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(factored, "MOST", MOST)
        patch.setattr(factored, "ROWS", 2)
        yield


def errors(law, seed=3, samples=5, weight=None):
    """How far both products are from those with what `draw` gives, in units of their rounding.

    Each number is a sum of n products, whose roundings walk at random: sqrt(n) eps of the norms of
    the row and of a column, which is the gain. The weight carries as much, from n reflections.
    """
    frame, weight = draw_factored(law, seed), draw(law, seed) if weight is None else weight
    signals, gradients = (
        standard_normal((samples, side), rng, law.dtype) for rng, side in enumerate(law.shape)
    )
    eps, n = np.finfo(law.dtype).eps, max(law.shape)
    found = []
    for product, rows, matrix in (
        (frame.times(signals), signals, weight),
        (frame.times_transposed(gradients), gradients, weight.T),
    ):
        assert product.shape == (samples, matrix.shape[1])
        assert product.dtype == law.dtype
        assert product.flags.c_contiguous
        wanted = rows.astype(float) @ matrix.astype(float)
        apart = np.linalg.norm(product - wanted, axis=1) / np.linalg.norm(rows, axis=1)
        found.append(apart.max() / (law.gain * eps * math.sqrt(n)))
    return found


#: In units of `errors`: a few such walks, of the product, of the weight, of T.
FEW = 4


# The same products


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
@BOTH
def test_products_are_those_with_the_drawn_weight(law_of, shape, dtype):
    assert max(errors(law_of(*shape, dtype))) < FEW


def test_in_double_precision_they_are_equal_to_thirteen_digits():
    law = haar_law(500, 500)
    frame, weight, signals = draw_factored(law, 1), draw(law, 1), standard_normal((9, 500), 2, "f8")
    wanted = signals @ weight
    assert np.abs(frame.times(signals) - wanted).max() < 1e-13 * np.abs(wanted).max()


@pytest.mark.parametrize("dtype", DTYPES)
@BOTH
def test_all_small_shapes_about_the_boundaries_of_blocks_and_parts(law_of, dtype):
    sides = {1, 2, MOST, BLOCK - 1, BLOCK, BLOCK + 1, PANEL, PANEL + 1, 2 * PANEL + 1, 30}
    with small_parts():
        for inputs in sides:
            for outputs in sides:
                assert max(errors(law_of(inputs, outputs, dtype))) < 4 * FEW  # few terms scatter


def test_blocks_of_another_length_from_2048_columns_on():
    law = dense_law(2048, 2049, "haar", 1.0)
    assert max(errors(law, samples=2)) < FEW


@pytest.mark.parametrize("scale", [0.0, 1e-30, 7.5, np.float64(0.1)])
def test_any_gain(scale):
    law = dense_law(450, 430, "haar", scale)
    frame, signals = draw_factored(law, 1), standard_normal((3, 450), 0)
    wanted = signals @ draw(law, 1)
    found = frame.times(signals)
    assert found.dtype == np.float32
    assert np.abs(found - wanted).max() <= 1e-4 * scale * math.sqrt(450)


@pytest.mark.parametrize("samples", [0, 1, 2, 300])
@BOTH
def test_any_number_of_rows(law_of, samples):
    law = law_of(410, 420)
    weight, frame = draw(law, 0), draw_factored(law, 0)
    for times, matrix in ((frame.times, weight), (frame.times_transposed, weight.T)):
        rows = standard_normal((samples, len(matrix)), 1, "float64")
        assert times(rows).shape == (samples, matrix.shape[1])
        np.testing.assert_allclose(times(rows), rows @ matrix, rtol=0, atol=1e-12)


@BOTH
def test_seeds_of_every_kind_and_the_next_draw_of_a_generator(law_of):
    law = law_of(420, 410)
    signals = standard_normal((2, law.shape[0]), 0, "float64")
    for make in (lambda: 5, lambda: np.random.SeedSequence(5), lambda: np.random.default_rng(5)):
        product = draw_factored(law, make()).times(signals)
        np.testing.assert_allclose(product, signals @ draw(law, make()), rtol=0, atol=1e-12)
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    draw(law, first)
    draw_factored(law, second)
    assert first.integers(2**63) == second.integers(2**63)
    once, again = (draw_factored(law).times(signals) for _ in range(2))
    assert (once != again).any()


def test_what_crelu_splits_comes_together_again():
    """Of equal halves a mirrored frame sees nothing, and gradients come back with both signs."""
    frame = draw_factored(mirrored_law(420, 410), 0)
    signals, gradients = (standard_normal((3, side), 1, "float64") for side in (420, 410))
    assert (frame.times(np.tile(signals, 2)) == 0).all()
    first, second = halves_of(frame.times_transposed(gradients), axis=1)
    np.testing.assert_array_equal(first, -second)
    assert (first != 0).all()


# Mutants


def forgets_to_transpose(self, columns, back, turn=Reflections.turn):
    turn(self, columns, False)


def always_transposes(self, columns, back, turn=Reflections.turn):
    turn(self, columns, True)


@pytest.mark.parametrize("mutant", [forgets_to_transpose, always_transposes])
@pytest.mark.parametrize("shape", [(500, 400), (400, 500), (410, 410)])
def test_a_triangle_that_is_not_turned_with_its_direction_is_rejected(shape, mutant, monkeypatch):
    monkeypatch.setattr(Reflections, "turn", mutant)
    assert max(errors(haar_law(*shape, "float32"))) > 1000 * FEW


@pytest.mark.parametrize("shape", [(500, 400), (400, 500), (410, 410)])
def test_parts_in_the_other_order_are_rejected(shape, monkeypatch):
    turn = factored._turn
    monkeypatch.setattr(factored, "_turn", lambda rows, some, back: turn(rows, some[::-1], back))
    assert min(errors(haar_law(*shape, "float32"))) > 1000 * FEW


def without_signs(frame):
    return replace(frame, scales=np.abs(frame.scales))


def without_gain(frame):
    return replace(frame, scales=np.sign(frame.scales))


def without_the_first(frame):
    return replace(frame, reflections=frame.reflections[1:])


def without_the_last(frame):
    return replace(frame, reflections=frame.reflections[:-1])


@pytest.mark.parametrize(
    "mutant", [without_signs, without_gain, without_the_first, without_the_last]
)
@pytest.mark.parametrize("shape", [(500, 400), (400, 500), (410, 410)])
def test_other_mutants_are_rejected(shape, mutant, monkeypatch):
    make = factored.FactoredFrame
    monkeypatch.setattr(factored, "FactoredFrame", lambda *args: mutant(make(*args)))
    assert min(errors(haar_law(*shape, "float32"))) > 1000 * FEW


def second_half_first(rows, axis):
    return halves_of(rows, axis)[::-1]


def first_half_twice(half, axis):
    return np.concatenate([half, half], axis)


@pytest.mark.parametrize(
    ("name", "mutant", "way"),
    [("halves_of", second_half_first, 0), ("mirror", first_half_twice, 1)],
)
@pytest.mark.parametrize("shape", [(500, 400), (400, 500), (410, 410)])
def test_halves_of_another_sign_are_rejected(shape, name, mutant, way, monkeypatch):
    monkeypatch.setattr(factored, name, mutant)
    found = errors(mirrored_law(*shape, "float32"))
    assert found[way] > 1000 * FEW
    assert found[1 - way] < FEW


def test_other_numbers_in_a_block_are_rejected():
    law = haar_law(500, 400, "float32")
    weight = draw(law, 3)
    with replaced("Streams", OneStream):
        assert min(errors(law, weight=weight)) > 1000 * FEW


def test_a_square_that_stands_would_be_rejected(monkeypatch):
    law = haar_law(410, 410)
    weight = draw(law, 3)
    monkeypatch.setattr(frames, "made_transposed", lambda shape: False)
    assert min(errors(law, weight=weight)) > 1000 * FEW


# What is given, and what is kept


@pytest.mark.parametrize(
    "arranged",
    [
        np.asfortranarray,
        lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
        lambda rows: rows[::-1, ::-1].copy()[::-1, ::-1],
        lambda rows: np.broadcast_to(rows[:1], rows.shape),
        lambda rows: rows.view(np.matrix),
        lambda rows: np.ma.masked_array(rows, mask=True),
    ],
)
@BOTH
def test_rows_of_every_order_and_kind_stay_as_they_are(law_of, arranged):
    for shape in ((420, 410), (410, 420)):
        law = law_of(*shape)
        frame, weight = draw_factored(law, 0), draw(law, 0)
        for times, matrix in ((frame.times, weight), (frame.times_transposed, weight.T)):
            rows = arranged(standard_normal((3, len(matrix)), 1, "float64"))
            plain = np.array(rows)
            product = times(rows)
            assert type(product) is np.ndarray
            assert product.flags.c_contiguous
            np.testing.assert_array_equal(np.array(rows), plain)
            np.testing.assert_allclose(product, plain @ matrix, rtol=0, atol=1e-12)


def test_many_rows_leave_no_more_room_behind_than_some():
    frame, rows = draw_factored(haar_law(401, 401, "float32"), 0), factored.ROWS
    signals = standard_normal((8 * rows, 401), 1)
    frame.times(signals[:rows])
    before = sources.scratch((), np.dtype("f4"), "lengths").base.nbytes
    wanted = frame.times(signals[-rows:])
    np.testing.assert_array_equal(frame.times(signals)[-rows:], wanted)
    assert sources.scratch((), np.dtype("f4"), "lengths").base.nbytes == before


def test_a_sample_that_is_no_number_spoils_no_other():
    frame = draw_factored(haar_law(450, 410), 0)
    signals = standard_normal((4, 450), 1, "float64")
    spoilt = signals.copy()
    spoilt[1, 7] = np.nan
    product = frame.times(spoilt)
    assert np.isnan(product[1]).all()
    np.testing.assert_array_equal(product[[0, 2, 3]], frame.times(signals)[[0, 2, 3]])


def test_a_frame_stays_what_it_was_when_others_are_drawn():
    law = haar_law(420, 420)
    signals = standard_normal((4, 420), 1, "float64")
    frame = draw_factored(law, 1)
    before = frame.times(signals)
    draw_factored(law, 2).times(signals)
    draw(law, 3)
    assert frame.times(signals).tobytes() == before.tobytes()


def test_a_frame_takes_little_more_than_half_of_a_square_weight():
    law = haar_law(1024, 1024, "float32")
    draw_factored(law, 0)
    tracemalloc.start()
    frame = draw_factored(law, 0)
    size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    weight = 4 * math.prod(frame.law.shape)
    assert size < 0.65 * weight  # 1/2 + 1/16 are the vectors, 1/16 are T
    assert peak < 0.7 * weight


# Threads


def test_threads_that_draw_and_multiply_at_once_give_the_same_bits():
    law = haar_law(450, 430, "float32")
    shared, signals = draw_factored(law, 0), standard_normal((64, 450), 1)
    wanted = [draw_factored(law, seed).times(signals).tobytes() for seed in range(4)]
    found = {}

    def work(seed):
        own = draw_factored(law, seed)
        for _ in range(5):
            products = own.times(signals), shared.times(signals)
            found.setdefault(seed, set()).add(tuple(made.tobytes() for made in products))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert found == {seed: {(wanted[seed], wanted[0])} for seed in range(4)}


def test_the_threads_of_the_blas_change_no_bit_and_are_left_as_they_were():
    law, signals = haar_law(450, 430, "float32"), standard_normal((64, 450), 1)
    found = set()
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            before = threadpool_info()
            found.add(draw_factored(law, 0).times(signals).tobytes())
            assert threadpool_info() == before
    assert len(found) == 1


# Refusals


SIDE = side_about_small() + 1
OTHERS = [
    dense_law(SIDE, SIDE, "normal", 0.1),
    haar_law(SIDE - 1, SIDE - 1),
    haar_law(SIDE, SIDE, "float16"),
    mirrored_law(SIDE - 1, SIDE - 1),
    haar_law(2 * SIDE, SIDE, mirror=0.5),
    haar_law(2 * SIDE, 2 * SIDE, mirror=True, mirror_outputs=True),
    haar_law(2 * SIDE, 2 * SIDE, mirror=True, blocks=2),
    haar_law(2 * SIDE, 2 * SIDE, mirror=True, copies=2),
    dense_law(2 * SIDE, SIDE, "normal", 0.1, mirror=True),
    haar_law(SIDE, 2 * SIDE, mirror_outputs=True),
    haar_law(SIDE, 2 * SIDE, blocks=2),
    haar_law(SIDE, 2 * SIDE, copies=2),
    haar_law(0, SIDE),
    WeightLaw((SIDE, SIDE), axes_of(2, "torch"), "haar", 0.1),
    WeightLaw((SIDE, SIDE), Axes(0, 1, groups=SIDE), "haar", 0.1),
    WeightLaw((SIDE, SIDE, 1), Axes(0, 1), "haar", 0.1),
    WeightLaw((SIDE, SIDE, 1, 1), axes_of(4), "haar", 0.1),
]


@pytest.mark.parametrize("law", OTHERS, ids=str)
def test_other_laws_are_refused_before_anything_is_drawn(law):
    generator = np.random.default_rng(0)
    assert not can_be_factored(law)
    with pytest.raises(ValueError, match=r"law must be .*Received: WeightLaw.*Use draw\."):
        draw_factored(law, generator)
    assert generator.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    "law",
    [
        haar_law(SIDE, SIDE),
        haar_law(SIDE**3, 1),
        mirrored_law(SIDE, SIDE),
        haar_law(2 * SIDE, SIDE, mirror=1.0),
        WeightLaw((SIDE, SIDE), Axes((0,), (1,)), "haar", 0.1),
        WeightLaw((SIDE, SIDE), axes_of(2, "keras"), "haar", 0.1),
    ],
    ids=str,
)
def test_laws_that_can_be_factored(law):
    assert can_be_factored(law)


def test_axes_may_be_tuples():
    assert max(errors(WeightLaw((SIDE, SIDE + 9), Axes((0,), (1,)), "haar", 0.1))) < FEW


@pytest.mark.parametrize("law", [None, "haar", (400, 400)])
def test_what_is_no_law_is_refused(law):
    for call in (can_be_factored, draw_factored):
        with pytest.raises(TypeError, match=r"law must be a WeightLaw\. Received: "):
            call(law)


@pytest.mark.parametrize("rng", ["1", 1.5, -1])
def test_seeds_that_are_none_are_refused(rng):
    with pytest.raises((TypeError, ValueError), match=f"Received: {rng!r}"):
        draw_factored(haar_law(SIDE, SIDE), rng)


@pytest.mark.parametrize(
    ("rows", "kind", "message"),
    [
        ([[0.0]], TypeError, r"must be a ndarray. Received: \[\[0.0\]\]"),
        (
            np.zeros(450),
            ValueError,
            r"\(samples, 4.0\) and dtype float64. Received: shape \(450,\)",
        ),
        (np.zeros((3, 451)), ValueError, r"Received: shape \(3, 451\), dtype float64"),
        (np.zeros((1, 3, 450)), ValueError, r"Received: shape \(1, 3, 450\)"),
        (np.zeros((3, 450), "f4"), ValueError, "Received: .*dtype float32"),
        (np.zeros((3, 450), ">f8"), ValueError, "Received: .*dtype >f8"),
        (np.zeros((3, 450), complex), ValueError, "Received: .*dtype complex128"),
    ],
)
def test_other_rows_are_refused(rows, kind, message):
    for shape in ((450, 420), (420, 450)):
        frame = draw_factored(haar_law(*shape), 0)
        times = frame.times if shape[0] == 450 else frame.times_transposed
        with pytest.raises(kind, match=message):
            times(rows)


@pytest.mark.parametrize("width", [420, 419, 841])
def test_rows_for_half_of_a_mirrored_weight_are_refused(width):
    frame = draw_factored(mirrored_law(420, 410), 0)
    with pytest.raises(ValueError, match=rf"\(samples, 840\) .*Received: shape \(3, {width}\)"):
        frame.times(np.zeros((3, width)))


def test_a_frame_says_of_which_law_it_is():
    frame = draw_factored(haar_law(SIDE, SIDE), 0)
    assert isinstance(frame, FactoredFrame)
    assert repr(frame) == f"FactoredFrame(law={frame.law!r})"
