"""CIFAR-10, (folder) -> its images and labels, from files that the user has downloaded.

The binary version holds records of 3073 bytes: a label, then 1024 red, green and blue pixels each,
row by row (Krizhevsky 2009, "Learning multiple layers of features from tiny images").
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

ARCHIVE = "cifar-10-binary.tar.gz"
#: As published beside the archive.
MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
SITE = "https://www.cs.toronto.edu/~kriz/cifar.html"
INSIDE = "cifar-10-batches-bin"
TRAINING = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
TEST = ("test_batch.bin",)
#: Images in a file, the shape of one, and classes; each class has as many images as any other.
IMAGES, SHAPE, CLASSES = 10_000, (3, 32, 32), 10
RECORD = 1 + 3 * 32 * 32
#: How the data are had.
REMEDY = (
    f"Download the binary version, {ARCHIVE}, from {SITE} (162 MB), put it or what it holds into a "
    f"folder, and name that folder: --data cifar10:DIR."
)


def readCifar(folder: Path) -> dict[str, np.ndarray]:
    """Images and labels of CIFAR-10.

    The archive is read where it is there, and held to its published MD5; else its six extracted
    files, in the folder or in `cifar-10-batches-bin` below it. They have no published checksums:
    what they are held to is their length, and that each class has as many images as the data set's
    page says, 1000 for testing and 5000 for training.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of arrays of uint8
        xTrain (50000, 3, 32, 32), yTrain (50000,), xTest (10000, 3, 32, 32), yTest (10000,).

    Raises
    ------
    ValueError
        If there are no such files, or one has another checksum, length or other labels.

    Examples
    --------
    >>> readCifar(Path("nowhere"))
    Traceback (most recent call last):
    ValueError: 'nowhere' holds neither cifar-10-binary.tar.gz nor data_batch_1.bin. Download ...
    """
    read, place = _reader(Path(folder))
    parts = {}
    for part, names in (("Train", TRAINING), ("Test", TEST)):
        records = np.concatenate([_records(read(name), name, place) for name in names])
        labels = records[:, 0]
        _refuseOtherLabels(labels, names, place)
        parts[f"x{part}"] = records[:, 1:].reshape(-1, *SHAPE)
        parts[f"y{part}"] = labels.copy()
    return parts


def _reader(folder: Path) -> tuple[Callable[[str], bytes], Path]:
    """A function from a file's name to its bytes, and where they come from."""
    archive = folder / ARCHIVE
    if archive.is_file():
        _refuseOtherArchive(archive)
        return lambda name: _member(archive, name), archive
    places = (folder, folder / INSIDE)
    place = next((one for one in places if (one / TRAINING[0]).is_file()), None)
    if place is not None:
        return lambda name: _bytes(place / name), place
    raise ValueError(f"{str(folder)!r} holds neither {ARCHIVE} nor {TRAINING[0]}. {REMEDY}")


def _refuseOtherArchive(archive: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with archive.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    if digest.hexdigest() != MD5:
        raise ValueError(
            f"{str(archive)!r} must have the published MD5 {MD5}. Received: {digest.hexdigest()}, "
            f"in {archive.stat().st_size} bytes. {REMEDY}"
        )


def _member(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:gz") as held:
        return held.extractfile(f"{INSIDE}/{name}").read()


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is not there, beside {TRAINING[0]}. {REMEDY}")
    wanted, size = IMAGES * RECORD, path.stat().st_size
    if size != wanted:
        raise ValueError(f"{str(path)!r} must have {wanted} bytes. Received: {size}. {REMEDY}")
    return path.read_bytes()


def _records(content: bytes, name: str, place: Path) -> np.ndarray:
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    if records[:, 0].max() >= CLASSES:
        raise ValueError(
            f"{name} in {str(place)!r} must hold labels from 0 to {CLASSES - 1}. "
            f"Received: {records[:, 0].max()}. {REMEDY}"
        )
    return records


def _refuseOtherLabels(labels: np.ndarray, names: tuple[str, ...], place: Path) -> None:
    counts, wanted = np.bincount(labels, minlength=CLASSES), len(labels) // CLASSES
    if (counts != wanted).any():
        raise ValueError(
            f"{names[0]}{' to ' + names[-1] if len(names) > 1 else ''} in {str(place)!r} must hold "
            f"{wanted} images of each class. Received: {counts.tolist()}. {REMEDY}"
        )
