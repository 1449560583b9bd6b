"""preparing.memory: what was freed stays for the next call, unless the user says how much."""

import platform

import pytest

from tests.preparing.fresh import python

CODE = """
import os
import utilityFunctions
import numpy as np

def resident():
    return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

before = resident()
block = np.ones(2**21)
del block
print(resident() - before > 2**23)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library's malloc")
@pytest.mark.parametrize(
    ("variables", "isKept"),
    [
        ({}, True),
        ({"MALLOC_TRIM_THRESHOLD_": "131072"}, False),
        ({"GLIBC_TUNABLES": "glibc.malloc.trim_threshold=131072"}, False),
    ],
)
def test_freedMemoryIsKeptUnlessTheUserSaysHowMuch(variables, isKept):
    done = python(CODE, **variables)
    assert done.stdout == f"{isKept}\n", done.stderr
