"""What is shipped, and on what: the wheel, the pinned versions, the citation, the Makefile."""

import configparser
import email
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = {
    "initialisations", "initialising", "preparing", "utilityFunctions", "lookslinear", "layers",
    "training", "experiments",
}  # fmt: skip
NOT_SHIPPED = {"setup", "conftest", "tests", "benchmarks"}
KERNELS, KERNELS_SOURCE = "lookslinear/sampling/_kernels.abi3.so", "kernels.c"
PYTHONS = ("3.10", "3.11")  # those that Theano-PyMC supports
LATER = ("3.12", "3.13")


def run(*command, **kwargs):
    """Run a command and return what it printed; its failure is the test's."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **kwargs)
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def rooms(folder):
    """The names that could be imported from the folder, but for those that are never shipped."""
    modules = {path.stem for path in folder.glob("*.py")}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    return (modules | packages) - NOT_SHIPPED


def sources(folder):
    """Every file of the folder's rooms but what is shipped compiled, relative to the folder."""
    files = [path for name in rooms(folder) for path in folder.glob(f"{name}/**/*")]
    files += [folder / f"{name}.py" for name in rooms(folder)]
    kept = (path for path in files if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix() for path in kept if path.name != KERNELS_SOURCE}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the checkout, so that building leaves nothing in the checkout itself."""
    ignored = shutil.ignore_patterns(
        ".venv*",
        ".git",
        ".*_cache",
        "__pycache__",
        "build",
        "dist",
        "results",
        "*.egg-info",
        "*.so",
    )
    return shutil.copytree(ROOT, tmp_path_factory.mktemp("tree") / "check out", ignore=ignored)


@pytest.fixture(scope="module")
def wheel(tree, tmp_path_factory):
    """The wheel that ``pip install .`` would install."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", ".", *options, "--wheel-dir", str(folder), cwd=tree)
    (path,) = folder.glob("looks_linear-*.whl")
    return path


@pytest.fixture(scope="module")
def info(wheel):
    """The wheel's metadata: its file names there to their text."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" in name]
        return {name.split(".dist-info/")[1]: archive.read(name).decode() for name in names}


@pytest.fixture(scope="module")
def metadata(info):
    return email.message_from_string(info["METADATA"])


@pytest.fixture(scope="module")
def requirements(metadata):
    return [Requirement(line) for line in metadata.get_all("Requires-Dist")]


@pytest.fixture(scope="module")
def lines():
    """The constraints file, line by line without comments."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    stripped = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in stripped if line]


def applies(requirement, python, extra=""):
    """Whether the requirement holds on Linux with this Python, under this extra."""
    environment = {"python_version": python, "python_full_version": f"{python}.9"}
    environment |= {"sys_platform": "linux", "extra": extra}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def pins(lines, python):
    """Name to version, of the lines that hold for this Python."""
    found = [Requirement(line) for line in lines]
    found = [pin for pin in found if applies(pin, python)]
    names = [canonicalize_name(pin.name) for pin in found]
    assert len(names) == len(set(names)), f"two versions of one package on Python {python}"
    return {
        name: str(pin.specifier).removeprefix("==") for name, pin in zip(names, found, strict=True)
    }


# The wheel


def test_every_room_is_shipped_and_nothing_else(wheel, tree):
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert (tree / "tests").is_dir(), "tests were there to be picked up"
    assert {name.split("/")[0].removesuffix(".py") for name in held} == rooms(tree)
    assert rooms(tree) >= SHIPPED
    assert held - {KERNELS} == sources(tree)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not there")
