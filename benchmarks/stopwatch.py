"""The measured process: one library, which draws what it is asked for and says how long it took.

    python benchmarks/stopwatch.py NAME DTYPE

It runs in the environment of the Python that runs it, and imports no more than the library needs.
"""

import functools
import gc
import importlib.metadata
import platform
import resource
import sys
import time

from libraries import LIBRARIES
from workers import serve


def timed(draw, shapes, loops):
    """Seconds and page faults of drawing all shapes, on average over the loops, and cores busy.

    `kernel` is the share of the time that was spent in the system.
    """
    if loops > 1:
        [draw(shape) for shape in shapes]  # the process has slept
    gc.disable()
    before, began = _used(), time.perf_counter()
    for _ in range(loops):
        weights = [draw(shape) for shape in shapes]
    seconds = time.perf_counter() - began
    busy, kernel, faults = (after - one for after, one in zip(_used(), before, strict=True))
    del weights
    gc.enable()
    shares = {"cores": busy / seconds, "kernel": kernel / seconds}
    return {"seconds": seconds / loops, "faults": faults / loops, **shares}


def _used():
    """Seconds of all cores, those of them in the system, and page faults, up to now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_stime, usage.ru_minflt


def answered(drawings, question):
    """What `timed` says to a question, or {'failed': why} where it could not be drawn."""
    shapes = [tuple(shape) for shape in question["shapes"]]
    try:
        return timed(_known(question["law"], drawings), shapes, question["loops"])
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}".splitlines()[0]}


def _known(law, drawings):
    if law not in drawings:
        from lookslinear.errors import unknown_name  # here: a peer's process loads no SciPy for it

        raise unknown_name("law", law, drawings)
    return drawings[law]


def greeting(name, dtype):
    """The library's drawings, and its first words: what it draws, and its versions."""
    library = LIBRARIES[name]
    try:
        drawings = library.drawings(dtype)
    except Exception as error:
        return {}, {"failed": f"{type(error).__name__}: {error}"}
    versions = {package: importlib.metadata.version(package) for package in library.packages}
    return drawings, {
        "laws": list(drawings),
        "versions": versions,
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    drawings, words = greeting(*sys.argv[1:])
    serve(words, functools.partial(answered, drawings))
