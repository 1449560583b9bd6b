"""Rescaling: (network, data) -> the same network with weights divided by what the data show.

Both ways divide weights alone; biases stay. Both measure as after training, batch by batch, and
keep no more than one batch: each compiled function computes all places, and a call only those that
it is asked for.
"""

import math
import warnings
from dataclasses import dataclass, field

import numpy as np

from utilityFunctions import compileFunction
from layers import FC, Convolution, Weighted
from lookslinear.errors import whole_number
from lookslinear.sampling import as_seed, child_seed, haar_frame
from training.batches import checkedInputs
from training.checking import positive, refuseNonFinite
from training.trainer import checkedModel


@dataclass(frozen=True)
class Rescaled:
    """What was changed at one place.

    Attributes
    ----------
    place : str
        The layer, or the observation.
    layers : tuple of int
        The numbers of the layers, in `model.representation.layers`, whose weights were divided.
    divisor : float
        By what, in all.
    before, after : float
        The variance there.
    passes : int
        How often the data were read for it.
    converged : bool
        Whether `after` is within the tolerance.
    """

    place: str
    layers: tuple
    divisor: float
    before: float
    after: float
    passes: int
    converged: bool

    def __str__(self):
        sign = "" if self.converged else "  not within the tolerance"
        return (
            f"{self.place:<40} variance {self.before:10.4g} -> {self.after:8.4g}, "
            f"weights divided by {self.divisor:.4g}{sign}"
        )


@dataclass
class Moments:
    """The count, mean and variance of numbers that come batch by batch, in double precision.

    References
    ----------
    Chan, Golub and LeVeque 1983, Am. Stat. 37(3), equations 2.1 (merging two sums of squares).

    Examples
    --------
    >>> moments = Moments()
    >>> for batch in ([1.0, 2.0], [6.0]):
    ...     moments.add(np.array(batch))
    >>> moments.mean, round(moments.variance, 6)
    (3.0, 4.666667)
    """

    count: int = 0
    mean: float = 0.0
    squares: float = field(default=0.0, repr=False)

    def add(self, numbers):
        """Take the numbers of an array."""
        mean, count = float(numbers.mean(dtype="float64")), self.count + numbers.size
        apart = mean - self.mean
        self.squares += float(numbers.var(dtype="float64")) * numbers.size
        self.squares += apart**2 * self.count * numbers.size / count
        self.mean += apart * numbers.size / count
        self.count = count

    @property
    def variance(self):
        """The mean square distance from the mean."""
        return self.squares / self.count


def layerSequentialUnitVariance(
    model, x, tolerance=0.1, passes=10, orthonormal=True, batchSize=64, seed=None
):
    """Give each layer's output a variance of 1 on data, layer by layer (LSUV).

    Each weight starts as an orthonormal frame: the matrix from all that a unit reads to all units
    has orthonormal rows or columns. Then, from the input on, each layer's weight is divided by the
    standard deviation of the layer's output, over samples, units and positions and before an
    activation of its own, until the variance is within the tolerance of 1.

    Parameters
    ----------
    model : Sequential or Representation
        Residual branches are passed in the order of `model.representation.steps`; a layer that is
        called twice is rescaled for its first call.
    x : array (samples, *shape of the input)
    tolerance : float
        How far from 1 a variance may be, more than 0.
    passes : int
        How often a layer is divided at most; more than once helps where biases are not zero.
    orthonormal : bool
        Whether weights start as frames. False keeps what is there, such as a mirrored weight, which
        stays mirrored.
    batchSize : int
        How many samples are computed at once.
    seed : None, int, SeedSequence or Generator
        What the frames are drawn from, each layer's from its own child.

    Returns
    -------
    list of Rescaled
        One for each layer with a weight. Print it: print(*table, sep="\\n").

    Raises
    ------
    TypeError, ValueError
        For a bad argument, data that are not finite, a network without weights; and, with all
        weights as before, for a layer whose output has the variance 0 or none.

    Warns
    -----
    RuntimeWarning
        If a variance is not within the tolerance after all passes.

    References
    ----------
    Mishkin and Matas 2016, arXiv 1511.06422, algorithm 1.

    Examples
    --------
    >>> from layers import Dense, Sequential
    >>> from lookslinear.sampling import standard_normal
    >>> model = Sequential([Dense(8, input_shape=(5,)), Dense(3, activation="relu")])
    >>> for row in layerSequentialUnitVariance(model, standard_normal((100, 5), rng=1), seed=0):
    ...     print(row.layers, row.converged)
    (0,) True
    (1,) True
    """
    model, x, batchSize = _checked(model, x, batchSize)
    tolerance, passes = positive(tolerance, "tolerance"), whole_number(passes, "passes")
    steps = _weightedSteps(model)
    places = _Places([_preActivation(step) for _, step in steps], model, x, batchSize)
    with _AllOrNone([step.layer for _, step in steps]):
        if orthonormal:
            _makeOrthonormal([step.layer for _, step in steps], seed)
        return [
            _rescaled(
                f"layer {number}, {type(step.layer).__name__}", [(number, step.layer)],
                lambda place=place: places.moments(place).variance, tolerance, passes,
            )
            for place, (number, step) in enumerate(steps)
        ]  # fmt: skip


