"""Callbacks: functions of what they ask for by name, called at set moments of training.

def report(epoch, loss):
    print(epoch, loss)

fit(..., callbacks=report)                        # after each epoch
fit(..., callbacks={"batch": count, "epoch": [report, watch]})
"""

import inspect
from collections.abc import Mapping

from lookslinear.errors import known_name, unknown_name

#: When callbacks are called: before the first batch, after each batch and epoch, after the last.
MOMENTS = ("start", "batch", "epoch", "end")
#: What a callback may ask for. `stop(reason)` ends training after the batch; `loss` and `row` are
#: of the epoch so far at the moment 'batch'; they are None before the first batch.
ARGUMENTS = ("model", "optimiser", "epoch", "batch", "update", "loss", "row", "history", "stop")


class Callbacks:
    """Functions by their moment, each checked for what it asks for.

    Parameters
    ----------
    callbacks : function, sequence of functions, or dict from moments to either
        Without a moment: after each epoch.

    Raises
    ------
    TypeError
        For what is no function, or asks for an argument that there is not.
    ValueError
        For an unknown moment.

    Examples
    --------
    >>> Callbacks(lambda epoch, los: None)
    Traceback (most recent call last):
    TypeError: callback '<lambda>' asks for unknown argument 'los'. Did you mean 'loss'? Known: \
batch, epoch, history, loss, model, optimiser, row, stop, update.
    """

    def __init__(self, callbacks=()):
        byMoment = callbacks if isinstance(callbacks, Mapping) else {"epoch": callbacks}
        self._calls = {moment: [] for moment in MOMENTS}
        for moment, functions in byMoment.items():
            listed = functions if isinstance(functions, tuple | list) else [functions]
            known_name("moment of a callback", moment, MOMENTS)
            self._calls[moment] = [(function, _asked(function)) for function in listed]

    def __call__(self, moment, arguments):
        """Call the functions of a moment; `arguments` makes the dict that they choose from."""
        if self._calls[moment]:
            offered = arguments()
            for function, names in self._calls[moment]:
                function(**{name: offered[name] for name in names})


def _asked(function):
    """The names of the arguments that a callback is to be given."""
    if not callable(function):
        raise TypeError(f"a callback must be a function. Received: {function!r}.")
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return ARGUMENTS
    for parameter in parameters:
        _refuseUnknown(function, parameter)
    return [p.name for p in parameters if p.name in ARGUMENTS]


def _refuseUnknown(function, parameter):
    isOptional = parameter.default is not parameter.empty
    if parameter.name in ARGUMENTS or isOptional or parameter.kind is parameter.VAR_POSITIONAL:
        return
    name = getattr(function, "__name__", repr(function))
    error = unknown_name("argument", parameter.name, ARGUMENTS)
    raise TypeError(f"callback {name!r} asks for {error}")
