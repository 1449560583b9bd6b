"""docs/training.md is true: its snippets run, one after the other, and say what they promise."""

import re
from pathlib import Path

import pytest

from utilityFunctions import theano

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
#: What each snippet prints.
EXPECTED = (
    r"\(1500, 1, 8, 8\) 0 9",
    r"",
    r"\['0\.\d\d', '0\.\d\d', '0\.(?P<accuracy>[89]\d)'\]\n\{.*'loss': 0\.\d+.*\}",
    r"the loss became \S+ at epoch 1, batch \d+.*is in the output of layer.*",
    r"2 epochs",
    r"True",
    r"(layer \d+, \w+ .*weights times .*\n?){5}",
    r"layers  quantity  after  converged\n0 .*variance .*True\n1 .*True",
    r"rates \[\[[\d., ]+\], \[(\d\.\d+), \1, \1\]\]\noutputs True",
    r"[\d.]+e\+0[567] \d\.\de-0[12] 0\.0e\+00",
    r"layer 102, FC +predicted second moment .* 1, .*\nlayer 1, Pooling.*no formula.*was changed.",
    r"network +gradient quotient .*",
)


@pytest.fixture(scope="module")
def names():
    """The names that one snippet leaves to the next."""
    return {"__name__": "guide"}


@pytest.mark.parametrize("index", range(len(SNIPPETS)))
def test_theSnippetRuns(index, names, capsys):
    with theano.config.change_flags(floatX="float32", warn_float64="raise"):
        exec(compile(SNIPPETS[index], "docs/training.md", "exec"), names)
    printed = capsys.readouterr().out.strip()
    assert re.fullmatch(EXPECTED[index], printed, flags=re.DOTALL), printed


def test_allSnippetsAreTested():
    assert len(SNIPPETS) == len(EXPECTED)
