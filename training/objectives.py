"""Objectives: (output of the network, targets) -> one loss for each sample, smaller is better.

An objective says three things: what its targets are (`checkedTargets`, on arrays, before training
starts), which placeholder they enter the graph by, and the expressions of the loss and of what is
shown beside it. The trainer takes means over samples.
"""

from dataclasses import dataclass

import numpy as np

from utilityFunctions import T, cast, floatX
from lookslinear.errors import known_name
from training.checking import refuseNonFinite


class Objective:
    """The base of all objectives: targets are numbers of the shape of the output.

    A new one overrides `expressions`, and the other two where its targets are something else. The
    trainer keeps compiled functions by objective, so one with settings should be equal to another
    of the same settings, as a frozen dataclass is.
    """

    def placeholder(self, outputShape):
        """The symbolic variable of a batch of targets."""
        return T.TensorType(floatX(), (False,) * (1 + len(outputShape)))("target")

    def checkedTargets(self, targets, outputShape, name="y"):
        """The targets as the array that `placeholder` takes.

        Parameters
        ----------
        targets : array (samples, *outputShape)
        outputShape : tuple of int
            The shape of what the network makes of one sample.
        name : str
            What an error calls the targets.

        Raises
        ------
        TypeError, ValueError
            For targets of another kind or shape, or such that are not finite.
        """
        targets = np.asarray(cast(targets))
        if targets.shape[1:] != tuple(outputShape) or not targets.ndim:
            wanted = ", ".join(map(str, ("samples", *outputShape)))
            raise ValueError(
                f"{name} must be ({wanted}), as the network's output. "
                f"Received: an array of shape {targets.shape}."
            )
        refuseNonFinite(targets, name)
        return targets

    def expressions(self, output, targets):
        """Name -> vector (batch,): 'loss', and whatever else is to be shown, such as 'accuracy'."""
        raise NotImplementedError(f"{type(self).__name__} must override expressions().")

    def __repr__(self):
        return f"{type(self).__name__}()"


@dataclass(frozen=True)
class SoftmaxCrossEntropy(Objective):
    """The cross-entropy of a softmax: targets are labels, the network's outputs are scores.

    .. math:: -s_y + m + \\log \\sum_c e^{s_c - m}, \\qquad m = \\max_c s_c

    In this form it neither over- nor underflows, whatever the scores: at differences of 1e4 it is
    that difference, with gradients in [-1, 1]. Put no softmax into the network. Shown beside it is
    the accuracy, 1 where the largest score is the label's.

    Examples
    --------
    >>> scores, labels = T.matrix(), T.ivector()
    >>> loss = SoftmaxCrossEntropy().expressions(scores, labels)["loss"]
    >>> loss.eval({scores: cast([[1e4, -1e4], [1e4, -1e4]]), labels: np.array([0, 1], "int32")})
    array([    0., 20000.]...)
    """

    def placeholder(self, outputShape):
        """A vector of labels."""
        return T.ivector("labels")

    def checkedTargets(self, targets, outputShape, name="y"):
        """The labels (samples,), whole numbers from 0 to the number of classes - 1, as int32."""
        if len(outputShape) != 1 or outputShape[0] < 2:
            raise ValueError(
                "softmax cross-entropy needs one score for each of at least 2 classes. Received: a "
                f"network whose output has the shape {tuple(outputShape)}. End it with a dense "
                f"layer of as many units as there are classes."
            )
        labels = np.asarray(targets)
        if labels.dtype.kind not in "iu":
            raise TypeError(
                f"{name} must be labels, whole numbers. Received: an array of dtype "
                f"{labels.dtype}. If they are whole, use {name}.astype(int)."
            )
        if labels.ndim != 1:
            raise ValueError(
                f"{name} must be labels of shape (samples,). Received: an array of shape "
                f"{labels.shape}. One-hot rows become labels by {name}.argmax(axis=1)."
            )
        _refuseOutOfRange(labels, outputShape[0], name)
        return labels.astype("int32", copy=False)

    def expressions(self, output, targets):
        """'loss' and 'accuracy', vectors (batch,)."""
        loss, _, best = T.nnet.crossentropy_softmax_argmax_1hot_with_bias(
            output, T.zeros_like(output[0]), targets
        )
        return {"loss": loss, "accuracy": T.cast(T.eq(best, targets), loss.dtype)}


@dataclass(frozen=True)
class MeanSquaredError(Objective):
    """The square of the difference, its mean over the units of a sample.

    .. math:: \\frac{1}{n} \\sum_{i=1}^{n} (y_i - t_i)^2

    Targets are real numbers of the shape of the output.

    Examples
    --------
    >>> output, targets = T.matrix(), T.matrix()
    >>> loss = MeanSquaredError().expressions(output, targets)["loss"]
    >>> loss.eval({output: cast([[1, 2]]), targets: cast([[1, 4]])}).tolist()
    [2.0]
    """

    def expressions(self, output, targets):
        """'loss', a vector (batch,)."""
        return {"loss": T.sqr(output - targets).mean(axis=tuple(range(1, output.ndim)))}


#: The objectives that a name serves for.
OBJECTIVES = {
    "softmaxCrossEntropy": SoftmaxCrossEntropy(),
    "meanSquaredError": MeanSquaredError(),
}


def objectiveOf(objective):
    """The objective that a name in OBJECTIVES stands for; an Objective is returned as it is.

    Examples
    --------
    >>> objectiveOf("meanSquaredError")
    MeanSquaredError()
    >>> objectiveOf("softmaxCrosEntropy")
    Traceback (most recent call last):
    lookslinear.errors.UnknownNameError: unknown objective 'softmaxCrosEntropy'. Did you mean \
'softmaxCrossEntropy'? Known: meanSquaredError, softmaxCrossEntropy.
    """
    if isinstance(objective, Objective):
        return objective
    return OBJECTIVES[known_name("objective", objective, OBJECTIVES)]


def _refuseOutOfRange(labels, classes, name):
    if not labels.size or (labels.min() >= 0 and labels.max() < classes):
        return
    first = int(np.argmax((labels < 0) | (labels >= classes)))
    raise ValueError(
        f"{name} must be labels from 0 to {classes - 1}, as the network has {classes} outputs. "
        f"Received: {name}[{first}] = {labels[first]}."
    )
