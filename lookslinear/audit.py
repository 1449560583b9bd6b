"""Auditing existing weights, (name -> array) -> what each can be a draw of, and what it does.

Nothing has to be known of how they were made. `python -m experiments audit FILE` reads them from a
file and tells the same in a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lookslinear.activations import Activation, activation
from lookslinear.adapting import law_of, to_theano
from lookslinear.arranging import halves_of
from lookslinear.catalogue import CATALOGUE
from lookslinear.checks import check_draw
from lookslinear.errors import known_name, refuse_other_kind
from lookslinear.fans import LAYOUTS, axes_of, fans
from lookslinear.initializers import CLASSES, VarianceScaling
from lookslinear.laws import DTYPES, FIXED, INDEPENDENT, SPHERES, WeightLaw, entries_law
from lookslinear.theory.maps import derivative_moment, mean, second_moment

#: (shape in Theano's layout, dtype) -> the law that a weight of this shape would follow.
LawOf = Callable[[tuple[int, ...], str], WeightLaw]
#: Below this number of entries few laws can be told from one another.
FEW = 32
#: The sizes of arrays that are looked at, for their fourth powers are taken.
LEAST, MOST = 1e-70, 1e70
#: A root mean square that is this many standard errors from a law's needs no further test.
_FAR = 12


@dataclass(frozen=True)
class Audit:
    """What was found of one array.

    Parameters
    ----------
    name : str
    shape : tuple of int
        As it was given.
    kind : str
        'dense', 'kernel', 'vector', or 'other', which is looked at no further.
    root_mean_square : float
        Of its entries.
    consistent : tuple of str
        The laws that `check_draw` does not contradict, at a rate of false alarms of one in a
        million for each: the law that it was drawn from is among them but for that chance. Several
        laws are one for some shapes, and a small array contradicts few. A vector is held to laws
        whose size does not depend on a fan, and one that is named as the bias of a weight to
        PyTorch's default.
    orthogonality : float
        The standard deviation of the squared singular values over their mean, of the array as a
        matrix (rest, out): 0 for a multiple of an orthonormal frame, about sqrt(k / n) for n x k
        independent entries, k <= n, mirrored or not.
    input_mirror, output_mirror : float
        How far the second half of the input (output) channels is the negative of the first, from
        -1, equal, to 1, looks-linear; NaN for an odd number. Its standard error is
        1 / sqrt(entries of a half) where the halves are independent.
    haar : bool or None
        Whether it is an orthonormal frame of no preferred direction, of any scale, all of it or, if
        it is mirrored, the half; None where that cannot be asked.
    forward_gain, backward_gain : float
        What it does to second moments behind the activation, for pre-activations before it, and
        for gradients behind it, that are independent and standard normal; exact for these very
        weights, a kernel's image taken to have no border. NaN for vectors.
    reason : str
        Why something is missing.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    root_mean_square: float = math.nan
    consistent: tuple[str, ...] = ()
    orthogonality: float = math.nan
    input_mirror: float = math.nan
    output_mirror: float = math.nan
    haar: bool | None = None
    forward_gain: float = math.nan
    backward_gain: float = math.nan
    reason: str = ""


