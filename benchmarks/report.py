"""The report of a run, as Markdown: goals, times, limits, versions; and the README's table."""

import re
import statistics

from cases import FEW, GOALS, LIMITS, NEAR, PRODUCT, PRODUCT_SHARE, RESNET, SMALL, WRITE
from comparisons import Verdict, quartiles
from growth import growthSections
from libraries import LIBRARIES
from tables import inUnits, markdown, spread

HEADINGS = ("work", "ours", "fastest peer", "its time", "times as fast", "at least", "met")
#: What the README shows of it, as (law, work).
HEADLINES = (
    ("orthogonal", "256 x 256"),
    ("orthogonal", "1024 x 1024"),
    ("orthogonal", "4096 x 4096"),
    ("orthogonal", "4608 x 512"),
    ("normal", "1e6 numbers"),
    ("uniform", "1e6 numbers"),
    ("truncated normal", "1e6 numbers"),
    ("normal", "1e8 numbers"),
    ("heNormal", RESNET),
    ("truncated glorotNormal", RESNET),
)
MARKS = "<!-- speed, written by `make bench` -->", "<!-- end of speed -->"
METHOD = """\
Each library is a process of its own, at its default number of threads. Ours and a peer draw in
turns, and the ratio is taken pair by pair; a time is a median, and brackets hold the quartiles of
the ratios. Small draws are repeated until an answer lasts {lasting:g} s; there are {least} to
{most} pairs, after a draw that does not count. A peer that would need more than {limit:g} s for a
draw, by its rate at the size before, is left out, and its cell says so. A dash: the library does
not have that law.

Ours is `draw(law, generator)` on a Generator that is there, as NumPy's; through `initD` it is a
shared variable of Theano's with its bias, from fresh entropy; through `lookslinear.initializers` an
object made for each weight. JAX is compiled for each shape beforehand. Like is compared with like:
`initD`'s normals are plain, as PyTorch's are (Keras:
`VarianceScaling(distribution="untruncated_normal")`, JAX: `variance_scaling(..., "normal")`); those
of our Keras classes are truncated, as in Keras and JAX. ResNet-50 is its 53 convolutions and the
classifier, 25.5 million numbers. `SVD` is the way of LL-init: the left singular vectors of a square
Gaussian of the longer side, in double precision; `ortho_group` draws that square too."""


# --- Tables --------------------------------------------------------------------------------------


def headlines(rows):
    """For each row: ours, the fastest peer, and the goal."""
    return HEADINGS, [_headline(row) for row in rows]


def _headline(row):
    fastest = row.fastest
    least = GOALS[row.goal][row.dtype] if row.goal else None
    goal = [f"{least:.1f}", _yes(fastest.ratio >= least)] if row.goal else ["–", "–"]
    times = [inUnits(row.seconds), fastest.library, inUnits(fastest.seconds)]
    return [named(row), *times, spread(fastest.ratios), *goal]


def verdictTable(run, dtype):
    """Each goal, the worst of its cases, and whether it is met."""
    verdicts = [*run.verdicts(dtype), *_productVerdict(run, dtype)]
    rows = [[v.goal, f"{v.least:.1f}", f"{v.reached:.2f}", v.where, _yes(v.met)] for v in verdicts]
    return ("goal", "at least", "reached", "where, against whom", "met"), rows


def _productVerdict(run, dtype):
    share = productShare(run) if dtype == "float32" else None
    if share is None:
        return []
    goal = "share of the matrix product's rate, orthogonal 4096 x 4096"
    return [Verdict(goal, PRODUCT_SHARE, *share)]


def productShare(run):
    """Our rate at 4/3 n^3 operations by that of the fastest product at 2 n^3, and whose it is."""
    ours = [row for row in run.rows(law="orthogonal") if row.work == "4096 x 4096"]
    products = [row for row in run.rows(law=PRODUCT) if row.work == "4096 x 4096"]
    if not ours or not products:
        return None
    return 2 / 3 * products[0].best / ours[0].seconds, f"product of {_fastestAll(products[0])}"


def _fastestAll(row):
    seconds = {one.library: one.seconds for one in row.measured}
    return min({row.ours: row.seconds, **seconds}.items(), key=lambda item: item[1])[0]


def timesTable(rows):
    """Every time: ours and each library's."""
    present = {one.library for row in rows for one in row.comparisons}
    names = [name for name in LIBRARIES if name in present]
    headings = ("work", "ours", *names, "fastest peer / ours", "at least", "met")
    return headings, [
        [*_headline(row)[:2], *(_cell(row.of(name)) for name in names), *_headline(row)[4:]]
        for row in rows
    ]


def _cell(comparison):
    if comparison is None:
        return "–"
    return inUnits(comparison.seconds) if comparison.pairs else comparison.skipped


def smallTable(run):
    """Few numbers: how much longer than NumPy's own call."""
    headings = ("work", "ours", "NumPy's own call", "difference", "at most", "met")
    found = [row for row in run.rows() if row.law.startswith(SMALL)]
    return headings, [_smallRow(row) for row in found]


