"""The main job: the numbers that it must show, its tables, and the arguments that it refuses.

Tolerances are five standard errors of the sample at hand, computed from its own scatter unless a
comment says otherwise; each has a mutant beside it that the same tolerance rejects.
"""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.comparing import contradicted
from experiments.secondMoments import DIRECTIONS, SIGNAL, rowsOf
from experiments.variancePropagation import (
    DEFAULT_ARMS,
    Config,
    prepare,
    run,
)

COLUMNS = ["arm", "quantity", "where", "measured", "standard_error", "predicted", "z", "scale"]
SMALL = Config(depth=5, width=32, batch=8, replicates=4)


def config(*arms, **settings):
    return dataclasses.replace(SMALL, arm=arms, **settings)


def logs(result, arm, direction="forward"):
    return result.arrays[f"{arm}:{direction}:log_mean_square"]


def meanAndError(samples):
    return samples.mean(), samples.std(ddof=1) / math.sqrt(len(samples))


# The numbers


def test_he_relu_drifts_by_the_finite_width_law():
    """Width 32, 20 steps: the mean of the log is -1.651, its variance 3.55, over 200 networks."""
    result = run(config("heNormal/relu", depth=21, batch=1, replicates=200))
    for sign, direction in ((1, "forward"), (-1, "backward")):
        values = logs(result, "heNormal/relu", direction)
        growth = sign * (values[:, -1] - values[:, 0])
        # Five standard errors: 5 sqrt(3.55 / 200) = 0.67.
        assert abs(growth.mean() + 1.651) < 5 * math.sqrt(3.546 / 200)
        assert abs(growth.mean() - 0) > 5 * math.sqrt(3.546 / 200)  # the infinite-width prediction
        # The variance of a sample variance is (fourth moment - variance^2) / n.
        centred = growth - growth.mean()
        error = math.sqrt((np.mean(centred**4) - np.mean(centred**2) ** 2) / 200)
        assert abs(growth.var(ddof=1) - 3.546) < 5 * error
        assert abs(growth.var(ddof=1) - 20 * 2 / 32) > 5 * error  # that of a linear net, 2 / n each
    assert not contradicted(result.table)


def test_glorot_relu_halves_the_second_moment():
    # One sample: of several, the arrays hold the mean of the logs.
    result = run(config("glorotNormal/relu", depth=6, batch=1, replicates=400))
    for order, direction in ((1, "forward"), (-1, "backward")):
        moments = np.exp(logs(result, "glorotNormal/relu", direction))[:, ::order]
        for step in range(1, 6):
            # What a step does is independent of the size that it finds, so the mean ratio halves.
            mean, error = meanAndError(moments[:, step] / moments[:, 0])
            assert abs(mean - 0.5**step) < 5 * error
            assert abs(mean - 0.5 ** (step - 1)) > 5 * error
    assert not contradicted(result.table)


@pytest.fixture(scope="module")
def flatImages(tmp_path_factory):
    """Images of random signs: their second moment is 1 at every position, without scatter."""
    path = tmp_path_factory.mktemp("data") / "signs.npz"
    signs = np.random.default_rng(0).integers(0, 2, size=(32, 1, 8, 8))
    np.savez(path, x=2.0 * signs - 1)
    return str(path)


def leftAfter(layers, side=8):
    """The share of a flat image that is left: (1^T A^l 1 / n)^2, A the three taps of each axis."""
    i = np.arange(side)
    band = (abs(i[:, None] - i) <= 1) / 3
    return np.linalg.matrix_power(band, layers).mean(axis=1).sum() ** 2


