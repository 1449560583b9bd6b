"""utilityFunctions: how it prepares Theano (in fresh processes), and what its functions promise."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import utilityFunctions
from utilityFunctions import (
    T,
    cast,
    compileFunction,
    floatX,
    gradient,
    randomStream,
    sharedVar,
    theano,
    zeroClone,
    zeroShared,
)

ROOT = Path(utilityFunctions.__file__).resolve().parent
# Tells what a fresh process has become: the last line that it prints.
REPORT = """
import json, logging, os
from theano.compile.mode import optdb
names = ("theano.tensor.blas", "theano.configdefaults")
print(json.dumps({
    "blas": theano.config.blas__ldflags,
    "cxxflags": theano.config.gcc__cxxflags,
    "environment": os.environ.get("THEANO_FLAGS"),
    "spin": os.environ.get("OPENBLAS_THREAD_TIMEOUT"),
    "rewrite": "conv_openmp" in optdb,
    "filters": sum(len(logging.getLogger(name).filters) for name in names),
}))
"""


def python(code, **variables):
    """Run code in a fresh process without the Theano flags of this one, unless they are given."""
    unset = ("THEANO_FLAGS", "THEANORC", "OPENBLAS_THREAD_TIMEOUT", "LIBRARY_PATH")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    path = [variables.pop("PYTHONPATH", ""), str(ROOT)]
    environment.update(PYTHONPATH=os.pathsep.join(filter(None, path)), THEANORC=os.devnull)
    environment.update(variables)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def report(code, **variables):
    """The REPORT of a fresh process that ran code, and what it wrote to stderr."""
    done = python(code + REPORT, **variables)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def compileDirectory(folder):
    return f"base_compiledir={folder}"


# --- Preparation -----------------------------------------------------------------------------


def test_aFreshTheanoHasOpenblasAndTheRewriteAndLeavesTheEnvironmentAlone():
    pytest.importorskip("scipy_openblas32")
    flags = "gcc__cxxflags=-DUSERS_OWN"
    told, stderr = report("from utilityFunctions import theano", THEANO_FLAGS=flags)
    assert "-lscipy_openblas" in told["blas"]
    assert "-Dsgemm_=scipy_sgemm_" in told["blas"]
    assert told["cxxflags"].strip() == "-DUSERS_OWN"
    assert told["environment"] == flags
    assert told["spin"] is None
    assert told["rewrite"] == (utilityFunctions._coreCount() > 1)
    assert stderr == ""


def test_nothingBecomesFloat64():
    code = """
from utilityFunctions import *
x, W = T.matrix(), sharedVar([[1, 2], [3, 4]])
y = T.dot(x, W) * cast(0.5) + zeroClone(W) + zeroShared((1, 2)) + randomStream(1).normal((2, 2))
f = compileFunction([x], gradient(y.sum(), W))
assert f(cast([[1, 2], [3, 4]])).dtype == 'float32'
"""
    done = python(code, THEANO_FLAGS="floatX=float32,warn_float64=raise")
    assert (done.returncode, done.stderr) == (0, "")


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
    assert told["rewrite"] == (utilityFunctions._coreCount() > 1)


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
    monkeypatch.setattr(utilityFunctions, "_openblasFlags", lambda: "ours")
    assert utilityFunctions._theanoFlags(flags) == expected


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


def test_withoutCompilerItSaysSoOnceAndConvolves(tmp_path):
    code = """