def _smallRow(row):
    differences = row.fastest.differences
    low, high = (1e6 * value for value in quartiles(differences))
    middle = statistics.median(differences)
    difference = f"{1e6 * middle:.1f} µs [{low:.1f}, {high:.1f}]"
    name = f"{FEW} numbers, {row.law.removeprefix(SMALL + ' ')}"
    times = [inUnits(row.seconds), inUnits(row.fastest.seconds), difference]
    return [name, *times, inUnits(NEAR), _yes(middle <= NEAR)]


def limitTable(run, law, rate):
    """A limit of the machine, as a rate of each library; `rate` is of a row and its seconds."""
    rows = [row for dtype in ("float32", "float64") for row in run.rows(dtype, law)]
    names = list(dict.fromkeys(one.library for row in rows for one in row.measured))
    lines = []
    for row in rows:
        found = {one.library: rate(row, one.seconds) for one in row.measured}
        rates = [f"{found[name]:.3g}" if name in found else "–" for name in names]
        lines.append([f"{row.dtype}, {row.work}", f"{rate(row, row.seconds):.3g}", *rates])
    return ("work", "NumPy (ours)", *names), lines


def productRate(row, seconds):
    """Gigaflops of a product of square matrices: 2 n^3 operations."""
    return 2e-9 * row.numbers**1.5 / seconds


def writeRate(row, seconds):
    """Gigabytes a second."""
    return 1e-9 * row.numbers * bytesOf(row.dtype) / seconds


def bytesOf(dtype):
    """Bytes of a number."""
    return int(dtype.removeprefix("float")) // 8


# --- Words ---------------------------------------------------------------------------------------


def named(row):
    """What was drawn, and through what where that is not `draw`."""
    face = "" if row.ours == "lookslinear" else f", `{row.ours}`"
    return f"{row.law}, {row.work}{face}"


def _yes(met):
    return "yes" if met else "**no**"


def machineLines(run):
    """The machine and the versions, a line each."""
    machine = run.machine
    lines = [f"{machine['processor']}, {machine['system']}; {run.date}"]
    if machine["variables"]:
        lines.append("Set: " + ", ".join(f"`{one}`" for one in machine["variables"]))
    for name, versions in run.versions.items():
        lines.append(f"{name}: " + ", ".join(f"{key} {value}" for key, value in versions.items()))
    lines += [f"{name} could not be measured: {why}" for name, why in run.absent.items()]
    return lines


# --- The whole -----------------------------------------------------------------------------------


def reportOf(run, picture):
    """The report as Markdown; `picture` is the figure's file name."""
    parts = ["# The speed of drawing", f"`{run.command}`"]
    parts.append("\n".join(f"- {line}" for line in machineLines(run)))
    parts += [METHOD.format(**run.patience), "## Goals"]
    for dtype in ("float32", "float64"):
        if run.rows(dtype):
            parts += [f"### {dtype}", markdown(*verdictTable(run, dtype))]
    parts += ["### Few numbers", "On a Generator that is there, in one process."]
    parts.append(markdown(*smallTable(run)))
    for dtype in ("float32", "float64"):
        rows = [row for row in run.rows(dtype) if not _apart(row)]
        if rows:
            parts += [f"## Times, {dtype}", markdown(*timesTable(rows))]
    parts += [*_limitSections(run), *growthSections(run, picture)]
    return "\n\n".join(parts) + "\n"


def _apart(row):
    return row.law in LIMITS or row.law.startswith(SMALL)


def _limitSections(run):
    return [
        "## Limits",
        "What the machine does in the best hands: a product of square matrices, and memory taken "
        "from the system and written once, as a draw must. A Haar frame of n x n is reckoned at "
        "4/3 n^3 operations, a product at 2 n^3.",
        "Matrix products, Gflop/s:",
        markdown(*limitTable(run, PRODUCT, productRate)),
        "Memory written, GB/s:",
        markdown(*limitTable(run, WRITE, writeRate)),
    ]


def headlineOf(run):
    """What the README shows: a few rows, the machine, and the command that makes them."""
    rows = [row for row in run.rows() if (row.law, row.work) in HEADLINES]
    headings, cells = headlines(rows)
    table = markdown(headings[:5], [line[:5] for line in cells])
    where = f"Float32 on {run.machine['processor']}; brackets hold quartiles"
    return f"{table}\n\n{where}; measured by `{run.command}`."


def withHeadline(readme, run):
    """The README's text with the headline between its marks."""
    pattern = re.compile(f"(?<={re.escape(MARKS[0])}\n).*?(?={re.escape(MARKS[1])})", re.DOTALL)
    if not pattern.search(readme):
        raise SystemExit(f"README.md has no lines {MARKS[0]} and {MARKS[1]} to write between.")
    return pattern.sub(lambda _: headlineOf(run) + "\n", readme)
