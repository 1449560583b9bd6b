"""The checker, (array, law) -> verdict: does what was drawn keep its law's claim?

Every random statistic has an exact distribution under the law at every sample size, so the rate of
false alarms is what it says: all statistics of one check together raise one in less than
`FALSE_ALARMS` of correct samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from scipy.special import betainc, chdtr, chdtrc, gammainc, ndtr, ndtri

from lookslinear.arranging import arrange, block_of, halves_of
from lookslinear.laws import (
    FIXED,
    INDEPENDENT,
    TRUNCATED_DEVIATION,
    TRUNCATION,
    WeightLaw,
    independent_share,
)
from lookslinear.sampling import draw

#: The rate of false alarms of one check, all its statistics together.
FALSE_ALARMS = 1e-6


@dataclass(frozen=True)
class Finding:
    """One statistic of a check: what was found, what the law claims, how probable that is.

    `probability` is that of a value at least as far off under the law; for a claim that holds with
    certainty it is 1 where it is kept and 0 where it is broken.
    """

    statistic: str
    value: object
    expected: object
    probability: float
    passed: bool = True

    def __str__(self):
        mark = "kept  " if self.passed else "BROKEN"
        return (
            f"{mark} {self.statistic}: {_short(self.value)}, expected {_short(self.expected)} "
            f"(p = {self.probability:.2g})"
        )


@dataclass(frozen=True)
class Verdict:
    """What a check found; true if every claim is kept."""

    law: WeightLaw
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings that contradict the law."""
        return tuple(finding for finding in self.findings if not finding.passed)

    def __bool__(self):
        return not self.broken

    def __str__(self):
        return "\n".join(str(finding) for finding in self.findings)


def check_draw(array: np.ndarray, law: WeightLaw) -> Verdict:
    """Whether a sample keeps its law's claim, at a false-alarm rate of one in a million.

    Exact claims (shape, dtype, empty taps, mirrored halves, bounds, orthonormality to rounding) are
    compared; random ones are turned into standard normal numbers by the law's own distribution
    function and tested for their second moment, mean, distribution and independence. A Haar frame
    is taken apart into the independent reflections that it is a product of. Of a partly mirrored
    weight, W- = -r W+ + sqrt(1 - r^2) W', W' is read off and must be a draw independent of W+: the
    halves then have the correlation -r.

    Parameters
    ----------
    array : array of shape `law.shape`, or (draws, *law.shape) for several independent draws
        More draws give more power: small frames need several.
    law : WeightLaw

    Returns
    -------
    Verdict
        Its truth is the answer, its `findings` hold statistic, value and expected value.

    Raises
    ------
    TypeError
        If `array` is no array of numbers or `law` is no law.

    References
    ----------
    Stewart 1980, SIAM J. Numer. Anal. 17(3) (the reflections of a Haar frame are independent).

    Examples
    --------
    >>> from lookslinear.laws import dense_law
    >>> law = dense_law(200, 100, "normal", 0.1)
    >>> weight = draw(law, rng=0)
    >>> bool(check_draw(weight, law)), bool(check_draw(weight * np.float32(2**0.5), law))
    (True, False)
    """
    _refuse_non_numbers(array, law)
    findings = list(_of_structure(array, law))
    if all(finding.passed for finding in findings) and array.size:
        draws = array.reshape(-1, *law.shape)
        findings += list(_of_arrangement(draws, law))
        findings += list(_of_distribution(draws, law))
    return Verdict(law, tuple(_judged(findings)))


def _refuse_non_numbers(array: object, law: object) -> None:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise TypeError(f"array must be a NumPy array of real numbers. Received: {_kind(array)}.")
    if not isinstance(law, WeightLaw):
        raise TypeError(f"law must be a WeightLaw. Received: {law!r}.")


def _kind(array: object) -> str:
    return f"array of dtype {array.dtype}" if isinstance(array, np.ndarray) else repr(array)


def _judged(findings: list[Finding]) -> Iterator[Finding]:
    # Every broken certain claim breaks the law; the random ones share the rate of false alarms.
    random = sum(1 for finding in findings if 0 < finding.probability < 1)
    for finding in findings:
        passed = finding.probability > FALSE_ALARMS / max(random, 1)
        yield Finding(
            finding.statistic, finding.value, finding.expected, finding.probability, passed
        )


def _certain(statistic: str, value: object, expected: object, kept: bool) -> Finding:
    return Finding(statistic, value, expected, float(kept), kept)


