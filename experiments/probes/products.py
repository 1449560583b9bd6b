"""Matrix products that let other threads of Python work: a rewrite of Theano's graphs.

Theano's own product keeps the interpreter's lock, so that of two functions in two threads one
waits. BLAS's threads are no substitute: they wait for one another without sleeping, and where one
finds no free core, all are late by slices of the scheduler.
"""

from __future__ import annotations

from utilityFunctions import T, theano

_FUNCTION = """
static void unlocked_{letter}gemm(
    char *ta, char *tb, const int *m, const int *n, const int *k, const {real} *alpha,
    const {real} *a, const int *lda, const {real} *b, const int *ldb, const {real} *beta,
    {real} *c, const int *ldc)
{{
    Py_BEGIN_ALLOW_THREADS
    {letter}gemm_(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    Py_END_ALLOW_THREADS
}}
"""


class UnlockedDot22(T.blas.Dot22):
    """Theano's product of two matrices, without the interpreter's lock."""

    case_float_gemm = T.blas.Dot22.case_float_gemm.replace("sgemm_(", "unlocked_sgemm(")
    case_double_gemm = T.blas.Dot22.case_double_gemm.replace("dgemm_(", "unlocked_dgemm(")

    def c_support_code(self, **kwargs):
        """Theano's C code, and the two functions that release the lock."""
        functions = [
            _FUNCTION.format(letter=letter, real=real)
            for letter, real in (("s", "float"), ("d", "double"))
        ]
        return super().c_support_code(**kwargs) + "".join(functions)

    def c_code_cache_version(self):
        """Theano's, so that another version of it compiles anew."""
        version = super().c_code_cache_version()
        return (*version, 1) if version else version


def modeOfThreads():
    """Theano's mode, where products leave the interpreter's lock to others if they can."""
    mode = theano.compile.mode.get_default_mode()
    return mode.register((_rewrite, 49.5)) if locksAreReleased() else mode


def locksAreReleased() -> bool:
    """Whether products can do without the lock: without a BLAS of its own Theano calls NumPy."""
    return bool(theano.config.cxx and theano.config.blas__ldflags)


@theano.graph.opt.local_optimizer([T.blas.Dot22])
def _unlocked(fgraph, node):
    if type(node.op) is not T.blas.Dot22:
        return None
    output = UnlockedDot22()(*node.inputs)
    theano.graph.opt.copy_stack_trace(node.outputs[0], output)
    return [output]


_rewrite = theano.graph.opt.TopoOptimizer(_unlocked)
