"""Reporting: growth a layer and the words that it is put into."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from experiments.reporting import Growth, summary


def rows(measured, predicted, z, scale="log", quantity="signal", arm="a/b"):
    count = len(measured)
    return pd.DataFrame(
        {
            "arm": arm,
            "quantity": ("log of " if scale == "log" else "") + quantity,
            "where": np.arange(1, count + 1),
            "measured": measured,
            "standard_error": 0.1,
            "predicted": predicted,
            "z": z,
            "scale": scale,
        }
    )


@pytest.mark.parametrize(
    ("measured", "z", "judged", "words"),
    [
        (0.5, 1.0, 50, "vanishes by 0.50 a layer, as predicted"),
        (0.921, -1.0, 50, "vanishes by 0.92 a layer, as predicted"),
        (0.998, 1.0, 50, "vanishes by 0.998 a layer, as predicted"),
        (2.0, 1.0, 50, "explodes by 2.00 a layer, as predicted"),
        (1.003, 1.0, 50, "explodes by 1.003 a layer, as predicted"),
        (1.0, 0.0, 50, "keeps its size, as predicted"),
        (1.0004, 0.0, 50, "keeps its size, as predicted"),
        (0.0, 0.0, 50, "is zero, as predicted"),
        (np.nan, 0.0, 50, "has no growth to tell, as predicted"),
        (0.5, np.nan, 0, "vanishes by 0.50 a layer, not judged"),
        (0.5, 1.0, 20, "vanishes by 0.50 a layer, as predicted in 20 of 50 layers"),
        (0.5, -8.04, 50, "vanishes by 0.50 a layer, NOT as predicted: z = -8.0 at layer 7"),
        (0.5, 5.01, 50, "vanishes by 0.50 a layer, NOT as predicted: z = 5.0 at layer 7"),
    ],
)
def test_verdicts(measured, z, judged, words):
    growth = Growth(measured, measured, z, worstLayer=7, judged=judged, layers=50, limit=5)
    assert growth.verdict() == words


@pytest.mark.parametrize(("measured", "predicted"), [(1.01, 1.0), (1.01, 0.99), (1.0, 0.5)])
def test_a_verdict_hides_no_other_prediction(measured, predicted):
    growth = Growth(measured, predicted, 1.0, worstLayer=7, judged=50, layers=50, limit=5)
    assert "as predicted" not in growth.verdict()
    assert "within the error" in growth.verdict()


def test_growth_of_logs_and_of_numbers():
    halving = [0.0, -np.log(2), -2 * np.log(2)]
    growth = Growth.of(rows(halving, halving, [0.1, -0.3, 0.2]), 5)
    assert (growth.measured, growth.predicted) == pytest.approx((0.5, 0.5))
    assert (growth.z, growth.worstLayer, growth.judged) == (-0.3, 2, 3)
    growth = Growth.of(rows([1.0, 3.0, 9.0], [1.0, 2.0, 4.0], [0, 6, -9], "linear"), 5)
    assert (growth.measured, growth.predicted) == pytest.approx((3, 2))
    assert (growth.z, growth.worstLayer, growth.judged) == (-9, 3, 3)


def test_a_gradient_grows_towards_the_first_layer():
    growth = Growth.of(rows([4.0, 2.0, 1.0], [4.0, 2.0, 1.0], 0.0, "linear", "gradient"), 5)
    assert growth.measured == pytest.approx(2)


def test_the_limit_itself_agrees_and_beyond_it_does_not():
    verdicts = [
        Growth.of(rows([0.0, 0.0], [0.0, 0.0], [0, z]), 5).verdict() for z in (5, -5, 5.1, -5.1)
    ]
    assert ["NOT" in verdict for verdict in verdicts] == [False, False, True, True]


def test_layers_without_a_score_are_left_out():
    growth = Growth.of(rows([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [np.nan, 2.0, np.nan]), 5)
    assert (growth.z, growth.worstLayer, growth.judged) == (2.0, 2, 1)
    assert growth.verdict() == "keeps its size, as predicted in 1 of 3 layers"
    nothing = Growth.of(rows([0.0, 0.0], np.full(2, np.nan), np.full(2, np.nan)), 5)
    assert nothing.verdict() == "keeps its size, not judged"


@pytest.mark.parametrize("scale", ["log", "linear"])
@pytest.mark.parametrize("measured", [[0.0], [np.nan, np.nan]])
def test_one_layer_or_no_numbers_have_no_growth(measured, scale):
    assert np.isnan(Growth.of(rows(measured, measured, np.nan, scale), 5).measured)


def test_an_arm_that_is_dead_from_the_start_is_zero_and_one_that_dies_is_told_as_far_as_it_goes():
    assert Growth.of(rows([0.0, 0.0], [0.0, 0.0], 0.0, "linear"), 5).measured == 0
    assert Growth.of(rows([-np.inf, -np.inf], [0.0, 0.0], 0.0), 5).measured == 0
    dying = rows([1.0, 0.5, 0.25, 0.0], [1.0, 0.5, 0.25, 0.125], 0.0, "linear")
    assert Growth.of(dying, 5).measured == pytest.approx(0.5)


def printed(table, reasons=None):
    console = Console(file=io.StringIO(), width=200)
    console.print(summary(table, reasons or {}, 5))
    return console.file.getvalue()


def test_the_summary_has_a_row_an_arm():
    flat, halving = [0.0, 0.0], [0.0, -np.log(2)]
    table = pd.concat(
        [
            rows(flat, flat, 0.2, arm="one/crelu"),
            rows(flat, flat, -0.4, arm="one/crelu", quantity="gradient"),
            rows(halving, halving, 1.0, arm="two/relu"),
            rows(halving[::-1], flat, -9.0, arm="two/relu", quantity="gradient"),
            rows(flat, np.full(2, np.nan), np.nan, arm="three/relu"),
            rows(flat, np.full(2, np.nan), np.nan, arm="three/relu", quantity="gradient"),
        ]
    )
    text = printed(table, {"three/relu": "the reason."})
    lines = text.splitlines()
    one, two, three = (
        next(line for line in lines if arm in line) for arm in ("one/crelu", "two/relu", "three")
    )
    assert one.count("keeps its size, as predicted") == 1  # equal words stand once
    assert "signal vanishes by 0.50 a layer, as predicted; gradient vanishes" in two
    assert "NOT as predicted" in text
    assert "No prediction: the reason." in text
    assert "0.5000" in two
    assert " - " in three  # no number where none is known
    assert text.index("one/crelu") < text.index("two/relu") < text.index("three/relu")
