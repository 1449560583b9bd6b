"""Probes: held to a slow oracle with the same weights, and to what streaming must not change."""

import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.arms import Arm
from experiments.data import loadBatch
from experiments.networks import stagesOf
from experiments.probes import kinds, meanSquares, propagate, weights
from lookslinear.sampling import draw
from lookslinear.theory import NotCoveredError, Residual, forward_log_norm
from tests.experiments.probes.streams import (
    SEED,
    dense,
    holdToTheOracle,
    logMeanSquares,
    normal,
    weightsOf,
)
from tests.oracles import ACTIVATIONS_ORACLE, conv2d_oracle, dense_net_oracle


def convolutional(text, depth=5, width=16, samples=2):
    stages = stagesOf(Arm.parse(text), (1, 8, 8), "conv", depth, width)
    return stages, normal(samples, 1, 8, 8), normal(samples, width, 8, 8, seed=1)


def convNetOracle(weights, activations, x, gradient):
    """As dense_net_oracle: convolutions with strides of 1 and zeros around odd kernels."""

    def convolved(images, kernel):
        return conv2d_oracle(images, kernel, padding=[side // 2 for side in kernel.shape[2:]])

    def channelsLast(function, h):
        return np.moveaxis(function(np.moveaxis(h, 1, -1)), -1, 1)

    forward, h = [], x
    for weight, name in zip(weights, activations, strict=True):
        h = convolved(channelsLast(ACTIVATIONS_ORACLE[name][0], h), weight)
        forward.append(h)
    backward, g = [gradient], gradient
    for h, weight, name in zip(forward[-2::-1], weights[:0:-1], activations[:0:-1], strict=True):
        turned = weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
        g = convolved(g, turned) * channelsLast(ACTIVATIONS_ORACLE[name][1], h)
        if name == "crelu":
            g = g[:, : h.shape[1]] + g[:, h.shape[1] :]
        backward.append(g)
    return forward, backward[::-1]


@pytest.mark.usefixtures("doublePrecision")
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (dense, "heNormal/relu"),
        (dense, "glorotUniform/tanh"),
        (dense, "orthogonal/crelu"),
        (dense, "orthogonal+mirror/crelu"),
        (dense, "heNormal/leakyRelu(0.3)"),
        (convolutional, "heNormal/relu"),
        (convolutional, "glorotNormal+mirror/crelu"),
        (convolutional, "orthogonal/linear"),
    ],
)
@pytest.mark.parametrize("seed", [SEED, np.random.SeedSequence(SEED)], ids=["int", "sequence"])
def test_as_the_oracle(make, text, seed):
    holdToTheOracle(*make(text), dense_net_oracle if make is dense else convNetOracle, seed)


@pytest.mark.usefixtures("doublePrecision")
def test_the_oracle_tells_other_weights_apart():
    stages, x, gradient = dense("heNormal/relu")
    logs = propagate(stages, x, gradient, SEED + 1)
    names = [stage.activation.name for stage in stages]
    forward, backward = dense_net_oracle(weightsOf(stages), names, x, gradient)
    assert abs(logs.forward - logMeanSquares(forward)).max() > 0.1
    assert abs(logs.backward - logMeanSquares(backward))[0].max() > 0.1


@pytest.mark.parametrize("text", ["heNormal/relu", "orthogonal+mirror/crelu", "glorotNormal/tanh"])
@pytest.mark.parametrize("depth", [1, 2, 9, 12])
def test_weights_are_drawn_again_bit_by_bit(monkeypatch, text, depth):
    stages, x, gradient = dense(text, depth)
    drawn = []

    def counted(law, rng, *args, **kwargs):
        drawn.append(rng.spawn_key[-1])
        return draw(law, rng, *args, **kwargs)

    monkeypatch.setattr(weights, "draw", counted)
    kept = propagate(stages, x, gradient, SEED)
    assert sorted(drawn) == list(range(depth))
    drawn.clear()
    monkeypatch.setattr(weights, "WEIGHT_MEMORY", 0)
    again = propagate(stages, x, gradient, SEED)
    assert set(drawn) == set(range(depth))
    assert len(drawn) > depth or depth == 1  # which has no way back
    np.testing.assert_array_equal(again.forward, kept.forward)
    np.testing.assert_array_equal(again.backward, kept.backward)


