"""Phases: real networks have the fixed points and rates of theory, and broken ones do not."""

import dataclasses
import itertools
import re

import numpy as np
import pytest

from experiments import phaseDiagram
from experiments.__main__ import main
from experiments.phaseDiagram import Config, depthOf, prepare, run, stagesOf
from experiments.phaseFigure import CORRELATION, DECAY, FIXED_CORRELATION, GROWTH, MOMENT
from experiments.phasePoints import phaseMap
from experiments.probes import linearised, weights
from lookslinear.sampling import child_seed, draw
from lookslinear.theory import critical_weight_moment

SMALL = Config(weights=(1.0, 3.0), biases=(0.1,), depth=12, width=48, samples=4, replicates=20)
WORDS = (
    "phase-diagram --weights 1 3 --biases 0.1 --depth 8 --width 32 --samples 4 --replicates 20 "
    "--quiet --no-plot --check --output"
)


@pytest.fixture(scope="module")
def small():
    return run(SMALL)


def test_a_small_run_agrees(small):
    table = small.table
    # Some 40 rows are judged, whose scores are nearly normal: |z| > 5 once in 4e4 runs at most.
    assert table["z"].abs().max() < 5
    assert table[np.isinf(table["width"])]["z"].notna().all()
    assert table[np.isfinite(table["width"])]["z"].isna().all()
    assert set(table["phase"]) == {"ordered", "chaotic"}


def test_a_small_run_sees_what_phases_are(small):
    limit = small.table[np.isinf(small.table["width"])].set_index(["phase", "quantity"])
    limit = limit.sort_index()
    # Far beyond the errors: gradients vanish and explode, inputs meet and part.
    assert limit.loc[("ordered", GROWTH), "measured"].item() < -0.1
    assert limit.loc[("chaotic", GROWTH), "measured"].item() > 0.1
    assert limit.loc[("chaotic", DECAY), "measured"].item() < -0.05
    assert limit.loc[("ordered", FIXED_CORRELATION), "measured"].item() > 0.95
    assert limit.loc[("chaotic", FIXED_CORRELATION), "measured"].item() < 0.6


def test_the_reported_depths():
    plan = prepare(Config(weights=(1.0, 1.3, 1.5, 2.0, 2.5, 3.0, 4.0), biases=(0.05,), depth=1000))
    # 6 xi_c of tanh, in whole layers: 21.8, 47.0+, 94.7, 151.3, 70.8, 54.3, 41.9.
    assert [depthOf(plan.config, point) for point in plan.points] == [22, 48, 95, 152, 71, 55, 42]
    assert [point.phase for point in plan.points] == 3 * ["ordered"] + 4 * ["chaotic"]


def test_a_critical_point_is_as_deep_as_is_asked_for():
    critical = float(critical_weight_moment("tanh", 0.05).weight_moment)
    plan = prepare(Config(weights=(critical,), biases=(0.05,), depth=30))
    assert plan.points[0].phase == "critical"
    assert depthOf(plan.config, plan.points[0]) == 30


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_the_map_has_its_line_where_theory_has_it(name):
    arrays = phaseMap(name, (1.0, 3.0), (0.3,))
    for row in (10, 40, 79):
        bias = arrays["biases"][row]
        critical = critical_weight_moment(name, bias).weight_moment
        # A grid of 80 interpolated: chi_1 is smooth.
        assert np.interp(critical, arrays["weights"], arrays["chi_1"][row]) == pytest.approx(
            1, abs=1e-3
        )
        nearest = np.argmin(abs(arrays["weights"] - critical))
        assert arrays["depth"][row, nearest] > 4 * arrays["depth"][row, [0, -1]].max()


def slowlySummed(rows):
    """The mean product of two different rows, and the mean square of one."""
    pairs = list(itertools.combinations(range(len(rows)), 2))
    product = np.mean([rows[i] @ rows[j] for i, j in pairs])
    return product / rows.shape[1], np.mean(rows**2)


