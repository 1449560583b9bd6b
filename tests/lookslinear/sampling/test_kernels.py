"""Compiled kernels and their NumPy form: the same bits on every processor, and exact enough."""

import ast
import math
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from lookslinear.sampling import kernels, transforms
from lookslinear.sampling.seeds import Streams

HOUSE = Path(__file__).resolve().parents[3]
SOURCE = HOUSE / "lookslinear" / "sampling" / "kernels.c"
COMPILER = shutil.which("gcc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="gcc is not there")
#: What processors the kernels are built for: several in one library, or one alone.
PROCESSORS = {"clones": [], "plain": ["-DCLONES="]}
if "avx2" in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else False:
    PROCESSORS["avx2"] = ["-DCLONES=", "-mavx2"]
SIZES = (1, 2, 255, 256, 257, 511, 512, 513, 70_001)


@pytest.fixture(scope="module", params=PROCESSORS)
def library(request, tmp_path_factory):
    """The kernels, compiled as the distribution compiles them."""
    if COMPILER is None:
        pytest.skip("gcc is not there")
    path = tmp_path_factory.mktemp(request.param) / "kernels.so"
    compile_kernels(path, *PROCESSORS[request.param])
    return kernels.load(str(path))


def flags():
    """What setup.py asks of the compiler."""
    for node in ast.parse((HOUSE / "setup.py").read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "EXACT_AND_FAST":
            return ast.literal_eval(node.value)


def compile_kernels(path, *options):
    include = f"-I{sysconfig.get_path('include')}"
    own = ["-Wall", "-Werror", "-DPy_LIMITED_API=0x030a0000", "-shared", "-fPIC"]
    command = [COMPILER, *flags(), *own, *options, include, SOURCE, "-o", path, "-lm"]
    subprocess.run(list(map(str, command)), check=True)


def streams(library, seed):
    words = Streams(np.random.default_rng(seed), 1)[0]
    return kernels.Stream(words, library), transforms.Stream(words)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("dtype", "factor"), [("float32", 2.0**-31), ("float64", 0.3)])
def test_odd_integers_are_the_same_bits(library, size, dtype, factor):
    drawn, expected = np.empty((2, size), dtype)
    for compiled, plain in [streams(library, size)] * 2:  # the second time of a stream in use
        compiled.odd(drawn, factor)
        plain.odd(expected, factor)
        assert drawn.tobytes() == expected.tobytes()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("deviation", [1.0, 0.3, 1e-40, 3e37, 0.0])
def test_normal_numbers_are_the_same_bits(library, size, deviation):
    drawn, expected = np.empty((2, size), "float32")
    for compiled, plain in [streams(library, size)] * 2:
        compiled.normal(drawn, deviation)
        plain.normal(expected, deviation)
        assert drawn.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 31, 32, 33, 1000])
@pytest.mark.parametrize("offered", [0, 1, 20, 1000])
def test_the_same_numbers_are_replaced(library, size, offered, dtype):
    rng = np.random.default_rng(size + offered)
    numbers, candidates = rng.standard_normal(size), rng.standard_normal(offered)
    drawn, expected = numbers.astype(dtype), numbers.astype(dtype)
    done = kernels.replace_beyond(drawn, 1.0, candidates.astype(dtype), library)
    assert done == transforms.replace_beyond(expected, 1.0, candidates.astype(dtype))
    assert drawn.tobytes() == expected.tobytes()
    assert (np.abs(drawn[:done]) <= 1).all()
    untouched = np.abs(numbers) <= 1
    assert (drawn[untouched] == numbers.astype(dtype)[untouched]).all()


@pytest.mark.parametrize("length", [1, 15, 16, 17, 1000])
def test_sums_of_squares_are_exact_in_double_precision(library, length):
    rows = np.random.default_rng(length).standard_normal((7, length)).astype("float32")
    expected = [math.fsum(float(x) ** 2 for x in row) for row in rows]
    # Squares of single precision are exact in double; a sum of n is off by n / 2 units at most.
    tolerance = length * np.finfo(float).eps
    np.testing.assert_allclose(kernels.square_sums(rows, library), expected, rtol=tolerance)
    np.testing.assert_allclose(transforms.square_sums(rows), expected, rtol=tolerance)


