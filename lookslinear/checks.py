"""The checker, (array, law) -> verdict: does what was drawn keep its law's claim?

Every random statistic has an exact distribution under the law at every sample size, so the rate of
false alarms is what it says: all statistics of one check together raise one in less than
`FALSE_ALARMS` of correct samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import betainc, gammainc, ndtr, ndtri

from lookslinear.arranging import arrange, block_of, halves_of
from lookslinear.findings.convolutions import of_convolutions
from lookslinear.findings.frames import of_frames
from lookslinear.findings.numbers import (
    grain_of,
    of_fair_coins,
    of_normal_numbers,
    smallest_of,
    two_sided_chi_square,
)
from lookslinear.findings.spheres import of_spheres
from lookslinear.findings.verdicts import FALSE_ALARMS, Finding, Verdict, certain, judged
from lookslinear.laws import FIXED, INDEPENDENT, SPHERES, WeightLaw, independent_share
from lookslinear.sampling import draw

__all__ = ["FALSE_ALARMS", "Finding", "Verdict", "check_draw"]


def check_draw(array: np.ndarray, law: WeightLaw) -> Verdict:
    """Whether a sample keeps its law's claim, at a false-alarm rate of one in a million.

    Exact claims (shape, dtype, empty taps, mirrored halves, bounds, orthonormality to rounding) are
    compared; random ones are turned into standard normal numbers by the law's own distribution
    function and tested for their second moment, mean, distribution and independence. A Haar frame
    is taken apart into the independent reflections that it is a product of; of a kernel that keeps
    norms, the operator is held to that at every frequency, and at some of them to Haar's law. Of a
    partly mirrored weight, W- = -r W+ + sqrt(1 - r^2) W', W' is read off and must be a draw
    independent of W+: the halves then have the correlation -r.

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
    return Verdict(law, tuple(judged(findings)))


def _refuse_non_numbers(array: object, law: object) -> None:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise TypeError(f"array must be a NumPy array of real numbers. Received: {_kind(array)}.")
    if not isinstance(law, WeightLaw):
        raise TypeError(f"law must be a WeightLaw. Received: {law!r}.")


def _kind(array: object) -> str:
    return f"array of dtype {array.dtype}" if isinstance(array, np.ndarray) else repr(array)


def _of_structure(array: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    fits = law.shape in (array.shape, array.shape[1:])
    yield certain("shape", array.shape, law.shape, fits)
    yield certain("dtype", array.dtype.name, law.dtype, array.dtype == law.dtype)
    finite = int(np.isfinite(array).sum())
    yield certain("finite numbers", finite, array.size, finite == array.size)


def _of_arrangement(draws: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """Empty taps, equal taps and mirrored halves: the weight is its block, arranged again."""
    if law.partly_mirrored:  # each half by itself is
        draws, law = np.concatenate(halves_of(draws, law.axes.input + 1)), law.half
    wrong = sum(int((draw_ != arrange(block_of(draw_, law), law)).sum()) for draw_ in draws)
    yield certain("entries off their arrangement", wrong, 0, wrong == 0)
    if law.sparsity:
        blocks = np.stack([block_of(draw_, law) for draw_ in draws])
        rows = np.moveaxis(blocks, law.axes.output + 1, 1)
        yield _of_zeros((rows == 0).reshape(*rows.shape[:2], -1).sum(axis=2), law)


def _of_zeros(zeros: np.ndarray, law: WeightLaw) -> Finding:
    """Each output's zeros: those that were cut, and in half precision a rare rounded number."""
    expected, name = law.zeros_per_output, "zeros for each output"
    rounded = int(zeros.sum()) - expected * zeros.size
    if zeros.min() < expected or not rounded:
        return certain(name, np.unique(zeros), expected, zeros.min() == expected)
    # The density of a number at zero, in units of its scale, is at most 0.4.
    likely = 0.4 * smallest_of(law) / law.scale if law.scale else math.inf
    left = (law.frame_shape[0] - expected) * zeros.size
    return Finding(name, np.unique(zeros), expected, gammainc(rounded, likely * left))


def _of_distribution(draws: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    if law.family in FIXED or law.scale == 0:
        wrong = int((draws != draw(law, rng=0)).sum())
        yield certain("entries off their value", wrong, 0, wrong == 0)
    else:
        yield from _TESTS[law.family](_blocks(draws, law), law)


def _blocks(draws: np.ndarray, law: WeightLaw) -> np.ndarray:
    """The drawn block of each weight; of partly mirrored ones all W+, and then all W' in order."""
    if law.partly_mirrored:
        first, second = halves_of(draws.astype(float), law.axes.input + 1)
        other = (second + law.mirror * first) / independent_share(law.mirror)
        draws, law = np.concatenate([first, other]), law.half
    return np.stack([block_of(draw_, law) for draw_ in draws]).astype(float)


# Independent entries


def _largest(law: WeightLaw) -> float | None:
    """The largest entry of a bounded family, in units of its scale."""
    if law.family == "truncated_normal":
        return law.truncation * law.normal_deviation / law.scale
    return 3**0.5 if law.family == "uniform" else None


def _of_independent_entries(blocks: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    bound = _largest(law)
    if bound:
        largest = np.abs(blocks - law.mean).max() / law.scale
        allowed = bound + grain_of(law) * (bound + abs(law.mean) / law.scale)
        yield certain("largest entry / scale", largest, bound, largest <= allowed)
    if law.sparsity:
        if blocks.any():
            kept = _normal_numbers(blocks[blocks != 0], law)
            yield from of_normal_numbers(kept, law, "entries")
        return
    scores = _normal_numbers(blocks, law)
    yield from of_normal_numbers(scores, law, "entries")
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
        cut = ndtr(-law.truncation)
        before = standard * law.scale / law.normal_deviation
        probability = (ndtr(before) - cut) / (1 - 2 * cut)
    # A value that was rounded onto its bound stands for the cell of numbers around it.
    cell = grain_of(law) / 8
    return ndtri(np.clip(probability, cell, 1 - cell))


def _of_slices(scores: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """The scale of each single input and output channel: the one that is farthest off."""
    for name, axes in (("input", law.axes.inputs), ("output", law.axes.outputs)):
        if not axes:
            continue
        count = math.prod(scores.shape[axis + 1] for axis in axes)
        rows = np.moveaxis(scores, [axis + 1 for axis in axes], range(len(axes)))
        rows = rows.reshape(count, -1)
        chances = two_sided_chi_square((rows**2).sum(axis=1), rows.shape[1])
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
        yield of_fair_coins(f"neighbouring {name} of one sign", signs[:-1] == signs[1:])
        if side % 2 == 0:  # a mirrored weight is no sample of an unmirrored law
            half = side // 2
            yield of_fair_coins(f"halves of {name} of one sign", signs[:half] == signs[half:])


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


_TESTS = {
    **dict.fromkeys(INDEPENDENT, _of_independent_entries),
    **dict.fromkeys(SPHERES, of_spheres),
    "haar": of_frames,
    "haar_convolution": of_convolutions,
}
