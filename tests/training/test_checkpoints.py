"""Checkpoints: what comes back, what is refused, and trainings that are killed."""

import os
import shutil
import signal
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from layers import FC, CReLU, Representation
from tests.training import killed
from tests.training.nets import CLASSES, UNITS, Trainee, network
from training import DamagedError, StepDecay, fit, loadWeights, saveWeights
from training.checkpoints import FACTS, TENSORS, checkpointsIn, readCheckpoint, writeCheckpoint


@pytest.fixture(scope="module")
def made():
    return Trainee(network(dropout=True))


@pytest.fixture
def trainee(made):
    return made.begin()


def trained(trainee, folder, epochs, **others):
    options = {"batchSize": 20, "seed": 7, "checkpoint": folder, "resume": True, **others}
    return fit(*trainee.arguments, options.pop("scheduler", None), epochs=epochs, **options)


def same(arrays, others):
    return all((one == other).all() for one, other in zip(arrays, others, strict=True))


# What comes back


def test_whatResumesEndsAsWhatWasNeverStopped(trainee, tmp_path):
    whole = trained(trainee, tmp_path / "whole", 4)
    expected = trainee.weights
    trainee.begin(seed=1)  # as a new process would, with other weights and streams
    trained(trainee, tmp_path / "halves", 2)
    assert not same(trainee.weights, expected)
    trainee.begin()
    trained(trainee, tmp_path / "third", 2)
    trainee.begin(seed=2)
    halves = trained(trainee, tmp_path / "third", 4)
    assert same(trainee.weights, expected)
    assert halves.column("loss") == whole.column("loss")
    assert len(checkpointsIn(tmp_path / "third")) == 2


@pytest.mark.parametrize("at", [1, 3, 5])
def test_anInterruptedEpochIsFinished(trainee, tmp_path, at):
    expected = trained(trainee, tmp_path / "whole", 2), trainee.weights
    trainee.begin()

    def interrupt(update):
        if update == at:
            signal.raise_signal(signal.SIGINT)

    history = trained(trainee, tmp_path / "cut", 2, callbacks={"batch": interrupt})
    assert history.stopped == "interrupted"
    trainee.begin(seed=2)
    history = trained(trainee, tmp_path / "cut", 2)
    assert same(trainee.weights, expected[1])
    assert history.column("loss") == expected[0].column("loss")


def test_aSeedThatNobodyGaveIsTheCheckpoints(trainee, tmp_path):
    trained(trainee, tmp_path / "a", 1, seed=None)
    trainee.begin()
    history = trained(trainee, tmp_path / "a", 1, seed=None)
    assert len(history.rows) == 1, "the one epoch was trained already"


def test_nothingIsPickledAndOneFileHoldsTheTensors(trainee, tmp_path):
    trained(trainee, tmp_path, 1)
    (path,) = checkpointsIn(tmp_path)
    assert sorted(file.name for file in path.iterdir()) == sorted([FACTS, TENSORS])
    tensors, facts = readCheckpoint(path)
    assert {"0.weight", "optimiser.velocity.0.weight"} < set(tensors)
    assert facts["position"]["epoch"] == 1
    assert not list(tmp_path.glob(".partial*"))


def test_weightsGoThroughAFile(trainee, tmp_path):
    held, other = trainee.weights, network(dropout=True)
    saveWeights(trainee.model, tmp_path / "w.safetensors")
    other.redraw(9)
    loadWeights(other, tmp_path / "w.safetensors")
    assert same([p.get_value() for p in other.params], held)
    with pytest.raises(ValueError, match="is none"):
        loadWeights(other, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match=r"into a file\. Received: the folder"):
        saveWeights(other, tmp_path)
    with pytest.raises(ValueError, match="cannot be written"):
        saveWeights(other, tmp_path / "no" / "w.safetensors")


def test_foldersOfOtherNamesAreLeftAlone(trainee, tmp_path):
    (tmp_path / "checkpoint-of-mine").mkdir()
    trained(trainee, tmp_path, 1)
    assert [path.name for path in checkpointsIn(tmp_path)] == ["checkpoint-000001"]
    assert (tmp_path / "checkpoint-of-mine").is_dir()


# What is refused


def refused(trainee, folder, kind, message, **others):
    trainee.begin(seed=4)
    held = trainee.weights, [v.get_value() for v in trainee.optimiser.state.values()]
    with pytest.raises(kind, match=message):
        trained(trainee, folder, 3, **others)
    assert same(trainee.weights, held[0])
    assert same([v.get_value() for v in trainee.optimiser.state.values()], held[1])


@pytest.mark.parametrize("name", [FACTS, TENSORS])
@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "gone", "longer"])
def test_damagedFilesAreRefused(trainee, tmp_path, name, damage):
    trained(trainee, tmp_path, 1)
    path = checkpointsIn(tmp_path)[0] / name
    content = path.read_bytes()
    middle = content.index(b'"update": 3') + 10 if name == FACTS else len(content) - 9
    flipped = bytes([content[middle] ^ 1])
    path.write_bytes({
        "flipped": content[:middle] + flipped + content[middle + 1 :], "cut": content[:-7],
        "empty": b"", "gone": b"", "longer": content + b"x",
    }[damage])  # fmt: skip
    if damage == "gone":
        path.unlink()
    refused(trainee, tmp_path, DamagedError, "is damaged: .*Remove it, and use one before it")