def test_the_wheel_holds_compiled_kernels_for_any_python(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert KERNELS in archive.namelist()
    assert "-cp310-abi3-" in wheel.name


def test_every_folder_with_code_is_a_package(tree):
    bare = {
        path.parent.relative_to(tree).as_posix()
        for name in rooms(tree)
        for path in tree.glob(f"{name}/**/*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert bare == set()


def test_command_is_the_main_of_experiments(info):
    parser = configparser.ConfigParser()
    parser.read_string(info["entry_points.txt"])
    assert {name: dict(parser[name]) for name in parser.sections()} == {
        "console_scripts": {"looks-linear": "experiments.__main__:main"}
    }


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="needs Theano-PyMC")
def test_command_can_be_loaded():
    point = importlib.metadata.EntryPoint("looks-linear", "experiments.__main__:main", "")
    assert callable(point.load())


def test_licence_is_stated_and_shipped(info, metadata):
    assert "MIT" in {metadata["License"], metadata["License-Expression"]}
    assert info.keys() & {"LICENSE", "licenses/LICENSE"}


def test_mathematics_imports_alone_from_the_wheel(wheel, tmp_path):
    script = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import lookslinear
assert lookslinear.__file__.startswith(sys.argv[1]), lookslinear.__file__
for module in pkgutil.walk_packages(lookslinear.__path__, "lookslinear."):
    importlib.import_module(module.name)
    print("imported", module.name)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    printed = run(sys.executable, "-I", "-c", script, str(tmp_path)).splitlines()
    assert "imported lookslinear.theory" in printed
    others = SHIPPED - {"lookslinear"}
    heavy = {"theano", "matplotlib", "pandas", "sklearn", "rich", "tyro"}
    assert set(printed[-1].split()) & (others | heavy) == set()


# Requirements and pins


def test_theano_is_required_only_where_it_can_be_installed(requirements):
    limited = {"theano-pymc", "scipy-openblas32"}
    for python in PYTHONS:
        assert limited <= {one.name for one in requirements if applies(one, python)}
    for python in LATER:
        assert limited.isdisjoint({one.name for one in requirements if applies(one, python)})


@pytest.mark.parametrize("python", PYTHONS + LATER)
def test_numpy_is_required_once(requirements, python):
    (numpy,) = [one for one in requirements if one.name == "numpy" and applies(one, python)]
    assert numpy.specifier.contains("1.22.0")
    assert numpy.specifier.contains("2.1.0") == (python in LATER)


def test_constraints_are_exact_and_name_no_place(lines):
    pattern = re.compile(r"[a-z0-9._-]+==[0-9][a-z0-9.+]*( *; .*)?")
    assert [line for line in lines if not pattern.fullmatch(line)] == []
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|@|--|/tmp|/home|/root", text)


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_pinned_to_a_version_it_allows(requirements, lines, python):
    pinned = pins(lines, python)
    needed = [one for one in requirements if applies(one, python, extra="test")]
    assert {"theano-pymc", "pytest"} <= {one.name for one in needed}
    missing = [str(one) for one in needed if canonicalize_name(one.name) not in pinned]
    assert missing == [], "run: make constraints"
    wrong = [str(one) for one in needed if pinned[canonicalize_name(one.name)] not in one.specifier]
    assert wrong == [], "run: make constraints"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the pins are for earlier Pythons")
def test_requirements_of_requirements_are_pinned(requirements, lines):
    python = "{}.{}".format(*sys.version_info)
    pinned = pins(lines, python)
    present = {}
    for one in importlib.metadata.distributions():
        # The first on the path is the one that is imported; setuptools brings copies at its end.
        present.setdefault(canonicalize_name(one.name), one.version)
    if any(present.get(name, version) != version for name, version in pinned.items()):
        pytest.skip("other versions than the pinned ones are installed here")
    waiting = [one.name for one in requirements if applies(one, python, extra="test")]
    missing, seen = set(), set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        if name not in pinned:
            missing.add(name)
        if name in present:
            needed = map(Requirement, importlib.metadata.requires(name) or [])
            waiting += [one.name for one in needed if applies(one, python)]
    assert missing == set(), "run: make constraints"
    assert seen == pinned.keys(), "pinned, but nothing requires it"


# Citation


def test_citation_names_this_version_and_its_papers(metadata):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == metadata["Name"] == "looks-linear"
    assert citation["version"] == metadata["Version"]
    assert citation["license"] == "MIT"
    assert {"message", "authors", "type"} <= citation.keys()
    references = citation["references"]
    assert all({"type", "title", "authors", "year", "notes"} <= one.keys() for one in references)
    placed = {"doi", "identifiers", "collection-title", "journal"}
    assert [one["title"] for one in references if not placed & one.keys()] == []
    numbers = [entry["value"] for one in references for entry in one.get("identifiers", [])]
    assert "arXiv:1702.08591" in numbers
    pattern = re.compile(r"arXiv:(\d{4}\.\d{4,5}|math-ph/\d{7})")
    assert [number for number in numbers if not pattern.fullmatch(number)] == []


# The Makefile, asked what it would do


@pytest.fixture
def checkout(tmp_path):
    """A folder whose name holds a space, with the Makefile and a .venv that is ready."""
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    folder = tmp_path / "check out"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / KERNELS).parent.mkdir(parents=True)
    for name in ("Makefile", "constraints.txt", "setup.py", "lookslinear/sampling/kernels.c"):
        shutil.copy(ROOT / name, folder / name)
        os.utime(folder / name, (1e9, 1e9))
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    (folder / ".venv/.ready").write_text("{}.{}\n".format(*sys.version_info))
    return folder


def surroundings():
    """The environment, without what a make that runs this suite passes on."""
    passed = {"PYTHON", "ARGS", "UPGRADE", "MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
    return {name: value for name, value in os.environ.items() if name not in passed}


def make(*arguments, cwd):
    return run("make", "--dry-run", *arguments, cwd=cwd, env=surroundings())


def refused(*arguments, cwd):
    """Run make for what it must refuse to do."""
    command = ["make", *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=surroundings(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    return done


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("test", "-m pytest"),
        ("experiment", "-m experiments variance-propagation"),
        ("lint", "-m ruff check ."),
        ("bench-theano", "benchmarks/theano_speed.py"),
    ],
)
def test_targets_install_once(checkout, target, command):
    ready = make(target, cwd=checkout)
    assert f".venv/bin/python {command}" in ready
    assert "-m venv" not in ready
    (checkout / ".venv/.ready").unlink()  # as after an interrupted installation
    due = make(target, cwd=checkout)
    assert due.index("-m venv --clear .venv") < due.index(f".venv/bin/python {command}")


def test_kernels_are_compiled_once_and_again_when_they_change(checkout):
    command = "setup.py --quiet build_ext --inplace"
    due = make("test", cwd=checkout)
    assert due.index(command) < due.index("-m pytest")
    (checkout / KERNELS).touch()
    assert command not in make("test", cwd=checkout)
    os.utime(checkout / KERNELS, (0.9e9, 0.9e9))
    assert command in make("test", cwd=checkout)


def test_hosts_have_an_environment_of_their_own(checkout):
    due = make("test-hosts", cwd=checkout)
    assert due.index("-m venv --clear .venv-hosts") < due.index("-m pytest  tests/hosts")
    (checkout / ".venv-hosts").mkdir()
    (checkout / ".venv-hosts/.ready").touch()
    assert "-m venv" not in make("test-hosts", cwd=checkout)


def test_what_drives_the_browser_is_installed_once_and_beside(checkout):
    due = make("test-report", cwd=checkout)
    assert due.index("--target .venv-report") < due.index("-m pytest -m browser")
    (checkout / ".venv-report").mkdir()
    (checkout / ".venv-report/.ready").touch()
    assert "--target" not in make("test-report", cwd=checkout)


def test_clusters_have_an_environment_of_their_own(checkout):
    due = make("test-faults", cwd=checkout)
    assert due.index("--without-pip .venv-faults") < due.index("mpi4py mpich dask-jobqueue")
    assert due.index("dask-jobqueue") < due.index(".venv-faults/bin/python -m pytest -m faults")
    (checkout / ".venv-faults").mkdir()
    (checkout / ".venv-faults/.ready").touch()
    assert "--without-pip" not in make("test-faults", cwd=checkout)


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("bench", "sampling.py --readme"),
        ("bench-quick", "sampling.py --quick"),
        ("bench-training", "training_speed.py"),
    ],
)
def test_peers_have_an_environment_of_their_own(checkout, target, command):
    due = make(target, cwd=checkout)
    measured = f".venv/bin/python benchmarks/{command}"
    assert due.index("-m venv --clear .venv-bench") < due.index("torch") < due.index(measured)
    (checkout / ".venv-bench").mkdir()
    (checkout / ".venv-bench/.ready").touch()
    ready = make(target, cwd=checkout)
    assert "-m venv" not in ready
    assert measured in ready


