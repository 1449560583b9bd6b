"""Stores that are filled at once, without workers, for tests of what is made from them."""

import datetime
import traceback

from experiments.running import writeRun
from experiments.sweeps.failures import keepFailure
from experiments.sweeps.grid import gridOf
from experiments.sweeps.origins import origin
from experiments.sweeps.store import Store


def stored(root, experiment, axes, seeds=None, leaveOut=0):
    """Run a grid into a store in this process, but for the last cells; what fails is kept."""
    grid = gridOf(experiment, axes, seeds)
    store = Store(root).claimFor(experiment.name)
    store.keepGrid(grid.axes)
    configs = list(grid.configs())
    for cell, config in list(zip(grid.cells(), configs, strict=True))[: len(configs) - leaveOut]:
        _keep(store, experiment, cell, config)
    store.tidy()
    return store.root


def _keep(store, experiment, cell, config):
    started = datetime.datetime.now(datetime.timezone.utc)
    try:
        result = experiment.run(experiment.prepare(config), lambda words: None)
    except Exception as error:
        told = "".join(traceback.format_exception(error))
        for _ in range(2):
            keepFailure(store, cell.key, cell.fields, f"{type(error).__name__}: {error}", told)
        return
    facts = {"cell": cell.key, **origin()}
    store.keep(cell.key, lambda at: writeRun(at, experiment.name, config, result, started, **facts))
