"""preparing.repairs: slow convolutions run, and what is compiled serves the next process."""

from utilityFunctions import T, compileFunction
from tests.preparing.fresh import compileDirectory, python


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


def test_eachOperationHasAVersion():
    """Theano keeps what it compiles under it."""
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


def test_whatOneProcessCompilesServesTheNext(tmp_path):
    """One module holds an operation of each kind that Theano would compile in each process.

    SpecifyShape has no properties, DoubledRelu has none and is made after the repair, DimShuffle
    is C code from a file.
    """
    code = """
from utilityFunctions import *
from layers.doubling import DoubledRelu
from theano.link.c.basic import get_module_cache
x = T.matrix()
y = DoubledRelu()(T.specify_shape(x, (1, 2)).dimshuffle(1, 0))
f = compileFunction([x], y, mode=theano.Mode(linker='c', optimizer=None))
assert f(cast([[1, -2]])).tolist() == [[1, 0], [0, 2]]
print(get_module_cache().stats[2])  # how often it has compiled
"""
    flags = compileDirectory(tmp_path)
    processes = [python(code, THEANO_FLAGS=flags, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    printed = [process.stdout for process in processes]
    assert printed == ["1\n", "0\n"], processes[0].stderr
