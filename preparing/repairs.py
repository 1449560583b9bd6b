"""Mistakes of Theano 1.1.2 that are made good once it is imported."""

import zlib


def repairSlowConvolutions():
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


def repairCacheKeys():
    """Let what one process has compiled serve the next one, matrix products among it.

    Theano takes an operation without properties for one without a version, and compiles it in each
    process anew. Once a class is made nothing but that mistake reads `__props__`, and `_props_dict`
    still knows what it was. The version of C code from a file is Python's hash of it, which is
    another one in each process.
    """
    from theano.graph.op import COp, ExternalCOp

    hashed = ExternalCOp.c_code_cache_version
    ExternalCOp.c_code_cache_version = lambda op: (_checksum(op.func_codes), *hashed(op)[1:])
    operations = [COp]
    while operations:
        operation = operations.pop()
        operations += operation.__subclasses__()
        _giveProperty(operation)
    COp.__init_subclass__ = classmethod(_giveProperty)  # those that are made later, ours among them


def _giveProperty(operation):
    if operation.__dict__.get("__props__") == ():
        operation.__props__ = ("__class__",)


def _checksum(texts):
    return zlib.crc32("".join(texts).encode())
