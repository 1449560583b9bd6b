"""The words of weight laws: families, taps, dtypes, cuts, degrees of a mirror."""

from __future__ import annotations

import math
import numbers

import numpy as np

from lookslinear.errors import known_name, real_number

#: How the entries are distributed.
FAMILIES = (
    "normal",
    "uniform",
    "truncated_normal",
    "haar",
    "haar_convolution",
    "output_spheres",
    "input_spheres",
    "constant",
    "identity",
    "repeated_identity",
    "hadamard",
)
#: Which positions of a kernel can be non-zero.
TAPS = ("all", "centre", "average")
DTYPES = ("float16", "float32", "float64")
#: Families whose entries are independent and identically distributed.
INDEPENDENT = ("normal", "uniform", "truncated_normal")
#: Families that a weight may be mirrored in to a degree: a sum of two normal numbers is normal, and
#: one of two frames keeps their second moment.
BLENDING = ("normal", "haar")
#: Families that leave nothing to chance.
FIXED = ("constant", "identity", "repeated_identity", "hadamard")
#: Families that are uniform on a sphere, one for each output or each input unit.
SPHERES = ("output_spheres", "input_spheres")
#: Where a truncated normal is cut, in standard deviations before the cut, if nothing else is said.
TRUNCATION = 2.0
#: A normal number cut closer than this to its mean is drawn too slowly, being all but uniform.
LEAST_TRUNCATION = 0.1
#: The standard deviation that is left of a standard normal cut there, by
#: sqrt(1 - 2 t pdf(t) / (2 cdf(t) - 1)) at t = 2.
TRUNCATED_DEVIATION = 0.8796256610342398


def truncated_deviation(bound: float) -> float:
    """The standard deviation that is left of a standard normal cut at a bound both ways.

    .. math:: \\sqrt{1 - 2 t \\varphi(t) / (2 \\Phi(t) - 1)}

    Examples
    --------
    >>> truncated_deviation(2.0) == TRUNCATED_DEVIATION, truncated_deviation(50.0)
    (True, 1.0)
    """
    if bound == TRUNCATION:
        return TRUNCATED_DEVIATION
    refuse_bad_bound(bound, "bound")
    density = math.exp(-(min(bound, 40.0) ** 2) / 2) / math.sqrt(2 * math.pi)
    return math.sqrt(1 - 2 * bound * density / math.erf(bound / math.sqrt(2)))


def refuse_bad_bound(bound: float, name: str) -> None:
    """Raises for a cut of normal numbers that is none, or so close that they are all but uniform.

    Examples
    --------
    >>> refuse_bad_bound(0.01, "bound")
    Traceback (most recent call last):
    ValueError: bound must be at least 0.1 standard deviations: closer to its mean a normal \
number is all but uniform. Received: 0.01.
    """
    if real_number(bound, name) < LEAST_TRUNCATION:
        raise ValueError(
            f"{name} must be at least {LEAST_TRUNCATION} standard deviations: closer to its mean a "
            f"normal number is all but uniform. Received: {bound!r}."
        )


def dtype_name(dtype: object) -> str:
    """The name of a dtype that can be drawn, from anything that NumPy reads as one.

    Examples
    --------
    >>> dtype_name(np.float32)
    'float32'
    >>> dtype_name(None)
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown dtype None. Known: float16, float32, float64.
    """
    try:
        name = None if dtype is None else np.dtype(dtype).name  # NumPy reads None as float64
    except (TypeError, ValueError, SyntaxError):
        name = dtype
    return known_name("dtype", name, DTYPES)


def mirror_degree(mirror: bool | float) -> bool | float:
    """How far a weight is mirrored: False for 0, True for 1, else the number between them.

    Examples
    --------
    >>> mirror_degree(1), mirror_degree(0.0), mirror_degree(0.5)
    (True, False, 0.5)
    >>> mirror_degree(-0.5)
    Traceback (most recent call last):
    ValueError: mirror must be True, False or a number from 0 to 1. Received: -0.5.
    """
    wanted = "mirror must be True, False or a number from 0 to 1"
    if not isinstance(mirror, numbers.Real | np.bool_):
        raise TypeError(f"{wanted}. Received: {mirror!r}.")
    if not 0 <= mirror <= 1:
        raise ValueError(f"{wanted}. Received: {mirror!r}.")
    return float(mirror) if 0 < mirror < 1 else bool(mirror)


def independent_share(degree: float) -> float:
    """How much of the second half of a weight mirrored to a degree is independent of the first.

    .. math:: \\sqrt{1 - r^2}

    in units of the standard deviation of an entry.

    Examples
    --------
    >>> independent_share(0.6)
    0.8
    """
    return math.sqrt((1 - degree) * (1 + degree))
