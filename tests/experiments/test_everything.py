"""All experiments at once, the page that shows them, the list, and figures drawn anew."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from experiments import commands, indexPage, listing
from experiments.__main__ import main
from experiments.indexPage import writePage
from tests.experiments import stand
from tests.experiments.page import Page
from tests.experiments.stand import standIn

FILES = ["arrays.npz", "config.json", "manifest.json", "table.csv"]
FIGURES = ["figure.png", "figure.svg"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registry(monkeypatch):
    """Put other experiments in the place of the real ones."""

    def register(*experiments):
        held = {experiment.name: experiment for experiment in experiments}
        for module in (commands, listing):
            monkeypatch.setattr(module, "EXPERIMENTS", held)

    register(standIn("first"), standIn("second"))
    return register


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


# all


def test_each_has_a_folder_and_all_a_page(registry, capsys):
    assert main(["all", "--output", "out", "--check"]) == 0
    assert names("out") == ["first", "index.html", "second"]
    assert names("out/first") == names("out/second") == sorted(FILES + FIGURES)
    out = capsys.readouterr().out
    assert out.count("as predicted; 2 of 3 rows judged") == 2
    assert "Written to out/index.html" in out


def test_a_contradiction_is_an_exit_status_where_it_is_asked_for(registry):
    registry(standIn("wrong", Config=stand.Shifted), standIn("right"))
    assert main(["all", "--output", "checked", "--check", "--quiet"]) == 1
    assert main(["all", "--output", "unchecked", "--quiet"]) == 0
    assert names("checked") == ["index.html", "right", "wrong"]
    assert "NOT as predicted" in Page(Path("checked/index.html")).text


def test_one_that_fails_does_not_stop_the_rest(registry, capsys):
    bad = {"prepare": lambda config: stand.prepare(stand.Config(replicates=0))}
    registry(standIn("broken", run=stand.fails), standIn("refused", **bad), standIn("fine"))
    assert main(["all", "--output", "out", "--no-plot"]) == 3
    assert names("out") == ["fine", "index.html"]
    assert names("out/fine") == FILES
    err = " ".join(capsys.readouterr().err.split())
    assert "RuntimeError: a defect of its own" in err
    assert "in fails" in err  # a defect is shown with all of its traceback
    assert "replicates must be at least 1. Received: 0" in err
    assert "error: 2 failed: broken, refused" in err
    text = Page(Path("out/index.html")).text
    assert "RuntimeError: a defect of its own" in text
    assert "replicates must be at least 1. Received: 0." in text


def test_an_interrupt_keeps_what_is_complete(registry, capsys):
    def interrupt(plan, advance):
        raise KeyboardInterrupt

    registry(standIn("done"), standIn("never", run=interrupt))
    assert main(["all", "--output", "out", "--quiet", "--no-plot"]) == 130
    assert "the runs that were complete are in out" in capsys.readouterr().err
    assert names("out") == ["done", "index.html"]
    assert "not run yet" in Page(Path("out/index.html")).text


def test_without_a_folder_it_takes_a_new_one_that_the_list_finds(registry, capsys):
    assert main(["all", "--quiet", "--no-plot"]) == 0
    (folder,) = Path("results").iterdir()
    assert folder.name.startswith("all-")
    assert capsys.readouterr().out == ""
    assert main(["list"]) == 0
    assert capsys.readouterr().out.count("as predicted; 2") == 2


@pytest.mark.parametrize("output", ["taken", "file", "file/deeper"])
def test_what_is_there_is_kept(registry, here, capsys, output):
    Path("taken").mkdir()
    for path in ("taken/mine", "file"):
        Path(path).write_text("mine")
    before = sorted(here.rglob("*"))
    assert main(["all", "--output", output]) == 2
    assert "output folder" in capsys.readouterr().err
    assert sorted(here.rglob("*")) == before


# The page


def test_the_page_reads_from_disk_alone(registry):
    main(["all", "--output", "out", "--quiet"])
    page = Page(Path("out/index.html"))
    files = [link for link in page.links if not link.startswith("#")]
    assert all(Path("out", link).is_file() for link in files)
    assert not any(re.match(r"[a-z]+:|/", link) for link in page.links)
    assert {f"second/{name}" for name in FILES + FIGURES} <= set(files)
    for words in (
        "Nothing at all, by the name of second.",
        "as predicted; 2 of 3 rows judged",
        "No prediction for <odd> & 'arm': nothing is known of place 3.",
        "replicates = 20",
        "numpy 1.",
        "2 of 3",
    ):
        assert words in page.text


def test_the_page_shows_a_damaged_run_as_one(registry):
    main(["all", "--output", "out", "--quiet", "--no-plot"])
    Path("out/first/table.csv").write_text("z\n1\n")
    writePage(Path("out"), list(commands.EXPERIMENTS.values()))
    text = Page(Path("out/index.html")).text
    assert "table.csv of run 'out/first' is damaged" in text
    assert "as predicted; 2 of 3 rows judged" in text


def test_a_page_that_cannot_be_made_leaves_the_old_one(registry, monkeypatch):
    main(["all", "--output", "out", "--quiet", "--no-plot"])
    before = Path("out/index.html").read_bytes()
    monkeypatch.setattr(indexPage, "worstRows", lambda table, count: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        writePage(Path("out"), list(commands.EXPERIMENTS.values()))
    assert Path("out/index.html").read_bytes() == before
    assert names("out") == ["first", "index.html", "second"]


# list


def listed(capsys, *arguments):
    assert main(["list", *arguments]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_the_list_before_any_run(registry, here, capsys):
    said = listed(capsys)
    assert said.count("never") == 2
    assert "by the name of first" in said
    assert not any(here.iterdir())


def test_the_list_shows_the_last_verdict(registry, capsys):
    conduct("first", "results/one", started="2026-01-01T00:00:00+00:00", shift=3.0)
    conduct("first", "results/two", started="2026-02-01T12:00:00+00:00")
    said = listed(capsys)
    assert "2026-02-01" in said
    assert "NOT as predicted" not in said
    conduct("first", "results/three", started="2026-03-01T12:00:00+00:00", shift=3.0)
    assert "NOT as predicted" in listed(capsys)
    assert "never" in listed(capsys)  # the second one


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("table.csv", "z\n1\n", "table.csv of run 'results/bad' is damaged"),
        ("manifest.json", "{", "manifest.json of run 'results/bad' is damaged"),
        ("manifest.json", '{"versions": {"looks-linear": "9"}}', "was written by version 9"),
    ],
)
def test_the_list_tells_of_runs_that_cannot_be_read(registry, capsys, file, content, words):
    conduct("first", "results/good")
    conduct("second", "results/bad")
    Path("results/bad", file).write_text(content)
    said = listed(capsys)
    assert f"Left out: {words}" in said or words in said
    assert said.count("never") == 1
    assert Path("results/bad", file).read_text() == content


def test_the_list_of_another_folder(registry, capsys):
    conduct("first", "elsewhere/run")
    assert listed(capsys).count("never") == 2
    assert listed(capsys, "--results", "elsewhere").count("never") == 1


def conduct(name, folder, started=None, **settings):
    """A stored run of a stand-in, as if it had been started then."""
    console = Console(quiet=True)
    config = stand.Config(**settings)
    commands.conduct(commands.EXPERIMENTS[name], config, Path(folder), console, plot=False)
    path = Path(folder, "manifest.json")
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "started": started or manifest["started"]}))


# plot


def test_a_figure_is_drawn_anew(registry, capsys):
    conduct("first", "run")
    assert main(["plot", "run"]) == 0
    assert names("run") == sorted(FILES + FIGURES)
    assert "Drawn: run/figure.png run/figure.svg" in capsys.readouterr().out
    Path("run/figure.png").write_text("old")
    assert main(["plot", "run"]) == 0
    assert Path("run/figure.png").read_bytes().startswith(b"\x89PNG")


def test_fewer_dots_make_a_smaller_picture(registry, capsys):
    conduct("first", "run")
    sides = []
    for dpi in ("50", "100"):
        assert main(["plot", "run", "--dpi", dpi]) == 0
        sides.append(Path("run/figure.png").read_bytes()[16:24])  # of a PNG: width and height
    small, large = (int.from_bytes(side[:4], "big") for side in sides)
    assert large == pytest.approx(2 * small, abs=1)
    assert main(["plot", "run", "--dpi", "0"]) == 2
    assert "dpi must be at least 1. Received: 0." in capsys.readouterr().err


def needsMore(table, arrays):
    return arrays["more"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda: Path("run/arrays.npz").write_bytes(b"PK"), "arrays.npz of run 'run' is damaged"),
        (lambda: Path("run/table.csv").unlink(), "run 'run' is incomplete or no run: it has no"),
        (lambda: rename("frist"), "unknown experiment 'frist'. Did you mean 'first'?"),
        (lambda: rename("second"), "has no 'more', which the figure of second shows"),
    ],
    ids=["damaged", "incomplete", "unknown", "other"],
)
def test_a_run_that_cannot_be_drawn_is_left_as_it_is(registry, capsys, damage, words):
    registry(standIn("first"), standIn("second", draw=needsMore))
    conduct("first", "run")
    Path("run/figure.png").write_text("old")
    damage()
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    assert main(["plot", "run"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("error: ")
    assert words in err
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before


def rename(experiment):
    path = Path("run/manifest.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "experiment": experiment}))


def test_nothing_to_draw(registry, capsys):
    assert main(["plot", "nowhere"]) == 2
    assert "run 'nowhere' is not there" in capsys.readouterr().err
