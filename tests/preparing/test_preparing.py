"""preparing: what a fresh process becomes, with and without Theano and g++, in which order."""

import pytest

from preparing.openmp import coreCount
from tests.preparing.fresh import compileDirectory, python, report


def test_aFreshTheanoHasOpenblasAndTheRewriteAndLeavesTheEnvironmentAlone():
    pytest.importorskip("scipy_openblas32")
    flags = "gcc__cxxflags=-DUSERS_OWN"
    told, stderr = report("from utilityFunctions import theano", THEANO_FLAGS=flags)
    assert "-lscipy_openblas" in told["blas"]
    assert "-Dsgemm_=scipy_sgemm_" in told["blas"]
    assert told["cxxflags"].strip() == "-DUSERS_OWN"
    assert told["environment"] == flags
    assert told["spin"] is None
    assert told["rewrite"] == (coreCount() > 1)
    assert stderr == ""


def test_theanoIsKeptAsItIsWhenImportedBefore():
    told, stderr = report(
        "import theano; import utilityFunctions; assert utilityFunctions.theano is theano",
        THEANO_FLAGS="blas__ldflags=",
    )
    assert (told["blas"], told["rewrite"], told["filters"]) == ("", False, 0)
    # Theano's own warning, which only a preparation by this module may drop.
    assert stderr.count("Using NumPy C-API based implementation") == 1


def test_anImportOfTheanoThatFailedDoesNoHarm():
    code = """
try:
    import theano
except Exception as error:
    assert 'blas_opt_info' in str(error)
from utilityFunctions import theano
"""
    told, _ = report(code)
    assert told["rewrite"] == (coreCount() > 1)


def test_theFlagsStandAndNothingOfSciPyIsLoadedWhenTheanosImportBegins():
    code = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "theano":
            print("scipy" in sys.modules, "blas__ldflags" in os.environ["THEANO_FLAGS"])
            sys.exit()
sys.meta_path.insert(0, Watch())
import utilityFunctions
"""
    assert python(code).stdout == "False True\n"


def test_withoutCompilerByTheUsersWishItIsSilent(tmp_path):
    flags = "cxx=," + compileDirectory(tmp_path)
    assert python("import utilityFunctions", THEANO_FLAGS=flags).stderr == ""


@pytest.mark.parametrize(
    ("before", "message"),
    [
        (
            "sys.version_info = (3, 12, 1)",
            "does not support this Python; allowed are 3.10 and 3.11. Received: 3.12.",
        ),
        ("sys.modules['theano'] = None", "pip install theano-pymc==1.1.2"),
    ],
)
def test_withoutTheanoTheImportSaysWhatWorks(before, message):
    done = python(f"import sys; {before}; import utilityFunctions")
    lastLine = done.stderr.splitlines()[-1]
    assert lastLine.startswith("ImportError: ")
    assert message in lastLine
    assert "lookslinear works without Theano" in lastLine