from utilityFunctions import *
x, W = T.tensor4(), zeroShared((1, 1, 3, 3))
y = T.nnet.conv2d(x, W + 1, border_mode='half', subsample=(2, 2))
f = compileFunction([x], [y.sum(), gradient(y.sum(), W).sum()])
print([float(value) for value in f(cast([[[[1] * 4] * 4]]))])
"""
    flags = compileDirectory(tmp_path / "cache")
    done = python(code, PATH=str(tmp_path), THEANO_FLAGS=flags)
    # Windows that begin at rows -1 and 1: two and three rows of ones, and as many columns.
    assert done.stdout == "[25.0, 25.0]\n", done.stderr
    assert done.stderr.count("Warning") == done.stderr.count("apt install g++") == 1
    assert "WARNING" not in done.stderr


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


# --- Convolutions on all cores ---------------------------------------------------------------


def slowConvolution(x, W, stride):
    """Theano's conv2d with border_mode='half', a filter of 3x3 flipped as Theano flips it."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    rows, columns = ((side - 1) // stride + 1 for side in x.shape[2:])
    y = np.zeros((len(x), len(W), rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = padded[:, :, i * stride :, j * stride :][:, :, :3, :3]
            y[:, :, i, j] = np.einsum("nchw,ochw->no", window, W[:, :, ::-1, ::-1])
    return y


@pytest.fixture(scope="module")
def convolution():
    """x, W, the gradient of the output, and a function: x, g -> output, gradients of x and W."""
    rng = np.random.default_rng(5)
    x, W, g = (rng.standard_normal(shape) for shape in ((7, 2, 7, 6), (3, 2, 3, 3), (7, 3, 4, 3)))
    weight, image, outer = sharedVar(W), T.tensor4(), T.tensor4()
    y = T.nnet.conv2d(image, weight, border_mode="half", subsample=(2, 2))
    gradients = gradient((y * outer).sum(), [image, weight])
    return x, W, g, compileFunction([image, outer], [y, *gradients])


@pytest.mark.skipif(
    utilityFunctions._coreCount() == 1 or "openblas" not in theano.config.blas__ldflags,
    reason="one core alone, or another BLAS by the flags",
)
def test_convolutionsAreRewrittenToUseAllCores(convolution):
    nodes = [node.op for node in convolution[-1].maker.fgraph.toposort()]
    found = {type(op).__name__: op.openmp for op in nodes if "CorrMM" in type(op).__name__}
    assert found == {"CorrMM": True, "CorrMM_gradWeights": True, "CorrMM_gradInputs": True}


def test_convolutionAndItsGradientsEqualTheSlowOnes(convolution):
    x, W, g, f = convolution
    y, xGradient, WGradient = f(cast(x), cast(g))
    tolerance = 100 * np.finfo(floatX()).eps
    np.testing.assert_allclose(y, slowConvolution(x, W, 2), atol=20 * tolerance)
    # The map is bilinear: its derivative along any direction is the map of that direction.
    for direction in np.random.default_rng(6).standard_normal((3, *x.shape)):
        expected = (slowConvolution(direction, W, 2) * g).sum()
        assert (direction * xGradient).sum() == pytest.approx(expected, abs=200 * tolerance)
    for direction in np.random.default_rng(7).standard_normal((3, *W.shape)):
        expected = (slowConvolution(x, direction, 2) * g).sum()
        assert (direction * WGradient).sum() == pytest.approx(expected, abs=200 * tolerance)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_aForkedChildConvolves():
    code = """
import os, signal
from utilityFunctions import *
x, W = T.tensor4(), sharedVar([[[[1] * 3] * 3]])
f = compileFunction([x], T.nnet.conv2d(x, W, border_mode='half', subsample=(2, 2)))
image = cast([[[[1] * 4] * 4]] * 8)
parent, child = f(image), os.fork()
if not child:
    signal.alarm(20)  # OpenMP's threads are gone in a child: it would wait for them
    os._exit(0 if (f(image) == parent).all() else 1)
print(os.waitpid(child, 0)[1])
"""
    assert python(code).stdout == "0\n"


# --- Shared variables ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [3, 2.5, True, [[1, 2]], np.arange(3), np.ones((2, 2), "float16"), np.zeros((0, 4))]
)
def test_sharedVarCastsToFloatX(value):
    shared = sharedVar(value, name="W")
    assert (shared.dtype, shared.name, shared.ndim) == (floatX(), "W", np.ndim(value))
    np.testing.assert_array_equal(shared.get_value(), value)


def test_sharedVarFollowsFloatX():
    with theano.config.change_flags(floatX="float32"):
        assert sharedVar(1.5).dtype == zeroShared(3).dtype == cast(1).dtype == floatX() == "float32"


def test_sharedVarCopiesUnlessItBorrows():
    value = np.zeros(3, dtype=floatX())
    copied, borrowed = sharedVar(value), sharedVar(value, borrow=True)
    value[:] = 1
    assert (copied.get_value().sum(), borrowed.get_value().sum()) == (0, 3)


def test_sharedVarPassesTheBroadcastPattern():
    bias = sharedVar(np.zeros((1, 4, 1, 1)), broadcastable=(True, False, True, True))
    assert bias.broadcastable == (True, False, True, True)
    assert sharedVar(np.zeros((1, 4)), broadcastable=None).broadcastable == (False, False)


@pytest.mark.parametrize(
    ("value", "received"),
    [
        ("1.5", "'1.5' of dtype <U3"),
        (None, "None of dtype object"),
        ([1, None], "of dtype object"),
        (1j, "complex128"),
        (b"1", "dtype"),
        (np.array(["a"]), "<U1"),
        (np.datetime64("2020-01-01"), "datetime64"),
    ],
)
@pytest.mark.parametrize("function", [sharedVar, cast])
def test_whatIsNotRealNumbersIsRefused(function, value, received):
    with pytest.raises(TypeError, match=r"must be real numbers .* Received: ") as caught:
        function(value)
    assert received in str(caught.value)


def test_sharedVarRefusesASymbolicValue():
    with pytest.raises(TypeError, match=r"value must be real numbers .* a symbolic variable"):
        sharedVar(T.matrix())


@pytest.mark.parametrize("function", [sharedVar, zeroShared])
def test_anUnknownKeywordIsRefusedWithTheNearestOne(function):
    with pytest.raises(
        TypeError, match=r"unknown keyword 'broadcast'. Did you mean 'broadcastable'"
    ):
        function(3, broadcast=(True,))
    with pytest.raises(TypeError, match="Known: borrow, broadcastable, name"):
        function(3, zzz=1)


@pytest.mark.parametrize("pattern", [(True,), (True, True), (False, False, False), ()])
def test_aWrongBroadcastPatternIsRefused(pattern):
    with pytest.raises(ValueError, match=r"one bool for each axis.* Received: \(.*\(1, 3\)"):
        sharedVar([[1, 2, 3]], broadcastable=pattern)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"broadcastable": (1, 0)}, r"tuple of bools. Received: \(1, 0\)"),
        ({"broadcastable": True}, "tuple of bools. Received: True"),
        ({"name": 3}, "name must be a string or None. Received: 3"),
    ],
)
def test_keywordsOfAWrongKindAreRefused(keywords, message):
    with pytest.raises(TypeError, match=message):
        sharedVar([[1, 2, 3]], **keywords)


