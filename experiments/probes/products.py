"""Matrix products that share their work among cores: a rewrite of Theano's graphs.

Each core multiplies a part of the longer side by a call of BLAS of its own, and all meet at the
end alone. The threads of a BLAS wait for one another in the middle, without sleeping; threads of
Python are fewer products at a time, but hand the interpreter's lock to and fro.
"""

from __future__ import annotations

import zlib

from utilityFunctions import T, compilesOpenmp, theano

#: So many multiplications pay for waking the other cores.
SHARED_WORK = 2**24
#: Parts are multiples of what the loops of a BLAS take at once.
_GRAIN = 16

_FUNCTION = """
static void shared_{letter}gemm(
    char *ta, char *tb, const int *m, const int *n, const int *k, const {real} *alpha,
    {real} *a, const int *lda, {real} *b, const int *ldb, const {real} *beta,
    {real} *c, const int *ldc)
{{
    const int by_rows = *m >= *n, side = by_rows ? *m : *n;
    const int shared = (double)*m * *n * *k >= {work}, most = side / {grain} + 1;
    int parts = shared ? omp_get_max_threads() : 1;
    if (parts > most) parts = most;
    const size_t step_a = by_rows ? (*ta == 'N' ? 1 : *lda) : 0;
    const size_t step_b = by_rows ? 0 : (*tb == 'N' ? *ldb : 1);
    const size_t step_c = by_rows ? 1 : *ldc;
    #pragma omp parallel for num_threads(parts) schedule(static, 1) if (parts > 1)
    for (int part = 0; part < parts; part++) {{
        const int grains = side / {grain};
        const int first = (int)((long)grains * part / parts) * {grain};
        const int stop = part + 1 < parts
            ? (int)((long)grains * (part + 1) / parts) * {grain} : side;
        int size = stop - first;
        {letter}gemm_(ta, tb, by_rows ? &size : (int *)m, by_rows ? (int *)n : &size, (int *)k,
                      ({real} *)alpha, a + first * step_a, (int *)lda, b + first * step_b,
                      (int *)ldb, ({real} *)beta, c + first * step_c, (int *)ldc);
    }}
}}
"""


class SharedDot22(T.blas.Dot22):
    """Theano's product of two matrices, by all cores that OpenMP may use."""

    case_float_gemm = T.blas.Dot22.case_float_gemm.replace("sgemm_(", "shared_sgemm(")
    case_double_gemm = T.blas.Dot22.case_double_gemm.replace("dgemm_(", "shared_dgemm(")

    def c_support_code(self, **kwargs):
        """Theano's C code, and the two functions that share."""
        functions = [
            _FUNCTION.format(letter=letter, real=real, work=SHARED_WORK, grain=_GRAIN)
            for letter, real in (("s", "float"), ("d", "double"))
        ]
        return super().c_support_code(**kwargs) + "".join(functions)

    def c_headers(self, **kwargs):
        """Theano's, and OpenMP's."""
        return [*super().c_headers(**kwargs), "<omp.h>"]

    def c_compile_args(self, **kwargs):
        """Theano's, and OpenMP's."""
        return [*super().c_compile_args(**kwargs), "-fopenmp"]

    def c_code_cache_version(self):
        """Theano's and that of the functions, so that another text of either compiles anew."""
        version = super().c_code_cache_version()
        return (*version, zlib.crc32(_FUNCTION.encode()), SHARED_WORK) if version else version


def modeOfSharedProducts():
    """Theano's mode, where products are shared if they can be."""
    mode = theano.compile.mode.get_default_mode()
    return mode.register((_rewrite, 49.5)) if productsAreShared() else mode


def productsAreShared() -> bool:
    """Whether products can be shared: without a BLAS of its own Theano calls NumPy, as one thread.

    >>> productsAreShared() in (True, False)
    True
    """
    return bool(theano.config.cxx and theano.config.blas__ldflags) and compilesOpenmp()


@theano.graph.opt.local_optimizer([T.blas.Dot22])
def _shared(fgraph, node):
    if type(node.op) is not T.blas.Dot22:
        return None
    output = SharedDot22()(*node.inputs)
    theano.graph.opt.copy_stack_trace(node.outputs[0], output)
    return [output]


_rewrite = theano.graph.opt.TopoOptimizer(_shared)
