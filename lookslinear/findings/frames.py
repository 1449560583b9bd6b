"""Haar frames, taken apart into the independent reflections that make them up -> findings."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.linalg import lapack
from scipy.special import betainc, ndtr, ndtri

from lookslinear.arranging import pieces_of
from lookslinear.findings.numbers import eps_of, of_fair_coins, of_normal_numbers
from lookslinear.findings.verdicts import Finding, certain
from lookslinear.laws import WeightLaw


def of_frames(blocks: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """Orthonormality to rounding, and the law of the reflections."""
    frames = [frame for block in blocks for frame in _frames(block, law)]
    side = max(frames[0].shape)
    worst = max(np.abs(frame.T @ frame - np.eye(frame.shape[1])).max() for frame in frames)
    allowed = 10 * math.sqrt(side) * eps_of(law)
    yield certain("distance from orthonormal", worst, allowed, worst <= allowed)
    if worst > allowed:
        return
    yield from of_reflections(frames, law, "reflections")
    yield from of_reflections([_turned(frame) for frame in frames], law, "turned reflections")
    if frames[0].shape[0] == frames[0].shape[1]:
        yield from of_reflections([frame.T for frame in frames], law, "transposed reflections")
    if law.partly_mirrored:
        count = len(frames) // 2
        between = [_seen_from(*pair) for pair in zip(frames[:count], frames[count:], strict=True)]
        yield from of_reflections(between, law, "reflections between the halves")


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
    """The orthonormal columns of each piece's frame, in the orientation that has more rows."""
    outputs = law.axes.outputs
    for piece in pieces_of(block, law):
        matrix = np.moveaxis(piece, outputs, range(-len(outputs), 0)).reshape(law.frame_shape)
        frame = matrix / law.gain
        yield frame if frame.shape[0] >= frame.shape[1] else frame.T


def of_reflections(frames: list[np.ndarray], law: WeightLaw, what: str) -> Iterator[Finding]:
    """The first entries of the unit vectors whose reflections make up a frame.

    Column j of a Haar frame, seen after the reflections before it, is uniform on the sphere of
    n - j dimensions, independently: its first entry a has (1 + a) / 2 ~ Beta with both parameters
    (n - j - 1) / 2, and a fair sign.
    """
    heads = np.array([_heads(frame) for frame in frames])
    positive = heads > 0
    yield of_fair_coins(f"positive {what}", positive)
    yield of_fair_coins(f"frames with an odd number of positive {what}", positive.sum(1) % 2)
    if len(frames) > 1:
        yield of_fair_coins(f"neighbouring {what} of one sign", positive[:-1] == positive[1:])
    dimensions = frames[0].shape[0] - np.arange(heads.shape[1])
    heads, dimensions = heads[:, dimensions > 1], dimensions[dimensions > 1]
    if heads.size:
        half = (dimensions - 1) / 2
        cell = eps_of(law) / 8
        chances = np.clip(betainc(half, half, np.clip((1 + heads) / 2, 0, 1)), cell, 1 - cell)
        scores = ndtri(chances)
        yield from of_normal_numbers(scores, law, what)
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
