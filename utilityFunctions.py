"""The one door to Theano: it prepares Theano, then makes shared variables, streams and functions.

Every room that uses Theano gets it from here, `from utilityFunctions import T, theano`, since the
flags must stand before Theano's first import. At that import this module

- links PyPI's scipy-openblas32, unless THEANO_FLAGS or a .theanorc says `blas__ldflags`; where that
  OpenBLAS cannot be loaded, one warning says so and Theano calls NumPy's BLAS (an empty flag);
- drops the log record "Using NumPy C-API based implementation for BLAS functions", and no other;
- says once, without g++, what to install, and lets the slow convolutions run;
- registers the rewrite `conv_openmp`, which spreads the images of a convolution over the cores, and
  the samples of whatever operation says `sharesSamples`. `optimizer_excluding=conv_openmp` in
  THEANO_FLAGS turns it off; a forked child uses one core;
- lets glibc keep freed memory for the next call, unless a MALLOC_ variable says how much to keep;
- lets one process use what another has compiled, also of operations that have no properties.

A Theano that is imported already stays as it is: no flag, no rewrite, no filter. A script that
imports Theano before this module needs two lines in ~/.theanorc, since Theano 1.1.2 does not find
the BLAS of a NumPy of today and stops (module 'numpy.distutils.__config__' has no attribute
'blas_opt_info'):

    [blas]
    ldflags =
"""

import configparser
import ctypes
import functools
import logging
import os
import re
import sys
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import numpy as np

from lookslinear.errors import nearest, whole_number

__all__ = [
    "T", "cast", "compileFunction", "compilesOpenmp", "floatX", "gradient", "randomStream",
    "sharedVar", "theano", "zeroClone", "zeroShared",
]  # fmt: skip

# All BLAS routines that Theano's C code may call. PyPI's OpenBLAS prefixes its symbols by scipy_.
BLAS_ROUTINES = (
    "gemm gemv dot ger axpy scal copy swap nrm2 asum symm syrk trmm trsm rot rotg rotm rotmg"
)
# Idle OpenBLAS threads spin for 2**26 cycles. NumPy, SciPy and Theano each bring their own threads,
# so that calls which alternate fight for the cores (up to four times slower); 2**18 costs nothing.
SPIN_CYCLES_LOG2 = "18"
# Steps that idle threads of OpenMP spin, of 50 nanoseconds on processors of today.
OPENMP_SPINS = "3000"
RECURSION_LIMIT = 50_000
# 50,000 frames may need more C stack than the 8 MB of a main thread. Memory is taken when touched.
STACK_BYTES = 256 * 2**20
# Theano frees what a call has computed. glibc gives it back to the system, which clears it page by
# page for the next call: a tenth of a training step. mallopt's numbers for what it is to keep, for
# blocks as large as it may take from there; of larger ones the mapping is the least cost.
KEPT_MEMORY = {-1: 2**30, -3: 2**25}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
SHARED_KEYWORDS = ("borrow", "broadcastable", "name")


# --- Preparation ---------------------------------------------------------------------------------


def _prepareTheano():
    """Import Theano with what it needs today; one that is imported already is returned as is."""
    if sys.modules.get("theano") is not None:
        return sys.modules["theano"]
    _refuseNewPython()
    _dropRecord("theano.tensor.blas", "Using NumPy C-API based implementation for BLAS")
    _dropRecord("theano.configdefaults", "g++ not detected")  # ours names the package to install
    # Read when an OpenBLAS is loaded: ours by _theanoFlags, SciPy's by Theano.
    spin = os.environ.get("OPENBLAS_THREAD_TIMEOUT", SPIN_CYCLES_LOG2)
    with _environment("OPENBLAS_THREAD_TIMEOUT", spin):
        flags = _theanoFlags(os.environ.get("THEANO_FLAGS", ""))
        with _environment("THEANO_FLAGS", flags):
            prepared = _importTheano()
    if not prepared.config.cxx:
        _warnWithoutCompiler(prepared.config)
        _repairSlowConvolutions()
    else:
        _repairCacheKeys()
        if _coreCount() > 1:
            _registerConvRewrite()
    _keepFreedMemory()
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


@contextmanager
def _environment(name, value):
    """An environment variable for a while: a child process must find what the user has set."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


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


def _warnWithoutCompiler(config):
    if not type(config).cxx.is_default:  # whoever sets cxx to nothing knows it
        return
    warnings.warn(
        "g++ was not found: Theano runs Python loops instead of compiled code, many times slower. "
        "On Debian and Ubuntu: apt install g++",
        RuntimeWarning,
        stacklevel=2,
    )


def _repairSlowConvolutions():
    """Let the convolutions in Python run: Theano reads SciPy's at names that SciPy has given up."""
    from scipy.signal import _signaltools, _sigtools
    from theano.compile.mode import optdb
    from theano.tensor.nnet import abstract_conv

    abstract_conv._convolve2d = _sigtools._convolve2d
    abstract_conv._valfrommode = _signaltools._valfrommode
    abstract_conv._bvalfromboundary = _signaltools._bvalfromboundary
    abstract_conv.convolve = _signaltools.convolve
    abstract_conv.imported_scipy_signal = True
    # The check refuses what no C code replaces, although it has an implementation in Python.
    optdb.remove_tags("AbstractConvCheck", "fast_run", "fast_compile")


