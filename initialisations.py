"""Named initialisations, (inputShape, outputShape, **options) -> [weight, bias] shared variables.

Shapes are those of one sample: `(n,)` for dense layers, `(channels, rows, columns)` for
convolutions. Weights are (in, out) or (out, in, s0, s1); biases, zeros but for `siren` and
`torchDefaultUniform`, broadcast over samples and positions. Each entry of `initD` states a weight
law, in a few lines from shapes to law; `initD[name].law(inputShape, outputShape, **options)` gives
that claim without drawing.

Some entries have options of their own, which their docstrings say (`help(initD['siren'])`). All
take the same ones; one that has no meaning for it has no effect there (`docs/catalogue.md` lists
for each entry those that have one):

=================  ==============================================================================
s                  (3, 3); the filter's sides, or one whole number for both (convolutions)
relu               False; True adds the factor 2 that makes up for a ReLU before the layer
mirror             False; True draws for half of the input channels and appends the negative:
                   looks-linear, for layers that follow a CReLU. Linear, so `relu` is void then;
                   or a number r from 0 (False) to 1 (True): halves of correlation -r
pooling            False; True spreads an orthogonal kernel over 2x2 taps, for strides of (2, 2)
signalPriorities   (1., 1.); (p0, p1): p1 weighs the forward signal, p0 the gradient
rescale            'glorot'; how a rectangular orthogonal weight is scaled: also 'none', 'suo'
poolingScale       None; the factor of the 2x2 taps: 0.4, or 0.28 when mirrored; a number; 'auto'
rho                0.; the mean correlation of neighbouring positions that 'auto' reckons with
activation         None; the activation before the layer, by name: its gain takes the place of the
                   factor of `relu`, which is that of 'relu'. Void with `mirror`, as that is
gain               None, 'exact' if an activation is named: by its Gaussian mean square; 'torch', by
                   PyTorch's table; or a number, by which all is multiplied, mirrored or not
groups             1; into how many independent convolutions the channels are split
perBlock           1; how many gates or heads the filters hold, each drawn and scaled by itself
rng                None; an int, SeedSequence or Generator: the same int gives the same weights
=================  ==============================================================================

`initD` also has the names of Keras's initialisers (`randomNormal`, `varianceScaling`, ...), which
take the arguments of the class in `lookslinear.initializers` as further options, such as
`stddev=0.01`; of the options above `s`, `mirror`, `groups` and `rng` have an effect there.
`fromTensor` makes such an entry of any function of (shape, dtype=None), `register` adds one of your
own, and `check_initialisation` holds it to its law.
"""

from __future__ import annotations

import inspect

from initialising import fixed, frames, looksLinear, scaling, subPixel, torchSpellings, units
from initialising.initialisation import Initialisation, TensorInitialisation, fromTensor
from initialising.promises import check_initialisation
from initialising.registering import register, unregister
from initialising.registry import Registry, initD, registered
from lookslinear import initializers

__all__ = [
    "Initialisation",
    "Registry",
    "TensorInitialisation",
    "check_initialisation",
    "fromTensor",
    "initD",
    "register",
    "registered",
    "unregister",
    # the rooms of its entries
    "fixed",
    "frames",
    "looksLinear",
    "scaling",
    "subPixel",
    "torchSpellings",
    "units",
]

#: What fills a dense weight where a class fills kernels alone: the same, in a filter of one tap.
DENSE = {
    initializers.DeltaOrthogonal: initializers.Orthogonal,
    initializers.Dirac: initializers.Identity,
}


def _kerasEntry(name: str, kind: type) -> TensorInitialisation:
    def make(isDense=False, **arguments):
        chosen = DENSE.get(kind, kind) if isDense else kind
        known = inspect.signature(chosen).parameters
        return chosen(**{key: value for key, value in arguments.items() if key in known})

    make.__doc__ = kind.__doc__
    shared = ("seed", "mirror", "groups")  # options of every entry: rng gives the seed
    known = inspect.signature(kind).parameters
    own = [argument for argument in known if argument not in shared]
    told = ["groups"] if "groups" in known else []
    return TensorInitialisation(make, own, initializers.Zeros(), name, told)


# Keras's names in camelCase: random_normal becomes randomNormal. Those above keep their laws.
for _name, _kind in initializers.CLASSES.items():
    _first, *_words = _name.split("_")
    _camel = "".join([_first, *map(str.title, _words)])
    if _name.islower() and _camel not in initD:
        initD[_camel] = _kerasEntry(_camel, _kind)
