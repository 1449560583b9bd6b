"""Vectors of one norm and a uniform direction -> findings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import betainc, ndtri

from lookslinear.arranging import unit_vectors
from lookslinear.findings.numbers import eps_of, of_fair_coins, of_normal_numbers, smallest_of
from lookslinear.findings.verdicts import Finding, certain
from lookslinear.laws import WeightLaw


def of_spheres(blocks: np.ndarray, law: WeightLaw) -> Iterator[Finding]:
    """The weights of each unit: their norm to rounding, their direction by its distribution."""
    vectors = np.concatenate([unit_vectors(block, law) for block in blocks])
    norms = np.sqrt((vectors**2).sum(axis=1)) / law.radius
    worst = float(np.abs(norms - 1).max())
    allowed = 4 * eps_of(law) + smallest_of(law) / law.scale
    yield certain("norm of a unit's weights off its radius", worst, allowed, worst <= allowed)
    if worst <= allowed:
        yield from of_directions(vectors, law, "directions")


def of_directions(vectors: np.ndarray, law: WeightLaw, what: str) -> Iterator[Finding]:
    """Whether independent vectors, one a row, have a uniform direction each.

    The first number of a uniform unit vector of d dimensions has (1 + a) / 2 ~ Beta with both
    parameters (d - 1) / 2, and what is left of the vector a uniform direction again, independently.
    """
    count, dimensions = vectors.shape
    signs = np.signbit(vectors)
    yield of_fair_coins(f"positive {what}", signs)
    if count > 1:
        yield of_fair_coins(f"neighbouring {what} of one sign", signs[:-1] == signs[1:])
    if dimensions < 2:
        return
    yield of_fair_coins(
        f"neighbouring numbers in {what} of one sign", signs[:, :-1] == signs[:, 1:]
    )
    left = np.sqrt(np.cumsum(vectors[:, ::-1] ** 2, axis=1)[:, ::-1])
    heads = np.clip(vectors / np.where(left > 0, left, 1), -1, 1)[:, :-1]
    half = (dimensions - 1 - np.arange(dimensions - 1)) / 2
    cell = eps_of(law) / 8
    chances = np.clip(betainc(half, half, (1 + heads) / 2), cell, 1 - cell)
    yield from of_normal_numbers(ndtri(chances), law, what)
