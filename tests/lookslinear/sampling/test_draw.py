"""Draws: the same bits on any number of threads, in every shape, dtype and arrangement."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from lookslinear import sampling
from lookslinear.arranging import arrange, block_of
from lookslinear.checks import check_draw
from lookslinear.fans import Axes, keras_axes
from lookslinear.laws import (
    DTYPES,
    FAMILIES,
    FIXED,
    INDEPENDENT,
    WeightLaw,
    dense_law,
    entries_law,
)
from lookslinear.sampling import draw, frames, haar_frame, num_threads, set_num_threads
from lookslinear.sampling.seeds import Streams
from tests.lookslinear.laws import law_between, weight_laws
from tests.lookslinear.sampling.blocks import (
    BLOCK,
    PANEL,
    replaced,
    side_about_small,
    sizes_about_boundaries,
    small_blocks,
)

THREADS = (1, 2, 8)


def drawn_on(law, seed=3):
    """The bytes of a draw on each number of threads, told by the argument and by the setting."""
    found = {draw(law, seed, threads=threads).tobytes() for threads in THREADS}
    for threads in THREADS:
        set_num_threads(threads)
        found.add(draw(law, seed).tobytes())
    set_num_threads(None)
    return found


# The same bits


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", INDEPENDENT)
def test_entries_are_the_same_on_any_number_of_threads(family, dtype):
    for size in sizes_about_boundaries(family, dtype):
        assert len(drawn_on(entries_law((size,), family, 0.5, mean=0.25, dtype=dtype))) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("beyond", [0, 1])
def test_frames_are_the_same_on_any_number_of_threads(beyond, dtype):
    side = side_about_small() + beyond
    assert (side**3 >= frames.SMALL) == bool(beyond)
    for shape in ((side, side), (2 * side, side), (side, 2 * side)):
        assert len(drawn_on(dense_law(*shape, "haar", 0.5, dtype=dtype))) == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_frames_about_every_boundary_are_the_same_on_any_number_of_threads(dtype):
    sides = {BLOCK - 1, BLOCK, BLOCK + 1, PANEL - 1, PANEL, PANEL + 1, 3 * PANEL, 3 * PANEL + 1}
    with small_blocks():
        for n, k in itertools.product({*sides, 40}, sides):
            if k <= n:
                made = [
                    haar_frame(n, k, np.random.default_rng(k), dtype, threads=threads).tobytes()
                    for threads in THREADS
                ]
                assert len(set(made)) == 1


@given(law=weight_laws(most=6), seed=st.integers(0, 2**64))
@settings(max_examples=150, deadline=None)
def test_every_arrangement_is_the_same_on_any_number_of_threads(law, seed):
    with small_blocks():
        first, *others = (draw(law, seed, threads=threads) for threads in THREADS)
    assert (first.shape, first.dtype) == (law.shape, law.dtype)
    assert {other.tobytes() for other in others} == {first.tobytes()}
    partly = law.partly_mirrored
    for part in np.split(first, 2, law.axes.input) if partly else [first]:
        own = law.half if partly else law
        np.testing.assert_array_equal(part, arrange(block_of(part, own), own))


# The same bits in room that was there before


@given(law=weight_laws(most=6), seed=st.integers(0, 2**64), threads=st.sampled_from(THREADS))
@settings(max_examples=150, deadline=None)
def test_what_was_in_the_room_has_no_influence(law, seed, threads):
    room = np.full(law.shape, np.nan, law.dtype)
    with small_blocks():
        assert draw(law, seed, threads, out=room) is room
        assert room.tobytes() == draw(law, seed, threads).tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("family", FAMILIES)
def test_large_weights_are_the_same_in_any_room(family, dtype):
    law = dense_law(500, 402, family, 0.5, dtype=dtype)
    room = np.full(law.shape, np.nan, law.dtype)
    assert draw(law, 1, out=room).tobytes() == draw(law, 1).tobytes()


def test_a_room_that_stays_as_it_was_would_be_seen():
    """Mutant: the zeros between the taps are left to what was there."""
    law = law_between(3, 4, sides=(3, 3), taps="centre")
    room = np.full(law.shape, np.nan, law.dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampling, "_cleared", lambda out, law: out)
        draw(law, 1, out=room)
    assert room.tobytes() != draw(law, 1).tobytes()


def test_room_of_other_kinds_of_arrays(tmp_path):
    law = dense_law(60, 40, "normal", 0.5)
    drawn = draw(law, 1)
    mapped = np.memmap(tmp_path / "weight", "float32", "w+", shape=law.shape)
    masked = np.ma.masked_array(np.zeros_like(drawn), mask=True)
    for room in (
        mapped,
        masked,
        np.zeros_like(drawn).view(np.matrix),
        np.zeros((2, 60, 40), "f4")[1],
    ):
        assert draw(law, 1, out=room) is room
        np.testing.assert_array_equal(np.asarray(room), drawn)


def unaligned():
    return np.zeros(8 * 4 + 1, "u1")[1:].view("f4").reshape(2, 4)


def read_only():
    room = np.zeros((2, 4), "f4")
    room.flags.writeable = False
    return room


@pytest.mark.parametrize(
    ("room", "kind", "message"),
    [
        ([[0.0] * 4] * 2, TypeError, r"out must be a ndarray. Received: \[\["),
        (np.zeros((4, 2), "f4"), ValueError, r"shape \(2, 4\).*Received: shape \(4, 2\)"),
        (np.zeros(8, "f4"), ValueError, r"Received: shape \(8,\), dtype float32"),
        (np.zeros((2, 4)), ValueError, r"dtype float32. Received: shape \(2, 4\), dtype float64"),
        (np.zeros((2, 4), ">f4"), ValueError, "dtype float32. Received: .* dtype >f4"),
        (np.zeros((4, 2), "f4").T, ValueError, "in C order.* not C_CONTIGUOUS"),
        (np.zeros((2, 8), "f4")[:, ::2], ValueError, "in C order.* not C_CONTIGUOUS"),
        (unaligned(), ValueError, "not ALIGNED"),
        (read_only(), ValueError, "not WRITEABLE"),
    ],
)
def test_other_room_is_refused_before_anything_is_drawn(room, kind, message):
    before, generator = np.array(room), np.random.default_rng(0)
    with pytest.raises(kind, match=message):
        draw(dense_law(2, 4, "normal", 1.0), generator, out=room)
    np.testing.assert_array_equal(np.array(room), before)
    assert generator.random() == np.random.default_rng(0).random()


def test_room_is_left_alone_where_the_seed_is_bad():
    law = law_between(3, 4, sides=(3, 3), taps="centre")
    room = np.ones(law.shape, law.dtype)
    for rng, threads in (("1", None), (-1, None), (1, 0)):
        with pytest.raises((TypeError, ValueError)):
            draw(law, rng, threads, out=room)
    assert room.all()


def backwards(work, count, threads=None):
    """Blocks in the order in which so many threads could come to them, one in so many each."""
    threads = threads or 1
    for index in sorted(range(count), key=lambda index: (-(index % threads), index)):
        work(index)


class ByArrival(Streams):
    """Mutant: whoever comes first gets the first stream."""

    arrived = 0

    def __getitem__(self, index):
        self.arrived += 1
        return super().__getitem__(self.arrived - 1)


MANY_BLOCKS = [
    *(entries_law((1000,), family, 0.5) for family in INDEPENDENT),
    law_between(20, 30, "normal", sides=(3, 3), mirror=True, sparsity=0.5),
    law_between(64, 64, "constant", sides=(3, 3), mirror=True),
    law_between(20, 30, "normal", sides=(3, 3), mirror=0.5),
    dense_law(60, 50, "haar", 0.5),
    dense_law(60, 50, "haar", 0.5, mirror=0.5),
]


@pytest.mark.parametrize(
    "law", MANY_BLOCKS, ids=lambda law: f"{law.family}-{law.sparsity}-{law.mirror}"
)
def test_the_order_of_blocks_changes_no_bit_but_streams_by_arrival_would(law):
    with small_blocks():
        proper = draw(law, 5, threads=1).tobytes()
        with replaced("run_blocks", backwards):
            assert {draw(law, 5, threads=threads).tobytes() for threads in THREADS} == {proper}
            with replaced("Streams", ByArrival):
                mutants = {draw(law, 5, threads=threads).tobytes() for threads in THREADS}
    assert (len(mutants) > 1) == (law.family not in FIXED)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_threads_of_the_blas_change_no_bit(dtype):
    for side in (side_about_small() - 50, side_about_small() + 50):
        law, found = dense_law(side, side, "haar", 0.5, dtype=dtype), set()
        for blas, threads in itertools.product((1, 2), (1, 2)):
            with threadpool_limits(blas, user_api="blas"):
                found.add(draw(law, 2, threads=threads).tobytes())
        assert len(found) == 1


def test_the_next_draw_of_a_generator_does_not_depend_on_threads_either():
    laws = [dense_law(300, 200, family, 0.5) for family in FAMILIES]
    ends = set()
    for threads in THREADS:
        rng = np.random.default_rng(8)
        with small_blocks():
            for law in laws:
                draw(law, rng, threads=threads)
        ends.add(int(rng.integers(2**63)))
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("threads", "kind", "message"),
    [
        (0, ValueError, "threads must be at least 1. Received: 0."),
        (-1, ValueError, "threads must be at least 1. Received: -1."),
        (2.5, TypeError, "threads must be a whole number. Received: 2.5."),
        ("2", TypeError, "threads must be a whole number. Received: '2'."),
        (True, TypeError, "threads must be a whole number. Received: True."),
    ],
)
def test_numbers_of_threads_that_are_none_are_refused(threads, kind, message):
    before = num_threads()
    for call in (
        lambda: draw(dense_law(2, 3, "normal", 1.0), 0, threads=threads),
        lambda: draw(dense_law(0, 3, "constant", 1.0), 0, threads=threads),
        lambda: haar_frame(3, 2, np.random.default_rng(0), threads=threads),
        lambda: set_num_threads(threads),
    ):
        with pytest.raises(kind) as refused:
            call()
        assert str(refused.value) == message
    assert num_threads() == before


def test_numpys_integers_are_numbers_of_threads():
    law = dense_law(300, 400, "normal", 1.0)
    assert (draw(law, 0, threads=np.int64(2)) == draw(law, 0)).all()


# Shapes and dtypes


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_sides_of_zero_give_empty_arrays(family, shape):
    for mirror in (False, shape[0] % 2 == 0):
        weight = draw(dense_law(*shape, family, 0.5, mirror=mirror), 0)
        assert weight.shape == shape
        assert weight.dtype == np.float32


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("taps", ["all", "centre"])
@pytest.mark.parametrize("shape", [(0, 4, 3, 3), (4, 0, 3, 3), (4, 2, 0, 3)])
def test_kernels_with_sides_of_zero_are_empty(family, taps, shape):
    law = law_between(shape[1], shape[0], family, sides=shape[2:], taps=taps, mirror=True)
    assert draw(law, 0).shape == shape


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("taps", ["all", "centre", "average"])
def test_dtype_shape_and_order_are_exact(family, dtype, taps):
    for layout in ("theano", "keras", "torch"):
        law = law_between(
            8, 6, family, sides=(3, 2), layout=layout, taps=taps, mirror=True, dtype=dtype
        )
        weight = draw(law, 0)
        assert (weight.shape, weight.dtype) == (law.shape, dtype)
        assert weight.flags.c_contiguous
        assert weight.flags.writeable


@pytest.mark.parametrize("groups", [1, 2])
def test_identities_pass_their_channels_on(groups):
    law = law_between(3, 4 * groups, "identity", 1.5, (3, 3), groups=groups, taps="centre")
    centre = draw(law, 0)[:, :, 1, 1]
    np.testing.assert_array_equal(centre, np.vstack([1.5 * np.eye(4, 3)] * groups))


def test_a_repeated_identity_is_identities_side_by_side():
    three = np.eye(3, dtype="float32")
    wide = draw(dense_law(3, 9, "repeated_identity", 1.0))
    np.testing.assert_array_equal(wide, np.hstack([three] * 3))
    np.testing.assert_array_equal(draw(dense_law(9, 3, "repeated_identity", 1.0)), wide.T)
    np.testing.assert_array_equal(draw(dense_law(3, 3, "repeated_identity", 2.0)), 2 * three)


@pytest.mark.parametrize("shape", [(12, 5), (5, 12)])
def test_the_draw_of_a_frame_scales_it(shape):
    weight = draw(dense_law(*shape, "haar", 0.5, dtype="float64"), 0)
    frame = weight if shape[0] > shape[1] else weight.T
    np.testing.assert_allclose(frame.T @ frame, 0.25 * 12 * np.eye(5), atol=1e-13)


def test_groups_have_frames_of_their_own():
    law = law_between(6, 20, "haar", 0.5, (3, 3), groups=2, taps="centre", dtype="float64")
    first, second = np.split(draw(law, 0)[:, :, 1, 1], 2)
    for frame in (first, second):
        np.testing.assert_allclose(frame.T @ frame, 0.25 * 10 * np.eye(6), atol=1e-13)
    assert (first != second).all()


SEVERAL_AXES = [
    WeightLaw((6, 70, 5), Axes((0, 2), 1), "normal", 0.5),
    WeightLaw((6, 70, 50), Axes((0, 1), (2,)), "uniform", 0.5, mean=1.0),
    WeightLaw((3, 6, 70, 5), Axes(1, (2, 3), batch=(0,)), "truncated_normal", 0.5),
    WeightLaw((2000,), keras_axes(1), "normal", 0.5),
    WeightLaw((2, 3, 5, 7, 11, 2), keras_axes(6), "uniform", 0.5),
    WeightLaw((), keras_axes(0), "normal", 0.5),
]


@pytest.mark.parametrize("law", SEVERAL_AXES, ids=lambda law: f"{law.shape}")
def test_several_axes_and_batches_are_drawn_in_blocks_too(law):
    with small_blocks():
        weight = draw(law, 6, threads=2)
    assert (weight.shape, weight.dtype) == (law.shape, law.dtype)
    if weight.size > 1000:
        assert check_draw(weight, law), check_draw(weight, law)
        assert np.unique(weight).size > 0.99 * weight.size


KERNELS = [
    {"sides": sides, "layout": layout, "mirror": mirror, "taps": taps, "groups": groups}
    for sides in ((3,), (3, 4), (2, 3, 2))
    for layout in ("theano", "keras", "torch")
    for mirror in (False, True)
    for taps in ("all", "centre", "average")
    for groups in (1, 2)
]


@pytest.mark.parametrize("family", INDEPENDENT)
def test_kernels_in_blocks_follow_their_law(family):
    for index, claims in enumerate(KERNELS):
        law = law_between(20, 30, family, **claims)
        with small_blocks():
            weight = draw(law, index, threads=2)
        # No entry is left unset or is that of another block: 23 bits or more each, 54 kernels.
        assert np.unique(block_of(weight, law)).size > 0.99 * block_of(weight, law).size
        assert check_draw(weight, law), (law, check_draw(weight, law))


@pytest.mark.parametrize("dtype", DTYPES)
def test_frames_in_kernels_follow_their_law(dtype):
    for index, claims in enumerate(KERNELS):
        law = law_between(10, 18, "haar", dtype=dtype, **claims)
        with small_blocks():
            weight = draw(law, index, threads=2)
        assert check_draw(weight, law), (law, check_draw(weight, law))


@pytest.mark.parametrize("layout", ["theano", "keras"])
@pytest.mark.parametrize("family", [*INDEPENDENT, "haar"])
def test_mirrored_kernels_larger_than_a_block_follow_their_law(family, layout):
    law = law_between(64, 600, family, sides=(3, 3), layout=layout, mirror=True)
    weight = draw(law, 1, threads=2)
    np.testing.assert_array_equal(weight, arrange(block_of(weight, law), law))
    if family != "haar":
        assert check_draw(weight, law), check_draw(weight, law)
