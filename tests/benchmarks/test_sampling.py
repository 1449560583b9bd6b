"""From stored numbers to the report: ratios, medians, verdicts, slopes, and the command line."""

import json
from dataclasses import asdict, replace

import pytest

import sampling
from cases import GOALS, allCases
from comparing import Patience
from comparisons import Comparison, Row, Run, quartiles, stored
from growth import cause, curve, limit, slope
from report import HEADLINES, MARKS, headlineOf, productShare, reportOf, timesTable, withHeadline
from tables import inUnits, markdown
from workers import ROOT

MACHINE = {"processor": "A processor, 2 cores", "system": "Linux", "l2": 2**21, "variables": []}
PEERS = {"PyTorch": 3.0, "NumPy": 4.0}  # how many times as long as ours


def seconds(case):
    """Ours, in the made-up run: 10 µs a call, and in proportion to the cost."""
    return 1e-5 + 1e-9 * case.numbers if "product" not in case.law else 1e-10 * case.cost()


def madeUp(case, library, times):
    pairs = tuple((seconds(case) * noise, seconds(case) * times) for noise in (1.0, 1.25, 0.8))
    facts = {name: getattr(case, name) for name in ("law", "work", "dtype", "ours", "goal")}
    name = "NumPy's own call" if case.rival else library
    return Comparison(**facts, numbers=case.numbers, library=name, pairs=pairs, cores=1.0)


@pytest.fixture
def run():
    comparisons = [
        madeUp(case, library, times)
        for dtype in ("float32", "float64")
        for case in allCases(dtype)
        for library, times in PEERS.items()
    ]
    versions = {"PyTorch": {"python": "3.11.0", "torch": "1.0"}}
    return Run("make bench", "2020-01-01", MACHINE, asdict(Patience()), versions, {}, comparisons)


@pytest.fixture
def row(run):
    return next(row for row in run.rows() if row.work == "1e5 numbers" and row.law == "normal")


def test_ratiosAreTakenPairByPair():
    comparison = Comparison("l", "w", "d", "o", "", 1, "p", pairs=((1, 2), (2, 3), (1, 9)))
    assert comparison.ratios == [2, 1.5, 9]
    assert (comparison.ratio, comparison.seconds) == (2, 3)
    assert comparison.differences == [-1, -1, -8]
    assert quartiles([1, 2, 3, 4, 5]) == (2, 4)
    assert quartiles([7]) == (7, 7)


def test_aRowKnowsOursAndTheFastestPeer(row):
    assert row.seconds == pytest.approx(1.1e-4)
    assert row.fastest.library == "PyTorch"
    assert row.fastest.ratio == pytest.approx(3.0)
    assert row.best == row.seconds


def test_whatWasSkippedIsShownAndNotCounted(run):
    skipped = [replace(c, pairs=(), skipped="skipped: about 60 s") for c in run.comparisons[:1]]
    run.comparisons[:1] = skipped
    first = run.rows()[0]
    assert first.fastest.library == "NumPy"
    assert "skipped: about 60 s" in markdown(*timesTable([first]))


def test_aGoalIsJudgedByItsWorstCase(run):
    slow = next(c for c in run.comparisons if c.work == "1e6 numbers" and c.law == "normal")
    place = run.comparisons.index(slow)
    run.comparisons[place] = replace(slow, pairs=tuple((2 * a, b) for a, b in slow.pairs))
    verdicts = {verdict.goal: verdict for verdict in run.verdicts("float32")}
    assert verdicts.keys() == GOALS.keys()
    assert verdicts["normal, 1e5 to 1e8"].reached == pytest.approx(1.5)
    assert verdicts["normal, 1e5 to 1e8"].where == "normal, 1e6 numbers: PyTorch"
    assert not verdicts["normal, 1e5 to 1e8"].met
    assert verdicts["uniform, 1e5 to 1e8"].met


def test_theShareOfTheProductsRate(run):
    share, whose = productShare(run)
    ours, product = 1e-5 + 1e-9 * 4096**2, 1e-10 * 4096**3
    assert share == pytest.approx((4 / 3 * 4096**3 / ours) / (2 * 4096**3 / product))
    assert whose == "product of lookslinear"


