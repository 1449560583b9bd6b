"""Labelled data: parted class by class, standardised by what is trained on; the rest is refused."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from experiments import labelledData
from experiments.labelledData import loadLabelled


def save(folder, **arrays):
    path = folder / "data.npz"
    np.savez(path, **arrays)
    return str(path)


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def labels(count, classes=3):
    return np.arange(count) % classes


def test_digitsArePartedClassByClass():
    data = loadLabelled("digits", 0)
    whole = np.bincount(load_digits().target)
    assert (np.bincount(data.y) + np.bincount(data.yTest) == whole).all()
    assert abs(np.bincount(data.yTest) - whole / 4).max() <= 0.5
    assert data.chance == np.bincount(data.yTest).max() / len(data.yTest) < 0.105
    seen = {image.tobytes() for image in data.x} | {image.tobytes() for image in data.xTest}
    # No sample in both parts: the digits have no duplicates.
    assert len(seen) == len(data.x) + len(data.xTest) == 1797


def test_standardisedByTheSamplesForTraining(tmp_path):
    x = 3 + 2 * normal(80, 5)
    data = loadLabelled(save(tmp_path, x=x, y=labels(80)), 0)
    assert data.x.dtype == data.xTest.dtype == np.float32
    # Rounding of single precision, of 300 numbers of order 1.
    assert abs(data.x.mean()) < 1e-6
    assert abs(data.x.std() - 1) < 1e-6
    whole = np.concatenate([data.x, data.xTest]).astype(float)
    slope = (x.max() - x.min()) / (whole.max() - whole.min())
    rows = whole[np.lexsort(whole.T)] * slope
    np.testing.assert_allclose(np.ptp(x, axis=0), np.ptp(rows, axis=0), rtol=1e-5)


def test_theLabelsStayWithTheirSamples(tmp_path):
    y = labels(80)
    data = loadLabelled(save(tmp_path, x=y[:, None] + np.zeros((80, 4)), y=y), 3)
    for x, y in ((data.x, data.y), (data.xTest, data.yTest)):
        assert all(len(np.unique(x[y == label])) == 1 for label in range(3))
    assert (np.bincount(data.yTest) == [7, 7, 6]).all()  # a quarter of 27, 27 and 26


def test_theSeedChoosesTheSamples(tmp_path):
    one, again, other = (loadLabelled("digits", seed, samples=100) for seed in (0, 0, 1))
    assert len(one.x) == len(one.y) == 100
    assert one.digest() == again.digest() != other.digest()
    assert one.digest() != loadLabelled("digits", 0, samples=99).digest()


def test_partsOfTheUsersOwn(tmp_path):
    parts = {"xTrain": normal(9, 4, 4), "yTrain": labels(9), "xTest": normal(4, 4, 4)}
    data = loadLabelled(save(tmp_path, **parts, yTest=labels(4), x=normal(3, 3)), 0)
    assert data.x.shape == (9, 1, 4, 4)
    assert data.xTest.shape == (4, 1, 4, 4)
    np.testing.assert_array_equal(data.y, labels(9))
    assert data.classes == 3


def test_cifarIsReadFromItsFolder(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 3, 32, 32), np.uint8)
    held = {"xTrain": pixels, "yTrain": labels(12).astype(np.uint8)}
    held |= {"xTest": pixels[:3], "yTest": labels(3).astype(np.uint8)}
    asked = []
    monkeypatch.setattr(labelledData, "readCifar", lambda place: asked.append(place) or held)
    data = loadLabelled(f"cifar10:{tmp_path}", 0)
    assert asked == [tmp_path]
    assert abs(data.x.mean()) < 1e-6
    assert abs(data.x.std() - 1) < 1e-6
    np.testing.assert_array_equal(data.x[:3], data.xTest)


GOOD = {"x": normal(12, 4), "y": labels(12)}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": labels(12) - 1}, r"y in .* must be labels from 0 to 9999\. Received: -1 to 1"),
        ({"y": labels(12) + 10**6}, r"from 0 to 9999\. Received: 1000000"),
        ({"y": labels(11)}, r"a label for each of 12 samples, .* Received: shape \(11,\)"),
        ({"y": np.eye(12, 3, dtype=int)}, r"of shape \(12,\)\. Received: shape \(12, 3\)"),
        ({"y": labels(12) + 0.5}, r"must be whole numbers\. Received: float64"),
        ({"y": np.array(["a"] * 12)}, r"must be whole numbers\. Received: <U1"),
        ({"y": np.zeros(12, int)}, r"of at least two classes\. Received: 0 for all 12"),
        ({"y": np.arange(12)}, r"must have a class of at least two samples"),
        ({"x": np.full((12, 4), np.nan)}, r"x in .* must be finite\. Received: 48 NaN"),
        ({"x": normal(12)}, r"Received: shape \(12,\)"),
        ({"x": normal(12, 4) + 1j}, r"must be real numbers"),
        ({"x": np.ones((12, 4))}, r"standard deviation that is positive .* Received: 0"),
        ({"x": 1e200 * normal(12, 4)}, r"standard deviation .* Received: inf"),
        ({"y": None}, r"'xTrain', 'yTrain', 'xTest', 'yTest', or 'x', 'y'\. Received: \['x'\]"),
        (
            {
                "xTrain": normal(6, 4),
                "yTrain": labels(6),
                "xTest": normal(6, 5),
                "yTest": labels(6),
            },
            r"samples of one shape\. Received: \(4,\) and \(5,\)",
        ),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)
def test_arraysThatCannotBeLearnt(tmp_path, arrays, message):
    held = {name: array for name, array in {**GOOD, **arrays}.items() if array is not None}
    with pytest.raises(ValueError, match=message):
        loadLabelled(save(tmp_path, **held), 0)


def test_unknownNamesAndTooManySamples(tmp_path):
    with pytest.raises(ValueError, match=r"data 'digts'\. Did you mean 'digits'.*cifar10:DIR"):
        loadLabelled("digts", 0)
    with pytest.raises(ValueError, match=r"samples must be at most 1347, .* Received: 1348"):
        loadLabelled("digits", 0, samples=1348)
    with pytest.raises(ValueError, match="samples must be at least 1"):
        loadLabelled("digits", 0, samples=0)
    with pytest.raises(ValueError, match=r"'nowhere\.npz' is not there"):
        loadLabelled("nowhere.npz", 0)
    with pytest.raises(ValueError, match=r"'nowhere' holds neither .* Download"):
        loadLabelled("cifar10:nowhere", 0)
