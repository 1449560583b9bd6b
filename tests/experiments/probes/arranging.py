"""Ways in which matrices of single precision may be arranged: by the processor, and by hand."""

from contextlib import contextmanager

import numpy as np
import pytest

from experiments.probes import kinds, panels

#: Three pieces of each number, where there is a matrix unit, and panels everywhere.
WAYS = ("pieces", "panels")


@contextmanager
def arranged(way):
    """Within it, matrices are arranged so; a test is skipped where the processor cannot."""
    _allow(matrixUnit=way == "pieces")
    try:
        if way == "pieces" and not areInPieces():
            pytest.skip("the processor has no matrix unit that the system lets us use")
        yield
    finally:
        _allow(matrixUnit=True)


def areInPieces():
    """Whether they are now: pieces take half as much memory again."""
    return panels.panelsOf(np.zeros((64, 64), "float32")).panels.size > 64 * 64


def _allow(matrixUnit):
    panels.CONSTANTS["BY_MATRIX_UNIT"] = int(matrixUnit)
    for compiled in (panels._packing, panels._drawing, kinds._compiledOnce):
        compiled.cache_clear()
