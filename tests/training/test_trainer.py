"""fit, evaluate and predict: batches, order, figures, callbacks, losses that are not finite."""

import io
import signal
import time

import numpy as np
import pytest
from rich.console import Console

from utilityFunctions import floatX, theano
from layers import FC, Activation, BatchNormalisation, Representation, Sequential
from tests.training.nets import CLASSES, UNITS, Trainee, data
from training import (
    L1,
    L2,
    SGD,
    Adam,
    MeanSquaredError,
    NonFiniteError,
    Objective,
    Plateau,
    StepDecay,
    evaluate,
    fit,
    predict,
)
from training.batches import ArrayBatches
from training.display import Display


@pytest.fixture(scope="module")
def made():
    return Trainee()


@pytest.fixture
def trainee(made):
    return made.begin()


def softmax(scores):
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def slowSteps(weights, batches, rate=0.1, momentum=0.9):
    """The slow second implementation: the network of `nets`, its gradient and SGD in NumPy."""
    weights = [w.astype("float64") for w in weights]
    speeds, losses = [np.zeros_like(w) for w in weights], []
    for x, y in batches:
        w1, b1, w2, b2 = weights
        pre = x @ w1 + b1
        hidden = np.concatenate([np.maximum(pre, 0), np.maximum(-pre, 0)], axis=1)
        shares = softmax(hidden @ w2 + b2)
        losses.append(-np.log(shares[np.arange(len(y)), y]).mean())
        back = (shares - np.eye(CLASSES)[y]) / len(y)
        behind = back @ w2.T
        n = pre.shape[1]
        toPre = behind[:, :n] * (pre > 0) - behind[:, n:] * (pre < 0)
        slopes = [x.T @ toPre, toPre.sum(0, keepdims=True), hidden.T @ back, back.sum(0)[None]]
        speeds = [momentum * v + g for v, g in zip(speeds, slopes, strict=True)]
        weights = [w - rate * v for w, v in zip(weights, speeds, strict=True)]
    return weights, losses


# What is computed


def test_trainingIsWhatTheSlowImplementationDoes(trainee):
    x, y = data()
    expected, losses = slowSteps(trainee.weights, 2 * [(x[i : i + 16], y[i : i + 16])
                                                       for i in range(0, 50, 16)])  # fmt: skip
    history = fit(*trainee.arguments, epochs=2, batchSize=16, shuffle=False)
    for found, wanted in zip(trainee.weights, expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5 if floatX() == "float32" else 1e-12)
    # The last batch has 2 samples of 50, and counts as much as that.
    assert history.rows[0]["loss"] == pytest.approx(np.average(losses[:4], weights=[16, 16, 16, 2]))
    assert history.column("epoch") == [1, 2]
    assert history.stopped is None


def test_theFiguresAreThoseOfTheData(trainee):
    x, y = data()
    scores = predict(trainee.model, x, batchSize=7)
    figures = evaluate(trainee.model, (x, y), trainee.objective, batchSize=7)
    assert figures["accuracy"] == (scores.argmax(axis=1) == y).mean()
    assert figures["loss"] == pytest.approx(-np.log(softmax(scores)[np.arange(50), y]).mean())
    assert evaluate(trainee.model, (x, y), "softmaxCrossEntropy") == pytest.approx(figures)


def test_itLearns(trainee):
    history = fit(*trainee.arguments, epochs=20, batchSize=10, seed=1, validation=data(200, 1))
    # The corners are 2 sqrt(2) apart and the noise is 0.5: errors beyond 2.8 standard deviations.
    assert history.rows[-1]["validationAccuracy"] > 0.95
    assert history.rows[-1]["validationLoss"] < history.rows[0]["validationLoss"]


def test_arraysAndIterablesAreTheSame(trainee):
    x, y = data()
    batches = [(x[i : i + 20], y[i : i + 20]) for i in range(0, 50, 20)]
    ends = []
    for given in ((x, y), batches, lambda epoch: iter(batches)):
        trainee.begin()
        fit(trainee.model, given, trainee.objective, trainee.optimiser, epochs=2, batchSize=20,
            shuffle=False)  # fmt: skip
        ends.append(np.concatenate([w.ravel() for w in trainee.weights]))
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[0], ends[2])


