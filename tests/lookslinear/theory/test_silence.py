"""Pre-activations that are exactly 0: their share, and the gradients that they stop.

Scores of means over 30,000 networks are nearly normal: |z| < 5 fails once in two million.
"""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from lookslinear.laws import dense_law
from lookslinear.theory import (
    NotCoveredError,
    Residual,
    Stage,
    backward_second_moments,
    forward_second_moments,
    silence,
)
from lookslinear.theory.depth import backward_step
from lookslinear.theory.silence import zero_shares
from tests.lookslinear.laws import law_between
from tests.lookslinear.theory.nets import dense_stages, mean_squares, propagate, z_scores
from tests.lookslinear.theory.wide import run

NETWORKS = 30_000


def mixed_stages():
    """Dense, ReLU and activations that pass gradients at 0 in turns; the last ones all pass."""
    widths = (4, 2, 3, 3, 2, 4, 3)
    phis = ("linear", "relu", "leakyRelu(0.3)", "relu", "leakyRelu(0.3)", "linear")
    return [
        Stage(dense_law(*sides, "normal", 1.3 / math.sqrt(sides[0]), dtype="float64"), phi)
        for sides, phi in zip(itertools.pairwise(widths), phis, strict=True)
    ]


NETS = {
    "dense relu": lambda: dense_stages((5, 3, 4, 2, 3, 7), "relu", "normal", 1.3),
    "uniform relu": lambda: dense_stages((5, 2, 2, 2), "relu", "uniform", 1.3),
    "sparse relu": lambda: dense_stages((5, 12, 6, 14, 7), "relu", "normal", 1.3, sparsity=0.5),
    "sparser relu": lambda: dense_stages((6,) * 6, "relu", "normal", 1.3, sparsity=0.6),
    "sparse crelu": lambda: dense_stages((5, 2, 3, 3, 4), "crelu", "normal", 1.3, sparsity=0.5),
    "mixed": mixed_stages,
}
#: Nets whose pre-activations are never 0.
LOUD = {
    "dense crelu": lambda: dense_stages((5, 2, 3, 2, 4), "crelu", "normal", 1.3),
    "leaky": lambda: dense_stages((5, 2, 3, 4), "leakyRelu(0.3)", "normal", 1.3, sparsity=0.5),
    "mirrored": lambda: dense_stages((5, 3, 2, 4), "crelu", "normal", 1.3, True, sparsity=0.5),
}


def predicted(stages):
    return np.array(backward_second_moments(stages, forward_second_moments(stages, 1.0)))


def without_zeros(stages):
    """Mutant: E phi'(h)^2 of a pre-activation that is never 0."""
    gradients = [np.array(1.0)]
    for stage, moment in zip(
        stages[:0:-1], forward_second_moments(stages, 1.0)[-2::-1], strict=True
    ):
        gradients.insert(0, backward_step(stage, moment, gradients[0]))
    return np.array(gradients)


def of_independent_inputs(stages):
    """Mutant: the inputs of a unit are 0 independently of one another."""
    shares = [0.0]
    for stage in stages[1:]:
        kept = stage.law.shape[0] - stage.law.zeros_per_output
        shares.append(((1 + shares[-1]) / 2) ** kept)
    return np.array(shares)


@pytest.mark.parametrize("name", NETS | LOUD)
def test_moments_and_zeros_are_those_of_simulated_networks(name):
    stages = (NETS | LOUD)[name]()
    signals, gradients = propagate(stages, NETWORKS, seed=4, at_once=True)
    forward = mean_squares(signals)[..., 0]
    assert np.abs(z_scores(forward, forward_second_moments(stages, 1.0))).max() < 5
    assert np.abs(z_scores(mean_squares(gradients)[..., 0], predicted(stages))).max() < 5
    zeros = np.array([(h == 0).mean(axis=(1, 2)) for h in signals])
    shares = np.array(zero_shares(stages))
    some = shares > 0
    assert some.any() == (name in NETS)
    assert not zeros[~some].any()
    if some.any():
        assert np.abs(z_scores(zeros[some], shares[some])).max() < 5


@pytest.mark.parametrize("name", NETS)
def test_predictions_that_forget_or_repeat_the_zeros_are_rejected(name):
    stages = NETS[name]()
    signals, gradients = propagate(stages, NETWORKS, seed=4, at_once=True)
    measured = mean_squares(gradients)[..., 0]
    assert np.abs(z_scores(measured, without_zeros(stages))).max() > 10
    if name == "mixed":
        return
    # Mutant: the share that is not 0 once a layer, though a path that speaks proves those before.
    speaking = 1 - np.array([*zero_shares(stages)[:-1], 0])
    mutant = without_zeros(stages) * np.cumprod(speaking[::-1])[::-1]
    assert np.abs(z_scores(measured, mutant)).max() > 10
    if name != "sparse crelu":
        zeros = np.array([(h == 0).mean(axis=(1, 2)) for h in signals])[2:]
        assert np.abs(z_scores(zeros, of_independent_inputs(stages)[2:])).max() > 5


