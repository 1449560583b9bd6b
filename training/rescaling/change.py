"""What an initialisation of a whole network did to it: a table, and the way back."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lookslinear.errors import nearest
from training.batches import checkedInputs
from training.checking import checkedModel, refuseNonFinite


@dataclass(frozen=True)
class Rescaled:
    """What was changed at one place.

    Attributes
    ----------
    place : str
        The layer, or the observation.
    layers : tuple of int
        The numbers of the layers, in `model.representation.layers`, that were changed.
    quantity : str
        What `before` and `after` say of the place, such as 'variance'.
    before, after : float
    factor : float or None
        By what the norm of the weights, or the factor of a branch, was multiplied, in all; None
        where the row is about more than one of them.
    passes : int
        How often the data were read for it.
    note : str
        Why `after` is not what was wanted; empty if it is.
    """

    place: str
    layers: tuple[int, ...]
    quantity: str
    before: float
    after: float
    factor: float | None
    passes: int = 0
    note: str = ""

    @property
    def converged(self) -> bool:
        """Whether `after` is what was wanted."""
        return not self.note

    def __str__(self):
        said = f"{self.place:<40} {self.quantity} {self.before:10.4g} -> {self.after:8.4g}"
        if self.factor is not None:
            said += f", weights times {self.factor:.4g}"
        return said if self.converged else f"{said}  {self.note}"


class Change(Sequence):
    """What an initialisation of a whole network changed: a sequence of `Rescaled`.

    Attributes
    ----------
    name : str
        The initialisation's.
    rows : tuple of Rescaled
        From the input on. Printed, a change shows one a line.
    model : Sequential or Representation
        The network.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> from training.rescaling import analyticRescaling
    >>> y = FC(4, seed=0)(FC(16, seed=1)(Representation((8,))))
    >>> change = analyticRescaling(y)
    >>> change.table[["layers", "after", "converged"]].values.tolist()
    [[(0,), 1.0, True], [(1,), 1.0, True]]
    >>> change.undo()
    """

    def __init__(self, name: str, rows: Sequence[Rescaled], model, held: Held):
        self.name, self.rows, self.model, self._held = name, tuple(rows), model, held

    @property
    def table(self):
        """The rows as a pandas DataFrame: the attributes of `Rescaled`, and `converged`."""
        import pandas as pd  # here, since it takes half a second and training does not need it

        return pd.DataFrame([{**asdict(row), "converged": row.converged} for row in self.rows])

    @property
    def converged(self) -> bool:
        """Whether each row is what was wanted."""
        return all(row.converged for row in self.rows)

    def undo(self) -> None:
        """Give the network all that it had before, bit by bit; what was trained since is lost."""
        self._held.giveBack()

    def __getitem__(self, index):
        return self.rows[index]

    def __len__(self):
        return len(self.rows)

    def __str__(self):
        return "\n".join(map(str, self.rows))

    def __repr__(self):
        return f"<{self.name}: {len(self)} places changed, converged: {self.converged}>"


class Held:
    """All that a network's output depends on, as it is now."""

    def __init__(self, model):
        self._values = [(v, v.get_value()) for v in model.representation.weights]

    def giveBack(self) -> None:
        """Let the network have it again."""
        for variable, value in self._values:
            variable.set_value(value)


def networkInitialisation(needsData: bool) -> Callable:
    """Makes an initialisation of a function (model, data, **options) -> rows of the table.

    What results is called with (model, data=None, **options), checks the network, the data and the
    names of the options, returns a `Change`, warns if a row is not what was wanted, and leaves the
    network as it was where anything is raised, an interrupt included.
    """

    def made(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def initialise(model, data=None, *arguments, **options):
            _refuseUnknown(function.__name__, signature, options)
            bound = signature.bind(model, data, *arguments, **options)
            bound.arguments["model"] = model = checkedModel(model)
            bound.arguments["data"] = _checkedData(function.__name__, model, data, needsData)
            held = Held(model)
            try:
                rows = function(*bound.args, **bound.kwargs)
            except BaseException:
                held.giveBack()
                raise
            _warnOf([row for row in rows if not row.converged])
            return Change(function.__name__, rows, model, held)

        initialise.needsData = needsData
        return initialise

    return made


def _refuseUnknown(name, signature, options):
    known = [option for option in signature.parameters if option not in ("model", "data")]
    for option in options:
        if option not in known:
            raise TypeError(
                f"{name} has no option {option!r}.{nearest(option, known)} "
                f"Known: {', '.join(known) or 'none'}."
            )


def _checkedData(name, model, data, needsData):
    if data is None:
        if needsData:
            raise ValueError(
                f"{name} needs data, an array of samples as the network's input. Received: None."
            )
        return None
    if isinstance(data, tuple | dict | str):
        raise TypeError(
            f"data must be an array of samples, without labels. Received: {type(data).__name__}."
        )
    data = checkedInputs(np.asarray(data), model, "data")
    refuseNonFinite(data, "data")
    return data


def _warnOf(rows):
    if rows:
        said = "; ".join(f"{row.place} {row.note}" for row in rows)
        warnings.warn(f"not all is as was wanted: {said}", RuntimeWarning, stacklevel=3)