def rescaleAtObservations(model, x, tolerance=0.1, passes=3, smallest=16, growth=2):
    """Give the signal a variance of 1 at each observation point, in the looks-linear release's way.

    From the input on, the weights between an observation and those before it are all divided by
    one number, the k-th root of the standard deviation at the observation if there are k of them.
    That deviation is estimated as the geometric mean over batches that grow: `smallest` samples,
    then `growth` times as many, and so on, one after the other through the data.

    .. math:: \\hat s = \\Big( \\prod_{j=0}^{J} s_j \\Big)^{1/(J+1)}, \\qquad
              w \\leftarrow w / \\hat s^{1/k}

    Where activations are 1-homogeneous (ReLU, CReLU, linear) and biases zero, one pass is exact.

    Parameters
    ----------
    model : Sequential or Representation
        With layers of the kind `Observation`.
    x : array (samples, *shape of the input)
        At least `smallest` samples; a rest that fills no batch of its size is not read.
    tolerance : float
        How far from 1 the square of the estimate may be.
    passes : int
        How often the weights are divided at most.
    smallest : int
        The samples of the first batch, of which at least 2 numbers must come to the observation.
    growth : int
        How much larger each batch is than the one before, from 2.

    Returns
    -------
    list of Rescaled
        One for each observation.

    Raises
    ------
    TypeError, ValueError, RuntimeWarning
        As `layerSequentialUnitVariance`; ValueError without observations, and for one with no
        weights of its own before it.

    References
    ----------
    The code released with Balduzzi et al. 2017, arXiv 1702.08591, as reported; written anew.

    Examples
    --------
    >>> from layers import FC, Observation
    >>> from lookslinear.sampling import standard_normal
    >>> from layers import Representation
    >>> y = Observation("end")(FC(8, seed=1)(FC(8, seed=0)(Representation((8,)))))
    >>> row, = rescaleAtObservations(y, 5 * standard_normal((112, 8), rng=1))
    >>> row.layers, row.converged
    ((0, 1), True)
    """
    smallest, growth = whole_number(smallest, "smallest"), whole_number(growth, "growth", least=2)
    model, x, _ = _checked(model, x, smallest)
    tolerance, passes = positive(tolerance, "tolerance"), whole_number(passes, "passes")
    pieces = list(_growing(len(x), smallest, growth))
    named = _segments(model)
    tensors = [model.representation.observations[name].tensor for name in named]
    places = _Places(tensors, model, x, pieces[-1].stop - pieces[-1].start)
    with _AllOrNone([layer for segment in named.values() for _, layer in segment]):
        return [
            _rescaled(
                f"observation {name!r}", segment,
                lambda place=place: places.geometricVariance(place, pieces), tolerance, passes,
            )
            for place, (name, segment) in enumerate(named.items())
        ]  # fmt: skip


class _Places:
    """Tensors of a network, of which a call computes one."""

    def __init__(self, tensors, model, x, batchSize):
        self.x, self.batchSize = x, batchSize
        self._function = compileFunction([model.representation.input], tensors)

    def moments(self, place, samples=slice(None)):
        """The moments of all numbers at a place, for some samples."""
        moments, x = Moments(), self.x[samples]
        for first in range(0, len(x), self.batchSize):
            batch = x[first : first + self.batchSize]
            moments.add(self._function(batch, output_subset=[place])[0])
        return moments

    def geometricVariance(self, place, pieces):
        """The geometric mean of the variances of some pieces of the data."""
        variances = [self.moments(place, piece).variance for piece in pieces]
        if min(variances) <= 0:
            return 0.0
        return math.exp(math.fsum(map(math.log, variances)) / len(variances))


