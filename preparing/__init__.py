"""Preparing Theano 1.1.2 for the Python, NumPy and BLAS of today, at its first import.

`prepareTheano` does it, in an order that matters:

- before: two log records are dropped, "Using NumPy C-API based implementation for BLAS functions"
  and "g++ not detected", and no other; `blas` finds scipy-openblas32 and writes the flags, since
  Theano reads its flags at its import alone. THEANO_FLAGS or a .theanorc that says `blas__ldflags`
  wins. Where that OpenBLAS cannot be loaded, one warning says so and Theano calls NumPy's BLAS (an
  empty flag);
- after, with g++: `repairs` lets one process use what another has compiled, also of operations that
  have no properties or whose C code is a file. On several cores `openmp` registers the rewrite
  `conv_openmp`, which spreads the images of a convolution over them, and the samples of whatever
  operation says `sharesSamples`. `optimizer_excluding=conv_openmp` in THEANO_FLAGS turns it off; a
  forked child uses one core;
- after, without g++: one warning says what to install, and `repairs` lets slow convolutions run;
- last: `memory` lets glibc keep freed memory for the next call, unless a MALLOC_ variable or
  GLIBC_TUNABLES says how much.

Only `utilityFunctions` imports this room. Nothing here loads SciPy or Theano before its turn: what
needs one of them imports it inside the function.
"""

import logging
import sys
import warnings

from preparing.blas import blasFlags
from preparing.memory import keepFreedMemory
from preparing.openmp import compilesOpenmp, coreCount, registerConvRewrite
from preparing.repairs import repairCacheKeys, repairSlowConvolutions

__all__ = ["compilesOpenmp", "prepareTheano"]


def prepareTheano():
    """Import Theano with what it needs today; one that is imported already is returned as is."""
    if sys.modules.get("theano") is not None:
        return sys.modules["theano"]
    _refuseNewPython()
    _dropRecord("theano.tensor.blas", "Using NumPy C-API based implementation for BLAS")
    _dropRecord("theano.configdefaults", "g++ not detected")  # ours names the package to install
    with blasFlags():
        prepared = _importTheano()
    if not prepared.config.cxx:
        _warnWithoutCompiler(prepared.config)
        repairSlowConvolutions()
    else:
        repairCacheKeys()
        if coreCount() > 1:
            registerConvRewrite()
    keepFreedMemory()
    return prepared


def _refuseNewPython():
    if sys.version_info >= (3, 12):
        raise ImportError(
            "Theano-PyMC does not support this Python; allowed are 3.10 and 3.11. Received: "
            f"{sys.version_info[0]}.{sys.version_info[1]}. lookslinear works without Theano."
        )


def _importTheano():
    # An import that failed leaves submodules which have read the flags already: begin afresh.
    for name in [name for name in sys.modules if name.startswith("theano.")]:
        del sys.modules[name]
    try:
        import theano
    except ModuleNotFoundError as error:
        if error.name != "theano":
            raise
        raise ImportError(
            "Theano is not installed: pip install theano-pymc==1.1.2 'numpy<1.24' (Python 3.10 or "
            "3.11). lookslinear works without Theano."
        ) from error
    return theano


def _dropRecord(loggerName, beginning):
    logger = logging.getLogger(loggerName)
    logger.addFilter(lambda record: not str(record.msg).startswith(beginning))


def _warnWithoutCompiler(config):
    if not type(config).cxx.is_default:  # whoever sets cxx to nothing knows it
        return
    warnings.warn(
        "g++ was not found: Theano runs Python loops instead of compiled code, many times slower. "
        "On Debian and Ubuntu: apt install g++",
        RuntimeWarning,
        stacklevel=2,
    )
