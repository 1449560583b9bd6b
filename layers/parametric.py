"""Activations with slopes that are trained."""

from layers.activation import relu
from layers.perUnit import PerUnit


class ParReLU(PerUnit):
    """A parametric ReLU: two straight lines that meet at a centre, both slopes and it trained.

    .. math:: y = r \\max(x - c, 0) + l \\min(x - c, 0)

    It begins as ReLU; with l = 1 and c = 0 as the identity, with l = -1 as the absolute value.
    Where x is exactly c the gradient with respect to x is l, and none reaches r and l.

    Parameters
    ----------
    left, right : float
        The slopes l and r at the beginning.
    centre : float
        c at the beginning.
    each : bool
        Whether each unit or channel has slopes and a centre of its own: shape (1, n) or
        (1, c, 1, 1). Else the layer has one of each, (1, 1) or (1, 1, 1, 1).
    name : str or None
        The prefix of the names of its three variables.

    Attributes
    ----------
    left, right, centre : shared variables; None before the first call

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called on samples of another shape than before.

    References
    ----------
    He et al. 2015, arXiv 1502.01852, section 2.1 (a trained left slope for each channel, or one for
    a layer).

    Examples
    --------
    >>> from layers import Representation
    >>> y = ParReLU(left=0.25)(Representation((8, 32, 32)))
    >>> y.shape, [parameter.get_value().shape for parameter in y.params]
    ((8, 32, 32), [(1, 8, 1, 1), (1, 8, 1, 1), (1, 8, 1, 1)])
    """

    def __init__(self, left=0.0, right=1.0, centre=0.0, each=True, name=None):
        super().__init__({"left": left, "right": right, "centre": centre}, each, name)

    def expression(self, tensor, inputShape):
        """The two lines, each where it belongs."""
        x = tensor - self.centre
        return self.right * relu(x) + self.left * x * (x <= 0)

    def settings(self):
        """The arguments that `repr` shows."""
        starts = ", ".join(f"{number}={start}" for number, start in self._starts.items())
        return starts if self.each else f"{starts}, each=False"
