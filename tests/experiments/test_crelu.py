"""crelu: looks-linear nets learn where plain ones cannot; killed runs go on; refusals."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn.datasets import load_sample_images

from experiments import cells, crelu, learningRates, trainingRows
from experiments.__main__ import main
from experiments.conducting import UsageError
from experiments.crelu import Config, prepare, run
from experiments.learningRates import RATES, rangeTest
from experiments.trainedNets import formOf
from experiments.trainees import Trainee
from experiments.trainingRows import ACCURACY, CHANCE, GROWTH, LEARNS, LOG_GROWTH, PARAMETERS

LL, PLAIN = "orthogonal+mirror/crelu", "heNormal/relu"
#: A plain net whose signal vanishes on its way, and a looks-linear one of the same size.
SMALL = Config(
    arm=(LL, "orthogonal/crelu"), depth=(20,), width=11, samples=500, batch=25, epochs=4, lr="0.03",
    replicates=2, learnt=0.5,
)  # fmt: skip
TINY = Config(arm=(PLAIN,), depth=(2,), width=8, samples=100, epochs=3, lr="0.1", replicates=2)


class Killed(BaseException):
    pass


def killAtTheSecond(epoch):
    if epoch == 2:
        raise Killed


@pytest.fixture(scope="module")
def small():
    return run(SMALL)


def row(table, arm, quantity):
    return table[(table["arm"] == arm) & (table["quantity"] == quantity)].iloc[0]


def test_theEffect(small):
    learnt, lost = (row(small.table, arm, ACCURACY)["measured"] for arm in SMALL.arm)
    # 450 test samples: a standard error of 0.02 at most for one training.
    assert learnt > 0.6
    assert lost < 0.25
    assert small.table["z"].abs().max() < 5
    assert row(small.table, LL, LEARNS)["predicted"] == 0.5
    judged = row(small.table, "orthogonal/crelu", CHANCE)
    assert judged["predicted"] == small.arrays["chance"] < 0.105
    # Nothing is asked of accuracies themselves, nor of looks-linear nets' chance.
    assert small.table.loc[small.table["quantity"] == ACCURACY, "z"].isna().all()
    assert set(small.table.loc[small.table["quantity"] == CHANCE, "arm"]) == {"orthogonal/crelu"}


def test_theGradientIsPredicted(small):
    rows = small.table[small.table["quantity"] == LOG_GROWTH]
    assert len(rows) == 2
    assert rows["z"].notna().all()
    # A third of it is lost a layer, of which there are 19.
    assert row(small.table, "orthogonal/crelu", LOG_GROWTH)["predicted"] < -17 * np.log(1.5)


def test_countsAreShownAndAgree(small):
    counts = small.table.loc[small.table["quantity"] == PARAMETERS, "measured"]
    assert counts.nunique() == 1  # of one form


def test_theFigureAndTheSummary(small):
    figure = crelu.EXPERIMENT.draw(small.table, small.arrays)
    assert isinstance(figure, Figure)
    assert [axes.get_xlabel()[:5] for axes in figure.axes] == ["depth", "epoch", "depth"]
    shown = crelu.EXPERIMENT.summary(small)
    assert shown.row_count == 2
    assert len(shown.columns) == 10


def test_boundsAreJudgedFromOneSideOnly():
    found = {"growth": np.zeros(2), "rate": np.array(0.1)}
    plan = prepare(dataclasses.replace(SMALL, arm=(LL, "orthogonal/crelu")))
    bounds = {}
    for entrant in plan.entrants:
        form = plan.forms[entrant.name, 20]
        for accuracy in (0.0, 0.1, 0.2, 0.5, 1.0):
            found["accuracy"] = np.full(2, accuracy)
            rows, _ = crelu.rowsOf(plan.config, entrant, form, plan.data, found)
            bound = rows[rows["quantity"].isin((LEARNS, CHANCE))]
            assert len(bound) == 1
            bounds[entrant.name, accuracy] = bound["z"].item()
    assert bounds[LL, 1.0] == bounds[LL, 0.5] == 0
    # (0.2 - 0.5) / sqrt(0.25 / 450)
    assert bounds[LL, 0.2] == pytest.approx(-12.7, abs=0.1)
    assert bounds["orthogonal/crelu", 0.0] == bounds["orthogonal/crelu", 0.1] == 0
    # (0.2 - 0.1022) / sqrt(0.1022 * 0.8978 / 450 + 1 / 200), and the same of 1.
    assert bounds["orthogonal/crelu", 0.2] == pytest.approx(1.36, abs=0.01)
    assert bounds["orthogonal/crelu", 1.0] == pytest.approx(12.4, abs=0.1)


def test_untrainedNetworksScatterAsIsSaid():
    rng = np.random.default_rng(0)
    data = prepare(dataclasses.replace(SMALL, data="digits")).data
    # Classes told apart and named by chance: the accuracy of 2 such networks, 2000 times.
    named = [rng.permutation(10)[data.yTest] == data.yTest for _ in range(4000)]
    means = np.mean(named, axis=1).reshape(2000, 2).mean(axis=1)
    error = trainingRows._errorOfChance(data, 2)
    # A standard deviation from 2000 numbers, 2 % off; that of the test set is in it besides.
    assert means.std() == pytest.approx(error, rel=0.1)
    assert math.sqrt(0.1022 * 0.8978 / 450) < means.std() / 4


def test_residualNetsArePredictedInTheMean():
    result = run(dataclasses.replace(TINY, arm=("residual",), depth=(4,)))
    growth = row(result.table, "residual", GROWTH)
    assert growth["predicted"] > 0
    assert abs(growth["z"]) < 5


def test_convolutionsAreTrainedAndHaveNoPrediction():
    result = run(dataclasses.replace(TINY, arm=(LL,), network="conv", depth=(4,), epochs=1))
    assert np.isnan(row(result.table, LL, LOG_GROWTH)["predicted"])
    assert np.isfinite(row(result.table, LL, LOG_GROWTH)["measured"])
    assert "strided convolutions" in result.reasons[LL]


def photographs(path, count=40):
    """Colour patches of 32 x 32, and which of two photographs each was cut from."""
    pages = load_sample_images().images
    corners = np.random.default_rng(0).integers(0, 390, (count, 2))
    y = np.arange(count) % 2
    x = [pages[n][r : r + 32, c : c + 32] for n, (r, c) in zip(y, corners, strict=True)]
    np.savez(path, x=np.stack(x).transpose(0, 3, 1, 2), y=y)
    return str(path)


def test_theReleasesNetworkIsTrainedOnColourImagesAndResumed(tmp_path, monkeypatch):
    """One layer a section instead of 49."""
    data = photographs(tmp_path / "patches.npz")
    config = Config(
        arm=(LL,), network="release", depth=(6,), data=data, lr="0.001",
        epochs=2, batch=16, replicates=1,
    )  # fmt: skip
    whole = run(config)
    assert whole.arrays[f"{LL}:6:losses"].shape == (1, 2)
    fit = cells.fit
    config = dataclasses.replace(config, resume=tmp_path / "state")
    monkeypatch.setattr(cells, "fit", lambda *a, **k: fit(*a, callbacks=killAtTheSecond, **k))
    with pytest.raises(Killed):
        run(config)
    monkeypatch.setattr(cells, "fit", fit)
    pd.testing.assert_frame_equal(run(config).table, whole.table, check_exact=True)


# The range test


def test_theRangeTestTellsRatesThatDivergeFromOthers():
    plan = prepare(dataclasses.replace(TINY, arm=(LL,), depth=(8,)))
    (entrant,) = plan.entrants
    trainee = Trainee(plan.forms[LL, 8], entrant, "sgd")
    rates = (1e6, 0.1, 1e-6)
    losses = rangeTest(trainee, entrant, rates, plan.data, 20, 3)
    assert losses[0] == np.inf
    assert losses[1] < losses[2]
    assert learningRates.bestRate(rates, losses) == 0.1
    again = rangeTest(trainee, entrant, rates[1:], plan.data, 20, 3)
    np.testing.assert_array_equal(again, losses[1:])  # each begins from the same weights


def test_auto(monkeypatch):
    result = run(dataclasses.replace(TINY, lr="auto", epochs=1))
    losses, rates = (result.arrays[f"{PLAIN}:2:{key}"] for key in ("rangeLosses", "rates"))
    assert tuple(rates) == RATES["sgd"]
    assert result.arrays[f"{PLAIN}:2:rate"] == rates[losses.argmin()]
    assert len({len(rates) for rates in RATES.values()}) == 1  # the same budget


# Killed, and resumed


def test_aRunThatWasKilledGoesOnAndEndsAsIfItHadNotBeen(tmp_path, monkeypatch):
    config = dataclasses.replace(TINY, lr="auto")
    whole = run(config)
    config = dataclasses.replace(config, resume=tmp_path / "state")
    trained, fit = [], cells.fit

    def count(epoch):
        trained.append(epoch)

    def kill(epoch):
        count(epoch)
        if len(trained) == 5:  # in the middle of the second training
            raise Killed

    monkeypatch.setattr(cells, "fit", lambda *a, **k: fit(*a, callbacks=kill, **k))
    with pytest.raises(Killed):
        run(config)
    left = sorted(path.name.rpartition("-")[0] for path in config.resume.iterdir())
    assert left == [f"heNormal-relu-2-{part}" for part in ("0", "1", "rates")]
    monkeypatch.setattr(cells, "fit", lambda *a, **k: fit(*a, callbacks=count, **k))
    tested = []
    monkeypatch.setattr(crelu, "rangeTest", lambda *a: tested.append(a))
    resumed = run(config)
    # Epochs 1, 2, 3 of one training, 1 and 2 of the other; then 3, saved after 1 at least.
    assert len(trained) - 5 <= 2
    assert not tested
    pd.testing.assert_frame_equal(resumed.table, whole.table, check_exact=True)
    for name, array in whole.arrays.items():
        np.testing.assert_array_equal(resumed.arrays[name], array)
    run(config)
    assert len(trained) - 5 <= 2  # nothing is trained twice


def test_otherSettingsAreOtherCells(tmp_path):
    config = dataclasses.replace(TINY, resume=tmp_path, epochs=1)
    run(config)
    run(dataclasses.replace(config, lr="0.2"))
    run(dataclasses.replace(config, replicates=3))
    assert len(list(tmp_path.iterdir())) == 5


def test_aResultThatCannotBeReadIsTold(tmp_path):
    config = dataclasses.replace(TINY, resume=tmp_path, epochs=1)
    run(config)
    next(iter(tmp_path.glob("*/result.json"))).write_text('{"settings": 1', encoding="utf-8")
    with pytest.raises(UsageError, match=r"result\.json' cannot be read .* Remove its folder"):
        run(config)


def test_aDamagedCheckpointIsTold(tmp_path, monkeypatch):
    fit = cells.fit
    config = dataclasses.replace(TINY, resume=tmp_path)
    monkeypatch.setattr(cells, "fit", lambda *a, **k: fit(*a, callbacks=killAtTheSecond, **k))
    with pytest.raises(Killed):
        run(config)
    monkeypatch.setattr(cells, "fit", fit)
    for path in tmp_path.glob("*/checkpoints/*/tensors.safetensors"):
        path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UsageError, match=r"is damaged: .* Remove it"):
        run(config)


def test_aTrainingThatDivergesIsToldAndEvaluated():
    result = run(dataclasses.replace(TINY, arm=(LL,), depth=(8,), lr="1e6", epochs=2))
    assert result.arrays[f"{LL}:8:diverged"].all()
    assert np.isnan(result.arrays[f"{LL}:8:losses"]).all()
    assert 0 <= row(result.table, LL, ACCURACY)["measured"] <= 1
    crelu.EXPERIMENT.summary(result)
    crelu.EXPERIMENT.draw(result.table, result.arrays)


# What is refused


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1. Received: 0"),
        ({"batch": 0}, "batch must be at least 1. Received: 0"),
        ({"batch": 101}, "batch must be at most 100, the samples for training. Received: 101"),
        ({"samples": 0}, "samples must be at least 1. Received: 0"),
        ({"samples": 10**6}, "samples must be at most 1347"),
        ({"lr": "-0.1"}, "lr must be 'auto' or a number above 0. Received: '-0.1'"),
        ({"lr": "nan"}, "lr must be 'auto' or a number above 0. Received: 'nan'"),
        ({"lr": "fast"}, "lr must be 'auto' or a number above 0. Received: 'fast'"),
        ({"learnt": 1.5}, "learnt must be between 0 and 1. Received: 1.5"),
        ({"depth": ()}, "depth must be one number or more. Received: none"),
        ({"depth": (1,)}, "depth must be at least 2. Received: 1"),
        ({"depth": (4, 4)}, "each depth must stand once. Received twice: 4"),
        ({"arm": (PLAIN, PLAIN)}, "each arm must stand once. Received twice: 'heNormal/relu'"),
        ({"arm": ("heNormal",)}, "arm must be INIT"),
        ({"arm": ("residul",)}, "arm must be INIT"),
        ({"arm": ("residual:heNorml/relu",)}, "Did you mean 'heNormal'"),
        ({"network": "cnn"}, "unknown network 'cnn'"),
        ({"optimiser": "adm"}, "unknown optimiser 'adm'. Did you mean 'adam'"),
        ({"data": "mnist"}, "unknown data 'mnist'"),
        ({"data": "cifar10:/nowhere"}, "Download the binary version"),
        ({"resume": __file__}, "resume must be a folder. Received: the file"),
    ],
    ids=str,
)
def test_badInput(changed, message):
    with pytest.raises(ValueError, match=message):
        prepare(dataclasses.replace(TINY, **changed))


def test_aRateMayBeANumberToo():
    assert prepare(dataclasses.replace(TINY, lr=0.25)).rate == 0.25


def test_theCommandLine(tmp_path, capsys):
    words = "crelu --arm heNormal/relu --depth 2 --width 8 --samples 100 --epochs 1 --lr 0.1"
    options = ["--seeds", "2", "--resume", str(tmp_path / "state"), "--output", str(tmp_path / "o")]
    assert main([*words.split(), *options]) == 0
    assert "learning" not in capsys.readouterr().err
    config = json.loads((tmp_path / "o" / "config.json").read_text())
    assert config["replicates"] == 2
    assert (tmp_path / "o" / "figure.png").exists()
    assert main([*words.split(), "--lr", "0"]) == 2
    assert "lr must be" in capsys.readouterr().err


def test_anInterruptIsPassedOnAndSaysWhatIsKept(monkeypatch, tmp_path):
    def interrupted(*others, **options):
        history = fit(*others, **options)
        history.stopped = "interrupted"
        return history

    fit = cells.fit
    monkeypatch.setattr(cells, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        run(dataclasses.replace(TINY, epochs=1))
    with pytest.raises(KeyboardInterrupt, match=r"what was finished is in .* The same command"):
        run(dataclasses.replace(TINY, epochs=1, resume=tmp_path))


def test_formsAreSharedByArmsOfOneActivation():
    plan = prepare(dataclasses.replace(TINY, arm=(LL, "orthogonal/crelu", PLAIN), depth=(2, 5)))
    assert len(set(plan.forms.values())) == 4
    assert plan.forms[LL, 5] == plan.forms["orthogonal/crelu", 5]
    assert plan.forms[LL, 5] == formOf(plan.entrants[0], "dense", 5, 8, (64,), 10)
