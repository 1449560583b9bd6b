"""Comparisons, (samples over networks, prediction) -> rows of a table, each with its z-score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lookslinear.errors import known_name
from lookslinear.measures import Estimate, estimate, normal_score, z_score, z_score_of_products

#: |z| beyond which a measurement contradicts its prediction.
CONTRADICTION = 5.0
#: What the samples of a comparison are, and how their mean is judged.
SCALES = ("linear", "log", "products")
#: The columns that say what was measured, and at which place.
SUBJECTS = ("quantity", "where")
#: The columns that say what was found; all others are labels.
NUMBERS = ("measured", "standard_error", "predicted", "z")
#: The columns of what has been published, where a table has them, and of how it was averaged.
NOTES = ("published", "source", "scale")


def compared(
    quantity: str,
    where: Sequence | np.ndarray,
    samples: np.ndarray,
    predicted: np.ndarray | float = np.nan,
    *,
    scale: str = "linear",
    rounding: np.ndarray | float = 0.0,
    published: np.ndarray | float = np.nan,
    source: str | None = None,
    **labels: object,
) -> pd.DataFrame:
    """One row for each place: the mean over networks, its error, the prediction, the z-score.

    Parameters
    ----------
    quantity : str
        What was measured, in the field's words.
    where : sequence of length n
        The places that it was measured at: layers, distances, activations.
    samples : array of shape (networks, n)
        NaN marks a network that has no value.
    predicted : number or array of shape (n,)
        NaN where nothing is predicted: the row is then not judged.
    scale : 'linear', 'log' or 'products'
        'linear': numbers, whose mean is shown and judged. 'log': logs, likewise. 'products': the
        logs of nearly lognormal numbers, of which the mean itself is shown, and judged through its
        logs (`lookslinear.measures.z_score_of_products`).
    rounding : number or array of shape (n,)
        The error of the arithmetic: relative to the mean for 'products', else in its unit.
    published, source
        The number of a publication, and which one.
    **labels
        Columns of the experiment's own; they come first.

    Examples
    --------
    >>> rows = compared("gain", [1, 2], np.array([[0.9, 2.0], [1.1, 2.2]]), [0.9, np.nan], arm="he")
    >>> print(rows.round(2).to_string(index=False))
    arm quantity  where  measured  standard_error  predicted    z
     he     gain      1       1.0             0.1        0.9 0.67
     he     gain      2       2.1             0.1        NaN  NaN
    """
    known_name("scale", scale, SCALES)
    samples = _sampled(samples, where)
    predicted = np.broadcast_to(np.asarray(predicted, dtype=float), samples.shape[1:])
    found, z = judge(samples, predicted, scale, rounding)
    rows = _rows(quantity, where, found, predicted, z, labels)
    return _withSource(rows, published, source)


def comparedEstimate(
    quantity: str,
    where: Sequence | np.ndarray,
    found: Estimate,
    predicted: np.ndarray | float = np.nan,
    *,
    degrees: np.ndarray | int,
    published: np.ndarray | float = np.nan,
    source: str | None = None,
    **labels: object,
) -> pd.DataFrame:
    """`compared` for a statistic that is no mean over networks, such as a ratio of means.

    Parameters
    ----------
    found : Estimate
        Values and standard errors of shape (n,).
    degrees : int
        Of freedom in the standard error: the number of networks minus 1.

    Examples
    --------
    >>> from lookslinear.measures import Estimate
    >>> rows = comparedEstimate("r", [1], Estimate(np.ones(1), np.ones(1)), 0.0, degrees=10**6)
    >>> rows["z"].round(3).tolist()
    [1.0]
    """
    values, errors = (np.atleast_1d(np.asarray(one, dtype=float)) for one in found)
    predicted = np.broadcast_to(np.asarray(predicted, dtype=float), values.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = normal_score((values - predicted) / errors, degrees)
    z = _onlyJudged(z, values, predicted)
    rows = _rows(quantity, where, Estimate(values, errors), predicted, z, labels)
    return _withSource(rows, published, source)


def extrapolated(narrow: Estimate, wide: Estimate, rounding: float = 0.0) -> Estimate:
    """What is left at infinite width of independent numbers at n and 2 n: 2 r(2 n) - r(n).

    Exact for r(n) = r + b / n.

    Examples
    --------
    >>> narrow, wide = Estimate(np.float64(1.2), 0.0), Estimate(np.float64(1.1), 0.0)
    >>> round(float(extrapolated(narrow, wide).value), 12)
    1.0
    """
    errors = narrow.standard_error**2 + (2 * wide.standard_error) ** 2
    return Estimate(2 * wide.value - narrow.value, np.sqrt(errors + rounding**2))


def contradicted(table: pd.DataFrame) -> bool:
    """Whether any measurement contradicts its prediction: |z| > 5."""
    return bool((table["z"].abs() > CONTRADICTION).any())


def labelsOf(table: pd.DataFrame) -> list[str]:
    """The columns that say what a row is about."""
    return [name for name in table.columns if name not in (*NUMBERS, *NOTES)]


def judge(
    samples: np.ndarray,
    predicted: np.ndarray,
    scale: str = "linear",
    rounding: np.ndarray | float = 0.0,
) -> tuple[Estimate, np.ndarray]:
    """The mean over networks with its error, and its z-score; see `compared`.

    A score is NaN where measurement or prediction is not finite, 0 where they are equal.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):  # not finite, not judged
        if scale == "products":
            numbers = np.exp(samples)
            found = estimate(numbers, rounding * numbers.mean(axis=0))
            z = z_score_of_products(samples, predicted, rounding)
        else:
            found, z = estimate(samples, rounding), z_score(samples, predicted, rounding)
    return found, _onlyJudged(z, found.value, predicted)


def _onlyJudged(z: np.ndarray, values: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    z = np.where((values == predicted) & np.isnan(z), 0.0, z)
    return np.where(np.isfinite(values) & np.isfinite(predicted), z, np.nan)


def _sampled(samples: np.ndarray, where: Sequence | np.ndarray) -> np.ndarray:
    samples = np.asarray(samples, dtype=float)
    if samples.ndim != 2 or samples.shape[1] != len(where):
        raise ValueError(
            f"samples must have the shape (networks, places), places {len(where)}. "
            f"Received: {samples.shape}."
        )
    return samples


def _rows(
    quantity: str,
    where: Sequence | np.ndarray,
    found: Estimate,
    predicted: np.ndarray,
    z: np.ndarray,
    labels: dict[str, object],
) -> pd.DataFrame:
    columns = {**labels, "quantity": quantity, "where": list(where)}
    numbers = zip(NUMBERS, (*found, predicted, z), strict=True)
    return pd.DataFrame({**columns, **dict(numbers)})


def _withSource(
    rows: pd.DataFrame, published: np.ndarray | float, source: str | None
) -> pd.DataFrame:
    return rows if source is None else rows.assign(published=published, source=source)
