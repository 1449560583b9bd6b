"""Gains: networks keep or lose their signals as predicted, and with a wrong gain they are seen."""

import dataclasses
import math
import re

import numpy as np
import pytest

from experiments import gains
from experiments.__main__ import main
from experiments.gainFigure import EXACT, GRADIENT, SIGNAL, USUAL, gainFigure
from experiments.gains import BORROWERS, Config, armsOf, predicted, prepare, run, stagesOf
from experiments.probes import weights
from lookslinear.activations import ACTIVATIONS, activation
from lookslinear.sampling import draw
from lookslinear.theory import gain_table

SMALL = Config(
    activation=("relu", "crelu", "tanh", "sigmoid", "gelu"),
    depth=10,
    width=48,
    replicates=20,
)
WORDS = (
    "gains --activation tanh --activation relu --depth 5 --width 48 --replicates 20 "
    "--quiet --no-plot --check --output"
)


@pytest.fixture(scope="module")
def small():
    return run(SMALL)


def test_a_small_run_agrees(small):
    table = small.table
    # 200 rows: |z| > 5 once in 8000 runs with other seeds.
    assert table["z"].abs().max() < 5
    assert table["z"].notna().sum() > 150
    assert np.isfinite(table["measured"]).all()


def test_where_nothing_is_predicted_the_measured_number_stands_alone(small):
    rows = small.table[(small.table["activation"] == "gelu") & (small.table["gain"] == EXACT)]
    deep = rows[(rows["where"] == 10) & (rows["start"] == 1.0)]
    assert deep["predicted"].isna().all()
    assert deep["z"].isna().all()
    assert (deep["measured"] > 0).all()
    assert "the measured number stands alone" in small.reasons["gelu"]
    assert not small.reasons["relu"]


def ends(table, name, kind, quantity=SIGNAL):
    rows = table[(table["activation"] == name) & (table["gain"] == kind)]
    rows = rows[(rows["quantity"] == quantity) & (rows["where"] == table["where"].max())]
    return rows["measured"].to_numpy()


def test_exact_is_not_stable_for_gelu():
    config = Config(activation=("gelu", "tanh"), start=(0.25, 4.0), depth=40, replicates=4)
    table = run(config).table
    low, high = ends(table, "gelu", EXACT)
    # Inputs 16 times as large: in the end 1e6 times; with tanh they forget what they were.
    assert high / low > 1e6
    low, high = ends(table, "tanh", EXACT)
    assert 0.5 < low / high < 2
    slopes = {row.name: row.exact_slope for row in gain_table()}
    assert slopes["gelu"] > 1 > slopes["tanh"]


def test_gradients_are_counted_from_the_end(small):
    rows = small.table[(small.table["activation"] == "sigmoid") & (small.table["gain"] == EXACT)]
    rows = rows[(rows["quantity"] == GRADIENT) & (rows["start"] == 1.0)].set_index("where")
    # chi_1 = 1.846^2 * 0.0448 = 0.153 a layer.
    assert rows.loc[1, "measured"] == pytest.approx(0.153, rel=0.2)
    assert math.log(rows.loc[10, "measured"]) == pytest.approx(10 * math.log(0.153), rel=0.1)


def test_the_gains_that_are_compared():
    kinds = {name: {arm.kind: arm.gain for arm in armsOf(phi)} for name, phi in ACTIVATIONS.items()}
    assert kinds["tanh"] == {USUAL: 5 / 3, EXACT: ACTIVATIONS["tanh"].exact_gain}
    assert kinds["sigmoid"][USUAL] == 1
    assert kinds["selu"] == {USUAL: 3 / 4, EXACT: 1}
    assert {kinds[name][USUAL] for name in BORROWERS} == {math.sqrt(2)}
    assert [name for name, some in kinds.items() if "both" in some] == [
        "linear", "relu", "leakyRelu", "crelu",
    ]  # fmt: skip
    assert len(prepare(Config()).arms) == len(ACTIVATIONS) + 7


@pytest.mark.parametrize("row", gain_table(), ids=lambda row: row.name)
def test_stages_have_the_gain_that_is_named(row):
    """At infinite width the exact gain keeps 1, and the usual one of tanh leads to its q*."""
    arms = {arm.kind: arm for arm in armsOf(activation(row.name))}
    arm = arms.get(EXACT) or arms["both"]
    stages = stagesOf(arm, width=4096, depth=3)
    if activation(row.name).homogeneous:
        # E log chi^2_n / n = -1 / n, five times as much with the gates of a ReLU.
        np.testing.assert_allclose(predicted(stages, [1.0]).forward, 0, atol=3 * 3 / 4096)
    else:
        np.testing.assert_allclose(predicted(stages, [1.0]).forward, 1, atol=0.01)


def test_a_wrong_gain_fails_the_check(monkeypatch, tmp_path):
    assert main([*WORDS.split(), str(tmp_path / "right")]) == 0

    def usual(law, seed, threads=None, out=None):
        return draw(dataclasses.replace(law, scale=1.05 * law.scale), seed, threads, out=out)

    monkeypatch.setattr(weights, "draw", usual)
    assert main([*WORDS.split(), str(tmp_path / "wrong")]) == 1


def test_another_width_in_theory_fails_the_check(monkeypatch, tmp_path):
    """The exact law of the log knows the width: E log is -2.5 depth / width, +- 0.5 by networks."""
    wide = stagesOf(armsOf(activation("relu"))[0], width=160, depth=40)
    monkeypatch.setattr(gains, "predicted", lambda stages, start: predicted(wide, start))
    words = (
        "gains --activation relu --depth 40 --width 16 --replicates 60 --quiet --no-plot --check "
        "--output"
    )
    assert main([*words.split(), str(tmp_path)]) == 1


def test_gradients_too_small_for_a_number_are_not_judged():
    config = Config(
        activation=("sigmoid",), start=(1.0,), depth=300, width=8, samples=1, replicates=2
    )
    result = run(config)
    rows = result.table[(result.table["quantity"] == GRADIENT) & (result.table["where"] == 300)]
    usual = rows[rows["gain"] == USUAL]
    # 0.056 a layer: 1e-376.
    assert (usual["measured"] == 0).all()
    assert usual["z"].isna().all()
    assert gainFigure(result.table, result.arrays).axes


def test_a_figure_of_one_activation(small):
    assert gainFigure(small.table[small.table["activation"] == "relu"], small.arrays).axes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": ("gellu",)}, "unknown activation 'gellu'. Did you mean 'gelu'?"),
        ({"activation": ("relu", "relu")}, "each activation must stand once"),
        ({"start": ()}, "start must be one or more numbers. Received: ()"),
        ({"start": (0.0,)}, "each of start must be above 0: it is a second moment. Received: 0.0"),
        ({"start": (-1.0,)}, "each of start must be above 0"),
        ({"start": (2.0, 1.0)}, "start must increase. Received: (2.0, 1.0)"),
        ({"depth": 0}, "depth must be at least 1. Received: 0"),
        ({"width": 1}, "width must be at least 2. Received: 1"),
        ({"samples": 0}, "samples must be at least 1. Received: 0"),
        ({"replicates": 1}, "replicates must be at least 2. Received: 1"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        prepare(Config(**options))
