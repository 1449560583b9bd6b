"""Sums of two representations: `merge`, and residual blocks made of it."""

import numpy as np

from utilityFunctions import T, sharedVar

# isort: split
from theano.compile.ops import ViewOp

from layers.layer import Layer
from layers.representation import redrawAll
from lookslinear.errors import real_number


class _StatedGradient(ViewOp):
    """The same tensor, whose gradient arrives with its shape stated.

    The gradient of a block's input is a sum of two that come from the gradient of its output, which
    is such a sum again. Theano writes sums of sums out as one, which at the first of n blocks would
    have n terms or, where branches are elementwise, up to 2^n.
    """

    def grad(self, inputs, gradients):
        (tensor,), (arriving,) = inputs, gradients
        return [T.specify_shape(arriving, tensor.shape)]


_statedGradient = _StatedGradient()


class Merge(Layer):
    """skip * x + scale * y: called on two representations of one network with the same shape.

    Parameters
    ----------
    skip, scale : float
        The two factors.
    trainable : bool
        Whether `scale` is where a trained factor begins; else it is a constant.
    name : str or None
        See `layers.Layer`.

    Attributes
    ----------
    factor : shared variable, a scalar
        The trained factor; None before the first call, and without one.

    Raises
    ------
    TypeError, ValueError
        For factors that are no finite numbers; when called, for other shapes, and for
        representations that begin at different inputs.
    """

    seedPath = None

    def __init__(self, skip=1.0, scale=1.0, trainable=False, name=None):
        super().__init__(name)
        if not isinstance(trainable, bool):
            raise TypeError(f"trainable must be True or False. Received: {trainable!r}.")
        self.skip, self._start = real_number(skip, "skip"), real_number(scale, "scale")
        self.trainable, self.factor = trainable, None

    @property
    def scale(self):
        """The second factor, a float: of a trained one what it is at present."""
        return self._start if self.factor is None else float(self.factor.get_value())

    @property
    def variables(self):
        """The trained factor by its name, if there is one."""
        return {} if self.factor is None else {"scale": self.factor}

    @property
    def params(self):
        """The trained factor, or none."""
        return list(self.variables.values())

    def redraw(self, seed=None):
        """Let a trained factor begin again, whatever the seed."""
        if self.factor is not None:
            self.factor.set_value(np.asarray(self._start, self.factor.dtype))

    def __call__(self, first, second=None):
        """The representation skip * first + scale * second."""
        if second is None:
            raise TypeError("Merge adds two representations. Received: one. See layers.Residual.")
        self.refuseOtherKind(first)
        self.refuseOtherKind(second)
        _refuseStrangers(first, second)
        if self.trainable and self.factor is None:
            self.factor = sharedVar(
                self._start, name=f"{self.name}.scale" if self.name else "scale"
            )
        tensor = self._sum(first.tensor, second.tensor)
        train = first.trainTensor, second.trainTensor
        isSame = train[0] is first.tensor and train[1] is second.tensor
        trainTensor = None if isSame else self._sum(*train)
        made = first.through(self, tensor, first.shape, trainTensor, (), (first, second))
        made.bound(_statedGradient)
        return made

    def settings(self):
        """The arguments that `repr` shows."""
        trained = ", trainable=True" if self.trainable else ""
        return f"skip={self.skip}, scale={self._start}{trained}"

    def _sum(self, x, y):
        scale = np.asarray(self._start, x.dtype) if self.factor is None else self.factor
        return np.asarray(self.skip, x.dtype) * x + scale * y


def merge(first, second, skip=1.0, scale=1.0, trainable=False, name=None):
    """The sum of two representations, as residual networks have it.

    .. math:: z = \\gamma_1 x + \\gamma_2 y

    Parameters
    ----------
    first, second : Representation
        x and y, of one network and of the same shape.
    skip, scale : float
        gamma_1 and gamma_2, for which `lookslinear.theory.Residual` has the same names.
    trainable : bool
        Whether gamma_2 is trained, see `Merge`.
    name : str or None

    Returns
    -------
    Representation of the same shape

    Raises
    ------
    TypeError, ValueError
        See `Merge`.

    Examples
    --------
    >>> from layers import FC, Representation
    >>> x = Representation((4,))
    >>> merge(x, FC(4)(x), scale=0.5)
    <Representation (4,) after 2 layers: FC(4, initialisation='glorotNormal'), \
Merge(skip=1.0, scale=0.5)>
    """
    return Merge(skip, scale, trainable, name)(first, second)


