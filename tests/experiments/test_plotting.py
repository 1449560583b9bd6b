"""Figures: drawn from stored runs, labelled, and for odd runs too. Warnings are errors here."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.legend import Legend

from experiments import borderLoss, downsampling, gains
from experiments.plotting import plotRun
from experiments.running import writeRun
from experiments.secondMoments import rowsOf, secondMoments
from experiments.variancePropagation import NAME, Config, run

ARMS = ("glorotNormal/relu", "orthogonal+mirror/crelu", "glorotNormal/tanh")


def result(**settings):
    return run(
        Config(**{"arm": ARMS, "depth": 4, "width": 32, "batch": 8, "replicates": 3, **settings})
    )


def panels(found):
    """The figure, and the axes of the second moments: forward, backward."""
    figure = secondMoments(found.table, found.arrays)
    return figure, [axes for axes in figure.axes if "second moment" in axes.get_ylabel()]


def test_two_panels_with_labels():
    figure, moments = panels(result())
    assert len(moments) == 2
    for axes, what in zip(moments, ("pre-activations", "gradients"), strict=True):
        assert axes.get_ylabel() == f"log10 of the second moment of {what}"
        assert axes.get_title(loc="left")
    assert {axes.get_xlabel() for axes in figure.axes} - {""} == {"layer"}
    assert all(axes.get_ylabel() for axes in figure.axes)


def test_a_legend_entry_for_each_arm_and_for_what_is_drawn():
    figure, _ = panels(result())
    (legend,) = figure.legends
    entries = [text.get_text() for text in legend.get_texts()]
    assert entries[: len(ARMS)] == list(ARMS)
    assert {"measured", "predicted"} <= set(entries)


def test_measured_are_markers_and_predicted_dashes():
    found = result()
    _, moments = panels(found)
    for axes, quantity in zip(moments, ("signal", "gradient"), strict=True):
        dashed = [line for line in axes.lines if line.is_dashed()]
        points = [line for line in axes.lines if line.get_marker() not in ("None", "", None)]
        assert len(dashed) == len(points) == len(ARMS)
        for arm, dashes, marks in zip(ARMS, dashed, points, strict=True):
            rows = rowsOf(found.table[found.table["arm"] == arm], quantity)
            for line, column in ((dashes, "predicted"), (marks, "measured")):
                values = rows[column].to_numpy()
                logs = values / np.log(10) if rows["scale"].iloc[0] == "log" else np.log10(values)
                np.testing.assert_allclose(line.get_ydata(), logs, rtol=1e-12)
                np.testing.assert_array_equal(line.get_xdata(), rows["where"])
            assert marks.get_linestyle() == "None"
            assert dashes.get_color() == marks.get_color()
        assert len({line.get_marker() for line in points}) == len(ARMS)


def test_colours_are_told_apart_in_grey():
    _, moments = panels(result())
    colours = [line.get_color() for line in moments[0].lines if line.is_dashed()]
    greys = sorted(np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) for colour in colours)
    markers = {line.get_marker() for line in moments[0].lines} - {"None", ""}
    assert len(markers) == len(ARMS)  # and where greys are near, the markers differ
    assert len(set(greys)) == len(ARMS)


@pytest.mark.parametrize(
    "settings",
    [
        {"depth": 1},
        {"replicates": 1},
        {"depth": 1, "replicates": 1, "batch": 1},
        {"arm": ("zeros/relu",)},
        {"arm": ("zeros/relu", "heNormal/relu"), "replicates": 1},
        {"arm": ("orthogonal+mirror/relu",)},
        {"arm": tuple(f"glorotNormal+signalPriorities={n},1/relu" for n in range(12))},
        {"depth": 60},
    ],
    ids=str,
)
def test_odd_runs_are_drawn_too(settings, tmp_path):
    found = result(**settings)
    figure, moments = panels(found)
    assert len(moments) == 2
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_a_figure_is_made_from_the_stored_files_alone(tmp_path, started):
    found = result()
    writeRun(tmp_path, NAME, Config(), found, started)
    paths = plotRun(tmp_path, secondMoments)
    assert [path.name for path in paths] == ["figure.png", "figure.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in paths[1].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("module", "settings"),
    [
        (borderLoss, {"side": (4,), "depth": 2, "channels": 2}),
        (downsampling, {"image": (0.0, 1.0), "layers": 1, "batch": 4}),
        (gains, {"activation": ("tanh",), "depth": 3, "width": 8}),
    ],
    ids=lambda value: getattr(value, "NAME", ""),
)
def test_a_legend_tells_measured_from_predicted(module, settings):
    experiment = module.EXPERIMENT
    found = experiment.run(experiment.prepare(experiment.Config(**settings, replicates=2)))
    legends = experiment.draw(found.table, found.arrays).findobj(Legend)
    entries = [text.get_text() for legend in legends for text in legend.get_texts()]
    for word in ("measured", "predicted"):
        assert any(entry.startswith(word) for entry in entries)