def test_newer_constraints_are_installed(checkout):
    os.utime(checkout / "constraints.txt")
    os.utime(checkout / ".venv/.ready", (1.1e9, 1.1e9))
    assert "-m venv --clear .venv" in make("test", cwd=checkout)


def test_environment_without_its_interpreter_is_made_again(checkout):
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").symlink_to(checkout / "gone")
    assert "-m venv --clear .venv" in make("test", cwd=checkout)


def test_environment_of_another_python_is_made_again(checkout):
    assert "-m venv" not in make("test", f"PYTHON={sys.executable}", cwd=checkout)
    other = checkout / "other python"
    other.write_text("#!/bin/sh\necho 3.0\n")
    other.chmod(0o755)
    assert "-m venv --clear .venv" in make("test", f"PYTHON={other}", cwd=checkout)


def test_unsupported_python_is_refused(checkout):
    shutil.rmtree(checkout / ".venv")
    done = refused("test", "PYTHON=false", cwd=checkout)
    assert "PYTHON=false does not run or is not Python 3.10 or 3.11" in done.stderr
    assert not (checkout / ".venv").exists()


def test_missing_debian_packages_are_named(checkout):
    shutil.rmtree(checkout / ".venv")
    bare = checkout / "bare python"
    bare.write_text('#!/bin/sh\ncase "$2" in *find_spec*) echo python3.11-venv;; esac\n')
    bare.chmod(0o755)
    done = refused("test", f"PYTHON={bare}", cwd=checkout)
    assert f"{bare} alone will not do" in done.stderr
    assert "apt-get install python3.11-venv" in done.stderr
    assert not (checkout / ".venv").exists()
