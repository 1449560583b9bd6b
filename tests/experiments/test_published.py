"""Published claims: the rule of verdicts, the tables, the command, and what stands in the docs."""

import dataclasses
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from experiments import commands, published
from experiments.__main__ import main
from experiments.claims import kernels, moments, nets
from experiments.claims.claim import (
    CORRECTED,
    REFUTED,
    REPORTED,
    REPRODUCED,
    Claim,
    Measurement,
    hold,
)
from experiments.published import CLAIMS, markdownOf, tableOf

MANY = 10**6
DOCS = Path(__file__).parents[2] / "docs" / "published.md"


def claim(number=1.0, predicted=1.0, value=1.0, error=0.01, **settings):
    return Claim(
        "A claim | of something",
        "Somebody 2020, arXiv 2001.00001",
        number,
        "width 8, 4 networks",
        lambda: predicted,
        lambda: Measurement(value, error, MANY),
        **settings,
    )


# The rule


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({}, REPRODUCED),
        ({"value": 1.049}, REPRODUCED),  # five standard errors are 0.05
        ({"value": 1.051, "predicted": 1.051}, REFUTED),  # and nobody says what was corrected
        ({"value": 1.2, "predicted": 1.2, "correction": "It is larger."}, CORRECTED),
        ({"value": 1.2, "predicted": 1.2, "why": "Another law."}, REFUTED),
        ({"value": 1.2, "predicted": 1.1, "correction": "It is larger."}, REFUTED),
        ({"value": 1.0, "predicted": 1.1}, REPRODUCED),  # our prediction is what fails
        ({"error": 0.11}, REFUTED),  # too coarse to decide
        ({"number": 0.03, "value": 0.1, "predicted": 0.1, "error": 0.015}, REFUTED),
        ({"number": 0.0, "value": 0.01, "predicted": 0.0}, REPRODUCED),
        ({"error": math.nan}, REFUTED),
        ({"reported": True}, REPORTED),
        ({"reported": True, "value": 9.0}, REPORTED),
        ({"value": 1.2, "rounding": 0.05}, REPRODUCED),  # a number given as 1.2 +- 0.05
    ],
)
def test_verdicts(settings, verdict):
    assert hold(claim(**settings)).verdict == verdict


def test_a_claim_against_our_prediction_is_a_contradiction():
    assert not hold(claim()).contradicted
    assert hold(claim(predicted=1.1)).contradicted
    assert hold(claim(predicted=math.nan)).contradicted
    assert hold(claim(reported=True, predicted=1.1)).contradicted


def test_a_claim_without_a_prediction_is_judged_by_the_published_number_alone():
    settings = {"correction": "It is larger."}
    agreeing, other = (
        hold(dataclasses.replace(claim(value=value, **settings), predicted=None))
        for value in (1.0, 1.2)
    )
    assert (agreeing.verdict, other.verdict) == (REPRODUCED, REFUTED)
    assert math.isnan(other.predicted)
    assert math.isnan(other.zPredicted)
    assert not other.contradicted
    row = next(line for line in markdownOf([other]).splitlines() if line.startswith("| A claim"))
    assert "| 1 | – | 1.2<br>± 0.01 | 20.0<br>– |" in row


def test_notes_say_what_was_corrected_and_why_not():
    assert hold(claim()).note == ""
    assert hold(claim(value=2, predicted=2, correction="Larger.")).note == "Larger."
    assert hold(claim(value=2, predicted=2, why="Other.")).note == "Other."
    assert "agrees with neither" in hold(claim(value=2)).note
    assert hold(claim(value=2, why="Other.", reported=True)).note == "Other."
    assert hold(claim(value=2, reported=True)).note == ""


def test_scores_are_students():
    samples = np.random.default_rng(0).normal(1, 0.1, 12)
    t, p = stats.ttest_1samp(samples, 0.9)
    assert Measurement.of(samples).score(0.9) == pytest.approx(
        math.copysign(stats.norm.isf(p / 2), t)
    )


# The claims


def papers():
    return {one.source.partition(",")[0] for one in CLAIMS}


def test_there_are_enough_of_them():
    assert len(CLAIMS) >= 15
    assert len(papers()) >= 8
    assert sum(not one.reported for one in CLAIMS) >= 15


@pytest.mark.parametrize("one", CLAIMS, ids=lambda one: one.claim[:40])
def test_every_claim_says_what_and_where(one):
    assert all(len(text) > 10 for text in (one.claim, one.source, one.setting))
    assert re.search(r"\d{4}", one.source)
    assert math.isfinite(one.published)
    assert not (one.correction and one.why)
    if one.predicted is None:
        assert one.why
    else:
        assert math.isfinite(one.predicted())


