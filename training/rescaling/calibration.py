"""Calibration on data (Krähenbühl et al.): within each layer, and between the layers of a chain.

Both measure as after training, batch by batch.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np

from utilityFunctions import T, compileFunction, gradient
from layers import (
    Activation,
    Augmentation,
    Dropout,
    Flatten,
    GlobalPooling,
    Observation,
    Pooling,
    Reshape,
    Weighted,
)
from lookslinear.activations import activation
from lookslinear.errors import positive_number, real_number, refuse_other_kind
from lookslinear.sampling import as_seed, child_seed, standard_normal
from training.rescaling.change import Rescaled, networkInitialisation
from training.rescaling.moments import Places, checkedBatchSize, chunkSize, refuseNoVariance
from training.rescaling.parts import norm, refuseShared, rescale, weightedSteps

#: Layers that multiply their output by c > 0 where their input is: activations are asked.
HOMOGENEOUS = (Flatten, Reshape, Observation, Dropout, Augmentation, Pooling, GlobalPooling)


@networkInitialisation(needsData=True)
def withinLayerCalibration(model, data, mean=0.0, centre=True, tolerance=1e-3, batchSize=64):
    """Give each unit or channel of each layer the same mean, and a variance of 1, on data.

    .. math:: W_i \\leftarrow W_i / \\hat\\sigma_i, \\qquad
              b_i \\leftarrow \\beta + (b_i - \\hat\\mu_i) / \\hat\\sigma_i

    with the mean and the standard deviation of z_i = W_i x + b_i over samples and positions, before
    an activation of the layer's own, layer by layer from the input on. One pass is exact.

    Parameters
    ----------
    model : Sequential or Representation
        With random weights; a unit's keep their direction, and a mirrored weight stays mirrored. A
        layer that is called twice is calibrated for its first call.
    data : array (samples, *shape of the input)
    mean : float
        beta: a positive one lets more of the rectifiers behind be active.
    centre : bool
        Whether biases are set. False leaves them and divides weights and biases alone.
    tolerance : float
        How far from what is wanted a mean and a variance may be in the pass that checks.
    batchSize : int
        How many samples are computed at once; it changes memory and time alone.

    Returns
    -------
    Change
        A row for each layer; `quantity` is the variance, the mean over its units.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, data that are missing or not finite, a network without weights, a layer
        without a bias to centre by; and, with all as before, for a unit that is constant.

    References
    ----------
    Krähenbühl, Doersch, Donahue and Darrell 2016, arXiv 1511.06856, algorithm 1.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> y = FC(3, seed=1)(Representation((5,)))
    >>> x = 4 + standard_normal((200, 5), rng=1)
    >>> (row,) = withinLayerCalibration(y, x)
    >>> out = y.function()(x)
    >>> bool(abs(out.mean(0)).max() < 1e-4), bool(abs(out.var(0) - 1).max() < 1e-4)
    (True, True)
    """
    batchSize, mean = chunkSize(batchSize, data), real_number(mean, "mean")
    tolerance = positive_number(tolerance, "tolerance")
    refuse_other_kind(centre, bool, "centre")
    steps = weightedSteps(model)
    if centre:
        _refuseWithoutBias(steps)
    places = Places([w.preActivation for w in steps], model, data, batchSize)
    wanted = mean if centre else None
    return [_calibrated(w, i, places, wanted, tolerance) for i, w in enumerate(steps)]


@networkInitialisation(needsData=True)
def betweenLayerCalibration(model, data, tolerance=1e-2, batchSize=1, seed=None):
    """Give all layers of a chain the same relative rate of change, without changing what it does.

    .. math:: C_k^2 = \\frac{E \\, \\| \\partial \\ell / \\partial W_k \\|^2}{\\| W_k \\|^2},
              \\qquad W_k \\leftarrow W_k \\sqrt{C_k / \\bar C}, \\qquad
              b_k \\leftarrow b_k \\prod_{j \\le k} \\sqrt{C_j / \\bar C}

    with a random linear loss of the output z, l = eta . z, eta standard normal, and the geometric
    mean of the rates of a chain. A chain is a row of layers with weights that are joined by
    positively homogeneous ones alone (ReLU, CReLU, pooling, dropout, ...): the factors, whose
    product is 1, then leave what the chain computes as it is, and divide each rate by its square,
    so that one pass is exact (the paper approaches it in damped steps, as reported). Residual sums
    and curved activations end a chain: rates are equal within each, and what the network computes
    stays.

    Parameters
    ----------
    model : Sequential or Representation
    data : array (samples, *shape of the input)
    tolerance : float
        By how much the rates of a chain may differ, relatively, in the pass that checks.
    batchSize : int
        How many samples are computed at once: their gradients are added before they are squared,
        so that of n batches C_k^2 has a relative standard deviation of up to sqrt(2 / n), besides
        what the data leave.
    seed : None, int, SeedSequence or Generator
        What eta is drawn from, anew for each sample.

    Returns
    -------
    Change
        A row for each layer; `quantity` is the rate of change.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, data that are missing or not finite, layers that are called twice, a
        network without a chain of two layers; and, with all as before, for a rate of 0.

    References
    ----------
    Krähenbühl, Doersch, Donahue and Darrell 2016, arXiv 1511.06856, algorithm 2; the step that is
    exact at once is derived here.

    Examples
    --------
    >>> from layers import CReLU, FC, Representation
    >>> y = FC(3, seed=1)(CReLU()(FC(50, seed=0)(Representation((5,)))))
    >>> change = betweenLayerCalibration(y, standard_normal((64, 5), rng=1), batchSize=8, seed=0)
    >>> first, second = change.table["after"]
    >>> bool(abs(first / second - 1) < 1e-4)
    True
    """
    batchSize, tolerance = (
        checkedBatchSize(batchSize, data),
        positive_number(tolerance, "tolerance"),
    )
    refuseShared(model, "calibration between layers")
    steps, parent = weightedSteps(model), as_seed(seed)
    chains = _chains(model, steps)
    rates = _Rates(model, steps, data, batchSize, parent)
    before = rates.measured()
    factors = np.ones(len(steps))
    for chain in chains:
        geometric = math.exp(np.log(before[chain]).mean())
        factors[chain] = np.sqrt(before[chain] / geometric)
        _apply([steps[i] for i in chain], factors[chain])
    after, notes = rates.measured(), {}
    for chain in chains:
        notes.update(dict.fromkeys(chain, _spreadNote(after[chain], tolerance)))
    return [
        Rescaled(w.place, (w.number,), "rate of change",
                 float(before[i]), float(after[i]), float(factors[i]), 2, notes[i])
        for i, w in enumerate(steps)
    ]  # fmt: skip


# Within a layer


def _refuseWithoutBias(steps):
    for w in steps:
        if w.layer.bias is None:
            raise ValueError(
                f"{w.place} must have a bias for its units to be centred. Received: none. Use "
                f"centre=False, which divides alone."
            )


def _calibrated(w, place, places, wanted, tolerance):
    axes = (0, *range(2, w.step.tensor.ndim))
    moments = places.moments(place, axes=axes)
    refuseNoVariance(w.place, moments.variance)
    deviation, norms = np.sqrt(moments.variance), norm(w.layer.weight)
    rescale(w.layer.weight, 1 / _alongOutputs(w.layer.weight, deviation))
    if w.layer.bias is not None:
        shift = np.zeros_like(deviation) if wanted is None else wanted - moments.mean / deviation
        _setBias(w.layer.bias, deviation, shift)
    after = places.moments(place, axes=axes)
    off = abs(after.variance - 1).max()
    if wanted is not None:
        off = max(off, abs(after.mean - wanted).max())
    note = "" if off <= tolerance else f"has a unit that is {off:.2g} off after one pass"
    return Rescaled(
        w.place, (w.number,), "variance", float(moments.variance.mean()),
        float(after.variance.mean()), norm(w.layer.weight) / norms, 2, note,
    )  # fmt: skip


def _alongOutputs(weight, values):
    """Numbers of the outputs, to be multiplied with a weight (in, out) or (out, in, ...)."""
    return values if weight.ndim == 2 else values.reshape(-1, *(weight.ndim - 1) * (1,))


def _setBias(bias, deviation, shift):
    value = bias.get_value(borrow=True)
    new = value.ravel() / deviation + shift
    bias.set_value(new.reshape(value.shape).astype(value.dtype))


# Between layers


class _Rates:
    """The relative rates of change of weights under a random linear loss."""

    def __init__(self, model, steps, x, batchSize, seed):
        representation = model.representation
        self._x, self._batchSize, self._seed = x, batchSize, seed
        self._shape, self._steps = representation.shape, steps
        eta = representation.tensor.type("eta")
        gradients = gradient((eta * representation.tensor).sum(), [w.layer.weight for w in steps])
        squares = [T.sqr(g).sum() for g in gradients]
        self._function = compileFunction([representation.input, eta], squares)

    def measured(self):
        """sqrt(E |dl/dW|^2) / |W| of each layer; the same eta at each call."""
        sums = np.zeros(len(self._steps))
        for index, first in enumerate(range(0, len(self._x), self._batchSize)):
            batch = self._x[first : first + self._batchSize]
            shape = (len(batch), *self._shape)
            # Of independent eta, products of two samples' gradients are 0 in the mean.
            eta = standard_normal(shape, child_seed(self._seed, index), str(batch.dtype))
            sums += [float(square) for square in self._function(batch, eta)]
        with np.errstate(divide="ignore", invalid="ignore"):  # weights of 0 are refused below
            rates = np.sqrt(sums / len(self._x)) / [norm(w.layer.weight) for w in self._steps]
        for w, rate in zip(self._steps, rates, strict=True):
            _refuseNoRate(w, rate)
        return rates


def _refuseNoRate(w, rate):
    if not (math.isfinite(rate) and rate > 0):
        raise ValueError(
            f"{w.place} must have a positive rate of change on the data. Received: {rate}. Nothing "
            f"was changed. Its weight, or all that reads it, is 0 or not finite."
        )


def _chains(model, steps):
    """Lists of indices of layers that are joined by homogeneous ones alone."""
    readers, index = _readers(model), {w.step: i for i, w in enumerate(steps)}
    follower = [_next(w.step, readers, index) for w in steps]
    chains, begun = [], set()
    for i in range(len(steps)):
        if i in begun:
            continue
        chain = [i]
        while (following := follower[chain[-1]]) is not None:
            chain.append(following)
        begun.update(chain)
        chains.append(chain)
    if max(map(len, chains)) < 2:
        raise ValueError(
            f"calibration between layers needs two layers with weights that are joined by "
            f"positively homogeneous ones alone, such as ReLU. Received: {model!r}."
        )
    return chains


def _readers(model):
    readers = defaultdict(list)
    for step in model.representation.steps:
        for source in step.sources:
            readers[source].append(step)
    return readers


def _next(step, readers, index):
    """The index of the layer with a weight that alone reads what this one makes, up to a factor."""
    if not _isHomogeneous(getattr(step.layer, "activation", None)):
        return None
    while len(readers[step]) == 1:
        (step,) = readers[step]
        if isinstance(step.layer, Weighted):
            return index[step]
        if not _passesFactors(step.layer):
            return None
    return None


def _passesFactors(layer):
    if isinstance(layer, Activation):
        return _isHomogeneous(layer)
    return isinstance(layer, HOMOGENEOUS)


def _isHomogeneous(layer):
    """Whether an activation layer, or None for none, passes a positive factor on."""
    if layer is None:
        return True
    return isinstance(layer.activation, str) and activation(layer.activation).homogeneous


def _apply(steps, factors):
    for w, factor, sofar in zip(steps, factors, np.cumprod(factors), strict=True):
        rescale(w.layer.weight, factor)
        if w.layer.bias is not None:
            rescale(w.layer.bias, sofar)


def _spreadNote(rates, tolerance):
    spread = rates.max() / rates.min() - 1
    if spread <= tolerance:
        return ""
    return f"is in a chain whose rates differ by {spread:.2g} after one pass"
