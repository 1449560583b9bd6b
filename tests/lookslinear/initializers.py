"""Examples of every class of `lookslinear.initializers`, for tests of what all must do."""

import numpy as np

from lookslinear import initializers as I

DENSE = [(40, 90), (90, 40)]  # wide and tall, fans at least 2 apart in ratio
KERNELS = [
    *[(5, 12, 40), (5, 40, 12)],
    *[(3, 3, 8, 30), (3, 3, 30, 8)],
    *[(2, 3, 3, 6, 20), (2, 3, 3, 20, 6)],
]
VECTORS = [(), (1500,)]
MATRICES = DENSE + KERNELS
ALL = VECTORS + MATRICES

NAMED = [
    *[I.GlorotNormal, I.GlorotUniform, I.HeNormal, I.HeUniform],
    *[I.LecunNormal, I.LecunUniform],
]
#: Initialisers with arguments other than the defaults, and the shapes that each fills.
EXAMPLES = [
    (I.Zeros(), ALL),
    (I.Ones(), ALL),
    (I.Constant(-0.3), ALL),
    (I.Constant(np.full((1, 1), 0.25)), MATRICES),
    (I.RandomNormal(mean=0.2, stddev=0.3, seed=1), ALL),
    (I.RandomUniform(minval=-0.1, maxval=0.4, seed=2), ALL),
    (I.TruncatedNormal(mean=-1.0, stddev=0.5, seed=3), ALL),
    *[
        (I.VarianceScaling(scale, mode, distribution, seed=4), ALL)
        for scale, mode, distribution in [
            (0.5, "fan_in", "truncated_normal"),
            (2.0, "fan_out", "untruncated_normal"),
            (3.0, "fan_avg", "uniform"),
        ]
    ],
    (
        I.VarianceScaling(seed=4, input_axes=(1, 2), output_axes=0),
        [(9, 40, 6), (40, 3, 9), (12, 9, 10, 5)],
    ),
    (I.GlorotUniform(seed=4, input_axes=0, output_axes=[1, -1]), [(40, 12, 9), (9, 12, 3)]),
    (I.HeNormal(seed=4, input_axes=(1, 2), output_axes=(0, 2)), [(40, 12, 3), (12, 40, 3)]),
    *[(cls(seed=5), ALL) for cls in NAMED],
    (I.Orthogonal(gain=1.5, seed=6), MATRICES),
    (I.Orthogonal(0.5, 6, "projection", per_block=2), [(40, 60), (3, 3, 8, 30)]),
    (I.Orthogonal(seed=6, input_axes=0, output_axes=(1, 2)), [(40, 5, 4), (12, 9, 5)]),
    (I.OrthogonalConvolution(gain=1.5, groups=2, seed=6), KERNELS),
    (I.DeltaOrthogonal(gain=0.5, seed=7), KERNELS),
    (I.Identity(gain=-2.0), DENSE),
    (I.Identity(gain=0.5, fill="repeat"), [(40, 120), (120, 40), (6, 6)]),
    (I.Sparse(sparsity=0.7, stddev=0.2, seed=8), MATRICES),
    (I.Dirac(groups=2), KERNELS),
    (I.Dirac(), KERNELS),
    (I.Truncated(bound=0.7, seed=8), ALL),
    (I.Truncated(bound=3.0, stddev=0.1, seed=8), ALL),
    (I.FixedNorm(norm=2.0, seed=8), MATRICES),
    (I.FixedNorm(norm=0.5, each="input", seed=8), MATRICES),
    (I.KaimingNormal(a=0.3, seed=8), ALL),
    (I.KaimingUniform(mode="fan_out", nonlinearity="tanh", seed=8), ALL),
    (I.TorchDefaultUniform(seed=8), ALL),
    (I.Siren(seed=8), ALL),
    (I.Siren("first", w0=5.0, seed=8), ALL),
    (I.ZerO(), MATRICES),
    (I.LooksLinear(gain=2.0, seed=8), MATRICES),
    (I.LooksLinear("first", "relu", seed=8), MATRICES),
    (I.LooksLinear("inner", "relu", mirror=0.5, seed=8), MATRICES),
    (I.LooksLinear("last", "relu", "normal", seed=8), MATRICES),
    (I.Mirrored(I.HeNormal(seed=9)), MATRICES),
    (I.Mirrored(I.Orthogonal(gain=2.0, seed=9)), MATRICES),
    (I.Mirrored("identity"), DENSE),
    (I.Mirrored(I.DeltaOrthogonal(seed=9)), KERNELS),
    (I.Mirrored(I.Sparse(0.5, seed=9)), MATRICES),
    (I.Mirrored(I.RandomNormal(mean=1.0, seed=9)), MATRICES),
]
CASES = [(initializer, shape) for initializer, shapes in EXAMPLES for shape in shapes]
RANDOM = [
    *[I.RandomNormal, I.RandomUniform, I.TruncatedNormal, I.VarianceScaling, *NAMED],
    *[I.Orthogonal, I.Sparse],
]


def name_of(value):
    """A short identifier of a test's parameter."""
    return value.__name__ if isinstance(value, type) else str(value).replace(" ", "")
