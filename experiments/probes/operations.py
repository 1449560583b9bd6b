"""What the probes' operations of C have in common: (names of variables, code, file) -> an Op."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from utilityFunctions import theano

#: What C code is made for, and how NumPy's C interface calls it.
REALS = {"float32": ("npy_float", "NPY_FLOAT32"), "float64": ("npy_double", "NPY_FLOAT64")}


class Operation(theano.graph.op.COp):
    """An operation in C: a class says the names of inputs and outputs, the code, and its files.

    `constants` are whole numbers that the files share with Python.
    """

    __props__ = ("name",)
    name = code = ""
    inputs = outputs = ()
    support: Sequence[Path]
    constants: Mapping[str, int] = MappingProxyType({})

    def c_support_code(self, **kwargs):
        """The functions that the code calls, after the constants."""
        constants = [f"enum {{ {name} = {value} }};\n" for name, value in self.constants.items()]
        return "".join(constants + [path.read_text(encoding="utf-8") for path in self.support])

    def c_code_cache_version(self):
        """A checksum of the code: Theano looks at nothing else of it."""
        return (zlib.crc32((self.code + self.c_support_code()).encode()), *self._props())

    def c_code(self, node, name, inputs, outputs, sub):
        """The code with the names of its variables, and the type of its numbers.

        That is the only real one among its variables, but for sums in double precision.
        """
        names = dict(zip((*self.inputs, *self.outputs), (*inputs, *outputs), strict=True))
        dtypes = [variable.dtype for variable in (*node.inputs, *node.outputs)]
        real, number = next(REALS[dtype] for dtype in dtypes if dtype in REALS)
        return self.code % {**names, "real": real, "number": number, "fail": sub["fail"]}


def compiles() -> bool:
    """Whether there is a compiler for them.

    >>> compiles() in (True, False)
    True
    """
    return bool(theano.config.cxx)