class _AllOrNone:
    """Gives layers their weights back if an error ends what is done to them."""

    def __init__(self, layers):
        self._held = [(layer.weight, layer.weight.get_value()) for layer in layers]

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for weight, value in self._held if isinstance(error, Exception) else ():
            weight.set_value(value)


def _rescaled(place, layers, measured, tolerance, passes):
    """Divide the weights of layers until a measured variance is within the tolerance of 1."""
    before = variance = measured()
    divisor, made = 1.0, 0
    while made < passes:
        _refuseNoVariance(place, variance)
        if abs(variance - 1) <= tolerance:
            break
        deviation = math.sqrt(variance)
        for _, layer in layers:
            _divide(layer.weight, deviation ** (1 / len(layers)))
        divisor, variance, made = divisor * deviation, measured(), made + 1
    converged = abs(variance - 1) <= tolerance
    if not converged:
        warnings.warn(
            f"{place} has the variance {variance:.4g} after {passes} passes; wanted is 1 within "
            f"{tolerance:g}. Biases that are not zero keep it away.",
            RuntimeWarning,
            stacklevel=4,
        )
    numbers = tuple(number for number, _ in layers)
    return Rescaled(place, numbers, divisor, before, variance, made + 1, converged)


def _divide(weight, divisor):
    weight.set_value(weight.get_value(borrow=True) / np.asarray(divisor, weight.dtype))


def _refuseNoVariance(place, variance):
    if not (math.isfinite(variance) and variance > 0):
        raise ValueError(
            f"{place} must have a positive variance on the data. Received: {variance}. No weight "
            f"was changed. Its signal is constant, dead or not finite: draw the weights again, or "
            f"look at the data."
        )


def _checked(model, x, batchSize):
    model, batchSize = checkedModel(model), whole_number(batchSize, "batchSize")
    x = checkedInputs(x, model)
    refuseNonFinite(x, "x")
    if batchSize > len(x):
        raise ValueError(f"x must hold at least one batch of {batchSize}. Received: {len(x)}.")
    return model, x, batchSize


def _weightedSteps(model):
    """The number and the step of each layer with a weight, in the order of computation."""
    made = [step for step in model.representation.steps if step.layer is not None]
    found = {}
    for number, step in enumerate(made):
        if isinstance(step.layer, Weighted):
            found.setdefault(step.layer, (number, step))
    if not found:
        raise ValueError(f"a network without weights cannot be rescaled. Received: {model!r}.")
    return list(found.values())


def _preActivation(step):
    """What a layer computes before an activation of its own, as layers spelt like Keras's have."""
    if getattr(step.layer, "activation", None) is None:
        return step.tensor
    family = next(kind for kind in (FC, Convolution) if isinstance(step.layer, kind))
    source = step.sources[0]
    return family.expression(step.layer, source.tensor, source.shape)


def _makeOrthonormal(layers, seed):
    parent = as_seed(seed)
    for index, layer in enumerate(layers):
        shape, dtype = layer.weight.get_value(borrow=True).shape, layer.weight.dtype
        # Dense weights are (in, out), kernels (out, in, rows, columns): matrices either way.
        matrix = (shape[0], math.prod(shape[1:]))
        frame = haar_frame(max(matrix), min(matrix), child_seed(parent, index), dtype)
        frame = frame if matrix[0] >= matrix[1] else frame.T
        layer.weight.set_value(np.ascontiguousarray(frame).reshape(shape))


def _segments(model):
    """Name of an observation -> the layers with weights before it and after those before."""
    representation = model.representation
    if not representation.observations:
        raise ValueError(
            f"the network must have observations, layers.Observation(name), where its signal is "
            f"measured. Received: {model!r}, without any."
        )
    weighted, taken, segments = dict(_byLayer(model)), set(), {}
    for name, step in representation.observations.items():
        before = dict.fromkeys(layer for layer in step.layers if layer in weighted)
        own = [layer for layer in before if layer not in taken]
        if not own:
            raise ValueError(
                f"observation {name!r} must have weights between it and the observations before "
                f"it. Received: none. Leave it out."
            )
        taken.update(own)
        segments[name] = [(weighted[layer], layer) for layer in own]
    return segments


def _byLayer(model):
    return [(step.layer, number) for number, step in _weightedSteps(model)]


def _growing(samples, smallest, growth):
    """Slices of smallest, growth * smallest, ... samples, one after the other."""
    first, size = 0, smallest
    while first + size <= samples:
        yield slice(first, first + size)
        first, size = first + size, size * growth