def _of_structure(array: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    fits = law.shape in (array.shape, array.shape[1:])
    yield _certain("shape", array.shape, law.shape, fits)
    yield _certain("dtype", array.dtype.name, law.dtype, array.dtype == law.dtype)
    finite = int(np.isfinite(array).sum())
    yield _certain("finite numbers", finite, array.size, finite == array.size)


def _of_arrangement(draws: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """Empty taps, equal taps and mirrored halves: the weight is its block, arranged again."""
    if law.partly_mirrored:  # each half by itself is
        draws, law = np.concatenate(halves_of(draws, law.axes.input + 1)), law.half
    wrong = sum(int((draw_ != arrange(block_of(draw_, law), law)).sum()) for draw_ in draws)
    yield _certain("entries off their arrangement", wrong, 0, wrong == 0)
    if law.sparsity:
        blocks = np.stack([block_of(draw_, law) for draw_ in draws])
        rows = np.moveaxis(blocks, law.axes.output + 1, 1)
        yield _of_zeros((rows == 0).reshape(*rows.shape[:2], -1).sum(axis=2), law)


def _of_zeros(zeros: np.ndarray, law: WeightLaw) -> Finding:
    """Each output's zeros: those that were cut, and in half precision a rare rounded number."""
    expected, name = law.zeros_per_output, "zeros for each output"
    rounded = int(zeros.sum()) - expected * zeros.size
    if zeros.min() < expected or not rounded:
        return _certain(name, np.unique(zeros), expected, zeros.min() == expected)
    # The density of a number at zero, in units of its scale, is at most 0.4.
    likely = 0.4 * _smallest(law) / law.scale if law.scale else math.inf
    left = (law.frame_shape[0] - expected) * zeros.size
    return Finding(name, np.unique(zeros), expected, gammainc(rounded, likely * left))


def _of_distribution(draws: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    if law.family in FIXED or law.scale == 0:
        wrong = int((draws != draw(law, rng=0)).sum())
        yield _certain("entries off their value", wrong, 0, wrong == 0)
    elif law.family in INDEPENDENT:
        yield from _of_independent_entries(_blocks(draws, law), law)
    else:
        yield from _of_frames(_blocks(draws, law), law)


def _blocks(draws: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The drawn block of each weight; of partly mirrored ones all W+, and then all W' in order."""
    if law.partly_mirrored:
        first, second = halves_of(draws.astype(float), law.axes.input + 1)
        other = (second + law.mirror * first) / independent_share(law.mirror)
        draws, law = np.concatenate([first, other]), law.half
    return np.stack([block_of(draw_, law) for draw_ in draws]).astype(float)


# Independent entries

#: The largest entry of a bounded family, in units of its scale.
_BOUNDS = {"uniform": 3**0.5, "truncated_normal": TRUNCATION / TRUNCATED_DEVIATION}


def _of_independent_entries(blocks: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    bound = _BOUNDS.get(law.family)
    if bound:
        largest = np.abs(blocks - law.mean).max() / law.scale
        allowed = bound + _grain(law) * (bound + abs(law.mean) / law.scale)
        yield _certain("largest entry / scale", largest, bound, largest <= allowed)
    if law.sparsity:
        if blocks.any():
            kept = _normal_numbers(blocks[blocks != 0], law)
            yield from _of_normal_numbers(kept, law, "entries")
        return
    scores = _normal_numbers(blocks, law)
    yield from _of_normal_numbers(scores, law, "entries")
    yield from _of_slices(scores, law)
    yield from _of_neighbours(scores, law)
    if law.partly_mirrored:
        yield _of_correlation(scores, law)


def _normal_numbers(values: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The entries as standard normal numbers, through the law's distribution function."""
    standard = (values - law.mean) / law.scale
    if law.family == "normal":
        return standard
    if law.family == "uniform":
        probability = (standard / 3**0.5 + 1) / 2
    else:
        cut = ndtr(-TRUNCATION)
        probability = (ndtr(standard * TRUNCATED_DEVIATION) - cut) / (1 - 2 * cut)
    # A value that was rounded onto its bound stands for the cell of numbers around it.
    cell = _grain(law) / 8
    return ndtri(np.clip(probability, cell, 1 - cell))


def _eps(law: WeightLaw) -> float:
    # A number of Python's: one of NumPy 2 in half precision would round what it is multiplied with.
    return float(np.finfo(law.dtype).eps) / _legibility(law)


def _smallest(law: WeightLaw) -> float:
    return float(np.finfo(law.dtype).smallest_subnormal) / _legibility(law)


def _legibility(law: WeightLaw) -> float:
    """W' is read off what was rounded as W-, of which it may be a small part."""
    return independent_share(law.mirror) if law.partly_mirrored else 1.0


def _grain(law: WeightLaw) -> float:
    """The rounding of an entry in units of its scale: a mean makes the numbers coarser."""
    return _eps(law) * (1 + abs(law.mean) / law.scale)


def _of_normal_numbers(scores: np.ndarray, law: WeightLaw, what: str) -> Iterator[Finding]:
    flat = scores.ravel()
    square = flat @ flat
    root = math.sqrt(square / flat.size)
    chance = _two_sided_chi_square(square, flat.size)
    yield Finding(f"root mean square of {what}", root, 1.0, chance)
    mean = flat.sum() / math.sqrt(flat.size)
    yield Finding(f"mean of {what} (in standard errors)", mean, 0.0, 2 * ndtr(-abs(mean)))
    distance = _distance_from_normal(flat)
    rounding = _grain(law) / 4 + _smallest(law) / law.scale
    chance = _kolmogorov(distance - rounding, flat.size)
    yield Finding(f"distribution of {what} (Kolmogorov's distance)", distance, 0.0, chance)


def _of_slices(scores: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """The scale of each single input and output channel: the one that is farthest off."""
    for name, axes in (("input", law.axes.inputs), ("output", law.axes.outputs)):
        if not axes:
            continue
        count = math.prod(scores.shape[axis + 1] for axis in axes)
        rows = np.moveaxis(scores, [axis + 1 for axis in axes], range(len(axes)))
        rows = rows.reshape(count, -1)
        chances = _two_sided_chi_square((rows**2).sum(axis=1), rows.shape[1])
        worst = int(np.argmin(chances))
        root = math.sqrt((rows[worst] ** 2).mean())
        chance = min(1 - 1e-16, chances[worst] * len(rows))
        yield Finding(f"root mean square of {name} channel {worst}", root, 1.0, chance)


def _of_neighbours(scores: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """How often neighbours along an axis share their sign: half of the time if independent."""
    names = {axis + 1: "inputs" for axis in law.axes.inputs} | {0: "draws"}
    names |= {axis + 1: "outputs" for axis in law.axes.outputs}
    for axis, side in enumerate(scores.shape):
        if side < 2:
            continue
        signs = np.signbit(np.moveaxis(scores, axis, 0))
        name = names.get(axis, "taps")
        yield _of_fair_coins(f"neighbouring {name} of one sign", signs[:-1] == signs[1:])
        if side % 2 == 0:  # a mirrored weight is no sample of an unmirrored law
            half = side // 2
            yield _of_fair_coins(f"halves of {name} of one sign", signs[:half] == signs[half:])


def _of_correlation(scores: np.ndarray, law: WeightLaw) -> Finding:
    """The correlation of the halves about 0; that of W+ and W' is exactly a Beta number."""
    first, other = (half.ravel() for half in halves_of(scores, 0))
    second = independent_share(law.mirror) * other - law.mirror * first
    half = (first.size - 1) / 2
    distance = (1 - abs(_cosine(first, other))) / 2
    chance = min(2 * betainc(half, half, distance), 1 - 1e-16) if half else 1 - 1e-16
    return Finding("correlation of the halves", _cosine(first, second), -law.mirror, chance)


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / math.sqrt((first @ first) * (second @ second)))


def _of_fair_coins(what: str, heads: np.ndarray) -> Finding:
    count = int(heads.sum())
    return Finding(what, count / heads.size, 0.5, _binomial(count, heads.size))


# Haar frames


def _of_frames(blocks: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    frames = [frame for block in blocks for frame in _frames(block, law)]
    side = max(frames[0].shape)
    worst = max(np.abs(frame.T @ frame - np.eye(frame.shape[1])).max() for frame in frames)
    allowed = 10 * math.sqrt(side) * _eps(law)
    yield _certain("distance from orthonormal", worst, allowed, worst <= allowed)
    if worst > allowed:
        return
    yield from _of_reflections(frames, law, "reflections")
    yield from _of_reflections([_turned(frame) for frame in frames], law, "turned reflections")
    if frames[0].shape[0] == frames[0].shape[1]:
        yield from _of_reflections([frame.T for frame in frames], law, "transposed reflections")
    if law.partly_mirrored:
        count = len(frames) // 2
        between = [_seen_from(*pair) for pair in zip(frames[:count], frames[count:], strict=True)]
        yield from _of_reflections(between, law, "reflections between the halves")


def _seen_from(frame: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Another frame in a basis that begins with this one: uniform too, if they are independent."""
    factored, taus, _, info = lapack.dgeqrf(frame)
    assert info == 0, f"geqrf refused argument {-info}"
    seen, _, info = lapack.dormqr("L", "T", factored, taus, other, lwork=32 * frame.shape[1])
    assert info == 0, f"ormqr refused argument {-info}"
    signs = np.sign(np.diagonal(factored))
    seen[: len(signs)] *= signs[:, None]
    return seen


def _turned(frame: np.ndarray) -> np.ndarray:
    """The frame as uniform as before, its first row now the columns' sums over sqrt(n)."""
    mirror = np.full(len(frame), -(len(frame) ** -0.5))
    mirror[0] += 1
    return frame - np.outer(mirror, mirror @ frame) * (2 / max(mirror @ mirror, 1e-300))


def _frames(block: np.ndarray, law: WeightLaw) -> Iterator[np.ndarray]:
    """The orthonormal columns of each group's frame, in the orientation that has more rows."""
    outputs_last = np.moveaxis(block, law.axes.output, -1) / law.gain
    matrix = outputs_last.reshape(-1, outputs_last.shape[-1])
    for group in np.split(matrix, law.axes.groups, axis=1):
        yield group if group.shape[0] >= group.shape[1] else group.T


def _of_reflections(frames: list[np.ndarray], law: WeightLaw, what: str) -> Iterator[Finding]:
    """The first entries of the unit vectors whose reflections make up a frame.

    Column j of a Haar frame, seen after the reflections before it, is uniform on the sphere of
    n - j dimensions, independently: its first entry a has (1 + a) / 2 ~ Beta with both parameters
    (n - j - 1) / 2, and a fair sign.
    """
    heads = np.array([_heads(frame) for frame in frames])
    positive = heads > 0
    yield _of_fair_coins(f"positive {what}", positive)
    yield _of_fair_coins(f"frames with an odd number of positive {what}", positive.sum(1) % 2)
    if len(frames) > 1:
        yield _of_fair_coins(f"neighbouring {what} of one sign", positive[:-1] == positive[1:])
    dimensions = frames[0].shape[0] - np.arange(heads.shape[1])
    heads, dimensions = heads[:, dimensions > 1], dimensions[dimensions > 1]
    if heads.size:
        half = (dimensions - 1) / 2
        cell = _eps(law) / 8
        chances = np.clip(betainc(half, half, np.clip((1 + heads) / 2, 0, 1)), cell, 1 - cell)
        scores = ndtri(chances)
        yield from _of_normal_numbers(scores, law, what)
        yield _of_columns(scores, what)


def _of_columns(scores: np.ndarray, what: str) -> Finding:
    """The mean over frames of each column's score: the one that is farthest off."""
    means = scores.sum(axis=0) / math.sqrt(len(scores))
    worst = int(np.argmax(np.abs(means)))
    chance = min(1 - 1e-16, 2 * ndtr(-abs(means[worst])) * means.size)
    return Finding(
        f"mean of {what} of column {worst} (in standard errors)", means[worst], 0.0, chance
    )


def _heads(frame: np.ndarray) -> np.ndarray:
    factored, taus, _, info = lapack.dgeqrf(frame)
    assert info == 0, f"geqrf refused argument {-info}"
    # Over the column's own length: near 1 a rounded first entry alone says too little.
    return np.copysign(1 - taus, np.diagonal(factored) * (1 - taus))


# Tail probabilities


def _two_sided_chi_square(square: np.ndarray | float, degrees: int) -> np.ndarray:
    tails = np.minimum(chdtr(degrees, square), chdtrc(degrees, square))
    return np.minimum(2 * tails, 1 - 1e-16)


def _binomial(successes: int, trials: int) -> float:
    """The two-sided probability of as many successes of fair trials, or of as few."""
    at_least = betainc(successes, trials - successes + 1, 0.5) if successes else 1.0
    at_most = betainc(trials - successes, successes + 1, 0.5) if successes < trials else 1.0
    return min(2 * min(at_least, at_most), 1 - 1e-16)


def _distance_from_normal(scores: np.ndarray) -> float:
    probabilities, count = ndtr(np.sort(scores)), scores.size
    above = np.arange(1, count + 1) / count - probabilities
    below = probabilities - np.arange(count) / count
    return float(max(above.max(), below.max()))


def _kolmogorov(distance: float, count: int) -> float:
    from scipy.stats import kstwo  # scipy.stats takes longer to import than all the rest

    return float(np.clip(kstwo.sf(max(distance, 0.0), count), 0, 1 - 1e-16))


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
