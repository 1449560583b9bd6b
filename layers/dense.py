"""Dense layers: every unit reads every unit of the layer before."""

from utilityFunctions import T
from layers.shapes import denseShape
from layers.weighted import Weighted
from lookslinear.errors import whole_number


class FC(Weighted):
    """A fully connected (dense) layer: x W + b, (n,) -> (numUnits,).

    Parameters
    ----------
    numUnits : int
        The number of units, from 1.
    bias, initialisation, initKWArgs, seed, name
        See `layers.Weighted`. The weight has shape (n, numUnits), the bias (1, numUnits).

    Raises
    ------
    TypeError, ValueError
        For a bad argument, and when called on images: put Flatten() before.

    Examples
    --------
    >>> from layers import Representation
    >>> layer = FC(10, initialisation="orthogonal", initKWArgs={"mirror": True})
    >>> layer(Representation((64,))).shape, layer.weight.get_value().shape
    ((10,), (64, 10))
    """

    def __init__(
        self,
        numUnits,
        bias=True,
        initialisation="glorotNormal",
        initKWArgs=None,
        seed=None,
        name=None,
    ):
        self.numUnits = whole_number(numUnits, "numUnits")
        super().__init__(bias, initialisation, initKWArgs, seed, name)

    def outputShape(self, inputShape):
        """(n,) -> (numUnits,); images are refused."""
        return denseShape(inputShape, self.numUnits)

    def weightShape(self, inputShape):
        """(n, numUnits)."""
        return (*inputShape, self.numUnits)

    def expression(self, tensor, inputShape):
        """X W + b."""
        product = T.dot(tensor, self.weight)
        return product + self.bias if self.hasBias else product

    def settings(self):
        """The arguments that `repr` shows."""
        return f"{self.numUnits}{self.describeWeights()}"
