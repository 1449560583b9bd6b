"""The page of a sweep, looked at in Chromium: `make test-report`."""

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest

import experiments
from experiments.sweeps.report import pageOf, writeReport
from tests.experiments.sweeps.stand import EXPERIMENTS, STAND
from tests.experiments.sweeps.storing import stored

pytestmark = pytest.mark.browser
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PANELS = "#panels .main-svg .cartesianlayer > .subplot"
ROWS = '[data-table="{}"] tbody tr'


@pytest.fixture(scope="module")
def browser():
    """A browser without a window; it is the machine's, nothing is downloaded."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no browser is there: apt install chromium"
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser):
    """Opens a page from disk; at the end it must have asked for nothing else, and said nothing."""
    said, asked = [], []
    tab = browser.new_page(viewport={"width": 1300, "height": 1000})
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))

    def open_(path):
        tab.goto(path.as_uri())
        return tab

    yield open_
    assert said == []
    assert len(asked) == 1
    tab.close()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser") / "sweep"
    stored(root, STAND, {"size": [1, 2, 3], "names": ["a", "b"]}, seeds=3)
    stored(root, STAND, {"size": [4], "happens": ["fail"]})
    return experiments.load(root)


@pytest.fixture(scope="module")
def page(sweep):
    return writeReport(sweep.folder, EXPERIMENTS)


def traces(tab, kind):
    """What plotly was given, measured or predicted, as it draws it."""
    return [
        trace
        for trace in tab.evaluate(
            "document.getElementById('panels').data.map(t => ({meta: t.meta, x: [...t.x], "
            "y: [...t.y], mode: t.mode, dash: t.line && t.line.dash, xaxis: t.xaxis}))"
        )
        if trace["meta"] == kind
    ]


def select(tab, name, label):
    tab.select_option(f'#roles select[name="{name}"]', label=label)


def only(tab, name, label):
    tab.select_option(f'#only select[name="{name}"]', label=label)


def column(tab, table, place):
    return tab.locator(f"{ROWS.format(table)} td:nth-child({place})").all_inner_texts()


def test_plotsShowMeasuredPointsAndDashedPredictions(opened, page, sweep):
    tab = opened(page)
    assert tab.locator(PANELS).count() == 3
    measured, predicted = traces(tab, "measured"), traces(tab, "predicted")
    assert len(measured) == len(predicted) == 3 * 2
    assert {trace["mode"] for trace in measured} == {"markers"}
    assert {trace["dash"] for trace in predicted} == {"dash"}
    assert {value for trace in predicted for value in trace["y"]} == {0.0}
    means = sweep.table.groupby(["size", "names", "where"])["measured"].mean()
    shown = [value for trace in measured for value in trace["y"]]
    np.testing.assert_allclose(sorted(shown), sorted(means))
    # And they are there to be seen, not only in the data.
    assert tab.locator("#panels .scatterlayer .points path").count() == len(means)
    dashes = tab.locator("#panels path.js-line").first.evaluate("e => e.style.strokeDasharray")
    assert dashes not in ("", "none")


def test_aFilterLeavesOneValue(opened, page, sweep):
    tab = opened(page)
    only(tab, "size", "2")
    assert tab.locator(PANELS).count() == 1
    rows = sweep.table[(sweep.table["size"] == 2)]
    shown = [value for trace in traces(tab, "measured") for value in trace["y"]]
    means = rows.groupby(["names", "where"])["measured"].mean()
    np.testing.assert_allclose(sorted(shown), sorted(means))
    only(tab, "size", "every value")
    assert tab.locator(PANELS).count() == 3


def test_aSinglePredictionIsMarkedByAStroke(opened, page):
    tab = opened(page)
    only(tab, "where", "1")
    assert {trace["mode"] for trace in traces(tab, "predicted")} == {"markers"}
    assert tab.locator("#panels .scatterlayer .points path").count() == 2 * 3 * 2


def test_anyTwoAxesMakePanels(opened, page, sweep):
    tab = opened(page)
    select(tab, "along x", "size")  # where gets what size had
    select(tab, "rows", "names")
    assert tab.locator(PANELS).count() == 2 * 2
    assert {tuple(trace["x"]) for trace in traces(tab, "measured")} == {(1, 2, 3)}
    select(tab, "columns", "nothing")
    only(tab, "where", "mean of all")
    means = sweep.table.groupby(["size", "names"])["measured"].mean()
    shown = [value for trace in traces(tab, "measured") for value in trace["y"]]
    np.testing.assert_allclose(sorted(shown), sorted(means))
    assert "Means over where." in tab.inner_text("#caption")
    select(tab, "y axis", "log")
    kind = "document.getElementById('panels').layout.yaxis.type"
    assert tab.evaluate(kind) == "log"


def test_tablesSortAndFilter(opened, page, sweep):
    tab = opened(page)
    names = [*sweep.axes]
    assert tab.locator(ROWS.format("cells")).count() == 18
    heading = tab.locator('[data-table="cells"] th button', has_text="size")
    place = names.index("size") + 1
    for order in (sorted, lambda values: sorted(values, reverse=True)):
        heading.click()
        heading.click() if order is sorted else None
        assert column(tab, "cells", place) == order([*"123"] * 6)
    tab.fill('[data-table="cells"] input', "size=2 names=b")
    assert tab.locator(ROWS.format("cells")).count() == 3
    tab.fill('[data-table="cells"] input', "no such word")
    assert tab.locator(ROWS.format("cells")).count() == 0
    assert "0 of 18 rows" in tab.inner_text('[data-table="cells"]')


def test_failuresOpen(opened, page):
    tab = opened(page)
    assert not tab.get_by_text("Traceback (most recent call last)").is_visible()
    tab.get_by_text("a defect of size 4").first.click()
    assert tab.get_by_text("Traceback (most recent call last)").is_visible()


def test_tenThousandCellsCanBeUsed(opened, sweep, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(pageOf(tenThousand(sweep), EXPERIMENTS), encoding="utf-8")
    tab = opened(path)
    assert tab.locator(PANELS).count() == 6 * 6
    assert "6 of 20 values of width are shown" in tab.inner_text("#caption")
    only(tab, "width", "7")
    assert tab.locator(PANELS).count() == 6
    assert "50 of" not in tab.inner_text('[data-table="cells"] .count')
    assert tab.inner_text('[data-table="cells"] .count').strip() == "10000 of 10000 rows"
    tab.fill('[data-table="cells"] input', "width=7 depth=10 arm=b seed=1")
    assert tab.locator(ROWS.format("cells")).count() == 1
    tab.fill('[data-table="cells"] input', "")
    tab.locator('[data-table="cells"] button.more').click()
    assert tab.locator(ROWS.format("cells")).count() == 550


def tenThousand(sweep):
    """A sweep of 20 widths, 25 depths, 4 arms and 5 seeds, of 20 layers each."""
    axes = {"width": range(20), "depth": range(25), "arm": [*"abcd"], "seed": range(5)}
    cells = pd.MultiIndex.from_product(axes.values(), names=axes).to_frame(index=False)
    cells["cell"] = [f"{place:020x}" for place in range(len(cells))]
    table = cells.loc[cells.index.repeat(20)].reset_index(drop=True)
    table["layer"] = np.tile(np.arange(1, 21), len(cells))
    z = np.random.default_rng(0).normal(size=len(table))
    table["predicted"] = np.exp(-0.01 * table["depth"] * table["layer"])
    table["standard_error"] = 0.05 * table["predicted"]
    table = table.assign(measured=table["predicted"] + z * table["standard_error"], z=z)
    facts = {"started": "2020-01-01T00:00:00", "seconds": 1.0, "code": "abc", "reasons": "{}"}
    return dataclasses.replace(
        sweep,
        table=table,
        cells=cells.set_index("cell").assign(**facts),
        axes={name: list(values) for name, values in axes.items()},
        grids=[],
        failures=sweep.failures[:0],
    )
