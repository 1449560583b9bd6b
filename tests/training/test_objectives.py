"""Objectives and regularisation: against NumPy, at scores that overflow, and what they refuse."""

import numpy as np
import pytest
from scipy.special import log_softmax

from utilityFunctions import T, cast, compileFunction, floatX, gradient, sharedVar, theano
from training import L1, L2, MeanSquaredError, SoftmaxCrossEntropy


@pytest.fixture(scope="module", params=["float32", "float64"])
def crossEntropy(request):
    """(scores, labels) -> losses, accuracies, and the gradient of the sum of the losses."""
    with theano.config.change_flags(floatX=request.param, warn_float64="raise"
                                    if request.param == "float32" else "ignore"):  # fmt: skip
        scores, labels = T.matrix(), T.ivector()
        found = SoftmaxCrossEntropy().expressions(scores, labels)
        slope = gradient(found["loss"].sum(), scores)
        return compileFunction([scores, labels], [found["loss"], found["accuracy"], slope],
                               allow_input_downcast=True)  # fmt: skip


def test_crossEntropyIsThatOfScipy(crossEntropy):
    rng = np.random.default_rng(0)
    for size in (1, 100, 1e4):
        scores, labels = size * rng.uniform(-1, 1, (20, 5)), rng.integers(5, size=20)
        loss, accuracy, slope = crossEntropy(scores, labels)
        logs = log_softmax(scores, axis=1)
        # Rounding of the scores themselves, then of a few operations on them.
        bound = 8 * np.finfo(loss.dtype).eps * max(size, 1)
        np.testing.assert_allclose(loss, -logs[np.arange(20), labels], atol=bound)
        np.testing.assert_allclose(slope, np.exp(logs) - np.eye(5)[labels], atol=bound)
        assert (accuracy == (scores.argmax(axis=1) == labels)).all()


def test_theLargestScoresDoNotOverflow(crossEntropy):
    loss, _, slope = crossEntropy([[1e4, -1e4, 0], [1e4, -1e4, 0]], [0, 1])
    assert loss.tolist() == [0, 2e4]
    assert slope.tolist() == [[0, 0, 0], [1, -1, 0]]


def test_theSquareIsMeanOverAllUnits():
    output, targets = T.tensor3(), T.tensor3()
    loss = MeanSquaredError().expressions(output, targets)["loss"]
    x, t = (np.random.default_rng(i).standard_normal((4, 3, 2)).astype(floatX()) for i in range(2))
    np.testing.assert_allclose(
        loss.eval({output: x, targets: t}), ((x - t) ** 2).mean(axis=(1, 2)), rtol=1e-5
    )


def test_targetsAreCheckedAndCastOnce():
    assert SoftmaxCrossEntropy().checkedTargets(np.array([0, 2], "uint8"), (3,)).dtype == "int32"
    labels = np.array([0, 2], "int32")
    assert SoftmaxCrossEntropy().checkedTargets(labels, (3,)) is labels
    targets = cast(np.zeros((2, 3)))
    assert np.shares_memory(MeanSquaredError().checkedTargets(targets, (3,)), targets)
    with pytest.raises(ValueError, match=r"must be \(samples, 3\).*\(2,\)"):
        MeanSquaredError().checkedTargets(np.zeros(2), (3,))
    with pytest.raises(ValueError, match=r"1 of 2 samples, the first y\[1\]"):
        MeanSquaredError().checkedTargets(np.array([[0.0], [np.nan]]), (1,))
    with pytest.raises(TypeError, match="real numbers"):
        MeanSquaredError().checkedTargets(["a"], (1,))


def test_regularisationCountsWeightsAlone():
    weight, bias = sharedVar([[3, -4]]), sharedVar([[9, 9]], broadcastable=(True, False))
    for kind, size, slopes in ((L1, 7, [1, -1]), (L2, 25, [6, -8])):
        penalty = kind(0.5).expression([weight, bias])
        assert float(penalty.eval()) == pytest.approx(0.5 * size)
        slope = gradient(penalty, weight).eval()
        np.testing.assert_allclose(slope, [[0.5 * s for s in slopes]], rtol=1e-6)
        with pytest.raises(ValueError, match=r"strength must be at least 0\. Received: -1"):
            kind(-1)
    assert L1(0.1) != L2(0.1)