def test_anIteratorServesForOneEpochWithItsFirstBatch(trainee):
    x, y = data()
    seen = []
    fit(trainee.model, ((x[i : i + 20], y[i : i + 20]) for i in range(0, 50, 20)),
        trainee.objective, trainee.optimiser,
        callbacks={"batch": lambda batch: seen.append(batch)})  # fmt: skip
    assert seen == [1, 2, 3]


def test_eachEpochHasItsOwnOrderAndEachSampleOnce():
    x = np.arange(10.0)[:, None]
    batches = ArrayBatches(x, np.arange(10), 4, np.random.SeedSequence(3))
    orders = [np.concatenate([y.copy() for _, y in batches.epoch(e)]).tolist() for e in range(3)]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert len(set(map(tuple, orders))) == 3
    assert orders[1] == np.concatenate([y.copy() for _, y in batches.epoch(1)]).tolist()
    assert [len(y) for _, y in batches.epoch(0)] == [4, 4, 2]
    assert [y.tolist() for _, y in batches.epoch(1, start=2)] == [orders[1][8:]]


def test_seedsDecideTheOrder(trainee):
    ends = []
    for seed in (1, 1, 2):
        trainee.begin()
        fit(*trainee.arguments, batchSize=10, seed=seed)
        ends.append(trainee.weights[0])
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).any()


def test_schedulersSetTheRate(trainee):
    rates = fit(*trainee.arguments, StepDecay(1, 0.5), 3, batchSize=50).column("rate")
    assert rates == pytest.approx([0.1, 0.05, 0.025])
    plateau = Plateau(0.1, patience=0, threshold=10.0)  # no fall is large enough
    rates = fit(*trainee.arguments, plateau, 3, batchSize=50).column("rate")
    assert rates == pytest.approx([0.1, 0.1, 0.01])


def test_regularisationIsAddedToTheLoss():
    y = FC(1, initialisation="zeros")(Representation((2,)))
    y.params[0].set_value(np.array([[3.0], [-2.0]], floatX()))
    x = np.zeros((4, 2))
    history = fit(y, (x, x[:, :1]), MeanSquaredError(), SGD(0.1), batchSize=4,
                  regularisation=[L2(0.5), L1(2.0)])  # fmt: skip
    # The data ask for nothing; L2 pulls by 2 * 0.5 * w, L1 by 2 * sign(w).
    np.testing.assert_allclose(y.params[0].get_value(), [[3 - 0.3 - 0.2], [-2 + 0.2 + 0.2]], 1e-6)
    assert history.rows[0]["penalty"] == pytest.approx(0.5 * 13 + 2 * 5)
    assert history.rows[0]["loss"] == 0


def test_statisticsMoveInTrainingAndServeAfterwards():
    y = BatchNormalisation()(FC(3)(Representation((UNITS,))))
    y.redraw(0)
    before = [statistic.get_value() for statistic in y.statistics]
    fit(y, data(), "softmaxCrossEntropy", SGD(0.1), epochs=2, seed=0, batchSize=50)
    assert all((s.get_value() != b).any() for s, b in zip(y.statistics, before, strict=True))
    x = data()[0]
    # By running statistics each sample is by itself.
    np.testing.assert_allclose(predict(y, x)[:1], predict(y, x[:1]), rtol=1e-5)


def test_floatsStaySingle():
    with theano.config.change_flags(floatX="float32", warn_float64="raise"):
        trainee = Trainee(optimiser=Adam(0.01, clipNorm=1.0)).begin()
        model, (x, y), objective, optimiser = trainee.arguments
        fit(model, (x.astype("float64"), y), objective, optimiser, batchSize=25,
            regularisation=L2(1e-3), validation=(x, y))  # fmt: skip
        assert {w.dtype for w in trainee.weights} == {np.dtype("float32")}
        assert predict(model, x).dtype == "float32"


