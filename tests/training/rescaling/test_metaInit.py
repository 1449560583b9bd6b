"""MetaInit: the gradient quotient in closed form and in PyTorch, its steps, and that it falls."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from utilityFunctions import T, compileFunction, sharedVar, theano
from layers import FC, Activation, Convolution, Flatten, Representation
from lookslinear.sampling import as_generator, standard_normal
from training.objectives import SoftmaxCrossEntropy
from training.rescaling import gradientQuotient, metaInit
from training.rescaling.metaInit import _Quotient
from training.rescaling.parts import norm

from .nets import held, normal

TORCH = json.loads(Path(__file__).with_name("torchQuotients.json").read_text("utf-8"))


def deep(depth, activation, scale, width=12):
    """A dense network whose weights are so many times those of its initialisation."""
    y = Representation((8,))
    for index in range(depth):
        y = Activation(activation)(FC(width, initialisation="heNormal", seed=index)(y))
    y = FC(4, initialisation="heNormal", seed=99)(y)
    for weight in y.params[::2]:
        weight.set_value(np.asarray(scale, weight.dtype) * weight.get_value())
    return y


def valueOf(loss, params, **options):
    """The quotient's value, for a loss without inputs."""
    quotient = gradientQuotient(loss, params, **options)
    return float(compileFunction([], quotient, mode="FAST_COMPILE")())


# The quotient


def test_aLinearNetUnderSquaredErrorHasTheMeanCurvature():
    # Orthogonal columns x_i of squares s_i make the Hessian of |x w - t|^2 / 2 n diagonal, s_i / n.
    x = np.linalg.qr(normal(20, 3))[0] * [1.0, 4.0, 9.0]
    w, targets = sharedVar(np.array([0.3, -2.0, 5.0])), normal(20, seed=1)
    loss = T.sqr(T.dot(x, w) - targets).sum() / 40
    found = valueOf(loss, [w], epsilon=1e-12)
    assert found == pytest.approx(np.mean([1, 16, 81]) / 20, rel=1e-6)


def test_aProductOfTwoNumbersHasTheRatioOfTheirSizes():
    # l = a b x: g = (b x, a x), H g = x^2 (a, b): the quotient is the mean of |x a / b|, |x b / a|.
    a, b, x = sharedVar(3.0), sharedVar(-0.5), 1.7
    found = valueOf(a * b * x, [a, b], epsilon=1e-12)
    assert found == pytest.approx((x * 6 + x / 6) / 2, rel=1e-6)


def test_aLinearLossHasNone():
    w = sharedVar(normal(5))
    assert valueOf((w * normal(5, seed=1)).sum(), [w]) < 1e-4
    # epsilon alone: |g / (g + epsilon) - 1|, and 1 where g is exactly 0.
    assert valueOf((0 * w).sum() + w[0], [w]) == pytest.approx(0.8, rel=1e-4)


def test_whatHasNoQuotientIsRefused():
    w = sharedVar(normal(5))
    for loss, params, epsilon, kind, message in (
        (w, [w], 1e-5, TypeError, "scalar"),
        (w.sum(), [], 1e-5, ValueError, "one shared variable or more"),
        (w.sum(), [w], 0, ValueError, "epsilon must be more than 0"),
    ):
        with pytest.raises(kind, match=message):
            gradientQuotient(loss, params, epsilon)


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_itIsPyTorchs(name):
    case = TORCH[name]
    y = FC(3)(Activation(name)(FC(5)(Representation((4,)))))
    for param, value in zip(y.params, case["params"], strict=True):
        param.set_value(np.array(value, param.dtype))
    x, labels = np.array(case["x"], y.input.dtype), np.array(case["labels"], "int32")
    quotient = _Quotient(y, SoftmaxCrossEntropy(), y.params[::2], 1e-5)
    # Single precision: a gradient's smallest entries, by which is divided, have lost digits.
    tolerance = 1e-7 if y.input.dtype == "float64" else 1e-2
    found, slopes = quotient(x, labels)
    assert found == pytest.approx(case["quotient"], rel=tolerance)
    assert slopes == pytest.approx(case["slopes"], rel=tolerance)


# The steps


def drawn(batches, size, seed):
    """What metaInit draws: labels of 4 classes for normal inputs, one batch after the other."""
    generator = as_generator(seed)
    for _ in range(batches):
        x = standard_normal((size, 8), generator, theano.config.floatX)
        yield x, generator.choice(4, size).astype("int32")


