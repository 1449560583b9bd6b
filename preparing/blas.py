"""The BLAS that Theano links: PyPI's scipy-openblas32, unless the user names another one."""

import configparser
import ctypes
import os
import re
import sys
import warnings
from contextlib import contextmanager

from preparing.environment import environment

# All BLAS routines that Theano's C code may call. PyPI's OpenBLAS prefixes its symbols by scipy_.
BLAS_ROUTINES = (
    "gemm gemv dot ger axpy scal copy swap nrm2 asum symm syrk trmm trsm rot rotg rotm rotmg"
)
# Idle OpenBLAS threads spin for 2**26 cycles. NumPy, SciPy and Theano each bring their own threads,
# so that calls which alternate fight for the cores (up to four times slower); 2**18 costs nothing.
SPIN_CYCLES_LOG2 = "18"


@contextmanager
def blasFlags():
    """While Theano is imported: the flags that link its BLAS, and how long BLAS threads spin."""
    # Read when an OpenBLAS is loaded: ours by _theanoFlags, SciPy's by Theano.
    spin = os.environ.get("OPENBLAS_THREAD_TIMEOUT", SPIN_CYCLES_LOG2)
    with environment("OPENBLAS_THREAD_TIMEOUT", spin):
        flags = _theanoFlags(os.environ.get("THEANO_FLAGS", ""))
        with environment("THEANO_FLAGS", flags):
            yield


def _theanoFlags(userFlags):
    """The user's THEANO_FLAGS, completed by `blas__ldflags` where he is silent on it."""
    # Theano 1.1.2 ignores the spelling with a dot, which its older documentation teaches.
    userFlags = re.sub(r"(^|,)(\s*)blas\.ldflags=", r"\1\2blas__ldflags=", userFlags)
    inFiles = _configuredBlas()
    if re.search(r"(^|,)\s*blas__ldflags=", userFlags) or inFiles.has_option("blas", "ldflags"):
        return userFlags
    for spelling in ("blas.ldflags", "blas__ldflags"):  # ignored by Theano in its files, too
        if inFiles.has_option("global", spelling):
            return f'{userFlags},blas__ldflags="{inFiles.get("global", spelling)}"'
    return f'{userFlags},blas__ldflags="{_openblasFlags()}"'


def _configuredBlas():
    files = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
    parser = configparser.RawConfigParser()
    parser.read([os.path.expanduser(name) for name in files])
    return parser


def _openblasFlags():
    """The value of `blas__ldflags` for PyPI's OpenBLAS; empty, with a warning, where it fails."""
    try:
        name = _loadOpenblas()
    except (ImportError, OSError, AttributeError, IndexError) as error:
        warnings.warn(
            f"The OpenBLAS of PyPI's scipy-openblas32 cannot be linked ({error}), so Theano calls "
            "NumPy's BLAS, which is slower for convolutions: pip install scipy-openblas32",
            RuntimeWarning,
            stacklevel=2,
        )
        return ""
    renamed = [f"{kind}{routine}_" for kind in "sdcz" for routine in BLAS_ROUTINES.split()]
    renamed += ["openblas_get_num_threads", "openblas_set_num_threads"]
    return " ".join([f"-l{name}", *(f"-D{symbol}=scipy_{symbol}" for symbol in renamed)])


def _loadOpenblas():
    """Load PyPI's OpenBLAS, let g++ find it, and return its name for the linker.

    Theano splits its flags at each space, so a folder with a space in its name cannot be told to
    it by -L and -rpath. g++ reads such a folder from LIBRARY_PATH, and the loader does not search
    for a library that is loaded already. Loaded locally: SciPy's own OpenBLAS has the same symbols.
    """
    if sys.platform != "linux":
        raise OSError(f"tried on Linux alone, received {sys.platform}")
    import scipy_openblas32

    folder = scipy_openblas32.get_lib_dir()
    path = os.path.join(folder, scipy_openblas32.get_library(fullname=True))
    if os.pathsep in folder:
        raise OSError(f"its folder contains {os.pathsep!r}: {folder}")
    ctypes.CDLL(path, mode=ctypes.RTLD_LOCAL).scipy_sgemm_  # noqa: B018, raises if missing
    known = os.environ.get("LIBRARY_PATH", "").split(os.pathsep)
    if folder not in known:
        os.environ["LIBRARY_PATH"] = os.pathsep.join([folder, *filter(None, known)])
    return scipy_openblas32.get_library()