def _repairCacheKeys():
    """Let what one process has compiled serve the next one, matrix products among it.

    Theano takes an operation without properties for one without a version, and compiles it in each
    process anew. Once a class is made nothing but that mistake reads `__props__`. The version of
    C code from a file is Python's hash of it, which is another one in each process.
    """
    from theano.graph.op import COp, ExternalCOp

    hashed = ExternalCOp.c_code_cache_version
    ExternalCOp.c_code_cache_version = lambda op: (_checksum(op.func_codes), *hashed(op)[1:])
    operations = [COp]
    while operations:
        operation = operations.pop()
        operations += operation.__subclasses__()
        if operation.__dict__.get("__props__") == ():
            operation.__props__ = ("__class__",)


def _checksum(texts):
    return zlib.crc32("".join(texts).encode())


def _coreCount():
    hasAffinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if hasAffinity else os.cpu_count() or 1


def _registerConvRewrite():
    from theano.compile.mode import optdb
    from theano.graph.basic import Apply
    from theano.graph.opt import TopoOptimizer, copy_stack_trace, local_optimizer
    from theano.tensor.nnet.corr import BaseCorrMM

    def isShareable(op):
        if isinstance(op, BaseCorrMM):
            # Without a BLAS of its own the C code calls NumPy, which no thread but Python's may do.
            return not op.openmp and op.blas_type
        return getattr(op, "sharesSamples", False) and not op.openmp

    @local_optimizer(None)
    def conv_openmp(fgraph, node):
        if not isShareable(node.op) or not compilesOpenmp():
            return None
        options = {name: getattr(node.op, name) for name in node.op.__props__}
        parallel = type(node.op)(**options, openmp=True)
        outputs = [output.type() for output in node.outputs]
        copy_stack_trace(node.outputs, outputs)
        return Apply(parallel, node.inputs, outputs).outputs

    # After Theano has chosen the convolutions (48.7 checks that), before it merges equals (49).
    optdb.register("conv_openmp", TopoOptimizer(conv_openmp), 48.8, "fast_run")


def _keepFreedMemory():
    isSaid = any(name.startswith("MALLOC_") for name in os.environ)
    if isSaid or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    with suppress(AttributeError, OSError):  # another system's or library's malloc
        mallopt = ctypes.CDLL(None).mallopt
        for option, size in KEPT_MEMORY.items():
            mallopt(option, size)


@functools.cache
def compilesOpenmp():
    """Whether C code may share its loops among cores by OpenMP, whose threads are ready then.

    They are as many as the variable OMP_NUM_THREADS says, else one a core; one in a forked child.
    """
    from theano.graph.op import OpenMPOp

    if not OpenMPOp.test_gxx_support():
        return False
    # Between two calls threads spin for a tenth of a millisecond and then sleep: waking them takes
    # as long. Spinning on, the default, holds up the one that works on a busy machine.
    waiting = ("OMP_WAIT_POLICY", os.environ.get("OMP_WAIT_POLICY"))
    if waiting[1] is None:
        waiting = ("GOMP_SPINCOUNT", os.environ.get("GOMP_SPINCOUNT", OPENMP_SPINS))
    try:
        with _environment(*waiting):
            threads = ctypes.CDLL("libgomp.so.1")  # g++'s OpenMP, which reads it when loaded
    except OSError:
        return False
    # A forked child would wait for ever for the threads that its parent had: it works alone.
    os.register_at_fork(after_in_child=functools.partial(threads.omp_set_num_threads, 1))
    return True


theano = _prepareTheano()
T = theano.tensor


# --- What the other rooms use --------------------------------------------------------------------


def floatX():
    """The dtype of all numbers at present: 'float32', 'float64', 'float16'."""
    return theano.config.floatX


def cast(x):
    """Numbers, an array or a symbolic variable, of any shape, as floatX.

    TypeError for what is not made of real numbers.

    >>> str(cast([1, 2]).dtype) == str(cast(0.5).dtype) == cast(T.ivector()).dtype == floatX()
    True
    """
    if isinstance(x, theano.graph.basic.Variable):
        return T.cast(x, floatX())
    return _realNumbers(x, "x").astype(floatX(), copy=False)[()]


def sharedVar(value, **kwargs):
    """A shared variable of floatX with the shape of `value`.

    Keywords are Theano's `broadcastable` (a bool for each axis), `name` and `borrow`. TypeError for
    an unknown keyword and for values that are not real numbers, ValueError for a wrong pattern.

    >>> bias = sharedVar([[0, 0, 0]], name="bias", broadcastable=(True, False))
    >>> bias.dtype == floatX(), bias.broadcastable, bias.get_value().shape
    (True, (True, False), (1, 3))
    """
    for keyword in kwargs.keys() - set(SHARED_KEYWORDS):
        hint, known = nearest(keyword, SHARED_KEYWORDS), ", ".join(SHARED_KEYWORDS)
        raise TypeError(f"unknown keyword {keyword!r}.{hint} Known: {known}.")
    array = _realNumbers(value, "value").astype(floatX(), copy=False)
    if kwargs.get("broadcastable") is not None:
        kwargs["broadcastable"] = _checkedPattern(kwargs["broadcastable"], array.shape)
    if not isinstance(kwargs.get("name"), (str, type(None))):
        raise TypeError(f"name must be a string or None. Received: {kwargs['name']!r}.")
    return theano.shared(array, **kwargs)