@pytest.mark.parametrize(
    ("arm", "replicates"), [("lecunNormal/linear", 60), ("heNormal/relu", 200)]
)
def test_zero_padding_loses_at_the_border(flatImages, arm, replicates):
    """8x8, 10 layers, k = 3: 0.353 of the second moment is left, the first layer's loss counted."""
    result = run(
        config(
            arm,
            network="conv",
            data=flatImages,
            standardise="none",
            depth=10,
            width=16,
            batch=32,
            replicates=replicates,
        )
    )
    assert leftAfter(10) == pytest.approx(0.353, abs=5e-4)
    # He's variance is 2 / fan_in: the first weights read data that no ReLU has halved.
    start = 2 if arm == "heNormal/relu" else 1
    mean, error = meanAndError(np.exp(logs(result, arm))[:, -1] / start)
    assert abs(mean - 0.353) < 5 * error
    assert abs(mean - 1) > 5 * error
    if arm == "lecunNormal/linear":  # ReLU scatters too much to tell the first loss ten times over
        assert abs(mean - 0.8403**10) > 5 * error
    # A gradient passes nine of the ten layers, the inner ones.
    mean, error = meanAndError(np.exp(logs(result, arm, "backward"))[:, 0])
    assert abs(mean - leftAfter(9)) < 5 * error
    assert abs(mean - 1) > 5 * error
    predicted = result.arrays[f"{arm}:forward:predicted_linear"]
    assert predicted[-1] / start == pytest.approx(0.353, abs=5e-4)
    assert not contradicted(result.table)


def test_frames_in_the_centre_tap_lose_nothing(flatImages):
    result = run(
        config(
            "orthogonal/linear", network="conv", data=flatImages, depth=10, width=16, replicates=2
        )
    )
    for direction in ("forward", "backward"):
        values = logs(result, "orthogonal/linear", direction)
        # float32 rounding of ten layers; measured 3e-7.
        assert np.ptp(values, axis=1).max() < 1e-5


def test_looks_linear_is_flat_and_its_check_agrees():
    result = run(config("orthogonal+mirror/crelu", depth=1000, batch=4, replicates=2))
    for direction in ("forward", "backward"):
        values = logs(result, "orthogonal+mirror/crelu", direction)
        assert np.expm1(abs(values - values[:, :1])).max() < 1e-4
    assert not contradicted(result.table)


@pytest.mark.parametrize("network", ["dense", "conv"])
def test_predictions_agree_with_what_is_measured(network):
    """|z| < 5 in every layer of every arm: 10 layers, 40 networks, seed fixed."""
    arms = [*DEFAULT_ARMS, "lecunUniform/linear", "glorotNormal/erf", "heNormal/leakyRelu(0.3)"]
    width = {"dense": 32, "conv": 16}[network]
    result = run(config(*arms, network=network, width=width, depth=10, batch=8, replicates=40))
    worst = result.table.groupby("arm")["z"].apply(lambda z: z.abs().max())
    # tanh and erf in narrow convolutions: the prediction is that of infinite width, and says so.
    if network == "conv":
        worst = worst[[arm for arm in worst.index if not arm.endswith(("tanh", "erf"))]]
    assert (worst < 5).all(), worst


def test_wrong_weights_are_found_out(monkeypatch):
    """The mutant of a whole run: weights that are 1.2 times too large contradict every arm."""
    from experiments.probes import weights

    real = weights.draw
    monkeypatch.setattr(
        weights, "draw", lambda law, rng, threads, out: real(law, rng, threads) * np.float32(1.2)
    )
    arms = ("heNormal/relu", "orthogonal+mirror/crelu", "glorotNormal/tanh")
    result = run(config(*arms, depth=10, replicates=40))
    assert contradicted(result.table)
    for arm in arms:
        assert contradicted(result.table[result.table["arm"] == arm]), arm


# The tables


def scoreAgain(samples, predicted, scale, rounding):
    """Student's t of the mean (Cox's for a mean of lognormal numbers) as a normal score."""
    count = len(samples)
    mean, variance = samples.mean(), samples.var(ddof=1)
    if scale == "log":
        t = (mean - predicted) / math.sqrt(variance / count + rounding**2)
    else:
        error = math.sqrt(variance / count + variance**2 / (2 * (count - 1)) + rounding**2)
        t = (mean + variance / 2 - math.log(predicted)) / error
    return -math.copysign(stats.norm.ppf(stats.t.cdf(-abs(t), count - 1)), -t)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_score_follows_from_the_arrays(dtype):
    arms = ("glorotNormal/relu", "orthogonal+mirror/crelu", "glorotNormal/tanh", "heUniform/relu")
    result = run(config(*arms, dtype=dtype))
    assert set(result.table["scale"]) == {"log", "linear"}
    for row in result.table.itertuples():
        direction = DIRECTIONS[row.quantity.removeprefix("log of ")]
        samples = logs(result, row.arm, direction)[:, row.where - 1]
        stored = result.arrays[f"{row.arm}:{direction}:predicted_{row.scale}"]
        passed = row.where if direction == "forward" else SMALL.depth + 1 - row.where
        rounding = np.finfo(dtype).eps * passed
        assert row.predicted == stored[row.where - 1]
        assert row.z == pytest.approx(
            scoreAgain(samples, row.predicted, row.scale, rounding), abs=1e-6
        )
        moments = samples if row.scale == "log" else np.exp(samples)
        assert row.measured == pytest.approx(moments.mean(), rel=1e-12)
        scatter = moments.std(ddof=1) / math.sqrt(SMALL.replicates)
        assert row.standard_error == pytest.approx(scatter, rel=1e-4, abs=3 * rounding)


