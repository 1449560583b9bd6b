"""Analytic rescaling: weights divided by what theory predicts of the outputs, without data."""

from __future__ import annotations

import math

import numpy as np

from lookslinear.errors import positive_number
from training.rescaling.change import Rescaled, networkInitialisation
from training.rescaling.parts import norm, refuseShared, rescale, weightedSteps
from training.rescaling.predicted import Prediction


@networkInitialisation(needsData=False)
def analyticRescaling(model, data=None, moment=1.0, inputMoment=None):
    """Give each layer's output a predicted second moment of 1, by theory alone.

    .. math:: q' = v \\, n \\, E \\phi(\\sqrt q z)^2, \\qquad W \\leftarrow W / \\sqrt{q'}

    from the input on, with z standard normal, v the mean square of the weight's entries as they are
    drawn, n its fan in, and q the second moment before the activation, in images at each position
    (q' is its mean): the recursion of `lookslinear.theory.signals`. A residual sum of a branch that
    ends in a weight has skip^2 q + scale^2 q_f. Numbers that are exactly 1 in the mean over
    networks, such as ReLU's, scatter by 1 / width in a single one.

    Parameters
    ----------
    model : Sequential or Representation
        Of dense layers, convolutions, activations that theory knows by name, residual sums,
        flattening; with biases of 0. What layers do after training is predicted.
    data : array (samples, *shape of the input) or None
        Where it is given, its mean square is the `inputMoment`. Nothing else is read of it.
    moment : float
        Wanted of each output, before an activation of the layer's own.
    inputMoment : float or None
        The second moment of an input number; None: that of the data, or else 1.

    Returns
    -------
    Change
        A row for each layer; `quantity` is the predicted second moment, `before` with the layers
        before it rescaled already.

    Raises
    ------
    NotCoveredError
        For a layer that no formula predicts, which the message names, with all as before.
    TypeError, ValueError
        For a bad argument, an input moment beside data, weights of 0, layers that are called twice.

    References
    ----------
    The aim is that of Bingham and Miikkulainen 2021, arXiv 2109.08958 (AutoInit); the maps are this
    project's own (`lookslinear.theory`), and so are their limits.

    Examples
    --------
    >>> from layers import FC, Activation, Representation
    >>> y = FC(8, seed=1)(Activation("relu")(FC(64, seed=0)(Representation((32,)))))
    >>> for row in analyticRescaling(y, inputMoment=4.0):
    ...     print(row.quantity, row.layers, row.after)
    predicted second moment (0,) 1.0
    predicted second moment (2,) 1.0
    """
    moment = positive_number(moment, "moment")
    refuseShared(model, "analytic rescaling")
    prediction = Prediction(model, _inputMoment(data, inputMoment))
    return [_rescaled(w, prediction, moment) for w in weightedSteps(model)]


def _inputMoment(data, inputMoment):
    if inputMoment is None:
        if data is None:
            return 1.0
        inputMoment = float(np.square(data, dtype="float64").mean())
    elif data is not None:
        raise ValueError(
            f"data must not be given beside inputMoment, which they say themselves. "
            f"Received: inputMoment {inputMoment!r}, and {len(data)} samples."
        )
    return positive_number(inputMoment, "inputMoment")


def _rescaled(w, prediction, moment):
    before = prediction.moment(w.step)
    factor = math.sqrt(moment / before)
    norms = norm(w.layer.weight)
    rescale(w.layer.weight, factor)
    _refuseOverflow(w, norms * factor)
    after = prediction.rescaled(w.step, moment / before)
    return Rescaled(w.place, (w.number,), "predicted second moment", before, after, factor)


def _refuseOverflow(w, wanted):
    if not math.isclose(norm(w.layer.weight), wanted, rel_tol=1e-3):
        raise ValueError(
            f"{w.place} would have weights beyond the range of their dtype. Received: a norm "
            f"that should become {wanted:g}. No weight was changed."
        )
