"""Block boundaries where tests can reach them: with the sizes as they are, and with tiny ones."""

from contextlib import contextmanager

import numpy as np
import pytest

from lookslinear import sampling
from lookslinear.sampling import entries, frames, reflections
from lookslinear.sampling.entries import drawn_dtype
from lookslinear.sampling.seeds import Streams

#: Reflections a block and columns a panel, where a test makes them small.
BLOCK, PANEL = 4, 8


def sizes_about_boundaries(family, dtype):
    """Numbers of entries on both sides of each place where `entries` cuts or changes its method."""
    few, block = entries.FEW[family], entries.BLOCK_BYTES // drawn_dtype(dtype).itemsize
    return [1, 2, 3, few - 1, few, few + 1, block - 1, block, block + 1, 3 * block + 7]


def side_about_small():
    """The largest square frame that LAPACK makes in one call."""
    side = round(frames.SMALL ** (1 / 3))
    return side - 1 if side**3 >= frames.SMALL else side


@contextmanager
def small_blocks(block=BLOCK, panel=PANEL):
    """Within it every array of more than eight entries is drawn in many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entries, "BLOCK_BYTES", 2**9)
        patch.setattr(entries, "FEW", dict.fromkeys(entries.FEW, 8))
        patch.setattr(frames, "FEW", 8)
        patch.setattr(frames, "SMALL", 0)
        patch.setattr(frames, "_SIZES", ((0, (block, panel)),))
        yield


@contextmanager
def one_call():
    """Within it every frame is made by one call of LAPACK, its numbers by streams or by NumPy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "SMALL", np.inf)
        yield


#: Both ways to make a frame, whatever its size.
PATHS = {"one call": one_call, "blocks": small_blocks}


@contextmanager
def replaced(name, value):
    """Within it the package's rooms that use this function or class use another one."""
    with pytest.MonkeyPatch.context() as patch:
        for room in (sampling, entries, frames, reflections):
            if hasattr(room, name):
                patch.setattr(room, name, value)
        yield


class OneStream(Streams):
    """Mutant: the numbers of every block are those of the first."""

    def __getitem__(self, index):
        return super().__getitem__(0)