def test_a_shorter_network_is_the_beginning_of_a_longer_one():
    """Checkpoints lie elsewhere, and not a bit of the signal may depend on them."""
    stages, x, gradient = dense("heNormal/relu", depth=30)
    whole = propagate(stages, x, gradient, SEED).forward
    for depth in (1, 5, 16, 29):
        part = propagate(stages[:depth], x, gradient, SEED).forward
        np.testing.assert_array_equal(part, whole[:depth])


def test_scaling_by_powers_of_two_is_exact():
    stages, x, gradient = dense("heNormal/relu")
    logs, scaled = (propagate(stages, factor * x, gradient, SEED) for factor in (1, 2.0**40))
    # Only the sum of a log and the carried one rounds, in float64.
    np.testing.assert_allclose(scaled.forward - logs.forward, 80 * math.log(2), rtol=1e-13)
    np.testing.assert_array_equal(scaled.backward, logs.backward)


@pytest.mark.parametrize(
    ("text", "seed"), [("glorotNormal/relu", 1), ("heNormal/linear", 0), ("orthogonal/relu", 2)]
)
def test_no_depth_under_or_overflows(text, seed):
    """3000 layers: 2^-3000 and 2^3000 are beyond every number that a float can be."""
    stages, x, gradient = dense(text, depth=3000, width=16, samples=2)
    logs = propagate(stages, x, gradient, seed)
    assert np.isfinite(logs.forward).all()
    assert np.isfinite(logs.backward).all()
    law = forward_log_norm(stages, np.square(x).mean(axis=1))
    # One network: five standard deviations of its sum of independent terms.
    assert abs(logs.forward - law.mean).max() < 5 * math.sqrt(law.variance[-1])
    growth = (logs.forward[-1] - logs.forward[0]) / 2999
    assert abs(growth).min() > 0.5
    assert abs(logs.forward[-1]).min() > 1500


def test_dead_networks_have_a_log_of_minus_infinity():
    stages, x, gradient = dense("zeros/relu", depth=4)
    logs = propagate(stages, x, gradient, SEED)
    assert (logs.forward == -np.inf).all()
    assert (logs.backward[:-1] == -np.inf).all()
    assert np.isfinite(logs.backward[-1]).all()


def test_a_dead_sample_leaves_the_others_alone():
    stages, x, gradient = dense("heNormal/relu", depth=4)
    alive = propagate(stages, x, gradient, SEED)
    x = x.copy()
    x[1] = 0
    logs = propagate(stages, x, gradient, SEED)
    assert (logs.forward[:, 1] == -np.inf).all()
    np.testing.assert_array_equal(logs.forward[:, ::2], alive.forward[:, ::2])
    np.testing.assert_array_equal(logs.backward[:, ::2], alive.backward[:, ::2])


def test_the_arguments_stay_as_they_are():
    stages, x, gradient = dense("heNormal/relu", depth=4)
    x, gradient = x.astype("float32"), 1e3 * gradient.astype("float32")  # no cast would copy them
    before = x.copy(), gradient.copy()
    propagate(stages, x, gradient, SEED)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(gradient, before[1])


@pytest.mark.parametrize("depth", [5, 200])
def test_few_kinds_serve_any_depth(depth):
    before = kinds._compiledOnce.cache_info().currsize
    stages, x, gradient = dense("heNormal/leakyRelu(0.7)", depth)
    propagate(stages, x, gradient, SEED)
    assert kinds._compiledOnce.cache_info().currsize - before <= 2


def test_looks_linear_keeps_the_second_moment_through_a_thousand_layers():
    """From the first hidden layer to the thousandth to 1e-4, forward and backward, in float32."""
    x = loadBatch("digits", 16, rng=0).reshape(16, -1)
    gradient = normal(16, 32, seed=1)
    kept = {}
    for text in ("orthogonal+mirror/crelu", "orthogonal/crelu"):
        stages = stagesOf(Arm.parse(text), (64,), "dense", depth=1000, width=32)
        kept[text] = [
            np.expm1(abs(log - log[:1])).max() for log in propagate(stages, x, gradient, SEED)
        ]
    assert max(kept["orthogonal+mirror/crelu"]) < 1e-4
    assert min(kept["orthogonal/crelu"]) > 1  # the same nets without the mirror do not


def noted(monkeypatch, name):
    """The results of a method of kinds, as they come."""
    results, method = [], getattr(kinds.Kind, name)

    def noting(*args):
        results.append(method(*args))
        return results[-1]

    monkeypatch.setattr(kinds.Kind, name, noting)
    return results