def test_haar_frames_fall_silent_as_independent_weights_do():
    haar, normal = (
        dense_stages((4, 2, 2, 2, 3), "relu", family, 1.3) for family in ("haar", "normal")
    )
    assert zero_shares(haar) == zero_shares(normal)
    _, gradients = propagate(haar, 3000, seed=4)
    measured = mean_squares(gradients)[..., 0]
    assert np.abs(z_scores(measured, predicted(haar))).max() < 5
    assert np.abs(z_scores(measured, without_zeros(haar))).max() > 10


# The chain of speaking units


def shares_oracle(widths, kept, signs):
    """P(h = 0) layer by layer, over all sets of speaking units, in fractions.

    `signs` is the probability that a unit speaks whose pre-activation is not 0.
    """
    sets = {frozenset(range(widths[0])): Fraction(1)}
    shares = [Fraction(0)]
    for units, k in zip(widths[1:], kept, strict=True):
        spoken, share = {}, Fraction(0)
        for heard, weight in speaking_sets(sets, signs, widths[len(shares) - 1]):
            read = list(itertools.combinations(range(widths[len(shares) - 1]), k))
            zero = Fraction(sum(heard.isdisjoint(kept) for kept in read), len(read))
            share += weight * zero
            for states in itertools.product((False, True), repeat=units):
                chance = math.prod(1 - zero if state else zero for state in states)
                loud = frozenset(np.flatnonzero(states).tolist())
                spoken[loud] = spoken.get(loud, 0) + weight * chance
        sets = spoken
        shares.append(share)
    return [float(share) for share in shares]


def speaking_sets(sets, signs, units):
    """The sets of units that speak, given those whose pre-activations are not 0."""
    found = {}
    for loud, weight in sets.items():
        for count in range(len(loud) + 1):
            for heard in itertools.combinations(sorted(loud), count):
                chance = signs**count * (1 - signs) ** (len(loud) - count)
                found[frozenset(heard)] = found.get(frozenset(heard), 0) + weight * chance
    return found.items()


@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("widths", [(4, 4, 4, 4), (3, 4, 2, 5)])
def test_the_shares_are_those_of_all_sets_of_units(widths, sparsity):
    first = dense_stages((3, widths[0]), "linear", "normal")
    stages = first + dense_stages((3, *widths), "relu", "normal", sparsity=sparsity)[1:]
    kept = [stage.law.shape[0] - stage.law.zeros_per_output for stage in stages[1:]]
    expected = shares_oracle(widths, kept, Fraction(1, 2))
    np.testing.assert_allclose(zero_shares(stages), expected, rtol=1e-12)


def test_dense_nets_die_layer_by_layer():
    stages = dense_stages((9, 3, 5, 4, 6), "relu", "normal")
    expected = 1 - np.cumprod([1, 1 - 2**-3, 1 - 2**-5, 1 - 2**-4])
    np.testing.assert_allclose(zero_shares(stages), expected, rtol=1e-12)


def test_counts_that_are_joined_change_nothing_that_matters(monkeypatch):
    stages = dense_stages((300,) * 7, "relu", "normal", sparsity=0.99)
    joined = np.array(zero_shares(stages))
    monkeypatch.setattr(silence, "_TOLD_APART", 1000)
    apart = np.array(zero_shares(stages))
    assert joined[1] == pytest.approx(2**-3, rel=1e-12)
    np.testing.assert_allclose(joined, apart, rtol=1e-4)
    assert not np.array_equal(joined, apart)


@pytest.mark.parametrize("sparsity", [0.0, 0.1])
def test_wide_nets_keep_every_bit(sparsity):
    stages = dense_stages((10, 64, 200, 64, 64), "relu", "normal", 1.3, sparsity=sparsity)
    assert zero_shares(stages) == [0.0] * 4
    np.testing.assert_array_equal(predicted(stages), without_zeros(stages))


# Fixed weights and kernels


def test_units_that_an_identity_leaves_out_are_zero():
    stages = [
        Stage(dense_law(4, 3, "normal", 1.0)),
        Stage(dense_law(3, 5, "identity", 1.0)),
        Stage(dense_law(5, 3, "normal", 1.0), "relu"),
    ]
    np.testing.assert_allclose(zero_shares(stages), [0, 2 / 5, 1 / 8], rtol=1e-12)
    assert predicted(stages)[1] == pytest.approx(3 / 5 * 1 / 2 * 3)


