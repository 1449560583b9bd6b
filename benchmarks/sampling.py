"""How fast weights are drawn, beside PyTorch, Keras, JAX, NumPy, SciPy and LL-init's method.

    python benchmarks/sampling.py

measures every law and size in pairs (ours, a peer), writes the numbers to
benchmarks/results/sampling.json, and from them the report beside it, sampling.md, and the figure,
sampling.png. `--quick` measures a few cases within a minute; that, and a run that is limited to
some laws, libraries or sizes, is only printed, unless `--results` names a folder. `--report` makes
report and figure again from the stored numbers, without measuring.
"""

import argparse
import math
import os
import platform
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from cases import DTYPES, SMALL, allCases, quickCases
from comparing import Contest, Patience
from comparisons import Run, stored
from growth import drawGrowth
from libraries import LIBRARIES
from report import headlines, machineLines, reportOf, smallTable, verdictTable, withHeadline
from tables import forTerminal
from workers import ROOT, processor

sys.path.insert(0, str(ROOT))  # lookslinear itself
from lookslinear.errors import UnknownNameError, known_name

RESULTS = ROOT / "benchmarks" / "results"
NUMBERS = "sampling.json"
PEERS = ROOT / ".venv-bench" / "bin" / "python"
README = ROOT / "README.md"
PEER_NAMES = [name for name, library in LIBRARIES.items() if not library.ours]
LAWS = list(dict.fromkeys(case.law for case in allCases("float32")))
LIBRARY_HELP = f"only these peers: {', '.join(PEER_NAMES)}"
QUICK = {"share": 0.3, "most": 4, "limit": 1.5, "rest": 0.03}
#: Variables that change what a BLAS or a compiler does; the report names those that are set.
TELLING = ("OPENBLAS_", "OMP_", "MKL_", "GOMP_", "KMP_", "XLA_", "MALLOC_")


def machine():
    """What the numbers depend on, besides versions."""
    variables = [f"{key}={value}" for key, value in os.environ.items() if key.startswith(TELLING)]
    system = f"{platform.system()} {platform.machine()}"
    return {
        "processor": processor(),
        "system": system,
        "l2": secondCache(),
        "variables": sorted(variables),
    }


