"""MetaInit: norms of weights, learnt so that a step of gradients changes the gradient little."""

from __future__ import annotations

import math

import numpy as np

from utilityFunctions import T, cast, compileFunction, floatX, gradient, theano
from lookslinear.errors import positive_number, whole_number
from lookslinear.sampling import as_generator, choose, standard_normal
from training.checking import share
from training.objectives import MeanSquaredError, SoftmaxCrossEntropy, objectiveOf
from training.rescaling.change import Rescaled, networkInitialisation
from training.rescaling.parts import norm, rescale, weightedSteps

#: A norm shrinks by no more than this in one step: the paper's steps could make it negative.
LEAST_RATIO = 0.1


def gradientQuotient(loss, params, epsilon=1e-5):
    """How much a step of gradients changes the gradient, relatively: 0 where the loss is linear.

    .. math:: GQ = \\frac{1}{N} \\Big\\| \\frac{g - H g}{g + \\epsilon \\, s(g)} - 1 \\Big\\|_1,
              \\qquad s(g) = 1 \\text{ where } g \\ge 0, \\; -1 \\text{ elsewhere}

    with the gradient g of all N parameters and the Hessian H, which is never made: H g is the
    gradient of |g|^2 / 2.

    Parameters
    ----------
    loss : symbolic scalar
    params : list of shared variables
    epsilon : float
        Against divisions by 0. A gradient of exactly 0 counts as 1.

    Returns
    -------
    symbolic scalar

    Raises
    ------
    TypeError, ValueError
        For a loss that is no symbolic scalar, no parameters, and epsilon not above 0.

    References
    ----------
    Dauphin and Schoenholz 2019, NeurIPS 32, "MetaInit: Initializing learning by learning to
    initialize", as reported.

    Examples
    --------
    A sum of a w^2 / 2 has g = a w and H g = a^2 w: the quotient is the mean of |a|.

    >>> from utilityFunctions import sharedVar
    >>> w = sharedVar([1.0, -2.0])
    >>> quotient = gradientQuotient((np.array([3.0, 1.0]) * w**2).sum() / 2, [w])
    >>> round(float(quotient.eval()), 3)
    2.0
    """
    epsilon, params = positive_number(epsilon, "epsilon"), list(params)
    if not params:
        raise ValueError("params must be one shared variable or more. Received: none.")
    gradients = gradient(loss, params, disconnected_inputs="ignore")
    # Constants have no gradient: the sign of g is one.
    squares = sum(T.sqr(g).sum() for g in gradients) / 2
    products = gradient(squares, params, disconnected_inputs="ignore")
    total = sum(
        abs((g - p) / (g + cast(epsilon) * _sign(g)) - 1).sum()
        for g, p in zip(gradients, products, strict=True)
    )
    return total / cast(sum(p.get_value(borrow=True).size for p in params))


@networkInitialisation(needsData=False)
def metaInit(
    model,
    data=None,
    objective="softmaxCrossEntropy",
    rate=0.1,
    momentum=0.9,
    steps=500,
    batchSize=64,
    epsilon=1e-5,
    seed=None,
):
    """Learn the norm of each weight so that the gradient quotient falls (MetaInit).

    .. math:: m_k \\leftarrow \\mu m_k - \\eta \\, \\mathrm{sign} \\,
              \\frac{\\partial GQ}{\\partial \\| W_k \\|}, \\qquad
              W_k \\leftarrow W_k \\frac{\\| W_k \\| + m_k}{\\| W_k \\|}

    for random inputs and random targets, both drawn anew for each step; directions of weights, and
    biases, stay. The quotient is that of all parameters, as in training.

    Parameters
    ----------
    model : Sequential or Representation
        Directions and first norms are its weights; what is trained but no weight is left alone.
    data : array (samples, *shape of the input) or None
        None: inputs are standard normal, as in the paper. Samples are chosen from the array
        instead.
    objective : Objective or its name
        Targets are random labels, or standard normal numbers for 'meanSquaredError'.
    rate : float
        eta, in units of a norm. Momentum makes steps up to 1 / (1 - mu) times as long, so that 0.1,
        the paper's, is for layers whose norms are above 10 or so; 0.01 for small ones.
    momentum : float
        mu, from 0 to below 1.
    steps : int
        How many.
    batchSize : int
        Samples of each step.
    epsilon : float
        See `gradientQuotient`.
    seed : None, int, SeedSequence or Generator
        What inputs and targets are drawn from.

    Returns
    -------
    Change
        A row for each weight, of its norm, and a last one of the quotient, before and after, on one
        batch that was not learnt from. It has not converged if the quotient did not fall.

    Raises
    ------
    TypeError, ValueError
        For a bad argument, an objective without random targets, a network without weights, weights
        of 0; and, with all as before, for a quotient that is not finite.

    References
    ----------
    Dauphin and Schoenholz 2019, NeurIPS 32, as reported.
    That a norm shrinks to a tenth at most in one step is an addition.

    Examples
    --------
    >>> from layers import FC, Activation, Representation
    >>> y = FC(4, seed=1)(Activation("tanh")(FC(8, seed=0)(Representation((6,)))))
    >>> change = metaInit(y, steps=20, rate=0.01, seed=0)
    >>> change[-1].quantity, change[-1].after < change[-1].before
    ('gradient quotient', True)
    """
    rate, epsilon = positive_number(rate, "rate"), positive_number(epsilon, "epsilon")
    momentum, steps = share(momentum, "momentum"), whole_number(steps, "steps")
    batchSize, objective = whole_number(batchSize, "batchSize"), objectiveOf(objective)
    targets = _targets(objective, model.representation.shape)
    weighted = weightedSteps(model)
    for w in weighted:
        _refuseZero(w)
    batches = _Batches(model, data, targets, batchSize, as_generator(seed, "seed"))
    quotient = _Quotient(model, objective, [w.layer.weight for w in weighted], epsilon)
    unseen = batches.draw()
    norms, before = [norm(w.layer.weight) for w in weighted], quotient(*unseen)[0]
    speeds = np.zeros(len(weighted))
    for _ in range(steps):
        speeds = momentum * speeds - rate * np.sign(quotient(*batches.draw())[1])
        _move(weighted, speeds)
    after = quotient(*unseen)[0]
    return [*_rows(weighted, norms), _summary(weighted, before, after, steps)]