def audit(
    weights: Mapping[str, np.ndarray],
    layout: str = "theano",
    phi: str | Activation = "linear",
    candidates: Mapping[str, LawOf] | None = None,
) -> list[Audit]:
    """What each of existing weights can be a draw of, and what it does to signal and gradient.

    Parameters
    ----------
    weights : mapping from names to arrays
        Such as a state dict, each tensor turned to an array, or an opened .npz file.
    layout : str
        How they are stored: 'theano', dense (in, out) and kernels (out, in, *sides); 'keras',
        (*sides, in, out); 'torch', (out, in, *sides), dense ones too.
    phi : str or Activation
        The activation that each weight is taken to follow, for the gains. Behind 'crelu' the second
        half of the input channels holds the negative parts.
    candidates : mapping or None
        Laws to be tried, by name; None: all of `lookslinear.initializers` with their defaults, by
        their names in the catalogue, and plain normal entries of the usual variances. A function
        that refuses a shape is not tried.

    Returns
    -------
    list of Audit
        One for each array, in their order.

    Raises
    ------
    TypeError, ValueError
        For anything but arrays by name, an unknown layout or activation.

    Examples
    --------
    >>> from lookslinear.initializers import Orthogonal
    >>> [found] = audit({"w": Orthogonal(seed=1)((48, 64))})
    >>> found.consistent, found.haar, round(found.orthogonality, 5)
    (('Orthogonal',), True, 0.0)
    """
    known_name("layout", layout, LAYOUTS)
    phi = activation(phi)
    chosen = CANDIDATES if candidates is None else candidates
    _refuse_other_candidates(chosen)
    if not isinstance(weights, Mapping):
        raise TypeError(f"weights must be a mapping from names to arrays. Received: {weights!r}.")
    for name, array in weights.items():
        refuse_other_kind(name, str, "each name of weights")
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"each of weights must be an array. Received: {name!r}, {type(array).__name__}. A "
                f"tensor of PyTorch's becomes one by .numpy()."
            )
    return [
        _audited(name, array, layout, phi, chosen, _laws_of_bias(name, weights, layout))
        for name, array in weights.items()
    ]


def _refuse_other_candidates(candidates: Mapping[str, LawOf]) -> None:
    mapped = isinstance(candidates, Mapping)
    if not mapped or not all(callable(law_for) for law_for in candidates.values()):
        raise TypeError(
            f"candidates must be a mapping from names to functions of (shape, dtype), or None. "
            f"Received: {candidates!r}."
        )


def _audited(
    name: str,
    array: np.ndarray,
    layout: str,
    phi: Activation,
    candidates: Mapping[str, LawOf],
    beside: Mapping[str, LawOf],
) -> Audit:
    reason = _reason_to_leave(array)
    if reason:
        return Audit(name, array.shape, "other", reason=reason)
    found = Audit(
        name,
        array.shape,
        "vector" if array.ndim == 1 else "dense" if array.ndim == 2 else "kernel",
        root_mean_square=_root_mean_square(array),
    )
    if array.ndim == 1:
        tried = {key: law_for for key, law_for in candidates.items() if _is_fanless(law_for)}
        consistent = _consistent(np.ascontiguousarray(array), {**tried, **beside})
        return replace(found, consistent=consistent, reason=_too_few(array))
    weight = _in_theanos_layout(array, layout)
    structure = _structure(weight)
    return replace(
        found,
        consistent=_consistent(weight, candidates, structure["haar"]),
        **{"reason": _too_few(array), **structure, **_gains(weight, phi)},
    )


def _reason_to_leave(array: np.ndarray) -> str:
    if array.dtype.name not in DTYPES:
        return f"holds {array.dtype}, not floating-point numbers"
    if not 1 <= array.ndim <= 5:
        return f"has {array.ndim} axes, where weights have 1 to 5"
    if not array.size:
        return "holds no numbers"
    unusable = array.size - int(np.isfinite(array).sum())
    if unusable:
        return f"holds {unusable} numbers that are not finite"
    largest = float(np.abs(array).max())
    if largest and not LEAST <= largest <= MOST:
        return f"is of size {largest:.0e}, whose fourth power double precision does not hold"
    return ""


def _too_few(array: np.ndarray) -> str:
    return f"{array.size} entries tell few laws apart" if array.size < FEW else ""


def _root_mean_square(array: np.ndarray) -> float:
    return math.sqrt(np.mean(np.square(array, dtype=float)))


def _in_theanos_layout(array: np.ndarray, layout: str) -> np.ndarray:
    if layout == "torch" and array.ndim == 2:
        array = array.T
    return np.ascontiguousarray(to_theano(array) if layout == "keras" else array)


# Which laws it is consistent with


