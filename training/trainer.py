"""Training: a network and data -> the same network, trained, and a history of its figures.

`fit` checks all that it is given before the first batch; `evaluate` and `predict` compute as after
training: without dropout, by running statistics.
"""

import numpy as np

from utilityFunctions import floatX
from lookslinear.errors import refuse_other_kind, whole_number
from lookslinear.sampling import as_seed
from training.batches import batchesOf, checkedInputs
from training.callbacks import Callbacks
from training.checking import checkedModel
from training.compiled import outputFunction
from training.display import Display
from training.keeping import Store, checkpointsIn, savedSeed
from training.objectives import objectiveOf
from training.optimisers import Optimiser
from training.regularisation import Regularisation
from training.run import Run, meanFigures
from training.schedulers import Constant, Scheduler


def fit(
    model,
    data,
    objective,
    optimiser,
    scheduler=None,
    epochs=1,
    *,
    batchSize=64,
    validation=None,
    regularisation=(),
    callbacks=(),
    seed=None,
    shuffle=True,
    checkpoint=None,
    saveEvery=1,
    resume=False,
    progress=None,
):
    """Train a network.

    Each batch moves the parameters by the optimiser's step on the mean of the objective's losses.
    A loss that is NaN or infinite ends training at once; Ctrl-C ends it after the batch.

    Parameters
    ----------
    model : Sequential or Representation
        With at least one parameter; it is changed.
    data : (x, y), or iterable of batches (x, y), or function from an epoch's number to an iterable
        Arrays (samples, ...) are cut into batches, the last one as short as it comes out.
    objective : Objective, or its name in `OBJECTIVES`
    optimiser : Optimiser
        One that is new, or that was used on this network.
    scheduler : Scheduler or None
        None: the optimiser's rate, unchanged.
    epochs : int
        How many there are in all, those before a `resume` included.
    batchSize : int
        The samples of a batch of arrays.
    validation : data like `data`, or None
        Evaluated after each epoch.
    regularisation : Regularisation, or sequence of them
        What is added to the loss.
    callbacks : function, sequence, or dict
        See `training.callbacks`.
    seed : None, int, SeedSequence or Generator
        What arrays are shuffled by, each epoch by its own child. None is fresh entropy, or the
        checkpoint's. Dropout and augmentation have their own, see `layers.Stochastic`.
    shuffle : bool
        Whether arrays are shuffled.
    checkpoint : path or None
        A folder to save into: after every `saveEvery` epochs, and when training ends.
    resume : bool
        Whether to go on from the newest checkpoint in the folder, if there is one. The weights then
        end bit by bit as without a break (the same machine, numbers of cores, and batches).
    progress : bool or None
        Whether to show a live display; None: on a terminal.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        Before anything is trained, for whatever cannot be trained.
    NonFiniteError
        For a loss that is not finite: it names the layer. The network then has the last weights
        that were kept from which the loss was finite, at most 16 updates old.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> from training.optimisers import SGD
    >>> x = np.linspace(-1, 1, 32)[:, None]
    >>> y = FC(1, seed=0)(Representation((1,)))
    >>> history = fit(y, (x, 3 * x), "meanSquaredError", SGD(0.5), epochs=40, batchSize=8, seed=0)
    >>> history.column("loss")[-1] < 1e-6
    True
    """
    model = checkedModel(model)
    refuse_other_kind(optimiser, Optimiser, "optimiser")
    scheduler = Constant() if scheduler is None else scheduler
    refuse_other_kind(scheduler, Scheduler, "scheduler")
    objective, regularisation = objectiveOf(objective), _regularisations(regularisation)
    epochs, saveEvery = whole_number(epochs, "epochs"), whole_number(saveEvery, "saveEvery")
    callbacks = Callbacks(callbacks)
    display = Display(_switch(progress, "progress"), epochs, _unit(model))
    sequence = _seed(seed, checkpoint, _switch(resume, "resume"))
    order = sequence if _switch(shuffle, "shuffle") else None
    batches = batchesOf(data, model, objective, batchSize, order, epochs)
    if validation is not None:
        validation = batchesOf(
            validation, model, objective, batchSize, None, epochs, "validation", clamps=True
        )
    settings = {
        "objective": repr(objective), "optimiser": repr(optimiser), "scheduler": repr(scheduler),
        "regularisation": repr(regularisation), "batchSize": batchSize, "shuffle": shuffle,
        "samples": batches.samples, "seed": _described(sequence), "floatX": floatX(),
    }  # fmt: skip
    optimiser.refuseOthers(namedParameters(model))
    store = None if checkpoint is None else Store(checkpoint, settings)
    optimiser.bind(namedParameters(model))
    before = store and resume and checkpointsIn(store.folder)
    resumed = store.resume(model, optimiser, scheduler) if before else None
    run = Run(
        model, objective, optimiser, scheduler, regularisation,
        batches, validation, callbacks, display, store, saveEvery,
    )  # fmt: skip
    if resumed:
        run.position, run.history = resumed
    return run.train(epochs)