def test_no_claim_stands_twice():
    assert len({(one.claim, one.source) for one in CLAIMS}) == len(CLAIMS)


def test_a_wrong_gain_is_not_reproduced(monkeypatch):
    """Glorot's gain in the place of He's: a factor of 1/2 a layer, known to 0.01."""
    he = moments.CLAIMS[0]
    monkeypatch.setattr(moments, "NETWORKS", 6)
    right = hold(he)
    assert right.verdict == REPRODUCED
    real = nets.dense
    monkeypatch.setattr(moments, "dense", lambda width, gain, *rest: real(width, gain / 2, *rest))
    wrong = dataclasses.replace(he, predicted=lambda: 1.0)
    assert hold(wrong).verdict == REFUTED
    assert hold(wrong).contradicted


def test_a_wrong_kernel_is_not_reproduced(monkeypatch):
    relu = kernels.CLAIMS[0]
    assert hold(relu).verdict == REPRODUCED
    monkeypatch.setattr(kernels, "_layer", lambda phi, c, real=kernels._layer: real(phi, c + 0.1))
    assert hold(relu).verdict == REFUTED


# The tables


def test_the_table_has_the_columns_of_experiments():
    table = tableOf([hold(claim()), hold(claim(reported=True))])
    assert {"quantity", "where", "measured", "standard_error", "predicted", "z"} <= set(table)
    assert {"published", "source"} <= set(table)
    assert table["verdict"].tolist() == [REPRODUCED, REPORTED]


def test_the_markdown_has_a_row_a_claim():
    text = markdownOf([hold(claim()), hold(claim(value=2.0, predicted=2.0, correction="Two."))])
    rows = [line for line in text.splitlines() if line.startswith("| A claim")]
    assert len(rows) == 2
    assert all(len(re.split(r"(?<!\\)\|", row)) == 2 + len(published.HEADINGS) for row in rows)
    assert f"{CORRECTED}<br>Two." in rows[1]
    assert "2 claims of 1 publications: 1 reproduced, 1 reproduced with a correction." in text


def test_the_docs_show_these_claims():
    text = DOCS.read_text(encoding="utf-8")
    assert text.startswith(published.HEAD)
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(CLAIMS)
    for one, row in zip(CLAIMS, rows, strict=True):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert cells[0].replace("\\|", "|") == f"{one.claim}<br>({one.setting})"
        assert cells[1] == one.source
        assert float(cells[2]) == pytest.approx(one.published, rel=1e-5)
        if one.predicted is None:
            assert cells[3] == "–"
        else:
            assert float(cells[3]) == pytest.approx(one.predicted(), rel=1e-5, abs=1e-9)
        assert (cells[6].partition("<br>")[0] == REPORTED) == one.reported


# The command


@pytest.fixture
def held(monkeypatch, tmp_path):
    """Run the command over other claims, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(claims, *arguments):
        monkeypatch.setattr(commands, "CLAIMS", claims)
        return main(["published", *arguments])

    return run


def test_the_command_prints_and_writes(held, capsys):
    assert held([claim()], "--markdown", "table.md", "--check") == 0
    assert "reproduced" in capsys.readouterr().out
    assert "| A claim \\| of something" in Path("table.md").read_text()
    assert [path.name for path in Path().iterdir()] == ["table.md"]


def test_check_asks_for_our_own_predictions(held):
    wrong = [claim(), claim(predicted=2.0)]
    assert held(wrong, "--quiet") == 0
    assert held(wrong, "--quiet", "--check") == 1
    refuted = [claim(value=2.0, predicted=2.0, why="Another law.")]
    assert held(refuted, "--quiet", "--check") == 0


def unmeasured():
    """A claim that must not be held: what is wrong is to be said first."""
    return dataclasses.replace(claim(), measured=lambda: pytest.fail("something was measured"))


@pytest.mark.parametrize("path", [".", "nowhere/table.md"])
def test_a_file_that_cannot_be_written_is_refused_first(held, capsys, path):
    assert held([unmeasured()], "--markdown", path) == 2
    assert "markdown must be a file in a folder that is there" in capsys.readouterr().err


def test_photographs_that_cannot_be_read_are_refused_first(held, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)  # its import fails
    assert held([unmeasured()]) == 2
    assert "pip install 'looks-linear[data]'" in capsys.readouterr().err
