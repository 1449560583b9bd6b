"""What the pip OpenBLAS and the conv rewrite bring.

    python benchmarks/theano_speed.py

measures a training step (loss, gradient, SGD update) of a deep CReLU conv net under three settings
of Theano. It prints a table and writes it to benchmarks/results/theano_speed.md. Each setting is a
process of its own; they take turns (A B C A B C ...), so that whatever else the machine does meets
all of them.
"""

import argparse
import importlib.metadata
import io
import os
import platform
import re
import statistics
import sys
import time

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.table import box as boxes

from workers import ROOT, Worker, processor, serve

REPORT = ROOT / "benchmarks" / "results" / "theano_speed.md"
# Name -> what is added to the user's THEANO_FLAGS.
SETTINGS = {
    "NumPy's BLAS (empty flag)": "blas__ldflags=",
    "OpenBLAS": "optimizer_excluding=conv_openmp",
    "OpenBLAS + conv rewrite": "",
}
WIDTHS = (5, 15, 30, 45)  # of the four sections, each of which but the first halves the image
IMAGE, CLASSES = (3, 32, 32), 10


# --- In the measured process ---------------------------------------------------------------------


def network(depth):
    """A looks-linear net of `depth` convolutions with CReLU in four sections, and a classifier."""
    from layers import FC, Convolution, CReLU, Flatten, Representation

    y = Representation(IMAGE)
    for index in range(depth):
        section, place = divmod(index, depth // len(WIDTHS))
        strides = (2, 2) if section and not place else (1, 1)
        options = {"mirror": index > 0}
        layer = Convolution(
            WIDTHS[section], strides=strides, initialisation="orthogonal", initKWArgs=options
        )
        y = CReLU()(layer(y))
    y = FC(CLASSES, initKWArgs={"mirror": True})(Flatten()(y))
    y.redraw(seed=1)
    return y


def trainingStep(y):
    """(images, labels) -> loss, with an SGD update."""
    from utilityFunctions import T, cast, compileFunction, gradient

    labels = T.ivector()
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(y.tensor), labels).mean()
    slopes = gradient(loss, y.params)
    updates = [(p, p - cast(1e-3) * slope) for p, slope in zip(y.params, slopes, strict=True)]
    return compileFunction([y.input, labels], loss, updates=updates)


def serveSteps(depth, batch, steps):
    """For each question: run some steps, answer the seconds of one and the last loss."""
    import numpy as np

    from utilityFunctions import cast

    rng = np.random.default_rng(2)
    images = cast(rng.standard_normal((batch, *IMAGE)))
    labels = rng.integers(CLASSES, size=batch).astype("int32")
    step = trainingStep(network(depth))
    step(images, labels)

    def turn(_):
        began = time.perf_counter()
        losses = [float(step(images, labels)) for _ in range(steps)]
        return (time.perf_counter() - began) / steps, losses[-1]

    serve("ready", turn)


# --- In the measuring process --------------------------------------------------------------------


def startProcess(arguments, flags=""):
    """This file in a process of its own, with floatX=float32 and these flags of Theano added."""
    given = [os.environ.get("THEANO_FLAGS"), "floatX=float32", flags]
    environment = {"THEANO_FLAGS": ",".join(filter(None, given))}
    return Worker([sys.executable, __file__, *arguments], environment)


def measureSteps(options, progress):
    """Setting -> seconds of a step, one number for each repetition."""
    arguments = ["--serve", options.depth, "--batch", options.batch, "--steps", options.steps]
    task = progress.add_task("training step", total=len(SETTINGS) * (1 + options.repetitions))
    processes = {}
    for name, flags in SETTINGS.items():
        processes[name] = startProcess(arguments, flags)
        processes[name].read()  # compiled: one after the other, they would only wait for a lock
        progress.advance(task)
    seconds = {name: [] for name in SETTINGS}
    for _ in range(options.repetitions):
        losses = []
        for name, process in processes.items():
            second, loss = process.ask("go")
            seconds[name].append(second)
            losses.append(loss)
            progress.advance(task)
        if max(losses) > 1.001 * min(losses):
            raise SystemExit(f"the settings train differently: losses {losses}")
    for process in processes.values():
        process.close()
    return seconds


def stepTable(seconds, options):
    table = Table(title=f"A training step: {options.depth} layers, batch {options.batch}")
    for heading in ("setting", "median s", "fastest s", "slowest s", "speed-up"):
        table.add_column(heading, justify="left" if heading == "setting" else "right")
    slowest = statistics.median(next(iter(seconds.values())))
    for name, values in seconds.items():
        median = statistics.median(values)
        cells = [f"{value:.3f}" for value in (median, min(values), max(values))]
        table.add_row(name, *cells, f"{slowest / median:.2f}")
    return table


def machine():
    """The versions and the processor, one line each."""
    packages = ("theano-pymc", "numpy", "scipy-openblas32")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"Python {platform.python_version()}, {versions}, {platform.system()}",
        processor(),
    )


def writeReport(table, options):
    text = io.StringIO()
    console = Console(file=text, width=100)
    table.box = boxes.MARKDOWN
    title, table.title = table.title, None
    console.print(f"## {title}\n")
    console.print(table)
    body = re.sub(r"\n{3,}", "\n\n", "\n".join(map(str.rstrip, text.getvalue().splitlines())))
    turns = f"{options.repetitions} turns of {options.steps} steps"
    lines = ["# Theano's speed", "`python benchmarks/theano_speed.py`", *machine()]
    lines.append(
        f"The settings take turns, {turns} each. Images of {' x '.join(map(str, IMAGE))}, four "
        f"sections of {WIDTHS} filters, float32."
    )
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n\n".join(lines) + "\n\n" + body.strip() + "\n")


def parsed():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--depth", type=int, default=48, help="layers of the net that trains (default 48)")
    add("--batch", type=int, default=64, help="images in a batch (default 64)")
    add("--steps", type=int, default=5, help="training steps in a turn (default 5)")
    add("--repetitions", type=int, default=9, help="turns of each setting (default 9)")
    add("--serve", type=int, metavar="DEPTH", help=argparse.SUPPRESS)
    options = parser.parse_args()
    counts = (options.batch, options.steps, options.repetitions, options.depth)
    if min(counts) < 1 or options.depth % len(WIDTHS):
        parser.error(f"numbers must be at least 1, the depth a multiple of {len(WIDTHS)}")
    return options


def main():
    options = parsed()
    if options.serve:
        return serveSteps(options.serve, options.batch, options.steps)
    console = Console()
    with Progress(console=console, transient=True) as progress:
        steps = measureSteps(options, progress)
    table = stepTable(steps, options)
    console.print(*machine(), sep="\n", soft_wrap=True)
    console.print(table)
    writeReport(table, options)
    console.print(f"Written to {REPORT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