def evaluate(model, data, objective, batchSize=256):
    """The objective's figures over data, as after training.

    Parameters
    ----------
    model : Sequential or Representation
    data : (x, y), or iterable of batches
    objective : Objective or its name
    batchSize : int
        How many samples of arrays are computed at once.

    Returns
    -------
    dict of floats
        'loss', and 'accuracy' where the objective has one: means over all samples.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> y = FC(2, initialisation="zeros")(Representation((3,)))
    >>> figures = evaluate(y, (np.ones((4, 3)), np.array([0, 0, 0, 1])), "softmaxCrossEntropy")
    >>> round(figures["loss"], 4), figures["accuracy"]
    (0.6931, 0.75)
    """
    model, objective = checkedModel(model), objectiveOf(objective)
    return meanFigures(model, objective, batchesOf(data, model, objective, batchSize, clamps=True))


def predict(model, x, batchSize=256):
    """The network's output for an array of samples, as after training.

    Parameters
    ----------
    model : Sequential or Representation
    x : array (samples, *shape of the input)
    batchSize : int
        How many samples are computed at once.

    Returns
    -------
    array (samples, *shape of the output) of floatX

    Examples
    --------
    >>> from layers import FC, Representation
    >>> predict(FC(2)(Representation((3,))), np.ones((5, 3))).shape
    (5, 2)
    """
    model, batchSize = checkedModel(model), whole_number(batchSize, "batchSize")
    x, function = checkedInputs(x, model), outputFunction(model.representation)
    return np.concatenate([function(x[i : i + batchSize]) for i in range(0, len(x), batchSize)])


def namedParameters(model):
    """The parameters by their names in a checkpoint."""
    names = {variable: name for name, variable in model.representation.variables.items()}
    return {names[param]: param for param in model.representation.params}


def _regularisations(given):
    listed = tuple(given) if isinstance(given, list | tuple) else (given,)
    for one in listed:
        refuse_other_kind(one, Regularisation, "regularisation")
    return listed


def _seed(seed, checkpoint, resume):
    """The seed of the run: the one given, the checkpoint's, or a new one."""
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the folder of checkpoints, checkpoint=...")
    saved = None if checkpoint is None else savedSeed(checkpoint)
    if saved is None:
        return as_seed(seed)
    if not resume:
        raise ValueError(
            f"folder {str(checkpoint)!r} holds checkpoints of a run. Use resume=True to go on with "
            f"it, or another folder."
        )
    if seed is not None:
        return as_seed(seed)
    return np.random.SeedSequence(saved["entropy"], spawn_key=saved["path"])


def _described(sequence):
    """A SeedSequence for JSON."""
    return {"entropy": sequence.entropy, "path": list(sequence.spawn_key)}


def _switch(value, name):
    if not (value is None and name == "progress") and not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False. Received: {value!r}.")
    return value


def _unit(model):
    return "images" if len(model.representation.steps[0].shape) == 3 else "samples"