class Residual(Layer):
    """A residual block: layers beside a connection that skips them.

    .. math:: y = \\gamma_1 P(x) + \\gamma_2 f(x)

    P is the identity where no projection is given.

    Parameters
    ----------
    branch : Layer or sequence of Layer
        f, layers one after the other; they may be residual blocks themselves.
    projection : Layer, sequence of Layer or None
        P: where f changes the shape of a sample, such as `Convolution(16, s=1, strides=2)`.
    skip, scale : float
        gamma_1 and gamma_2, as in `lookslinear.theory.Residual`. With 0.5 ** 0.5 for both, signals
        of a unit second moment whose two parts are uncorrelated keep it.
    trainable : bool
        Whether gamma_2 is trained and only begins at `scale`; `training.rescaling` has SkipInit,
        ReZero and Fixup for such blocks.
    name : str or None
        See `layers.Layer`.

    Raises
    ------
    TypeError, ValueError
        For a bad argument; when called, if branch and projection make different shapes, before
        any weight is made.

    References
    ----------
    He et al. 2016, arXiv 1512.03385, equations 1 and 2.

    Examples
    --------
    >>> from layers import Convolution, CReLU, Representation
    >>> x = Representation((8, 32, 32))
    >>> block = Residual([CReLU(), Convolution(8, initKWArgs={"mirror": True})], scale=0.1)
    >>> block(x).shape
    (8, 32, 32)
    >>> Residual(Convolution(16, strides=2))(x)
    Traceback (most recent call last):
    ValueError: a residual block must add samples of one shape. Received: (16, 16, 16) from the \
branch, (8, 32, 32) beside it. Give it a projection, such as Convolution(16, s=1, strides=(2, 2)).
    """

    def __init__(self, branch, projection=None, skip=1.0, scale=1.0, trainable=False, name=None):
        super().__init__(name)
        self.branch = _layers(branch, "branch")
        self.projection = [] if projection is None else _layers(projection, "projection")
        self._merge = Merge(skip, scale, trainable, name)
        self.skip, self.trainable = self._merge.skip, trainable

    def __call__(self, representation):
        """The sum; its `layers` are those of projection and branch, and a `Merge`."""
        self.refuseOtherKind(representation)
        self.outputShape(representation.shape)
        beside = _through(self.projection, representation)
        return self._merge(beside, _through(self.branch, representation))

    def outputShape(self, inputShape):
        """What the branch makes of a sample; the projection must make the same."""
        made, beside = (_shape(layers, inputShape) for layers in (self.branch, self.projection))
        if made != beside:
            raise ValueError(
                f"a residual block must add samples of one shape. Received: {made} from the "
                f"branch, {beside} beside it.{_advice(made, beside)}"
            )
        return made

    @property
    def layers(self):
        """The layers of the projection and of the branch, in the order of their seeds."""
        return [*self.projection, *self.branch]

    @property
    def scale(self):
        """gamma_2, a float: of a trained one what it is at present."""
        return self._merge.scale

    @property
    def factor(self):
        """gamma_2 as a shared variable, where it is trained; None before the first call."""
        return self._merge.factor

    @property
    def params(self):
        """The shared variables of its layers that are trained, and its trained factor."""
        inside = [variable for layer in self.layers for variable in layer.params]
        return [*inside, *self._merge.params]

    @property
    def statistics(self):
        """The running statistics of its layers."""
        return [variable for layer in self.layers for variable in layer.statistics]

    @property
    def streams(self):
        """The states of the random streams of its layers."""
        return [variable for layer in self.layers for variable in layer.streams]

    def redraw(self, seed=None):
        """Draw the weights of its layers again, see `layers.Representation.redraw`."""
        redrawAll([*self.layers, self._merge], seed)

    def describeInitialisation(self):
        """What the layers with weights say, each once."""
        said = [layer.describeInitialisation() for layer in self.layers
                if hasattr(layer, "describeInitialisation")]  # fmt: skip
        return "; ".join(dict.fromkeys(filter(None, said)))

    def settings(self):
        """The arguments that `repr` shows."""
        projection = f", projection={self.projection}" if self.projection else ""
        return f"{self.branch}{projection}, {self._merge.settings()}"


def _layers(given, name):
    layers = list(given) if isinstance(given, list | tuple) else [given]
    if not layers:
        raise ValueError(f"{name} must be one layer or more. Received: {given!r}.")
    for layer in layers:
        if not isinstance(layer, Layer) or isinstance(layer, Merge):
            raise TypeError(
                f"{name} must be a layer or a list of layers that take one representation. "
                f"Received: {layer!r}."
            )
    return layers


def _shape(layers, shape):
    for layer in layers:
        shape = layer.outputShape(shape)
    return shape


def _through(layers, representation):
    for layer in layers:
        representation = layer(representation)
    return representation


def _advice(made, beside):
    if len(made) != len(beside):
        return ""
    if len(made) == 1:
        return f" Give it a projection, such as FC({made[0]})."
    strides = tuple(max(1, round(b / m)) for m, b in zip(made[1:], beside[1:], strict=True))
    return f" Give it a projection, such as Convolution({made[0]}, s=1, strides={strides})."


def _refuseStrangers(first, second):
    if first.shape != second.shape:
        raise ValueError(
            f"a sum must be of representations of one shape. Received: {first.shape} and "
            f"{second.shape}. Put a layer before one of them that makes the other's shape."
        )
    if first.input is not second.input:
        raise ValueError(
            f"a sum must be of representations of one network. Received: {first!r} and "
            f"{second!r}, which begin at different inputs."
        )