def test_one_network_layer_by_layer():
    """The same weights and biases in NumPy: signals, and gradients by central differences."""
    plan = prepare(dataclasses.replace(SMALL, weights=(2.0,), width=24, span=2, depth=5))
    point, width = plan.points[0], 24
    products, squares, *gradients = phaseDiagram._throughOneNetwork(plan, 0, width, 3)
    seeds = [child_seed(plan.config.seed, kind, 0, width, 3) for kind in range(4)]
    stages = stagesOf(plan.config, point, width)
    drawn = [draw(stage.law, child_seed(seeds[3], l)).astype(float)
             for l, stage in enumerate(stages)]  # fmt: skip
    biases = [phaseDiagram.Network(stages, (width,), seeds[3]).parts[l]._bias for l in (1, 2, 3)]
    # The signs of biases tell nothing of their law; their size does: 72 numbers of variance 0.1.
    assert np.mean(np.square(biases)) == pytest.approx(0.1, rel=5 * np.sqrt(2 / 72))

    def through(x, layers):
        h = x @ drawn[0]
        for l in range(1, layers + 1):
            h = np.tanh(h) @ drawn[l] + biases[l - 1]
        return h

    starts = phaseDiagram._inputs(plan.config, width, 1.5, 0.3, seeds[0])
    assert np.allclose(slowlySummed(starts), (1.5 * 0.3, 1.5))
    found = [slowlySummed(through(starts, layers)) for layers in (1, 2, 3)]
    np.testing.assert_allclose(np.transpose([products, squares])[:3], found, rtol=1e-4, atol=1e-5)

    fixed = phaseDiagram._inputs(plan.config, width, point.q, point.c, seeds[1])
    steps = 1e-4 * np.eye(width)
    jacobians = [(through(x + steps, 2) - through(x - steps, 2)) / 2e-4 for x in fixed]
    # All read-outs at once: 8 of 24 directions are drawn.
    readOuts = phaseDiagram.haar_frame(width, 8, seeds[2]).T * np.sqrt(width)
    rows = np.array([(readOuts @ jacobian.T).ravel() for jacobian in jacobians])
    np.testing.assert_allclose(gradients, slowlySummed(rows), rtol=1e-4)


def test_wrong_weights_fail_the_check(monkeypatch, tmp_path):
    assert main([*WORDS.split(), str(tmp_path / "right")]) == 0

    def larger(law, seed, threads=None, out=None):
        return draw(dataclasses.replace(law, scale=1.1 * law.scale), seed, threads, out=out)

    monkeypatch.setattr(weights, "draw", larger)
    assert main([*WORDS.split(), str(tmp_path / "wrong")]) == 1


def test_missing_biases_fail_the_check(monkeypatch, tmp_path):
    drawn = linearised._StagePart._drawnBias
    monkeypatch.setattr(linearised._StagePart, "_drawnBias", lambda stage: 0 * drawn(stage))
    assert main([*WORDS.split(), str(tmp_path)]) == 1


def test_another_activation_in_theory_fails_the_check(monkeypatch, tmp_path):
    point = phaseDiagram.pointOf
    other = phaseDiagram.activation("erf")
    monkeypatch.setattr(phaseDiagram, "pointOf", lambda phi, w, b: point(other, w, b))
    assert main([*WORDS.split(), str(tmp_path)]) == 1


def test_predictions_follow_the_way_to_the_fixed_point(small):
    limit = small.table[np.isinf(small.table["width"]) & (small.table["phase"] == "ordered")]
    moments = limit[limit["quantity"] == MOMENT]["predicted"].to_numpy()
    alike = limit[limit["quantity"] == CORRELATION]["predicted"].to_numpy()
    assert (np.diff(moments) < 0).all()  # from 1.5 down
    assert (np.diff(alike) > 0).all()  # from 0.3 up


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "tanhh"}, "unknown activation 'tanhh'. Did you mean 'tanh'?"),
        ({"weights": ()}, "weights must be one or more numbers. Received: ()"),
        ({"weights": (2.0, 1.0)}, "weights must increase. Received: (2.0, 1.0)"),
        ({"weights": (1.0, 1.0)}, "weights must increase"),
        ({"weights": (0.0, 1.0)}, "each of weights must be above 0: it is a variance"),
        ({"biases": (0.3, 0.1)}, "biases must increase. Received: (0.3, 0.1)"),
        ({"biases": (-0.1,)}, "each of biases must be at least 0. Received: -0.1"),
        ({"start": 0.0}, "start must be above 0: it is a variance. Received: 0.0"),
        ({"start": float("nan")}, "start must be finite. Received: nan"),
        ({"correlation": 1.0}, "correlation must be from 0 to below 1. Received: 1.0"),
        ({"correlation": -1.5}, "correlation must be from 0 to below 1. Received: -1.5"),
        ({"samples": 128}, "samples must be below the width"),
        ({"samples": 1}, "samples must be at least 2. Received: 1"),
        ({"depth": 0}, "depth must be at least 1. Received: 0"),
        ({"replicates": 1}, "replicates must be at least 2. Received: 1"),
        (
            {"weights": (0.5,), "biases": (0.0,)},
            "must give 'tanh' a fixed point, and the signal dies out. Received: 0.5 and 0",
        ),
        (
            {"activation": "relu", "weights": (3.0,)},
            "must give 'relu' a fixed point, and the signal grows without bound",
        ),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        prepare(Config(**options))