def test_aSecondFitGoesOnWithoutCompiling(trainee):
    fit(*trainee.arguments, epochs=2, batchSize=50, shuffle=False)
    twice = trainee.weights
    trainee.begin()
    for _ in range(2):
        fit(*trainee.arguments, batchSize=50, shuffle=False)
    np.testing.assert_array_equal(trainee.weights[0], twice[0])


def test_anObjectiveOfOnesOwn(trainee):
    class Absolute(Objective):
        def expressions(self, output, targets):
            return {"loss": abs(output - targets).mean(axis=1)}

    x, _ = data()
    figures = evaluate(trainee.model, (x, predict(trainee.model, x) + 2), Absolute())
    assert figures["loss"] == pytest.approx(2, rel=1e-5)


# Callbacks


def test_callbacksAreGivenWhatTheyAskFor(trainee):
    told = []
    fit(*trainee.arguments, epochs=2, batchSize=25, seed=0, callbacks={
        "start": lambda loss: told.append(("start", loss)),
        "batch": lambda epoch, batch, update: told.append((epoch, batch, update)),
        "epoch": [lambda epoch, row, history: told.append((epoch, row is history.rows[-1]))],
        "end": lambda **everything: told.append(sorted(everything)),
    })  # fmt: skip
    assert told[:-1] == [
        ("start", None), (0, 1, 1), (0, 2, 2), (1, True), (1, 1, 3), (1, 2, 4), (2, True),
    ]  # fmt: skip
    assert told[-1] == [
        "batch", "epoch", "history", "loss", "model", "optimiser", "row", "stop", "update",
    ]  # fmt: skip


def test_aCallbackMayStop(trainee):
    def enough(epoch, stop, patience=3):
        if epoch == 2:
            stop("good enough")

    history = fit(*trainee.arguments, epochs=9, batchSize=50, callbacks=enough)
    assert (len(history.rows), history.stopped) == (2, "good enough")


# Interruption and display


