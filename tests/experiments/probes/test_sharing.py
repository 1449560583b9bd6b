"""Streams that threads share: no bit depends on their number, and products of ours are right."""

import itertools
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from utilityFunctions import floatX, theano
from experiments.probes import propagate, propagation, weights
from experiments.probes.operations import compiles
from lookslinear.laws import dense_law
from lookslinear.sampling import draw, set_num_threads
from lookslinear.theory import Stage
from tests.experiments.probes.streams import SEED, dense, holdToTheOracle, normal
from tests.oracles import dense_net_oracle

HOUSE = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(not compiles(), reason="panels are made in C alone")


@pytest.fixture
def inPanels(monkeypatch):
    """Within it all dense layers are products of ours, of two parts of a batch on two threads."""
    monkeypatch.setattr(propagation, "LARGE_PRODUCT", 1)
    monkeypatch.setattr(propagation, "LEAST_SAMPLES", 1)
    before = set_num_threads(2)
    yield
    set_num_threads(before)


@pytest.mark.usefixtures("doublePrecision", "inPanels")
@pytest.mark.parametrize(
    "text",
    [
        "heNormal/relu",
        "glorotUniform/tanh",
        "orthogonal/crelu",
        "heNormal+mirror/crelu",
        "heNormal/leakyRelu(0.3)",
    ],
)
def test_panels_are_as_the_oracle(text):
    """Of tanh inputs are computed again between those that are kept, by two threads."""
    holdToTheOracle(*dense(text), dense_net_oracle)


def framesOf(activation, mirror=False, sides=(400, 500, 400, 401)):
    """A network of frames so large that they are never made, of which half lose what they send."""
    stages = [
        Stage(
            dense_law((1 + mirror) * before, after, "haar", 0.05, mirror=mirror, dtype="float64"),
            activation,
        )
        for before, after in itertools.pairwise(sides)
    ]
    return stages, normal(5, sides[0]), normal(5, sides[-1], seed=1)


@pytest.mark.usefixtures("doublePrecision", "inPanels")
@pytest.mark.parametrize(
    ("activation", "mirror"), [("relu", False), ("tanh", False), ("crelu", True)]
)
def test_frames_are_as_the_oracle(activation, mirror, monkeypatch):
    monkeypatch.setattr(weights, "draw", None)  # none is made
    holdToTheOracle(*framesOf(activation, mirror), dense_net_oracle)


@pytest.mark.usefixtures("inPanels")
@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_squares_beyond_single_precision_are_measured_behind_frames(scale):
    """A layer's gain may take a signal to where its squares are 0, or infinite, in its own."""
    width = 400
    last = dense_law(width, width, "haar", scale)
    stages = [Stage(dense_law(width, width, "haar", width**-0.5)), Stage(last, "linear")]
    x, gradient = normal(2, 3, width).astype("float32")
    with theano.config.change_flags(floatX="float32"):
        logs = propagate(stages, x, gradient, SEED)
    # Frames keep every norm, but for 2 x 400 reflections' roundings, a random walk, and its square
    # twice as much.
    tolerance = 4 * math.sqrt(2 * width) * np.finfo("float32").eps
    expected = np.log(np.square(x).mean(axis=1)) + 2 * math.log(last.gain)
    np.testing.assert_allclose(logs.forward[1], expected, rtol=0, atol=tolerance)


# On several threads


@pytest.fixture
def on():
    """Sets the number of threads, until the test ends."""
    before = set_num_threads(None)
    yield set_num_threads
    set_num_threads(before)


def onThreads(on, text, depth):
    """The logs of a network of width 512 on 1, 2 and 3 threads, each with a part of the batch."""
    stages, x, gradient = dense(text, depth, width=512, samples=192, inputs=512)
    found = []
    for threads in (1, 2, 3):
        on(threads)
        assert len(propagation._Cut.of(stages, x).parts) == threads
        found.append(propagate(stages, x, gradient, SEED))
    return found


@pytest.mark.parametrize("text", ["heNormal/relu", "glorotNormal/tanh", "heNormal+mirror/crelu"])
def test_no_bit_depends_on_the_number_of_threads(on, text):
    one, *others = onThreads(on, text, depth=5)
    for other in others:
        for log, expected in zip(other, one, strict=True):
            assert log.tobytes() == expected.tobytes()