@pytest.mark.parametrize("shape", [(), 4, (2, 3), [1, 5], (0, 2), np.int64(3)])
def test_zeroSharedHasTheShape(shape):
    zeros = zeroShared(shape, name="zeros").get_value()
    assert (zeros.dtype, zeros.shape, zeros.any()) == (floatX(), np.zeros(shape).shape, False)


@pytest.mark.parametrize("shape", [2.0, (2, 3.0), "23", ("2",), None, True, (True, 2), {2, 3}])
def test_zeroSharedRefusesWhatIsNoShape(shape):
    with pytest.raises(TypeError, match=r"each side of shape must be a whole number. Received: "):
        zeroShared(shape)


def test_zeroSharedRefusesANegativeSide():
    with pytest.raises(ValueError, match=r"each side of shape must be at least 0. Received: -1"):
        zeroShared((2, -1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_zeroCloneKeepsShapeDtypeAndPattern(dtype):
    shared = theano.shared(np.ones((1, 3), dtype), broadcastable=(True, False))
    clone = zeroClone(shared, name="velocity")
    assert (clone.type, clone.name) == (shared.type, "velocity")
    np.testing.assert_array_equal(clone.get_value(), np.zeros((1, 3)))
    np.testing.assert_array_equal(shared.get_value(), np.ones((1, 3)))


@pytest.mark.parametrize("value", [T.matrix(), np.zeros(3), None])
def test_zeroCloneRefusesWhatIsNotShared(value):
    with pytest.raises(TypeError, match=r"must be a shared variable.* zeroShared. Received: "):
        zeroClone(value)


# --- cast ------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 0.1, True, np.float64(0.1), [1, 2], np.ones((2, 3), int)])
def test_castNumbersToFloatX(value):
    result = cast(value)
    assert (result.dtype, np.shape(result)) == (floatX(), np.shape(value))
    np.testing.assert_allclose(result, value, rtol=np.finfo(floatX()).eps)


def test_castSymbolicVariables():
    assert cast(T.lmatrix()).type == T.matrix().type
    with pytest.raises(TypeError, match="complex"):
        cast(T.zmatrix())


# --- Random streams --------------------------------------------------------------------------


def state(seed):
    return list(randomStream(seed).rstate)


def test_equalSeedsGiveEqualStreams():
    assert state(3) == state(np.int64(3)) == state(np.random.SeedSequence(3))
    assert state(np.random.default_rng(3)) == state(np.random.default_rng(3))
    assert state(2**100) == state(2**100)


def test_differentSeedsShareNothing():
    seeds = [0, 1, 2, 2**100, *np.random.SeedSequence(1).spawn(2), np.random.default_rng(1), None]
    words = [word for seed in [*seeds, None] for word in state(seed)]
    assert len(set(words)) == len(words) == 6 * 9


def test_aGeneratorMovesOn():
    rng = np.random.default_rng(3)
    assert state(rng) != state(rng)


def test_neighbouringSeedsAreUncorrelated():
    draws = [randomStream(seed).normal((50, 80)).eval().ravel() for seed in (10, 11)]
    # The correlation of n independent pairs scatters by 1/sqrt(n); five of these.
    assert abs(np.corrcoef(draws)[0, 1]) < 5 / np.sqrt(4000)


@pytest.mark.parametrize("seed", [True, 1.0, "1", [1, 2], np.random.RandomState(1)])
def test_aSeedOfAWrongKindIsRefused(seed):
    with pytest.raises(TypeError, match=r"seed must be None, an int.* Generator\. Received: "):
        randomStream(seed)


def test_aNegativeSeedIsRefused():
    with pytest.raises(ValueError, match=r"seed must not be negative\. Received: -1"):
        randomStream(-1)


# --- Deep graphs -----------------------------------------------------------------------------

UNOPTIMISED = theano.Mode(linker="py", optimizer=None)


def deepSum(x, depth=1500):
    for _ in range(depth):
        x = x + 1
    return x.sum()


def test_deepGraphsCompileAndHaveGradients():
    x = T.vector()
    with pytest.raises(RecursionError):
        theano.grad(deepSum(x), x)
    with pytest.raises(RecursionError):
        theano.function([x], deepSum(x), mode=UNOPTIMISED)
    slope = gradient(deepSum(x), x)
    f = compileFunction([x], [deepSum(x), slope], mode=UNOPTIMISED)
    assert [value.tolist() for value in f(cast([1, 2]))] == [3003, [1, 1]]


def test_theRecursionLimitIsRestoredAlsoAfterAnError():
    x, before = T.vector(), sys.getrecursionlimit()
    compileFunction([x], x, mode=UNOPTIMISED)
    assert sys.getrecursionlimit() == before
    with pytest.raises(theano.graph.fg.MissingInputError):
        compileFunction([], x)
    with pytest.raises(TypeError, match="cost must be a scalar"):
        gradient(x, x)
    assert sys.getrecursionlimit() == before


def test_compileFunctionPassesItsArgumentsOn():
    x, total = T.vector(), zeroShared(())
    f = compileFunction([x], updates=[(total, total + x.sum())], allow_input_downcast=True)
    assert f([1.5, 2]) == []
    assert total.get_value() == 3.5
    with theano.config.change_flags(floatX="float32"):
        y = T.vector()
        with pytest.raises(TypeError, match="allow_input_downcast"):
            compileFunction([y], y, mode=UNOPTIMISED)(np.array([0.1]))


def test_whatOneProcessCompilesServesTheNext():
    """Each operation has a version: Theano keeps what it compiles under it."""
    from theano.graph.fg import FunctionGraph
    from theano.link.c.basic import CLinker

    x, y = T.matrix(), T.matrix()
    function = compileFunction([x, y], T.specify_shape(T.dot(x, y), (2, 3)))
    nodes = [node for node in function.maker.fgraph.toposort() if hasattr(node.op, "c_code")]
    names = {type(node.op).__name__ for node in nodes}
    assert names >= {"Dot22", "SpecifyShape"}
    for node in nodes:
        alone = node.op.make_node(*(variable.type() for variable in node.inputs))
        version, _ = CLinker().accept(FunctionGraph(alone.inputs, alone.outputs)).cmodule_key()
        assert version, f"{node.op} would be compiled in each process"
