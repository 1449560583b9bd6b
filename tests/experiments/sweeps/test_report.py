"""The page of a sweep: what it holds, that it needs nothing else, and what is refused."""

import base64
import dataclasses
import json
import re
import shutil
import sys

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments import commands
from experiments.__main__ import main
from experiments.comparing import compared
from experiments.experiment import Result
from experiments.sweeps.points import FEWEST, pointsOf
from experiments.sweeps.report import contentOf, counts, pageOf, plottingScript, writeReport
from experiments.sweeps.store import Store
from tests.experiments.page import Page
from tests.experiments.sweeps.stand import EXPERIMENTS, STAND
from tests.experiments.sweeps.storing import stored

AXES = {"size": [1, 2], "names": ["a", ["b", "</script>"]]}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Ten of twelve cells, and four that failed."""
    root = tmp_path_factory.mktemp("report") / "sweep"
    stored(root, STAND, AXES, seeds=3, leaveOut=2)
    return stored(root, STAND, {"size": [4, 3], "happens": ["fail"]}, seeds=2)


@pytest.fixture(scope="module")
def page(root):
    return writeReport(root, EXPERIMENTS)


def dataOf(text):
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)
    return json.loads(found)


def numbers(text, kind="<f8"):
    return np.frombuffer(base64.b64decode(text), kind)


# What it holds


def test_thePageIsWellFormedAndSaysWhatThereIs(page, root):
    read = Page(page)
    assert page == root / "report.html"
    assert "16 cells asked for: 10 stored, 4 failed , 2 to be run yet" in read.text
    assert "size=3" in read.text
    assert "RuntimeError: a defect of size 3" in read.text
    assert "Traceback (most recent call last)" in read.text
    assert "happens = fail" in read.text
    assert "No prediction for a in 10 cells: nothing is known of a." in read.text
    assert f"numpy {np.__version__}" in read.text
    assert not list(root.glob(".partial*"))


def test_thePageNeedsNothingElse(page):
    text = page.read_text(encoding="utf-8")
    own = text.replace(plottingScript(), "")
    assert len(own) < len(text)
    assert not re.findall(r"https?:|@import|url\(|src=", own)
    assert all(link.startswith("#") for link in Page(page).links)
    assert "default-src 'none'" in own  # a browser is told to load nothing, whatever a script says


def test_pointsAreMeansOverSeeds(root, page):
    sweep, data = experiments.load(root), dataOf(page.read_text(encoding="utf-8"))["points"]
    names = [one["name"] for one in data["dimensions"]]
    assert names == ["size", "names", "where"]
    values = [np.array(one["values"])[numbers(one["codes"], "<u4")] for one in data["dimensions"]]
    slow = sweep.table.groupby(names)
    for place, key in enumerate(zip(*values, strict=True)):
        rows = slow.get_group(tuple(key))
        assert numbers(data["rows"], "<u4")[place] == len(rows)
        np.testing.assert_allclose(numbers(data["measured"])[place], rows["measured"].mean())
        error = np.sqrt((rows["standard_error"] ** 2).sum()) / len(rows)
        np.testing.assert_allclose(numbers(data["error"])[place], error)
        farthest = rows["z"].iloc[rows["z"].abs().argmax()]
        np.testing.assert_allclose(numbers(data["z"], "<f4")[place], farthest, rtol=1e-6)
    assert data["count"] == slow.ngroups


def test_tablesHoldEachCellAndTheFarthestRows(root, page):
    sweep, data = experiments.load(root), dataOf(page.read_text(encoding="utf-8"))
    cells = pd.DataFrame(data["cells"]["rows"], columns=data["cells"]["names"]).set_index("cell")
    assert sorted(cells.index) == sorted(sweep.cells.index)
    slow = sweep.table.groupby("cell")["z"].apply(lambda z: z.abs().max())
    np.testing.assert_allclose(cells["largest |z|"], slow[cells.index])
    scores = [row[data["worst"]["names"].index("z")] for row in data["worst"]["rows"]]
    assert len(scores) == len(sweep.table)
    assert [abs(z) for z in scores] == sorted(sweep.table["z"].abs(), reverse=True)


def test_aPredictionThatIsMissingForOneSeedIsMissing():
    rows = {"cell": ["a", "b"], "seed": [0, 1], "where": 1, "measured": 1.0, "standard_error": 0.1}
    table = pd.DataFrame({**rows, "predicted": [1.0, np.nan], "z": [np.nan, np.nan]})
    found = pointsOf(table, ["seed"], "mean")
    assert np.isnan(found.predicted).all()
    assert np.isnan(found.z).all()


def test_manyPlacesAreThinnedAndKeepFirstAndLast():
    depths = (40, 100)
    tables = [
        pd.DataFrame({"cell": str(depth), "depth": depth, "layer": np.arange(1, depth + 1)})
        for depth in depths
    ]
    table = pd.concat(tables, ignore_index=True)
    table[["measured", "standard_error", "predicted", "z"]] = 0.5
    found = pointsOf(table, ["depth"], "mean", most=50)
    assert found.thinned == "layer"
    depth, layer = found.dimensions
    for code, last in enumerate(depths):
        layers = np.array(layer.values)[layer.codes[depth.codes == code]]
        assert layers.min() == 1
        assert layers.max() == last
        assert FEWEST / 2 < len(layers) < 40
        # What one cell shows all show that have it: a choice of a place hides no cell.
        assert set(layers) == {place for place in layer.values if place <= last}
    assert pointsOf(table, ["depth"], "mean", most=140).thinned == ""


# Odd stores


def test_aStoreOfNothingButFailuresHasAPage(tmp_path):
    root = stored(tmp_path / "sweep", STAND, {"size": [1, 2], "happens": ["fail"]})
    read = Page(writeReport(root, EXPERIMENTS, tmp_path / "page.html"))
    assert "no cell is stored" in read.text
    assert "2 cells asked for: 0 stored, 2 failed" in read.text


def test_oneIsNoPlural(tmp_path):
    for happens, words in (("fail", "0 stored, 1 failed"), ("", "1 stored")):
        root = stored(tmp_path / (happens or "well"), STAND, {"size": [1], "happens": [happens]})
        read = Page(writeReport(root, EXPERIMENTS))
        assert f"1 cell asked for: {words}" in read.text
        assert not re.search(r"\b1 (cells|rows)\b", read.text)


def test_aNewStoreHasAPage(tmp_path):
    Store(tmp_path).claimFor("stand-in")
    assert "Nothing varies" in Page(writeReport(tmp_path, EXPERIMENTS)).text


def test_anExperimentOfAnotherVersionIsShownWithoutWhatWasAsked(root):
    sweep = experiments.load(root)
    assert counts(sweep, None)["asked"] is None
    other = dataclasses.replace(sweep, grids=[{"width": [3]}])
    assert counts(other, STAND)["due"] is None
    assert "cells asked for" not in pageOf(other, {})


def test_whatIsNotFiniteIsSaidInJson(tmp_path):
    def run(plan, advance):
        samples = np.array([[np.inf, 1.0], [np.nan, 2.0]])
        return Result(compared("mean", [1, 2], samples, np.nan), {})

    odd = dataclasses.replace(STAND, run=run)
    root = stored(tmp_path / "sweep", odd, {"size": [1, 2]})
    content = contentOf(experiments.load(root), EXPERIMENTS)
    json.dumps(content["data"], allow_nan=False)


def test_aFieldThatATableHasTooIsToldApart(tmp_path):
    def run(plan, advance):
        samples = np.tile([[1.0, 9.0], [1.01, 9.01]], (50, 1))
        right = [1.005, 1.0]
        tables = [compared("mean", [1, 2], samples, right, names=one) for one in plan.config.names]
        return Result(pd.concat(tables), {})

    odd = dataclasses.replace(STAND, run=run)
    root = stored(tmp_path / "sweep", odd, {"names": [["a", "b"], ["b", "c"]]})
    content = contentOf(experiments.load(root), EXPERIMENTS)
    found = [one["name"] for one in content["data"]["points"]["dimensions"]]
    assert found == ["config.names", "names", "where"]
    assert content["data"]["worst"]["names"][:3] == ["config.names", "names", "quantity"]
    assert content["verdict"].contradictions == 4
    assert re.fullmatch(r"\[\w,\w\], \w, mean, where 2", content["verdict"].where)


# The command


def test_theCommandMakesThePage(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "EXPERIMENTS", EXPERIMENTS)
    assert main(["report", str(root), "--output", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"Written to {tmp_path / 'page.html'}\n"
    assert "Sweep of stand-in" in Page(tmp_path / "page.html").text


def test_damagedCellsAreTold(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands, "EXPERIMENTS", EXPERIMENTS)
    copy = shutil.copytree(root, tmp_path / "copy")
    next(copy.glob("cells/*/*/table.csv")).write_text("nothing")
    assert main(["report", str(copy)]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("warning: 1 damaged cell of ")
    assert "report.py" not in printed.err
    assert printed.out == f"Written to {copy / 'report.html'}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "holds no sweep"),
        (["{root}", "--output", "nowhere/page.html"], "in a folder that is there"),
        (["{root}", "--output", "."], "output must be a file"),
    ],
)
def test_whatCannotBeDoneIsRefused(root, tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(["report", *(word.format(root=root) for word in words)]) == 2
    assert told in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_withoutPlotlyTheExtraIsNamed(root, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    assert main(["report", str(root), "--output", str(tmp_path / "page.html")]) == 2
    assert "pip install 'looks-linear[report]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
