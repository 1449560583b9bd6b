"""The measured process: one side trains a deep CReLU convolutional net, a few steps a question.

    python benchmarks/steps.py SIDE DEPTH BATCH

It runs in the environment of the Python that runs it, and imports no more than the side needs. All
sides do the same arithmetic from the same weights on the same images, so their losses agree; what
they do before the first step (build, compile) is timed apart.
"""

import functools
import importlib.metadata
import os
import platform
import sys
import time

import numpy as np

from streams import THREADS, cpuSeconds, peak
from theano_speed import CLASSES, IMAGE, WIDTHS, network
from workers import serve

RATE = 1e-3


# --- What all sides share ------------------------------------------------------------------------


def architecture(depth):
    """(filters, channels read, stride) of each convolution, and the units that the last one makes.

    Behind each stands a CReLU, which doubles the channels.
    """
    found, channels, side = [], IMAGE[0], IMAGE[1]
    for index in range(depth):
        section, place = divmod(index, depth // len(WIDTHS))
        stride = 2 if section and not place else 1
        found.append((WIDTHS[section], channels, stride))
        channels, side = 2 * WIDTHS[section], side // stride
    return found, channels * side**2


def weightsOf(depth, seed=1):
    """Weights (out, in, 3, 3) of all convolutions and (units, classes): mirrored, centre taps."""
    rng = np.random.default_rng(seed)
    convolutions, units = architecture(depth)
    weights = []
    for filters, channels, _ in convolutions:
        isFirst = channels == IMAGE[0]
        read = channels if isFirst else channels // 2
        square = np.linalg.qr(rng.standard_normal((max(filters, read),) * 2))[0][:filters, :read]
        kernel = np.zeros((filters, channels, 3, 3), "float32")
        kernel[:, :, 1, 1] = square if isFirst else np.concatenate([square, -square], axis=1)
        weights.append(kernel)
    dense = rng.standard_normal((units, CLASSES)) / units**0.5
    return [*weights, dense.astype("float32")]


def batchOf(batch, seed=2):
    """Images and their labels."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((batch, *IMAGE)).astype("float32")
    return images, rng.integers(CLASSES, size=batch).astype("int32")


# --- The sides: (depth, batch) -> a function that trains a step and returns the loss -------------


def ours(depth, batch):
    """`layers` and the compiled step of `training`, for batches of any size."""
    from training.compiled import TrainingStep
    from training.objectives import objectiveOf
    from training.optimisers import SGD

    y, optimiser = network(depth), SGD(RATE)
    for layer, weight in zip(weighted(y), weightsOf(depth), strict=True):
        layer.weight.set_value(weight)
    optimiser.bind(dict(enumerate(y.params)))
    step = TrainingStep(y, objectiveOf("softmaxCrossEntropy"), optimiser, ())
    return lambda images, labels: step(images, labels)["loss"]


def weighted(y):
    """The layers that have a weight."""
    return [layer for layer in y.layers if getattr(layer, "weight", None) is not None]


def plain(depth, batch):
    """The same by hand in Theano, for batches of one size: any other compiles for ever.

    `utilityFunctions` has prepared Theano: the same BLAS, the same rewrites.
    """
    from utilityFunctions import T, theano

    sys.setrecursionlimit(50_000)
    return byHand(theano, T, depth, batch)


def asInstalled(depth, batch):
    """The same by hand in Theano as pip installs it, without `utilityFunctions`."""
    import theano
    from theano import tensor as T

    sys.setrecursionlimit(50_000)
    return byHand(theano, T, depth, batch)


def byHand(theano, T, depth, batch):
    """A training step in Theano's own words."""
    images, labels = T.tensor4(dtype="float32"), T.ivector()
    convolutions, units = architecture(depth)
    *kernels, dense = [theano.shared(weight) for weight in weightsOf(depth)]
    params, h, side = [], images, IMAGE[1]
    for (filters, channels, stride), kernel in zip(convolutions, kernels, strict=True):
        bias = theano.shared(np.zeros(filters, "float32"))
        shapes = {
            "input_shape": (batch, channels, side, side),
            "filter_shape": (filters, channels, 3, 3),
        }
        strides = (stride, stride)
        h = T.nnet.conv2d(h, kernel, border_mode="half", subsample=strides, **shapes)
        h = h + bias.dimshuffle("x", 0, "x", "x")
        h = T.concatenate([T.nnet.relu(h), T.nnet.relu(-h)], axis=1)
        params, side = [*params, kernel, bias], side // stride
    bias = theano.shared(np.zeros(CLASSES, "float32"))
    scores = T.dot(h.reshape((batch, units)), dense) + bias
    loss = T.nnet.categorical_crossentropy(T.nnet.softmax(scores), labels).mean()
    params += [dense, bias]
    slopes = theano.grad(loss, params)
    updates = [(p, p - np.float32(RATE) * slope) for p, slope in zip(params, slopes, strict=True)]
    step = theano.function([images, labels], loss, updates=updates)
    return lambda images, labels: float(step(images, labels))


def pytorch(depth, batch):
    """The same in eager PyTorch."""
    import torch
    from torch.nn import functional

    torch.set_num_threads(THREADS)
    # Theano turns filters round.
    arrays = [np.ascontiguousarray(weight[..., ::-1, ::-1]) for weight in weightsOf(depth)[:-1]]
    kernels = [torch.tensor(array, requires_grad=True) for array in arrays]
    dense = torch.tensor(weightsOf(depth)[-1].T.copy(), requires_grad=True)
    biases = [torch.zeros(len(one), requires_grad=True) for one in [*kernels, dense]]
    strides = [stride for *_, stride in architecture(depth)[0]]
    optimiser = torch.optim.SGD([*kernels, dense, *biases], lr=RATE)

    def step(images, labels):
        h = torch.from_numpy(images)
        for kernel, bias, stride in zip(kernels, biases, strides, strict=False):
            h = functional.conv2d(h, kernel, bias, stride=stride, padding=1)
            h = torch.cat([functional.relu(h), functional.relu(-h)], dim=1)
        scores = functional.linear(h.flatten(1), dense, biases[-1])
        loss = functional.cross_entropy(scores, torch.from_numpy(labels).long())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


#: Who is measured, ours first: what makes the step, packages, flags of Theano.
THEANO = ("theano-pymc", "numpy", "scipy-openblas32")
SIDES = {
    "looks-linear": (ours, THEANO, ""),
    "PyTorch": (pytorch, ("torch", "numpy"), ""),
    "plain Theano, prepared by utilityFunctions": (plain, THEANO, ""),
    "plain Theano as installed": (asInstalled, THEANO[:2], "blas__ldflags="),
}


def timed(step, batch, count):
    """Of one step the seconds of the clock and of all cores; the peak of memory; the last loss."""
    before, began = cpuSeconds(), time.perf_counter()
    losses = [step(*batch) for _ in range(count)]
    seconds = (time.perf_counter() - began) / count
    cpu = (cpuSeconds() - before) / count
    return {"seconds": seconds, "cpu": cpu, "megabytes": peak(), "loss": losses[-1]}


def main(side, depth, size):
    make, packages, flags = SIDES[side]
    os.environ["OMP_NUM_THREADS"] = str(THREADS)
    given = os.environ.get("THEANO_FLAGS")
    os.environ["THEANO_FLAGS"] = ",".join(filter(None, [given, "floatX=float32", flags]))
    began = time.perf_counter()
    step, batch = make(depth, size), batchOf(size)
    built = time.perf_counter() - began
    step(*batch)
    versions = {package: importlib.metadata.version(package) for package in packages}
    words = {"python": platform.python_version(), "versions": versions, "built": built}
    serve(words, functools.partial(timed, step, batch))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
