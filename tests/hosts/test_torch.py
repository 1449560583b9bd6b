"""PyTorch beside us: what it draws keeps our laws, and its operators do what we claim of kernels.

`make test-peers` runs this where PyTorch and JAX are; elsewhere it is skipped. Arrays of PyTorch's
are turned to Keras's layout, (*receptive field, in, out).
"""

import math

import numpy as np
import pytest

from lookslinear import initializers as I
from lookslinear.activations import gain_of
from lookslinear.checks import check_draw
from lookslinear.fans import axes_of
from lookslinear.laws import WeightLaw, entries_law
from lookslinear.sampling import draw

torch = pytest.importorskip("torch")
from torch.nn import functional as F  # noqa: E402
from torch.nn import init  # noqa: E402

#: (out, in) and kernels, fans a factor of 2 and more apart.
SHAPES = ((90, 40), (40, 90), (30, 8, 3, 3), (40, 12, 5), (12, 10, 3, 2, 3))


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def in_keras_layout(tensor):
    array = np.asarray(tensor.detach())
    return array.transpose(*range(2, array.ndim), 1, 0)


def assert_keeps(tensor, initializer, **claims):
    array = in_keras_layout(tensor)
    verdict = check_draw(array, initializer.law(array.shape, **claims))
    assert verdict, str(verdict)


#: PyTorch's functions in place, and our initialisers of the same law.
PAIRS = {
    "kaiming_normal_": (lambda w, g: init.kaiming_normal_(w, generator=g), I.KaimingNormal()),
    "kaiming_normal_, a": (
        lambda w, g: init.kaiming_normal_(w, a=0.7, mode="fan_out", generator=g),
        I.KaimingNormal(0.7, "fan_out"),
    ),
    "kaiming_uniform_, tanh": (
        lambda w, g: init.kaiming_uniform_(w, nonlinearity="tanh", generator=g),
        I.KaimingUniform(nonlinearity="tanh"),
    ),
    "kaiming_uniform_, default of layers": (
        lambda w, g: init.kaiming_uniform_(w, a=math.sqrt(5), generator=g),
        I.TorchDefaultUniform(),
    ),
    "xavier_normal_": (
        lambda w, g: init.xavier_normal_(w, generator=g),
        I.VarianceScaling(1.0, "fan_avg", "untruncated_normal"),
    ),
    "xavier_uniform_": (lambda w, g: init.xavier_uniform_(w, generator=g), I.GlorotUniform()),
    "trunc_normal_": (
        lambda w, g: init.trunc_normal_(w, std=0.3, a=-0.45, b=0.45, generator=g),
        I.Truncated(bound=1.5, stddev=0.3),
    ),
}
PAIRS = {(name, shape): pair for name, pair in PAIRS.items() for shape in SHAPES}


@pytest.mark.parametrize("name", PAIRS, ids=str)
def test_what_torch_draws_keeps_our_law(name):
    draws, initializer = PAIRS[name]
    assert_keeps(draws(torch.empty(name[1]), seeded(1)), initializer)


@pytest.mark.parametrize("name", [name for name in PAIRS if name[1] == SHAPES[0]], ids=str)
def test_what_torch_draws_keeps_no_law_of_another_size(name):
    draws, initializer = PAIRS[name]
    array = in_keras_layout(draws(torch.empty(name[1]), seeded(1)))
    assert not check_draw(array * np.float32(1.2), initializer.law(array.shape))


@pytest.mark.parametrize("shape", [(60, 60), (90, 40), (40, 90), (30, 4, 3, 3)])
def test_orthogonal(shape):
    # PyTorch flattens kernels to (out, in x taps): the same frame, its rest in another order.
    weight = init.orthogonal_(torch.empty(shape), gain=1.5, generator=seeded(2))
    assert_keeps(weight, I.Orthogonal(1.5))


@pytest.mark.parametrize("shape", [(6, 4, 3), (4, 6, 3, 5), (5, 5, 3, 3, 3)])
@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_is_ours_exactly(shape, groups):
    if shape[0] % groups == 0:
        theirs = in_keras_layout(init.dirac_(torch.empty(shape), groups=groups))
        np.testing.assert_array_equal(theirs, I.Dirac(groups)(theirs.shape))


def test_eye_is_ours_exactly():
    for shape in ((4, 6), (6, 4)):
        theirs = in_keras_layout(init.eye_(torch.empty(shape)))
        np.testing.assert_array_equal(theirs, I.Identity()(theirs.shape))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("linear", "linear"),
        ("conv2d", "linear"),
        ("sigmoid", "sigmoid"),
        ("tanh", "tanh"),
        ("relu", "relu"),
        ("selu", "selu"),
        ("leaky_relu", "leakyRelu"),
    ],
)
def test_gains_are_those_of_the_table(theirs, ours):
    assert init.calculate_gain(theirs) == pytest.approx(gain_of(ours, "torch"), rel=1e-12)
    leaky = gain_of("leakyRelu(0.3)", "torch")
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(leaky)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: torch.nn.Linear(400, 900),
        lambda: torch.nn.Conv2d(40, 900, 3),
        lambda: torch.nn.Conv1d(40, 900, 5),
    ],
    ids=["Linear", "Conv2d", "Conv1d"],
)
def test_layers_of_torch_start_as_we_say(layer):
    torch.manual_seed(3)
    made = layer()
    assert_keeps(made.weight, I.TorchDefaultUniform())
    fan_in = made.weight[0].numel()
    bias = entries_law((900,), "uniform", math.sqrt(1 / (3 * fan_in)), dtype="float32")
    verdict = check_draw(made.bias.detach().numpy(), bias)
    assert verdict, str(verdict)


