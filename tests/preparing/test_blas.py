"""preparing.blas: which BLAS is linked, from where, and what is said where it cannot be."""

import shutil
from pathlib import Path

import pytest

from preparing import blas
from tests.preparing.fresh import python, report


def test_theEmptyFlagOfAConfigFileIsKeptWithoutAWord(tmp_path):
    file = tmp_path / "theanorc"
    file.write_text("[blas]\nldflags =\n")
    told, stderr = report("from utilityFunctions import theano", THEANORC=str(file))
    assert (told["blas"], stderr) == ("", "")


@pytest.mark.parametrize(
    ("flags", "config", "expected"),
    [
        ("blas__ldflags=-lmine", "", "blas__ldflags=-lmine"),
        ("floatX=float32,blas__ldflags=", "", "floatX=float32,blas__ldflags="),
        ("blas.ldflags=-lmine", "", "blas__ldflags=-lmine"),
        ("openmp=False, blas.ldflags=", "", "openmp=False, blas__ldflags="),
        ("openmp=False", "[blas]\nldflags = -lmine", "openmp=False"),
        ("openmp=False", "[global]\nblas.ldflags = -lm", 'openmp=False,blas__ldflags="-lm"'),
        ("", "[global]\nblas__ldflags = -L/a -lm", ',blas__ldflags="-L/a -lm"'),
        ("", "[global]\nfloatX = float32", ',blas__ldflags="ours"'),
        ("gcc__cxxflags=-DX", "", 'gcc__cxxflags=-DX,blas__ldflags="ours"'),
    ],
)
def test_theUsersBlasWinsInEachSpelling(flags, config, expected, tmp_path, monkeypatch):
    file = tmp_path / "theanorc"
    file.write_text(config)
    monkeypatch.setenv("THEANORC", str(file))
    monkeypatch.setattr(blas, "_openblasFlags", lambda: "ours")
    assert blas._theanoFlags(flags) == expected


def test_aMissingOpenblasIsSaidOnceAndNumpyServes():
    code = "import sys; sys.modules['scipy_openblas32'] = None; from utilityFunctions import theano"
    told, stderr = report(code)
    assert told["blas"] == ""
    assert stderr.count("RuntimeWarning") == stderr.count("pip install scipy-openblas32") == 1


def test_openblasIsLinkedFromAPathWithASpace(tmp_path):
    package = pytest.importorskip("scipy_openblas32")
    shutil.copytree(Path(package.__file__).parent, tmp_path / "my folder" / "scipy_openblas32")
    code = """
from utilityFunctions import *
x = T.matrix()
print(compileFunction([x], T.dot(x, x))([[1, 2], [3, 4]]).tolist())
print([line.split()[-1] for line in open('/proc/self/maps') if 'my folder/scipy' in line][:1])
"""
    flags = f'floatX=float64,base_compiledir="{tmp_path / "my cache"}"'
    done = python(code, THEANO_FLAGS=flags, PYTHONPATH=str(tmp_path / "my folder"))
    assert done.stdout.splitlines()[0] == "[[7.0, 10.0], [15.0, 22.0]]", done.stderr
    assert "scipy_openblas" in done.stdout.splitlines()[1]
    assert list((tmp_path / "my cache").rglob("*.so"))
    assert done.stderr == ""