def test_frames_agree_to_rounding_on_any_number_of_threads(on):
    one, *others = onThreads(on, "orthogonal/crelu", depth=4)
    # The norm of a number carries 512 reflections' roundings, a random walk, and its square twice
    # as much, in each of four layers.
    tolerance = 4 * 2 * math.sqrt(512) * np.finfo("float32").eps
    for other in others:
        np.testing.assert_allclose(other, one, rtol=0, atol=tolerance)
    assert np.ptp(one.forward[-1]) > 100 * tolerance


def test_without_a_compiler_products_are_theanos(on, monkeypatch):
    """They may round sums of 512 products otherwise, and no more."""
    on(2)
    stages, x, gradient = dense("heNormal/relu", 4, width=512, samples=96, inputs=512)
    ours = propagate(stages, x, gradient, SEED)
    monkeypatch.setattr(propagation, "compiles", lambda: False)
    monkeypatch.setattr(propagation, "panelKindOf", None)  # it is not asked for
    theanos = propagate(stages, x, gradient, SEED)
    np.testing.assert_allclose(ours, theanos, rtol=0, atol=4 * 2 * 512 * np.finfo("float32").eps)


@pytest.mark.usefixtures("inPanels")
def test_the_dead_are_dead_on_every_thread():
    stages, x, gradient = dense("zeros/relu", depth=4, samples=6)
    logs = propagate(stages, x, gradient, SEED)
    assert (logs.forward == -np.inf).all()
    assert (logs.backward[:-1] == -np.inf).all()
    stages, _, _ = dense("heNormal/relu", depth=4)
    alive = propagate(stages, x, gradient, SEED)
    x = x.copy()
    x[1::3] = 0
    logs = propagate(stages, x, gradient, SEED)
    assert (logs.forward[:, 1::3] == -np.inf).all()
    for kept in (slice(0, None, 3), slice(2, None, 3)):
        np.testing.assert_array_equal(logs.forward[:, kept], alive.forward[:, kept])


@pytest.mark.usefixtures("inPanels")
def test_arguments_stay_as_they_are_on_several_threads():
    for text in ("heNormal/linear", "heNormal/tanh"):
        stages, x, gradient = dense(text, depth=4, samples=6, inputs=32)
        x, gradient = x.astype(floatX()), 1e3 * gradient.astype(floatX())
        before = x.copy(), gradient.copy()
        propagate(stages, x, gradient, SEED)
        np.testing.assert_array_equal(x, before[0])
        np.testing.assert_array_equal(gradient, before[1])


@pytest.mark.parametrize("large", [False, True])
def test_weights_of_higher_precision_are_refused_at_any_size(large, request):
    if large:
        request.getfixturevalue("inPanels")
    law = dense_law(32, 32, "normal", 0.2, dtype="float64")
    with pytest.raises(TypeError, match="float64"):
        propagate(3 * [Stage(law, "relu")], normal(6, 32), normal(6, 32), SEED)


@pytest.mark.usefixtures("inPanels")
def test_a_weight_that_cannot_be_drawn_ends_all_threads(monkeypatch):
    arguments = dense("heNormal/relu", depth=30, samples=6)
    expected = propagate(*arguments, SEED)
    left = [40]

    def failing(*args, **kwargs):
        left.pop() if left[0] == 0 else left.__setitem__(0, left[0] - 1)
        return draw(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(weights, "WEIGHT_MEMORY", 0)
        patch.setattr(weights, "draw", failing)
        with pytest.raises(IndexError):
            propagate(*arguments, SEED)
    for log, other in zip(propagate(*arguments, SEED), expected, strict=True):
        np.testing.assert_array_equal(log, other)


CHILDREN = """
import multiprocessing, os, sys
import numpy as np
from experiments.arms import Arm
from experiments.networks import stagesOf
from experiments.probes import propagate
from lookslinear.sampling import set_num_threads

def digest(_=None):
    set_num_threads(2)
    rng = np.random.default_rng(0)
    x, gradient = rng.standard_normal((2, 128, 512))
    stages = stagesOf(Arm.parse("heNormal/relu"), (512,), "dense", 3, 512)
    return hash(b"".join(log.tobytes() for log in propagate(stages, x, gradient, 1)))

if __name__ == "__main__":
    print(digest())
    for way in ("fork", "spawn"):
        with multiprocessing.get_context(way).Pool(1) as pool:
            print(pool.map_async(digest, [0]).get(60)[0])
    print(digest())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_children_of_a_process_that_ran_networks_run_them_too(tmp_path):
    script = tmp_path / "children.py"
    script.write_text(CHILDREN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(script)],
        env=os.environ | {"PYTHONPATH": str(HOUSE), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.split()
    assert others == 3 * [first]
