"""Auditing a file of weights, (file, layout) -> what each array can be a draw of, as a table."""

from __future__ import annotations

import dataclasses
import functools
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file

from initialisations import initD
from lookslinear.audit import CANDIDATES, Audit, LawOf, audit
from lookslinear.catalogue import CATALOGUE
from lookslinear.laws import WeightLaw

#: What a side of an image is taken to be, which no law of a kernel depends on.
SIDE = 8


def readWeights(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a .npz or .safetensors file, by name.

    Raises
    ------
    ValueError
        For another kind of file, one that cannot be read, and one that holds objects.
    """
    path = Path(path)
    readers = {".npz": _readArchive, ".safetensors": _readTensors}
    if path.suffix not in readers:
        raise ValueError(f"FILE must be a .npz or .safetensors file. Received: {str(path)!r}.")
    try:
        return readers[path.suffix](path)
    except (OSError, zipfile.BadZipFile, SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}.") from error


def _readArchive(path: Path) -> dict[str, np.ndarray]:
    if path.exists() and not zipfile.is_zipfile(path):
        raise ValueError("it is no archive of arrays, as numpy.savez writes them")
    with np.load(path, allow_pickle=False) as archive:
        return {name: _numbersIn(archive, name) for name in archive.files}


def _numbersIn(archive: np.lib.npyio.NpzFile, name: str) -> np.ndarray:
    try:
        return archive[name]
    except ValueError as error:
        raise ValueError(f"{name!r} holds no plain numbers. Store arrays of floats") from error


def _readTensors(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except TypeError as error:
        raise ValueError(f"NumPy has no type for its numbers ({error}). Store float32") from error


def auditFile(path: Path, layout: str, phi: str) -> list[Audit]:
    """What was found of each array, with all of `initD` among the laws that are tried."""
    return audit(readWeights(path), layout, phi, candidates())


def candidates() -> dict[str, LawOf]:
    """Every law of the catalogue, and those of `initD` with the options that have an effect.

    Examples
    --------
    >>> laws = candidates()
    >>> laws["orthogonal+mirror"]((6, 4), "float32").mirror
    True
    """
    return {**CANDIDATES, **dict(_ofRegistry())}


def _ofRegistry() -> Iterator[tuple[str, LawOf]]:
    for name in initD:
        if name not in CATALOGUE:
            continue
        rectifies = [{"relu": True}] if "relu" in CATALOGUE[name].options else []
        for options in ({}, *rectifies, {"mirror": True}):
            yield "+".join([name, *options]), functools.partial(_law, name, options)


def _law(name: str, options: dict, shape: tuple[int, ...], dtype: str) -> WeightLaw:
    if len(shape) == 2:
        told, sides = ((shape[0],), (shape[1],)), {}
    elif len(shape) == 4:
        told = ((shape[1], SIDE, SIDE), (shape[0], SIDE, SIDE))
        sides = {"s": shape[2:]}
    elif name in CANDIDATES and not options:
        return CANDIDATES[name](shape, dtype)
    else:
        raise ValueError(f"initD has dense weights and kernels of 2 sides. Received: {shape}.")
    try:
        return initD[name].law(*told, **sides, **options).with_dtype(dtype)
    except TypeError as error:  # a law of a user's own that does not take the option
        raise ValueError(str(error)) from error


def auditFrame(found: list[Audit]) -> pd.DataFrame:
    """One row an array, for a .csv file."""
    rows = [
        {**dataclasses.asdict(one), "shape": "x".join(map(str, one.shape)),
         "consistent": " ".join(one.consistent)}
        for one in found
    ]  # fmt: skip
    return pd.DataFrame(rows)
