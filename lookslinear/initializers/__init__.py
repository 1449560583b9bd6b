"""Keras's initialisers: objects called with (shape, dtype=None) that return a NumPy array.

Shapes are in Keras's layout, (*receptive field, in, out). Each object is a thin face over a weight
law: `initializer.law(shape)` states what `initializer(shape)` draws, and `check_draw` holds the one
to the other. `get_config`, `from_config`, `serialize`, `deserialize` and `get` are Keras's, so the
objects work inside Keras and its configurations are read here. Every class is also here under its
snake_case name, and under Keras's other names for it.

>>> from lookslinear import check_draw, initializers
>>> initializer = initializers.glorot_normal(seed=1)
>>> bool(check_draw(initializer((300, 100)), initializer.law((300, 100))))
True
"""

from lookslinear.backend import SeedGenerator
from lookslinear.initializers.base import Initializer, RandomInitializer
from lookslinear.initializers.constants import Constant, Dirac, Identity, Ones, ZerO, Zeros
from lookslinear.initializers.entries import RandomNormal, RandomUniform, Sparse, TruncatedNormal
from lookslinear.initializers.frames import DeltaOrthogonal, Orthogonal, OrthogonalConvolution
from lookslinear.initializers.looks_linear import LooksLinear
from lookslinear.initializers.mirrored import Mirrored
from lookslinear.initializers.registry import CLASSES
from lookslinear.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)
from lookslinear.initializers.serialization import deserialize, get, serialize
from lookslinear.initializers.torch_spellings import (
    KaimingNormal,
    KaimingUniform,
    Siren,
    TorchDefaultUniform,
)
from lookslinear.initializers.units import FixedNorm, Truncated

# Keras's other names for the classes: called, they return an initialiser.
constant = Constant
delta_orthogonal = DeltaOrthogonal
dirac = Dirac
fixed_norm = FixedNorm
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
kaiming_normal = KaimingNormal
kaiming_uniform = KaimingUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
looks_linear = LooksLinear
mirrored = Mirrored
one = ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
orthogonal_convolution = OrthogonalConvolution
normal = random_normal = RandomNormal
siren = Siren
sparse = Sparse
torch_default_uniform = TorchDefaultUniform
truncated = Truncated
truncated_normal = TruncatedNormal
uniform = random_uniform = RandomUniform
variance_scaling = VarianceScaling
zer_o = ZerO
zero = zeros = Zeros

__all__ = [
    "CLASSES",
    "Initializer",
    "RandomInitializer",
    "SeedGenerator",
    "deserialize",
    "get",
    "serialize",
    *CLASSES,
]