class _Quotient:
    """(x, targets) -> the gradient quotient and its slopes in the norms of weights."""

    def __init__(self, model, objective, weights, epsilon):
        representation = model.representation
        y = objective.placeholder(representation.shape)
        loss = _smoothLoss(objective, representation.tensor, y)
        quotient = gradientQuotient(loss, representation.params, epsilon)
        along = gradient(quotient, weights, disconnected_inputs="ignore")
        # The slope in |W| is <W, dGQ/dW> / |W|, of which the sign alone is used.
        slopes = [(w * g).sum() for w, g in zip(weights, along, strict=True)]
        outputs = [quotient, *slopes]
        self._function = compileFunction([representation.input, y], outputs, mode=_mode(weights))

    def __call__(self, x, y):
        quotient, *slopes = map(float, self._function(x, y))
        if not all(map(math.isfinite, (quotient, *slopes))):
            raise ValueError(
                f"the gradient quotient and its slopes must be finite. Received: {quotient}, "
                f"{slopes}. No weight was changed. Use a smaller rate, or weights of another size."
            )
        return quotient, slopes


class _Batches:
    """Random inputs with random targets."""

    def __init__(self, model, data, targets, size, generator):
        self._shape, self._dtype = model.representation.steps[0].shape, model.input.dtype
        self._data, self._targets = data, targets
        self._size, self._generator = size, generator

    def draw(self):
        """A new batch."""
        if self._data is None:
            x = standard_normal((self._size, *self._shape), self._generator, self._dtype)
        else:
            x = self._data[choose(len(self._data), self._size, self._generator)]
        return x, self._targets(self._size, self._generator)


def _mode(weights):
    """How third derivatives are compiled: as C code of their own they take minutes at first.

    NumPy computes those of dense networks as fast; of convolutions there is C code alone, but
    operation by operation it is shared with other networks.
    """
    if all(weight.ndim == 2 for weight in weights):
        return "FAST_COMPILE"
    return theano.compile.mode.get_default_mode().excluding("fusion")


def _smoothLoss(objective, output, targets):
    """The objective's mean loss, in operations that can be derived three times."""
    if not isinstance(objective, SoftmaxCrossEntropy):
        return objective.expressions(output, targets)["loss"].mean()
    scores = output - output.max(axis=1, keepdims=True)
    chosen = scores[T.arange(targets.shape[0]), targets]
    return (T.log(T.exp(scores).sum(axis=1)) - chosen).mean()


def _targets(objective, shape):
    """The function (samples, generator) -> random targets."""
    if isinstance(objective, SoftmaxCrossEntropy):
        objective.checkedTargets(np.zeros(1, int), shape)
        return lambda size, rng: _labels(shape[0], size, rng)
    if isinstance(objective, MeanSquaredError):
        return lambda size, rng: standard_normal((size, *shape), rng, floatX())
    raise ValueError(
        f"objective must be softmaxCrossEntropy or meanSquaredError, for which there are random "
        f"targets. Received: {objective!r}."
    )


def _labels(classes, size, rng):
    """Independent labels: more are asked for than there are, since fewer would not repeat."""
    return choose(classes, max(size, classes + 1), rng)[:size].astype("int32")


def _move(weighted, speeds):
    for w, speed in zip(weighted, speeds, strict=True):
        rescale(w.layer.weight, max(1 + speed / norm(w.layer.weight), LEAST_RATIO))


def _rows(weighted, norms):
    for w, before in zip(weighted, norms, strict=True):
        after = norm(w.layer.weight)
        yield Rescaled(w.place, (w.number,), "norm", before, after, after / before)


def _summary(weighted, before, after, steps):
    numbers = tuple(w.number for w in weighted)
    note = "" if after < before else f"has not fallen in {steps} steps"
    return Rescaled("network", numbers, "gradient quotient", before, after, None, 0, note)


def _sign(g):
    return T.switch(g >= 0, cast(1), cast(-1))


def _refuseZero(w):
    if not norm(w.layer.weight) > 0:
        raise ValueError(
            f"{w.place} must have a weight that is not 0, since its norm is to be learnt. "
            f"Received: zeros."
        )
