"""Observations: points of a network that have a name, where it can be measured."""

from layers.layer import Layer


class Observation(Layer):
    """A point with a name: nothing is done to what passes.

    `Representation.observations` finds it, and `Representation.observing` computes what is there.

    Parameters
    ----------
    name : str
        Different for each observation of a network.

    Raises
    ------
    TypeError, ValueError
        For what is no name; when called, for a name that the network has already.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> y = FC(1)(Observation("hidden")(FC(5)(Representation((2,)))))
    >>> y.observations
    {'hidden': <Representation (5,) after 2 layers: FC(5, initialisation='glorotNormal'), \
Observation('hidden')>}
    """

    observes = True

    def __init__(self, name):
        if not isinstance(name, str):
            raise TypeError(f"name must be a string. Received: {name!r}.")
        if not name:
            raise ValueError("name must not be empty. Received: ''.")
        super().__init__(name)

    def __call__(self, representation):
        """The same representation under the name, see `layers.Layer`."""
        if self.name in getattr(representation, "observations", ()):
            raise ValueError(
                f"each observation of a network must have its own name. Received: {self.name!r}, "
                f"which comes before already."
            )
        return super().__call__(representation)

    def expression(self, tensor, inputShape):
        """The tensor itself."""
        return tensor

    def settings(self):
        """The arguments that `repr` shows."""
        return repr(self.name)
