"""Keeping: what training changes, kept in memory (`Kept`) and in a folder (`Store`)."""

import dataclasses

import numpy as np

from training.checkpoints import (
    checkedFolder,
    checkpointsIn,
    madeFolder,
    readCheckpoint,
    takeValues,
    valuesOf,
    writeCheckpoint,
)
from training.comparing import (
    architecture,
    refuseOtherArchitecture,
    refuseOtherSettings,
    refuseOtherTensors,
)
from training.history import History, Position


class Kept:
    """Copies of shared variables: the last ones known to be good, and candidates.

    Examples
    --------
    >>> from utilityFunctions import sharedVar
    >>> weight = sharedVar([1.0])
    >>> kept = Kept([weight])
    >>> kept.take(0), kept.confirm()
    (None, None)
    >>> weight.set_value(weight.get_value() * float("nan"))
    >>> kept.restore(), weight.get_value().tolist()
    (0, [1.0])
    """

    def __init__(self, variables):
        self._variables = list(variables)
        self._good = self._candidate = self._spare = None

    @property
    def isEmpty(self):
        """Whether nothing has been confirmed yet."""
        return self._good is None

    def take(self, update):
        """Copy all, of which it is not yet known whether it is good."""
        present = [variable.get_value(borrow=True) for variable in self._variables]
        values = self._spare or [np.empty_like(value) for value in present]
        for room, value in zip(values, present, strict=True):
            np.copyto(room, value)
        self._candidate, self._spare = (update, values), None

    def confirm(self):
        """The copy that was taken last, if any, is good."""
        if self._candidate is not None:
            # What was good before makes room for the next copy: new memory costs more than copying.
            self._spare = self._good and self._good[1]
            self._good, self._candidate = self._candidate, None

    def restore(self):
        """Set all to the last good copy, and return the number of its update."""
        update, values = self._good
        for variable, value in zip(self._variables, values, strict=True):
            variable.set_value(value)
        return update


class Store:
    """The folder that a training is saved in, and resumed from.

    Parameters
    ----------
    folder : path
    settings : dict
        What must be the same when training goes on, for JSON.
    """

    def __init__(self, folder, settings):
        self.folder, self.settings = madeFolder(folder), settings
        self._saved = None

    def save(self, model, optimiser, scheduler, position, history):
        """Write all that the next batch depends on, unless that was the last thing done."""
        if self._saved == position.update:
            return
        facts = {
            "architecture": architecture(model),
            "settings": self.settings,
            "position": dataclasses.asdict(position),
            "scheduler": scheduler.state,
            "history": history.rows,
        }
        writeCheckpoint(self.folder, valuesOf(changing(model, optimiser)), facts)
        self._saved = position.update

    def resume(self, model, optimiser, scheduler):
        """Take the newest checkpoint: all of it, or nothing.

        Returns
        -------
        Position, History

        Raises
        ------
        ValueError
            If it is damaged, or of another architecture, other tensors or other settings.
        """
        path = checkpointsIn(self.folder)[-1]
        tensors, facts = readCheckpoint(path)
        refuseOtherArchitecture(facts["architecture"], architecture(model), str(path))
        refuseOtherSettings(facts["settings"], self.settings, str(path))
        variables = changing(model, optimiser)
        refuseOtherTensors(tensors, valuesOf(variables), str(path))
        takeValues(variables, tensors)
        scheduler.restore(facts["scheduler"])
        position = Position(**facts["position"])
        self._saved = position.update
        return position, History(facts["history"])


def savedSeed(folder):
    """The seed of the newest checkpoint in a folder, or None where there is none."""
    found = checkpointsIn(checkedFolder(folder))
    return readCheckpoint(found[-1])[1]["settings"]["seed"] if found else None


def changing(model, optimiser):
    """All shared variables that a step of training changes, by name."""
    state = {f"optimiser.{name}": variable for name, variable in optimiser.state.items()}
    return {**model.representation.variables, **state}
