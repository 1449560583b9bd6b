"""The measured process: one side sends a batch through a network and a gradient back.

    python benchmarks/streams.py SIDE

It runs in the environment of the Python that runs it, and imports no more than the side needs. Ours
and the scripts compute the same: mean squares of pre-activations and of the gradients there.
"""

import functools
import importlib.metadata
import math
import os
import platform
import resource
import sys
import time

from workers import serve

#: Threads of BLAS, of PyTorch and of drawing, alike on all sides.
THREADS = 2


def ours():
    """The streamed probe: (law, depth, width, batch) -> log mean squares, forward and backward."""
    from utilityFunctions import theano
    from experiments.arms import Arm
    from experiments.networks import stagesOf
    from experiments.probes import propagate
    from lookslinear.sampling import standard_normal

    theano.config.floatX = "float32"

    def run(law, depth, width, batch):
        initialisation = {"normal": "heNormal", "orthogonal": "orthogonal"}[law]
        arm = Arm.parse(f"{initialisation}/relu")
        stages = stagesOf(arm, (width,), "dense", depth, width)
        x, gradient = (standard_normal((batch, width), rng) for rng in (1, 2))
        return propagate(stages, x, gradient, seed=3)

    return run, ("theano-pymc", "numpy", "scipy")


def script(weightGradients):
    """The plain script in PyTorch: the same; weights may ask for gradients, as a module's do."""
    import torch

    torch.set_num_threads(THREADS)
    draw = {
        "normal": functools.partial(torch.nn.init.kaiming_normal_, nonlinearity="relu"),
        "orthogonal": functools.partial(torch.nn.init.orthogonal_, gain=math.sqrt(2)),
    }

    def run(law, depth, width, batch):
        torch.manual_seed(3)
        weights = [torch.empty(width, width) for _ in range(depth)]
        for weight in weights:
            draw[law](weight).requires_grad_(weightGradients)
        h = torch.randn(batch, width, requires_grad=True)
        preactivations = []
        for l, weight in enumerate(weights):
            h = (torch.relu(h) if l else h) @ weight.T
            h.retain_grad()
            preactivations.append(h)
        h.backward(torch.randn(batch, width))
        forward = [h.detach().square().mean().item() for h in preactivations]
        return forward, [h.grad.square().mean().item() for h in preactivations]

    return run, ("torch",)


#: Who is measured, ours first.
SIDES = {
    "looks-linear": ours,
    "PyTorch": functools.partial(script, weightGradients=True),
    "PyTorch, no gradients of weights": functools.partial(script, weightGradients=False),
}


def timed(run, question):
    """Seconds of the clock and of all cores, and the peak of memory in MB up to now."""
    before, began = cpuSeconds(), time.perf_counter()
    run(**question)
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "cpu": cpuSeconds() - before, "megabytes": peak()}


def cpuSeconds():
    """Seconds of all threads of this process, in programs and in the system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak():
    """The most memory that was resident in this process, in MB of 10^6 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "LOOKSLINEAR_NUM_THREADS"), str(THREADS)))
    run, packages = SIDES[sys.argv[1]]()
    versions = {package: importlib.metadata.version(package) for package in packages}
    serve(
        {"python": platform.python_version(), "versions": versions, "megabytes": peak()},
        functools.partial(timed, run),
    )
