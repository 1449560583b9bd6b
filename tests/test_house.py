"""The house itself: who may import whom, who may draw, how long a file may be."""

import ast
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
STANDARD = set(sys.stdlib_module_names)
#: Each room, and what of this project its files may import. `lookslinear` stands for all of it.
ROOMS = {
    "lookslinear": set(),
    "preparing": set(),
    "utilityFunctions": {"preparing", "lookslinear"},
    "initialising": {"utilityFunctions", "lookslinear"},
    "initialisations": {"initialising", "lookslinear"},
    "layers": {"initialisations", "utilityFunctions", "lookslinear"},
    "training": {"layers", "initialisations", "utilityFunctions", "lookslinear"},
    "experiments": {
        "training",
        "layers",
        "initialisations",
        "utilityFunctions",
        "lookslinear",
    },
}
#: Each room, and what it may import from outside.
OUTSIDE = {
    "lookslinear": {"numpy", "scipy", "threadpoolctl"},  # the last to hold BLAS to one thread
    "preparing": {"scipy", "theano", "scipy_openblas32"},
    "utilityFunctions": {"numpy", "theano"},
    "initialising": {"numpy"},
    "initialisations": set(),
    "layers": {"numpy", "rich", "theano"},  # rich for Sequential.summary()
    "training": {"numpy", "pandas", "rich", "safetensors"},  # pandas for tables of changes
    "experiments": {
        "jinja2", "numpy", "pandas", "matplotlib", "rich", "safetensors", "sklearn",
        "threadpoolctl", "tyro",
        "filelock", "yaml", "tomli", "plotly",
        "dask", "distributed", "dask_jobqueue", "dask_kubernetes", "mpi4py",
    },
}  # fmt: skip
#: Rooms inside lookslinear that never import one another.
STRANGERS = ("theory", "measures", "sampling")
#: numpy.random attributes that draw nothing themselves.
SEEDING = {"Generator", "SeedSequence", "SFC64", "bit_generator", "default_rng", "get_state"}


def filesOf(room):
    if (HOUSE / f"{room}.py").exists():
        return [HOUSE / f"{room}.py"]
    return sorted((HOUSE / room).rglob("*.py"))


def importedNames(source):
    """The dotted names that a file imports, at its head or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports name their room in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbiddenImports(room, source):
    """The names that a file of this room imports against the table."""
    allowed = ROOMS[room] | OUTSIDE[room] | STANDARD | {room}
    return [name for name in importedNames(source) if name.split(".")[0] not in allowed]


ALL_FILES = [(room, path) for room in ROOMS for path in filesOf(room)]


@pytest.mark.parametrize(
    ("room", "path"), ALL_FILES, ids=lambda value: getattr(value, "name", value)
)
def test_importsGoOneWay(room, path):
    assert forbiddenImports(room, path.read_text(encoding="utf-8")) == []


def test_theTableRefusesWhatGoesTheOtherWay():
    assert forbiddenImports("lookslinear", "import theano") == ["theano"]
    assert forbiddenImports("initialisations", "def f():\n    from layers import FC") == [
        "layers.FC"
    ]
    assert forbiddenImports("layers", "import preparing.openmp") == ["preparing.openmp"]
    assert forbiddenImports("layers", "import matplotlib.pyplot as plt") == ["matplotlib.pyplot"]


def test_everyRoomIsInTheTable():
    packages = {path.parent.name for path in HOUSE.glob("*/__init__.py")} - {"tests"}
    modules = {path.stem for path in HOUSE.glob("*.py")} - {"setup"}
    assert packages | modules == set(ROOMS)


def roomInside(path):
    """The room of lookslinear that a file belongs to; a checkout's own name plays no part."""
    return path.relative_to(HOUSE / "lookslinear").parts[0].removesuffix(".py")


def strangersMet(path):
    """Which of the rooms that must stay apart a file of one of them imports."""
    others = [stranger for stranger in STRANGERS if stranger != roomInside(path)]
    names = importedNames(path.read_text(encoding="utf-8"))
    return [name for name in names for other in others if f"lookslinear.{other}" in name]


def test_theoryMeasuresAndSamplingStayApart():
    files = [p for p in filesOf("lookslinear") if roomInside(p) in STRANGERS]
    assert len(files) > 5
    assert {path.name: strangersMet(path) for path in files if strangersMet(path)} == {}


def drawsOf(source):
    """The uses of numpy.random that draw numbers: np.random.normal and the like."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)]
    return [ast.unparse(n) for n in nodes if ast.unparse(n.value).endswith(".random")
            and n.attr not in SEEDING]  # fmt: skip


@pytest.mark.parametrize(
    ("room", "path"), ALL_FILES, ids=lambda value: getattr(value, "name", value)
)
def test_nothingDrawsFromTheGlobalStream(room, path):
    source = path.read_text(encoding="utf-8")
    assert drawsOf(source) == []
    if "sampling" not in path.parts:
        drawn = (".standard_normal(", "generator.random(", ".choice(", ".permutation(")
        assert [word for word in drawn if word in source] == []


def test_globalDrawsAreSeen():
    assert drawsOf("import numpy as np\nnp.random.normal(3)") == ["np.random.normal"]


@pytest.mark.parametrize(
    ("room", "path"), ALL_FILES, ids=lambda value: getattr(value, "name", value)
)
def test_aFileHoldsOneNoun(room, path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 460


@pytest.mark.parametrize(
    ("room", "path"), ALL_FILES, ids=lambda value: getattr(value, "name", value)
)
def test_everyPublicThingIsDocumented(room, path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    kinds = ast.FunctionDef | ast.ClassDef
    public = [n for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


def test_theReadmesMapNamesWhatIsThere():
    lines = (HOUSE / "README.md").read_text(encoding="utf-8").splitlines()
    named = [
        line.split()[0] for line in lines if line.startswith("    ") and "/" in line.split()[0]
    ]
    assert len(named) > 10
    assert [name for name in named if not (HOUSE / name).exists()] == []