def test_normsGoAgainstTheSignOfTheirSlopeWithMomentum():
    y, rate, momentum, size = deep(2, "tanh", 1.0), 0.05, 0.5, 16
    weights = y.params[::2]
    labels = T.ivector()
    # The objective's own loss, and differences in the norms in place of a third derivative.
    loss = SoftmaxCrossEntropy().expressions(y.tensor, labels)["loss"].mean()
    symbolic = gradientQuotient(loss, y.params)
    quotient = compileFunction([y.input, labels], symbolic, mode="FAST_COMPILE")
    start = [weight.get_value() for weight in weights]
    norms = np.array([np.linalg.norm(value) for value in start])
    speeds, seen = np.zeros(3), list(drawn(3, size, seed=5))

    def at(norms, batch):
        for weight, value, wanted in zip(weights, start, norms, strict=True):
            weight.set_value(value * (wanted / np.linalg.norm(value)))
        return float(quotient(*batch))

    firstNorms, before = norms, at(norms, seen[0])
    for batch in seen[1:]:
        steps = 1e-5 * np.eye(3)
        slopes = [at(norms + step, batch) - at(norms - step, batch) for step in steps]
        speeds = momentum * speeds - rate * np.sign(slopes)
        norms = norms + speeds
    after = at(norms, seen[0])
    for weight, value in zip(weights, start, strict=True):
        weight.set_value(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # whether it falls is another test
        change = metaInit(y, rate=rate, momentum=momentum, steps=2, batchSize=size, seed=5)
    assert change.table["before"].tolist() == pytest.approx([*firstNorms, before], rel=1e-5)
    assert change.table["after"].tolist() == pytest.approx([*norms, after], rel=1e-5)
    for weight, value, wanted in zip(weights, start, norms / firstNorms, strict=True):
        np.testing.assert_allclose(weight.get_value(), value * wanted, rtol=1e-5)
    assert not any(bias.get_value().any() for bias in y.params[1::2])


@pytest.mark.parametrize(("activation", "scale"), [("relu", 2.0), ("tanh", 3.0)])
def test_theQuotientOfADeepNetFallsByALot(activation, scale):
    y = deep(5, activation, scale)
    change = metaInit(y, steps=60, batchSize=32, seed=0)
    assert change.converged
    last = change[-1]
    assert last.quantity == "gradient quotient"
    assert last.after < last.before / 5
    # On other batches too, of the same norms as at the start and as learnt.
    batches = list(drawn(8, 32, seed=77))
    quotient = _Quotient(y, SoftmaxCrossEntropy(), y.params[::2], 1e-5)
    learnt = np.median([quotient(*batch)[0] for batch in batches])
    change.undo()
    assert learnt < np.median([quotient(*batch)[0] for batch in batches]) / 5


def test_itSaysSoIfTheQuotientDoesNotFall():
    y = deep(1, "tanh", 0.2)
    with warnings.catch_warnings(record=True) as given:  # Theano gives some of its own
        warnings.simplefilter("always", RuntimeWarning)
        change = metaInit(y, rate=5.0, steps=3, seed=1)
    said = [str(w.message) for w in given if w.category is RuntimeWarning]
    assert said == ["not all is as was wanted: network has not fallen in 3 steps"]
    assert not change.converged
    assert "has not fallen" in change.table["note"].iloc[-1]
    assert "weights times" not in str(change[-1])
    assert all(norm(weight) > 0 for weight in y.params[::2]), "norms stay positive"


def test_convolutionsDataAndSquaredErrorServeToo():
    # Without an activation and biases: each further operation is C code to be compiled.
    y = Convolution(2, s=3, seed=0, bias=False)(Representation((1, 4, 4)))
    y = FC(2, seed=1, bias=False)(Flatten()(y))
    x = normal(3, 1, 4, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        change = metaInit(
            y, x, objective="meanSquaredError", rate=0.01, steps=2, batchSize=5, seed=0
        )
    assert [row.layers for row in change] == [(0,), (2,), (0, 2)]
    assert all(np.isfinite(change.table["after"]))


def test_whatCannotBeLearntIsRefused():
    y = deep(1, "tanh", 1.0)
    before = held(y)
    for options, kind, message in (
        ({"objective": "softmaxCrosEntropy"}, ValueError, "Did you mean 'softmaxCrossEntropy'"),
        ({"objective": type("Own", (), {})()}, ValueError, "unknown objective"),
        ({"rate": 0}, ValueError, "rate must be more than 0"),
        ({"momentum": 1}, ValueError, "momentum must be at least 0 and below 1"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"batchSize": "8"}, TypeError, "batchSize must be a whole number"),
        ({"epsilon": -1}, ValueError, "epsilon must be more than 0"),
        ({"seed": -1}, ValueError, "seed|rng"),
    ):
        with pytest.raises(kind, match=message):
            metaInit(y, **options)
    with pytest.raises(ValueError, match="one score for each of at least 2 classes"):
        metaInit(Convolution(2)(Representation((1, 4, 4))))
    huge = deep(1, "relu", 1e200)
    with (
        pytest.raises(ValueError, match=r"must be finite.*No weight was changed"),
        np.errstate(all="ignore"),
    ):
        metaInit(huge, steps=1)
    assert held(y) == before