def secondCache():
    """Bytes of a core's second cache; 0 where the system does not say."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
    except OSError:
        return 0
    return int(text.removesuffix("K")) * 1024 if text.endswith("K") else 0


# --- Measuring -----------------------------------------------------------------------------------


def measured(options, console):
    """The run that the options ask for."""
    run = Run(commandOf(options), time.strftime("%Y-%m-%d"), machine(), asdict(patienceOf(options)))
    with Progress(console=console, transient=True) as progress:
        for dtype in DTYPES:
            compareAll(casesOf(options, dtype), options, run, progress)
    return run


def casesOf(options, dtype):
    """The cases that the options leave."""
    cases = (quickCases if options.quick else allCases)(dtype)
    return [c for c in cases if c.law in options.laws and c.numbers <= options.largest]


def compareAll(cases, options, run, progress):
    """Put cases of one dtype through a contest, and what comes of it into the run."""
    if not cases:
        return
    dtype = cases[0].dtype
    task = progress.add_task(f"{dtype}: starting the libraries", total=None)
    pythons = sys.executable, options.peers
    names = [n for n, library in LIBRARIES.items() if library.ours or n in options.libraries]
    with Contest(dtype, names, pythons, patienceOf(options)) as contest:
        run.versions.update(contest.versions)
        run.absent.update(contest.absent)
        pairs = [(case, name) for case in cases for name in contest.opponents(case)]
        progress.update(task, total=len(pairs))
        for case, name in pairs:
            progress.update(task, description=f"{dtype}: {case.law}, {case.work} / {name}")
            run.comparisons.append(contest.compare(case, name))
            progress.advance(task)
    progress.remove_task(task)


def patienceOf(options):
    return Patience(**QUICK) if options.quick else Patience()


def isWhole(options):
    """Whether no law, library or size is left out."""
    names = len(options.laws) == len(LAWS) and len(options.libraries) == len(PEER_NAMES)
    return names and options.largest == math.inf


def commandOf(options):
    """What to type for the same again."""
    if isWhole(options):
        return "make bench-quick" if options.quick else "make bench"
    limits = [f"--largest {options.largest:g}"] if options.largest < math.inf else []
    for name, known in (("laws", LAWS), ("libraries", PEER_NAMES)):
        if len(getattr(options, name)) < len(known):
            limits.append(f"--{name} {shlex.join(getattr(options, name))}")
    quick = ["--quick"] if options.quick else []
    return " ".join(["python benchmarks/sampling.py", *quick, *limits])


# --- Showing -------------------------------------------------------------------------------------


def show(run, console):
    """The run on the terminal."""
    console.print(*machineLines(run), sep="\n", soft_wrap=True, markup=False, highlight=False)
    for dtype in DTYPES:
        rows = [row for row in run.rows(dtype) if not row.law.startswith(SMALL)]
        if rows:
            console.print(forTerminal(f"Times, {dtype}", *headlines(rows)))
            console.print(forTerminal(f"Goals, {dtype}", *verdictTable(run, dtype)))
    console.print(forTerminal("Few numbers", *smallTable(run)))


def write(run, folder, console):
    """The report and its figure, beside the numbers."""
    figure = folder / "sampling.png"
    drawGrowth(run, figure)
    (folder / "sampling.md").write_text(reportOf(run, figure.name), encoding="utf-8")
    console.print(f"Written to {folder}: sampling.md, sampling.png", soft_wrap=True)


# --- The command ---------------------------------------------------------------------------------


def parsed(arguments=None):
    """The options; a name that is unknown is refused with the nearest one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="a few cases in float32, within a minute")
    add("--report", action="store_true", help="from the stored numbers, without measuring")
    add("--readme", action="store_true", help="write the headline of the report into README.md")
    add("--laws", nargs="+", default=LAWS, metavar="LAW", help=f"only these: {', '.join(LAWS)}")
    add("--libraries", nargs="+", default=PEER_NAMES, metavar="NAME", help=LIBRARY_HELP)
    add("--largest", type=float, default=math.inf, metavar="N", help="no weight of more numbers")
    add("--results", type=Path, metavar="DIR", help="where numbers and report are")
    add("--peers", type=Path, default=PEERS, metavar="PYTHON", help="the Python that has the peers")
    options = parser.parse_args(arguments)
    try:
        refuseUnknown(options)
    except UnknownNameError as error:
        parser.error(str(error))
    if options.results is None and (options.report or (isWhole(options) and not options.quick)):
        options.results = RESULTS
    return options


def refuseUnknown(options):
    for name in options.laws:
        known_name("law", name, LAWS)
    for name in options.libraries:
        known_name("library", name, PEER_NAMES)


def storedRun(options):
    """The run in the folder of results."""
    path = options.results / NUMBERS
    if not path.exists():
        raise SystemExit(f"there are no stored numbers at {path}: `make bench` measures them.")
    return stored(path)


def newRun(options, console):
    """Measure, and store where there is a folder for it."""
    if not options.peers.exists():
        raise SystemExit(f"the peers' Python is not at {options.peers}: `make bench` installs it.")
    run = measured(options, console)
    if options.results:
        options.results.mkdir(parents=True, exist_ok=True)
        run.store(options.results / NUMBERS)
    return run


def main(arguments=None):
    options, console = parsed(arguments), Console()
    run = storedRun(options) if options.report else newRun(options, console)
    show(run, console)
    if options.results:
        write(run, options.results, console)
        if options.readme:
            text = README.read_text(encoding="utf-8")
            README.write_text(withHeadline(text, run), encoding="utf-8")


if __name__ == "__main__":
    main()
