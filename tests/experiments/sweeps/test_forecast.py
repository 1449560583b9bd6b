"""Forecasts: what cells take, and which of them cannot be run, with nothing kept."""

import io

import pytest
from rich.console import Console

from experiments.sweeps.forecast import forecast
from experiments.sweeps.requests import Request
from tests.experiments.sweeps.stand import EXPERIMENTS


@pytest.mark.parametrize(
    ("happens", "ran", "words"),
    [
        (["", "fail"], False, "size=2 happens=fail: fails: RuntimeError: a defect of size 2"),
        (["", "die"], False, "size=2 happens=die: fails: "),
        ([""], True, "once all is compiled"),
    ],
)
def test_aCellThatFailsIsSaidBesideTheForecastOfTheOther(tmp_path, happens, ran, words):
    told = io.StringIO()
    request = Request("stand-in", {"size": [1, 2], "happens": happens}, None, tmp_path / "a", 1)
    assert forecast(request, EXPERIMENTS, Console(file=told, width=200)) is ran
    text = told.getvalue()
    assert f"{2 * len(happens)} cells: " in text
    assert "expected on 1 worker: " in text
    assert not (tmp_path / "a").exists()
    assert words in text