def test_homogeneous_networks_go_forward_once_and_keep_a_bit_for_each_number(monkeypatch):
    passed, again = noted(monkeypatch, "forwardWithSigns"), noted(monkeypatch, "forward")
    back = noted(monkeypatch, "backwardOfSigns")
    propagate(*dense("heNormal/relu", depth=40, samples=4), SEED)
    assert (len(passed), len(again), len(back)) == (40, 0, 39)
    assert {sum(kept.nbytes for kept in one.signs) for one in passed[1:]} == {4 * 32 / 8}


def test_other_networks_go_forward_at_most_twice(monkeypatch):
    passed, back = noted(monkeypatch, "forward"), noted(monkeypatch, "backward")
    propagate(*dense("heNormal/tanh", depth=36), SEED)
    assert (len(passed), len(back)) == (36 + 6 * 5, 35)  # all but the inputs that are kept


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_mean_squares_are_as_exact_as_double_precision(dtype, order):
    numbers = np.asarray(normal(3, 2, 500), dtype, order)
    exact = [math.fsum(float(x) ** 2 for x in row.ravel()) / 1000 for row in numbers]
    np.testing.assert_allclose(meanSquares(numbers), exact, rtol=1e-13)  # 1000 half epsilons


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"bias_variance": 0.1}, NotCoveredError, "without residual sums, biases, normalisation"),
        ({"normalisation": "batch"}, NotCoveredError, "without residual sums, biases, normal"),
        ({"padding": "circular"}, NotCoveredError, "Received: .* padding 'circular', 1 groups"),
        ({"padding": "valid"}, NotCoveredError, "without residual sums, biases, normalisation"),
    ],
)
def test_what_the_stream_would_pass_over_is_refused(changes, kind, message):
    stages, x, gradient = convolutional("heNormal/relu", width=4)
    stages[2] = dataclasses.replace(stages[2], **changes)
    with pytest.raises(kind, match=message):
        propagate(stages, x, gradient, SEED)


def test_residual_sums_are_refused():
    stages, x, gradient = dense("heNormal/relu", depth=3)
    with pytest.raises(NotCoveredError, match="Received: stage 1 is a Residual"):
        propagate([stages[0], Residual(stages[1:])], x, gradient, SEED)


@pytest.mark.parametrize(
    ("stages", "x", "gradient", "message"),
    [
        ([], (3, 64), (3, 32), "stages must hold at least one Stage"),
        (slice(1, None), (3, 64), (3, 32), r"x must be of shape \(3, 32\). Received: \(3, 64\)"),
        (slice(None), (0, 64), (0, 32), r"x must hold at least one number.*shape \(0, 64\)"),
        (slice(None), (64,), (32,), r"x must have 2 axes.*Received: shape \(64,\)"),
        (slice(None), (3, 64, 1, 1), (3, 32), "x must have 2 axes"),
        (slice(None), (3, 64), (2, 32), r"outputGradient must be of shape \(3, 32\).*\(2, 32\)"),
        (slice(None), (3, 64), (3, 31), r"outputGradient must be of shape \(3, 32\).*\(3, 31\)"),
    ],
)
def test_shapes_that_do_not_fit(stages, x, gradient, message):
    every, _, _ = dense("heNormal/relu", depth=3)
    stages = every[stages] if isinstance(stages, slice) else stages
    with pytest.raises(ValueError, match=message):
        propagate(stages, normal(*x), normal(*gradient), SEED)


STATUS = Path("/proc/self/status")
#: Prints the exit status and the peak of memory after each of two depths.
PEAKS = """
from pathlib import Path
from experiments.__main__ import main
for depth in ("50", "10000"):
    words = "variance-propagation --arm heNormal/relu --width 256 --replicates 1 --quiet".split()
    status = main([*words, "--depth", depth, "--output", FOLDER + depth])
    lines = Path("/proc/self/status").read_text().splitlines()
    print(status, next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="the peak of memory is read from /proc")
def test_memory_of_ten_thousand_layers(tmp_path):
    """Of width 256 they take 100 MB more than 50 layers, where all weights would take 2.6 GB.

    What the process takes before depends on how much Theano's compile cache holds.
    """
    script = f"FOLDER = {str(tmp_path / 'run')!r}" + PEAKS
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    (first, few), (second, many) = np.array(found.stdout.split(), int).reshape(2, 2)
    assert (first, second) == (0, 0)
    assert many - few < 100_000
    assert (tmp_path / "run10000" / "table.csv").exists()
