"""Real data, (name, batch) -> samples first, standardised: what is sent through a network."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookslinear.errors import unknown_name, whole_number
from lookslinear.sampling import Rng, as_generator, choose, standard_normal

#: The sides of the colour patches that are cut from photographs.
PATCH = 32
#: The features of Gaussian data, as images of one channel.
GAUSSIAN = (1, 8, 8)
STANDARDISATIONS = ("global", "feature", "none")
#: The mean squares between which no number under- or overflows when it is squared in float32.
USABLE = (1e-30, 1e30)


def loadBatch(name: str, batch: int, rng: Rng, standardise: str = "global") -> np.ndarray:
    """`batch` samples of a data set, as images (batch, channels, rows, columns) or rows (batch, n).

    Parameters
    ----------
    name : str
        'digits' (scikit-learn's handwritten digits, 8x8), 'patches' (32x32 colour patches of its
        two photographs), 'gaussian' (independent normal numbers, 8x8), or the path of an .npz file
        with an array `x`, samples first: (samples, n), (samples, rows, columns) or (samples,
        channels, rows, columns). It is read without pickle.
    batch : int
    rng : None, int, SeedSequence or Generator
        Chooses the samples, without repetition.
    standardise : str
        'global': one mean is subtracted from the batch, and it is divided by one standard
        deviation; 'feature': each feature by itself, constant ones staying 0; 'none'.

    Returns
    -------
    array of float64

    Raises
    ------
    ValueError, OSError, ImportError
        For unknown names (with the nearest one), unreadable files, arrays that are not finite real
        numbers of rank 2 to 4, batches larger than the data, and data without any scatter, or of
        a mean square that float32 cannot hold; and for packages that are missing.

    Examples
    --------
    >>> x = loadBatch("digits", 16, rng=0)
    >>> x.shape, x.mean().round(12) == 0, x.std().round(12)
    ((16, 1, 8, 8), True, 1.0)
    """
    generator, batch = as_generator(rng), whole_number(batch, "batch")
    if standardise not in STANDARDISATIONS:
        raise unknown_name("standardise", standardise, STANDARDISATIONS)
    x = _sourceOf(name)(batch, generator)
    if not np.ptp(x):
        raise ValueError(f"data {name!r} must vary. Received: {batch} samples, all {x.flat[0]}.")
    x = _standardised(x, standardise)
    _refuseUnusable(x, name, standardise)
    return x


def _sourceOf(name: str) -> Callable[[int, np.random.Generator], np.ndarray]:
    if str(name).endswith(".npz"):
        return lambda batch, generator: _chosen(_readArchive(Path(name)), batch, generator, name)
    if name not in SOURCES:
        raise unknown_name("data", name, [*SOURCES, "PATH.npz"])
    return SOURCES[name]


def _digits(batch: int, generator: np.random.Generator) -> np.ndarray:
    return _chosen(_images("digits", "load_digits")[:, None], batch, generator, "digits")


def _patches(batch: int, generator: np.random.Generator) -> np.ndarray:
    photographs = np.stack(_images("patches", "load_sample_images")).transpose(0, 3, 1, 2)
    rows, columns = (side - PATCH + 1 for side in photographs.shape[2:])
    _refuseLarge(batch, len(photographs) * rows * columns, "patches")
    places = choose(len(photographs) * rows * columns, batch, generator)
    corners = zip(*np.unravel_index(places, (len(photographs), rows, columns)), strict=True)
    cut = [photographs[n, :, r : r + PATCH, c : c + PATCH] for n, r, c in corners]
    return np.stack(cut).astype(float)


def _images(name: str, loader: str) -> Sequence[np.ndarray]:
    return scikitData(name, loader).images


def scikitData(name: str, loader: str) -> Mapping[str, Any]:
    """What scikit-learn brings; it opens the photographs among it with Pillow."""
    try:
        from sklearn import datasets

        return getattr(datasets, loader)()
    except ImportError as error:
        raise ImportError(
            f"data {name!r} needs scikit-learn and Pillow, of which one is missing: {error}. "
            f"Install them: pip install 'looks-linear[data]'."
        ) from error


def _gaussian(batch: int, generator: np.random.Generator) -> np.ndarray:
    return standard_normal((batch, *GAUSSIAN), generator, "float64")


SOURCES = {"digits": _digits, "patches": _patches, "gaussian": _gaussian}


def _chosen(x: np.ndarray, batch: int, generator: np.random.Generator, name: str) -> np.ndarray:
    _refuseLarge(batch, len(x), name)
    return x[choose(len(x), batch, generator)].astype(float)


def _refuseLarge(batch: int, count: int, name: str) -> None:
    if batch > count:
        raise ValueError(
            f"batch must be at most {count}, the samples in {name!r}. Received: {batch}."
        )


def _standardised(x: np.ndarray, standardise: str) -> np.ndarray:
    if standardise == "none":
        return x
    axis = 0 if standardise == "feature" else None
    with np.errstate(over="ignore", under="ignore"):  # what is lost is refused afterwards
        deviation = x.std(axis=axis)
        return (x - x.mean(axis=axis)) / np.where(deviation > 0, deviation, 1)


def _refuseUnusable(x: np.ndarray, name: str, standardise: str) -> None:
    least, most = USABLE
    with np.errstate(over="ignore", under="ignore"):
        meanSquare = np.mean(np.square(x))
    if not least <= meanSquare <= most:
        raise ValueError(
            f"data {name!r} with standardise={standardise!r} must have a mean square between "
            f"{least:g} and {most:g}. Received: {meanSquare:g}."
        )


def _readArchive(path: Path) -> np.ndarray:
    return checkedImages(readArrays(path, ["x"])["x"], "x", path)


def readArrays(path: Path, *choices: Sequence[str]) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that are named by the first of some lists that it holds all of.

    It is read without pickle.

    Raises
    ------
    ValueError
        If the file is not there, is no .npz of plain numbers, or holds none of the lists.
    """
    if not path.is_file():
        raise ValueError(f"data file {str(path)!r} is not there. Give the path of an .npz file.")
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it holds one array without a name, as numpy.save writes it")
            held = archive.files
            wanted = next((names for names in choices if set(names) <= set(held)), ())
            arrays = {name: archive[name] for name in wanted}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(
            f"data file {str(path)!r} cannot be read as an .npz of plain numbers: {error}. "
            f"Arrays of objects are refused, since reading them could run code."
        ) from error
    if not arrays:
        raise ValueError(f"data file {str(path)!r} must hold {_told(choices)}. Received: {held}.")
    return arrays


