"""Published claims held to theory and networks: a table for the terminal, and one for the docs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd
from rich.markup import escape
from rich.table import Table

from utilityFunctions import theano
from experiments.claims import (
    grid,
    isometry,
    kernels,
    moments,
    phases,
    release,
    residual,
    shattering,
    widths,
)
from experiments.claims.claim import Claim, Finding, Measurement, hold

#: All claims, by subject.
CLAIMS: tuple[Claim, ...] = (
    *moments.CLAIMS,
    *kernels.CLAIMS,
    *phases.CLAIMS,
    *shattering.CLAIMS,
    *grid.CLAIMS,
    *isometry.CLAIMS,
    *residual.CLAIMS,
    *widths.CLAIMS,
    *release.CLAIMS,
)
SCORES = "z: published,\npredicted"
HEADINGS = ("claim", "source", "published", "predicted", "measured", SCORES, "verdict")
HEAD = """# Published results, held to theory and to networks

Written by `python -m experiments published --markdown docs/published.md`; do not edit.

Each row is a claim that somebody published, the number as published, what this project predicts for
the very networks that are measured (– where no law is known), and the measurement ± its standard
error. All are numbers without a unit: factors, ratios, correlations, logs, and second moments where
the input's is 1. Two scores say how many standard errors the measurement lies from the published
number and, below, from our prediction; a number that was published with few digits may be off by
half a unit of the last.

- **reproduced**: the measurement agrees with the published number, |z| <= 5.
- **reproduced with a correction**: it does not; it agrees with our prediction, and the note says
  which correction leads from the one to the other.
- **not reproduced**: it agrees with neither, or another law holds, or the claim was published for
  other networks; the note says why.
- **reported**: the number is quoted from memory of the paper, not from its text. Both scores are
  shown, and nothing is decided.

A measurement whose standard error is more than a tenth of the published number decides nothing
either, and counts as not reproduced.

"""


def holdAll(
    claims: Sequence[Claim] = CLAIMS, advance: Callable[[str], None] = lambda words: None
) -> list[Finding]:
    """Measure and predict every claim, in double precision; `advance` is called after each."""
    findings = []
    with theano.config.change_flags(floatX="float64"):
        for claim in claims:
            findings.append(hold(claim))
            advance(claim.source)
    return findings


def tableOf(findings: Sequence[Finding]) -> pd.DataFrame:
    """One row a claim, with the columns of every experiment's table."""
    return pd.DataFrame(
        [
            {
                "quantity": found.claim.claim,
                "where": found.claim.setting,
                "measured": found.measured.value,
                "standard_error": found.measured.standardError,
                "predicted": found.predicted,
                "z": found.zPredicted,
                "published": found.claim.published,
                "source": found.claim.source,
                "z_published": found.zPublished,
                "verdict": found.verdict,
                "note": found.note,
            }
            for found in findings
        ]
    )


def shownTable(findings: Sequence[Finding]) -> Table:
    """The table for the terminal."""
    shown = Table(show_lines=True)
    for heading in HEADINGS:
        number = heading in ("published", "predicted", "measured", SCORES)
        justify = "right" if number else "left"
        shown.add_column(heading, justify=justify, no_wrap=number, overflow="fold")
    for found in findings:
        shown.add_row(*(escape(cell) for cell in _cells(found, "\n")))
    return shown


def markdownOf(findings: Sequence[Finding]) -> str:
    """The table for the docs, below the rule of its verdicts."""
    headings = " | ".join(HEADINGS).replace("\n", " ")
    lines = [f"| {headings} |", f"|{'---|' * len(HEADINGS)}"]
    for found in findings:
        cells = (cell.replace("|", "\\|") for cell in _cells(found, "<br>"))
        lines.append(f"| {' | '.join(cells)} |")
    return f"{HEAD}{_counted(findings)}\n\n" + "\n".join(lines) + "\n"


def _counted(findings: Sequence[Finding]) -> str:
    verdicts = pd.Series([found.verdict for found in findings]).value_counts()
    papers = len({found.claim.source.partition(",")[0] for found in findings})
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    return f"{len(findings)} claims of {papers} publications: {counts}."


def _cells(found: Finding, line: str) -> tuple[str, ...]:
    claim, measured = found.claim, found.measured
    return (
        f"{claim.claim}{line}({claim.setting})",
        claim.source,
        f"{claim.published:.6g}",
        _shown(found.predicted, ".6g"),
        f"{_shown(_rounded(measured), '.7g')}{line}± {measured.standardError:.2g}",
        f"{_shown(found.zPublished, '.1f')}{line}{_shown(found.zPredicted, '.1f')}",
        f"{found.verdict}{line}{found.note}".removesuffix(line),
    )


def _rounded(measured: Measurement) -> float:
    """To the second digit of the error, and no more than six places."""
    error = measured.standardError
    places = 1 - math.floor(math.log10(error)) if error > 0 else 6
    return round(measured.value, min(places, 6))


def _shown(number: float, digits: str) -> str:
    """A dash where nothing is known; what is 0 but for rounding without a sign."""
    if math.isnan(number):
        return "–"
    text = format(round(number, 12), digits)
    return text if float(text) else text.removeprefix("-")
