"""What each library does for each law, behind one interface.

A library is a function from a dtype to a dictionary: law -> function of a shape (in Keras's
layout), which draws one weight and returns it once it is there. Another library is such a function
under `_library`, in which laws that it does not have are left out. It is imported in a process of
its own, which serves it alone (benchmarks/stopwatch.py).

Each draws as its users call it, at its default number of threads, and no two draws are the same.
"""

import functools
import itertools
import math
import os
from collections.abc import Callable
from typing import NamedTuple

from cases import PLAIN

DEVIATION, BOUND = 0.05, 0.05


class Library(NamedTuple):
    """One side of a comparison.

    `squares` says that it turns n x k into a square of the longer side first.
    """

    drawings: Callable
    packages: tuple
    ours: bool = False
    squares: bool = False


LIBRARIES = {}


def _library(name, *packages, **facts):
    def register(drawings):
        LIBRARIES[name] = Library(drawings, packages, **facts)
        return drawings

    return register


def fansOf(shape):
    """Fan in and fan out of a shape in Keras's layout."""
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


@functools.cache
def channelsFirst(shape):
    """(rows, columns, in, out) and (in, out) as PyTorch stores them: (out, in, rows, columns)."""
    return (*shape[:1:-1], *shape[:2]) if len(shape) == 4 else shape[::-1]


# --- Ours ----------------------------------------------------------------------------------------


@_library("lookslinear", "numpy", "scipy", ours=True)
def looksLinear(dtype):
    """`draw(law, generator)`, with a law that is stated once and a generator that is there."""
    import numpy as np

    from lookslinear import draw
    from lookslinear.laws import dense_law, normal_law, truncated_normal_law, uniform_law

    generator = np.random.default_rng(1)

    def drawn(lawOf):
        stated = functools.cache(lambda shape: lawOf(shape, dtype))
        return lambda shape: draw(stated(shape), generator)

    def normal(shape, dtype):
        return normal_law(shape, 0.0, DEVIATION, dtype)

    def uniform(shape, dtype):
        return uniform_law(shape, -BOUND, BOUND, dtype)

    return {
        "orthogonal": drawn(lambda s, d: dense_law(*s, "haar", max(s) ** -0.5, dtype=d)),
        "normal": drawn(normal),
        "uniform": drawn(uniform),
        "truncated normal": drawn(lambda s, d: truncated_normal_law(s, 0.0, DEVIATION, d)),
        "small normal": drawn(normal),
        "small uniform": drawn(uniform),
        **{f"small {law}, NumPy": call for law, call in _ofNumPy(generator, dtype).items()},
        **_limitsOfNumPy(dtype),
    }


def _ofNumPy(generator, dtype):
    return {
        "normal": lambda shape: generator.standard_normal(shape, dtype=dtype) * DEVIATION,
        "uniform": lambda shape: generator.random(shape, dtype=dtype) * (2 * BOUND) - BOUND,
    }


@_library("lookslinear.initializers", "numpy", "scipy", ours=True)
def kerasFaces(dtype):
    """`GlorotUniform()(shape, dtype)` and the like, unseeded: each draws from fresh entropy."""
    from lookslinear import initializers as ours

    return {
        "truncated glorotNormal": lambda shape: ours.GlorotNormal()(shape, dtype),
        "glorotUniform": lambda shape: ours.GlorotUniform()(shape, dtype),
        "truncated heNormal": lambda shape: ours.HeNormal()(shape, dtype),
        "heUniform": lambda shape: ours.HeUniform()(shape, dtype),
    }


@_library("initD", "theano-pymc", "numpy", "scipy", ours=True)
def theanoFace(dtype):
    """`initD[name](inputShape, outputShape, s=sides)`, unseeded: shared variables, biases too."""
    flags = os.environ.get("THEANO_FLAGS"), f"floatX={dtype}"
    os.environ["THEANO_FLAGS"] = ",".join(filter(None, flags))
    from initialisations import initD

    def drawn(name):
        def draw(shape):
            *sides, inputs, outputs = shape
            image = (8, 8) if sides else ()  # any: the weights do not depend on it
            return initD[name]((inputs, *image), (outputs, *image), s=tuple(sides) or (1, 1))

        return draw

    return {name: drawn(name) for name in PLAIN}


# --- Peers ---------------------------------------------------------------------------------------


@_library("PyTorch", "torch")
def pyTorch(dtype):
    """`torch.nn.init` and the methods of tensors, on tensors just made."""
    import torch
    from torch.nn import init

    def filled(fill, layout=lambda shape: shape):
        return lambda shape: fill(torch.empty(layout(shape), dtype=getattr(torch, dtype)))

    cut = {"std": DEVIATION, "a": -2 * DEVIATION, "b": 2 * DEVIATION}
    ones = functools.cache(filled(init.ones_))
    return {
        "orthogonal": filled(init.orthogonal_),
        "normal": filled(lambda w: w.normal_(0, DEVIATION)),
        "uniform": filled(lambda w: w.uniform_(-BOUND, BOUND)),
        "truncated normal": filled(lambda w: init.trunc_normal_(w, **cut)),
        "glorotNormal": filled(init.xavier_normal_, channelsFirst),
        "glorotUniform": filled(init.xavier_uniform_, channelsFirst),
        "heNormal": filled(init.kaiming_normal_, channelsFirst),
        "heUniform": filled(lambda w: init.kaiming_uniform_(w, a=0), channelsFirst),
        "memory write": filled(lambda w: w.fill_(1.0)),
        "matrix product": lambda shape: ones(shape) @ ones(shape),
    }