def test_damagedWeightsAreRefused(trainee, tmp_path):
    path = tmp_path / "w.safetensors"
    saveWeights(trainee.model, path)
    content = path.read_bytes()
    for bad in (content[:-3], content[:-9] + b"x" + content[-8:], b"", content[:20]):
        path.write_bytes(bad)
        held = trainee.weights
        with pytest.raises(DamagedError, match="is damaged"):
            loadWeights(trainee.model, path)
        assert same(trainee.weights, held)


def test_whatIsNoFileOfWeightsIsSaid(trainee, tmp_path):
    save_file({"weight": np.ones(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(ValueError, match=r"that saveWeights wrote.*holds 1 tensors") as caught:
        loadWeights(trainee.model, tmp_path / "foreign.safetensors")
    assert not isinstance(caught.value, DamagedError)
    for call in (saveWeights, loadWeights):
        with pytest.raises(TypeError, match=r"path of a file\. Received: None"):
            call(trainee.model, None)
    with pytest.raises(TypeError, match=r"model must be a Sequential.*Received: None"):
        saveWeights(None, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_otherTensorsAreListed(trainee, tmp_path):
    trained(trainee, tmp_path, 1)
    tensors, facts = readCheckpoint(checkpointsIn(tmp_path)[-1])
    bias = tensors.pop("0.bias")
    changed = {**tensors, "9.bias": bias, "3.weight": tensors["3.weight"][:, :2]}
    writeCheckpoint(tmp_path, changed, facts)
    kind = r"\(1, 6\) float\d\d\n"
    message = rf"missing: 0\.bias {kind}extra: 9\.bias {kind}other: 3\.weight is \(12, 2\)"
    refused(trainee, tmp_path, ValueError, message)


def test_anotherArchitectureIsListed(trainee, tmp_path):
    trained(trainee, tmp_path, 1)
    saveWeights(trainee.model, tmp_path / "w.safetensors")
    other = FC(CLASSES)(CReLU()(FC(5)(Representation((UNITS,)))))
    message = r"another architecture.*\n(.*\n)*- 0 FC\(6\) of input -> \(6,\)\n"
    with pytest.raises(ValueError, match=message):
        fit(other, *trainee.arguments[1:3], type(trainee.optimiser)(0.1, momentum=0.9), epochs=3,
            batchSize=20, checkpoint=tmp_path, resume=True)  # fmt: skip
    with pytest.raises(ValueError, match=message):
        loadWeights(other, tmp_path / "w.safetensors")


def test_otherSettingsAreListed(trainee, tmp_path):
    trained(trainee, tmp_path, 1)
    refused(trainee, tmp_path, ValueError, "batchSize: 20 when it was saved, 25 now", batchSize=25)
    refused(trainee, tmp_path, ValueError, "scheduler: 'Constant", scheduler=StepDecay(1))
    refused(trainee, tmp_path, ValueError, "seed: .*'entropy': 7.*'entropy': 8", seed=8)
    refused(trainee, tmp_path, ValueError, "holds checkpoints of a run. Use resume", resume=False)


def test_aFolderThatIsAFile(trainee, tmp_path):
    (tmp_path / "file").write_text("")
    for path, message in (("file", "must be a folder. Received: the file"),
                          ("file/below", "cannot be written")):  # fmt: skip
        refused(trainee, tmp_path / path, ValueError, message)
    refused(trainee, 3, TypeError, "must be a path. Received: 3")


# Killed


def forked(work):
    """A child process, a copy of this one, that does something and ends."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return child


def killedAfter(seconds, work):
    """Do something in a child that is killed after a while; whether it was still at it."""
    child = forked(work)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killedTrainingsEndAsIfTheyHadNotBeen(tmp_path):
    trainee, folder, epochs = killed.trainee().begin(), tmp_path / "killed", 120
    expected = killed.train(trainee, tmp_path / "compiled", epochs)
    began = time.perf_counter()
    os.waitpid(forked(lambda: killed.train(trainee.begin(), tmp_path / "whole", epochs)), 0)
    whole, kills, rng = time.perf_counter() - began, 0, np.random.default_rng()
    for _ in range(60):
        moment = rng.uniform(0, 0.3) * whole
        if killedAfter(moment, lambda: killed.train(trainee.begin(), folder, epochs)):
            kills += 1
        else:  # it had ended: begin again
            shutil.rmtree(folder)
            kills = 0
        if kills >= 4 and checkpointsIn(folder):
            break
    assert len(checkpointsIn(folder)) > 0
    assert kills >= 4
    # Other weights and streams must not matter.
    assert killed.train(trainee.begin(seed=9), folder, epochs) == expected


def test_leftoversOfAKilledTrainingAreRemoved(trainee, tmp_path):
    trained(trainee, tmp_path, 1)
    partial = tmp_path / ".partial-abc"
    partial.mkdir()
    (partial / TENSORS).write_bytes(b"half a fi")
    trained(trainee.begin(), tmp_path, 2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "checkpoint-000001", "checkpoint-000002",
    ]  # fmt: skip