def test_the_shape_of_a_table():
    arms = ("glorotNormal/relu", "glorotNormal/tanh")
    result = run(config(*arms))
    assert list(result.table.columns) == COLUMNS
    assert len(result.table) == 2 * 2 * SMALL.depth
    assert list(dict.fromkeys(result.table["arm"])) == list(arms)
    for _, rows in result.table.groupby(["arm", "quantity"], sort=False):
        assert rows["where"].tolist() == [1, 2, 3, 4, 5]
    found = result.table.groupby("arm", sort=False)["quantity"].unique()
    assert [sorted(names) for names in found] == [
        ["log of gradient", "log of signal"],
        ["gradient", "signal"],
    ]
    assert dict(result.table.groupby("arm")["scale"].first()) == {
        "glorotNormal/relu": "log",
        "glorotNormal/tanh": "linear",
    }
    for values in result.arrays.values():
        assert values.shape in ((SMALL.replicates, SMALL.depth), (SMALL.depth,))


def test_the_same_seed_gives_the_same_table_and_another_does_not():
    first, again, other = (run(config("heNormal/relu", seed=seed)).table for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    assert (first["measured"] != other["measured"]).all()


def test_more_arms_and_replicates_leave_the_first_ones_alone():
    arms = ("heNormal/relu", "glorotNormal/tanh", "orthogonal+mirror/crelu")
    few, many = run(config(*arms[:2])), run(config(*arms))
    pd.testing.assert_frame_equal(few.table, many.table.iloc[: len(few.table)], check_exact=True)
    more = run(config(*arms[:2], replicates=7))
    for arm in arms[:2]:
        np.testing.assert_array_equal(logs(more, arm)[:4], logs(few, arm))


def test_networks_are_independent_of_each_other():
    values = logs(run(config("heNormal/relu", replicates=6)), "heNormal/relu")
    assert len(np.unique(values[:, 0])) == 6
    # Two arms of one law: weights and gradients are drawn for each.
    two = run(config("heNormal/relu", "heNormal+relu/relu", replicates=6))
    for direction in ("forward", "backward"):
        first, second = (
            logs(two, arm, direction) for arm in ("heNormal/relu", "heNormal+relu/relu")
        )
        assert not np.isclose(first, second).any()
        assert len(np.unique(first[:, -1])) == 6


def test_where_nothing_scatters_the_arithmetic_is_the_error():
    """Identity weights that undo each CReLU: every network gives back the data's second moment."""
    result = run(config("identity+mirror/crelu", width=64))
    forward = rowsOf(result.table, SIGNAL)
    assert forward["z"].notna().all()
    assert (forward["standard_error"] > 0).all()
    # The arithmetic of float32 at each layer; the data have a second moment of 1.
    assert (forward["standard_error"] < 10 * np.finfo("float32").eps).all()
    assert not contradicted(result.table)


def test_double_precision_is_more_exact():
    kept = {}
    for dtype in ("float32", "float64"):
        result = run(config("orthogonal+mirror/crelu", depth=50, dtype=dtype))
        kept[dtype] = np.ptp(logs(result, "orthogonal+mirror/crelu"), axis=1).max()
    assert kept["float64"] < 1e-12 < kept["float32"] < 1e-4


def test_dead_arms_and_single_networks():
    result = run(config("zeros/relu", replicates=1))
    assert (rowsOf(result.table, SIGNAL)["measured"] == 0).all()
    assert not contradicted(result.table)
    result = run(config("heNormal/relu", replicates=1))
    assert result.table["z"].isna().all()
    assert result.table["standard_error"].isna().all()
    assert not contradicted(result.table)


@pytest.mark.parametrize("arm", ["heNormal/relu", "glorotNormal/tanh"])
def test_blank_samples_do_not_contradict(tmp_path, arm):
    """A sample of zeros has no log and adds nothing to a mean: both sides know it."""
    x = np.random.default_rng(0).standard_normal((20, 64))
    x[[3, 8]] = 0
    np.savez(tmp_path / "data.npz", x=x)
    result = run(
        config(arm, data=str(tmp_path / "data.npz"), standardise="none", batch=20, replicates=20)
    )
    assert result.table["z"].notna().all()
    assert not contradicted(result.table)


def test_what_is_not_predicted_has_its_reason_and_no_score():
    result = run(config("orthogonal+mirror/relu", "heNormal/relu"))
    assert "crelu" in result.reasons["orthogonal+mirror/relu"]
    assert not result.reasons["heNormal/relu"]
    judged = result.table.groupby("arm")["z"].apply(lambda z: z.notna().any())
    assert dict(judged) == {"orthogonal+mirror/relu": False, "heNormal/relu": True}


def test_progress_is_told_after_each_network():
    told = []
    run(prepare(config("heNormal/relu", "glorotNormal/tanh")), told.append)
    assert told == 4 * ["heNormal/relu"] + 4 * ["glorotNormal/tanh"]


def test_the_default_arms_show_the_story():
    plan = prepare(SMALL)
    assert tuple(plan.config.arm) == DEFAULT_ARMS
    assert {"glorotNormal/relu", "heNormal/relu", "orthogonal+mirror/crelu"} <= set(DEFAULT_ARMS)
    assert any(arm.endswith("tanh") for arm in DEFAULT_ARMS)


# Refusals


@pytest.mark.parametrize("name", ["depth", "width", "s", "batch", "replicates"])
@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (0, ValueError, "must be at least 1. Received: 0"),
        (-3, ValueError, "must be at least 1. Received: -3"),
        (2.5, TypeError, "must be a whole number. Received: 2.5"),
        ("3", TypeError, "must be a whole number. Received: '3'"),
        (True, TypeError, "must be a whole number. Received: True"),
    ],
)
def test_numbers_below_one(name, value, kind, message):
    with pytest.raises(kind, match=f"{name} {message}"):
        prepare(config("heNormal/relu", **{name: value}))


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"dtype": "float16"}, ValueError, "dtype 'float16'. .*Known: float32, float64"),
        ({"dtype": "flaot32"}, ValueError, "dtype 'flaot32'. Did you mean 'float32'"),
        ({"network": "convv"}, ValueError, "network 'convv'. Did you mean 'conv'"),
        ({"standardise": "globl"}, ValueError, "standardise 'globl'. Did you mean 'global'"),
        ({"data": "digts"}, ValueError, "data 'digts'. Did you mean 'digits'"),
        ({"seed": -1}, ValueError, "seed must not be negative. Received: -1"),
        ({"seed": 1.5}, TypeError, "seed must be .*Received: 1.5"),
        ({"batch": 5000}, ValueError, "batch must be at most 1797.*Received: 5000"),
        ({"network": "conv", "s": 2}, ValueError, "s must be odd.*Received: 2"),
    ],
)
def test_bad_settings(settings, kind, message):
    with pytest.raises(kind, match=message):
        run(config("heNormal/relu", **settings))


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        (["orthogonl/relu"], "Did you mean 'orthogonal'"),
        (["heNormal/relu", "heNormal/relu"], "each arm must stand once"),
    ],
)
def test_bad_arms(arms, message):
    with pytest.raises(ValueError, match=message):
        run(config(*arms))


def test_convolutions_need_images(tmp_path):
    np.savez(tmp_path / "rows.npz", x=np.random.default_rng(0).standard_normal((9, 5)))
    with pytest.raises(ValueError, match=r"network 'conv' needs images.*Received: \(8, 5\)"):
        prepare(config("heNormal/relu", network="conv", data=str(tmp_path / "rows.npz")))
