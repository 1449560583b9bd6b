"""The README is true: its snippets run, and its commands are those that exist."""

import re
import shlex
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.registry import EXPERIMENTS

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"^    python -m experiments (.*)$", README, flags=re.MULTILINE)


def printedBy(snippet, capsys):
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    return capsys.readouterr().out


def test_aMirroredNetIsLinearAndAnotherIsNot(capsys):
    mirrored, other = re.findall(r"\d+e[+-]\d+", printedBy(SNIPPETS[0], capsys))
    # Rounding in the dtype of the compiled net; Theano's default is double precision.
    assert float(mirrored) < 1e-5
    assert float(other) > 0.1


def test_theResearchScriptRuns(capsys):
    printed = printedBy(SNIPPETS[1], capsys)
    assert "(32, 64, 3, 3) (True, False, True, True) 0.00666" in printed


def test_theLawScriptRuns(capsys):
    kept, broken, growth = printedBy(SNIPPETS[2], capsys).splitlines()
    assert kept == "True"
    assert broken.startswith("BROKEN")
    assert float(growth) == pytest.approx(-1.651, abs=5e-4)


def test_theKerasScriptRuns(capsys):
    printed = printedBy(SNIPPETS[3], capsys)
    assert "HeNormal(" in printed
    assert "33,562 parameters" in printed
    assert printed.endswith("(5, 10)\n")


def test_allSnippetsAreTested():
    assert len(SNIPPETS) == 4


MAIN_JOBS = [one for one in COMMANDS if one.startswith("variance") and "--help" not in one]


@pytest.mark.parametrize("command", MAIN_JOBS)
def test_theCommandsRun(command, tmp_path, capsys):
    small = "--quiet --no-plot --replicates 2 --depth 3 --width 32"
    folder = ["--output", str(tmp_path / "run")]
    # The smaller numbers come last and win.
    assert main([*shlex.split(command), *shlex.split(small), *folder]) == 0
    assert (tmp_path / "run" / "table.csv").exists()


@pytest.mark.parametrize("command", sorted({shlex.split(one)[0] for one in COMMANDS}))
def test_theHelpIsThere(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"looks-linear {command}" in capsys.readouterr().out


def test_everyExperimentIsListedByItsLine():
    for name, experiment in EXPERIMENTS.items():
        assert f"| [{name}](docs/experiments.md#{name}) | {experiment.line} |" in README
