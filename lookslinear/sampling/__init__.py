"""Drawing, (law, rng) -> array: the only code of this project that draws random numbers.

`rng` is None (fresh entropy), an int, a `numpy.random.SeedSequence` or a `numpy.random.Generator`.
The same int gives the same bits, on any number of threads and of cores; a generator moves on with
each draw. Two layers that are given the same int start equal, so a network gives each layer a child
of one seed (`child_seed`).

The rooms: `seeds`, `threads`, `sources` of numbers, independent `entries` of them, `reflections`,
the Haar `frames` that are made of them, `factored` ones that never are, orthogonal `convolutions`,
vectors on `spheres`, `helpers`, `blas`.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from lookslinear.arranging import (
    Copy,
    as_convolution,
    blend,
    copies_of,
    halves_of,
    mask_sparsely,
    pieces_of,
    repeat_block,
)
from lookslinear.errors import refuse_other_kind
from lookslinear.laws import INDEPENDENT, SPHERES, WeightLaw, normal_law
from lookslinear.sampling import convolutions, entries, frames, spheres
from lookslinear.sampling.factored import FactoredFrame, can_be_factored, draw_factored
from lookslinear.sampling.frames import haar_frame
from lookslinear.sampling.kernels import populate
from lookslinear.sampling.seeds import Rng, Streams, as_generator, as_seed, child_seed
from lookslinear.sampling.threads import (
    checked_threads,
    num_threads,
    run_blocks,
    set_num_threads,
)

#: Bytes of an array whose pages are asked for at once: smaller ones malloc may have, and for larger
#: ones NumPy asks for huge pages, which threads are given while they write.
NEW_PAGES = 2**17, 2**26

__all__ = [
    "FactoredFrame",
    "Rng",
    "as_generator",
    "as_seed",
    "can_be_factored",
    "child_seed",
    "choose",
    "draw",
    "draw_factored",
    "haar_frame",
    "num_threads",
    "set_num_threads",
    "standard_normal",
]


def draw(
    law: WeightLaw, rng: Rng = None, threads: int | None = None, *, out: np.ndarray | None = None
) -> np.ndarray:
    """An array that follows the law.

    Parameters
    ----------
    law : WeightLaw
        The claim: shape, family, scale (root mean square of an entry), taps, mirroring, dtype.
    rng : None, int, SeedSequence or Generator
        None draws fresh entropy; the same int gives the same bits.
    threads : None or int
        At most so many threads; None stands for `num_threads()`. Small arrays use none but the
        caller's. The result does not depend on it.
    out : None or array of shape `law.shape` and dtype `law.dtype`
        Room to draw in, which is then returned: writeable, aligned and in C order. New memory can
        take as long as the numbers in it. What was there has no influence on the bits; a draw that
        is interrupted leaves it half written.

    Returns
    -------
    array of shape `law.shape` and dtype `law.dtype`, in C order. Sides of zero give empty arrays.
    Besides it, independent entries need 3 MB for each thread, a Haar frame at most as much again.

    Raises
    ------
    TypeError, ValueError
        For anything but a WeightLaw, another kind of `rng`, a negative int, no threads, an `out`
        that is no such array.

    References
    ----------
    Box and Muller 1958, Ann. Math. Statist. 29(2) (normal numbers). Stewart 1980, SIAM J. Numer.
    Anal. 17(3), section 3 (Haar frames without a factorisation).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> frame = draw(dense_law(300, 200, "haar", 300**-0.5, dtype="float64"), rng=1)
    >>> frame.shape, bool(abs(frame.T @ frame - np.eye(200)).max() < 1e-13)
    ((300, 200), True)
    >>> law = dense_law(3000, 200, "normal", 0.1)
    >>> bool((draw(law, 1, threads=1) == draw(law, 1, threads=2)).all())
    True

    Many weights, one after the other in the same room:

    >>> room = np.empty(law.shape, law.dtype)
    >>> [draw(law, seed, out=room) is room for seed in range(3)]
    [True, True, True]
    >>> bool((room == draw(law, 2)).all())
    True
    """
    refuse_other_kind(law, WeightLaw, "law")
    if out is not None:
        _refuse_other_room(out, law)
    threads, generator = checked_threads(threads), as_generator(rng)
    weight = _new_room(law) if out is None else _cleared(out, law)
    if weight.size:
        fill = _fill_halves if law.partly_mirrored else _fill
        fill(weight, law, generator, threads)
    return weight if out is None else out


def _refuse_other_room(out: np.ndarray, law: WeightLaw) -> None:
    refuse_other_kind(out, np.ndarray, "out")
    if (out.shape, out.dtype) != (law.shape, law.dtype):
        raise ValueError(
            f"out must have the law's shape {law.shape} and dtype {law.dtype}. "
            f"Received: shape {out.shape}, dtype {out.dtype}."
        )
    lacking = [flag for flag in ("C_CONTIGUOUS", "ALIGNED", "WRITEABLE") if not out.flags[flag]]
    if lacking:
        raise ValueError(
            f"out must be in C order, aligned and writeable, as np.empty makes it. "
            f"Received: an array that is not {' and not '.join(lacking)}."
        )


def _cleared(out: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The plain array that `out` is or looks at, with zeros where the law has no weights."""
    weight = out.view(np.ndarray)
    if law.taps != "all":
        weight[...] = 0
    return weight