def test_controlCFinishesTheBatch(trainee):
    def interrupt(update):
        if update == 2:
            signal.raise_signal(signal.SIGINT)

    history = fit(*trainee.arguments, epochs=2, batchSize=10, shuffle=False,
                  callbacks={"batch": interrupt})  # fmt: skip
    assert (history.stopped, history.rows) == ("interrupted", [])
    trainee, two = trainee, trainee.weights
    trainee.begin()
    x, y = data()
    fit(trainee.model, (x[:20], y[:20]), trainee.objective, trainee.optimiser, batchSize=10,
        shuffle=False)  # fmt: skip
    np.testing.assert_array_equal(trainee.weights[0], two[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_aSecondControlCInterruptsAtOnce(trainee):
    def interrupt():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(*trainee.arguments, batchSize=10, callbacks={"batch": interrupt})
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_nothingIsShownWhereNobodyLooks(trainee, capsys):
    fit(*trainee.arguments, batchSize=50)
    assert capsys.readouterr() == ("", "")


def test_theDisplayShowsTheFigures(monkeypatch):
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, width=120)
    clock = iter(np.arange(0.0, 100, 2))
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    with Display(None, 2, "images", console) as display:
        display.advance(0, 1, 4, 64, {"loss": 0.12345, "accuracy": 0.5})
    last = drawn.getvalue()
    # 64 images in 2 seconds; 7 batches of 2 seconds are left. At the end one clock tick later.
    for figure in ("epoch 1/2", "loss 0.1235", "accuracy 0.5", "32 images/s", "0:14 left", "1/4"):
        assert figure in last


# Losses that are not finite


def test_theLayerIsNamedAndTheWeightsAreKept():
    layers = [FC(6, seed=0), Activation(lambda x: x**9), FC(CLASSES, seed=1)]
    y = Representation((UNITS,))
    for layer in layers:
        y = layer(y)
    x, labels = data()
    begun = [p.get_value() for p in y.params]
    with pytest.raises(NonFiniteError, match=r"layer 1, Activation\(<lambda>\)") as error:
        fit(y, (x * 1e36 if floatX() == "float32" else x * 1e300, labels),
            "softmaxCrossEntropy", SGD(1.0), batchSize=50)  # fmt: skip
    assert error.value.layer == 1
    for param, value in zip(y.params, begun, strict=True):
        np.testing.assert_array_equal(param.get_value(), value)


def test_weightsOfTheLastFiniteLossAreKept(trainee):
    model, (x, y), objective, _ = trainee.arguments

    def breakWeights(update):
        if update == 18:
            model.params[2].set_value(model.params[2].get_value() * np.nan)

    seen = {}
    record = {"batch": [lambda update: seen.update({update: trainee.weights}), breakWeights]}
    message = r"epoch 4, batch 4\..*the weight of layer 2, FC\(3.*after update 16 of 18"
    with pytest.raises(NonFiniteError, match=message) as error:
        fit(*trainee.arguments, epochs=9, batchSize=10, seed=0, callbacks=record)
    assert error.value.layer == 2
    assert len(error.value.history.rows) == 3
    for found, wanted in zip(trainee.weights, seen[16], strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert np.isfinite(evaluate(model, (x, y), objective)["loss"])


def test_weightsThatTheLastUpdateSpoiledAreNotReturned(trainee):
    def spoil(batch):
        if batch == 5:
            trainee.model.params[0].set_value(trainee.model.params[0].get_value() * np.inf)

    with pytest.raises(NonFiniteError, match=r"last update made '0\.weight' not finite"):
        fit(*trainee.arguments, batchSize=10, callbacks={"batch": spoil})
    assert np.isfinite(trainee.weights[0]).all()


def test_aNormThatOverflowsIsNotTakenForZero():
    y = FC(1, initialisation="zeros")(Representation((1,)))
    large = 1e30 if floatX() == "float32" else 1e200
    with pytest.raises(NonFiniteError, match="finite itself"):
        fit(y, (np.full((2, 1), large), np.full((2, 1), 1e-3)), MeanSquaredError(),
            SGD(0.1, clipNorm=1.0), batchSize=2)  # fmt: skip
    assert not y.params[0].get_value().any()


# Bad input


X, Y = data()
BAD = [
    ({"data": (X, np.where(Y == 2, 3, Y))}, ValueError, r"labels from 0 to 2.*Received: y of data"),
    ({"data": (X, Y - 1)}, ValueError, r"labels from 0 to 2.*= -1"),
    ({"data": (X, Y.astype(float))}, TypeError, r"whole numbers.*float64.*astype\(int\)"),
    ({"data": (X, np.eye(3, dtype=int)[Y])}, ValueError, r"argmax\(axis=1\)"),
    ({"data": (X[:, :, None], Y)}, ValueError, r"must be \(samples, 4\).*\(50, 4, 1\)"),
    ({"data": (X[:, :3], Y)}, ValueError, r"must be \(samples, 4\).*\(50, 3\)"),
    ({"data": (np.where(X > 2, np.nan, X), Y)}, ValueError, "x of data must be finite"),
    ({"data": (X[:40], Y)}, ValueError, "as many samples. Received: 40 and 50"),
    ({"data": (X[:0], Y[:0])}, ValueError, "at least one sample"),
    ({"data": X}, TypeError, "must be a tuple of two arrays.*Received: ndarray"),
    ({"data": [X, Y]}, TypeError, "Received: ndarray as batch 0"),
    ({"data": []}, ValueError, "at least one batch"),
    ({"data": 3}, TypeError, "Received: int"),
    ({"data": zip([X], [Y], strict=True), "epochs": 2}, ValueError, "2 passes.*Received: zip"),
    ({"data": [(X, Y), (X[:, :2], Y)][1:]}, ValueError, "x of batch 0 of data must be"),
    (
        {"data": [(np.where(X > 2, np.nan, X), Y)]},
        ValueError,
        "x of batch 0 of data must be fin",
    ),
    ({"validation": [(X * np.inf, Y)]}, ValueError, "x of batch 0 of validation must be finite"),
    ({"validation": (X[:9], Y)}, ValueError, "x and y of validation.*9 and 50"),
    ({"batchSize": 51}, ValueError, "batchSize must not be larger.*51 from 50 samples"),
    ({"batchSize": 0}, ValueError, "batchSize must be at least 1"),
    ({"epochs": 0}, ValueError, "epochs must be at least 1. Received: 0"),
    ({"epochs": 1.5}, TypeError, "epochs must be a whole number"),
    ({"objective": "crossEntropy"}, ValueError, "unknown objective.*softmaxCrossEntropy"),
    ({"objective": MeanSquaredError()}, ValueError, r"y of data must be \(samples, 3\)"),
    ({"optimiser": 0.1}, TypeError, "optimiser must be an Optimiser. Received: 0.1"),
    ({"scheduler": 0.1}, TypeError, "scheduler must be a Scheduler. Received: 0.1"),
    ({"regularisation": 0.1}, TypeError, "regularisation must be a Regularisation"),
    ({"callbacks": lambda los: 0}, TypeError, "unknown argument 'los'. Did you mean 'loss'"),
    ({"callbacks": "print"}, TypeError, "a callback must be a function"),
    ({"callbacks": {"epochs": print}}, ValueError, "unknown moment.*Did you mean 'epoch'"),
    ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
    ({"progress": "yes"}, TypeError, "progress must be True or False"),
    ({"seed": -1}, ValueError, "seed must not be negative"),
    ({"resume": True}, ValueError, "resume=True needs the folder"),
    ({"saveEvery": 0}, ValueError, "saveEvery must be at least 1"),
    ({"model": "net"}, TypeError, "model must be a Sequential"),
    ({"model": Sequential([FC(3)])}, ValueError, "no input shape yet"),
    ({"model": Representation((3,)), "data": (X[:, :3], Y)}, ValueError, "network without weights"),
]


@pytest.mark.parametrize(("change", "kind", "message"), BAD)
def test_badInputIsRefusedBeforeTraining(trainee, tmp_path, change, kind, message):
    model, given, objective, _ = trainee.arguments
    named = {"model": model, "data": given, "objective": objective, "optimiser": SGD(0.1),
             "batchSize": 50}  # fmt: skip
    begun, saving = trainee.weights, {} if "resume" in change else {"checkpoint": tmp_path / "new"}
    with pytest.raises(kind, match=message):
        fit(**{**named, **saving, **change})
    assert not (tmp_path / "new").exists()
    np.testing.assert_array_equal(trainee.weights[0], begun[0])


def test_anOptimiserServesOneNetwork(trainee, tmp_path):
    other = FC(3)(Representation((UNITS,)))
    with pytest.raises(ValueError, match="belongs to the network it was used on"):
        fit(other, data(), "softmaxCrossEntropy", trainee.optimiser, batchSize=50,
            checkpoint=tmp_path / "new")  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_aLaterBatchIsCheckedWhenItComes(trainee):
    with pytest.raises(ValueError, match="y of batch 1 of data must be labels from 0 to 2"):
        fit(trainee.model, [(X, Y), (X, Y + 1)], trainee.objective, trainee.optimiser)


def test_anEpochWithoutBatchesIsNoEpoch(trainee):
    with pytest.raises(ValueError, match=r"at least one batch\. Received: none"):
        fit(trainee.model, lambda epoch: [(X, Y)][epoch:], trainee.objective, trainee.optimiser,
            epochs=2)  # fmt: skip


def test_crossEntropyNeedsScoresOfClasses():
    for y in (FC(1)(Representation((UNITS,))), Representation((2, 3, 3))):
        with pytest.raises(ValueError, match="one score for each of at least 2 classes"):
            fit(y, (np.ones((2, *y.steps[0].shape)), np.zeros(2, int)), "softmaxCrossEntropy",
                SGD(0.1), batchSize=2)  # fmt: skip
