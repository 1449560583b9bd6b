"""Layers with a few numbers for each unit or channel, which begin at constants."""

import numpy as np

from utilityFunctions import sharedVar
from layers.layer import Layer
from lookslinear.errors import real_number


class PerUnit(Layer):
    """The base of layers whose numbers are not drawn: slopes, scales, running statistics.

    Parameters
    ----------
    starts : dict
        From the name of each number, an attribute of the layer after its first call, to its value
        at the beginning.
    each : bool
        Whether each unit or channel has its own, (1, units) or (1, channels, 1, 1); else they all
        have one, (1, 1) or (1, 1, 1, 1).
    name : str or None
        The prefix of the names of the numbers.
    """

    seedPath = None

    def __init__(self, starts, each=True, name=None):
        super().__init__(name)
        if not isinstance(each, bool):
            raise TypeError(f"each must be True or False. Received: {each!r}.")
        self.each, self._inputShape = each, None
        self._starts = {number: real_number(start, number) for number, start in starts.items()}
        for number in starts:
            setattr(self, number, None)

    @property
    def variables(self):
        """The shared variables by name; none before a call."""
        if self._inputShape is None:
            return {}
        return {number: getattr(self, number) for number in self._starts}

    @property
    def params(self):
        """The shared variables that are trained: all, unless the layer says otherwise."""
        return list(self.variables.values())

    def build(self, inputShape):
        """Make the numbers at the first call; later calls share them on the same shape.

        Raises
        ------
        ValueError
            If the layer was called on samples of another shape before.
        """
        if self._inputShape is not None:
            return self.refuseOtherInput(inputShape, self._inputShape)
        for number, start in self._starts.items():
            setattr(self, number, self._made(number, start, inputShape))
        self._inputShape = inputShape

    def redraw(self, seed=None):
        """Let the numbers begin again at their constants, whatever the seed."""
        for number, variable in self.variables.items():
            value = np.full_like(variable.get_value(borrow=True), self._starts[number])
            variable.set_value(value, borrow=True)

    def _made(self, number, start, inputShape):
        units = inputShape[0] if self.each else 1
        ones = (1,) * (len(inputShape) - 1)
        return sharedVar(
            np.full((1, units, *ones), start),
            name=f"{self.name}.{number}" if self.name else number,
            broadcastable=(True, not self.each, *map(bool, ones)),
        )