def _new_room(law: WeightLaw) -> np.ndarray:
    """A new array, with zeros where the law has taps without weights."""
    if law.taps != "all":
        return np.zeros(law.shape, law.dtype)
    weight = np.empty(law.shape, law.dtype)
    least, most = NEW_PAGES
    if least <= weight.nbytes <= most:
        populate(weight)
    return weight


def standard_normal(shape: tuple[int, ...], rng: Rng = None, dtype: str = "float32") -> np.ndarray:
    """Independent standard normal numbers: data and gradients, where no weight is meant.

    Examples
    --------
    >>> standard_normal((2, 3), rng=0).dtype
    dtype('float32')
    """
    return draw(normal_law(shape, 0.0, 1.0, dtype), rng)


def choose(count: int, size: int, rng: Rng = None) -> np.ndarray:
    """`size` of the indices below `count`, without repetition while there are enough.

    Examples
    --------
    >>> sorted(choose(4, 4, rng=0).tolist())
    [0, 1, 2, 3]
    """
    return as_generator(rng).choice(count, size, replace=size > count)


def _fill(weight: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    copies = copies_of(weight, law)
    block = copies[0][0]
    _FAMILIES[law.family](block, law, generator, threads)
    if law.sparsity:
        _cut(block, law, generator, threads)
    if len(copies) > 1:
        _repeat(copies, threads)


def _fill_halves(
    weight: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None
) -> None:
    """Two draws of the halves' law, of which the second is then correlated with the first."""
    first, second = halves_of(weight, law.axes.input)
    for half in (first, second):
        _fill(half, law.half, generator, threads)
    # In half precision sums are made in single: as many numbers as are drawn at a time.
    size = entries.drawn_dtype(law.dtype).itemsize
    pieces = entries.pieces_of(first.shape, entries.BLOCK_BYTES // size)

    def blend_piece(index: int) -> None:
        blend(first[pieces[index]], second[pieces[index]], law.mirror)

    run_blocks(blend_piece, len(pieces), threads)


def _constant(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    block[...] = law.scale


def _identity(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    _place_ones(block, min(law.frame_shape), law)


def _repeated_identity(
    block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None
) -> None:
    _place_ones(block, max(law.frame_shape), law)


def _place_ones(block: np.ndarray, count: int, law: WeightLaw) -> None:
    """`count` ones down the diagonal of each group's matrix, again from the start at its end."""
    rest, outputs = law.frame_shape
    block[...] = 0
    outputs_last = np.moveaxis(block, law.axes.output, -1)
    steps = np.arange(count)
    rows = np.unravel_index(steps % rest, outputs_last.shape[:-1])
    for first in range(0, law.drawn_outputs, outputs):
        outputs_last[(*rows, first + steps % outputs)] = law.scale


def _hadamard(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    """The corner of Sylvester's matrix: its sign is the parity of the ones that indices share."""
    for piece in pieces_of(block, law):
        kernel = as_convolution(piece, law)
        inputs, outputs = (np.arange(side, dtype=np.int64) for side in kernel.shape[-2:])
        for some in entries.pieces_of((len(inputs),), max(1, 2**14 // len(outputs))):
            shared = inputs[some][:, None] & outputs
            for bits in (32, 16, 8, 4, 2, 1):
                shared ^= shared >> bits
            kernel[..., some[0], :] = np.where(shared & 1, -law.scale, law.scale)


def _cut(block: np.ndarray, law: WeightLaw, generator: Generator, threads: int | None) -> None:
    """Cuts each output unit off from inputs, uniformly without repetition, in blocks of units."""
    units, rest = np.moveaxis(block, law.axes.output, 0), law.frame_shape[0]
    pieces = entries.pieces_of((len(units),), max(1, entries.BLOCK_BYTES // 32 // rest))
    streams = Streams(generator, len(pieces))

    def cut(index: int) -> None:
        some = units[pieces[index]]
        keys = Generator(streams.bits(index)).random((len(some), rest), dtype=np.float32)
        order = keys.argpartition(law.zeros_per_output - 1, axis=1)
        some[...] = mask_sparsely(some, order[:, : law.zeros_per_output])

    run_blocks(cut, len(pieces), threads)


def _repeat(copies: list[Copy], threads: int | None) -> None:
    """Writes the other taps and the mirrored half of a weight whose drawn block is in place."""
    block = copies[0][0]
    pieces = entries.pieces_of(block.shape, entries.BLOCK_BYTES // block.itemsize)
    run_blocks(lambda index: repeat_block(copies, pieces[index]), len(pieces), threads)


_FAMILIES = {
    **dict.fromkeys(INDEPENDENT, entries.fill),
    **dict.fromkeys(SPHERES, spheres.fill),
    "haar": frames.fill,
    "haar_convolution": convolutions.fill,
    "constant": _constant,
    "identity": _identity,
    "repeated_identity": _repeated_identity,
    "hadamard": _hadamard,
}
