"""Networks, numbers and arrays that training refuses: checks that more than one file here needs."""

import numpy as np

from layers import Representation, Sequential
from lookslinear.errors import real_number


def checkedModel(model):
    """The model itself, if it is one that can compute.

    Raises
    ------
    TypeError, ValueError
        For what is no network, and for a Sequential without a shape of its input.
    """
    if not isinstance(model, Sequential | Representation):
        raise TypeError(
            f"model must be a Sequential, or a Representation of a network's output. "
            f"Received: {model!r}."
        )
    model.representation  # noqa: B018, says what is missing
    return model


def share(value, name):
    """`value` as a float from 0 to 1, the latter excluded.

    Examples
    --------
    >>> share(1, "momentum")
    Traceback (most recent call last):
    ValueError: momentum must be at least 0 and below 1. Received: 1.
    """
    if not 0 <= real_number(value, name) < 1:
        raise ValueError(f"{name} must be at least 0 and below 1. Received: {value!r}.")
    return float(value)


def isFinite(array):
    """Whether no number of an array is NaN or infinite; arrays of integers are.

    Examples
    --------
    >>> isFinite(np.array([1.0, np.nan])), isFinite(np.array([], "float32"))
    (False, True)
    """
    # Both are NaN if any number is, and no array of booleans as large as the data is made.
    return not array.size or bool(np.isfinite(array.min()) and np.isfinite(array.max()))


def refuseNonFinite(array, name):
    """Raises ValueError for samples with a NaN or an infinite number, and says which.

    Examples
    --------
    >>> refuseNonFinite(np.array([[1.0], [np.inf]]), "x")
    Traceback (most recent call last):
    ValueError: x must be finite. Received: NaN or infinite numbers in 1 of 2 samples, the first \
x[1].
    """
    if isFinite(array):
        return
    isSound = np.isfinite(array.reshape(len(array), -1)).all(axis=1)
    raise ValueError(
        f"{name} must be finite. Received: NaN or infinite numbers in "
        f"{np.count_nonzero(~isSound)} of {len(array)} samples, the first "
        f"{name}[{int(np.argmin(isSound))}]."
    )
