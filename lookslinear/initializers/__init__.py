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
from lookslinear.initializers.constants import Constant, Dirac, Identity, Ones, Zeros
from lookslinear.initializers.entries import RandomNormal, RandomUniform, Sparse, TruncatedNormal
from lookslinear.initializers.frames import DeltaOrthogonal, Orthogonal
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

# Keras's other names for the classes: called, they return an initialiser.
constant = Constant
delta_orthogonal = DeltaOrthogonal
dirac = Dirac
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = IdentityInitializer = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
mirrored = Mirrored
one = ones = Ones
orthogonal = OrthogonalInitializer = Orthogonal
normal = random_normal = RandomNormal
sparse = Sparse
truncated_normal = TruncatedNormal
uniform = random_uniform = RandomUniform
variance_scaling = VarianceScaling
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