def _told(choices: Sequence[Sequence[str]]) -> str:
    lists = [", ".join(map(repr, names)) for names in choices]
    noun = "an array" if len(choices[0]) == 1 else "arrays"
    return f"{noun} {', or '.join(lists)}"


def checkedImages(x: object, name: str, path: Path) -> np.ndarray:
    """x of a file, (samples, n) or (samples, channels, rows, columns): finite real numbers.

    Raises
    ------
    ValueError
        For what is no array, for other shapes and dtypes, and for numbers that are not finite.
    """
    words = f"{name} in {str(path)!r} must be"
    if not isinstance(x, np.ndarray):  # NumPy gives the bytes of what is no array
        raise ValueError(f"{words} an array. Received: {type(x).__name__}.")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{words} real numbers. Received: dtype {x.dtype}.")
    if x.ndim not in (2, 3, 4) or 0 in x.shape:
        raise ValueError(
            f"{words} (samples, n), (samples, rows, columns) or (samples, "
            f"channels, rows, columns), none of them zero. Received: shape {x.shape}."
        )
    if not np.isfinite(x).all():
        wrong = int((~np.isfinite(x)).sum())
        raise ValueError(f"{words} finite. Received: {wrong} NaN or infinite.")
    return x[:, None] if x.ndim == 3 else x