@pytest.mark.parametrize("law", [dense_law(4, 3, "constant", 0.0), dense_law(4, 3, "normal", 0.0)])
def test_weights_of_zero_leave_nothing_else(law):
    stages = [Stage(law), Stage(dense_law(3, 3, "normal", 1.0), "relu")]
    assert zero_shares(stages) == [1.0, 1.0]
    assert predicted(stages)[0] == 0
    assert predicted([stages[0], Stage(stages[1].law, "linear")])[0] == 3


def kernel_stages(phi, **claims):
    law = law_between(3, 3, "normal", 0.3, sides=(3, 3), **claims)
    return [Stage(law), Stage(law, phi), Stage(law, phi)]


def test_kernels_of_one_tap_fall_silent_as_dense_weights_do():
    dense = zero_shares(dense_stages((3, 3, 3, 3), "relu", "normal"))
    assert zero_shares(kernel_stages("relu", taps="centre")) == dense
    assert zero_shares(kernel_stages("relu")) == [0, 0, 0]


@pytest.mark.parametrize("phi", ["relu", "crelu"])
def test_gradients_through_sparse_kernels_are_refused(phi):
    stages = kernel_stages("relu", sparsity=0.5)
    forward = forward_second_moments(stages, np.ones((4, 4)))
    with pytest.raises(NotCoveredError, match="correlation of neighbours"):
        backward_second_moments(stages, forward)
    leaky = kernel_stages("leakyRelu", sparsity=0.5)
    assert (backward_second_moments(leaky, forward)[0] > 0).all()


@pytest.mark.parametrize("phi", ["sigmoid", "softplus"])
def test_units_that_do_not_vanish_at_zero_speak_there_too(phi):
    zero = Stage(dense_law(4, 4, "constant", 0.0))
    after = Stage(dense_law(4, 4, "normal", 0.5), phi)
    relu = Stage(dense_law(4, 4, "normal", 0.5), "relu")
    assert zero_shares([zero, after]) == [1, 0]
    assert zero_shares([zero, relu]) == [1, 1]
    assert zero_shares([relu, relu, after, after])[2:] == [0, 0]
    moment = forward_second_moments([zero, after], 1.0)[1]
    assert moment == pytest.approx(
        after.law.variance * 4 * float(after.activation.function(0.0)) ** 2
    )


def test_a_bias_speaks_where_all_before_it_is_silent():
    def layer(read, written, scale, *claims, **options):
        return Stage(dense_law(read, written, "normal", scale, dtype="float64"), *claims, **options)

    stages = [
        layer(4, 2, 0.5),
        layer(2, 2, 0.9, "relu"),
        layer(2, 12, 0.9, "leakyRelu(0.3)", bias_variance=0.5),
        layer(12, 12, 0.3, "relu"),
    ]
    assert zero_shares(stages)[:3] == [0, 1 / 4, 0]
    rng, gradients, silent = np.random.default_rng(5), [], []
    for _ in range(4000):
        outputs, found, _ = run(stages, np.ones((1, 4)), rng.standard_normal((1, 12)), rng)
        gradients.append(mean_squares(found)[:, 0])
        silent.append(not outputs[1].any())
    measured, silent = np.array(gradients).T, np.array(silent)
    expected = predicted(stages)
    assert np.abs(z_scores(measured, expected)).max() < 5
    # What a leaky unit passes at 0; mutants: nothing, and what it passes elsewhere.
    arriving = 0.9**2 * 12 * expected[2]
    at_zero = [
        z_scores(measured[1:2, silent], slope * arriving)[0]
        for slope in (0.3**2, 0, (1 + 0.3**2) / 2)
    ]
    assert abs(at_zero[0]) < 5
    assert min(np.abs(at_zero[1:])) > 10
    assert math.isclose(expected[1], (0.3**2 / 4 + (1 + 0.3**2) / 2 * 3 / 4) * arriving)


@pytest.mark.parametrize(
    ("stages", "kind", "message"),
    [
        (None, TypeError, "stages must be a sequence of Stage"),
        ([], ValueError, "stages must hold at least one"),
        (
            [Residual([Stage(dense_law(2, 2, "normal", 1.0), "relu")])],
            NotCoveredError,
            "without residual sums",
        ),
    ],
)
def test_shares_of_no_chain_are_refused(stages, kind, message):
    with pytest.raises(kind, match=message):
        zero_shares(stages)
