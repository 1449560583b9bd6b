"""Loops of compiled code that are shared among the cores by OpenMP."""

import ctypes
import functools
import os

from preparing.environment import environment

# Steps that idle threads of OpenMP spin, of 50 nanoseconds on processors of today.
OPENMP_SPINS = "3000"


def coreCount():
    """The cores that this process may use."""
    hasAffinity = hasattr(os, "sched_getaffinity")
    return len(os.sched_getaffinity(0)) if hasAffinity else os.cpu_count() or 1


def registerConvRewrite():
    """Register `conv_openmp`, which makes convolutions anew so that cores share their images.

    It does the same with the samples of whatever operation says `sharesSamples`; that takes its
    properties and `openmp=True` as arguments, as Theano's convolutions do.
    """
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
        parallel = type(node.op)(**node.op._props_dict(), openmp=True)
        outputs = [output.type() for output in node.outputs]
        copy_stack_trace(node.outputs, outputs)
        return Apply(parallel, node.inputs, outputs).outputs

    # After Theano has chosen the convolutions (48.7 checks that), before it merges equals (49).
    optdb.register("conv_openmp", TopoOptimizer(conv_openmp), 48.8, "fast_run")


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
        with environment(*waiting):
            threads = ctypes.CDLL("libgomp.so.1")  # g++'s OpenMP, which reads it when loaded
    except OSError:
        return False
    # A forked child would wait for ever for the threads that its parent had: it works alone.
    os.register_at_fork(after_in_child=functools.partial(threads.omp_set_num_threads, 1))
    return True
