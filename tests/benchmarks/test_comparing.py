"""Turns between processes: what is asked and refused. No peer is needed, and no time is judged."""

import sys
from dataclasses import replace

import pytest

from cases import Case
from comparing import STOPWATCH, Contest, Patience, calibrated
from libraries import LIBRARIES
from workers import Ended, Worker

HASTE = Patience(lasting=1e-4, share=1e-3, least=2, most=3, rest=0.0)
CASE = Case("uniform", "1e3 numbers", ((1000,),))


@pytest.fixture(scope="module")
def worker():
    started = Worker([sys.executable, STOPWATCH, "NumPy", "float32"])
    yield started
    started.close()


@pytest.fixture
def contest(request):
    names = getattr(request, "param", ["lookslinear", "NumPy"])
    with Contest("float32", names, (sys.executable, sys.executable), HASTE) as started:
        yield started


def test_aWorkerGreetsAnswersAndRefuses(worker):
    words = worker.read()
    assert "orthogonal" in words["laws"]
    assert set(words["versions"]) == {"numpy"}
    answer = worker.ask({"law": "uniform", "shapes": [[5], [2, 3]], "loops": 2})
    assert answer["seconds"] > 0
    refusal = worker.ask({"law": "unifrom", "shapes": [[5]], "loops": 1})["failed"]
    assert "unknown law 'unifrom'. Did you mean 'uniform'?" in refusal


def test_aWorkerThatEndsSaysWhy():
    script = "import sys; print('no such thing', file=sys.stderr); sys.exit(3)"
    worker = Worker([sys.executable, "-c", script])
    with pytest.raises(Ended, match=r"status 3\nno such thing"):
        worker.ask({})
    worker.close()


def test_pairsAreOursAndThePeers(contest):
    assert contest.opponents(CASE) == ["NumPy"]
    comparison = contest.compare(CASE, "NumPy")
    assert (comparison.ours, comparison.library) == ("lookslinear", "NumPy")
    assert 2 <= len(comparison.pairs) <= 3
    assert all(len(pair) == 2 and min(pair) > 0 for pair in comparison.pairs)


def test_aRivalIsMeasuredInOurProcess(contest):
    case = Case("small normal", "64 numbers", ((64,),), rival="small normal, NumPy")
    assert contest.opponents(case) == ["lookslinear"]
    assert contest.compare(case, "lookslinear").library == "NumPy's own call"


def test_whatWouldTakeTooLongIsLeftOutAndSaysSo(contest):
    contest.compare(CASE, "NumPy")
    contest.patience = replace(HASTE, limit=0.0)
    assert contest.compare(CASE, "NumPy").skipped.startswith("skipped: about 0 s")


def test_aFailureIsToldAndTheRestGoesOn(contest):
    impossible = replace(CASE, shapes=((-1,),))
    assert "failed: ValueError" in contest.compare(impossible, "NumPy").skipped
    assert contest.compare(CASE, "NumPy").pairs


@pytest.mark.parametrize("contest", [["lookslinear", "nowhere"]], indirect=True)
def test_aLibraryThatIsNotThereIsNamed(contest):
    assert "No module named 'nowhere_to_be_found'" in contest.absent["nowhere"]
    assert contest.opponents(CASE) == []


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """A library that cannot be imported, in this process and in the measured ones."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if any(name.endswith('stopwatch.py') for name in sys.orig_argv):\n"
        f"    sys.path.insert(0, {str(STOPWATCH.parent)!r})\n"
        "    import libraries\n"
        "    libraries._library('nowhere')(lambda dtype: __import__('nowhere_to_be_found'))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(LIBRARIES, "nowhere", LIBRARIES["NumPy"])


def test_smallDrawsAreRepeatedUntilTheyLast():
    asked = []

    def secondsOf(loops):
        asked.append(loops)
        return 0.5 if len(asked) == 1 else 1e-3  # the first one compiles

    assert calibrated(secondsOf, lasting=0.02) == (20, pytest.approx(0.02))
    assert asked == [1, 1, 20]
    assert calibrated(lambda loops: 3.0, lasting=0.02) == (1, 3.0)


def test_pairsFitIntoTheShare():
    patience = Patience(share=2.0, least=3, most=5)
    assert [patience.pairs(seconds) for seconds in (0.01, 0.5, 10.0)] == [5, 4, 3]
