"""docs/sweeps.md is true: its first command runs as it stands, and its snippet reads the result."""

import itertools
import re
import shlex
from pathlib import Path

import pytest

from experiments.__main__ import main
from experiments.sweeps.requests import requestOf

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "sweeps.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    python -m experiments (.*)$", GUIDE, re.MULTILINE)
(SNIPPET,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
(FILE,) = re.findall(r"```yaml\n(experiment:.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder in which the first command has run."""
    folder = tmp_path_factory.mktemp("guide")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*shlex.split(COMMANDS[0]), "--quiet"]) == 0
        yield folder


def test_theSnippetReadsWhatTheCommandStored(here, capsys):
    exec(compile(SNIPPET, "docs/sweeps.md", "exec"), {"__name__": "guide"})
    printed = capsys.readouterr().out
    assert printed.startswith("30 ['arm', 'seed', 'size']\n(6, 2)\n{'log_mean_square': (50, ")


def test_theFileSaysTheSameAsTheCommand(here):
    (here / "norms.yaml").write_text(FILE)
    words = shlex.split(COMMANDS[0])
    typed = [after for word, after in itertools.pairwise(words) if word == "--grid"]
    same = requestOf(words[1], typed, seeds=5, output=Path("build/sweep"))
    request = requestOf("norms.yaml", [])
    from experiments.registry import EXPERIMENTS

    assert request.gridIn(EXPERIMENTS) == same.gridIn(EXPERIMENTS)
    assert request.folder == same.folder
    assert main(["sweep", "norms.yaml", "--quiet"]) == 0


def test_theForecastSaysWhatThereIs(here, capsys):
    words = shlex.split(COMMANDS[0])[:-2]
    assert main([*words, "--output", "build/sweep", "--seeds", "6", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "36 cells: 3 size x 2 arm x 1 replicates x 6 seed" in printed
    assert "30 stored, 6 to be run" in printed
    assert printed.count("once all is compiled") == 2
    assert re.search(r"expected on \d+ workers: .*MB of memory", printed)
    assert "to be written to build/sweep" in printed
    assert not list(here.glob("build/sweep/failed*"))


def test_theReportIsMadeAsTheGuideSays(here):
    (command,) = [words for words in COMMANDS if words.startswith("report")]
    assert main(shlex.split(command)) == 0
    assert "30 cells asked for: 30 stored" in (here / "build/sweep/report.html").read_text()
