"""Drawing, (law, rng) -> array: the only code of this project that draws random numbers.

`rng` is None (fresh entropy), an int, a `numpy.random.SeedSequence` or a `numpy.random.Generator`.
The same int gives the same bits (of Haar frames: with the same BLAS on as many threads, else the
same numbers to rounding); a generator moves on with each draw. Two layers that are given the same
int start equal, so a network gives each layer a child of one seed (`child_seed`).
"""

from __future__ import annotations

import math
import numbers

import numpy as np
from numpy.random import Generator, SeedSequence
from scipy.linalg import lapack

from lookslinear.arranging import arrange, mask_sparsely
from lookslinear.errors import refuse_other_kind, whole_number
from lookslinear.laws import TRUNCATED_DEVIATION, TRUNCATION, WeightLaw, dtype_name

Rng = int | SeedSequence | Generator | None


def draw(law: WeightLaw, rng: Rng = None) -> np.ndarray:
    """An array that follows the law.

    Parameters
    ----------
    law : WeightLaw
        The claim: shape, family, scale (root mean square of an entry), taps, mirroring, dtype.
    rng : None, int, SeedSequence or Generator
        None draws fresh entropy; the same int gives the same bits.

    Returns
    -------
    array of shape `law.shape` and dtype `law.dtype`, in C order. Sides of zero give empty arrays.

    Raises
    ------
    TypeError, ValueError
        For anything but a WeightLaw, another kind of `rng`, or a negative int.

    References
    ----------
    Stewart 1980, SIAM J. Numer. Anal. 17(3), section 3 (Haar frames without a factorisation).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> frame = draw(dense_law(300, 200, "haar", 300**-0.5, dtype="float64"), rng=1)
    >>> frame.shape, bool(abs(frame.T @ frame - np.eye(200)).max() < 1e-13)
    ((300, 200), True)
    """
    refuse_other_kind(law, WeightLaw, "law")
    generator = as_generator(rng)
    block = np.empty(0) if 0 in law.shape else _FAMILIES[law.family](law, generator)
    block = block.astype(law.dtype, copy=False).reshape(law.block_shape)
    if law.zeros_per_output:
        block = mask_sparsely(block, _cut_inputs(law, generator), law.axes.output)
    return arrange(block, law)


def as_generator(rng: Rng = None) -> Generator:
    """The random generator that `rng` stands for; a Generator is returned as it is.

    Examples
    --------
    >>> bool(as_generator(3).random() == as_generator(3).random())
    True
    >>> as_generator("3")
    Traceback (most recent call last):
    TypeError: rng must be None, an int, a SeedSequence or a Generator. Received: '3'.
    """
    if isinstance(rng, Generator):
        return rng
    return np.random.default_rng(as_seed(rng, name="rng"))


def as_seed(seed: Rng = None, name: str = "seed") -> SeedSequence:
    """The SeedSequence that a seed stands for: fresh entropy for None.

    A Generator gives 128 of its next bits and moves on, so what draws from the seed can be drawn
    again, and two users of one generator start differently.

    Raises
    ------
    TypeError, ValueError
        For another kind of seed, and for a negative int.

    Examples
    --------
    >>> as_seed(3).entropy
    3
    >>> as_seed(-1)
    Traceback (most recent call last):
    ValueError: seed must not be negative. Received: -1.
    """
    if isinstance(seed, SeedSequence):
        return seed
    if isinstance(seed, Generator):
        return SeedSequence(seed.integers(2**32, size=4).tolist())
    if isinstance(seed, bool) or not (seed is None or isinstance(seed, numbers.Integral)):
        raise TypeError(
            f"{name} must be None, an int, a SeedSequence or a Generator. Received: {seed!r}."
        )
    if seed is not None and seed < 0:
        raise ValueError(f"{name} must not be negative. Received: {seed!r}.")
    return SeedSequence(None if seed is None else int(seed))


def child_seed(seed: Rng, *path: int) -> SeedSequence:
    """The child of a seed at a path of indices: the same at every call, unlike `spawn`.

    Examples
    --------
    >>> child_seed(1, 5, 0).spawn_key, child_seed(child_seed(1, 5), 0).spawn_key
    ((5, 0), (5, 0))
    """
    parent = as_seed(seed)
    return SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *path))


def standard_normal(shape: tuple[int, ...], rng: Rng = None, dtype: str = "float32") -> np.ndarray:
    """Independent standard normal numbers: data and gradients, where no weight is meant.

    Examples
    --------
    >>> standard_normal((2, 3), rng=0).dtype
    dtype('float32')
    """
    dtype = dtype_name(dtype)
    numbers = as_generator(rng).standard_normal(shape, dtype=_drawn_dtype(dtype))
    return numbers.astype(dtype, copy=False)


def choose(count: int, size: int, rng: Rng = None) -> np.ndarray:
    """`size` of the indices below `count`, without repetition while there are enough.

    Examples
    --------
    >>> sorted(choose(4, 4, rng=0).tolist())
    [0, 1, 2, 3]
    """
    return as_generator(rng).choice(count, size, replace=size > count)


def _drawn_dtype(dtype: str) -> type:
    # NumPy draws in single or double precision; half precision is rounded from single.
    return np.float64 if np.dtype(dtype) == np.float64 else np.float32


def _size(law: WeightLaw) -> int:
    return math.prod(law.block_shape)


def _normal(law: WeightLaw, generator: Generator) -> np.ndarray:
    numbers = generator.standard_normal(_size(law), dtype=_drawn_dtype(law.dtype))
    return _moved(_scaled(numbers, law.scale), law)


