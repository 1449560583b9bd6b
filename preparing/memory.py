"""What the C library does with memory that Theano frees."""

import ctypes
import os
from contextlib import suppress

# Theano frees what a call has computed. glibc gives it back to the system, which clears it page by
# page for the next call: a tenth of a training step. mallopt's numbers for what it is to keep, for
# blocks as large as it may take from there; of larger ones the mapping is the least cost.
KEPT_MEMORY = {-1: 2**30, -3: 2**25}  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD


def keepFreedMemory():
    """Let glibc keep freed memory, unless a MALLOC_ variable or GLIBC_TUNABLES says how much."""
    isSaid = any(name.startswith("MALLOC_") for name in os.environ)
    if isSaid or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", ""):
        return
    with suppress(AttributeError, OSError):  # another system's or library's malloc
        mallopt = ctypes.CDLL(None).mallopt
        for option, size in KEPT_MEMORY.items():
            mallopt(option, size)