def test_contracted_operations_would_be_seen(tmp_path):
    """Mutant: a compiler that joins products and sums rounds once where NumPy rounds twice."""
    if COMPILER is None or "avx2" not in PROCESSORS:
        pytest.skip("no compiler, or no processor, that joins them")
    compile_kernels(tmp_path / "kernels.so", "-DCLONES=", "-mfma", "-ffp-contract=fast")
    compiled, plain = streams(kernels.load(str(tmp_path / "kernels.so")), 0)
    drawn, expected = np.empty((2, 10_000), "float32")
    compiled.normal(drawn, 1.0)
    plain.normal(expected, 1.0)
    assert (drawn != expected).any()


# Exactness


def test_the_log_is_exact_to_a_few_units_of_the_last_digit():
    fractions = np.float32(1) - np.arange(1, 10_000, dtype=np.float32) * np.float32(2.0**-24)
    fractions = np.concatenate([fractions, np.geomspace(2.0**-31, 1, 10**6)[:-1].astype("f4")])
    expected = np.log(fractions.astype(float))
    error = np.abs(transforms._log(fractions) / expected - 1)
    assert error.max() < 3 * np.finfo("f4").eps


def test_the_angle_is_exact_to_a_few_units_of_the_last_digit():
    angles = np.arange(1, 2**32, 4001, dtype=np.uint32)
    cosines, sines = (part.astype(float) for part in transforms._cosines_and_sines(angles))
    turns = angles.astype(float) * 2.0**-32 * 2 * np.pi
    np.testing.assert_allclose(cosines, np.cos(turns), rtol=0, atol=2 * np.finfo("f4").eps)
    np.testing.assert_allclose(sines, np.sin(turns), rtol=0, atol=2 * np.finfo("f4").eps)
    # In quarters of a turn the signs and places are those of the circle.
    assert np.abs(np.hypot(cosines, sines) - 1).max() < 2 * np.finfo("f4").eps


# Where there are none


def run(script, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


DRAWING = """
import hashlib, sys
from importlib import machinery, util
{before}
from lookslinear.laws import FAMILIES, dense_law
from lookslinear.sampling import draw, kernels, sources
drawn = [draw(dense_law(300, 200, family, 0.5), 7) for family in FAMILIES if family != "haar"]
print(sources.MAKING.__name__)
print(hashlib.sha256(b"".join(weight.tobytes() for weight in drawn)).hexdigest())
"""
WITHOUT = """
find = util.find_spec
util.find_spec = lambda name, *more: None if name.endswith("._kernels") else find(name, *more)
"""
FOUND_ELSEWHERE = """
util.find_spec = lambda name, *more: machinery.ModuleSpec(name, None, origin={path!r})
"""


@pytest.mark.skipif(kernels.library() is None, reason="the kernels are not built")
def test_a_seed_gives_the_same_bits_with_and_without_kernels(tmp_path):
    compiled = run(DRAWING.format(before=""), tmp_path)
    plain = run(DRAWING.format(before=WITHOUT), tmp_path)
    assert [name for name, _ in (compiled, plain)] == [
        "lookslinear.sampling.kernels",
        "lookslinear.sampling.transforms",
    ]
    assert compiled[1] == plain[1]


@needs_compiler
@pytest.mark.parametrize("kind", ["no library", "another version"])
def test_a_file_that_is_no_such_library_is_left_alone(kind, tmp_path):
    path = tmp_path / "_kernels.so"
    if kind == "no library":
        path.write_bytes(b"\x7fELF and no more")
    else:
        compile_kernels(path, "-Dversion_2=version_1")
    with pytest.raises(OSError, match=r"_kernels\.so"):
        kernels.load(str(path))
    before = FOUND_ELSEWHERE.format(path=str(path))
    assert run(DRAWING.format(before=before), tmp_path)[0] == "lookslinear.sampling.transforms"


def test_pages_that_are_given_at_once_keep_what_is_in_the_array():
    numbers = np.arange(300_000.0)
    for array in (numbers, numbers[5:-7], numbers[:0], numbers[::2], numbers.reshape(500, -1).T):
        before = array.copy()
        kernels.populate(array)
        assert (array == before).all()
