"""The measured process: the trainer beside the bare compiled function, on dense nets of many sizes.

    python benchmarks/overhead.py

Bare is what one writes by hand: loss, gradient and update, compiled once, on slices of two arrays.
The trainer shuffles, counts, sums figures up, watches for NaN and keeps good weights besides.
"""

import functools
import os
import time

import numpy as np

from building import UNITS, dense
from streams import THREADS, cpuSeconds
from workers import serve

RATE = 1e-3


def bareFunction(y):
    """(x, labels) -> loss, with an SGD update."""
    from utilityFunctions import T, cast, compileFunction, gradient
    from training.objectives import objectiveOf

    labels = T.ivector()
    loss = objectiveOf("softmaxCrossEntropy").expressions(y.tensor, labels)["loss"].mean()
    slopes = gradient(loss, y.params)
    updates = [(p, p - cast(RATE) * slope) for p, slope in zip(y.params, slopes, strict=True)]
    return compileFunction([y.input, labels], loss, updates=updates)


@functools.cache
def contest(depth, batch, steps):
    """The two, each a function that trains so many steps and returns seconds: clock and cores."""
    from training import fit
    from training.optimisers import SGD

    rng = np.random.default_rng(3)
    x = rng.standard_normal((batch * steps, UNITS)).astype("float32")
    labels = rng.integers(10, size=len(x)).astype("int32")
    bare, y, optimiser = bareFunction(dense(depth)), dense(depth), SGD(RATE)

    def trainBare():
        began = now()
        for i in range(0, len(x), batch):
            bare(x[i : i + batch], labels[i : i + batch])
        return now() - began

    def trainFit():
        moments = []
        note = {moment: lambda: moments.append(now()) for moment in ("start", "end")}
        data, asked = (x, labels), {"batchSize": batch, "callbacks": note, "progress": False}
        fit(y, data, "softmaxCrossEntropy", optimiser, **asked)
        return moments[1] - moments[0]

    return trainBare, trainFit


def now():
    """The clock and the seconds of all cores."""
    return np.array([time.perf_counter(), cpuSeconds()])


def timed(question):
    """Seconds of a step, bare and by `fit`, of the clock and of all cores."""
    steps = question["steps"]
    bare, fit = (train() / steps for train in contest(**question))
    return {"bare": list(bare), "fit": list(fit)}


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    given = os.environ.get("THEANO_FLAGS")
    os.environ["THEANO_FLAGS"] = ",".join(filter(None, [given, "floatX=float32"]))
    serve("ready", timed)