@_library("JAX", "jax", "jaxlib")
def jaxItself(dtype):
    """`jax.nn.initializers`, compiled for each shape; the key is made of an int, compiled too."""
    import jax
    from jax.nn import initializers as of

    jax.config.update("jax_enable_x64", dtype == "float64")
    seeds = itertools.count(1)

    def compiled(initializer):
        @functools.partial(jax.jit, static_argnums=1)
        def draw(seed, shape):
            return initializer(jax.random.key(seed), shape, dtype)

        return lambda shape: draw(next(seeds), shape).block_until_ready()

    def between(key, shape, dtype):
        return jax.random.uniform(key, shape, dtype, -BOUND, BOUND)

    ones = functools.cache(lambda shape: jax.numpy.ones(shape, dtype))
    return {
        "orthogonal": compiled(of.orthogonal()),
        "normal": compiled(of.normal(DEVIATION)),
        "uniform": compiled(between),
        "truncated normal": compiled(of.truncated_normal(DEVIATION)),
        "glorotNormal": compiled(of.variance_scaling(1.0, "fan_avg", "normal")),
        "glorotUniform": compiled(of.glorot_uniform()),
        "heNormal": compiled(of.variance_scaling(2.0, "fan_in", "normal")),
        "heUniform": compiled(of.he_uniform()),
        "truncated glorotNormal": compiled(of.glorot_normal()),
        "truncated heNormal": compiled(of.he_normal()),
        "memory write": lambda shape: jax.numpy.full(shape, 1.0, dtype).block_until_ready(),
        "matrix product": lambda shape: (ones(shape) @ ones(shape)).block_until_ready(),
    }


def _keras(backend, finished):
    """Keras's classes, each made anew for each weight, as layers do."""
    os.environ["KERAS_BACKEND"] = backend
    import keras.initializers as of

    def drawings(dtype):
        def drawn(kind, **arguments):
            return lambda shape: finished(kind(**arguments)(shape, dtype=dtype))

        plain = {"distribution": "untruncated_normal"}
        return {
            "orthogonal": drawn(of.Orthogonal),
            "normal": drawn(of.RandomNormal, stddev=DEVIATION),
            "uniform": drawn(of.RandomUniform, minval=-BOUND, maxval=BOUND),
            "truncated normal": drawn(of.TruncatedNormal, stddev=DEVIATION),
            "glorotNormal": drawn(of.VarianceScaling, scale=1.0, mode="fan_avg", **plain),
            "glorotUniform": drawn(of.GlorotUniform),
            "heNormal": drawn(of.VarianceScaling, scale=2.0, mode="fan_in", **plain),
            "heUniform": drawn(of.HeUniform),
            "truncated glorotNormal": drawn(of.GlorotNormal),
            "truncated heNormal": drawn(of.HeNormal),
        }

    return drawings


@_library("Keras (torch)", "keras", "torch")
def kerasOnTorch(dtype):
    """Keras's classes on the backend PyTorch."""
    return _keras("torch", lambda weight: weight)(dtype)


@_library("Keras (JAX)", "keras", "jax")
def kerasOnJax(dtype):
    """Keras's classes on the backend JAX."""
    os.environ["JAX_ENABLE_X64"] = str(int(dtype == "float64"))
    return _keras("jax", lambda weight: weight.block_until_ready())(dtype)


@_library("NumPy", "numpy")
def numPy(dtype):
    """What one writes with NumPy alone, on a Generator that is there."""
    import numpy as np

    generator = np.random.default_rng(1)
    entries = _ofNumPy(generator, dtype)

    def orthogonal(shape):
        q, r = np.linalg.qr(generator.standard_normal(shape, dtype=dtype))
        return q * np.sign(r.diagonal())

    def truncated(shape):
        weight = generator.standard_normal(shape, dtype=dtype)
        while (beyond := np.abs(weight) > 2).any():
            weight[beyond] = generator.standard_normal(beyond.sum(), dtype=dtype)
        return weight * DEVIATION

    def normal(varianceOf):
        def draw(shape):
            return generator.standard_normal(shape, dtype=dtype) * math.sqrt(varianceOf(shape))

        return draw

    def uniform(varianceOf):
        def draw(shape):
            bound = math.sqrt(3 * varianceOf(shape))
            return generator.random(shape, dtype=dtype) * (2 * bound) - bound

        return draw

    def glorot(shape):
        return 2 / sum(fansOf(shape))

    def he(shape):
        return 2 / fansOf(shape)[0]

    return {
        "orthogonal": orthogonal,
        "truncated normal": truncated,
        "glorotNormal": normal(glorot),
        "glorotUniform": uniform(glorot),
        "heNormal": normal(he),
        "heUniform": uniform(he),
        **entries,
        **_limitsOfNumPy(dtype),
    }


def _limitsOfNumPy(dtype):
    import numpy as np

    ones = functools.cache(lambda shape: np.ones(shape, dtype))
    return {
        "memory write": lambda shape: np.full(shape, 1.0, dtype),
        "matrix product": lambda shape: ones(shape) @ ones(shape),
    }


@_library("SciPy ortho_group", "scipy", "numpy", squares=True)
def sciPy(dtype):
    """`scipy.stats.ortho_group`, of the longer side, in double precision and then cast."""
    from scipy.stats import ortho_group

    def orthogonal(shape):
        return ortho_group.rvs(max(shape))[: shape[0], : shape[1]].astype(dtype)

    return {"orthogonal": orthogonal}


@_library("SVD", "numpy", squares=True)
def singularVectors(dtype):
    """Left singular vectors of a square Gaussian of the longer side, in double precision, cast."""
    import numpy as np

    generator = np.random.default_rng(1)

    def orthogonal(shape):
        side = max(shape)
        vectors, _, _ = np.linalg.svd(generator.standard_normal((side, side)))
        return vectors[: shape[0], : shape[1]].astype(dtype)

    return {"orthogonal": orthogonal}
