"""What experiments compute in: (dtype) -> a context in which Theano and BLAS do so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from utilityFunctions import floatX, theano


@contextmanager
def computing(dtype: str | None = None, threads: int | None = 1) -> Iterator[None]:
    """Theano computes in a dtype (floatX, if none is named), BLAS on so many threads.

    NumPy, SciPy and Theano each bring their own BLAS with its own threads, which spin while they
    wait: on a busy machine small products by turns in each are ten times slower with two.

    Examples
    --------
    >>> with computing("float64"):
    ...     floatX()
    'float64'
    """
    flags = theano.config.change_flags(floatX=dtype or floatX())
    with flags, threadpool_limits(limits=threads, user_api="blas"):
        yield