def _consistent(
    weight: np.ndarray, candidates: Mapping[str, LawOf], is_frame: bool | None = None
) -> tuple[str, ...]:
    dtype, root = weight.dtype.name, _root_mean_square(weight)
    verdicts: dict[WeightLaw, bool] = {}  # several names have one law for some shapes
    kept = []
    for name, law_for in candidates.items():
        law = _law(law_for, weight.shape, dtype)
        if law is None:
            continue
        if law not in verdicts:
            # Loose entries and independent units are never orthonormal to the last digit.
            loose = is_frame and law.family in (*INDEPENDENT, *SPHERES)
            ruled_out = loose or not _is_near(root, law) or _mixes_channels(weight, law)
            verdicts[law] = not ruled_out and bool(check_draw(weight, law))
        if verdicts[law]:
            kept.append(name)
    return tuple(kept)


def _law(law_for: LawOf, shape: tuple[int, ...], dtype: str) -> WeightLaw | None:
    try:
        return law_for(shape, dtype)
    except ValueError:  # not of this shape
        return None


def _is_near(root: float, law: WeightLaw) -> bool:
    """Whether the root mean square alone does not rule the law out, at no cost."""
    if law.taps != "all" or law.sparsity or law.mean or law.partly_mirrored:
        return True
    errors = abs(root / law.scale - 1) if law.scale else 0.0
    if law.family in INDEPENDENT:
        return errors * math.sqrt(2 * math.prod(law.block_shape)) < _FAR
    # The norm of frames and of spheres has no scatter, and half precision rounds by less.
    return errors < 0.01 or law.family in FIXED


def _mixes_channels(weight: np.ndarray, law: WeightLaw) -> bool:
    """Whether the taps together are no isometry between channels, which all of them would be."""
    if law.family != "haar_convolution" or law.mirror or law.mirror_outputs or weight.ndim < 3:
        return False
    turned = np.moveaxis(weight, 1, 0) if weight.shape[1] <= weight.shape[0] else weight
    return _spread(_matrix(turned)) > 0.01


def _of_initializer(make: Callable[[], object]) -> LawOf:
    def law_for(shape: tuple[int, ...], dtype: str) -> WeightLaw:
        if len(shape) == 1:
            return make().law(shape, dtype)
        return law_of(make(), shape, dtype)

    return law_for


def _plain(scale: float, mode: str) -> LawOf:
    return _of_initializer(lambda: VarianceScaling(scale, mode, "untruncated_normal"))


#: What is tried where nothing else is asked for.
CANDIDATES: dict[str, LawOf] = {
    **{
        entry.name: _of_initializer(CLASSES[entry.initializer])
        for entry in CATALOGUE.values()
        if entry.initializer
    },
    "glorotNormal": _plain(1.0, "fan_avg"),
    "heNormal": _plain(2.0, "fan_in"),
    "lecunNormal": _plain(1.0, "fan_in"),
}


def _laws_of_bias(name: str, weights: Mapping[str, np.ndarray], layout: str) -> dict[str, LawOf]:
    """PyTorch's default, whose size follows from the fan in of the weight beside the bias."""
    stem, dot, last = name.rpartition(".")
    weight = weights.get(f"{stem}{dot}weight")
    if last != "bias" or weight is None or not 2 <= weight.ndim <= 5 or not weight.size:
        return {}
    fan_in = fans(weight.shape, axes_of(weight.ndim, layout)).fan_in
    scale = (3 * fan_in) ** -0.5
    return {"torchDefaultUniform": lambda shape, d: entries_law(shape, "uniform", scale, dtype=d)}


def _is_fanless(law_for: LawOf) -> bool:
    """Whether the law of a vector is of one size for all lengths: fans are those of a weight."""
    laws = [_law(law_for, (length,), "float32") for length in (3, 12)]
    return all(laws) and laws[0].scale == laws[1].scale


# Its structure