def zeroShared(shape, **kwargs):
    """A shared variable of floatX zeros of `shape`; keywords and errors as in sharedVar.

    TypeError for a shape that is not made of integers, ValueError for negative ones.

    >>> zeroShared((1, 3), broadcastable=(True, False)).get_value().tolist()
    [[0.0, 0.0, 0.0]]
    """
    sides = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    sides = [whole_number(side, "each side of shape", least=0) for side in sides]
    return sharedVar(np.zeros(sides, dtype=floatX()), **kwargs)


def zeroClone(shared, name=None):
    """Shared zeros of the same shape, dtype and broadcast pattern as another shared variable.

    TypeError for what is not a shared variable.

    >>> momentum = zeroClone(sharedVar([[1, 2]], broadcastable=(True, False)), name="momentum")
    >>> momentum.get_value().tolist(), momentum.broadcastable
    ([[0.0, 0.0]], (True, False))
    """
    if not isinstance(shared, T.sharedvar.TensorSharedVariable):
        raise TypeError(
            "shared must be a shared variable of Theano; for a shape there is zeroShared. "
            f"Received: {type(shared).__name__}."
        )
    zeros = np.zeros_like(shared.get_value(borrow=True))
    return theano.shared(zeros, name=name, broadcastable=shared.broadcastable)


def randomStream(seed=None):
    """A stream of symbolic random variables of any shape: Theano's MRG_RandomStream.

    `seed` is None (fresh entropy), an int of 0 or more, a SeedSequence, or a Generator, which moves
    on. Equal ints give equal streams, neighbouring ints unrelated ones. ValueError for a negative
    int, TypeError for any other kind.

    >>> draws = [randomStream(seed).uniform((2, 3)).eval() for seed in (1, 1, 2)]
    >>> (draws[0] == draws[1]).all(), (draws[0] == draws[2]).any()
    (True, False)
    """
    from theano.sandbox.rng_mrg import M2, MRG_RandomStream

    from lookslinear.sampling import as_seed  # loads SciPy's BLAS, so not before the preparation

    # The generator's state is six numbers from 1 to M2 - 1: all of them from the seed's entropy.
    words = as_seed(seed).generate_state(6, np.uint64)
    return MRG_RandomStream([int(word) % (M2 - 1) + 1 for word in words])


def compileFunction(inputs, outputs=None, **kwargs):
    """`theano.function(inputs, outputs, **kwargs)` for graphs of any depth, such as 200 layers.

    Arguments and errors are Theano's own. The recursion limit is as before afterwards.

    >>> x = T.vector()
    >>> float(compileFunction([x], x.sum(), allow_input_downcast=True)([1, 2]))
    3.0
    """
    return _withDeepStack(theano.function, inputs, outputs, **kwargs)


def gradient(cost, wrt, **kwargs):
    """`theano.grad(cost, wrt, **kwargs)` for graphs of any depth: it recurses as compiling does.

    Returns a variable with the shape of `wrt`, or a list of them. Errors are Theano's own.

    >>> x = T.vector()
    >>> gradient((x**2).sum(), x).eval({x: cast([1, 2])}).tolist()
    [2.0, 4.0]
    """
    return _withDeepStack(theano.grad, cost, wrt, **kwargs)


_deepStack = threading.Lock()  # recursion limit and stack size belong to the whole process


def _withDeepStack(function, *args, **kwargs):
    with _deepStack, ThreadPoolExecutor(max_workers=1) as worker:
        limit, stack = sys.getrecursionlimit(), threading.stack_size(STACK_BYTES)
        sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
        try:
            return worker.submit(function, *args, **kwargs).result()
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(stack)


def _realNumbers(value, argument):
    isSymbolic = isinstance(value, theano.graph.basic.Variable)
    array = np.asarray(None if isSymbolic else value)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{argument} must be real numbers (bool, integer or float). Received: "
            f"{'a symbolic variable' if isSymbolic else f'{value!r} of dtype {array.dtype}'}."
        )
    return array


def _checkedPattern(broadcastable, shape):
    isSequence = isinstance(broadcastable, (tuple, list))
    pattern = tuple(broadcastable) if isSequence else (broadcastable,)
    if not isSequence or not all(isinstance(entry, (bool, np.bool_)) for entry in pattern):
        raise TypeError(f"broadcastable must be a tuple of bools. Received: {broadcastable!r}.")
    if len(pattern) != len(shape) or any(
        entry and side != 1 for entry, side in zip(pattern, shape, strict=True)
    ):
        raise ValueError(
            "broadcastable must have one bool for each axis, True only where the side is 1. "
            f"Received: {pattern} for the shape {shape}."
        )
    return pattern
