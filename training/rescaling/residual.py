"""Residual networks that begin as what their skips make of the input: Fixup, SkipInit, ReZero."""

from __future__ import annotations

import numpy as np

from layers import Merge
from lookslinear.errors import real_number, refuse_other_kind
from training.rescaling.change import Rescaled, networkInitialisation
from training.rescaling.parts import norm, refuseShared, rescale, residualBlocks, weightedSteps


@networkInitialisation(needsData=False)
def fixup(model, data=None, zeroClassifier=True):
    """Let residual branches begin at 0, and move the output by as much at any depth (Fixup).

    Of L residual branches, those of m layers with weights, each branch has its last layer set to 0
    and the weights of the others

    .. math:: W \\leftarrow L^{-1 / (2 m - 2)} W

    and the classifier, the layer after the last sum, is 0. Then the first update by gradients moves
    the output by an amount that does not grow with L. Weights are to be He's beforehand
    (`initialisation='heNormal'`), where a rectifier reads what they make.

    Trained factors of branches (`Residual(trainable=True)`), the paper's multipliers, begin at 1;
    the biases of layers are its scalar biases, one for each unit, and are left alone but for those
    of the layers that are set to 0. A network without either is treated all the same.

    Parameters
    ----------
    model : Sequential or Representation
        With residual blocks, at least one layer with a weight in each branch.
    data : None
        Not read.
    zeroClassifier : bool
        Whether the last layer behind all sums is set to 0.

    Returns
    -------
    Change
        A row for each layer that was changed; `quantity` is the norm of its weight.

    Raises
    ------
    TypeError, ValueError
        For a network without residual blocks, branches without weights, branches inside branches,
        layers that are called twice.

    References
    ----------
    Zhang, Dauphin and Ma 2019, arXiv 1901.09321, section 3 (the three rules of Fixup).

    Examples
    --------
    >>> from layers import CReLU, FC, Representation, Residual
    >>> y = Representation((6,))
    >>> for _ in range(4):
    ...     y = Residual([FC(6), CReLU(), FC(6)])(y)
    >>> [round(row.factor, 3) for row in fixup(y)][:4]
    [0.5, 0.0, 0.5, 0.0]
    """
    refuse_other_kind(zeroClassifier, bool, "zeroClassifier")
    refuseShared(model, "Fixup")
    blocks = residualBlocks(model)
    for block in blocks:
        _refuseOtherBranch(block)
    rows = [row for block in blocks for row in _fixedBranch(block, len(blocks))]
    last = weightedSteps(model)[-1]
    if zeroClassifier and last.number > blocks[-1].number:
        rows.append(_zeroed(last))
    return rows


@networkInitialisation(needsData=False)
def skipInit(model, data=None, value=0.0):
    """Let the trained factor of each residual branch begin at 0 (SkipInit).

    .. math:: y = \\gamma_1 P(x) + \\alpha f(x), \\qquad \\alpha = 0

    A network of identity skips is then the identity from its first block to its last at any depth.
    The blocks are made with a trained factor, `Residual(branch, trainable=True)`; their weights and
    biases are left alone.

    In the first update nothing inside the branches moves; their factors do, each by the rate times
    g . f_l, with the gradient g of the output: that moves along g by the sum over blocks of
    (g . f_l)^2, in proportion to their number. With Fixup it does not grow.

    Parameters
    ----------
    model : Sequential or Representation
        With residual blocks whose factors are trained.
    data : None
        Not read.
    value : float
        alpha at the beginning. The paper has 0, and 1 / sqrt(L) for L blocks.

    Returns
    -------
    Change
        A row for each block; `quantity` is the factor.

    Raises
    ------
    TypeError, ValueError
        For a network without residual blocks, and for blocks without a trained factor.

    References
    ----------
    De and Smith 2020, arXiv 2002.10444 (1 / sqrt(L) as reported).

    Examples
    --------
    >>> from layers import FC, Representation, Residual
    >>> x = np.ones((1, 3))
    >>> y = Residual(FC(3), trainable=True)(Representation((3,)))
    >>> change = skipInit(y)
    >>> y.function()(x).tolist()
    [[1.0, 1.0, 1.0]]
    """
    value, blocks = real_number(value, "value"), residualBlocks(model)
    for block in blocks:
        _refuseConstantFactor(block)
    return [_withFactor(block, value) for block in blocks]


@networkInitialisation(needsData=False)
def reZero(model, data=None):
    """Let the trained factor of each residual branch begin at 0 (ReZero).

    What is done to the network is `skipInit` with its factor of 0.

    Parameters
    ----------
    model : Sequential or Representation
        With residual blocks whose factors are trained.
    data : None
        Not read.

    Returns
    -------
    Change

    Raises
    ------
    TypeError, ValueError
        See `skipInit`.

    References
    ----------
    Bachlechner, Majumder, Mao, Cottrell and McAuley 2020, arXiv 2003.04887.

    Examples
    --------
    >>> from layers import FC, Representation, Residual
    >>> y = Residual(FC(3), scale=0.5, trainable=True)(Representation((3,)))
    >>> [(row.before, row.after) for row in reZero(y)]
    [(0.5, 0.0)]
    """
    return skipInit.__wrapped__(model)


def _fixedBranch(block, branches):
    *others, last = block.weighted
    rows = []
    if others:
        factor = branches ** (-1 / (2 * len(others)))
        rows += [_scaled(w, factor) for w in others]
    rows.append(_zeroed(last))
    if block.merge.factor is not None:
        rows.append(_withFactor(block, 1.0))
    return rows


def _scaled(w, factor):
    before = norm(w.layer.weight)
    rescale(w.layer.weight, factor)
    return Rescaled(w.place, (w.number,), "norm", before, norm(w.layer.weight), factor)


def _zeroed(w):
    before = norm(w.layer.weight)
    for variable in w.layer.params:
        variable.set_value(np.zeros_like(variable.get_value(borrow=True)))
    return Rescaled(w.place, (w.number,), "norm", before, 0.0, 0.0)


def _withFactor(block, value):
    variable = block.merge.factor
    before = block.merge.scale
    variable.set_value(np.asarray(value, variable.dtype))
    ratio = value / before if before else float(value == before)
    return Rescaled(block.place, (block.number,), "factor", before, value, ratio)


def _refuseOtherBranch(block):
    if not block.weighted:
        raise ValueError(
            f"{block.place} must have a layer with a weight in its branch, which Fixup sets to 0. "
            f"Received: none."
        )
    if block.sums:
        raise ValueError(
            f"{block.place} must have no residual block inside its branch: Fixup's number of "
            f"layers is not defined there. Received: {block.sums}. Use skipInit."
        )


def _refuseConstantFactor(block):
    if not isinstance(block.merge, Merge) or block.merge.factor is None:
        raise ValueError(
            f"{block.place} must have a trained factor. Received: {block.merge!r}. Use "
            f"layers.Residual(branch, trainable=True)."
        )