def _structure(weight: np.ndarray) -> dict[str, object]:
    axes, block = axes_of(weight.ndim), weight
    degrees = [_degree(weight, axis) for axis in (axes.input, axes.output)]
    for axis, degree in zip((axes.input, axes.output), degrees, strict=True):
        block = halves_of(block, axis)[0] if degree == 1 else block
    return {
        "orthogonality": _spread(_matrix(weight)),
        "input_mirror": degrees[0],
        "output_mirror": degrees[1],
        "haar": _is_haar(np.ascontiguousarray(block)),
    }


def _matrix(weight: np.ndarray) -> np.ndarray:
    """(rest, out), in double precision."""
    columns = weight.T if weight.ndim == 2 else weight.reshape(len(weight), -1)
    return columns.T.astype(float)


def _spread(matrix: np.ndarray) -> float:
    """The relative standard deviation of the squared singular values, from traces alone."""
    short = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    gram = short.T @ short
    first = np.trace(gram) / len(gram)
    if not first:
        return math.nan
    # The deviations, not the difference of two moments, which would lose half of the digits.
    return float(np.linalg.norm(gram / first - np.eye(len(gram))) / math.sqrt(len(gram)))


def _degree(weight: np.ndarray, axis: int) -> float:
    if weight.shape[axis] % 2:
        return math.nan
    first, second = (half.astype(float).ravel() for half in halves_of(weight, axis))
    if (first == -second).all() and first.any():
        return 1.0
    lengths = math.sqrt((first @ first) * (second @ second))
    return float(-(first @ second) / lengths) if lengths else math.nan


def _is_haar(weight: np.ndarray) -> bool | None:
    """Whether it keeps the law of a frame in all or in the centre tap, of the scale that it has."""
    if (min(weight.shape[:2]) < 2 and weight.size < FEW) or not weight.any():
        return None
    for taps in ("all", "centre") if weight.ndim > 2 else ("all",):
        law = _frame_law(weight, taps)
        if check_draw(weight, law):
            return True
    return False


def _frame_law(weight: np.ndarray, taps: str) -> WeightLaw:
    axes = axes_of(weight.ndim)
    unit = WeightLaw(weight.shape, axes, "haar", 1.0, taps, dtype=weight.dtype.name)
    carrying = math.prod(unit.block_shape) / weight.size
    return replace(unit, scale=_root_mean_square(weight) / math.sqrt(carrying))


# What it does


def _gains(weight: np.ndarray, phi: Activation) -> dict[str, float]:
    """Second moments behind and before it, for independent standard normal numbers.

    With m the mean and v the variance of phi(z), an output's second moment is v |w|^2 + (m sum w)^2
    for the weights w that it reads. Behind CReLU the two channels of a unit are never both open:
    with V = E (z+)^2 and a the sum of their two weights, it is V |w|^2 + m^2 ((sum a)^2 - |a|^2).
    """
    matrix, channels = _matrix(weight), weight.shape[axes_of(weight.ndim).input]
    if phi.doubles and channels % 2:
        return {"reason": f"{phi.name} gives an even number of channels, not {channels}"}
    middle, square = float(mean(phi, 1.0)), float(second_moment(phi, 1.0))
    total = float(np.sum(matrix**2))
    units = channels // 2 if phi.doubles else channels
    if phi.doubles:
        by_channel = matrix.reshape(channels, -1, matrix.shape[1])
        pairs = (by_channel[:units] + by_channel[units:]).reshape(-1, matrix.shape[1])
        coherent = np.sum(pairs.sum(axis=0) ** 2) - np.sum(pairs**2)
        of_one = square / 2
    else:
        coherent, of_one = np.sum(matrix.sum(axis=0) ** 2) - total, square
    behind = of_one * total + middle**2 * coherent
    slopes = float(derivative_moment(phi, 1.0)) / (2 if phi.doubles else 1)
    return {
        "forward_gain": float(behind / matrix.shape[1]),
        "backward_gain": float(slopes * total / units),
    }