def _truncated_normal(law: WeightLaw, generator: Generator) -> np.ndarray:
    dtype = _drawn_dtype(law.dtype)
    numbers = generator.standard_normal(_size(law), dtype=dtype)
    beyond = np.flatnonzero(np.abs(numbers) > TRUNCATION)
    while beyond.size:
        numbers[beyond] = generator.standard_normal(beyond.size, dtype=dtype)
        beyond = beyond[np.abs(numbers[beyond]) > TRUNCATION]
    stddev = law.scale / TRUNCATED_DEVIATION
    return _within(_moved(_scaled(numbers, stddev), law), TRUNCATION * stddev, law)


def _uniform(law: WeightLaw, generator: Generator) -> np.ndarray:
    numbers = generator.random(_size(law), dtype=_drawn_dtype(law.dtype))
    # The generator's grid starts at 0 and ends one step below 1: half a step centres it.
    numbers -= 0.5
    numbers += np.finfo(numbers.dtype).eps / 4
    half = math.sqrt(3) * law.scale
    return _within(_moved(_scaled(numbers, 2 * half), law), half, law)


def _moved(numbers: np.ndarray, law: WeightLaw) -> np.ndarray:
    if law.mean:
        numbers += numbers.dtype.type(law.mean)
    return numbers


def _within(numbers: np.ndarray, radius: float, law: WeightLaw) -> np.ndarray:
    """Numbers that adding the mean has rounded past the bounds, put back onto them."""
    if law.mean:
        np.clip(numbers, law.mean - radius, law.mean + radius, out=numbers)
    return numbers


def _scaled(numbers: np.ndarray, scale: float) -> np.ndarray:
    numbers *= numbers.dtype.type(scale)
    return numbers


def _constant(law: WeightLaw, generator: Generator) -> np.ndarray:
    return np.full(_size(law), law.scale, law.dtype)


def _identity(law: WeightLaw, generator: Generator) -> np.ndarray:
    rest, outputs = law.frame_shape
    return _diagonals(np.eye(rest, outputs, dtype=bool), law)


def _repeated_identity(law: WeightLaw, generator: Generator) -> np.ndarray:
    rest, outputs = law.frame_shape
    from_diagonal = np.arange(rest)[:, None] - np.arange(outputs)
    return _diagonals(from_diagonal % min(rest, outputs) == 0, law)


def _diagonals(mask: np.ndarray, law: WeightLaw) -> np.ndarray:
    one_group = np.zeros(mask.shape, law.dtype)
    one_group[mask] = law.scale
    return _unflatten([one_group] * law.axes.groups, law)


def _haar(law: WeightLaw, generator: Generator) -> np.ndarray:
    return _unflatten([_haar_matrix(law, generator) for _ in range(law.axes.groups)], law)


def _haar_matrix(law: WeightLaw, generator: Generator) -> np.ndarray:
    rows, columns = law.frame_shape
    frame = haar_frame(max(rows, columns), min(rows, columns), generator, _drawn_dtype(law.dtype))
    return _scaled(frame if rows >= columns else frame.T, law.gain)


def haar_frame(n: int, k: int, generator: Generator, dtype: type = np.float32) -> np.ndarray:
    """k orthonormal columns of n entries, uniformly distributed over all such frames.

    The Householder vectors of a Gaussian matrix are independent Gaussian vectors of shrinking
    length, so they are drawn and multiplied out: no matrix is factored.

    References
    ----------
    Stewart 1980, SIAM J. Numer. Anal. 17(3), section 3.

    Examples
    --------
    >>> haar_frame(1, 1, as_generator(0)).shape
    (1, 1)
    """
    if whole_number(k, "k") > whole_number(n, "n"):
        raise ValueError(f"n must be at least k, the number of columns. Received: n {n}, k {k}.")
    rows = np.triu(generator.standard_normal((k, n), dtype=dtype))  # one Gaussian vector a row
    diagonal = np.einsum("ii->i", rows[:, :k])
    diagonal[diagonal == 0] = np.finfo(dtype).eps ** 2  # a zero has no sign to reflect by
    heads = diagonal.copy()
    # Norms in double precision: an error in them is an error of orthogonality.
    norms = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)).astype(dtype)
    signs = np.copysign(dtype(1), heads)
    rows /= (heads + signs * norms)[:, None]
    return _multiply_out(rows.T, 1 + np.abs(heads) / norms) * -signs


def _multiply_out(reflectors: np.ndarray, taus: np.ndarray) -> np.ndarray:
    multiply = lapack.sorgqr if reflectors.dtype == np.float32 else lapack.dorgqr
    workspace = 64 * reflectors.shape[1]
    frame, _, info = multiply(reflectors, taus, lwork=workspace, overwrite_a=True)
    assert info == 0, f"orgqr refused argument {-info}"
    return frame


def _unflatten(matrices: list[np.ndarray], law: WeightLaw) -> np.ndarray:
    """The block from one (rest, outputs) matrix a group, its output axis put back in its place."""
    outputs_last = np.concatenate(matrices, axis=1) if len(matrices) > 1 else matrices[0]
    shape = list(law.block_shape)
    del shape[law.axes.output]
    return np.moveaxis(outputs_last.reshape(*shape, -1), -1, law.axes.output)


def _cut_inputs(law: WeightLaw, generator: Generator) -> np.ndarray:
    """For each output unit the inputs that a sparse law cuts, uniformly without repetition."""
    rest = law.frame_shape[0]
    order = generator.random((law.output_channels, rest), dtype=np.float32).argpartition(
        law.zeros_per_output - 1, axis=1
    )
    return order[:, : law.zeros_per_output]


_FAMILIES = {
    "normal": _normal,
    "uniform": _uniform,
    "truncated_normal": _truncated_normal,
    "haar": _haar,
    "constant": _constant,
    "identity": _identity,
    "repeated_identity": _repeated_identity,
}
