"""Variances of 1 on data: layer by layer (LSUV), or from one observation of a network to the next.

Both divide weights alone; biases stay. Both measure as after training.
"""

import math

import numpy as np

from lookslinear.errors import positive_number, whole_number
from lookslinear.sampling import as_seed, child_seed, haar_frame
from training.rescaling.change import Rescaled, networkInitialisation
from training.rescaling.moments import Places, checkedBatchSize, chunkSize, refuseNoVariance
from training.rescaling.parts import rescale, weightedSteps


@networkInitialisation(needsData=True)
def layerSequentialUnitVariance(
    model, data, tolerance=0.1, passes=10, orthonormal=True, batchSize=64, seed=None
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
    data : array (samples, *shape of the input)
    tolerance : float
        How far from 1 a variance may be, more than 0.
    passes : int
        How often a layer is divided at most; more than once helps where biases are not zero.
    orthonormal : bool
        Whether weights start as frames. False keeps what is there, such as a mirrored weight, which
        stays mirrored.
    batchSize : int
        How many samples are computed at once; it changes memory and time alone.
    seed : None, int, SeedSequence or Generator
        What the frames are drawn from, each layer's from its own child.

    Returns
    -------
    Change
        A row for each layer with a weight; `quantity` is the variance.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, data that are missing or not finite, a network without weights; and,
        with all weights as before, for a layer whose output has the variance 0 or none.

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
    batchSize = chunkSize(batchSize, data)
    tolerance, passes = positive_number(tolerance, "tolerance"), whole_number(passes, "passes")
    steps, parent = weightedSteps(model), as_seed(seed)
    places = Places([w.preActivation for w in steps], model, data, batchSize)
    if orthonormal:
        _makeOrthonormal([w.layer for w in steps], parent)
    return [
        _rescaled(
            w.place, [w], lambda place=place: places.moments(place).variance, tolerance, passes
        )
        for place, w in enumerate(steps)
    ]


@networkInitialisation(needsData=True)
def rescaleAtObservations(model, data, tolerance=0.1, passes=3, smallest=16, growth=2):
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
    data : array (samples, *shape of the input)
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
    Change
        A row for each observation; `quantity` is the variance, as estimated.

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
    checkedBatchSize(smallest, data)
    tolerance, passes = positive_number(tolerance, "tolerance"), whole_number(passes, "passes")
    pieces = list(_growing(len(data), smallest, growth))
    named = _segments(model)
    tensors = [model.representation.observations[name].tensor for name in named]
    places = Places(tensors, model, data, pieces[-1].stop - pieces[-1].start)
    return [
        _rescaled(
            f"observation {name!r}", segment,
            lambda place=place: places.geometricVariance(place, pieces), tolerance, passes,
        )
        for place, (name, segment) in enumerate(named.items())
    ]  # fmt: skip


def _rescaled(place, steps, measured, tolerance, passes):
    """Divide the weights of layers until a measured variance is within the tolerance of 1."""
    before = variance = measured()
    factor, made = 1.0, 0
    refuseNoVariance(place, variance)
    while made < passes and abs(variance - 1) > tolerance:
        deviation = math.sqrt(variance)
        for w in steps:
            rescale(w.layer.weight, deviation ** (-1 / len(steps)))
        factor, variance, made = factor / deviation, measured(), made + 1
        refuseNoVariance(place, variance)
    note = "" if abs(variance - 1) <= tolerance else _complaint(variance, tolerance, made)
    numbers = tuple(w.number for w in steps)
    return Rescaled(place, numbers, "variance", before, variance, factor, made + 1, note)


def _complaint(variance, tolerance, passes):
    return (
        f"has the variance {variance:.4g} after {passes} passes; wanted is 1 within "
        f"{tolerance:g}. Biases that are not zero keep it away."
    )


def _makeOrthonormal(layers, parent):
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
    weighted, taken, segments = {w.layer: w for w in weightedSteps(model)}, set(), {}
    for name, step in representation.observations.items():
        before = dict.fromkeys(layer for layer in step.layers if layer in weighted)
        own = [layer for layer in before if layer not in taken]
        if not own:
            raise ValueError(
                f"observation {name!r} must have weights between it and the observations before "
                f"it. Received: none. Leave it out."
            )
        taken.update(own)
        segments[name] = [weighted[layer] for layer in own]
    return segments


def _growing(samples, smallest, growth):
    """Slices of smallest, growth * smallest, ... samples, one after the other."""
    first, size = 0, smallest
    while first + size <= samples:
        yield slice(first, first + size)
        first, size = first + size, size * growth
