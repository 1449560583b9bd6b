"""Findings, a statistic with what the law expects of it, and the verdict that they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lookslinear.laws import WeightLaw

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


def judged(findings: list[Finding]) -> Iterator[Finding]:
    """The findings, each with its verdict: all together raise one false alarm in a million."""
    # Every broken certain claim breaks the law; the random ones share the rate of false alarms.
    random = sum(1 for finding in findings if 0 < finding.probability < 1)
    for finding in findings:
        passed = finding.probability > FALSE_ALARMS / max(random, 1)
        yield Finding(
            finding.statistic, finding.value, finding.expected, finding.probability, passed
        )


def certain(statistic: str, value: object, expected: object, kept: bool) -> Finding:
    """What a law claims with certainty."""
    return Finding(statistic, value, expected, float(kept), kept)


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
