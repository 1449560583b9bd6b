"""Weight initialisation as stated laws: drawn, predicted with and checked against.

NumPy and SciPy only, and threadpoolctl, which holds their BLAS to one thread. The rooms: `fans`,
`laws`, `sampling`, `arranging`, `activations`, `theory`, `measures`, `checks`, `audit`, the
`catalogue` with its `references` and `citing`, and in Keras's convention `initializers` and
`backend`. The three names used most are here too, imported when first asked for:

>>> import lookslinear
>>> lookslinear.draw.__module__
'lookslinear.sampling'
"""

import importlib

__version__ = "0.1.0"

_LAZY = {"WeightLaw": "laws", "draw": "sampling", "check_draw": "checks"}
__all__ = list(_LAZY)


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
