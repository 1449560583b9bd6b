"""Checkpoints: (tensors, facts) -> a folder that is complete or not there; and files of weights.

A checkpoint is a folder `checkpoint-000001` with one safetensors file, which holds every array that
a step of training changes, and one JSON file, which holds all else: where training stands, the
settings, the history. It is written under another name and renamed when it is complete, so that a
run that is killed leaves the checkpoint before. What is read is compared with its checksums.
"""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from training.checking import checkedModel
from training.comparing import architecture, refuseOtherArchitecture, refuseOtherTensors

TENSORS, FACTS = "tensors.safetensors", "facts.json"
NAME, PATTERN, PARTIAL = "checkpoint-{:06d}", "checkpoint-" + 6 * "[0-9]", ".partial-"


class DamagedError(ValueError):
    """A file that is not what was written."""


# --- Folders of checkpoints ----------------------------------------------------------------------


def checkedFolder(folder):
    """The path of a folder of checkpoints, which need not be there yet.

    Raises
    ------
    TypeError, ValueError
        For what is no path, or is a file.

    Examples
    --------
    >>> checkedFolder(__file__)
    Traceback (most recent call last):
    ValueError: a folder of checkpoints must be a folder. Received: the file '...checkpoints.py'.
    """
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"a folder of checkpoints must be a path. Received: {folder!r}.")
    path = Path(folder)
    if path.exists() and not path.is_dir():
        raise ValueError(
            f"a folder of checkpoints must be a folder. Received: the file {str(path)!r}."
        )
    return path


def madeFolder(folder):
    """The path of a folder of checkpoints, made if it is not there.

    Raises
    ------
    TypeError, ValueError
        For what `checkedFolder` refuses, or cannot be made or written.

    Examples
    --------
    >>> madeFolder(Path(tempfile.mkdtemp()) / "new").is_dir()
    True
    """
    path = checkedFolder(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=path):
            pass
    except OSError as error:
        raise ValueError(f"folder {str(path)!r} cannot be written: {error}.") from error
    return path


def checkpointsIn(folder):
    """The complete checkpoints in a folder, the newest last."""
    return sorted(path for path in Path(folder).glob(PATTERN) if path.is_dir())


def writeCheckpoint(folder, tensors, facts, keep=2):
    """Write a checkpoint, and remove all but the newest ones.

    Parameters
    ----------
    folder : Path
        One that `madeFolder` has seen.
    tensors : dict of arrays
    facts : dict
        What JSON can hold; its floats come back as they are.
    keep : int
        How many checkpoints stay.

    Returns
    -------
    Path
        The new checkpoint.
    """
    before = checkpointsIn(folder)
    number = 1 + (int(before[-1].name.rpartition("-")[2]) if before else 0)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder))
    try:
        packed = save(_contiguous(tensors))
        _write(partial / TENSORS, packed)
        _write(partial / FACTS, _signed(facts, packed))
        final = folder / NAME.format(number)
        os.replace(partial, final)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _flush(folder)
    _removeOld([*before, final][:-keep], folder)
    return final


