"""A claim, (number as published, prediction, measurement) -> a verdict by one rule.

The rule: a measurement agrees with a number where they differ by at most five of the measurement's
standard errors, |z| <= 5, and it decides nothing where its standard error is more than a tenth of
the number as published (of 1, if that is 0).

reproduced: the measurement agrees with the number as published.
reproduced with a correction: it does not, it agrees with our prediction, and the claim says which
  correction leads from the one to the other.
not reproduced: it agrees with neither, or what leads from the one to the other is no correction but
  another law; the claim says why.
reported: the number is from memory; both scores are shown and nothing is decided.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from experiments.comparing import CONTRADICTION
from lookslinear.measures import Estimate, estimate, normal_score

REPRODUCED = "reproduced"
CORRECTED = "reproduced with a correction"
REFUTED = "not reproduced"
REPORTED = "reported"
#: The largest standard error, as a share of the number, that decides something.
SHARPNESS = 0.1


class Measurement(NamedTuple):
    """A mean with its standard error, known from `degrees` + 1 networks."""

    value: float
    standardError: float
    degrees: int

    @classmethod
    def of(cls, samples: np.ndarray, rounding: float = 0.0) -> Measurement:
        """The mean over networks; `rounding` is the error of the arithmetic.

        Examples
        --------
        >>> Measurement.of([1.0, 3.0])
        Measurement(value=2.0, standardError=1.0, degrees=1)
        """
        found = estimate(np.asarray(samples, dtype=float), rounding)
        return cls(float(found.value), float(found.standard_error), len(samples) - 1)

    @classmethod
    def ofEstimate(cls, found: Estimate, networks: int, rounding: float = 0.0) -> Measurement:
        """A statistic of all networks together, such as a ratio of means."""
        error = np.hypot(float(np.squeeze(found.standard_error)), rounding)
        return cls(float(np.squeeze(found.value)), float(error), networks - 1)

    def score(self, number: float, rounding: float = 0.0) -> float:
        """How many standard errors the measurement lies from a number, as a normal score.

        `rounding` is half a unit of the last digit that the number is given with.

        Examples
        --------
        >>> round(Measurement(1.2, 0.1, 10**7).score(1.0), 3)
        2.0
        """
        if self.value == number:
            return 0.0
        with np.errstate(divide="ignore"):
            t = np.divide(self.value - number, np.hypot(self.standardError, rounding))
        return float(normal_score(t, self.degrees))


@dataclass(frozen=True)
class Claim:
    """What was published, and how it is held to a prediction and a measurement.

    Parameters
    ----------
    claim : str
        What is claimed, in words.
    source : str
        Authors, year, arXiv id, and what of it.
    published : float
        The number as published.
    setting : str
        What is measured, over how many networks.
    predicted : () -> float, or None
        Our prediction for the network that is measured; None where no law is known.
    measured : () -> Measurement
    rounding : float
        Half a unit of the last digit of `published`.
    correction : str
        What leads from the published number to our prediction, if they differ.
    why : str
        Why the claim does not hold, if another law does.
    reported : bool
        Whether the number is from memory, so that it decides nothing.
    """

    claim: str
    source: str
    published: float
    setting: str
    predicted: Callable[[], float] | None
    measured: Callable[[], Measurement]
    rounding: float = 0.0
    correction: str = ""
    why: str = ""
    reported: bool = False


class Finding(NamedTuple):
    """A claim beside its prediction and measurement, with both scores and the verdict."""

    claim: Claim
    predicted: float
    measured: Measurement
    zPublished: float
    zPredicted: float
    verdict: str

    @property
    def contradicted(self) -> bool:
        """Whether the measurement contradicts our prediction, if there is one."""
        return self.claim.predicted is not None and not abs(self.zPredicted) <= CONTRADICTION

    @property
    def note(self) -> str:
        """What the verdict needs to say besides."""
        if self.verdict == CORRECTED:
            return self.claim.correction
        if self.verdict == REFUTED:
            return self.claim.why or "The measurement agrees with neither number, or is too coarse."
        return self.claim.why if self.verdict == REPORTED else ""


def hold(claim: Claim) -> Finding:
    """Measure and predict, and hold the claim to both.

    Examples
    --------
    >>> claim = Claim("c", "s", 1.0, "", lambda: 1.0, lambda: Measurement(1.01, 0.01, 99))
    >>> hold(claim).verdict
    'reproduced'
    """
    measured = claim.measured()
    predicted = math.nan if claim.predicted is None else float(claim.predicted())
    zPublished = measured.score(claim.published, claim.rounding)
    zPredicted = measured.score(predicted)
    verdict = verdictOf(claim, measured, zPublished, zPredicted)
    return Finding(claim, predicted, measured, zPublished, zPredicted, verdict)


def verdictOf(claim: Claim, measured: Measurement, zPublished: float, zPredicted: float) -> str:
    """The verdict by the rule at the head of this file."""
    if claim.reported:
        return REPORTED
    if not measured.standardError <= SHARPNESS * abs(claim.published or 1):
        return REFUTED
    if abs(zPublished) <= CONTRADICTION:
        return REPRODUCED
    explained = abs(zPredicted) <= CONTRADICTION and claim.correction and not claim.why
    return CORRECTED if explained else REFUTED
