"""utilityFunctions: what its functions promise."""

import sys

import numpy as np
import pytest

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
from tests.preparing.fresh import python


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