@pytest.mark.parametrize("sides", [(3,), (3, 5), (3, 3, 3)])
def test_orthogonal_convolutions_keep_norms_in_torchs_convolutions(sides):
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(sides)]
    kernel = I.OrthogonalConvolution(seed=4)((*sides, 4, 6), "float64")
    kernel = torch.from_numpy(kernel.transpose(-1, -2, *range(len(sides))).copy())
    images = torch.randn(3, 4, *(6 for _ in sides), dtype=torch.float64, generator=seeded(5))
    border = [half for side in sides[::-1] for half in (side // 2, side // 2)]
    out = convolve(F.pad(images, border, mode="circular"), kernel)
    ratios = (out**2).flatten(1).sum(1) / (images**2).flatten(1).sum(1)
    np.testing.assert_allclose(ratios.numpy(), 1, atol=1e-12)
    with_zeros = convolve(images, kernel, padding="same")
    assert (with_zeros**2).sum() < 0.99 * (images**2).sum()


def test_sub_pixel_kernels_resize_in_torchs_pixel_shuffle():
    axes = axes_of(4, "torch")
    kernel = torch.from_numpy(draw(WeightLaw((8, 3, 3, 3), axes, "normal", 0.3, copies=4), 1))
    images = torch.randn(2, 3, 5, 5, generator=seeded(5))
    resized = F.pixel_shuffle(F.conv2d(images, kernel, padding=1), 2)
    few = F.conv2d(images, kernel[::4], padding=1)
    nearest = F.interpolate(few, scale_factor=2, mode="nearest")
    np.testing.assert_allclose(resized.numpy(), nearest.numpy(), atol=1e-5)


def test_a_plain_relu_network_of_torch_starts_linear():
    layers = []
    for layer, read, written in (("first", 5, 12), ("inner", 12, 8), ("last", 8, 3)):
        linear = torch.nn.Linear(read, written, bias=False, dtype=torch.float64)
        weight = I.LooksLinear(layer, "relu", seed=len(layers))((read, written), "float64")
        linear.weight.data = torch.from_numpy(weight.T.copy())
        layers += [linear, torch.nn.ReLU()]
    f = torch.nn.Sequential(*layers[:-1])
    a, b = torch.randn(2, 4, 5, dtype=torch.float64, generator=seeded(6))
    np.testing.assert_allclose(f(a + b).detach(), (f(a) + f(b)).detach(), atol=1e-12)


def singular_values(kernel):
    """Of the convolution (3, 3, in, out) on a torus: of its matrices at all frequencies."""
    spectrum = np.fft.fftn(kernel, (16, 16), axes=(0, 1))
    return np.linalg.svd(spectrum, compute_uv=False)


def test_orthogonal_kernels_of_torch_are_no_orthogonal_operators():
    theirs = init.orthogonal_(torch.empty(16, 16, 3, 3, dtype=torch.float64), generator=seeded(0))
    found = singular_values(in_keras_layout(theirs))
    assert found.min() < 0.1
    assert found.max() > 1.7
    ours = I.OrthogonalConvolution(seed=0)((3, 3, 16, 16), "float64")
    np.testing.assert_allclose(singular_values(ours), 1, atol=1e-12)


def test_gates_that_torch_draws_together_are_not_orthogonal():
    theirs = init.orthogonal_(torch.empty(48, 12, dtype=torch.float64), generator=seeded(0))
    found = np.linalg.svd(in_keras_layout(theirs)[:, :12], compute_uv=False)
    assert found.min() < 0.2
    assert found.max() < 0.95
    ours = I.Orthogonal(per_block=4, seed=0)((12, 48), "float64")
    for gate in np.split(ours, 4, axis=1):
        np.testing.assert_allclose(np.linalg.svd(gate, compute_uv=False), 1, atol=1e-12)


def test_the_bounds_of_torch_are_numbers_and_ours_deviations():
    theirs = init.trunc_normal_(torch.empty(1000, 1000), std=0.02, generator=seeded(0))
    assert theirs.abs().max() / 0.02 > 4
    assert np.abs(I.Truncated(2.0, 0.02, seed=0)((1000, 1000))).max() / 0.02 <= 2.00001


def test_where_torch_counts_the_fan_out_of_all_groups():
    """What docs/catalogue-notes.md says of grouped kernels: 36 here, 9 by definition."""
    layer = torch.nn.Conv2d(4, 4, 3, groups=4)
    assert init._calculate_fan_in_and_fan_out(layer.weight)[1] == 36
    from lookslinear.fans import fans

    assert fans(layer.weight.shape, axes_of(4, "torch", groups=4)).fan_out == 9
