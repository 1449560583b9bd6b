"""The measured process: one training step is built and compiled, of a net of some kind and depth.

    python benchmarks/building.py KIND DEPTH

A process for each, since within one Theano compiles a second net faster.
"""

import os
import sys
import time

from streams import peak
from theano_speed import CLASSES, IMAGE, network
from workers import serve

UNITS, CHANNELS = 64, 16


def dense(depth):
    """Dense layers with CReLU."""
    from layers import FC, CReLU, Representation

    y = Representation((UNITS,))
    for number in range(depth):
        options = {"mirror": number > 0}
        y = CReLU()(FC(UNITS, initialisation="orthogonal", initKWArgs=options)(y))
    return FC(CLASSES)(y)


def residual(depth):
    """Half as many pre-activation blocks of two convolutions."""
    from layers import (
        FC,
        BatchNormalisation,
        Convolution,
        CReLU,
        GlobalPooling,
        Representation,
        Residual,
    )

    y = Convolution(CHANNELS)(Representation(IMAGE))
    for _ in range(depth // 2):
        branch = []
        for _ in range(2):
            branch += [BatchNormalisation(), CReLU(), Convolution(CHANNELS)]
        y = Residual(branch)(y)
    return FC(CLASSES)(GlobalPooling()(y))


#: Name -> the net of so many layers, its classifier not counted.
KINDS = {"convolutions": network, "dense": dense, "residual": residual}


def built(kind, depth):
    """Seconds to build the net, to compile its step, and the peak of memory in MB."""
    from training.compiled import TrainingStep
    from training.objectives import objectiveOf
    from training.optimisers import SGD

    began = time.perf_counter()
    y, optimiser = KINDS[kind](depth), SGD()
    optimiser.bind(dict(enumerate(y.params)))
    compiling = time.perf_counter()
    TrainingStep(y, objectiveOf("softmaxCrossEntropy"), optimiser, ())
    ended = time.perf_counter()
    return {"built": compiling - began, "compiled": ended - compiling, "megabytes": peak()}


if __name__ == "__main__":
    given = os.environ.get("THEANO_FLAGS")
    os.environ["THEANO_FLAGS"] = ",".join(filter(None, [given, "floatX=float32"]))
    serve(built(sys.argv[1], int(sys.argv[2])), None)
