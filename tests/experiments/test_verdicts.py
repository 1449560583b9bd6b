"""Verdicts: the words, the row that is farthest off, and the summary of any experiment."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from experiments.verdicts import Verdict, summaryOf, worstRows


def rows(z, quantity="R", net="plain"):
    count = len(z)
    numbers = {"measured": 1.5, "standard_error": 0.1, "predicted": np.where(np.isnan(z), z, 1.0)}
    labels = {"net": net, "quantity": quantity, "where": np.arange(1, count + 1)}
    return pd.DataFrame({**labels, **numbers, "z": z})


@pytest.mark.parametrize(
    ("z", "words"),
    [
        ([1.0, -2.0], "as predicted"),
        ([5.0, -5.0], "as predicted"),
        ([1.0, np.nan], "as predicted; 1 of 2 rows judged"),
        ([np.nan, np.nan], "not judged"),
        ([], "not judged"),
        (
            [5.1, -8.04, 0.0, np.nan],
            "NOT as predicted: z = -8.0 at plain, R, where 2; 2 of 3 rows beyond 5",
        ),
        ([np.inf], "NOT as predicted: z = inf at plain, R, where 1; 1 of 1 rows beyond 5"),
    ],
)
def test_words(z, words):
    assert Verdict.of(rows(np.array(z, dtype=float))).words() == words


def test_the_worst_rows_come_first_and_unjudged_ones_not_at_all():
    worst = worstRows(rows(np.array([1.0, np.nan, -3.0, 2.0])), 2)
    assert worst["z"].tolist() == [-3.0, 2.0]
    assert worst["where"].tolist() == [3, 4]


def test_reasons_of_rows_that_are_left_out_stand_below():
    reasons = {"plain": "known.", "width 8": "the limit.", "width 16": "the limit.", "x": ""}
    console = Console(file=io.StringIO(), width=200)
    console.print(summaryOf(rows(np.array([0.5])), reasons))
    text = console.file.getvalue()
    assert "Not judged, width 8, width 16: the limit." in text
    assert "known." not in text
    assert "Not judged, x" not in text


def test_the_summary_has_a_row_a_quantity_and_label():
    table = pd.concat(
        [
            rows(np.array([0.5, -7.0])),
            rows(np.array([np.nan, np.nan]), net="[odd]"),
            rows(np.array([0.2]), quantity="c").assign(standard_error=np.nan),
        ],
        ignore_index=True,
    )
    console = Console(file=io.StringIO(), width=200)
    console.print(summaryOf(table, {"[odd]": "the reason."}))
    lines = console.file.getvalue().splitlines()
    (bad,) = [line for line in lines if "NOT as predicted" in line]
    assert "where 2" in bad
    assert "1.5 ± 0.1" in bad
    (odd,) = [line for line in lines if "[odd]" in line]
    assert "not judged No prediction: the reason." in odd
    assert " - " in odd
    judged = summaryOf(rows(np.array([0.5, -1.0])), {"plain": "the reason."})
    assert "No prediction" not in "".join(judged.columns[-1].cells)
    (single,) = [line for line in lines if " c " in line]
    assert "±" not in single
