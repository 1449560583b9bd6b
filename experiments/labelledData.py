"""Labelled data, (name, seed) -> samples and labels for training and for testing, standardised."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.cifar import readCifar
from experiments.data import checkedImages, readArrays, scikitData
from lookslinear.errors import unknown_name, whole_number
from lookslinear.sampling import Rng, as_generator, choose

#: The share of each class that is kept for testing where the data do not say which.
TEST_SHARE = 0.25
CIFAR = "cifar10:"
#: A larger label is a mistake, or asks for more outputs than there is use for.
MOST_LABELS = 9999
WHOLE, PARTED = ("x", "y"), ("xTrain", "yTrain", "xTest", "yTest")


class LabelledData(NamedTuple):
    """Samples (samples, n) or (samples, channels, rows, columns) of float32, and their labels."""

    x: np.ndarray
    y: np.ndarray
    xTest: np.ndarray
    yTest: np.ndarray

    @property
    def classes(self) -> int:
        """How many labels there are: 0 is the first."""
        return 1 + int(max(self.y.max(), self.yTest.max()))

    @property
    def chance(self) -> float:
        """The best test accuracy of a network that ignores its input: the largest class's share."""
        return float(np.bincount(self.yTest).max() / len(self.yTest))

    def digest(self) -> str:
        """What tells these data from others: 16 hexadecimal digits."""
        whole = hashlib.sha256()
        for array in self:
            whole.update(f"{array.dtype} {array.shape}".encode())
            whole.update(np.ascontiguousarray(array))
        return whole.hexdigest()[:16]


def loadLabelled(name: str, rng: Rng, samples: int | None = None) -> LabelledData:
    """Data to train on and to test with.

    One mean, that of all numbers of all samples for training, is subtracted from both parts, which
    are divided by one standard deviation.

    Parameters
    ----------
    name : str
        'digits' (scikit-learn's 1797 handwritten digits of 8x8 pixels); 'cifar10:DIR', see
        `experiments.cifar`; or the path of an .npz file. It holds either x and y, of which a
        quarter of each class is kept for testing, or xTrain, yTrain, xTest and yTest; samples
        first, of the shapes that `experiments.data.loadBatch` takes, labels whole numbers from 0.
    rng : None, int, SeedSequence or Generator
        Chooses the samples.
    samples : int or None
        How many are trained on; None: all.

    Raises
    ------
    ValueError, TypeError, ImportError
        For unknown names (with the nearest one); for files that cannot be read or hold other
        arrays; numbers that are not finite; labels that are no whole numbers from 0, of another
        rank, or of another number than the samples; fewer than two classes; more samples than
        there are; and for packages that are missing.

    Examples
    --------
    >>> data = loadLabelled("digits", rng=0)
    >>> data.x.shape, data.xTest.shape, data.classes, round(data.chance, 2)
    ((1347, 1, 8, 8), (450, 1, 8, 8), 10, 0.1)
    """
    generator = as_generator(rng)
    x, y, xTest, yTest = _sourceOf(str(name))(generator)
    count = len(x) if samples is None else whole_number(samples, "samples")
    if count > len(x):
        raise ValueError(
            f"samples must be at most {len(x)}, those of {name!r} that are there for training. "
            f"Received: {count}."
        )
    if count < len(x):
        chosen = choose(len(x), count, generator)
        x, y = x[chosen], y[chosen]
    x, xTest = _standardised(x, xTest, str(name))
    return LabelledData(x, y, xTest, yTest)


def _sourceOf(name: str) -> Callable[[np.random.Generator], tuple[np.ndarray, ...]]:
    if name.startswith(CIFAR):
        return lambda generator: _fromCifar(Path(name.removeprefix(CIFAR)))
    if name.endswith(".npz"):
        return lambda generator: _fromArchive(Path(name), generator)
    if name != "digits":
        raise unknown_name("data", name, ["digits", "PATH.npz", f"{CIFAR}DIR"])
    return _digits


def _digits(generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    digits = scikitData("digits", "load_digits")
    return _parted(digits.images[:, None], digits.target, generator)


def _fromCifar(folder: Path) -> tuple[np.ndarray, ...]:
    arrays = readCifar(folder)
    return tuple(arrays[name] for name in PARTED)


def _fromArchive(path: Path, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    arrays = readArrays(path, PARTED, WHOLE)
    names = PARTED if PARTED[0] in arrays else WHOLE
    pairs = []
    for xName, yName in zip(names[::2], names[1::2], strict=True):
        x = checkedImages(arrays[xName], xName, path)
        pairs.append((x, _checkedLabels(arrays[yName], yName, len(x), path)))
    if len(pairs) == 1:
        (x, y), labels = pairs[0], pairs[0][1]
    else:
        _refuseOtherShape(pairs, path)
        labels = np.concatenate([y for _, y in pairs])
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"labels in {str(path)!r} must be of at least two classes. "
            f"Received: {labels[0]} for all {len(labels)} samples."
        )
    return _parted(x, y, generator) if len(pairs) == 1 else (*pairs[0], *pairs[1])


def _parted(x: np.ndarray, y: np.ndarray, generator: np.random.Generator) -> tuple:
    """The same share of each class for testing, one sample at least where there are two."""
    kept = np.zeros(len(y), bool)
    for label in np.unique(y):
        places = np.flatnonzero(y == label)
        count = max(1, round(TEST_SHARE * len(places))) if len(places) > 1 else 0
        kept[places[choose(len(places), count, generator)]] = True
    if not kept.any():
        raise ValueError(
            f"data must have a class of at least two samples, one of them for testing. "
            f"Received: {len(y)} samples of as many classes."
        )
    return x[~kept], y[~kept], x[kept], y[kept]


def _checkedLabels(labels: object, name: str, samples: int, path: Path) -> np.ndarray:
    dtype = getattr(labels, "dtype", type(labels))
    if not isinstance(labels, np.ndarray) or labels.dtype.kind not in "iu":
        raise ValueError(f"{name} in {str(path)!r} must be whole numbers. Received: {dtype}.")
    if labels.shape != (samples,):
        raise ValueError(
            f"{name} in {str(path)!r} must be a label for each of {samples} samples, of shape "
            f"({samples},). Received: shape {labels.shape}."
        )
    if labels.min() < 0 or labels.max() > MOST_LABELS:
        raise ValueError(
            f"{name} in {str(path)!r} must be labels from 0 to {MOST_LABELS}. "
            f"Received: {labels.min()} to {labels.max()}."
        )
    return labels.astype(np.int64)


def _refuseOtherShape(pairs: list[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    shapes = [x.shape[1:] for x, _ in pairs]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"xTrain and xTest in {str(path)!r} must hold samples of one shape. "
            f"Received: {shapes[0]} and {shapes[1]}."
        )


def _standardised(x: np.ndarray, xTest: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    # Pixels are exact in single precision, and 60,000 images should not be held in double.
    dtype = np.float32 if x.dtype == np.uint8 else np.float64
    x, xTest = x.astype(dtype), xTest.astype(dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # refused below
        mean = x.mean(dtype=np.float64)
        x -= mean
        deviation = np.sqrt(np.einsum("i,i->", x.ravel(), x.ravel(), dtype=np.float64) / x.size)
    if not 0 < deviation < np.inf:
        raise ValueError(
            f"data {name!r} must have a standard deviation that is positive and finite in "
            f"double precision. Received: {deviation:g}."
        )
    x /= deviation
    return x.astype(np.float32, copy=False), ((xTest - mean) / deviation).astype(np.float32)
