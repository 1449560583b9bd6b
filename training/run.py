"""The loop of training: batch after batch, with all that happens between two of them."""

import time

from training.checking import isFinite
from training.compiled import figuresFunction, trainingStep
from training.finiteness import NonFiniteError, NotFinite, firstNonFinite
from training.history import History, Position
from training.interruption import Interruption
from training.keeping import Kept, changing

#: Updates between two copies of what training changes, which cost as much as one pass over it.
KEEP_EVERY = 16


class Run:
    """One training, from wherever it stands.

    Parameters
    ----------
    model, objective, optimiser, scheduler, regularisation
        As `fit` has checked them.
    batches, validation : batches, and batches or None
    callbacks : Callbacks
    display : Display
    store : Store or None
    saveEvery : int
        Epochs between two checkpoints.
    """

    def __init__(
        self, model, objective, optimiser, scheduler, regularisation,
        batches, validation, callbacks, display, store, saveEvery,
    ):  # fmt: skip
        self.model, self.objective = model, objective
        self.optimiser, self.scheduler = optimiser, scheduler
        self.batches, self.validation = batches, validation
        self.callbacks, self.display = callbacks, display
        self.store, self.saveEvery = store, saveEvery
        self.position, self.history = Position(), History()
        self.step = trainingStep(model.representation, objective, optimiser, regularisation)
        self._kept = Kept(changing(model, optimiser).values())
        self._factor = None

    def train(self, epochs):
        """Train until so many epochs are finished, or something stops it; return the history."""
        with Interruption() as interruption, self.display:
            self.callbacks("start", self._offered)
            while self.position.epoch < epochs and self.history.stopped is None:
                self._trainEpoch(interruption)
            self._save()
            self.callbacks("end", self._offered)
        return self.history

    def _trainEpoch(self, interruption):
        began = time.perf_counter() - self.position.seconds
        for x, y in self.batches.epoch(self.position.epoch, self.position.batch):
            self._trainBatch(x, y)
            self.position.seconds = time.perf_counter() - began
            if interruption.asked:
                self.history.stopped = "interrupted"
            if self.history.stopped is not None:
                return self._refuseBadWeights()
        self._finishEpoch()

    def _trainBatch(self, x, y):
        self._setRate()
        if self._kept.isEmpty:
            self._kept.take(self.position.update)
            self._kept.confirm()  # what training begins with is all that there is
        elif self.position.update % KEEP_EVERY == 0:
            self._kept.take(self.position.update)
        try:
            figures = self.step(x, y)
        except NotFinite as event:
            self._giveUp(event, x)
        self._kept.confirm()
        self.position.add(len(x), figures)
        place = self.position
        self.display.advance(place.epoch, place.batch, len(self.batches), len(x), figures)
        self.callbacks("batch", self._offered)

    def _finishEpoch(self):
        self._refuseBadWeights()
        row = {"epoch": self.position.epoch + 1, **self.position.means()}
        if self.validation is not None:
            figures = meanFigures(self.model, self.objective, self.validation)
            row |= {f"validation{name.capitalize()}": value for name, value in figures.items()}
        row["rate"] = float(self.optimiser.presentRate.get_value())
        row["seconds"] = self.position.seconds
        self.scheduler.observe(row.get("validationLoss", row["loss"]))
        self.history.rows.append(row)
        self.position.finishEpoch()
        self.callbacks("epoch", self._offered)
        if self.position.epoch % self.saveEvery == 0:
            self._save()

    def _setRate(self):
        factor = self.scheduler.factor(self.position.epoch, self.position.update)
        if factor != self._factor:
            self.optimiser.scaleRate(factor)
            self._factor = factor

    def _save(self):
        if self.store is not None:
            self.store.save(self.model, self.optimiser, self.scheduler, self.position, self.history)

    def _refuseBadWeights(self):
        """What a gradient that was not finite has made of them, though the loss was."""
        for name, variable in changing(self.model, self.optimiser).items():
            if not isFinite(variable.get_value(borrow=True)):
                self._giveUp(f"the last update made {name!r} not finite", None)

    def _giveUp(self, event, x):
        """Raise, with the weights that were kept in place."""
        place, layer, where = self.position, None, "the gradient, at a loss that was finite"
        if x is not None:
            layer, where = firstNonFinite(self.model.representation, x)
        kept = self._kept.restore()
        raise NonFiniteError(
            f"{event} at epoch {place.epoch + 1}, batch {place.batch + 1}. The first number that "
            f"is not finite is in {where}. The network has the weights after update {kept} of "
            f"{place.update}, from which the loss was finite. A smaller rate, or clipNorm, may "
            f"help.",
            layer,
            self.history,
        ) from None

    def _offered(self):
        """What callbacks may ask for."""
        place, rows = self.position, self.history.rows
        atEpoch = place.batch == 0
        row = (rows[-1] if rows else None) if atEpoch else place.means()
        return {
            "model": self.model, "optimiser": self.optimiser, "history": self.history,
            "epoch": place.epoch, "batch": place.batch, "update": place.update,
            "row": row, "loss": row and row["loss"], "stop": self._stop,
        }  # fmt: skip

    def _stop(self, reason):
        """Take a callback's reason to end training."""
        if not isinstance(reason, str) or not reason:
            raise TypeError(f"stop() takes the reason, a string. Received: {reason!r}.")
        self.history.stopped = reason


def meanFigures(model, objective, batches):
    """The objective's figures over all batches, each sample counted once, as after training."""
    function, place = figuresFunction(model.representation, objective), Position()
    for x, y in batches.epoch(0):
        place.add(len(x), {name: float(total) / len(x) for name, total in function(x, y).items()})
    return place.means()