def readCheckpoint(path):
    """The tensors and the facts of a checkpoint.

    Raises
    ------
    DamagedError
        If a file is missing, cut short or changed.
    """
    path = Path(path)
    try:
        packed, text = (path / TENSORS).read_bytes(), (path / FACTS).read_bytes()
        written = json.loads(text)
        facts, digests = written["facts"], written["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"its files cannot be read ({error})") from error
    for name, content in ((TENSORS, packed), (FACTS, _canonical(facts))):
        if digests.get(name) != hashlib.sha256(content).hexdigest():
            raise _damaged(path, f"{name} is not what was written ({len(content)} bytes)")
    return load(packed), facts


# --- Files of weights ----------------------------------------------------------------------------


def saveWeights(model, path):
    """Write a network's weights and running statistics into one safetensors file.

    It is written under another name and renamed. Beside the tensors, named as in
    `model.variables`, the file holds the architecture and a checksum.

    Parameters
    ----------
    model : Sequential or Representation
    path : path of the file

    Examples
    --------
    >>> from layers import FC, Representation
    >>> y = FC(2)(Representation((3,)))
    >>> path = Path(tempfile.mkdtemp()) / "weights.safetensors"
    >>> saveWeights(y, path)
    >>> loadWeights(y, path)
    """
    path, tensors = _checkedPath(path), _contiguous(valuesOf(_lasting(model)))
    if path.is_dir():
        raise ValueError(f"weights are written into a file. Received: the folder {str(path)!r}.")
    about = {"architecture": json.dumps(architecture(model)), "sha256": _digest(tensors)}
    partial = path.with_name(f".partial-{path.name}")
    try:
        _write(partial, save(tensors, metadata=about))
        os.replace(partial, path)
    except OSError as error:
        raise ValueError(f"weights cannot be written: {error}.") from error


def loadWeights(model, path):
    """Take the weights and running statistics that `saveWeights` wrote: all of them, or none.

    Raises
    ------
    DamagedError
        For a file that is cut short or changed.
    ValueError
        For one that `saveWeights` did not write, or of another architecture, or with missing or
        further tensors: the message lists the difference. The model then is as it was.
    """
    path, variables = _checkedPath(path), _lasting(model)
    if not path.is_file():
        raise ValueError(f"weights are read from a file. Received: {str(path)!r}, which is none.")
    tensors, about = _unpacked(path), _metadata(path)
    if not {"sha256", "architecture"} <= set(about):
        raise ValueError(
            f"weights are read from a file that saveWeights wrote. Received: {str(path)!r}, which "
            f"holds {len(tensors)} tensors and no architecture."
        )
    if about["sha256"] != _digest(tensors):
        raise _damaged(path, "its numbers are not what was written")
    refuseOtherArchitecture(json.loads(about["architecture"]), architecture(model), str(path))
    refuseOtherTensors(tensors, valuesOf(variables), str(path))
    takeValues(variables, tensors)


def valuesOf(variables):
    """The arrays of shared variables, by the same names, not copied."""
    return {name: variable.get_value(borrow=True) for name, variable in variables.items()}


def takeValues(variables, tensors):
    """Set shared variables to arrays of the same names and shapes."""
    for name, variable in variables.items():
        variable.set_value(tensors[name])


def _checkedPath(path):
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"weights need the path of a file. Received: {path!r}.")
    return Path(path)


def _lasting(model):
    """The variables of a network but for its random streams."""
    streams = set(checkedModel(model).streams)
    return {name: v for name, v in model.representation.variables.items() if v not in streams}


# --- Bytes ---------------------------------------------------------------------------------------


def _contiguous(tensors):
    # np.ascontiguousarray would make vectors of scalars.
    return {name: np.require(array, requirements="C") for name, array in tensors.items()}


def _canonical(facts):
    return json.dumps(facts, sort_keys=True).encode()


def _signed(facts, packed):
    contents = {TENSORS: packed, FACTS: _canonical(facts)}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    return json.dumps({"facts": facts, "sha256": digests}, indent=1).encode()


def _digest(tensors):
    whole = hashlib.sha256()
    for name, array in sorted(tensors.items()):
        whole.update(f"{name} {array.dtype} {array.shape}".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


def _write(path, content):
    """Write a file so that it is there even if the machine fails after the folder is renamed."""
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder):
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _removeOld(paths, folder):
    # Renamed first: a checkpoint that is half removed must not look like one.
    for path in paths:
        os.replace(path, folder / f"{PARTIAL}{path.name}")
    for path in folder.glob(f"{PARTIAL}*"):
        shutil.rmtree(path, ignore_errors=True)


def _unpacked(path):
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise _damaged(path, f"it is no whole safetensors file ({error})") from error


def _metadata(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata() or {}


def _damaged(path, reason):
    return DamagedError(f"{str(path)!r} is damaged: {reason}. Remove it, and use one before it.")
