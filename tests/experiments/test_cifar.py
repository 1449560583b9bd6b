"""CIFAR-10: files of the published form are read, all others are refused with the remedy.

The data set itself cannot be had here; files of its form are made, of fewer images.
"""

import io
import tarfile

import numpy as np
import pytest

from experiments import cifar
from experiments.cifar import readCifar

NAMES = (*cifar.TRAINING, *cifar.TEST)
FEW = 20


@pytest.fixture
def fewImages(monkeypatch):
    monkeypatch.setattr(cifar, "IMAGES", FEW)


def content(number):
    """A file of 20 images, two of each class, in which each pixel says where it is."""
    labels = np.random.default_rng(number).permutation(np.repeat(np.arange(10), 2))
    pixels = (np.arange(FEW * 3072) + number).reshape(FEW, 3072) % 251
    return np.column_stack([labels, pixels]).astype(np.uint8).tobytes()


def written(folder, **others):
    """All six files, some of them another way: bytes, or None for none."""
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(NAMES):
        held = others.get(name.removesuffix(".bin"), content(number))
        if held is not None:
            (folder / name).write_bytes(held)
    return folder


@pytest.mark.parametrize("inside", ["", cifar.INSIDE])
def test_theRecordsAreImagesChannelByChannel(fewImages, tmp_path, inside):
    written(tmp_path / inside)
    held = readCifar(tmp_path)
    assert held["xTrain"].shape == (100, 3, 32, 32)
    assert held["xTest"].shape == (20, 3, 32, 32)
    raw = content(2)[7 * 3073 : 8 * 3073]  # image 7 of the third file
    assert held["yTrain"][47] == raw[0]
    assert held["xTrain"][47, 2, 5, 9] == raw[1 + 2 * 1024 + 5 * 32 + 9]
    assert held["yTest"].tolist() == [content(5)[3073 * i] for i in range(20)]


def test_theArchiveIsHeldToItsChecksum(fewImages, tmp_path, monkeypatch):
    with tarfile.open(tmp_path / cifar.ARCHIVE, "w:gz") as archive:
        for number, name in enumerate(NAMES):
            about = tarfile.TarInfo(f"{cifar.INSIDE}/{name}")
            about.size = len(content(number))
            archive.addfile(about, io.BytesIO(content(number)))
    with pytest.raises(ValueError, match=r"must have the published MD5 c32a1d4a.* Download"):
        readCifar(tmp_path)
    digest = cifar.hashlib.md5((tmp_path / cifar.ARCHIVE).read_bytes()).hexdigest()
    monkeypatch.setattr(cifar, "MD5", digest)
    found, expected = readCifar(tmp_path), readCifar(written(tmp_path / "files"))
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def swapped(number, place, value):
    raw = bytearray(content(number))
    raw[place] = value
    return bytes(raw)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"data_batch_1": None}, r"holds neither cifar-10-binary\.tar\.gz nor data_batch_1\.bin"),
        ({"data_batch_4": None}, r"data_batch_4\.bin' is not there, beside data_batch_1\.bin"),
        ({"test_batch": content(5)[:-1]}, r"must have 61460 bytes\. Received: 61459"),
        ({"test_batch": content(5) + b"0"}, r"must have 61460 bytes\. Received: 61461"),
        ({"data_batch_2": b""}, r"must have 61460 bytes\. Received: 0"),
        ({"data_batch_2": swapped(1, 0, 10)}, r"labels from 0 to 9\. Received: 10"),
        (
            {"data_batch_2": swapped(1, 0, (content(1)[0] + 1) % 10)},
            r"data_batch_1\.bin to data_batch_5\.bin in .* must hold 10 images of each class",
        ),
        (
            {"test_batch": swapped(5, 0, (content(5)[0] + 1) % 10)},
            r"test_batch\.bin in .* must hold 2 images of each class\. Received: \[",
        ),
    ],
    ids=str,
)
def test_otherFilesAreRefused(fewImages, tmp_path, others, message):
    with pytest.raises(ValueError, match=message) as error:
        readCifar(written(tmp_path / "data", **others))
    assert cifar.SITE in str(error.value)
    assert "--data cifar10:DIR" in str(error.value)


def test_aFileOfZerosOfTheRightLengthIsRefused(tmp_path):
    for name in NAMES:
        with (tmp_path / name).open("wb") as file:
            file.truncate(30_730_000)  # takes no room on disk
    with pytest.raises(ValueError, match=r"hold 5000 images of each class\. Received: \[50000"):
        readCifar(tmp_path)