def test_numbersAreStoredAndReadAgain(run, tmp_path):
    path = tmp_path / "sampling.json"
    run.store(path)
    assert stored(path) == run
    assert json.loads(path.read_text(encoding="utf-8"))["command"] == "make bench"


def test_theReportIsMadeOfStoredNumbersAlone(run, tmp_path, capsys):
    run.store(tmp_path / "sampling.json")
    sampling.main(["--report", "--results", str(tmp_path)])
    report = (tmp_path / "sampling.md").read_text(encoding="utf-8")
    assert report == reportOf(run, "sampling.png")
    assert (tmp_path / "sampling.png").stat().st_size > 10_000
    for goal in GOALS:
        assert f"| {goal} |" in report
    assert "torch 1.0" in report
    assert "A processor, 2 cores" in report
    assert "Goals, float64" in capsys.readouterr().out


def test_tablesAreRectangular(run):
    for line in reportOf(run, "figure.png").split("\n\n"):
        widths = {row.count("|") for row in line.splitlines() if row.startswith("|")}
        assert len(widths) <= 1


def test_slopesAndWhatBendsThem(run):
    rows = curve(run, "normal")
    assert [row.numbers for row in rows] == [10**power for power in range(3, 9)]
    assert slope(rows[-2], rows[-1]) == pytest.approx(1.0, abs=1e-2)
    assert "a call costs 11 µs" in cause(rows[0], rows[0], rows[1], MACHINE["l2"])
    assert cause(rows[0], rows[-2], rows[-1], MACHINE["l2"]) == ""
    steep = Row([replace(c, numbers=c.numbers // 2, kernel=0.4) for c in rows[-1].comparisons])
    assert "40 % of the time in the kernel" in cause(rows[0], rows[-2], steep, MACHINE["l2"])
    assert {row.work for row in curve(run, "orthogonal")}.isdisjoint({"4096 x 1024"})


def test_limitsAreTheFastestOfAll(run):
    frame = curve(run, "orthogonal")[-1]
    assert limit(run, frame) == pytest.approx(2 / 3 * 1e-10 * 4096**3)
    assert limit(run, curve(run, "orthogonal")[0]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (9.996e-3, "10.0 ms"), (123.4e-6, "123 µs")],
)
def test_secondsInUnits(value, text):
    assert inUnits(value) == text


def test_theReadmeShowsTheStoredHeadline():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    measured = stored(ROOT / "benchmarks" / "results" / "sampling.json")
    assert headlineOf(measured) in readme, "run: python benchmarks/sampling.py --report --readme"
    assert withHeadline(readme, measured) == readme


def test_theHeadlineIsOfMeasuredCases(run):
    works = {(case.law, case.work) for case in allCases("float32")}
    assert set(HEADLINES) <= works
    written = withHeadline(f"{MARKS[0]}\nwhat was there\n{MARKS[1]}", run)
    assert written.count("\n| ") == 2 + len(HEADLINES)
    assert "what was there" not in written
    with pytest.raises(SystemExit, match="no lines"):
        withHeadline("nothing", run)


def test_unknownNamesAreRefusedWithTheNearest(capsys):
    with pytest.raises(SystemExit):
        sampling.parsed(["--laws", "orthogonl"])
    assert "Did you mean 'orthogonal'?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        sampling.parsed(["--libraries", "pytorsh"])
    assert "Did you mean 'PyTorch'?" in capsys.readouterr().err


def test_onlyAWholeRunReplacesTheReport():
    assert sampling.parsed([]).results == sampling.RESULTS
    assert sampling.parsed(["--report"]).results == sampling.RESULTS
    for part in (["--quick"], ["--laws", "normal"], ["--libraries", "NumPy"], ["--largest", "9"]):
        assert sampling.parsed(part).results is None
    options = sampling.parsed(["--laws", "normal", "memory write", "--largest", "1e5"])
    assert sampling.commandOf(options).endswith("--largest 100000 --laws normal 'memory write'")
    assert sampling.commandOf(sampling.parsed(["--quick"])) == "make bench-quick"


def test_whatIsMissingIsNamedWithItsRemedy(tmp_path):
    with pytest.raises(SystemExit, match="`make bench` installs it"):
        sampling.main(["--quick", "--peers", str(tmp_path / "python")])
    with pytest.raises(SystemExit, match="`make bench` measures them"):
        sampling.main(["--report", "--results", str(tmp_path)])
