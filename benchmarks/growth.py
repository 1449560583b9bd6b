"""Time against size: the figure, the tables, and what the slopes have to do with the machine."""

import math

from matplotlib import rc_context
from matplotlib.figure import Figure

from cases import ENTRIES, PRODUCT, WRITE
from tables import markdown

LAWS = ("orthogonal", *ENTRIES)
#: The slope of a log-log line for large weights: n^3 operations for n^2 numbers, or one for each.
SLOPES = {"orthogonal": 1.5}
#: How far a slope is from that before it is called a bend, and what change of cores counts, and
#: of the share of the time that the kernel takes.
BEND, MORE_CORES, MORE_KERNEL = 0.15, 0.3, 0.1
STYLE = {"font.size": 9}
# In grey: black and filled, mid-grey and open, and a line without points.
OURS = {"color": "black", "marker": "o", "markersize": 5, "linewidth": 1.6}
PEER = {"color": "#b8580a", "marker": "s", "markersize": 5, "markerfacecolor": "white"}
LIMIT = {"color": "0.45", "linestyle": (0, (1, 1.5)), "linewidth": 1.8}


def curve(run, law):
    """The rows of a law in float32, squares alone if it has sides, from small to large."""
    rows = [row for row in run.rows(law=law) if len(set(row.work.split(" x "))) == 1]
    return sorted(rows, key=lambda row: row.numbers)


def limit(run, row):
    """The least seconds that the machine leaves for a row, or None where that was not measured.

    For a frame, 4/3 n^3 operations at the rate of the fastest product; for independent entries,
    memory written once.
    """
    law, factor = (PRODUCT, 2 / 3) if row.law == "orthogonal" else (WRITE, 1)
    same = [one for one in run.rows(law=law) if one.numbers == row.numbers]
    return factor * same[0].best if same else None


def slope(before, after):
    """How the time grows between two sizes: the exponent of the number of numbers."""
    times = math.log(after.seconds / before.seconds)
    return times / math.log(after.numbers / before.numbers)


def cause(first, before, after, l2):
    """Why the slope between two rows is another than for large weights; '' where it is that one.

    `first` is the smallest row of the law, `l2` the bytes of a core's second cache. Causes are
    named where what was measured along with the time shows them.
    """
    expected, found = SLOPES.get(after.law, 1.0), slope(before, after)
    if abs(found - expected) < BEND:
        return ""
    reasons = _flatter(first, before, after) if found < expected else _steeper(before, after, l2)
    return "; ".join(reasons) or "none of the causes measured"


def _flatter(first, before, after):
    reasons = []
    if before.seconds < 3 * first.seconds:
        reasons.append(f"a call costs {1e6 * first.seconds:.0f} µs however few the numbers")
    if after.cores > before.cores + MORE_CORES:
        reasons.append(f"{after.cores:.1f} cores at work, after {before.cores:.1f}")
    if after.law == "orthogonal" and not reasons:
        reasons.append("drawing, n^2, still counts beside products, n^3, which small blocks slow")
    return reasons


def _steeper(before, after, l2):
    reasons = []
    if after.kernel > before.kernel + MORE_KERNEL:
        share = f"{100 * after.kernel:.0f} % of the time in the kernel"
        reasons.append(f"memory is taken from the system and cleared anew: {share}")
    if after.cores < before.cores - MORE_CORES:
        reasons.append(f"{after.cores:.1f} cores at work, after {before.cores:.1f}")
    if after.cores > before.cores + MORE_CORES:
        reasons.append(f"{after.cores:.1f} cores at work, and sharing costs more than it saves")
    if l2 and 4 * before.numbers <= l2 < 4 * after.numbers:
        reasons.append(f"past a core's second cache of {l2 / 2**20:.3g} MiB")
    return reasons


def growthSections(run, picture):
    """The parts of the report on growth, as Markdown."""
    parts = ["## Growth", f"![Seconds against numbers drawn, for each law]({picture})"]
    parts.append(
        "Float32. The slope is the exponent of the time's growth since the row above: 1 for "
        "independent entries and 1.5 for frames (n^3 for n^2 numbers), where nothing bends it. "
        "Cores, page faults (few where the system gives huge pages) and the share of our time in "
        "the kernel were counted along; the last column names what of them goes with a bend."
    )
    for law in LAWS:
        rows = curve(run, law)
        if len(rows) > 1:
            parts += [f"### {law}", markdown(*_table(run, rows))]
    return parts


def _table(run, rows):
    headings = ("numbers", "ours, µs", "ns a number", "slope", "cores", "page faults", "kernel")
    headings += ("fastest peer, µs", "limit, µs", "why it bends")
    lines, l2 = [], run.machine["l2"]
    for before, row in zip([None, *rows], rows, strict=False):
        bend = cause(rows[0], before, row, l2) if before else ""
        growth = f"{slope(before, row):.2f}" if before else "–"
        lines.append([*_numbers(row, growth), *_others(run, row), bend])
    return headings, lines


def _numbers(row, growth):
    name = f"{row.work} ({row.numbers:,})" if " x " in row.work else f"{row.numbers:,}"
    each = f"{1e9 * row.seconds / row.numbers:.3g}"
    counts = [f"{row.cores:.1f}", f"{row.faults:.0f}", f"{100 * row.kernel:.0f} %"]
    return [name, f"{1e6 * row.seconds:,.0f}", each, growth, *counts]


def _others(run, row):
    least = limit(run, row)
    return [f"{1e6 * row.fastest.seconds:,.0f}", f"{1e6 * least:,.0f}" if least else "–"]


def drawGrowth(run, path):
    """The figure: for each law ours, the fastest peer and the machine's limit, on log scales."""
    with rc_context(STYLE):
        figure = Figure(figsize=(9, 7), layout="constrained")
        panels = figure.subplots(2, 2, sharex=True, sharey=True)
        for axes, law in zip(panels.flat, LAWS, strict=True):
            _drawLaw(axes, run, law)
        for axes in panels[1]:
            axes.set_xlabel("numbers in the weight")
        for axes in panels[:, 0]:
            axes.set_ylabel("time of a draw, seconds")
        handles = panels[0, 1].get_legend_handles_labels()[0][::-1]
        figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
        figure.savefig(path, dpi=150)


def _drawLaw(axes, run, law):
    rows = curve(run, law)
    limits = [(row.numbers, limit(run, row)) for row in rows if limit(run, row)]
    numbers = [row.numbers for row in rows]
    axes.set(xscale="log", yscale="log")
    axes.set_title(law, loc="left", fontsize=10)
    axes.plot(
        *zip(*limits, strict=True) if limits else ([], []), label="the machine's limit", **LIMIT
    )
    peers = [row.fastest.seconds for row in rows]
    axes.plot(numbers, peers, label="fastest peer", **PEER)
    axes.plot(numbers, [row.seconds for row in rows], label="looks-linear", **OURS)
    axes.grid(True, which="major", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
